//! What there is time for: rounds enough for every statement, of as many candidates as that leaves room for. What a run
//! costs with all that is done around it, exploring has shown.

use std::time::Duration;

use crate::measure::interval::fewest_for;
use crate::outcome::{Candidate, SweepReport, TunedCase};
use crate::plan::SweepJob;

/// What a case costs to confirm.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Cost {
    /// Making its data.
    pub(super) preparation: Duration,
    /// A run, with what is removed, written back and evicted before it.
    pub(super) run: Duration,
}

impl Cost {
    /// By what a sweep took.
    pub(super) fn of(swept: &SweepReport) -> Self {
        let rows = swept.rows.iter();
        let measured = rows.flat_map(|row| row.samples.iter().chain(std::iter::once(&row.warm_up)));
        let again = swept.controls.iter().flat_map(|control| &control.samples);
        let (runs, walls) = measured.chain(again).fold((0, 0), |(runs, walls), one| (runs + 1, walls + one.wall_ns));
        let run = (walls + swept.tidying_ns) / u64::max(runs, 1);
        Self { preparation: Duration::from_nanos(swept.preparation_ns), run: Duration::from_nanos(run) }
    }

    /// Of a round with so many candidates: the defaults, these, and one of them all once more.
    pub(super) fn round(&self, candidates: usize) -> Duration {
        self.run * u32::try_from(candidates + 2).unwrap_or(u32::MAX)
    }
}

/// As many candidates as there is time for in all cases of their job, at least one of each job; the first ones, which are
/// the best. And those that this leaves out.
pub(super) fn affordable(
    mut candidates: Vec<Candidate>,
    cases: &[TunedCase],
    time: Duration,
) -> (Vec<Candidate>, Vec<Candidate>) {
    let mut dropped = vec![];
    while needed(&candidates, cases) > time {
        let of = |job| candidates.iter().filter(|candidate| candidate.job == job).count();
        let job = if of(SweepJob::Copy) >= of(SweepJob::Gzip) { SweepJob::Copy } else { SweepJob::Gzip };
        let last = candidates.iter().rposition(|candidate| candidate.job == job).filter(|_| of(job) > 1);
        let Some(last) = last else { break };
        dropped.insert(0, candidates.remove(last));
    }
    (candidates, dropped)
}

/// The time that it takes to say something of each of them, in each case.
fn needed(candidates: &[Candidate], cases: &[TunedCase]) -> Duration {
    let of = |case: &TunedCase| candidates.iter().filter(|candidate| candidate.job == case.case.job()).count();
    let open = || cases.iter().filter(|case| case.left_out.is_none() && of(case) > 0);
    // One more round warms up.
    let rounds = fewest_for(open().map(of).sum()) + 1;
    let of_case = |case: &TunedCase| {
        let cost = case.explored.as_ref().map_or_else(Cost::default, Cost::of);
        cost.preparation + cost.round(of(case)) * u32::try_from(rounds).unwrap_or(u32::MAX)
    };
    open().map(of_case).sum()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lab::sweep::testing::{report, row, setting};
    use crate::outcome::Control;
    use crate::plan::{Flags, TuneCase};

    fn case(case: TuneCase, tidying_ms: u64) -> TunedCase {
        let mut swept = report(vec![row(setting(4), &[10, 10]), row(setting(64), &[10, 10])]);
        for row in &mut swept.rows {
            row.warm_up.wall_ns = 10_000_000;
        }
        swept.controls = vec![Control { row: 0, samples: swept.rows[0].samples.clone() }];
        (swept.tidying_ns, swept.preparation_ns) = (tidying_ms * 1_000_000, 1_000_000_000);
        TunedCase { explored: Some(swept), ..TunedCase::new(case) }
    }

    #[test]
    fn a_run_costs_what_is_done_around_it_too() {
        let cost = Cost::of(case(TuneCase::Gzip, 80).explored.as_ref().unwrap());
        // Six runs of rows and two of the control, in 80 ms and 80 ms around them.
        assert_eq!(cost, Cost { preparation: Duration::from_secs(1), run: Duration::from_millis(20) });
        assert_eq!(cost.round(3), Duration::from_millis(100));
        assert_eq!(Cost::of(&SweepReport::default()), Cost::default());
    }

    #[test]
    fn the_last_candidates_are_given_up_where_there_is_no_time_for_all() {
        let cases = [case(TuneCase::CopyWarm, 80), case(TuneCase::CopyCold, 80), case(TuneCase::Gzip, 80)];
        let flags = |workers| Flags { workers: Some(workers), ..Flags::default() };
        let all: Vec<Candidate> = [(SweepJob::Copy, 1), (SweepJob::Copy, 4), (SweepJob::Copy, 8), (SweepJob::Gzip, 1)]
            .map(|(job, workers)| Candidate { job, flags: flags(workers) })
            .to_vec();
        let kept = |seconds: f64| {
            let (kept, dropped) = affordable(all.clone(), &cases, Duration::from_secs_f64(seconds));
            assert!(all.iter().all(|one| kept.contains(one) != dropped.contains(one)), "none is forgotten");
            kept.iter().map(|one| format!("{} {}", one.job.name(), one.flags.workers.unwrap())).collect::<Vec<_>>()
        };
        // Seven statements take nine rounds and one before: 3 s, and ten times 2 × 100 ms and 60 ms.
        assert_eq!(kept(5.6), ["copy 1", "copy 4", "copy 8", "gzip 1"]);
        assert_eq!(kept(5.5), ["copy 1", "copy 4", "gzip 1"]);
        assert_eq!(kept(4.5), ["copy 1", "gzip 1"]);
        assert_eq!(kept(0.0), ["copy 1", "gzip 1"], "one of each job");
    }
}
