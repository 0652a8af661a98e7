//! `runner schema`: the JSON Schema of job files, of the lines of `responses.jsonl`, or of
//! `summary.json`.

use clap::{Args, ValueEnum};
use serde_json::Value;

use crate::call::record::Record;
use crate::cli::context::Context;
use crate::cli::exit::{CliError, Ending};
use crate::job::schema::job_schema;
use crate::report::summary::Summary;

/// Examples at the end of the help.
pub const EXAMPLES: &str = "\
Examples:
  runner schema job > schemas/job.schema.json
  runner schema record";

/// Options of `schema`.
#[derive(Debug, Args)]
pub struct SchemaArgs {
    /// Of what.
    #[arg(value_name = "WHAT", default_value = "job")]
    what: What,
}

/// What there is a schema of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum What {
    /// A job file.
    Job,
    /// A line of responses.jsonl.
    Record,
    /// summary.json.
    Summary,
}

/// Runs the command.
pub fn main(args: &SchemaArgs, context: &Context) -> Result<Ending, CliError> {
    context.print(&schema(args.what))?;
    Ok(Ending::Done)
}

/// The schema as text, as the files in `schemas/` hold it.
pub fn schema(what: What) -> String {
    let schema: Value = match what {
        What::Job => job_schema().clone(),
        What::Record => schemars::schema_for!(Record).to_value(),
        What::Summary => schemars::schema_for!(Summary).to_value(),
    };
    let text = serde_json::to_string_pretty(&schema).expect("a schema is JSON");
    format!("{text}\n")
}
