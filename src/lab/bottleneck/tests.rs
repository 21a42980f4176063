//! What is named from which evidence.

use super::*;
use crate::lab::report::Sample;
use crate::lab::testing::{report, row, setting};

/// What is said of runs of 100 ms over 1 MiB on two cores, of which this was measured.
fn named(workers: usize, measured: &[(Metric, u64)]) -> (&'static str, String) {
    let mut row = row(setting(64).with(Axis::Workers, workers), &[100, 100, 100]);
    row.samples.iter_mut().for_each(|sample| set(sample, measured));
    let mut report = report(vec![row]);
    report.machine.cores = 2;
    let bottleneck = of(&report, &report.rows[0]).unwrap();
    (bottleneck.word, bottleneck.evidence)
}

fn set(sample: &mut Sample, measured: &[(Metric, u64)]) {
    for (metric, value) in measured {
        sample.metrics.count(*metric, *value);
    }
}

fn told(workers: usize, measured: &[(Metric, u64)]) -> String {
    let (word, evidence) = named(workers, measured);
    format!("{word}: {evidence}")
}

const MS: u64 = 1_000_000;
const COLD: [(Metric, u64); 3] = [(Metric::System, 30 * MS), (Metric::DiskRead, 1 << 20), (Metric::IoStall, 61 * MS)];

#[test]
fn evidence_names_the_bottleneck() {
    assert_eq!(
        told(1, &[(Metric::User, 5 * MS), (Metric::System, 93 * MS)]),
        "CPU: 98% of its core used, 95% of that in the kernel, 16 calls/MiB; 1 of 2 cores not asked for"
    );
    assert_eq!(
        told(8, &[(Metric::User, 180 * MS), (Metric::System, 10 * MS)]),
        "CPU: 95% of its 2 cores used, 95% of that in haul itself"
    );
    assert_eq!(
        told(1, &COLD),
        "disk: 30% of its core used, 1 MiB read from the disk, storage waited for 61% of the time"
    );
    let swapping = [&COLD[..], &[(Metric::MemoryStall, 14 * MS)]].concat();
    assert_eq!(told(1, &swapping), "memory: 14% of the time tasks waited for memory; 30% of its core used");
    assert_eq!(
        told(2, &[(Metric::System, 90 * MS), (Metric::VoluntarySwitches, 1234)]),
        "locks: 45% of its 2 cores used, nothing from the disk, 1234 waits for another thread, a lock or storage"
    );
    assert_eq!(
        told(2, &[(Metric::System, 98 * MS), (Metric::VoluntarySwitches, 12)]),
        "one worker: one core's worth used by 2 workers: the work is not shared (few files in a batch, or one file \
         in one piece)"
    );
}

#[test]
fn what_others_do_is_not_blamed_on_the_disk_or_on_locks() {
    let user = (Metric::User, 60 * MS);
    assert_eq!(
        told(1, &[user, (Metric::CpuStall, 40 * MS), (Metric::IoStall, 50 * MS)]),
        "other programs: 60% of its core used, its core taken away 0 times, tasks waited for a core 40% of the time"
    );
    assert_eq!(named(1, &[user, (Metric::InvoluntarySwitches, 50)]).0, "other programs");
    // Storage is waited for by somebody, and nothing of ours came from it.
    let beside_a_reader = [user, (Metric::VoluntarySwitches, 3), (Metric::IoStall, 90 * MS)];
    assert_eq!(
        told(1, &beside_a_reader),
        "unclear: 60% of its core used, nothing from the disk, 3 waits for another thread, a lock or storage, its \
         core taken away 0 times, tasks waited for a core 0% of the time"
    );
    assert_eq!(
        told(1, &[&beside_a_reader[..], &[(Metric::DiskWrite, 5 << 20)]].concat()),
        "disk: 60% of its core used, nothing read from the disk, 5 MiB to be written to it, storage waited for 90% \
         of the time"
    );
    assert_eq!(named(1, &[]).0, "unclear", "no figure explains an idle core by itself");
}

#[test]
fn nothing_is_said_of_nothing() {
    let report = report(vec![row(setting(64), &[])]);
    assert_eq!(of(&report, &report.rows[0]), None);
}

#[test]
fn runs_that_do_not_count_and_the_size_of_the_data_say_nothing() {
    let mut row = row(setting(64), &[100, 100, 100]);
    for (round, sample) in row.samples.iter_mut().enumerate() {
        set(sample, &COLD);
        if round > 0 {
            sample.invalid = Some("warm".to_owned());
            set(sample, &[(Metric::DiskRead, 0)]);
        }
    }
    let mut report = report(vec![row]);
    report.data[0].bytes = 1 << 40;
    assert_eq!(of(&report, &report.rows[0]).map(|found| found.word), Some("disk"));
}
