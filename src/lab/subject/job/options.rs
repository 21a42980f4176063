//! A setting as a job reads it.

use std::time::Duration;

use clap::ValueEnum;

use crate::lab::plan::{CacheState, SweepJob};
use crate::lab::setting::{Axis, Setting};
use crate::plan::{DEFAULT_LEVEL, EngineName, PoolChoice, Resources};
use crate::size::BufferSize;

/// The values of a setting.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::lab) struct JobOptions {
    /// What is run.
    pub(in crate::lab) job: SweepJob,
    /// What of the source is in memory before.
    pub(in crate::lab) cache: CacheState,
    /// How bytes move; only a copy looks at it.
    pub(in crate::lab) engine: EngineName,
    /// How hard to compress; only gzip looks at it.
    pub(in crate::lab) level: u32,
    /// Buffers and threads.
    pub(in crate::lab) resources: Resources,
}

impl JobOptions {
    /// What a setting says. Of what it does not say, the job's default; only the job must be said. Of a value that is not
    /// one of its axis, why.
    pub(in crate::lab) fn read(setting: &Setting) -> Result<Self, String> {
        let defaults = Resources::default();
        let number = |text: &str| text.parse().ok();
        let size = |text: &str| match text {
            "auto" => Some(None),
            bytes => Some(Some(BufferSize::new(bytes.parse().ok()?).ok()?)),
        };
        let switch = |text: &str| ["off", "on"].iter().position(|word| *word == text).map(|is_on| is_on == 1);
        Ok(Self {
            job: read(setting, Axis::Job, named)?.ok_or("no job is set")?,
            cache: read(setting, Axis::Cache, named)?.unwrap_or_default(),
            engine: read(setting, Axis::Engine, named)?.unwrap_or_default(),
            level: read(setting, Axis::Level, number)?.unwrap_or(DEFAULT_LEVEL),
            resources: Resources {
                buffer: read(setting, Axis::Buffer, size)?.flatten(),
                workers: read(setting, Axis::Workers, |text| text.parse().ok())?,
                scheduler: read(setting, Axis::Scheduler, named)?.unwrap_or_default(),
                pool: read(setting, Axis::Pool, |text| text.parse::<PoolChoice>().ok())?.unwrap_or_default(),
                pool_overflow: read(setting, Axis::PoolOverflow, |text| text.parse().ok())?.unwrap_or_default(),
                pool_wait: read(setting, Axis::PoolWait, |text| text.parse().ok().map(Duration::from_nanos))?,
                batch: read(setting, Axis::Batch, switch)?.unwrap_or(defaults.batch),
            },
        })
    }

    /// What a run must show of the cache: an engine that goes past it leaves it as it is, whatever it holds.
    pub(super) fn expected_cache(&self) -> CacheState {
        let is_past_it = self.job == SweepJob::Copy && self.engine == EngineName::Direct;
        if is_past_it && self.cache == CacheState::Warm { CacheState::Direct } else { self.cache }
    }
}

/// The value on an axis, given its text; `None` where the axis is not set.
fn read<T>(setting: &Setting, axis: Axis, parse: impl FnOnce(&str) -> Option<T>) -> Result<Option<T>, String> {
    let Some(value) = setting.get(axis) else { return Ok(None) };
    let parsed = parse(&value.to_string());
    parsed.map(Some).ok_or_else(|| format!("'{value}' is not a value of {}", axis.heading()))
}

fn named<T: ValueEnum>(text: &str) -> Option<T> {
    T::from_str(text, false).ok()
}

#[cfg(test)]
mod tests {
    use std::num::NonZeroUsize;

    use super::*;
    use crate::lab::testing;
    use crate::plan::SchedulerName;

    #[test]
    fn values_are_read_and_what_is_not_said_is_the_jobs_default() {
        let gzip = Setting::default().with(Axis::Job, "gzip");
        let options = JobOptions::read(&gzip).unwrap();
        assert_eq!((options.job, options.cache, options.level), (SweepJob::Gzip, CacheState::Warm, DEFAULT_LEVEL));
        assert_eq!((options.engine, options.resources), (EngineName::Auto, Resources::default()));
        let chosen = testing::setting(4).with(Axis::Buffer, "auto").with(Axis::Pool, 3_u64).with(Axis::Batch, false);
        let chosen = chosen.with(Axis::PoolOverflow, 2_u64).with(Axis::PoolWait, 30_000_000_000_u64);
        let options = JobOptions::read(&chosen.with(Axis::Scheduler, "rayon")).unwrap();
        let expected = Resources {
            buffer: None,
            workers: NonZeroUsize::new(1),
            scheduler: SchedulerName::Rayon,
            pool: PoolChoice::Buffers(NonZeroUsize::new(3).unwrap()),
            pool_overflow: 2,
            pool_wait: Some(Duration::from_secs(30)),
            batch: false,
        };
        assert_eq!((options.engine, options.resources), (EngineName::ReadWrite, expected));
        let buffer = JobOptions::read(&testing::setting(4)).unwrap().resources.buffer;
        assert_eq!(buffer, Some(BufferSize::from_kib(4)));
    }

    #[test]
    fn a_value_that_cannot_be_read_is_named() {
        let read = |axis, word: &'static str| JobOptions::read(&testing::setting(4).with(axis, word)).unwrap_err();
        for (axis, word, why) in [
            (Axis::Job, "sort", "'sort' is not a value of job"),
            (Axis::Engine, "warp", "'warp' is not a value of engine"),
            (Axis::Workers, "0", "'0' is not a value of workers"),
            (Axis::PoolOverflow, "some", "'some' is not a value of pool overflow"),
            (Axis::PoolWait, "30s", "'30s' is not a value of pool wait"),
            (Axis::Batch, "maybe", "'maybe' is not a value of batch"),
            (Axis::Buffer, "large", "'large' is not a value of buffer"),
        ] {
            assert_eq!(read(axis, word), why);
        }
        assert_eq!(JobOptions::read(&Setting::default()).unwrap_err(), "no job is set");
    }

    #[test]
    fn an_engine_past_the_cache_reads_from_the_disk_whatever_is_cached() {
        let direct = testing::setting(4).with(Axis::Engine, "direct");
        let expected = |setting: &Setting| JobOptions::read(setting).unwrap().expected_cache();
        assert_eq!(expected(&direct), CacheState::Direct);
        assert_eq!(expected(&direct.clone().with(Axis::Cache, "cold")), CacheState::Cold);
        assert_eq!(expected(&direct.with(Axis::Job, "gzip")), CacheState::Warm);
    }
}
