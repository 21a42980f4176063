//! Words in, words out: the command line, the progress bar, the reports, the exit code.

pub(crate) mod args;
mod ask;
mod closing_report;
pub(crate) mod compare;
pub(crate) mod copy;
pub(crate) mod disk;
pub(crate) mod environment;
pub(crate) mod exit;
pub(crate) mod gzip;
pub(crate) mod invocation;
pub(crate) mod level;
mod listing;
pub(crate) mod options;
mod output;
mod progress;
mod quote;
pub(crate) mod report_options;
mod run;
mod signals;
pub(crate) mod sweep;
mod text;
pub(crate) mod tune;
mod watching;
mod words;
mod worker;

pub(crate) use run::run;
