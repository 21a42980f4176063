//! Which engine is tried, and what is tried after it.
//!
//! `auto` asks the kernel to copy where the file system can share blocks or let a server copy, and reads and writes
//! everywhere else: on ext4 and tmpfs `copy_file_range` only moves pages inside the kernel, and two workers that read
//! and write were a fifth faster (the README's table). A named engine is that engine or an error, so that what a sweep
//! says of it is true.

use std::ops::Range;
use std::os::fd::AsFd;

use rustix::io::Errno;

use super::copy_file_range::CopyFileRange;
use super::mmap::Mmap;
use super::read_write::ReadWrite;
use super::{Engine, EngineError, Pair, Progress};
use crate::plan::EngineName;
use crate::sys::{Attributes, Sys};

/// File systems (statfs(2), `linux/magic.h`) that share blocks or copy on the server.
const OFFLOADING: [u64; 9] = [
    0x9123_683E, // btrfs
    0x5846_5342, // XFS
    0xCA45_1A4E, // bcachefs
    0x2FC1_2FC1, // ZFS
    0x6969,      // NFS
    0xFF53_4D42, // CIFS
    0xFE53_4D42, // SMB2
    0x7461_636F, // OCFS2
    0x0BD0_0BD0, // Lustre
];

/// The file system that a target lies in, as far as engines care.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Volume {
    dev: (u32, u32),
    offloads: bool,
}

impl Volume {
    /// Asks the file system of an open file or directory.
    pub fn of(sys: &mut Sys, file: impl AsFd) -> Result<Self, Errno> {
        let dev = sys.fstat(file.as_fd())?.dev;
        let offloads = OFFLOADING.contains(&sys.fstatfs(file)?.magic);
        Ok(Self { dev, offloads })
    }
}

/// The engines to try for one file, the best first.
#[derive(Clone, Copy)]
pub struct Ladder(&'static [&'static dyn Engine]);

impl Ladder {
    /// The ladder for copying `source` to `volume`.
    pub fn new(engine: EngineName, source: &Attributes, volume: Volume) -> Self {
        Self(match engine {
            EngineName::Auto if volume.offloads && source.dev == volume.dev => &[&CopyFileRange, &ReadWrite],
            EngineName::Auto | EngineName::ReadWrite => &[&ReadWrite],
            EngineName::CopyFileRange => &[&CopyFileRange],
            EngineName::Mmap => &[&Mmap],
        })
    }

    /// The engine that is tried first.
    pub fn first(&self) -> &'static dyn Engine {
        self.0[0]
    }

    /// The ladder without its first rung, unless that is the only one.
    #[must_use]
    pub fn below(self) -> Option<Self> {
        self.0.split_first().filter(|(_, rest)| !rest.is_empty()).map(|(_, rest)| Self(rest))
    }

    /// Whether any engine on it copies through a buffer of ours.
    pub fn needs_buffer(&self) -> bool {
        self.0.iter().any(|engine| engine.needs_buffer())
    }

    /// Copies a range with the first engine, and what that cannot do with the next. Returns the bytes copied; fewer
    /// than asked means that the source ended.
    pub fn copy_range(
        self,
        sys: &mut Sys,
        pair: Pair<'_>,
        range: Range<u64>,
        step: Option<usize>,
        buffer: &mut [u8],
    ) -> Result<u64, EngineError> {
        let mut offset = range.start;
        let mut ladder = self;
        loop {
            let engine = ladder.first();
            let step = step.unwrap_or_else(|| engine.default_step());
            let Progress { copied, unsupported } = engine.copy_range(sys, pair, offset..range.end, step, buffer)?;
            offset += copied;
            let Some(errno) = unsupported else { return Ok(offset - range.start) };
            match ladder.below() {
                Some(below) => ladder = below,
                // The end of the source looks the same as "not here"; a read would tell, and costs nothing at the end.
                None if ends_at(sys, pair, offset) => return Ok(offset - range.start),
                None => {
                    return Err(EngineError { operation: "copy with this engine", side: super::Side::Target, errno });
                }
            }
        }
    }
}

fn ends_at(sys: &mut Sys, pair: Pair<'_>, offset: u64) -> bool {
    sys.fstat(pair.source).is_ok_and(|attributes| attributes.size <= offset)
}
