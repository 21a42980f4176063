//! Calls that take a directory and a name, or a descriptor, where older ones take a path by way of `/proc`: for systems
//! without it (chroot, initramfs).
//!
//! fchmodat2(2) came with Linux 6.6, setxattrat(2) and its like with 6.13. rustix has none of them. Where the kernel is
//! older they fail with ENOENT, as the calls by way of `/proc` did for want of it.

#![allow(unsafe_code, reason = "rustix has none of these calls")]

use std::ffi::{CStr, c_long};
use std::os::fd::{AsFd, AsRawFd};

use rustix::io::{Errno, Result};

use super::Sys;
use crate::calls::Call;

/// Their numbers, which are the same on all architectures of Linux but Alpha (include/uapi/asm-generic/unistd.h).
const SETXATTRAT: c_long = 463;
const GETXATTRAT: c_long = 464;
const LISTXATTRAT: c_long = 465;
const REMOVEXATTRAT: c_long = 466;

/// `struct xattr_args` (include/uapi/linux/xattr.h).
#[repr(C, align(8))]
struct Value {
    address: u64,
    size: u32,
    flags: u32,
}

impl Value {
    const BYTES: usize = size_of::<Self>();

    fn at(address: *const u8, size: usize) -> Result<Self> {
        // Longer than any value may be: XATTR_SIZE_MAX is 64 KiB.
        let size = u32::try_from(size).map_err(|_| Errno::TOOBIG)?;
        Ok(Self { address: address as u64, size, flags: 0 })
    }
}

impl Sys {
    /// Sets the permission bits of what an `O_PATH` descriptor is of.
    pub(super) fn fchmodat2(&mut self, itself: impl AsFd, mode: u32) -> Result<()> {
        let file = itself.as_fd().as_raw_fd();
        // SAFETY: the path is a string that ends with NUL; the call writes nowhere.
        let call = || unsafe { libc::syscall(libc::SYS_fchmodat2, file, c"".as_ptr(), mode, libc::AT_EMPTY_PATH) };
        self.newer(Call::Fchmodat2, || checked(call())).map(drop)
    }

    /// Sets an attribute of `entry` in `directory`, a symbolic link's own.
    pub fn setxattrat(&mut self, directory: impl AsFd, entry: &CStr, name: &CStr, value: &[u8]) -> Result<()> {
        let directory = directory.as_fd().as_raw_fd();
        let value = Value::at(value.as_ptr(), value.len())?;
        let call = || {
            let (entry, name, flags) = (entry.as_ptr(), name.as_ptr(), libc::AT_SYMLINK_NOFOLLOW);
            // SAFETY: the strings end with NUL; `value` has the layout and size that the kernel is told, and holds address
            // and length of a slice that outlives the call, which only reads it.
            unsafe { libc::syscall(SETXATTRAT, directory, entry, flags, name, &raw const value, Value::BYTES) }
        };
        self.newer(Call::Setxattrat, || checked(call())).map(drop)
    }

    /// Removes an attribute of `entry` in `directory`, a symbolic link's own.
    pub(crate) fn removexattrat(&mut self, directory: impl AsFd, entry: &CStr, name: &CStr) -> Result<()> {
        let directory = directory.as_fd().as_raw_fd();
        let (entry, name, flags) = (entry.as_ptr(), name.as_ptr(), libc::AT_SYMLINK_NOFOLLOW);
        // SAFETY: the strings end with NUL; the call writes nowhere.
        let call = || unsafe { libc::syscall(REMOVEXATTRAT, directory, entry, flags, name) };
        self.newer(Call::Removexattrat, || checked(call())).map(drop)
    }

    /// Bytes that an attribute of `entry` in `directory` has, which `value` has then.
    pub(super) fn getxattrat(
        &mut self,
        directory: impl AsFd,
        entry: &CStr,
        name: &CStr,
        value: &mut [u8],
    ) -> Result<usize> {
        let directory = directory.as_fd().as_raw_fd();
        let value = Value::at(value.as_mut_ptr(), value.len())?;
        let call = || {
            let (entry, name, flags) = (entry.as_ptr(), name.as_ptr(), libc::AT_SYMLINK_NOFOLLOW);
            // SAFETY: the strings end with NUL; `value` has the layout and size that the kernel is told, and holds address
            // and length of a slice that is borrowed mutably until after the call, which writes no further.
            unsafe { libc::syscall(GETXATTRAT, directory, entry, flags, name, &raw const value, Value::BYTES) }
        };
        self.newer(Call::Getxattrat, || checked(call()))
    }

    /// Bytes in the list of the attributes of `entry` in `directory`, which `list` holds then.
    pub(super) fn listxattrat(&mut self, directory: impl AsFd, entry: &CStr, list: &mut [u8]) -> Result<usize> {
        let directory = directory.as_fd().as_raw_fd();
        let mut call = || {
            let (entry, flags) = (entry.as_ptr(), libc::AT_SYMLINK_NOFOLLOW);
            // SAFETY: the string ends with NUL; the kernel writes into the slice, and no more than its length.
            unsafe { libc::syscall(LISTXATTRAT, directory, entry, flags, list.as_mut_ptr(), list.len()) }
        };
        self.newer(Call::Listxattrat, || checked(call()))
    }

    fn newer(&mut self, call: Call, attempt: impl FnMut() -> Result<usize>) -> Result<usize> {
        match self.plain(call, attempt) {
            Err(Errno::NOSYS) => Err(Errno::NOENT),
            other => other,
        }
    }
}

/// What a call returned, which is negative where it failed.
fn checked(returned: c_long) -> Result<usize> {
    usize::try_from(returned)
        .map_err(|_| std::io::Error::last_os_error().raw_os_error().map_or(Errno::IO, Errno::from_raw_os_error))
}
