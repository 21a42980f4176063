//! Exit codes.

use std::process::ExitCode;

use haul::outcome::Summary;
use haul::sys::Stop;

/// How the program ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Exit {
    /// 0: all was done.
    Done,
    /// 1: something failed; the rest was done.
    Failed,
    /// 2: the command line makes no sense.
    Usage,
    /// 128 + the signal: 130 after Ctrl-C, 143 after SIGTERM, 129 after SIGHUP, 141 where the reader of our output
    /// went away.
    Signal(i32),
}

/// The signal of a writer without a reader.
pub(crate) const SIGPIPE: i32 = 13;

impl Exit {
    /// What a job's summary means.
    pub(crate) fn of(summary: &Summary, stop: &Stop) -> Self {
        if summary.interrupted {
            Self::Signal(stop.signal())
        } else if summary.broken_pipe {
            Self::Signal(SIGPIPE)
        } else if summary.failures > 0 {
            Self::Failed
        } else {
            Self::Done
        }
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(match exit {
            Exit::Done => 0,
            Exit::Failed => 1,
            Exit::Usage => 2,
            Exit::Signal(signal) => (128 + signal) as u8,
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
