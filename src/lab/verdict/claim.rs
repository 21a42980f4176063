//! What may be said of one setting beside another: the one vocabulary for it.

use serde::Serialize;

use crate::lab::stats::interval::Interval;

/// What may be said of a setting beside another, or beside itself in another report.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Claim {
    /// It takes longer, or does less, by more than the noise.
    Slower,
    /// It takes less time, or does more, by more than the noise.
    Faster,
    /// What difference there may be is within the limit.
    Same,
    /// There may be no difference, or none beyond the noise, and there may be a larger one than the limit.
    CannotTell,
    /// There are too few runs to say anything.
    TooFewRuns,
}

impl Claim {
    /// What a ratio of costs carries: where it may well be, how far apart two runs of the same thing are, and up to what
    /// difference things count as the same. Without an interval there are too few runs.
    pub fn of(ratio: f64, interval: Option<Interval>, noise: f64, limit: f64) -> Self {
        match interval {
            None => Self::TooFewRuns,
            Some(interval) if !interval.holds(1.0) && is_beyond(noise, ratio) => {
                if ratio > 1.0 {
                    Self::Slower
                } else {
                    Self::Faster
                }
            }
            // Not where only the noise is as wide: a limit would then say of the same row that it cannot be told.
            Some(interval) if interval.reach(1.0) <= limit => Self::Same,
            Some(_) => Self::CannotTell,
        }
    }

    /// What people read.
    pub const fn text(self) -> &'static str {
        match self {
            Self::Slower => "slower",
            Self::Faster => "faster",
            Self::Same => "same",
            Self::CannotTell => "cannot tell",
            Self::TooFewRuns => "cannot tell: too few runs",
        }
    }
}

/// Whether a ratio is further from 1 than two runs of the same are. Noise is of times: what takes 80 % longer does 44 %
/// less in a second, so that both ways to say it are as far from 1 on the logarithm alone.
fn is_beyond(noise: f64, ratio: f64) -> bool {
    ratio.ln().abs() > noise.ln_1p()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn claims_need_an_interval_that_leaves_out_the_same_and_more_than_the_noise() {
        let between = |low, high| Some(Interval { low, high });
        for (ratio, interval, noise, claim) in [
            (1.10, between(1.08, 1.12), 0.01, Claim::Slower),
            (0.90, between(0.88, 0.92), 0.01, Claim::Faster),
            (1.10, between(1.08, 1.12), 0.15, Claim::CannotTell),
            (1.01, between(0.99, 1.03), 0.01, Claim::Same),
            (1.01, between(1.005, 1.03), 0.02, Claim::Same),
            (1.10, between(0.99, 1.20), 0.01, Claim::CannotTell),
            (1.10, None, 0.0, Claim::TooFewRuns),
        ] {
            assert_eq!(Claim::of(ratio, interval, noise, 0.05), claim, "{ratio} in {interval:?}, noise {noise}");
        }
    }
}
