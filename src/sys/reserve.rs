//! What happens where there is no memory: `ulimit -v` (`RLIMIT_AS`) or `ulimit -d` (`RLIMIT_DATA`) is reached, or the system
//! promises no more than it has (`vm.overcommit_memory` 2).
//!
//! Large memory is asked for by those who can do without ([`fallible`]). What else is asked for is small, and std ends the
//! process where it is refused. A program that keeps a reserve gives that up first: with it the work at hand goes on to the
//! next place where it can end cleanly ([`super::Sys::check_stop`]), and the job ends there as it does on a full disk. Only
//! a program that needs more than its reserve until then ends at once, with one line; a temporary name may stay then.

#![allow(unsafe_code, reason = "an allocator cannot be written without")]

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};

/// Enough for what a worker allocates between two looks, of zlib a stream or two. It is address space only: its pages are
/// never touched.
const RESERVE: Layout = Layout::new::<[u8; 2 << 20]>();

/// Said by a process that needs more than its reserve. Nothing can be formatted then.
const NO_MORE: &str =
    "haul: there is no memory left; use fewer --workers or smaller buffers, or raise the limit (ulimit -v)\n";

/// The reserve, while there is one. An address, since a pointer cannot be shared.
static KEPT: Mutex<Option<usize>> = Mutex::new(None);
/// The reserve was given up.
static IS_SPENT: AtomicBool = AtomicBool::new(false);

thread_local! {
    /// Whether this thread asks for memory that it can do without.
    static IS_FALLIBLE: Cell<bool> = const { Cell::new(false) };
}

/// Keeps a reserve from now on, for a program whose allocator is [`super::CountingAllocator`].
pub fn keep_reserve() {
    // SAFETY: the layout is not of size 0.
    let reserve = unsafe { System.alloc(RESERVE) };
    *KEPT.lock().unwrap_or_else(PoisonError::into_inner) = Some(reserve as usize).filter(|address| *address != 0);
}

/// Whether the reserve was given up: then the job must end.
pub(super) fn is_spent() -> bool {
    IS_SPENT.load(Ordering::Relaxed)
}

/// Asks for memory that the caller can do without: the reserve stays.
pub(super) fn fallible<T>(ask: impl FnOnce() -> T) -> T {
    IS_FALLIBLE.set(true);
    let answer = ask();
    IS_FALLIBLE.set(false);
    answer
}

/// Tries once more, with the reserve given up, to allocate what was refused. Null for who can do without it, and in
/// programs without a reserve. Never comes back where that does not help.
#[cold]
pub(super) fn try_again(allocate: impl Fn() -> *mut u8) -> *mut u8 {
    if IS_FALLIBLE.get() {
        return std::ptr::null_mut();
    }
    // Held meanwhile: another thread that finds no memory must not ask while the reserve is neither kept nor free.
    let mut kept = KEPT.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(reserve) = kept.take() {
        IS_SPENT.store(true, Ordering::Relaxed);
        // SAFETY: it came from the same allocator with the same layout, and is freed once.
        unsafe { System.dealloc(reserve as *mut u8, RESERVE) };
    }
    let memory = allocate();
    if memory.is_null() && is_spent() {
        let _ = rustix::io::write(rustix::stdio::stderr(), NO_MORE.as_bytes());
        // SAFETY: it ends the process, and runs nothing of it.
        unsafe { libc::_exit(1) };
    }
    memory
}
