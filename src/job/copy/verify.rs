//! Reading targets back, past the page cache where that can be done, before they get their final names.

use super::Copier;
use super::sides::FileCopy;
use crate::engine::compare::{Compared, compare, let_go_of_cache};
use crate::error::{Error, Result};
use crate::sys::FileKind;

impl Copier {
    /// Compares a target with its source. What cannot be read back, such as a device, is not; says whether it was.
    pub(super) fn verify(&mut self, copy: &FileCopy, bytes: u64) -> Result<bool> {
        if !copy.has_regular_target() {
            self.station.warn(copy.target_path(), "not verified: it is no file that could be read back");
            return Ok(false);
        }
        if !matches!(copy.attributes.kind, FileKind::RegularFile | FileKind::BlockDevice) {
            self.station.warn(copy.target_path(), "not verified: its source can be read only once");
            return Ok(false);
        }
        let [mut one, mut other] = self.buffers(true, copy)?;
        let sys = &mut self.station.sys;
        let (one, other) = (one.as_deref_mut().unwrap_or_default(), other.as_deref_mut().unwrap_or_default());
        let reads_on = !sys.has_true_size(&copy.source, copy.attributes.dev);
        let what = Compared { len: bytes, has_holes: copy.attributes.has_holes(), reads_on };
        let compared = let_go_of_cache(sys, copy.pair()).and_then(|()| compare(sys, copy.pair(), what, one, other));
        match compared.map_err(|error| copy.error(error))? {
            None => Ok(true),
            Some(offset) => {
                let why = format!("what was read back differs from the source, from byte {offset} on");
                Err(Error::refused("verify", copy.target_path(), why))
            }
        }
    }
}
