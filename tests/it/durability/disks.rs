//! Disks that are full, read-only, or pulled away from under the run.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use crate::durability::{RESUME, ill, is_told};
use crate::support::eventually;
use crate::support::handlers::{echo, slowly};
use crate::support::job::JobDir;
use crate::support::lab::{Lab, numbered};
use crate::support::server::Server;

/// The answers that a run could not write, which it kept elsewhere.
fn kept(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).expect("a folder");
    let mut paths: Vec<PathBuf> = entries.map(|entry| entry.expect("an entry").path()).collect();
    paths.sort_unstable();
    paths
}

#[test]
fn a_full_disk_stops_the_run_and_loses_no_answer() {
    let server = Server::start(echo());
    let mut dir = JobDir::with(&Lab::at(&server).rows(60).limits("concurrency = 4"));
    let elsewhere = dir.write("elsewhere/.keep", "");
    let elsewhere = elsewhere.parent().expect("a folder");
    fs::remove_file(elsewhere.join(".keep")).expect("a file");
    dir.var("TMPDIR", &elsewhere.to_string_lossy());
    // As a signal it would kill; ignored, a write beyond the limit fails as on a full disk.
    let output = dir.run_after("trap '' XFSZ\nulimit -f 32", &["job.toml"]).expect_code(5);
    is_told(&output.stderr, &["journal.jsonl", "--resume", "cat "]);
    let run = dir.latest("t");
    let journal = run.text("journal.jsonl");
    assert!(journal.ends_with('\n') && journal.lines().count() > 10, "{journal}");
    assert_eq!(run.responses().len(), journal.lines().count(), "reports show what is safe");
    assert_eq!(run.json("run.json")["sessions"][0]["ended"], "failed");
    assert!(server.requests() < 60, "nothing new is sent");

    let [kept] = &*kept(elsewhere) else { panic!("answers are kept in one file") };
    let kept = fs::read_to_string(kept).expect("text");
    let answered = journal.lines().count() + kept.lines().count();
    assert_eq!(answered, server.requests(), "each answer is in one of the two");
    // As the message says: append them, and go on.
    let whole = format!("{journal}{kept}");
    fs::write(run.path().join("journal.jsonl"), &whole).expect("a journal");
    let run = dir.go_with(0, RESUME);
    assert!(run.text("journal.jsonl").starts_with(&whole));
    assert_eq!((run.contents(), server.requests()), (numbered(60), 60));
}

/// Whether this user may mount file systems in a namespace of its own; where not, `ulimit -f` stands in
/// for a disk without space in the tests above.
fn may_mount() -> bool {
    let mut command = Command::new("unshare");
    let tried = command.args(["-rm", "mount", "-t", "tmpfs", "none", "/mnt"]).output();
    tried.is_ok_and(|output| output.status.success())
}

#[test]
fn a_disk_without_space_stops_the_run_and_room_lets_it_go_on() {
    if !may_mount() {
        return;
    }
    // The built-in provider, as a server outside cannot be seen from every namespace.
    let dir = JobDir::new();
    let rows = numbered(200).join("\n");
    dir.write("rows.txt", rows);
    dir.job(
        "name = \"t\"\n[[models]]\nmodel = \"mock/echo\"\n[limits]\nconcurrency = 4\n\
         [prompts.p]\nfile = \"rows.txt\"\n",
    );
    let script = format!(
        "mkdir runs tmp && mount -t tmpfs -o size=100k none runs && export TMPDIR=$PWD/tmp\n\
         {runner} job.toml 2>first; echo $? >codes\n\
         cp runs/t/latest/journal.jsonl first.jsonl; cp tmp/* kept.jsonl\n\
         mount -o remount,size=50m runs; cat tmp/* >>runs/t/latest/journal.jsonl\n\
         {runner} job.toml --resume 2>second; echo $? >>codes; cp -r runs/t/latest/ after",
        runner = env!("CARGO_BIN_EXE_runner"),
    );
    let mut command = Command::new("unshare");
    command.args(["-rm", "sh", "-c", &script]).current_dir(dir.path());
    let output = command.output().expect("a shell");
    let read = |name: &str| fs::read_to_string(dir.path().join(name)).unwrap_or_default();
    assert_eq!(read("codes"), "5\n0\n", "{}{}{output:?}", read("first"), read("second"));
    is_told(&read("first"), &["No space left on device", "append them"]);
    let (before, kept, after) =
        (read("first.jsonl"), read("kept.jsonl"), read("after/journal.jsonl"));
    assert!(before.lines().count() > 20 && kept.lines().count() > 0);
    assert!(after.starts_with(&format!("{before}{kept}")));
    assert_eq!(after.lines().count(), 200, "no answer was asked for again");
}

#[test]
fn a_place_that_is_no_folder_is_refused_before_anything_is_sent() {
    let server = Server::start(echo());
    let dir = JobDir::with(&Lab::at(&server));
    dir.write("occupied", "a file");
    for out in ["occupied", "occupied/below"] {
        ill(&dir, &["job.toml", "--out", out], &[out, "--out DIR"]);
    }
    assert_eq!(server.requests(), 0);
}

/// Runs the binary as a user whom permissions bind: root is one who gives that up.
fn bound() -> &'static str {
    "if [ \"$(id -u)\" = 0 ]; then set -- setpriv --bounding-set=-dac_override,-dac_read_search \"$@\"; fi"
}

#[cfg(unix)]
fn set_mode(path: &Path, mode: u32) {
    use std::os::unix::fs::PermissionsExt as _;

    fs::set_permissions(path, fs::Permissions::from_mode(mode)).expect("a folder of ours");
}

#[test]
fn a_read_only_folder_is_told_before_anything_is_sent() {
    let server = Server::start(echo());
    let dir = JobDir::with(&Lab::at(&server).rows(3));
    let run = dir.go(0);
    set_mode(run.path(), 0o555);
    set_mode(&run.path().join("lock"), 0o444);
    let output = dir.run_after(bound(), &["job.toml", "--resume"]).expect_code(5);
    is_told(&output.stderr, &["Permission denied", "check who owns the folder"]);
    let output = dir.run_after(bound(), &["report", "runs/t/latest"]).expect_code(5);
    is_told(&output.stderr, &["Permission denied"]);
    let jobs = run.path().parent().expect("the folder of the job");
    set_mode(jobs, 0o555);
    let output = dir.run_after(bound(), &["job.toml"]).expect_code(5);
    is_told(&output.stderr, &["Permission denied", "--out DIR"]);
    set_mode(run.path(), 0o755);
    set_mode(jobs, 0o755);
    set_mode(&run.path().join("lock"), 0o644);
    assert_eq!((dir.go_with(0, RESUME).contents(), server.requests()), (numbered(3), 3));
}

#[test]
fn a_folder_that_turns_read_only_keeps_every_answer() {
    let server = Server::start(slowly(Duration::from_millis(30), echo()));
    let dir = JobDir::with(&Lab::at(&server).rows(40).limits("concurrency = 2"));
    // The shell waits for the first answer, takes the right to write away, and gives it back after.
    let script = format!(
        "{bound}\n\"$@\" & child=$!\n\
         until [ -s runs/t/latest/journal.jsonl ]; do sleep 0.01; done\n\
         chmod 555 runs/t/latest/; wait $child; code=$?; chmod 755 runs/t/latest/; exit $code\n",
        bound = bound(),
    );
    let output = dir.run_after(&script, &["job.toml"]).expect_code(5);
    is_told(&output.stderr, &["Permission denied"]);
    assert_eq!(dir.latest("t").lines("journal.jsonl"), 40);
    assert_eq!((dir.go_with(0, RESUME).contents(), server.requests()), (numbered(40), 40));
}

#[test]
fn a_folder_that_is_removed_while_the_run_goes_is_put_back() {
    for what in ["runs", "runs/t", ""] {
        let server = Server::start(slowly(Duration::from_millis(20), echo()));
        let dir = JobDir::with(&Lab::at(&server).rows(400).limits("concurrency = 2"));
        let mut running = dir.spawn(&["job.toml"]);
        eventually("answers come", || server.requests() > 10 || !running.is_running());
        let removed = match what {
            "" => dir.latest("t").path().to_owned(),
            what => dir.path().join(what),
        };
        fs::remove_dir_all(removed).expect("folders that can be removed");
        let output = running.wait().expect_code(5);
        is_told(&output.stderr, &["was removed while the run was going", "--resume goes on"]);
        let asked = server.requests();
        assert!(asked < 200, "nothing new is sent");
        let run = dir.latest("t");
        assert_eq!(run.lines("journal.jsonl"), asked, "every answer is there again");
        assert_eq!(run.responses().len(), asked);
        let run = dir.go_with(0, RESUME);
        assert_eq!((run.contents(), server.requests()), (numbered(400), 400));
    }
}

#[test]
fn a_folder_that_is_moved_while_the_run_goes_takes_its_answers_along() {
    let server = Server::start(slowly(Duration::from_millis(20), echo()));
    let dir = JobDir::with(&Lab::at(&server).rows(300).limits("concurrency = 2"));
    let mut running = dir.spawn(&["job.toml"]);
    eventually("answers come", || server.requests() > 10 || !running.is_running());
    let there = dir.path().join("runs/t/moved");
    fs::rename(dir.latest("t").path(), &there).expect("a folder that can be moved");
    let output = running.wait().expect_code(5);
    is_told(&output.stderr, &["was moved while the run was going", "--resume FOLDER"]);
    assert_eq!(dir.runs("t").len(), 1, "nothing is made in its old place");
    let asked = server.requests();
    dir.run(&["job.toml", "--resume", "runs/t/moved"]).expect_code(0);
    let run = dir.runs("t").pop().expect("the run");
    assert_eq!((run.contents(), server.requests()), (numbered(300), 300));
    assert!(asked < 150, "nothing new is sent");
}

#[test]
fn a_disk_that_has_room_again_in_time_loses_nothing() {
    if !may_mount() {
        return;
    }
    let dir = JobDir::new();
    dir.write("rows.txt", numbered(300).join("\n"));
    dir.job(
        "name = \"t\"\n[[models]]\nmodel = \"mock/echo\"\n[limits]\nconcurrency = 4\n\
         [prompts.p]\nfile = \"rows.txt\"\n",
    );
    let script = format!(
        "mkdir runs tmp && mount -t tmpfs -o size=100k none runs && export TMPDIR=$PWD/tmp\n\
         {runner} job.toml 2>first & child=$!\n\
         until grep -q 'cannot be written' first; do sleep 0.05; done\n\
         mount -o remount,size=50m runs; wait $child; echo $? >codes; ls tmp >kept\n\
         {runner} job.toml --resume 2>second; echo $? >>codes; cp -r runs/t/latest/ after",
        runner = env!("CARGO_BIN_EXE_runner"),
    );
    let mut command = Command::new("unshare");
    command.args(["-rm", "sh", "-c", &script]).current_dir(dir.path());
    let output = command.output().expect("a shell");
    let read = |name: &str| fs::read_to_string(dir.path().join(name)).unwrap_or_default();
    assert_eq!(read("codes"), "5\n0\n", "{}{}{output:?}", read("first"), read("second"));
    is_told(&read("first"), &["every answer is in the journal by now"]);
    assert_eq!((read("kept").as_str(), read("after/journal.jsonl").lines().count()), ("", 300));
}
