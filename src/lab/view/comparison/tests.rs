//! What comparisons of reports made by hand say.

use super::*;
use crate::lab::compare::compare;
use crate::lab::machine::{Disk, Machine};
use crate::lab::metric::Metric;
use crate::lab::report::{Control, Data, Ended, Report, Row, Sample, Subject};
use crate::lab::setting::Setting;
use crate::lab::testing::{report, row, sample, setting};
use crate::lab::view::snapshot::check;
use crate::lab::view::{Format, Layout, fixture, render_comparison};

const ROUNDS: [u64; 7] = [1000, 1004, 996, 1002, 998, 1003, 1000];

fn page(reports: Vec<(&str, Report)>, fail_above: Option<f64>) -> Page {
    let reports: Vec<_> = reports.into_iter().map(|(name, report)| (name.to_owned(), report)).collect();
    compare(&reports, fail_above).unwrap().page(fail_above)
}

/// A sweep of seven rounds whose settings take so many percent of the usual time.
fn sweep(percents: [u64; 4]) -> Report {
    let rows = [4, 64, 256, 1024].into_iter().zip(percents);
    let rows = rows.map(|(kib, percent)| row(setting(kib), &ROUNDS.map(|wall| wall * percent / 100)));
    Report { started: "2026-11-03T14:20:00Z".to_owned(), version: "0.1.0".to_owned(), ..report(rows.collect()) }
}

fn two_sweeps() -> Vec<(&'static str, Report)> {
    let (old, mut new) = (sweep([100; 4]), sweep([110, 100, 70, 100]));
    new.rows[3].samples.truncate(2);
    new.machine.kernel = Some("6.19.1".to_owned());
    (new.machine.cores, new.machine.load) = (2, Some(9.0));
    (new.version, new.started) = ("0.2.0".to_owned(), "2026-12-01T11:56:37Z".to_owned());
    new.data[0].bytes *= 2;
    let old = Report { machine: Machine { cores: 2, ..Machine::default() }, ..old };
    vec![("old.json", old), ("new.json", new)]
}

/// A disk of seven rounds with so many operations a second, in percent of the usual ones.
fn disk(percent: u64) -> Report {
    let block = |load: &'static str, access: &'static str, kib: u64| {
        Setting::default().with(Axis::Load, load).with(Axis::Access, access).with(Axis::Block, kib * 1024)
    };
    let rows = [
        (block("read", "direct", 1024), 1_903),
        (block("random-write", "direct", 4).with(Axis::Depth, 32_usize), 41_000),
        (Setting::default().with(Axis::Load, "stat"), 890_000),
    ];
    let rows = rows.into_iter().map(|(setting, rate)| {
        let run = |part: u64| {
            let mut run = Sample { wall_ns: part * 1_000_000, ..Sample::default() };
            run.metrics.count(Metric::Operations, rate * percent / 100);
            run
        };
        Row { samples: ROUNDS.map(run).to_vec(), ..Row::new(setting) }
    });
    let data = Data { bytes: 4 << 30, ..Data::default() };
    let report = Report { subject: Subject::Disk, rank: Rank::Operation, data: vec![data], ..report(rows.collect()) };
    Report { command: "haul disk /mnt".to_owned(), ..report }
}

/// The cells of a table, a line each, of the columns that stay where others have no room.
fn lines(table: &Table, highest_rank: u8) -> Vec<String> {
    let columns: Vec<&Column> = table.columns.iter().filter(|column| column.rank <= highest_rank).collect();
    let line = |index: usize| columns.iter().map(|column| column.cells[index].as_str()).collect::<Vec<_>>().join(" | ");
    let headings = columns.iter().map(|column| column.heading.as_str()).collect::<Vec<_>>().join(" | ");
    std::iter::once(headings).chain((0..table.lines()).map(line)).collect()
}

/// How wide the columns are that stay, with two blanks between them.
fn width(table: &Table, highest_rank: u8) -> usize {
    let columns = table.columns.iter().filter(|column| column.rank <= highest_rank);
    let wide = |column: &Column| column.cells.iter().chain([&column.heading]).map(|cell| cell.chars().count()).max();
    columns.map(|column| wide(column).unwrap_or(0) + 2).sum::<usize>() - 2
}

fn findings(page: &Page) -> Vec<&str> {
    page.findings.iter().map(|finding| finding.text.as_str()).collect()
}

#[test]
fn two_sweeps_have_every_figure_of_each_change() {
    let page = page(two_sweeps(), Some(0.05));
    assert_eq!(page.title, "haul compare: 2 reports of haul sweep");
    assert_eq!(
        page.caption,
        [
            "old: 'old.json', 2026-11-03 14:20 UTC, 7 rounds",
            "new: 'new.json', 2026-12-01 11:56 UTC, 28 days later, 7 rounds",
        ]
    );
    assert_eq!(
        lines(&page.tables[0], u8::MAX),
        [
            "setting | old | new | change | at 95% | verdict",
            "4K | 1.00 s | 1.10 s | +10.0% | +9.5% to +10.4% | slower",
            "64K | 1.00 s | 1.00 s | +0.0% | -0.4% to +0.4% | same",
            "256K | 1.00 s | 0.700 s | -30.0% | -30.3% to -29.7% | faster",
            "1M | 1.00 s | 1.00 s | +0.2% | (-0.4% to +0.8%) | too few runs",
        ]
    );
    assert_eq!(
        page.warnings,
        [
            "not the same machine: kernel unknown → 6.19.1",
            "not the same data: size 1.0 MiB (1048576 bytes) → 2.0 MiB (2097152 bytes)",
            "in the new report: others were at work: load 9.0 on 2 cores",
        ]
    );
    assert_eq!(
        page.notes,
        [
            "(in brackets): from the least ratio to the greatest; so few runs carry no interval",
            "not the same haul: version 0.1.0 → 0.2.0",
        ]
    );
    let found = findings(&page);
    assert_eq!(
        found,
        [
            "cannot tell: to know these within 5%, measure both again with more --rounds (6 at least) or a longer \
             --budget, or on a quieter machine",
            "FAILED: 4K is more than 5% slower: 9.5% at least, at 95%",
            "FAILED: cannot tell whether 1M is more than 5% slower: one report has 2 runs of it and 6 are needed; measure \
             with --rounds 6 or more, or a longer --budget",
            "1 slower, 1 faster, 1 same, 1 cannot tell: too few runs",
        ]
    );
}

#[test]
fn rates_of_disks_are_those_that_people_compare() {
    let (old, mut new) = (disk(100), disk(80));
    (new.machine.disk, new.ended) = (Some(Disk { name: "sda".to_owned(), ..Disk::default() }), Ended::Interrupted);
    let page = page(vec![("a", old), ("b", new)], None);
    let table = &page.tables[0];
    assert_eq!(
        lines(table, u8::MAX)[1..],
        [
            "read 1M direct | 1903 MiB/s | 1522 MiB/s | -20.0% | -20.3% to -19.7% | slower",
            "random-write 4K direct, 32 in flight | 41000/s | 32800/s | -20.0% | -20.3% to -19.7% | slower",
            "stat | 890000/s | 712000/s | -20.0% | -20.3% to -19.7% | slower",
        ]
    );
    assert!(width(table, 2) <= 80 && width(table, u8::MAX) <= 120, "{}", width(table, 2));
    assert_eq!(page.caption, ["old: 'a', 7 rounds", "new: 'b', 7 rounds"]);
    let warnings = ["the measurement of the new report was interrupted", "not the same machine: disk unknown → sda"];
    assert_eq!(page.warnings, warnings);
    let together = "all settings moved together, by -20.0%: rather the machine, or all of haul, than a setting. Measure \
                    again, in turns, to see which";
    assert_eq!(findings(&page), [together, "3 slower"]);
}

#[test]
fn of_more_reports_each_later_one_has_a_column() {
    let mut reports = vec![
        ("jan.json", sweep([100; 4])),
        ("feb.json", sweep([106, 100, 97, 100])),
        ("mar.json", sweep([112, 100, 100, 101])),
    ];
    reports[1].1.rows[3].samples.truncate(2);
    reports[1].1.rows.remove(1);
    reports[2].1.started = "2026-11-03T16:21:00Z".to_owned();
    let again = ROUNDS.map(|wall| sample(wall, 1)).to_vec();
    reports[2].1.controls = vec![Control { row: 1, samples: again }];
    reports[2].1.data[0].files = 2;
    let page = page(reports, Some(0.05));
    assert_eq!(page.caption[2], "report 3: 'mar.json', 2026-11-03 16:21 UTC, 2 hours later, 7 rounds");
    assert_eq!(
        lines(&page.tables[0], u8::MAX),
        [
            "setting | report 1 | report 2 | report 3",
            "4K | 1.00 s |   +6.0% slower | +12.0% slower",
            "64K | 1.00 s |       - |  +0.0% same",
            "256K | 1.00 s |   -3.0% faster |  +0.0% same",
            "1M | 1.00 s | (+0.2%) ? |  +1.0% slower",
        ]
    );
    let explained =
        "report 1: medians; the other columns are changes from them; ?: cannot tell; (in brackets): too few runs";
    assert_eq!(page.notes, [explained]);
    assert_eq!(page.warnings, ["report 3: not the same data: files 1 → 2"]);
    let found = findings(&page);
    assert_eq!(found[0], "slower in every report: 4K (+12.0% in all)");
    assert_eq!(
        found[2..],
        [
            "FAILED, report 3 to report 1: 4K is more than 5% slower: 11.4% at least, at 95%",
            "report 3 to report 1: 2 slower, 2 same; noise 0% (two runs of the same setting)",
        ]
    );
}

#[test]
fn a_trend_of_disks_fits_a_terminal() {
    let reports: Vec<_> = [100, 99, 97, 94, 80].map(|percent| ("disk.json", disk(percent))).into();
    let page = page(reports, Some(0.5));
    let table = &page.tables[0];
    assert_eq!(
        lines(table, 2)[..2],
        ["setting | report 1 | report 4 | report 5", "read 1M direct | 1903 MiB/s | -6.0% slower | -20.0% slower"]
    );
    assert!(width(table, 2) <= 80, "{}", width(table, 2));
    let ranks: Vec<u8> = table.columns.iter().map(|column| column.rank).collect();
    assert_eq!(ranks, [0, 1, 4, 3, 2, 0]);
    let found = findings(&page);
    assert!(found.contains(&"passed, report 5 to report 1: nothing is surely more than 50% slower"), "{found:?}");
    assert!(
        found.contains(
            &"report 5: all settings moved together, by -20.0%: rather the machine, or all of haul, than a \
                             setting. Measure again, in turns, to see which"
        ),
        "{found:?}"
    );
}

#[test]
fn reports_without_anything_in_common_have_no_table() {
    let mut other = sweep([100; 4]);
    other.rows.drain(1..);
    other.rows[0].setting = setting(8);
    let page = page(vec![("a", sweep([100; 4])), ("b", other)], None);
    assert_eq!((&page.tables[..], findings(&page)), (&[][..], vec!["no setting is in both reports"]));
    let warmth = "only in the old report: 4K; 64K; 256K; 1M";
    assert!(page.notes.iter().any(|note| note == warmth), "{:?}", page.notes);
}

#[test]
fn times_are_told_apart() {
    assert_eq!(seconds("1970-01-01T00:00:00Z"), Some(0));
    assert_eq!(seconds("2026-12-01T11:56:37Z"), Some(1_796_126_197));
    assert_eq!(seconds("2024-03-01T00:00:00Z").unwrap() - seconds("2024-02-28T00:00:00Z").unwrap(), 2 * 86_400);
    for text in ["", "2026-12-01", "2026-12-01 11:56:37Z", "2026-12-01T11:56:37.5Z", "2026-12-01T11:56:3é"] {
        assert_eq!(seconds(text), None, "{text}");
    }
    for (first, this, text) in [
        (0, 28 * 86_400 + 5, "28 days later"),
        (0, 100_000, "28 hours later"),
        (7200, 0, "2 hours earlier"),
        (0, 149, "2 minutes later"),
        (0, 1, "1 second later"),
    ] {
        assert_eq!(since(first, this), text);
    }
}

/// The same report with some of its rows slower or faster: a row and percent of its time.
fn changed(report: &Report, percents: &[(usize, u64)]) -> Report {
    let mut report = report.clone();
    for (row, percent) in percents {
        report.rows[*row].samples.iter_mut().for_each(|sample| sample.wall_ns = sample.wall_ns * percent / 100);
    }
    report
}

fn rendered(reports: &[Report], format: Format, width: usize) -> String {
    let names = if reports.len() == 2 { &["old.json", "new.json"][..] } else { &["jan.json", "feb.json", "mar.json"] };
    let inputs: Vec<_> = names.iter().map(|name| (*name).to_owned()).zip(reports.iter().cloned()).collect();
    let comparison = compare(&inputs, Some(0.05)).unwrap();
    let layout = Layout { width, explain: true, quiet: false };
    let text = String::from_utf8(render_comparison(&comparison, Some(0.05), format, layout).unwrap()).unwrap();
    let is_table = format == Format::Table;
    assert!(!is_table || text.lines().all(|line| line.chars().count() <= width && line.trim_end() == line), "{text}");
    text
}

#[test]
fn comparisons_of_sweeps_in_every_format() {
    let reports: Vec<Report> = two_sweeps().into_iter().map(|(_, report)| report).collect();
    let table = rendered(&reports, Format::Table, 120);
    check("compare.txt", &table, include_str!("../snapshots/compare.txt"));
    let markdown = rendered(&reports, Format::Markdown, 120);
    check("compare.md", &markdown, include_str!("../snapshots/compare.md"));
    let document: serde_json::Value = serde_json::from_str(&rendered(&reports, Format::Json, 120)).unwrap();
    assert_eq!(document["reports"][1]["version"], "0.2.0");
}

#[test]
fn comparisons_of_disks_in_wide_and_narrow_terminals() {
    let old = fixture::minute();
    let mut new = changed(&old, &[(5, 125), (12, 125), (16, 80)]);
    new.rows[24].samples.truncate(3);
    new.data[0].bytes *= 2;
    new.ended = Ended::Interrupted;
    let (two, table) = ([old.clone(), new], Format::Table);
    check("compare-disk.txt", &rendered(&two, table, 120), include_str!("../snapshots/compare-disk.txt"));
    check("compare-disk-80.txt", &rendered(&two, table, 80), include_str!("../snapshots/compare-disk-80.txt"));
    let mut last = changed(&old, &[(5, 112), (19, 125)]);
    last.rows[24].samples.truncate(3);
    let three = [old.clone(), changed(&old, &[(5, 106), (19, 103)]), last];
    check("compare-trend-80.txt", &rendered(&three, table, 80), include_str!("../snapshots/compare-trend-80.txt"));
}
