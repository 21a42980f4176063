//! Charts of reports made by hand.

use super::*;
use crate::lab::metric::Metric;
use crate::lab::plan::TableName;
use crate::lab::report::{Control, Latency, Rank, Row, Sample, Subject};
use crate::lab::setting::Setting;
use crate::lab::testing::{report, row, setting};

const RUN_MS: u64 = 400;
const WINDOWS: &str = "rate in the windows of each run";
const SPEEDS: &str = "speed of each run over time, as a part of its setting's median";

/// Twelve rounds that differ by a little: enough for a verdict on as many settings.
fn rounds(wall_ms: u64) -> [u64; 12] {
    let mut permille = [0, 9, 4, 13, 2, 7, 11, 5, 3, 8, 6, 10];
    permille.rotate_left((wall_ms / 100 % 12) as usize);
    permille.map(|permille| wall_ms + wall_ms * permille / 1000)
}

/// Run one after the other, round by round.
fn timed(mut report: Report) -> Report {
    let rows = report.rows.len() as u64;
    for (position, row) in report.rows.iter_mut().enumerate() {
        for (round, sample) in row.samples.iter_mut().enumerate() {
            sample.at_ns = (round as u64 * rows + position as u64) * 1_000_000_000;
        }
    }
    report
}

fn with_control(report: Report) -> Report {
    let row = report.rows.len() / 2;
    let samples = report.rows[row].samples.clone();
    Report { controls: vec![Control { row, samples }], ..report }
}

fn buffers() -> Report {
    let walls = [3200, 1700, 950, 600, 410, 300, 230, 180, 152, 148, 147, 146];
    let rows = (0..).zip(walls).map(|(doubling, wall)| row(setting(1 << doubling), &rounds(wall)));
    with_control(timed(report(rows.collect())))
}

fn workers() -> Report {
    let mut rows = vec![];
    for (job, walls) in [("copy", [900, 600, 520, 510]), ("gzip", [7000, 3710, 3690, 3720])] {
        for (workers, wall) in [1_usize, 2, 4, 8].into_iter().zip(walls) {
            rows.push(row(setting(256).with(Axis::Job, job).with(Axis::Workers, workers), &rounds(wall)));
        }
    }
    let mut report = Report { table: Some(TableName::Workers), ..timed(report(rows)) };
    report.machine.cores = 2;
    report
}

fn pool() -> Report {
    let mut rows = vec![];
    for is_on in [true, false] {
        for (kib, wall) in [(4, 410), (64, 150), (4096, 140)] {
            rows.push(row(setting(kib).with(Axis::Pool, is_on), &rounds(wall)));
        }
    }
    Report { table: Some(TableName::Pool), ..timed(report(rows)) }
}

fn disk_setting(load: &'static str, access: Option<&'static str>, kib: u64, depth: usize) -> Setting {
    let setting = Setting::default().with(Axis::Load, load);
    let Some(access) = access else { return setting };
    let backend = if depth > 1 { "io_uring" } else { "calls" };
    let setting = setting.with(Axis::Access, access).with(Axis::Block, kib * 1024);
    setting.with(Axis::Depth, depth).with(Axis::Backend, backend)
}

/// Eight runs in which so much was done a second, give or take.
fn disk_row(setting: Setting, rate: u64) -> Row {
    let sample = |per_mille: u64| {
        let operations = rate * RUN_MS / 1000;
        let mut sample = Sample { wall_ns: RUN_MS * 1000 * per_mille, window_ns: 40_000_000, ..Sample::default() };
        sample.windows = (0..10).map(|window| operations / 10 + operations * (window % 3) / 200).collect();
        sample.metrics.count(Metric::Operations, operations);
        sample.metrics.count(Metric::ReadBytes, operations * setting.number(Axis::Block).unwrap_or(0));
        sample.metrics.count(Metric::WrittenBytes, 0);
        sample
    };
    let samples = [1000, 1004, 991, 1002, 1007, 996, 1000, 989].map(sample).to_vec();
    let mean_ns = 1_000_000_000 * setting.number(Axis::Depth).unwrap_or(1) / rate;
    let latency = Latency {
        operations: rate,
        mean_ns,
        p50_ns: mean_ns,
        p99_ns: mean_ns * 3,
        p999_ns: mean_ns * 7,
        max_ns: 1 << 30,
    };
    Row { samples, read_latency: Some(latency), ..Row::new(setting) }
}

/// All loads as they are by default, eight rounds.
fn disk() -> Report {
    let mut rows = vec![];
    for (load, access, mib) in [
        ("read", "buffered", [310, 905, 911]),
        ("read", "direct", [62, 640, 1904]),
        ("write", "buffered", [288, 402, 411]),
        ("write", "direct", [44, 390, 415]),
    ] {
        for (kib, mib) in [4, 128, 1024].into_iter().zip(mib) {
            rows.push(disk_row(disk_setting(load, Some(access), kib, 1), mib * 1024 / kib));
        }
    }
    for (load, rates) in [
        ("random-read", [9_120, 34_800, 98_300, 99_900]),
        ("random-write", [11_300, 29_600, 41_200, 41_000]),
        ("mixed", [9_700, 31_000, 66_000, 66_400]),
    ] {
        for (depth, rate) in [1, 4, 16, 32].into_iter().zip(rates) {
            rows.push(disk_row(disk_setting(load, Some("direct"), 4, depth), rate));
        }
    }
    rows.push(disk_row(disk_setting("sync", Some("buffered"), 4, 1), 840));
    for (load, rate) in [("create", 61_000), ("stat", 890_000), ("remove", 74_000)] {
        rows.push(disk_row(disk_setting(load, None, 0, 1), rate));
    }
    timed(Report { subject: Subject::Disk, rank: Rank::Operation, ..report(rows) })
}

fn titles(charts: &str) -> Vec<&str> {
    let captions = charts.split("<figcaption>").skip(1);
    captions.filter_map(|after| after.split("</figcaption>").next()).collect()
}

#[test]
fn charts_have_the_units_of_tables_and_leave_out_what_does_not_count() {
    let mut report = buffers();
    let drawn = charts(&report);
    assert_eq!(titles(&drawn), ["speed by buffer size", SPEEDS]);
    assert!(drawn.contains(">MiB/s</text>") && drawn.contains(">calls per MiB (log)</text>"), "{drawn}");
    assert!(drawn.contains(">→ 256K</text>") && drawn.contains("95% interval of the median"), "{drawn}");
    assert!(!drawn.contains("<h2>"), "one section has no heading");
    let runs = |drawn: &str| drawn.matches("class=\"run\"").count();
    let before = runs(&drawn);
    report.rows[3].samples[2].invalid = Some("warm".to_owned());
    // Both sizes of the chart, and of that over time, show every run.
    assert_eq!(runs(&charts(&report)), before - 4);
}

#[test]
fn settings_that_differ_in_more_have_a_chart_each_and_levels_a_best_each() {
    let mut rows = vec![];
    for (level, wall) in [(1_u32, 100), (9, 400)] {
        for kib in [4, 64, 256] {
            let setting = setting(kib).with(Axis::Job, "gzip").with(Axis::Level, level);
            rows.push(row(setting, &[wall + 64 / kib]));
        }
    }
    let report = report(rows);
    let drawn = charts(&report);
    assert_eq!(titles(&drawn), ["level 1", "level 9"]);
    assert!(drawn.contains("from the slowest run to the fastest"), "{drawn}");
    let verdicts = [];
    let section = &sections(&report, &verdicts)[0];
    let bests: Vec<_> = section
        .series(Axis::Buffer)
        .iter()
        .map(|rows| {
            let points = section.points(Axis::Buffer, rows);
            section.curve(Axis::Buffer, (String::new(), String::new()), rows, points, 1.0).band.unwrap().1
        })
        .collect();
    assert!(bests[0] > bests[1] * 3.0, "{bests:?}");
}

#[test]
fn speed_ups_name_their_base_and_only_compressed_data_has_two_sizes() {
    let drawn = charts(&workers());
    assert_eq!(titles(&drawn), ["speed-up by workers", "speed-up by workers", SPEEDS]);
    assert!(drawn.contains("<h2>copy</h2>") && drawn.contains("<h2>gzip</h2>"), "{drawn}");
    assert!(drawn.contains(">speed-up over 1 worker</text>") && !drawn.contains("worker workers"), "{drawn}");
    assert!(drawn.contains("class=\"ideal\"") && drawn.contains(">knee: 4</text>"), "{drawn}");
    let drawn = charts(&pool());
    assert_eq!(titles(&drawn)[0], "rate of each setting");
    assert!(!drawn.contains("uncompressed") && drawn.contains(">64K with pool off</text>"), "{drawn}");
}

#[test]
fn what_takes_until_it_is_durable_is_drawn_so() {
    let mut report = Report { rank: Rank::Durable, ..report(vec![row(setting(64), &[100])]) };
    assert!(charts(&report).contains("no rates to draw"), "sync was not timed");
    report.rows[0].samples[0].metrics.count(Metric::Sync, 100_000_000);
    let drawn = charts(&report);
    assert!(drawn.contains(">MiB/s until durable</text>") && drawn.contains(">5.00 MiB/s</text>"), "{drawn}");
}

#[test]
fn where_nothing_was_moved_nothing_is_drawn() {
    let mut report = report(vec![row(setting(64), &[100; 4])]);
    report.rows[0].samples.iter_mut().for_each(|sample| sample.metrics.count(Metric::SourceBytes, 0));
    assert!(!charts(&report).contains("<svg"), "nothing to draw");
    assert_eq!(charts(&Report::default()), "");
}

#[test]
fn a_disk_has_a_chart_for_each_line_and_bars_where_there_is_none() {
    let drawn = charts(&disk());
    let titles = titles(&drawn);
    let lines = ["read buffered", "read direct", "write buffered", "write direct", WINDOWS];
    assert_eq!(titles[..5], lines);
    assert_eq!(titles[5..9], ["random-read 4K direct", "random-write 4K direct", "mixed 4K direct", WINDOWS]);
    assert_eq!(titles[9..], ["rate of each setting", WINDOWS, "rate of each setting", WINDOWS]);
    assert!(drawn.contains(">1000 op/s</text>") && drawn.contains(">p99 latency, µs (log)</text>"), "{drawn}");
    assert!(drawn.contains("→ 16"), "the fewest in flight that come near the best");
    assert!(drawn.contains(">890000 op/s</text>"), "files are told in full");
}

#[test]
fn a_fall_is_marked_and_what_has_no_place_of_its_own_is_one() {
    let moment = |second: u32| {
        let rate = if second < 5000 { 100.0 } else { 40.0 + f64::from(second % 3) };
        Moment { at: f64::from(second), lasted: 1.0, rate }
    };
    let run: Vec<Moment> = (0..9000).map(moment).collect();
    let fall = Some((5000.0, "falls to 41%".to_owned()));
    let falling = Lane { label: "write 1M".to_owned(), text: String::new(), runs: vec![run], fall };
    let chart =
        Timeline { name: "t".to_owned(), title: String::new(), description: String::new(), lanes: vec![falling] };
    let drawn = chart.draw(svg::Size::Narrow);
    assert!(drawn.contains(">falls to 41%</text>") && drawn.contains(">minutes since the first run began<"), "{drawn}");
    let drawn_line = drawn.lines().find(|line| line.contains("rate-line")).unwrap();
    assert!((100..200).contains(&drawn_line.matches(',').count()), "{drawn_line}");
    assert!(!drawn.contains("class=\"run\""), "{drawn}");
}

#[test]
fn reports_lie_evenly_and_what_one_does_not_have_is_left_out() {
    let labels = ["a.json", "b<c>.json", "d.json"].map(str::to_owned);
    let ratio = |middle: f64| Some((middle, middle - 0.02, middle + 0.03));
    let series =
        [("64K".to_owned(), vec![ratio(1.0), ratio(0.9), ratio(1.1)]), ("4K".to_owned(), vec![ratio(1.0), None])];
    let drawn = trend(&labels, &series);
    assert!(drawn.contains("1: a.json; 2: b&lt;c&gt;.json; 3: d.json"), "{drawn}");
    assert!(drawn.contains(">0.8</text>") && !drawn.contains(">0</text>"), "{drawn}");
    assert_eq!(titles(&drawn), ["64K", "4K"]);
    assert_eq!(trend(&labels, &[("64K".to_owned(), vec![None])]), "");
}
