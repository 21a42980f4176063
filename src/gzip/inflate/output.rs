//! The output of a file, in its order: checked, bounded, clipped, written.
//!
//! A piece that is proven, and begins as the one before it ended, is taken as it is. Any other is inflated here, in order,
//! with what came before it: that is always right, only slower. So the bytes are those that a plain reader gets, whatever
//! was guessed of the file.

use std::ops::Range;
use std::os::fd::OwnedFd;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use rustix::io::Errno;

use crate::codec::check::{Checker, Damage, Segment};
use crate::codec::gunzip::{End, Gunzip, Step};
use crate::codec::index::Recorder;
use crate::codec::piece::{Position, Proven};
use crate::pool::PooledBuffer;
use crate::sys::Sys;

/// How far a block may reach back (RFC 1951, section 2).
const WINDOW_BYTES: usize = 32 * 1024;

/// Why nothing more is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Failure {
    Damage(Damage),
    /// The target could not be written.
    Write(Errno),
    /// More came out than was allowed, bytes.
    TooLarge(u64),
}

impl From<Damage> for Failure {
    fn from(damage: Damage) -> Self {
        Self::Damage(damage)
    }
}

/// Set when no byte that is still to come is wanted, so that reading can end. Shared by those who read a file and its
/// writer.
#[derive(Debug, Clone, Default)]
pub(super) struct EarlyEnd(Arc<AtomicBool>);

impl EarlyEnd {
    pub(super) fn is_set(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}

/// Which of the bytes that come out of a file are wanted.
pub(super) struct Clip {
    pub(super) wanted: Range<u64>,
    /// Set when they have been written; `None` if the file is to be read to its end anyway.
    pub(super) early_end: Option<EarlyEnd>,
}

impl Clip {
    /// What is wanted of `bytes`, before which `before` bytes came out.
    fn of<'a>(&self, before: u64, bytes: &'a [u8]) -> &'a [u8] {
        let index = |wanted: u64| wanted.saturating_sub(before).min(bytes.len() as u64) as usize;
        &bytes[index(self.wanted.start)..index(self.wanted.end)]
    }
}

/// Where the bytes of one file go, and which of them.
pub(super) struct Output {
    /// `None` if they go nowhere.
    file: Option<OwnedFd>,
    /// The most bytes of one write.
    step: usize,
    /// The most bytes that may come out.
    limit: u64,
    pub(super) clip: Clip,
    /// Bytes of the file before those that come next.
    pub(super) passed: u64,
    /// Those of them that were written.
    pub(super) written: u64,
}

impl Output {
    /// Writes everything, at most `step` bytes at a time, and `limit` bytes in all.
    pub(super) fn new(file: Option<OwnedFd>, step: usize, limit: Option<u64>) -> Self {
        let (limit, clip) = (limit.unwrap_or(u64::MAX), Clip { wanted: 0..u64::MAX, early_end: None });
        Self { file, step, limit, clip, passed: 0, written: 0 }
    }

    fn write(&mut self, sys: &mut Sys, bytes: &[u8]) -> Result<(), Failure> {
        let allowed = self.limit.saturating_sub(self.passed).min(bytes.len() as u64) as usize;
        let part = self.clip.of(self.passed, &bytes[..allowed]);
        // A few bytes may become very many, and a write to a file is not interrupted by a request to stop.
        let written = sys.check_stop().and_then(|()| match &self.file {
            None => Ok(()),
            Some(file) => sys.write_full(file, part, self.step),
        });
        // Counted before the result is known: after a failure it matters whether anything may have been written.
        self.written += part.len() as u64;
        self.passed += allowed as u64;
        written.map_err(Failure::Write)?;
        if let Some(EarlyEnd(is_set)) = self.clip.early_end.as_ref().filter(|_| self.passed >= self.clip.wanted.end) {
            is_set.store(true, Ordering::Relaxed);
        }
        if allowed < bytes.len() { Err(Failure::TooLarge(self.limit)) } else { Ok(()) }
    }

    /// Whether nothing more is wanted.
    fn is_satisfied(&self) -> bool {
        self.clip.early_end.as_ref().is_some_and(EarlyEnd::is_set)
    }
}

/// A piece of a file, with what is proven of it.
pub(super) struct Piece {
    /// The piece as it was read.
    pub(super) input: PooledBuffer,
    /// Its bytes.
    pub(super) len: usize,
    /// Where it was thought to begin.
    pub(super) start: Position,
    /// What came out of it.
    pub(super) output: PooledBuffer,
    pub(super) proven: Proven,
}

/// Checks what comes out of one file, and writes it.
pub(super) struct Writer {
    pub(super) output: Output,
    /// Bytes of the pieces so far, compressed.
    read: u64,
    /// Finds the offsets for an index, if one is made.
    pub(super) recorder: Option<Recorder>,
    pub(super) checker: Checker,
    /// Where the next piece has to begin to be taken as it is.
    position: Position,
    /// The last bytes of a member that goes on.
    window: Vec<u8>,
    /// Reads what is not taken as it is.
    gunzip: Option<Box<Gunzip>>,
    /// Plain data after the last member comes out as it is.
    pub(super) passes: bool,
    /// Pieces taken as they are, and all of them.
    pub(super) taken: (u64, u64),
    /// What comes after a failure must not be written.
    broken: bool,
}

impl Writer {
    pub(super) fn new(output: Output) -> Self {
        Self {
            output,
            read: 0,
            recorder: None,
            checker: Checker::default(),
            position: Position::Between,
            window: Vec::new(),
            gunzip: None,
            passes: false,
            taken: (0, 0),
            broken: false,
        }
    }

    /// Takes the next piece.
    pub(super) fn take(&mut self, sys: &mut Sys, mut piece: Piece) -> Result<(), Failure> {
        self.guarded(|writer| {
            writer.taken.1 += 1;
            let at = writer.read;
            writer.read += piece.len as u64;
            let mut read = 0;
            if writer.position == piece.start && piece.start != Position::Inside {
                // Taken back if the piece is not proven.
                if let Some(recorder) = &mut writer.recorder {
                    recorder.begin(at, piece.start);
                }
                if piece.start == Position::Between {
                    writer.window.clear();
                }
                writer.take_proven(sys, &piece.output, &piece.proven)?;
                read = piece.proven.read;
            }
            if read == piece.len {
                writer.taken.0 += 1;
                return Ok(());
            }
            if let Some(recorder) = &mut writer.recorder
                && writer.position != Position::Between
            {
                recorder.reach_back();
            }
            let mut filled = 0;
            writer.inflate(sys, &piece.input[read..piece.len], &mut piece.output, &mut filled)?;
            writer.write(sys, &piece.output[..filled])
        })
    }

    /// Takes bytes that were inflated in order, with their checksums.
    pub(super) fn take_filled(&mut self, sys: &mut Sys, bytes: &[u8], segments: &[Segment]) -> Result<(), Failure> {
        self.guarded(|writer| writer.take_segments(sys, bytes, segments))
    }

    /// Inflates `input` into `out`, of which `filled` bytes wait to be written, and writes that whenever it is full.
    pub(super) fn take_stream(
        &mut self,
        sys: &mut Sys,
        input: &[u8],
        out: &mut [u8],
        filled: &mut usize,
    ) -> Result<(), Failure> {
        self.guarded(|writer| writer.inflate(sys, input, out, filled))
    }

    /// Writes bytes that waited, or that no member holds.
    pub(super) fn flush(&mut self, sys: &mut Sys, bytes: &[u8]) -> Result<(), Failure> {
        self.guarded(|writer| writer.write(sys, bytes))
    }

    /// Ends the file here: writes what was held back of plain data that is passed through.
    pub(super) fn end(&mut self, sys: &mut Sys) -> Result<(), Failure> {
        let rest = self.gunzip.as_mut().map_or(&[][..], |gunzip| gunzip.rest());
        if rest.is_empty() { Ok(()) } else { self.flush(sys, rest) }
    }

    /// How the file ends; an error if it may not end here.
    pub(super) fn finish(&self) -> Result<End, Damage> {
        match (&self.gunzip, self.position) {
            (Some(gunzip), Position::Inside) => gunzip.finish(),
            (_, Position::Between) if self.checker.members() > 0 => Ok(End::default()),
            _ => Err(Damage::Truncated),
        }
    }

    /// What it wrote to.
    pub(super) fn into_file(self) -> Option<OwnedFd> {
        self.output.file
    }

    /// Does nothing after a failure.
    fn guarded(&mut self, take: impl FnOnce(&mut Self) -> Result<(), Failure>) -> Result<(), Failure> {
        if self.broken || self.output.is_satisfied() {
            return Ok(());
        }
        self.broken = true;
        take(self)?;
        self.broken = false;
        Ok(())
    }

    fn take_proven(&mut self, sys: &mut Sys, output: &[u8], proven: &Proven) -> Result<(), Failure> {
        let bytes = &output[..proven.written];
        self.take_segments(sys, bytes, &proven.segments)?;
        self.position = proven.end;
        if self.position == Position::Body {
            // A member that began in the piece may not reach back to the one before, even if nothing came out of that here.
            if proven.segments.len() > 1 {
                self.window.clear();
            }
            let of_member = proven.segments.last().map_or(0, |last| last.bytes);
            self.keep_window(&bytes[bytes.len() - of_member..]);
        }
        Ok(())
    }

    /// Writes what is in `segments`, up to the end of the one that is not what it should be.
    fn take_segments(&mut self, sys: &mut Sys, bytes: &[u8], segments: &[Segment]) -> Result<(), Failure> {
        let mut end = 0;
        for segment in segments {
            end += segment.bytes;
            if let Some(recorder) = &mut self.recorder {
                recorder.add(segment);
            }
            if let Err(damage) = self.checker.add(segment) {
                self.write(sys, &bytes[..end])?;
                return Err(damage.into());
            }
        }
        self.write(sys, bytes)
    }

    fn keep_window(&mut self, bytes: &[u8]) {
        let new = &bytes[bytes.len().saturating_sub(WINDOW_BYTES)..];
        let kept = self.window.len().min(WINDOW_BYTES - new.len());
        self.window.drain(..self.window.len() - kept);
        self.window.extend_from_slice(new);
    }

    fn inflate(&mut self, sys: &mut Sys, mut input: &[u8], out: &mut [u8], filled: &mut usize) -> Result<(), Failure> {
        let mut gunzip = self.resume()?;
        loop {
            let Step { consumed, produced, trailer, bgzf_size } = match gunzip.step(input, &mut out[*filled..]) {
                Ok(step) => step,
                Err(damage) => {
                    self.write(sys, &out[..*filled])?;
                    return Err(damage.into());
                }
            };
            input = &input[consumed..];
            self.checker.update(&out[*filled..*filled + produced]);
            if let Some(recorder) = &mut self.recorder {
                recorder.update(&out[*filled..*filled + produced]);
            }
            *filled += produced;
            if let Some(Err(damage)) = trailer.map(|trailer| self.checker.end(trailer, bgzf_size)) {
                self.write(sys, &out[..*filled])?;
                return Err(damage.into());
            }
            let stuck = consumed == 0 && produced == 0;
            if *filled == out.len() {
                self.write(sys, out)?;
                *filled = 0;
            } else if stuck || self.output.is_satisfied() {
                break;
            }
        }
        // From after a member, pieces can be taken as they are again.
        if gunzip.is_between_members() {
            self.position = Position::Between;
        }
        self.gunzip = Some(gunzip);
        Ok(())
    }

    /// A reader that goes on where the last piece ended.
    fn resume(&mut self) -> Result<Box<Gunzip>, Damage> {
        let mut gunzip = self.gunzip.take().unwrap_or_else(|| Box::new(Gunzip::new(self.passes)));
        match std::mem::replace(&mut self.position, Position::Inside) {
            Position::Inside => {}
            // Without a member before it, it is at the start of the file.
            Position::Between if self.checker.members() == 0 => gunzip.restart(),
            Position::Between => gunzip.resume_between_members(),
            Position::Body => gunzip.resume_in_member(&self.window)?,
        }
        Ok(gunzip)
    }

    fn write(&mut self, sys: &mut Sys, bytes: &[u8]) -> Result<(), Failure> {
        self.output.write(sys, bytes)
    }
}
