//! Levels: which codec serves each, in blocks of what size.
//!
//! Measured on one core of an AMD EPYC, in memory: ratio and speed over eight Silesia files (90 MB) and over a tar of
//! Linux sources (180 MB); bytes beside pigz's at the same level, of the eight files, of the tar, and of the file where
//! it is worst; and what joining adds to the codec's time. `cargo bench --bench codec` measures again.
//!
//! | level | codec | block | Silesia | Linux | beside pigz: Silesia | Linux | worst file | joining |
//! |---|---|---|---|---|---|---|---|---|
//! | 0 | libdeflate 0 | 1 MiB | 1.00, 12218 MB/s | 1.00, 7595 MB/s |  |  |  | 0.3 %, 0.2 % |
//! | 1 | isal | 1 MiB | 3.00, 525 MB/s | 3.91, 617 MB/s | +1.1 % | −2.0 % | x-ray +8.6 % | 0.0 %, 0.0 % |
//! | 1 | libdeflate 1 | 1 MiB | 3.19, 251 MB/s | 4.19, 286 MB/s | −4.6 % | −8.7 % | x-ray +4.4 % | 16.5 %, 12.8 % |
//! | 2 | libdeflate 2 | 1 MiB | 3.29, 150 MB/s | 4.32, 211 MB/s | −4.6 % | −7.3 % | x-ray +1.0 % | 9.7 %, 10.6 % |
//! | 3 | libdeflate 3 | 1 MiB | 3.33, 173 MB/s | 4.41, 176 MB/s | −2.6 % | −6.2 % | x-ray +1.6 % | 8.2 %, 9.1 % |
//! | 4 | libdeflate 4 | 1 MiB | 3.37, 155 MB/s | 4.48, 167 MB/s | −2.2 % | −1.3 % | osdb −0.2 % | 7.3 %, 8.1 % |
//! | 5 | libdeflate 5 | 1 MiB | 3.44, 128 MB/s | 4.60, 138 MB/s | −1.3 % | 0.0 % | reymont −0.4 % | 6.0 %, 6.8 % |
//! | 6 | libdeflate 6 | 1 MiB | 3.48, 101 MB/s | 4.66, 110 MB/s | −0.7 % | +0.3 % | reymont +1.0 % | 4.7 %, 5.7 % |
//! | 7 | libdeflate 7 | 2 MiB | 3.51, 77 MB/s | 4.70, 86 MB/s | −1.0 % | 0.0 % | osdb −0.2 % | 3.3 %, 4.0 % |
//! | 8 | libdeflate 8 | 2 MiB | 3.53, 48 MB/s | 4.73, 56 MB/s | −1.0 % | −0.2 % | osdb −0.3 % | 2.1 %, 2.6 % |
//! | 9 | libdeflate 8 | 2 MiB | 3.53, 48 MB/s | 4.73, 56 MB/s | −0.9 % | −0.1 % | osdb −0.3 % | 2.1 %, 2.6 % |
//! | 10 | libdeflate 10 | 2 MiB | 3.67, 11 MB/s | 4.89, 12 MB/s |  |  |  | 0.4 %, 0.7 % |
//! | 11 | libdeflate 11 | 2 MiB | 3.67, 7 MB/s | 4.90, 7 MB/s |  |  |  | 0.3 %, 0.4 % |
//! | 12 | libdeflate 12 | 2 MiB | 3.68, 5 MB/s | 4.91, 5 MB/s |  |  |  | 0.2 %, 0.3 % |
//!
//! (Level 1 is ISA-L where that is built in, else libdeflate.)

use serde::{Deserialize, Serialize};

use super::libdeflate::Libdeflate;
use super::zlib::Zlib;
use super::{Codec, CodecError};
use crate::plan::{Clash, CodecName};
use crate::size::BufferSize;

pub use crate::plan::{DEFAULT_LEVEL as DEFAULT, HIGHEST_LEVEL as HIGHEST};

/// One row a level: libdeflate's level that serves it, and MiB of a block. Independent blocks cost ratio, the more the
/// smaller they are: 1 MiB keeps each level below pigz's bytes up to 6, where more is saved by looking harder; above
/// that it takes 2.
const LEVELS: [(u32, usize); HIGHEST as usize + 1] = [
    (0, 1),
    (1, 1),
    (2, 1),
    (3, 1),
    (4, 1),
    (5, 1),
    (6, 1),
    (7, 2),
    (8, 2),
    // libdeflate's own 9 takes a third longer than its 8 for 0.2 % fewer bytes; 10 is where it becomes worth it.
    (8, 2),
    (10, 2),
    (11, 2),
    (12, 2),
];

/// Below this block size zlib with its dictionary makes less of level 3 to 9 than libdeflate without: 3 % at 128 KiB,
/// 10 % at 32 KiB. From there on the two differ by less than 1 %, and libdeflate is faster.
const DICTIONARY_PAYS_BELOW: usize = 256 * 1024;

/// A codec at one of its own levels, and the block it gets at a time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Choice {
    /// Never [`CodecName::Auto`].
    pub name: CodecName,
    /// The codec's own level.
    pub codec_level: u32,
    /// Bytes of a block.
    pub block_bytes: usize,
}

impl Choice {
    /// What serves `level`, 0 to [`HIGHEST`], in blocks of `block` if that is given, and by `codec` unless that is
    /// [`CodecName::Auto`].
    pub fn new(codec: CodecName, level: u32, block: Option<BufferSize>) -> Result<Self, Clash> {
        let row = LEVELS.get(level as usize);
        let (own_level, mebibytes) = row.copied().ok_or(Clash::Level { codec, level })?;
        let block_bytes = block.map_or(mebibytes << 20, BufferSize::bytes);
        let codec = match codec {
            CodecName::Auto => automatic(level, block_bytes),
            named => named,
        };
        codec.check(level)?;
        let codec_level = if codec == CodecName::Libdeflate { own_level } else { level };
        Ok(Self { name: codec, codec_level, block_bytes })
    }

    /// The codec that was chosen; an error where there is no memory for it.
    pub fn codec(&self) -> Result<Box<dyn Codec>, CodecError> {
        Ok(match self.name {
            CodecName::Zlib => Box::new(Zlib::new(self.codec_level)),
            #[cfg(feature = "isal")]
            CodecName::Isal => Box::<super::isal::Isal>::default(),
            _ => Box::new(Libdeflate::new(self.codec_level)?),
        })
    }

    /// Bytes that the codec takes, as measured: more than any of them below libdeflate's level 10, and its 9 MB from
    /// there on.
    pub(crate) const fn codec_bytes(&self) -> usize {
        match self.name {
            CodecName::Libdeflate if self.codec_level >= 10 => 9 << 20,
            _ => 1 << 20,
        }
    }
}

/// The best codec of this build.
fn automatic(level: u32, block_bytes: usize) -> CodecName {
    match level {
        1 if cfg!(feature = "isal") => CodecName::Isal,
        3..=9 if block_bytes < DICTIONARY_PAYS_BELOW => CodecName::Zlib,
        _ => CodecName::Libdeflate,
    }
}

/// The codecs of this build and their levels, for people: "isal 1, libdeflate 0-12, zlib 1-9".
pub fn built_in() -> String {
    let built = CodecName::ALL.into_iter().filter(|codec| *codec != CodecName::Isal || cfg!(feature = "isal"));
    let named = built.map(|codec| match codec.levels().into_inner() {
        (first, last) if first == last => format!("{} {first}", codec.name()),
        (first, last) => format!("{} {first}-{last}", codec.name()),
    });
    named.collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn choose(codec: CodecName, level: u32, block: &str) -> Result<(CodecName, u32, usize), Clash> {
        let block = (!block.is_empty()).then(|| block.parse().unwrap());
        Choice::new(codec, level, block).map(|choice| (choice.name, choice.codec_level, choice.block_bytes))
    }

    #[test]
    fn each_level_has_its_codec() {
        use CodecName::{Auto, Isal, Libdeflate, Zlib};
        let fastest = if cfg!(feature = "isal") { Isal } else { Libdeflate };
        for (codec, level, block, expected) in [
            (Auto, 0, "", (Libdeflate, 0, 1 << 20)),
            (Auto, 1, "", (fastest, 1, 1 << 20)),
            (Auto, 6, "", (Libdeflate, 6, 1 << 20)),
            (Auto, 9, "", (Libdeflate, 8, 2 << 20)),
            (Auto, 12, "", (Libdeflate, 12, 2 << 20)),
            (Auto, 6, "128K", (Zlib, 6, 128 << 10)),
            (Auto, 9, "64K", (Zlib, 9, 64 << 10)),
            (Auto, 2, "128K", (Libdeflate, 2, 128 << 10)),
            (Auto, 6, "256K", (Libdeflate, 6, 256 << 10)),
            (Libdeflate, 6, "128K", (Libdeflate, 6, 128 << 10)),
            (Zlib, 6, "", (Zlib, 6, 1 << 20)),
        ] {
            assert_eq!(choose(codec, level, block), Ok(expected), "{codec:?} {level} {block}");
        }
        for (codec, level) in [(Auto, 13), (Zlib, 0), (Zlib, 10), (Isal, 2), (Isal, 0)] {
            assert!(choose(codec, level, "").is_err(), "{codec:?} {level}");
        }
    }
}
