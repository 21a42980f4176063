//! The sheets of ready-made sweeps with a line for each setting: buffers, workers, models.

use haul::lab::sweep::axes::Axis;
use haul::outcome::Setting;

use super::general::count;
use super::{Block, Builder, cpu_cell, speedup_cell, whole_percent};
use crate::cli::report::numbers::{bytes, nothing, three_digits};
use crate::cli::report::sheet::Sheet;

/// What a buffer size is good for: the verdict on it in a word or two.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in super::super) enum Word {
    /// The setting to use.
    Best,
    /// As fast as the one to use, and larger.
    WastesMemory,
    /// Not told from the fastest.
    MayBeBest,
    Fair,
    /// More than half again as long as the fastest.
    Slow,
}

impl Word {
    pub(in super::super) const ALL: [Self; 5] =
        [Self::Best, Self::WastesMemory, Self::MayBeBest, Self::Fair, Self::Slow];

    pub(in super::super) const fn text(self) -> &'static str {
        match self {
            Self::Best => "best",
            Self::WastesMemory => "wastes memory",
            Self::MayBeBest => "may be best",
            Self::Fair => "fair",
            Self::Slow => "slow",
        }
    }

    /// The word for a row of a block, which says what the verdict says; `None` of too few rounds for a verdict.
    fn of(block: &Block<'_>, place: usize) -> Option<Self> {
        let report = block.digest.report;
        let row = block.first + place;
        let verdict = block.digest.verdict_on(row)?;
        let slowdown = verdict.slowdowns.iter().find(|found| found.row == row)?.slowdown;
        slowdown.bounds?;
        let wall = |row: usize| block.digest.figures[row].wall_ns_median.max(1) as f64;
        let factor = wall(row) / wall(verdict.best);
        let is_equal = verdict.indistinguishable.contains(&row);
        let may_be_best = is_equal || verdict.undecided.contains(&row);
        let is_larger = |chosen: usize| report.rows[row].setting.buffer > report.rows[chosen].setting.buffer;
        Some(match verdict.chosen {
            Some(chosen) if chosen == row => Self::Best,
            Some(chosen) if is_larger(chosen) && (is_equal || !may_be_best && factor <= 1.0 + report.within) => {
                Self::WastesMemory
            }
            _ if may_be_best => Self::MayBeBest,
            _ if factor <= 1.5 => Self::Fair,
            _ => Self::Slow,
        })
    }
}

/// Calls, times and a word.
pub(super) fn buffers(block: &Block<'_>) -> Sheet {
    let words: Vec<Option<Word>> = (0..block.rows.len()).map(|place| Word::of(block, place)).collect();
    let mut sheet = Builder::new(block);
    sheet.labels(&[]);
    sheet.runs_that_count();
    sheet.add(0, "calls", |line| count(line.figures, line.figures.calls()));
    sheet.add(3, "calls/\nMiB", |line| line.figures.calls_per_mib.map_or_else(nothing, three_digits));
    sheet.kernel();
    sheet.times();
    sheet.with_sync();
    sheet.peak(10);
    sheet.rate();
    if words.iter().any(Option::is_some) {
        sheet.add(0, "verdict", |line| words[line.place].map_or_else(nothing, |word| word.text().to_owned()));
    }
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
    sheet.runs_that_count();
    sheet.times();
    sheet.with_sync();
    sheet.rate();
    sheet.peak(2);
    sheet.add(0, "speed-up\n(95%)", |line| speedup_cell(speedup(line.place)));
    sheet.add(4, "effi-\nciency", |line| {
        let threads = |place: usize| block.rows[place].setting.workers.min(cores) as f64;
        let base = bases[line.place].map_or(1.0, threads);
        speedup(line.place).map_or_else(nothing, |speedup| whole_percent(speedup.ratio * base / threads(line.place)))
    });
    sheet.add(3, "CPU %", |line| cpu_cell(line.figures.cpu_percent));
    sheet.add(0, "knee", |line| if knees.contains(&line.place) { "←" } else { "" }.to_owned());
    sheet.finish()
}

/// Time, memory, CPU and switches, each beside the least of them.
pub(super) fn models(block: &Block<'_>) -> Sheet {
    let slowest = (0..block.rows.len()).max_by_key(|place| block.figures[*place].wall_ns_median);
    let serial = block.rows.iter().position(|row| row.setting.workers == 1).or(slowest);
    let mut sheet = Builder::new(block);
    sheet.labels(&[]);
    sheet.runs_that_count();
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
        sheet.add(2, "peak\nmemory", |line| relative(&|place| peak(place) as f64, line.place, bytes(peak(line.place))));
    }
    sheet.add(3, "CPU %", |line| relative(&cpu, line.place, cpu_cell(line.figures.cpu_percent)));
    sheet.add(4, "context\nswitches", |line| {
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
    use haul::outcome::SweepReport;

    use super::*;
    use crate::cli::report::sweep::block::blocks;
    use crate::cli::report::sweep::digest::Digest;
    use crate::cli::report::sweep::fixture;

    fn words(walls_us: [[u64; 6]; 4]) -> [&'static str; 4] {
        let mut report = fixture::tables().remove(0);
        report.controls.clear();
        report.rows.truncate(4);
        for (row, walls) in report.rows.iter_mut().zip(walls_us) {
            for (sample, wall) in row.samples.iter_mut().zip(walls.into_iter().cycle()) {
                sample.wall_ns = wall * 1000;
            }
        }
        let digest = Digest::of(&report);
        let block = blocks(&digest).remove(0);
        [0, 1, 2, 3].map(|place| Word::of(&block, place).unwrap().text())
    }

    #[test]
    fn words_say_what_the_verdict_says() {
        let steady = |wall: u64| [wall, wall + 2, wall + 1, wall + 3, wall, wall + 2];
        assert_eq!(
            words([300, 140, 103, 100].map(|wall| steady(wall * 10))),
            ["slow", "fair", "best", "wastes memory"]
        );
        assert_eq!(
            words([100, 140, 101, 160].map(|wall| steady(wall * 10))),
            ["best", "fair", "wastes memory", "slow"]
        );
        // Nothing is best where runs differ more than settings do, and what may be is called neither fair nor slow.
        let wild = [
            [300, 310, 305, 300, 302, 301],
            [100, 170, 80, 180, 95, 100],
            [99, 95, 160, 90, 180, 100],
            [100, 90, 180, 95, 170, 99],
        ];
        assert_eq!(words(wild), ["slow", "may be best", "may be best", "may be best"]);
    }

    #[test]
    fn too_few_rounds_have_no_words_and_no_knee() {
        for (table, heading) in [(0, "verdict"), (1, "knee")] {
            let mut report = fixture::tables().remove(table);
            let has_it = |report: &SweepReport| {
                let digest = Digest::of(report);
                let all = crate::cli::report::sweep::sheets::sheets(&digest);
                let cells: Vec<String> = all
                    .iter()
                    .flat_map(|sheet| sheet.columns_named(heading))
                    .flat_map(|column| column.cells.clone())
                    .collect();
                cells.iter().any(|cell| !cell.is_empty())
            };
            assert!(has_it(&report), "{heading}");
            report.rounds = 3;
            report.rows.iter_mut().for_each(|row| row.samples.truncate(3));
            report.controls.clear();
            assert!(!has_it(&report), "{heading}");
        }
    }
}
