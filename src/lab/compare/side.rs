//! One of the two reports, as far as it is compared: what both kinds of them have.

use serde::Serialize;

use super::differences::{known, plain, size};
use crate::lab::disk::figures::picoseconds_per_operation;
use crate::lab::disk::noise::noise_of as noise_of_disk;
use crate::lab::disk::settings::label as disk_label;
use crate::lab::sweep::axes;
use crate::lab::sweep::verdict::{noise_of, valid};
use crate::outcome::{DiskReport, DiskRow, DiskSetting, Ended, Machine, Setting, SweepReport, SweepRow};
use crate::plan::Flight;

/// A report, whatever it is of.
#[derive(Debug, Clone)]
pub struct Side {
    /// What it is of.
    pub kind: Kind,
    /// Version of haul.
    pub version: String,
    /// The command line that asked for it.
    pub command: String,
    /// Where.
    pub machine: Machine,
    /// Whole rounds.
    pub rounds: usize,
    /// Why there are no more.
    pub ended: Ended,
    /// A difference this small is as good as none.
    pub within: f64,
    /// What it was run on, by names.
    pub(super) data: Vec<(&'static str, String)>,
    /// Bits a byte of that.
    pub(super) entropy_bits: Option<f64>,
    /// Bytes of the file that a disk was measured with.
    pub(super) file_bytes: Option<u64>,
    pub(super) rows: Vec<Row>,
}

/// What a report is of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// `haul sweep`: times of runs are compared.
    Sweep,
    /// `haul disk`: rates are compared.
    Disk,
}

impl Kind {
    /// The command that makes such reports.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Sweep => "sweep",
            Self::Disk => "disk",
        }
    }
}

/// What was set, of either kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(untagged)]
pub enum AnySetting {
    /// Of a sweep.
    Sweep(Setting),
    /// Of a disk.
    Disk(DiskSetting),
}

/// A setting and its runs.
#[derive(Debug, Clone)]
pub(super) struct Row {
    pub(super) setting: AnySetting,
    /// What a table calls it, which tells it from others.
    pub(super) name: Option<String>,
    pub(super) label: String,
    /// Of each run that shows what it should, in their order, above 0: of a sweep its time in ns, of a disk the time per
    /// operation in ps.
    pub(super) times: Vec<u64>,
    /// How far apart two runs of the same are.
    pub(super) noise: Option<f64>,
}

impl Row {
    /// Whether both are of the same. Whether the kernel or threads of ours kept operations in flight is said beside the
    /// rows: whoever compares a machine with `io_uring` to one without wants to know what that costs.
    pub(super) fn is_of(&self, other: &Self) -> bool {
        let any_flight = |setting| match setting {
            AnySetting::Disk(setting) => AnySetting::Disk(DiskSetting { flight: Flight::Calls, ..setting }),
            sweep @ AnySetting::Sweep(_) => sweep,
        };
        any_flight(self.setting) == any_flight(other.setting) && self.name == other.name
    }
}

impl From<&SweepReport> for Side {
    fn from(report: &SweepReport) -> Self {
        let (varying, _) = axes::split(&report.rows);
        let row = |(place, row): (usize, &SweepRow)| Row {
            setting: AnySetting::Sweep(row.setting),
            name: row.name.clone(),
            label: row.name.as_deref().map_or_else(|| axes::label(&row.setting, &varying), plain),
            times: valid(&row.samples).map(|sample| sample.wall_ns.max(1)).collect(),
            noise: noise_of(report, place).map(|noise| noise.floor),
        };
        let generated = report.generated.map_or_else(
            || "none".to_owned(),
            |made| format!("{} x {}, {} bits a byte", made.files, size(made.bytes), made.entropy),
        );
        Self {
            kind: Kind::Sweep,
            version: report.version.clone(),
            command: report.command.clone(),
            machine: report.machine.clone(),
            rounds: report.rounds,
            ended: report.ended,
            within: report.within,
            data: vec![
                ("size", size(report.source_bytes)),
                ("files", report.source_files.to_string()),
                ("generated data", generated),
                ("block", known(report.block_bytes.map(size))),
                ("codec", known(report.codec.as_deref().map(plain))),
            ],
            file_bytes: None,
            entropy_bits: report.entropy_bits,
            rows: report.rows.iter().enumerate().map(row).collect(),
        }
    }
}

impl From<&DiskReport> for Side {
    fn from(report: &DiskReport) -> Self {
        let row = |(place, row): (usize, &DiskRow)| {
            let valid = row.samples.iter().filter(|sample| sample.run.invalid.is_none() && sample.operations > 0);
            Row {
                setting: AnySetting::Disk(row.setting),
                name: None,
                label: disk_label(&row.setting),
                times: valid.map(|sample| picoseconds_per_operation(sample).max(1)).collect(),
                noise: noise_of_disk(report, place).map(|noise| noise.floor),
            }
        };
        let several = report.rows.iter().map(|row| row.setting.flight).find(|flight| *flight != Flight::Calls);
        Self {
            kind: Kind::Disk,
            version: report.version.clone(),
            command: report.command.clone(),
            machine: report.machine.clone(),
            rounds: report.rounds,
            ended: report.ended,
            within: report.within,
            data: vec![
                ("file", if report.is_existing { "one that existed" } else { "its own" }.to_owned()),
                ("in flight by", several.map_or("calls", Flight::name).to_owned()),
            ],
            file_bytes: Some(report.file_bytes),
            entropy_bits: None,
            rows: report.rows.iter().enumerate().map(row).collect(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lab::compare::{Claim, Comparison, Middles};
    use crate::outcome::{Control, DiskSample, Sample};
    use crate::plan::{Access, Load};
    use crate::size::BufferSize;

    const ROUNDS: [u64; 8] = [1000, 1010, 990, 1020, 980, 1005, 995, 1001];

    /// Runs of 1000 operations that took so many percent of a second, give or take.
    fn samples(percent: u64) -> Vec<DiskSample> {
        let run = |part| Sample { wall_ns: part * percent * 10_000, ..Sample::default() };
        ROUNDS.map(|part| DiskSample { run: run(part), operations: 1000, ..DiskSample::default() }).to_vec()
    }

    fn disk(flight: Flight, percents: &[(Load, u64)]) -> DiskReport {
        let row = |(load, percent): &(Load, u64)| {
            let block = Some(BufferSize::from_kib(4));
            let setting = DiskSetting { load: *load, access: Some(Access::Direct), block, depth: 4, flight };
            DiskRow { samples: samples(*percent), ..DiskRow::new(setting) }
        };
        let rows = percents.iter().map(row).collect();
        DiskReport { rows, rounds: 8, within: 0.05, file_bytes: 1 << 30, ..DiskReport::default() }
    }

    fn compared(old: &DiskReport, new: &DiskReport) -> Comparison {
        Comparison::of(&old.into(), &new.into(), None)
    }

    #[test]
    fn rates_of_disks_are_compared_and_less_is_slower() {
        let old = disk(Flight::IoUring, &[(Load::Read, 100), (Load::RandomRead, 100), (Load::Write, 100)]);
        let new = disk(Flight::IoUring, &[(Load::Read, 125), (Load::RandomRead, 100), (Load::Write, 80)]);
        let comparison = compared(&old, &new);
        let claims: Vec<Claim> = comparison.changes.iter().map(|change| change.claim).collect();
        assert_eq!(claims, [Claim::Slower, Claim::Same, Claim::Faster]);
        let slower = &comparison.changes[0];
        assert!((slower.ratio - 0.8).abs() < 0.001 && slower.interval.unwrap().holds(0.8), "{slower:?}");
        assert!(slower.range.low < slower.interval.unwrap().low && slower.range.high < 0.9, "{slower:?}");
        let Middles::Rates { old_operations_per_second, new_operations_per_second, bytes_per_operation } =
            slower.middles
        else {
            panic!("{slower:?}")
        };
        let rates = [old_operations_per_second, new_operations_per_second].map(|rate| rate.round() as u64);
        assert_eq!((rates, bytes_per_operation), ([1000, 800], Some(4096)));
        assert_eq!(slower.label, "read 4K direct, 4 in flight");
        let why = comparison.exceeding(0.1);
        assert!(
            why.len() == 1 && why[0].starts_with("read 4K direct, 4 in flight is more than 10% slower: 1"),
            "{why:?}"
        );
        // A rate that is a fifth less is not a quarter slower, though each operation takes a quarter longer.
        assert_eq!(comparison.exceeding(0.23), Vec::<String>::new());
        assert_eq!(compared(&new, &new).exceeding(0.05), Vec::<String>::new());
    }

    #[test]
    fn a_load_that_is_noisy_by_its_own_control_is_not_called_slower() {
        let old = disk(Flight::Calls, &[(Load::Read, 100), (Load::RandomRead, 100)]);
        let mut new = disk(Flight::Calls, &[(Load::Read, 110), (Load::RandomRead, 110)]);
        new.controls = vec![Control { row: 0, samples: samples(130) }, Control { row: 1, samples: samples(110) }];
        let claims: Vec<Claim> = compared(&old, &new).changes.iter().map(|change| change.claim).collect();
        assert_eq!(claims, [Claim::CannotTell, Claim::Slower]);
    }

    #[test]
    fn what_keeps_operations_in_flight_differs_beside_the_rows() {
        let percents = [(Load::RandomRead, 100)];
        let mut new = disk(Flight::Threads, &percents);
        new.file_bytes = 2 << 30;
        new.rows[0].samples[0].run.invalid = Some("cached".to_owned());
        let comparison = compared(&disk(Flight::IoUring, &percents), &new);
        assert_eq!((comparison.changes.len(), comparison.changes[0].new_runs), (1, 7));
        // What there was time for is never the same twice.
        let mut alike = disk(Flight::IoUring, &percents);
        alike.file_bytes += alike.file_bytes / 4;
        assert_eq!(compared(&disk(Flight::IoUring, &percents), &alike).differences, []);
        let said: Vec<_> =
            comparison.differences.iter().map(|it| (it.what, it.old.as_str(), it.new.as_str())).collect();
        assert_eq!(
            said,
            [
                ("in flight by", "io_uring", "threads"),
                ("file size", "1.0 GiB (1073741824 bytes)", "2.0 GiB (2147483648 bytes)"),
            ]
        );
    }

    #[test]
    fn too_few_runs_carry_no_interval() {
        let old = disk(Flight::Calls, &[(Load::Stat, 100)]);
        let mut new = disk(Flight::Calls, &[(Load::Stat, 200)]);
        new.rows[0].samples.truncate(5);
        let comparison = compared(&old, &new);
        assert_eq!((comparison.changes[0].claim, comparison.changes[0].interval), (Claim::Unknown, None));
        assert!(comparison.changes[0].range.holds(0.5), "{comparison:?}");
        new.rows[0].samples.clear();
        assert!(compared(&old, &new).changes.is_empty());
    }
}
