//! Notes that reports of any kind have: how rounds ended, what two runs of the same differ by, what was not timed.

use super::derived::Derived;
use super::numbers::{count, duration, signed};
use crate::lab::report::{Ended, Report};

/// Why there are no more rounds, where nobody asked for just so many: put after how many there are.
pub(super) fn ended(report: &Report) -> String {
    let why = match report.ended {
        Ended::Rounds => "",
        Ended::NotYet => "; not done yet",
        Ended::Converged => "; stopped: intervals were narrow enough",
        Ended::Budget => "; stopped: time was up",
        Ended::Interrupted => "; interrupted",
        Ended::Failed => "; failed",
    };
    report.failure.as_ref().map_or_else(|| why.to_owned(), |failure| format!("; failed: {failure}"))
}

/// "12 rounds; stopped: time was up".
pub(super) fn rounds(report: &Report) -> String {
    count(report.rounds as u64, "round") + &ended(report)
}

/// How far apart two runs of the same setting are, of each group of alternatives that has one run twice a round, and where
/// the ratio of the second ones to the first may well be.
pub(super) fn noises(derived: &Derived<'_>) -> Vec<String> {
    let said = derived.noises.iter().map(|noise| {
        let group = noise.group.as_ref().map_or_else(String::new, |group| format!("{group}: "));
        let [low, high] = [noise.interval.low, noise.interval.high].map(signed);
        format!("{group}{noise}: between {low} and {high} at 95%")
    });
    said.collect()
}

/// What was asked for and not measured: the first of the warnings, since no other figure tells of it.
pub(super) fn not_measured(report: &Report) -> Vec<String> {
    report.left_out.iter().map(|setting| format!("not measured: {setting}")).collect()
}

/// What was done outside of measured times: each with how long it took, ns.
pub(super) fn untimed<const N: usize>(report: &Report, parts: [(u64, &str); N]) -> Option<String> {
    let told = parts.into_iter().filter(|(time, _)| *time > 0);
    let mut told: Vec<String> = told.map(|(time, what)| format!("{} for {what}", duration(time))).collect();
    if report.repeated > 0 {
        told.push(format!("{} that did not show what it should, repeated", count(report.repeated as u64, "run")));
    }
    (!told.is_empty()).then(|| format!("not timed: {}", told.join(", ")))
}
