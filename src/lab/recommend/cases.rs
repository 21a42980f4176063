//! What is run: the defaults and other options as settings of a sweep, and how much data they are run on.

use std::num::NonZeroUsize;

use super::plan::{Case, Options, TunePlan};
use crate::codec::level::{Choice, DEFAULT};
use crate::engine::Engine as _;
use crate::engine::read_write::ReadWrite;
use crate::error::{Error, Remedy, Result};
use crate::lab::plan::{DataPlan, Effort, ExtraRuns, Generated, SweepData, SweepJob, SweepPlan, Variant};
use crate::lab::report::Rank;
use crate::lab::setting::{Axis, Setting};
use crate::plan::{CodecName, EngineName, PoolChoice, SchedulerName};
use crate::size::{BufferSize, binary};

/// Seconds of the budget for each MiB of the large file: a run of a copy then takes a few hundredths of a second in memory,
/// and there is room for dozens of rounds.
const SECONDS_A_MIB: f64 = 3.0;
/// The large file is no smaller than what several workers share, and no larger than anybody waits for.
const LARGE_BYTES: std::ops::RangeInclusive<u64> = 8 << 20..=256 << 20;
/// gzip is an order of magnitude slower than a copy, and a worker compresses a block of 1 MiB at a time.
const GZIP_PART: u64 = 4;
/// Small files for each MiB of the large one: what is done between two runs goes by their number too.
const FILES_A_MIB: f64 = 8.0;
/// How many, at least and at most.
const FILES: std::ops::RangeInclusive<u64> = 100..=4000;
/// Bytes of each small file.
const SMALL_BYTES: u64 = 4096;
/// The part of what is free that data and targets take at most.
const PART_OF_FREE: u64 = 4;
/// Copies move what does not compress, so that no file system does it for us.
const NOISE: f64 = 8.0;
/// About what text has: gzip takes two thirds.
const TEXT: f64 = 5.0;

/// How much data is made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Sizes {
    /// Bytes of the file that is copied.
    pub(super) large_bytes: u64,
    /// Bytes of the file that is compressed.
    pub(super) gzip_bytes: u64,
    /// Files of the tree.
    pub(super) files: u64,
}

impl Sizes {
    /// What budget and free space allow, or what was asked for, if there is room.
    pub(super) fn of(plan: &TunePlan, free_bytes: u64) -> Result<Self> {
        let seconds = plan.budget.as_secs_f64();
        // How often a large file is there at a time: for copy, to be read warm and to be read cold; for gzip, as it was made
        // and as the private copy; and as one target, since the last one is removed before each run.
        let times = plan.jobs.len() as u64 * 2 + 1;
        let most = free_bytes / PART_OF_FREE / times;
        let by_time = (seconds / SECONDS_A_MIB * f64::from(1 << 20)) as u64;
        let by_time = by_time.clamp(*LARGE_BYTES.start(), *LARGE_BYTES.end());
        let uses = plan.large_bytes.unwrap_or(*LARGE_BYTES.start()).saturating_mul(times);
        let needs = if plan.large_bytes.is_some() { uses } else { uses * PART_OF_FREE };
        if free_bytes < needs {
            let remedy = if plan.large_bytes.is_some() { Remedy::SpaceOrSmaller } else { Remedy::SpaceOrSize };
            let why = format!(
                "that uses {} and needs {} of free space, and there are {}",
                binary(uses),
                binary(needs),
                binary(free_bytes)
            );
            return Err(Error::refused("tune for", &plan.directory, why).with(remedy));
        }
        let files = ((seconds / SECONDS_A_MIB * FILES_A_MIB) as u64).clamp(*FILES.start(), *FILES.end());
        let files = files.min(most / SMALL_BYTES).max(2);
        Ok(Self {
            large_bytes: plan.large_bytes.unwrap_or(by_time.min(most)),
            gzip_bytes: plan.large_bytes.unwrap_or_else(|| (by_time / GZIP_PART).max(*LARGE_BYTES.start()).min(most)),
            files,
        })
    }

    /// The data that is made for a case.
    pub(super) fn generated(self, case: Case) -> Generated {
        let files = |count: u64| NonZeroUsize::new(count as usize).unwrap_or(NonZeroUsize::MIN);
        match case {
            Case::CopyWarm | Case::CopyCold => {
                Generated { files: NonZeroUsize::MIN, bytes: self.large_bytes, entropy: NOISE }
            }
            Case::CopySmall => Generated { files: files(self.files), bytes: SMALL_BYTES, entropy: NOISE },
            Case::Gzip => Generated { files: NonZeroUsize::MIN, bytes: self.gzip_bytes, entropy: TEXT },
        }
    }
}

/// What `haul copy` and `haul gzip` do where nobody types anything, with these options.
pub(super) fn with_options(options: Options, case: Case, cores: usize) -> Setting {
    let setting = Setting::default()
        .with(Axis::Case, case.name())
        .with(Axis::Job, case.job().name())
        .with(Axis::Cache, case.cache().name())
        .with(Axis::Scheduler, SchedulerName::default().name())
        .with(Axis::Workers, options.workers.unwrap_or(cores))
        .with(Axis::Pool, PoolChoice::default())
        .with(Axis::Batch, true);
    let setting = match options.buffer {
        Some(buffer) => setting.with(Axis::Buffer, buffer),
        None => setting.with(Axis::Buffer, "auto"),
    };
    match case.job() {
        SweepJob::Gzip => setting.with(Axis::Level, DEFAULT),
        _ => setting.with(Axis::Engine, options.engine.unwrap_or(EngineName::Auto).name()),
    }
}

/// The case that a setting is of, and its options.
pub(super) fn case_and_options(setting: &Setting, cores: usize) -> Option<(Case, Options)> {
    let case = Case::named(setting.word(Axis::Case)?)?;
    let workers = setting.number(Axis::Workers).and_then(|count| usize::try_from(count).ok());
    let options = Options {
        engine: setting.named(Axis::Engine).filter(|engine| *engine != EngineName::Auto),
        buffer: setting.size(Axis::Buffer),
        workers: workers.filter(|count| *count != cores),
    };
    Some((case, options))
}

/// What a row is called: "copy, cold: --buffer 1M".
pub(super) fn name(options: Options, case: Case) -> String {
    format!("{}: {options}", case.name())
}

/// A row that is to be run.
pub(super) fn variant(options: Options, case: Case, cores: usize) -> Variant {
    Variant { setting: with_options(options, case, cores), name: Some(name(options, case)) }
}

/// What a job moves at a time of a large file where nobody says.
pub(super) fn chosen_buffer(job: SweepJob) -> BufferSize {
    let block = || Choice::new(CodecName::Auto, DEFAULT, None).map_or(1 << 20, |choice| choice.block_bytes);
    let bytes = if job == SweepJob::Gzip { block() } else { ReadWrite.default_step() };
    BufferSize::new(bytes as u64).unwrap_or(BufferSize::from_kib(256))
}

/// The sweep that explores: in each case the defaults, and what `tried` says of its job.
pub(super) fn sweep_plan(
    plan: &TunePlan,
    data: impl Fn(Case) -> SweepData,
    effort: Effort,
    tried: impl Fn(SweepJob) -> Vec<Options>,
) -> SweepPlan {
    let cases = plan.cases();
    let data = |case: &Case| DataPlan { case: Some(case.name().to_owned()), data: data(*case) };
    let variants = |case: &Case| {
        let options = std::iter::once(Options::default()).chain(tried(case.job()));
        options.map(|options| variant(options, *case, plan.cores)).collect::<Vec<_>>()
    };
    SweepPlan {
        table: None,
        data: cases.iter().map(data).collect(),
        to: Some(plan.directory.clone()),
        rank: Some(Rank::Wall),
        variants: cases.iter().flat_map(variants).collect(),
        baseline: None,
        left_out: vec![],
        codec: CodecName::default(),
        block: None,
        effort,
        // What users wait for is the command; and writing back would take most of the time there is.
        sync: false,
        extra_runs: ExtraRuns::default(),
        seed: plan.seed,
        anonymous: plan.anonymous,
        command: plan.command.clone(),
    }
}
