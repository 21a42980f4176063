//! One job a file: glue between engines, codecs, trees and measuring. No algorithm lives here.

mod claims;
pub mod compare;
pub mod copy;
mod files;
pub mod gunzip;
pub mod gzip;
mod list;
mod station;
pub mod sweep;

use std::path::Path;
use std::sync::Arc;

use crate::event::{Events, Silent};
use crate::sys::{Identity, Stop, Sys};
use crate::tree::Leftovers;

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
    pub leftovers: Leftovers,
    /// Who is asked where a plan says so; without anybody the answer is no.
    pub ask: Option<Ask>,
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
            leftovers: Leftovers::default(),
            ask: None,
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
        let sys = Sys::new(self.stop.clone());
        #[cfg(any(test, feature = "faults"))]
        if let Some(plan) = &self.faults {
            return sys.with_faults(Arc::clone(plan));
        }
        sys
    }
}
