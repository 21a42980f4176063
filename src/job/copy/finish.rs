//! Finishing directories, when all below them is done.

use std::os::fd::OwnedFd;
use std::sync::Arc;

use super::Copier;
use super::directory::{Directory, Open};
use crate::error::Error;
use crate::plan::Durable;
use crate::tree::extended::Class;
use crate::tree::path::search_only;
use crate::tree::{Trouble, Unit};

impl Copier {
    /// Gives up a task's hold on an open directory; the last to do so finishes it.
    pub(super) fn leave(&mut self, open: Arc<Open>) {
        let Some(Open { directory, source, target, .. }) = Arc::into_inner(open) else { return };
        let _ = self.station.sys.close(source);
        // A file's `Part` may still hold the target's descriptor; then it closes with that.
        self.leave_directory(directory, Arc::into_inner(target));
    }

    /// Gives up a hold on a directory, and on those above it, as far as this was the last.
    pub(super) fn leave_directory(&mut self, directory: Arc<Directory>, target: Option<OwnedFd>) {
        // The work at hand goes on where it was.
        let volume = self.station.volume();
        self.finish_directories(directory, target);
        self.station.return_to(volume);
    }

    fn finish_directories(&mut self, directory: Arc<Directory>, mut target: Option<OwnedFd>) {
        let mut current = Some(directory);
        while let Some(mut directory) = current.and_then(Arc::into_inner) {
            // Asked again for each: whoever gave up its hold before us may have done so without doing its work, and then
            // the job was halted before. Something below is missing: dropped, a unit keeps its temporary name.
            if self.station.is_halted() {
                return;
            }
            if self.station.is_full(directory.volume.dev()) {
                // The same holds; but those above may lie in another file system.
                if let Some(target) = target.take() {
                    let _ = self.station.sys.close(target);
                }
                current = directory.parent.0.take();
                continue;
            }
            if self.shared.plan.dry_run {
                self.station.summary.directories += u64::from(directory.source_seen.get().is_some());
                current = directory.parent.0.take();
                continue;
            }
            self.writes_to(&directory);
            let mode = self.finish_directory(&directory, target.take());
            // Dropped, one that is not to be finished keeps its temporary name.
            if let Some(unit) = directory.unit.take().filter(Unit::is_finished) {
                let sync = self.shared.plan.durable == Durable::File;
                let named = unit.finish(&mut self.station.sys, mode.unwrap_or(0o700), sync);
                let path = || directory.target.path();
                let named = named.map_err(|errno| Error::system("give its final name to", path(), errno));
                if let Some(errno) = self.station.check(named).flatten() {
                    let reported = self.report(&[Trouble::new("set", Class::Mode, errno)], path);
                    self.station.check(reported);
                }
            }
            self.station.summary.directories += u64::from(directory.source_seen.get().is_some());
            current = directory.parent.0.take();
        }
        if let Some(target) = target {
            let _ = self.station.sys.close(target);
        }
    }

    /// Sets a directory's owner, attributes, mode and times, now that nothing will be made in it any more, as far as that
    /// can be done. A unit gets its mode with its name: then that is returned.
    pub(super) fn finish_directory(&mut self, directory: &Directory, target: Option<OwnedFd>) -> Option<u32> {
        let failed = |operation| move |errno| Error::system(operation, directory.target.path(), search_only(errno));
        let Some(seen) = directory.source_seen.get() else {
            let closed = target.map_or(Ok(()), |target| self.station.sys.close(target));
            self.station.check(closed.map_err(failed("close")));
            return None;
        };
        let sys = &mut self.station.sys;
        let target = target.map_or_else(|| directory.target.open_to_search(sys), Ok);
        let target = self.station.check(target.map_err(failed("set times and mode of")))?;
        let (mode, lost) = self.keep_attributes_of_directory(directory, seen, &target);
        let reported = self.report(&lost, || directory.target.path());
        self.station.check(reported);
        let sys = &mut self.station.sys;
        let synced = if self.shared.plan.durable == Durable::File { sys.fsync(&target) } else { Ok(()) };
        let closed = sys.close(target);
        self.station.check(synced.and(closed).map_err(failed("sync")));
        directory.unit.is_some().then_some(mode)
    }
}
