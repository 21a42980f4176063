//! The setting to use: the smallest buffer whose best setting comes close to the best of all.
//!
//! By median times. A difference within the spread of the runs is called noise, and a spread too wide for the question
//! is said to be so. No confidence intervals: a handful of rounds does not carry them.

use std::fmt;

use serde::Serialize;

use super::axes::{self, Axis};
use super::figures::Figures;
use crate::outcome::SweepReport;
use crate::size::BufferSize;

/// How much slower than the best a smaller buffer may be.
pub const TOLERANCE: f64 = 0.05;

/// Which setting to use, and what that rests on. Prints as a sentence or two.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Verdict {
    /// Place of the recommended setting among the report's rows.
    pub chosen: usize,
    /// Place of the fastest setting.
    pub best: usize,
    /// What the recommended one is compared with: the fastest, or of settings of one buffer the next.
    pub other: Option<usize>,
    /// How much slower the slower of the two is: 0.012 is 1.2%.
    pub slowdown: f64,
    /// Whether that difference is within the spread of their runs.
    pub within_noise: bool,
    /// The verdict in words.
    pub text: String,
}

impl Verdict {
    /// The verdicts on a sweep: one, or one for each level where levels vary, since a level is chosen for what it
    /// saves and not only for its speed. None where there is nothing to compare.
    pub fn all_of(report: &SweepReport) -> Vec<Self> {
        let figures: Vec<Figures> = report.rows.iter().map(|row| Figures::of(row)).collect();
        let (mut varying, _) = axes::split(&report.rows);
        varying.retain(|axis| *axis != Axis::Level);
        let mut levels: Vec<Option<u32>> = report.rows.iter().map(|row| row.setting.level).collect();
        levels.sort_unstable();
        levels.dedup();
        let several = levels.len() > 1;
        levels
            .into_iter()
            .filter_map(|level| {
                let of_level = |place: &usize| report.rows[*place].setting.level == level;
                let places: Vec<usize> = (0..report.rows.len()).filter(of_level).collect();
                let comparable = places.len() > 1 && report.rounds > 0;
                let mut verdict =
                    comparable.then(|| Question { report, figures: &figures, varying: &varying, places }.answer())?;
                if let Some(level) = level.filter(|_| several) {
                    verdict.text.insert_str(0, &format!("Level {level}: "));
                }
                Some(verdict)
            })
            .collect()
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

struct Question<'a> {
    report: &'a SweepReport,
    figures: &'a [Figures],
    varying: &'a [Axis],
    /// The rows among which to choose, at least two.
    places: Vec<usize>,
}

impl Question<'_> {
    fn answer(&self) -> Verdict {
        let ranking = self.ranking();
        let best = ranking[0];
        let limit = self.wall(best) as f64 * (1.0 + TOLERANCE);
        let near = ranking.iter().copied().filter(|place| self.wall(*place) as f64 <= limit);
        // Of one buffer's settings the fastest comes first in the ranking, and `min_by_key` keeps the first.
        let chosen = near.min_by_key(|place| self.buffer(*place)).unwrap_or(best);
        let one_buffer = self.places.iter().all(|place| self.buffer(*place) == self.buffer(best));
        let other = if chosen == best { one_buffer.then(|| ranking[1]) } else { Some(best) };
        let slowdown = other.map_or(0.0, |other| self.slowdown(chosen, other));
        let within_noise = other.is_some_and(|other| self.is_noise(chosen, other));
        let said = match other {
            Some(other) if one_buffer => self.say_fastest(chosen, other, slowdown, within_noise),
            Some(_) => self.say_smaller(chosen, best, slowdown, within_noise),
            None => self.say_best(best),
        };
        Verdict { chosen, best, other, slowdown, within_noise, text: said + &self.caution(chosen, best) }
    }

    /// All settings, fastest first; of equally fast ones the smaller buffer, then the one that was named first.
    fn ranking(&self) -> Vec<usize> {
        let mut places = self.places.clone();
        places.sort_by_key(|place| (self.wall(*place), self.buffer(*place)));
        places
    }

    fn say_best(&self, best: usize) -> String {
        let is_smallest = self.places.iter().all(|place| self.buffer(*place) >= self.buffer(best));
        if is_smallest {
            return format!("{} is the smallest buffer within 5% of the best: it is the fastest.", self.label(best));
        }
        format!("{} is the fastest, and no smaller buffer comes within 5% of it.", self.label(best))
    }

    fn say_smaller(&self, chosen: usize, best: usize, slowdown: f64, within_noise: bool) -> String {
        format!(
            "{} is the smallest buffer within 5% of the best ({}): {}, with {}.",
            self.label(chosen),
            self.label(best),
            self.difference(slowdown, within_noise, [chosen, best]),
            compare_calls(self.figures[chosen].calls(), self.figures[best].calls()),
        )
    }

    fn say_fastest(&self, chosen: usize, next: usize, slowdown: f64, within_noise: bool) -> String {
        format!(
            "{} is the fastest; next is {}: {}.",
            self.label(chosen),
            self.label(next),
            self.difference(slowdown, within_noise, [chosen, next]),
        )
    }

    /// "1.2% slower" or "equally fast", with what the spread says of it.
    fn difference(&self, slowdown: f64, within_noise: bool, pair: [usize; 2]) -> String {
        if slowdown < 0.0005 {
            return "equally fast".to_owned();
        }
        let percent = format!("{:.1}% slower", slowdown * 100.0);
        if !within_noise {
            return percent;
        }
        let spread = pair.map(|place| self.figures[place].relative_noise()).into_iter().fold(0.0, f64::max);
        format!("{percent}, which is within noise (±{:.1}%)", spread * 100.0)
    }

    /// What makes the verdict less than certain.
    fn caution(&self, chosen: usize, best: usize) -> String {
        if self.report.rounds == 1 {
            return " One round cannot tell noise from a difference: run more with --rounds.".to_owned();
        }
        let noise = self.figures[chosen].relative_noise().max(self.figures[best].relative_noise());
        if noise <= TOLERANCE {
            return String::new();
        }
        format!(
            " But runs of one setting spread by ±{:.0}% here, wider than the 5% looked for: run more rounds, or on a \
             quieter machine.",
            noise * 100.0
        )
    }

    /// A difference that either setting's own runs show among themselves.
    fn is_noise(&self, one: usize, other: usize) -> bool {
        let spread = self.figures[one].wall_ns_mad.max(self.figures[other].wall_ns_mad);
        spread > self.wall(one).abs_diff(self.wall(other))
    }

    fn slowdown(&self, one: usize, other: usize) -> f64 {
        let (fast, slow) = (self.wall(one).min(self.wall(other)), self.wall(one).max(self.wall(other)));
        if fast == 0 { 0.0 } else { slow as f64 / fast as f64 - 1.0 }
    }

    fn buffer(&self, place: usize) -> BufferSize {
        self.report.rows[place].setting.buffer
    }

    fn wall(&self, place: usize) -> u64 {
        self.figures[place].wall_ns_median
    }

    fn label(&self, place: usize) -> String {
        axes::label(&self.report.rows[place].setting, self.varying)
    }
}

fn compare_calls(chosen: u64, best: u64) -> String {
    if chosen == best { format!("the same {chosen} calls") } else { format!("{chosen} calls instead of {best}") }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::job::sweep::testing::{report, row, setting};
    use crate::outcome::{Setting, SweepRow};

    fn text(rows: Vec<SweepRow>) -> String {
        let verdicts: Vec<String> = Verdict::all_of(&report(rows)).into_iter().map(|verdict| verdict.text).collect();
        if verdicts.is_empty() { "nothing".to_owned() } else { verdicts.join("\n") }
    }

    fn buffers(walls: &[(u64, &[u64])]) -> Vec<SweepRow> {
        walls.iter().map(|(kib, walls)| row(setting(*kib), walls)).collect()
    }

    #[test]
    fn the_smallest_buffer_near_the_best_is_chosen() {
        assert_eq!(
            text(buffers(&[(4, &[200, 201, 199]), (64, &[103, 102, 104]), (1024, &[100, 99, 101])])),
            "64K is the smallest buffer within 5% of the best (1M): 3.0% slower, with 16 calls instead of 1."
        );
        // The order in which sizes were named does not matter.
        assert_eq!(
            text(buffers(&[(1024, &[100, 99, 101]), (64, &[103, 102, 104]), (4, &[200, 201, 199])])),
            "64K is the smallest buffer within 5% of the best (1M): 3.0% slower, with 16 calls instead of 1."
        );
    }

    #[test]
    fn a_clear_winner_stands_alone() {
        assert_eq!(
            text(buffers(&[(4, &[200, 200, 200]), (64, &[106, 106, 106]), (1024, &[100, 100, 100])])),
            "1M is the fastest, and no smaller buffer comes within 5% of it."
        );
        assert_eq!(
            text(buffers(&[(4, &[100, 100, 100]), (64, &[110, 110, 110])])),
            "4K is the smallest buffer within 5% of the best: it is the fastest."
        );
    }

    #[test]
    fn ties_go_to_the_smaller_buffer() {
        let verdict = Verdict::all_of(&report(buffers(&[(64, &[100, 100, 100]), (4, &[100, 100, 100])]))).remove(0);
        assert_eq!((verdict.chosen, verdict.best, verdict.other), (1, 1, None));
    }

    #[test]
    fn noise_is_called_noise() {
        assert_eq!(
            text(buffers(&[(64, &[98, 102, 106]), (1024, &[97, 100, 103])])),
            "64K is the smallest buffer within 5% of the best (1M): 2.0% slower, which is within noise (±3.9%), with \
             16 calls instead of 1."
        );
        assert_eq!(
            text(buffers(&[(64, &[82, 102, 122]), (1024, &[80, 100, 120])])),
            "64K is the smallest buffer within 5% of the best (1M): 2.0% slower, which is within noise (±20.0%), with \
             16 calls instead of 1. But runs of one setting spread by ±20% here, wider than the 5% looked for: run more \
             rounds, or on a quieter machine."
        );
        assert!(text(buffers(&[(64, &[102]), (1024, &[100])])).ends_with(
            "2.0% slower, with 16 calls instead of 1. One round cannot tell noise from a difference: run more with --rounds."
        ));
    }

    #[test]
    fn what_else_varies_is_part_of_the_name() {
        let two = |kib| Setting { workers: 2, ..setting(kib) };
        let rows = vec![
            row(setting(4), &[300, 300, 300]),
            row(setting(64), &[180, 180, 180]),
            row(two(4), &[200, 200, 200]),
            row(two(64), &[100, 100, 100]),
            row(two(256), &[99, 99, 99]),
        ];
        assert_eq!(
            text(rows),
            "64K with 2 workers is the smallest buffer within 5% of the best (256K with 2 workers): 1.0% slower, with 16 calls \
             instead of 4."
        );
        assert_eq!(
            text(vec![row(setting(64), &[180, 180, 180]), row(two(64), &[100, 100, 100])]),
            "64K with 2 workers is the fastest; next is 64K with 1 worker: 80.0% slower."
        );
        assert_eq!(
            text(vec![row(setting(64), &[101, 104, 99]), row(two(64), &[100, 98, 102])]),
            "64K with 2 workers is the fastest; next is 64K with 1 worker: 1.0% slower, which is within noise (±2.0%)."
        );
    }

    #[test]
    fn each_level_has_a_verdict_of_its_own() {
        let at = |level, kib| Setting { level: Some(level), ..setting(kib) };
        let rows = vec![
            row(at(9, 4), &[900, 900]),
            row(at(1, 4), &[104, 104]),
            row(at(1, 64), &[100, 100]),
            row(at(9, 64), &[800, 800]),
        ];
        assert_eq!(
            text(rows),
            "Level 1: 4K is the smallest buffer within 5% of the best (64K): 4.0% slower, with 256 calls instead of \
             16.\nLevel 9: 64K is the fastest, and no smaller buffer comes within 5% of it."
        );
        assert_eq!(text(vec![row(at(1, 64), &[100, 100]), row(at(9, 64), &[800, 800])]), "nothing");
    }

    #[test]
    fn one_setting_is_no_sweep() {
        assert_eq!(text(buffers(&[(64, &[100, 100, 100])])), "nothing");
        assert_eq!(text(vec![]), "nothing");
    }
}
