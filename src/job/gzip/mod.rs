//! `haul gzip`: files in parallel, and the blocks of each large file in parallel, through one queue.
//!
//! - this file: the plan, the workers, and the loop that turns blocks into pieces of a member;
//! - [`blocks`]: the next block of a source, of a file by ranges or of a stream in turn;
//! - [`writer`]: pieces in order → one member in the target;
//! - [`finish`]: names, attributes, and the end of the source.

mod blocks;
mod finish;
mod writer;

use std::ffi::{CStr, CString};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use crc32fast::Hasher;

use self::blocks::Blocks;
use self::finish::Target;
use self::writer::{MemberWriter, Piece};
use super::Context;
use super::claims::Claims;
use super::files::source::Source;
use super::files::{self, FileJob, Sequence, Task, suffix};
use super::station::Station;
use crate::codec::join::END_BYTES;
use crate::codec::member::LONGEST_HEADER;
use crate::codec::zlib::{WINDOW_BYTES, Zlib};
use crate::codec::{Codec, bound};
use crate::error::{Error, Result};
use crate::outcome::Summary;
use crate::plan::{GzipPlan, Output};
use crate::pool::{BufferPool, Handle, Ordered, PoolOptions};
use crate::size::BufferSize;
use crate::tree::Leftovers;

/// Compresses what `plan` says. Failures of single files are events and counts in the summary; an error means that
/// nothing could be begun.
pub fn run(plan: &GzipPlan, context: &Context) -> Result<Summary> {
    refuse_terminal(plan)?;
    let threads = plan.files.resources.threads();
    let pool = BufferPool::new(pool_options(plan, threads));
    let shared = Arc::new(Shared {
        plan: plan.clone(),
        threads,
        pool: pool.clone(),
        claims: Claims::default(),
        leftovers: context.leftovers.clone(),
    });
    files::run(&plan.files, context, &pool, |station| Gzip {
        station,
        shared: Arc::clone(&shared),
        codec: Box::new(Zlib::new(plan.level)),
    })
}

fn refuse_terminal(plan: &GzipPlan) -> Result<()> {
    if plan.files.output == Output::Stdout && !plan.files.force && rustix::termios::isatty(rustix::stdio::stdout()) {
        let why = "it is a terminal; redirect it, or use -f";
        return Err(Error::refused("write compressed data to", "standard output", why));
    }
    Ok(())
}

/// A worker takes two buffers at a time, one to read into and one to compress into; as many more let finished blocks
/// wait their turn while a slower one is compressed.
fn pool_options(plan: &GzipPlan, threads: usize) -> PoolOptions {
    let block = plan.block.bytes();
    let bytes = (WINDOW_BYTES + block).max(LONGEST_HEADER + bound(block) + END_BYTES);
    PoolOptions::for_job(plan.files.resources.pool, bytes, threads * 4, 2)
}

/// What the workers of one job share.
struct Shared {
    plan: GzipPlan,
    threads: usize,
    pool: BufferPool,
    claims: Claims,
    leftovers: Leftovers,
}

impl Shared {
    /// The most bytes one read or write moves; a block is the natural choice.
    fn step(&self) -> usize {
        self.plan.files.resources.buffer.map_or(WINDOW_BYTES + self.plan.block.bytes(), BufferSize::bytes)
    }
}

/// A worker's part of the job.
struct Gzip {
    station: Station,
    shared: Arc<Shared>,
    codec: Box<dyn Codec>,
}

/// A file being compressed, by one worker or several. The last one to give it up finishes it.
pub(super) struct Compression {
    source: Source,
    target: Target,
    blocks: Blocks,
    ordered: Ordered<Piece, MemberWriter>,
    /// Somebody failed and said so; the others need not go on.
    failed: AtomicBool,
    rest: Option<Sequence>,
}

impl FileJob for Gzip {
    type Shared = Arc<Compression>;

    fn station(&mut self) -> &mut Station {
        &mut self.station
    }

    fn into_station(self) -> Station {
        self.station
    }

    fn wants(&self, name: &CStr) -> bool {
        self.shared.plan.files.output != Output::BesideSource
            || suffix::decompressed(name, &self.shared.plan.files.suffix).is_none()
    }

    fn alternatives(&self, _name: &CStr) -> Vec<CString> {
        Vec::new()
    }

    fn file(&mut self, source: Source, rest: Option<Sequence>, handle: &mut Handle<'_, Task<Self::Shared>>) {
        let begun = self.begin(source);
        let Some((source, target, writer)) = self.station.check(begun).flatten() else {
            return hand_on(rest, handle);
        };
        self.station.found(source.attributes.size);
        let blocks = Blocks::of(&source, self.shared.plan.block.bytes());
        let helpers = blocks.worth_helping(self.shared.threads);
        let ordered = Ordered::new(writer);
        let compression =
            Arc::new(Compression { source, target, blocks, ordered, failed: AtomicBool::new(false), rest });
        for _ in 0..helpers {
            if handle.try_offer(Task::Shared(Arc::clone(&compression))).is_err() {
                break;
            }
        }
        self.shared(compression, handle);
    }

    fn shared(&mut self, compression: Arc<Compression>, handle: &mut Handle<'_, Task<Self::Shared>>) {
        if let Err(error) = self.compress_blocks(&compression)
            && !compression.failed.swap(true, Ordering::Relaxed)
        {
            self.station.fail(error);
        }
        let Some(compression) = Arc::into_inner(compression) else { return };
        let rest = self.finish(compression);
        hand_on(rest, handle);
    }
}

/// Goes on with what follows on standard output.
fn hand_on<S>(rest: Option<Sequence>, handle: &mut Handle<'_, Task<S>>) {
    if let Some(rest) = rest.filter(|rest| !rest.is_empty()) {
        handle.offer(Task::InOrder(rest));
    }
}

impl Gzip {
    /// Compresses blocks until the source has no more, or somebody failed.
    fn compress_blocks(&mut self, compression: &Compression) -> Result<()> {
        while !compression.failed.load(Ordering::Relaxed) {
            // Both buffers first, the number after: else finished later blocks could hold the whole pool while this
            // one waits for a buffer.
            let acquired = self.shared.pool.acquire();
            let [mut input, mut output] = acquired
                .map_err(|error| Error::refused("get buffers for", compression.source.path(), error.to_string()))?;
            let sys = &mut self.station.sys;
            let step = self.shared.step();
            let taken = compression.blocks.take(sys, &compression.source, &mut input, step, &compression.ordered)?;
            let Some((turn, block)) = taken else { break };
            let (dictionary, bytes) = input[..block.dictionary + block.len].split_at(block.dictionary);
            let room = output.len() - END_BYTES;
            let len = self
                .codec
                .compress(dictionary, bytes, &mut output[LONGEST_HEADER..room])
                .map_err(|error| Error::refused("compress", compression.source.path(), error.to_string()))?;
            let mut crc = Hasher::new();
            crc.update(bytes);
            let source_bytes = bytes.len() as u64;
            drop(input);
            let piece = Piece { output, len, crc, source_bytes, last: block.last };
            let mut result = Ok(());
            turn.submit(piece, |writer, piece| result = result.and(writer.write(&mut self.station.sys, piece)));
            self.station.moved(source_bytes);
            result.map_err(|errno| Error::system("write", compression.target.path(), errno))?;
        }
        Ok(())
    }
}
