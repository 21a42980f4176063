//! Phrases that reports of any kind use.

use std::fmt::Display;

use haul::measure::interval::Interval;
use haul::outcome::Ended;

/// Why there are no more rounds, where nobody asked for just so many: put after how many there are.
pub(super) fn ended(ended: Ended, failure: Option<&str>) -> String {
    let why = match ended {
        Ended::Rounds => "",
        Ended::NotYet => "; not done yet",
        Ended::Narrow => "; stopped: intervals were narrow enough",
        Ended::Budget => "; stopped: time was up",
        Ended::Interrupted => "; interrupted",
        Ended::Failed => "; failed",
    };
    failure.map_or_else(|| why.to_owned(), |failure| format!("; failed: {failure}"))
}

/// How far apart two runs of the same thing are, and where the ratio of the second ones to the first may well be.
pub(super) fn noise(noise: &dyn Display, interval: Option<Interval>) -> String {
    let part = |ratio: f64| format!("{:+.1}%", (ratio - 1.0) * 100.0);
    let between = |interval: Interval| format!(": between {} and {} at 95%", part(interval.low), part(interval.high));
    format!("{noise}{}", interval.map_or_else(String::new, between))
}
