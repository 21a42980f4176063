//! haul's own counts of all its system calls against those of strace and perf, by the very code that
//! `sweep --verify-counts` uses.

#![allow(clippy::disallowed_methods, missing_docs, reason = "the tests look at files from outside")]

mod common;

use std::path::Path;

use common::run::binary;
use common::{Sandbox, can_trace, noise, prose, skip, wait_until};
use haul::lab::observe::{Tool, observe_with};
use haul::lab::report::Observed;
use haul::lab::setting::{Axis, Setting};
use haul::lab::subject::job::run_spec::RunSpec;
use haul::plan::CodecName;
use haul::sys::Stop;

const BUFFERS_KIB: [u64; 3] = [4, 64, 1024];
const WORKERS: [usize; 2] = [1, 2];

fn setting(job: &'static str) -> Setting {
    let setting =
        Setting::default().with(Axis::Job, job).with(Axis::Workers, 2_usize).with(Axis::Buffer, 64 * 1024_u64);
    if job == "gzip" { setting.with(Axis::Level, 1_u64) } else { setting }
}

fn spec(sandbox: &Sandbox, input: &str, setting: Setting) -> RunSpec {
    let (input, target) = (sandbox.path(input), sandbox.path("target"));
    let is_tree = input.is_dir();
    RunSpec { input, target, setting, codec: CodecName::Auto, block: None, is_tree }
}

/// Runs what a spec says under a tool; what the job says that it does, the tool must have seen.
#[track_caller]
fn assert_agrees(tool: Tool, spec: &RunSpec) -> Observed {
    let observed = observe_with(tool, binary(), spec, &Stop::new());
    let observed = observed.unwrap_or_else(|why| panic!("{}: {why}: {spec:?}", tool.name()));
    let differ: Vec<_> = observed.calls.iter().filter(|call| call.ours != call.theirs).collect();
    assert!(observed.agrees(), "{:?}: {differ:?}", spec.setting);
    assert!(observed.calls.len() > 3, "{observed:?}");
    assert_eq!(observed.tool, tool.name());
    observed
}

/// Each buffer with each number of workers.
fn settings(setting: &Setting) -> impl Iterator<Item = Setting> {
    let sized = BUFFERS_KIB.map(|kib| setting.clone().with(Axis::Buffer, kib * 1024));
    sized.into_iter().flat_map(|setting| WORKERS.map(|workers| setting.clone().with(Axis::Workers, workers)))
}

#[test]
fn copies_by_each_engine_are_counted_as_strace_counts_them() {
    if !can_trace() {
        return;
    }
    let sandbox = Sandbox::new();
    // Large enough to be shared, and no multiple of any buffer.
    sandbox.write("source", noise(1, 5_000_001));
    for engine in ["auto", "read_write", "copy_file_range", "mmap", "direct"] {
        for setting in settings(&setting("copy").with(Axis::Engine, engine)) {
            assert_agrees(Tool::Strace, &spec(&sandbox, "source", setting));
            sandbox.remove("target");
        }
    }
}

#[test]
fn gzip_and_gunzip_are_counted_as_strace_counts_them() {
    if !can_trace() {
        return;
    }
    let sandbox = Sandbox::new();
    sandbox.write("source", prose(1, 2_500_001));
    sandbox.haul("gzip -k source").run().ok();
    std::fs::rename(sandbox.path("source.gz"), sandbox.path("packed.gz")).expect("rename");
    for (job, input, made) in [("gzip", "source", "source.gz"), ("gunzip", "packed.gz", "packed")] {
        for setting in settings(&setting(job)) {
            assert_agrees(Tool::Strace, &spec(&sandbox, input, setting));
            sandbox.remove(made);
        }
    }
}

fn make_tree(sandbox: &Sandbox) {
    for number in 0..40 {
        sandbox.write(format!("tree/{}/{number}", number % 3), prose(number, 1000 * number as usize));
    }
    sandbox.link("tree/link", "1/1");
    std::fs::hard_link(sandbox.path("tree/1/1"), sandbox.path("tree/2/twin")).expect("link");
}

#[test]
fn a_tree_is_counted_as_strace_counts_it_whoever_runs_the_tasks() {
    if !can_trace() {
        return;
    }
    let sandbox = Sandbox::new();
    make_tree(&sandbox);
    for scheduler in ["serial", "channel", "rayon"] {
        for engine in ["auto", "read_write"] {
            let copy = setting("copy").with(Axis::Scheduler, scheduler).with(Axis::Engine, engine);
            assert_agrees(Tool::Strace, &spec(&sandbox, "tree", copy));
            sandbox.remove("target");
        }
    }
    let observed = assert_agrees(Tool::Strace, &spec(&sandbox, "tree", setting("gzip")));
    let of = |name: &str| observed.calls.iter().find(|call| call.call == name).map_or(0, |call| call.theirs);
    assert!(of("getdents64") > 0 && of("openat") > 40 && of("write") + of("pwrite64") >= 40, "{observed:?}");
}

#[test]
fn perf_counts_the_same_where_it_may() {
    let sandbox = Sandbox::new();
    make_tree(&sandbox);
    let copy = spec(&sandbox, "tree", setting("copy"));
    match observe_with(Tool::Perf, binary(), &copy, &Stop::new()) {
        Ok(observed) => assert!(observed.agrees() && observed.calls.len() > 3, "{observed:#?}"),
        Err(why) if why.contains("haul") => panic!("{why}"),
        Err(why) => skip(&format!("perf may not count here: {why}")),
    }
}

#[test]
fn a_request_to_stop_ends_the_job_too_that_is_watched() {
    let sandbox = Sandbox::new();
    sandbox.write("source", prose(1, 8_000_000));
    let slow = spec(&sandbox, "source", setting("gzip").with(Axis::Level, 12_u64));
    for tool in Tool::ALL {
        let stop = Stop::new();
        let why = std::thread::scope(|scope| {
            let watched = scope.spawn(|| observe_with(tool, binary(), &slow, &stop));
            wait_until("the job", || common::temporary_file(sandbox.path("")).is_some() || watched.is_finished());
            stop.request(15);
            watched.join().expect("no panic").expect_err("it was stopped, or the tool does not work here")
        });
        if !why.contains("interrupted") {
            skip(&format!("{}: {why}", tool.name()));
        }
        // It was not left to go on by itself.
        assert!(!sandbox.exists("source.gz"), "{}", tool.name());
        if let Some(file) = common::temporary_file(sandbox.path("")) {
            std::fs::remove_file(file).expect("remove");
        }
    }
}

#[test]
fn a_job_that_fails_says_why() {
    if !can_trace() {
        return;
    }
    let sandbox = Sandbox::new();
    let nothing = spec(&sandbox, "nothing", setting("copy"));
    let why = observe_with(Tool::Strace, binary(), &nothing, &Stop::new()).expect_err("nothing is not there");
    assert!(why.contains("nothing") && why.contains("No such file"), "{why}");
    let missing = Path::new("/nowhere/haul");
    assert!(observe_with(Tool::Strace, missing, &nothing, &Stop::new()).is_err());
}
