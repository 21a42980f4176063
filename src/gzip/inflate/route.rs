//! How a file is read: chosen by looking at its first bytes.

use crate::codec::cut::{Cuts, sized_member};
use crate::codec::member::{Header, HeaderParser};
use crate::codec::piece::{Pieces, Place, SEAL_BYTES, SECRET_BYTES};
use crate::plan::RouteName;

/// What files begin with that GNU gzip reads: gzip, gzip of old, zip, pack, compress, lzh.
const READ_BY_GNU: [&[u8]; 6] = [b"\x1f\x8b", b"\x1f\x9e", b"PK\x03\x04", b"\x1f\x1e", b"\x1f\x9d", b"\x1f\xa0"];

/// Bytes of the longest of them.
pub(super) const LONGEST_MAGIC: usize = 4;

/// How a file is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Route {
    /// One read, one whole-buffer inflate, one write.
    Small,
    /// Not inflated at all, but passed through: it is no compressed file, and need not be one.
    Copy,
    /// In pieces that are inflated on their own, by all workers.
    Pieces(Cuts),
    /// One worker inflates, others check and write.
    Pipeline,
    /// One worker does all of it, one buffer after the other.
    Stream,
}

/// The first bytes of a file.
pub(super) struct Head<'a> {
    /// A buffer that begins with them.
    pub(super) buffer: &'a mut [u8],
    pub(super) len: usize,
    /// Nothing follows.
    pub(super) whole: bool,
}

impl Head<'_> {
    fn bytes(&self) -> &[u8] {
        &self.buffer[..self.len]
    }

    /// What the header of the first member says and how many bytes it has, if it is one and all of it is here.
    pub(super) fn header(&self) -> Option<(Header, u64)> {
        let mut parser = HeaderParser::default();
        let bytes = parser.feed(self.bytes()).ok()?;
        parser.is_done().then(|| (parser.header().clone(), bytes as u64))
    }

    /// Whether it may be passed through as it is. What GNU gzip would decompress there, and we cannot, may not: whoever
    /// comes from there would take compressed bytes for the data.
    pub(super) fn is_plain(&self) -> bool {
        !READ_BY_GNU.iter().any(|magic| self.bytes().starts_with(magic))
    }

    /// Whether it is the whole file and will, as far as its last bytes tell, fit `room` bytes. (They may lie: then it
    /// does not, and is read on in another way.)
    fn is_small(&self, room: usize) -> bool {
        let length = self.bytes().last_chunk().map_or(0, |bytes| u32::from_le_bytes(*bytes) as usize);
        self.whole && self.len + SEAL_BYTES <= self.buffer.len() && length + SECRET_BYTES <= room
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
        self.is_piece((0, first.at, Place::Between), pieces, out)
            && second.is_none_or(|second| self.is_piece((first.at, second.at, first.place), pieces, out))
    }

    /// Whether the `len` bytes at `from` can be inflated on their own. They are as they were when it is known.
    fn is_piece(&mut self, (from, len, place): (usize, usize, Place), pieces: &mut Pieces, out: &mut [u8]) -> bool {
        let Some(piece) = self.buffer.get_mut(from..from + len + SEAL_BYTES) else { return false };
        let mut behind = [0; SEAL_BYTES];
        behind.copy_from_slice(&piece[len..]);
        let proven = pieces.inflate(piece, len, place, out);
        piece[len..].copy_from_slice(&behind);
        // Between the two empty blocks of a mark is a piece that says nothing.
        proven.read == len && (place == Place::Between || proven.written > 0)
    }
}

impl Route {
    /// The route that suits a file, or the one that was `asked` for as far as it goes. A pipeline is only worth it if
    /// somebody `could_write` meanwhile: a checksum is made faster by the core that has the bytes than by another one
    /// (measured). `out` is room to try in.
    pub(super) fn choose(
        asked: RouteName,
        head: &mut Head<'_>,
        could_write: bool,
        pieces: &mut Pieces,
        out: &mut [u8],
    ) -> Self {
        match asked {
            RouteName::Stream => Self::Stream,
            RouteName::Pipeline => Self::Pipeline,
            RouteName::Small if head.whole => Self::Small,
            RouteName::Pieces => head.cuts(pieces, out).map_or(Self::Pieces(Cuts::Marks), Self::Pieces),
            RouteName::Auto if head.is_small(out.len()) => Self::Small,
            RouteName::Auto | RouteName::Small => {
                let whole = if could_write { Self::Pipeline } else { Self::Stream };
                head.cuts(pieces, out).map_or(whole, Self::Pieces)
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
