//! sweep.

use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::ValueEnum;
use haul::codec::level::Choice;
use haul::lab::sweep::settings::Axes;
use haul::lab::sweep::tables;
use haul::plan::{
    Arm, CacheState, CodecName, Effort, EngineName, Generated, Passes, SweepData, SweepJob, SweepPlan, TableName,
};
use haul::size::BufferSize;
use haul::sys::PAGE;

use super::outputs::outputs;
use super::{Invocation, Job, UsageError, check_buffers, distinct, or};
use crate::cli::args::{SweepArgs, Switch};
use crate::cli::quote::{command_line, words_as_typed};
use crate::cli::words::parse_workers;

/// What is measured where nobody says how much.
const BUDGET: Duration = Duration::from_secs(60);
/// The files of a ladder without a source: 100 of 10 MB.
const LADDER: Generated = Generated { files: NonZeroUsize::new(100).unwrap(), bytes: 10_000_000, entropy: 8.0 };

pub(super) fn build_sweep(args: SweepArgs) -> Result<Invocation, UsageError> {
    let table = args.table;
    let (job, source) = job_and_source(&args)?;
    let data = data(&args, job, source, table)?;
    let arms = arms(&args, table, job)?;
    let outputs = outputs(args.output, args.format)?;
    let budget = args.budget.or(args.rounds.is_none().then_some(BUDGET));
    let plan = SweepPlan {
        table,
        data,
        scratch: args.scratch,
        arms,
        codec: args.codec,
        block: args.block,
        effort: Effort { rounds: args.rounds, budget, within: args.within },
        statements: 0,
        sync: !args.no_sync,
        passes: Passes {
            latency: args.latency,
            verify_counts: args.verify_counts,
            file_times: table == Some(TableName::Ladder),
        },
        seed: args.seed,
        command: command_line(words_as_typed()),
    };
    for Arm { setting, .. } in &plan.arms {
        if let Some(level) = setting.level {
            Choice::new(plan.codec, level, plan.block).map_err(UsageError::new)?;
        }
        check_buffers(setting.engine, [setting.buffer])?;
    }
    Ok(Invocation::quiet(Job::Sweep { plan, outputs }, args.progress))
}

/// The one or two words without a dash: `copy disk.img`, `disk.img` for a table, `copy` for generated data.
fn job_and_source(args: &SweepArgs) -> Result<(Option<SweepJob>, Option<PathBuf>), UsageError> {
    let job = |word: &Path| {
        let known = SweepJob::from_str(&word.to_string_lossy(), false);
        known.map_err(|_| UsageError::new(format!("'{}' is not a job: write copy, gzip or gunzip", word.display())))
    };
    match (&args.words[..], args.table, args.generate) {
        ([word, source], _, _) => Ok((Some(job(word)?), Some(source.clone()))),
        ([word], _, Some(_)) => Ok((Some(job(word)?), None)),
        // A table has a job of its own, so that a single word is the source; only a ladder has data of its own too.
        ([word], Some(table), None) => match job(word) {
            Ok(job) if table == TableName::Ladder => Ok((Some(job), None)),
            _ => Ok((None, Some(word.clone()))),
        },
        ([word], None, None) => {
            let job = job(word)?.name();
            Err(UsageError::new(format!("on what? Write haul sweep {job} SOURCE, or haul sweep {job} --generate 256M")))
        }
        ([], Some(_), _) => Ok((None, None)),
        _ => Err(UsageError::new("write haul sweep JOB SOURCE, or haul sweep --table NAME SOURCE")),
    }
}

fn data(
    args: &SweepArgs,
    job: Option<SweepJob>,
    source: Option<PathBuf>,
    table: Option<TableName>,
) -> Result<SweepData, UsageError> {
    match (source, args.generate, table) {
        (Some(_), Some(_), _) => Err(UsageError::new("a SOURCE and --generate contradict each other: leave one out")),
        (Some(source), None, _) => Ok(SweepData::Source(source)),
        (None, ..) if job == Some(SweepJob::Gunzip) => {
            Err(UsageError::new("made-up data is not in gzip format: name a SOURCE to decompress"))
        }
        (None, Some(amount), _) => {
            let entropy = args.entropy;
            Ok(SweepData::Generated(Generated { files: amount.files, bytes: amount.bytes, entropy }))
        }
        (None, None, Some(TableName::Ladder)) => Ok(SweepData::Generated(LADDER)),
        (None, None, _) => Err(UsageError::new("on what? Name a SOURCE, or let --generate 256M make one")),
    }
}

/// The settings of a table, or all combinations of what was named.
fn arms(args: &SweepArgs, table: Option<TableName>, job: Option<SweepJob>) -> Result<Vec<Arm>, UsageError> {
    let cores = parse_workers("auto").map_or(1, |count| count.0.get());
    let Some(table) = table else {
        let job = job.ok_or_else(|| UsageError::new("which job? Write haul sweep copy, gzip or gunzip"))?;
        let engines = vec![EngineName::Auto];
        let mut defaults = Axes { engines, workers: vec![cores], ..tables::base(job) };
        if named_several(args).is_none() {
            // Buffers are the question where there is no other.
            defaults.buffers = default_buffers();
        }
        return Ok(named(args, defaults, true)?.arms());
    };
    if let (TableName::Ladder, Some(option)) = (table, named_several(args)) {
        let why = format!("a ladder climbs to one setting: name one value with {option}, or none");
        return Err(UsageError::new(why));
    }
    let axes = tables::axes(table, job, cores);
    let one_job = axes.len() == 1;
    let axes: Result<Vec<Axes>, UsageError> = axes.into_iter().map(|axes| named(args, axes, one_job)).collect();
    Ok(tables::arms(table, &axes?))
}

/// An option that was given several values.
fn named_several(args: &SweepArgs) -> Option<&'static str> {
    let buffers = args.buffers.iter().map(|list| list.0.len()).sum();
    let counts = [
        ("--buffers", buffers),
        ("--workers", args.workers.len()),
        ("--cache", args.cache.len()),
        ("--engine", args.engine.len()),
        ("--scheduler", args.scheduler.len()),
        ("--pool", args.pool.len()),
        ("--batch", args.batch.len()),
        ("--level", args.level.len()),
    ];
    counts.iter().find(|(_, count)| *count > 1).map(|(name, _)| *name)
}

/// The axes with what was named on the command line in place of what they had. Where there is one job only, what says
/// nothing to it is refused; of two, each takes what it has a use for.
fn named(args: &SweepArgs, axes: Axes, one_job: bool) -> Result<Axes, UsageError> {
    let job = axes.jobs.first().copied().unwrap_or(SweepJob::Copy);
    let mut caches = distinct(args.cache.iter().copied());
    if job != SweepJob::Copy && !one_job {
        caches.retain(|cache| *cache != CacheState::Direct);
    }
    if job != SweepJob::Copy && one_job {
        if caches.contains(&CacheState::Direct) {
            return Err(UsageError::new("only copy can go past the page cache: leave out --cache direct"));
        }
        if !args.engine.is_empty() {
            return Err(UsageError::new(format!("engines copy; {} has none: leave out --engine", job.name())));
        }
    }
    if job != SweepJob::Gzip && one_job && !args.level.is_empty() {
        return Err(UsageError::new(format!("{} has no levels: leave out --level", job.name())));
    }
    if job != SweepJob::Gzip && one_job && (args.block.is_some() || args.codec != CodecName::Auto) {
        let why = format!("only gzip has codecs and blocks, not {}: leave out --codec and --block", job.name());
        return Err(UsageError::new(why));
    }
    let direct = |engine: &EngineName| *engine == EngineName::Direct;
    if caches.contains(&CacheState::Direct) && args.engine.iter().any(|engine| !direct(engine)) {
        let why = "past the page cache there is one engine, direct: compare it with others by --engine auto,direct";
        return Err(UsageError::new(why));
    }
    let mut axes = axes;
    if caches.contains(&CacheState::Direct) || args.engine.iter().any(direct) {
        // Only whole pages go past the cache; what was typed is refused instead.
        axes.buffers.retain(|buffer| buffer.bytes().is_multiple_of(PAGE));
    }
    Ok(Axes {
        caches: or(caches, axes.caches),
        engines: or(distinct(args.engine.iter().copied()), axes.engines),
        levels: or(distinct(args.level.iter().copied()), axes.levels),
        schedulers: or(distinct(args.scheduler.iter().copied()), axes.schedulers),
        workers: or(distinct(args.workers.iter().map(|count| count.0.get())), axes.workers),
        pools: or(distinct(args.pool.iter().map(|pool| pool.0)), axes.pools),
        batches: or(distinct(args.batch.iter().map(|switch| *switch == Switch::On)), axes.batches),
        buffers: or(distinct(args.buffers.iter().flat_map(|list| list.0.iter().copied())), axes.buffers),
        jobs: axes.jobs,
    })
}

/// 1K to 4M.
fn default_buffers() -> Vec<BufferSize> {
    [1, 4, 8, 16, 32, 64, 128, 256, 1024, 4096].map(BufferSize::from_kib).to_vec()
}
