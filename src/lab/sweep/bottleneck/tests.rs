//! What is named from which evidence.

use super::*;
use crate::lab::sweep::testing::{report, row, setting};
use crate::outcome::Setting;

/// What is said of runs of 100 ms over 1 MiB on two cores.
fn named(workers: usize, change: impl Fn(&mut Sample)) -> (&'static str, String) {
    let mut row = row(Setting { workers, ..setting(64) }, &[100, 100, 100]);
    row.samples.iter_mut().for_each(change);
    let mut report = report(vec![row]);
    report.machine.cores = 2;
    let bottleneck = of(&report, &report.rows[0]).unwrap();
    (bottleneck.word, bottleneck.evidence)
}

fn stalled(sample: &mut Sample, cpu_ms: u64, io_ms: u64, memory_ms: u64) {
    let [cpu_some_ns, io_some_ns, memory_some_ns] = [cpu_ms, io_ms, memory_ms].map(|ms| ms * 1_000_000);
    sample.pressure = Some(Pressure { cpu_some_ns, io_some_ns, memory_some_ns, ..Pressure::default() });
}

fn told(workers: usize, change: impl Fn(&mut Sample)) -> String {
    let (word, evidence) = named(workers, change);
    format!("{word}: {evidence}")
}

fn cold(sample: &mut Sample) {
    sample.system_ns = 30_000_000;
    sample.disk_read_bytes = Some(1 << 20);
    stalled(sample, 0, 61, 0);
}

#[test]
fn evidence_names_the_bottleneck() {
    assert_eq!(
        told(1, |sample| (sample.user_ns, sample.system_ns) = (5_000_000, 93_000_000)),
        "CPU: 98% of its core used, 95% of that in the kernel, 16 calls/MiB; 1 of 2 cores not asked for"
    );
    assert_eq!(
        told(8, |sample| (sample.user_ns, sample.system_ns) = (180_000_000, 10_000_000)),
        "CPU: 95% of its 2 cores used, 95% of that in haul itself"
    );
    assert_eq!(
        told(1, cold),
        "disk: 30% of its core used, 1 MiB read from the disk, storage waited for 61% of the time"
    );
    let swapping = |sample: &mut Sample| {
        cold(sample);
        stalled(sample, 0, 61, 14);
    };
    assert_eq!(told(1, swapping), "memory: 14% of the time tasks waited for memory; 30% of its core used");
    assert_eq!(
        told(2, |sample| (sample.system_ns, sample.voluntary_switches) = (90_000_000, 1234)),
        "locks: 45% of its 2 cores used, nothing from the disk, 1234 waits for another thread, a lock or storage"
    );
    assert_eq!(
        told(2, |sample| (sample.system_ns, sample.voluntary_switches) = (98_000_000, 12)),
        "one worker: one core's worth used by 2 workers: the work is not shared (few files in a batch, or one file \
         in one piece)"
    );
}

#[test]
fn what_others_do_is_not_blamed_on_the_disk_or_on_locks() {
    let crowded = |sample: &mut Sample| {
        sample.user_ns = 60_000_000;
        stalled(sample, 40, 50, 0);
    };
    assert_eq!(
        told(1, crowded),
        "other programs: 60% of its core used, its core taken away 0 times, tasks waited for a core 40% of the time"
    );
    let ousted = |sample: &mut Sample| (sample.user_ns, sample.involuntary_switches) = (60_000_000, 50);
    assert_eq!(named(1, ousted).0, "other programs");
    // Storage is waited for by somebody, and nothing of ours came from it.
    let beside_a_reader = |sample: &mut Sample| {
        (sample.user_ns, sample.voluntary_switches) = (60_000_000, 3);
        stalled(sample, 0, 90, 0);
    };
    assert_eq!(
        told(1, beside_a_reader),
        "unclear: 60% of its core used, nothing from the disk, 3 waits for another thread, a lock or storage, its \
         core taken away 0 times, tasks waited for a core 0% of the time"
    );
    let throttled = |sample: &mut Sample| {
        beside_a_reader(sample);
        sample.disk_write_bytes = Some(5 << 20);
    };
    assert_eq!(
        told(1, throttled),
        "disk: 60% of its core used, nothing read from the disk, 5 MiB to be written to it, storage waited for 90% \
         of the time"
    );
    assert_eq!(named(1, |_| ()).0, "unclear", "no figure explains an idle core by itself");
}

#[test]
fn nothing_is_said_of_nothing() {
    let report = report(vec![row(setting(64), &[])]);
    assert_eq!(of(&report, &report.rows[0]), None);
}

#[test]
fn runs_that_do_not_count_and_the_reports_own_size_say_nothing() {
    let mut row = row(setting(64), &[100, 100, 100]);
    for (place, sample) in row.samples.iter_mut().enumerate() {
        cold(sample);
        if place > 0 {
            (sample.invalid, sample.disk_read_bytes) = (Some("warm".to_owned()), Some(0));
        }
    }
    let mut report = report(vec![row]);
    report.source_bytes = 1 << 40;
    assert_eq!(of(&report, &report.rows[0]).map(|found| found.word), Some("disk"));
}
