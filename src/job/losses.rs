//! What is said of owners, modes, times, attributes and ACLs that could not be kept.

use std::collections::HashSet;
use std::path::PathBuf;
use std::sync::{Mutex, PoisonError};

use rustix::io::Errno;

use super::worker_context::WorkerContext;
use crate::error::{Error, Result};
use crate::plan::Keep;
use crate::sys::Identity;
use crate::tree::{Class, Trouble, Weight};

/// What was told already: each kind of loss once a job, since it is lost everywhere or nowhere.
pub(crate) struct Losses {
    keep: Keep,
    is_root: bool,
    told: Mutex<HashSet<Class>>,
}

impl Losses {
    /// Nothing was told yet.
    pub(crate) fn new(keep: Keep, identity: Identity) -> Self {
        Self { keep, is_root: identity.uid == 0, told: Mutex::default() }
    }

    /// Says what was lost of a file, in one line at most for all that failed, which ends in `then`; false if anything did.
    /// An error is an interruption.
    pub(crate) fn report(
        &self,
        worker: &mut WorkerContext,
        lost: &[Trouble],
        path: impl Fn() -> PathBuf,
        then: &str,
    ) -> Result<bool> {
        let operation = "keep the attributes of";
        if lost.iter().any(|trouble| trouble.errno == Errno::INTR) {
            return Err(Error::of_one_file(operation, path(), Errno::INTR));
        }
        let mut failed = Vec::new();
        for trouble in lost {
            match trouble.weight(self.keep, self.is_root) {
                Weight::Nothing => {}
                Weight::Warning if self.is_first(trouble.class) => {
                    let why = "the rest of it is kept, and what is lost of others is not told again";
                    worker.warn(path(), format!("{trouble}; {why}"));
                }
                Weight::Warning => worker.note(|| (path(), trouble.to_string())),
                Weight::Failure => failed.push(trouble.to_string()),
            }
        }
        if failed.is_empty() {
            return Ok(true);
        }
        worker.fail(Error::refused(operation, path(), format!("{}{}", failed.join("; "), then)));
        Ok(false)
    }

    fn is_first(&self, class: Class) -> bool {
        self.told.lock().unwrap_or_else(PoisonError::into_inner).insert(class)
    }
}
