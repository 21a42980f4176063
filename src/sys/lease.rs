//! Whether somebody else has a file open: a lease (fcntl(2)), which the kernel grants only where nobody has.

#![allow(unsafe_code, reason = "leases have no safe wrapper in our dependencies")]

use std::os::fd::{AsFd, AsRawFd};

use rustix::io::{Errno, Result};

use super::Sys;
use crate::calls::Call;

/// The operation of fcntl(2) that names the signal; `linux/fcntl.h`.
const F_SETSIG: libc::c_int = 10;

impl Sys {
    /// Takes a lease on an open file: until it is closed, nobody else opens it without waiting. EAGAIN: somebody else has
    /// it open. EACCES: it is another user's. EINVAL: its file system has no leases.
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
