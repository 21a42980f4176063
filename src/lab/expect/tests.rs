//! Expectations as people write them, and reports that meet them or do not.

use super::*;
use crate::lab::report::{Rank, Sample, Subject};
use crate::lab::setting::Setting;
use crate::lab::testing::report;

/// Thousandths of a rate in eight rounds.
const ROUNDS: [u64; 8] = [1000, 1010, 990, 1020, 980, 1005, 995, 1001];

/// Runs of a second with so many operations.
fn row(load: &'static str, access: Option<&'static str>, depth: usize, rates: &[u64]) -> Row {
    let mut setting = Setting::default().with(Axis::Load, load).with(Axis::Depth, depth);
    if let Some(access) = access {
        setting = setting.with(Axis::Access, access).with(Axis::Block, 1_u64 << 20);
    }
    let block = setting.number(Axis::Block).unwrap_or(0);
    let sample = |rate: &u64| {
        let mut sample = Sample { wall_ns: 1_000_000_000, ..Sample::default() };
        for (metric, count) in
            [(Metric::Operations, *rate), (Metric::ReadBytes, rate * block), (Metric::WrittenBytes, 0)]
        {
            sample.metrics.count(metric, count);
        }
        sample
    };
    Row { samples: rates.iter().map(sample).collect(), ..Row::new(setting) }
}

fn around(rate: u64) -> Vec<u64> {
    ROUNDS.map(|part| rate * part / 1000).to_vec()
}

fn disk(rows: Vec<Row>) -> Report {
    Report { subject: Subject::Disk, rank: Rank::Operation, ..report(rows) }
}

#[test]
fn expectations_are_loads_with_rates() {
    for (text, load, rate, unit) in [
        ("read=3500MB/s", Load::Read, 3500.0, "MB/s"),
        (" write = 1.5 GiB/s ", Load::Write, 1.5, "GiB/s"),
        ("random-read=400kIOPS", Load::RandomRead, 400.0, "kIOPS"),
        ("random-write=400kiops", Load::RandomWrite, 400.0, "kIOPS"),
        ("mixed=1.2MIOPS", Load::Mixed, 1.2, "MIOPS"),
        ("sync=840/s", Load::Sync, 840.0, "op/s"),
        ("sync=3kB/s", Load::Sync, 3.0, "kB/s"),
        ("create=61000op/s", Load::Create, 61000.0, "op/s"),
        ("stat=1e6IOPS", Load::Stat, 1e6, "IOPS"),
        ("remove=1 /s", Load::Remove, 1.0, "op/s"),
    ] {
        let found: Expectation = text.parse().unwrap();
        assert_eq!((found.load, found.rate, found.unit.name), (load, rate, unit), "{text}");
    }
    let list: Expectations = "read=3500MB/s, random-read=400kIOPS".parse().unwrap();
    assert_eq!(list.0.iter().map(|one| one.load).collect::<Vec<_>>(), [Load::Read, Load::RandomRead]);
}

#[test]
fn what_is_no_expectation_says_what_to_write() {
    for (text, why) in [
        ("", "write LOAD=RATE, such as read=3500MB/s"),
        ("read", "write LOAD=RATE, such as read=3500MB/s"),
        ("reed=1MB/s", "there is no load 'reed': write one of read, write, random-read, random-write, mixed, sync, "),
        ("read=3500", "'3500' has no unit: write read=3500MB/s or read=3500IOPS"),
        ("create=3500", "'3500' has no unit: write create=3500IOPS"),
        ("create=35MB/s", "create moves no bytes: write create=35IOPS"),
        ("read=3500Mb/s", "there is no rate in 'Mb/s': write kB/s, KiB/s, MB/s, "),
        ("read=3500M", "there is no rate in 'M': write "),
        ("read=MB/s", "write a rate above 0, such as read=3500MB/s"),
        ("read=", "'' has no unit: write read=3500MB/s"),
        ("read=0MB/s", "write a rate above 0"),
        ("read=-1MB/s", "write a rate above 0"),
        ("read=1,random-read=1MB/s", "'1' has no unit"),
        ("read=1MB/s,", "write LOAD=RATE"),
    ] {
        let found = text.parse::<Expectations>().unwrap_err();
        assert!(found.starts_with(why), "{text:?}: {found}");
    }
}

fn judged(report: &Report, text: &str) -> (Option<bool>, String) {
    let found = judge(report, &text.parse::<Expectations>().unwrap().0);
    assert_eq!(found.len(), 1);
    (found[0].met, found[0].text.clone())
}

#[test]
fn an_interval_decides_and_that_of_direct_settings() {
    let direct = |depth, rate| row("read", Some("direct"), depth, &around(rate));
    let report = disk(vec![
        row("read", Some("buffered"), 1, &around(9000)),
        direct(1, 1000),
        direct(8, 3445),
        row("create", None, 1, &around(61_000)),
    ]);
    for (text, met, said) in [
        (
            "read=3500MB/s",
            Some(true),
            "read: expected 3500 MB/s, met: 3614 MB/s (3540–3684 at 95%, 1M direct, 8 in flight)",
        ),
        (
            "read=4GB/s",
            Some(false),
            "read: expected 4 GB/s, not met: 3.61 GB/s (3.54–3.68 at 95%, 1M direct, 8 in flight)",
        ),
        (
            "read=3.45kIOPS",
            None,
            "read: expected 3.45 kIOPS, cannot tell: 3.45 kIOPS (3.38–3.51 at 95%, 1M direct, 8 in flight); measure with a \
             longer --budget",
        ),
        ("create=50kIOPS", Some(true), "create: expected 50 kIOPS, met: 61.0 kIOPS (59.8–62.2 at 95%)"),
        ("write=1MB/s", None, "write: expected 1 MB/s, cannot tell: write was not measured"),
    ] {
        assert_eq!(judged(&report, text), (met, said.to_owned()));
    }
    let buffered = disk(vec![row("read", Some("buffered"), 1, &around(9000))]);
    assert_eq!(judged(&buffered, "read=8kIOPS").0, Some(true), "there is nothing else");
}

#[test]
fn a_setting_that_may_reach_it_leaves_it_open_and_one_that_does_decides() {
    let wide: Vec<u64> = ROUNDS.map(|part| 3000 + (part - 980) * 40).to_vec();
    let report = |other| {
        let narrow = row("read", Some("direct"), 1, &around(other));
        disk(vec![narrow, row("read", Some("direct"), 8, &wide)])
    };
    assert_eq!(judged(&report(3500), "read=3600IOPS").0, None);
    assert_eq!(judged(&report(3700), "read=3600IOPS").0, Some(true));
    assert_eq!(judged(&report(3500), "read=9000IOPS").0, Some(false));
}

#[test]
fn of_few_runs_nothing_is_told() {
    let mut report = disk(vec![row("read", Some("direct"), 1, &[3600; 5])]);
    let few = "read: expected 3500 IOPS, cannot tell: 5 rounds, 6 needed; measure with --rounds 6 or a longer --budget";
    assert_eq!(judged(&report, "read=3500IOPS"), (None, few.to_owned()));
    report.rows[0].samples.iter_mut().for_each(|sample| sample.invalid = Some("cached".to_owned()));
    let none = "read: expected 3500 IOPS, cannot tell: no run shows what it should";
    assert_eq!(judged(&report, "read=3500IOPS"), (None, none.to_owned()));
    // What another setting surely reaches is reached.
    report.rows.push(row("read", Some("direct"), 8, &around(4000)));
    report.rows.push(row("read", Some("direct"), 16, &[1; 2]));
    assert_eq!(judged(&report, "read=3500IOPS").0, Some(true));
    assert_eq!(judged(&report, "read=5000IOPS").0, None);
}
