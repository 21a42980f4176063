//! Exit codes.

use std::process::ExitCode;

use haul::error::Error;
use haul::summary::Summary;
use haul::sys::{Stop, die_of, ignores_broken_pipes};
use signal_hook::consts::SIGPIPE;

use super::text;

/// How the program ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Exit {
    /// 0: all was done.
    Done,
    /// 1: something failed; the rest was done.
    Failed,
    /// 2: the command line makes no sense.
    Usage,
    /// By the signal itself: SIGINT after Ctrl-C, SIGTERM, SIGHUP, SIGPIPE where the reader of our output went away. A
    /// shell shows 128 + its number: 130, 143, 129, 141.
    Signal(i32),
}

impl Exit {
    /// The reader of our output went away, which is not reported.
    const BROKEN_PIPE: Self = Self::Signal(SIGPIPE);

    /// What a job's summary means.
    pub(crate) fn of(summary: &Summary, stop: &Stop) -> Self {
        if summary.interrupted {
            Self::Signal(stop.signal())
        } else if summary.broken_pipe {
            Self::BROKEN_PIPE
        } else if summary.failures > 0 {
            Self::Failed
        } else {
            Self::Done
        }
    }

    /// What a failure of the whole job means, which is said unless only the reader went away.
    pub(crate) fn of_failure(error: &Error, say: impl FnOnce(&str)) -> Self {
        if error.is_broken_pipe() && !ignores_broken_pipes() {
            return Self::BROKEN_PIPE;
        }
        say(&text::error(error));
        Self::Failed
    }

    /// Ends the program, or says how main is to end it.
    pub(crate) fn leave(self) -> ExitCode {
        ExitCode::from(match self {
            Self::Done => 0,
            Self::Failed => 1,
            Self::Usage => 2,
            Self::Signal(signal) => die_of(signal),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_worst_that_happened_decides() {
        let stop = Stop::new();
        let exit = |summary| Exit::of(&summary, &stop);
        assert_eq!(exit(Summary::default()), Exit::Done);
        assert_eq!(exit(Summary { failures: 1, ..Summary::default() }), Exit::Failed);
        assert_eq!(exit(Summary { failures: 1, broken_pipe: true, ..Summary::default() }), Exit::Signal(13));
        stop.request(15);
        assert_eq!(exit(Summary { failures: 1, interrupted: true, ..Summary::default() }), Exit::Signal(15));
    }
}
