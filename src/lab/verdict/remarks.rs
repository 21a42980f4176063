//! What rows say that differ in one thing only: whether the pool of buffers helps, and whether batching does; and which
//! rows say nothing.

use super::groups::{Group, Names, and, paired};
use super::noise_of;
use super::text::percent;
use crate::lab::metric::Metric;
use crate::lab::report::{Report, Row};
use crate::lab::setting::{Axis, Setting};
use crate::lab::stats::interval::{PairedRatio, confidence_of_each};

/// Something that can be on or off.
struct Switch {
    axis: Axis,
    /// What it is called where it makes no difference, and where it is missing.
    names: [&'static str; 2],
}

const SWITCHES: [Switch; 2] = [
    Switch { axis: Axis::Pool, names: ["The pool", "the pool"] },
    Switch { axis: Axis::Batch, names: ["Batching", "batching"] },
];

/// Sentences on a sweep beside its verdicts. None of a difference that may be noise, and none of fewer rounds than so many
/// statements take.
pub fn remarks(report: &Report) -> Vec<String> {
    let mut remarks: Vec<String> = SWITCHES.iter().flat_map(|switch| switch.remarks(report)).collect();
    remarks.extend(unused_pools(report));
    remarks.extend(left_out(report));
    remarks.extend(not_counted(report));
    remarks
}

/// What pairs of rows say, by what can be said of them.
#[derive(Default)]
struct Found {
    /// Their names, and how far apart they may be at most.
    same: (Vec<String>, f64),
    untold: (Vec<String>, f64),
    others: Vec<String>,
}

impl Switch {
    fn remarks(&self, report: &Report) -> Vec<String> {
        let found = self.find(report);
        let [name, missing] = self.names;
        let mut remarks = vec![];
        if let (same @ [_, ..], reach) = (&found.same.0[..], percent(found.same.1)) {
            remarks.push(format!("{name} makes no difference at {} (at most {reach} either way).", and(same)));
        }
        if let (untold @ [_, ..], reach) = (&found.untold.0[..], percent(found.untold.1)) {
            let list = and(untold);
            remarks.push(format!("What {missing} does at {list} cannot be told: up to {reach} either way."));
        }
        if !found.others.is_empty() {
            remarks.push(format!("Without {missing} {}.", and(&found.others)));
        }
        remarks
    }

    fn find(&self, report: &Report) -> Found {
        let pairs = self.pairs(report);
        let settings: Vec<&Setting> = report.rows.iter().map(|row| &row.setting).collect();
        let names = Names::among(&settings, Some(self.axis));
        let confidence = confidence_of_each(pairs.len());
        let mut found = Found::default();
        for (off, on) in pairs {
            let floor = noise_of(report, on).map_or(0.0, |noise| noise.floor);
            let [off, on] = [off, on].map(|place| &report.rows[place]);
            let (walls_off, walls_on) = paired(report, &off.samples, &on.samples);
            let known = PairedRatio::at(&walls_off, &walls_on, confidence);
            let Some((ratio, interval)) = known.and_then(|known| Some((known.ratio, known.interval?))) else {
                continue;
            };
            let (name, reach) = (names.of(&on.setting), interval.reach(1.0).max(floor));
            if !interval.holds(1.0) && (ratio - 1.0).abs() > floor {
                found.others.push(format!("{name} is {}", difference(ratio, [interval.low, interval.high])));
                continue;
            }
            let (list, most) = if reach <= report.within { &mut found.same } else { &mut found.untold };
            list.push(name);
            *most = most.max(reach);
        }
        found
    }

    /// Rows without it, each with the row that differs in nothing else.
    fn pairs(&self, report: &Report) -> Vec<(usize, usize)> {
        let places: Vec<usize> = Group::all_of(report).into_iter().flat_map(|group| group.rows).collect();
        let setting = |place: &usize| &report.rows[*place].setting;
        let with = |off: &usize| setting(off).clone().with(self.axis, true);
        let partner = |off: &usize| places.iter().copied().find(|on| *setting(on) == with(off));
        let off = places.iter().filter(|place| setting(place).word(self.axis) == Some("off"));
        off.filter_map(|off| Some((*off, partner(off)?))).collect()
    }
}

/// "12.3% slower (8.1% to 15% at 95%)".
fn difference(ratio: f64, interval: [f64; 2]) -> String {
    let word = if ratio > 1.0 { "slower" } else { "faster" };
    let mut ends = interval.map(|end| (end - 1.0).abs());
    ends.sort_by(f64::total_cmp);
    let [least, most] = ends.map(percent);
    format!("{} {word} ({least} to {most} at 95%)", percent((ratio - 1.0).abs()))
}

/// The pools that had nothing to do: each buffer was needed once, so that it could not be used again.
fn unused_pools(report: &Report) -> Option<String> {
    let [switch, ..] = &SWITCHES;
    let settings: Vec<&Setting> = report.rows.iter().map(|row| &row.setting).collect();
    let names = Names::among(&settings, Some(switch.axis));
    let is_unused = |row: &Row| {
        let pool = |metric| row.valid().map(|sample| sample.metrics.whole(metric)).collect::<Vec<_>>();
        let (acquired, fresh) = (pool(Metric::PoolAcquired), pool(Metric::PoolFresh));
        !acquired.is_empty() && acquired == fresh && acquired.iter().all(|count| *count > 0)
    };
    let mut pairs = switch.pairs(report);
    pairs.retain(|(off, on)| [off, on].iter().all(|place| is_unused(&report.rows[**place])));
    let unused: Vec<String> = pairs.iter().map(|(_, on)| names.of(&report.rows[*on].setting)).collect();
    (!unused.is_empty())
        .then(|| format!("At {} each buffer was needed once, so there was nothing to use again.", and(&unused)))
}

/// The rows of most of whose runs nothing can be made, and why.
fn left_out(report: &Report) -> Option<String> {
    let out = spoilt(report, |row, used| (!used).then(|| reason(row).to_owned()));
    (!out.is_empty())
        .then(|| format!("Left out of any verdict, since most runs did not show what they should: {}.", and(&out)))
}

/// The rows some of whose runs count for nothing, and why.
fn not_counted(report: &Report) -> Option<String> {
    let some = spoilt(report, |row, used| {
        let (all, good) = (row.samples.len(), row.valid().count());
        (used && good < all).then(|| format!("{} of {all}: {}", all - good, reason(row)))
    });
    (!some.is_empty()).then(|| format!("Runs that did not show what they should count for nothing: {}.", and(&some)))
}

/// The names of rows, each with what is said of it: given the row and whether it is in any group.
fn spoilt(report: &Report, say: impl Fn(&Row, bool) -> Option<String>) -> Vec<String> {
    let used: Vec<usize> = Group::all_of(report).into_iter().flat_map(|group| group.rows).collect();
    let settings: Vec<&Setting> = report.rows.iter().map(|row| &row.setting).collect();
    let names = Names::among(&settings, None);
    let said = report.rows.iter().enumerate().filter_map(|(place, row)| {
        let what = say(row, used.contains(&place))?;
        Some(format!("{} ({what})", row.name.clone().unwrap_or_else(|| names.of(&row.setting))))
    });
    said.collect()
}

fn reason(row: &Row) -> &str {
    row.samples.iter().find_map(|sample| sample.invalid.as_deref()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lab::report::Control;
    use crate::lab::testing::{report, row, sample, setting};

    const ROUNDS: [u64; 8] = [1000, 1010, 990, 1020, 980, 1005, 995, 1000];

    fn pair(kib: u64, off_percent: u64) -> [Row; 2] {
        let off = setting(kib).with(Axis::Pool, false);
        [row(setting(kib), &ROUNDS), row(off, &ROUNDS.map(|wall| wall * off_percent / 100))]
    }

    #[test]
    fn what_makes_no_difference_is_said_to_make_none() {
        let pairs = [(4, 100), (64, 100), (4096, 112)];
        let mut rows: Vec<Row> = pairs.into_iter().flat_map(|(kib, off_percent)| pair(kib, off_percent)).collect();
        let expected = [
            "The pool makes no difference at 4K and 64K (at most 0% either way).",
            "Without the pool 4M is 12% slower (11.9% to 12% at 95%).",
        ];
        assert_eq!(remarks(&report(rows.clone())), expected);
        // Not more than two runs of the same setting differ by.
        let mut noisy = report(rows.clone());
        let again = ROUNDS.map(|wall| sample(wall * 113 / 100, 1)).to_vec();
        noisy.controls = vec![Control { row: 0, samples: again }];
        assert_eq!(remarks(&noisy), ["What the pool does at 4K, 64K and 4M cannot be told: up to 13% either way."]);
        for row in &mut rows {
            row.samples.truncate(5);
        }
        assert_eq!(remarks(&report(rows)), Vec::<String>::new(), "of five rounds nothing is claimed");
    }

    #[test]
    fn a_difference_that_changes_its_sign_is_none() {
        let [on, mut off] = pair(64, 100);
        for (round, sample) in off.samples.iter_mut().enumerate() {
            sample.wall_ns = sample.wall_ns * if round % 2 == 0 { 110 } else { 92 } / 100;
        }
        let found = remarks(&report(vec![on, off]));
        assert_eq!(found, ["What the pool does at 64K cannot be told: up to 10% either way."]);
    }

    #[test]
    fn batching_is_looked_at_too_and_only_where_nothing_else_differs() {
        let off = setting(64).with(Axis::Batch, false);
        let other = off.clone().with(Axis::Pool, false).with(Axis::Workers, 2_u64);
        let rows = vec![
            row(setting(64), &ROUNDS),
            row(off, &ROUNDS.map(|wall| wall * 8 / 10)),
            row(other, &ROUNDS.map(|wall| wall * 2)),
        ];
        let found = remarks(&report(rows));
        assert_eq!(found, ["Without batching 64K with 1 worker, pool on is 20% faster (20% to 20% at 95%)."]);
    }

    #[test]
    fn a_pool_that_had_nothing_to_do_is_named() {
        let mut rows = [pair(4, 100), pair(64, 100)].concat();
        for row in &mut rows[2..] {
            for run in &mut row.samples {
                run.metrics.count(Metric::PoolAcquired, 2);
                run.metrics.count(Metric::PoolFresh, 2);
            }
        }
        let unused = "At 64K each buffer was needed once, so there was nothing to use again.";
        assert_eq!(remarks(&report(rows.clone()))[1..], [unused]);
        rows[2].samples[0].metrics.count(Metric::PoolFresh, 1);
        assert_eq!(remarks(&report(rows)).len(), 1);
    }

    #[test]
    fn many_statements_take_more_rounds() {
        let rows = (0..4).flat_map(|place| pair(4 << place, 120));
        let mut report = report(rows.collect());
        assert_eq!(remarks(&report).len(), 1);
        report.rows.iter_mut().for_each(|row| row.samples.truncate(7));
        assert_eq!(remarks(&report), Vec::<String>::new());
    }

    #[test]
    fn rows_with_runs_that_show_something_else_are_named() {
        let mut rows = vec![row(setting(4), &ROUNDS), row(setting(64), &ROUNDS)];
        let spoil = |row: &mut Row, runs: usize| {
            row.samples[..runs].iter_mut().for_each(|sample| sample.invalid = Some("it was warm".to_owned()));
        };
        spoil(&mut rows[0], 4);
        spoil(&mut rows[1], 5);
        assert_eq!(
            remarks(&report(rows)),
            [
                "Left out of any verdict, since most runs did not show what they should: 64K (it was warm).",
                "Runs that did not show what they should count for nothing: 4K (4 of 8: it was warm)."
            ]
        );
    }
}
