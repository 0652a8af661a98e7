//! Log lines, by `tracing`: what is said, and in which form.

use tracing_subscriber::EnvFilter;
use tracing_subscriber::filter::LevelFilter;
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;

use crate::cli::context::{Common, LogFormat};
use crate::cli::exit::CliError;
use crate::cli::screen::Screen;
use crate::provider::env::Env;

/// Variables that say what is logged; the second is read where the first is not set.
const VARIABLES: [&str; 2] = ["RUNNER_LOG", "LITELLM_LOG"];

/// Starts logging to stderr.
pub fn start(common: &Common, screen: &Screen, env: &Env) -> Result<(), CliError> {
    let filter = filter(common, env)?;
    let lines = tracing_subscriber::fmt::layer()
        .with_writer(screen.clone())
        .with_ansi(screen.is_colored())
        .with_target(false);
    let registry = tracing_subscriber::registry().with(filter);
    let started = match common.log_format {
        LogFormat::Text => registry.with(lines).try_init(),
        LogFormat::Json => registry.with(lines.json().flatten_event(true)).try_init(),
    };
    // Whoever embeds the program may have a subscriber of their own.
    let _ = started;
    Ok(())
}

fn filter(common: &Common, env: &Env) -> Result<EnvFilter, CliError> {
    let by_flag = match (common.quiet, common.verbose) {
        (true, _) => Some("error"),
        (false, 0) => None,
        (false, 1) => Some("info"),
        (false, _) => Some("debug"),
    };
    if let Some(level) = by_flag {
        return Ok(EnvFilter::new(level));
    }
    let stated = VARIABLES.iter().find_map(|name| Some((*name, env.get(name)?)));
    let Some((name, text)) = stated else { return Ok(EnvFilter::new("warn")) };
    let directives = match text.trim().to_uppercase().as_str() {
        "WARNING" => "warn".to_owned(),
        "CRITICAL" => "error".to_owned(),
        _ => text.trim().to_owned(),
    };
    let fault = || {
        CliError::usage(
            format!("`{name}={text}` is no log level and no filter"),
            "set it to DEBUG, INFO, WARNING or ERROR, or to a filter such as `runner=debug`",
        )
    };
    let is_word = directives.chars().all(|c| c.is_ascii_alphabetic());
    if is_word && directives.parse::<LevelFilter>().is_err() {
        // A word alone would be taken for the name of a target, and silence everything.
        return Err(fault());
    }
    EnvFilter::try_new(directives).map_err(|_| fault())
}
