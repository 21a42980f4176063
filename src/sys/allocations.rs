//! The system's allocator, with a count of what it is asked for while somebody counts, and a reserve for when there is no
//! memory.
//!
//! A program that wants the count installs it:
//!
//! ```standalone_crate
//! #[global_allocator]
//! static ALLOCATOR: haul::sys::CountingAllocator = haul::sys::CountingAllocator;
//!
//! let (text, asked) = haul::sys::counting_allocations(|| "a".repeat(1000));
//! assert_eq!(asked.map(|asked| (asked.count, asked.bytes)), Some((1, 1000)));
//! # drop(text);
//! ```
//!
//! While nobody counts, it costs one relaxed load each time. While somebody does, all threads add to the same few words:
//! slow where many allocate at once, but right, and such a run is not timed.
//!
//! There is no memory where `ulimit -v` (`RLIMIT_AS`) or `ulimit -d` (`RLIMIT_DATA`) is reached, or the system promises no
//! more than it has (`vm.overcommit_memory` 2). Large memory is asked for by those who can do without ([`fallible`]). What
//! else is asked for is small, and std ends the process where it is refused. A program that keeps a reserve gives that up
//! first: with it the work at hand goes on to the next place where it can end cleanly ([`super::Sys::check_stop`]), and the
//! job ends there as it does on a full disk. Only a program that needs more than its reserve until then ends at once, with
//! one line; a temporary name may stay then.

#![allow(unsafe_code, reason = "an allocator cannot be written without")]

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};

/// Asked each time. Relaxed, here as below: each word is right by itself, and whoever counts ends when the threads that
/// allocate have been joined.
static COUNTING: AtomicBool = AtomicBool::new(false);
/// Held by whoever counts: the words below are there once.
static TAKEN: AtomicBool = AtomicBool::new(false);
static COUNT: AtomicU64 = AtomicU64::new(0);
static BYTES: AtomicU64 = AtomicU64::new(0);
/// Beyond what was in use at the start: below 0 when something older was freed.
static IN_USE: AtomicI64 = AtomicI64::new(0);
static PEAK: AtomicI64 = AtomicI64::new(0);

/// What the allocator was asked for while somebody counted.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Allocations {
    /// Times memory was asked for, growing what was there included.
    pub count: u64,
    /// Bytes asked for, in all.
    pub bytes: u64,
    /// Most bytes in use at any moment, beyond what was in use before.
    pub peak_bytes: u64,
}

/// The system's allocator, counted. See the module.
#[derive(Debug, Clone, Copy, Default)]
pub struct CountingAllocator;

/// Does `work`, and says what all threads asked the allocator for meanwhile. `None` where [`CountingAllocator`] is not
/// the allocator, and while somebody else counts.
pub fn counting_allocations<T>(work: impl FnOnce() -> T) -> (T, Option<Allocations>) {
    let counting = Counting::start();
    let result = work();
    (result, counting.map(|counting| counting.seen()))
}

/// Counts until it is dropped, also by a panic.
struct Counting;

impl Counting {
    fn start() -> Option<Self> {
        if TAKEN.swap(true, Ordering::Acquire) {
            return None;
        }
        let counting = Self;
        COUNT.store(0, Ordering::Relaxed);
        COUNTING.store(true, Ordering::Relaxed);
        drop(std::hint::black_box(Box::new(0_u8)));
        let is_installed = COUNT.load(Ordering::Relaxed) > 0;
        COUNTING.store(false, Ordering::Relaxed);
        if !is_installed {
            return None;
        }
        COUNT.store(0, Ordering::Relaxed);
        BYTES.store(0, Ordering::Relaxed);
        IN_USE.store(0, Ordering::Relaxed);
        PEAK.store(0, Ordering::Relaxed);
        COUNTING.store(true, Ordering::Relaxed);
        Some(counting)
    }

    #[allow(clippy::unused_self, reason = "the words are its own")]
    fn seen(&self) -> Allocations {
        Allocations {
            count: COUNT.load(Ordering::Relaxed),
            bytes: BYTES.load(Ordering::Relaxed),
            peak_bytes: PEAK.load(Ordering::Relaxed).unsigned_abs(),
        }
    }
}

impl Drop for Counting {
    fn drop(&mut self) {
        COUNTING.store(false, Ordering::Relaxed);
        TAKEN.store(false, Ordering::Release);
    }
}

#[inline]
fn is_counting() -> bool {
    COUNTING.load(Ordering::Relaxed)
}

/// Something grew by so many bytes; `at` is where it lies now, null if it could not grow.
#[cold]
fn grew(at: *mut u8, bytes: usize) {
    if at.is_null() {
        return;
    }
    COUNT.fetch_add(1, Ordering::Relaxed);
    BYTES.fetch_add(bytes as u64, Ordering::Relaxed);
    let before = IN_USE.fetch_add(bytes as i64, Ordering::Relaxed);
    PEAK.fetch_max(before + bytes as i64, Ordering::Relaxed);
}

#[cold]
fn shrank(bytes: usize) {
    IN_USE.fetch_sub(bytes as i64, Ordering::Relaxed);
}

// SAFETY: every call is handed to the system's allocator as it came, once more where it was refused, and its answer is
// returned as it was; what is done beside it allocates nothing and cannot panic.
unsafe impl GlobalAlloc for CountingAllocator {
    #[inline]
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        // SAFETY: the caller promises the same to us.
        let mut at = unsafe { System.alloc(layout) };
        if at.is_null() {
            // SAFETY: the same.
            at = try_again(|| unsafe { System.alloc(layout) });
        }
        if is_counting() {
            grew(at, layout.size());
        }
        at
    }

    #[inline]
    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        // SAFETY: the caller promises the same to us.
        let mut at = unsafe { System.alloc_zeroed(layout) };
        if at.is_null() {
            // SAFETY: the same.
            at = try_again(|| unsafe { System.alloc_zeroed(layout) });
        }
        if is_counting() {
            grew(at, layout.size());
        }
        at
    }

    #[inline]
    unsafe fn dealloc(&self, at: *mut u8, layout: Layout) {
        if is_counting() {
            shrank(layout.size());
        }
        // SAFETY: the caller promises the same to us, and `at` came from the system's allocator.
        unsafe { System.dealloc(at, layout) };
    }

    #[inline]
    unsafe fn realloc(&self, at: *mut u8, layout: Layout, bytes: usize) -> *mut u8 {
        // SAFETY: the caller promises the same to us, and `at` came from the system's allocator.
        let mut moved = unsafe { System.realloc(at, layout, bytes) };
        if moved.is_null() {
            // SAFETY: the same; what was refused is still as it was.
            moved = try_again(|| unsafe { System.realloc(at, layout, bytes) });
        }
        if is_counting() {
            if bytes > layout.size() {
                grew(moved, bytes - layout.size());
            } else if !moved.is_null() {
                shrank(layout.size() - bytes);
            }
        }
        moved
    }
}

/// Enough for what a worker allocates between two looks, of zlib a stream or two. It is address space only: its pages are
/// never touched.
const RESERVE: Layout = Layout::new::<[u8; 2 << 20]>();

/// Said by a process that needs more than its reserve. Nothing can be formatted then.
const NO_MORE: &str =
    "haul: there is no memory left; use fewer --workers or smaller buffers, or raise the limit (ulimit -v)\n";

/// The reserve, while there is one. An address, since a pointer cannot be shared.
static KEPT: Mutex<Option<usize>> = Mutex::new(None);
/// The reserve was given up, or could not be had.
static IS_SPENT: AtomicBool = AtomicBool::new(false);

thread_local! {
    /// Whether this thread asks for memory that it can do without.
    static IS_FALLIBLE: Cell<bool> = const { Cell::new(false) };
}

/// Keeps a reserve from now on, for a program whose allocator is [`super::CountingAllocator`].
pub fn keep_reserve() {
    // SAFETY: the layout is not of size 0.
    let reserve = unsafe { System.alloc(RESERVE) };
    // Without a reserve to begin with, there is no memory to work with either.
    IS_SPENT.store(reserve.is_null(), Ordering::Relaxed);
    *KEPT.lock().unwrap_or_else(PoisonError::into_inner) = Some(reserve as usize).filter(|address| *address != 0);
}

/// Whether the reserve is gone: then the job must end.
pub(super) fn reserve_is_spent() -> bool {
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
    if memory.is_null() && reserve_is_spent() {
        let _ = rustix::io::write(rustix::stdio::stderr(), NO_MORE.as_bytes());
        // SAFETY: it ends the process, and runs nothing of it.
        unsafe { libc::_exit(1) };
    }
    memory
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_is_said_where_it_is_not_installed() {
        for _ in 0..2 {
            let (made, seen) = counting_allocations(|| vec![1_u8; 1 << 16]);
            assert_eq!((made.len(), seen), (1 << 16, None));
        }
    }
}
