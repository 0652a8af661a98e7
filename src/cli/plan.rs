//! `runner plan JOB.toml`: what would be sent, and how long it would take at the limits. Sends
//! nothing and needs no key.

use std::path::{Path, PathBuf};

use clap::{Args, ValueEnum};
use serde_json::{Value, json};

use crate::call::task::Target;
use crate::cli::context::Context;
use crate::cli::diagnose;
use crate::cli::exit::{CliError, Ending};
use crate::cli::run::{Choice, read};
use crate::job::forecast::{Forecast, TargetForecast};
use crate::job::plan::Plan;
use crate::report::figures::count;
use crate::report::terminal;

/// Examples at the end of the help.
pub const EXAMPLES: &str = "\
Examples:
  runner plan jobs/nightly.toml
  runner plan jobs/nightly.toml --models 'gpt-*' --format json";

/// Options of `plan`.
#[derive(Debug, Args)]
pub struct PlanArgs {
    /// The job file.
    #[arg(value_name = "JOB.toml")]
    job: PathBuf,
    /// What to plan.
    #[command(flatten)]
    choice: Choice,
    /// How the plan is printed.
    #[arg(long, value_name = "FORM", default_value = "table")]
    format: Format,
}

/// How a plan is printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// For people.
    Table,
    /// For programs.
    Json,
}

/// Runs the command.
pub fn main(args: &PlanArgs, context: &Context) -> Result<Ending, CliError> {
    show(&args.job, &args.choice, args.format, context)
}

/// Plans a job and prints what would be sent.
pub fn show(
    path: &Path,
    choice: &Choice,
    format: Format,
    context: &Context,
) -> Result<Ending, CliError> {
    let job = read(path, &choice.sets, context)?;
    let plan = Plan::make(&job, &choice.selection())
        .map_err(|faults| diagnose::error(&job.document, &faults, &context.screen))?;
    let forecast = plan.forecast();
    let text = match format {
        Format::Table => table(&forecast),
        Format::Json => format!("{:#}\n", as_json(&job.name, &forecast)),
    };
    context.print(&text)?;
    Ok(Ending::Done)
}

const HEADER: [&str; 6] =
    ["model", "tasks", "input tokens", "output tokens, at most", "minutes", "bound by"];

fn table(forecast: &Forecast) -> String {
    let line = |target: &TargetForecast| {
        [
            name(target),
            count(target.tasks),
            format!("~{}", count(target.input_tokens)),
            format!("~{}", count(target.output_tokens)),
            minutes(target.minutes),
            target.binds.clone().unwrap_or_else(|| "no limit".to_owned()),
        ]
    };
    let mut lines: Vec<_> = forecast.targets.iter().map(line).collect();
    lines.push([
        "all".to_owned(),
        count(forecast.tasks),
        format!("~{}", count(forecast.input_tokens)),
        format!("~{}", count(forecast.output_tokens)),
        minutes(forecast.minutes),
        String::new(),
    ]);
    let table = terminal::draw(HEADER, lines);
    let mut text =
        format!("{table}\n\ntokens are estimates; minutes are what the stated limits alone take\n");
    let mut told: Vec<&str> = Vec::new();
    for TargetForecast { target, .. } in &forecast.targets {
        // The combinations of a matrix share the fallbacks of their model.
        if !target.fallbacks.is_empty() && !told.contains(&&*target.label) {
            told.push(&target.label);
            let names = fallbacks(target).join(", then ");
            text.extend([&target.label, " falls back on ", &names, "\n"]);
        }
    }
    text
}

/// Who is asked when a target cannot answer.
fn fallbacks(target: &Target) -> Vec<String> {
    target.fallbacks.iter().map(|fallback| fallback.target.model_used().to_string()).collect()
}

fn name(target: &TargetForecast) -> String {
    match &target.target.variant {
        Some(variant) => format!("{} {variant}", target.target.label),
        None => target.target.label.to_string(),
    }
}

fn minutes(minutes: f64) -> String {
    match minutes {
        none if none <= 0.0 => "-".to_owned(),
        short if short < 0.1 => "< 0.1".to_owned(),
        long => format!("{long:.1}"),
    }
}

fn as_json(job: &str, forecast: &Forecast) -> Value {
    let target = |target: &TargetForecast| {
        json!({
            "model": target.target.label,
            "variant": target.target.variant,
            "model_used": target.target.model_used(),
            "tasks": target.tasks,
            "input_tokens": target.input_tokens,
            "output_tokens_max": target.output_tokens,
            "minutes": target.minutes,
            "bound_by": target.binds,
            "fallbacks": fallbacks(&target.target),
        })
    };
    json!({
        "job": job,
        "tasks": forecast.tasks,
        "input_tokens": forecast.input_tokens,
        "output_tokens_max": forecast.output_tokens,
        "minutes": forecast.minutes,
        "tokens_source": "estimated",
        "models": forecast.targets.iter().map(target).collect::<Vec<_>>(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::job::load::load_text;
    use crate::job::select::Selection;
    use crate::provider::env::Env;

    #[test]
    fn fallbacks_are_named_once_for_each_model() {
        let text = "name = 'x'\nmatrix = { seed = [1, 2] }\n\
                    [[models]]\nmodel = 'mock/a'\nlabel = 'first'\nfallbacks = ['b', 'mock/c']\n\
                    [[models]]\nmodel = 'mock/b'\nlabel = 'b'\n[prompts.a]\ninline = ['hi']\n";
        let job = load_text(Path::new("x.toml"), text, &[], &Env::of([])).expect("a good job");
        let forecast = Plan::make(&job, &Selection::default()).expect("a plan").forecast();
        let told = table(&forecast);
        assert!(told.ends_with("alone take\nfirst falls back on mock/b, then mock/c\n"), "{told}");
        let told = as_json("x", &forecast);
        assert_eq!(told["models"][1]["fallbacks"], json!(["mock/b", "mock/c"]));
        assert_eq!(told["models"][3]["fallbacks"], json!([]));
    }
}
