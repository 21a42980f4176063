//! The sheet of pools: with and without one, side by side.

use haul::lab::sweep::axes::Axis;
use haul::outcome::Setting;
use haul::plan::PoolChoice;

use super::{Block, Builder, speedup_cell, valid_runs};
use crate::cli::report::numbers::{bytes, nothing};
use crate::cli::report::sheet::{Column, Sheet};

/// A line for each setting that was run with a pool and without; `None` where rows are no such pairs.
pub(super) fn pool(block: &Block<'_>) -> Option<Sheet> {
    let series = block.series(|setting| Setting { pool: PoolChoice::Off, ..setting });
    let is_off = |place: &usize| block.rows[*place].setting.pool == PoolChoice::Off;
    let pair = |places: Vec<usize>| match places[..] {
        [one, other] if is_off(&one) != is_off(&other) => {
            Some(if is_off(&other) { (one, other) } else { (other, one) })
        }
        _ => None,
    };
    let pairs = series.into_iter().map(pair).collect::<Option<Vec<_>>>()?;
    let mut all = Builder::new(block);
    let unit = all.unit;
    all.labels(&[Axis::Pool]);
    let labels = std::mem::take(&mut all.columns).into_iter().map(|column| Column {
        cells: pairs.iter().map(|(on, off)| arrowed(&column.cells[*on], &column.cells[*off])).collect(),
        ..column
    });
    let mut sheet = Sheet { title: block.heading.clone(), columns: labels.collect(), bars: vec![] };
    let known = |place: usize| !block.rows[place].samples.is_empty();
    let mut both = |heading: &str, rank: u8, cell: &dyn Fn(usize) -> String| {
        let cell = |place: usize| if known(place) { cell(place) } else { nothing() };
        let on = pairs.iter().map(|(on, _)| cell(*on)).collect();
        let off = pairs.iter().map(|(_, off)| cell(*off)).collect();
        sheet.columns.push(Column { heading: format!("{heading}\npool on"), cells: on, rank });
        sheet.columns.push(Column { heading: "\noff".to_owned(), cells: off, rank });
    };
    if block.rows.iter().any(|row| valid_runs(row) < row.samples.len()) {
        both("runs that count", 0, &|place| {
            let row = &block.rows[place];
            format!("{} of {}", valid_runs(row), row.samples.len())
        });
    }
    if block.figures.iter().any(|figures| figures.allocations.is_some()) {
        let figures = block.figures;
        both("allocs", 2, &|place| figures[place].allocations.map_or_else(nothing, |count| count.to_string()));
        both("bytes asked", 3, &|place| figures[place].allocated_bytes.map_or_else(nothing, bytes));
    }
    both("faults", 4, &|place| {
        (block.figures[place].minor_faults_median + block.figures[place].major_faults_median).to_string()
    });
    both("buffers", 50, &|place| format!("{}/{}", block.figures[place].pool_fresh, block.figures[place].pool_reused));
    both(&format!("median {}", unit.name), 0, &|place| unit.cell(block.figures[place].wall_ns_median));
    let faster = pairs.iter().map(|(on, off)| speedup_cell(block.speedup(*off, *on)));
    sheet.columns.push(Column { heading: "speed-up by\nthe pool (95%)".to_owned(), cells: faster.collect(), rank: 0 });
    Some(sheet)
}

/// The name of both rows of a pair: with the arrow if either is recommended.
fn arrowed(one: &str, other: &str) -> String {
    if one.starts_with('→') { one } else { other }.to_owned()
}
