//! The fast path for small files of a new tree: they are examined once, after their bytes were copied, which saves two of
//! ten system calls.
//!
//! Usually a file is examined twice: before, for what it is, and after, for whether it changed. Where its file system
//! keeps time by this machine's clock, one look afterwards tells both: a file whose time of change lies before the copy was
//! begun was that file all the while. Its mode is a guess until then, which harms nobody: the tree is in a directory
//! that only we may enter. What does not turn out as expected (a file that changed just now, one with several names
//! or with holes, a large one) is removed again and copied as usual; where that happens often, it is not tried.

use std::ffi::CStr;
use std::os::fd::OwnedFd;
use std::sync::Arc;

use super::directory::{Open, TargetState};
use super::sides::{FileCopy, TargetPlace};
use super::{Copier, Task};
use crate::plan::{CopyPlan, EngineName, Method, When};
use crate::pool::Handle;
use crate::sys::{Attributes, FileKind, Moment, file_time};

/// Bytes copied before the first look. More would be copied in vain where a large file is to be shared by workers.
const AT_ONCE: usize = 256 << 10;
/// Of so many attempts one may be in vain.
const WORTH_TRYING: u32 = 16;

/// How often the fast path was tried by a worker, how often in vain, and what mode the last file had.
#[derive(Debug, Clone, Copy)]
pub(super) struct FastPath {
    attempts: u32,
    in_vain: u32,
    mode: u32,
}

impl Default for FastPath {
    fn default() -> Self {
        Self { attempts: 0, in_vain: 0, mode: 0o644 }
    }
}

/// Whether nothing in a plan needs a look at a file before it is copied.
pub(super) fn allows_fast_path(plan: &CopyPlan) -> bool {
    plan.method == Method::Copy
        && (plan.engine, plan.reflink, plan.sparse) == (EngineName::Auto, When::Auto, When::Auto)
        && plan.resources.buffer.is_none()
        && plan.keep.mode
        && plan.keep.keeps_owner()
        && !plan.verify
        && !plan.copy_contents
}

impl Copier {
    /// Whether files of this directory can be copied before they are looked at.
    pub(super) fn can_use_fast_path(&self, open: &Open) -> bool {
        let directory = &open.directory;
        let Some(seen) = directory.source_seen.get() else { return false };
        directory.state == TargetState::New
            && self.shared.can_use_fast_path
            && directory.volume.is_plain_home_of(seen.attributes.dev)
            && !directory.source.follows_links()
            && self.fast_path.in_vain * WORTH_TRYING <= self.fast_path.attempts + WORTH_TRYING
    }

    /// Copies a file, unless it turns out to need another way; then nothing of it is left. Failures are found again, and
    /// told, on that way.
    pub(super) fn copy_by_fast_path(
        &mut self,
        open: &Arc<Open>,
        name: &CStr,
        new_name: &CStr,
        handle: &mut Handle<'_, Task>,
    ) -> bool {
        self.fast_path.attempts += 1;
        let (opened, since) = (self.worker.clock(), file_time());
        let sys = &mut self.worker.sys;
        // Reading would touch its time of access before we have seen that. Only its owner may ask for this.
        let Ok(source) = sys.open_untouched(&open.source, name) else {
            self.fast_path.in_vain += 1;
            return false;
        };
        let mode = self.fast_path.mode;
        let Ok(target) = sys.create(&open.target, new_name, mode) else { return false };
        let Some(attributes) = self.copy_then_examine(&source, &target, since) else {
            self.fast_path.in_vain += 1;
            let sys = &mut self.worker.sys;
            let _ = sys.unlinkat(&open.target, new_name);
            let _ = sys.close(target);
            let _ = sys.close(source);
            return false;
        };
        self.fast_path.mode = attributes.mode & 0o777;
        let mode_now = Some(mode & !open.creator.umask);
        let (open, name, new_name) = (Arc::clone(open), name.to_owned(), new_name.to_owned());
        let copy =
            FileCopy { open, name, source, opened, attributes, target, new_name, place: TargetPlace::Staged, mode_now };
        self.worker.found(attributes.size);
        self.worker.moved(attributes.size);
        self.worker.note(|| (copy.source_path(), format!("{} bytes by copy_file_range", attributes.size)));
        let finished = self.complete(copy, handle);
        if let Some(is_kept) = self.worker.check(finished) {
            self.worker.summary.target_bytes += attributes.size;
            if is_kept {
                self.worker.done(opened);
            }
        }
        true
    }

    /// Copies a small file and looks at it; nothing if it needs another way.
    fn copy_then_examine(&mut self, source: &OwnedFd, target: &OwnedFd, since: Moment) -> Option<Attributes> {
        let sys = &mut self.worker.sys;
        let copied = sys.copy_file_range(source, target, 0, AT_ONCE).ok()?;
        let attributes = sys.fstat(source).ok()?;
        let is_all = attributes.size == copied as u64 && copied < AT_ONCE;
        let is_plain = attributes.kind == FileKind::RegularFile && attributes.links == 1 && !attributes.has_holes();
        // Old ext4 inodes have whole seconds only.
        let tick = i64::from(attributes.ctime.nanoseconds == 0);
        let is_old = Moment { seconds: attributes.ctime.seconds + tick, ..attributes.ctime } < since;
        (is_all && is_plain && is_old).then_some(attributes)
    }
}
