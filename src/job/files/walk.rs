//! Reading directories, and handing on what others will take.

use std::ffi::CStr;
use std::sync::Arc;

use super::source::Source;
use super::{FileJob, Folder, Task, Walker};
use crate::error::Error;
use crate::pool::Handle;
use crate::sys::{Entries, FileKind};
use crate::tree::metadata::describe;
use crate::tree::{Place, is_temporary};

/// Entries from which on they are offered to another worker.
const WORTH_OFFERING: usize = 4;

impl<J: FileJob> Walker<J> {
    pub(super) fn open_folder(&mut self, place: &Arc<Place>) -> Option<Arc<Folder>> {
        let station = self.job.station();
        let opened = place.open(&mut station.sys).map_err(|errno| Error::system("open", place.path(), errno));
        let directory = station.check(opened)?;
        let attributes = station.sys.fstat(&directory).map_err(|errno| Error::system("examine", place.path(), errno));
        let attributes = station.check(attributes)?;
        station.summary.directories += 1;
        Some(Arc::new(Folder::new(Arc::clone(place), directory, &attributes, &self.identity)))
    }

    /// The next entries of a folder; `None` at its end, and where it cannot be read.
    pub(super) fn next_entries(&mut self, folder: &Folder) -> Option<Entries> {
        let station = self.job.station();
        let read = station.sys.getdents(&*folder.directory, &mut self.names);
        station.check(read.map_err(|errno| Error::system("read", folder.place.path(), errno)))?
    }

    pub(super) fn walk(&mut self, place: &Arc<Place>, handle: &mut Handle<'_, Task<J::Shared>>) {
        let Some(folder) = self.open_folder(place) else { return };
        while let Some(entries) = self.next_entries(&folder) {
            if self.job.station().is_halted() {
                return;
            }
            if entries.len() < WORTH_OFFERING {
                self.entries(&folder, &entries, handle);
            } else if let Err(Task::Entries(_, entries)) = handle.try_offer(Task::Entries(Arc::clone(&folder), entries))
            {
                self.entries(&folder, &entries, handle);
            }
        }
    }

    pub(super) fn entries(
        &mut self,
        folder: &Arc<Folder>,
        entries: &Entries,
        handle: &mut Handle<'_, Task<J::Shared>>,
    ) {
        for entry in entries.iter() {
            if self.job.station().is_halted() {
                return;
            }
            match self.kind(folder, entry.name, entry.kind) {
                FileKind::Directory => handle.offer(Task::Folder(folder.place.below(entry.name))),
                FileKind::RegularFile if self.wants(entry.name) => {
                    let opened = Source::open(&mut self.job.station().sys, &self.plan, folder, entry.name, true);
                    if let Some(source) = self.job.station().check(opened) {
                        self.job.file(source, None, handle);
                    }
                }
                other => self.skip(folder, entry.name, other),
            }
        }
    }

    /// Whether a file met in a directory is for the job. Unfinished targets, ours among them, are for nobody.
    pub(super) fn wants(&self, name: &CStr) -> bool {
        !is_temporary(name) && self.job.wants(name)
    }

    /// What an entry is, asked for where the file system did not say.
    pub(super) fn kind(&mut self, folder: &Folder, name: &CStr, kind: FileKind) -> FileKind {
        if kind != FileKind::Unknown {
            return kind;
        }
        self.job.station().sys.stat_at(&*folder.directory, name).map_or(kind, |found| found.kind)
    }

    pub(super) fn skip(&mut self, folder: &Folder, name: &CStr, kind: FileKind) {
        let station = self.job.station();
        station.summary.skipped += 1;
        if kind != FileKind::RegularFile {
            station.note(|| (folder.place.path_of(name), format!("passed over: it is {}", describe(kind))));
        }
    }
}
