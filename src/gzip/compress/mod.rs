//! Compression: files in parallel, and the blocks of each large file in parallel, through one queue.
//!
//! - this file: from the blocks of a source to the pieces of a member, and the end of a file;
//! - [`blocks`]: the next block of a source, of a file by ranges or of a stream in turn;
//! - [`writer`]: pieces in order → one member in the target.

mod blocks;
mod writer;

use std::ffi::{CStr, CString};
use std::sync::Arc;

use crc32fast::Hasher;
use rustix::io::Errno;

use self::blocks::{Block, BlockTurn, Blocks, Shape};
use self::writer::{MemberWriter, Piece};
use super::operands::Sequence;
use super::processes::{self, BlockToCompress};
use super::source::Source;
use super::target::{Existing, FileTarget, OpenTarget, Target};
use super::{Direction, FileWorker, Handle, Helpers, NO_PROCESS, hand_on, suffix};
use crate::codec::CodecError;
use crate::codec::check::Trailer;
use crate::codec::compressor::Compressor;
use crate::codec::level::Choice;
use crate::codec::member::{Header, LONGEST_HEADER};
use crate::error::{Error, Remedy, Result};
use crate::job::Context;
use crate::job::limits::Needs;
use crate::job::worker_context::WorkerContext;
use crate::plan::{FileOptions, GzipPlan, Output};
use crate::pool::{Ordered, PooledBuffer};
use crate::summary::Summary;
use crate::sys::FileKind;

/// Compresses what `plan` says. Failures of single files are events and counts in the summary; an error means that
/// nothing could be begun.
pub fn run(plan: &GzipPlan, context: &Context) -> Result<Summary> {
    if plan.files.writes_to_stdout() && !plan.files.force && rustix::termios::isatty(rustix::stdio::stdout()) {
        let error = Error::refused("write compressed data to", "standard output", "it is a terminal");
        return Err(error.with(Remedy::NoTerminal));
    }
    let refused = |why: String| Error::refused("compress at", format!("level {}", plan.level), why);
    let choice = Choice::new(plan.codec, plan.level, plan.block).map_err(|error| refused(error.to_string()))?;
    let no_codec = |error: CodecError| refused(error.to_string()).with(error.remedy());
    let (shape, needs) = needs(choice).map_err(no_codec)?;
    // A block is the natural step of reads and writes.
    super::run(Compress { plan: plan.clone(), choice, shape }, (&needs, shape.buffer_bytes()), context, || {
        Compressor::new(choice, plan.verify).map_err(no_codec)
    })
}

/// How sources are cut, and what that needs. A buffer holds a block, or what becomes of it with header and trailer. A worker
/// takes two buffers at a time, one to read into and one to compress into; as many more let finished blocks wait their turn
/// while a slower one is compressed.
fn needs(choice: Choice) -> std::result::Result<(Shape, Needs), CodecError> {
    let mut compressor = Compressor::new(choice, false)?;
    let shape = Shape { block_bytes: choice.block_bytes, dictionary_bytes: compressor.dictionary_bytes() };
    let output = LONGEST_HEADER + compressor.bound(shape.block_bytes) + Trailer::BYTES;
    let buffer_bytes = shape.buffer_bytes().max(output);
    Ok((shape, Needs { worker_bytes: choice.codec_bytes(), buffer_bytes, buffers: 4, at_once: 2 }))
}

/// What compressing needs by this plan; `None` where there is no such codec.
pub(crate) fn needs_of(plan: &GzipPlan) -> Option<Needs> {
    let choice = Choice::new(plan.codec, plan.level, plan.block).ok()?;
    needs(choice).ok().map(|(_, needs)| needs)
}

/// The direction of gzip.
struct Compress {
    plan: GzipPlan,
    choice: Choice,
    shape: Shape,
}

/// A file being compressed, by one worker or several. The last one to give it up finishes it.
struct Compression {
    source: Source,
    target: Target,
    blocks: Blocks,
    ordered: Ordered<Piece, MemberWriter>,
    helpers: Helpers,
    rest: Option<Sequence>,
}

impl Direction for Compress {
    type Codec = Compressor;

    type SharedFile = Arc<Compression>;

    const CLAIMS_FIRST: bool = true;

    fn plan(&self) -> &FileOptions {
        &self.plan.files
    }

    fn wants(&self, name: &CStr) -> bool {
        self.plan.files.output != Output::BesideSource || suffix::decompressed(name, &self.plan.files.suffix).is_none()
    }

    fn alternatives(&self, _name: &CStr) -> Vec<CString> {
        Vec::new()
    }

    fn target_name(&self, context: &mut WorkerContext, source: &Source) -> Result<Option<CString>> {
        if suffix::decompressed(&source.name, &self.plan.files.suffix).is_some() {
            context.warn(source.path(), "it has the suffix of a compressed file already; unchanged");
            context.summary.skipped += 1;
            return Ok(None);
        }
        let name = suffix::compressed(&source.name, &self.plan.files.suffix);
        name.map(Some).ok_or_else(|| Error::system("compress", source.path(), Errno::NAMETOOLONG))
    }

    fn looks_first(&self, _source: &Source, _name: &CStr) -> bool {
        true
    }

    fn process(
        worker: &mut FileWorker<Self>,
        source: Source,
        (target, file): OpenTarget,
        rest: Option<Sequence>,
        handle: &mut Handle<'_, Self>,
    ) {
        let writer = MemberWriter::new(file, &worker.header(&source), worker.job.step);
        let blocks = Blocks::of(&source, worker.job.direction.shape);
        // A file that says it is empty mostly is. Files of /proc say so too, but none has many blocks.
        let is_empty = source.attributes.kind == FileKind::RegularFile && source.attributes.size == 0;
        let helpers = Helpers::new(if is_empty { 0 } else { blocks.worth_helping(worker.job.threads) });
        let ordered = Ordered::new(writer);
        Self::help(worker, Arc::new(Compression { source, target, blocks, ordered, helpers, rest }), handle);
    }

    fn help(worker: &mut FileWorker<Self>, file: Arc<Compression>, handle: &mut Handle<'_, Self>) {
        worker.context.writes_to(file.target.device(&file.source));
        let done = worker.compress_blocks(&file, handle);
        worker.context.check_shared(&file.helpers.failed, done);
        if let Some(file) = Arc::into_inner(file) {
            let rest = worker.finish(file);
            hand_on(rest, handle);
        }
    }
}

impl FileWorker<Compress> {
    /// Name and time as GNU gzip stores them: those of a regular file, unless told not to. A time that the field cannot
    /// hold is left out, with a warning: it counts seconds since 1970 in 32 bits, until 2106, and its 0 says "not known"
    /// (RFC 1952, section 2.3.1).
    fn header(&mut self, source: &Source) -> Header {
        let plan = &self.job.direction.plan;
        let unnamed = Header::plain(plan.level);
        if !plan.files.name || source.directory.is_none() {
            return unnamed;
        }
        let mtime = u32::try_from(source.attributes.mtime.seconds).unwrap_or_default();
        if mtime == 0 {
            let why =
                "its time is left out: a gzip header holds none of 1970-01-01 00:00:00 UTC or before, or after 2106";
            self.context.warn(source.path(), why);
        }
        Header { name: source.name.to_bytes().to_vec(), mtime, ..unnamed }
    }

    /// Compresses blocks until the source has no more, or another worker failed.
    fn compress_blocks(&mut self, file: &Arc<Compression>, handle: &Handle<'_, Compress>) -> Result<()> {
        while !file.helpers.have_failed() {
            file.helpers.ask(handle, || Arc::clone(file));
            let Some((turn, piece)) = self.compress_next(file)? else { break };
            let Piece { source_bytes, last, .. } = piece;
            let mut result = Ok(());
            turn.submit(piece, |writer, piece| result = result.and(writer.write(&mut self.context.sys, piece)));
            self.context.moved(source_bytes);
            result.map_err(|errno| Error::system("write", file.target.path(), errno))?;
            if last {
                break;
            }
        }
        Ok(())
    }

    /// Compresses the next block; `None` after the last.
    fn compress_next<'a>(&mut self, file: &'a Compression) -> Result<Option<(BlockTurn<'a>, Piece)>> {
        if self.context.process.is_some() && file.blocks.are_ranges() {
            let [output] = self.job.acquire(&file.source)?;
            let Some((turn, block, at)) = file.blocks.take_unread(&file.ordered) else { return Ok(None) };
            let piece = self.compress_in_process(file, block, (Some(at), &[]), output)?;
            return Ok(Some((turn, piece)));
        }
        // Both buffers before the number: otherwise finished later blocks could hold the whole pool while this one
        // waits for a buffer.
        let [mut input, mut output] = self.job.acquire(&file.source)?;
        let sys = &mut self.context.sys;
        let taken = file.blocks.take(sys, &file.source, &mut input, self.job.step, &file.ordered)?;
        let Some((turn, block)) = taken else { return Ok(None) };
        let bytes = &input[..block.dictionary + block.len];
        if self.context.process.is_some() {
            return self.compress_in_process(file, block, (None, bytes), output).map(|piece| Some((turn, piece)));
        }
        let (dictionary, bytes) = bytes.split_at(block.dictionary);
        let room = output.len() - Trailer::BYTES;
        let len = self
            .codec
            .compress(dictionary, bytes, block.last, &mut output[LONGEST_HEADER..room])
            .map_err(|error| Error::refused("compress", file.source.path(), error.to_string()))?;
        let mut crc = Hasher::new();
        crc.update(bytes);
        Ok(Some((turn, Piece { output, len, crc, source_bytes: block.len as u64, last: block.last })))
    }

    /// The same by a worker process, which reads a block of a file itself, and gets one of a stream.
    fn compress_in_process(
        &mut self,
        file: &Compression,
        block: Block,
        (at, bytes): (Option<u64>, &[u8]),
        mut output: PooledBuffer,
    ) -> Result<Piece> {
        let Block { dictionary, len, last } = block;
        let block = BlockToCompress { in_file: at.map(|at| (at, self.job.step)), dictionary, len, last };
        let Compress { plan, choice, .. } = &self.job.direction;
        let path = || file.source.path();
        let WorkerContext { sys, process, .. } = &mut self.context;
        let process = process.as_mut().ok_or_else(|| Error::refused("compress", path(), NO_PROCESS))?;
        let room = output.len() - Trailer::BYTES;
        let made = &mut output[LONGEST_HEADER..room];
        let how = (*choice, plan.verify);
        let (made, crc) = processes::compress(process, sys, how, block, (&file.source.file, bytes), (path, made))?;
        Ok(Piece { output, len: made, crc, source_bytes: len as u64, last })
    }

    /// Finishes a file when all workers are done with it: names the target and removes the source, or removes the target.
    /// Returns what follows on standard output.
    fn finish(&mut self, compression: Compression) -> Option<Sequence> {
        let Compression { source, target, ordered, helpers, rest, .. } = compression;
        let (file, (read, written, complete)) = ordered.into_sink().end();
        if !complete || helpers.have_failed() {
            self.abandon_target(source, (target, file));
            return if written == 0 { rest } else { self.give_up(rest) };
        }
        let target = match target {
            // A target that exists must not stay as it was: it would be taken for what is in the source now.
            Target::File(FileTarget { temporary, existing: Some(Existing::Nothing), .. })
                if self.job.direction.plan.keep_smaller && written >= read =>
            {
                temporary.abandon(&mut self.context.sys);
                self.context.summary.skipped += 1;
                self.context.note(|| (source.path(), format!("passed over: {read} bytes would become {written}")));
                self.abandon_target(source, (Target::Nowhere, file));
                return rest;
            }
            other => other,
        };
        // A file whose source changed is not made; what went to standard output cannot be taken back.
        if matches!(target, Target::Stdout)
            && let Ok(Some(change)) = source.change(&mut self.context.sys, &self.job.removals)
        {
            self.context.warn(source.path(), format!("{change}; what was written is what it was at first"));
        }
        let finished = self.finish_target(&source, (target, file), None, true);
        if let Some(is_kept) = self.context.check(finished) {
            self.context.summary.target_bytes += written;
            self.context.note(|| (source.path(), format!("{read} bytes → {written}, {}", saved(read, written))));
            if is_kept {
                self.context.done(source.opened);
            }
        }
        let _ = self.context.sys.close(source.file);
        rest
    }

    /// Gives up what follows: standard output ends in the middle of a member, and what came after it would not be found.
    fn give_up(&mut self, rest: Option<Sequence>) -> Option<Sequence> {
        if rest.is_some_and(|rest| !rest.is_empty()) && !self.context.is_halted() {
            let why = "it ends in the middle of a file; what follows was not tried";
            self.context.fail(Error::refused("go on with", "standard output", why));
            self.context.summary.stopped_early = true;
        }
        None
    }
}

/// "63.2 % saved", or how much was added.
fn saved(read: u64, written: u64) -> String {
    if read == 0 {
        return "empty".to_owned();
    }
    let percent = 100.0 * (1.0 - written as f64 / read as f64);
    if percent >= 0.0 { format!("{percent:.1} % saved") } else { format!("{:.1} % added", -percent) }
}
