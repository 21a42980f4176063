//! Reading directories, copying what is in them, and finishing them when all below is done.

use std::ffi::CStr;
use std::os::fd::OwnedFd;
use std::sync::Arc;

use rustix::io::Errno;

use super::directory::{Above, Directory, Open};
use super::{Copier, Task};
use crate::error::Error;
use crate::pool::Handle;
use crate::sys::{Attributes, Creator, Entries, FileKind, Sys};
use crate::tree::metadata::{describe, keep_on_existing, keep_on_name};
use crate::tree::{Part, Place};

/// Entries from which on they are offered to another worker; fewer are done before the offer is worth its cost.
const WORTH_OFFERING: usize = 16;

impl Copier {
    /// Reads a directory and copies what is in it, handing on what others will take.
    pub(super) fn walk(&mut self, directory: Arc<Directory>, handle: &mut Handle<'_, Task>) {
        let opened = self.open(&directory);
        let Some((source, target, creator)) = self.station.check(opened) else {
            return self.give_up(directory);
        };
        let open = Arc::new(Open { directory, source, target: Arc::new(target), creator });
        loop {
            if self.station.is_halted() {
                return;
            }
            match self.station.sys.getdents(&open.source, &mut self.names) {
                Ok(None) => break,
                Ok(Some(entries)) => self.share(&open, entries, handle),
                Err(errno) => {
                    self.station.fail(Error::system("read", open.directory.source.path(), errno));
                    break;
                }
            }
        }
        self.leave(open);
    }

    fn open(&mut self, directory: &Directory) -> Result<(OwnedFd, OwnedFd, Creator), Error> {
        let sys = &mut self.station.sys;
        let failed = |place: &Place, errno| Error::system("open", place.path(), errno);
        let source = directory.source.open(sys).map_err(|errno| failed(&directory.source, errno))?;
        let attributes = sys.fstat(&source).map_err(|errno| failed(&directory.source, errno))?;
        let _ = directory.attributes.set(attributes);
        let target = directory.target.open(sys).map_err(|errno| failed(&directory.target, errno))?;
        let made = sys.fstat(&target).map_err(|errno| failed(&directory.target, errno))?;
        Ok((source, target, self.shared.identity.creating_in(&made)))
    }

    /// A directory that cannot be read: a unit goes without having been, another stays empty, and what is above it can
    /// be finished.
    fn give_up(&mut self, directory: Arc<Directory>) {
        if let Some(mut directory) = Arc::into_inner(directory) {
            if let Some(part) = directory.part.take() {
                part.abandon(&mut self.station.sys);
            }
            if let Some(above) = directory.parent.0.take() {
                self.leave_directory(above, None);
            }
        }
    }

    /// Gives entries to another worker, or does them here.
    fn share(&mut self, open: &Arc<Open>, entries: Entries, handle: &mut Handle<'_, Task>) {
        if entries.len() < WORTH_OFFERING {
            return self.entries(open, &entries, handle);
        }
        if let Err(Task::Entries(same, entries)) = handle.try_offer(Task::Entries(Arc::clone(open), entries)) {
            drop(same);
            self.entries(open, &entries, handle);
        }
    }

    /// Copies entries of an open directory.
    pub(super) fn entries(&mut self, open: &Arc<Open>, entries: &Entries, handle: &mut Handle<'_, Task>) {
        for entry in entries.iter() {
            if self.station.is_halted() {
                return;
            }
            self.entry(open, entry.name, entry.name, entry.kind, handle);
        }
    }

    /// Copies one entry, which is to be called `new_name`.
    pub(super) fn entry(
        &mut self,
        open: &Arc<Open>,
        name: &CStr,
        new_name: &CStr,
        kind: FileKind,
        handle: &mut Handle<'_, Task>,
    ) {
        match kind {
            FileKind::RegularFile => self.file(open, name, new_name, handle),
            FileKind::Directory => self.directory(open, name, new_name, handle),
            // Some file systems do not tell kinds while a directory is read.
            FileKind::Unknown => match self.station.sys.stat_at(&open.source, name) {
                Ok(attributes) if attributes.kind != FileKind::Unknown => {
                    self.entry(open, name, new_name, attributes.kind, handle);
                }
                Ok(_) => self.station.fail(Error::refused("copy", open.directory.source.path_of(name), "unknown kind")),
                Err(errno) => self.station.fail(Error::system("examine", open.directory.source.path_of(name), errno)),
            },
            _ => {
                let made = self.other(open, name, new_name);
                self.station.check(made);
            }
        }
    }

    /// Makes a directory's target and hands the directory on.
    fn directory(&mut self, open: &Arc<Open>, name: &CStr, new_name: &CStr, handle: &mut Handle<'_, Task>) {
        let above = &open.directory;
        let source = above.source.below(name);
        let parent = Above::new(Arc::clone(above));
        let made = if above.in_part {
            let target = above.target.below(new_name);
            let directory = Directory { target, parent, in_part: true, creator: open.creator, ..above.merging(source) };
            self.station.sys.mkdirat(&open.target, new_name, 0o700).map(|()| directory)
        } else {
            match self.station.sys.stat_at(&open.target, new_name) {
                Ok(existing) if existing.kind == FileKind::Directory => {
                    let creator = self.shared.identity.unknown_creator();
                    let target = above.target.below(new_name);
                    Ok(Directory { target, parent, creator, ..above.merging(source) })
                }
                Ok(existing) => {
                    let why = format!("{} of that name is there", describe(existing.kind));
                    return self.station.fail(Error::refused("create directory", above.target.path_of(new_name), why));
                }
                Err(Errno::NOENT) => above
                    .new_unit(&mut self.station.sys, &self.shared.leftovers, source, &open.target, new_name)
                    .map(|unit| Directory { parent, creator: open.creator, ..unit }),
                Err(errno) => Err(errno),
            }
        };
        match made {
            Ok(directory) => handle.offer(Task::Directory(Arc::new(directory))),
            Err(errno) => self.station.fail(Error::system("create directory", above.target.path_of(new_name), errno)),
        }
    }

    /// Makes what is neither file nor directory: a symbolic link, a FIFO, a socket's name, a device. None is read.
    fn other(&mut self, open: &Open, name: &CStr, new_name: &CStr) -> Result<(), Error> {
        let sys = &mut self.station.sys;
        let (source, target) = (&open.directory.source, &open.directory.target);
        let attributes =
            sys.stat_at(&open.source, name).map_err(|errno| Error::system("examine", source.path_of(name), errno))?;
        let text = match attributes.kind {
            FileKind::Symlink => Some(
                sys.readlinkat(&open.source, name)
                    .map_err(|errno| Error::system("read link", source.path_of(name), errno))?,
            ),
            _ => None,
        };
        let make = |sys: &mut Sys, name: &CStr| match &text {
            Some(text) => sys.symlinkat(text, &open.target, name),
            None => sys.mknodat(&open.target, name, attributes.kind, attributes.mode, attributes.rdev),
        };
        let failed = |errno| Error::system("create", target.path_of(new_name), errno);
        if open.directory.in_part {
            make(sys, new_name).map_err(failed)?;
            keep_on_name(sys, &open.target, new_name, &attributes, &open.creator).map_err(failed)?;
        } else {
            let existing = sys.stat_at(&open.target, new_name).ok();
            // A link onto the file that it leads to would leave a link to itself, and the file gone.
            let leads_to = existing.and_then(|_| sys.stat_through(&open.source, name).ok());
            let same = |existing: Attributes| {
                existing.is_same_file(&attributes) || leads_to.is_some_and(|there| existing.is_same_file(&there))
            };
            if existing.is_some_and(same) {
                return Err(Error::refused("copy", source.path_of(name), "source and target are the same file"));
            }
            if existing.is_some_and(|existing| existing.kind == FileKind::Directory) {
                return Err(Error::refused("copy", source.path_of(name), "a directory of that name is in the target"));
            }
            let part = Part::other(&self.shared.leftovers, &open.target, new_name, |name| make(sys, name));
            let part = part.map_err(failed)?;
            keep_on_name(sys, &open.target, part.temporary(), &attributes, &open.creator).map_err(failed)?;
            part.finish(sys, existing.is_some()).map_err(failed)?;
        }
        self.station.summary.others += 1;
        Ok(())
    }

    /// Gives up a task's hold on an open directory; the last to do so finishes it.
    pub(super) fn leave(&mut self, open: Arc<Open>) {
        let Some(Open { directory, source, target, .. }) = Arc::into_inner(open) else { return };
        let _ = self.station.sys.close(source);
        // A unit's `Part` may still hold the target's descriptor; then it closes with that.
        self.leave_directory(directory, Arc::into_inner(target));
    }

    /// Gives up a hold on a directory, and on those above it, as far as this was the last.
    fn leave_directory(&mut self, directory: Arc<Directory>, mut target: Option<OwnedFd>) {
        if self.station.is_halted() {
            // Something below is missing: dropped, a unit takes its temporary name away.
            return;
        }
        let mut current = Some(directory);
        while let Some(mut directory) = current.and_then(Arc::into_inner) {
            let finished = self.finish(&directory, target.take());
            self.station.check(finished);
            if let Some(part) = directory.part.take() {
                let named = part.finish(&mut self.station.sys, false);
                let path = directory.target.path();
                self.station.check(named.map_err(|errno| Error::system("give its final name to", path, errno)));
            }
            self.station.summary.directories += u64::from(directory.in_part);
            current = directory.parent.0.take();
        }
        if let Some(target) = target {
            let _ = self.station.sys.close(target);
        }
    }

    /// Sets a directory's owner, mode and times, now that nothing will be made in it any more.
    fn finish(&mut self, directory: &Directory, target: Option<OwnedFd>) -> Result<(), Error> {
        let sys = &mut self.station.sys;
        let failed = |errno| Error::system("set times and mode of", directory.target.path(), errno);
        if let Some(attributes) = directory.attributes.get() {
            let target = target.map_or_else(|| directory.target.open(sys), Ok).map_err(failed)?;
            keep_on_existing(sys, &target, attributes, &directory.creator).map_err(failed)?;
            sys.close(target).map_err(failed)
        } else {
            target.map_or(Ok(()), |target| sys.close(target).map_err(failed))
        }
    }
}
