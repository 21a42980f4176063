//! The reading of open directories, and the sharing of their entries among workers; not what becomes of an entry.

use std::sync::Arc;

use super::directory::{Entry, OpenDirectory};
use super::directory_copy::release;
use super::{Copier, Task};
use crate::error::Error;
use crate::pool::Handle;
use crate::sys::Entries;

/// Entries from which on they are offered to another worker; fewer are done before the offer is worth its cost.
const WORTH_OFFERING: usize = 16;

/// Reads a directory and copies what is in it, handing on what others will take.
pub(super) fn read(copier: &mut Copier, open: Arc<OpenDirectory>, handle: &mut Handle<'_, Task>) {
    while open.is_to_be_read(&copier.shared.plan) {
        if copier.worker.is_halted() {
            return;
        }
        match copier.worker.sys.getdents(&open.source, &mut copier.names) {
            Ok(None) => break,
            Ok(Some(entries)) => share(copier, &open, entries, handle),
            Err(errno) => {
                copier.worker.fail(Error::system("read", open.directory.source.path(), errno));
                open.directory.leave_unfinished();
                break;
            }
        }
    }
    release(copier, open);
}

/// Gives entries to another worker, or does them here.
fn share(copier: &mut Copier, open: &Arc<OpenDirectory>, entries: Entries, handle: &mut Handle<'_, Task>) {
    if !copier.shared.plan.resources.batch {
        return entries.singly().for_each(|alone| offer(copier, open, alone, handle));
    }
    if entries.len() < WORTH_OFFERING {
        return copy_entries(copier, open, entries, handle);
    }
    offer(copier, open, entries, handle);
}

fn offer(copier: &mut Copier, open: &Arc<OpenDirectory>, entries: Entries, handle: &mut Handle<'_, Task>) {
    if let Err(Task::Entries(shared)) = handle.try_offer(Task::Entries(Box::new((Arc::clone(open), entries)))) {
        copy_entries(copier, open, shared.1, handle);
    }
}

/// Copies entries of an open directory. After a large file, half of what is left is offered to others: workers that
/// have a file each do not wait for each other, as those do that write ranges of the same one (a third faster for
/// files of 10 MB).
pub(super) fn copy_entries(
    copier: &mut Copier,
    open: &Arc<OpenDirectory>,
    mut entries: Entries,
    handle: &mut Handle<'_, Task>,
) {
    let mut next = 0;
    while let Some(entry) = entries.get(next) {
        if copier.worker.is_halted() {
            return;
        }
        copier.copy_entry(Entry { open, name: entry.name, new_name: entry.name }, entry.kind, handle);
        next += 1;
        let left = entries.len() - next;
        if std::mem::take(&mut copier.was_large) && left > 1 {
            let half = entries.split_off(next + left.div_ceil(2));
            offer(copier, open, half, handle);
        }
    }
}
