//! Pieces of a file, copied by a worker process: the request and its answer, and the process that serves them.

use std::ops::Range;
use std::os::fd::{AsFd as _, BorrowedFd, OwnedFd};

use rustix::io::Errno;
use serde::{Deserialize, Serialize};

use super::content::{Holes, PieceCopy};
use super::file_copy::FileCopy;
use crate::engine::{Copied, EngineError, Ladder, Pair, Refusal, Route, Side};
use crate::error::{Error, Result};
use crate::job::Context;
use crate::plan::EngineName;
use crate::pool::workers::process::{Asked, WorkerProcess, serve};
use crate::sys::{AlignedBuffer, Sys};

/// The job, as the command line names it.
pub(super) const JOB: &str = "copy";

/// A piece of a file of which source and target come with it.
#[derive(Serialize, Deserialize)]
struct Request {
    piece: Range<u64>,
    engines: Vec<EngineName>,
    holes: Holes,
    is_true_size: bool,
    step: Option<usize>,
    buffer_bytes: usize,
}

type Answer = std::result::Result<SentCopied, SentError>;

#[derive(Serialize, Deserialize)]
struct SentCopied {
    bytes: u64,
    by: EngineName,
    /// Engines that could not, and the errno of each.
    refused: Vec<(EngineName, i32)>,
}

#[derive(Serialize, Deserialize)]
struct SentError {
    operation: String,
    is_source: bool,
    errno: i32,
}

/// What engines say they tried; a message holds its words, an error only words of this program.
const OPERATIONS: [&str; 4] = ["read", "write", "clone", "copy with this engine"];

impl From<&Copied> for SentCopied {
    fn from(copied: &Copied) -> Self {
        let refused = copied.route.refused().map(|refusal| (refusal.engine, refusal.errno.raw_os_error()));
        Self { bytes: copied.bytes, by: copied.route.by, refused: refused.collect() }
    }
}

impl From<SentCopied> for Copied {
    fn from(sent: SentCopied) -> Self {
        let refused = sent.refused.into_iter();
        let refused = refused.map(|(engine, errno)| Refusal { engine, errno: Errno::from_raw_os_error(errno) });
        Self { bytes: sent.bytes, route: Route::straight(sent.by).after(refused) }
    }
}

impl From<EngineError> for SentError {
    fn from(error: EngineError) -> Self {
        let operation = error.operation.to_owned();
        Self { operation, is_source: error.side == Side::Source, errno: error.errno.raw_os_error() }
    }
}

impl From<SentError> for EngineError {
    fn from(sent: SentError) -> Self {
        let operation = OPERATIONS.into_iter().find(|known| *known == sent.operation).unwrap_or("copy");
        let side = if sent.is_source { Side::Source } else { Side::Target };
        Self { operation, side, errno: Errno::from_raw_os_error(sent.errno) }
    }
}

/// Has a worker process copy a piece of a file, as far as there is any of it, through a buffer of so many bytes.
pub(super) fn copy_piece(
    process: &mut WorkerProcess,
    sys: &mut Sys,
    copy: &FileCopy,
    how: &PieceCopy<'_>,
    (piece, buffer_bytes): (Range<u64>, usize),
) -> Result<Copied> {
    let PieceCopy { ladder, holes, is_true_size, step } = *how;
    let request = Request { piece, engines: ladder.names(), holes, is_true_size, step, buffer_bytes };
    let files = [copy.source.as_fd(), copy.target.file.as_fd()];
    let answered = process.ask(sys, &request, &files, &[], &mut []);
    match answered.map_err(|why| why.error("copy", copy.source_path()))? {
        (Answer::Ok(copied), _) => Ok(copied.into()),
        (Answer::Err(error), _) => Err(copy.error(error.into())),
    }
}

/// Serves a copy from a worker process, until the socket closes.
pub fn work(socket: BorrowedFd<'_>, context: &Context) -> Result<()> {
    let mut sys = context.sys();
    let mut buffer = None;
    let served = serve(&mut sys, socket, |sys, request: Request, Asked { files, .. }| {
        (answer(sys, &request, files, &mut buffer), 0)
    });
    served.map_err(|errno| Error::system("serve", "the copy", errno))
}

fn answer(sys: &mut Sys, request: &Request, files: Vec<OwnedFd>, kept: &mut Option<AlignedBuffer>) -> Answer {
    let done = copy_here(sys, request, &files, kept);
    for file in files {
        let _ = sys.close(file);
    }
    done.map(|copied| SentCopied::from(&copied)).map_err(SentError::from)
}

fn copy_here(
    sys: &mut Sys,
    request: &Request,
    files: &[OwnedFd],
    kept: &mut Option<AlignedBuffer>,
) -> std::result::Result<Copied, EngineError> {
    let cannot = |errno| EngineError { operation: "copy", side: Side::Source, errno };
    let [source, target] = files else { return Err(cannot(Errno::BADF)) };
    let ladder = Ladder::named(&request.engines).ok_or(cannot(Errno::INVAL))?;
    let &Request { holes, is_true_size, step, buffer_bytes, .. } = request;
    let buffer = match kept.take().filter(|buffer| buffer.len() == buffer_bytes) {
        Some(buffer) => buffer,
        None => AlignedBuffer::new(buffer_bytes).map_err(cannot)?,
    };
    let how = PieceCopy { ladder: &ladder, holes, is_true_size, step };
    how.copy(sys, Pair { source, target }, request.piece.clone(), kept.insert(buffer))
}
