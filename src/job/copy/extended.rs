//! Extended attributes and ACLs of files and directories on their way, and what is said of those that are lost.

use std::ffi::CStr;
use std::os::fd::{AsFd, OwnedFd};
use std::path::PathBuf;

use rustix::io::Errno;

use super::Copier;
use super::directory::{Directory, Open, Seen};
use super::sides::{FileCopy, TargetPlace};
use crate::error::{Error, Result};
use crate::tree::Place;
use crate::tree::extended::{Kept, Prior, Trouble, has_default_acl, keep_extended, keep_extended_on_name, shed_acls};

impl Copier {
    /// Whether files made in a directory get an ACL from it. Where that cannot be told they do not.
    pub(super) fn inherits_acl(&mut self, directory: &OwnedFd) -> bool {
        has_default_acl(&mut self.station.sys, directory).unwrap_or(false)
    }

    /// Takes from a new tree the ACLs that the directory it lies in handed on: then nothing in it inherits any.
    pub(super) fn shed_inherited(&mut self, parent: &OwnedFd, place: &Place) -> rustix::io::Result<()> {
        // Without the source's mode the target is as any new directory there.
        if !self.shared.plan.keep.mode || !self.inherits_acl(parent) {
            return Ok(());
        }
        let sys = &mut self.station.sys;
        let directory = place.open(sys)?;
        shed_acls(sys, &directory).and(sys.close(directory))
    }

    /// Whether a source directory has anything to be copied, when its turn comes.
    pub(super) fn has_extended(&mut self, source: &OwnedFd, place: &Place) -> Result<bool> {
        match self.station.sys.flistxattr(source, &mut self.attributes.names) {
            Ok(mut names) => Ok(names.next().is_some()),
            // Whatever else is the matter shows when they are copied.
            Err(Errno::NOTSUP) => Ok(false),
            Err(Errno::INTR) => Err(Error::system("examine", place.path(), Errno::INTR)),
            Err(_) => Ok(true),
        }
    }

    pub(super) fn keep_extended_of_file(&mut self, copy: &FileCopy) -> Result<Kept> {
        let prior = match copy.place {
            TargetPlace::InPlace { .. } | TargetPlace::Done(_) => Prior::Access,
            _ if copy.open.creator.inherits_acl => Prior::Access,
            _ => Prior::None,
        };
        let (sys, keep) = (&mut self.station.sys, self.shared.plan.keep);
        let kept = keep_extended(sys, &copy.source, &copy.target, prior, keep, &mut self.attributes);
        self.account_for(kept, || copy.target_path())
    }

    /// The source of a directory is opened again only where there is something to be copied or to be taken away.
    pub(super) fn keep_extended_of_directory(
        &mut self,
        directory: &Directory,
        seen: &Seen,
        target: &OwnedFd,
    ) -> Result<Kept> {
        let prior = if directory.is_in_unit() { Prior::None } else { Prior::AccessAndDefault };
        if prior == Prior::None && !seen.has_extended {
            return Ok(Kept::default());
        }
        let sys = &mut self.station.sys;
        let failed = |errno| Error::system("open", directory.source.path(), errno);
        let (keep, buffers) = (self.shared.plan.keep, &mut self.attributes);
        let (source, kept) = match directory.source.open(sys) {
            // It may only be searched: its attributes are those of the name `.` in it.
            Err(Errno::ACCESS) => {
                let source = directory.source.open_to_search(sys).map_err(failed)?;
                let (from, to) = ((source.as_fd(), c"."), (target.as_fd(), c"."));
                let kept = keep_extended_on_name(sys, from, to, prior, keep, buffers);
                (source, kept)
            }
            opened => {
                let source = opened.map_err(failed)?;
                let kept = keep_extended(sys, &source, target, prior, keep, buffers);
                (source, kept)
            }
        };
        sys.close(source).map_err(failed)?;
        self.account_for(kept, || directory.target.path())
    }

    /// The same for what cannot be opened, under the name it has now.
    pub(super) fn keep_extended_of_name(&mut self, open: &Open, name: &CStr, new_name: &CStr) -> Result<Kept> {
        let prior = if open.creator.inherits_acl { Prior::Access } else { Prior::None };
        let (source, target) = ((open.source.as_fd(), name), (open.target.as_fd(), new_name));
        let (sys, keep) = (&mut self.station.sys, self.shared.plan.keep);
        let kept = keep_extended_on_name(sys, source, target, prior, keep, &mut self.attributes);
        self.account_for(kept, || open.directory.target_of(new_name))
    }

    /// Says what is lost: each kind of attribute once a job, since it is lost everywhere or nowhere.
    fn account_for(&mut self, kept: std::result::Result<Kept, Trouble>, path: impl Fn() -> PathBuf) -> Result<Kept> {
        let kept = kept.map_err(|trouble| trouble.into_error(path()))?;
        for trouble in &kept.lost {
            if self.shared.is_first_lost(trouble.class) {
                let why = format!("{trouble}; the rest of it is kept, and what is lost of others is not told again");
                self.station.warn(path(), why);
            } else {
                self.station.note(|| (path(), trouble.to_string()));
            }
        }
        Ok(kept)
    }
}
