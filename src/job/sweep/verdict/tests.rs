//! Verdicts on sweeps made by hand.

use super::*;
use crate::job::sweep::testing::{report, row, sample, setting};
use crate::outcome::{Control, Setting, SweepRow};
use crate::plan::{CacheState, SchedulerName, SweepJob};

/// What eight rounds of a quiet machine do to a time, in thousandths.
const QUIET: [u64; 8] = [1000, 1004, 997, 1002, 1010, 999, 1001, 996];
/// The same of a noisy one, for every row otherwise.
const NOISY: [[u64; 8]; 3] = [
    [1000, 1300, 900, 1100, 980, 1500, 1010, 950],
    [1350, 980, 1010, 940, 1200, 1000, 1400, 990],
    [920, 1010, 1450, 1000, 990, 1080, 960, 1250],
];

/// A row whose runs took about `wall` ms.
fn quiet(setting: Setting, wall: u64) -> SweepRow {
    row(setting, &QUIET.map(|thousandths| wall * thousandths))
}

fn buffers(walls: &[(u64, u64)]) -> Vec<SweepRow> {
    walls.iter().map(|(kib, wall)| quiet(setting(*kib), *wall)).collect()
}

fn verdict(rows: Vec<SweepRow>) -> Verdict {
    Verdict::all_of(&report(rows)).remove(0)
}

fn text(rows: Vec<SweepRow>) -> String {
    let verdicts: Vec<String> = Verdict::all_of(&report(rows)).into_iter().map(|verdict| verdict.text).collect();
    if verdicts.is_empty() { "nothing".to_owned() } else { verdicts.join("\n") }
}

#[test]
fn the_smallest_that_is_surely_near_the_best_is_chosen() {
    let expected = "Use 64K: at most 3% slower than the best (1M) at 95%, with 16 calls instead of 1.";
    assert_eq!(text(buffers(&[(4, 200), (64, 103), (1024, 100)])), expected);
    // The order in which sizes were named does not matter.
    assert_eq!(text(buffers(&[(1024, 100), (64, 103), (4, 200)])), expected);
    let found = verdict(buffers(&[(4, 200), (64, 103), (1024, 100)]));
    assert_eq!((found.chosen, found.best, found.indistinguishable), (Some(1), 2, vec![2]));
    assert!((found.slowdowns[0].slowdown.estimate - 1.0).abs() < 0.001, "{:?}", found.slowdowns);
}

#[test]
fn a_clear_winner_stands_alone() {
    assert_eq!(
        text(buffers(&[(4, 200), (64, 106), (1024, 100)])),
        "Use 1M: the fastest, and nothing smaller is surely within 5% of it."
    );
    assert_eq!(text(buffers(&[(4, 100), (64, 110)])), "Use 4K: the fastest.");
}

#[test]
fn what_is_as_fast_is_listed_as_a_range_where_it_is_one() {
    assert_eq!(
        text(buffers(&[(4, 200), (64, 100), (128, 100), (256, 100), (1024, 120), (4096, 100)])),
        "Use 64K: the fastest, and nothing smaller is surely within 5% of it. As fast as each other: 64K to 256K and 4M."
    );
    let workers = |workers| Setting { workers, ..setting(64) };
    let rows = [(1, 400), (2, 200), (4, 100), (8, 100), (16, 100)].map(|(count, wall)| quiet(workers(count), wall));
    assert_eq!(
        text(rows.to_vec()),
        "Use 4 workers: the fastest, and nothing smaller is surely within 5% of it. As fast as each other: 4 to 16 workers."
    );
}

#[test]
fn nothing_is_claimed_below_what_two_runs_of_the_same_show() {
    let mut report = report(buffers(&[(64, 101), (1024, 100)]));
    let again = |percent: u64| QUIET.map(|thousandths| sample(thousandths * percent, 1)).to_vec();
    report.controls = vec![Control { row: 1, samples: again(102) }];
    assert_eq!(
        Verdict::all_of(&report)[0].text,
        "Use 64K: at most 2% slower than the best (1M) at 95%, with 16 calls instead of 1. As fast as each other, within \
         noise 2%: 64K and 1M."
    );
    // Noise above what was asked leaves nothing to say.
    report.controls = vec![Control { row: 1, samples: again(107) }];
    let found = &Verdict::all_of(&report)[0];
    assert_eq!(found.chosen, None);
    assert_eq!(
        found.text,
        "Cannot tell what is within 5% of the best: noise 7%; the same setting run twice differs by 7%. About 16 rounds \
         would (--rounds 16), or a quieter machine. 1M is the fastest by its median, and the best may be any of: 64K and \
         1M."
    );
}

#[test]
fn runs_that_differ_too_much_carry_no_choice() {
    let rows: Vec<SweepRow> = [4, 64, 1024].iter().zip(NOISY).map(|(kib, walls)| row(setting(*kib), &walls)).collect();
    let found = verdict(rows);
    assert_eq!((found.chosen, found.indistinguishable.len()), (None, 3));
    assert!(found.text.starts_with("Cannot tell what is within 5% of the best: "), "{found}");
    assert!(found.text.contains(" may be ") && found.text.ends_with("the best may be any of: 4K to 1M."), "{found}");
}

#[test]
fn few_rounds_are_a_first_impression() {
    let few = |rounds: usize| {
        let mut rows = buffers(&[(4, 200), (64, 100)]);
        for row in &mut rows {
            row.samples.truncate(rounds);
        }
        rows
    };
    let found = verdict(few(5));
    assert_eq!((found.chosen, found.best), (None, 1));
    let said =
        "First impression: 64K is the fastest by its median of 5 rounds. 6 rounds make a verdict at 95%: --rounds 6.";
    assert_eq!(found.text, said);
    assert_eq!(text(few(1)), said.replace("5 rounds", "one round"));
    assert_eq!(text(few(6)), "Use 64K: the fastest, and nothing smaller is surely within 5% of it.");
    assert_eq!(text(few(0)), "nothing");
}

#[test]
fn names_are_what_varies_or_what_the_table_says() {
    let two = |kib| Setting { workers: 2, ..setting(kib) };
    let rows = vec![
        quiet(setting(4), 300),
        quiet(setting(64), 180),
        quiet(two(4), 200),
        quiet(two(64), 101),
        quiet(two(256), 100),
    ];
    assert_eq!(
        text(rows),
        "Use 64K with 2 workers: at most 1% slower than the best (256K with 2 workers) at 95%, with 16 calls instead of 4."
    );
    let rayon = Setting { scheduler: SchedulerName::Rayon, ..setting(64) };
    let mut rows = vec![quiet(setting(64), 110), quiet(rayon, 100)];
    assert_eq!(text(rows.clone()), "Use rayon: the fastest.");
    rows[1].name = Some("models".to_owned());
    assert_eq!(text(rows), "Use models: the fastest.");
}

#[test]
fn each_group_of_alternatives_has_a_verdict_of_its_own() {
    let at = |level, kib| Setting { job: SweepJob::Gzip, level: Some(level), ..setting(kib) };
    let rows = vec![quiet(at(1, 4), 104), quiet(at(1, 64), 100), quiet(at(9, 4), 900), quiet(at(9, 64), 800)];
    let of_levels = "Level 1: Use 4K: at most 4% slower than the best (64K) at 95%, with 256 calls instead of 16.\n\
                     Level 9: Use 64K: the fastest, and nothing smaller is surely within 5% of it.";
    assert_eq!(text(rows.clone()), of_levels);
    let cold = |workers| Setting { cache: CacheState::Cold, workers, ..setting(64) };
    let of_two_jobs = vec![quiet(cold(1), 100), quiet(cold(2), 50), rows[0].clone(), rows[1].clone()];
    let found = text(of_two_jobs);
    assert!(
        found.starts_with("copy, cold cache: Use 2 workers: ") && found.contains("\ngzip, warm cache: "),
        "{found}"
    );
    assert_eq!(text(vec![rows[0].clone(), rows[2].clone()]), "nothing", "a level each is nothing to choose between");
}

#[test]
fn one_setting_is_no_sweep_and_invalid_ones_are_none() {
    assert_eq!(text(buffers(&[(64, 100)])), "nothing");
    assert_eq!(text(vec![]), "nothing");
    let mut rows = buffers(&[(4, 90), (64, 101), (1024, 100)]);
    rows[0].samples[2].invalid = Some("it was warm".to_owned());
    assert!(text(rows.clone()).starts_with("Use 64K: at most 1% slower"), "{}", text(rows));
}

#[test]
fn a_row_with_one_more_run_than_the_others_is_compared_in_whole_rounds() {
    let mut rows = buffers(&[(4, 103), (64, 100)]);
    rows[1].samples.push(sample(1, 1));
    assert_eq!(text(rows), "Use 4K: at most 3% slower than the best (64K) at 95%, with 256 calls instead of 16.");
}
