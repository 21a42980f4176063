//! The memory of a run and of its child processes, together: their proportional set sizes (PSS) added up.
//!
//! Of a page that n processes share, the kernel gives each an n-th (`proc_pid_smaps(5)`), so that the sum counts every page
//! once, where a sum of resident sizes would count the program itself once a process. The kernel keeps no peak of it, so
//! somebody has to look again and again, and a look walks the page tables of each process: measured 0.04 ms for one of
//! 2 MiB, 0.2 for 14 MiB and 7 for 256 MiB. Timed runs are therefore never looked at: that is done in the run that warms a
//! setting up, where peak memory and allocations are read anyway, and only of runs that have child processes. What a single
//! process needed at the most is its `VmHWM`, of which [`unshared`] takes off what it shares with other programs.
//!
//! Looking allocates nothing: allocations are counted meanwhile.

use std::ffi::CStr;
use std::io::{Cursor, Write};
use std::mem::MaybeUninit;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread::Thread;
use std::time::{Duration, Instant};

use rustix::fs::{CWD, Mode, OFlags, RawDir};

use super::proc;

/// The least time between two looks: a run of some tens of ms is seen several times.
const PAUSE: Duration = Duration::from_millis(5);
/// Looking takes at most this part of one core, however many processes there are.
const PART: u32 = 5;

/// Does `work`, and looks meanwhile how much memory this process and its children have. Returns the most that was seen;
/// `None` where the kernel does not tell (`smaps_rollup` is of Linux 4.14, the list of children an option of it), or no thread
/// can be started that looks.
pub(in crate::lab) fn most_memory<T>(work: impl FnOnce() -> T) -> (T, Option<u64>) {
    let looks = Looks::default();
    std::thread::scope(|scope| {
        let look = || {
            while !looks.ended.load(Ordering::Acquire) {
                let begun = Instant::now();
                looks.most.fetch_max(memory_of_all().unwrap_or(0), Ordering::Relaxed);
                looks.begun.store(true, Ordering::Release);
                std::thread::park_timeout(PAUSE.max(begun.elapsed() * (PART - 1)));
            }
        };
        let Ok(looking) = std::thread::Builder::new().name("haul-memory".to_owned()).spawn_scoped(scope, look) else {
            return (work(), None);
        };
        // Also when the work panics: the scope waits for the thread.
        let end = End(&looks.ended, looking.thread().clone());
        while !looks.begun.load(Ordering::Acquire) {
            std::thread::yield_now();
        }
        let result = work();
        drop(end);
        let most = looks.most.load(Ordering::Relaxed);
        (result, (most > 0).then_some(most))
    })
}

/// `peak` resident bytes of this process without those that it shares with others: of a page that n share, an n-th is its
/// own. What is shared hardly changes (the program and its libraries), so it is read once, now.
pub(in crate::lab) fn unshared(peak: u64) -> Option<u64> {
    let (resident, own) = proc::look(c"/proc/self/smaps_rollup", |text| {
        Some((proc::number(text, "Rss")? * 1024, proc::number(text, "Pss")? * 1024))
    })?;
    Some(peak.saturating_sub(resident.saturating_sub(own)))
}

/// What the thread that looks and the one that works tell each other.
#[derive(Default)]
struct Looks {
    most: AtomicU64,
    /// The thread may still be starting, which allocates.
    begun: AtomicBool,
    ended: AtomicBool,
}

/// Says at the end of the work that it has ended.
struct End<'a>(&'a AtomicBool, Thread);

impl Drop for End<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Release);
        self.1.unpark();
    }
}

/// Bytes of this process and its children now; children that end meanwhile have none.
fn memory_of_all() -> Option<u64> {
    let mut all = memory_of(c"/proc/self/smaps_rollup")?;
    each_child(&mut |process| {
        all += with_path(process, "smaps_rollup", memory_of).unwrap_or(0);
    })?;
    Some(all)
}

fn memory_of(path: &CStr) -> Option<u64> {
    proc::look(path, |text| proc::number(text, "Pss")).map(|kib| kib * 1024)
}

/// Names the child processes of every thread of this process: a child belongs to the thread that made it.
fn each_child(name: &mut dyn FnMut(u64)) -> Option<()> {
    let threads =
        rustix::fs::openat(CWD, c"/proc/self/task", OFlags::RDONLY | OFlags::DIRECTORY, Mode::empty()).ok()?;
    let mut buffer = [MaybeUninit::<u8>::uninit(); 4096];
    let mut threads = RawDir::new(threads, &mut buffer);
    while let Some(thread) = threads.next() {
        let Some(thread) = thread.ok()?.file_name().to_str().ok().and_then(|text| text.parse().ok()) else { continue };
        children_of(thread, name)?;
    }
    Some(())
}

fn children_of(thread: u64, name: &mut dyn FnMut(u64)) -> Option<()> {
    let open = |path: &CStr| rustix::fs::openat(CWD, path, OFlags::RDONLY | OFlags::CLOEXEC, Mode::empty()).ok();
    // A thread can have ended since it was listed, unless there is no such list at all.
    let Some(file) = with_path(thread, "children", open) else { return (thread != first_thread()).then_some(()) };
    let mut number = None;
    let mut page = [0; 4096];
    loop {
        let count = rustix::io::read(&file, &mut page).ok()?;
        // Numbers with a blank after each, so that one may go on in the next piece.
        for byte in &page[..count] {
            match byte {
                b'0'..=b'9' => number = Some(number.unwrap_or(0) * 10 + u64::from(byte - b'0')),
                _ => number.take().into_iter().for_each(&mut *name),
            }
        }
        if count == 0 {
            return Some(());
        }
    }
}

/// The thread that lives as long as the process does.
fn first_thread() -> u64 {
    std::process::id().into()
}

/// Hands `/proc/TASK/FILE` to `with`; of the children of a thread, which are listed below its process.
fn with_path<T>(task: u64, file: &str, with: impl FnOnce(&CStr) -> Option<T>) -> Option<T> {
    let mut path = Cursor::new([0; 64]);
    let is_thread = file == "children";
    let before = if is_thread { "self/task/" } else { "" };
    write!(path, "/proc/{before}{task}/{file}\0").ok()?;
    with(CStr::from_bytes_until_nul(path.get_ref()).ok()?)
}

#[cfg(test)]
mod tests {
    use std::process::{Command, Stdio};

    use super::*;

    #[test]
    fn what_children_have_counts_too() {
        let children = || {
            let mut found = 0;
            each_child(&mut |_| found += 1).map(|()| found)
        };
        let Some(before) = children() else { return eprintln!("skipped: this kernel does not list children") };
        let (during, most) = most_memory(|| {
            // Waits for the end of its input, with a buffer of 64 MiB by then.
            let script = "read go; x=$(head -c 64M /dev/zero | tr '\\0' x); echo $go; read end";
            let mut command = Command::new("sh");
            let mut child = command.args(["-c", script]).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
            let during = children().unwrap();
            let mut input = child.stdin.take().unwrap();
            input.write_all(b"go\n").unwrap();
            std::io::Read::read_exact(child.stdout.as_mut().unwrap(), &mut [0; 3]).unwrap();
            std::thread::sleep(PAUSE * 4);
            drop(input);
            child.wait().unwrap();
            during
        });
        // Other tests of this program have children too.
        assert!(during >= 1 && during + 8 > before, "{before} {during}");
        assert!(most.unwrap() > 64 << 20, "{most:?}");
    }

    #[test]
    fn what_is_shared_is_taken_off_once() {
        let Some(own) = unshared(1 << 40) else { return eprintln!("skipped: there is no smaps_rollup") };
        assert!(own <= 1 << 40 && own > (1 << 40) - (1 << 30), "{own}");
        assert_eq!(unshared(0), Some(0));
    }

    #[test]
    fn a_panic_goes_on() {
        assert!(std::panic::catch_unwind(|| most_memory(|| panic!("on purpose"))).is_err());
    }
}
