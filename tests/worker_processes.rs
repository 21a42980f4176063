//! Worker processes are ended from outside: each costs one file at most, which is said, and nothing else; and none is left
//! when the job ends, however it ends.

#![allow(clippy::disallowed_methods, missing_docs, reason = "the tests look at files and processes from outside")]

mod common;

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use common::{Running, Sandbox, many, noise, prose, wait_until};
use rustix::process::{Pid, Signal, kill_process};

const PATIENCE: Duration = Duration::from_secs(60);

/// The children of a process that there are right now, whichever of its threads started them.
fn children(of: u32) -> Vec<u32> {
    let threads = std::fs::read_dir(format!("/proc/{of}/task")).into_iter().flatten().flatten();
    let lists = threads.filter_map(|thread| std::fs::read_to_string(thread.path().join("children")).ok());
    lists.flat_map(|list| list.split_whitespace().filter_map(|pid| pid.parse().ok()).collect::<Vec<_>>()).collect()
}

fn kill(pid: u32, signal: Signal) {
    let _ = kill_process(Pid::from_raw(pid as i32).expect("a process"), signal);
}

/// Kills one worker process after another, until the job has ended: how many.
fn kill_at_random(running: &mut Running, seed: u64) -> usize {
    let (mut killed, begun) = (0, Instant::now());
    for step in 0.. {
        if running.ended() || begun.elapsed() > PATIENCE {
            break;
        }
        let random = noise(seed * 1_000 + step, 2);
        std::thread::sleep(Duration::from_micros(2_000 + u64::from(random[0]) * 100));
        let workers = children(running.pid());
        if let Some(worker) = workers.get(usize::from(random[1]) % workers.len().max(1)) {
            kill(*worker, Signal::KILL);
            killed += 1;
        }
    }
    killed
}

/// The files that a job said it failed at, since their worker process was killed; fails if it said anything else.
fn said(err: &str) -> BTreeSet<PathBuf> {
    let lost = |line: &str| {
        let (before, _) = line.split_once("': its worker process was ended by signal 9")?;
        Some(PathBuf::from(before.split_once('\'')?.1))
    };
    // Then they are said once more, as many as fit on a screen.
    let lines: Vec<_> = err.lines().take_while(|line| !line.ends_with("files failed:")).collect();
    let named: BTreeSet<_> = lines.iter().filter_map(|line| lost(line)).collect();
    assert!(lines.iter().all(|line| lost(line).is_some() || line.contains("cannot be reached")), "{err}");
    named
}

fn furnish(sandbox: &Sandbox) -> Vec<PathBuf> {
    let sizes = [0, 10, 3_000, 70_000, 900_000, 5_000_000];
    let name = |number: usize| PathBuf::from(format!("tree/{}/{number}", number % 3));
    let names: Vec<_> = (0..60).map(name).collect();
    for (number, name) in names.iter().enumerate() {
        sandbox.write(name, prose(number as u64, sizes[number % sizes.len()]));
    }
    names
}

fn compressed(name: &Path) -> PathBuf {
    PathBuf::from(format!("{}.gz", name.display()))
}

#[test]
fn a_killed_worker_process_costs_gzip_one_file() {
    let (mut killed, mut failed, wanted) = (0, 0, many(25, 100));
    for round in 0.. {
        if killed >= wanted {
            break;
        }
        let sandbox = Sandbox::new();
        let names = furnish(&sandbox);
        let haul = sandbox.haul("gzip -r9 tree --scheduler processes --workers 3");
        let mut running = haul.spawn();
        let kills = kill_at_random(&mut running, round);
        let run = running.finish(PATIENCE);
        let lost = said(&run.err);
        assert!(lost.len() <= kills, "{} files for {kills} kills: {}", lost.len(), run.err);
        assert_eq!(run.status().code(), Some(i32::from(!lost.is_empty())), "{}", run.err);
        for name in &names {
            assert_ne!(sandbox.exists(name), sandbox.exists(compressed(name)), "{}: {}", name.display(), run.err);
            assert_eq!(sandbox.exists(name), lost.contains(name), "{}: {}", name.display(), run.err);
        }
        sandbox.assert_no_leftovers("after kills");
        // The second time nobody kills: what was lost is all that there is to do.
        sandbox.haul("gzip -r1 tree --scheduler processes").run().ok();
        sandbox.haul("gunzip -r tree --scheduler processes").run().ok();
        for (number, name) in names.iter().enumerate() {
            let bytes = sandbox.read(name);
            assert!(bytes == prose(number as u64, bytes.len()), "{}", name.display());
        }
        (killed, failed) = (killed + kills, failed + lost.len());
    }
    eprintln!("gzip: {killed} worker processes were killed, {failed} files failed");
}

#[test]
fn a_killed_worker_process_costs_copy_one_file() {
    let (mut killed, mut failed, wanted) = (0, 0, many(25, 100));
    for round in 0.. {
        if killed >= wanted {
            break;
        }
        let sandbox = Sandbox::new();
        let names = furnish(&sandbox);
        // Small buffers make it last.
        let haul = sandbox.haul("copy tree target --scheduler processes --workers 3 --engine read_write --buffer 512");
        let mut running = haul.spawn();
        let kills = kill_at_random(&mut running, 500 + round);
        let run = running.finish(PATIENCE);
        let lost = said(&run.err);
        assert!(lost.len() <= kills, "{} files for {kills} kills: {}", lost.len(), run.err);
        for name in &names {
            let target = Path::new("target").join(name.strip_prefix("tree").unwrap());
            assert_ne!(sandbox.exists(&target), lost.contains(name), "{}: {}", name.display(), run.err);
            if sandbox.exists(&target) {
                assert!(sandbox.read(&target) == sandbox.read(name), "{}", name.display());
            }
        }
        sandbox.assert_no_leftovers("after kills");
        (killed, failed) = (killed + kills, failed + lost.len());
    }
    eprintln!("copy: {killed} worker processes were killed, {failed} files failed");
}

/// Waits until a job has worker processes.
fn workers_of(running: &Running, count: usize) -> Vec<u32> {
    let mut workers = Vec::new();
    wait_until("worker processes", || {
        workers = children(running.pid());
        workers.len() == count
    });
    workers
}

#[test]
fn no_worker_process_outlives_its_job() {
    for signal in [Signal::INT, Signal::TERM, Signal::KILL] {
        let sandbox = Sandbox::new();
        sandbox.write("large", noise(1, 60_000_000));
        let running = sandbox.haul("gzip -9 large --scheduler processes --workers 3").spawn();
        let workers = workers_of(&running, 3);
        kill(running.pid(), signal);
        let run = running.finish(PATIENCE);
        assert!(!run.succeeded());
        wait_until("the end of all worker processes", || {
            workers.iter().all(|worker| !Path::new(&format!("/proc/{worker}/fd/0")).exists())
        });
        assert!(sandbox.exists("large") && !sandbox.exists("large.gz"));
        if signal != Signal::KILL {
            sandbox.assert_no_leftovers("after a signal");
        }
    }
}

#[test]
fn an_idle_worker_process_that_is_killed_costs_nothing() {
    let sandbox = Sandbox::new();
    common::make_fifo(sandbox.path("fifo"));
    let mut running = sandbox.haul("gzip -c fifo --force --scheduler processes --workers 2").spawn();
    let workers = workers_of(&running, 2);
    for worker in &workers {
        kill(*worker, Signal::KILL);
    }
    wait_until("their end", || workers.iter().all(|worker| !Path::new(&format!("/proc/{worker}/fd/0")).exists()));
    assert!(!running.ended());
    std::fs::write(sandbox.path("fifo"), prose(1, 30_000)).unwrap();
    let run = running.finish(PATIENCE);
    assert!(run.succeeded(), "{}", run.err);
}

#[test]
fn counts_of_all_processes_add_up() {
    let sandbox = Sandbox::new();
    furnish(&sandbox);
    let reads_and_writes = |scheduler: &str| {
        let words = format!("gzip -rkf tree --json --scheduler {scheduler} --workers 2");
        let json = sandbox.haul(words).run().ok().json();
        let calls = |name: &str| json["syscalls"][name]["calls"].as_u64().unwrap_or(0);
        let bytes = |name: &str| json["syscalls"][name]["bytes"].as_u64().unwrap_or(0);
        (calls("pread64"), bytes("pread64"), calls("write"), bytes("write"), json["processes"].as_u64())
    };
    let threads = reads_and_writes("channel");
    let processes = reads_and_writes("processes");
    assert_eq!((threads.4, processes.4), (Some(0), Some(2)));
    assert_eq!((threads.0, threads.1, threads.2, threads.3), (processes.0, processes.1, processes.2, processes.3));
}

#[test]
fn nobody_starts_a_worker_process_by_hand() {
    let sandbox = Sandbox::new();
    sandbox.haul("worker copy").run().code(2).says(&["it is started by one"]);
}
