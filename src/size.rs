//! Sizes as people type them: one buffer size, a list, a range.
//!
//! `64K`, `64KiB` and `64k` are binary, as in `dd` and `fio`; `64kB` and `64KB` are decimal, as in GNU's `dd`. This
//! module reads sizes, which `bytesize` does not do well: it takes `64K` for 64,000.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// The smallest buffer: one byte moves at a time. Slow, and sometimes just what somebody wants to see.
pub(crate) const SMALLEST: u64 = 1;
/// The largest buffer, 1 GiB: past it Linux moves at most `0x7fff_f000` bytes a call anyway (read(2), NOTES).
pub const LARGEST: u64 = 1 << 30;
/// Bytes of a page, by which direct I/O goes. Linux's page on the machines we know.
pub(crate) const PAGE: usize = 4096;

/// The most bytes that one read or one write moves: 1 byte to 1 GiB.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "u64", into = "u64")]
pub struct BufferSize(u64);

/// Why a size was refused, in words for the person who typed it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SizeError {
    /// Not a whole number with a known unit.
    #[error("'{0}' is not a size: write a whole number and a unit, such as 512B, 64K, 1M or 64kB")]
    Malformed(String),
    /// Zero, or more than [`LARGEST`].
    #[error("'{0}' is out of range: a buffer has 1 byte to 1 GiB")]
    OutOfRange(String),
    /// `A..B` with B below A.
    #[error("'{0}' is an empty range: the smaller size comes first")]
    EmptyRange(String),
}

impl BufferSize {
    /// A buffer of `bytes` bytes, or why not.
    pub fn new(bytes: u64) -> Result<Self, SizeError> {
        if (SMALLEST..=LARGEST).contains(&bytes) {
            Ok(Self(bytes))
        } else {
            Err(SizeError::OutOfRange(bytes.to_string()))
        }
    }

    /// The size in bytes.
    pub const fn bytes(self) -> usize {
        self.0 as usize
    }

    /// Whether it is a number of whole pages.
    pub const fn is_whole_pages(self) -> bool {
        self.bytes().is_multiple_of(PAGE)
    }

    /// A size known to be good when the program is built.
    ///
    /// # Panics
    /// In a constant, at compile time, if `kib` is 0 or over 1 GiB.
    pub const fn from_kib(kib: u64) -> Self {
        assert!(kib > 0 && kib <= LARGEST / 1024);
        Self(kib * 1024)
    }
}

impl TryFrom<u64> for BufferSize {
    type Error = SizeError;

    fn try_from(bytes: u64) -> Result<Self, SizeError> {
        Self::new(bytes)
    }
}

impl From<BufferSize> for u64 {
    fn from(size: BufferSize) -> Self {
        size.0
    }
}

impl FromStr for BufferSize {
    type Err = SizeError;

    fn from_str(text: &str) -> Result<Self, SizeError> {
        let bytes = parse_bytes(text)?;
        Self::new(bytes).map_err(|_| SizeError::OutOfRange(text.to_owned()))
    }
}

impl fmt::Display for BufferSize {
    /// Shortest exact form: `512B`, `64K`, `1M`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = [("G", 1 << 30), ("M", 1 << 20), ("K", 1 << 10)]
            .iter()
            .find(|(_, unit)| self.0.is_multiple_of(*unit))
            .map_or_else(|| format!("{}B", self.0), |(name, unit)| format!("{}{name}", self.0 / unit));
        f.pad(&text)
    }
}

/// A number of bytes for people, in binary units, rounded: "1.5 GiB".
pub fn binary(bytes: u64) -> String {
    bytesize::ByteSize::b(bytes).display().iec().to_string()
}

/// Reads a number of bytes: digits, then nothing, `B`, a binary unit (`K`, `Ki`, `KiB`) or a decimal one (`kB`).
pub fn parse_bytes(text: &str) -> Result<u64, SizeError> {
    let malformed = || SizeError::Malformed(text.to_owned());
    let trimmed = text.trim();
    let digits = trimmed.len() - trimmed.trim_start_matches(|c: char| c.is_ascii_digit()).len();
    let number: u64 = match trimmed[..digits].parse() {
        Ok(number) => number,
        Err(_) if digits > 0 => return Err(SizeError::OutOfRange(text.to_owned())),
        Err(_) => return Err(malformed()),
    };
    let unit = trimmed[digits..].trim_start().to_ascii_lowercase();
    let factor: u64 = match unit.as_str() {
        "" | "b" => 1,
        "k" | "ki" | "kib" => 1 << 10,
        "m" | "mi" | "mib" => 1 << 20,
        "g" | "gi" | "gib" => 1 << 30,
        "t" | "ti" | "tib" => 1 << 40,
        "kb" => 1_000,
        "mb" => 1_000_000,
        "gb" => 1_000_000_000,
        "tb" => 1_000_000_000_000,
        _ => return Err(malformed()),
    };
    number.checked_mul(factor).ok_or_else(|| SizeError::OutOfRange(text.to_owned()))
}

/// Reads one item of a list of buffer sizes: a size, or `A..B`, which stands for A and its doublings up to B.
pub fn parse_range(text: &str) -> Result<Vec<BufferSize>, SizeError> {
    let Some((from, to)) = text.split_once("..") else { return Ok(vec![text.parse()?]) };
    let (from, to): (BufferSize, BufferSize) = (from.parse()?, to.trim_start_matches('=').parse()?);
    if from > to {
        return Err(SizeError::EmptyRange(text.to_owned()));
    }
    Ok(std::iter::successors(Some(from), |size| Some(BufferSize(size.0 * 2))).take_while(|size| *size <= to).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_mean_what_people_expect() {
        for (text, bytes) in [
            ("1", 1),
            ("512", 512),
            ("512B", 512),
            ("512b", 512),
            ("1K", 1024),
            ("64k", 65536),
            ("64Ki", 65536),
            ("64KiB", 65536),
            ("64kB", 64_000),
            ("64KB", 64_000),
            ("1M", 1 << 20),
            ("1MiB", 1 << 20),
            ("1MB", 1_000_000),
            ("1G", 1 << 30),
            (" 4K ", 4096),
            ("4 K", 4096),
        ] {
            assert_eq!(text.parse::<BufferSize>().map(BufferSize::bytes), Ok(bytes), "{text:?}");
        }
    }

    #[test]
    fn bytes_are_told_in_binary_units() {
        for (bytes, text) in
            [(0, "0 B"), (1023, "1023 B"), (1536, "1.5 KiB"), (64 << 20, "64.0 MiB"), (3 << 40, "3.0 TiB")]
        {
            assert_eq!(binary(bytes), text);
        }
    }

    #[test]
    fn what_is_no_size_is_refused() {
        for text in ["", "K", "-1", "+1", "1.5K", "10X", "0x10", "64KKB", "1 2", "K64", "٣"] {
            assert!(matches!(text.parse::<BufferSize>(), Err(SizeError::Malformed(_))), "{text:?}");
        }
        for text in ["0", "0K", "2G", "1073741825", "1T", "99999999999999999999", "99999999999G"] {
            assert!(matches!(text.parse::<BufferSize>(), Err(SizeError::OutOfRange(_))), "{text:?}");
        }
    }

    #[test]
    fn ranges_double() {
        let sizes =
            |text| parse_range(text).map(|list| list.iter().map(ToString::to_string).collect::<Vec<_>>().join(" "));
        assert_eq!(sizes("512B..4K").unwrap(), "512B 1K 2K 4K");
        assert_eq!(sizes("3K..20K").unwrap(), "3K 6K 12K");
        assert_eq!(sizes("4K..4K").unwrap(), "4K");
        assert_eq!(sizes("64kB").unwrap(), "64000B");
        assert!(matches!(parse_range("8K..4K"), Err(SizeError::EmptyRange(_))));
        assert!(matches!(parse_range("4K.."), Err(SizeError::Malformed(_))));
        assert!(matches!(parse_range("..4K"), Err(SizeError::Malformed(_))));
    }

    proptest::proptest! {
        #[test]
        fn a_printed_size_reads_back(bytes in SMALLEST..=LARGEST) {
            let size = BufferSize::new(bytes).unwrap();
            proptest::prop_assert_eq!(size.to_string().parse::<BufferSize>(), Ok(size));
        }

        #[test]
        fn no_text_panics(text in ".*") {
            let _ = parse_range(&text);
        }
    }
}
