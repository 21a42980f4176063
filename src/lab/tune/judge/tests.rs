//! Reports made by hand, and what they come to.

use super::*;
use crate::lab::sweep::testing;
use crate::lab::tune::cases::with_flags;
use crate::outcome::{Control, SweepRow};
use crate::plan::EngineName;

const CORES: usize = 2;
/// As many rounds as any of these reports needs.
const ROUNDS: usize = 12;

fn direct() -> Flags {
    Flags { engine: Some(EngineName::Direct), ..Flags::default() }
}

fn mmap() -> Flags {
    Flags { engine: Some(EngineName::Mmap), ..Flags::default() }
}

fn four() -> Flags {
    Flags { workers: Some(4), ..Flags::default() }
}

/// A confirming sweep in which the defaults took 1000 ms and each candidate so many, in `rounds` rounds.
fn confirmed(case: TuneCase, walls: &[(Flags, u64)], rounds: usize) -> SweepReport {
    let all = std::iter::once((Flags::default(), 1000)).chain(walls.iter().copied());
    // A little noise, which is the same for all.
    let times = |wall: u64| (0..rounds as u64).map(|round| wall + round % 3).collect::<Vec<_>>();
    let rows: Vec<SweepRow> =
        all.map(|(flags, wall)| testing::row(with_flags(flags, case, CORES), &times(wall))).collect();
    let again = rows[0].samples.clone();
    let controls = vec![Control { row: 0, samples: again }];
    SweepReport { controls, ..testing::report(rows) }
}

/// A tuning with these candidates of copy, and what each took in its three cases.
fn report(walls: &[(Flags, [u64; 3])], rounds: usize) -> TuneReport {
    let copies = [TuneCase::CopyWarm, TuneCase::CopyCold, TuneCase::CopySmall];
    let case = |place: usize| {
        let walls: Vec<_> = walls.iter().map(|(flags, walls)| (*flags, walls[place])).collect();
        TunedCase { confirmed: Some(confirmed(copies[place], &walls, rounds)), ..TunedCase::new(copies[place]) }
    };
    let candidates = walls.iter().map(|(flags, _)| Candidate { job: SweepJob::Copy, flags: *flags }).collect();
    TuneReport { cores: CORES, candidates, cases: (0..3).map(case).collect(), ..TuneReport::default() }
}

fn fates(report: &TuneReport) -> Vec<Fate> {
    Advice::of(report).choices.iter().map(|choice| choice.fate).collect()
}

#[test]
fn each_candidate_meets_its_fate() {
    let both = direct().and(four());
    for (what, walls, rounds, expected, options) in [
        (
            "a clear winner",
            vec![(direct(), [800, 1000, 1000])],
            ROUNDS,
            vec![Fate::Recommended],
            Some("--engine direct"),
        ),
        ("everywhere", vec![(direct(), [800, 700, 900])], ROUNDS, vec![Fate::Recommended], Some("--engine direct")),
        ("as good", vec![(direct(), [1000, 1000, 1000])], ROUNDS, vec![Fate::NotFaster], None),
        ("too little", vec![(direct(), [975, 975, 975])], ROUNDS, vec![Fate::NotFaster], None),
        ("slower", vec![(direct(), [1500, 1000, 1000])], ROUNDS, vec![Fate::NotFaster], None),
        ("helps here, hurts there", vec![(direct(), [700, 1000, 1500])], ROUNDS, vec![Fate::Mixed], None),
        ("too few rounds", vec![(direct(), [700, 700, 700])], 5, vec![Fate::Unfinished], None),
        (
            "the best of two",
            vec![(direct(), [800, 800, 800]), (four(), [600, 600, 600])],
            ROUNDS,
            vec![Fate::Outdone, Fate::Recommended],
            Some("--workers 4"),
        ),
        (
            "one flag rather than two",
            vec![(both, [790, 800, 800]), (four(), [800, 800, 800])],
            ROUNDS,
            vec![Fate::Outdone, Fate::Recommended],
            Some("--workers 4"),
        ),
        (
            "two flags if they are better",
            vec![(both, [600, 800, 800]), (four(), [800, 800, 800])],
            ROUNDS,
            vec![Fate::Recommended, Fate::Outdone],
            Some("--engine direct --workers 4"),
        ),
        (
            "the one that hurts nowhere",
            vec![(direct(), [300, 1000, 1200]), (mmap(), [900, 900, 1000])],
            ROUNDS,
            vec![Fate::Mixed, Fate::Recommended],
            Some("--engine mmap"),
        ),
    ] {
        let report = report(&walls, rounds);
        assert_eq!(fates(&report), expected, "{what}");
        let expected = options.map(|flags| ("HAUL_COPY_OPTIONS".to_owned(), flags.to_owned()));
        assert_eq!(Advice::of(&report).options, expected.into_iter().collect(), "{what}");
    }
}

/// Something that goes wrong.
type Change = fn(&mut TuneReport);

#[test]
fn what_is_not_known_of_every_case_is_not_recommended() {
    let good = || report(&[(direct(), [800, 800, 800])], ROUNDS);
    assert_eq!(fates(&good()), [Fate::Recommended]);
    let changes: [(&str, Change); 5] = [
        ("a case was not confirmed", |report| report.cases[2].confirmed = None),
        ("a sweep was interrupted", |report| report.cases[0].confirmed.as_mut().unwrap().ended = Ended::Interrupted),
        ("a sweep failed", |report| report.cases[1].confirmed.as_mut().unwrap().ended = Ended::Failed),
        ("the flags cannot be had", |report| drop(report.cases[1].confirmed.as_mut().unwrap().rows.remove(1))),
        ("no run shows what it should", |report| {
            let rows = &mut report.cases[1].confirmed.as_mut().unwrap().rows;
            rows.iter_mut().flat_map(|row| &mut row.samples).for_each(|sample| sample.invalid = Some("warm".into()));
        }),
    ];
    for (what, change) in changes {
        let mut report = good();
        change(&mut report);
        assert_eq!(fates(&report), [Fate::Unfinished], "{what}");
        assert!(Advice::of(&report).options.is_empty(), "{what}");
    }
    // A case that cannot be had here is nobody's fault.
    let mut report = good();
    report.cases[1] = TunedCase { left_out: Some("nothing is ever cold".into()), ..TunedCase::new(TuneCase::CopyCold) };
    assert_eq!(fates(&report), [Fate::Recommended]);
}

#[test]
fn what_is_less_than_the_noise_is_no_gain() {
    let mut report = report(&[(direct(), [900, 900, 900])], ROUNDS);
    for case in &mut report.cases {
        let control = &mut case.confirmed.as_mut().unwrap().controls[0];
        control.samples.iter_mut().for_each(|sample| sample.wall_ns = sample.wall_ns * 115 / 100);
    }
    let advice = Advice::of(&report);
    assert!(fates(&report) == [Fate::NotFaster] && advice.options.is_empty(), "{advice:?}");
    assert!(advice.findings.iter().all(|finding| finding.noise.is_some_and(|noise| noise > 0.1)));
}

#[test]
fn statements_are_counted_over_all_jobs() {
    let mut report = report(&[(direct(), [800, 800, 800]), (four(), [1000, 1000, 1000])], ROUNDS);
    report.candidates.push(Candidate { job: SweepJob::Gzip, flags: four() });
    let confirmed = Some(confirmed(TuneCase::Gzip, &[(four(), 700)], ROUNDS));
    report.cases.push(TunedCase { confirmed, ..TunedCase::new(TuneCase::Gzip) });
    let advice = Advice::of(&report);
    assert_eq!((advice.statements, advice.rounds_needed, advice.findings.len()), (7, 9, 7));
    let expected = [("HAUL_COPY_OPTIONS", "--engine direct"), ("HAUL_GZIP_OPTIONS", "--workers 4")];
    let options = advice.options.iter().map(|(variable, flags)| (variable.as_str(), flags.as_str()));
    assert_eq!(options.collect::<Vec<_>>(), expected);
    assert_eq!(Advice::of(&TuneReport::default()), Advice { rounds_needed: 6, ..Advice::default() });
}

#[test]
fn what_may_be_a_difference_is_not_called_none() {
    // Every second round takes a fifth longer with the flags, and every other a fifth less: the median says nothing.
    let mut report = report(&[(direct(), [1000, 1000, 1000])], ROUNDS);
    let advice = Advice::of(&report);
    assert!(advice.unseen.is_none() && advice.findings.iter().all(|one| one.verdict == Verdict::Alike));
    let rows = &mut report.cases[1].confirmed.as_mut().unwrap().rows;
    for (round, sample) in rows[1].samples.iter_mut().enumerate() {
        sample.wall_ns = sample.wall_ns * if round % 2 == 0 { 12 } else { 8 } / 10;
    }
    let advice = Advice::of(&report);
    let verdicts: Vec<Verdict> = advice.findings.iter().map(|one| one.verdict).collect();
    assert_eq!(verdicts, [Verdict::Alike, Verdict::Unclear, Verdict::Alike]);
    assert!(fates(&report) == [Fate::NotFaster] && advice.options.is_empty(), "{advice:?}");
    assert!(advice.unseen.is_some_and(|unseen| (0.15..0.25).contains(&unseen)), "{:?}", advice.unseen);
    // It keeps nobody from what is surely faster elsewhere, and how bad it may be is known.
    let rows = &mut report.cases[0].confirmed.as_mut().unwrap().rows;
    rows[1].samples.iter_mut().for_each(|sample| sample.wall_ns = sample.wall_ns * 8 / 10);
    let advice = Advice::of(&report);
    assert_eq!(fates(&report), [Fate::Recommended]);
    assert!(advice.worst(&advice.choices[0]).is_some_and(|worst| (0.15..0.25).contains(&worst)));
}
