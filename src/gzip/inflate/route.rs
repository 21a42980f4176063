//! The route of a file: how it is read, chosen by a look at its first bytes.

use super::Inflate;
use crate::codec::cut::{Cuts, sized_member};
use crate::codec::member::{Header, HeaderParser};
use crate::codec::piece::{PROBE_BYTES, Pieces, Position, SECRET_BYTES};
use crate::error::{Error, Result};
use crate::gzip::FileWorker;
use crate::gzip::source::Source;
use crate::plan::RouteName;
use crate::pool::PooledBuffer;
use crate::sys::FileKind;

/// What files begin with that GNU gzip reads: gzip, gzip of old, zip, pack, compress, lzh.
const READ_BY_GNU: [&[u8]; 6] = [b"\x1f\x8b", b"\x1f\x9e", b"PK\x03\x04", b"\x1f\x1e", b"\x1f\x9d", b"\x1f\xa0"];

/// Bytes of the longest of them.
const LONGEST_MAGIC: usize = 4;

/// Bytes of a file that are looked at before its route is chosen; enough for one piece of most of haul's own.
pub(super) const LOOK_BYTES: usize = (1024 + 64) * 1024;

/// The same of a pipe, out of which nothing comes meanwhile.
const LOOK_AT_PIPE_BYTES: usize = 512 * 1024;

/// How a file is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Route {
    /// One read, one whole-buffer inflate, one write.
    Small,
    /// Not inflated, but passed through: it is not a compressed file, and need not be one.
    Copy,
    /// In pieces that are inflated on their own, by all workers.
    Pieces(Cuts),
    /// One worker inflates, others check and write.
    Pipeline,
    /// One worker does all of it, one buffer after the other.
    Stream,
}

/// Compressed bytes of a file at the start of a buffer.
pub(super) struct Input {
    pub(super) buffer: PooledBuffer,
    pub(super) len: usize,
    /// Nothing follows.
    pub(super) is_all: bool,
}

impl Input {
    pub(super) fn bytes(&self) -> &[u8] {
        &self.buffer[..self.len]
    }

    /// What the header of the first member says and how many bytes it has, if it is one and all of it is here.
    pub(super) fn header(&self) -> Option<(Header, u64)> {
        let mut parser = HeaderParser::default();
        let bytes = parser.feed(self.bytes()).ok()?;
        parser.is_done().then(|| (parser.header().clone(), bytes as u64))
    }

    /// Whether it may be passed through as it is. What GNU gzip would decompress, and we cannot, may not: its users would
    /// take compressed bytes for the data.
    pub(super) fn is_plain(&self) -> bool {
        !READ_BY_GNU.iter().any(|magic| self.bytes().starts_with(magic))
    }

    /// Whether it is the whole file and will, as far as its last bytes tell, fit `room` bytes. (They may be wrong: then the
    /// rest is inflated in order.)
    fn is_small(&self, room: usize) -> bool {
        let length = self.bytes().last_chunk().map_or(0, |bytes| u32::from_le_bytes(*bytes) as usize);
        self.is_all && self.len + PROBE_BYTES <= self.buffer.len() && length + SECRET_BYTES <= room
    }

    /// The best cuts of which one was tried and proved to be one.
    fn cuts(&mut self, pieces: &mut Pieces, out: &mut [u8]) -> Option<Cuts> {
        if sized_member(self.bytes()).is_some() {
            return Some(Cuts::Sizes);
        }
        [Cuts::Marks, Cuts::Syncs].into_iter().find(|cuts| self.proves(*cuts, pieces, out))
    }

    /// Whether the first piece, and the second if there is one, can be inflated on their own. The first reaches back to
    /// nothing in any file, and the second may be a piece of a file within this one: so both.
    fn proves(&mut self, cuts: Cuts, pieces: &mut Pieces, out: &mut [u8]) -> bool {
        let Some(first) = cuts.find(self.bytes(), 0) else { return false };
        let second = cuts.find(&self.bytes()[first.at..], 0);
        self.is_piece((0, first.at, Position::Between), pieces, out)
            && second.is_none_or(|second| self.is_piece((first.at, second.at, first.start), pieces, out))
    }

    /// Whether the `len` bytes at `from` can be inflated on their own. Afterwards they are as they were.
    fn is_piece(&mut self, (from, len, start): (usize, usize, Position), pieces: &mut Pieces, out: &mut [u8]) -> bool {
        let Some(piece) = self.buffer.get_mut(from..from + len + PROBE_BYTES) else { return false };
        let mut after = [0; PROBE_BYTES];
        after.copy_from_slice(&piece[len..]);
        let proven = pieces.inflate(piece, len, start, out);
        piece[len..].copy_from_slice(&after);
        // Between the two empty blocks of a mark is a piece that says nothing.
        proven.read == len && (start == Position::Between || proven.written > 0)
    }
}

impl Route {
    /// The route that suits a file, or the one that was `asked` for as far as it goes. A pipeline is only worth it if
    /// somebody `could_write` meanwhile: a checksum is made faster by the core that has the bytes than by another one
    /// (measured). `out` is room to try in.
    pub(super) fn choose(
        asked: RouteName,
        input: &mut Input,
        could_write: bool,
        pieces: &mut Pieces,
        out: &mut [u8],
    ) -> Self {
        match asked {
            RouteName::Stream => Self::Stream,
            RouteName::Pipeline => Self::Pipeline,
            RouteName::Small if input.is_all => Self::Small,
            RouteName::Pieces => input.cuts(pieces, out).map_or(Self::Pieces(Cuts::Marks), Self::Pieces),
            RouteName::Auto if input.is_small(out.len()) => Self::Small,
            RouteName::Auto | RouteName::Small => {
                let whole = if could_write { Self::Pipeline } else { Self::Stream };
                input.cuts(pieces, out).map_or(whole, Self::Pieces)
            }
        }
    }

    /// What ran and why, for those who asked for detail.
    pub(super) fn describe(self, asked: RouteName) -> String {
        let (name, why) = match self {
            Self::Copy => return "copy: it is not in gzip format".to_owned(),
            Self::Small => (RouteName::Small, "it fits a buffer"),
            Self::Pieces(cuts) => (RouteName::Pieces, cuts.name()),
            Self::Pipeline => (RouteName::Pipeline, "it has no pieces that can be read on their own"),
            Self::Stream => (RouteName::Stream, "it has no pieces, and nobody else could write"),
        };
        format!("{}: {}", name.name(), if asked == name { "as asked" } else { why })
    }
}

impl FileWorker<Inflate> {
    /// Reads as much of a file as is looked at, or all of it if that is little more. Returns another buffer with it.
    pub(super) fn read_first(&mut self, source: &Source) -> Result<(Input, PooledBuffer)> {
        let [mut buffer, other] = self.job.acquire(source)?;
        let failed = |errno| Error::system("read", source.path(), errno);
        let room = buffer.len() - PROBE_BYTES;
        let size = source.attributes.size as usize;
        let is_known = source.has_ranges() && source.has_true_size && size <= room;
        let is_file = source.attributes.kind == FileKind::RegularFile;
        let looks = if is_file { LOOK_BYTES } else { LOOK_AT_PIPE_BYTES };
        let wanted = if is_known { size } else { looks.min(room) };
        let needs_no_look = matches!(self.job.direction.plan.route, RouteName::Stream | RouteName::Pipeline);
        let (sys, step) = (&mut self.context.sys, self.job.step);
        let mut len = 0;
        while len < wanted {
            sys.check_stop().map_err(failed)?;
            let end = wanted.min(len.saturating_add(step));
            match sys.read(&source.file, &mut buffer[len..end]).map_err(failed)? {
                0 => return Ok((Input { buffer, len, is_all: true }, other)),
                count => len += count,
            }
            // BGZF is known by its header, and what is not gzip by its first bytes.
            let is_enough = (needs_no_look && len >= LONGEST_MAGIC) || sized_member(&buffer[..len]).is_some();
            if !is_known && is_enough {
                break;
            }
        }
        Ok((Input { buffer, len, is_all: is_known }, other))
    }

    /// Reads the next bytes into the same buffer; 0 at the end.
    pub(super) fn read_on(&mut self, source: &Source, input: &mut Input) -> Result<()> {
        if input.is_all {
            input.len = 0;
            return Ok(());
        }
        let end = self.job.step.min(input.buffer.len());
        let sys = &mut self.context.sys;
        let read = sys.check_stop().and_then(|()| sys.read(&source.file, &mut input.buffer[..end]));
        input.len = read.map_err(|errno| Error::system("read", source.path(), errno))?;
        Ok(())
    }
}
