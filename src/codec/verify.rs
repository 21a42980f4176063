//! Whether a compressed block inflates to what it was made of. By zlib-rs, so that a mistake of the compressor is not
//! repeated by its own inflater.

use flate2::{Decompress, FlushDecompress, Status};

use super::CodecError;

/// Bytes inflated at a time: what the first-level cache holds beside the window.
const STEP_BYTES: usize = 16 * 1024;

/// Inflates and compares, one block after the other. Kept by a worker: some 64 KB.
pub struct Verifier {
    inflate: Decompress,
    inflated: Box<[u8; STEP_BYTES]>,
}

impl Default for Verifier {
    fn default() -> Self {
        Self { inflate: Decompress::new(false), inflated: Box::new([0; STEP_BYTES]) }
    }
}

impl Verifier {
    /// An error unless `compressed`, which may refer back to `dictionary`, inflates to `block`, and ends the stream if
    /// this is the `last` block, and only then.
    pub fn check(
        &mut self,
        dictionary: &[u8],
        block: &[u8],
        last: bool,
        mut compressed: &[u8],
    ) -> Result<(), CodecError> {
        self.inflate.reset(false);
        if !dictionary.is_empty() {
            self.inflate.set_dictionary(dictionary).map_err(|_| CodecError::Failed)?;
        }
        let mut expected = block;
        loop {
            let (before_in, before_out) = (self.inflate.total_in(), self.inflate.total_out());
            let status = self.inflate.decompress(compressed, &mut self.inflated[..], FlushDecompress::None);
            let status = status.map_err(|_| CodecError::Unlike)?;
            let read = (self.inflate.total_in() - before_in) as usize;
            let made = (self.inflate.total_out() - before_out) as usize;
            compressed = &compressed[read..];
            expected = expected.strip_prefix(&self.inflated[..made]).ok_or(CodecError::Unlike)?;
            let ended = status == Status::StreamEnd;
            if ended || (read == 0 && made == 0) {
                let complete = compressed.is_empty() && expected.is_empty() && ended == last;
                return if complete { Ok(()) } else { Err(CodecError::Unlike) };
            }
        }
    }
}
