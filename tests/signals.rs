//! Ctrl-C, SIGTERM and readers that go away: nothing half done stays, and the exit code says what happened.

#![allow(clippy::disallowed_methods, missing_docs, reason = "the tests look at files from outside")]

mod common;

use std::time::{Duration, Instant};

use common::{Sandbox, WAYS, assert_same, noise, prose, snapshot, ways};
use rustix::process::Signal;

/// To stop is a matter of one system call, and of a machine that has other things to do.
const SOON: Duration = Duration::from_secs(10);

/// The signals that end a job cleanly, with the exit codes that say so.
const SIGNALS: [(Signal, i32); 3] = [(Signal::INT, 130), (Signal::TERM, 143), (Signal::HUP, 129)];

/// Jobs that take long because they move byte by byte, and a sandbox for them.
fn slow_jobs() -> (Sandbox, Vec<String>) {
    let sandbox = Sandbox::new();
    sandbox.write("big", noise(1, 10_000_000));
    let gz = sandbox.haul("gzip -1").input(noise(2, 5_000_000)).run().ok().out;
    sandbox.write("packed.gz", gz);
    sandbox.write("tree/first", noise(3, 5_000_000));
    sandbox.write("tree/sub/second", noise(4, 5_000_000));
    let mut jobs = Vec::new();
    for way in [WAYS[0], WAYS[2], WAYS[4]] {
        for words in [
            "copy big target --engine read_write",
            "copy big target --engine copy_file_range",
            "copy big target --engine mmap",
            "copy tree target",
            "gzip big",
            "gzip -r tree",
            "gunzip packed.gz",
        ] {
            // A block is read to its end before anybody looks whether to stop.
            let buffer = if words.starts_with("copy") { 1 } else { 16 };
            jobs.push(format!("{words} --buffer {buffer} {way}"));
        }
    }
    (sandbox, jobs)
}

#[test]
fn an_interrupted_job_leaves_everything_as_it_was() {
    let (sandbox, jobs) = slow_jobs();
    let plain = common::tree::without_directory_times;
    let before = plain(snapshot(sandbox.path("")));
    for (number, words) in jobs.iter().enumerate() {
        let (signal, code) = SIGNALS[number % SIGNALS.len()];
        let mut running = sandbox.haul(words).spawn();
        common::wait_until("a temporary file", || running.ended() || has_part(&sandbox));
        assert!(!running.ended(), "{words} ended before it could be interrupted");
        running.signal(signal);
        let run = running.finish(SOON).code(code);
        assert_same(&before, &plain(snapshot(sandbox.path(""))), words);
        assert!(run.err.lines().count() <= 2, "{words}: {}", run.err);
    }
}

/// Whether something unfinished lies in the sandbox or in its tree.
fn has_part(sandbox: &Sandbox) -> bool {
    let part = |name: &std::ffi::OsString| {
        let name = name.to_string_lossy();
        name.contains("haul-part") || name.contains("haul-tmp")
    };
    sandbox.list("").iter().any(part)
        || sandbox.list("tree").iter().any(part)
        || sandbox.list("tree/sub").iter().any(part)
}

#[test]
fn a_tree_has_its_name_only_when_it_is_whole_whenever_the_signal_comes() {
    let sandbox = Sandbox::new();
    for number in 0..40 {
        sandbox.write(format!("tree/{}/{number}", number % 5), noise(number, 3000));
    }
    let whole = snapshot(sandbox.path("tree"));
    let (mut stopped, mut continued) = (0, 0);
    for turn in 0..40 {
        for way in [WAYS[0], WAYS[2], WAYS[4]] {
            let words = format!("copy tree target --buffer 1 --engine read_write {way}");
            let mut running = sandbox.haul(&words).spawn();
            common::wait_until("the tree's part", || running.ended() || sandbox.exists("target.haul-part"));
            // From the first moment on, over what such a copy takes.
            let moment = Instant::now();
            while moment.elapsed() < Duration::from_micros(turn * 25) {}
            if running.ended() {
                running.finish(SOON).ok();
            } else {
                running.signal(Signal::INT);
                let run = running.finish(SOON);
                stopped += u32::from(!run.succeeded());
                if !run.succeeded() {
                    run.code(130);
                }
            }
            if sandbox.exists("target") {
                assert_same(&whole, &snapshot(sandbox.path("target")), &format!("{words}, turn {turn}"));
                sandbox.remove("target");
            }
            // What is kept is continued; an empty part is not kept.
            if sandbox.exists("target.haul-part") {
                assert!(!sandbox.list("target.haul-part").is_empty(), "{words}, turn {turn}: an empty part");
                sandbox.haul("copy --resume tree target").run().ok().silent();
                assert_same(&whole, &snapshot(sandbox.path("target")), &format!("{words}, turn {turn}, continued"));
                sandbox.remove("target");
                continued += 1;
            }
            sandbox.assert_no_leftovers(&words);
        }
    }
    assert!(continued > 5, "only {continued} of 120 were continued");
    assert!(stopped > 10, "only {stopped} of 120 were stopped");
}

#[test]
fn a_second_signal_ends_it_at_once_and_cleans_up_all_the_same() {
    let (sandbox, _) = slow_jobs();
    let plain = common::tree::without_directory_times;
    let before = plain(snapshot(sandbox.path("")));
    for words in ["copy big target --buffer 1", "copy tree target --buffer 1", "gzip big --buffer 16 --workers 2"] {
        let mut running = sandbox.haul(words).spawn();
        common::wait_until("a temporary file", || running.ended() || has_part(&sandbox));
        running.signal(Signal::INT);
        running.signal(Signal::INT);
        running.finish(SOON).code(130);
        // A tree's part is for --resume; it goes at the first signal where nothing is in it.
        sandbox.remove("target.haul-part");
        assert_same(&before, &plain(snapshot(sandbox.path(""))), words);
    }
}

#[test]
fn a_signal_that_was_ignored_from_the_start_stays_ignored() {
    let haul = common::run::binary().display();
    // As nohup does, and as a shell without job control does with what it puts into the background.
    for (ignored, trapped) in [(Signal::HUP, "HUP"), (Signal::INT, "INT"), (Signal::INT, "HUP INT")] {
        let mut child = common::run::command("sh")
            .args(["-c", &format!("trap '' {trapped}; exec '{haul}' gzip")])
            .stdin(std::process::Stdio::piped())
            .stdout(std::process::Stdio::null())
            .stderr(std::process::Stdio::null())
            .spawn()
            .expect("run sh");
        let id = rustix::process::Pid::from_child(&child);
        // `wait` would close it, and what waits for it would end well.
        let silent = child.stdin.take();
        // For the handlers to be there, and then for the end, which comes at once in a job that only waits.
        std::thread::sleep(Duration::from_millis(200));
        rustix::process::kill_process(id, ignored).expect("send a signal");
        std::thread::sleep(Duration::from_millis(300));
        let still_there = child.try_wait().expect("wait").is_none();
        let listened = rustix::process::kill_process(id, Signal::TERM);
        let status = child.wait().expect("wait");
        drop(silent);
        assert!(still_there && listened.is_ok(), "{trapped} was to be ignored: {status}");
        assert_eq!(std::os::unix::process::ExitStatusExt::signal(&status), Some(15), "{trapped}");
    }
}

#[test]
fn a_job_dies_of_the_signal_that_ends_it_as_gzip_does() {
    let waiting = ["gzip", "gunzip", "gunzip -l -", "gzip --files-from -", "copy --files-from - new"];
    let working =
        ["copy big new --buffer 1 --engine read_write", "gzip -k big --buffer 16", "sweep copy big --buffers 1"];
    // All of them wait most of the time, so they wait together.
    std::thread::scope(|scope| {
        for words in waiting.iter().chain(&working) {
            scope.spawn(|| dies_of_signals(words));
        }
    });
    if !common::have("gzip") {
        return;
    }
    for (signal, _) in SIGNALS {
        let mut gzip = std::process::Command::new("gzip");
        let mut gzip = gzip.stdin(std::process::Stdio::piped()).stdout(std::process::Stdio::null()).spawn().unwrap();
        std::thread::sleep(Duration::from_millis(100));
        rustix::process::kill_process(rustix::process::Pid::from_child(&gzip), signal).expect("send a signal");
        let silent = gzip.stdin.take();
        let status = gzip.wait().expect("wait");
        drop(silent);
        assert_eq!(std::os::unix::process::ExitStatusExt::signal(&status), Some(signal.as_raw()), "gzip");
    }
}

fn dies_of_signals(words: &str) {
    let sandbox = Sandbox::new();
    sandbox.write("big", noise(1, 5_000_000));
    for signal in [Signal::HUP, Signal::INT, Signal::QUIT, Signal::TERM, Signal::USR1, Signal::ALARM, Signal::XCPU] {
        if words != "gzip" && !SIGNALS.iter().any(|(known, _)| *known == signal) {
            continue;
        }
        let running = sandbox.haul(words).spawn();
        // For the handlers to be there.
        std::thread::sleep(Duration::from_millis(300));
        running.signal(signal);
        let run = running.finish(3 * SOON);
        let ended_by = common::Running::ended_by(&run);
        assert_eq!(ended_by, Some(signal.as_raw()), "{words}: {}: {}", run.status(), run.err);
    }
}

#[test]
fn an_interrupted_bar_is_cleared_from_the_terminal() {
    if !common::have("script") || !common::have("timeout") {
        return;
    }
    let sandbox = Sandbox::new();
    sandbox.write("big", noise(1, 20_000_000));
    let haul = common::run::binary().display().to_string();
    let on_terminal = |command: &str| {
        let output = common::run::command("script")
            .args(["-qec", command, "/dev/null"])
            .current_dir(sandbox.path(""))
            .stdin(std::process::Stdio::null())
            .output()
            .expect("run script");
        let said = String::from_utf8_lossy(&output.stdout).into_owned();
        let (bar, after) = said.rsplit_once("left").unwrap_or_else(|| panic!("no bar was drawn: {said:?}"));
        assert!(bar.contains("0 files"), "{bar:?}");
        let cleared = after.split("haul:").next().unwrap_or_default();
        assert!(cleared.contains("\u{1b}[2K") || cleared.contains("\u{1b}[K"), "the line stays: {said:?}");
        (output.status.code(), after.to_owned())
    };
    for (signal, code) in [("INT", 130), ("HUP", 129)] {
        // In the foreground, since timeout else signals its child twice, and the second signal ends it without a word.
        let timeout = format!("timeout --foreground --preserve-status -s {signal} 1.5");
        let (found, after) = on_terminal(&format!("{timeout} '{haul}' gzip big --buffer 4"));
        assert_eq!(found, Some(code), "{after:?}");
        assert!(after.ends_with("haul: interrupted; what was not finished was taken away\r\n"), "{after:?}");
    }
    // The second signal ends it at once, usually: the first may have been quicker.
    let (found, after) =
        on_terminal(&format!("'{haul}' gzip big --buffer 4 & sleep 1.5; kill -TERM $!; kill -HUP $!; wait $!"));
    assert!(matches!(found, Some(129 | 143)), "{found:?} {after:?}");
    assert_eq!(sandbox.list("").len(), 1);
}

#[test]
fn a_job_that_waits_for_a_silent_pipe_can_be_stopped() {
    let sandbox = Sandbox::new();
    for words in ["gzip", "gzip -c - --workers 2", "gunzip", "gunzip -t - --scheduler serial", "gzip --files-from -"] {
        for (signal, code) in SIGNALS {
            let running = sandbox.haul(words).spawn();
            // Long enough for the signal's handler to be there; a signal before that would end the process too.
            std::thread::sleep(Duration::from_millis(200));
            let start = Instant::now();
            running.signal(signal);
            running.finish(SOON).code(code);
            assert!(start.elapsed() < Duration::from_secs(2), "{words}: {:?}", start.elapsed());
        }
    }
}

#[test]
fn an_interrupted_sweep_takes_its_scratch_space_with_it() {
    let sandbox = Sandbox::new();
    sandbox.write("big", noise(1, 5_000_000));
    sandbox.make_directory("scratch");
    for words in ["sweep copy big --buffers 1", "sweep gzip big --buffers 1 --to scratch"] {
        let mut running = sandbox.haul(format!("{words} --rounds 100")).spawn();
        let started = || sandbox.list("").len() > 2 || !sandbox.list("scratch").is_empty();
        common::wait_until("scratch space", || running.ended() || started());
        std::thread::sleep(Duration::from_millis(100));
        running.signal(Signal::INT);
        running.finish(SOON).code(130);
        assert_eq!(sandbox.list("").len(), 2, "{words}: {:?}", sandbox.list(""));
        assert!(sandbox.list("scratch").is_empty(), "{words}");
    }
}

#[test]
fn a_reader_that_goes_away_is_no_news() {
    let sandbox = Sandbox::new();
    sandbox.write("big", noise(1, 5_000_000));
    let gz = sandbox.haul("gzip -1").input(prose(2, 20_000_000)).run().ok().out;
    sandbox.write("packed.gz", gz);
    for way in ways() {
        for words in ["gzip -c big", "gunzip -c packed.gz", "gunzip -c packed.gz packed.gz"] {
            let mut running = sandbox.haul(format!("{words} {way}")).spawn();
            assert_eq!(running.read_and_hang_up(10).len(), 10);
            let run = running.finish(SOON).silent();
            let quiet = run.succeeded() || common::Running::ended_by(&run) == Some(Signal::PIPE.as_raw());
            assert!(quiet, "{words} {way}: {}", run.status());
        }
    }
    assert_eq!(sandbox.list("").len(), 2);
}

#[test]
fn many_files_done_before_the_signal_stay_done() {
    let sandbox = Sandbox::new();
    for number in 0..50 {
        sandbox.write(format!("tree/{number:02}"), noise(number, 200_000));
    }
    let originals = snapshot(sandbox.path("tree"));
    let mut running = sandbox.haul("gzip -r tree --buffer 1 --workers 2").spawn();
    let is_done = |name: &std::ffi::OsString| name.to_string_lossy().ends_with(".gz");
    common::wait_until("the first .gz", || running.ended() || sandbox.list("tree").iter().any(is_done));
    running.signal(Signal::TERM);
    running.finish(SOON).code(143);
    for (name, node) in originals.iter().filter(|(_, node)| node.kind == "file") {
        let (plain, gz) =
            (sandbox.path("tree").join(name), sandbox.path("tree").join(format!("{}.gz", name.display())));
        assert!(plain.exists() != gz.exists(), "{} exists twice or not at all", name.display());
        if plain.exists() {
            assert!(std::fs::read(&plain).unwrap() == node.bytes, "{}", name.display());
        } else {
            assert!(sandbox.haul("gunzip -c").arg(&gz).run().ok().out == node.bytes, "{}", gz.display());
        }
    }
    sandbox.assert_no_leftovers("a tree that was interrupted");
}
