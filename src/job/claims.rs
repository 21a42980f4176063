//! What the sources of one job have become: `-f` replaces what was there before, not what another source has just
//! become; and no two sources are written into one file in place.

use std::collections::HashSet;
use std::sync::{Arc, Mutex, PoisonError};

use crate::sys::FileId;

/// Names in directories, or files (with an empty name), that a source of this job has taken. Workers share it.
#[derive(Debug, Clone, Default)]
pub(super) struct Claims(Arc<Mutex<HashSet<Claim>>>);

/// A directory and a name in it, or a file and no name.
type Claim = (FileId, Vec<u8>);

impl Claims {
    /// Takes a name in a directory, or a file; says whether nobody had it yet.
    pub(super) fn take(&self, place: FileId, name: &[u8]) -> bool {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).insert((place, name.to_vec()))
    }
}
