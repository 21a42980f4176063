//! How much of the kernel's resources this process may hold.

use std::panic::resume_unwind;

use rustix::fs::{CWD, OFlags};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

use super::{Sys, page_bytes};

/// Bytes of stack that the program has in its first thread, where the serial scheduler works, too: as many as std gives to
/// other threads.
const STACK_BYTES: u64 = 2 << 20;

/// Descriptors that may be open at a time. Asks for all that the user may have without privileges: the soft limit is
/// there for programs that use select(2), and this one does not. `None` where there is no limit.
pub fn most_descriptors() -> Option<u64> {
    let Rlimit { current, maximum } = getrlimit(Resource::Nofile);
    if current != maximum && setrlimit(Resource::Nofile, Rlimit { current: maximum, maximum }).is_ok() {
        return maximum;
    }
    current
}

/// Runs a program within the limits of its process: with a reserve of memory ([`super::keep_reserve`]) and, where the stack
/// is small (`ulimit -s`), in a thread with one of its own. Where none can be started, the small one has to do.
///
/// # Panics
/// If the program does.
pub fn within_limits<T: Send>(program: impl Fn() -> T + Send + Sync) -> T {
    if has_memory_limit() {
        use_one_arena();
    }
    super::keep_reserve();
    if getrlimit(Resource::Stack).current.is_none_or(|bytes| bytes >= STACK_BYTES) {
        return program();
    }
    let ended = std::thread::scope(|scope| {
        let thread = std::thread::Builder::new().name("haul".to_owned()).stack_size(STACK_BYTES as usize);
        thread.spawn_scoped(scope, &program).ok().map(std::thread::ScopedJoinHandle::join)
    });
    ended.map_or_else(&program, |ended| ended.unwrap_or_else(|payload| resume_unwind(payload)))
}

/// Has all threads allocate from one arena. glibc reserves 64 MiB of address space for each other one (`HEAP_MAX_SIZE` in
/// its malloc/arena.c), which would leave none for buffers.
fn use_one_arena() {
    #[cfg(target_env = "gnu")]
    #[allow(unsafe_code, reason = "mallopt has no safe wrapper")]
    // SAFETY: it takes two integers and sets a parameter of the allocator.
    unsafe {
        libc::mallopt(libc::M_ARENA_MAX, 1);
    }
}

/// The limits of address space (`ulimit -v`) and of private memory (`ulimit -d`), bytes.
fn memory_limits() -> [Option<u64>; 2] {
    [Resource::As, Resource::Data].map(|resource| getrlimit(resource).current)
}

fn has_memory_limit() -> bool {
    memory_limits().iter().any(Option::is_some)
}

impl Sys {
    /// Bytes that the process may still ask for before it reaches a limit of its own. `None` where there is no limit, and
    /// where the system does not tell what is in use; no system call on files without one.
    pub fn memory_left(&mut self) -> Option<u64> {
        if !has_memory_limit() {
            return None;
        }
        let file = self.openat(CWD, c"/proc/self/statm", OFlags::RDONLY, 0).ok()?;
        let mut text = [0; 128];
        let read = self.read(&file, &mut text);
        let _ = self.close(file);
        let text = str::from_utf8(&text[..read.ok()?]).ok()?;
        let pages: Vec<u64> = text.split_ascii_whitespace().filter_map(|number| number.parse().ok()).collect();
        // size and data (proc(5), /proc/pid/statm).
        let used = [pages.first()?, pages.get(5)?].map(|pages| pages * page_bytes() as u64);
        let left = memory_limits().into_iter().zip(used).filter_map(|(limit, used)| Some(limit?.saturating_sub(used)));
        left.min()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sys::Stop;

    #[test]
    fn without_a_limit_nothing_is_asked() {
        let mut sys = Sys::new(Stop::new());
        if !has_memory_limit() {
            assert_eq!((sys.memory_left(), sys.counts().total()), (None, 0));
        }
    }

    #[test]
    fn a_program_is_run_once_and_its_answer_comes_back() {
        let runs = std::sync::atomic::AtomicU32::new(0);
        assert_eq!(within_limits(|| runs.fetch_add(1, std::sync::atomic::Ordering::Relaxed)), 0);
        assert_eq!(runs.into_inner(), 1);
    }
}
