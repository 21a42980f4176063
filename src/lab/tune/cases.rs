//! What is run: the defaults as a setting of a sweep, how much data, and the sweep of a case.

use std::num::NonZeroUsize;
use std::time::Duration;

use super::Phase;
use crate::codec::level::{Choice, DEFAULT};
use crate::engine::Engine as _;
use crate::engine::read_write::ReadWrite;
use crate::error::{Error, Remedy, Result};
use crate::outcome::Setting;
use crate::plan::{
    Arm, CodecName, Effort, EngineName, Flags, Generated, Passes, PoolChoice, SchedulerName, SweepData, SweepJob,
    SweepPlan, TuneCase, TunePlan,
};
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
/// Rounds of exploring: what is to be found there is confirmed anyway.
const EXPLORING: usize = 10;

/// How much data is made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Sizes {
    /// Bytes of the file that is copied.
    pub large_bytes: u64,
    /// Bytes of the file that is compressed.
    pub gzip_bytes: u64,
    /// Files of the tree.
    pub files: u64,
}

impl Sizes {
    /// What budget and free space allow, or what was asked for, if there is room.
    pub fn of(plan: &TunePlan, free_bytes: u64) -> Result<Self> {
        let seconds = plan.budget.as_secs_f64();
        // How often a large file is there at a time: as it was made, as a target, and as gzip's private copy.
        let times = if plan.jobs.contains(&SweepJob::Gzip) { 3 } else { 2 };
        let most = free_bytes / PART_OF_FREE / times;
        let by_time = (seconds / SECONDS_A_MIB * f64::from(1 << 20)) as u64;
        let by_time = by_time.clamp(*LARGE_BYTES.start(), *LARGE_BYTES.end());
        let uses = plan.large_bytes.unwrap_or(*LARGE_BYTES.start()).saturating_mul(times);
        let needs = if plan.large_bytes.is_some() { uses } else { uses * PART_OF_FREE };
        if free_bytes < needs {
            let remedy = if plan.large_bytes.is_some() { Remedy::RoomOrSmaller } else { Remedy::RoomOrSize };
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

    /// The data of a case.
    fn generated(self, case: TuneCase) -> Generated {
        let files = |count: u64| NonZeroUsize::new(count as usize).unwrap_or(NonZeroUsize::MIN);
        match case {
            TuneCase::CopyWarm | TuneCase::CopyCold => {
                Generated { files: NonZeroUsize::MIN, bytes: self.large_bytes, entropy: NOISE }
            }
            TuneCase::CopySmall => Generated { files: files(self.files), bytes: SMALL_BYTES, entropy: NOISE },
            TuneCase::Gzip => Generated { files: NonZeroUsize::MIN, bytes: self.gzip_bytes, entropy: TEXT },
        }
    }
}

/// What `haul copy` and `haul gzip` do where nobody types anything.
pub fn defaults(case: TuneCase, cores: usize) -> Setting {
    let job = case.job();
    Setting {
        job,
        cache: case.cache(),
        buffer: chosen_buffer(job),
        chooses_buffer: true,
        workers: cores,
        scheduler: SchedulerName::default(),
        engine: if job == SweepJob::Copy { EngineName::Auto } else { EngineName::ReadWrite },
        pool: PoolChoice::default(),
        batch: true,
        level: (job == SweepJob::Gzip).then_some(DEFAULT),
    }
}

/// What a job moves at a time of a large file where nobody says.
pub(super) fn chosen_buffer(job: SweepJob) -> BufferSize {
    let block = || Choice::new(CodecName::Auto, DEFAULT, None).map_or(1 << 20, |choice| choice.block_bytes);
    let bytes = if job == SweepJob::Gzip { block() } else { ReadWrite.default_step() };
    BufferSize::new(bytes as u64).unwrap_or(BufferSize::from_kib(256))
}

/// The defaults of a case with these flags.
pub fn with_flags(flags: Flags, case: TuneCase, cores: usize) -> Setting {
    let defaults = defaults(case, cores);
    Setting {
        engine: flags.engine.unwrap_or(defaults.engine),
        buffer: flags.buffer.unwrap_or(defaults.buffer),
        chooses_buffer: flags.buffer.is_none(),
        workers: flags.workers.unwrap_or(defaults.workers),
        ..defaults
    }
}

/// The sweep of a case over the defaults and these flags.
pub(super) fn sweep_plan(
    plan: &TunePlan,
    sizes: Sizes,
    case: TuneCase,
    phase: Phase,
    flags: &[Flags],
    budget: Duration,
    statements: usize,
) -> SweepPlan {
    let arms = std::iter::once(Flags::default()).chain(flags.iter().copied());
    let arm = |flags: Flags| Arm { setting: with_flags(flags, case, plan.cores), name: Some(flags.to_string()) };
    let (rounds, seed) = match phase {
        Phase::Exploring => (NonZeroUsize::new(EXPLORING), plan.seed),
        // As many as there is time for, or as it takes until intervals are narrow.
        Phase::Confirming => (None, plan.seed.wrapping_add(1)),
    };
    SweepPlan {
        table: None,
        data: SweepData::Generated(sizes.generated(case)),
        scratch: Some(plan.directory.clone()),
        arms: arms.map(arm).collect(),
        codec: CodecName::default(),
        block: None,
        effort: Effort { rounds, budget: Some(budget), within: super::judge::LEAST_GAIN },
        statements,
        // What users wait for is the command; and writing back would take most of the time there is.
        sync: false,
        passes: Passes::default(),
        seed,
        command: plan.command.clone(),
    }
}
