//! Rows that can be compared with each other: those of one job with one state of the cache.

use haul::lab::sweep::axes::{self, Axis};
use haul::lab::sweep::figures::Figures;
use haul::lab::sweep::verdict;
use haul::measure::interval::PairedRatio;
use haul::outcome::{Setting, SweepRow};

use super::digest::Digest;

/// Neighbouring rows of one job and one state of the cache.
pub(super) struct Block<'a> {
    pub(super) digest: &'a Digest<'a>,
    /// What tells it from the other blocks; `None` if it is the only one.
    pub(super) heading: Option<String>,
    /// Place of its first row in the report.
    pub(super) first: usize,
    pub(super) rows: &'a [SweepRow],
    pub(super) figures: &'a [Figures],
    /// What varies among its rows beside the buffer.
    pub(super) varying: Vec<Axis>,
}

/// The blocks of a report, in order.
pub(super) fn blocks<'a>(digest: &'a Digest<'a>) -> Vec<Block<'a>> {
    let report = digest.report;
    let (varying_at_all, _) = axes::split(&report.rows);
    let same = |one: &SweepRow, other: &SweepRow| {
        (one.setting.job, one.setting.cache) == (other.setting.job, other.setting.cache)
    };
    let mut first = 0;
    let chunks: Vec<&[SweepRow]> = report.rows.chunk_by(same).collect();
    let several = chunks.len() > 1;
    chunks
        .into_iter()
        .map(|rows| {
            let places = first..first + rows.len();
            let (varying, fixed) = axes::split(rows);
            let told = fixed.iter().filter(|axis| varying_at_all.contains(*axis));
            let phrases: Vec<String> = told.map(|axis| axis.phrase(&rows[0].setting)).collect();
            let place = places.start;
            first = places.end;
            Block {
                digest,
                heading: several.then(|| phrases.join(", ")),
                first: place,
                rows,
                figures: &digest.figures[places],
                varying,
            }
        })
        .collect()
}

impl Block<'_> {
    pub(super) fn buffers_vary(&self) -> bool {
        self.rows.windows(2).any(|pair| pair[0].setting.buffer != pair[1].setting.buffer)
    }

    /// A row's name: its own, or what varies.
    pub(super) fn label(&self, place: usize) -> String {
        let row = &self.rows[place];
        if let Some(name) = &row.name {
            return name.clone();
        }
        if self.buffers_vary() || self.varying.is_empty() {
            return axes::label(&row.setting, &self.varying);
        }
        self.varying.iter().map(|axis| axis.phrase(&row.setting)).collect::<Vec<_>>().join(", ")
    }

    /// Positions of rows that differ in nothing but what `forget` makes equal, in the order in which they begin.
    pub(super) fn series(&self, forget: impl Fn(Setting) -> Setting) -> Vec<Vec<usize>> {
        let mut found: Vec<(Setting, Vec<usize>)> = vec![];
        for (place, row) in self.rows.iter().enumerate() {
            let key = forget(row.setting);
            match found.iter_mut().find(|(other, _)| *other == key) {
                Some((_, places)) => places.push(place),
                None => found.push((key, vec![place])),
            }
        }
        found.into_iter().map(|(_, places)| places).collect()
    }

    /// How many times faster the row at `place` is than the one at `base`, round by round.
    pub(super) fn speedup(&self, base: usize, place: usize) -> Option<PairedRatio> {
        verdict::speedup(self.digest.report, self.first + place, self.first + base)
    }

    pub(super) fn is_chosen(&self, place: usize) -> bool {
        self.digest.is_chosen(self.first + place)
    }

    /// The row that rows at these places are sped up from: that of the fewest workers.
    pub(super) fn fewest_workers(&self, places: &[usize]) -> Option<usize> {
        places.iter().copied().min_by_key(|place| self.rows[*place].setting.workers)
    }

    /// Of these rows, the place of the smallest worker count whose median comes within the report's `within` of the
    /// fastest; `None` where nothing was measured yet, and where the verdict cannot tell.
    pub(super) fn knee(&self, places: &[usize]) -> Option<usize> {
        let is_told = |place: &usize| self.digest.verdict_on(self.first + *place).is_none_or(|it| it.chosen.is_some());
        if !places.first().is_some_and(is_told) {
            return None;
        }
        let measured = || places.iter().copied().filter(|place| self.figures[*place].wall_ns_median > 0);
        let wall = |place: usize| self.figures[place].wall_ns_median as f64;
        let best = measured().map(wall).fold(f64::INFINITY, f64::min);
        let near = measured().filter(|place| wall(*place) <= best * (1.0 + self.digest.report.within));
        near.min_by_key(|place| self.rows[*place].setting.workers)
    }
}
