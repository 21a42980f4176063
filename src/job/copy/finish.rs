//! Finishing directories, when all below them is done.

use std::os::fd::OwnedFd;
use std::sync::Arc;

use super::Copier;
use super::directory::{Directory, Open};
use crate::error::Error;
use crate::plan::Durable;
use crate::tree::Unit;
use crate::tree::metadata::{Owned, keep_owner, ordinary_mode};
use crate::tree::path::search_only;

impl Copier {
    /// Gives up a task's hold on an open directory; the last to do so finishes it.
    pub(super) fn leave(&mut self, open: Arc<Open>) {
        let Some(Open { directory, source, target, .. }) = Arc::into_inner(open) else { return };
        let _ = self.station.sys.close(source);
        // A file's `Part` may still hold the target's descriptor; then it closes with that.
        self.leave_directory(directory, Arc::into_inner(target));
    }

    /// Gives up a hold on a directory, and on those above it, as far as this was the last.
    pub(super) fn leave_directory(&mut self, directory: Arc<Directory>, mut target: Option<OwnedFd>) {
        let mut current = Some(directory);
        while let Some(mut directory) = current.and_then(Arc::into_inner) {
            // Asked again for each: whoever gave up its hold before us may have done so without doing its work, and then
            // the job was halted before. Something below is missing: dropped, a unit keeps its temporary name.
            if self.station.is_halted() {
                return;
            }
            let finished = self.finish_directory(&directory, target.take());
            let mode = self.station.check(finished).flatten();
            // Dropped, one that is not to be finished keeps its temporary name.
            if let Some(unit) = directory.unit.take().filter(Unit::is_finished) {
                let sync = self.shared.plan.durable == Durable::File;
                let named = unit.finish(&mut self.station.sys, mode.unwrap_or(0o700), sync);
                let path = directory.target.path();
                self.station.check(named.map_err(|errno| Error::system("give its final name to", path, errno)));
            }
            self.station.summary.directories += u64::from(directory.source_seen.get().is_some());
            current = directory.parent.0.take();
        }
        if let Some(target) = target {
            let _ = self.station.sys.close(target);
        }
    }

    /// Sets a directory's owner, mode and times, now that nothing will be made in it any more. A unit gets its mode with
    /// its name: then that is returned.
    pub(super) fn finish_directory(
        &mut self,
        directory: &Directory,
        target: Option<OwnedFd>,
    ) -> Result<Option<u32>, Error> {
        let plan = Arc::clone(&self.shared.plan);
        let failed = |errno| Error::system("set times and mode of", directory.target.path(), search_only(errno));
        let Some(seen) = directory.source_seen.get() else {
            return target.map_or(Ok(None), |target| self.station.sys.close(target).map_err(failed).map(|()| None));
        };
        let sys = &mut self.station.sys;
        let target = target.map_or_else(|| directory.target.open_to_search(sys), Ok).map_err(failed)?;
        let (wanted, creator) = (&seen.attributes, &directory.creator);
        let (keep, is_new) = (&plan.keep, directory.is_in_unit());
        let owned = if keep.owner {
            keep_owner(sys, &target, wanted, creator).map_err(failed)?
        } else {
            Owned::from_the_start(wanted, creator)
        };
        let kept = self.keep_extended_of_directory(directory, seen, &target)?;
        let sys = &mut self.station.sys;
        let mode = if keep.mode { wanted.mode } else { ordinary_mode(wanted, creator) };
        let mode = owned.mode(kept.mode(mode));
        if directory.unit.is_none() && (keep.mode || is_new) {
            sys.fchmod(&target, mode).map_err(failed)?;
        }
        if keep.times {
            sys.futimens(&target, wanted.atime, wanted.mtime).map_err(failed)?;
        }
        if plan.durable == Durable::File {
            sys.fsync(&target).map_err(|errno| Error::system("sync", directory.target.path(), errno))?;
        }
        sys.close(target).map_err(failed)?;
        Ok(directory.unit.is_some().then_some(mode))
    }
}
