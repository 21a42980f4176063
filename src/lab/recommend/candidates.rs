//! Which options are tried, and which of them look faster. Looking is all: see `advice`.

use std::time::Duration;

use super::cases::{case_and_options, chosen_buffer, with_options};
use super::plan::{Case, Options};
use crate::lab::plan::SweepJob;
use crate::lab::report::Report;
use crate::lab::stats::interval::{CONFIDENCE, fewest_for};
use crate::lab::verdict::ratio;
use crate::plan::EngineName;
use crate::size::BufferSize;

/// A candidate takes at most this part of the defaults' time. What is not even that much faster where it was lucky will
/// hardly be as much faster as is asked of it later, and each candidate costs the others rounds.
const PROMISING: f64 = 0.98;
/// Candidates that one case names: the best two options and all good ones together.
const MOST_OF_CASE: usize = 3;
/// Candidates that a job has.
const MOST_OF_JOB: usize = 4;

/// Options that looked faster while exploring, to be confirmed in every case of their job.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Candidate {
    pub(super) job: SweepJob,
    pub(super) options: Options,
    /// The least part of the defaults' time that they took, over the cases of their job; `None` of several together, which
    /// were not tried.
    pub(super) looked: Option<f64>,
}

/// What is tried beside the defaults, one option at a time.
pub fn alternatives(job: SweepJob, cores: usize) -> Vec<Options> {
    let copies = job == SweepJob::Copy;
    let engines = [EngineName::ReadWrite, EngineName::CopyFileRange, EngineName::Mmap, EngineName::Direct];
    let chosen = chosen_buffer(job);
    // A buffer that holds gzip's block is one that holds more: nothing but the block is ever in it.
    let buffers = [64, 1024, 4096].map(BufferSize::from_kib).into_iter();
    let buffers = buffers.filter(|buffer| *buffer < chosen || (copies && *buffer > chosen));
    // gzip computes: with more threads than cores it only takes more of a busy machine's time, which is no gain of ours.
    let workers =
        [1, cores.saturating_mul(2)].into_iter().filter(|count| *count != cores && (copies || *count < cores));
    let engines = engines.into_iter().filter(|_| copies);
    engines
        .map(|engine| Options { engine: Some(engine), ..Options::default() })
        .chain(buffers.map(|buffer| Options { buffer: Some(buffer), ..Options::default() }))
        .chain(workers.map(|count| Options { workers: Some(count), ..Options::default() }))
        .collect()
}

/// What to confirm, by what was explored: of each case what looked best, in turn, up to a few of each job.
pub(super) fn candidates(explored: &Report, cores: usize) -> Vec<Candidate> {
    let mut all = vec![];
    for job in [SweepJob::Copy, SweepJob::Gzip] {
        let cases = || Case::ALL.into_iter().filter(move |case| case.job() == job);
        let lists: Vec<Vec<Options>> = cases().map(|case| promising(explored, case, cores)).collect();
        let in_turn = (0..MOST_OF_CASE).flat_map(|rank| lists.iter().filter_map(move |list| list.get(rank)));
        let mut chosen: Vec<Options> = vec![];
        for options in in_turn {
            if chosen.len() < MOST_OF_JOB && !chosen.contains(options) {
                chosen.push(*options);
            }
        }
        let looked =
            |options| cases().filter_map(|case| compared(explored, options, case, cores)).min_by(f64::total_cmp);
        all.extend(chosen.into_iter().map(|options| Candidate { job, options, looked: looked(options) }));
    }
    all
}

/// What looked faster in a case: the best option, the best of each kind together, and the second best.
fn promising(explored: &Report, case: Case, cores: usize) -> Vec<Options> {
    let tried = explored.rows.iter().filter_map(|row| case_and_options(&row.setting, cores));
    let own = tried.filter(|(of, options)| *of == case && options.count() > 0);
    let mut tried: Vec<(Options, f64)> =
        own.filter_map(|(_, options)| Some((options, compared(explored, options, case, cores)?))).collect();
    tried.retain(|(_, ratio)| *ratio <= PROMISING);
    tried.sort_by(|(_, one), (_, other)| one.total_cmp(other));
    let mut best: Vec<Options> = vec![];
    for (options, _) in tried {
        if best.iter().all(|better| kind(*better) != kind(options)) {
            best.push(options);
        }
    }
    if best.len() > 1 {
        let together = best.iter().fold(Options::default(), |all, options| all.and(*options));
        best.insert(1, together);
    }
    best.truncate(MOST_OF_CASE);
    best
}

/// How many times as long as the defaults these options took in a case.
fn compared(report: &Report, options: Options, case: Case, cores: usize) -> Option<f64> {
    let row = |options| row_of(report, options, case, cores);
    Some(ratio(report, row(options)?, row(Options::default())?, CONFIDENCE)?.ratio)
}

const fn kind(options: Options) -> (bool, bool, bool) {
    (options.engine.is_some(), options.buffer.is_some(), options.workers.is_some())
}

/// Index of the row with these options, unless they cannot be used there.
pub(super) fn row_of(report: &Report, options: Options, case: Case, cores: usize) -> Option<usize> {
    let setting = with_options(options, case, cores);
    report.rows.iter().position(|row| row.setting == setting)
}

/// As many candidates as there is time for in all of these cases, at least one of each job; the first ones, which are the
/// best. And those that this leaves out. A run takes so long with all that is done around it.
pub(super) fn affordable(
    mut candidates: Vec<Candidate>,
    cases: &[Case],
    run: Duration,
    time: Duration,
) -> (Vec<Candidate>, Vec<Candidate>) {
    let mut dropped = vec![];
    while needed(&candidates, cases, run) > time {
        let of = |job| candidates.iter().filter(|candidate| candidate.job == job).count();
        let job = if of(SweepJob::Copy) >= of(SweepJob::Gzip) { SweepJob::Copy } else { SweepJob::Gzip };
        let last = candidates.iter().rposition(|candidate| candidate.job == job).filter(|_| of(job) > 1);
        let Some(last) = last else { break };
        dropped.insert(0, candidates.remove(last));
    }
    (candidates, dropped)
}

/// The time that it takes to say something of each of them, in each case.
fn needed(candidates: &[Candidate], cases: &[Case], run: Duration) -> Duration {
    let of = |case: &Case| candidates.iter().filter(|candidate| candidate.job == case.job()).count();
    let open = || cases.iter().map(of).filter(|count| *count > 0);
    // The defaults, these, and one of them all once more; and one more round warms up.
    let runs: usize = open().map(|count| count + 2).sum();
    let rounds = fewest_for(open().sum()) + 1;
    run * u32::try_from(runs * rounds).unwrap_or(u32::MAX)
}
