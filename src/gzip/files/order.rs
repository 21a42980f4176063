//! Standard output, and what is listed: files one after the other, in the order of the arguments.

use std::collections::VecDeque;
use std::ffi::{CStr, CString};
use std::path::PathBuf;
use std::sync::Arc;

use super::walk::Tree;
use super::{FileJob, Folder, Task, Walker};
use crate::pool::Handle;
use crate::sys::FileKind;
use crate::tree::Place;

/// What is still to be written to standard output, or to be listed.
pub(in crate::gzip) type Sequence = VecDeque<Item>;

/// One thing in a sequence.
pub(in crate::gzip) enum Item {
    Argument(PathBuf),
    Entry(Arc<Folder>, CString, FileKind),
}

impl<J: FileJob> Walker<J> {
    /// Does what goes to standard output or is listed, one after the other. A file may be finished by another worker; that one then
    /// goes on with the rest.
    pub(super) fn in_order(&mut self, mut sequence: Sequence, handle: &mut Handle<'_, Task<J::Shared>>) {
        while let Some(item) = sequence.pop_front() {
            if self.job.worker().is_halted() {
                return;
            }
            let rest = match item {
                Item::Argument(path) => self.argument(&path, Some(sequence), handle),
                Item::Entry(folder, name, kind) => self.entry_in_order(&folder, &name, kind, sequence, handle),
            };
            let Some(rest) = rest else { return };
            sequence = rest;
        }
    }

    pub(super) fn entry_in_order(
        &mut self,
        folder: &Arc<Folder>,
        name: &CStr,
        kind: FileKind,
        mut rest: Sequence,
        handle: &mut Handle<'_, Task<J::Shared>>,
    ) -> Option<Sequence> {
        let Some(kind) = self.kind(folder, name, kind) else { return Some(rest) };
        if self.is_excluded(folder, name, kind) {
            return Some(rest);
        }
        match kind {
            FileKind::Directory => self.put_in_front(&folder.place.below(name), Some(folder.tree), &mut rest),
            FileKind::RegularFile if self.wants(name) => {
                self.has_no_room(folder);
                if let Some(source) = self.open_entry(folder, name) {
                    self.job.file(source, Some(rest), handle);
                    return None;
                }
            }
            other => self.skip(folder, name, other),
        }
        Some(rest)
    }

    /// Puts what is in a directory before what follows it.
    pub(super) fn put_in_front(&mut self, place: &Arc<Place>, tree: Option<Tree>, rest: &mut Sequence) {
        let Some(folder) = self.open_folder(place, tree) else { return };
        let mut found = Sequence::new();
        while let Some(entries) = self.next_entries(&folder) {
            found.extend(
                entries.iter().map(|entry| Item::Entry(Arc::clone(&folder), entry.name.to_owned(), entry.kind)),
            );
        }
        found.append(rest);
        *rest = found;
    }
}
