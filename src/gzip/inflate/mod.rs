//! Decompression: many files at a time, and the pieces of each large file in parallel, through one queue. Every member is
//! checked.
//!
//! - this file: from the plan and the first bytes of a file to its route;
//! - [`route`]: how a file is read, and how that is seen;
//! - [`pieces`]: by all workers, each with a piece; [`stream`]: by one worker that inflates, alone or with others that
//!   write;
//! - [`range`]: where reading begins when only some of what comes out is wanted, and the spans that an index names;
//!   [`index`]: that index, beside the file;
//! - [`output`]: what comes out, in its order: checked, bounded, clipped and written;
//! - [`inflation`]: a file, and its end, whole or not.

mod index;
mod inflation;
mod output;
mod pieces;
mod range;
mod route;
mod stream;

use std::ffi::{CStr, CString};
use std::io::IsTerminal;
use std::sync::{Arc, Mutex};

pub use self::inflation::Rows;
use self::inflation::{Inflation, SharedInflation};
use self::output::{Output, Writer};
use self::pieces::{Cutter, PiecesFile};
use self::range::SpansFile;
use self::route::{Input, Route};
use self::stream::PipelineFile;
use super::operands::Sequence;
use super::source::Source;
use super::target::OpenTarget;
use super::{Direction, FileWorker, Handle, processes, suffix};
use crate::codec::piece::{Pieces, Position, Proven};
use crate::error::{Error, Remedy, Result};
use crate::job::Context;
use crate::job::limits::Needs;
use crate::job::worker_context::WorkerContext;
use crate::plan::{self, FileOptions, GunzipPlan, RouteName};
use crate::pool::PooledBuffer;
use crate::summary::Summary;

/// Bytes of one read and one write where the user did not say: what a piece of haul's gives at most levels. Measured over
/// `--buffer` 64K to 2M, nothing is faster by more than noise.
const DEFAULT_STEP: usize = 1024 * 1024;

/// Bytes of a buffer: a piece of haul's own making at any level, compressed or not, with some room.
const BUFFER_BYTES: usize = (2048 + 64) * 1024;

/// Bytes of a stream that is inflated one buffer after the other: its window, its tables and a bit more.
const STREAM_BYTES: usize = 256 * 1024;

/// Bytes of a compressed file that is inflated before it is looked up whether its target exists. Out of it come 64 MiB at
/// the most.
const SMALL_BYTES: u64 = 64 * 1024;

/// A worker takes two buffers at a time, one to read into and one to inflate into; as many more let finished pieces wait
/// their turn while a slower one is inflated.
pub(crate) const NEEDS: Needs =
    Needs { worker_bytes: route::LOOK_BYTES + STREAM_BYTES, buffer_bytes: BUFFER_BYTES, buffers: 4, at_once: 2 };

/// Decompresses what `plan` says. Failures of single files are events and counts in the summary; an error means that
/// nothing could be begun.
pub fn run(plan: &GunzipPlan, context: &Context) -> Result<Summary> {
    run_with(plan, None, context)
}

/// The same for a plan whose output is [`plan::Output::Listing`]: tells `rows` what each file holds as soon as it is known,
/// in the order of the arguments. A file that fails has no row.
pub fn list(plan: &GunzipPlan, rows: Rows, context: &Context) -> Result<Summary> {
    run_with(plan, Some(rows), context)
}

fn run_with(plan: &GunzipPlan, rows: Option<Rows>, context: &Context) -> Result<Summary> {
    let names_stdin = plan.files.inputs.iter().any(|input| input.as_os_str() == "-");
    if names_stdin && !plan.files.force && std::io::stdin().is_terminal() {
        let why = "it is a terminal; name a file, or redirect it";
        return Err(Error::refused("read compressed data from", "standard input", why));
    }
    super::run(Inflate { plan: plan.clone(), rows }, (&NEEDS, DEFAULT_STEP), context, || {
        Pieces::new().map_err(|error| Error::refused("begin", "decompressing", error.to_string()).with(error.remedy()))
    })
}

/// The direction of gunzip.
struct Inflate {
    plan: GunzipPlan,
    /// Takes what each file holds.
    rows: Option<Rows>,
}

/// A file that several workers share.
enum SharedFile {
    Pieces(Arc<PiecesFile>),
    Pipeline(Arc<PipelineFile>),
    Spans(Arc<SpansFile>),
}

impl Direction for Inflate {
    type Codec = Pieces;

    type SharedFile = SharedFile;

    const CLAIMS_FIRST: bool = false;

    fn plan(&self) -> &FileOptions {
        &self.plan.files
    }

    fn wants(&self, name: &CStr) -> bool {
        suffix::decompressed(name, &self.plan.files.suffix).is_some()
    }

    fn alternatives(&self, name: &CStr) -> Vec<CString> {
        suffix::alternatives(name, &self.plan.files.suffix)
    }

    fn target_name(&self, _context: &mut WorkerContext, source: &Source) -> Result<Option<CString>> {
        let name = suffix::decompressed(&source.name, &self.plan.files.suffix);
        let why = "its suffix is not one of a compressed file";
        let refused = || Error::refused("decompress", source.path(), why).with(Remedy::StdoutOrSuffix);
        name.map(Some).ok_or_else(refused)
    }

    /// With `-N` name and time in the header may differ; then the data goes to this name only at first. And it is cheaper to
    /// inflate a small file in vain than to look up every one: a file that exists is never replaced unasked. But what may be
    /// a source itself must not be claimed by mistake.
    fn looks_first(&self, source: &Source, name: &CStr) -> bool {
        let FileOptions { name: is_renamed, force, update, suffix, .. } = &self.plan.files;
        let is_large = source.attributes.size > SMALL_BYTES;
        !is_renamed && (*force || *update || is_large || suffix::decompressed(name, suffix).is_some())
    }

    fn process(
        worker: &mut FileWorker<Self>,
        source: Source,
        (target, file): OpenTarget,
        rest: Option<Sequence>,
        handle: &mut Handle<'_, Self>,
    ) {
        let job = &worker.job;
        let mut writer = Writer::new(Output::new(file, job.step, job.direction.plan.max_output));
        let mut inflation = Inflation::new(source, target, rest);
        let begun = match worker.prepare(&mut inflation, &mut writer) {
            Ok(Some(spans)) => return worker.read_spans(inflation, writer, spans, handle),
            Ok(None) => worker.read_first(&inflation.source),
            Err(error) => Err(error),
        };
        match begun {
            Ok((input, output)) => worker.read(inflation, writer, input, output, handle),
            Err(error) => worker.give_up(inflation, writer, Some(error), handle),
        }
    }

    fn help(worker: &mut FileWorker<Self>, file: SharedFile, handle: &mut Handle<'_, Self>) {
        worker.context.writes_to(match &file {
            SharedFile::Pieces(file) => file.inflation.device(),
            SharedFile::Pipeline(file) => file.inflation.device(),
            SharedFile::Spans(file) => file.inflation.device(),
        });
        match file {
            SharedFile::Pieces(file) => worker.help_with_pieces(file, handle),
            SharedFile::Pipeline(file) => worker.help_with_pipeline(file, handle),
            SharedFile::Spans(file) => worker.help_with_spans(file, handle),
        }
    }
}

impl FileWorker<Inflate> {
    /// Inflates the `len` bytes at the start of `input` on their own, or has the worker process do it.
    fn inflate_piece(
        &mut self,
        inflation: &Inflation,
        (input, len, start): (&mut [u8], usize, Position),
        output: &mut [u8],
    ) -> Result<Proven> {
        let WorkerContext { sys, process, .. } = &mut self.context;
        match process {
            None => Ok(self.codec.inflate(input, len, start, output)),
            Some(process) => {
                processes::inflate(process, sys, (&input[..len], start), (|| inflation.source.path(), output))
            }
        }
    }

    /// Reads a file that begins with `input` by the route that suits it.
    fn read(
        &mut self,
        mut inflation: Inflation,
        mut writer: Writer,
        mut input: Input,
        mut output: PooledBuffer,
        handle: &mut Handle<'_, Inflate>,
    ) {
        (inflation.header, inflation.header_bytes) = input.header().unwrap_or_default();
        let (plan, threads) = (&self.job.direction.plan, self.job.threads);
        let could_write = threads > 1 && !matches!(plan.files.output, plan::Output::Nowhere | plan::Output::Listing);
        // Only pieces tell where reading can begin, if nothing but where a member does.
        let asked = match plan.route {
            RouteName::Auto if inflation.index.is_some() => RouteName::Pieces,
            asked => asked,
        };
        let passes = plan.files.force && inflation.goes_to_stdout() && inflation.index.is_none();
        // A range is one of what was compressed, wherever it is read from.
        inflation.passes = passes && plan.range.is_none();
        writer.passes = inflation.passes;
        let route = if passes && input.is_plain() {
            Route::Copy
        } else {
            Route::choose(asked, &mut input, could_write, &mut self.codec, &mut output)
        };
        inflation.route = Some(route);
        let done = match route {
            Route::Copy => self.copy(&inflation, &mut writer, input),
            Route::Small => self.in_one_piece(&inflation, &mut writer, input, output),
            Route::Stream => self.stream(&inflation, &mut writer, input, output),
            Route::Pieces(cuts) => {
                // If only some of a pipe is wanted, no worker must be waiting for more of it.
                let alone = plan.range.is_some() && !inflation.source.has_ranges();
                let helpers = if alone { 0 } else { threads - 1 };
                let file = SharedInflation::new(inflation, writer, helpers, Mutex::new(Cutter::new(cuts, &input)));
                // Other workers may need them before this one gets to its first piece.
                drop((input, output));
                return self.help_with_pieces(file, handle);
            }
            Route::Pipeline => return self.pipeline(inflation, writer, input, output, handle),
        };
        self.conclude(inflation, writer, done, handle);
    }
}
