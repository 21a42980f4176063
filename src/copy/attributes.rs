//! What is kept beside the bytes: owner, attributes, mode and times of files and directories on their way, in this
//! order, and what is said of what could not be.

use std::os::fd::{AsFd, OwnedFd};
use std::path::PathBuf;
use std::sync::Arc;

use rustix::io::Errno;

use super::Copier;
use super::directory::{Directory, Seen};
use super::sides::{FileCopy, TargetPlace, lender};
use crate::error::{Error, Result};
use crate::plan::Durable;
use crate::sys::{Attributes, Creator};
use crate::tree::extended::{
    Class, Kept, Origin, Prior, Selection, allowed_by_default, has_default_acl, keep_extended, shed_acls,
};
use crate::tree::metadata::{Owned, SET_GROUP_ID, keep_mode, keep_owner, keep_times, ordinary_directory_mode};
use crate::tree::{FileRef, Place, Trouble};

impl Copier {
    /// Whether files made in a directory get an ACL from it.
    pub(super) fn inherits_acl(&mut self, directory: &OwnedFd) -> bool {
        has_default_acl(&mut self.worker.sys, directory)
    }

    /// Sees to a new directory with this mode, where the one that it lies in hands on an ACL: that may take rights from its
    /// owner, too. With the source's mode it loses the ACL; without, it is as any new directory there. Says whether what is
    /// made in it inherits an ACL.
    pub(super) fn inherits(&mut self, parent: &OwnedFd, place: &Place, mode: u32) -> bool {
        if !self.inherits_acl(parent) {
            return false;
        }
        if let Ok(directory) = place.open_to_search(&mut self.worker.sys) {
            self.make_ours(&directory, mode);
            let _ = self.worker.sys.close(directory);
        }
        let sys = &mut self.worker.sys;
        // What is not taken away here goes with each file, and from the directory in the end.
        let mut shed = || place.open(sys).and_then(|directory| shed_acls(sys, &directory).and(sys.close(directory)));
        !self.shared.plan.keep.mode || shed().is_err()
    }

    /// Gives a new directory the mode that it was made with, whatever ACL it inherited. Where that is not allowed, what
    /// needs it fails and says so.
    pub(super) fn make_ours(&mut self, directory: &OwnedFd, mode: u32) {
        let sys = &mut self.worker.sys;
        let handed_on = sys.fstat(directory).map_or(0, |found| found.mode & SET_GROUP_ID);
        keep_mode(sys, FileRef::Open(directory.as_fd()), mode | handed_on, None, &mut Vec::new());
    }

    /// The mode of a new directory where its source's is not to be kept. It keeps the set-group-id bit that it inherited.
    fn ordinary_mode_of(&mut self, directory: &OwnedFd, wanted: &Attributes, creator: &Creator) -> u32 {
        let sys = &mut self.worker.sys;
        // Nobody else is let in by an ACL that cannot be read.
        let handed_on = creator.inherits_acl.then(|| allowed_by_default(sys, directory).unwrap_or(0o700));
        let inherited = sys.fstat(directory).map_or(0, |found| found.mode & SET_GROUP_ID);
        ordinary_directory_mode(wanted, creator, handed_on) | inherited
    }

    /// Whether a source directory has anything to be copied, when its turn comes.
    pub(super) fn has_extended(&mut self, source: &OwnedFd, place: &Place) -> Result<bool> {
        match self.worker.sys.flistxattr(source, &mut self.attributes.names) {
            Ok(mut names) => Ok(names.next().is_some()),
            // Whatever else is the matter shows when they are copied.
            Err(Errno::NOTSUP) => Ok(false),
            Err(Errno::INTR) => Err(Error::system("examine", place.path(), Errno::INTR)),
            Err(_) => Ok(true),
        }
    }

    /// Gives a target with all its bytes its attributes, as far as that can be done. What cannot be is reported, and costs
    /// nothing else: false if that is a failure; an error is about the bytes, or an interruption.
    pub(super) fn keep_attributes(&mut self, copy: &FileCopy) -> Result<bool> {
        let (plan, creator) = (Arc::clone(&self.shared.plan), &copy.open.creator);
        let creator = match copy.place {
            TargetPlace::InPlace { regular: false, .. } => return Ok(true),
            TargetPlace::InPlace { regular: true, .. } | TargetPlace::Done(_) => {
                &self.shared.identity.unknown_creator()
            }
            _ => creator,
        };
        let (keep, target, mut lost) = (plan.keep, FileRef::Open(copy.target.as_fd()), Vec::new());
        let (wanted, is_lent) = (copy.wanted(&plan, creator), lender(&plan, copy.replaced()).is_some());
        // What replaces a file is that file's, if not its source's.
        let owned = if keep.keeps_owner() || is_lent {
            keep_owner(&mut self.worker.sys, target, &wanted, creator, &mut lost)
        } else {
            Owned::from_the_start(&wanted, creator)
        };
        let kept = self.keep_extended_of_file(copy);
        let mode_now = copy.mode_now.filter(|_| !kept.mode_moved);
        let sys = &mut self.worker.sys;
        // What inherits an ACL, and is to have no other mode, has its own already.
        let is_natural = !keep.mode && creator.inherits_acl && !is_lent;
        if keep.mode || !(copy.place.is_in_place() || is_natural) {
            keep_mode(sys, target, owned.mode(kept.mode(wanted.mode)), mode_now, &mut lost);
        }
        if keep.times {
            keep_times(sys, target, &wanted, &mut lost);
        }
        lost.extend(kept.lost);
        let is_kept = self.report(&lost, || copy.target_path())?;
        if plan.durable == Durable::File {
            let synced = self.worker.sys.fsync(&copy.target);
            synced.map_err(|errno| Error::system("sync", copy.target_path(), errno))?;
        }
        Ok(is_kept)
    }

    /// The same of a directory. Says what mode it is to have, and what could not be kept.
    pub(super) fn keep_attributes_of_directory(
        &mut self,
        directory: &Directory,
        seen: &Seen,
        opened: &OwnedFd,
    ) -> (u32, Vec<Trouble>) {
        let (wanted, creator, keep) = (&seen.attributes, &directory.creator, self.shared.plan.keep);
        let (target, mut lost) = (FileRef::Open(opened.as_fd()), Vec::new());
        let owned = if keep.keeps_owner() {
            keep_owner(&mut self.worker.sys, target, wanted, creator, &mut lost)
        } else {
            Owned::from_the_start(wanted, creator)
        };
        let kept = self.keep_extended_of_directory(directory, seen, opened);
        let mode =
            if keep.mode { owned.mode(kept.mode(wanted.mode)) } else { self.ordinary_mode_of(opened, wanted, creator) };
        let sys = &mut self.worker.sys;
        if directory.staged.is_none() && (keep.mode || directory.is_staged()) {
            keep_mode(sys, target, mode, None, &mut lost);
        }
        if keep.times {
            keep_times(sys, target, wanted, &mut lost);
        }
        lost.extend(kept.lost);
        (mode, lost)
    }

    fn keep_extended_of_file(&mut self, copy: &FileCopy) -> Kept {
        let prior = match copy.place {
            TargetPlace::InPlace { .. } | TargetPlace::Done(_) => Prior::Access,
            _ if copy.open.creator.inherits_acl => Prior::Access,
            _ => Prior::None,
        };
        self.keep_extended(Origin::Open(copy.source.as_fd()), FileRef::Open(copy.target.as_fd()), prior)
    }

    /// The source of a directory is opened again only where there is something to be copied or to be taken away.
    fn keep_extended_of_directory(&mut self, directory: &Directory, seen: &Seen, target: &OwnedFd) -> Kept {
        let is_bare = directory.is_staged() && !directory.creator.inherits_acl;
        let prior = if is_bare { Prior::None } else { Prior::AccessAndDefault };
        if prior == Prior::None && !seen.has_extended {
            return Kept::default();
        }
        let sys = &mut self.worker.sys;
        let (source, name) = match (directory.source.open(sys), directory.source.above()) {
            // One that may not be read has its attributes by its name in the one above, or by `.` if that may be looked up.
            (Err(Errno::ACCESS), Some((above, name))) => (above.open_to_search(sys), Some(name)),
            (Err(Errno::ACCESS), None) => (directory.source.open_to_search(sys), Some(c".")),
            (opened, _) => (opened, None),
        };
        let source = match source {
            Ok(source) => source,
            Err(errno) => return Kept::unread(Trouble::new("open", Class::Plain, errno), seen.has_extended),
        };
        let origin = name.map_or(Origin::Open(source.as_fd()), |name| Origin::Named(source.as_fd(), name));
        let kept = self.keep_extended(origin, FileRef::Open(target.as_fd()), prior);
        let _ = self.worker.sys.close(source);
        kept
    }

    pub(super) fn keep_extended(&mut self, source: Origin<'_>, target: FileRef<'_>, prior: Prior) -> Kept {
        let what = (Selection::All, self.shared.plan.keep);
        keep_extended(&mut self.worker.sys, source, target, prior, what, &mut self.attributes)
    }

    /// Says what could not be kept of a target, whose bytes stay: false if that is a failure. An error is an interruption.
    pub(super) fn report(&mut self, lost: &[Trouble], path: impl Fn() -> PathBuf) -> Result<bool> {
        self.shared.losses.report(&mut self.worker, lost, path, "")
    }

    /// The same of a call that is not about one of them alone.
    pub(super) fn report_one(&mut self, operation: &'static str, path: PathBuf, errno: Errno) -> Result<bool> {
        let error = Error::of_one_file(operation, path, errno);
        if error.is_interruption() {
            return Err(error);
        }
        self.worker.fail(error);
        Ok(false)
    }
}
