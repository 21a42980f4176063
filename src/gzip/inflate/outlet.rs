//! Where bytes go, and which of them: bounded, clipped, written.

use std::ops::Range;
use std::os::fd::OwnedFd;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use super::writer::Failure;
use crate::sys::Sys;

/// Where the bytes go.
pub(super) enum Sink {
    Nowhere,
    Stdout(OwnedFd),
    File(OwnedFd),
}

/// Set when no byte that is still to come is wanted: nobody need read on. Shared by those who read a file and its writer.
#[derive(Debug, Clone, Default)]
pub(super) struct Enough(Arc<AtomicBool>);

impl Enough {
    pub(super) fn is_said(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }

    pub(super) fn say(&self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// Which of the bytes that come out of a file are wanted.
pub(super) struct Clip {
    pub(super) wanted: Range<u64>,
    /// Told when they have gone by; `None` if the file is to be read to its end all the same.
    pub(super) enough: Option<Enough>,
}

impl Clip {
    /// What is wanted of `bytes`, before which `before` bytes came out.
    fn of<'a>(&self, before: u64, bytes: &'a [u8]) -> &'a [u8] {
        let place = |wanted: u64| wanted.saturating_sub(before).min(bytes.len() as u64) as usize;
        &bytes[place(self.wanted.start)..place(self.wanted.end)]
    }

    /// So many bytes have come out.
    fn passed(&self, bytes: u64) {
        if let Some(enough) = self.enough.as_ref().filter(|_| bytes >= self.wanted.end) {
            enough.say();
        }
    }
}

/// Lets the bytes of one file out.
pub(super) struct Outlet {
    sink: Sink,
    /// The most bytes of one write.
    step: usize,
    /// The most bytes that may come out.
    limit: u64,
    clip: Clip,
    /// Bytes that came out of the file before this point of it.
    passed: u64,
    /// Those of them that were written.
    written: u64,
}

impl Outlet {
    /// Lets everything out, at most `step` bytes a write, and `limit` bytes in all.
    pub(super) fn new(sink: Sink, step: usize, limit: Option<u64>) -> Self {
        let (limit, clip) = (limit.unwrap_or(u64::MAX), Clip { wanted: 0..u64::MAX, enough: None });
        Self { sink, step, limit, clip, passed: 0, written: 0 }
    }

    /// Lets out only what is wanted.
    pub(super) fn clip(&mut self, clip: Clip) {
        self.clip = clip;
    }

    /// What comes next is what stands after so many bytes.
    pub(super) const fn skip_to(&mut self, passed: u64) {
        self.passed = passed;
    }

    pub(super) fn write(&mut self, sys: &mut Sys, bytes: &[u8]) -> Result<(), Failure> {
        let allowed = self.limit.saturating_sub(self.passed).min(bytes.len() as u64) as usize;
        let part = self.clip.of(self.passed, &bytes[..allowed]);
        // Out of a few bytes may come a great many, and a write to a file is not ended by a wish to stop.
        let written = sys.check_stop().and_then(|()| match &self.sink {
            Sink::Nowhere => Ok(()),
            Sink::Stdout(file) | Sink::File(file) => sys.write_full(file, part, self.step),
        });
        // Counted before it is known: who asks after a failure wants to know whether anything may have gone out.
        self.written += part.len() as u64;
        self.passed += allowed as u64;
        written.map_err(Failure::Write)?;
        self.clip.passed(self.passed);
        if allowed < bytes.len() { Err(Failure::TooLarge(self.limit)) } else { Ok(()) }
    }

    /// Whether nothing more is wanted.
    pub(super) fn is_satisfied(&self) -> bool {
        self.clip.enough.as_ref().is_some_and(Enough::is_said)
    }

    pub(super) const fn written(&self) -> u64 {
        self.written
    }

    pub(super) fn into_sink(self) -> Sink {
        self.sink
    }
}
