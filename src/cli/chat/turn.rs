//! One turn of the talk: an answer as it comes, which Ctrl-C can stop.

use tokio::signal::ctrl_c;

use crate::call::completion::Completion;
use crate::call::failure::Failure;
use crate::call::request::Request;
use crate::cli::ask::say;
use crate::cli::exit::CliError;
use crate::client::Client;

/// What came of a turn.
pub(super) enum Turned {
    /// An answer.
    Answered(Box<Completion>),
    /// Ctrl-C, after this was said.
    Stopped(String),
    /// A failure, after this was said.
    Failed(Failure, String),
}

/// Asks, and prints the answer as it comes; also whether anybody still reads it. Stopping drops
/// the call.
pub(super) async fn take(client: &Client, request: Request) -> Result<(Turned, bool), CliError> {
    let mut said = String::new();
    let answering = async {
        let mut stream = match client.completion_stream(request).await {
            Ok(stream) => stream,
            Err(failure) => return Ok((Err(failure), true)),
        };
        let mut is_heard = true;
        while let Some(piece) = stream.next().await {
            said.push_str(&piece);
            is_heard = is_heard && say(&piece)?;
        }
        Ok((stream.completion(), is_heard))
    };
    let answered: Result<_, CliError> = tokio::select! {
        biased;
        _ = ctrl_c() => None,
        answered = answering => Some(answered),
    }
    .transpose();
    let answered = answered?;
    if !said.is_empty() && !said.ends_with('\n') {
        say("\n")?;
    }
    Ok(match answered {
        None => (Turned::Stopped(said), true),
        Some((Ok(completion), is_heard)) => (Turned::Answered(Box::new(completion)), is_heard),
        Some((Err(failure), is_heard)) => (Turned::Failed(failure, said), is_heard),
    })
}
