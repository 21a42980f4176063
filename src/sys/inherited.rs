//! What this process was started with: which standard streams are open, and whether SIGPIPE is ignored.
//!
//! Before `main`, Rust's runtime opens `/dev/null` in the place of each standard stream that is closed, and ignores
//! SIGPIPE. Then output for a closed stream seems to be written, and is lost. So both are looked at before that, in a
//! function that the dynamic linker (or, in a static program, the C library) calls first (`DT_INIT_ARRAY` of the ELF
//! specification).

#![allow(unsafe_code, reason = "a function that runs before main needs a section of its own, and calls that libc has")]

use std::ffi::c_int;
use std::os::fd::{AsRawFd, BorrowedFd};
use std::sync::atomic::{AtomicBool, Ordering};

use rustix::fs::{Mode, OFlags};
use rustix::io::{Errno, Result};

use super::signals::is_ignored;

/// Whether standard input, output and error were closed.
static CLOSED: [AtomicBool; 3] = [const { AtomicBool::new(false) }; 3];
/// Whether SIGPIPE was ignored.
static IGNORES_SIGPIPE: AtomicBool = AtomicBool::new(false);

#[used]
// SAFETY: the section holds pointers to functions without arguments that matter, and this is one. It calls fcntl and
// sigaction only, which need no initialisation, and touches atomics.
#[unsafe(link_section = ".init_array")]
static LOOK_FIRST: extern "C" fn() = look;

extern "C" fn look() {
    for (descriptor, closed) in (0..).zip(&CLOSED) {
        // SAFETY: F_GETFL takes no argument, and any number will do as a descriptor: one that is not open gives EBADF.
        let is_open = unsafe { libc::fcntl(descriptor as c_int, libc::F_GETFL) } >= 0;
        closed.store(!is_open, Ordering::Relaxed);
    }
    IGNORES_SIGPIPE.store(is_ignored(libc::SIGPIPE), Ordering::Relaxed);
}

/// Makes every use of a standard stream that was closed fail, also by a name such as `/dev/stdout`: in the place of the
/// runtime's `/dev/null` comes a descriptor that can be neither read nor written (EBADF), nor opened again (ELOOP), as it
/// stands for a symbolic link itself. Without `/proc` nothing is changed, and those names lead nowhere.
pub fn keep_closed_streams_closed() {
    let [input, output, error] = CLOSED.each_ref().map(|closed| closed.load(Ordering::Relaxed));
    if !(input || output || error) {
        return;
    }
    let link = rustix::fs::open("/proc/self", OFlags::PATH | OFlags::NOFOLLOW | OFlags::CLOEXEC, Mode::empty());
    let Ok(link) = link else { return };
    // dup2 to a descriptor that is open fails for want of memory at most.
    let _ = input.then(|| rustix::stdio::dup2_stdin(&link));
    let _ = output.then(|| rustix::stdio::dup2_stdout(&link));
    let _ = error.then(|| rustix::stdio::dup2_stderr(&link));
}

/// Standard input; EBADF if the process was started without one.
pub(crate) fn standard_input() -> Result<BorrowedFd<'static>> {
    unless_closed(rustix::stdio::stdin())
}

/// Standard output; EBADF if the process was started without one.
pub fn standard_output() -> Result<BorrowedFd<'static>> {
    unless_closed(rustix::stdio::stdout())
}

/// Standard input, if it is a socket.
pub fn standard_socket() -> Option<BorrowedFd<'static>> {
    let input = standard_input().ok()?;
    let found = rustix::fs::fstat(input).ok()?;
    (rustix::fs::FileType::from_raw_mode(found.st_mode) == rustix::fs::FileType::Socket).then_some(input)
}

fn unless_closed(stream: BorrowedFd<'static>) -> Result<BorrowedFd<'static>> {
    let is_closed = CLOSED[stream.as_raw_fd() as usize].load(Ordering::Relaxed);
    if is_closed { Err(Errno::BADF) } else { Ok(stream) }
}

/// Whether the process was started with SIGPIPE ignored: whoever did that wants an error to be reported instead.
pub fn ignores_broken_pipes() -> bool {
    IGNORES_SIGPIPE.load(Ordering::Relaxed)
}
