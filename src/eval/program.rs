//! `command`: a program of the user's says how good an answer is. What it says, read.

use serde_json::Value;

use crate::call::score::{Score, ScoreState};

use super::note;

/// What a program wrote to stdout, as a score that passes from `threshold` on where the program
/// does not say.
pub fn read(stdout: &str, threshold: Option<f64>) -> Score {
    let said = stdout.trim();
    let passes = |value: f64| threshold.map(|least| value >= least);
    let value: Value = match serde_json::from_str(said) {
        Ok(value) => value,
        Err(_) if said.is_empty() => return Score::broken("the program said nothing"),
        Err(_) => return unreadable(said),
    };
    match &value {
        Value::Bool(pass) => Score::verdict(*pass),
        Value::Number(number) => match number.as_f64() {
            Some(number) if (0.0..=1.0).contains(&number) => Score::of(number, passes(number)),
            _ => Score::broken(format!("the program said {number}, which is not from 0 to 1")),
        },
        Value::Object(fields) => {
            let note = fields.get("note").or_else(|| fields.get("reason")).and_then(Value::as_str);
            let pass = fields.get("pass").and_then(Value::as_bool);
            let number = fields.get("value").or_else(|| fields.get("score"));
            let score = match (number.and_then(Value::as_f64), pass) {
                (Some(number), _) if !(0.0..=1.0).contains(&number) => {
                    Score::broken(format!("the program said {number}, which is not from 0 to 1"))
                }
                (Some(number), pass) => Score::of(number, pass.or_else(|| passes(number))),
                (None, Some(pass)) => Score::verdict(pass),
                (None, None) => match number {
                    Some(Value::Null) => Score::skipped("the program skipped it"),
                    _ => return unreadable(said),
                },
            };
            match note.filter(|_| score.state != ScoreState::Broken) {
                Some(note) => score.with_note(note),
                None => score,
            }
        }
        _ => unreadable(said),
    }
}

fn unreadable(said: &str) -> Score {
    Score::broken(format!(
        "the program's answer is no score: {}; write a number from 0 to 1, true or false, or \
         {{\"value\": 0.5}}",
        note::quoted(said)
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_program_may_answer_in_several_forms() {
        for (said, value, pass) in [
            ("0.25\n", Some(0.25), Some(false)),
            ("1", Some(1.0), Some(true)),
            ("true", Some(1.0), Some(true)),
            (r#"{"value": 0.9, "pass": false, "note": "x"}"#, Some(0.9), Some(false)),
            (r#"{"score": 0.9}"#, Some(0.9), Some(true)),
            (r#"{"pass": false}"#, Some(0.0), Some(false)),
            (r#"{"value": null, "note": "no reference"}"#, None, None),
            ("7", None, None),
            ("", None, None),
            ("fine", None, None),
            ("[]", None, None),
        ] {
            let score = read(said, Some(0.5));
            assert_eq!((score.value, score.pass), (value, pass), "{said}");
        }
    }
}
