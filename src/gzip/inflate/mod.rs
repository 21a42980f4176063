//! `haul gunzip`: many files at a time, and the pieces of each large file in parallel, through one queue. Every member is
//! checked.
//!
//! - this file: the plan, the workers, and the first bytes of a file, by which its route is chosen;
//! - [`route`]: how a file is read, and how that is seen;
//! - [`pieces`]: by all workers, each with a piece from the [`cutter`]; [`pipeline`]: by one that inflates and others that
//!   check and write; [`stream`]: by one, in one piece or one buffer after the other;
//! - [`range`]: where reading begins when only some of what comes out is wanted; [`spans`]: by all workers, what an index
//!   names; [`indexing`]: that index, beside the file;
//! - [`writer`]: what comes out, in its order, checked; [`outlet`]: bounded, clipped and written;
//! - [`listing`]: what a file was found to hold;
//! - [`target`]: the file that is made, its name and attributes, and the end of the source; [`finish`]: the end of a file,
//!   whole or not; [`verdict`]: which of the two it is, where all of it came out.

mod cutter;
mod finish;
mod indexing;
mod listing;
mod outlet;
mod pieces;
mod pipeline;
mod range;
mod route;
mod spans;
mod stream;
mod target;
mod verdict;
mod writer;

use std::ffi::{CStr, CString};
use std::io::IsTerminal;
use std::sync::Arc;

use self::finish::Open;
pub use self::listing::Rows;
use self::pieces::PiecesFile;
use self::pipeline::PipelineFile;
use self::range::Way;
use self::route::{Head, LONGEST_MAGIC, Route};
use self::spans::SpansFile;
use self::writer::Writer;
use crate::codec::cut::sized_member;
use crate::codec::piece::{Pieces, SEAL_BYTES};
use crate::error::{Error, Result};
use crate::gzip::files::removed::Removed;
use crate::gzip::files::source::Source;
use crate::gzip::files::target::KEEP;
use crate::gzip::files::{self, FileJob, Sequence, Task, hand_on, suffix};
use crate::job::Context;
use crate::job::limits::Device;
use crate::job::limits::Needs;
use crate::job::losses::Losses;
use crate::job::target_registry::TargetRegistry;
use crate::job::worker_context::WorkerContext;
use crate::outcome::Summary;
use crate::plan::{GunzipPlan, Output, RouteName};
use crate::pool::{BufferPool, Handle, PooledBuffer};
use crate::size::BufferSize;
use crate::sys::FileKind;
use crate::tree::extended::Buffers;
use crate::tree::{TemporaryFileRegistry, TimeSteps};

/// Bytes of one read and one write where the user did not say: what a piece of haul's gives at most levels. Measured over
/// `--buffer` 64K to 2M, nothing is faster by more than noise.
const DEFAULT_STEP: BufferSize = BufferSize::from_kib(1024);

/// Bytes of a buffer: a piece of haul's own making at any level, compressed or not, with some room.
const BUFFER_BYTES: usize = (2048 + 64) * 1024;

/// Bytes of a file that are looked at before its route is chosen; enough for one piece of most of haul's own.
const LOOK_BYTES: usize = (1024 + 64) * 1024;

/// The same of a pipe, out of which nothing comes meanwhile.
const LOOK_AT_PIPE_BYTES: usize = 512 * 1024;

/// Bytes of a stream that is inflated one buffer after the other: its window, its tables and a bit more.
const STREAM_BYTES: usize = 256 * 1024;

/// Decompresses what `plan` says. Failures of single files are events and counts in the summary; an error means that
/// nothing could be begun.
pub fn run(plan: &GunzipPlan, context: &Context) -> Result<Summary> {
    run_with(plan, None, context)
}

/// The same for a plan whose output is [`Output::Listing`]: tells `rows` what each file holds as soon as it is known, in
/// the order of the arguments. A file that fails has no row.
pub fn list(plan: &GunzipPlan, rows: Rows, context: &Context) -> Result<Summary> {
    run_with(plan, Some(rows), context)
}

fn run_with(plan: &GunzipPlan, rows: Option<Rows>, context: &Context) -> Result<Summary> {
    if plan.files.inputs.iter().any(|input| input.as_os_str() == "-")
        && !plan.files.force
        && std::io::stdin().is_terminal()
    {
        let why = "it is a terminal; name a file, or redirect it";
        return Err(Error::refused("read compressed data from", "standard input", why));
    }
    let (mut sys, resources) = (context.sys(), &plan.files.resources);
    let (threads, options) = NEEDS.afford(&mut sys, resources.threads(), resources);
    let pool = BufferPool::new(options);
    let shared = Arc::new(Shared {
        plan: plan.clone(),
        rows,
        threads,
        pool: pool.clone(),
        registry: TargetRegistry::default(),
        removed: Removed::default(),
        losses: Losses::new(KEEP, context.identity),
        times: TimeSteps::default(),
        temporary_files: context.temporary_files.clone(),
        user: context.identity.uid,
    });
    files::run(&plan.files, (context, sys), (threads, &pool), |worker| {
        let pieces = Pieces::new().map_err(|error| Error::refused("begin", "decompressing", error.to_string()))?;
        Ok(Inflater { worker, shared: Arc::clone(&shared), pieces, attributes: Buffers::default() })
    })
}

/// A worker takes two buffers at a time, one to read into and one to inflate into; as many more let finished pieces wait
/// their turn while a slower one is inflated.
const NEEDS: Needs =
    Needs { worker_bytes: LOOK_BYTES + STREAM_BYTES, buffer_bytes: BUFFER_BYTES, buffers: 4, at_once: 2 };

/// What the workers of one job share.
struct Shared {
    plan: GunzipPlan,
    /// Who is told what each file holds.
    rows: Option<Rows>,
    threads: usize,
    pool: BufferPool,
    registry: TargetRegistry,
    /// Names that it took away.
    removed: Removed,
    losses: Losses,
    times: TimeSteps,
    temporary_files: TemporaryFileRegistry,
    /// Who runs the job.
    user: u32,
}

impl Shared {
    /// The most bytes one read or write moves.
    fn step(&self) -> usize {
        self.plan.files.resources.buffer.unwrap_or(DEFAULT_STEP).bytes()
    }

    fn acquire<const N: usize>(&self, source: &Source) -> Result<[PooledBuffer; N]> {
        self.pool.acquire().map_err(|error| Error::refused("get buffers for", source.path(), error.to_string()))
    }
}

/// A worker's part of the job.
struct Inflater {
    worker: WorkerContext,
    shared: Arc<Shared>,
    pieces: Pieces,
    attributes: Buffers,
}

/// A file that several workers share.
enum Helped {
    Pieces(Arc<PiecesFile>),
    Pipeline(Arc<PipelineFile>),
    Spans(Arc<SpansFile>),
}

impl Helped {
    /// The device that its target lies on, if that is a file.
    fn device(&self) -> Option<Device> {
        match self {
            Self::Pieces(file) => file.open.device(),
            Self::Pipeline(file) => file.open.device(),
            Self::Spans(file) => file.open.device(),
        }
    }
}

impl FileJob for Inflater {
    type Shared = Helped;

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
        suffix::decompressed(name, &self.shared.plan.files.suffix).is_some()
    }

    fn alternatives(&self, name: &CStr) -> Vec<CString> {
        suffix::alternatives(name, &self.shared.plan.files.suffix)
    }

    fn file(&mut self, mut source: Source, rest: Option<Sequence>, handle: &mut Handle<'_, Task<Self::Shared>>) {
        source.opened = self.worker.clock();
        let begun = self.begin(source);
        let Some((source, target, mut writer)) = self.worker.check(begun).flatten() else {
            return hand_on(rest, handle);
        };
        self.worker.found(source.attributes.size);
        let mut open = Open::new(source, target, rest);
        match self.prepare(&mut open, &mut writer) {
            Ok(Way::Onward) => {}
            Ok(Way::Spans(spans)) => {
                let file = SpansFile::new(open, writer, spans, self.shared.threads);
                return self.help_with_spans(Arc::new(file), handle);
            }
            Err(error) => return self.give_up(open, writer, Some(error), handle),
        }
        match self.shared.acquire(&open.source) {
            Ok(buffers) => self.read(open, writer, buffers, handle),
            Err(error) => self.give_up(open, writer, Some(error), handle),
        }
    }

    fn shared(&mut self, shared: Self::Shared, handle: &mut Handle<'_, Task<Self::Shared>>) {
        self.worker.writes_to(shared.device());
        match shared {
            Helped::Pieces(file) => self.help_with_pieces(file, handle),
            Helped::Pipeline(file) => self.help_with_pipeline(file, handle),
            Helped::Spans(file) => self.help_with_spans(file, handle),
        }
    }
}

impl Inflater {
    /// Reads a file by the route that suits it.
    fn read(
        &mut self,
        mut open: Open,
        mut writer: Writer,
        [mut input, mut output]: [PooledBuffer; 2],
        handle: &mut Handle<'_, Task<Helped>>,
    ) {
        let (len, whole) = match self.read_head(&open.source, &mut input) {
            Ok(head) => head,
            Err(error) => return self.give_up(open, writer, Some(error), handle),
        };
        let mut head = Head { buffer: &mut input, len, whole };
        (open.header, open.header_bytes) = head.header().unwrap_or_default();
        let plan = &self.shared.plan;
        let could_write = self.shared.threads > 1 && !matches!(plan.files.output, Output::Nowhere | Output::Listing);
        // Only pieces tell where reading can begin, if nothing but where a member does.
        let asked = match plan.route {
            RouteName::Auto if open.index.is_some() => RouteName::Pieces,
            asked => asked,
        };
        let passes = plan.files.force && open.goes_to_stdout() && open.index.is_none();
        // A range is one of what was compressed, wherever it is read from.
        open.passes = passes && plan.range.is_none();
        if open.passes {
            writer.pass_plain_data();
        }
        let route = if passes && head.is_plain() {
            Route::Copy
        } else {
            Route::choose(asked, &mut head, could_write, &mut self.pieces, &mut output)
        };
        open.route = Some(route);
        match route {
            Route::Copy => self.copy(open, writer, (input, len, whole), handle),
            Route::Small => self.in_one_piece(open, writer, input, len, output, handle),
            Route::Stream => self.stream(open, writer, (input, len, whole), output, handle),
            Route::Pieces(cuts) => {
                let cutter = cutter::Cutter::new(cuts, &input[..len], whole);
                // Others may need them before this worker gets to its first piece.
                drop((input, output));
                // Of a pipe of which only some is wanted, nobody must be waiting for more.
                let alone = self.shared.plan.range.is_some() && !open.source.has_ranges();
                let threads = if alone { 1 } else { self.shared.threads };
                let file = PiecesFile::new(open, writer, cutter, threads);
                self.help_with_pieces(Arc::new(file), handle);
            }
            Route::Pipeline => {
                let file = Arc::new(PipelineFile::new(open, writer, self.shared.threads));
                self.pump(file, (input, len, whole), output, handle);
            }
        }
    }

    /// Reads as much of a file as is looked at, or all of it if that is little more: its bytes, and whether that is all.
    fn read_head(&mut self, source: &Source, buffer: &mut [u8]) -> Result<(usize, bool)> {
        let failed = |errno| Error::system("read", source.path(), errno);
        let room = buffer.len() - SEAL_BYTES;
        let size = source.attributes.size as usize;
        let known = source.has_ranges() && source.has_true_size && size <= room;
        let is_file = source.attributes.kind == FileKind::RegularFile;
        let looks = if is_file { LOOK_BYTES } else { LOOK_AT_PIPE_BYTES };
        let wanted = if known { size } else { looks.min(room) };
        let needs_no_look = matches!(self.shared.plan.route, RouteName::Stream | RouteName::Pipeline);
        let (sys, step) = (&mut self.worker.sys, self.shared.step());
        let mut len = 0;
        while len < wanted {
            sys.check_stop().map_err(failed)?;
            let end = wanted.min(len.saturating_add(step));
            match sys.read(&source.file, &mut buffer[len..end]).map_err(failed)? {
                0 => return Ok((len, true)),
                count => len += count,
            }
            // BGZF is known by its header, and what is no gzip by its first bytes.
            let is_enough = (needs_no_look && len >= LONGEST_MAGIC) || sized_member(&buffer[..len]).is_some();
            if !known && is_enough {
                break;
            }
        }
        Ok((len, known))
    }
}
