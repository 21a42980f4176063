//! Any sequence of gzip members → bytes, in steps of any length, one after the other.
//!
//! What a trailer says is told, not checked here: checksums are made where the bytes are, and [`super::check`] puts them
//! together. Behind the last member, zeros are ignored (tapes are padded with them), other bytes are ignored and counted, as GNU
//! gzip does; a single byte, or the magic of a member that does not follow, is taken for a cut file.

use flate2::{Decompress, FlushDecompress, Status};

use super::check::{Damage, Trailer};
use super::member::{Header, HeaderParser};

/// Decompresses a stream of members.
pub struct Gunzip {
    state: State,
    inflate: Decompress,
    first_header: Option<Header>,
}

enum State {
    Header(HeaderParser),
    Body,
    Trailer([u8; Trailer::BYTES], usize),
    /// Behind a member; the first byte of what may be the next one.
    Between(Option<u8>),
    Zeros,
    /// Bytes that are no member, and how many.
    Junk(u64),
    /// Damage, behind what was given out already.
    Damaged(Damage),
}

/// What one step did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Step {
    /// Bytes taken from the input.
    pub consumed: usize,
    /// Bytes put into the output.
    pub produced: usize,
    /// The member's trailer, if it ends with this step.
    pub trailer: Option<Trailer>,
}

/// What was left over at the end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct End {
    /// Bytes behind the last member that are neither zeros nor a member.
    pub ignored_bytes: u64,
}

impl Default for Gunzip {
    fn default() -> Self {
        Self { state: State::Header(HeaderParser::default()), inflate: Decompress::new(false), first_header: None }
    }
}

impl Gunzip {
    /// Begins anew, with the next file.
    pub fn restart(&mut self) {
        self.state = State::Header(HeaderParser::default());
        self.first_header = None;
    }

    /// Goes on behind a whole member.
    pub fn resume_between_members(&mut self) {
        self.state = State::Between(None);
    }

    /// Goes on in a member, where a block begins at a byte. `window` is what came out before, as far back as the block
    /// may reach (32 KiB) or the member does.
    pub fn resume_in_member(&mut self, window: &[u8]) -> Result<(), Damage> {
        self.begin_body();
        if window.is_empty() {
            return Ok(());
        }
        self.inflate.set_dictionary(window).map(|_| ()).map_err(|_| Damage::Deflate)
    }

    /// Whether it stands exactly behind a member, with nothing taken of what follows.
    pub const fn is_between_members(&self) -> bool {
        matches!(self.state, State::Between(None))
    }

    /// Takes some input and makes some output. It has taken all it can when both counts are 0.
    pub fn step(&mut self, input: &[u8], output: &mut [u8]) -> Result<Step, Damage> {
        let only_input = |consumed| Ok(Step { consumed, produced: 0, trailer: None });
        match &mut self.state {
            State::Header(parser) => {
                let consumed = parser.feed(input)?;
                if parser.is_done() {
                    self.first_header.get_or_insert_with(|| parser.header().clone());
                    self.begin_body();
                }
                only_input(consumed)
            }
            State::Body => self.inflate(input, output),
            State::Trailer(bytes, filled) => {
                let consumed = input.len().min(Trailer::BYTES - *filled);
                bytes[*filled..*filled + consumed].copy_from_slice(&input[..consumed]);
                *filled += consumed;
                let trailer = (*filled == Trailer::BYTES).then(|| Trailer::from_bytes(*bytes));
                if trailer.is_some() {
                    self.state = State::Between(None);
                }
                Ok(Step { consumed, produced: 0, trailer })
            }
            State::Between(first) => {
                let Some(byte) = input.first() else { return only_input(0) };
                self.state = match (*first, *byte) {
                    (None, 0) => State::Zeros,
                    (None, byte) => State::Between(Some(byte)),
                    (Some(0x1f), 0x8b) => {
                        let mut parser = HeaderParser::default();
                        parser.feed(&[0x1f, 0x8b])?;
                        State::Header(parser)
                    }
                    (Some(_), _) => State::Junk(2),
                };
                only_input(1)
            }
            State::Zeros => {
                let zeros = input.iter().take_while(|byte| **byte == 0).count();
                if zeros < input.len() {
                    self.state = State::Junk((input.len() - zeros) as u64);
                }
                only_input(input.len())
            }
            State::Junk(count) => {
                *count += input.len() as u64;
                only_input(input.len())
            }
            State::Damaged(damage) => Err(*damage),
        }
    }

    /// Says that there is no more input: whether that is a good place to end.
    pub fn finish(&self) -> Result<End, Damage> {
        match self.state {
            State::Between(None) | State::Zeros => Ok(End { ignored_bytes: 0 }),
            State::Junk(ignored_bytes) => Ok(End { ignored_bytes }),
            State::Header(_) | State::Body | State::Trailer(..) | State::Between(Some(_)) => Err(Damage::Truncated),
            State::Damaged(damage) => Err(damage),
        }
    }

    /// The header of the first member, once it was read.
    pub const fn first_header(&self) -> Option<&Header> {
        self.first_header.as_ref()
    }

    fn begin_body(&mut self) {
        self.inflate.reset(false);
        self.state = State::Body;
    }

    fn inflate(&mut self, input: &[u8], output: &mut [u8]) -> Result<Step, Damage> {
        let (read, written) = (self.inflate.total_in(), self.inflate.total_out());
        let status = self.inflate.decompress(input, output, FlushDecompress::None);
        let consumed = (self.inflate.total_in() - read) as usize;
        let produced = (self.inflate.total_out() - written) as usize;
        match status {
            Ok(Status::StreamEnd) => self.state = State::Trailer([0; Trailer::BYTES], 0),
            Ok(_) => {}
            // What came out before the damage is right, and is given out first.
            Err(_) if produced > 0 => self.state = State::Damaged(Damage::Deflate),
            Err(_) => return Err(Damage::Deflate),
        }
        Ok(Step { consumed, produced, trailer: None })
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;
    use crate::codec::check::{Checker, Segment};
    use crate::codec::member::HeaderError;

    /// All of `bytes`, `input` and `output` bytes at a time.
    fn gunzip(bytes: &[u8], input: usize, output: usize) -> (Vec<u8>, Result<End, Damage>) {
        let (mut gunzip, mut checker) = (Gunzip::default(), Checker::default());
        let (mut out, mut buffer) = (Vec::new(), vec![0; output]);
        for piece in bytes.chunks(input) {
            let mut piece = piece;
            loop {
                match gunzip.step(piece, &mut buffer) {
                    Err(damage) => return (out, Err(damage)),
                    Ok(Step { consumed: 0, produced: 0, .. }) => break,
                    Ok(step) => {
                        piece = &piece[step.consumed..];
                        out.extend_from_slice(&buffer[..step.produced]);
                        if let Err(damage) = checker.add(&Segment::of(&buffer[..step.produced], step.trailer)) {
                            return (out, Err(damage));
                        }
                    }
                }
            }
            assert!(piece.is_empty(), "input was left");
        }
        (out, gunzip.finish())
    }

    fn gzip(data: &[u8]) -> Vec<u8> {
        let mut encoder = flate2::GzBuilder::new().filename("name").write(Vec::new(), flate2::Compression::new(6));
        encoder.write_all(data).unwrap();
        encoder.finish().unwrap()
    }

    const WHOLE: Result<End, Damage> = Ok(End { ignored_bytes: 0 });

    fn text() -> Vec<u8> {
        (0..3_000_u32).flat_map(|number| format!("{number} ").into_bytes()).collect()
    }

    #[test]
    fn pieces_of_any_length_give_the_same() {
        let bytes = [gzip(&text()), gzip(b""), gzip(b"more")].concat();
        let expected = [text(), b"more".to_vec()].concat();
        for (input, output) in [(1, 1), (1, 4096), (7, 3), (4096, 1), (1 << 20, 1 << 20)] {
            assert_eq!(gunzip(&bytes, input, output), (expected.clone(), WHOLE), "{input} {output}");
        }
    }

    #[test]
    fn a_file_cut_anywhere_is_never_whole() {
        let first = gzip(&text()[..2_000]);
        let bytes = [first.clone(), gzip(b"more")].concat();
        for cut in 0..bytes.len() {
            let (out, end) = gunzip(&bytes[..cut], 4096, 4096);
            if cut == first.len() {
                assert_eq!((out, end), (text()[..2_000].to_vec(), WHOLE), "between two members a file may end");
            } else {
                assert_eq!(end, Err(Damage::Truncated), "cut at {cut}");
                assert!([text()[..2_000].to_vec(), b"more".to_vec()].concat().starts_with(&out), "cut at {cut}");
            }
        }
    }

    #[test]
    fn a_flipped_bit_is_never_a_silent_change() {
        let data = text()[..1_500].to_vec();
        let bytes = gzip(&data);
        for bit in 0..bytes.len() * 8 {
            let mut flipped = bytes.clone();
            flipped[bit / 8] ^= 1 << (bit % 8);
            let (out, end) = gunzip(&flipped, 4096, 4096);
            assert!(end.is_err() || out == data, "bit {bit}");
        }
    }

    #[test]
    fn what_follows_the_last_member_is_told_apart() {
        for (tail, end) in [
            (&b""[..], WHOLE),
            (b"\0", WHOLE),
            (&[0; 5000], WHOLE),
            (b"junk", Ok(End { ignored_bytes: 4 })),
            (b"\0\0junk", Ok(End { ignored_bytes: 4 })),
            (b"\x1fjunk", Ok(End { ignored_bytes: 5 })),
            (b"x", Err(Damage::Truncated)),
            (b"\x1f", Err(Damage::Truncated)),
            (b"\x1f\x8b", Err(Damage::Truncated)),
        ] {
            let bytes = [gzip(b"data"), tail.to_vec()].concat();
            for input in [1, 3, 4096] {
                assert_eq!(gunzip(&bytes, input, 64), (b"data".to_vec(), end), "{tail:?}, {input} at a time");
            }
        }
        assert_eq!(gunzip(b"", 1, 1).1, Err(Damage::Truncated));
        assert_eq!(gunzip(b"plain text", 64, 64).1, Err(Damage::Header(HeaderError::NotGzip)));
    }

    #[test]
    fn a_wrong_trailer_is_damage() {
        let good = gzip(b"data");
        for (place, damage) in [(good.len() - 8, Damage::Crc), (good.len() - 1, Damage::Length)] {
            let mut bytes = good.clone();
            bytes[place] ^= 1;
            assert_eq!(gunzip(&bytes, 4096, 4096).1, Err(damage));
        }
    }
}
