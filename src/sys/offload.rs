//! Calls by which the kernel copies without the bytes entering this process.

use std::os::fd::AsFd;

use rustix::io::Result;

use super::Sys;
use crate::calls::Call;

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
