//! Whether what came out of a file's members is what went in: CRC-32 and length of each (RFC 1952, section 2.3.1).
//!
//! The checksums are made wherever the bytes are, on any core; here they are put together in their order.

use crc32fast::Hasher;

use super::member::HeaderError;

/// What the block says of its size that BGZF's files end with: it has 28 bytes, and nothing in it (SAM specification,
/// section 4.1.2).
const BGZF_END_SIZE: u16 = 27;

/// Damage, as told to people.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Damage {
    /// We cannot read the header.
    #[error("{0}")]
    Header(#[from] HeaderError),
    /// The deflate stream breaks its own rules.
    #[error("the compressed data is damaged")]
    Deflate,
    /// What came out is not what went in.
    #[error("the data is damaged: its CRC does not match")]
    Crc,
    /// What came out has another length.
    #[error("the data is damaged: its length does not match")]
    Length,
    /// The file ends inside a member.
    #[error("unexpected end of file")]
    Truncated,
}

/// What the trailer of a member says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Trailer {
    /// CRC-32 of the uncompressed bytes.
    pub crc: u32,
    /// How many they are, modulo 2^32.
    pub length: u32,
}

impl Trailer {
    /// Bytes of a trailer.
    pub const BYTES: usize = 8;

    /// What these bytes say.
    pub fn from_bytes(bytes: [u8; Self::BYTES]) -> Self {
        let both = u64::from_le_bytes(bytes);
        Self { crc: both as u32, length: (both >> 32) as u32 }
    }

    /// As it stands in a file.
    pub fn to_bytes(self) -> [u8; Self::BYTES] {
        (u64::from(self.length) << 32 | u64::from(self.crc)).to_le_bytes()
    }
}

/// Consecutive uncompressed bytes of one member.
#[derive(Debug, Clone)]
pub struct Segment {
    /// How many.
    pub bytes: usize,
    /// Their checksum.
    pub crc: Hasher,
    /// What follows them, if the member ends here.
    pub trailer: Option<Trailer>,
    /// What the member's header says of its size, if it began here: see [`super::member::HeaderParser::bgzf_size`].
    pub bgzf_size: Option<u16>,
}

impl Segment {
    /// A segment of these bytes, of which the checksum is made here.
    pub fn of(bytes: &[u8], trailer: Option<Trailer>) -> Self {
        let mut crc = Hasher::new();
        crc.update(bytes);
        Self { bytes: bytes.len(), crc, trailer, bgzf_size: None }
    }
}

/// Checks the members of one file, from its first byte on.
#[derive(Debug, Clone, Default)]
pub(crate) struct Checker {
    crc: Hasher,
    member_bytes: u64,
    members: u64,
    last_crc: u32,
    /// What the header of the member that goes on says of its size.
    bgzf_size: Option<u16>,
    lacks_end_block: bool,
}

impl Checker {
    /// Takes the next segment; an error if it ends a member that is not what its trailer says.
    pub(crate) fn add(&mut self, segment: &Segment) -> Result<(), Damage> {
        // Putting two checksums together costs more than making that of a few bytes.
        if self.member_bytes == 0 {
            self.crc = segment.crc.clone();
        } else if segment.bytes > 0 {
            self.crc.combine(&segment.crc);
        }
        self.member_bytes += segment.bytes as u64;
        self.bgzf_size = self.bgzf_size.or(segment.bgzf_size);
        segment.trailer.map_or(Ok(()), |trailer| self.end(trailer, None))
    }

    /// Takes the next bytes of a member, of which the checksum is made here.
    pub(crate) fn update(&mut self, bytes: &[u8]) {
        self.crc.update(bytes);
        self.member_bytes += bytes.len() as u64;
    }

    /// Ends a member; an error if it is not what its trailer says. `bgzf_size` is what its header says of its size, if
    /// that is not known yet.
    pub(crate) fn end(&mut self, trailer: Trailer, bgzf_size: Option<u16>) -> Result<(), Damage> {
        let bgzf_size = self.bgzf_size.take().or(bgzf_size);
        let crc = std::mem::take(&mut self.crc).finalize();
        let length = std::mem::take(&mut self.member_bytes);
        if crc != trailer.crc {
            return Err(Damage::Crc);
        }
        // Modulo 2^32.
        if length as u32 != trailer.length {
            return Err(Damage::Length);
        }
        self.members += 1;
        self.lacks_end_block = bgzf_size.is_some_and(|size| length > 0 || size != BGZF_END_SIZE);
        self.last_crc = crc;
        Ok(())
    }

    /// Members that were whole.
    pub(crate) const fn members(&self) -> u64 {
        self.members
    }

    /// Whether the last of them is one of BGZF's and not the block that its files end with: then something may be missing.
    pub(crate) const fn lacks_end_block(&self) -> bool {
        self.lacks_end_block
    }

    /// CRC-32 of the last of them.
    pub(crate) const fn last_crc(&self) -> u32 {
        self.last_crc
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_member_is_whole_however_it_is_cut() {
        let data = b"some bytes of a member";
        let crc = crc32fast::hash(data);
        for cut in 0..=data.len() {
            for (trailer, expected) in [
                (Trailer { crc, length: 22 }, Ok(())),
                (Trailer { crc: crc ^ 1, length: 22 }, Err(Damage::Crc)),
                (Trailer { crc, length: 23 }, Err(Damage::Length)),
            ] {
                let mut checker = Checker::default();
                // Nothing of a member before it must stay.
                checker.add(&Segment::of(b"x", Some(Trailer { crc: crc32fast::hash(b"x"), length: 1 }))).unwrap();
                checker.add(&Segment::of(&data[..cut], None)).unwrap();
                assert_eq!(checker.add(&Segment::of(&data[cut..], Some(trailer))), expected, "cut at {cut}");
                assert_eq!(checker.members(), 1 + u64::from(expected.is_ok()));
            }
        }
    }

    #[test]
    fn a_file_of_bgzf_ends_with_its_end_block() {
        let segment = |bytes: &[u8], bgzf_size| {
            let trailer = Trailer { crc: crc32fast::hash(bytes), length: bytes.len() as u32 };
            Segment { bgzf_size, ..Segment::of(bytes, Some(trailer)) }
        };
        let (data, end) = (segment(b"data", Some(40)), segment(b"", Some(27)));
        for (what, members, lacks) in [
            ("nothing", vec![], false),
            ("plain", vec![segment(b"data", None)], false),
            ("with its end", vec![data.clone(), end.clone()], false),
            ("without", vec![data.clone()], true),
            ("with the end in the middle", vec![end.clone(), data.clone()], true),
            ("empty in more bytes", vec![data.clone(), segment(b"", Some(30))], true),
            ("data in 28 bytes", vec![segment(b"x", Some(27))], true),
            ("followed by a plain member", vec![data, segment(b"data", None)], false),
        ] {
            let mut checker = Checker::default();
            for member in &members {
                checker.add(member).unwrap();
            }
            assert_eq!(checker.lacks_end_block(), lacks, "{what}");
        }
    }
}
