//! The surroundings of a job, and what all jobs share: a worker's context, limits of memory and disks, the registry of
//! targets, what is said of lost attributes, lists of names.

pub(crate) mod limits;
pub(crate) mod list;
pub(crate) mod losses;
pub(crate) mod target_registry;
pub(crate) mod worker_context;

use std::path::Path;
use std::sync::Arc;

use crate::event::{Events, Silent};
use crate::pool::workers::process::WorkerProgram;
use crate::sys::{Identity, Stop, Sys};
use crate::tree::TemporaryFileRegistry;

/// Asks a person whether a target may be replaced.
pub type Ask = Arc<dyn Fn(&Path) -> bool + Send + Sync>;

/// What surrounds a job: who watches, who may stop it, who it runs as.
///
/// ```
/// use haul::{Context, CopyOptions};
///
/// # let place = tempfile::tempdir()?;
/// # let (source, target) = (place.path().join("a"), place.path().join("b"));
/// # std::fs::write(&source, "text")?;
/// let context = Context::silent();
/// // From another thread, or from a handler of signals: the job ends soon, and leaves nothing half done.
/// context.stop.request(2);
/// let summary = haul::copy(&CopyOptions::new(vec![source], target).plan()?, &context)?;
/// assert!(summary.interrupted && summary.files == 0);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone)]
pub struct Context {
    /// Where events go.
    pub events: Events,
    /// Set when somebody wants the job to end.
    pub stop: Stop,
    /// Who the process is.
    #[doc(hidden)]
    pub identity: Identity,
    /// Temporary names that exist right now.
    #[doc(hidden)]
    pub temporary_files: TemporaryFileRegistry,
    /// Who is asked where a plan says so; where nobody is, the answer is no.
    pub ask: Option<Ask>,
    /// How worker processes are started, for the scheduler `processes`; without it there are none.
    pub worker_program: Option<WorkerProgram>,
    /// Time every system call: see [`crate::calls::SyscallCounts::latencies`].
    pub time_calls: bool,
    /// The call that shall go wrong.
    #[doc(hidden)]
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
            worker_program: None,
            time_calls: false,
            #[cfg(any(test, feature = "faults"))]
            faults: None,
        }
    }

    /// A context that nobody watches.
    pub fn silent() -> Self {
        Self::new(Arc::new(Silent))
    }

    /// A worker's access to the kernel.
    #[doc(hidden)]
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
