//! The operations of the ring that stand for calls: each borrows what it points to until it is over. `None` where there is no
//! event loop: then the caller makes the call.

use std::ffi::CStr;
use std::mem::MaybeUninit;
use std::os::fd::{AsRawFd, BorrowedFd, FromRawFd, OwnedFd, RawFd};

use io_uring::types::{Fd, FsyncFlags};
use io_uring::{opcode, squeue};
use rustix::event::PollFlags;
use rustix::fs::{AtFlags, Mode, OFlags, Statx, StatxFlags};
use rustix::io::Result;

use super::perform;

/// The operations that a ring must have.
pub(super) const NEEDED: [u8; 7] = [
    opcode::OpenAt::CODE,
    opcode::Statx::CODE,
    opcode::Read::CODE,
    opcode::Write::CODE,
    opcode::Fsync::CODE,
    opcode::PollAdd::CODE,
    opcode::Close::CODE,
];

/// The position of the file, where an operation takes an offset.
const POSITION: u64 = u64::MAX;

/// `openat(2)`.
pub(in crate::sys) fn openat(
    directory: BorrowedFd<'_>,
    name: &CStr,
    flags: OFlags,
    mode: Mode,
) -> Option<Result<OwnedFd>> {
    let entry = opcode::OpenAt::new(Fd(directory.as_raw_fd()), name.as_ptr())
        .flags(flags.bits() as i32)
        .mode(mode.as_raw_mode())
        .build();
    // At first the kernel opens as if O_NONBLOCK were set. Of a FIFO without a partner that is another call: it does not
    // wait, or fails (io_openat2 in io_uring/openclose.c). A kernel thread opens as it was asked to.
    let never_waits = flags.intersects(OFlags::NONBLOCK | OFlags::EXCL | OFlags::PATH | OFlags::DIRECTORY);
    let entry = if never_waits { entry } else { entry.flags(squeue::Flags::ASYNC) };
    // SAFETY: `name` and `directory` are borrowed until this returns.
    let opened = unsafe { perform(entry, true) }?;
    // SAFETY: the kernel made this descriptor for us, and nobody else knows of it.
    Some(opened.map(|file| unsafe { OwnedFd::from_raw_fd(file as RawFd) }))
}

/// `statx(2)`.
pub(in crate::sys) fn statx(directory: BorrowedFd<'_>, name: &CStr, flags: AtFlags) -> Option<Result<Statx>> {
    let mut found = MaybeUninit::<Statx>::zeroed();
    let entry = opcode::Statx::new(Fd(directory.as_raw_fd()), name.as_ptr(), found.as_mut_ptr().cast())
        .flags(flags.bits() as i32)
        .mask(StatxFlags::BASIC_STATS.bits())
        .build();
    // SAFETY: `found` is a struct statx and stays on this stack, `name` and `directory` are borrowed, until this returns.
    let done = unsafe { perform(entry, false) }?;
    // SAFETY: it is a struct of integers, for which zeros will do, and the kernel filled it in.
    Some(done.map(|_| unsafe { found.assume_init() }))
}

/// `pread(2)`; at the position of the file where no offset is given.
pub(in crate::sys) fn read(file: BorrowedFd<'_>, buffer: &mut [u8], offset: Option<u64>) -> Option<Result<usize>> {
    let len = length(buffer.len());
    let entry =
        opcode::Read::new(Fd(file.as_raw_fd()), buffer.as_mut_ptr(), len).offset(offset.unwrap_or(POSITION)).build();
    // SAFETY: `buffer` has `len` bytes, and it and `file` are borrowed until this returns.
    Some(unsafe { perform(entry, true) }?.map(|count| count as usize))
}

/// `pwrite(2)`; at the position of the file where no offset is given.
pub(in crate::sys) fn write(file: BorrowedFd<'_>, bytes: &[u8], offset: Option<u64>) -> Option<Result<usize>> {
    let len = length(bytes.len());
    let entry =
        opcode::Write::new(Fd(file.as_raw_fd()), bytes.as_ptr(), len).offset(offset.unwrap_or(POSITION)).build();
    // SAFETY: `bytes` has `len` bytes, and it and `file` are borrowed until this returns.
    Some(unsafe { perform(entry, true) }?.map(|count| count as usize))
}

/// `fsync(2)`, or `fdatasync(2)`.
pub(in crate::sys) fn fsync(file: BorrowedFd<'_>, only_data: bool) -> Option<Result<()>> {
    let flags = if only_data { FsyncFlags::DATASYNC } else { FsyncFlags::empty() };
    // SAFETY: it points to nothing, and `file` is borrowed until this returns.
    Some(unsafe { perform(opcode::Fsync::new(Fd(file.as_raw_fd())).flags(flags).build(), false) }?.map(drop))
}

/// `poll(2)` of one file, without a limit of time.
pub(in crate::sys) fn poll(file: BorrowedFd<'_>, wanted: PollFlags) -> Option<Result<()>> {
    let entry = opcode::PollAdd::new(Fd(file.as_raw_fd()), wanted.bits().into()).build();
    // SAFETY: it points to nothing, and `file` is borrowed until this returns.
    Some(unsafe { perform(entry, true) }?.map(drop))
}

/// `close(2)` of a descriptor that its owner gave up.
pub(in crate::sys) fn close(file: RawFd) -> Option<Result<()>> {
    // SAFETY: it points to nothing.
    Some(unsafe { perform(opcode::Close::new(Fd(file)).build(), false) }?.map(drop))
}

/// A call moves at most as many bytes as fit (read(2): 2,147,479,552), and fewer are no failure.
fn length(bytes: usize) -> u32 {
    u32::try_from(bytes).unwrap_or(u32::MAX)
}
