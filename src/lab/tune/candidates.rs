//! Which flags are tried, and which of them look faster. Looking is all: see `judge`.

use super::cases::{chosen_buffer, defaults, with_flags};
use crate::lab::sweep::verdict::ratio;
use crate::measure::interval::CONFIDENCE;
use crate::outcome::{Candidate, SweepReport, TuneReport, TunedCase};
use crate::plan::{EngineName, Flags, SweepJob};
use crate::size::BufferSize;

/// A candidate takes at most this part of the defaults' time. What is not even that much faster where it was lucky will
/// hardly be as much faster as is asked of it later, and each candidate costs the others rounds.
const PROMISING: f64 = 0.98;
/// Candidates that one case names: the best two flags and all good ones together.
const MOST_OF_CASE: usize = 3;
/// Candidates that a job has.
const MOST_OF_JOB: usize = 4;

/// What is tried beside the defaults, one flag at a time.
pub fn alternatives(job: SweepJob, cores: usize) -> Vec<Flags> {
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
        .map(|engine| Flags { engine: Some(engine), ..Flags::default() })
        .chain(buffers.map(|buffer| Flags { buffer: Some(buffer), ..Flags::default() }))
        .chain(workers.map(|count| Flags { workers: Some(count), ..Flags::default() }))
        .collect()
}

/// What to confirm, by what was explored: of each case what looked best, in turn, up to a few of each job.
pub fn candidates(report: &TuneReport) -> Vec<Candidate> {
    let mut all = vec![];
    for job in [SweepJob::Copy, SweepJob::Gzip] {
        let of_job = report.cases.iter().filter(|case| case.case.job() == job);
        let lists: Vec<Vec<Flags>> = of_job.map(|case| promising(case, report.cores)).collect();
        let in_turn = (0..MOST_OF_CASE).flat_map(|rank| lists.iter().filter_map(move |list| list.get(rank)));
        let mut chosen: Vec<Flags> = vec![];
        for flags in in_turn {
            if chosen.len() < MOST_OF_JOB && !chosen.contains(flags) {
                chosen.push(*flags);
            }
        }
        all.extend(chosen.into_iter().map(|flags| Candidate { job, flags }));
    }
    all
}

/// What looked faster in a case: the best flag, the best of each kind together, and the second best.
fn promising(case: &TunedCase, cores: usize) -> Vec<Flags> {
    let Some(report) = &case.explored else { return vec![] };
    let base = row_of(report, Flags::default(), case, cores);
    let mut tried: Vec<(Flags, f64)> = alternatives(case.case.job(), cores)
        .into_iter()
        .filter_map(|flags| {
            let found = ratio(report, row_of(report, flags, case, cores)?, base?, CONFIDENCE)?;
            Some((flags, found.ratio))
        })
        .filter(|(_, ratio)| *ratio <= PROMISING)
        .collect();
    tried.sort_by(|(_, one), (_, other)| one.total_cmp(other));
    let mut best: Vec<Flags> = vec![];
    for (flags, _) in tried {
        if best.iter().all(|better| kind(*better) != kind(flags)) {
            best.push(flags);
        }
    }
    if best.len() > 1 {
        let together = best.iter().fold(Flags::default(), |all, flags| all.and(*flags));
        best.insert(1, together);
    }
    best.truncate(MOST_OF_CASE);
    best
}

/// The least part of the defaults' time that flags took while exploring, over the cases of their job. What that is worth,
/// confirming says.
pub fn looked(report: &TuneReport, candidate: &Candidate) -> Option<f64> {
    let cases = report.cases.iter().filter(|case| case.case.job() == candidate.job);
    let ratios = cases.filter_map(|case| {
        let explored = case.explored.as_ref()?;
        let row = |flags| row_of(explored, flags, case, report.cores);
        Some(ratio(explored, row(candidate.flags)?, row(Flags::default())?, CONFIDENCE)?.ratio)
    });
    ratios.min_by(f64::total_cmp)
}

const fn kind(flags: Flags) -> (bool, bool, bool) {
    (flags.engine.is_some(), flags.buffer.is_some(), flags.workers.is_some())
}

/// Place of the row with these flags, unless they cannot be had there.
pub(super) fn row_of(report: &SweepReport, flags: Flags, case: &TunedCase, cores: usize) -> Option<usize> {
    let setting = with_flags(flags, case.case, cores);
    debug_assert!(flags.count() > 0 || setting == defaults(case.case, cores));
    report.rows.iter().position(|row| row.setting == setting)
}
