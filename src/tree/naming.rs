//! How something under a temporary name gets its final one, and where a finished copy stays that cannot get it.
//!
//! By renaming. Where a file system refuses that (some FUSE file systems have no rename; others lack `RENAME_NOREPLACE`):
//! by a link whose first name goes, by renaming over an empty file that holds the name, or by copying once more. None
//! of these replaces what appeared under the name meanwhile.
//!
//! A finished copy is never deleted because its name could not be given: it becomes `NAME.haul-kept`, or keeps its
//! temporary name.

use std::ffi::{CStr, CString};
use std::os::fd::{AsFd, OwnedFd};

use rustix::io::{Errno, Result};

use super::extended::{Buffers, Origin, Prior, Selection, keep_extended};
use super::file_ref::FileRef;
use super::temporary_file::TemporaryFile;
use super::temporary_file::TemporaryKind;
use super::temporary_names::{FINISHED, LENGTHS, with_suffix};
use crate::plan::Keep;
use crate::sys::{Extent, FileKind, Sys};

/// What a finished copy is called that could not get its name.
const KEPT: &str = ".haul-kept";
/// Numbers tried for it.
const NUMBERS: u32 = 1_000;
/// Bytes of a read and a write where a file is copied once more.
const STEP: usize = 256 * 1024;

/// How a final name was given.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Named {
    /// To the file that was written.
    Directly,
    /// To a copy of it, since the file system renames and links nothing: that takes twice the time.
    Copied,
}

/// Something finished that could not get its name. It still has its temporary one; dropped, it goes.
#[derive(Debug)]
pub struct Unnamed {
    temporary: TemporaryFile,
    /// Why.
    pub errno: Errno,
}

impl TemporaryFile {
    /// Gives it its final name. With `replace`, what bears that name is replaced, in the same instant if the file system
    /// can; without, EEXIST if anything does.
    pub fn finish(self, sys: &mut Sys, replace: bool) -> std::result::Result<Named, Unnamed> {
        let name = self.name.clone();
        self.finish_as(sys, &name, replace)
    }

    /// The same under another name than was planned.
    pub(crate) fn finish_as(
        mut self,
        sys: &mut Sys,
        name: &CStr,
        replace: bool,
    ) -> std::result::Result<Named, Unnamed> {
        match self.give_name(sys, name, replace) {
            Ok(named) => {
                self.registration = None;
                Ok(named)
            }
            Err(errno) => Err(Unnamed { temporary: self, errno }),
        }
    }

    fn give_name(&mut self, sys: &mut Sys, name: &CStr, replace: bool) -> Result<Named> {
        if *self.temporary == *name {
            return Ok(Named::Directly);
        }
        // ESTALE: the name leads to another file now, which somebody else put there.
        if !self.bears_what_was_made(sys)? {
            return Err(Errno::STALE);
        }
        match sys.rename_within(&self.directory, &self.temporary, name, replace) {
            Ok(()) => Ok(Named::Directly),
            Err(errno) if is_refusal(errno) => self.name_without_renaming(sys, name, replace, errno),
            Err(errno) => Err(errno),
        }
    }

    /// Says `refused`, why renaming was refused, where nothing else can be done either.
    fn name_without_renaming(&mut self, sys: &mut Sys, name: &CStr, replace: bool, refused: Errno) -> Result<Named> {
        let unless_refused = |errno| if is_refusal(errno) { refused } else { errno };
        if replace {
            if !matches!(sys.unlinkat(&self.directory, name), Ok(()) | Err(Errno::NOENT)) {
                return Err(refused);
            }
            self.old_is_gone = true;
        }
        match sys.linkat(&self.directory, &self.temporary, &self.directory, name) {
            Ok(()) => {
                // With two names it is there all the same.
                let _ = sys.unlinkat(&self.directory, &self.temporary);
                return Ok(Named::Directly);
            }
            Err(errno) if is_refusal(errno) || errno == Errno::MLINK => {}
            Err(errno) => return Err(errno),
        }
        if sys.stat_at(&self.directory, &self.temporary)?.kind != FileKind::RegularFile {
            return Err(refused);
        }
        // From here on the name is ours.
        let holder = sys.create(&self.directory, name, 0o600).map_err(unless_refused)?;
        if sys.rename_within(&self.directory, &self.temporary, name, true).is_ok() {
            let _ = sys.close(holder);
            return Ok(Named::Directly);
        }
        self.copy_again(sys, holder, name)?;
        Ok(Named::Copied)
    }

    /// Copies the finished file into `target`, an empty one that bears `name`, and takes the temporary name away.
    fn copy_again(&self, sys: &mut Sys, target: OwnedFd, name: &CStr) -> Result<()> {
        let registration = self.temporary_files.register(&self.directory, name.to_owned(), TemporaryKind::File);
        let copied = self.copy_into(sys, &target);
        let copied = copied.and(sys.close(target));
        drop(registration);
        let superfluous = if copied.is_ok() { &self.temporary } else { name };
        let _ = sys.unlinkat(&self.directory, superfluous);
        copied
    }

    fn copy_into(&self, sys: &mut Sys, target: &OwnedFd) -> Result<()> {
        let source = sys.open_source(&self.directory, &self.temporary)?;
        let attributes = sys.fstat(&source)?;
        let mut buffer = vec![0; STEP];
        let mut offset = 0;
        while offset < attributes.size {
            let extent = match sys.next_extent(&source, offset) {
                Err(Errno::INVAL | Errno::OPNOTSUPP) => Some(Extent { start: offset, end: attributes.size }),
                other => other?,
            };
            let Some(Extent { start, end }) = extent else { break };
            offset = start;
            while offset < end {
                sys.check_stop()?;
                let count = sys.pread(&source, &mut buffer, offset)?;
                if count == 0 {
                    return Err(Errno::IO);
                }
                sys.pwrite_full(target, &buffer[..count], offset, STEP)?;
                offset += count as u64;
            }
        }
        sys.ftruncate(target, attributes.size)?;
        // What of this cannot be kept was told when the first copy got it.
        let _ = sys.fchown(target, attributes.uid, attributes.gid);
        let (from, to) = (Origin::Open(source.as_fd()), FileRef::Open(target.as_fd()));
        let _ = keep_extended(sys, from, to, Prior::Access, (Selection::All, Keep::ALL), &mut Buffers::default());
        let _ = sys.fchmod(target, attributes.mode);
        let _ = sys.futimens(target, attributes.atime, attributes.mtime);
        sys.close(source)
    }
}

impl Unnamed {
    /// Takes it away: what it was made of is still there. But where what it was to replace is gone, it is all that there is
    /// of that name, and is kept. Returns why it got no name.
    pub fn abandon(self, sys: &mut Sys) -> Errno {
        let errno = self.errno;
        if self.temporary.old_is_gone {
            self.keep(sys);
        } else {
            self.temporary.abandon(sys);
        }
        errno
    }

    /// Whether it is a file that has other names as well.
    pub(crate) fn has_another_name(&self, sys: &mut Sys) -> bool {
        sys.stat_at(&self.temporary.directory, &self.temporary.temporary).is_ok_and(|found| found.links > 1)
    }

    /// Keeps it, as `NAME.haul-kept` or a name like that, or under its temporary name. Returns which.
    pub fn keep(mut self, sys: &mut Sys) -> CString {
        // Whatever comes of it, cleaning up spares it.
        self.temporary.registration = None;
        for length in LENGTHS {
            for number in 0..NUMBERS {
                let kept = kept_name(&self.temporary.name, number, length);
                match self.temporary.give_name(sys, &kept, false) {
                    Ok(_) => return kept,
                    Err(Errno::EXIST) => {}
                    Err(Errno::NAMETOOLONG) => break,
                    Err(_) => return self.mark(sys),
                }
            }
        }
        self.mark(sys)
    }

    /// Marks a file that keeps its temporary name, so that no later run takes it for abandoned.
    fn mark(self, sys: &mut Sys) -> CString {
        if let Ok(file) = sys.open_source(&self.temporary.directory, &self.temporary.temporary) {
            let _ = sys.fstat(&file).and_then(|found| sys.fchmod(&file, found.mode | FINISHED));
            let _ = sys.close(file);
        }
        self.temporary.temporary.clone()
    }
}

/// Whether an errno of rename or link says that the file system, or a rule about it, does not allow it: some FUSE
/// libraries say EROFS of what they have not.
const fn is_refusal(errno: Errno) -> bool {
    matches!(
        errno,
        Errno::NOSYS
            | Errno::PERM
            | Errno::ACCESS
            | Errno::XDEV
            | Errno::OPNOTSUPP
            | Errno::INVAL
            | Errno::ROFS
            | Errno::NOTTY
    )
}

/// `NAME.haul-kept`, or `NAME.haul-kept-3` for the number 3, with NAME cut so that it fits.
fn kept_name(name: &CStr, number: u32, length: usize) -> CString {
    let suffix = if number == 0 { KEPT.to_owned() } else { format!("{KEPT}-{number}") };
    with_suffix(name, &suffix, length)
}

#[cfg(test)]
mod tests;
