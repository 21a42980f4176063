//! What a measurement found, raw: one type for sweeps, disks and tunings. Figures and verdicts are derived from it.
//!
//! docs/report-format.md names every field; a test holds it to these types.

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::machine::Machine;
use super::metric::Metric;
pub use super::sample::{Latency, Rank, Sample, Steadiness, WarmUp};
use super::setting::{Axis, Setting};
use crate::calls::{CallLatency, Kind};
use crate::lab::plan::{Generated, SweepJob, TableName};

/// What measured.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Subject {
    /// Jobs that users call, run over and over: `haul sweep`.
    #[default]
    Sweep,
    /// A disk: `haul disk`.
    Disk,
    /// A sweep that recommends options: `haul tune`.
    Tune,
}

impl Subject {
    /// The command that makes such reports.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Sweep => "sweep",
            Self::Disk => "disk",
            Self::Tune => "tune",
        }
    }
}

/// What settings were run on.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Data {
    /// The value of the axis `case` of the rows that were run on it; `None` where there is one data set only.
    pub case: Option<String>,
    /// The file, directory or device, as the user named it; of a scratch file the directory. `None` of generated data.
    #[serde(serialize_with = "text_of_path")]
    pub path: Option<PathBuf>,
    /// Whether it existed and was only read.
    pub is_read_only: bool,
    /// Where targets were written, if the user named that.
    #[serde(serialize_with = "text_of_path")]
    pub target: Option<PathBuf>,
    /// What was generated.
    pub generated: Option<Generated>,
    /// Bytes that one run deals with; of a disk, of the file that operations are spread over.
    pub bytes: u64,
    /// Files that one run deals with.
    pub files: u64,
    /// Shannon entropy of the bytes, each by itself, in bits a byte: 0 to 8.
    pub entropy_bits: Option<f64>,
    /// gzip's codec; `None` for other jobs, and where it differs between levels.
    pub codec: Option<String>,
    /// gzip's block in bytes; `None` for other jobs, and where it differs between levels.
    pub block_bytes: Option<u64>,
}

/// What measuring itself costs on this machine, ns.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Cost {
    /// A run of nothing, as it would be measured: is within every time.
    pub empty_run_ns: u64,
    /// Counting one system call: is within every time, once a call.
    pub count_call_ns: f64,
    /// Timing one system call: only in the run that times calls.
    pub time_call_ns: f64,
}

/// Why no more rounds were run.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Ended {
    /// They are still being run: this is what was measured so far.
    #[default]
    NotYet,
    /// As many as were asked for.
    Rounds,
    /// The intervals were narrow enough.
    #[serde(alias = "narrow")]
    Converged,
    /// Another round would have taken longer than there was time.
    Budget,
    /// Somebody asked to stop.
    Interrupted,
    /// A run failed.
    Failed,
}

/// How long each system call took, in a run of its own.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct CallLatencies {
    /// Time of that run, ns: beside the median of the others it shows what timing every call costs.
    pub wall_ns: u64,
    /// One entry a call that was made.
    pub calls: Vec<CallLatency>,
}

/// Our counts beside those of a tool that watched a run from outside.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Observed {
    /// The tool: "strace" or "perf".
    pub tool: String,
    /// Every call that either of us counted, where both can tell it apart.
    pub calls: Vec<ObservedCall>,
}

impl Observed {
    /// Whether both counts are the same.
    pub fn agrees(&self) -> bool {
        self.calls.iter().all(|call| call.ours == call.theirs)
    }
}

/// One kind of call in both counts.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct ObservedCall {
    /// The call, as strace names it.
    pub call: String,
    /// How often we say we made it.
    pub ours: u64,
    /// How often the tool saw it made.
    pub theirs: u64,
}

/// One setting and all its runs.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Row {
    /// What was set.
    pub setting: Setting,
    /// What a table calls it: "pool". `None` where what varies is name enough.
    pub name: Option<String>,
    /// What was run before.
    pub warm_up: WarmUp,
    /// What was measured, in the order of the rounds: the n-th sample of every row is of the same round. In an
    /// interrupted measurement some rows have one more.
    pub samples: Vec<Sample>,
    /// How long reads took in all runs that show what they should; those of controls are not among them.
    pub read_latency: Option<Latency>,
    /// How long writes took in the same runs.
    pub write_latency: Option<Latency>,
    /// How long single calls took, if that was asked for.
    pub call_latencies: Option<CallLatencies>,
    /// Our counts beside another tool's, if that was asked for and could be had.
    pub observed: Option<Observed>,
    /// How long single files took, if the table shows it.
    pub file_latency: Option<Latency>,
}

impl Row {
    /// A setting before its first run.
    pub fn new(setting: Setting) -> Self {
        Self { setting, ..Self::default() }
    }

    /// The runs that show what they should: others count for nothing.
    pub fn valid(&self) -> impl Iterator<Item = &Sample> {
        self.samples.iter().filter(|sample| sample.is_valid())
    }

    /// The runs whose figures count: those that show what they should, or all of them if none does (reports mark these).
    pub fn counted(&self) -> Vec<&Sample> {
        let valid: Vec<&Sample> = self.valid().collect();
        if valid.is_empty() { self.samples.iter().collect() } else { valid }
    }

    /// Whether there are runs, and none shows what it should.
    pub fn is_invalid(&self) -> bool {
        !self.samples.is_empty() && self.valid().next().is_none()
    }

    /// A metric of one run, measured or derived.
    pub fn value(&self, sample: &Sample, metric: Metric) -> Option<f64> {
        let quotient = |amount: f64, whole: f64| (whole > 0.0).then(|| amount / whole);
        let wall = sample.wall_ns as f64;
        let calls = |kind| sample.calls.calls(kind) as f64;
        let operations = sample.metrics.get(Metric::Operations);
        let cpu = || Some(sample.metrics.get(Metric::User)? + sample.metrics.get(Metric::System)?);
        match metric {
            Metric::Wall => Some(wall),
            Metric::Durable => sample.metrics.get(Metric::Sync).map(|sync| wall + sync),
            Metric::Cpu => cpu(),
            Metric::CpuPercent => quotient(cpu()? * 100.0, wall),
            Metric::MibPerSecond => quotient(self.moved_bytes(sample)? * 1e9 / MIB, wall),
            Metric::MbPerSecond => quotient(self.moved_bytes(sample)? * 1e3, wall),
            Metric::OperationsPerSecond => quotient(operations? * 1e9, wall),
            Metric::Reads => Some(calls(Kind::Read)),
            Metric::Writes => Some(calls(Kind::Write)),
            Metric::OtherCalls => Some(calls(Kind::Other)),
            Metric::Calls => Some(sample.calls.total() as f64),
            Metric::CallsPerMib => quotient(sample.calls.total() as f64 * MIB, self.moved_bytes(sample)?),
            Metric::CallsPerFile => quotient(sample.calls.total() as f64, sample.metrics.get(Metric::Files)?),
            Metric::CallsPerOperation => quotient(sample.calls.total() as f64, operations?),
            Metric::UncountedCalls => Some(sample.calls.of(crate::calls::Call::Ficlone).calls as f64),
            Metric::CpuPerOperation => quotient(cpu()?, operations?),
            Metric::Ratio if self.setting.named(Axis::Job) == Some(SweepJob::Gzip) => {
                quotient(sample.metrics.get(Metric::SourceBytes)?, sample.metrics.get(Metric::TargetBytes)?)
            }
            Metric::Ratio => None,
            Metric::ReadP50 => sample.read_latency.map(|latency| latency.p50_ns as f64),
            Metric::WriteP50 => sample.write_latency.map(|latency| latency.p50_ns as f64),
            measured => sample.metrics.get(measured),
        }
    }

    /// Bytes that rates count: of a disk those that moved either way, of a job uncompressed ones, as people count who
    /// compare gzips: what a level saves must not look like slowness. `None` of loads that move none.
    fn moved_bytes(&self, sample: &Sample) -> Option<f64> {
        let of = |metric| sample.metrics.get(metric);
        let bytes = match self.setting.named(Axis::Job) {
            Some(SweepJob::Gunzip) => of(Metric::TargetBytes)?,
            Some(SweepJob::Copy | SweepJob::Gzip) => of(Metric::SourceBytes)?,
            None => of(Metric::ReadBytes)? + of(Metric::WrittenBytes)?,
        };
        (bytes > 0.0).then_some(bytes)
    }
}

pub(super) const MIB: f64 = 1_048_576.0;

/// One setting that was run twice in each round, to see how far apart two runs of the same thing are.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Control {
    /// Index of the row whose setting it is.
    pub row: usize,
    /// Its further runs, one a round.
    pub samples: Vec<Sample>,
}

/// What a tuning did beside its rows, which hold the defaults and what was to be confirmed.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Tuning {
    /// Time that there was for all of it, ns.
    pub budget_ns: u64,
    /// Threads that work by default.
    pub cores: usize,
    /// The defaults, and other options one at a time. From these, candidates are chosen and nothing is claimed: the best
    /// of many was lucky too.
    pub explored: Vec<Row>,
    /// Whole rounds of exploring.
    pub explored_rounds: usize,
    /// Options that looked faster, and there was no time to confirm: as users type them, after the job.
    pub not_confirmed: Vec<String>,
}

/// What a measurement found.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Report {
    /// Version of this layout, [`Report::FORMAT`]: grows when a field changes its meaning or goes away.
    pub format: u32,
    /// What measured.
    pub subject: Subject,
    /// Version of haul.
    pub version: String,
    /// The command line that asked for it, quoted for a shell.
    pub command: String,
    /// When it began, in UTC: "2026-12-01T11:56:37Z".
    pub started: String,
    /// Time that all of it took so far, ns.
    pub took_ns: u64,
    /// Where.
    pub machine: Machine,
    /// What measuring costs there.
    pub cost: Cost,
    /// What it was run on; several of a tuning.
    pub data: Vec<Data>,
    /// The table that was asked for by its name.
    pub table: Option<TableName>,
    /// What rows are compared with, if somebody said: the row that is like them, but for these values.
    pub baseline: Option<Setting>,
    /// By what settings are ranked.
    pub rank: Rank,
    /// A setting this much slower than the best is as good; a change this small is none: 0.05.
    pub within: f64,
    /// Whole rounds.
    pub rounds: usize,
    /// How long a run was to last, ns; `None` where it lasts as long as the job takes.
    pub run_ns: Option<u64>,
    /// Why there are no more rounds.
    pub ended: Ended,
    /// What failed, if something did.
    pub failure: Option<String>,
    /// Settings that cannot be run here, or were too slow for the budget, and why: "64K with reflink: cannot clone …".
    pub left_out: Vec<String>,
    /// What else a reader must know: why threads stand in for `io_uring`, why no other tool could check the counts.
    pub remarks: Vec<String>,
    /// Seed of the order of runs, and of generated data.
    pub seed: u64,
    /// Time spent on making or copying data before the first run, ns; 0 where none was needed.
    pub preparation_ns: u64,
    /// Time spent on warming up, ns.
    pub warm_up_ns: u64,
    /// Time spent between runs on removing targets, writing back, emptying caches, ns.
    pub between_ns: u64,
    /// Runs that did not show what they should, and were repeated.
    pub repeated: usize,
    /// Settings that were run twice a round: one of each group of alternatives.
    pub controls: Vec<Control>,
    /// One row a setting, in the order in which users named them.
    pub rows: Vec<Row>,
    /// Of a tuning.
    pub tuning: Option<Tuning>,
}

impl Report {
    /// The version of the layout that this program writes.
    pub const FORMAT: u32 = 4;

    /// What each run of a row costs, round by round, by what the report ranks; `None` of runs that count for nothing.
    pub fn costs(&self, samples: &[Sample]) -> Vec<Option<u64>> {
        samples.iter().map(|sample| self.rank.cost(sample)).collect()
    }

    /// The axes that vary among the rows, and those that do not.
    pub fn axes(&self) -> (Vec<Axis>, Vec<Axis>) {
        super::setting::split(self.rows.iter().map(|row| &row.setting))
    }

    /// What a row is called: its own name, or what varies.
    pub fn label(&self, row: usize) -> String {
        let (varying, _) = self.axes();
        let row = &self.rows[row];
        row.name.clone().unwrap_or_else(|| row.setting.label(&varying))
    }

    /// What a setting was run on.
    pub fn data_of(&self, setting: &Setting) -> Option<&Data> {
        let case = setting.word(Axis::Case);
        self.data.iter().find(|data| data.case.as_deref() == case).or_else(|| self.data.first())
    }
}

/// JSON is text: bytes of a path that are not UTF-8 become U+FFFD.
#[expect(clippy::ref_option, reason = "serde hands the field over by reference")]
fn text_of_path<S: serde::Serializer>(path: &Option<PathBuf>, serializer: S) -> Result<S::Ok, S::Error> {
    path.as_deref().map(Path::to_string_lossy).serialize(serializer)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::calls::{Call, Ending};

    fn row(job: &'static str) -> Row {
        Row::new(Setting::default().with(Axis::Job, job))
    }

    fn sample() -> Sample {
        let mut sample = Sample { wall_ns: 500_000_000, ..Sample::default() };
        sample.calls.record(Call::Pread, 1, Ending::Moved(1));
        sample.calls.record(Call::Statx, 0, Ending::Moved(0));
        for (metric, count) in [
            (Metric::SourceBytes, 1 << 20),
            (Metric::TargetBytes, 1 << 19),
            (Metric::User, 200_000_000),
            (Metric::System, 50_000_000),
            (Metric::Sync, 100),
        ] {
            sample.metrics.count(metric, count);
        }
        sample
    }

    #[test]
    fn derived_metrics_follow_from_what_was_measured() {
        let sample = sample();
        for (job, metric, value) in [
            ("copy", Metric::MibPerSecond, Some(2.0)),
            ("gunzip", Metric::MibPerSecond, Some(1.0)),
            ("gzip", Metric::Ratio, Some(2.0)),
            ("copy", Metric::Ratio, None),
            ("copy", Metric::CpuPercent, Some(50.0)),
            ("copy", Metric::Durable, Some(500_000_100.0)),
            ("copy", Metric::CallsPerMib, Some(2.0)),
            ("copy", Metric::Reads, Some(1.0)),
            ("copy", Metric::OperationsPerSecond, None),
            ("copy", Metric::Peak, None),
        ] {
            assert_eq!(row(job).value(&sample, metric), value, "{job} {metric:?}");
        }
    }

    #[test]
    fn runs_are_ranked_by_what_was_asked_for() {
        let mut sample = sample();
        assert_eq!((Rank::Wall.cost(&sample), Rank::Durable.cost(&sample)), (Some(500_000_000), Some(500_000_100)));
        assert_eq!(Rank::Operation.cost(&sample), None);
        sample.metrics.count(Metric::Operations, 1000);
        assert_eq!(Rank::Operation.cost(&sample), Some(500_000_000));
        sample.invalid = Some("it was warm".to_owned());
        assert_eq!(Rank::Wall.cost(&sample), None);
    }
}
