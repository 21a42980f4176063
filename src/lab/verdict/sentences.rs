//! A verdict in words: what to use, what is as fast, and what these rounds cannot settle.

use super::text::{more_rounds, percent, rounds};
use super::{Question, RowSlowdown, reach};
use crate::lab::figures::Figures;
use crate::lab::metric::Metric;

impl Question<'_> {
    pub(super) fn say_choice(&self, chosen: RowSlowdown, same: &[usize], undecided: &[usize]) -> String {
        let (name, best) = (self.named.name(chosen.row), self.named.name(self.best));
        let said = if chosen.row == self.best && undecided.is_empty() {
            let least = self.report.rows[chosen.row].setting.cost();
            let has_smaller = self.slowdowns.iter().any(|found| self.report.rows[found.row].setting.cost() < least);
            let (smaller, within) = (self.named.smaller(), percent(self.report.within));
            let rest =
                if has_smaller { format!(", and {smaller} is surely within {within} of it") } else { String::new() };
            format!("Use {name}: the fastest{rest}.")
        } else if chosen.row == self.best {
            format!("Use {name}: the fastest by its median.")
        } else {
            // A bound below the noise would claim more than two runs of the same setting show.
            let at_most = chosen.slowdown.bounds.map_or(0.0, |bounds| bounds.high).max(self.floor());
            format!(
                "Use {name}: at most {} slower than the best ({best}) at 95%, with {}.",
                percent(at_most),
                self.calls(chosen.row),
            )
        };
        said + &self.say_same(same) + &self.say_undecided(undecided)
    }

    /// Which settings are as fast as the best, and how nearly.
    fn say_same(&self, same: &[usize]) -> String {
        let others: Vec<usize> = same.iter().copied().filter(|row| *row != self.best).collect();
        if others.is_empty() {
            return String::new();
        }
        let bounds = others.iter().filter_map(|row| self.slowdown(*row)?.bounds);
        let apart = bounds.map(reach).fold(0.0, f64::max);
        let within = match &self.noise {
            Some(noise) if apart <= noise.floor => format!("within {noise}"),
            _ => format!("within {}", percent(apart)),
        };
        format!(" As fast as {}, {within}: {}.", self.named.name(self.best), self.named.list(&others))
    }

    /// Which settings may be as fast as the best, and what else they may be.
    fn say_undecided(&self, undecided: &[usize]) -> String {
        if undecided.is_empty() {
            return String::new();
        }
        let bounds: Vec<_> = undecided.iter().filter_map(|row| self.slowdown(*row)?.bounds).collect();
        let list = self.named.list(undecided);
        if bounds.len() < undecided.len() {
            return format!(" {list} cannot be told from it: too few runs showed what they should.");
        }
        let slower = bounds.iter().map(|bounds| bounds.high).fold(0.0, f64::max);
        let faster = bounds.iter().map(|bounds| -bounds.low).fold(0.0, f64::max);
        let or_faster =
            if faster > self.tolerance() { format!(", or up to {} faster", percent(faster)) } else { String::new() };
        format!(
            " {list} may be as fast as {} or up to {} slower{or_faster}, which these rounds cannot settle.",
            self.named.name(self.best),
            percent(slower)
        )
    }

    /// Of fewer rounds than a verdict takes: what it looks like, if that is more than the noise.
    pub(super) fn say_first_impression(&self) -> String {
        let (floor, enough) = (self.floor(), self.enough);
        let more = format!("{enough} rounds make a verdict at 95%: --rounds {enough}.");
        if let Some(contradicted) = self.contradicted(&self.may_be_alike()) {
            return format!("{} {more}", self.say_that_medians_contradict(Some(contradicted)));
        }
        let others = || self.slowdowns.iter().filter(|found| found.row != self.best);
        let most = others().map(|found| found.slowdown.estimate).fold(0.0, f64::max);
        let alike = others().filter(|found| found.slowdown.estimate <= floor).map(|found| found.row);
        let mut alike: Vec<usize> = alike.collect();
        alike.push(self.best);
        let by = match self.rounds {
            0 | 1 => "its one run".to_owned(),
            count => format!("its median of {}", rounds(count)),
        };
        let said = match &self.noise {
            Some(noise) if most <= floor => {
                format!("Nothing can be said yet: settings differ by {} at most, {noise}.", percent(most))
            }
            Some(noise) if alike.len() > 1 => format!(
                "First impression: {} is the fastest by {by}, but {} differ by less than {noise}.",
                self.named.name(self.best),
                self.named.list(&alike)
            ),
            _ => format!("First impression: {} is the fastest by {by}.", self.named.name(self.best)),
        };
        format!("{said} {more}")
    }

    /// The rows that are as fast as the best to within the noise, by the medians of all rounds or by those within rounds.
    fn may_be_alike(&self) -> Vec<usize> {
        let floor = self.floor();
        let is_near = |found: &&RowSlowdown| {
            found.slowdown.estimate <= floor || self.by_medians(found.row).is_some_and(|apart| apart <= floor)
        };
        self.slowdowns.iter().filter(is_near).map(|found| found.row).collect()
    }

    /// Where what the table shows and what the rounds say are too far apart to claim anything.
    pub(super) fn say_that_medians_contradict(&self, contradicted: Option<(usize, f64, f64)>) -> String {
        let Some((row, by_medians, by_rounds)) = contradicted else { return String::new() };
        let side = |part: f64| format!("{} {}", percent(part.abs()), if part < 0.0 { "faster" } else { "slower" });
        format!(
            "Cannot tell: by the medians of all rounds {} is {} than {}, by the median within rounds {}, so the machine \
             changed between rounds. Measure again with more rounds, on a quieter machine.",
            self.named.name(row),
            side(by_medians),
            self.named.name(self.best),
            side(by_rounds),
        )
    }

    /// Where bounds or noise are wider than asked, and yet all others are surely slower.
    pub(super) fn say_the_surely_best(&self) -> String {
        let (name, within) = (self.named.name(self.best), percent(self.report.within));
        let others = self.slowdowns.iter().filter(|found| found.row != self.best);
        let least = others.filter_map(|found| Some(found.slowdown.bounds?.low)).fold(f64::INFINITY, f64::min);
        if least > self.report.within {
            return format!(
                "Use {name}: surely the fastest, the others are at least {} slower at 95%.",
                percent(least)
            );
        }
        format!(
            "Use {name}: surely the fastest, but what else is within {within} of it cannot be told: {}.",
            self.why().0
        )
    }

    pub(super) fn say_that_nobody_can_tell(&self, same: &[usize], undecided: &[usize]) -> String {
        let within = self.report.within;
        let (why, off) = self.why();
        let candidates: Vec<usize> = same.iter().chain(undecided).copied().collect();
        format!(
            "Cannot tell what is within {} of the best: {why}. {}. {} is the fastest by its median, and the best may be any \
             of: {}.",
            percent(within),
            more_rounds(off, within),
            self.named.name(self.best),
            self.named.list(&candidates),
        )
    }

    /// What keeps it from being told, and by how much that is off.
    fn why(&self) -> (String, f64) {
        if let Some(noise) = self.noise.as_ref().filter(|noise| noise.floor > self.report.within) {
            return (noise.to_string(), noise.floor);
        }
        let surest = self.slowdowns.iter().filter_map(|found| Some((found.row, found.slowdown.bounds?.high)));
        let surest = surest.min_by(|one, other| one.1.total_cmp(&other.1));
        let (row, most) = surest.unwrap_or((self.best, f64::INFINITY));
        (format!("even {} may be {} slower than the best", self.named.name(row), percent(most)), most)
    }

    fn calls(&self, chosen: usize) -> String {
        let calls = |row: usize| Figures::of(&self.report.rows[row]).median(Metric::Calls).unwrap_or(0.0);
        match (calls(chosen), calls(self.best)) {
            (chosen, best) if (chosen - best).abs() < 0.5 => format!("the same {chosen:.0} calls"),
            (chosen, best) => format!("{chosen:.0} calls instead of {best:.0}"),
        }
    }
}
