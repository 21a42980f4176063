//! What comes out of a file, in its order: checked, bounded, written.
//!
//! A piece that proves itself, and begins as the one before it ended, is taken as it is. Any other is inflated here, one
//! byte after the other, with what came before it: that is always right, only slower. So the bytes are those that a plain
//! reader gets, whatever was guessed of the file.

use rustix::io::Errno;

use super::outlet::{Outlet, Sink};
use crate::codec::check::{Checker, Damage, Segment};
use crate::codec::gunzip::{End, Gunzip, Step};
use crate::codec::index::Recorder;
use crate::codec::piece::{Place, Proven};
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

/// A piece of a file, with what is proven of it.
pub(super) struct Piece {
    /// The piece as it was read.
    pub(super) input: PooledBuffer,
    /// Its bytes.
    pub(super) len: usize,
    /// Where it was thought to begin.
    pub(super) start: Place,
    /// What came out of it.
    pub(super) output: PooledBuffer,
    pub(super) proven: Proven,
}

/// Writes what comes out of one file.
pub(super) struct Writer {
    pub(super) outlet: Outlet,
    /// Bytes of the pieces so far, compressed.
    read: u64,
    /// Finds the places for an index.
    recorder: Option<Recorder>,
    checker: Checker,
    /// Where the next piece has to begin to be taken as it is.
    place: Place,
    /// The last bytes of a member that goes on.
    window: Vec<u8>,
    /// Reads what is not taken as it is.
    gunzip: Option<Box<Gunzip>>,
    /// Plain data after the last member comes out as it is.
    passes: bool,
    /// Pieces taken as they are, and all of them.
    taken: (u64, u64),
    /// What comes after a failure must not be written.
    broken: bool,
}

impl Writer {
    pub(super) fn new(outlet: Outlet) -> Self {
        Self {
            outlet,
            read: 0,
            recorder: None,
            checker: Checker::default(),
            place: Place::Between,
            window: Vec::new(),
            gunzip: None,
            passes: false,
            taken: (0, 0),
            broken: false,
        }
    }

    /// Finds the places for an index from here on.
    pub(super) fn record(&mut self) {
        self.recorder = Some(Recorder::default());
    }

    /// Lets plain data after the last member out as it is.
    pub(super) const fn pass_plain_data(&mut self) {
        self.passes = true;
    }

    /// What was found, if it was looked for.
    pub(super) const fn take_recorder(&mut self) -> Option<Recorder> {
        self.recorder.take()
    }

    /// Takes the next piece.
    pub(super) fn take(&mut self, sys: &mut Sys, mut piece: Piece) -> Result<(), Failure> {
        self.guarded(|writer| {
            writer.taken.1 += 1;
            let at = writer.read;
            writer.read += piece.len as u64;
            let mut read = 0;
            if writer.place == piece.start && piece.start != Place::Inside {
                // Taken back if it does not prove itself.
                if let Some(recorder) = &mut writer.recorder {
                    recorder.begin(at, piece.start);
                }
                if piece.start == Place::Between {
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
                && writer.place != Place::Between
            {
                recorder.reach_back();
            }
            let mut filled = 0;
            writer.inflate(sys, &piece.input[read..piece.len], &mut piece.output, &mut filled)?;
            writer.write(sys, &piece.output[..filled])
        })
    }

    /// Takes bytes whose checksums were made elsewhere, and that were inflated one after the other.
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

    /// Says that the file ends here. Writes what was held back of plain data that is passed through.
    pub(super) fn end(&mut self, sys: &mut Sys) -> Result<(), Failure> {
        let rest = self.gunzip.as_mut().map_or(&[][..], |gunzip| gunzip.rest());
        if rest.is_empty() { Ok(()) } else { self.flush(sys, rest) }
    }

    /// Whether the end of the file is a good place.
    pub(super) fn finish(&self) -> Result<End, Damage> {
        match (&self.gunzip, self.place) {
            (Some(gunzip), Place::Inside) => gunzip.finish(),
            (_, Place::Between) if self.checker.members() > 0 => Ok(End::default()),
            _ => Err(Damage::Truncated),
        }
    }

    pub(super) const fn members(&self) -> u64 {
        self.checker.members()
    }

    /// Whether the last member is one of BGZF's, and not the block that its files end with.
    pub(super) const fn lacks_end_block(&self) -> bool {
        self.checker.lacks_end_block()
    }

    /// CRC-32 of the last member.
    pub(super) const fn last_crc(&self) -> u32 {
        self.checker.last_crc()
    }

    /// Pieces taken as they were inflated, and all of them.
    pub(super) const fn taken(&self) -> (u64, u64) {
        self.taken
    }

    pub(super) fn into_sink(self) -> Sink {
        self.outlet.into_sink()
    }

    /// Does nothing after a failure.
    fn guarded(&mut self, take: impl FnOnce(&mut Self) -> Result<(), Failure>) -> Result<(), Failure> {
        if self.broken || self.outlet.is_satisfied() {
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
        self.place = proven.end;
        if self.place == Place::Body {
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
            } else if stuck || self.outlet.is_satisfied() {
                break;
            }
        }
        // From after a member, pieces can be taken as they are again.
        if gunzip.is_between_members() {
            self.place = Place::Between;
        }
        self.gunzip = Some(gunzip);
        Ok(())
    }

    /// A reader that stands where the last piece ended.
    fn resume(&mut self) -> Result<Box<Gunzip>, Damage> {
        let mut gunzip = self.gunzip.take().unwrap_or_else(|| Box::new(Gunzip::new(self.passes)));
        match std::mem::replace(&mut self.place, Place::Inside) {
            Place::Inside => {}
            // After no member at all, it stands at the start of the file.
            Place::Between if self.checker.members() == 0 => gunzip.restart(),
            Place::Between => gunzip.resume_between_members(),
            Place::Body => gunzip.resume_in_member(&self.window)?,
        }
        Ok(gunzip)
    }

    fn write(&mut self, sys: &mut Sys, bytes: &[u8]) -> Result<(), Failure> {
        self.outlet.write(sys, bytes)
    }
}
