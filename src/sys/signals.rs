//! Signals: the request to stop, which is set once and asked for by every worker between and inside its system calls; and
//! how this process ends by a signal.
//!
//! A worker may sit in a call that waits for somebody else: a silent pipe, a reader that does not read, a FIFO without
//! a partner. So from the request on every other thread of the process is nudged, again and again, with a signal whose
//! handler does nothing: the call ends with EINTR, and [`super::Sys`] asks here before it makes it again.

#![allow(unsafe_code, reason = "signal dispositions and tgkill have no safe wrapper in our dependencies")]

use std::ffi::c_int;
use std::sync::atomic::{AtomicI32, Ordering};
use std::sync::{Arc, Once, Weak};
use std::time::Duration;

/// Ignored by default and of no use to us otherwise; Go's runtime nudges its threads with it too.
const NUDGE: c_int = libc::SIGURG;
/// How often threads are nudged: one that was just about to wait is woken by the next.
const NUDGE_EVERY: Duration = Duration::from_millis(20);

/// A flag that workers share.
#[derive(Debug, Clone, Default)]
pub struct Stop(Arc<Inner>);

#[derive(Debug, Default)]
struct Inner {
    /// The signal that asked; 0 while nobody has.
    signal: AtomicI32,
    /// Whose requests count here too.
    parent: Option<Stop>,
}

impl Stop {
    /// A request that nobody has made yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// A flag for a part of the work: what is asked of this one counts there too, and not the other way round.
    pub(crate) fn child(&self) -> Self {
        Self(Arc::new(Inner { signal: AtomicI32::new(0), parent: Some(self.clone()) }))
    }

    /// Asks everybody to stop, in the name of `signal`, and wakes those who wait until the last holder is gone.
    pub fn request(&self, signal: c_int) {
        if self.0.signal.swap(signal, Ordering::SeqCst) == 0 {
            handle_nudges();
            let asked = Arc::downgrade(&self.0);
            // Without this thread (none can be started) a worker notices when its call returns.
            let _ = std::thread::Builder::new().name("haul-nudge".to_owned()).spawn(move || nudge_while(&asked));
        }
    }

    /// Whether somebody asked.
    pub fn is_requested(&self) -> bool {
        self.signal() != 0
    }

    /// The signal that asked, 0 if none did.
    pub fn signal(&self) -> c_int {
        match (self.0.signal.load(Ordering::Relaxed), &self.0.parent) {
            (0, Some(parent)) => parent.signal(),
            (own, _) => own,
        }
    }
}

extern "C" fn do_nothing(_signal: c_int) {}

/// Installs the handler that does nothing, without `SA_RESTART`: with it, waiting calls would go on waiting.
fn handle_nudges() {
    static INSTALLED: Once = Once::new();
    INSTALLED.call_once(|| {
        // SAFETY: a zeroed sigaction is a valid one with an empty mask and no flags; the handler does nothing, so it is
        // safe at any point of any thread.
        unsafe {
            let mut action: libc::sigaction = std::mem::zeroed();
            action.sa_sigaction = do_nothing as extern "C" fn(c_int) as libc::sighandler_t;
            libc::sigaction(NUDGE, &raw const action, std::ptr::null_mut());
        }
    });
}

/// Nudges all other threads as long as somebody holds the request.
fn nudge_while(asked: &Weak<Inner>) {
    while asked.strong_count() > 0 {
        nudge_others();
        std::thread::sleep(NUDGE_EVERY);
    }
}

#[expect(clippy::disallowed_methods, reason = "lists our own threads, after the last counted call that matters")]
fn nudge_others() {
    // SAFETY: gettid and getpid cannot fail and touch no memory.
    let (process, me) = unsafe { (libc::getpid(), libc::gettid()) };
    let Ok(threads) = std::fs::read_dir("/proc/self/task") else { return };
    for thread in threads.flatten().filter_map(|entry| entry.file_name().to_str()?.parse::<libc::pid_t>().ok()) {
        if thread != me {
            // SAFETY: tgkill takes three integers. A thread that has ended gives ESRCH; the process id keeps the
            // signal from reaching another process that got the number since.
            unsafe { libc::syscall(libc::SYS_tgkill, process, thread, NUDGE) };
        }
    }
}

/// Whether the process was started with `signal` ignored, as `nohup` does with SIGHUP. Then it must stay so.
pub fn is_ignored(signal: c_int) -> bool {
    let mut action = std::mem::MaybeUninit::<libc::sigaction>::zeroed();
    // SAFETY: `action` is writable and of the right type; with a null new action nothing changes. Zeroed, it is a
    // valid value, so reading it is sound even if the call failed.
    let action = unsafe {
        libc::sigaction(signal, std::ptr::null(), action.as_mut_ptr());
        action.assume_init()
    };
    action.sa_sigaction == libc::SIG_IGN
}

/// Ends this process by `signal`, as if it had never been handled. So whoever waits for it learns what ended it
/// (wait(2)): a shell ends its loop after Ctrl-C, and tar(1) takes the SIGPIPE of its compressor for no failure. Where
/// the default action does nothing, as in the first process of a container (`pid_namespaces(7)`), it exits with
/// 128 + `signal`, which is what a shell makes of the other.
pub fn die_of(signal: c_int) -> ! {
    // SAFETY: both structures are zeroed, which makes valid values of them, and outlive the calls that read them.
    unsafe {
        let mut action: libc::sigaction = std::mem::zeroed();
        action.sa_sigaction = libc::SIG_DFL;
        libc::sigaction(signal, &raw const action, std::ptr::null_mut());
        let mut alone: libc::sigset_t = std::mem::zeroed();
        libc::sigemptyset(&raw mut alone);
        libc::sigaddset(&raw mut alone, signal);
        libc::pthread_sigmask(libc::SIG_UNBLOCK, &raw const alone, std::ptr::null_mut());
        libc::raise(signal);
    }
    std::process::exit(128 + signal)
}

#[cfg(test)]
mod tests {
    use rustix::io::Errno;

    use super::*;
    use crate::sys::Sys;

    #[test]
    fn a_request_wakes_workers_that_read_and_write_silent_pipes() {
        let (reader, _held) = rustix::pipe::pipe().unwrap();
        let (_unread, writer) = rustix::pipe::pipe().unwrap();
        let stop = Stop::new();
        let (mut first, mut second) = (Sys::new(stop.clone()), Sys::new(stop.clone()));
        std::thread::scope(|scope| {
            let reading = scope.spawn(move || first.read(&reader, &mut [0; 10]));
            let writing = scope.spawn(move || second.write_full(&writer, &vec![0; 1 << 20], 1 << 20));
            std::thread::sleep(Duration::from_millis(30));
            stop.request(15);
            assert_eq!(reading.join().unwrap(), Err(Errno::INTR));
            assert_eq!(writing.join().unwrap(), Err(Errno::INTR));
        });
        assert_eq!(stop.signal(), 15);
    }

    #[test]
    fn a_request_counts_for_children_and_not_for_parents() {
        let parent = Stop::new();
        let (first, second) = (parent.child(), parent.child());
        first.request(14);
        assert_eq!((parent.signal(), first.signal(), second.signal()), (0, 14, 0));
        parent.request(2);
        assert_eq!((parent.signal(), first.signal(), second.signal()), (2, 14, 2));
    }

    #[test]
    fn signals_are_not_ignored_unless_somebody_said_so() {
        // Under nohup that one would be SIGHUP.
        assert!(!is_ignored(libc::SIGUSR2));
    }
}
