//! Blocks and pieces that a worker process compresses or inflates: the requests and their answers, and the process that
//! serves them.

use std::os::fd::{AsFd as _, BorrowedFd, OwnedFd};
use std::path::PathBuf;

use crc32fast::Hasher;
use rustix::io::Errno;
use serde::{Deserialize, Serialize};

use super::SHRANK;
use crate::codec::CodecError;
use crate::codec::check::{Segment, Trailer};
use crate::codec::compressor::Compressor;
use crate::codec::level::Choice;
use crate::codec::piece::{PROBE_BYTES, Pieces, Position, Proven};
use crate::error::{Error, Result};
use crate::job::Context;
use crate::pool::workers::process::{Asked, NoAnswer, WorkerProcess, serve};
use crate::sys::Sys;

/// The job, as the command line names it.
pub(super) const JOB: &str = "gzip";

#[derive(Serialize, Deserialize)]
enum Request {
    /// Compress a block.
    Compress { choice: Choice, verify: bool, block: BlockToCompress },
    /// Inflate the piece that comes with it, into at most so many bytes.
    Inflate { start: Position, room: usize },
}

/// A block, with the bytes before it that it may refer to: in the file that comes with it, or in plain bytes.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub(super) struct BlockToCompress {
    /// Where the dictionary begins in the file, and the most bytes of one read; `None` if it comes in plain bytes.
    pub(super) in_file: Option<(u64, usize)>,
    pub(super) dictionary: usize,
    pub(super) len: usize,
    pub(super) last: bool,
}

#[derive(Serialize, Deserialize)]
enum Answer {
    /// The compressed block comes with it; the checksum is that of the bytes that were compressed.
    Compressed { crc: u32 },
    /// What came out comes with it.
    Inflated { read: usize, end: Position, segments: Vec<SentSegment> },
    /// Reading failed.
    Read(i32),
    /// The file has fewer bytes than it had.
    Shrank,
    /// Something else did not go.
    Refused(String),
}

#[derive(Serialize, Deserialize)]
struct SentSegment {
    bytes: usize,
    crc: u32,
    trailer: Option<(u32, u32)>,
    bgzf_size: Option<u16>,
}

impl From<&Segment> for SentSegment {
    fn from(segment: &Segment) -> Self {
        let trailer = segment.trailer.map(|trailer| (trailer.crc, trailer.length));
        Self { bytes: segment.bytes, crc: segment.crc.clone().finalize(), trailer, bgzf_size: segment.bgzf_size }
    }
}

impl From<SentSegment> for Segment {
    fn from(sent: SentSegment) -> Self {
        let trailer = sent.trailer.map(|(crc, length)| Trailer { crc, length });
        let crc = Hasher::new_with_initial_len(sent.crc, sent.bytes as u64);
        Self { bytes: sent.bytes, crc, trailer, bgzf_size: sent.bgzf_size }
    }
}

/// Has a worker process compress a block: what it made is at the start of `out`, and how many bytes; and the checksum of what
/// was compressed.
pub(super) fn compress(
    process: &mut WorkerProcess,
    sys: &mut Sys,
    (choice, verify): (Choice, bool),
    block: BlockToCompress,
    (file, bytes): (&OwnedFd, &[u8]),
    (path, out): (impl Fn() -> PathBuf, &mut [u8]),
) -> Result<(usize, Hasher)> {
    let request = Request::Compress { choice, verify, block };
    let files = [file.as_fd()];
    let files = if block.in_file.is_some() { &files[..] } else { &[] };
    let lost = |why: NoAnswer| why.error("compress", path());
    match process.ask(sys, &request, files, bytes, out).map_err(lost)? {
        (Answer::Compressed { crc }, len) => Ok((len, Hasher::new_with_initial_len(crc, block.len as u64))),
        (Answer::Read(errno), _) => Err(Error::system("read", path(), Errno::from_raw_os_error(errno))),
        (Answer::Shrank, _) => Err(Error::refused("read", path(), SHRANK)),
        (Answer::Refused(why), _) => Err(Error::refused("compress", path(), why)),
        (Answer::Inflated { .. }, _) => Err(lost(NoAnswer::Failed(Errno::BADMSG))),
    }
}

/// Has a worker process inflate a piece into `out`.
pub(super) fn inflate(
    process: &mut WorkerProcess,
    sys: &mut Sys,
    (piece, start): (&[u8], Position),
    (path, out): (impl Fn() -> PathBuf, &mut [u8]),
) -> Result<Proven> {
    let request = Request::Inflate { start, room: out.len() };
    let lost = |why: NoAnswer| why.error("decompress", path());
    match process.ask(sys, &request, &[], piece, out).map_err(lost)? {
        (Answer::Inflated { read, end, segments }, written) => {
            Ok(Proven { read, written, end, segments: segments.into_iter().map(Segment::from).collect() })
        }
        (Answer::Refused(why), _) => Err(Error::refused("decompress", path(), why)),
        (_, _) => Err(lost(NoAnswer::Failed(Errno::BADMSG))),
    }
}

/// Serves gzip and gunzip from a worker process, until the socket closes.
pub fn work(socket: BorrowedFd<'_>, context: &Context) -> Result<()> {
    let mut sys = context.sys();
    let mut codecs = Codecs::default();
    let served = serve(&mut sys, socket, |sys, request, asked| codecs.answer(sys, &request, asked));
    served.map_err(|errno| Error::system("serve", "the job", errno))
}

/// What the process keeps from one request to the next.
#[derive(Default)]
struct Codecs {
    compressor: Option<(Choice, bool, Compressor)>,
    pieces: Option<Pieces>,
}

/// An answer, and how many plain bytes go with it; or why there is no better one.
type Made = std::result::Result<(Answer, usize), Answer>;

impl Codecs {
    fn answer(&mut self, sys: &mut Sys, request: &Request, mut asked: Asked<'_>) -> (Answer, usize) {
        let made = match *request {
            Request::Compress { choice, verify, block } => self.compress(sys, (choice, verify), block, &mut asked),
            Request::Inflate { start, room } => self.inflate(start, room, &mut asked),
        };
        for file in asked.files {
            let _ = sys.close(file);
        }
        made.unwrap_or_else(|why| (why, 0))
    }

    fn compress(
        &mut self,
        sys: &mut Sys,
        (choice, verify): (Choice, bool),
        block: BlockToCompress,
        asked: &mut Asked<'_>,
    ) -> Made {
        let refused = |error: CodecError| Answer::Refused(error.to_string());
        let bytes = Asked::first(asked.bytes, block.dictionary + block.len);
        if let Some((at, step)) = block.in_file {
            let file = asked.files.first().ok_or_else(|| Answer::Read(Errno::BADF.raw_os_error()))?;
            let read = sys.pread_full(file, bytes, at, step);
            if read.map_err(|errno| Answer::Read(errno.raw_os_error()))? < bytes.len() {
                return Err(Answer::Shrank);
            }
        }
        let (dictionary, bytes) = bytes.split_at(block.dictionary);
        let kept = self.compressor.take().filter(|kept| (kept.0, kept.1) == (choice, verify));
        let mut compressor = match kept {
            Some((_, _, compressor)) => compressor,
            None => Compressor::new(choice, verify).map_err(refused)?,
        };
        let out = Asked::first(asked.out, compressor.bound(bytes.len()));
        let len = compressor.compress(dictionary, bytes, block.last, out).map_err(refused)?;
        self.compressor = Some((choice, verify, compressor));
        Ok((Answer::Compressed { crc: crc32fast::hash(bytes) }, len))
    }

    fn inflate(&mut self, start: Position, room: usize, asked: &mut Asked<'_>) -> Made {
        let mut pieces = match self.pieces.take() {
            Some(pieces) => pieces,
            None => Pieces::new().map_err(|error| Answer::Refused(error.to_string()))?,
        };
        let piece = Asked::first(asked.bytes, asked.len + PROBE_BYTES);
        let proven = pieces.inflate(piece, asked.len, start, Asked::first(asked.out, room));
        self.pieces = Some(pieces);
        let segments = proven.segments.iter().map(SentSegment::from).collect();
        Ok((Answer::Inflated { read: proven.read, end: proven.end, segments }, proven.written))
    }
}
