//! Deflate through libdeflate: whole blocks, no dictionary. At every level the best ratio for its time that we know of,
//! and the fastest inflater of what is in memory as a whole.

use std::ffi::c_void;
use std::ptr::NonNull;

use libdeflate_sys::{
    libdeflate_alloc_compressor, libdeflate_alloc_decompressor, libdeflate_compressor, libdeflate_decompressor,
    libdeflate_deflate_compress, libdeflate_deflate_compress_bound, libdeflate_deflate_decompress_ex,
    libdeflate_free_compressor, libdeflate_free_decompressor,
    libdeflate_result_LIBDEFLATE_INSUFFICIENT_SPACE as OUT_OF_ROOM, libdeflate_result_LIBDEFLATE_SUCCESS as SUCCESS,
};

use super::{Codec, CodecError, Compressed, Ending};

/// A compressor at one level, kept by a worker: up to 0.7 MB, from level 10 on 9 MB. libdeflater's own panics where there
/// is no memory for it.
pub struct Libdeflate(NonNull<libdeflate_compressor>);

// SAFETY: a compressor is memory of its own that nothing else points to; it keeps no pointer to the calls' buffers.
#[allow(unsafe_code, reason = "a compressor is behind a raw pointer")]
unsafe impl Send for Libdeflate {}

impl Libdeflate {
    /// libdeflate's own levels, 0 to 12. An error where there is no memory for it.
    ///
    /// # Panics
    /// At any other level.
    pub fn new(level: u32) -> Result<Self, CodecError> {
        let level = i32::try_from(level).ok().filter(|level| *level <= 12).expect("libdeflate has levels 0 to 12");
        // SAFETY: the level is one that there is; null means that there is no memory.
        #[allow(unsafe_code, reason = "FFI")]
        let compressor = unsafe { libdeflate_alloc_compressor(level) };
        NonNull::new(compressor).map(Self).ok_or(CodecError::NoMemory)
    }
}

impl Drop for Libdeflate {
    fn drop(&mut self) {
        // SAFETY: it was allocated by libdeflate, and is freed once.
        #[allow(unsafe_code, reason = "FFI")]
        unsafe {
            libdeflate_free_compressor(self.0.as_ptr());
        }
    }
}

impl Codec for Libdeflate {
    fn bound(&mut self, block_bytes: usize) -> usize {
        // SAFETY: the compressor is live, and the call only computes.
        #[allow(unsafe_code, reason = "FFI")]
        unsafe {
            libdeflate_deflate_compress_bound(self.0.as_ptr(), block_bytes)
        }
    }

    fn compress(
        &mut self,
        _dictionary: &[u8],
        block: &[u8],
        _last: bool,
        out: &mut [u8],
    ) -> Result<Compressed, CodecError> {
        // SAFETY: the compressor is live and nobody else uses it (`&mut self`); the buffers are live for the call and as
        // long as it is told.
        #[allow(unsafe_code, reason = "FFI")]
        let len = unsafe {
            libdeflate_deflate_compress(
                self.0.as_ptr(),
                block.as_ptr().cast::<c_void>(),
                block.len(),
                out.as_mut_ptr().cast::<c_void>(),
                out.len(),
            )
        };
        // Every stream has a byte: 0 says that there is no room for it.
        if len == 0 { Err(CodecError::OutOfRoom) } else { Ok(Compressed { len, ending: Ending::Final }) }
    }
}

/// Inflates streams that are in memory as a whole, kept by a worker: some 12 KB. libdeflater's own does not tell where in
/// its input a stream ends, which is where the trailer of a member stands.
pub struct Inflater(NonNull<libdeflate_decompressor>);

/// How far a whole stream went.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Inflated {
    /// Bytes of the stream, the last one included, which may have bits of it only.
    pub read: usize,
    /// Bytes that came out.
    pub written: usize,
}

/// Why a stream was not inflated. What is in the output then means nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NotInflated {
    /// More would come out than there is room for.
    OutOfRoom,
    /// It breaks the rules of deflate, refers to what is before it, or goes on after the input.
    NoStream,
}

// SAFETY: a decompressor is memory of its own that nothing else points to; it keeps no pointer to the calls' buffers.
#[allow(unsafe_code, reason = "a decompressor is behind a raw pointer")]
unsafe impl Send for Inflater {}

impl Inflater {
    /// An error where there is no memory for it.
    pub fn new() -> Result<Self, CodecError> {
        // SAFETY: it has no conditions; null means that there is no memory.
        #[allow(unsafe_code, reason = "FFI")]
        let decompressor = unsafe { libdeflate_alloc_decompressor() };
        NonNull::new(decompressor).map(Self).ok_or(CodecError::NoMemory)
    }
}

impl Drop for Inflater {
    fn drop(&mut self) {
        // SAFETY: it was allocated by libdeflate, and is freed once.
        #[allow(unsafe_code, reason = "FFI")]
        unsafe {
            libdeflate_free_decompressor(self.0.as_ptr());
        }
    }
}

impl Inflater {
    /// Inflates the deflate stream at the start of `input` to the start of `out`. Its last block is the one that says
    /// so; what follows it is not looked at.
    pub fn inflate(&mut self, input: &[u8], out: &mut [u8]) -> Result<Inflated, NotInflated> {
        let (mut read, mut written) = (0, 0);
        // SAFETY: the decompressor is live and nobody else uses it (`&mut self`); the buffers are live for the call and
        // as long as it is told; both counts are ours.
        #[allow(unsafe_code, reason = "FFI")]
        let result = unsafe {
            libdeflate_deflate_decompress_ex(
                self.0.as_ptr(),
                input.as_ptr().cast::<c_void>(),
                input.len(),
                out.as_mut_ptr().cast::<c_void>(),
                out.len(),
                &raw mut read,
                &raw mut written,
            )
        };
        match result {
            SUCCESS => Ok(Inflated { read, written }),
            OUT_OF_ROOM => Err(NotInflated::OutOfRoom),
            _ => Err(NotInflated::NoStream),
        }
    }
}
