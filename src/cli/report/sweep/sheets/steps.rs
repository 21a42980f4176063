//! The sheet of a ladder: what each step changed, and what came of it.

use haul::lab::sweep::axes::Axis;
use haul::lab::sweep::bottleneck;
use haul::outcome::Setting;

use super::{Block, Builder, cpu_cell, speedup_cell};
use crate::cli::report::numbers::{nothing, times};
use crate::cli::report::sheet::Sheet;

/// A line for each step.
pub(super) fn ladder(block: &Block<'_>) -> Sheet {
    let mut sheet = Builder::new(block);
    sheet.set("step", |place| block.label(place));
    sheet.set("what changed", |place| match place.checked_sub(1) {
        Some(before) => changed(&block.rows[before].setting, &block.rows[place].setting),
        None => "buffer ".to_owned() + &block.rows[place].setting.buffer.to_string(),
    });
    sheet.rate();
    sheet.runs_that_count();
    sheet.file_times([40, 30]);
    sheet.add(3, "CPU %", |line| cpu_cell(line.figures.cpu_percent));
    sheet.peak(50);
    let gain = |base: Option<usize>, place: usize| speedup_cell(base.and_then(|base| block.speedup(base, place)));
    sheet.add(0, "gain over the\nstep before", |line| gain(line.place.checked_sub(1), line.place));
    // Without its interval: there is no room for two, and the steps' own show where noise is.
    sheet.add(4, "gain over\nthe start", |line| {
        let gain = (line.place > 0).then(|| block.speedup(0, line.place)).flatten();
        gain.map_or_else(nothing, |gain| times(gain.ratio))
    });
    let bottleneck = |place: usize| bottleneck::of(block.digest.report, &block.rows[place]);
    sheet.add(0, "bottle-\nneck", |line| bottleneck(line.place).map_or_else(nothing, |found| found.word.to_owned()));
    sheet.finish()
}

/// What one step does differently from the one before: "buffer 256K", "scheduler channel, 2 workers".
fn changed(before: &Setting, after: &Setting) -> String {
    let buffer = (before.buffer != after.buffer).then(|| format!("buffer {}", after.buffer));
    let axes = Axis::ALL.into_iter().filter(|axis| axis.value(before) != axis.value(after));
    let phrases = axes.map(|axis| axis.phrase(after));
    let all: Vec<String> = buffer.into_iter().chain(phrases).collect();
    if all.is_empty() { "nothing".to_owned() } else { all.join(", ") }
}
