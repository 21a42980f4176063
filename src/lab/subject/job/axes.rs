//! Which settings a sweep runs: the cross product of what was asked for.

use std::collections::HashSet;
use std::time::Duration;

use crate::calls::nanoseconds;
use crate::lab::plan::{CacheState, SweepJob, Variant};
use crate::lab::setting::{Axis, Setting, Value};
use crate::plan::{EngineName, PoolChoice, SchedulerName};
use crate::size::BufferSize;

/// Values to combine, at least one of each.
#[derive(Debug, Clone)]
pub struct Axes {
    /// The data set, where a table has several of its own.
    pub case: Option<&'static str>,
    /// Jobs.
    pub jobs: Vec<SweepJob>,
    /// States of the cache.
    pub caches: Vec<CacheState>,
    /// Engines; only copies have them, and one past the page cache has one of its own.
    pub engines: Vec<EngineName>,
    /// Levels; only gzip has them.
    pub levels: Vec<u32>,
    /// Schedulers; those that cannot run a job are passed over.
    pub schedulers: Vec<SchedulerName>,
    /// Worker counts, from 1 on; the serial scheduler has one thread whatever was asked for.
    pub workers: Vec<usize>,
    /// Operations that an event loop keeps in flight, if not as many as there are workers elsewhere.
    pub in_flight: Option<usize>,
    /// Pool choices.
    pub pools: Vec<PoolChoice>,
    /// Buffers for a burst; a pool that is off has none.
    pub overflows: Vec<usize>,
    /// Limits on waiting for a buffer, `None` for none; without a pool nobody waits.
    pub waits: Vec<Option<Duration>>,
    /// Whether entries are handed out by the buffer.
    pub batches: Vec<bool>,
    /// Buffer sizes.
    pub buffers: Vec<BufferSize>,
}

impl Axes {
    /// Every setting once, in the order in which users named the values, buffers varying fastest. Settings that come to
    /// the same thing are run once.
    pub fn variants(&self) -> Vec<Variant> {
        let of_jobs = self.jobs.iter().flat_map(|job| self.caches.iter().flat_map(|cache| self.of_job(*job, *cache)));
        distinct(of_jobs.map(|setting| Variant { setting, name: None }))
    }

    /// The settings of a job with the source in this state. Only axes that matter to it are set.
    fn of_job(&self, job: SweepJob, cache: CacheState) -> Vec<Setting> {
        let engines = match (job, cache) {
            (SweepJob::Copy, CacheState::Direct) => vec![EngineName::Direct.name().into()],
            (SweepJob::Copy, _) => values(&self.engines, EngineName::name),
            (SweepJob::Gzip | SweepJob::Gunzip, _) => vec![],
        };
        let levels = if job == SweepJob::Gzip { values(&self.levels, |level| level) } else { vec![] };
        let first = Setting::default().with(Axis::Job, job.name()).with(Axis::Cache, cache.name());
        let first = self.case.map_or_else(|| first.clone(), |case| first.clone().with(Axis::Case, case));
        let schedulers: Vec<SchedulerName> =
            self.schedulers.iter().copied().filter(|scheduler| can_run(*scheduler, job)).collect();
        if schedulers.is_empty() {
            return vec![];
        }
        let axes = [
            (Axis::Engine, engines),
            (Axis::Level, levels),
            (Axis::Scheduler, values(&schedulers, SchedulerName::name)),
            (Axis::Workers, values(&self.workers, |count| count)),
            (Axis::Pool, values(&self.pools, |pool| pool)),
            (Axis::PoolOverflow, values(&self.overflows, |count| count)),
            (Axis::PoolWait, values(&self.waits, |wait| wait.map_or(0, nanoseconds))),
            (Axis::Batch, values(&self.batches, |batch| batch)),
            (Axis::Buffer, values(&self.buffers, |buffer| buffer)),
        ];
        let combined = axes.into_iter().fold(vec![first], combine);
        let in_flight = |setting: Setting| match self.in_flight {
            Some(count) if setting.named(Axis::Scheduler) == Some(SchedulerName::Uring) => {
                setting.with(Axis::Workers, count)
            }
            _ => setting,
        };
        combined.into_iter().map(with_its_threads).map(in_flight).map(with_its_pool).collect()
    }
}

/// Each of them once.
pub(super) fn distinct(variants: impl Iterator<Item = Variant>) -> Vec<Variant> {
    let mut seen = HashSet::new();
    variants.filter(|variant| seen.insert(variant.setting.clone())).collect()
}

/// Whether a scheduler can run a job: what is in flight in an `io_uring` is moved by the kernel, which compresses nothing.
pub const fn can_run(scheduler: SchedulerName, job: SweepJob) -> bool {
    !matches!((scheduler, job), (SchedulerName::Uring, SweepJob::Gzip | SweepJob::Gunzip))
}

fn values<T: Copy, V: Into<Value>>(of: &[T], value: impl Fn(T) -> V) -> Vec<Value> {
    of.iter().map(|one| value(*one).into()).collect()
}

/// Each of the settings with each of the values; as they are if there is none.
fn combine(settings: Vec<Setting>, (axis, values): (Axis, Vec<Value>)) -> Vec<Setting> {
    if values.is_empty() {
        return settings;
    }
    let with_each = |setting: &Setting| -> Vec<Setting> {
        values.iter().map(|value| setting.clone().with(axis, value.clone())).collect()
    };
    settings.iter().flat_map(with_each).collect()
}

fn with_its_threads(setting: Setting) -> Setting {
    let is_serial = setting.named(Axis::Scheduler) == Some(SchedulerName::Serial);
    if is_serial { setting.with(Axis::Workers, 1_usize) } else { setting }
}

/// Without what says nothing: no buffers for a burst, no limit to waiting, and either where there is no pool.
pub(super) fn with_its_pool(setting: Setting) -> Setting {
    let is_off = setting.word(Axis::Pool) == Some("off");
    [Axis::PoolOverflow, Axis::PoolWait].into_iter().fold(setting, |setting, axis| {
        if is_off || setting.number(axis) == Some(0) { setting.without(axis) } else { setting }
    })
}

#[cfg(test)]
mod tests {
    use std::num::NonZeroUsize;

    use super::*;
    use crate::lab::subject::job::tables::base;

    #[test]
    fn every_combination_comes_once() {
        let mut axes = base(SweepJob::Copy);
        axes.buffers = vec![BufferSize::from_kib(4), BufferSize::from_kib(64), BufferSize::from_kib(4)];
        axes.workers = vec![1, 2];
        axes.schedulers = vec![SchedulerName::Serial, SchedulerName::Channel];
        axes.engines = vec![EngineName::ReadWrite, EngineName::Mmap];
        axes.pools = vec![PoolChoice::Auto, PoolChoice::Off];
        axes.levels = vec![1, 6, 9];
        // Two buffers, three of workers and scheduler, two engines, two pools; a copy has no level.
        assert_eq!(axes.variants().len(), 2 * 3 * 2 * 2);
        let buffers: Vec<String> =
            axes.variants()[..3].iter().map(|variant| variant.setting.text(Axis::Buffer)).collect();
        assert_eq!(buffers, ["4K", "64K", "4K"], "buffers vary fastest");
        axes.caches = vec![CacheState::Warm, CacheState::Direct];
        assert_eq!(axes.variants().len(), 2 * 3 * 2 * 3, "past the cache there is one engine");
        axes.caches = vec![CacheState::Cold];
        axes.jobs = vec![SweepJob::Gzip];
        assert_eq!(axes.variants().len(), 2 * 3 * 2 * 3, "gzip has levels and no engine");
        axes.jobs = vec![SweepJob::Gunzip, SweepJob::Gzip];
        assert_eq!(axes.variants().len(), 2 * 3 * 2 * 4, "gunzip has neither");
        axes.overflows = vec![0, 4];
        axes.waits = vec![None, Some(Duration::from_secs(30))];
        // The pool that is on, with and without either; the one that is off.
        assert_eq!(axes.variants().len(), 2 * 3 * (4 + 1) * 4);
        let one_thread = |variant: &Variant| {
            let is_serial = variant.setting.named(Axis::Scheduler) == Some(SchedulerName::Serial);
            !is_serial || variant.setting.number(Axis::Workers) == Some(1)
        };
        assert!(axes.variants().iter().all(one_thread));
    }

    #[test]
    fn a_pool_has_words_only_where_they_say_something() {
        let mut axes = base(SweepJob::Copy);
        let four = PoolChoice::Buffers(NonZeroUsize::new(4).unwrap());
        axes.pools = vec![PoolChoice::Off, four];
        axes.overflows = vec![0, 8];
        axes.waits = vec![None, Some(Duration::from_millis(500))];
        let words = |variant: &Variant| {
            let of = |axis| variant.setting.text(axis);
            [Axis::Pool, Axis::PoolOverflow, Axis::PoolWait].map(of).join(" ")
        };
        let found: Vec<String> = axes.variants().iter().map(words).collect();
        assert_eq!(found, ["off - -", "4 - -", "4 - 500ms", "4 8 -", "4 8 500ms"]);
    }

    #[test]
    fn a_scheduler_that_cannot_run_a_job_is_passed_over() {
        let schedulers = vec![SchedulerName::Channel, SchedulerName::Uring];
        let axes = |jobs| Axes { schedulers: schedulers.clone(), jobs, case: Some("all"), ..base(SweepJob::Copy) };
        let copies = axes(vec![SweepJob::Copy]).variants();
        let gzips = axes(vec![SweepJob::Gzip, SweepJob::Gunzip]).variants();
        assert_eq!((copies.len(), gzips.len()), (2, 2));
        assert!(gzips.iter().all(|variant| variant.setting.word(Axis::Scheduler) == Some("channel")));
        assert!(copies.iter().all(|variant| variant.setting.word(Axis::Case) == Some("all")));
        let alone = Axes { schedulers: vec![SchedulerName::Uring], ..axes(vec![SweepJob::Gzip]) };
        assert!(alone.variants().is_empty());
    }

    #[test]
    fn only_what_matters_to_a_job_is_set() {
        for (job, unset) in [
            (SweepJob::Copy, &[Axis::Level][..]),
            (SweepJob::Gzip, &[Axis::Engine]),
            (SweepJob::Gunzip, &[Axis::Engine, Axis::Level]),
        ] {
            let setting = &base(job).variants()[0].setting;
            let all =
                [Axis::Engine, Axis::Level, Axis::Scheduler, Axis::Workers, Axis::Pool, Axis::Batch, Axis::Buffer];
            let missing: Vec<Axis> = all.into_iter().filter(|axis| setting.get(*axis).is_none()).collect();
            assert_eq!(missing, unset, "{}", job.name());
        }
    }
}
