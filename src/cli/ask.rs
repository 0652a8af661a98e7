//! `runner --model M --message TEXT`: one completion, streamed to stdout.

use std::io::{IsTerminal as _, Read as _, Write as _};

use clap::Args;
use serde_json::Value;

use crate::call::failure::{Failure, FailureKind};
use crate::call::request::Request;
use crate::cli::context::{Context, runtime};
use crate::cli::exit::{CliError, Ending};
use crate::client::Client;

/// Examples at the end of the help.
pub const EXAMPLES: &str = "\
Examples:
  runner --model gpt-4o-mini --message \"Say hello\"
  git diff | runner --model claude-sonnet-5 --system \"Review this\" --message -
  runner --model groq/llama-3.3-70b --message Hi --param temperature=0 --json";

/// Options of one completion.
#[derive(Debug, Args)]
pub struct AskArgs {
    /// The model: a bare name, or provider/name.
    #[arg(long, value_name = "M")]
    model: String,
    /// What to say; `-` reads standard input.
    #[arg(long, value_name = "TEXT")]
    message: String,
    /// The system message.
    #[arg(long, value_name = "TEXT")]
    system: Option<String>,
    /// A parameter by its OpenAI name, as in `--param temperature=0`; may be repeated.
    #[arg(long = "param", value_name = "KEY=VALUE")]
    params: Vec<String>,
    /// Print the whole answer as OpenAI's JSON, once it is there.
    #[arg(long)]
    json: bool,
}

/// Runs the command.
pub fn main(args: AskArgs, context: &Context) -> Result<Ending, CliError> {
    let json = args.json;
    let request = request(args)?;
    let client = Client::with_env(context.env.clone());
    runtime()?.block_on(async {
        if json {
            let answered = client.response(request).await;
            let response = answered.map_err(|rejected| failed(&rejected.failure))?;
            context.print(&format!("{}\n", response.body.get()))?;
            return Ok(Ending::Done);
        }
        let mut stream = client.completion_stream(request).await.map_err(|why| failed(&why))?;
        while let Some(text) = stream.next().await {
            say(&text)?;
        }
        say("\n")?;
        stream.completion().map_err(|why| failed(&why))?;
        Ok(Ending::Done)
    })
}

fn request(args: AskArgs) -> Result<Request, CliError> {
    let mut request = Request::new(args.model);
    if let Some(system) = args.system {
        request = request.system(system);
    }
    let message = match args.message.as_str() {
        "-" => {
            let mut text = String::new();
            let read = std::io::stdin().read_to_string(&mut text);
            read.map_err(|why| {
                CliError::usage(format!("failed to read standard input: {why}"), "send UTF-8 text")
            })?;
            text
        }
        _ => args.message,
    };
    request = request.user(message);
    for param in &args.params {
        let Some((name, value)) = param.split_once('=') else {
            let message = format!("`--param {param}` wants KEY=VALUE");
            return Err(CliError::usage(message, "such as --param temperature=0"));
        };
        // JSON where it is some, else the plain text.
        let value = serde_json::from_str(value).unwrap_or_else(|_| Value::String(value.to_owned()));
        request = request.param(name.trim(), value);
    }
    Ok(request)
}

/// Prints a piece of the answer as soon as it is there. What would steer a terminal does not reach
/// one.
fn say(text: &str) -> Result<(), CliError> {
    let mut stdout = std::io::stdout().lock();
    let is_harmless = |c: &char| !c.is_control() || matches!(c, '\n' | '\t');
    let written = if stdout.is_terminal() {
        let harmless: String = text.chars().filter(is_harmless).collect();
        stdout.write_all(harmless.as_bytes())
    } else {
        stdout.write_all(text.as_bytes())
    };
    written.and_then(|()| stdout.flush()).map_err(|why| CliError::world("write to stdout", why))
}

/// A call that did not succeed: nothing was sent, or the provider failed.
fn failed(failure: &Failure) -> CliError {
    let was_sent = failure.http_status.is_some();
    match failure.kind {
        FailureKind::BadRequest | FailureKind::UnsupportedParams | FailureKind::Authentication
            if !was_sent =>
        {
            let (message, help) =
                failure.message.split_once("; ").unwrap_or((&failure.message, "see runner --help"));
            CliError::usage(message, help)
        }
        _ => CliError::Call(failure.to_string()),
    }
}
