//! A temporary folder with a job in it, and the built binary run there.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;

use serde_json::Value;
use tempfile::TempDir;

use crate::support::eventually;
use crate::support::lab::Lab;

/// A folder for one test; it goes when this and every run of it are dropped.
pub(crate) struct JobDir {
    root: Arc<TempDir>,
    vars: Vec<(String, String)>,
}

/// What a run of the binary left behind.
#[derive(Debug)]
pub(crate) struct Output {
    /// The exit code; `None` when a signal ended it.
    pub(crate) code: Option<i32>,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Output {
    /// Panics with all that was printed unless the exit code is this one.
    #[track_caller]
    pub(crate) fn expect_code(self, code: i32) -> Self {
        let Self { code: actual, stdout, stderr } = &self;
        assert_eq!(*actual, Some(code), "exit code\n--- stdout\n{stdout}\n--- stderr\n{stderr}");
        self
    }
}

impl JobDir {
    pub(crate) fn new() -> Self {
        let root = tempfile::tempdir().expect("a folder");
        for name in ["work", "home", "printed"] {
            fs::create_dir(root.path().join(name)).expect("a folder");
        }
        Self { root: Arc::new(root), vars: Vec::new() }
    }

    /// A folder with this job in it.
    pub(crate) fn with(lab: &Lab) -> Self {
        let dir = Self::new();
        dir.job(&lab.to_string());
        dir
    }

    /// The folder in which the binary runs.
    pub(crate) fn path(&self) -> PathBuf {
        self.root.path().join("work")
    }

    /// Sets an environment variable for the binary; all but `PATH` and `HOME` are unset.
    pub(crate) fn var(&mut self, name: &str, value: &str) -> &mut Self {
        self.vars.push((name.to_owned(), value.to_owned()));
        self
    }

    /// Writes a file, with the folders above it.
    pub(crate) fn write(&self, name: &str, text: impl AsRef<[u8]>) -> PathBuf {
        let path = self.path().join(name);
        fs::create_dir_all(path.parent().expect("a file is in a folder")).expect("a folder");
        fs::write(&path, text).expect("a file");
        path
    }

    /// Writes `job.toml`.
    pub(crate) fn job(&self, text: &str) -> PathBuf {
        self.write("job.toml", text)
    }

    /// Runs `job.toml` to its end, which must have this exit code, and gives the run.
    #[track_caller]
    pub(crate) fn go(&self, code: i32) -> RunFolder {
        self.go_with(code, &[])
    }

    /// The same with more arguments, such as `--resume`.
    #[track_caller]
    pub(crate) fn go_with(&self, code: i32, args: &[&str]) -> RunFolder {
        self.run(&[&["job.toml"], args].concat()).expect_code(code);
        self.latest("t")
    }

    /// Runs `job.toml`, which must be refused before anything is sent, and gives what stderr says.
    #[track_caller]
    pub(crate) fn refused(&self) -> String {
        let output = self.run(&["job.toml"]).expect_code(2);
        assert_eq!(output.stdout, "", "stdout carries the result alone");
        output.stderr
    }

    /// Runs the binary to its end.
    #[track_caller]
    pub(crate) fn run<A: AsRef<str>>(&self, args: &[A]) -> Output {
        self.spawn(args).wait()
    }

    /// Runs the binary to its end; also the most memory that it held, in MiB. Where the system does
    /// not tell, that is 0.
    #[track_caller]
    pub(crate) fn run_measured<A: AsRef<str>>(&self, args: &[A]) -> (Output, u64) {
        let mut running = self.spawn(args);
        let place = format!("/proc/{}/status", running.id());
        let mut peak = 0;
        eventually("the binary ends", || {
            let status = fs::read_to_string(&place).unwrap_or_default();
            let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
            let kib = line.and_then(|line| line.trim().strip_suffix(" kB")?.parse().ok());
            peak = peak.max(kib.unwrap_or(0_u64) / 1024);
            !running.is_running()
        });
        (running.wait(), peak)
    }

    /// Starts the binary.
    pub(crate) fn spawn<A: AsRef<str>>(&self, args: &[A]) -> Running {
        self.spawn_reading(args, b"")
    }

    /// Starts the binary with this on its standard input.
    pub(crate) fn spawn_reading<A: AsRef<str>>(&self, args: &[A], input: &[u8]) -> Running {
        let mut command = Command::new(env!("CARGO_BIN_EXE_runner"));
        command.args(args.iter().map(AsRef::as_ref));
        self.spawn_command(command, input)
    }

    /// Runs the binary to its end after these commands of a shell, such as `ulimit -f 10`.
    #[track_caller]
    pub(crate) fn run_after<A: AsRef<str>>(&self, commands: &str, args: &[A]) -> Output {
        let mut command = Command::new("sh");
        command.args(["-c", &format!("{commands}\nexec \"$@\""), "sh"]);
        command.arg(env!("CARGO_BIN_EXE_runner")).args(args.iter().map(AsRef::as_ref));
        self.spawn_command(command, b"").wait()
    }

    fn spawn_command(&self, mut command: Command, input: &[u8]) -> Running {
        let printed = self.root.path().join("printed");
        let nth = fs::read_dir(&printed).expect("a folder").count();
        let stdout = printed.join(format!("{nth}.stdout"));
        let stderr = printed.join(format!("{nth}.stderr"));
        let stdin = self.root.path().join("stdin");
        fs::write(&stdin, input).expect("a file");
        let child = command
            .current_dir(self.path())
            .env_clear()
            .env("PATH", std::env::var_os("PATH").unwrap_or_default())
            .env("HOME", self.root.path().join("home"))
            .envs(self.vars.iter().map(|(name, value)| (name, value)))
            .stdin(Stdio::from(File::open(&stdin).expect("a file")))
            .stdout(File::create(&stdout).expect("a file"))
            .stderr(File::create(&stderr).expect("a file"))
            .spawn()
            .expect("the binary starts");
        Running { child, stdout, stderr }
    }

    /// The newest run of a job, by its `latest` link or, where links cannot be, the file instead.
    #[track_caller]
    pub(crate) fn latest(&self, job: &str) -> RunFolder {
        let jobs = self.path().join("runs").join(job);
        let latest = jobs.join("latest");
        let path = if latest.is_file() {
            jobs.join(fs::read_to_string(&latest).expect("the name of a run").trim())
        } else {
            fs::canonicalize(&latest)
                .unwrap_or_else(|error| panic!("no `{}`: {error}", latest.display()))
        };
        self.run_folder(path)
    }

    /// All runs of a job, oldest first.
    pub(crate) fn runs(&self, job: &str) -> Vec<RunFolder> {
        let Ok(entries) = fs::read_dir(self.path().join("runs").join(job)) else {
            return Vec::new();
        };
        let paths = entries.map(|entry| entry.expect("an entry").path());
        let mut runs: Vec<_> = paths.filter(|path| path.is_dir() && !path.is_symlink()).collect();
        runs.sort_unstable();
        runs.into_iter().map(|path| self.run_folder(path)).collect()
    }

    fn run_folder(&self, path: PathBuf) -> RunFolder {
        RunFolder { path, _root: Arc::clone(&self.root) }
    }
}

/// The binary while it runs; dropping it kills it.
pub(crate) struct Running {
    child: Child,
    stdout: PathBuf,
    stderr: PathBuf,
}

impl Running {
    /// Waits for its end.
    #[track_caller]
    pub(crate) fn wait(mut self) -> Output {
        let mut status = None;
        eventually("the binary ends", || {
            status = self.child.try_wait().expect("a child that can be waited for");
            status.is_some()
        });
        let code = status.and_then(|status| status.code());
        Output { code, stdout: self.stdout(), stderr: self.stderr() }
    }

    /// Kills it as `kill -9` does, and waits for its end.
    pub(crate) fn kill(mut self) -> Output {
        self.child.kill().expect("a child that can be killed");
        self.wait()
    }

    /// The id of its process.
    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    /// Whether it has not ended yet.
    pub(crate) fn is_running(&mut self) -> bool {
        self.child.try_wait().expect("a child that can be waited for").is_none()
    }

    /// Sends a signal by its name, such as `INT` or `TERM`.
    pub(crate) fn signal(&self, name: &str) {
        let id = self.child.id().to_string();
        // The shell's own `kill`, as a program of that name is not installed everywhere.
        let sent = Command::new("sh").args(["-c", &format!("kill -{name} {id}")]).status();
        assert!(sent.expect("a shell runs").success(), "the binary has ended already");
    }

    /// What it has printed so far.
    pub(crate) fn stdout(&self) -> String {
        fs::read_to_string(&self.stdout).expect("text on stdout")
    }

    /// What it has printed on stderr so far.
    pub(crate) fn stderr(&self) -> String {
        fs::read_to_string(&self.stderr).expect("text on stderr")
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // It has ended already where the test went well.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The folder of one run.
#[derive(Clone, Debug)]
pub(crate) struct RunFolder {
    path: PathBuf,
    _root: Arc<TempDir>,
}

impl PartialEq for RunFolder {
    fn eq(&self, other: &Self) -> bool {
        self.path == other.path
    }
}

/// One row of a CSV, by its columns.
pub(crate) type CsvRow = BTreeMap<String, String>;

impl RunFolder {
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// The folder's name.
    pub(crate) fn name(&self) -> String {
        self.path.file_name().expect("a run has a name").to_string_lossy().into_owned()
    }

    /// A file of it, as text.
    #[track_caller]
    pub(crate) fn text(&self, name: &str) -> String {
        let path = self.path.join(name);
        fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
    }

    /// The names of its files, sorted.
    pub(crate) fn files(&self) -> Vec<String> {
        let entries = fs::read_dir(&self.path).expect("a run folder");
        let name = |entry: std::io::Result<fs::DirEntry>| {
            entry.expect("an entry").file_name().to_string_lossy().into_owned()
        };
        let mut names: Vec<String> = entries.map(name).collect();
        names.sort_unstable();
        names
    }

    /// The whole lines that a file of it has by now; none if it is not there yet.
    pub(crate) fn whole_lines(&self, name: &str) -> String {
        let mut bytes = fs::read(self.path.join(name)).unwrap_or_default();
        bytes.truncate(memchr::memrchr(b'\n', &bytes).map_or(0, |end| end + 1));
        String::from_utf8(bytes).expect("text")
    }

    /// How many whole lines a file of it has by now; none if it is not there yet.
    pub(crate) fn lines(&self, name: &str) -> usize {
        let bytes = fs::read(self.path.join(name)).unwrap_or_default();
        memchr::memchr_iter(b'\n', &bytes).count()
    }

    /// A JSON file of it.
    #[track_caller]
    pub(crate) fn json(&self, name: &str) -> Value {
        serde_json::from_str(&self.text(name)).expect("JSON")
    }

    /// A JSONL file of it.
    #[track_caller]
    pub(crate) fn jsonl(&self, name: &str) -> Vec<Value> {
        let text = self.text(name);
        text.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect()
    }

    /// The rows of `responses.jsonl`.
    #[track_caller]
    pub(crate) fn responses(&self) -> Vec<Value> {
        self.jsonl("responses.jsonl")
    }

    /// One key of every row of `responses.jsonl`, as text.
    #[track_caller]
    pub(crate) fn each(&self, key: &str) -> Vec<String> {
        self.responses().iter().map(|row| plain(&row[key])).collect()
    }

    /// The text of every answer in `responses.jsonl`; empty where there is none.
    #[track_caller]
    pub(crate) fn contents(&self) -> Vec<String> {
        let content = |row: &Value| plain(&row["response"]["choices"][0]["message"]["content"]);
        self.responses().iter().map(content).collect()
    }

    /// One column of a CSV file of it.
    #[track_caller]
    pub(crate) fn column(&self, name: &str, column: &str) -> Vec<String> {
        self.csv(name).into_iter().map(|row| row[column].clone()).collect()
    }

    /// The rows of a CSV file of it.
    #[track_caller]
    pub(crate) fn csv(&self, name: &str) -> Vec<CsvRow> {
        let mut reader = csv::Reader::from_path(self.path.join(name)).expect("a CSV file");
        reader.deserialize().map(|row| row.expect("a row")).collect()
    }

    /// The columns of a CSV file of it, in order.
    #[track_caller]
    pub(crate) fn columns(&self, name: &str) -> Vec<String> {
        let mut reader = csv::Reader::from_path(self.path.join(name)).expect("a CSV file");
        reader.headers().expect("a header").iter().map(str::to_owned).collect()
    }
}

/// A JSON value as a CSV cell has it.
pub(crate) fn plain(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_binary_runs_in_its_folder_and_is_heard() {
        let dir = JobDir::new();
        let output = dir.run(&["--help"]).expect_code(0);
        assert_eq!(output.stderr, "");
    }

    #[test]
    fn the_files_of_a_run_are_found_and_read() {
        let dir = JobDir::new();
        dir.write("runs/hello/20260101T000000Z-0000/journal.jsonl", "{}\n{}\n{");
        let newer = "runs/hello/20260102T000000Z-0000";
        dir.write(&format!("{newer}/responses.jsonl"), "{\"row\":\"1\"}\n");
        dir.write(&format!("{newer}/responses.csv"), "row,content\r\n1,\"a, b\"\r\n");
        dir.write("runs/hello/latest", "20260102T000000Z-0000\n");
        let latest = dir.latest("hello");
        assert_eq!(latest.name(), "20260102T000000Z-0000");
        assert_eq!(latest.responses()[0]["row"], "1");
        assert_eq!(latest.csv("responses.csv")[0]["content"], "a, b");
        assert_eq!(latest.columns("responses.csv"), ["row", "content"]);
        let runs = dir.runs("hello");
        assert_eq!((runs.len(), runs[0].lines("journal.jsonl")), (2, 2));
        assert_eq!(runs[0].lines("no such file"), 0);
    }
}
