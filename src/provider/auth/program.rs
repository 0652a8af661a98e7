//! A program that prints a key: run without a shell, for so long, and heard for so much.

use std::io::Read as _;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

/// Whoever has to unlock a password store by hand needs some time for it.
pub(super) const PATIENCE: Duration = Duration::from_mins(1);

/// No key is longer than a header may be.
const LONGEST: u64 = 64 << 10;

/// How often it is looked whether a program that has said all has ended.
const GLANCE: Duration = Duration::from_millis(5);

/// What the program prints; `Err` says what went wrong, without anything that it printed. Each word
/// reaches it as it stands: no shell reads them.
pub(super) fn printed(words: &[String], patience: Duration) -> Result<String, String> {
    let Some((program, arguments)) = words.split_first() else {
        return Err("`api_key.command` is empty".to_owned());
    };
    let mut child = Command::new(program)
        .args(arguments)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::inherit())
        .spawn()
        .map_err(|why| format!("`{program}` cannot be run: {why}"))?;
    let heard = heard(&mut child, patience);
    if heard.is_err() {
        // It may have ended by itself meanwhile.
        let _ = child.kill();
        let _ = child.wait();
    }
    heard.map_err(|why| format!("`{program}` {why}"))
}

fn heard(child: &mut Child, patience: Duration) -> Result<String, String> {
    let stdout = child.stdout.take().ok_or("cannot be heard")?;
    let (told, hearing) = mpsc::sync_channel(1);
    // A program can keep its output open for ever, so whoever reads it must not be waited for.
    thread::spawn(move || {
        let mut bytes = Vec::new();
        let read = stdout.take(LONGEST + 1).read_to_end(&mut bytes);
        let _ = told.send(read.map(|_| bytes));
    });
    let late = || format!("did not end within {} s", patience.as_secs_f32());
    let bytes = hearing.recv_timeout(patience).map_err(|_| late())?;
    let bytes = bytes.map_err(|why| format!("cannot be heard: {why}"))?;
    if bytes.len() as u64 > LONGEST {
        return Err(format!("printed more than {} KiB, which is no key", LONGEST >> 10));
    }
    let glances = patience.as_millis() / GLANCE.as_millis();
    for _ in 0..=glances {
        match child.try_wait().map_err(|why| format!("cannot be waited for: {why}"))? {
            Some(status) if status.success() => {
                return String::from_utf8(bytes).map_err(|_| "printed what is no text".to_owned());
            }
            Some(status) => return Err(format!("ended with {status}")),
            None => thread::park_timeout(GLANCE),
        }
    }
    Err(late())
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;

    fn run(words: &[&str]) -> Result<String, String> {
        let words: Vec<String> = words.iter().map(|word| (*word).to_owned()).collect();
        printed(&words, Duration::from_millis(400))
    }

    #[test]
    fn no_shell_reads_the_words() {
        let words = ["printf", "%s|", "$HOME", "`id`", "a;b", "*", "$(id)", "> x", "~"];
        assert_eq!(run(&words).as_deref(), Ok("$HOME|`id`|a;b|*|$(id)|> x|~|"));
    }

    #[test]
    fn a_program_that_does_not_end_is_ended() {
        let late = "`sleep` did not end within 0.4 s";
        assert_eq!(run(&["sleep", "100"]), Err(late.to_owned()));
        let closed = run(&["sh", "-c", "echo sk-canary; exec >&-; exec sleep 100"]);
        assert_eq!(closed, Err("`sh` did not end within 0.4 s".to_owned()));
        let kept = run(&["sh", "-c", "sleep 2 & echo sk-canary"]);
        assert_eq!(kept, Err("`sh` did not end within 0.4 s".to_owned()));
    }

    #[test]
    fn what_is_too_much_is_no_key() {
        let endless = run(&["yes", "sk-canary"]).expect_err("too much");
        assert_eq!(endless, "`yes` printed more than 64 KiB, which is no key");
    }

    #[test]
    fn no_fault_shows_what_was_printed() {
        for (script, part) in [
            ("echo sk-canary; exit 3", "ended with exit status: 3"),
            ("printf 'sk-canary\\377'", "printed what is no text"),
        ] {
            let fault = run(&["sh", "-c", script]).expect_err(script);
            assert!(fault.contains(part) && !fault.contains("canary"), "{fault}");
        }
    }
}
