//! By which a compressed file is known again, as an index is tied to one; and why it may be none of this file.

/// Bytes at either end of a file by which it is known again.
pub const END_BYTES: usize = 4096;

/// By which a compressed file is known again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stamp {
    /// Its size.
    pub bytes: u64,
    /// Its last change, seconds since 1970.
    pub seconds: i64,
    /// And nanoseconds.
    pub nanoseconds: u32,
    /// CRC-32 of its first and its last [`END_BYTES`], or of all of it twice if it is shorter.
    pub ends: u32,
}

/// Why an index is of no use.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum IndexError {
    /// It is something else, or of another version of haul.
    #[error("it is no index that this haul knows")]
    Unknown,
    /// The file has another size or another time.
    #[error("it was made of another file, or the file has changed since")]
    Stale,
    /// It is cut, or its bytes are not those that were written.
    #[error("it is damaged")]
    Damaged,
}
