//! Why a run stopped with tasks left, and what to do, in words.

use std::fmt::Write as _;

use crate::call::duration::DurationText;
use crate::cli::exit::Ending;
use crate::cli::screen::clipped;
use crate::engine::budget::{Account, Scope, Shortage};
use crate::report::figures::count;
use crate::run::stopped::{Failing, Stopped, StoppedBy};

/// How the program ends when its run stopped.
pub fn ending(stopped: &Stopped) -> Ending {
    match stopped.by {
        StoppedBy::User => Ending::Interrupted,
        StoppedBy::Budget(_) | StoppedBy::Canary { .. } | StoppedBy::Deadline { .. } => {
            Ending::StoppedEarly
        }
    }
}

/// What is told of it.
pub fn told(stopped: &Stopped) -> String {
    let left = match stopped.left {
        1 => "1 task is left".to_owned(),
        more => format!("{} tasks are left", count(more)),
    };
    match &stopped.by {
        StoppedBy::User => {
            format!("interrupted: {left}; the same command with --resume goes on")
        }
        StoppedBy::Budget(shortage) => budget(&left, shortage),
        StoppedBy::Canary { max_error_rate, failing } => canary(&left, *max_error_rate, failing),
        StoppedBy::Deadline { limit, is_reached, parked } => {
            let limit = DurationText(*limit);
            let why = match is_reached {
                true => format!("`limits.deadline` ({limit}) is reached"),
                false => {
                    format!("what is left would have to wait beyond `limits.deadline` ({limit})")
                }
            };
            let mut text = format!("stopped: {why}; {left}");
            for (model, reason) in parked {
                let _ = write!(text, "\n  {}: {}", clipped(model), clipped(reason));
            }
            text.push_str("\nhelp: the same command with --resume goes on; to give it more time, raise `limits.deadline`");
            text
        }
    }
}

fn budget(left: &str, shortage: &Shortage) -> String {
    let Shortage { account, label, at_most } = shortage;
    let (whose, key) = match &account.scope {
        Scope::Run => ("the budget".to_owned(), "`budget.max_usd`, or --max-usd".to_owned()),
        Scope::Provider(name) => {
            let name = clipped(name);
            (format!("the budget of {name}"), format!("`providers.{name}.budget.max_usd`"))
        }
        Scope::Model(label) => {
            let label = clipped(label);
            (format!("the budget of {label}"), "the `budget.max_usd` of that model".to_owned())
        }
    };
    let Account { cap, spent, .. } = account;
    let label = clipped(label);
    let help = if *at_most > *cap {
        "state a smaller `max_tokens`, or raise"
    } else {
        "the same command with --resume goes on; raise"
    };
    format!(
        "stopped: {whose} of ${cap} is used up: ${spent} is spent, and the next call of {label} can \
         cost up to ${at_most}; {left}\nhelp: {help} {key}"
    )
}

fn canary(left: &str, max_error_rate: f64, failing: &[Failing]) -> String {
    let mut text = format!("stopped by the canary: nothing more is sent; {left}");
    for Failing { model, failed, judged, kind, example } in failing {
        let (model, example) = (clipped(model), clipped(example));
        let (failed, judged) = (count(*failed), count(*judged));
        let _ =
            write!(text, "\n  {model}: {failed} of {judged} failed, most with {kind}: {example}");
    }
    let _ = write!(
        text,
        "\nhelp: mend that, and the same command with --resume goes on; or, if so many errors are \
         all right, raise `canary.max_error_rate` ({max_error_rate})"
    );
    text
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::call::failure::FailureKind;

    fn deadline(is_reached: bool, parked: &[(&str, &str)]) -> Stopped {
        let owned = |(model, reason): &(&str, &str)| ((*model).to_owned(), (*reason).to_owned());
        let parked = parked.iter().map(owned).collect();
        let by = StoppedBy::Deadline { limit: Duration::from_mins(90), is_reached, parked };
        Stopped { by, left: 1200 }
    }

    #[test]
    fn a_deadline_is_told_with_what_is_left_and_who_waits() {
        let told_of = |is_reached, parked: &[(&str, &str)]| told(&deadline(is_reached, parked));
        let help = "\nhelp: the same command with --resume goes on; to give it more time, raise \
                    `limits.deadline`";
        let expected =
            format!("stopped: `limits.deadline` (1h30m) is reached; 1,200 tasks are left{help}");
        assert_eq!(told_of(true, &[]), expected);
        let expected = format!(
            "stopped: what is left would have to wait beyond `limits.deadline` (1h30m); 1,200 \
             tasks are left\n  m: it waits{help}"
        );
        assert_eq!(told_of(false, &[("m", "it waits")]), expected);
    }

    #[test]
    fn a_canary_is_told_with_each_model_and_its_most_frequent_error() {
        let failing = Failing {
            model: "m (top_p=1.0)".to_owned(),
            failed: 3,
            judged: 4,
            kind: FailureKind::BadRequest,
            example: "no such\nthing\u{1b}[2J".to_owned(),
        };
        let by = StoppedBy::Canary { max_error_rate: 0.1, failing: vec![failing] };
        let expected = "stopped by the canary: nothing more is sent; 1 task is left\n  \
                        m (top_p=1.0): 3 of 4 failed, most with BadRequestError: no such thing [2J\n\
                        help: mend that, and the same command with --resume goes on; or, if so many \
                        errors are all right, raise `canary.max_error_rate` (0.1)";
        assert_eq!(told(&Stopped { by, left: 1 }), expected);
    }
}
