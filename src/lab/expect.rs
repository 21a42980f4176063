//! Rates that somebody expects of a disk, and whether a report shows that it reaches them.

use std::cmp::Ordering;
use std::str::FromStr;

use clap::ValueEnum;

use super::figures::{Figures, Spread};
use super::metric::Metric;
use super::report::{Report, Row};
use super::setting::Axis;
use super::stats::interval::FEWEST;
use super::subject::disk::plan::{Access, Load};
use super::view::numbers::{count, three_digits};

/// A rate that a load is expected to reach. Reads as "random-read=400kIOPS".
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Expectation {
    /// What is asked of the disk.
    pub load: Load,
    /// The least rate, in its unit.
    rate: f64,
    unit: &'static Unit,
}

/// Several of them, with commas between: "read=3500MB/s,random-read=400kIOPS".
#[derive(Debug, Clone, PartialEq)]
pub struct Expectations(pub Vec<Expectation>);

/// In what a rate is counted.
#[derive(Debug, PartialEq)]
struct Unit {
    name: &'static str,
    metric: Metric,
    /// How much of the metric one of it is.
    size: f64,
}

const UNITS: [Unit; 10] = [
    Unit { name: "kB/s", metric: Metric::MbPerSecond, size: 1e-3 },
    Unit { name: "KiB/s", metric: Metric::MbPerSecond, size: 1024e-6 },
    Unit { name: "MB/s", metric: Metric::MbPerSecond, size: 1.0 },
    Unit { name: "MiB/s", metric: Metric::MbPerSecond, size: 1.048_576 },
    Unit { name: "GB/s", metric: Metric::MbPerSecond, size: 1e3 },
    Unit { name: "GiB/s", metric: Metric::MbPerSecond, size: 1_073.741_824 },
    Unit { name: "IOPS", metric: Metric::OperationsPerSecond, size: 1.0 },
    Unit { name: "kIOPS", metric: Metric::OperationsPerSecond, size: 1e3 },
    Unit { name: "MIOPS", metric: Metric::OperationsPerSecond, size: 1e6 },
    Unit { name: "op/s", metric: Metric::OperationsPerSecond, size: 1.0 },
];

impl Unit {
    /// By its name; that of bytes to the letter, since Mb are bits.
    fn of(name: &str) -> Option<&'static Self> {
        let name = if name == "/s" { "op/s" } else { name };
        let is_it =
            |unit: &&Self| unit.name == name || unit.name.ends_with("IOPS") && unit.name.eq_ignore_ascii_case(name);
        UNITS.iter().find(is_it)
    }
}

impl FromStr for Expectation {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (name, rate) = text.split_once('=').ok_or("write LOAD=RATE, such as read=3500MB/s")?;
        let (name, rate) = (name.trim(), rate.trim());
        let load = Load::from_str(name, false).map_err(|_| {
            let names = Load::ALL.map(Load::name).join(", ");
            format!("there is no load '{name}': write one of {names}")
        })?;
        let digits = rate.trim_end_matches(|c: char| c.is_alphabetic() || c == '/');
        let (number, unit) = (digits.trim_end(), &rate[digits.len()..]);
        if unit.is_empty() {
            return Err(format!("'{rate}' has no unit: write {}", examples(load, number)));
        }
        let Some(unit) = Unit::of(unit) else {
            return Err(format!("there is no rate in '{unit}': write {}", UNITS.map(|unit| unit.name).join(", ")));
        };
        if load.is_of_files() && unit.metric == Metric::MbPerSecond {
            return Err(format!("{name} moves no bytes: write {}", examples(load, number)));
        }
        let rate = number.parse().ok().filter(|rate: &f64| rate.is_finite() && *rate > 0.0);
        let rate = rate.ok_or_else(|| format!("write a rate above 0, such as {}", examples(load, "3500")))?;
        Ok(Self { load, rate, unit })
    }
}

impl FromStr for Expectations {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        text.split(',').map(|one| one.trim().parse()).collect::<Result<_, _>>().map(Self)
    }
}

/// What to write instead.
fn examples(load: Load, number: &str) -> String {
    let (name, number) = (load.name(), if number.is_empty() { "3500" } else { number });
    let operations = format!("{name}={number}IOPS");
    if load.is_of_files() { operations } else { format!("{name}={number}MB/s or {operations}") }
}

/// Whether an expectation is met.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Judgement {
    /// `None` where nobody can tell.
    pub met: Option<bool>,
    /// In a sentence.
    pub text: String,
}

/// Judges what a report of a disk shows, an expectation at a time. One is met where a setting of its load surely reaches it:
/// with the low end of its interval. It is not met where no setting reaches it with the high end. Only settings that pass the
/// page cache by count, unless the load has none.
pub fn judge(report: &Report, expectations: &[Expectation]) -> Vec<Judgement> {
    expectations.iter().map(|expectation| expectation.judge(report)).collect()
}

/// What a setting reaches, in the unit of an expectation.
struct Reached<'a> {
    row: &'a Row,
    /// Runs that show what they should.
    runs: usize,
    spread: Spread,
}

impl Expectation {
    fn judge(self, report: &Report) -> Judgement {
        let load = self.load.name();
        let of_load = || report.rows.iter().filter(|row| row.setting.word(Axis::Load) == Some(load));
        let is_direct = |row: &&Row| row.setting.word(Axis::Access) == Some(Access::Direct.name());
        let has_direct = of_load().any(|row| is_direct(&row));
        let rows: Vec<&Row> = of_load().filter(|row| is_direct(row) || !has_direct).collect();
        let reached: Vec<Reached<'_>> = rows.iter().filter_map(|row| self.reached(row)).collect();
        let (met, said) = match reached[..] {
            [] if rows.is_empty() => (None, format!("cannot tell: {load} was not measured")),
            [] => (None, "cannot tell: no run shows what it should".to_owned()),
            _ => self.decide(&reached),
        };
        Judgement { met, text: format!("{load}: expected {} {}, {said}", self.rate, self.unit.name) }
    }

    fn reached<'a>(&self, row: &'a Row) -> Option<Reached<'a>> {
        let figures = Figures::of(row);
        let spread = figures.get(self.unit.metric).filter(|_| figures.is_known())?;
        Some(Reached { row, runs: figures.runs - figures.runs_invalid, spread })
    }

    fn decide(&self, reached: &[Reached<'_>]) -> (Option<bool>, String) {
        let most = |end: fn(&Spread) -> f64| {
            let order = |one: &&Reached<'_>, other: &&Reached<'_>| end(&one.spread).total_cmp(&end(&other.spread));
            reached.iter().max_by(|one, other| order(one, other))
        };
        let expected = self.rate * self.unit.size;
        let surely = most(|spread| spread.interval.map_or(f64::NEG_INFINITY, |interval| interval.low));
        if let Some(best) = surely.filter(|best| best.spread.interval.is_some_and(|known| known.low >= expected)) {
            return (Some(true), format!("met: {}", self.show(best)));
        }
        // Of too few runs anything may come.
        if let Some(few) = reached.iter().filter(|reached| reached.spread.interval.is_none()).min_by_key(|few| few.runs)
        {
            let runs = count(few.runs as u64, "round");
            return (
                None,
                format!("cannot tell: {runs}, {FEWEST} needed; measure with --rounds {FEWEST} or a longer --budget"),
            );
        }
        let best = most(|spread| spread.median);
        let reaching = most(|spread| spread.ends().1);
        match (best, reaching) {
            (_, Some(may)) if may.spread.ends().1.total_cmp(&expected) != Ordering::Less => {
                (None, format!("cannot tell: {}; measure with a longer --budget", self.show(may)))
            }
            (Some(best), _) => (Some(false), format!("not met: {}", self.show(best))),
            (None, _) => (None, "cannot tell".to_owned()),
        }
    }

    /// "3612 MB/s (3590–3640 at 95%, 1M direct, 8 in flight)".
    fn show(&self, reached: &Reached<'_>) -> String {
        let text = |rate: f64| three_digits(rate / self.unit.size);
        let (low, high) = reached.spread.ends();
        let label = reached.row.setting.label(&[]);
        let setting = label.strip_prefix(self.load.name()).unwrap_or(&label).trim_start();
        let setting = if setting.is_empty() { String::new() } else { format!(", {setting}") };
        format!("{} {} ({}–{} at 95%{setting})", text(reached.spread.median), self.unit.name, text(low), text(high))
    }
}

#[cfg(test)]
mod tests;
