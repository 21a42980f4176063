//! The registry of the temporary files that exist right now, so that a process that must end at once can remove them first.

use std::collections::BTreeMap;
use std::ffi::CString;
use std::os::fd::OwnedFd;
use std::sync::{Arc, Mutex, PoisonError};

use super::remove::remove_tree;
use crate::sys::{Stop, Sys, discard};

/// What has a temporary name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TemporaryKind {
    /// A file.
    File,
    /// A directory with all below it.
    Tree,
}

/// The live temporary names of a process, shared by its workers and its signal thread.
#[derive(Debug, Clone, Default)]
pub struct TemporaryFileRegistry(Arc<Mutex<Live>>);

#[derive(Debug, Default)]
struct Live {
    next: u64,
    names: BTreeMap<u64, (Arc<OwnedFd>, CString, TemporaryKind)>,
}

/// One live temporary name; dropping it says that the name is gone or final.
#[derive(Debug)]
pub struct Registration {
    temporary_files: TemporaryFileRegistry,
    number: u64,
}

impl TemporaryFileRegistry {
    /// Notes that `name` in `directory` exists for the time being.
    pub fn register(&self, directory: &Arc<OwnedFd>, name: CString, what: TemporaryKind) -> Registration {
        let mut live = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        live.next += 1;
        let number = live.next;
        live.names.insert(number, (Arc::clone(directory), name, what));
        Registration { temporary_files: self.clone(), number }
    }

    /// Removes all of them. For a process that ends at once; it must not go on after this.
    pub fn remove_all(&self) {
        let mut live = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        for (directory, name, what) in std::mem::take(&mut live.names).into_values() {
            match what {
                TemporaryKind::File => discard(&directory, &name),
                TemporaryKind::Tree => {
                    let _ = remove_tree(&mut Sys::new(Stop::new()), &directory, &name);
                }
            }
        }
    }
}

impl Drop for Registration {
    fn drop(&mut self) {
        let mut live = self.temporary_files.0.lock().unwrap_or_else(PoisonError::into_inner);
        live.names.remove(&self.number);
    }
}
