//! What rows say that differ in one thing only: whether the pool of buffers helps, and whether batching does; and which
//! rows say nothing.

use super::groups::{Group, Names, and, is_valid, walls};
use super::{noise, percent};
use crate::job::sweep::axes::Axis;
use crate::measure::interval::{FEWEST, PairedRatio, confidence_of_each};
use crate::outcome::{Setting, SweepReport};
use crate::plan::PoolChoice;

/// Something that can be on or off.
struct Switch {
    axis: Axis,
    /// What it is called where it makes no difference, and where it is missing.
    names: [&'static str; 2],
    is_off: fn(&Setting) -> bool,
    /// A setting with it on.
    on: fn(&Setting) -> Setting,
}

const SWITCHES: [Switch; 2] = [
    Switch {
        axis: Axis::Pool,
        names: ["The pool", "the pool"],
        is_off: |setting| setting.pool == PoolChoice::Off,
        on: |setting| Setting { pool: PoolChoice::Auto, ..*setting },
    },
    Switch {
        axis: Axis::Batch,
        names: ["Batching", "batching"],
        is_off: |setting| !setting.batch,
        on: |setting| Setting { batch: true, ..*setting },
    },
];

/// Sentences on a sweep beside its verdicts. None of a difference that may be noise, and none of fewer than six rounds.
pub fn remarks(report: &SweepReport) -> Vec<String> {
    let mut remarks: Vec<String> = SWITCHES.iter().flat_map(|switch| switch.remarks(report)).collect();
    remarks.extend(left_out(report));
    remarks
}

impl Switch {
    fn remarks(&self, report: &SweepReport) -> Vec<String> {
        let pairs = self.pairs(report);
        let floor = noise(report).map_or(0.0, |noise| noise.gap);
        let settings: Vec<&Setting> = report.rows.iter().map(|row| &row.setting).collect();
        let names = Names::among(&settings, Some(self.axis));
        let confidence = confidence_of_each(pairs.len());
        let (mut same, mut reach, mut others) = (vec![], floor, vec![]);
        for (off, on) in pairs {
            let [off, on] = [off, on].map(|place| &report.rows[place]);
            let paired = PairedRatio::at(&walls(&off.samples), &walls(&on.samples), confidence);
            let Some((paired, interval)) = paired.and_then(|paired| Some((paired, paired.interval?))) else { continue };
            let name = names.of(&on.setting);
            if interval.holds(1.0) || (paired.ratio - 1.0).abs() <= floor {
                reach = reach.max(interval.reach(1.0));
                same.push(name);
            } else {
                others.push(format!("{name} is {}", difference(paired.ratio, [interval.low, interval.high])));
            }
        }
        let [name, missing] = self.names;
        let mut remarks = vec![];
        if !same.is_empty() {
            let (list, reach) = (and(&same), percent(reach));
            remarks.push(format!("{name} makes no difference that shows at {list} (at most {reach} either way)."));
        }
        if !others.is_empty() {
            remarks.push(format!("Without {missing} {}.", and(&others)));
        }
        remarks
    }

    /// Rows without it, each with the row that differs in nothing else.
    fn pairs(&self, report: &SweepReport) -> Vec<(usize, usize)> {
        let usable = |place: &usize| {
            let row = &report.rows[*place];
            is_valid(row) && row.samples.len() >= FEWEST
        };
        let places: Vec<usize> = (0..report.rows.len()).filter(usable).collect();
        let setting = |place: &usize| &report.rows[*place].setting;
        let partner = |off: &usize| places.iter().copied().find(|on| *setting(on) == (self.on)(setting(off)));
        let off = places.iter().filter(|place| (self.is_off)(setting(place)));
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

/// The rows of which some run did not show what it should, and why.
fn left_out(report: &SweepReport) -> Option<String> {
    let used: Vec<usize> = Group::all_of(report).into_iter().flat_map(|group| group.rows).collect();
    let settings: Vec<&Setting> = report.rows.iter().map(|row| &row.setting).collect();
    let names = Names::among(&settings, None);
    let out = (0..report.rows.len()).filter(|place| !used.contains(place)).map(|place| {
        let row = &report.rows[place];
        let why = row.samples.iter().find_map(|sample| sample.invalid.as_deref()).unwrap_or_default();
        format!("{} ({why})", row.name.clone().unwrap_or_else(|| names.of(&row.setting)))
    });
    let out: Vec<String> = out.collect();
    (!out.is_empty())
        .then(|| format!("Left out of any verdict, since a run did not show what it should: {}.", and(&out)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::job::sweep::testing::{report, row, sample, setting};
    use crate::outcome::{Control, SweepRow};

    const ROUNDS: [u64; 8] = [1000, 1010, 990, 1020, 980, 1005, 995, 1000];

    fn pair(kib: u64, off_percent: u64) -> [SweepRow; 2] {
        let off = Setting { pool: PoolChoice::Off, ..setting(kib) };
        [row(setting(kib), &ROUNDS), row(off, &ROUNDS.map(|wall| wall * off_percent / 100))]
    }

    #[test]
    fn what_makes_no_difference_is_said_to_make_none() {
        let mut rows: Vec<SweepRow> = [pair(4, 100), pair(64, 100), pair(4096, 112)].into_iter().flatten().collect();
        let expected = [
            "The pool makes no difference that shows at 4K and 64K (at most 0% either way).",
            "Without the pool 4M is 12% slower (11.9% to 12% at 95%).",
        ];
        assert_eq!(remarks(&report(rows.clone())), expected);
        // Not more than two runs of the same setting differ by.
        let mut noisy = report(rows.clone());
        let again = ROUNDS.map(|wall| sample(wall * 113 / 100, 1)).to_vec();
        noisy.controls = vec![Control { row: 0, samples: again }];
        assert_eq!(
            remarks(&noisy),
            ["The pool makes no difference that shows at 4K, 64K and 4M (at most 13% either way)."]
        );
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
        assert_eq!(found, ["The pool makes no difference that shows at 64K (at most 10% either way)."]);
    }

    #[test]
    fn batching_is_looked_at_too_and_only_where_nothing_else_differs() {
        let off = Setting { batch: false, ..setting(64) };
        let other = Setting { pool: PoolChoice::Off, workers: 2, ..off };
        let rows = vec![
            row(setting(64), &ROUNDS),
            row(off, &ROUNDS.map(|wall| wall * 8 / 10)),
            row(other, &ROUNDS.map(|wall| wall * 2)),
        ];
        let found = remarks(&report(rows));
        assert_eq!(found, ["Without batching 64K with 1 worker, pool on is 20% faster (20% to 20% at 95%)."]);
    }

    #[test]
    fn rows_with_a_run_that_shows_something_else_are_named() {
        let mut rows = vec![row(setting(4), &ROUNDS), row(setting(64), &ROUNDS)];
        rows[1].samples[3].invalid = Some("it was warm".to_owned());
        assert_eq!(
            remarks(&report(rows)),
            ["Left out of any verdict, since a run did not show what it should: 64K (it was warm)."]
        );
    }
}
