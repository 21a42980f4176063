//! Reading directories and handing on what is in them.

use std::ffi::{CStr, OsStr};
use std::os::fd::OwnedFd;
use std::os::unix::ffi::OsStrExt;
use std::path::PathBuf;
use std::sync::Arc;

use rustix::io::Errno;

use super::directory::{Directory, Open, Seen, TargetState};
use super::{Copier, Task};
use crate::error::{Error, Result};
use crate::plan::Method;
use crate::pool::Handle;
use crate::sys::{Entries, FileKind, Sys};
use crate::tree::{DirectoryRules, Place, is_finished_copy, is_temporary, is_unfinished_tree, remove_abandoned};

/// Entries from which on they are offered to another worker; fewer are done before the offer is worth its cost.
const WORTH_OFFERING: usize = 16;

/// Why a directory is not copied that the job itself makes.
const IS_THE_COPY: &str = "it is the copy that is being made";

impl Copier {
    /// Goes into a directory that was found in another: makes its target, if nobody has yet, and copies what is in it.
    pub(super) fn enter(
        &mut self,
        above: Arc<Directory>,
        name: &CStr,
        new_name: &CStr,
        state: TargetState,
        handle: &mut Handle<'_, Task>,
    ) {
        self.writes_to(&above);
        if state != TargetState::Merged && self.worker.is_full(above.volume.dev()) {
            return self.leave_directory(above, None);
        }
        let made = self.make_directory(&above, name, new_name, state);
        match self.worker.check(made) {
            Some((directory, target)) => {
                drop(above);
                self.walk(Arc::new(directory), target, handle);
            }
            None => self.leave_directory(above, None),
        }
    }

    /// Reads a directory and copies what is in it, handing on what others will take.
    pub(super) fn walk(&mut self, directory: Arc<Directory>, target: Option<OwnedFd>, handle: &mut Handle<'_, Task>) {
        self.writes_to(&directory);
        let opened = self.open(&directory, target);
        let opened = opened.and_then(|(source, target)| self.opened(&directory, source, target));
        let is_denied = opened.as_ref().is_err_and(|error| error.errno() == Some(Errno::ACCESS));
        let Some(open) = self.worker.check(opened) else { return self.give_up(directory, is_denied) };
        drop(directory);
        self.tell_directory(&open.directory);
        let is_dry_run = self.shared.plan.dry_run;
        if open.directory.state == TargetState::Resumed && !is_dry_run {
            let reconciled = self.reconcile(&open);
            if self.worker.check(reconciled).is_none() {
                open.directory.leave_unfinished();
            }
        }
        if open.directory.state == TargetState::Merged && !is_dry_run {
            self.remove_abandoned(&open.directory.target, &open.target);
        }
        while self.stays_here(&open) {
            if self.worker.is_halted() {
                return;
            }
            match self.worker.sys.getdents(&open.source, &mut self.names) {
                Ok(None) => break,
                Ok(Some(entries)) => self.share(&open, entries, handle),
                Err(errno) => {
                    self.worker.fail(Error::system("read", open.directory.source.path(), errno));
                    open.directory.leave_unfinished();
                    break;
                }
            }
        }
        self.leave(open);
    }

    /// From here on the work at hand writes to the file system that the target of a directory lies in.
    pub(super) fn writes_to(&mut self, directory: &Directory) {
        self.worker.writes_to(Some(directory.volume.dev()));
    }

    /// Opens both sides; refuses sources that this copy itself is making, and targets that are the source.
    fn open(&mut self, directory: &Directory, target: Option<OwnedFd>) -> Result<(OwnedFd, OwnedFd)> {
        let sys = &mut self.worker.sys;
        let from = |errno| Error::system("open", directory.source.path(), errno);
        let to = |errno| Error::system("open", directory.target.path(), errno);
        let source = directory.source.open(sys).map_err(from)?;
        let attributes = sys.fstat(&source).map_err(from)?;
        let target = match target {
            Some(target) => target,
            None if directory.is_planned() => self.open_nowhere()?,
            None => directory.target.open_to_search(sys).map_err(to)?,
        };
        if directory.creator.inherits_acl && directory.staged.is_none() && directory.state == TargetState::New {
            self.make_ours(&target, 0o700);
        }
        let sys = &mut self.worker.sys;
        let may_be_source = directory.state == TargetState::Merged || directory.staged.is_some();
        if may_be_source && !directory.is_planned() {
            let made = sys.fstat(&target).map_err(to)?;
            if made.is_same_file(&attributes) {
                let why = "source and target are the same directory";
                return Err(Error::refused("copy", directory.source.path(), why));
            }
            if directory.staged.is_some() {
                let name = directory.target.above().map(|(_, name)| name).unwrap_or_default();
                self.shared.note_made(made.id(), name);
            }
        }
        if self.shared.has_made(attributes.id()) {
            return Err(Error::refused("copy", directory.source.path(), IS_THE_COPY));
        }
        let has_extended = self.has_extended(&source, &directory.source)?;
        let _ = directory.source_seen.set(Seen { attributes, has_extended });
        Ok((source, target))
    }

    /// An open directory, with all that files made in it need to know. In a staged tree they belong to its owner:
    /// what is made there inherits the same.
    pub(super) fn opened(&mut self, directory: &Arc<Directory>, source: OwnedFd, target: OwnedFd) -> Result<Arc<Open>> {
        let is_merged = directory.state == TargetState::Merged;
        let mut creator = directory.creator;
        let (mut target_id, mut rules, mut denied) = (None, DirectoryRules::default(), None);
        if directory.is_planned() {
            target_id = directory.planned.filter(|_| self.shared.notes_names);
        } else if is_merged || self.shared.notes_names {
            let made = self.worker.sys.fstat(&target);
            let made = made.map_err(|errno| Error::system("examine", directory.target.path(), errno))?;
            target_id = self.shared.notes_names.then(|| made.id());
            if is_merged {
                if self.shared.plan.dry_run {
                    denied = self.may_make_names(&target, &made).err();
                } else {
                    self.reopen_finished(&target, &made);
                }
                creator = self.shared.identity.creating_in(&made);
                rules = DirectoryRules::of(&made, self.shared.identity.uid);
                creator.inherits_acl = self.inherits_acl(&target);
            }
        }
        let (directory, target) = (Arc::clone(directory), Arc::new(target));
        Ok(Arc::new(Open { directory, source, target, creator, rules, target_id, denied }))
    }

    /// Whether to read a directory at all: what is mounted in a source stays empty, if we are to stay on its file system.
    fn stays_here(&self, open: &Open) -> bool {
        let origin = &open.directory.origin;
        let here = open.directory.source_seen.get().map(|seen| seen.attributes.dev);
        !self.shared.plan.one_file_system || origin.device.is_none() || origin.device == here
    }

    /// A directory that cannot be read: a staged tree is taken away, another stays empty, and what is above it can
    /// be finished. What an earlier copy made stays for the next one. One in a tree that only may not be read is made,
    /// empty, with all that is kept of it, as with cp; of a new tree whose top may not be read, there is nothing to make.
    fn give_up(&mut self, directory: Arc<Directory>, is_denied: bool) {
        let is_new = directory.staged.is_some() || directory.would_be_made();
        let is_tree = is_new && directory.parent.0.as_deref().is_none_or(Directory::holds_arguments);
        if is_denied && !is_tree && directory.state != TargetState::Resumed && self.see_unread(&directory) {
            self.tell_directory(&directory);
            return self.leave_directory(directory, None);
        }
        if let Some(mut directory) = Arc::into_inner(directory) {
            match directory.staged.take_if(|_| directory.state != TargetState::Resumed) {
                Some(staged) => staged.abandon(&mut self.worker.sys),
                None => self.clear_stale_directory(&directory),
            }
            if let Some(above) = directory.parent.0.take() {
                self.leave_directory(above, None);
            }
        }
    }

    /// Looks at a source directory that may not be read; says whether it is one.
    fn see_unread(&mut self, directory: &Directory) -> bool {
        let sys = &mut self.worker.sys;
        if !matches!(directory.source.open(sys), Err(Errno::ACCESS)) {
            return false;
        }
        let seen = directory.source.open_to_search(sys).and_then(|place| {
            let attributes = sys.fstat(&place);
            sys.close(place).and(attributes)
        });
        seen.is_ok_and(|attributes| directory.source_seen.set(Seen { attributes, has_extended: true }).is_ok())
    }

    /// Gives entries to another worker, or does them here.
    fn share(&mut self, open: &Arc<Open>, entries: Entries, handle: &mut Handle<'_, Task>) {
        if !self.shared.plan.resources.batch {
            return entries.singly().for_each(|alone| self.offer_entries(open, alone, handle));
        }
        if entries.len() < WORTH_OFFERING {
            return self.entries(open, entries, handle);
        }
        self.offer_entries(open, entries, handle);
    }

    fn offer_entries(&mut self, open: &Arc<Open>, entries: Entries, handle: &mut Handle<'_, Task>) {
        if let Err(Task::Entries(shared)) = handle.try_offer(Task::Entries(Box::new((Arc::clone(open), entries)))) {
            self.entries(open, shared.1, handle);
        }
    }

    /// Copies entries of an open directory. After a large file, half of what is left is offered to others: workers that
    /// have a file each do not wait for each other, as those do that write ranges of the same one (a third faster for
    /// files of 10 MB).
    pub(super) fn entries(&mut self, open: &Arc<Open>, mut entries: Entries, handle: &mut Handle<'_, Task>) {
        let mut place = 0;
        while let Some(entry) = entries.get(place) {
            if self.worker.is_halted() {
                return;
            }
            self.entry(open, entry.name, entry.name, entry.kind, handle);
            place += 1;
            let left = entries.len() - place;
            if std::mem::take(&mut self.was_large) && left > 1 {
                let half = entries.split_off(place + left.div_ceil(2));
                self.offer_entries(open, half, handle);
            }
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
        self.writes_to(&open.directory);
        let kind = self.kind(open, name, kind);
        let Some(kind) = self.worker.check(kind) else { return };
        if self.has_no_room(open, new_name, kind) {
            return;
        }
        if self.is_excluded(open, name, kind) || self.is_own_tree(open, name) {
            return;
        }
        if self.is_reserved(open, name, new_name) {
            return;
        }
        let done = match (kind, self.shared.plan.method) {
            (FileKind::Directory, _) => self.directory(open, name, new_name, handle),
            (_, Method::HardLink) => self.give_source_another_name(open, name, new_name),
            (_, Method::Symlink) => self.link_to_source(open, name, new_name),
            (kind, _) if self.is_read(kind) => {
                self.file(open, name, new_name, handle);
                Ok(())
            }
            _ => self.other(open, name, new_name, handle),
        };
        self.clear_stale(open, new_name, &done);
        self.worker.check(done);
    }

    /// Whether an entry is not tried, since its target's file system takes no more. But another one may be mounted in a
    /// directory that is there.
    fn has_no_room(&mut self, open: &Open, new_name: &CStr, kind: FileKind) -> bool {
        let is_there =
            |sys: &mut Sys| sys.stat_at(&open.target, new_name).is_ok_and(|there| there.kind == FileKind::Directory);
        self.worker.is_full(open.directory.volume.dev())
            && (kind != FileKind::Directory || open.directory.is_staged() || !is_there(&mut self.worker.sys))
    }

    /// What an entry is: asked for where the file system did not say, and at a link's end where links are followed.
    fn kind(&mut self, open: &Open, name: &CStr, kind: FileKind) -> Result<FileKind> {
        let follows = open.directory.source.follows_links() && matches!(kind, FileKind::Symlink | FileKind::Unknown);
        if kind != FileKind::Unknown && !follows {
            return Ok(kind);
        }
        let sys = &mut self.worker.sys;
        let found = if follows { sys.stat_through(&open.source, name) } else { sys.stat_at(&open.source, name) };
        let found = found.map_err(|errno| Error::system("examine", open.directory.source_of(name), errno))?;
        // A link back to where we came from has no end.
        if follows && found.kind == FileKind::Directory && open.directory.lies_below(&found) {
            let why = "this symbolic link leads to a directory that it lies in";
            return Err(Error::refused("follow", open.directory.source_of(name), why));
        }
        Ok(found.kind)
    }

    /// Whether an entry is to be passed over, which is said to those who asked for detail.
    fn is_excluded(&mut self, open: &Open, name: &CStr, kind: FileKind) -> bool {
        let patterns = &self.shared.plan.exclude;
        if patterns.is_empty() {
            return false;
        }
        let is_directory = kind == FileKind::Directory;
        let name_itself = OsStr::from_bytes(name.to_bytes());
        let excluded = if open.directory.parent.0.is_none() && open.directory.source_seen.get().is_none() {
            patterns.match_name(name_itself, is_directory)
        } else {
            let path = open.directory.source.path_below(open.directory.origin.depth).join(name_itself);
            patterns.matches(&path, is_directory)
        };
        if excluded {
            self.pass_over(|| open.directory.source_of(name), "it is excluded");
        }
        excluded
    }

    /// Whether an entry is a tree that this copy is making in its own source, under a temporary name. It is left out as by its
    /// final name it would be.
    fn is_own_tree(&mut self, open: &Open, name: &CStr) -> bool {
        if !is_unfinished_tree(name) || open.directory.holds_arguments() {
            return false;
        }
        let found = self.worker.sys.stat_at(&open.source, name).ok();
        let Some(final_name) = found.and_then(|found| self.shared.final_name(found.id())) else { return false };
        if !self.is_excluded(open, &final_name, FileKind::Directory) {
            self.worker.fail(Error::refused("copy", open.directory.source_of(&final_name), IS_THE_COPY));
        }
        true
    }

    /// Whether an entry has, or would get, a name that stands for what is not finished. That of a temporary file is
    /// passed over in a walk, and never a target. That of an unfinished tree could not be told from what we make beside
    /// it; in a new tree, where nothing else has such a name, it is as good as any.
    fn is_reserved(&mut self, open: &Open, name: &CStr, new_name: &CStr) -> bool {
        let is_walked = open.directory.source_seen.get().is_some();
        if is_walked && is_temporary(name) {
            self.pass_over_temporary(open, name);
            return true;
        }
        if is_temporary(new_name) {
            let why = "its name would be that of a temporary file of haul; choose another";
            self.worker.fail(Error::refused("create", open.directory.target_of(new_name), why));
            return true;
        }
        let is_refused = is_walked && open.directory.state == TargetState::Merged && is_unfinished_tree(name);
        if is_refused {
            let why = "its name is that of an unfinished copy; rename it, or copy it by its name";
            self.worker.fail(Error::refused("copy", open.directory.source_of(name), why));
        }
        is_refused
    }

    /// Passes over a temporary file. One that is a finished copy must not be missed.
    fn pass_over_temporary(&mut self, open: &Open, name: &CStr) {
        let path = open.directory.source_of(name);
        if self.worker.sys.stat_at(&open.source, name).is_ok_and(|found| is_finished_copy(&found)) {
            let why = "it is a finished copy that could not get its name; rename it";
            return self.worker.fail(Error::refused("copy", path, why));
        }
        let why = "passed over: its name is that of a temporary file of haul; copy it by another name";
        self.worker.warn(path, why);
        self.worker.summary.skipped += 1;
    }

    /// Removes from a target directory the temporary files that killed runs left there.
    pub(super) fn remove_abandoned(&mut self, place: &Place, directory: &OwnedFd) {
        // A directory that cannot be read is left as it is; that is not a failure.
        let removed = remove_abandoned(&mut self.worker.sys, directory, &mut self.names).unwrap_or_default();
        for name in removed {
            self.worker.note(|| (place.path_of(&name), "removed: a killed run left it".to_owned()));
        }
    }

    /// Counts something that is passed over on purpose.
    pub(super) fn pass_over(&mut self, path: impl FnOnce() -> PathBuf, why: &str) {
        self.worker.summary.skipped += 1;
        let would = if self.shared.plan.dry_run { "would be " } else { "" };
        self.worker.note(|| (path(), format!("{would}passed over: {why}")));
    }
}
