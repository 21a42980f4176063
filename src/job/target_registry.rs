//! The registry of targets: what the sources of one job have become. `-f` replaces what was there before, not what another
//! source has just become; no two sources are written into one file in place; and no walk takes what the job made for a
//! source.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::sys::FileId;

/// Names in directories, or files (with an empty name), that a source of this job has taken. Workers share it.
#[derive(Debug, Clone, Default)]
pub(crate) struct TargetRegistry(Arc<Mutex<Directories>>);

/// Directories with the names taken in them.
type Directories = HashMap<FileId, HashMap<Vec<u8>, Made>>;

/// Whether what bears the name is the job's own work; else it was there before, and is as it should be.
type Made = bool;

impl TargetRegistry {
    /// Takes a name in a directory, or a file; says whether nobody had it yet.
    pub(crate) fn take(&self, directory: FileId, name: &[u8]) -> bool {
        self.insert(directory, name, true)
    }

    /// The same for what is there already and stays as it is.
    pub(crate) fn take_as_it_is(&self, directory: FileId, name: &[u8]) -> bool {
        self.insert(directory, name, false)
    }

    /// Gives a name up that nothing was made under after all.
    pub(crate) fn give_up(&self, directory: FileId, name: &[u8]) {
        if let Some(names) = self.directories().get_mut(&directory) {
            names.remove(name);
        }
    }

    /// Whether what bears this name was made by the job, or is about to be.
    pub(crate) fn has_made(&self, directory: FileId, name: &[u8]) -> bool {
        self.directories().get(&directory).and_then(|names| names.get(name)).is_some_and(|made| *made)
    }

    fn insert(&self, directory: FileId, name: &[u8], made: Made) -> bool {
        let mut directories = self.directories();
        let names = directories.entry(directory).or_default();
        let free = !names.contains_key(name);
        if free {
            names.insert(name.to_vec(), made);
        }
        free
    }

    fn directories(&self) -> MutexGuard<'_, Directories> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
