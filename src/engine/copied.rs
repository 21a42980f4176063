//! The engine that ran, and why others did not.

use std::fmt;

use rustix::io::Errno;

use crate::error::Cause;
use crate::plan::EngineName;

/// An engine that was tried, and why it could not.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Refusal {
    /// Which engine.
    pub engine: EngineName,
    /// What it was told.
    pub errno: Errno,
}

/// The engine that copied last, and those above it on the ladder that could not.
///
/// It prints as "`read_write`; not by reflink: Operation not supported".
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Route {
    /// Which engine copied.
    pub by: EngineName,
    pub(super) refused: Refused,
}

/// What was refused. The longest ladder has three rungs, and the last of them has nobody to refuse for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Refused([Option<Refusal>; 2]);

impl Refused {
    /// These and one more.
    pub(super) fn and(mut self, refusal: Refusal) -> Self {
        if let Some(free) = self.0.iter_mut().find(|place| place.is_none()) {
            *free = Some(refusal);
        }
        self
    }
}

impl Route {
    /// Nobody else was asked.
    pub fn straight(by: EngineName) -> Self {
        Self { by, refused: Refused::default() }
    }

    /// The engines that could not, in the order in which they were tried.
    pub fn refused(&self) -> impl Iterator<Item = Refusal> + use<> {
        self.refused.0.into_iter().flatten()
    }
}

impl fmt::Display for Route {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.by.name())?;
        for Refusal { engine, errno } in self.refused() {
            write!(f, "; not by {}: {}", engine.name(), Cause::System(errno))?;
        }
        Ok(())
    }
}

/// Bytes that were copied, and how.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Copied {
    /// How many; fewer than asked for means that the source ended.
    pub bytes: u64,
    /// By whom.
    pub route: Route,
}
