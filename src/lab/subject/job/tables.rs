//! Ready-made sweeps, each of which answers one question.

use std::num::NonZeroUsize;
use std::time::Duration;

use super::axes::{Axes, can_run, distinct, with_its_pool};
use crate::lab::plan::{CacheState, Generated, SweepJob, TableName, Variant};
use crate::lab::setting::Axis;
use crate::plan::{DEFAULT_IN_FLIGHT, EngineName, PoolChoice, SchedulerName};
use crate::size::BufferSize;

/// The worker counts among which a knee is looked for.
const WORKERS: [usize; 7] = [1, 2, 5, 10, 20, 50, 100];
/// Who runs these.
const OF_WORKERS: [SchedulerName; 3] = [SchedulerName::Channel, SchedulerName::Processes, SchedulerName::Uring];
/// Every scheduler.
const MODELS: [SchedulerName; 5] = [
    SchedulerName::Serial,
    SchedulerName::Channel,
    SchedulerName::Rayon,
    SchedulerName::Processes,
    SchedulerName::Uring,
];
/// A data set of the table of models: what takes many calls a byte.
const SMALL: &str = "small files";
/// The other: what takes many bytes a call.
const LARGE: &str = "large files";
/// Entropy of made-up data, bits a byte: so much that gzip takes a while, and it still gets smaller.
const ENTROPY: f64 = 5.0;
/// What a job moves at a time where the buffer is not the question.
const GOOD_BUFFER: BufferSize = BufferSize::from_kib(256);
/// What a ladder starts with: small enough for a copy to be mostly calls.
const TINY_BUFFER: BufferSize = BufferSize::from_kib(1);

/// Workers that share a pool which is too small for all of them, wherever there are fewer cores than that.
const SHARING: usize = 8;
/// Of these, four at work with a buffer each, or two that need two at a time.
const SMALL_POOL: PoolChoice = PoolChoice::Buffers(NonZeroUsize::new(4).unwrap());
/// Far longer than a pool that works lets anybody wait.
const LONG_WAIT: Duration = Duration::from_secs(30);

/// Data that a table makes where nobody names any, by the case of its axes; empty of a table that has none of its own.
///
/// Of a size that a round of all settings takes some seconds, and in pieces that many workers can share: small files are
/// handed out as many at a time as one getdents64 returns (about 1000), and files from 4 MiB on are copied in ranges.
pub fn data(table: TableName) -> Vec<(Option<&'static str>, Generated)> {
    let made = |files: usize, bytes, entropy| Generated {
        files: NonZeroUsize::new(files).unwrap_or(NonZeroUsize::MIN),
        bytes,
        entropy,
    };
    match table {
        TableName::Workers => vec![(None, made(16, 4 << 20, ENTROPY))],
        TableName::Models => {
            vec![(Some(SMALL), made(4000, 8 << 10, ENTROPY)), (Some(LARGE), made(8, 4 << 20, ENTROPY))]
        }
        TableName::Ladder => vec![(None, made(100, 10_000_000, 8.0))],
        TableName::Buffers | TableName::Pool => vec![],
    }
}

/// Why some schedulers of a table run some of its jobs not.
pub fn left_out(axes: &[Axes]) -> Vec<String> {
    let mut said = vec![];
    for axes in axes {
        for (job, scheduler) in axes.jobs.iter().flat_map(|job| axes.schedulers.iter().map(move |it| (*job, *it))) {
            let why = format!("{} with {}: it can only copy", job.name(), scheduler.name());
            if !can_run(scheduler, job) && !said.contains(&why) {
                said.push(why);
            }
        }
    }
    said
}

/// What a table combines, one list of axes a job; `cores` is how many threads can run at once, and `is_made` says that it runs
/// on its own data. Without a job, those that tell a job that waits (a copy of what is not in memory) from one that computes
/// (gzip), where that is the question.
pub fn axes(table: TableName, job: Option<SweepJob>, cores: usize, is_made: bool) -> Vec<Axes> {
    let one = base(job.unwrap_or(SweepJob::Copy));
    let both = || match job {
        None => vec![cold(base(SweepJob::Copy)), base(SweepJob::Gzip)],
        Some(SweepJob::Copy) => vec![cold(base(SweepJob::Copy))],
        Some(job) => vec![base(job)],
    };
    match table {
        TableName::Buffers => vec![Axes { buffers: doublings(), ..one }],
        TableName::Workers => {
            let axes = |axes| Axes { workers: WORKERS.to_vec(), schedulers: OF_WORKERS.to_vec(), ..axes };
            both().into_iter().map(axes).collect()
        }
        TableName::Pool => {
            let buffers = [4, 64, 256, 1024, 4096].map(BufferSize::from_kib).to_vec();
            let of_buffers =
                Axes { pools: vec![PoolChoice::Auto, PoolChoice::Off], buffers, workers: vec![cores], ..one };
            std::iter::once(of_buffers).chain(pool_words(job.unwrap_or(SweepJob::Gzip))).collect()
        }
        TableName::Models => models(job, cores, is_made),
        TableName::Ladder => vec![Axes { workers: vec![cores], ..one }],
    }
}

/// The settings of a table that combines these axes; a ladder climbs to the first value of each.
pub fn variants(table: TableName, axes: &[Axes]) -> Vec<Variant> {
    match (table, axes) {
        (TableName::Ladder, [top, ..]) => ladder(top),
        _ => distinct(axes.iter().flat_map(Axes::variants)),
    }
}

/// No pool, one that is large enough, and a small one as it is, with as many buffers again for a burst, and with a limit to
/// waiting. By default of gzip, whose workers take two buffers at a time.
fn pool_words(job: SweepJob) -> [Axes; 3] {
    let of = |pools| Axes { workers: vec![SHARING], pools, ..base(job) };
    let small = || of(vec![SMALL_POOL]);
    [
        of(vec![PoolChoice::Off, PoolChoice::Auto, SMALL_POOL]),
        Axes { overflows: vec![4], ..small() },
        Axes { waits: vec![Some(LONG_WAIT)], ..small() },
    ]
}

/// One value of each.
pub fn base(job: SweepJob) -> Axes {
    Axes {
        case: None,
        jobs: vec![job],
        caches: vec![CacheState::Warm],
        engines: vec![EngineName::ReadWrite],
        levels: vec![6],
        schedulers: vec![SchedulerName::Channel],
        in_flight: None,
        workers: vec![1],
        pools: vec![PoolChoice::Auto],
        overflows: vec![0],
        waits: vec![None],
        batches: vec![true],
        buffers: vec![GOOD_BUFFER],
    }
}

fn cold(axes: Axes) -> Axes {
    Axes { caches: vec![CacheState::Cold], ..axes }
}

/// A job that waits, of what is in memory and of what is not, of small files and of large ones; and one that computes.
fn models(job: Option<SweepJob>, cores: usize, is_made: bool) -> Vec<Axes> {
    let of = |job, case: &'static str| Axes {
        case: is_made.then_some(case),
        schedulers: MODELS.to_vec(),
        workers: vec![cores],
        in_flight: Some(DEFAULT_IN_FLIGHT),
        ..base(job)
    };
    let copy = |case| Axes { caches: vec![CacheState::Warm, CacheState::Cold], ..of(SweepJob::Copy, case) };
    let copies = || if is_made { vec![copy(SMALL), copy(LARGE)] } else { vec![copy(SMALL)] };
    match job {
        None => [copies(), vec![of(SweepJob::Gzip, LARGE)]].concat(),
        Some(SweepJob::Copy) => copies(),
        Some(job) => vec![of(job, LARGE)],
    }
}

/// From 512 bytes to 4 MiB.
fn doublings() -> Vec<BufferSize> {
    (0..14).filter_map(|doubling| BufferSize::new(512 << doubling).ok()).collect()
}

/// From one thread with tiny buffers, allocated each time, to the way haul works, one step at a time.
fn ladder(top: &Axes) -> Vec<Variant> {
    let Some(Variant { setting: top, .. }) = top.variants().into_iter().next() else { return vec![] };
    let is_direct = top.named(Axis::Engine) == Some(EngineName::Direct);
    let tiny_buffer = if is_direct { BufferSize::from_kib(4) } else { TINY_BUFFER };
    let unbatched = top.clone().with(Axis::Batch, false);
    let serial = SchedulerName::Serial.name();
    let alone = unbatched.clone().with(Axis::Scheduler, serial).with(Axis::Workers, 1_usize);
    let unpooled = with_its_pool(alone.clone().with(Axis::Pool, false));
    let tiny = unpooled.clone().with(Axis::Buffer, tiny_buffer);
    let steps = [("start", tiny), ("buffer", unpooled), ("pool", alone), ("workers", unbatched), ("batching", top)];
    let mut variants: Vec<Variant> = vec![];
    for (name, setting) in steps {
        // A step to where we are already (one core, a pool that is off) is none.
        if variants.last().is_none_or(|last| last.setting != setting) {
            variants.push(Variant { setting, name: Some(name.to_owned()) });
        }
    }
    variants
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lab::setting::Setting;

    fn variants_of(table: TableName, job: Option<SweepJob>) -> Vec<Variant> {
        variants(table, &axes(table, job, 2, false))
    }

    #[test]
    fn every_table_has_its_settings_each_once() {
        for (table, count) in [
            (TableName::Buffers, 14),
            (TableName::Workers, 7 * 3 + 7 * 2),
            (TableName::Pool, 15),
            (TableName::Models, 2 * 5 + 4),
            (TableName::Ladder, 5),
        ] {
            let variants = variants_of(table, None);
            assert_eq!(variants.len(), count, "{table:?}");
            let twice = |one: &Variant| variants.iter().filter(|other| other.setting == one.setting).count() > 1;
            assert!(!variants.iter().any(twice), "{table:?}");
        }
    }

    #[test]
    fn a_pool_is_shown_by_its_words() {
        let words = |variant: &Variant| {
            let of = |axis| variant.setting.text(axis);
            [Axis::Job, Axis::Workers, Axis::Pool, Axis::PoolOverflow, Axis::PoolWait].map(of).join(" ")
        };
        let found: Vec<String> = variants_of(TableName::Pool, None)[10..].iter().map(words).collect();
        let expected = ["gzip 8 off - -", "gzip 8 on - -", "gzip 8 4 - -", "gzip 8 4 4 -", "gzip 8 4 - 30s"];
        assert_eq!(found, expected);
        // A machine on which the first rows are some of these: each is run once.
        let eight = variants(TableName::Pool, &axes(TableName::Pool, Some(SweepJob::Gzip), 8, false));
        assert_eq!(eight.len(), 13);
    }

    #[test]
    fn what_waits_is_a_cold_copy_and_what_computes_is_gzip() {
        let kinds = |job| {
            let named = |setting: &Setting| (setting.named(Axis::Job).unwrap(), setting.named(Axis::Cache).unwrap());
            let mut kinds: Vec<(SweepJob, CacheState)> =
                variants_of(TableName::Models, job).iter().map(|variant| named(&variant.setting)).collect();
            kinds.dedup();
            kinds
        };
        let (warm, cold) = ((SweepJob::Copy, CacheState::Warm), (SweepJob::Copy, CacheState::Cold));
        let gzip = (SweepJob::Gzip, CacheState::Warm);
        assert_eq!((kinds(None), kinds(Some(SweepJob::Copy))), (vec![warm, cold, gzip], vec![warm, cold]));
        assert_eq!(kinds(Some(SweepJob::Gunzip)), [(SweepJob::Gunzip, CacheState::Warm)]);
    }

    #[test]
    fn every_setting_of_a_table_that_makes_data_is_run_on_some_of_it() {
        for table in [TableName::Workers, TableName::Models, TableName::Ladder] {
            let data = data(table);
            let has = |setting: &Setting| data.iter().any(|(case, _)| setting.word(Axis::Case) == *case);
            let variants = variants(table, &axes(table, None, 2, true));
            assert!(variants.iter().all(|variant| has(&variant.setting)), "{table:?}");
            let used = |case| variants.iter().any(|variant| variant.setting.word(Axis::Case) == case);
            assert!(data.iter().all(|(case, _)| used(*case)), "{table:?}");
        }
        assert!(data(TableName::Buffers).is_empty());
    }

    #[test]
    fn what_a_scheduler_cannot_run_is_said_once() {
        for (table, job, expected) in [
            (TableName::Models, None, &["gzip with uring: it can only copy"][..]),
            (TableName::Workers, Some(SweepJob::Gunzip), &["gunzip with uring: it can only copy"]),
            (TableName::Models, Some(SweepJob::Copy), &[]),
            (TableName::Buffers, None, &[]),
        ] {
            assert_eq!(left_out(&axes(table, job, 2, true)), expected, "{table:?}");
        }
    }

    #[test]
    fn a_ladder_changes_one_thing_a_step() {
        let variants = variants_of(TableName::Ladder, Some(SweepJob::Gzip));
        for pair in variants.windows(2) {
            let (before, after) = (&pair[0].setting, &pair[1].setting);
            // A scheduler and its number of threads are one thing.
            let changed: Vec<Axis> =
                Axis::all().filter(|axis| *axis != Axis::Workers && before.get(*axis) != after.get(*axis)).collect();
            assert_eq!(changed.len(), 1, "{:?} {:?}", pair[0].name, pair[1].name);
        }
        let (start, top) = (&variants[0].setting, &variants[4].setting);
        assert!(start.number(Axis::Buffer) < top.number(Axis::Buffer) && top.word(Axis::Batch) == Some("on"));
        let top = Axes { pools: vec![PoolChoice::Off], ..base(SweepJob::Copy) };
        let names: Vec<_> = ladder(&top).into_iter().filter_map(|variant| variant.name).collect();
        assert_eq!(names, ["start", "buffer", "workers", "batching"], "no step that changes nothing");
    }
}
