//! This process: who it is, how much of the kernel's resources it may hold, and what it has used.

use std::panic::resume_unwind;

use rustix::fs::{CWD, Mode, OFlags};
use rustix::process::{Resource, Rlimit, getegid, geteuid, getrlimit, setrlimit, umask};

use super::{Attributes, Sys, page_bytes};

/// Effective user and group, and the file mode creation mask.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Identity {
    /// Effective user id: the owner of what we create.
    pub uid: u32,
    /// Effective group id: the group of what we create, outside directories that hand on theirs.
    pub gid: u32,
    /// Permission bits that the kernel takes away from what we create.
    pub umask: u32,
    /// Those of its owner that the user's mask takes away, and the kernel does not: see [`Identity::current`].
    pub owner_umask: u32,
}

/// Has the kernel end this process when the thread that started it ends: whatever that was, nobody is left to work for.
pub fn end_with_parent() -> rustix::io::Result<()> {
    rustix::process::set_parent_process_death_signal(Some(rustix::process::Signal::KILL))
}

/// Who a file made in a certain directory will belong to, as far as that can be told beforehand.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Creator {
    /// Its owner.
    pub uid: u32,
    /// Its group, if that is certain: a set-group-id directory, or a file system mounted with `grpid`, hands on the
    /// directory's.
    pub gid: Option<u32>,
    /// Permission bits that the kernel takes away.
    pub umask: u32,
    /// Those of its owner that are to be taken away in the end, where a file has the mode of any new one.
    pub owner_umask: u32,
    /// The directory has a default ACL, which takes the mask's place.
    pub inherits_acl: bool,
}

impl Creator {
    /// Whether a new file will have the owner and group of `wanted` by itself.
    pub fn makes(&self, wanted: &Attributes) -> bool {
        (self.uid, self.gid) == (wanted.uid, Some(wanted.gid))
    }
}

impl Identity {
    /// Who files made in `directory` will belong to.
    pub fn creating_in(&self, directory: &Attributes) -> Creator {
        let gid = (directory.gid == self.gid).then_some(self.gid);
        Creator { gid, ..self.unknown_creator() }
    }

    /// Who a file that we did not make belongs to: nobody can tell.
    pub fn unknown_creator(&self) -> Creator {
        Creator { uid: self.uid, gid: None, umask: self.umask, owner_umask: self.owner_umask, inherits_acl: false }
    }

    /// The identity of this process.
    ///
    /// A mask that takes away the owner's own rights would lock us out of directories that we have just made; those
    /// bits of it are cleared for this process. Targets get the modes of their sources, or lose those bits at the end.
    pub fn current() -> Self {
        let all = creation_mask();
        let (owners, others) = (all & Mode::RWXU, all & (Mode::RWXG | Mode::RWXO));
        if !owners.is_empty() {
            umask(others);
        }
        let (umask, owner_umask) = (others.as_raw_mode(), owners.as_raw_mode());
        Self { uid: geteuid().as_raw(), gid: getegid().as_raw(), umask, owner_umask }
    }
}

/// The file mode creation mask of this process: as /proc shows it (Linux 4.7 and later), else by setting it for an instant,
/// in which other threads must not make files.
#[allow(clippy::disallowed_methods, reason = "asked once a process, before there are counts")]
fn creation_mask() -> Mode {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let shown = status.lines().find_map(|line| line.strip_prefix("Umask:"));
    if let Some(mask) = shown.and_then(|mask| u32::from_str_radix(mask.trim(), 8).ok()) {
        return Mode::from_raw_mode(mask);
    }
    let mask = umask(Mode::from_raw_mode(0o077));
    umask(mask);
    mask
}

/// Bytes of stack that the program has in its first thread, where the serial scheduler works, too: as many as std gives to
/// other threads.
const STACK_BYTES: u64 = 2 << 20;

/// Descriptors that may be open at a time. Asks for all that the user may have without privileges: the soft limit is
/// there for programs that use select(2), and this one does not. `None` where there is no limit.
pub(crate) fn most_descriptors() -> Option<u64> {
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

/// Resources used so far by all threads, ended ones too, and by child processes that were waited for.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Usage {
    /// CPU time in user mode, ns (the kernel's own resolution is 1 µs).
    pub user_ns: u64,
    /// CPU time in the kernel, ns.
    pub system_ns: u64,
    /// Page faults served without the disk.
    pub minor_faults: u64,
    /// Page faults that waited for the disk.
    pub major_faults: u64,
    /// Times a thread gave up its core to wait for something.
    pub voluntary_switches: u64,
    /// Times a thread's core was taken away for another's sake.
    pub involuntary_switches: u64,
}

/// The usage of this process and of its children, as far as they have ended and were waited for: the kernel adds up what a
/// child used when it is waited for (`RUSAGE_CHILDREN`), as it does with the counts of /proc/self/io.
pub fn usage() -> Usage {
    let (own, children) = (usage_of(libc::RUSAGE_SELF), usage_of(libc::RUSAGE_CHILDREN));
    Usage {
        user_ns: own.user_ns + children.user_ns,
        system_ns: own.system_ns + children.system_ns,
        minor_faults: own.minor_faults + children.minor_faults,
        major_faults: own.major_faults + children.major_faults,
        voluntary_switches: own.voluntary_switches + children.voluntary_switches,
        involuntary_switches: own.involuntary_switches + children.involuntary_switches,
    }
}

#[allow(unsafe_code, reason = "getrusage has no safe wrapper in our dependencies")]
fn usage_of(who: libc::c_int) -> Usage {
    let mut raw = std::mem::MaybeUninit::<libc::rusage>::zeroed();
    // SAFETY: `raw` is writable and as large as the kernel's `struct rusage`; zeroed, it is a valid value of it, so
    // reading it is sound whatever the call returns. Both values of `who` with a good pointer cannot fail (getrusage(2)).
    let raw = unsafe {
        libc::getrusage(who, raw.as_mut_ptr());
        raw.assume_init()
    };
    let ns = |time: libc::timeval| time.tv_sec as u64 * 1_000_000_000 + time.tv_usec as u64 * 1_000;
    Usage {
        user_ns: ns(raw.ru_utime),
        system_ns: ns(raw.ru_stime),
        minor_faults: raw.ru_minflt as u64,
        major_faults: raw.ru_majflt as u64,
        voluntary_switches: raw.ru_nvcsw as u64,
        involuntary_switches: raw.ru_nivcsw as u64,
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

    #[test]
    fn usage_grows_with_work() {
        let before = usage();
        let pages = vec![1_u8; 64 << 20];
        let after = usage();
        assert_eq!(pages[pages.len() / 2], 1);
        assert!(after.minor_faults > before.minor_faults);
        assert!(after.user_ns + after.system_ns > before.user_ns + before.system_ns);
    }

    #[test]
    fn whoever_sleeps_gives_up_the_core() {
        let before = usage();
        (0..5).for_each(|_| std::thread::sleep(std::time::Duration::from_millis(1)));
        assert!(usage().voluntary_switches >= before.voluntary_switches + 5);
    }
}
