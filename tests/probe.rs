//! The probe against the kernel. The counters belong to the whole process, so this is one test in a program of its
//! own: no other thread reads, writes or allocates meanwhile.

use std::fs::File;
use std::io::Write as _;
use std::num::NonZeroUsize;
use std::os::unix::fs::FileExt as _;

use haul::calls::SyscallCounts;
use haul::copy;
use haul::job::Context;
use haul::lab::cache::{self, Storage, evict};
use haul::lab::metric::Metric;
use haul::lab::plan::{CacheState, SweepJob};
use haul::lab::probe::Probe;
use haul::lab::report::Sample;
use haul::plan::{CopyOptions, EngineName, Resources};
use haul::sys::{Stop, Sys, cached_pages};

#[test]
fn a_sample_agrees_with_the_kernel_and_shows_what_went_past_us() {
    let mut file = tempfile::tempfile().unwrap();
    file.write_all(&[7; 4096]).unwrap();
    every_counted_call_is_explained(&file);
    calls_that_went_past_us_show(&file);
    child_processes_are_in_all_counts();
    memory_that_was_touched_shows();
    bytes_from_the_disk_show();
    runs_are_proven_to_be_what_they_are_called();
}

fn every_counted_call_is_explained(file: &File) {
    let other = tempfile::tempfile().unwrap();
    for _ in 0..3 {
        let mut sys = Sys::new(Stop::new());
        let mut byte = [0];
        let probe = Probe::start();
        for offset in 0..100 {
            sys.pread(file, &mut byte, offset).unwrap();
        }
        for offset in 0..40 {
            sys.pwrite(file, &byte, offset).unwrap();
        }
        assert_eq!(sys.copy_file_range(file, &other, 0, 4096), Ok(4096));
        assert_eq!(sys.copy_file_range(file, &other, 4096, 4096), Ok(0));
        let sample = probe.finish(sys.counts().clone());
        if let (Some(reads), Some(writes)) =
            (sample.metrics.get(Metric::UnexplainedReads), sample.metrics.get(Metric::UnexplainedWrites))
        {
            assert_eq!((reads, writes), (0.0, 0.0));
        }
        assert_eq!(sample.calls.kernel_reads, 101);
        let shown = ["cpu", "io", "memory"].iter().all(|what| readable(&format!("/proc/pressure/{what}")));
        assert_eq!(sample.metrics.get(Metric::CpuStall).is_some(), shown, "{sample:?}");
        assert!(sample.wall_ns > 0);
    }
}

#[allow(clippy::disallowed_methods, reason = "the test looks past the counts")]
fn readable(path: &str) -> bool {
    File::open(path).is_ok_and(|file| file.read_at(&mut [0; 100], 0).is_ok())
}

fn calls_that_went_past_us_show(file: &File) {
    let mut byte = [0];
    let probe = Probe::start();
    for _ in 0..5 {
        file.read_at(&mut byte, 0).unwrap();
    }
    file.write_at(&byte, 0).unwrap();
    let sample = probe.finish(SyscallCounts::default());
    for (metric, calls) in [(Metric::UnexplainedReads, 5), (Metric::UnexplainedWrites, 1)] {
        assert!(sample.metrics.get(metric).is_none_or(|seen| seen as i64 == calls), "{sample:?}");
    }
}

/// As soon as somebody waited for them.
fn child_processes_are_in_all_counts() {
    let probe = Probe::start();
    let work = "i=0; while [ $i -lt 20000 ]; do i=$((i + 1)); done; for i in 1 2 3 4 5; do sleep 0.01; done";
    let status = std::process::Command::new("sh").args(["-c", work]).status().unwrap();
    let sample = probe.finish(SyscallCounts::default());
    assert!(status.success());
    let of = |metric| sample.metrics.whole(metric);
    // This thread waits once, the shell for each sleep, and each sleep for its time.
    assert!(of(Metric::VoluntarySwitches) >= 10, "{sample:?}");
    assert!(of(Metric::User) + of(Metric::System) > 2_000_000, "{sample:?}");
    // What the loader reads of a shell and five other programs.
    let reads = sample.metrics.get(Metric::UnexplainedReads);
    assert!(reads.is_none_or(|reads| reads >= 6.0), "{sample:?}");
}

fn memory_that_was_touched_shows() {
    const TOUCHED: u64 = 64 << 20;
    let run = |bytes: u64| {
        let probe = Probe::start();
        std::hint::black_box(vec![1_u8; bytes as usize]);
        probe.finish(SyscallCounts::default())
    };
    let (large, small) = (run(TOUCHED), run(4096));
    assert!(large.metrics.whole(Metric::MinorFaults) > small.metrics.whole(Metric::MinorFaults));
    let peak = |sample: &Sample| sample.metrics.get(Metric::Peak).map(|peak| peak as u64);
    if let (Some(large), Some(small)) = (peak(&large), peak(&small)) {
        assert!(large >= TOUCHED && small < TOUCHED, "{large} {small}");
        assert!(large - small > TOUCHED / 10 * 9, "{large} {small}");
    }
}

/// A place beside the program, where a disk is likelier than in /tmp; in /tmp if it is not ours.
fn place() -> tempfile::TempDir {
    let program = std::env::current_exe().unwrap();
    tempfile::tempdir_in(program.parent().unwrap()).or_else(|_| tempfile::tempdir()).unwrap()
}

fn bytes_from_the_disk_show() {
    const BYTES: usize = 4 << 20;
    let place = place();
    let mut file = tempfile::tempfile_in(place.path()).unwrap();
    let run = |work: &mut dyn FnMut()| {
        let probe = Probe::start();
        work();
        probe.finish(SyscallCounts::default())
    };
    let written = run(&mut || file.write_all(&vec![7; BYTES]).unwrap());
    let mut sys = Sys::new(Stop::new());
    let mut buffer = vec![0; BYTES];
    evict(&mut sys, &file).unwrap();
    if cached_pages(&file).is_none_or(|pages| pages > 0) || written.metrics.whole(Metric::DiskWrite) == 0 {
        eprintln!("skipped: there is no disk here, or nobody says what comes from it");
        return;
    }
    let cold = run(&mut || file.read_exact_at(&mut buffer, 0).unwrap());
    let warm = run(&mut || file.read_exact_at(&mut buffer, 0).unwrap());
    assert_eq!(written.metrics.whole(Metric::DiskWrite), BYTES as u64, "{written:?}");
    // A page of this program may come from the disk meanwhile.
    let read = |sample: &Sample| sample.metrics.whole(Metric::DiskRead) / (BYTES as u64);
    assert_eq!((read(&cold), read(&warm)), (1, 0), "{cold:?} {warm:?}");
}

/// Copies by every engine that reads, cold and then warm: each is taken for what it is, and for nothing else.
#[allow(clippy::disallowed_methods, reason = "the test makes its own files")]
fn runs_are_proven_to_be_what_they_are_called() {
    let place = place();
    let (source, mut sys) = (place.path().join("source"), Sys::new(Stop::new()));
    std::fs::write(&source, vec![7; 8 << 20]).unwrap();
    let storage = Storage::of(&mut sys, &source).unwrap();
    if cache::require_cold(&mut sys, &source, storage).is_err() {
        eprintln!("skipped: nothing is cold here");
        return;
    }
    for engine in [EngineName::ReadWrite, EngineName::CopyFileRange, EngineName::Mmap] {
        cache::make_cold(&mut sys, &source).unwrap();
        for (is, other) in [(CacheState::Cold, CacheState::Warm), (CacheState::Warm, CacheState::Cold)] {
            let target = place.path().join(format!("{}-{}", engine.name(), is.name()));
            let before = cache::cached_part(&mut sys, &source, storage);
            let resources = Resources::with_workers(NonZeroUsize::MIN);
            let options = CopyOptions { engine, resources, ..CopyOptions::new(vec![source.clone()], target) };
            let plan = options.plan().unwrap();
            let probe = Probe::start();
            let summary = copy::run(&plan, &Context::silent()).unwrap();
            let mut sample = probe.finish(summary.syscalls.clone());
            sample.metrics.count(Metric::SourceBytes, summary.source_bytes);
            if let Some(part) = before {
                sample.metrics.set(Metric::CachedBefore, part);
            }
            cache::prove(SweepJob::Copy, is, storage, &mut sample);
            assert_eq!(sample.invalid, None, "{} {}: {sample:?}", engine.name(), is.name());
            cache::prove(SweepJob::Copy, other, storage, &mut sample);
            let known =
                before.is_some() && sample.metrics.get(Metric::DiskRead).is_some() && copies_bytes(place.path());
            assert!(sample.invalid.is_some() || !known, "{} {}: {sample:?}", engine.name(), is.name());
        }
    }
}

/// Whether this is ext4: elsewhere data may be shared or compressed, and less is known of a run.
fn copies_bytes(place: &std::path::Path) -> bool {
    rustix::fs::statfs(place).unwrap().f_type == 0xef53
}
