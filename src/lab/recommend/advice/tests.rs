//! Reports made by hand, and what they come to.

use super::*;
use crate::lab::recommend::testing::{COPIES, ROUNDS, add, direct, four, mmap, report};
use crate::lab::setting::Axis;

fn outcomes(report: &Report) -> Vec<Outcome> {
    advice(report).choices.iter().map(|choice| choice.outcome).collect()
}

#[test]
fn each_candidate_has_its_outcome() {
    use Outcome::{Mixed, NotFaster, Outdone, Recommended, Unfinished};
    let both = direct().and(four());
    for (what, walls, rounds, expected, options) in [
        ("a clear winner", vec![(direct(), [800, 1000, 1000])], ROUNDS, vec![Recommended], Some("--engine direct")),
        ("everywhere", vec![(direct(), [800, 700, 900])], ROUNDS, vec![Recommended], Some("--engine direct")),
        ("as good", vec![(direct(), [1000, 1000, 1000])], ROUNDS, vec![NotFaster], None),
        ("too little", vec![(direct(), [975, 975, 975])], ROUNDS, vec![NotFaster], None),
        ("slower", vec![(direct(), [1500, 1000, 1000])], ROUNDS, vec![NotFaster], None),
        ("helps in one case, hurts in another", vec![(direct(), [700, 1000, 1500])], ROUNDS, vec![Mixed], None),
        ("too few rounds", vec![(direct(), [700, 700, 700])], 5, vec![Unfinished], None),
        (
            "the best of two",
            vec![(direct(), [800, 800, 800]), (four(), [600, 600, 600])],
            ROUNDS,
            vec![Outdone, Recommended],
            Some("--workers 4"),
        ),
        (
            "one option rather than two",
            vec![(both, [790, 800, 800]), (four(), [800, 800, 800])],
            ROUNDS,
            vec![Outdone, Recommended],
            Some("--workers 4"),
        ),
        (
            "two options if they are better",
            vec![(both, [600, 800, 800]), (four(), [800, 800, 800])],
            ROUNDS,
            vec![Recommended, Outdone],
            Some("--engine direct --workers 4"),
        ),
        (
            "the one that hurts nowhere",
            vec![(direct(), [300, 1000, 1200]), (mmap(), [900, 900, 1000])],
            ROUNDS,
            vec![Mixed, Recommended],
            Some("--engine mmap"),
        ),
    ] {
        let report = report(&walls, rounds);
        assert_eq!(outcomes(&report), expected, "{what}");
        let expected = options.map(|options| ("HAUL_COPY_OPTIONS".to_owned(), options.to_owned()));
        assert_eq!(advice(&report).options, expected.into_iter().collect(), "{what}");
    }
}

/// Something that goes wrong.
type Change = fn(&mut Report);

#[test]
fn what_is_not_known_of_every_case_is_not_recommended() {
    let good = || report(&[(direct(), [800, 800, 800])], ROUNDS);
    assert_eq!(outcomes(&good()), [Outcome::Recommended]);
    let changes: [(&str, Change); 4] = [
        ("it was interrupted", |report| report.ended = Ended::Interrupted),
        ("it failed", |report| report.ended = Ended::Failed),
        ("the options cannot be used in a case", |report| drop(report.rows.pop())),
        ("no run shows what it should", |report| {
            let rows = report.rows.iter_mut().filter(|row| row.setting.word(Axis::Case) == Some(COPIES[1].name()));
            rows.flat_map(|row| &mut row.samples).for_each(|sample| sample.invalid = Some("warm".into()));
        }),
    ];
    for (what, change) in changes {
        let mut report = good();
        change(&mut report);
        assert_eq!(outcomes(&report), [Outcome::Unfinished], "{what}");
        assert!(advice(&report).options.is_empty(), "{what}");
    }
    // A case that was explored, and could not be confirmed, counts; one that cannot be run here is nobody's fault.
    let mut report = good();
    report.rows.retain(|row| row.setting.word(Axis::Case) != Some(COPIES[2].name()));
    report.controls.pop();
    assert_eq!(outcomes(&report), [Outcome::Unfinished]);
    let explored = &mut report.tuning.as_mut().unwrap().explored;
    explored.retain(|row| row.setting.word(Axis::Case) != Some(COPIES[2].name()));
    assert_eq!(outcomes(&report), [Outcome::Recommended]);
    // What has not been run yet is not 0 ns long.
    let mut report = good();
    report.rows.iter_mut().for_each(|row| row.samples.clear());
    assert_eq!((advice(&report).findings.len(), outcomes(&report)), (0, vec![Outcome::Unfinished]));
}

#[test]
fn what_is_less_than_the_noise_is_not_a_gain() {
    let mut report = report(&[(direct(), [900, 900, 900])], ROUNDS);
    for control in &mut report.controls {
        control.samples.iter_mut().for_each(|sample| sample.wall_ns = sample.wall_ns * 115 / 100);
    }
    let advice = advice(&report);
    assert!(outcomes(&report) == [Outcome::NotFaster] && advice.options.is_empty(), "{advice:?}");
    assert!(advice.findings.iter().all(|finding| finding.noise.is_some_and(|noise| noise > 0.1)));
}

#[test]
fn statements_are_counted_over_all_jobs() {
    let mut report = report(&[(direct(), [800, 800, 800]), (four(), [1000, 1000, 1000])], ROUNDS);
    add(&mut report, Case::Gzip, &[(four(), 700)], ROUNDS);
    let found = advice(&report);
    assert_eq!((found.statements, found.rounds_needed, found.findings.len()), (7, 9, 7));
    let expected = [("HAUL_COPY_OPTIONS", "--engine direct"), ("HAUL_GZIP_OPTIONS", "--workers 4")];
    let options = found.options.iter().map(|(variable, options)| (variable.as_str(), options.as_str()));
    assert_eq!(options.collect::<Vec<_>>(), expected);
    assert_eq!(advice(&Report::default()), Advice { rounds_needed: 6, ..Advice::default() });
}

#[test]
fn what_may_be_a_difference_is_not_called_none() {
    // Every second round takes a fifth longer with the options, and every other a fifth less: the median says nothing.
    let mut report = report(&[(direct(), [1000, 1000, 1000])], ROUNDS);
    let found = advice(&report);
    assert!(found.unseen.is_none() && found.findings.iter().all(|one| one.claim == Claim::Same));
    for (round, sample) in report.rows[3].samples.iter_mut().enumerate() {
        sample.wall_ns = sample.wall_ns * if round % 2 == 0 { 12 } else { 8 } / 10;
    }
    let found = advice(&report);
    let claims: Vec<Claim> = found.findings.iter().map(|one| one.claim).collect();
    assert_eq!(claims, [Claim::Same, Claim::CannotTell, Claim::Same]);
    assert!(outcomes(&report) == [Outcome::NotFaster] && found.options.is_empty(), "{found:?}");
    assert!(found.unseen.is_some_and(|unseen| (0.15..0.25).contains(&unseen)), "{:?}", found.unseen);
    // It keeps nobody from what is surely faster elsewhere, and how bad it may be is known.
    report.rows[1].samples.iter_mut().for_each(|sample| sample.wall_ns = sample.wall_ns * 8 / 10);
    let found = advice(&report);
    assert_eq!(outcomes(&report), [Outcome::Recommended]);
    assert!(found.worst(&found.choices[0]).is_some_and(|worst| (0.15..0.25).contains(&worst)));
}
