//! No more threads can be started (`RLIMIT_NPROC`): jobs are slower and not wrong, measurements say what they cannot do.

#![allow(clippy::disallowed_methods, missing_docs, reason = "the tests look at files from outside")]

mod common;

use std::os::unix::fs::lchown;
use std::os::unix::process::{CommandExt as _, ExitStatusExt as _};
use std::process::{Command, Output, Stdio};

use common::{Sandbox, have, is_root, noise, set_mode, skip, wait_until};

/// Users whom nobody else is, one for each test of each run: the kernel counts all threads of a user.
const FIRST_USER: u32 = 1_234_500;

/// A sandbox with data and a binary of a user without rights.
struct Stranger {
    sandbox: Sandbox,
    user: u32,
}

impl Stranger {
    /// `None`, which is said, where it cannot be.
    fn new(number: u32) -> Option<Self> {
        if !have("prlimit") {
            return None;
        }
        let sandbox = Sandbox::new();
        sandbox.write("file", noise(1, 3_000_000));
        sandbox.make_directory("place");
        std::fs::copy(common::run::binary(), sandbox.path("haul")).expect("copy the binary");
        set_mode(sandbox.path("haul"), 0o755);
        let stranger = Self { sandbox, user: FIRST_USER + std::process::id() * 8 + number };
        if is_root() {
            for name in ["", "file", "place", "haul"] {
                lchown(stranger.sandbox.path(name), Some(stranger.user), Some(stranger.user)).expect("chown");
            }
            let runs = stranger.haul(4, "--version").output().is_ok_and(|output| output.status.success());
            if !runs {
                skip("no process can be given to another user here");
                return None;
            }
        }
        Some(stranger)
    }

    /// haul, where the user may have `threads` threads.
    fn haul(&self, threads: u32, words: &str) -> Command {
        let mut command = common::run::command("prlimit");
        command.arg(format!("--nproc={threads}")).arg("./haul").args(words.split(' '));
        command.current_dir(self.sandbox.path("")).stdin(Stdio::null());
        if is_root() {
            command.uid(self.user).gid(self.user);
        }
        command
    }

    #[track_caller]
    fn run(&self, threads: u32, words: &str) -> Output {
        self.haul(threads, words).output().expect("run prlimit")
    }
}

#[test]
fn a_measurement_says_what_it_cannot_start_and_measures_what_it_can() {
    let Some(stranger) = Stranger::new(0) else { return };
    let sweep = "sweep copy file --to place --buffers 64K --rounds 2";
    let too_few = |asked: u32| format!("only 1 of {asked} workers could be started");
    for (words, refusal) in [
        (format!("{sweep} --workers 1"), None),
        (format!("{sweep} --workers 3 --scheduler serial"), None),
        (format!("{sweep} --workers 3"), Some(too_few(3))),
        (format!("{sweep} --workers 3 --scheduler rayon"), Some(too_few(3))),
        // What can be started is measured, and the report says what could not.
        (format!("{sweep} --workers 1,2"), None),
        (sweep.replace("copy", "gzip") + " --workers 2", Some(too_few(2))),
    ] {
        let output = stranger.run(1, &words);
        let said = String::from_utf8_lossy(&output.stderr);
        let expected = if let Some(refusal) = &refusal {
            output.status.code() == Some(1)
                && said.contains(refusal)
                && said.starts_with("haul: cannot sweep over 'file'")
        } else {
            output.status.success() && said.is_empty()
        };
        assert!(expected && said.lines().count() <= 2, "haul {words}: {}: {said}", output.status);
        stranger.sandbox.assert_no_leftovers(&words);
    }
}

#[test]
fn a_disk_is_measured_without_the_threads_that_cannot_be_started() {
    let Some(stranger) = Stranger::new(1) else { return };
    let words = "disk place --quick --size 1M --rounds 1 --loads random-read --backend threads --depths 2";
    let output = stranger.run(1, words);
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.code().is_some() && !said.contains("panicked"), "{}: {said}", output.status);
    let all = said + String::from_utf8_lossy(&output.stdout);
    assert!(all.contains("cannot start threads for 'place'"), "{all}");
}

#[test]
fn a_tuning_ends_with_a_reason() {
    let Some(stranger) = Stranger::new(2) else { return };
    let output = stranger.run(1, "tune place --size 1M --budget 2s --jobs gzip");
    let said = String::from_utf8_lossy(&output.stderr);
    let is_clear = said.starts_with("haul: cannot") && said.lines().count() <= 2;
    assert!(output.status.success() || (output.status.code() == Some(1) && is_clear), "{}: {said}", output.status);
}

#[test]
fn jobs_do_with_the_workers_that_can_be_started_and_tell_how_many() {
    let Some(stranger) = Stranger::new(3) else { return };
    // The first thread and the one that listens for signals are two.
    let limits = if is_root() { vec![(1, "by 1 worker;"), (4, "by 2 workers;")] } else { vec![(1, "by 1 worker;")] };
    for (limit, workers) in limits {
        for scheduler in ["channel", "rayon"] {
            for job in ["copy file new", "gzip -kf file", "gunzip -kf file.gz"] {
                let words = format!("{job} -v --workers 16 --scheduler {scheduler}");
                let output = stranger.run(limit, &words);
                let said = String::from_utf8_lossy(&output.stderr);
                assert!(output.status.success() && said.contains(workers), "{limit}: haul {words}: {said}");
            }
            assert!(stranger.sandbox.read("new") == noise(1, 3_000_000), "{limit}: {scheduler}");
            assert!(stranger.sandbox.read("file") == noise(1, 3_000_000), "{limit}: {scheduler}");
            stranger.sandbox.remove("new");
        }
    }
}

#[test]
fn a_signal_ends_a_job_without_the_thread_that_listens() {
    let Some(stranger) = Stranger::new(4) else { return };
    let mut command = stranger.haul(1, "gzip -c");
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::null()).spawn().expect("run prlimit");
    // It waits for standard input.
    wait_until("haul to read", || {
        let stat = std::fs::read_to_string(format!("/proc/{}/stat", child.id())).unwrap_or_default();
        stat.contains("(haul) S")
    });
    rustix::process::kill_process(rustix::process::Pid::from_child(&child), rustix::process::Signal::TERM)
        .expect("kill");
    let mut ended = None;
    let start = std::time::Instant::now();
    while ended.is_none() && start.elapsed().as_secs() < 10 {
        ended = child.try_wait().expect("wait");
        std::thread::sleep(std::time::Duration::from_millis(1));
    }
    let _ = child.kill();
    let _ = child.wait();
    assert_eq!(ended.and_then(|status| status.signal()), Some(15), "{ended:?}");
}
