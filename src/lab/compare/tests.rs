//! Comparisons of reports made by hand.

use super::*;
use crate::lab::metric::{Metric, Number, Unit};
use crate::lab::report::{Control, Data, Row, Sample};
use crate::lab::setting::{Axis, Setting};
use crate::lab::testing::{report, row, sample, setting};
use crate::sys::{Stop, Sys};

const ROUNDS: [u64; 8] = [1000, 1010, 990, 1020, 980, 1005, 995, 1001];

fn all(reports: &[&Report], limit: Option<f64>) -> Comparison {
    let named = reports.iter().enumerate().map(|(index, report)| (format!("{index}.json"), (*report).clone()));
    compare(&named.collect::<Vec<_>>(), limit).unwrap()
}

fn compared(old: &Report, new: &Report, limit: Option<f64>) -> Comparison {
    all(&[old, new], limit)
}

/// A report whose settings take so many percent of the usual time.
fn scaled(percents: &[(u64, u64)]) -> Report {
    let rows = percents.iter().map(|(kib, percent)| row(setting(*kib), &ROUNDS.map(|wall| wall * percent / 100)));
    report(rows.collect())
}

/// The usual rounds, with so many percent of their time.
fn again(percent: u64) -> Vec<Sample> {
    ROUNDS.map(|wall| sample(wall * percent / 100, 1)).to_vec()
}

fn claims(comparison: &Comparison) -> Vec<(&str, Claim)> {
    comparison.last_changes().map(|(setting, change)| (setting.label.as_str(), change.claim)).collect()
}

fn first(comparison: &Comparison) -> &Change {
    comparison.settings[0].changes[0].as_ref().unwrap()
}

/// Runs of 1000 operations that took so many percent of a second, give or take.
fn operations(percent: u64) -> Vec<Sample> {
    let run = |part| {
        let mut run = Sample { wall_ns: part * percent * 10_000, ..Sample::default() };
        run.metrics.count(Metric::Operations, 1000);
        run
    };
    ROUNDS.map(run).to_vec()
}

fn disk(backend: &'static str, percents: &[(&'static str, u64)]) -> Report {
    let row = |(load, percent): &(&'static str, u64)| {
        let setting =
            Setting::default().with(Axis::Load, *load).with(Axis::Block, 4096_u64).with(Axis::Access, "direct");
        let setting = setting.with(Axis::Depth, 4_usize).with(Axis::Backend, backend);
        Row { samples: operations(*percent), ..Row::new(setting) }
    };
    let data = Data { bytes: 1 << 30, ..Data::default() };
    let rows = percents.iter().map(row).collect();
    Report { subject: Subject::Disk, rank: Rank::Operation, data: vec![data], ..report(rows) }
}

#[test]
fn what_changed_is_told_from_what_did_not() {
    let old = scaled(&[(4, 100), (64, 100), (256, 100), (1024, 100)]);
    let comparison = compared(&old, &scaled(&[(64, 110), (4, 100), (1024, 80), (4096, 100)]), None);
    assert_eq!(claims(&comparison), [("64K", Claim::Slower), ("4K", Claim::Same), ("1M", Claim::Faster)]);
    let unmatched: Vec<&[String]> = comparison.reports.iter().map(|report| &report.unmatched[..]).collect();
    assert_eq!(unmatched, [["256K".to_owned()], ["4M".to_owned()]]);
    let (slower, setting) = (first(&comparison), &comparison.settings[0]);
    assert!((slower.ratio - 1.1).abs() < 0.01 && slower.interval.unwrap().holds(1.1), "{slower:?}");
    assert!(slower.range.low < slower.interval.unwrap().low, "{slower:?}");
    assert_eq!(setting.median, Number(Unit::Nanoseconds, 1_000_500_000.0));
    assert_eq!(slower.median, Number(Unit::Nanoseconds, 1_100_500_000.0));
    assert_eq!((comparison.metric, setting.runs, slower.runs, setting.trend), ("wall_ns", 8, 8, None));
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
    assert_eq!(first(&compared(&old, &new, None)).claim, Claim::Slower);
    new.controls = vec![Control { row: 1, samples: again(112) }];
    for (one, other) in [(&old, &new), (&new, &old)] {
        assert_eq!(first(&compared(one, other, None)).claim, Claim::CannotTell);
    }
    let comparison = compared(&old, &new, None);
    let why = comparison.exceeding(0.05);
    assert!(why.len() == 1 && why[0].starts_with("cannot tell whether 4K is more than 5% slower"), "{why:?}");
    assert!(why[0].contains(", noise 12%; "), "{why:?}");
    assert_eq!(comparison.exceeding(0.1), Vec::<String>::new(), "surely below it, whatever the noise");
    assert_eq!(compared(&new, &old, None).exceeding(0.05), Vec::<String>::new(), "faster");
    // Of five pairs nobody knows the noise.
    new.controls[0].samples.truncate(5);
    let comparison = compared(&old, &new, None);
    assert_eq!((first(&comparison).claim, first(&comparison).noise, comparison.noise), (Claim::Slower, None, None));
}

#[test]
fn what_is_beyond_the_noise_is_so_in_times_and_in_rates_whichever_report_is_the_first() {
    let times = |percent| Report { controls: vec![Control { row: 0, samples: again(180) }], ..scaled(&[(4, percent)]) };
    let rates = |percent| {
        let controls = vec![Control { row: 0, samples: operations(180) }];
        Report { controls, ..disk("calls", &[("read", percent)]) }
    };
    // The control takes 180 where its row takes 100, or 250: the larger noise is 80%.
    for (percent, slower, faster) in [(250, Claim::Slower, Claim::Faster), (170, Claim::CannotTell, Claim::CannotTell)]
    {
        let (old, new) = (times(100), times(percent));
        let (old_disk, new_disk) = (rates(100), rates(percent));
        for (old, new, expected) in
            [(&old, &new, slower), (&new, &old, faster), (&old_disk, &new_disk, slower), (&new_disk, &old_disk, faster)]
        {
            let comparison = compared(old, new, None);
            let change = first(&comparison);
            assert!(change.noise.is_some_and(|noise| (noise - 0.8).abs() < 0.01), "{change:?}");
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
    let comparison = compared(&old, &new, None);
    let change = first(&comparison);
    assert!((change.ratio - 104.0 / 103.0).abs() < 1e-9, "{change:?}");
    assert!(change.interval.is_some_and(|interval| interval.holds(change.ratio)), "{change:?}");
    assert_eq!(change.claim, Claim::CannotTell);
}

#[test]
fn many_settings_take_more_runs() {
    let kinds: Vec<(u64, u64)> = (0..30).map(|place| (4 * (place + 1), 100)).collect();
    let mut old = scaled(&kinds);
    assert!(compared(&old, &old, None).last_changes().all(|(_, change)| change.interval.is_some()));
    old.rows.iter_mut().for_each(|row| row.samples.truncate(6));
    let comparison = compared(&old, &old, None);
    assert!(comparison.last_changes().all(|(_, change)| change.claim == Claim::TooFewRuns));
    assert!(comparison.exceeding(0.05)[0].ends_with("measure with --rounds 7 or more, or a longer --budget"));
}

#[test]
fn each_setting_has_the_noise_of_its_group() {
    let at = |level: u32| setting(64).with(Axis::Job, "gzip").with(Axis::Level, level);
    let mut old = report([1, 9].map(|level| row(at(level), &ROUNDS)).to_vec());
    old.controls = vec![Control { row: 0, samples: again(100) }, Control { row: 1, samples: again(120) }];
    let comparison = compared(&old, &old, None);
    let noises: Vec<f64> = comparison.last_changes().filter_map(|(_, change)| change.noise).collect();
    assert!(noises.len() == 2 && noises[0] < 0.02 && noises[1] > 0.19, "{comparison:?}");
    assert!(comparison.noise.is_some_and(|noise| noise > 0.19));
}

#[test]
fn settings_that_move_together_are_said_to() {
    let old = scaled(&[(4, 100), (64, 100), (256, 100), (1024, 100)]);
    let together = |old: &Report, new: &Report| compared(old, new, None).reports[1].together;
    let moved = |percents: [u64; 4]| {
        let new = scaled(&[(4, percents[0]), (64, percents[1]), (256, percents[2]), (1024, percents[3])]);
        together(&old, &new)
    };
    assert!(moved([120, 121, 120, 119]).is_some_and(|ratio| (1.19..1.21).contains(&ratio)));
    assert!(moved([80, 80, 81, 80]).is_some());
    assert_eq!((moved([100; 4]), moved([120, 120, 120, 100]), moved([100, 100, 100, 120])), (None, None, None));
    // One that moved, among others of which nothing is known, moved alone.
    let wide = |percent: u64| {
        let mut report = scaled(&[(4, percent), (64, percent), (256, percent), (1024, percent)]);
        for sample in report.rows[..3].iter_mut().flat_map(|row| row.samples.iter_mut().step_by(2)) {
            sample.wall_ns *= 2;
        }
        report
    };
    assert_eq!(together(&wide(100), &wide(108)), None);
    assert_eq!(together(&scaled(&[(4, 100), (64, 100)]), &scaled(&[(4, 120), (64, 120)])), None);
}

#[test]
fn few_runs_have_a_range_and_pass_no_limit() {
    let old = scaled(&[(4, 100)]);
    let mut new = scaled(&[(4, 200)]);
    new.rows[0].samples.truncate(7);
    new.rows[0].samples[0].invalid = Some("it was warm".to_owned());
    assert_eq!(first(&compared(&old, &new, None)).runs, 6, "what shows something else does not count");
    new.rows[0].samples.truncate(6);
    let comparison = compared(&old, &new, None);
    assert_eq!((first(&comparison).claim, first(&comparison).interval), (Claim::TooFewRuns, None));
    assert!(first(&comparison).range.holds(2.0));
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
    assert_eq!(
        (comparison.settings.len(), &comparison.reports[1].unmatched[..]),
        (0, &["st\u{fffd}art".to_owned()][..])
    );
    old.rows[0].name.clone_from(&new.rows[0].name);
    assert_eq!(compared(&old, &new, None).settings[0].label, "st\u{fffd}art");
}

#[test]
fn rates_of_disks_are_compared_and_less_is_slower() {
    let old = disk("io_uring", &[("read", 100), ("random-read", 100), ("write", 100)]);
    let new = disk("io_uring", &[("read", 125), ("random-read", 100), ("write", 80)]);
    let comparison = compared(&old, &new, None);
    let names = ["read 4K direct, 4 in flight", "random-read 4K direct, 4 in flight", "write 4K direct, 4 in flight"];
    let expected = [(names[0], Claim::Slower), (names[1], Claim::Same), (names[2], Claim::Faster)];
    assert_eq!(claims(&comparison), expected);
    let slower = first(&comparison);
    assert!((slower.ratio - 0.8).abs() < 0.001 && slower.interval.unwrap().holds(0.8), "{slower:?}");
    assert!(slower.range.low < slower.interval.unwrap().low && slower.range.high < 0.9, "{slower:?}");
    let rates = [comparison.settings[0].median, slower.median].map(|Number(_, rate)| rate.round() as u64);
    assert_eq!((rates, comparison.metric), ([1000, 800], "operations_per_second"));
    let why = comparison.exceeding(0.1);
    assert!(why.len() == 1 && why[0].starts_with("read 4K direct, 4 in flight is more than 10% slower: 1"), "{why:?}");
    // A rate that is a fifth less is not a quarter slower, though each operation takes a quarter longer.
    assert_eq!(comparison.exceeding(0.23), Vec::<String>::new());
    assert_eq!(compared(&new, &new, None).exceeding(0.05), Vec::<String>::new());
}

#[test]
fn a_load_that_is_noisy_by_its_own_control_is_not_called_slower() {
    let old = disk("calls", &[("read", 100), ("random-read", 100)]);
    let mut new = disk("calls", &[("read", 110), ("random-read", 110)]);
    new.controls = vec![Control { row: 0, samples: operations(130) }, Control { row: 1, samples: operations(110) }];
    let comparison = compared(&old, &new, None);
    let claims: Vec<Claim> = comparison.last_changes().map(|(_, change)| change.claim).collect();
    assert_eq!(claims, [Claim::CannotTell, Claim::Slower]);
}

#[test]
fn what_keeps_operations_in_flight_differs_beside_the_rows() {
    let percents = [("random-read", 100)];
    let (old, mut new) = (disk("io_uring", &percents), disk("threads", &percents));
    new.data[0].bytes = 2 << 30;
    new.rows[0].samples[0].invalid = Some("cached".to_owned());
    let comparison = compared(&old, &new, None);
    assert_eq!((comparison.settings.len(), first(&comparison).runs), (1, 7));
    let said = |comparison: &Comparison| -> Vec<String> {
        let differences = comparison.reports[1].differences.iter();
        differences.map(|found| format!("{} {} → {}", found.what, found.old, found.new)).collect()
    };
    let file = "file size 1.0 GiB (1073741824 bytes) → 2.0 GiB (2147483648 bytes)";
    assert_eq!(said(&comparison), [file, "in flight by io_uring → threads"]);
    // What there was time for is never the same twice.
    let mut alike = old.clone();
    alike.data[0].bytes += alike.data[0].bytes / 4;
    assert_eq!(said(&compared(&old, &alike, None)), Vec::<String>::new());
    // One operation in flight is what loads have that say nothing of it.
    let mut single = old.clone();
    single.rows[0].setting = single.rows[0].setting.clone().with(Axis::Depth, 1_usize);
    let mut none = single.clone();
    none.rows[0].setting = none.rows[0].setting.clone().without(Axis::Depth).without(Axis::Backend);
    assert_eq!(compared(&single, &none, None).settings.len(), 1);
}

#[test]
fn what_is_not_ranked_alike_is_not_compared() {
    let (sweep, disk) = (scaled(&[(4, 100)]), disk("calls", &[("read", 100)]));
    let tune = Report { subject: Subject::Tune, ..sweep.clone() };
    let durable = Report { rank: Rank::Durable, ..sweep.clone() };
    let why = |old: &Report, new: &Report| {
        compare(&[("a".to_owned(), old.clone()), ("b".to_owned(), new.clone())], None)
            .map_err(|error| error.to_string())
    };
    assert!(why(&sweep, &tune).is_ok());
    let kinds = "cannot compare 'b': it is of haul disk, and 'a' is of haul sweep: name reports of the same";
    assert_eq!(why(&sweep, &disk).unwrap_err(), kinds);
    let ranks = "cannot compare 'b': it ranks settings by the time until what a run wrote is on the disk, and 'a' by the \
                 time of a run: measure both by the same";
    assert_eq!(why(&sweep, &durable).unwrap_err(), ranks);
    assert!(compare(&[("a".to_owned(), sweep)], None).is_err() && compare(&[], None).is_err());
}

#[test]
fn each_later_report_is_compared_with_the_first() {
    let reports = [
        scaled(&[(4, 100), (64, 100), (256, 100), (1024, 100)]),
        scaled(&[(4, 104), (64, 100), (256, 110), (16, 100)]),
        scaled(&[(1024, 80), (256, 108), (4, 112), (64, 100)]),
    ];
    let comparison = all(&reports.each_ref(), None);
    let expected = [("1M", Claim::Faster), ("256K", Claim::Slower), ("4K", Claim::Slower), ("64K", Claim::Same)];
    assert_eq!(claims(&comparison), expected);
    assert_eq!(comparison.settings[0].changes[0], None, "the second report does not have it");
    let trends: Vec<Option<Claim>> = comparison.settings.iter().map(|setting| setting.trend).collect();
    assert_eq!(trends, [None, None, Some(Claim::Slower), None]);
    assert_eq!(comparison.reports[1].unmatched, ["16K"]);
    let why = comparison.exceeding(0.05);
    assert!(why.len() == 2 && why[1].starts_with("4K is more than 5% slower"), "{why:?}");
    // What only an earlier one has stands last, and says nothing of the last.
    let fewer = all(&[&reports[0], &reports[2], &reports[1]], None);
    let labels: Vec<&str> = fewer.settings.iter().map(|setting| setting.label.as_str()).collect();
    assert_eq!((labels, fewer.last_changes().count()), (vec!["4K", "64K", "256K", "1M"], 3));
    // Eight statements on three reports take as many runs as eight settings of two.
    assert_eq!(comparison.fewest_runs, 6);
    let alone = all(&[&reports[0], &reports[1], &scaled(&[(2, 100)])], None);
    assert_eq!(alone.exceeding(0.05), ["no setting is in the first and the last report, so nothing can be told"]);
}

#[test]
fn a_trend_goes_one_way_and_beyond_the_noise() {
    let trend = |percents: &[u64]| {
        let reports: Vec<Report> = percents.iter().map(|percent| scaled(&[(4, *percent)])).collect();
        all(&reports.iter().collect::<Vec<_>>(), None).settings[0].trend
    };
    for (percents, expected) in [
        (&[100, 104, 112][..], Some(Claim::Slower)),
        (&[100, 96, 90, 80], Some(Claim::Faster)),
        (&[100, 112, 104], None),
        (&[100, 100, 112], None),
        (&[100, 112], None),
        (&[1000, 1004, 1008], None),
    ] {
        assert_eq!(trend(percents), expected, "{percents:?}");
    }
    let rates = [100, 120, 140].map(|percent| disk("calls", &[("read", percent)]));
    assert_eq!(all(&rates.each_ref(), None).settings[0].trend, Some(Claim::Slower));
}

#[test]
fn programs_get_everything() {
    let comparison = compared(&scaled(&[(4, 100), (64, 100)]), &scaled(&[(4, 120), (64, 100)]), None);
    let document = |limit| {
        let mut out = vec![];
        comparison.json(limit, &mut out).unwrap();
        serde_json::from_slice::<serde_json::Value>(&out).unwrap()
    };
    let value = document(Some(0.05));
    assert_eq!((&value["format"], &value["baseline"], &value["rank"]), (&2.into(), &0.into(), &"wall".into()));
    assert_eq!((&value["metric"], &value["reports"][1]["name"]), (&"wall_ns".into(), &"1.json".into()));
    let setting = &value["settings"][0];
    assert_eq!((&setting["setting"]["buffer_bytes"], &setting["median"]), (&4096.into(), &1_000_500_000.into()));
    assert_eq!((&setting["changes"][0]["claim"], &setting["trend"]), (&"slower".into(), &serde_json::Value::Null));
    assert_eq!((&value["fail_above"], value["exceeding"].as_array().map(Vec::len)), (&0.05.into(), Some(1)));
    assert!(document(None).get("exceeding").is_none());
}

#[test]
fn reports_of_older_formats_are_compared_with_new_ones() {
    let mut sys = Sys::new(Stop::new());
    let mut old = |name: &str| {
        let path = format!("{}/testdata/{name}", env!("CARGO_MANIFEST_DIR"));
        read(&mut sys, path.as_ref()).unwrap()
    };
    let sweep = old("sweep-format-2.json");
    let rows = vec![row(setting(4).with(Axis::Workers, 2_usize), &[40; 6])];
    let comparison = compared(&sweep, &Report { machine: sweep.machine.clone(), ..report(rows) }, None);
    assert_eq!(claims(&comparison), [("4K", Claim::TooFewRuns)]);
    assert_eq!((comparison.settings[0].runs, first(&comparison).runs), (5, 6), "one run was not warm");
    assert_eq!(comparison.reports[0].unmatched.len(), 2);
    let disk = old("disk-format-1.json");
    let mut slower = disk.clone();
    for sample in &mut slower.rows[0].samples {
        sample.wall_ns = sample.wall_ns * 5 / 4;
    }
    let comparison = compared(&disk, &slower, None);
    let expected = [("random-read 4K direct, 16 in flight", Claim::Slower), ("create", Claim::Same)];
    assert_eq!(claims(&comparison), expected);
    assert_eq!(comparison.reports[1].differences, []);
}
