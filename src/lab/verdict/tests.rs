//! Verdicts on sweeps made by hand.

use super::*;
use crate::lab::report::{Control, Row, Sample};
use crate::lab::setting::{Axis, Setting, Value};
use crate::lab::testing::{report, row, sample, setting};

/// What eight rounds of a quiet machine do to a time, in thousandths.
const QUIET: [u64; 8] = [1000, 1004, 997, 1002, 1010, 999, 1001, 996];
/// The same of a noisy one, for every row otherwise.
const NOISY: [[u64; 8]; 3] = [
    [1000, 1300, 900, 1100, 980, 1500, 1010, 950],
    [1350, 980, 1010, 940, 1200, 1000, 1400, 990],
    [920, 1010, 1450, 1000, 990, 1080, 960, 1250],
];

/// A row whose runs took about `wall` ms.
fn quiet(setting: Setting, wall: u64) -> Row {
    row(setting, &QUIET.map(|thousandths| wall * thousandths))
}

fn buffers(walls: &[(u64, u64)]) -> Vec<Row> {
    walls.iter().map(|(kib, wall)| quiet(setting(*kib), *wall)).collect()
}

fn verdict(rows: Vec<Row>) -> Verdict {
    Verdict::all_of(&report(rows)).remove(0)
}

fn text(rows: Vec<Row>) -> String {
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
        "Use 64K: the fastest, and nothing smaller is surely within 5% of it. As fast as 64K, within 0%: 128K, 256K and 4M."
    );
    let workers = |workers: u64| setting(64).with(Axis::Workers, workers);
    let rows = [(1, 400), (2, 200), (4, 100), (8, 100), (16, 100)].map(|(count, wall)| quiet(workers(count), wall));
    assert_eq!(
        text(rows.to_vec()),
        "Use 4 workers: the fastest, and nothing smaller is surely within 5% of it. As fast as 4 workers, within 0%: 8 \
         workers and 16 workers."
    );
}

#[test]
fn nothing_is_claimed_below_what_two_runs_of_the_same_show() {
    let mut report = report(buffers(&[(64, 101), (1024, 100)]));
    let again = |percent: u64| QUIET.map(|thousandths| sample(thousandths * percent, 1)).to_vec();
    report.controls = vec![Control { row: 1, samples: again(102) }];
    assert_eq!(
        Verdict::all_of(&report)[0].text,
        "Use 64K: at most 2% slower than the best (1M) at 95%, with 16 calls instead of 1. As fast as 1M, within noise 2% \
         (two runs of the same setting, 1M): 64K."
    );
    // Noise above what was asked leaves nothing to say.
    report.controls = vec![Control { row: 1, samples: again(107) }];
    let found = &Verdict::all_of(&report)[0];
    assert_eq!(found.chosen, None);
    assert_eq!(
        found.text,
        "Cannot tell what is within 5% of the best: noise 7% (two runs of the same setting, 1M). About twice as many \
         rounds would tell, or a quieter machine. 1M is the fastest by its median, and the best may be any of: 64K and 1M."
    );
}

#[test]
fn what_is_far_ahead_is_the_best_whatever_the_noise() {
    let mut report = report(buffers(&[(64, 150), (1024, 100)]));
    report.controls = vec![Control { row: 1, samples: QUIET.map(|thousandths| sample(thousandths * 107, 1)).to_vec() }];
    let found = &Verdict::all_of(&report)[0];
    assert_eq!((found.chosen, &found.indistinguishable[..]), (Some(1), &[1][..]));
    assert_eq!(found.text, "Use 1M: surely the fastest, the others are at least 50% slower at 95%.");
}

#[test]
fn what_may_be_far_slower_is_not_as_fast() {
    let wide = [1000, 1300, 1000, 1500, 990, 1600, 998, 1450];
    let rows = vec![row(setting(4), &QUIET.map(|wall| wall * 3)), row(setting(64), &wide), quiet(setting(1024), 1)];
    let found = verdict(rows.clone());
    assert_eq!((found.chosen, &found.indistinguishable[..], &found.undecided[..]), (Some(2), &[2][..], &[1][..]));
    assert_eq!(
        found.text,
        "Use 1M: the fastest by its median. 64K may be as fast as 1M or up to 60.2% slower, which these rounds cannot \
         settle."
    );
    // The same beside a smaller one that is surely near.
    let near = setting(4).with(Axis::Workers, 2_u64);
    let found = verdict([&rows[1..], &[row(near, &QUIET.map(|wall| wall * 102 / 100))]].concat());
    assert!(found.text.starts_with("Use 4K with 2 workers: at most 2"), "{found}");
    assert!(found.text.contains(". 64K with 1 worker may be as fast as 1M with 1 worker or up to "), "{found}");
}

#[test]
fn a_setting_with_the_same_median_is_as_fast() {
    // Slower by a little in every round, and by less than anybody sees.
    let rows = vec![row(setting(64), &QUIET.map(|wall| wall + 1)), quiet(setting(1024), 1)];
    let found = verdict(rows);
    assert_eq!(found.indistinguishable, [0, 1]);
    assert!(found.text.ends_with(" As fast as 1M, within 0.1%: 64K."), "{found}");
}

#[test]
fn smaller_is_said_of_sizes_only() {
    let rayon = setting(1024).with(Axis::Scheduler, "rayon");
    let rows = vec![quiet(setting(64), 150), quiet(rayon, 100)];
    assert_eq!(
        text(rows),
        "Use 1M with rayon: the fastest, and nothing with a smaller buffer or fewer workers is surely within 5% of it."
    );
}

#[test]
fn a_pool_with_fewer_buffers_is_a_smaller_one() {
    let of = |kib, pool: Value| setting(kib).with(Axis::Pool, pool);
    let four = || of(64, 4_usize.into());
    let rows = vec![quiet(of(64, false.into()), 100), quiet(of(64, true.into()), 100), quiet(four(), 101)];
    assert!(text(rows).starts_with("Use pool 4: "), "the one whose buffers are bounded lowest");
    let burst = four().with(Axis::PoolOverflow, 4_usize);
    let rows = vec![quiet(four(), 150), quiet(burst, 100)];
    let smaller = "the fastest, and nothing with a smaller pool is surely within 5% of it.";
    assert_eq!(text(rows), format!("Use overflow 4: {smaller}"));
    let rows = vec![quiet(of(4, true.into()), 150), quiet(of(64, true.into()), 140), quiet(of(64, false.into()), 100)];
    assert!(text(rows).contains("nothing with a smaller buffer, fewer workers or a smaller pool is surely within 5%"));
}

#[test]
fn many_settings_take_more_rounds() {
    let mut rows: Vec<Row> = (0..4).map(|place| quiet(setting(4 << place), 200 - 10 * place)).collect();
    for row in &mut rows {
        row.samples.truncate(6);
    }
    assert_eq!(
        text(rows),
        "First impression: 32K is the fastest by its median of 6 rounds. 7 rounds make a verdict at 95%: --rounds 7."
    );
}

#[test]
fn a_first_impression_below_the_noise_is_none() {
    let said = |again: u64| {
        let walls = [(4, 112), (64, 103), (256, 102), (1024, 100)];
        let mut report = report(buffers(&walls));
        report.rows.iter_mut().for_each(|row| row.samples.truncate(6));
        let again = QUIET.map(|thousandths| sample(thousandths * again, 1));
        report.controls = vec![Control { row: 2, samples: again[..6].to_vec() }];
        Verdict::all_of(&report).remove(0).text
    };
    assert_eq!(
        said(413),
        "Nothing can be said yet: settings differ by 12% at most, noise 304.9% (two runs of the same setting, 256K). 7 \
         rounds make a verdict at 95%: --rounds 7."
    );
    assert_eq!(
        said(107),
        "First impression: 1M is the fastest by its median of 6 rounds, but 64K to 1M differ by less than noise 4.9% (two \
         runs of the same setting, 256K). 7 rounds make a verdict at 95%: --rounds 7."
    );
    assert!(
        said(102).starts_with("First impression: 1M is the fastest by its median of 6 rounds. 7 rounds"),
        "{}",
        said(102)
    );
}

#[test]
fn of_few_pairs_there_is_no_noise_to_be_below() {
    let mut report = report([(4, 112), (64, 100)].map(|(kib, wall)| row(setting(kib), &[wall; 5])).to_vec());
    report.controls = vec![Control { row: 1, samples: [sample(413, 1), sample(413, 1)].to_vec() }];
    let verdict = &Verdict::all_of(&report)[0];
    assert_eq!(verdict.noise, None);
    assert!(
        verdict.text.starts_with("First impression: 64K is the fastest by its median of 5 rounds. 6 rounds"),
        "{verdict}"
    );
}

/// What a busy spell does: the median within rounds says that two are the same, the medians that a table shows say that
/// they are not.
fn contradiction() -> Vec<Row> {
    let one = [100, 100, 100, 100, 240, 240, 240, 100, 100];
    let other = [104, 105, 103, 240, 239, 238, 237, 239, 238];
    vec![row(setting(64), &one), row(setting(128), &other), row(setting(4), &[500; 9])]
}

#[test]
fn where_medians_and_rounds_disagree_both_are_shown_and_nothing_is_claimed() {
    let mut report = report(contradiction());
    let again = [103, 97, 104, 96, 250, 232, 246, 103, 98].map(|wall| sample(wall, 1)).to_vec();
    report.controls = vec![Control { row: 0, samples: again }];
    let found = &Verdict::all_of(&report)[0];
    assert_eq!(found.chosen, None);
    assert_eq!(
        found.text,
        "Cannot tell: by the medians of all rounds 128K is 138% slower than 64K, by the median within rounds 4% slower, so \
         the machine changed between rounds. Measure again with more rounds, on a quieter machine."
    );
    // Fewer rounds than a verdict takes change nothing.
    report.rows.iter_mut().for_each(|row| row.samples.truncate(6));
    report.rows[1].samples.swap(2, 5);
    let found = &Verdict::all_of(&report)[0];
    assert!(!found.text.contains("differ by less"), "{found}");
}

#[test]
fn runs_that_differ_too_much_carry_no_choice() {
    let rows: Vec<Row> = [4, 64, 1024].iter().zip(NOISY).map(|(kib, walls)| row(setting(*kib), &walls)).collect();
    let found = verdict(rows);
    assert_eq!((found.chosen, found.indistinguishable.len(), found.undecided.len()), (None, 1, 2));
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
    assert_eq!(text(few(1)), said.replace("its median of 5 rounds", "its one run"));
    assert_eq!(text(few(6)), "Use 64K: the fastest, and nothing smaller is surely within 5% of it.");
    assert_eq!(text(few(0)), "nothing");
}

#[test]
fn names_are_what_varies_or_what_the_table_says() {
    let two = |kib| setting(kib).with(Axis::Workers, 2_u64);
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
    let rayon = setting(64).with(Axis::Scheduler, "rayon");
    let mut rows = vec![quiet(setting(64), 110), quiet(rayon, 100)];
    assert_eq!(text(rows.clone()), "Use rayon: the fastest.");
    rows[1].name = Some("models".to_owned());
    assert_eq!(text(rows), "Use models: the fastest.");
}

#[test]
fn each_group_of_alternatives_has_a_verdict_of_its_own() {
    let at = |level: u32, kib| setting(kib).with(Axis::Job, "gzip").with(Axis::Level, level);
    let rows = vec![quiet(at(1, 4), 104), quiet(at(1, 64), 100), quiet(at(9, 4), 900), quiet(at(9, 64), 800)];
    let of_levels = "Level 1: Use 4K: at most 4% slower than the best (64K) at 95%, with 256 calls instead of 16.\n\
                     Level 9: Use 64K: the fastest, and nothing smaller is surely within 5% of it.";
    assert_eq!(text(rows.clone()), of_levels);
    let cold = |workers: u64| setting(64).with(Axis::Cache, "cold").with(Axis::Workers, workers);
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
    rows[0].samples[..5].iter_mut().for_each(|sample| sample.invalid = Some("it was warm".to_owned()));
    assert!(text(rows.clone()).starts_with("Use 64K: at most 1% slower"), "{}", text(rows));
}

#[test]
fn a_run_that_shows_something_else_takes_out_its_round_only() {
    let mut rows = buffers(&[(4, 200), (64, 103), (1024, 100)]);
    let said = text(rows.clone());
    let invalid = Some("it was warm".to_owned());
    rows[1].samples[2] = Sample { invalid, ..sample(1, 1) };
    assert_eq!(text(rows.clone()), said);
    // With only half of its runs it can be compared with nothing, and others are still told.
    rows[0].samples[..4].iter_mut().for_each(|sample| sample.invalid = Some("it was warm".to_owned()));
    let found = verdict(rows.clone());
    assert_eq!((found.chosen, &found.undecided[..]), (Some(1), &[0][..]));
    assert_eq!(found.text, format!("{said} 4K cannot be told from it: too few runs showed what they should."));
    rows[1].samples[..4].iter_mut().for_each(|sample| sample.invalid = Some("it was warm".to_owned()));
    assert!(text(rows.clone()).starts_with("First impression: 1M is the fastest by its median of 4"), "{}", text(rows));
}

#[test]
fn a_row_with_one_more_run_than_the_others_is_compared_in_whole_rounds() {
    let mut rows = buffers(&[(4, 103), (64, 100)]);
    rows[1].samples.push(sample(1, 1));
    assert_eq!(text(rows), "Use 4K: at most 3% slower than the best (64K) at 95%, with 256 calls instead of 16.");
}
