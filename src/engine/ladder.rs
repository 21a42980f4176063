//! Which engine is tried, what is tried after it, and the route that remains: the engine that ran and why others did not.
//!
//! `auto` asks the kernel to share blocks, or to copy, where the file system can share them or let a server copy. On
//! others, such as ext4 and tmpfs, `copy_file_range` only moves pages inside the kernel: that is a call less than to
//! read and write, and up to a tenth less time, for a file that one worker copies; two workers that read and write one
//! large file are a fifth faster (the README's table). A named engine is that engine or an error, so that what a sweep
//! says of it is true.

use std::fmt;
use std::ops::Range;

use rustix::io::Errno;

use super::copy_file_range::CopyFileRange;
use super::direct::Direct;
use super::mmap::Mmap;
use super::read_write::ReadWrite;
use super::reflink::Reflink;
use super::{Engine, EngineError, Pair, Progress, Side, Volume};
use crate::error::Cause;
use crate::plan::{EngineName, When};
use crate::sys::{Attributes, Sys};

/// The longest ladders that there are; every other is the end of one of them.
const LADDERS: [&[&dyn Engine]; 8] = [
    &[&Reflink, &CopyFileRange, &ReadWrite],
    &[&Reflink, &Mmap, &ReadWrite],
    &[&Reflink, &Direct, &ReadWrite],
    &[&Reflink, &ReadWrite],
    &[&Reflink],
    &[&CopyFileRange],
    &[&Mmap],
    &[&Direct],
];

/// The engines to try for one file, the best first.
#[derive(Clone, Copy)]
pub struct Ladder {
    rungs: &'static [&'static dyn Engine],
    refused: Refused,
}

/// What came of asking for a whole file at once.
#[derive(Clone, Copy)]
pub enum Whole {
    /// All of it is there.
    Done(Copied),
    /// Nothing is: copy it by ranges, with this.
    ByRanges(Ladder),
}

impl Ladder {
    /// The ladder for copying `source` to `volume`; `alone` says that one worker copies all of it, and that nobody asked
    /// for a certain buffer. To share blocks `Always` leaves nothing else to try, and `Never`
    /// takes from `auto` whatever could share them; a named engine is that engine even so.
    pub fn new(engine: EngineName, reflink: When, source: &Attributes, volume: &Volume, alone: bool) -> Self {
        match (engine, reflink) {
            (_, When::Always) | (EngineName::Reflink, _) => Self::of(&[&Reflink]),
            (EngineName::Auto, When::Auto) if volume.may_offload(source) => {
                let all = Self::of(&[&Reflink, &CopyFileRange, &ReadWrite]);
                volume.clone_refusal().and_then(|errno| all.below(errno)).unwrap_or(all)
            }
            (EngineName::Auto, When::Auto) if alone && volume.holds(source) => Self::of(&[&CopyFileRange, &ReadWrite]),
            (EngineName::Auto | EngineName::ReadWrite, _) => Self::of(&[&ReadWrite]),
            (EngineName::CopyFileRange, _) => Self::of(&[&CopyFileRange]),
            (EngineName::Mmap, _) => Self::of(&[&Mmap]),
            (EngineName::Direct, _) => Self::of(&[&Direct]),
        }
    }

    /// The ladder where `engine` is only wished for: others after it can what it cannot, and where `auto` would share
    /// blocks, that comes first all the same, since no other way of copying is worth giving it up. What was typed of
    /// sharing is not a preference: `Always` leaves nothing else to try here either, and `Never` asks for none.
    pub(crate) fn preferring(
        engine: EngineName,
        reflink: When,
        source: &Attributes,
        volume: &Volume,
        alone: bool,
    ) -> Self {
        if reflink == When::Always {
            return Self::new(engine, reflink, source, volume, alone);
        }
        let shares = reflink == When::Auto && volume.may_offload(source);
        let all = match (engine, shares) {
            (EngineName::Auto, _) => return Self::new(engine, reflink, source, volume, alone),
            (EngineName::Reflink, _) | (EngineName::CopyFileRange, true) => {
                Self::of(&[&Reflink, &CopyFileRange, &ReadWrite])
            }
            (EngineName::ReadWrite, true) => Self::of(&[&Reflink, &ReadWrite]),
            (EngineName::Mmap, true) => Self::of(&[&Reflink, &Mmap, &ReadWrite]),
            (EngineName::Direct, true) => Self::of(&[&Reflink, &Direct, &ReadWrite]),
            (EngineName::ReadWrite, false) => Self::of(&[&ReadWrite]),
            (EngineName::CopyFileRange, false) => Self::of(&[&CopyFileRange, &ReadWrite]),
            (EngineName::Mmap, false) => Self::of(&[&Mmap, &ReadWrite]),
            (EngineName::Direct, false) => Self::of(&[&Direct, &ReadWrite]),
        };
        let refusal = volume.clone_refusal().filter(|_| shares);
        refusal.and_then(|errno| all.below(errno)).unwrap_or(all)
    }

    /// A ladder of these rungs.
    pub(super) fn of(rungs: &'static [&'static dyn Engine]) -> Self {
        Self { rungs, refused: Refused::default() }
    }

    /// The engine that is tried first.
    pub fn first(&self) -> &'static dyn Engine {
        self.rungs[0]
    }

    /// The engines on it, the best first.
    pub(crate) fn names(&self) -> Vec<EngineName> {
        self.rungs.iter().map(|engine| engine.name()).collect()
    }

    /// The ladder of these engines, as [`Ladder::names`] gave them in another process.
    pub(crate) fn named(names: &[EngineName]) -> Option<Self> {
        let is_it = |ladder: &Self| ladder.names() == names;
        LADDERS.into_iter().flat_map(|all| (0..all.len()).map(|from| Self::of(&all[from..]))).find(is_it)
    }

    /// What there is to say of a copy by the first engine.
    pub fn route(&self) -> Route {
        Route { by: self.first().name(), refused: self.refused }
    }

    /// The ladder without its first rung, which could not because of `errno`; `None` where it was the last.
    fn below(self, errno: Errno) -> Option<Self> {
        let refused = self.refused.and(Refusal { engine: self.first().name(), errno });
        let rest = &self.rungs[1..];
        (!rest.is_empty()).then_some(Self { rungs: rest, refused })
    }

    /// Whether any engine on it copies through a buffer of ours.
    pub(crate) fn needs_buffer(&self) -> bool {
        self.rungs.iter().any(|engine| engine.needs_buffer())
    }

    /// Copies a source of `size` bytes in one go, if the first engine is of that kind. To be called once a file, before
    /// any range of it is copied.
    pub fn try_whole(self, sys: &mut Sys, pair: Pair<'_>, size: u64, volume: &Volume) -> Result<Whole, EngineError> {
        let engine = self.first();
        if !engine.takes_whole_files() {
            return Ok(Whole::ByRanges(self));
        }
        let Progress { copied, unsupported } = engine.copy_range(sys, pair, 0..size, usize::MAX, &mut [])?;
        let Some(errno) = unsupported else {
            return Ok(Whole::Done(Copied { bytes: copied, route: self.route() }));
        };
        volume.refused_clone(errno);
        let below = self.below(errno).map(Whole::ByRanges);
        below.ok_or(EngineError { operation: "clone", side: Side::Target, errno })
    }

    /// Copies a range with the first engine, and what that cannot do with the next.
    pub(crate) fn copy_range(
        self,
        sys: &mut Sys,
        pair: Pair<'_>,
        range: Range<u64>,
        step: Option<usize>,
        buffer: &mut [u8],
    ) -> Result<Copied, EngineError> {
        let mut offset = range.start;
        let mut ladder = self;
        loop {
            let engine = ladder.first();
            let step = step.unwrap_or_else(|| engine.default_step());
            let Progress { copied, unsupported } = if engine.takes_whole_files() {
                // Its time was `try_whole`; a range it cannot.
                Progress::not_here(0, Errno::OPNOTSUPP)
            } else {
                engine.copy_range(sys, pair, offset..range.end, step, buffer)?
            };
            offset += copied;
            let done = Copied { bytes: offset - range.start, route: ladder.route() };
            let Some(errno) = unsupported else { return Ok(done) };
            match ladder.below(errno) {
                Some(below) => ladder = below,
                // The end of the source looks the same as "not here"; a read would tell, and costs nothing at the end.
                None if ends_at(sys, pair, offset) => return Ok(done),
                None => return Err(EngineError { operation: "copy with this engine", side: Side::Target, errno }),
            }
        }
    }
}

/// Asked by reading: a size may say more than there is.
fn ends_at(sys: &mut Sys, pair: Pair<'_>, offset: u64) -> bool {
    sys.pread(pair.source, &mut [0], offset) == Ok(0)
}

#[cfg(test)]
mod tests;

/// An engine that was tried, and why it could not.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Refusal {
    /// Which engine.
    pub engine: EngineName,
    /// What it was told.
    pub errno: Errno,
}

/// The engine that copied last, and those above it on the ladder that could not.
///
/// It prints as "`read_write`; not by reflink: Operation not supported".
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Route {
    /// Which engine copied.
    pub by: EngineName,
    pub(super) refused: Refused,
}

/// What was refused. The longest ladder has three rungs, and the last of them has nobody to refuse for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Refused([Option<Refusal>; 2]);

impl Refused {
    /// These and one more.
    pub(super) fn and(mut self, refusal: Refusal) -> Self {
        if let Some(free) = self.0.iter_mut().find(|place| place.is_none()) {
            *free = Some(refusal);
        }
        self
    }
}

impl Route {
    /// Nobody else was asked.
    pub fn straight(by: EngineName) -> Self {
        Self { by, refused: Refused::default() }
    }

    /// The same after these could not.
    pub(crate) fn after(self, refused: impl IntoIterator<Item = Refusal>) -> Self {
        Self { refused: refused.into_iter().fold(self.refused, Refused::and), ..self }
    }

    /// The engines that could not, in the order in which they were tried.
    pub fn refused(&self) -> impl Iterator<Item = Refusal> + use<> {
        self.refused.0.into_iter().flatten()
    }
}

impl fmt::Display for Route {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.by.name())?;
        for Refusal { engine, errno } in self.refused() {
            write!(f, "; not by {}: {}", engine.name(), Cause::System(errno))?;
        }
        Ok(())
    }
}

/// Bytes that were copied, and how.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Copied {
    /// How many; fewer than asked for means that the source ended.
    pub bytes: u64,
    /// By whom.
    pub route: Route,
}
