//! Where a compressed file may be cut so that the pieces can be inflated on their own. Guesses all: what is found here
//! may be data that looks so. [`super::piece`] proves each.

use memchr::memmem;

use super::join::MARK;
use super::piece::Position;

/// Where a member begins: the magic, and the method deflate (RFC 1952, section 2.3).
const MEMBER: [u8; 3] = [0x1f, 0x8b, 8];
/// Bytes of a member's header that tell it from data.
pub(super) const HEADER_BYTES: usize = 10;
/// The flag that says that a header has extra fields.
const FEXTRA: u8 = 4;
/// BGZF's extra field: 6 bytes, of which 2 are the value of "BC", the size of the member less one.
const SIZE_FIELD: [u8; 6] = [6, 0, b'B', b'C', 2, 0];
/// Bytes of a header with that field.
pub(crate) const SIZED_HEADER_BYTES: usize = HEADER_BYTES + SIZE_FIELD.len() + 2;
/// The length of an empty stored block, and its inverse: how a flush ends (RFC 1951, section 3.2.4).
const SYNC: [u8; 4] = [0x00, 0x00, 0xff, 0xff];

/// Small members are taken together up to so many compressed bytes: few enough that they fit a buffer at 100 : 1.
const MEMBERS_BYTES: usize = 16 * 1024;
/// Members that say their sizes are taken together up to so many uncompressed bytes, or so many compressed ones, of
/// which they have more if they are empty.
const SIZED_BYTES: usize = 512 * 1024;
const SIZED_COMPRESSED_BYTES: usize = 256 * 1024;
/// Bytes that are searched for a mark before they are searched for a member: else, where members are many and marks are
/// none, each search for one would go through all that was read.
const STRETCH_BYTES: usize = 64 * 1024;

/// By what a file is cut.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cuts {
    /// By the sizes that BGZF's members say of themselves (SAM specification, section 4.1).
    Sizes,
    /// By marks between blocks, which haul makes (and pigz -i), and by what looks like the start of a member.
    Marks,
    /// By the empty blocks of flushes instead of marks.
    Syncs,
}

/// A place to cut at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cut {
    /// Bytes before it.
    pub at: usize,
    /// What should stand there.
    pub start: Position,
}

impl Cuts {
    /// The first place to cut `bytes` at, which begin where a piece does. A search in the first `searched` of them found
    /// none.
    pub fn find(self, bytes: &[u8], searched: usize) -> Option<Cut> {
        match self {
            Self::Sizes if sized_member(bytes).is_some() => behind_sized_members(bytes),
            Self::Sizes | Self::Marks => behind_or_member(&MARK, bytes, searched),
            Self::Syncs => behind_or_member(&SYNC, bytes, searched),
        }
    }

    /// What it goes by, for people.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Sizes => "by BGZF's sizes",
            Self::Marks => "by marks and members",
            Self::Syncs => "by flushes and members",
        }
    }
}

/// After `mark`, or before a member that comes first.
fn behind_or_member(mark: &[u8], bytes: &[u8], searched: usize) -> Option<Cut> {
    let mut from = searched;
    loop {
        let end = bytes.len().min(from + STRETCH_BYTES);
        let start = from.saturating_sub(mark.len() - 1);
        let found = memmem::find(bytes.get(start..end)?, mark).map(|at| start + at + mark.len());
        let before = &bytes[..found.unwrap_or(end)];
        let cut = before_member(before, from).or(found.map(|at| Cut { at, start: Position::Body }));
        if cut.is_some() || end == bytes.len() {
            return cut;
        }
        from = end;
    }
}

/// Before the first member at or after `searched`, as far as it can be told from data.
fn before_member(bytes: &[u8], searched: usize) -> Option<Cut> {
    let from = searched.saturating_sub(HEADER_BYTES).max(MEMBERS_BYTES);
    find_member(bytes, from).map(|at| Cut { at, start: Position::Between })
}

/// Whether the header of a member stands in these bytes, as far as it can be told from data.
pub(super) fn has_member(bytes: &[u8]) -> bool {
    find_member(bytes, 0).is_some()
}

fn find_member(bytes: &[u8], mut from: usize) -> Option<usize> {
    loop {
        let at = from + memmem::find(bytes.get(from..)?, &MEMBER)?;
        if is_member(bytes.get(at..at + HEADER_BYTES)?) {
            return Some(at);
        }
        from = at + 1;
    }
}

/// Whether these are the first bytes of a header as compressors write it: no reserved flag, extra flags 0, 2 or 4, and
/// a system that has a number. One of 600,000 places that have the magic by chance passes.
fn is_member(header: &[u8]) -> bool {
    let (flags, extra, system) = (header[3], header[8], header[9]);
    flags & 0xe0 == 0 && matches!(extra, 0 | 2 | 4) && matches!(system, 0..=13 | 255)
}

/// After as many members that say their size as should be taken together; before what does not.
fn behind_sized_members(bytes: &[u8]) -> Option<Cut> {
    let (mut at, mut uncompressed) = (0, 0);
    loop {
        let rest = &bytes[at..];
        let size = match sized_member(rest) {
            Some(size) if size <= rest.len() => size,
            None if at > 0 && rest.len() >= SIZED_HEADER_BYTES => break,
            // More of it is needed, or it is something else.
            _ => return None,
        };
        at += size;
        let length = bytes[at - 4..at].first_chunk().map_or(0, |bytes| u32::from_le_bytes(*bytes));
        uncompressed += length as usize;
        if uncompressed >= SIZED_BYTES || at >= SIZED_COMPRESSED_BYTES {
            break;
        }
    }
    Some(Cut { at, start: Position::Between })
}

/// Bytes of the member at the start of `bytes`, if its header says so.
pub(crate) fn sized_member(bytes: &[u8]) -> Option<usize> {
    let header = bytes.first_chunk::<SIZED_HEADER_BYTES>()?;
    let has_size = header[..3] == MEMBER && header[3] == FEXTRA && header[10..16] == SIZE_FIELD;
    let size = usize::from(u16::from_le_bytes([header[16], header[17]])) + 1;
    (has_size && size >= SIZED_HEADER_BYTES + 2 + 8).then_some(size)
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEADER: [u8; 10] = [0x1f, 0x8b, 8, 0, 1, 2, 3, 4, 0, 3];

    /// However the bytes come in, the same cut is found: the search goes on where it was.
    #[track_caller]
    fn check(cuts: Cuts, bytes: &[u8], expected: Option<Cut>) {
        for step in [7, 1000, bytes.len()] {
            let mut searched = 0;
            let found = loop {
                let seen = (searched + step).min(bytes.len());
                let found = cuts.find(&bytes[..seen], searched);
                if found.is_some() || seen == bytes.len() {
                    break found;
                }
                searched = seen;
            };
            assert_eq!(found, expected, "{cuts:?}, {step} at a time");
        }
    }

    #[test]
    fn marks_members_and_flushes_are_found() {
        let filler = vec![b'.'; 100];
        let marked = [&filler[..], &MARK, &filler].concat();
        check(Cuts::Marks, &marked, Some(Cut { at: 109, start: Position::Body }));
        check(Cuts::Syncs, &marked, Some(Cut { at: 104, start: Position::Body }));
        check(Cuts::Marks, &[&filler[..], &SYNC, &filler].concat(), None);
        // Members that are too small for a piece of their own are passed over; a mark is not, and the first is taken.
        let many = vec![b'.'; MEMBERS_BYTES];
        let members = [&HEADER[..], &filler, &HEADER, &many, &HEADER, &filler, &MARK].concat();
        let second = 2 * HEADER.len() + filler.len() + many.len();
        for cuts in [Cuts::Marks, Cuts::Syncs, Cuts::Sizes] {
            check(cuts, &members, Some(Cut { at: second, start: Position::Between }));
            check(cuts, &members[..second + 5], None);
        }
        let late = [&vec![b'.'; 3 * STRETCH_BYTES - 4][..], &MARK, &HEADER].concat();
        check(Cuts::Marks, &late, Some(Cut { at: late.len() - HEADER.len(), start: Position::Body }));
    }

    #[test]
    fn what_only_begins_like_a_member_is_passed_over() {
        for (index, byte) in [(2, 7), (3, 0x20), (8, 1), (9, 14)] {
            let mut other = HEADER;
            other[index] = byte;
            let filler = vec![b'.'; MEMBERS_BYTES];
            let bytes = [&filler[..], &other, &HEADER, &filler].concat();
            check(Cuts::Marks, &bytes, Some(Cut { at: filler.len() + other.len(), start: Position::Between }));
        }
    }

    fn sized(bytes: usize, length: u32) -> Vec<u8> {
        let mut member = vec![0x1f, 0x8b, 8, 4, 0, 0, 0, 0, 0, 255, 6, 0, b'B', b'C', 2, 0];
        member.extend_from_slice(&(bytes as u16 - 1).to_le_bytes());
        member.resize(bytes - 4, 0xee);
        member.extend_from_slice(&length.to_le_bytes());
        member
    }

    #[test]
    fn members_that_say_their_sizes_are_taken_together() {
        let one = sized(1000, 65_280);
        assert_eq!(sized_member(&one), Some(1000));
        // Nine of them are 512 KiB and more.
        check(Cuts::Sizes, &one.repeat(20), Some(Cut { at: 9_000, start: Position::Between }));
        check(Cuts::Sizes, &one.repeat(8), None);
        let empty = sized(100, 0);
        let pieces = SIZED_COMPRESSED_BYTES.div_ceil(100) * 100;
        check(Cuts::Sizes, &empty.repeat(4_000), Some(Cut { at: pieces, start: Position::Between }));
        check(
            Cuts::Sizes,
            &[&one.repeat(3)[..], &HEADER, &[0; 10]].concat(),
            Some(Cut { at: 3_000, start: Position::Between }),
        );
        assert_eq!(sized_member(&HEADER), None);
        assert_eq!(Cuts::Sizes.find(&HEADER.repeat(3), 0), None);
    }
}
