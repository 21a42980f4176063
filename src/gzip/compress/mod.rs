//! `haul gzip`: files in parallel, and the blocks of each large file in parallel, through one queue.
//!
//! - this file: the plan, the workers, and the loop that turns blocks into pieces of a member;
//! - [`blocks`]: the next block of a source, of a file by ranges or of a stream in turn;
//! - [`writer`]: pieces in order → one member in the target;
//! - [`target`]: names, attributes, and the end of the source.

mod blocks;
mod target;
mod writer;

use std::ffi::{CStr, CString};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use crc32fast::Hasher;

use self::blocks::{Blocks, Shape};
use self::target::Target;
use self::writer::{MemberWriter, Piece};
use crate::codec::CodecError;
use crate::codec::check::Trailer;
use crate::codec::compressor::Compressor;
use crate::codec::level::Choice;
use crate::codec::member::LONGEST_HEADER;
use crate::error::{Error, Result};
use crate::gzip::files::removed::Removed;
use crate::gzip::files::source::Source;
use crate::gzip::files::target::KEEP;
use crate::gzip::files::{self, FileJob, Sequence, Task, ask_for_help, hand_on, suffix};
use crate::job::Context;
use crate::job::limits::Needs;
use crate::job::losses::Losses;
use crate::job::target_registry::TargetRegistry;
use crate::job::worker_context::WorkerContext;
use crate::outcome::Summary;
use crate::plan::{GzipPlan, Output};
use crate::pool::{BufferPool, Handle, Ordered};
use crate::size::BufferSize;
use crate::sys::FileKind;
use crate::tree::extended::Buffers;
use crate::tree::{TemporaryFileRegistry, TimeSteps};

/// Compresses what `plan` says. Failures of single files are events and counts in the summary; an error means that
/// nothing could be begun.
pub fn run(plan: &GzipPlan, context: &Context) -> Result<Summary> {
    refuse_terminal(plan)?;
    let choice = Choice::new(plan.codec, plan.level, plan.block);
    let choice =
        choice.map_err(|error| Error::refused("compress at", format!("level {}", plan.level), error.to_string()))?;
    let refused = |error: CodecError| Error::refused("compress at", format!("level {}", plan.level), error.to_string());
    let (shape, buffer_bytes) = sizes(choice).map_err(refused)?;
    let (mut sys, resources) = (context.sys(), &plan.files.resources);
    let (threads, options) = needs(choice, buffer_bytes).afford(&mut sys, resources.threads(), resources);
    let pool = BufferPool::new(options);
    let shared = Arc::new(Shared {
        plan: plan.clone(),
        threads,
        shape,
        pool: pool.clone(),
        registry: TargetRegistry::default(),
        removed: Removed::default(),
        losses: Losses::new(KEEP, context.identity),
        times: TimeSteps::default(),
        temporary_files: context.temporary_files.clone(),
    });
    files::run(&plan.files, (context, sys), (threads, &pool), |worker| {
        let compressor = Compressor::new(choice, plan.verify).map_err(refused)?;
        Ok(Gzip { worker, shared: Arc::clone(&shared), compressor, attributes: Buffers::default() })
    })
}

fn refuse_terminal(plan: &GzipPlan) -> Result<()> {
    if plan.files.writes_to_stdout() && !plan.files.force && rustix::termios::isatty(rustix::stdio::stdout()) {
        let why = "it is a terminal; redirect it, or use -f";
        return Err(Error::refused("write compressed data to", "standard output", why));
    }
    Ok(())
}

/// How sources are cut, and bytes of a buffer that holds a block, or what becomes of it with header and trailer.
fn sizes(choice: Choice) -> std::result::Result<(Shape, usize), CodecError> {
    let mut compressor = Compressor::new(choice, false)?;
    let shape = Shape { block_bytes: choice.block_bytes, dictionary_bytes: compressor.dictionary_bytes() };
    let output = LONGEST_HEADER + compressor.bound(shape.block_bytes) + Trailer::BYTES;
    Ok((shape, shape.buffer_bytes().max(output)))
}

/// A worker takes two buffers at a time, one to read into and one to compress into; as many more let finished blocks
/// wait their turn while a slower one is compressed.
const fn needs(choice: Choice, buffer_bytes: usize) -> Needs {
    Needs { worker_bytes: choice.codec_bytes(), buffer_bytes, buffers: 4, at_once: 2 }
}

/// What the workers of one job share.
struct Shared {
    plan: GzipPlan,
    threads: usize,
    shape: Shape,
    pool: BufferPool,
    registry: TargetRegistry,
    /// Names that it took away.
    removed: Removed,
    losses: Losses,
    times: TimeSteps,
    temporary_files: TemporaryFileRegistry,
}

impl Shared {
    /// The most bytes one read or write moves; a block is the natural choice.
    fn step(&self) -> usize {
        self.plan.files.resources.buffer.map_or(self.shape.buffer_bytes(), BufferSize::bytes)
    }
}

/// A worker's part of the job.
struct Gzip {
    worker: WorkerContext,
    shared: Arc<Shared>,
    compressor: Compressor,
    attributes: Buffers,
}

/// A file being compressed, by one worker or several. The last one to give it up finishes it.
pub(super) struct Compression {
    source: Source,
    target: Target,
    blocks: Blocks,
    ordered: Ordered<Piece, MemberWriter>,
    /// Workers that are still to be asked to help.
    helpers: AtomicUsize,
    /// Somebody failed and said so; the others need not go on.
    failed: AtomicBool,
    rest: Option<Sequence>,
}

impl FileJob for Gzip {
    type Shared = Arc<Compression>;

    fn worker(&mut self) -> &mut WorkerContext {
        &mut self.worker
    }

    fn into_worker(self) -> WorkerContext {
        self.worker
    }

    fn registry(&self) -> &TargetRegistry {
        &self.shared.registry
    }

    fn wants(&self, name: &CStr) -> bool {
        self.shared.plan.files.output != Output::BesideSource
            || suffix::decompressed(name, &self.shared.plan.files.suffix).is_none()
    }

    fn alternatives(&self, _name: &CStr) -> Vec<CString> {
        Vec::new()
    }

    fn file(&mut self, mut source: Source, rest: Option<Sequence>, handle: &mut Handle<'_, Task<Self::Shared>>) {
        source.opened = self.worker.clock();
        let begun = self.begin(source);
        let Some((source, target, writer)) = self.worker.check(begun).flatten() else {
            return hand_on(rest, handle);
        };
        self.worker.found(source.attributes.size);
        let blocks = Blocks::of(&source, self.shared.shape);
        // What says that it is empty mostly is; of files of /proc, which say so too, nobody has many blocks.
        let empty = source.attributes.kind == FileKind::RegularFile && source.attributes.size == 0;
        let helpers = AtomicUsize::new(if empty { 0 } else { blocks.worth_helping(self.shared.threads) });
        let (ordered, failed) = (Ordered::new(writer), AtomicBool::new(false));
        self.shared(Arc::new(Compression { source, target, blocks, ordered, helpers, failed, rest }), handle);
    }

    fn shared(&mut self, compression: Arc<Compression>, handle: &mut Handle<'_, Task<Self::Shared>>) {
        self.worker.writes_to(compression.target.device());
        let done = self.compress_blocks(&compression, handle);
        self.worker.check_shared(&compression.failed, done);
        let Some(compression) = Arc::into_inner(compression) else { return };
        let rest = self.finish(compression);
        hand_on(rest, handle);
    }
}

impl Gzip {
    /// Compresses blocks until the source has no more, or somebody failed.
    fn compress_blocks(
        &mut self,
        compression: &Arc<Compression>,
        handle: &Handle<'_, Task<Arc<Compression>>>,
    ) -> Result<()> {
        while !compression.failed.load(Ordering::Relaxed) {
            ask_for_help(&compression.helpers, handle, || Arc::clone(compression));
            // Both buffers first, the number after: else finished later blocks could hold the whole pool while this
            // one waits for a buffer.
            let acquired = self.shared.pool.acquire();
            let [mut input, mut output] = acquired
                .map_err(|error| Error::refused("get buffers for", compression.source.path(), error.to_string()))?;
            let sys = &mut self.worker.sys;
            let step = self.shared.step();
            let taken = compression.blocks.take(sys, &compression.source, &mut input, step, &compression.ordered)?;
            let Some((turn, block)) = taken else { break };
            let (dictionary, bytes) = input[..block.dictionary + block.len].split_at(block.dictionary);
            let room = output.len() - Trailer::BYTES;
            let len = self
                .compressor
                .compress(dictionary, bytes, block.last, &mut output[LONGEST_HEADER..room])
                .map_err(|error| Error::refused("compress", compression.source.path(), error.to_string()))?;
            let mut crc = Hasher::new();
            crc.update(bytes);
            let source_bytes = bytes.len() as u64;
            drop(input);
            let piece = Piece { output, len, crc, source_bytes, last: block.last };
            let mut result = Ok(());
            turn.submit(piece, |writer, piece| result = result.and(writer.write(&mut self.worker.sys, piece)));
            self.worker.moved(source_bytes);
            result.map_err(|errno| Error::system("write", compression.target.path(), errno))?;
            if block.last {
                break;
            }
        }
        Ok(())
    }
}
