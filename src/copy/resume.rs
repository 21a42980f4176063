//! New trees under temporary names, and going on with those that an earlier copy left behind.
//!
//! What is in such a tree is done if it is a file of its source's size and time, since times are set last; the rest is
//! made again, and what the source does not have any more goes.

use std::ffi::CStr;
use std::os::fd::OwnedFd;
use std::sync::Arc;

use rustix::io::Errno;

use super::Copier;
use super::directory::{Directory, Open, TargetState};
use crate::error::{Error, Result};
use crate::sys::{Attributes, DirectoryBuffer, FileKind, Sys};
use crate::tree::extended::shed_acls;
use crate::tree::{Begun, Place, Refused, StagedTree, UNFINISHED, remove_tree};

impl Copier {
    /// A new tree that is to become `name` in the target of `above`. `None` where a name cannot be changed once it is
    /// given: there the directory has its final one from the start, and each file in it is a target of its own.
    pub(super) fn begin_staged_tree(
        &mut self,
        above: &Directory,
        source: Arc<Place>,
        name: &CStr,
    ) -> Result<Option<Directory>> {
        if self.shared.plan.dry_run {
            return self.plan_staged_tree(above, source, name).map(Some);
        }
        let failed = |errno| Error::system("create directory", above.target_of(name), errno);
        let shared = Arc::clone(&self.shared);
        let sys = &mut self.worker.sys;
        let parent = above.target.open_to_search(sys).map_err(failed)?;
        let made = sys.fstat(&parent).map_err(failed)?;
        if made.is_append_only {
            let bits = if shared.plan.keep.mode { 0o700 } else { 0o777 };
            sys.mkdirat(&parent, name, bits).and(sys.close(parent)).map_err(failed)?;
            return Ok(None);
        }
        let mut creator = shared.identity.creating_in(&made);
        let staged = StagedTree::begin(sys, &above.target, &parent, name, &shared.unfinished, shared.plan.resume);
        let (staged, begun) = staged.map_err(|refused| not_begun(refused, above))?;
        creator.inherits_acl = self.inherits(&parent, staged.place(), UNFINISHED);
        self.worker.sys.close(parent).map_err(failed)?;
        let state = match begun {
            Begun::Again => TargetState::Resumed,
            Begun::Empty => TargetState::New,
            Begun::BesideAnother => {
                let why = "an earlier copy to here was not finished: its '.haul-part' is still there, and --resume continues it";
                self.worker.warn(above.target_of(name), why);
                TargetState::New
            }
        };
        if state == TargetState::Resumed {
            self.worker.note(|| (above.target_of(name), "continued where an earlier copy ended".to_owned()));
        }
        let target = Arc::clone(staged.place());
        Ok(Some(Directory { target, state, staged: Some(staged), creator, ..above.merging(source) }))
    }

    /// What a dry run does instead: the tree would be made, or an unfinished one continued, which is found as it is.
    fn plan_staged_tree(&mut self, above: &Directory, source: Arc<Place>, name: &CStr) -> Result<Directory> {
        if !self.shared.plan.resume {
            return self.plan_directory(above, source, name);
        }
        let failed = |errno| Error::system("create directory", above.target_of(name), errno);
        let sys = &mut self.worker.sys;
        let parent = above.target.open_to_search(sys).map_err(failed)?;
        let unfinished = StagedTree::find(sys, &parent, name);
        sys.close(parent).map_err(failed)?;
        match unfinished.map_err(|refused| not_begun(refused, above))? {
            None => self.plan_directory(above, source, name),
            Some(temporary) => {
                let target = above.target.staged(temporary, name);
                self.worker
                    .note(|| (above.target_of(name), "would be continued where an earlier copy ended".to_owned()));
                Ok(Directory { target, state: TargetState::Resumed, ..above.merging(source) })
            }
        }
    }

    /// A directory in a tree that is continued: makes it, unless it is there.
    pub(super) fn take_over_directory(&mut self, open: &Open, name: &CStr, new_name: &CStr) -> Result<TargetState> {
        let failed = |errno| Error::system("create directory", open.directory.target_of(new_name), errno);
        match self.worker.sys.stat_at(&open.target, new_name) {
            Ok(existing) => {
                self.refuse_other_case(&open.directory, Some(&open.target), name, new_name)?;
                if existing.kind == FileKind::Directory {
                    return Ok(TargetState::Resumed);
                }
                if !self.shared.plan.dry_run {
                    self.worker.sys.unlinkat(&open.target, new_name).map_err(failed)?;
                }
            }
            Err(Errno::NOENT) => {}
            Err(errno) => return Err(failed(errno)),
        }
        if self.shared.plan.dry_run { Ok(TargetState::New) } else { self.make_new_directory(open, new_name) }
    }

    /// Takes what an earlier copy left under a name out of the way.
    pub(super) fn clear(&mut self, open: &Open, name: &CStr) -> rustix::io::Result<()> {
        remove_tree(&mut self.worker.sys, &*open.target, name)
    }

    /// What could not be copied must not seem to be there, in the state in which an earlier copy left it; but where the
    /// whole job ends, the next copy is to find it. Best effort: the failure that led here is the one to report.
    pub(super) fn clear_stale<T>(&mut self, open: &Open, name: &CStr, copied: &Result<T>) {
        let failed = copied.as_ref().is_err_and(|error| !error.stops_the_job());
        if failed && open.directory.state == TargetState::Resumed && !self.shared.plan.dry_run {
            let _ = self.clear(open, name);
        }
    }

    /// The same for a directory whose source cannot be read; the top of a tree stays for the next copy.
    pub(super) fn clear_stale_directory(&mut self, directory: &Directory) {
        if directory.state != TargetState::Resumed || directory.staged.is_some() || self.shared.plan.dry_run {
            return;
        }
        let sys = &mut self.worker.sys;
        if let Some((above, name)) = directory.target.above()
            && let Ok(parent) = above.open(sys)
        {
            let _ = remove_tree(sys, &parent, name);
            let _ = sys.close(parent);
        }
    }

    /// See [`Copier::reopen_finished`].
    pub(super) fn is_reopened(&self, found: &Attributes) -> bool {
        let (plan, user) = (&self.shared.plan, self.shared.identity.uid);
        plan.resume && plan.keep.mode && found.uid == user && user != 0 && found.mode & 0o300 != 0o300
    }

    /// A directory that an earlier copy finished may be one that its owner may not write to; a name in it may still have to
    /// become another one's link. It gets its mode once more at the end.
    pub(super) fn reopen_finished(&mut self, directory: &OwnedFd, found: &Attributes) {
        if self.is_reopened(found) {
            // Where that is not allowed, what needs it will fail and say so.
            let _ = self.worker.sys.fchmod(directory, found.mode | 0o700);
        }
    }

    /// Makes a directory that is continued ours again, and takes out of it what its source has not.
    pub(super) fn reconcile(&mut self, open: &Open) -> Result<()> {
        let failed = |errno| Error::system("continue", open.directory.target.path(), errno);
        let sys = &mut self.worker.sys;
        // It may have got its final mode and ACLs already; what is made in it must not inherit those.
        let shed = shed_acls(sys, &*open.target);
        let ours = shed.and_then(|()| {
            if let Some(staged) = &open.directory.staged {
                return staged.take_over(sys);
            }
            // Set-group-id stays: it says whose group new files get.
            let found = sys.fstat(&*open.target)?;
            sys.fchmod(&*open.target, 0o700 | found.mode & 0o2000)
        });
        ours.map_err(|errno| Error::of_one_file("continue", open.directory.target.path(), errno))?;
        let listed = sys.open_directory(&*open.target, c".").map_err(failed)?;
        let mut buffer = DirectoryBuffer::default();
        let mut stale = Vec::new();
        while let Some(entries) = sys.getdents(&listed, &mut buffer).map_err(failed)? {
            for entry in entries.iter() {
                if is_missing(sys, open, entry.name).map_err(failed)? {
                    stale.push(entry.name.to_owned());
                }
            }
        }
        sys.close(listed).map_err(failed)?;
        stale.iter().try_for_each(|name| self.clear(open, name)).map_err(failed)
    }
}

fn not_begun(refused: Refused, above: &Directory) -> Error {
    match refused {
        Refused::System(name, errno) => Error::system("create directory", above.target_of(&name), errno),
        Refused::NotContinued(name, why) => {
            let why = format!("{why}; remove or rename it, or leave --resume out");
            Error::refused("continue", above.target_of(&name), why)
        }
    }
}

fn is_missing(sys: &mut Sys, open: &Open, name: &CStr) -> rustix::io::Result<bool> {
    match sys.stat_at(&open.source, name) {
        Ok(_) => Ok(false),
        Err(Errno::NOENT) => Ok(true),
        Err(errno) => Err(errno),
    }
}
