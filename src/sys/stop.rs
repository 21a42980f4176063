//! The wish to stop: set once, by a signal; asked by every worker between and inside its system calls.

use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::sync::Arc;
use std::sync::atomic::{AtomicI32, Ordering};

use rustix::event::{EventfdFlags, PollFd, PollFlags, eventfd, poll};
use rustix::io::{Errno, Result};

use super::Sys;
use crate::calls::Call;

/// A flag that workers share, with a descriptor that wakes those who wait for input.
#[derive(Debug, Clone)]
pub struct Stop(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    /// The signal that asked; 0 while nobody has.
    signal: AtomicI32,
    /// Becomes readable with the request. `None` where the process ran out of descriptors: then a worker that waits
    /// for a silent pipe notices only when the pipe speaks.
    wake: Option<OwnedFd>,
}

impl Stop {
    /// A wish that nobody has yet.
    pub fn new() -> Self {
        let wake = eventfd(0, EventfdFlags::CLOEXEC | EventfdFlags::NONBLOCK).ok();
        Self(Arc::new(Inner { signal: AtomicI32::new(0), wake }))
    }

    /// Asks everybody to stop, in the name of `signal`.
    pub fn request(&self, signal: i32) {
        self.0.signal.store(signal, Ordering::SeqCst);
        if let Some(wake) = &self.0.wake {
            // It can only fail when the counter is full, and then it is readable already.
            let _ = rustix::io::write(wake, &1_u64.to_ne_bytes());
        }
    }

    /// Whether somebody asked.
    pub fn is_requested(&self) -> bool {
        self.signal() != 0
    }

    /// The signal that asked, 0 if none did.
    pub fn signal(&self) -> i32 {
        self.0.signal.load(Ordering::Relaxed)
    }

    fn wake(&self) -> Option<BorrowedFd<'_>> {
        self.0.wake.as_ref().map(AsFd::as_fd)
    }
}

impl Default for Stop {
    fn default() -> Self {
        Self::new()
    }
}

impl Sys {
    /// Waits until `fd` can be read (or is at its end); EINTR if somebody asks to stop meanwhile. For pipes and
    /// terminals: reading one that is silent would otherwise outlast the wish to stop.
    pub fn wait_readable(&mut self, fd: impl AsFd) -> Result<()> {
        let stop = self.stop.clone();
        let Some(wake) = stop.wake() else { return Ok(()) };
        loop {
            let mut watched = [PollFd::new(&fd, PollFlags::IN), PollFd::new(&wake, PollFlags::IN)];
            self.plain(Call::Poll, || poll(&mut watched, None))?;
            if stop.is_requested() {
                return Err(Errno::INTR);
            }
            if !watched[0].revents().is_empty() {
                return Ok(());
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_wakes_a_worker_that_waits_for_a_silent_pipe() {
        let (reader, _writer) = rustix::pipe::pipe().unwrap();
        let stop = Stop::new();
        let mut sys = Sys::new(stop.clone());
        std::thread::scope(|scope| {
            let waiting = scope.spawn(move || sys.wait_readable(&reader));
            stop.request(15);
            assert_eq!(waiting.join().unwrap(), Err(Errno::INTR));
        });
        assert_eq!(stop.signal(), 15);
    }
}
