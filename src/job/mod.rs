//! One job a file: glue between engines, codecs, trees and measuring. No algorithm lives here.

mod afford;
pub mod compare;
pub mod copy;
pub mod disk;
mod files;
mod full;
pub mod gunzip;
pub mod gzip;
mod list;
mod losses;
pub mod rounds;
mod scratch;
pub mod storage;
pub mod sweep;
mod target_registry;
pub mod tune;
mod worker_context;

use std::path::Path;
use std::sync::Arc;

use crate::event::{Events, Silent};
use crate::sys::{Identity, Stop, Sys};
use crate::tree::TemporaryFileRegistry;

/// Asks a person whether a target may be replaced.
pub type Ask = Arc<dyn Fn(&Path) -> bool + Send + Sync>;

/// What surrounds a job: who watches, who may stop it, who it runs as.
#[derive(Clone)]
pub struct Context {
    /// Where events go.
    pub events: Events,
    /// Set when somebody wants the job to end.
    pub stop: Stop,
    /// Who the process is.
    pub identity: Identity,
    /// Temporary names that exist right now.
    pub temporary_files: TemporaryFileRegistry,
    /// Who is asked where a plan says so; without anybody the answer is no.
    pub ask: Option<Ask>,
    /// Time every system call: see [`crate::calls::SyscallCounts::latencies`].
    pub time_calls: bool,
    /// The call that shall go wrong.
    #[cfg(any(test, feature = "faults"))]
    pub faults: Option<Arc<crate::sys::faults::FaultPlan>>,
}

impl Context {
    /// A context that sends its events to `events`.
    pub fn new(events: Events) -> Self {
        Self {
            events,
            stop: Stop::new(),
            identity: Identity::current(),
            temporary_files: TemporaryFileRegistry::default(),
            ask: None,
            time_calls: false,
            #[cfg(any(test, feature = "faults"))]
            faults: None,
        }
    }

    /// A context that nobody watches.
    pub fn silent() -> Self {
        Self::new(Arc::new(Silent))
    }

    /// A worker's door to the kernel.
    pub fn sys(&self) -> Sys {
        let mut sys = Sys::new(self.stop.clone());
        if self.time_calls {
            sys = sys.timing_calls();
        }
        #[cfg(any(test, feature = "faults"))]
        if let Some(plan) = &self.faults {
            return sys.with_faults(Arc::clone(plan));
        }
        sys
    }
}

#[cfg(test)]
mod tests {
    use std::num::NonZeroUsize;

    use super::*;
    use crate::plan::{CopyPlan, Resources};

    #[test]
    fn each_call_of_each_worker_is_timed_where_that_is_asked_for_and_none_elsewhere() {
        let scratch = tempfile::tempdir().unwrap();
        let source = scratch.path().join("source");
        let mut context = Context::silent();
        let mut sys = context.sys();
        for directory in [&source, &source.join("one"), &source.join("two")] {
            sys.mkdirat(rustix::fs::CWD, &crate::tree::path::c_path(directory), 0o700).unwrap();
        }
        assert!(sys.counts().total() == 3 && sys.counts().latencies().is_empty());
        for time_calls in [false, true] {
            context.time_calls = time_calls;
            let target = scratch.path().join(time_calls.to_string());
            let plan =
                CopyPlan::new(vec![source.clone()], target, Resources::with_workers(NonZeroUsize::new(3).unwrap()));
            let counts = copy::run(&plan, &context).unwrap().syscalls;
            let timed: Vec<_> = counts.latencies().into_iter().map(|latency| (latency.call, latency.calls)).collect();
            let made = counts.made().map(|(call, counts)| (call.name().to_owned(), counts.calls));
            let expected = if time_calls { made.collect() } else { vec![] };
            assert_eq!(timed, expected);
        }
    }
}
