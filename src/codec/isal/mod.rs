//! Deflate through Intel's ISA-L at its level 1: the fastest compressor there is for this format, by a factor of two.
//!
//! Only its stateless call is used, on whole blocks of known size, and only to compress: it never reads what somebody
//! else made. The same bytes come out wherever it runs, and whatever it did before, since its stream is put where its
//! address does not matter: see [`place`]. Of what it did before it uses nothing: the call clears the hash table and the
//! counts that it reads (`reset_match_history`, `init_new_icf_block`).

mod place;

use isal_sys::igzip_lib::{
    COMP_OK, FULL_FLUSH, ISAL_DEF_LVL1_DEFAULT, NO_FLUSH, STATELESS_OVERFLOW, isal_deflate_stateless,
    isal_deflate_stateless_init, isal_zstream,
};

use crate::sys::PlacedMemory;

use super::{Codec, CodecError, Compressed, Ending};

/// Bytes of a stored block at most, and of what precedes them (RFC 1951, section 3.2.4).
const STORED_BYTES: usize = 65_535;
const STORED_HEADER: usize = 5;

/// Bytes of the token buffer; a multiple of 8.
const TOKEN_BYTES: usize = ISAL_DEF_LVL1_DEFAULT as usize;

/// A compressor, kept by a worker: some 360 KB.
pub struct Isal {
    /// Holds an `isal_zstream`; nothing where there was no memory for one, and then no block can be compressed.
    stream: Option<PlacedMemory>,
    /// Where ISA-L keeps what it found until it has enough for a block of its own; more makes fewer and better ones. It
    /// puts a structure there that begins with pointers, so it is aligned like one.
    tokens: Vec<u64>,
}

// SAFETY: each `compress` sets the stream's pointers again, to what it borrows or this value owns, before ISA-L looks at
// any of them; those that are left behind by the call before are never followed. ISA-L keeps nothing outside the stream
// and the token buffer.
#[allow(unsafe_code, reason = "a stream of ISA-L holds raw pointers")]
unsafe impl Send for Isal {}

impl Default for Isal {
    fn default() -> Self {
        Self { stream: place::place_stream().ok(), tokens: vec![0; TOKEN_BYTES / size_of::<u64>()] }
    }
}

impl Codec for Isal {
    /// What does not shrink is stored (`igzip_lib.h`, `isal_deflate_stateless`).
    fn bound(&mut self, block_bytes: usize) -> usize {
        block_bytes + (block_bytes / STORED_BYTES + 2) * STORED_HEADER
    }

    fn compress(
        &mut self,
        _dictionary: &[u8],
        block: &[u8],
        last: bool,
        out: &mut [u8],
    ) -> Result<Compressed, CodecError> {
        let size = |bytes: &[u8]| u32::try_from(bytes.len()).unwrap_or(u32::MAX);
        if size(block) as usize != block.len() {
            return Err(CodecError::Failed);
        }
        let memory = self.stream.as_ref().ok_or(CodecError::Failed)?;
        // SAFETY: memory for one, page-aligned, which nobody else uses (`&mut self`); it was all zeros, which is a value
        // of a C structure of integers, pointers and arrays of them, and since then ISA-L's.
        #[allow(unsafe_code, reason = "ISA-L's stream lies in memory that it has to itself")]
        let stream = unsafe { &mut *memory.as_ptr().cast::<isal_zstream>() };
        // SAFETY: `stream` is a live stream of the layout that init expects.
        #[allow(unsafe_code, reason = "FFI")]
        unsafe {
            isal_deflate_stateless_init(stream);
        }
        stream.level = 1;
        stream.level_buf = self.tokens.as_mut_ptr().cast();
        stream.level_buf_size = TOKEN_BYTES as u32;
        stream.flush = if last { NO_FLUSH } else { FULL_FLUSH } as u16;
        stream.end_of_stream = u16::from(last);
        // ISA-L only reads through `next_in`; its declaration lacks the `const`.
        stream.next_in = block.as_ptr().cast_mut();
        stream.avail_in = size(block);
        stream.next_out = out.as_mut_ptr();
        stream.avail_out = size(out);
        // SAFETY: the three buffers are live for the call and as long as their fields say, and the token buffer is
        // aligned for the structure that ISA-L keeps in it; it reads `avail_in` bytes and writes at most `avail_out` and
        // `level_buf_size`.
        #[allow(unsafe_code, reason = "FFI")]
        let result = unsafe { isal_deflate_stateless(stream) };
        match result {
            _ if result == COMP_OK as i32 && stream.avail_in == 0 => {
                // A full flush leaves an empty stored block behind what shrank, and nothing behind what did not.
                let ending = if last { Ending::Final } else { Ending::Aligned };
                Ok(Compressed { len: stream.total_out as usize, ending })
            }
            STATELESS_OVERFLOW => Err(CodecError::OutOfRoom),
            _ => Err(CodecError::Failed),
        }
    }
}
