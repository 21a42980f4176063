//! First runs that are cut off, that cannot be, and that somebody ends; and runs with too few buffers.

use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};

use super::*;
use crate::lab::plan::{DataPlan, Effort, ExtraRuns, Generated, SweepData, Variant};
use crate::lab::testing;
use crate::plan::CodecName;
use crate::size::BufferSize;

/// A limit that every run outlasts.
const MOMENT: Option<Duration> = Some(Duration::from_nanos(1));

fn generated(case: Option<&str>, files: usize, bytes: u64) -> DataPlan {
    let data = Generated { files: NonZeroUsize::new(files).unwrap(), bytes, entropy: 4.0 };
    DataPlan { case: case.map(str::to_owned), data: SweepData::Generated(data) }
}

fn plan(to: &Path, data: Vec<DataPlan>, settings: &[Setting]) -> SweepPlan {
    let variants = settings.iter().map(|setting| Variant { setting: setting.clone(), name: None });
    SweepPlan {
        table: None,
        data,
        to: Some(to.to_owned()),
        rank: None,
        variants: variants.collect(),
        baseline: None,
        left_out: vec![],
        codec: CodecName::Auto,
        block: Some(BufferSize::from_kib(64)),
        effort: Effort { rounds: None, budget: Some(Duration::from_secs(60)), within: 0.05 },
        sync: false,
        extra_runs: ExtraRuns::default(),
        seed: 1,
        anonymous: false,
        command: String::new(),
    }
}

fn gzip() -> Setting {
    testing::setting(64).without(Axis::Engine).with(Axis::Job, "gzip").with(Axis::Level, 12_u64)
}

/// Has `test` run jobs, and sees that nothing stays.
fn with_bench(plan: &SweepPlan, context: &Context, test: impl FnOnce(&mut JobBench<'_>)) {
    let mut sys = context.sys();
    let mut data: Vec<DataSet<'_>> =
        plan.data.iter().map(|data| DataSet::new(&mut sys, plan, data, context).unwrap()).collect();
    for data in &mut data {
        data.prepare(&mut sys, &mut |_| {}).unwrap();
    }
    test(&mut JobBench::new(plan, &data, context));
    for data in data {
        data.finish().unwrap();
    }
    assert_eq!(plan.to.as_ref().unwrap().read_dir().unwrap().count(), 0);
}

/// What a copy that was cut short leaves in the one scratch directory.
fn unfinished_tree(to: &Path) -> PathBuf {
    to.read_dir().unwrap().next().unwrap().unwrap().path().join("target.haul-part")
}

fn left_out(warmed_up: Result<WarmedUp>) -> String {
    match warmed_up.unwrap() {
        WarmedUp::LeftOut(why) => why,
        WarmedUp::Ready(warm_up) => panic!("{warm_up:?}"),
    }
}

#[test]
fn a_first_run_that_takes_too_long_is_cut_off_and_leaves_nothing() {
    let to = tempfile::tempdir().unwrap();
    for (setting, files, bytes) in [(testing::setting(4), 700, 4096), (gzip(), 1, 2 << 20)] {
        let context = Context::silent();
        let plan = plan(to.path(), vec![generated(None, files, bytes)], std::slice::from_ref(&setting));
        with_bench(&plan, &context, |bench| {
            let why = left_out(bench.warm_up(0, &setting, MOMENT));
            assert_eq!(why, "its first run was cut off after 0 s: raise --budget to measure it");
            // Wherever it is cut off, the next one finds nothing in its way, and does all of the work.
            for micros in [300, 1000, 3000, 10_000, 30_000] {
                bench.warm_up(0, &setting, Some(Duration::from_micros(micros))).unwrap();
            }
            let warmed_up = bench.warm_up(0, &setting, Some(Duration::from_secs(600))).unwrap();
            assert!(matches!(warmed_up, WarmedUp::Ready(WarmUp { wall_ns: 1.., .. })), "{warmed_up:?}");
            let sample = bench.run(0, &setting, false).unwrap();
            assert_eq!(sample.metrics.whole(Metric::Files), files as u64);
            assert_eq!(sample.metrics.whole(Metric::SourceBytes), files as u64 * bytes);
            assert!(!unfinished_tree(to.path()).exists());
            // What the user asks for is not a limit.
            context.stop.request(2);
            assert!(bench.warm_up(0, &setting, MOMENT).unwrap_err().is_interruption());
        });
    }
}

#[test]
fn half_of_the_budget_is_called_so() {
    let to = tempfile::tempdir().unwrap();
    let plan = plan(to.path(), vec![], &[]);
    let context = Context::silent();
    let bench = JobBench::new(&plan, &[], &context);
    let after = |seconds| bench.cut_off(Duration::from_secs_f64(seconds));
    assert_eq!(after(30.0), "its first run was cut off after 30 s, half of the budget: raise --budget to measure it");
    assert_eq!(after(12.345), "its first run was cut off after 12.3 s: raise --budget to measure it");
}

#[test]
fn each_case_has_its_own_data() {
    let to = tempfile::tempdir().unwrap();
    let of = |case: &'static str, setting: Setting| setting.with(Axis::Case, case);
    let settings = [of("small", testing::setting(4)), of("large", gzip())];
    let data = vec![generated(Some("small"), 3, 1000), generated(Some("large"), 1, 100_000)];
    let plan = plan(to.path(), data, &settings);
    with_bench(&plan, &Context::silent(), |bench| {
        for (row, files, bytes) in [(0, 3, 3000), (1, 1, 100_000), (0, 3, 3000)] {
            let sample = bench.run(row, &settings[row], false).unwrap();
            let of = |metric| sample.metrics.whole(metric);
            assert_eq!((of(Metric::Files), of(Metric::SourceBytes)), (files, bytes));
        }
        let error = bench.run(0, &of("huge", testing::setting(4)), false).unwrap_err();
        assert_eq!(error.to_string(), "cannot run 'huge': there is no data for it");
        let error = bench.run(0, &settings[0].clone().with(Axis::Pool, "deep"), false).unwrap_err();
        assert_eq!(error.to_string(), "cannot run 'small': 'deep' is not a value of pool");
        let error = bench.warm_up(0, &settings[0].clone().with(Axis::Cache, "tepid"), None).unwrap_err();
        assert_eq!(error.to_string(), "cannot run 'small': 'tepid' is not a value of cache");
    });
}

/// A first run in which somebody waits too long for a buffer leaves its setting out; a later one counts for nothing, and
/// those after it go well.
#[test]
fn a_pool_that_is_too_small_spoils_a_run_and_not_the_sweep() {
    let to = tempfile::tempdir().unwrap();
    let large = gzip().with(Axis::Workers, 4_usize);
    let small = large.clone().with(Axis::Pool, 2_usize).with(Axis::PoolWait, 1_usize);
    let plan = plan(to.path(), vec![generated(None, 1, 4 << 20)], &[small.clone(), large.clone()]);
    with_bench(&plan, &Context::silent(), |bench| {
        // On a busy machine the first worker may be done before another one wants a buffer: rarely, and hardly ever again.
        let why = (0..20).find_map(|_| match bench.warm_up(0, &small, None).unwrap() {
            WarmedUp::LeftOut(why) => Some(why),
            WarmedUp::Ready(_) => None,
        });
        let why = why.expect("somebody waits");
        assert!(why.starts_with("cannot get buffers for '"), "{why}");
        assert!(why.ends_with("': no buffer came free within 1ns"), "{why}");
        assert!(matches!(bench.warm_up(1, &large, None).unwrap(), WarmedUp::Ready(_)));
        let gave_up = |sample: &Sample| sample.metrics.whole(Metric::PoolGaveUp);
        let mut runs = (0..20).map(|_| bench.run(0, &small, false).unwrap());
        let spoilt = runs.find(|sample| gave_up(sample) > 0).expect("somebody waits");
        assert_eq!((spoilt.invalid.as_ref(), spoilt.wall_ns > 0), (Some(&why), true));
        // What other tests read may make this one look cold.
        let sample = bench.run(1, &large, false).unwrap();
        assert_eq!((gave_up(&sample), sample.metrics.whole(Metric::Files)), (0, 1));
        assert_ne!(sample.invalid.as_ref(), Some(&why));
    });
}

#[test]
fn memory_is_left_out_where_it_is_to_be_cold() {
    let to = tempfile::tempdir_in("/dev/shm").unwrap();
    let storage = Storage::of(&mut Context::silent().sys(), to.path()).unwrap();
    if storage != Storage::named("tmpfs") {
        return eprintln!("skipped: /dev/shm is not in memory");
    }
    let cold = testing::setting(4).with(Axis::Cache, "cold");
    let plan = plan(to.path(), vec![generated(None, 1, 1000)], std::slice::from_ref(&cold));
    with_bench(&plan, &Context::silent(), |bench| {
        let why = left_out(bench.warm_up(0, &cold, None));
        assert_eq!(why, "nothing is ever cold on a file system that keeps files in memory; measure on a disk");
    });
}

#[test]
fn a_setting_without_memory_for_it_is_left_out_before_it_is_run() {
    let to = tempfile::tempdir().unwrap();
    let many = |scheduler: &'static str, workers: u64| {
        testing::setting(64).with(Axis::Scheduler, scheduler).with(Axis::Workers, workers)
    };
    let settings = [many("channel", 1), many("channel", 100), many("processes", 100)];
    let plan = plan(to.path(), vec![generated(None, 3, 1000)], &settings);
    with_bench(&plan, &Context::silent(), |bench| {
        // 5 MiB, and for each worker 68 KiB of a buffer and 64 KiB of a thread, or 2 MiB of a process and a buffer of its own.
        bench.available = Some(100 << 20);
        for setting in &settings[..2] {
            let warmed_up = bench.warm_up(0, setting, None).unwrap();
            assert!(matches!(warmed_up, WarmedUp::Ready(_)), "{warmed_up:?}");
        }
        let why = left_out(bench.warm_up(0, &settings[2], None));
        assert_eq!(why, "it may take 218.3 MiB of memory, and 100.0 MiB are available");
    });
}

#[test]
fn only_what_cannot_be_had_here_is_left_out() {
    for (errno, is_left_out) in [
        (Errno::OPNOTSUPP, true),
        (Errno::INVAL, true),
        (Errno::XDEV, true),
        (Errno::NOSYS, true),
        (Errno::IO, false),
        (Errno::NOSPC, false),
        (Errno::INTR, false),
    ] {
        assert_eq!(is_impossible(&Error::system("clone", "a", errno)), is_left_out, "{errno}");
    }
}

#[test]
fn memory_grows_while_warming_up() {
    let plan = plan(Path::new("."), vec![], &[]);
    let context = Context::silent();
    let chosen = testing::setting(4).with(Axis::Buffer, "auto");
    let settings =
        [gzip(), chosen, testing::setting(64), testing::setting(4).with(Axis::Workers, 2_usize), testing::setting(4)];
    let rows = settings.map(Row::new);
    assert_eq!(JobBench::new(&plan, &[], &context).warm_up_order(&rows), [4, 3, 2, 1, 0]);
}
