//! Which settings a sweep runs: the cross product of what was asked for.

use crate::outcome::Setting;
use crate::plan::{Arm, CacheState, EngineName, PoolChoice, SchedulerName, SweepJob};
use crate::size::BufferSize;

/// Values to combine, at least one of each.
#[derive(Debug, Clone)]
pub struct Axes {
    /// Jobs.
    pub jobs: Vec<SweepJob>,
    /// States of the cache.
    pub caches: Vec<CacheState>,
    /// Engines; only copies look at them, and one past the page cache has one of its own.
    pub engines: Vec<EngineName>,
    /// Levels; only gzip looks at them.
    pub levels: Vec<u32>,
    /// Schedulers.
    pub schedulers: Vec<SchedulerName>,
    /// Worker counts, from 1 on; the serial scheduler has one thread whatever was asked for.
    pub workers: Vec<usize>,
    /// Pool choices.
    pub pools: Vec<PoolChoice>,
    /// Whether entries are handed out by the buffer.
    pub batches: Vec<bool>,
    /// Buffer sizes.
    pub buffers: Vec<BufferSize>,
}

impl Axes {
    /// Every setting once, in the order in which users named the values, buffers varying fastest. Settings that come to
    /// the same thing are run once.
    pub fn arms(&self) -> Vec<Arm> {
        let mut settings = vec![];
        for job in &self.jobs {
            for cache in &self.caches {
                for engine in self.engines(*job, *cache) {
                    for level in self.levels(*job) {
                        for scheduler in &self.schedulers {
                            for workers in &self.workers {
                                let workers = if *scheduler == SchedulerName::Serial { 1 } else { *workers };
                                for pool in &self.pools {
                                    for batch in &self.batches {
                                        settings.extend(self.buffers.iter().map(|buffer| Setting {
                                            job: *job,
                                            cache: *cache,
                                            buffer: *buffer,
                                            chooses_buffer: false,
                                            workers,
                                            scheduler: *scheduler,
                                            engine,
                                            pool: *pool,
                                            batch: *batch,
                                            level,
                                        }));
                                    }
                                }
                            }
                        }
                    }
                }
            }
        }
        let mut arms: Vec<Arm> = Vec::with_capacity(settings.len());
        for setting in settings {
            if arms.iter().all(|arm| arm.setting != setting) {
                arms.push(Arm { setting, name: None });
            }
        }
        arms
    }

    fn engines(&self, job: SweepJob, cache: CacheState) -> Vec<EngineName> {
        match (job, cache) {
            (SweepJob::Copy, CacheState::Direct) => vec![EngineName::Direct],
            (SweepJob::Copy, _) => self.engines.clone(),
            (SweepJob::Gzip | SweepJob::Gunzip, _) => vec![EngineName::ReadWrite],
        }
    }

    fn levels(&self, job: SweepJob) -> Vec<Option<u32>> {
        match job {
            SweepJob::Gzip => self.levels.iter().copied().map(Some).collect(),
            SweepJob::Copy | SweepJob::Gunzip => vec![None],
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lab::sweep::testing::axes;

    #[test]
    fn every_combination_comes_once() {
        let mut axes = axes(SweepJob::Copy);
        axes.buffers = vec![BufferSize::from_kib(4), BufferSize::from_kib(64), BufferSize::from_kib(4)];
        axes.workers = vec![1, 2];
        axes.schedulers = vec![SchedulerName::Serial, SchedulerName::Channel];
        axes.engines = vec![EngineName::ReadWrite, EngineName::Mmap];
        axes.pools = vec![PoolChoice::Auto, PoolChoice::Off];
        axes.levels = vec![1, 6, 9];
        // Two buffers, three of workers and scheduler, two engines, two pools; a copy has no level.
        assert_eq!(axes.arms().len(), 2 * 3 * 2 * 2);
        axes.caches = vec![CacheState::Warm, CacheState::Direct];
        assert_eq!(axes.arms().len(), 2 * 3 * 2 * 3, "past the cache there is one engine");
        axes.caches = vec![CacheState::Cold];
        axes.jobs = vec![SweepJob::Gzip];
        assert_eq!(axes.arms().len(), 2 * 3 * 2 * 3, "gzip has levels and no engine");
        axes.jobs = vec![SweepJob::Gunzip, SweepJob::Gzip];
        assert_eq!(axes.arms().len(), 2 * 3 * 2 * 4, "gunzip has neither");
        let one_thread = |arm: &Arm| arm.setting.scheduler != SchedulerName::Serial || arm.setting.workers == 1;
        assert!(axes.arms().iter().all(one_thread));
    }
}
