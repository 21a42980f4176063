//! `io_uring`: many reads and writes in flight from one thread.
//!
//! A [`Ring`] owns the memory that the kernel reads and writes meanwhile, a slot for each operation, and lends a slot's
//! out only while nothing is in flight there; so no caller can free it too early, and none of this is `unsafe` outside.
//! It waits for what is in flight before its memory goes, so it is for files and disks, where everything ends by itself.
//! What to do next, and how long it took, is not known here.
//!
//! The maps that the crate makes with a ring are not counted; `io_uring_setup` and every `io_uring_enter` are. Of what is
//! read and written in this way `/proc/self/io` counts nothing in `syscr`, `syscw`, `rchar` and `wchar`; `read_bytes` and
//! `write_bytes` grow as they do with `pread` and `pwrite`, also past the page cache (Linux 6.18, ext4: 8456 reads of
//! 4 KiB with `O_DIRECT` added 34,635,776 bytes and no `syscr`).
//!
//! Neither the file nor the blocks are registered. Of reads of 4 KiB, 16 in flight, from the page cache (1.1 µs each)
//! registering the file saved 5 %, the blocks as well another 1 %; of a disk's (18 µs) nothing that could be told from
//! noise. It would take further calls in each run, keep the file open beyond it, and count the blocks as locked memory
//! (`RLIMIT_MEMLOCK`). Nor did asking for task work without interrupts (`IORING_SETUP_COOP_TASKRUN`, `DEFER_TASKRUN`) help.
//!
//! Where a file system cannot be asked without waiting, tmpfs among them, kernel threads do what is submitted: a read of
//! 4 KiB from there took 9 µs, and 1.4 with `pread`.

#![allow(unsafe_code, reason = "the kernel writes into memory behind the compiler's back; each block has its argument")]

use std::fmt;
use std::os::fd::{AsRawFd, BorrowedFd};

use io_uring::types::{Fd, FsyncFlags};
use io_uring::{EnterFlags, IoUring, opcode, squeue};
use rustix::io::{Errno, Result};

use super::{Blocks, Sys};
use crate::calls::Call;

/// What to do with the block of a slot.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Request {
    /// Read its first bytes from the file.
    Read {
        /// Where in the file.
        offset: u64,
        /// How many.
        bytes: usize,
    },
    /// Write its first bytes to the file.
    Write {
        /// Where in the file.
        offset: u64,
        /// How many.
        bytes: usize,
    },
    /// Make durable what was written to the file (`fdatasync`).
    Sync,
}

/// Memory for one operation.
struct Slot {
    blocks: Blocks,
    /// The kernel may be at one of `blocks`, or will be: nobody else touches it.
    is_busy: bool,
}

/// Operations in flight.
pub struct Ring {
    io: IoUring,
    slots: Vec<Slot>,
    /// What the next [`Ring::enter`] submits.
    queued: Vec<(usize, Request)>,
    /// Operations that the kernel took and whose end was not told yet.
    in_flight: usize,
    /// No further call may be made: the kernel did not take all of what was submitted, and would take it now, from a
    /// file that may be closed by then.
    is_spent: bool,
}

impl Ring {
    /// A ring with `depth` slots of `block_bytes` each. ENOSYS, EPERM or EACCES where there is none (an old kernel, a
    /// container's seccomp filter, `kernel.io_uring_disabled`), ENOMEM without memory for the blocks, or where the locked
    /// memory of a user (`RLIMIT_MEMLOCK`, before Linux 5.12) does not suffice, EINVAL of no slot, or of more than 32768.
    pub fn new(sys: &mut Sys, depth: usize, block_bytes: usize) -> Result<Self> {
        let entries = u32::try_from(depth).map_err(|_| Errno::INVAL)?;
        u32::try_from(block_bytes).map_err(|_| Errno::INVAL)?;
        let io = sys.plain(Call::IoUringSetup, || IoUring::new(entries).map_err(|error| errno(&error)))?;
        let slot = || Blocks::new(block_bytes).map(|blocks| Slot { blocks, is_busy: false });
        let slots = std::iter::repeat_with(slot).take(depth).collect::<Result<_>>()?;
        Ok(Self { io, slots, queued: Vec::with_capacity(depth), in_flight: 0, is_spent: false })
    }

    /// How many operations can be in flight.
    pub const fn depth(&self) -> usize {
        self.slots.len()
    }

    /// How many operations are in flight.
    pub const fn in_flight(&self) -> usize {
        self.in_flight
    }

    /// Whether it takes nothing any more: something failed.
    pub(crate) const fn is_spent(&self) -> bool {
        self.is_spent
    }

    /// The memory of a slot, of which the block in use is what operations move.
    ///
    /// # Panics
    /// If an operation is queued or in flight there.
    pub fn blocks(&mut self, slot: usize) -> &mut Blocks {
        let slot = &mut self.slots[slot];
        assert!(!slot.is_busy, "the kernel is at it");
        &mut slot.blocks
    }

    /// Has the next [`Ring::enter`] submit this.
    ///
    /// # Panics
    /// If an operation is queued or in flight in the slot, or it has fewer bytes than are asked for.
    pub fn queue(&mut self, slot: usize, request: Request) {
        let len = self.blocks(slot).block().len();
        if let Request::Read { bytes, .. } | Request::Write { bytes, .. } = request {
            assert!(bytes <= len, "{bytes} bytes in a block of {len}");
        }
        self.slots[slot].is_busy = true;
        self.queued.push((slot, request));
    }

    /// Whether the next [`Ring::enter`] submits anything.
    pub(crate) const fn has_queued(&self) -> bool {
        !self.queued.is_empty()
    }

    /// Submits what is queued, for `file`, and waits until at least so many operations are over that
    /// [`Ring::next_over`] did not tell of yet. ECANCELED where it takes nothing any more.
    pub fn enter(&mut self, sys: &mut Sys, file: BorrowedFd<'_>, at_least: usize) -> Result<()> {
        if self.is_spent {
            return Err(Errno::CANCELED);
        }
        self.push(file);
        loop {
            let before = self.io.submission().len();
            let result =
                sys.plain(Call::IoUringEnter, || self.io.submit_and_wait(at_least).map_err(|error| errno(&error)));
            let left = self.io.submission().len();
            self.in_flight += before - left;
            self.is_spent = left > 0;
            match result {
                Ok(_) if left == 0 => return Ok(()),
                // Some were taken: the kernel says why it takes no more when it takes none.
                Ok(_) if left < before => {}
                Ok(_) => return Err(Errno::AGAIN),
                Err(errno) => return Err(errno),
            }
        }
    }

    /// Hands what is queued to the submission queue, which has a place for each slot and is empty.
    fn push(&mut self, file: BorrowedFd<'_>) {
        let file = Fd(file.as_raw_fd());
        let mut queue = self.io.submission();
        for (slot, request) in self.queued.drain(..) {
            let entry = entry(self.slots[slot].blocks.block(), file, request).user_data(slot as u64);
            // SAFETY: the block is at least as long as the entry says (asserted in `queue`), and stays where it is. Neither
            // it nor another of the slot is touched as long as the slot is busy: until the kernel said that the operation
            // is over. `self` gives its memory up only when nothing is in flight (`drop`).
            unsafe { queue.push(&entry) }.expect("a place for each slot");
        }
    }

    /// An operation that is over: its slot, and how many bytes it moved.
    pub fn next_over(&mut self) -> Option<(usize, Result<usize>)> {
        let over = self.io.completion().next()?;
        let slot = over.user_data() as usize;
        self.slots[slot].is_busy = false;
        self.in_flight -= 1;
        Some((slot, usize::try_from(over.result()).map_err(|_| Errno::from_raw_os_error(-over.result()))))
    }

    /// Waits for what is in flight, submits nothing, and forgets what is queued and how everything ended. For the way
    /// out: it asks nobody whether to stop, is not counted, and leaves a ring that takes nothing any more.
    pub fn settle(&mut self) {
        self.is_spent = true;
        while self.next_over().is_some() {}
        while self.in_flight > 0 {
            let flags = EnterFlags::GETEVENTS.bits();
            // SAFETY: it submits nothing, and passes no argument; it only waits.
            let waited = unsafe { self.io.submitter().enter::<libc::sigset_t>(0, self.in_flight as u32, flags, None) };
            match waited.map_err(|error| errno(&error)) {
                Ok(_) | Err(Errno::INTR) => while self.next_over().is_some() {},
                // Nobody knows what is still in flight.
                Err(_) => return,
            }
        }
    }
}

impl Drop for Ring {
    fn drop(&mut self) {
        self.settle();
        if self.in_flight > 0 {
            // The kernel may still write there: rather lose this memory than have somebody else get it.
            std::mem::forget(std::mem::take(&mut self.slots));
        }
    }
}

impl fmt::Debug for Ring {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Ring").field("depth", &self.depth()).field("in_flight", &self.in_flight).finish_non_exhaustive()
    }
}

/// What the kernel is told. The length of a block was seen to fit.
fn entry(block: &mut [u8], file: Fd, request: Request) -> squeue::Entry {
    match request {
        Request::Read { offset, bytes } => {
            opcode::Read::new(file, block.as_mut_ptr(), bytes as u32).offset(offset).build()
        }
        Request::Write { offset, bytes } => {
            opcode::Write::new(file, block.as_ptr(), bytes as u32).offset(offset).build()
        }
        Request::Sync => opcode::Fsync::new(file).flags(FsyncFlags::DATASYNC).build(),
    }
}

/// The errno of an error of the crate's, which are all the kernel's.
pub(super) fn errno(error: &std::io::Error) -> Errno {
    Errno::from_io_error(error).unwrap_or(Errno::IO)
}

#[cfg(test)]
mod tests;
