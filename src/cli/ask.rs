//! `runner --model M --message TEXT`: one completion, streamed to stdout.

use std::io::{ErrorKind, IsTerminal as _, Read as _, Write as _};
use std::path::Path;

use clap::Args;
use serde_json::Value;
use tokio::time::Instant;

use crate::call::failure::{Failure, FailureKind};
use crate::call::request::Request;
use crate::call::usage::Usage;
use crate::cli::advice::Setup;
use crate::cli::context::{Context, runtime};
use crate::cli::exit::{CliError, Ending};
use crate::cli::screen::harmless;
use crate::client::Client;
use crate::job::pictures;
use crate::provider::catalog::Catalog;

/// Examples at the end of the help.
pub const EXAMPLES: &str = "\
Examples:
  runner --model gpt-4o-mini --message \"Say hello\"
  git diff | runner --model claude-sonnet-5 --system \"Review this\" --message -
  runner --model groq/llama-3.3-70b --message Hi --param temperature=0 --json
  runner --model gemini-2.5-flash --message \"What is this?\" --image cat.png
  runner --model mock/echo --message Hi    the built-in provider: no key, no network";

/// Options of one completion.
#[derive(Debug, Args)]
pub struct AskArgs {
    /// The model: a bare name, or provider/name.
    #[arg(long, value_name = "M")]
    model: String,
    /// What to say; `-` reads standard input.
    #[arg(long, value_name = "TEXT", allow_hyphen_values = true)]
    message: String,
    /// The system message.
    #[arg(long, value_name = "TEXT")]
    system: Option<String>,
    /// A picture that goes with the message: a path or a URL; may be repeated.
    #[arg(long = "image", value_name = "PATH|URL")]
    images: Vec<String>,
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
    context.screen.conceal(client.redactor());
    let runtime = runtime()?;
    let ended = runtime.block_on(async {
        let (model, start) = (request.model.clone(), Instant::now());
        let answered = match json {
            true => whole(&client, request, context).await?,
            false => streamed(&client, request).await?,
        };
        let failure = match answered {
            Ok(usage) => {
                log_usage(usage.as_ref(), start);
                return Ok(Ending::Done);
            }
            Err(failure) => failure,
        };
        Err(explained(&failure, &client, &model, context).await)
    });
    // A name server that does not answer must not keep the program.
    runtime.shutdown_background();
    ended
}

/// What came of a call: the tokens it took, or why it failed.
type Answered = Result<Option<Usage>, Failure>;

async fn whole(client: &Client, request: Request, context: &Context) -> Result<Answered, CliError> {
    Ok(match client.response(request).await {
        Ok(response) => {
            context.print(&format!("{}\n", response.body.get()))?;
            Ok(response.usage)
        }
        Err(rejected) => Err(rejected.failure),
    })
}

async fn streamed(client: &Client, request: Request) -> Result<Answered, CliError> {
    let mut stream = match client.completion_stream(request).await {
        Ok(stream) => stream,
        Err(failure) => return Ok(Err(failure)),
    };
    while let Some(text) = stream.next().await {
        if !say(&text)? {
            return Ok(Ok(None));
        }
    }
    let completion = stream.completion();
    let said = completion.as_ref().ok().and_then(|completion| completion.choices.first());
    say(said.map_or("", |choice| choice.message.declined()))?;
    say("\n")?;
    Ok(completion.map(|completion| completion.usage))
}

fn log_usage(usage: Option<&Usage>, start: Instant) {
    let tokens = |count: Option<u64>| count.map_or_else(|| "unknown".to_owned(), |n| n.to_string());
    let prompt_tokens = tokens(usage.and_then(Usage::prompt_tokens));
    let completion_tokens = tokens(usage.and_then(Usage::completion_tokens));
    let latency_ms = start.elapsed().as_millis();
    tracing::info!(%prompt_tokens, %completion_tokens, %latency_ms, "answered");
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
    if message.trim().is_empty() {
        let help = "write it after --message, or send it to standard input with `--message -`";
        return Err(CliError::usage("the message is empty", help));
    }
    let mut request = request.user(message);
    for image in &args.images {
        let url = pictures::url(image, Path::new("")).map_err(|why| {
            CliError::usage(why.message, "name a picture by its path from here, or by its URL")
        })?;
        request = request.picture(&url);
    }
    with_params(request, &args.params)
}

/// The request with parameters as a command line has them: `temperature=0`.
pub(super) fn with_params(mut request: Request, params: &[String]) -> Result<Request, CliError> {
    for param in params {
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

/// Prints a piece of the answer as soon as it is there; whether anybody still reads. What would
/// steer a terminal does not reach one.
pub(super) fn say(text: &str) -> Result<bool, CliError> {
    let mut stdout = std::io::stdout().lock();
    let written = match stdout.is_terminal() {
        true => stdout.write_all(harmless(text).as_bytes()),
        false => stdout.write_all(text.as_bytes()),
    };
    match written.and_then(|()| stdout.flush()) {
        Ok(()) => Ok(true),
        Err(why) if why.kind() == ErrorKind::BrokenPipe => Ok(false),
        Err(why) => Err(CliError::world("write to stdout", why)),
    }
}

/// A call that did not succeed, with what to do: nothing was sent, or the provider failed.
pub(super) async fn explained(
    failure: &Failure,
    client: &Client,
    model: &str,
    context: &Context,
) -> CliError {
    let was_sent = failure.http_status.is_some();
    match failure.kind {
        FailureKind::BadRequest | FailureKind::UnsupportedParams | FailureKind::Authentication
            if !was_sent =>
        {
            let (message, help) =
                failure.message.split_once("; ").unwrap_or((&failure.message, "see runner --help"));
            return CliError::usage(message, help);
        }
        _ => {}
    }
    let asked = client.check(&Request::new(model)).await;
    let setup = asked.map_or_else(
        |_| Setup::default(),
        |asked| Setup::of(&asked.provider, &Catalog::builtin(), &context.env),
    );
    CliError::Call(match setup.help(failure) {
        Some(help) => format!("{failure}\nhelp: {help}"),
        None => failure.to_string(),
    })
}
