//! `runner doctor`: whether each provider is set up, a line each.

mod examine;

use std::time::Duration;

use clap::Args;
use futures::StreamExt as _;
use futures::stream::FuturesOrdered;
use tokio::time::Instant;

use crate::call::duration::parse_duration;
use crate::cli::context::{Context, runtime};
use crate::cli::doctor::examine::{Doctor, Finding, Subject};
use crate::cli::exit::{CliError, Ending};
use crate::provider::auth::KeySource;
use crate::provider::catalog::{Catalog, MOCK, Row};
use crate::provider::env::Env;

/// Examples at the end of the help.
pub const EXAMPLES: &str = "\
Examples:
  runner doctor                        every provider whose key or base URL is set
  runner doctor groq anthropic         these providers: their lists of models are asked for
  runner doctor gpt-4o-mini groq/llama-3.3-70b-versatile    these models: a few tokens each
  runner doctor --json                 an array of what was found

The exit code is 0 when all is well, and 3 when something is not.";

/// All is told within ten seconds, whatever the providers do; the rest is for start and end.
const DEADLINE: Duration = Duration::from_millis(9_500);

/// A server on this machine that nobody named is there when it answers within this time.
const NEARBY: Duration = Duration::from_secs(1);

/// Options of `doctor`.
#[derive(Debug, Args)]
pub struct DoctorArgs {
    /// Models, or names of providers; every provider that is set up when left out.
    #[arg(value_name = "MODEL")]
    names: Vec<String>,
    /// Print an array of objects: name, kind, ok, `latency_ms`, note, error, help.
    #[arg(long)]
    json: bool,
    /// All is told within this time; 10 seconds when left out.
    #[arg(long, value_name = "TIME", value_parser = parse_duration)]
    within: Option<Duration>,
}

/// Runs the command.
pub fn main(args: &DoctorArgs, context: &Context) -> Result<Ending, CliError> {
    let doctor = Doctor::new(context.env.clone());
    context.screen.conceal(doctor.redactor());
    let subjects = subjects(&args.names, doctor.catalog(), &context.env);
    let runtime = runtime()?;
    let found = runtime.block_on(visit(&doctor, &subjects, args, context));
    // A name server that does not answer must not keep the program.
    runtime.shutdown_background();
    let found = found?;
    if args.json {
        let all: Vec<_> = found.iter().map(Finding::json).collect();
        context.print(&format!("{:#}\n", serde_json::Value::Array(all)))?;
    }
    if found.is_empty() {
        context.screen.say(NOTHING);
    }
    let is_well = !found.is_empty() && found.iter().all(Finding::is_well);
    Ok(if is_well { Ending::Done } else { Ending::SomeFailed })
}

/// What is said where no provider is set up.
const NOTHING: &str = "\
no provider is set up: no variable that holds a key is set
help: export OPENAI_API_KEY=..., ANTHROPIC_API_KEY=..., GEMINI_API_KEY=... or that of another \
provider, or write it into a .env file here; `runner doctor PROVIDER` says which one it wants";

/// Examines all at once, and prints each in its turn as soon as it is known.
async fn visit(
    doctor: &Doctor,
    subjects: &[Subject],
    args: &DoctorArgs,
    context: &Context,
) -> Result<Vec<Finding>, CliError> {
    let deadline = Instant::now() + args.within.unwrap_or(DEADLINE);
    let sure = subjects.iter().filter(|subject| !subject.is_guess);
    let width = sure.map(|subject| subject.name.chars().count()).max().unwrap_or(0);
    let examined = subjects.iter().map(|subject| async move {
        let until = if subject.is_guess { Instant::now() + NEARBY } else { deadline };
        let finding = doctor.examine(subject, until).await;
        (finding.is_well() || !subject.is_guess).then_some(finding)
    });
    let mut examined: FuturesOrdered<_> = examined.collect();
    let mut found = Vec::new();
    while let Some(finding) = examined.next().await {
        let Some(finding) = finding else { continue };
        if !args.json {
            context.print(&format!("{}\n", finding.line(width)))?;
        }
        found.push(finding);
    }
    Ok(found)
}

/// What is named, or else every provider that is set up, and servers that may be on this machine.
fn subjects(names: &[String], catalog: &Catalog, env: &Env) -> Vec<Subject> {
    if names.is_empty() {
        let of_row = |(name, row): (&str, &Row)| {
            let is_set = env.first(&row.base_url_env).is_some() || row.opened_by(env).is_some();
            let is_guess = !is_set;
            (is_set || is_nearby(row)).then(|| Subject {
                name: name.to_owned(),
                is_model: false,
                is_guess,
            })
        };
        return catalog.rows().filter_map(of_row).collect();
    }
    let of_name = |name: &String| Subject {
        name: name.clone(),
        is_model: name != MOCK && catalog.find(name).is_none(),
        is_guess: false,
    };
    names.iter().map(of_name).collect()
}

/// Whether a provider is at home on this machine and asks for no key.
fn is_nearby(row: &Row) -> bool {
    let host = row.base_url.strip_prefix("http://").unwrap_or_default();
    let is_loopback = host.starts_with("localhost") || host.starts_with("127.");
    is_loopback && !matches!(row.key_source(), KeySource::Env(_))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn env(variables: &[(&str, &str)]) -> Env {
        Env::of(variables.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())))
    }

    #[test]
    fn what_is_set_up_is_examined_and_what_may_be_nearby_is_tried() {
        let env = env(&[("GROQ_API_KEY", "k"), ("LLAMAFILE_API_BASE", "http://127.0.0.1:1/v1")]);
        let found = subjects(&[], &Catalog::builtin(), &env);
        let named = |is_guess| {
            let of = found.iter().filter(move |subject| subject.is_guess == is_guess);
            of.map(|subject| subject.name.as_str()).collect::<Vec<_>>()
        };
        assert_eq!(named(false), ["groq", "llamafile"]);
        assert!(named(true).contains(&"ollama"), "{:?}", named(true));
    }

    #[tokio::test(start_paused = true)]
    async fn a_provider_that_hangs_is_told_within_ten_seconds() {
        // The system takes connections to it, and nobody answers.
        let silent = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
        let url = format!("http://{}/v1", silent.local_addr().expect("an address"));
        let doctor = Doctor::new(env(&[("OPENAI_API_KEY", "k"), ("OPENAI_BASE_URL", &url)]));
        let start = Instant::now();
        for (name, is_model) in [("openai", false), ("gpt-4", true)] {
            let subject = Subject { name: name.to_owned(), is_model, is_guess: false };
            let finding = doctor.examine(&subject, Instant::now() + DEADLINE).await;
            let line = finding.line(6);
            assert!(
                line.starts_with("❌ ") && line.contains("Timeout: no answer in time"),
                "{line}"
            );
            assert!(line.contains(&url), "{line}");
        }
        assert!(start.elapsed() < Duration::from_secs(20), "{:?}", start.elapsed());
    }
}
