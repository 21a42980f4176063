//! The temporary names that exist right now, so that a process that must end at once can take them away first.

use std::collections::BTreeMap;
use std::ffi::CString;
use std::os::fd::OwnedFd;
use std::sync::{Arc, Mutex, PoisonError};

use super::remove::remove_tree;
use crate::sys::{Stop, Sys, discard};

/// What would be left behind.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Leftover {
    /// A file.
    File,
    /// A directory with all below it.
    Tree,
}

/// The live temporary names of a process, shared by its workers and its signal thread.
#[derive(Debug, Clone, Default)]
pub struct Leftovers(Arc<Mutex<Live>>);

#[derive(Debug, Default)]
struct Live {
    next: u64,
    names: BTreeMap<u64, (Arc<OwnedFd>, CString, Leftover)>,
}

/// One live temporary name; dropping it says that the name is gone or final.
#[derive(Debug)]
pub struct Registration {
    leftovers: Leftovers,
    number: u64,
}

impl Leftovers {
    /// Notes that `name` in `directory` exists for the time being.
    pub fn register(&self, directory: &Arc<OwnedFd>, name: CString, what: Leftover) -> Registration {
        let mut live = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        live.next += 1;
        let number = live.next;
        live.names.insert(number, (Arc::clone(directory), name, what));
        Registration { leftovers: self.clone(), number }
    }

    /// Removes all of them. For a process that ends at once; it must not go on after this.
    pub fn remove_all(&self) {
        let mut live = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        for (directory, name, what) in std::mem::take(&mut live.names).into_values() {
            match what {
                Leftover::File => discard(&directory, &name),
                Leftover::Tree => {
                    let _ = remove_tree(&mut Sys::new(Stop::new()), &directory, &name);
                }
            }
        }
    }
}

impl Drop for Registration {
    fn drop(&mut self) {
        let mut live = self.leftovers.0.lock().unwrap_or_else(PoisonError::into_inner);
        live.names.remove(&self.number);
    }
}
