//! How bytes move from one file to another: one strategy a file, and the ladder that `auto` is.
//!
//! - [`read_write`]: `pread` into a buffer, `pwrite` out of it. Works everywhere.
//! - [`copy_file_range`]: the kernel copies, shares blocks, or asks the server to.
//! - [`mmap`]: `pwrite` out of a map of the source.
//! - [`reflink`]: the target shares the blocks of the source.
//! - [`direct`]: [`read_write`], past the page cache.
//! - [`Pieces`]: which bytes of a file are copied next; holes are left out.
//! - [`sparse`]: [`read_write`], and zeros become holes.
//! - [`compare`](mod@compare): whether the target holds now what the source holds.
//!
//! An engine copies ranges (one of them only whole files) and says when it cannot work here; only [`Ladder`] decides what to try next. Engines know
//! descriptors and bytes, not names, trees or threads.

pub mod compare;
pub mod copy_file_range;
pub mod direct;
mod ladder;
pub mod mmap;
mod pieces;
pub mod read_write;
pub mod reflink;
pub mod sparse;
#[cfg(test)]
mod testing;
mod volume;

pub use ladder::{Copied, Ladder, Refusal, Route, Whole};
pub use pieces::Pieces;
pub use volume::Volume;

use std::ops::Range;
use std::os::fd::OwnedFd;

use rustix::io::Errno;

use crate::plan::EngineName;
use crate::sys::Sys;

/// An open source and its open target.
#[derive(Debug, Clone, Copy)]
pub struct Pair<'a> {
    /// Read from here.
    pub source: &'a OwnedFd,
    /// Written to here.
    pub target: &'a OwnedFd,
}

/// A strategy for moving bytes.
pub trait Engine: Sync {
    /// Its name.
    fn name(&self) -> EngineName;

    /// The most bytes one call moves where the user did not say.
    fn default_step(&self) -> usize;

    /// Whether it copies through a buffer of ours.
    fn needs_buffer(&self) -> bool;

    /// Whether it copies whole files or nothing: its range is then all of the source, and [`Ladder::try_whole`] its
    /// only caller.
    fn takes_whole_files(&self) -> bool {
        false
    }

    /// Copies the bytes of `range` to the same place in the target, at most `step` a call, through `buffer` (of `step`
    /// bytes, or empty where none is needed).
    fn copy_range(
        &self,
        sys: &mut Sys,
        pair: Pair<'_>,
        range: Range<u64>,
        step: usize,
        buffer: &mut [u8],
    ) -> Result<Progress, EngineError>;
}

/// How far an engine came.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Progress {
    /// Bytes copied from the start of the range on.
    pub copied: u64,
    /// Why it stopped before the end of the range; `None` there, or where the source ends.
    pub unsupported: Option<Errno>,
}

impl Progress {
    /// All that was asked, or all there is.
    pub const fn done(copied: u64) -> Self {
        Self { copied, unsupported: None }
    }

    /// So far, and no further: somebody else may be able to.
    pub(crate) const fn not_here(copied: u64, errno: Errno) -> Self {
        Self { copied, unsupported: Some(errno) }
    }
}

/// A call that failed, and on which side.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct EngineError {
    /// What was tried.
    pub operation: &'static str,
    /// On which file.
    pub side: Side,
    /// Why it failed.
    pub errno: Errno,
}

/// One of the two files of a copy.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Side {
    /// The file that is read.
    Source,
    /// The file that is written.
    Target,
}

impl EngineError {
    fn reading(errno: Errno) -> Self {
        Self { operation: "read", side: Side::Source, errno }
    }

    fn writing(errno: Errno) -> Self {
        Self { operation: "write", side: Side::Target, errno }
    }
}

/// Every engine, in the order of [`EngineName::ALL`].
pub const ALL: [&dyn Engine; 5] =
    [&read_write::ReadWrite, &copy_file_range::CopyFileRange, &mmap::Mmap, &reflink::Reflink, &direct::Direct];
