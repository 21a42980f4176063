//! Reports made by hand, and what they say.

use std::ffi::OsStr;

use haul::lab::tune::candidates::alternatives;
use haul::lab::tune::cases::with_flags;
use haul::outcome::{Candidate, Control, Machine, Sample, SweepReport, SweepRow};
use haul::plan::{EngineName, Flags, SweepJob, TuneCase};

use super::*;
use crate::cli::environment;
use crate::cli::report::snapshot;

const CORES: usize = 2;

fn direct() -> Flags {
    Flags { engine: Some(EngineName::Direct), ..Flags::default() }
}

fn four() -> Flags {
    Flags { workers: Some(4), ..Flags::default() }
}

fn swept(case: TuneCase, walls: &[(Flags, u64)], rounds: u64) -> SweepReport {
    let sample = |wall: u64, round: u64| Sample { wall_ns: wall * 1_000_000 + round % 3 * 1000, ..Sample::default() };
    let row = |(flags, wall): &(Flags, u64)| SweepRow {
        samples: (0..rounds).map(|round| sample(*wall, round)).collect(),
        ..SweepRow::new(with_flags(*flags, case, CORES))
    };
    let rows: Vec<SweepRow> = std::iter::once(&(Flags::default(), 100)).chain(walls).map(row).collect();
    let controls = vec![Control { row: 0, samples: rows[0].samples.clone() }];
    let machine = Machine { architecture: "x86_64".into(), cores: 2, file_system: "ext4".into(), ..Machine::default() };
    let (source_bytes, source_files) = (60 << 20, if case == TuneCase::CopySmall { 900 } else { 1 });
    let (rounds, ended) = (rounds as usize, Ended::Rounds);
    SweepReport { rows, controls, machine, source_bytes, source_files, rounds, ended, ..SweepReport::default() }
}

/// A tuning whose copies took so long with each candidate, warm, cold and small, in so many rounds.
fn report(walls: &[(Flags, [u64; 3])], rounds: u64) -> TuneReport {
    let cases = TuneCase::ALL.into_iter().enumerate().map(|(place, case)| {
        let explored = Some(swept(case, &[], 10));
        let walls: Vec<_> = walls.iter().filter_map(|(flags, walls)| Some((*flags, *walls.get(place)?))).collect();
        let confirmed = (!walls.is_empty()).then(|| swept(case, &walls, rounds));
        TunedCase { explored, confirmed, ..TunedCase::new(case) }
    });
    TuneReport {
        format: TuneReport::FORMAT,
        version: "1.2.3".into(),
        directory: "/mnt/disk".into(),
        budget_ns: 180_000_000_000,
        took_ns: 178_000_000_000,
        cores: CORES,
        seed: 1,
        ended: Ended::Budget,
        candidates: walls.iter().map(|(flags, _)| Candidate { job: SweepJob::Copy, flags: *flags }).collect(),
        cases: cases.collect(),
        ..TuneReport::default()
    }
}

fn text(report: &TuneReport) -> String {
    String::from_utf8(render(report, &Advice::of(report), false).unwrap()).unwrap()
}

#[test]
fn a_page_shows_what_was_held_against_what_and_ends_in_the_line() {
    let page = text(&report(&[(direct(), [100, 70, 100]), (four(), [80, 120, 100])], 12));
    snapshot::check("tune.txt", &page, include_str!("../snapshots/tune.txt"));
    assert_eq!(page.lines().last(), Some("export HAUL_COPY_OPTIONS='--engine direct'"));
    assert!(page.lines().all(|line| line.chars().count() <= 120), "{page}");
}

#[test]
fn without_a_line_it_says_why() {
    for (what, report, said) in [
        ("nothing looked faster", report(&[], 0), "the defaults are as good: no flag was distinguishably faster"),
        (
            "nothing was",
            report(&[(direct(), [100; 3])], 12),
            "the defaults are as good: no flag was distinguishably faster",
        ),
        ("too few rounds", report(&[(direct(), [50; 3])], 4), "nothing is recommended that could not be told"),
        (
            "interrupted",
            TuneReport { ended: Ended::Interrupted, ..report(&[], 0) },
            "it was not finished, so nothing is recommended",
        ),
    ] {
        let page = text(&report);
        assert_eq!(page.lines().last(), Some(said), "{what}: {page}");
        assert!(!page.contains("export"), "{what}: {page}");
    }
    let page = text(&report(&[(direct(), [50; 3])], 4));
    assert!(page.contains("Cannot be told of copy --engine direct: 4 rounds where 7 are needed"), "{page}");
    let mut cold = report(&[(direct(), [100, 100, 100])], 12);
    cold.cases[1] = TunedCase { left_out: Some("nothing is ever cold".into()), ..TunedCase::new(TuneCase::CopyCold) };
    assert!(text(&cold).contains("copy, cold: left out: nothing is ever cold."));
}

#[test]
fn json_holds_the_evidence_and_the_advice() {
    let report = report(&[(direct(), [100, 70, 100])], 12);
    let json = render(&report, &Advice::of(&report), true).unwrap();
    let value: serde_json::Value = serde_json::from_slice(&json).unwrap();
    assert_eq!((&value["kind"], &value["format"]), (&"tune".into(), &1.into()));
    assert_eq!(value["advice"]["options"]["HAUL_COPY_OPTIONS"], "--engine direct");
    assert_eq!(value["advice"]["findings"][1]["verdict"], "faster");
    assert_eq!(value["advice"]["choices"][0]["flags"]["engine"], "direct");
    assert_eq!(value["cases"][1]["confirmed"]["rows"][1]["samples"].as_array().map(Vec::len), Some(12));
    let again: TuneReport = serde_json::from_slice(&json).unwrap();
    assert_eq!(again, report, "it can be read back");
}

#[test]
fn the_variables_take_whatever_can_be_recommended() {
    for variable in [&environment::COPY, &environment::GZIP] {
        let job = if variable.command == "copy" { SweepJob::Copy } else { SweepJob::Gzip };
        let all = alternatives(job, 2);
        let together = all.iter().fold(Flags::default(), |all, flags| all.and(*flags));
        for flags in all.into_iter().chain([together]) {
            let value = flags.to_string();
            assert_eq!(variable.words_of(OsStr::new(&value)).unwrap().join(" "), value);
            let words = ["haul", job.name()].into_iter().chain(value.split(' ')).chain(["a", "b"]);
            assert!(<crate::cli::args::Args as clap::Parser>::try_parse_from(words).is_ok(), "{value}");
        }
    }
}

#[test]
fn each_job_has_a_line_with_the_variable_of_its_command() {
    let mut report = report(&[(direct(), [100, 70, 100])], 12);
    report.candidates.push(Candidate { job: SweepJob::Gzip, flags: four() });
    report.cases[3].confirmed = Some(swept(TuneCase::Gzip, &[(four(), 70)], 12));
    let (page, copy, gzip) = (text(&report), environment::COPY.name, environment::GZIP.name);
    let lines = format!("\n\nexport {copy}='--engine direct'\nexport {gzip}='--workers 4'\n");
    assert!(page.ends_with(&lines), "{page}");
}

#[test]
fn it_says_what_was_not_confirmed_what_failed_and_who_else_was_at_work() {
    let mut found = report(&[(four(), [80, 100, 100])], 12);
    found.dropped = vec![Candidate { job: SweepJob::Gzip, flags: direct() }];
    found.cases[0].explored.as_mut().unwrap().machine.load = Some(3.5);
    let page = text(&found).replace("\n  ", " ");
    for said in [
        "No time to confirm: gzip --engine direct looked faster; raise --budget.",
        "mind: others were at work: load 3.5 on 2 cores",
        "mind: more workers than cores also take time from other programs",
        "copy --workers 4: at most 0% slower in the other cases.",
        "Rounds that explored and confirmed: copy, warm 10 and 12;",
    ] {
        assert!(page.contains(said), "{said}: {page}");
    }
    (found.ended, found.failure) = (Ended::Failed, Some("cannot write 'x': No space left on device".into()));
    let page = text(&found);
    assert!(page.contains("It failed: cannot write 'x': No space left on device."), "{page}");
    assert!(!page.contains("raise --budget"), "{page}");
}

#[test]
fn as_good_is_said_only_where_it_is_known() {
    let last = |report: &TuneReport| text(report).lines().last().unwrap().to_owned();
    let mut wide = report(&[(direct(), [100; 3])], 12);
    let rows = &mut wide.cases[1].confirmed.as_mut().unwrap().rows;
    for (round, sample) in rows[1].samples.iter_mut().enumerate() {
        sample.wall_ns = if round % 2 == 0 { 120_000_000 } else { 80_000_000 };
    }
    assert_eq!(last(&wide), "nothing was distinguishably faster; gains below 16.7% would not have been seen");
    let dropped = vec![Candidate { job: SweepJob::Copy, flags: four() }];
    let said = "nothing was distinguishably faster of what there was time to confirm; raise --budget";
    assert_eq!(last(&TuneReport { dropped, ..report(&[(direct(), [100; 3])], 12) }), said);
    let mut few = report(&[], 0);
    few.cases[3].explored.as_mut().unwrap().rounds = 2;
    let said = "nothing was distinguishably faster, in fewer than 6 rounds of some case; raise --budget";
    assert_eq!(last(&few), said);
}
