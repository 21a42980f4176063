//! Any sequence of gzip members → bytes, in steps of any length, one after the other.
//!
//! What a trailer says is told, not checked here: checksums are made where the bytes are, and [`super::check`] puts them
//! together. After the last member, zeros are padding (tapes have them); other bytes are counted ([`super::trailing`]), or
//! passed through where that was asked for. The magic of a member that does not follow is taken for a cut file; its first
//! byte alone, as any other byte, is not.

use flate2::{Decompress, FlushDecompress, Status};

use super::check::{Damage, Trailer};
use super::member::HeaderParser;
use super::trailing::{Scanner, Trailing};

/// The first byte of every member.
const MAGIC: u8 = 0x1f;
/// The second bytes of what GNU gzip reads: gzip, gzip of old, pack, compress, lzh. None of it passes for plain data.
const READ_BY_GNU: [u8; 5] = [0x8b, 0x9e, 0x1e, 0x9d, 0xa0];

/// Decompresses a stream of members.
pub struct Gunzip {
    state: State,
    inflate: Decompress,
    /// What the header of the member at hand says of its size, if it was read here.
    bgzf_size: Option<u16>,
    /// Plain data after the last member comes out as it is.
    passes: bool,
}

enum State {
    Header(HeaderParser),
    Body,
    Trailer([u8; Trailer::BYTES], usize),
    /// After a member, with nothing taken of what follows.
    Between,
    /// After a member and the first byte of what may be the next one.
    Magic,
    /// Zeros after the last member, and how many.
    Zeros(u64),
    /// Bytes that are not a member.
    Trailing(Scanner),
    /// The same, which come out as they are.
    Passed(Scanner),
    /// Damage, after what was given out already.
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
    /// What its header says of its size, then: see [`HeaderParser::bgzf_size`].
    pub bgzf_size: Option<u16>,
}

/// What was left over at the end.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct End {
    /// Bytes after the last member that are neither padding nor a member; of plain data that was passed through, only
    /// what begins like a damaged member.
    pub trailing: Option<Trailing>,
}

impl Default for Gunzip {
    fn default() -> Self {
        Self::new(false)
    }
}

impl Gunzip {
    /// A reader at the start of a file, which `passes` plain data after the last member through, as GNU gzip does with
    /// `-cdf`: zeros too, and whatever else is not a member.
    pub fn new(passes: bool) -> Self {
        let state = State::Header(HeaderParser::default());
        Self { state, inflate: Decompress::new(false), bgzf_size: None, passes }
    }

    /// Starts again, with the next file.
    pub(crate) fn restart(&mut self) {
        self.state = State::Header(HeaderParser::default());
    }

    /// Goes on after a whole member.
    pub(crate) fn resume_between_members(&mut self) {
        self.state = State::Between;
    }

    /// Goes on in a member, where a block begins at a byte. `window` is what came out before, as far back as the block
    /// may reach (32 KiB) or the member does.
    pub(crate) fn resume_in_member(&mut self, window: &[u8]) -> Result<(), Damage> {
        self.begin_body();
        self.bgzf_size = None;
        if window.is_empty() {
            return Ok(());
        }
        self.inflate.set_dictionary(window).map(|_| ()).map_err(|_| Damage::Deflate)
    }

    /// Whether it stands exactly after a member, with nothing taken of what follows.
    pub(crate) const fn is_between_members(&self) -> bool {
        matches!(self.state, State::Between)
    }

    /// Takes some input and makes some output. It has taken all it can when both counts are 0.
    pub fn step(&mut self, input: &[u8], output: &mut [u8]) -> Result<Step, Damage> {
        let moved = |consumed, produced| Ok(Step { consumed, produced, trailer: None, bgzf_size: None });
        self.leave_member(input);
        match &mut self.state {
            State::Header(parser) => {
                let consumed = parser.feed(input)?;
                if parser.is_done() {
                    self.bgzf_size = parser.bgzf_size();
                    self.begin_body();
                }
                moved(consumed, 0)
            }
            State::Body => self.inflate(input, output),
            State::Trailer(bytes, filled) => {
                let consumed = input.len().min(Trailer::BYTES - *filled);
                bytes[*filled..*filled + consumed].copy_from_slice(&input[..consumed]);
                *filled += consumed;
                let trailer = (*filled == Trailer::BYTES).then(|| Trailer::from_bytes(*bytes));
                if trailer.is_some() {
                    self.state = State::Between;
                }
                let bgzf_size = trailer.and(self.bgzf_size);
                Ok(Step { consumed, produced: 0, trailer, bgzf_size })
            }
            State::Between => {
                // Only a magic is left, or nothing.
                if !input.is_empty() {
                    self.state = State::Magic;
                }
                moved(input.len().min(1), 0)
            }
            State::Magic => self.second_byte(input, output),
            State::Zeros(count) => {
                let zeros = input.iter().take_while(|byte| **byte == 0).count();
                *count += zeros as u64;
                if zeros == input.len() {
                    return moved(zeros, 0);
                }
                let mut scanner = Scanner::default();
                scanner.skip_zeros(*count);
                scanner.feed(&input[zeros..]);
                self.state = State::Trailing(scanner);
                moved(input.len(), 0)
            }
            State::Trailing(scanner) => {
                scanner.feed(input);
                moved(input.len(), 0)
            }
            State::Passed(scanner) => {
                let len = input.len().min(output.len());
                scanner.feed(&input[..len]);
                output[..len].copy_from_slice(&input[..len]);
                moved(len, len)
            }
            State::Damaged(damage) => Err(*damage),
        }
    }

    /// After a member, goes where the next byte leads, unless that may be the first of another member.
    fn leave_member(&mut self, input: &[u8]) {
        if let (State::Between, Some(byte)) = (&self.state, input.first()) {
            match byte {
                &MAGIC => {}
                _ if self.passes => self.state = State::Passed(Scanner::default()),
                0 => self.state = State::Zeros(0),
                _ => self.state = State::Trailing(Scanner::default()),
            }
        }
    }

    /// Takes the byte after what may be the first one of a member.
    fn second_byte(&mut self, input: &[u8], output: &mut [u8]) -> Result<Step, Damage> {
        let moved = |consumed, produced| Ok(Step { consumed, produced, trailer: None, bgzf_size: None });
        let Some(byte) = input.first() else { return moved(0, 0) };
        if *byte == READ_BY_GNU[0] {
            let mut parser = HeaderParser::default();
            parser.feed(&[MAGIC, *byte])?;
            self.state = State::Header(parser);
            return moved(1, 0);
        }
        let mut scanner = Scanner::default();
        scanner.feed(&[MAGIC]);
        if !self.passes || READ_BY_GNU.contains(byte) {
            scanner.feed(&[*byte]);
            self.state = State::Trailing(scanner);
            return moved(1, 0);
        }
        let Some(first) = output.first_mut() else { return moved(0, 0) };
        *first = MAGIC;
        self.state = State::Passed(scanner);
        moved(0, 1)
    }

    /// Says that there is no more input. Gives what was held back of plain data that is passed through; it belongs
    /// after all that came out.
    pub fn rest(&mut self) -> &'static [u8] {
        if self.passes && matches!(self.state, State::Magic) {
            self.state = State::Passed(Scanner::default());
            return &[MAGIC];
        }
        &[]
    }

    /// Says that there is no more input: whether that is a good place to end.
    pub fn finish(&self) -> Result<End, Damage> {
        let trailing = match &self.state {
            State::Between | State::Zeros(_) => None,
            // A member may have begun: that cannot be told.
            State::Magic => Some(Trailing { bytes: 1, has_member: true }),
            State::Trailing(scanner) => Some(scanner.found()),
            State::Passed(scanner) => scanner.begins_like_member().then(|| scanner.found()),
            State::Header(_) | State::Body | State::Trailer(..) => return Err(Damage::Truncated),
            State::Damaged(damage) => return Err(*damage),
        };
        Ok(End { trailing })
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
        Ok(Step { consumed, produced, trailer: None, bgzf_size: None })
    }
}

#[cfg(test)]
mod tests;
