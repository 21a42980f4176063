//! Comparisons of reports made by hand.

use super::*;
use crate::lab::sweep::testing::{report, row, sample, setting};
use crate::outcome::{Control, DiskReport, DiskRow, DiskSample, DiskSetting, Sample, Setting, SweepReport};
use crate::plan::{Flight, Load, SweepJob};

const ROUNDS: [u64; 8] = [1000, 1010, 990, 1020, 980, 1005, 995, 1001];

fn compared(old: &SweepReport, new: &SweepReport, limit: Option<f64>) -> Comparison {
    Comparison::of(&old.into(), &new.into(), limit)
}

/// A report whose settings take so many percent of the usual time.
fn scaled(percents: &[(u64, u64)]) -> SweepReport {
    let rows = percents.iter().map(|(kib, percent)| row(setting(*kib), &ROUNDS.map(|wall| wall * percent / 100)));
    report(rows.collect())
}

fn claims(comparison: &Comparison) -> Vec<(&str, Claim)> {
    comparison.changes.iter().map(|change| (change.label.as_str(), change.claim)).collect()
}

#[test]
fn what_changed_is_told_from_what_did_not() {
    let old = scaled(&[(4, 100), (64, 100), (256, 100), (1024, 100)]);
    let comparison = compared(&old, &scaled(&[(64, 110), (4, 100), (1024, 80), (4096, 100)]), None);
    assert_eq!(claims(&comparison), [("64K", Claim::Slower), ("4K", Claim::Same), ("1M", Claim::Faster)]);
    assert_eq!(
        (&comparison.only_old[..], &comparison.only_new[..]),
        (&["256K".to_owned()][..], &["4M".to_owned()][..])
    );
    let slower = &comparison.changes[0];
    assert!((slower.ratio - 1.1).abs() < 0.01 && slower.interval.unwrap().holds(1.1), "{slower:?}");
    assert!(slower.range.low < slower.interval.unwrap().low, "{slower:?}");
    assert_eq!(
        (slower.middles, slower.old_runs, slower.new_runs),
        (Middles::Times { old_ns_median: 1_000_500_000, new_ns_median: 1_100_500_000 }, 8, 8)
    );
    assert_eq!(
        comparison.exceeding(0.05),
        [format!("64K is more than 5% slower: {} at least, at 95%", percent(slower.interval.unwrap().low - 1.0))]
    );
    // What may be above the limit, and may be below it, is not surely above it.
    let between = f64::midpoint(slower.interval.unwrap().low, slower.ratio) - 1.0;
    assert_eq!((comparison.exceeding(between), comparison.exceeding(0.15)), (vec![], vec![]));
}

#[test]
fn nothing_is_claimed_below_the_noise_of_either_report() {
    let (old, mut new) = (scaled(&[(4, 100), (64, 100)]), scaled(&[(4, 108), (64, 100)]));
    assert_eq!(compared(&old, &new, None).changes[0].claim, Claim::Slower);
    let again = ROUNDS.map(|wall| sample(wall * 112 / 100, 1)).to_vec();
    new.controls = vec![Control { row: 1, samples: again }];
    for (one, other) in [(&old, &new), (&new, &old)] {
        assert_eq!(compared(one, other, None).changes[0].claim, Claim::CannotTell);
    }
    let comparison = compared(&old, &new, None);
    let why = comparison.exceeding(0.05);
    assert!(why.len() == 1 && why[0].starts_with("cannot tell whether 4K is more than 5% slower"), "{why:?}");
    assert!(why[0].contains(", noise 12%; "), "{why:?}");
    assert_eq!(comparison.exceeding(0.1), Vec::<String>::new(), "surely below it, whatever the noise");
    assert_eq!(compared(&new, &old, None).exceeding(0.05), Vec::<String>::new(), "faster");
}

#[test]
fn what_is_beyond_the_noise_is_so_in_times_and_in_rates_whichever_report_is_the_old_one() {
    let again = |percent: u64| ROUNDS.map(|wall| sample(wall * percent / 100, 1)).to_vec();
    let controls = vec![Control { row: 0, samples: again(180) }];
    let times = |percent| SweepReport { controls: controls.clone(), ..scaled(&[(4, percent)]) };
    let rates = |percent| {
        let run = |run: Sample| DiskSample { run, operations: 10, ..DiskSample::default() };
        let runs = |samples: &[Sample]| samples.iter().cloned().map(run).collect::<Vec<DiskSample>>();
        let setting = DiskSetting { load: Load::Read, access: None, block: None, depth: 1, flight: Flight::Calls };
        let of_times = times(percent);
        let first = DiskRow { samples: runs(&of_times.rows[0].samples), ..DiskRow::new(setting) };
        let again = Control { row: 0, samples: runs(&of_times.controls[0].samples) };
        DiskReport { rows: vec![first], controls: vec![again], rounds: 8, within: 0.05, ..DiskReport::default() }
    };
    // The control takes 180 where its row takes 100, or 250: the larger noise is 80%.
    for (percent, slower, faster) in [(250, Claim::Slower, Claim::Faster), (170, Claim::CannotTell, Claim::CannotTell)]
    {
        let (old, new) = (times(100), times(percent));
        let (old_disk, new_disk) = (rates(100), rates(percent));
        for (comparison, expected) in [
            (compared(&old, &new, None), slower),
            (compared(&new, &old, None), faster),
            (Comparison::of(&(&old_disk).into(), &(&new_disk).into(), None), slower),
            (Comparison::of(&(&new_disk).into(), &(&old_disk).into(), None), faster),
        ] {
            let change = &comparison.changes[0];
            assert!((change.noise - 0.8).abs() < 0.01, "{change:?}");
            assert_eq!(change.claim, expected, "{percent}%: {change:?}");
        }
    }
}

/// Times that are far apart, with the same middle.
const WIDE: [u64; 8] = [1000, 1900, 600, 1500, 700, 1400, 800, 1001];

#[test]
fn what_may_be_far_off_is_not_the_same() {
    let old = report(vec![row(setting(4), &WIDE), row(setting(64), &ROUNDS)]);
    let mut new = old.clone();
    new.rows[0].samples.rotate_left(3);
    let comparison = compared(&old, &new, None);
    assert_eq!(claims(&comparison), [("4K", Claim::CannotTell), ("64K", Claim::Same)]);
    let why = comparison.exceeding(0.05);
    assert!(
        why.len() == 1 && why[0].starts_with("cannot tell whether 4K is more than 5% slower: it may be "),
        "{why:?}"
    );
    assert_eq!(comparison.exceeding(2.0), Vec::<String>::new());
    // What counts as the same is what the limit says.
    let same = scaled(&[(4, 100)]);
    assert_eq!(claims(&compared(&same, &same, Some(0.001))), [("4K", Claim::CannotTell)]);
}

#[test]
fn the_change_is_that_of_the_medians_and_within_its_interval() {
    // The middle of all ratios is below 1 here, and that of the medians above.
    let old = report(vec![row(setting(4), &[100, 101, 102, 103, 200, 201, 202])]);
    let new = report(vec![row(setting(4), &[50, 51, 52, 104, 105, 106, 107])]);
    let change = &compared(&old, &new, None).changes[0];
    assert!((change.ratio - 104.0 / 103.0).abs() < 1e-9, "{change:?}");
    assert!(change.interval.is_some_and(|interval| interval.holds(change.ratio)), "{change:?}");
    assert_eq!(change.claim, Claim::CannotTell);
}

#[test]
fn many_settings_take_more_runs() {
    let kinds: Vec<(u64, u64)> = (0..30).map(|place| (4 * (place + 1), 100)).collect();
    let mut old = scaled(&kinds);
    assert!(compared(&old, &old, None).changes.iter().all(|change| change.interval.is_some()));
    old.rows.iter_mut().for_each(|row| row.samples.truncate(6));
    let comparison = compared(&old, &old, None);
    assert!(comparison.changes.iter().all(|change| change.claim == Claim::Unknown));
    assert!(comparison.exceeding(0.05)[0].ends_with("measure with --rounds 7 or more, or a longer --budget"));
}

#[test]
fn each_setting_has_the_noise_of_its_group() {
    let at = |level| Setting { job: SweepJob::Gzip, level: Some(level), ..setting(64) };
    let mut old = report([1, 9].map(|level| row(at(level), &ROUNDS)).to_vec());
    let again = |percent: u64| ROUNDS.map(|wall| sample(wall * percent / 100, 1)).to_vec();
    old.controls = vec![Control { row: 0, samples: again(100) }, Control { row: 1, samples: again(120) }];
    let comparison = compared(&old, &old, None);
    assert!(comparison.changes[0].noise < 0.02 && comparison.changes[1].noise > 0.19, "{comparison:?}");
    assert!(comparison.noise.is_some_and(|noise| noise > 0.19));
}

#[test]
fn settings_that_move_together_are_said_to() {
    let old = scaled(&[(4, 100), (64, 100), (256, 100), (1024, 100)]);
    let together = |percents: [u64; 4]| {
        let new = scaled(&[(4, percents[0]), (64, percents[1]), (256, percents[2]), (1024, percents[3])]);
        compared(&old, &new, None).together
    };
    assert!(together([120, 121, 120, 119]).is_some_and(|ratio| (1.19..1.21).contains(&ratio)));
    assert!(together([80, 80, 81, 80]).is_some());
    assert_eq!(
        (together([100; 4]), together([120, 120, 120, 100]), together([100, 100, 100, 120])),
        (None, None, None)
    );
    // One that moved, among others of which nothing is known, moved alone.
    let wide = |percent: u64| {
        let mut report = scaled(&[(4, percent), (64, percent), (256, percent), (1024, percent)]);
        for sample in report.rows[..3].iter_mut().flat_map(|row| row.samples.iter_mut().step_by(2)) {
            sample.wall_ns *= 2;
        }
        report
    };
    assert_eq!(compared(&wide(100), &wide(108), None).together, None);
    let (two, slower) = (scaled(&[(4, 100), (64, 100)]), scaled(&[(4, 120), (64, 120)]));
    assert_eq!(compared(&two, &slower, None).together, None);
}

#[test]
fn few_runs_have_a_range_and_pass_no_limit() {
    let old = scaled(&[(4, 100)]);
    let mut new = scaled(&[(4, 200)]);
    new.rows[0].samples.truncate(7);
    new.rows[0].samples[0].invalid = Some("it was warm".to_owned());
    assert_eq!(compared(&old, &new, None).changes[0].new_runs, 6, "what shows something else does not count");
    new.rows[0].samples.truncate(6);
    let comparison = compared(&old, &new, None);
    assert_eq!((comparison.changes[0].claim, comparison.changes[0].interval), (Claim::Unknown, None));
    assert!(comparison.changes[0].range.holds(2.0));
    assert_eq!(
        comparison.exceeding(0.05),
        ["cannot tell whether 4K is more than 5% slower: one report has 5 runs of it and 6 are needed; measure with \
          --rounds 6 or more, or a longer --budget"]
    );
    new.rows[0].samples.clear();
    assert_eq!(compared(&old, &new, None).exceeding(0.05), ["no setting is in both reports, so nothing can be told"]);
}

#[test]
fn settings_of_a_table_go_by_their_names() {
    let (mut old, mut new) = (scaled(&[(4, 100)]), scaled(&[(4, 100)]));
    new.rows[0].name = Some("st\nart".to_owned());
    let comparison = compared(&old, &new, None);
    assert_eq!((comparison.changes.len(), &comparison.only_new[..]), (0, &["st\u{fffd}art".to_owned()][..]));
    old.rows[0].name.clone_from(&new.rows[0].name);
    assert_eq!(compared(&old, &new, None).changes[0].label, "st\u{fffd}art");
}
