//! The sheets of ready-made sweeps with a line for each setting: buffers, workers, models.

use haul::job::sweep::axes::Axis;
use haul::outcome::Setting;

use super::super::numbers::{bytes, nothing, three_digits};
use super::general::count;
use super::{Block, Builder, Sheet, cpu_cell, speedup_cell, whole_percent};

/// What a buffer size is good for, by its figures.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Word {
    /// More than half again as long as the best.
    Slow,
    Fair,
    /// The smallest that is as fast as any.
    Best,
    /// As fast as the best, and larger.
    WastesMemory,
    /// Perhaps the best: the runs differ too much.
    Unclear,
}

impl Word {
    const fn text(self) -> &'static str {
        match self {
            Self::Slow => "slow",
            Self::Fair => "fair",
            Self::Best => "best",
            Self::WastesMemory => "wastes memory",
            Self::Unclear => "cannot tell",
        }
    }

    /// The word for each of a block's rows; `None` for those without a measured time. Rows that differ in more than
    /// the buffer are judged apart.
    fn all_of(block: &Block<'_>) -> Vec<Option<Self>> {
        let mut words = vec![None; block.rows.len()];
        let first = block.rows[0].setting.buffer;
        for places in block.series(|setting| Setting { buffer: first, ..setting }) {
            let measured: Vec<usize> =
                places.into_iter().filter(|place| block.figures[*place].wall_ns_median > 0).collect();
            Self::judge(block, &measured, &mut words);
        }
        words
    }

    fn judge(block: &Block<'_>, places: &[usize], words: &mut [Option<Self>]) {
        let Some(first) = places.first() else { return };
        let verdict = block.digest.verdict_on(block.first + first);
        let wall = |place: usize| block.figures[place].wall_ns_median as f64;
        let buffer = |place: usize| block.rows[place].setting.buffer;
        let least = places.iter().map(|place| wall(*place)).fold(f64::INFINITY, f64::min);
        let equals_best = |place: usize| {
            verdict.is_some_and(|verdict| {
                verdict.chosen.is_some() && verdict.indistinguishable.contains(&(block.first + place))
            })
        };
        let near = |place: usize| wall(place) <= least * (1.0 + block.digest.report.within) || equals_best(place);
        let chosen = places.iter().copied().find(|place| block.is_chosen(*place));
        // What is recommended may be of another engine, say: then the medians decide among these.
        let smallest = places.iter().copied().filter(|place| near(*place)).min_by_key(|place| buffer(*place));
        let best = chosen.or(smallest.filter(|_| verdict.is_none_or(|verdict| verdict.chosen.is_some())));
        for place in places.iter().copied() {
            words[place] = Some(match wall(place) / least {
                _ if best == Some(place) => Self::Best,
                _ if best.is_none() && near(place) => Self::Unclear,
                _ if best.is_some_and(|best| near(place) && buffer(place) > buffer(best)) => Self::WastesMemory,
                ratio if ratio <= 1.5 => Self::Fair,
                _ => Self::Slow,
            });
        }
    }
}

/// Calls, times and a word.
pub(super) fn buffers(block: &Block<'_>) -> Sheet {
    let words = Word::all_of(block);
    let mut sheet = Builder::new(block);
    sheet.labels(&[]);
    sheet.add(0, "calls", |line| count(line.figures, line.figures.calls()));
    sheet.add(0, "calls/\nMiB", |line| line.figures.calls_per_mib.map_or_else(nothing, three_digits));
    sheet.kernel();
    sheet.times();
    sheet.with_sync();
    sheet.peak(10);
    sheet.rate();
    sheet.add(0, "verdict", |line| words[line.place].map_or_else(nothing, |word| word.text().to_owned()));
    sheet.finish()
}

/// Time, memory, and what more workers buy.
pub(super) fn workers(block: &Block<'_>) -> Sheet {
    let mut bases = vec![None; block.rows.len()];
    let mut knees = vec![];
    for places in block.series(|setting| Setting { workers: 1, ..setting }) {
        let base = block.fewest_workers(&places);
        for place in &places {
            bases[*place] = base;
        }
        knees.extend(block.knee(&places).filter(|_| places.len() > 1));
    }
    let cores = block.digest.report.machine.cores.max(1);
    let speedup = |place: usize| bases[place].and_then(|base: usize| block.speedup(base, place));
    let mut sheet = Builder::new(block);
    sheet.labels(&[]);
    sheet.times();
    sheet.with_sync();
    sheet.rate();
    sheet.peak(0);
    sheet.add(0, "speed-up\n(95%)", |line| speedup_cell(speedup(line.place)));
    sheet.add(0, "effi-\nciency", |line| {
        let threads = |place: usize| block.rows[place].setting.workers.min(cores) as f64;
        let base = bases[line.place].map_or(1.0, threads);
        speedup(line.place).map_or_else(nothing, |speedup| whole_percent(speedup.ratio * base / threads(line.place)))
    });
    sheet.add(0, "CPU %", |line| cpu_cell(line.figures.cpu_percent));
    sheet.add(0, "knee", |line| if knees.contains(&line.place) { "←" } else { "" }.to_owned());
    sheet.finish()
}

/// Time, memory, CPU and switches, each beside the least of them.
pub(super) fn models(block: &Block<'_>) -> Sheet {
    let slowest = (0..block.rows.len()).max_by_key(|place| block.figures[*place].wall_ns_median);
    let serial = block.rows.iter().position(|row| row.setting.workers == 1).or(slowest);
    let mut sheet = Builder::new(block);
    sheet.labels(&[]);
    let unit = sheet.unit;
    let wall = |place: usize| block.figures[place].wall_ns_median as f64;
    let peak = |place: usize| block.figures[place].peak_bytes.unwrap_or(0);
    let cpu = |place: usize| block.figures[place].cpu_percent.unwrap_or(0.0);
    let switches = |place: usize| {
        block.figures[place].voluntary_switches_median + block.figures[place].involuntary_switches_median
    };
    let relative = |value: &dyn Fn(usize) -> f64, place: usize, text: String| {
        let known = (0..block.rows.len()).map(value).filter(|value| *value > 0.0);
        let least = known.fold(f64::INFINITY, f64::min);
        if value(place) > 0.0 { format!("{text} {}×", three_digits(value(place) / least)) } else { text }
    };
    sheet.add(0, &format!("median\n{}", unit.name), |line| {
        relative(&wall, line.place, unit.cell(line.figures.wall_ns_median))
    });
    sheet.with_sync();
    sheet.rate();
    if block.figures.iter().any(|figures| figures.peak_bytes.is_some()) {
        sheet.add(0, "peak\nmemory", |line| relative(&|place| peak(place) as f64, line.place, bytes(peak(line.place))));
    }
    sheet.add(0, "CPU %", |line| relative(&cpu, line.place, cpu_cell(line.figures.cpu_percent)));
    sheet.add(0, "context\nswitches", |line| {
        relative(&|place| switches(place) as f64, line.place, switches(line.place).to_string())
    });
    if block.varying.contains(&Axis::Scheduler) || block.varying.contains(&Axis::Workers) {
        let speedup = |place: usize| serial.and_then(|base| block.speedup(base, place));
        sheet.add(0, "speed-up\n(95%)", |line| speedup_cell(speedup(line.place)));
    }
    sheet.finish()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::report::block::blocks;
    use crate::cli::report::digest::Digest;
    use crate::cli::report::fixture;

    fn words(walls_us: [[u64; 6]; 4]) -> [&'static str; 4] {
        let mut report = fixture::tables().remove(0);
        (report.controls, report.rounds) = (vec![], 6);
        report.rows.truncate(4);
        for (row, walls) in report.rows.iter_mut().zip(walls_us) {
            row.samples.truncate(6);
            for (sample, wall) in row.samples.iter_mut().zip(walls) {
                sample.wall_ns = wall * 1000;
            }
        }
        let digest = Digest::of(&report);
        let block = blocks(&digest).remove(0);
        [0, 1, 2, 3].map(|place| Word::all_of(&block)[place].unwrap().text())
    }

    #[test]
    fn words_come_from_figures() {
        let steady = |wall: u64| [wall, wall + 2, wall + 1, wall + 3, wall, wall + 2];
        assert_eq!(
            words([300, 140, 103, 100].map(|wall| steady(wall * 10))),
            ["slow", "fair", "best", "wastes memory"]
        );
        assert_eq!(
            words([100, 140, 101, 160].map(|wall| steady(wall * 10))),
            ["best", "fair", "wastes memory", "slow"]
        );
        // Nothing is best where runs differ more than settings do.
        let wild = [
            [300, 310, 305, 300, 302, 301],
            [100, 190, 80, 200, 110, 150],
            [99, 120, 160, 90, 180, 95],
            [100, 90, 180, 95, 170, 99],
        ];
        let found = words(wild);
        assert!(found[0] == "slow" && found.contains(&"cannot tell") && !found.contains(&"best"), "{found:?}");
    }
}
