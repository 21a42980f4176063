//! The probe against the kernel. The counters belong to the whole process, so this is one test in a program of its
//! own: no other thread reads, writes or allocates meanwhile.

use std::fs::File;
use std::io::Write as _;
use std::num::NonZeroUsize;
use std::os::unix::fs::FileExt as _;

use haul::copy;
use haul::job::Context;
use haul::lab::storage::Storage;
use haul::lab::sweep::cache;
use haul::measure::cache::evict;
use haul::measure::probe::Probe;
use haul::outcome::{Sample, Setting, Summary};
use haul::plan::{CacheState, CopyOptions, EngineName, PoolChoice, Resources, SchedulerName, SweepJob};
use haul::size::BufferSize;
use haul::sys::{Stop, Sys, cached_pages};

#[test]
fn a_sample_agrees_with_the_kernel_and_shows_what_went_past_us() {
    let mut file = tempfile::tempfile().unwrap();
    file.write_all(&[7; 4096]).unwrap();
    every_counted_call_is_explained(&file);
    calls_that_went_past_us_show(&file);
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
        let sample = probe.finish(Summary { syscalls: sys.counts().clone(), ..Summary::default() });
        if let (Some(reads), Some(writes)) = (sample.unexplained_reads, sample.unexplained_writes) {
            assert_eq!((reads, writes), (0, 0));
        }
        assert_eq!(sample.summary.syscalls.kernel_reads, 101);
        let shown = ["cpu", "io", "memory"].iter().all(|what| readable(&format!("/proc/pressure/{what}")));
        assert_eq!(sample.pressure.is_some(), shown, "{sample:?}");
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
    let sample = probe.finish(Summary::default());
    assert!(matches!(sample.unexplained_reads, None | Some(5)), "{sample:?}");
    assert!(matches!(sample.unexplained_writes, None | Some(1)), "{sample:?}");
}

fn memory_that_was_touched_shows() {
    const TOUCHED: u64 = 64 << 20;
    let run = |bytes: u64| {
        let probe = Probe::start();
        std::hint::black_box(vec![1_u8; bytes as usize]);
        probe.finish(Summary::default())
    };
    let (large, small) = (run(TOUCHED), run(4096));
    assert!(large.minor_faults > small.minor_faults);
    if let (Some(large), Some(small)) = (large.peak_bytes, small.peak_bytes) {
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
        probe.finish(Summary::default())
    };
    let written = run(&mut || file.write_all(&vec![7; BYTES]).unwrap());
    let mut sys = Sys::new(Stop::new());
    let mut buffer = vec![0; BYTES];
    evict(&mut sys, &file).unwrap();
    if cached_pages(&file).is_none_or(|pages| pages > 0) || written.disk_write_bytes.unwrap_or(0) == 0 {
        eprintln!("skipped: there is no disk here, or nobody says what comes from it");
        return;
    }
    let cold = run(&mut || file.read_exact_at(&mut buffer, 0).unwrap());
    let warm = run(&mut || file.read_exact_at(&mut buffer, 0).unwrap());
    assert_eq!(written.disk_write_bytes, Some(BYTES as u64), "{written:?}");
    // A page of this program may come from the disk meanwhile.
    let read = |sample: &Sample| sample.disk_read_bytes.unwrap() / (BYTES as u64);
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
            let mut sample = Sample { cached_before: before, ..probe.finish(summary) };
            cache::prove(&setting(engine, is), storage, &mut sample);
            assert_eq!(sample.invalid, None, "{} {}: {sample:?}", engine.name(), is.name());
            cache::prove(&setting(engine, other), storage, &mut sample);
            let known = before.is_some() && sample.disk_read_bytes.is_some() && copies_bytes(place.path());
            assert!(sample.invalid.is_some() || !known, "{} {}: {sample:?}", engine.name(), is.name());
        }
    }
}

/// Whether this is ext4: elsewhere data may be shared or compressed, and less is known of a run.
fn copies_bytes(place: &std::path::Path) -> bool {
    rustix::fs::statfs(place).unwrap().f_type == 0xef53
}

fn setting(engine: EngineName, cache: CacheState) -> Setting {
    Setting {
        job: SweepJob::Copy,
        cache,
        buffer: BufferSize::from_kib(64),
        chooses_buffer: false,
        workers: 1,
        scheduler: SchedulerName::Channel,
        engine,
        pool: PoolChoice::Auto,
        batch: true,
        level: None,
    }
}
