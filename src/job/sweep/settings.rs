//! Which settings a sweep runs, and in which order: the cross product of what was asked for, shuffled anew each round.

use crate::outcome::Setting;
use crate::plan::{SchedulerName, SweepJob, SweepPlan};

/// Every setting once, in the order in which users named the values, buffers varying fastest. Settings that come to the
/// same thing (the serial scheduler has one thread whatever was asked for) are run once.
pub fn settings(plan: &SweepPlan) -> Vec<Setting> {
    let engines = if plan.job == SweepJob::Copy { &plan.engines[..] } else { &plan.engines[..1] };
    let levels: Vec<Option<u32>> = match plan.job {
        SweepJob::Gzip => plan.levels.iter().copied().map(Some).collect(),
        SweepJob::Copy | SweepJob::Gunzip => vec![None],
    };
    let mut settings = vec![];
    for engine in engines {
        for level in &levels {
            for scheduler in &plan.schedulers {
                for workers in &plan.workers {
                    let workers = if *scheduler == SchedulerName::Serial { 1 } else { workers.get() };
                    for pool in &plan.pools {
                        settings.extend(plan.buffers.iter().map(|buffer| Setting {
                            buffer: *buffer,
                            workers,
                            scheduler: *scheduler,
                            engine: *engine,
                            pool: *pool,
                            level: *level,
                        }));
                    }
                }
            }
        }
    }
    let mut once = Vec::with_capacity(settings.len());
    for setting in settings {
        if !once.contains(&setting) {
            once.push(setting);
        }
    }
    once
}

/// A small generator of numbers that look random, the same ones for the same seed on every machine: `SplitMix64`
/// (Steele, Lea and Flood, 2014). Good enough to mix an order, and of no other use.
#[derive(Debug, Clone)]
pub struct Shuffler(u64);

impl Shuffler {
    /// One that starts at `seed`.
    pub const fn new(seed: u64) -> Self {
        Self(seed)
    }

    const fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// The numbers below `count` in a new order (Fisher and Yates).
    pub fn order(&mut self, count: usize) -> Vec<usize> {
        let mut order: Vec<usize> = (0..count).collect();
        for last in (1..count).rev() {
            // Scaling instead of a remainder; the bias is below count / 2^64.
            let place = (u128::from(self.next()) * (last as u128 + 1)) >> 64;
            order.swap(last, place as usize);
        }
        order
    }
}

#[cfg(test)]
mod tests {
    use std::num::NonZeroUsize;

    use proptest::prelude::*;

    use super::*;
    use crate::job::sweep::testing::plan;
    use crate::plan::{EngineName, PoolChoice};
    use crate::size::BufferSize;

    #[test]
    fn every_combination_comes_once() {
        let mut plan = plan(SweepJob::Copy);
        plan.buffers = vec![BufferSize::from_kib(4), BufferSize::from_kib(64), BufferSize::from_kib(4)];
        plan.workers = [1, 2].map(|n| NonZeroUsize::new(n).unwrap()).to_vec();
        plan.schedulers = vec![SchedulerName::Serial, SchedulerName::Channel];
        plan.engines = vec![EngineName::ReadWrite, EngineName::Mmap];
        plan.pools = vec![PoolChoice::Auto, PoolChoice::Off];
        plan.levels = vec![1, 6, 9];
        // Two buffers, three of workers and scheduler, two engines, two pools; a copy has no level.
        assert_eq!(settings(&plan).len(), 2 * 3 * 2 * 2);
        plan.job = SweepJob::Gzip;
        assert_eq!(settings(&plan).len(), 2 * 3 * 2 * 3, "gzip has levels and no engine");
        plan.job = SweepJob::Gunzip;
        assert_eq!(settings(&plan).len(), 2 * 3 * 2, "gunzip has neither");
        assert!(
            settings(&plan).iter().all(|setting| setting.scheduler != SchedulerName::Serial || setting.workers == 1)
        );
    }

    #[test]
    fn the_generator_is_the_published_one() {
        let mut numbers = Shuffler::new(1_234_567);
        assert_eq!([numbers.next(), numbers.next()], [6_457_827_717_110_365_317, 3_203_168_211_198_807_973]);
    }

    #[test]
    fn the_order_depends_on_the_seed_and_on_the_round() {
        let order = |seed| Shuffler::new(seed).order(20);
        assert_eq!(order(1), order(1));
        assert_ne!(order(1), order(2));
        let mut shuffler = Shuffler::new(1);
        assert_ne!(shuffler.order(20), shuffler.order(20));
    }

    #[test]
    fn no_place_is_preferred() {
        let mut shuffler = Shuffler::new(9);
        let mut first = [0_u32; 4];
        for _ in 0..4000 {
            first[shuffler.order(4)[0]] += 1;
        }
        assert!(first.iter().all(|count| (900..1100).contains(count)), "{first:?}");
    }

    proptest! {
        #[test]
        fn an_order_is_a_permutation(seed: u64, count in 0_usize..200) {
            let mut order = Shuffler::new(seed).order(count);
            order.sort_unstable();
            prop_assert_eq!(order, (0..count).collect::<Vec<_>>());
        }
    }
}
