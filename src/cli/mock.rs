//! `runner mock`: serves the built-in provider on loopback, for trying jobs and for tests.

use std::path::{Path, PathBuf};

use clap::Args;

use crate::cli::context::{Context, runtime};
use crate::cli::exit::{CliError, Ending};
use crate::cli::signals;
use crate::engine::stop::Stopper;
use crate::mock::script::Script;
use crate::mock::server::Mock;

/// Examples at the end of the help.
pub const EXAMPLES: &str = "\
Examples:
  runner mock --port 8080
  runner mock --script slow.toml    its keys are those of [providers.mock]
  OPENAI_BASE_URL=http://127.0.0.1:8080/v1 OPENAI_API_KEY=any runner jobs/mine.toml
  ANTHROPIC_BASE_URL=http://127.0.0.1:8080 ANTHROPIC_API_KEY=any runner jobs/mine.toml

Each dialect answers at its vendor's own paths, below http://127.0.0.1:PORT: OpenAI's chat
completions and Responses (at /v1), Azure, Anthropic, Gemini and Vertex AI, Cohere, Bedrock's
Converse, and Ollama; embeddings at all that have them. The list of models is there too; any other
name is answered as well.";

/// Options of `mock`.
#[derive(Debug, Args)]
pub struct MockArgs {
    /// The port; 0 takes a free one.
    #[arg(long, value_name = "N", default_value_t = 0)]
    port: u16,
    /// A TOML file that says how it behaves: latency, faults, limits, answers, seed.
    #[arg(long, value_name = "FILE")]
    script: Option<PathBuf>,
}

/// Runs the command.
pub fn main(args: &MockArgs, context: &Context) -> Result<Ending, CliError> {
    let script = args.script.as_deref().map_or_else(|| Ok(Script::default()), read)?;
    runtime()?.block_on(async {
        let mock = Mock::start(script, args.port).await.map_err(|why| {
            CliError::world("start the built-in provider", why)
                .with_help("choose another --port, or 0 for a free one")
        })?;
        context.print(&format!("{}\n", mock.base_url()))?;
        context.screen.say(&format!(
            "serving every dialect: OpenAI at this URL, the others at http://127.0.0.1:{}; \
             Ctrl-C ends it",
            mock.port()
        ));
        let stopper = Stopper::default();
        let mut stop = stopper.heard();
        let stopped = async {
            tokio::select! {
                () = signals::listen_silently(&stopper) => {}
                () = stop.draining() => {}
            }
        };
        let stats = mock.run_until(stopped).await;
        context.screen.say(&format!("served {} requests", stats.requests));
        Ok(Ending::Done)
    })
}

fn read(path: &Path) -> Result<Script, CliError> {
    let shown = path.display();
    let text = std::fs::read_to_string(path).map_err(|why| {
        CliError::usage(format!("failed to read `{shown}`: {why}"), "name a TOML file")
    })?;
    let mut script: Script = toml::from_str(&text).map_err(|why| {
        let place = format!("failed to read `{shown}`: {why}");
        CliError::usage(place.trim_end().to_owned(), "its keys are those of [providers.mock]")
    })?;
    if let Some((key, message)) = script.faults().into_iter().next() {
        let message = format!("`{key}` in `{shown}`: {message}");
        return Err(CliError::usage(message, "mend the value"));
    }
    if let (Some(answers), Some(folder)) = (&script.answers, path.parent()) {
        script.answers = Some(folder.join(answers));
    }
    Ok(script)
}
