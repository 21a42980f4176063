//! The file that blocks are read from and written to: made of random bytes, or one that exists and is only read.
//!
//! A file of ours has no name: it is unlinked as soon as it is open, so that its space is free again whatever becomes of us,
//! be it `kill -9` or a power cut.

use std::ffi::CStr;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use rustix::fs::{CWD, OFlags};
use rustix::io::Errno;

use super::budget::FileSize;
use crate::error::{Error, Remedy, Result};
use crate::lab::cache::Storage;
use crate::lab::data::generate::Generator;
use crate::lab::subject::disk::plan::Access;
use crate::size::binary;
use crate::sys::{AlignedBuffer, FileKind, PAGE, Sys};
use crate::tree::path::c_path;

/// Its name, for as long as it takes to open it.
const NAME: &CStr = c"data";
/// Bytes written at a time: as fast as can be without several in flight, and a request to stop is heard often enough.
const PIECE_BYTES: usize = 1 << 20;
/// How often what goes through the page cache is written back: the clock is to see the disk, and not memory.
const BACK_BYTES: u64 = 16 << 20;

/// A file that is open twice: through the page cache and, where that can be had, past it.
#[derive(Debug)]
pub(super) struct DataFile {
    /// What people know it or its directory by.
    path: PathBuf,
    buffered: OwnedFd,
    /// Or why there is none.
    direct: std::result::Result<OwnedFd, String>,
    bytes: u64,
    is_ours: bool,
    has_holes: bool,
    storage: Storage,
}

impl DataFile {
    /// Makes an empty file without a name in `directory`, which people know as `path`.
    pub(super) fn create(sys: &mut Sys, directory: &OwnedFd, path: &Path) -> Result<Self> {
        let failed = |errno| Error::system("make a file in", path, errno);
        let buffered = sys.create(directory, NAME, 0o600).map_err(failed)?;
        let storage = Storage::known(sys.fstatfs(&buffered).map_err(failed)?.magic);
        let again = sys.openat(directory, NAME, OFlags::RDWR | OFlags::NOFOLLOW | OFlags::DIRECT, 0);
        sys.unlinkat(directory, NAME).map_err(failed)?;
        let direct = direct(storage, again, |file| sys.pwrite(file, &AlignedBuffer::new(PAGE)?, 0)).map_err(failed)?;
        Ok(Self { path: path.to_owned(), buffered, direct, bytes: 0, is_ours: true, has_holes: false, storage })
    }

    /// Opens what exists, to read it; `asked` is how much of it, if not all.
    pub(super) fn existing(sys: &mut Sys, path: &Path, asked: Option<u64>) -> Result<Self> {
        let failed = |errno| Error::system("open", path, errno);
        let refused = |why: String| Error::refused("measure", path, why);
        let name = c_path(path);
        // Before opening it: to open a tape or a terminal does something.
        let about = sys.stat_through(CWD, &name).map_err(failed)?;
        let is_device = match about.kind {
            FileKind::RegularFile => false,
            FileKind::BlockDevice => true,
            FileKind::Directory => {
                return Err(refused(
                    "it is a directory; name a file in it, or measure in it: haul disk DIR".to_owned(),
                ));
            }
            _ => return Err(refused("it is neither a file nor a block device".to_owned())),
        };
        let mut open = |more| open_to_read(sys, &name, more);
        let buffered = open(OFlags::empty()).map_err(failed)?;
        let again = open(OFlags::DIRECT);
        let all = if is_device { sys.end_of(&buffered) } else { Ok(about.size) }.map_err(failed)?;
        let bytes = asked.unwrap_or(all);
        if bytes > all {
            let why = format!("it has {}, which is less than the {} that were asked for", binary(all), binary(bytes));
            return Err(refused(why).with(Remedy::Size));
        }
        let magic = sys.fstatfs(&buffered).map_err(failed)?.magic;
        let storage = if is_device { Storage::of_device() } else { Storage::known(magic) };
        let direct = direct(storage, again, |file| sys.pread(file, &mut AlignedBuffer::new(PAGE)?, 0))
            .map_err(|errno| Error::system("read", path, errno))?;
        let has_holes = !is_device && about.has_holes();
        Ok(Self { path: path.to_owned(), buffered, direct, bytes, is_ours: false, has_holes, storage })
    }

    /// Fills a file of ours, from its start on, for as long as there is `time` for more than the least.
    pub(super) fn fill(&mut self, sys: &mut Sys, size: FileSize, time: Duration, mut content: Generator) -> Result<()> {
        let begun = Instant::now();
        while let Some(end) = size.next(self.bytes, begun.elapsed(), time) {
            let is_enough = |bytes| size.is_enough(bytes, begun.elapsed(), time);
            let before = self.bytes;
            self.extend(sys, end, &mut content, is_enough)
                .map_err(|errno| Error::system("make a file in", &self.path, errno))?;
            if self.bytes < end {
                // It became slower than it was expected to be. What was whole before is the size that comes out again.
                self.bytes = if before > 0 { before } else { self.bytes };
                return sys
                    .ftruncate(&self.buffered, self.bytes)
                    .map_err(|errno| Error::system("make a file in", &self.path, errno));
            }
        }
        Ok(())
    }

    /// Makes it as long as `end` or as is enough, durably: what waits in memory would be written while something else is
    /// measured.
    fn extend(
        &mut self,
        sys: &mut Sys,
        end: u64,
        content: &mut Generator,
        is_enough: impl Fn(u64) -> bool,
    ) -> rustix::io::Result<()> {
        let mut piece = AlignedBuffer::new(PIECE_BYTES)?;
        match sys.fallocate(&self.buffered, end) {
            Ok(()) | Err(Errno::OPNOTSUPP | Errno::NOSYS) => {}
            Err(errno) => return Err(errno),
        }
        while self.bytes < end && !is_enough(self.bytes) {
            sys.check_stop()?;
            let count = usize::try_from(end - self.bytes).unwrap_or(usize::MAX).min(PIECE_BYTES);
            content.fill(&mut piece[..count]);
            // The rest of a page can only be written through the page cache.
            let access = if count.is_multiple_of(PAGE) { Access::Direct } else { Access::Buffered };
            sys.pwrite_full(self.descriptor(access), &piece[..count], self.bytes, count)?;
            self.bytes += count as u64;
            if self.direct.is_err() && self.bytes.is_multiple_of(BACK_BYTES) {
                sys.fdatasync(&self.buffered)?;
            }
        }
        sys.fdatasync(&self.buffered)
    }

    /// The file, to be read and written this way; through the page cache where there is no other.
    pub(super) fn descriptor(&self, access: Access) -> BorrowedFd<'_> {
        match (access, &self.direct) {
            (Access::Direct, Ok(direct)) => direct.as_fd(),
            _ => self.buffered.as_fd(),
        }
    }

    /// Why nothing can pass the page cache; `None`: it can.
    pub(super) fn no_direct(&self) -> Option<String> {
        self.direct.as_ref().err().cloned()
    }

    /// Bytes that operations are spread over.
    pub(super) const fn bytes(&self) -> u64 {
        self.bytes
    }

    /// Whether it was made here, and nobody else has it open.
    pub(super) const fn is_ours(&self) -> bool {
        self.is_ours
    }

    /// Whether it takes fewer blocks than it has bytes.
    pub(super) const fn has_holes(&self) -> bool {
        self.has_holes
    }

    /// What is known of where it lies.
    pub(super) const fn storage(&self) -> Storage {
        self.storage
    }

    /// What people know it or its directory by.
    pub(super) fn path(&self) -> &Path {
        &self.path
    }
}

/// Opens what is only read. Its time of access stays as it is where we own it.
fn open_to_read(sys: &mut Sys, name: &CStr, more: OFlags) -> rustix::io::Result<OwnedFd> {
    let flags = OFlags::RDONLY | OFlags::NOCTTY | OFlags::NONBLOCK | more;
    match sys.openat(CWD, name, flags | OFlags::NOATIME, 0) {
        Err(Errno::PERM) => sys.openat(CWD, name, flags, 0),
        other => other,
    }
}

/// The descriptor that passes the page cache, if `again` is one, and moving a page by `moves` shows that it works; or why
/// there is none.
fn direct(
    storage: Storage,
    again: rustix::io::Result<OwnedFd>,
    moves: impl FnOnce(&OwnedFd) -> rustix::io::Result<usize>,
) -> rustix::io::Result<std::result::Result<OwnedFd, String>> {
    if storage.is_memory {
        // Since Linux 6.6 tmpfs takes the flag and ignores it (Documentation/filesystems/tmpfs.rst).
        return Ok(Err("the file system keeps files in memory, and has no page cache to pass".to_owned()));
    }
    let refused = || "the file system refuses O_DIRECT".to_owned();
    match again {
        Err(Errno::INVAL | Errno::OPNOTSUPP) => Ok(Err(refused())),
        Err(errno) => Err(errno),
        Ok(file) => match moves(&file) {
            // Sectors larger than a page, say.
            Err(Errno::INVAL | Errno::OPNOTSUPP) => Ok(Err(refused())),
            Err(errno) => Err(errno),
            Ok(_) => Ok(Ok(file)),
        },
    }
}

#[cfg(test)]
mod tests;
