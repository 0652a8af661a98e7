//! A program of the user's that scores: started without a shell, given the case on stdin, and not
//! waited for longer than the job says.

use std::path::{Path, PathBuf};
use std::process::{ExitStatus, Stdio};

use serde::Serialize;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::process::{Child, Command};
use tokio::time::timeout;

use crate::call::record::Record;
use crate::call::score::{Score, Scores};
use crate::eval::program::read;
use crate::job::scorers::Program;
use crate::run::scoring::answers::Answer;

/// The most that is read of what a program says.
const MOST: u64 = 1 << 20;

/// The most characters of an error that a note shows.
const SHOWN: usize = 200;

/// A case on its way to a program.
pub(super) struct Trial {
    program: Program,
    folder: PathBuf,
    case: Vec<u8>,
    /// A hash of the program's words and the case, by which a score is known to be still true.
    pub(super) made_of: String,
}

/// What a program gets on stdin.
#[derive(Serialize)]
struct Case<'a> {
    /// The text of the answer.
    output: &'a str,
    /// The last thing that the user said.
    input: String,
    /// What was expected, where the job states a `value`.
    expected: Option<&'a String>,
    /// The row, by column.
    columns: Option<&'a serde_json::Map<String, serde_json::Value>>,
    /// All else that is known, as in `responses.jsonl`.
    #[serde(flatten)]
    record: &'a Record,
}

impl Trial {
    /// The case of an answer; `texts` are the scorer's.
    pub(super) fn new(program: &Program, folder: &Path, answer: &Answer, texts: &[String]) -> Self {
        // Its scores change while they are made, and are none of the case.
        let record = Record { scores: Scores::new(), ..answer.record.clone() };
        let case = Case {
            output: answer.answered.text(),
            input: answer.input(),
            expected: texts.first().filter(|_| program.expects),
            columns: answer.place.prompt.columns.as_ref().map(|columns| &columns.0),
            record: &record,
        };
        let mut case = serde_json::to_vec(&case).expect("a record is JSON");
        case.push(b'\n');
        let mut hasher = blake3::Hasher::new();
        for word in &program.command {
            hasher.update(word.as_bytes()).update(&[0]);
        }
        hasher.update(&program.threshold.unwrap_or(-1.0).to_le_bytes()).update(&case);
        let made_of = hasher.finalize().to_hex()[..16].to_owned();
        let folder = if folder.as_os_str().is_empty() { Path::new(".") } else { folder };
        Self { program: program.clone(), folder: folder.to_owned(), case, made_of }
    }
}

/// What the program says of the case.
pub(super) async fn run(trial: &Trial) -> Score {
    let waited = timeout(trial.program.timeout, say(trial)).await;
    match waited {
        Ok(Ok((status, out, _))) if status.success() => {
            read(&String::from_utf8_lossy(&out), trial.program.threshold)
        }
        Ok(Ok((status, _, err))) => {
            let said = String::from_utf8_lossy(&err);
            let last = said.lines().rfind(|line| !line.trim().is_empty()).unwrap_or_default();
            let last: String = last.chars().filter(|c| !c.is_control()).take(SHOWN).collect();
            Score::broken(format!("the program ended with {status}: {last}"))
        }
        Ok(Err(why)) => {
            let name = trial.program.command.first().map(String::as_str).unwrap_or_default();
            Score::broken(format!("the program `{name}` cannot be run: {why}"))
        }
        Err(_) => Score::broken(format!(
            "the program did not answer within {} s; raise the scorer's `timeout`",
            trial.program.timeout.as_secs_f64()
        )),
    }
}

async fn say(trial: &Trial) -> std::io::Result<(ExitStatus, Vec<u8>, Vec<u8>)> {
    let (name, arguments) = trial.program.command.split_first().unwrap_or((EMPTY, &[]));
    let mut child: Child = Command::new(name)
        .args(arguments)
        .current_dir(&trial.folder)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true)
        .spawn()?;
    let (stdin, stdout, stderr) = (child.stdin.take(), child.stdout.take(), child.stderr.take());
    let feed = async {
        if let Some(mut stdin) = stdin {
            // A program that does not read its case may still know the score.
            let _ = stdin.write_all(&trial.case).await;
        }
    };
    let (mut out, mut err) = (Vec::new(), Vec::new());
    let hear = async {
        if let Some(stdout) = stdout {
            stdout.take(MOST).read_to_end(&mut out).await?;
        }
        Ok::<_, std::io::Error>(())
    };
    let complain = async {
        if let Some(stderr) = stderr {
            stderr.take(MOST).read_to_end(&mut err).await?;
        }
        Ok::<_, std::io::Error>(())
    };
    let ((), heard, complained) = tokio::join!(feed, hear, complain);
    heard.and(complained)?;
    Ok((child.wait().await?, out, err))
}

/// A program without a name, which the check of a job does not let pass.
const EMPTY: &String = &String::new();
