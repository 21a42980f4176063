//! sweep.

use haul::codec::level::Choice;
use haul::plan::{EngineName, SchedulerName, SweepJob, SweepPlan};

use super::{Order, UsageError, Work, check_buffers};
use crate::cli::args::{Job, SweepArgs};
use crate::cli::quote::{command_line, words_as_typed};

pub(super) fn lower_sweep(args: SweepArgs) -> Result<Order, UsageError> {
    let plan = SweepPlan {
        job: match args.job {
            Job::Copy => SweepJob::Copy,
            Job::Gzip => SweepJob::Gzip,
            Job::Gunzip => SweepJob::Gunzip,
        },
        source: args.source,
        scratch: args.scratch,
        buffers: distinct(args.buffers.into_iter().flat_map(|list| list.0)),
        workers: distinct(args.workers.into_iter().map(|count| count.0)),
        schedulers: distinct(args.scheduler.into_iter().map(SchedulerName::from)),
        engines: distinct(args.engine.into_iter().map(EngineName::from)),
        pools: distinct(args.pool.into_iter().map(|pool| pool.0)),
        levels: distinct(args.level),
        codec: args.codec.into(),
        block: args.block,
        rounds: args.rounds,
        seed: args.seed,
        command: command_line(words_as_typed()),
    };
    for level in &plan.levels {
        Choice::new(plan.codec, *level, plan.block).map_err(UsageError::new)?;
    }
    if plan.job == SweepJob::Copy {
        for engine in &plan.engines {
            check_buffers(*engine, plan.buffers.iter().copied())?;
        }
    }
    Ok(Order::quiet(Work::Sweep { plan, format: args.format, output: args.output }, args.progress))
}

/// The values in their order, each once: measuring one twice would only look like a second setting.
fn distinct<T: PartialEq>(values: impl IntoIterator<Item = T>) -> Vec<T> {
    values.into_iter().fold(Vec::new(), |mut seen, value| {
        if !seen.contains(&value) {
            seen.push(value);
        }
        seen
    })
}
