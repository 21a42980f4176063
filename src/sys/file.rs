//! Opening, reading and writing files.

use std::ffi::CStr;
use std::num::NonZeroU64;
use std::os::fd::{AsFd, AsRawFd, IntoRawFd, OwnedFd};

use rustix::event::{PollFd, PollFlags};
use rustix::fs::{Access, Advice, AtFlags, FallocateFlags, FlockOperation, Mode, OFlags, SeekFrom};
use rustix::io::{Errno, Result};

use super::event_loop::operations;
use super::{Made, Sys, or_call};
use crate::calls::Call;

/// A run of data in a file that may have holes: bytes `start..end`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Extent {
    /// First byte.
    pub start: u64,
    /// One past the last byte.
    pub end: u64,
}

impl Sys {
    /// Opens `name` in `directory`. Always with `O_CLOEXEC`.
    pub fn openat(&mut self, directory: impl AsFd, name: &CStr, flags: OFlags, mode: u32) -> Result<OwnedFd> {
        let changes = flags.intersects(OFlags::CREATE | OFlags::TRUNC | OFlags::WRONLY | OFlags::RDWR);
        if self.changes_nothing && changes {
            return Err(Errno::PERM);
        }
        let (directory, flags, mode) = (directory.as_fd(), flags | OFlags::CLOEXEC, Mode::from_raw_mode(mode));
        self.plain(Call::Openat, || {
            or_call(operations::openat(directory, name, flags, mode), || {
                rustix::fs::openat(directory, name, flags, mode)
            })
        })
    }

    /// Opens a file for reading, itself and not what a symbolic link leads to. `O_NONBLOCK` keeps a FIFO that took
    /// the file's place from holding us; regular files ignore it.
    pub(crate) fn open_source(&mut self, directory: impl AsFd, name: &CStr) -> Result<OwnedFd> {
        self.openat(directory, name, OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::NOCTTY, 0)
    }

    /// The same, and reading leaves its time of access alone. EPERM for who does not own it.
    pub(crate) fn open_untouched(&mut self, directory: impl AsFd, name: &CStr) -> Result<OwnedFd> {
        let alone = OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::NOCTTY | OFlags::NOATIME;
        self.openat(directory, name, OFlags::RDONLY | alone, 0)
    }

    /// Opens `name` itself, whatever it is, for nothing but to say which file is meant (`O_PATH`).
    pub(crate) fn open_itself(&mut self, directory: impl AsFd, name: &CStr) -> Result<OwnedFd> {
        self.openat(directory, name, OFlags::PATH | OFlags::NOFOLLOW, 0)
    }

    /// Whether the effective user may read `name`, or what it leads to: EACCES or another reason if not.
    pub(crate) fn may_read(&mut self, directory: impl AsFd, name: &CStr) -> Result<()> {
        self.may(directory, name, Access::READ_OK)
    }

    /// Whether the effective user may write to `name`, or what it leads to: EACCES, EROFS or another reason if not.
    pub(crate) fn may_write(&mut self, directory: impl AsFd, name: &CStr) -> Result<()> {
        self.may(directory, name, Access::WRITE_OK)
    }

    /// Whether the effective user may make names in a directory.
    pub(crate) fn may_make_names(&mut self, directory: impl AsFd) -> Result<()> {
        self.may(directory, c".", Access::WRITE_OK | Access::EXEC_OK)
    }

    fn may(&mut self, directory: impl AsFd, name: &CStr, access: Access) -> Result<()> {
        self.plain(Call::Faccessat2, || rustix::fs::accessat(directory.as_fd(), name, access, AtFlags::EACCESS))
    }

    /// Creates a file that must not exist yet, for writing and for reading back.
    pub fn create(&mut self, directory: impl AsFd, name: &CStr, mode: u32) -> Result<OwnedFd> {
        self.openat(directory, name, OFlags::RDWR | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW, mode)
    }

    /// Closes a file, and reports what only closing brings to light (NFS and quotas tell of lost writes here).
    /// The descriptor is gone whatever comes back: Linux frees it before it can fail (close(2), NOTES).
    #[allow(unsafe_code, reason = "close with its error has no safe wrapper")]
    pub fn close(&mut self, file: OwnedFd) -> Result<()> {
        let raw = file.into_raw_fd();
        let mut result = Ok(());
        self.plain(Call::Close, || {
            // SAFETY: `raw` came out of an `OwnedFd` that was given up, so nobody else closes or uses it. The closure
            // runs once: what it returns is never EINTR, so `plain` does not repeat it.
            let Made { result: closed, by_ring } =
                or_call(operations::close(raw), || unsafe { rustix::io::try_close(raw) });
            result = closed;
            Made { result: Ok(()), by_ring }
        })?;
        result.or_else(|errno| if errno == Errno::INTR { Ok(()) } else { Err(errno) })
    }

    /// One read from the file's position. Waits for bytes also where whoever shares the open file wants nobody to wait
    /// (`O_NONBLOCK`), as an event loop does that hands us its pipe or socket.
    pub fn read(&mut self, file: impl AsFd, buffer: &mut [u8]) -> Result<usize> {
        let by_ring = self.reads_by_ring;
        loop {
            let read = self.transfer(Call::Read, buffer.len(), |wanted| {
                let (file, buffer) = (file.as_fd(), &mut buffer[..wanted]);
                let operation = if by_ring { operations::read(file, buffer, None) } else { None };
                or_call(operation, || rustix::io::read(file, buffer))
            });
            match read {
                Err(Errno::AGAIN) => self.wait_until_ready(&file, PollFlags::IN)?,
                other => return other,
            }
        }
    }

    /// One read from `offset`.
    pub fn pread(&mut self, file: impl AsFd, buffer: &mut [u8], offset: u64) -> Result<usize> {
        let by_ring = self.reads_by_ring;
        self.transfer(Call::Pread, buffer.len(), |wanted| {
            let (file, buffer) = (file.as_fd(), &mut buffer[..wanted]);
            let operation = if by_ring { operations::read(file, buffer, Some(offset)) } else { None };
            or_call(operation, || rustix::io::pread(file, buffer, offset))
        })
    }

    /// One write at the file's position. Waits for room as [`Sys::read`] waits for bytes.
    pub fn write(&mut self, file: impl AsFd, bytes: &[u8]) -> Result<usize> {
        loop {
            let written = self.transfer(Call::Write, bytes.len(), |wanted| {
                let (file, bytes) = (file.as_fd(), &bytes[..wanted]);
                or_call(operations::write(file, bytes, None), || rustix::io::write(file, bytes))
            });
            match written {
                Err(Errno::AGAIN) => self.wait_until_ready(&file, PollFlags::OUT)?,
                other => return other,
            }
        }
    }

    /// Waits until a call on `file` would do something: move bytes, or fail for another reason than EAGAIN.
    fn wait_until_ready(&mut self, file: impl AsFd, wanted: PollFlags) -> Result<()> {
        let poll = || rustix::event::poll(&mut [PollFd::new(&file, wanted)], None).map(drop);
        self.plain(Call::Poll, || or_call(operations::poll(file.as_fd(), wanted), poll))
    }

    /// One write at `offset`.
    pub fn pwrite(&mut self, file: impl AsFd, bytes: &[u8], offset: u64) -> Result<usize> {
        self.transfer(Call::Pwrite, bytes.len(), |wanted| {
            let (file, bytes) = (file.as_fd(), &bytes[..wanted]);
            or_call(operations::write(file, bytes, Some(offset)), || rustix::io::pwrite(file, bytes, offset))
        })
    }

    /// Reads from `offset` until `buffer` is full or the file ends, at most `step` bytes a call.
    pub(crate) fn pread_full(&mut self, file: impl AsFd, buffer: &mut [u8], offset: u64, step: usize) -> Result<usize> {
        self.fill(buffer, step, |sys, part, done| sys.pread(file.as_fd(), part, offset + done as u64))
    }

    fn fill(
        &mut self,
        buffer: &mut [u8],
        step: usize,
        mut read: impl FnMut(&mut Self, &mut [u8], usize) -> Result<usize>,
    ) -> Result<usize> {
        let mut done = 0;
        while done < buffer.len() {
            let end = buffer.len().min(done.saturating_add(step));
            match read(self, &mut buffer[done..end], done)? {
                0 => break,
                count => done += count,
            }
        }
        Ok(done)
    }

    /// Writes all of `bytes` at the position, at most `step` bytes a call.
    pub fn write_full(&mut self, file: impl AsFd, bytes: &[u8], step: usize) -> Result<()> {
        self.drain(bytes, step, |sys, part, _| sys.write(file.as_fd(), part))
    }

    /// Writes all of `bytes` at `offset`, at most `step` bytes a call.
    pub(crate) fn pwrite_full(&mut self, file: impl AsFd, bytes: &[u8], offset: u64, step: usize) -> Result<()> {
        self.drain(bytes, step, |sys, part, done| sys.pwrite(file.as_fd(), part, offset + done as u64))
    }

    fn drain(
        &mut self,
        bytes: &[u8],
        step: usize,
        mut write: impl FnMut(&mut Self, &[u8], usize) -> Result<usize>,
    ) -> Result<()> {
        let mut done = 0;
        while done < bytes.len() {
            let end = bytes.len().min(done.saturating_add(step));
            match write(self, &bytes[done..end], done)? {
                // A write of more than nothing that writes nothing would be repeated for ever.
                0 => return Err(Errno::IO),
                count => done += count,
            }
        }
        Ok(())
    }

    /// Moves the position to `offset`, where the next plain read begins.
    pub(crate) fn seek_to(&mut self, file: impl AsFd, offset: u64) -> Result<()> {
        self.plain(Call::Lseek, || rustix::fs::seek(file.as_fd(), SeekFrom::Start(offset)).map(|_| ()))
    }

    /// Where a file ends: its size, also of a block device, of which statx says none.
    pub fn end_of(&mut self, file: impl AsFd) -> Result<u64> {
        self.plain(Call::Lseek, || rustix::fs::seek(file.as_fd(), SeekFrom::End(0)))
    }

    /// Locks an open file or directory against others who do, for as long as it is open. EWOULDBLOCK: somebody has.
    pub fn flock(&mut self, file: impl AsFd) -> Result<()> {
        self.plain(Call::Flock, || rustix::fs::flock(file.as_fd(), FlockOperation::NonBlockingLockExclusive))
    }

    /// Makes a file's content and attributes durable.
    pub fn fsync(&mut self, file: impl AsFd) -> Result<()> {
        let file = file.as_fd();
        self.plain(Call::Fsync, || or_call(operations::fsync(file, false), || rustix::fs::fsync(file)))
    }

    /// Makes a file's content durable.
    pub fn fdatasync(&mut self, file: impl AsFd) -> Result<()> {
        let file = file.as_fd();
        self.plain(Call::Fdatasync, || or_call(operations::fsync(file, true), || rustix::fs::fdatasync(file)))
    }

    /// Writes back everything that waits in the file system that holds `file`.
    pub fn syncfs(&mut self, file: impl AsFd) -> Result<()> {
        self.plain(Call::Syncfs, || rustix::fs::syncfs(file.as_fd()))
    }

    /// Reserves room for `len` bytes without changing the size: a full disk shows now and not after an hour.
    pub(crate) fn fallocate(&mut self, file: impl AsFd, len: u64) -> Result<()> {
        self.plain(Call::Fallocate, || rustix::fs::fallocate(file.as_fd(), FallocateFlags::KEEP_SIZE, 0, len))
    }

    /// Sets the size; what is added is a hole.
    pub(crate) fn ftruncate(&mut self, file: impl AsFd, len: u64) -> Result<()> {
        self.plain(Call::Ftruncate, || rustix::fs::ftruncate(file.as_fd(), len))
    }

    /// Tells the kernel how a file will be used.
    pub(crate) fn fadvise(
        &mut self,
        file: impl AsFd,
        offset: u64,
        len: Option<NonZeroU64>,
        advice: Advice,
    ) -> Result<()> {
        self.plain(Call::Fadvise64, || rustix::fs::fadvise(file.as_fd(), offset, len, advice))
    }

    /// Whether reads and writes of `file` pass the page cache by.
    #[cfg(test)]
    pub(crate) fn is_direct(&mut self, file: impl AsFd) -> Result<bool> {
        self.flags(file.as_fd()).map(|flags| flags.contains(OFlags::DIRECT))
    }

    /// Makes reads and writes of `file` pass the page cache by (`O_DIRECT`), or not, for all who share the open file.
    /// EINVAL where the file system has no such thing.
    pub(crate) fn set_direct(&mut self, file: impl AsFd, direct: bool) -> Result<()> {
        let before = self.flags(file.as_fd())?;
        let mut after = before;
        after.set(OFlags::DIRECT, direct);
        if after == before {
            return Ok(());
        }
        self.plain(Call::Fcntl, || rustix::fs::fcntl_setfl(file.as_fd(), after))
    }

    fn flags(&mut self, file: impl AsFd) -> Result<OFlags> {
        self.plain(Call::Fcntl, || rustix::fs::fcntl_getfl(file.as_fd()))
    }

    /// The first run of data at or after `offset`; `None` where only a hole follows.
    pub(crate) fn next_extent(&mut self, file: impl AsFd, offset: u64) -> Result<Option<Extent>> {
        let start = match self.plain(Call::Lseek, || rustix::fs::seek(file.as_fd(), SeekFrom::Data(offset))) {
            Err(Errno::NXIO) => return Ok(None),
            other => other?,
        };
        let end = self.plain(Call::Lseek, || rustix::fs::seek(file.as_fd(), SeekFrom::Hole(start)))?;
        Ok(Some(Extent { start, end }))
    }
}

impl Sys {
    /// `copy_file_range(2)`: up to `len` bytes from one offset to another; 0 at the end of the source.
    pub fn copy_file_range(&mut self, source: impl AsFd, target: impl AsFd, offset: u64, len: usize) -> Result<usize> {
        self.transfer(Call::CopyFileRange, len, |wanted| {
            let (mut from, mut to) = (offset, offset);
            rustix::fs::copy_file_range(source.as_fd(), Some(&mut from), target.as_fd(), Some(&mut to), wanted)
        })
    }

    /// `ioctl_ficlone(2)`: makes `target` share all blocks of `source`.
    pub fn ficlone(&mut self, source: impl AsFd, target: impl AsFd) -> Result<()> {
        self.plain(Call::Ficlone, || rustix::fs::ioctl_ficlone(target.as_fd(), source.as_fd()))
    }
}

/// The operation of fcntl(2) that names the signal; `linux/fcntl.h`.
const F_SETSIG: libc::c_int = 10;

impl Sys {
    /// Takes a lease on an open file: until it is closed, nobody else opens it without waiting. EAGAIN: somebody else has
    /// it open. EACCES: it is another user's. EINVAL: its file system has no leases.
    #[allow(unsafe_code, reason = "leases have no safe wrapper in our dependencies")]
    pub fn lease(&mut self, file: impl AsFd) -> Result<()> {
        let file = file.as_fd().as_raw_fd();
        // Who opens it sends a signal to who holds the lease: SIGIO, which would end the process, unless another is named.
        for (operation, argument) in [(F_SETSIG, libc::SIGURG), (libc::F_SETLEASE, libc::F_WRLCK)] {
            self.plain(Call::Fcntl, || {
                // SAFETY: both operations take an integer; the descriptor is open as long as `file` is borrowed.
                let result = unsafe { libc::fcntl(file, operation, argument) };
                if result == 0 {
                    Ok(())
                } else {
                    Err(Errno::from_io_error(&std::io::Error::last_os_error()).unwrap_or(Errno::IO))
                }
            })?;
        }
        Ok(())
    }
}

#[cfg(test)]
#[allow(clippy::disallowed_methods, reason = "a test makes its own files")]
mod tests {
    use super::*;
    use crate::sys::Stop;

    #[test]
    fn a_lease_is_had_only_where_nobody_else_has_the_file_open() {
        let scratch = tempfile::tempdir().unwrap();
        let path = scratch.path().join("file");
        std::fs::write(&path, "x").unwrap();
        let mut sys = Sys::new(Stop::new());
        let first = std::fs::File::open(&path).unwrap();
        match sys.lease(&first) {
            Err(Errno::INVAL) => return eprintln!("skipped: {} has no leases", path.display()),
            leased => leased.unwrap(),
        }
        drop(first);
        let reader = std::fs::File::open(&path).unwrap();
        let second = std::fs::File::open(&path).unwrap();
        assert_eq!(sys.lease(&second), Err(Errno::AGAIN));
        drop(reader);
        assert_eq!(sys.lease(&second), Ok(()));
    }
}
