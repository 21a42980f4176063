//! Speeds of a block in MiB/s, the unit of the tables, as charts draw them.

use super::super::html::curve::Value;
use super::block::Block;

/// Speeds of the rows of a block, MiB/s; `None` for rows that were not measured.
pub(super) struct Rates {
    pub(super) values: Vec<Option<Value>>,
}

impl Rates {
    /// The speeds of a block; `None` if there are none.
    pub(super) fn of(block: &Block<'_>) -> Option<Self> {
        let values: Vec<_> = (0..block.rows.len()).map(|place| value(block, place)).collect();
        values.iter().any(Option::is_some).then_some(Self { values })
    }

    /// The highest value among all rows.
    pub(super) fn top(&self) -> f64 {
        self.values.iter().flatten().map(Value::top).fold(0.0, f64::max)
    }

    /// The highest middle among these rows, down to what is as good.
    pub(super) fn band(&self, places: impl Iterator<Item = usize>, within: f64) -> (f64, f64) {
        let best = places.filter_map(|place| self.values[place].as_ref()).map(|value| value.middle).fold(0.0, f64::max);
        (best / (1.0 + within), best)
    }
}

fn value(block: &Block<'_>, place: usize) -> Option<Value> {
    let figures = &block.figures[place];
    let middle = figures.mib_per_second?;
    // What moves in a run: speed times time. It is the same in all of them.
    let moved = middle * figures.wall_ns_median as f64;
    let speed = |wall_ns: u64| moved / wall_ns.max(1) as f64;
    let valid = block.rows[place].samples.iter().filter(|sample| sample.invalid.is_none());
    let walls: Vec<u64> = valid.map(|sample| sample.wall_ns).collect();
    let range = (figures.wall_ns_min, figures.wall_ns_max);
    let (low, high) = figures.wall_ns_interval.unwrap_or(range);
    Some(Value { middle, between: (speed(high), speed(low)), runs: walls.into_iter().map(speed).collect() })
}
