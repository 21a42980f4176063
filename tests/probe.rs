//! The probe against the kernel. The counters belong to the whole process, so this is one test in a program of its
//! own: no other thread reads, writes or allocates meanwhile.

use std::fs::File;
use std::io::Write as _;
use std::os::unix::fs::FileExt as _;

use haul::measure::probe::Probe;
use haul::outcome::Summary;
use haul::sys::{Stop, Sys};

#[test]
fn a_sample_agrees_with_the_kernel_and_shows_what_went_past_us() {
    let mut file = tempfile::tempfile().unwrap();
    file.write_all(&[7; 4096]).unwrap();
    every_counted_call_is_explained(&file);
    calls_that_went_past_us_show(&file);
    memory_that_was_touched_shows();
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
        assert!(sample.wall_ns > 0);
    }
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
