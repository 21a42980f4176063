//! Whether a copy is whole: that a source was read to its end and did not change meanwhile, and `--verify`.
//!
//! A size is not believed where a file system may say what it likes: such a file is read on from there to its end.

use super::Copier;
use super::sides::FileCopy;
use crate::engine::compare::{Compared, compare, let_go_of_cache};
use crate::error::{Error, Result};
use crate::plan::EngineName;
use crate::sys::FileKind;

/// What came of a file's content.
pub(super) struct Whole {
    /// Bytes in the target.
    pub(super) bytes: u64,
    /// What makes it unreliable: the source changed meanwhile, or does not say whether it did.
    pub(super) doubt: Option<Error>,
    /// The source changed: the bytes may be some of what it was and some of what it is.
    pub(super) is_torn: bool,
}

impl Copier {
    /// What was copied must be what the file is, from the first byte to the last. One that changed is read to its end all
    /// the same: to where that was when the change was seen, or a log that grows faster than we read had none. One whose
    /// size cannot be believed is read until there is no more.
    ///
    /// What cannot be looked at any more was read, all the same.
    pub(super) fn check_source(&mut self, copy: &FileCopy, copied: u64) -> Result<Whole> {
        if copy.attributes.kind != FileKind::RegularFile {
            return Ok(Whole { bytes: copied, doubt: None, is_torn: false });
        }
        let before = &copy.attributes;
        let (now, mut doubt) = match self.worker.sys.fstat(&copy.source) {
            Ok(now) => (now, None),
            Err(errno) => (*before, Some(Error::system("examine", copy.source_path(), errno))),
        };
        let is_torn = (now.size, now.mtime) != (before.size, before.mtime);
        let bytes = if copy.is_stream() { copied } else { self.read_on(copy, copied, now.size, is_torn)? };
        if is_torn {
            let then =
                if copy.place.replaces() { "what was there before stays" } else { "the target is what was read" };
            let sizes = format!("{} bytes before, {} after", before.size, now.size);
            let why = format!("it changed while it was copied ({sizes}); {then}");
            doubt = Some(Error::refused("rely on the copy of", copy.source_path(), why));
        }
        Ok(Whole { bytes, doubt, is_torn })
    }

    /// Copies what a source has after the bytes that were copied; cuts the target where it ends. Files of `/sys` say 4096
    /// and hold less: reading tells.
    fn read_on(&mut self, copy: &FileCopy, copied: u64, size: u64, is_torn: bool) -> Result<u64> {
        let is_true = self.worker.sys.has_true_size(&copy.source, copy.attributes.dev);
        if is_true && !is_torn {
            return self.check_end(copy, copied);
        }
        let start = if is_torn { copied.min(size) } else { copied };
        let end = if is_true { size } else { u64::MAX };
        let [mut buffer] = self.buffers(true, copy)?;
        let buffer = buffer.as_deref_mut().unwrap_or_default();
        let sys = &mut self.worker.sys;
        if self.shared.plan.engine == EngineName::Direct {
            // What is left need not begin on a page, as it would have to.
            for file in [&copy.source, &copy.target] {
                let _ = sys.set_direct(file, false);
            }
        }
        let more = copy.copy_by_reading(sys, start..end, buffer).map_err(|error| copy.error(error))?.bytes;
        self.worker.moved(more);
        let end = start + more;
        if is_torn || end < copy.attributes.size {
            let cut = self.worker.sys.ftruncate(&copy.target, end);
            cut.map_err(|errno| Error::system("size", copy.target_path(), errno))?;
        }
        Ok(end)
    }

    /// The end of a file that says the truth: a copy that is too short has failed, unless a read tells otherwise.
    fn check_end(&mut self, copy: &FileCopy, copied: u64) -> Result<u64> {
        let size = copy.attributes.size;
        if copied < size {
            let more = self.worker.sys.pread(&copy.source, &mut [0], copied);
            if more.map_err(|errno| Error::system("read", copy.source_path(), errno))? > 0 {
                let why = format!("only {copied} of its {size} bytes were copied");
                return Err(Error::refused("copy", copy.source_path(), why));
            }
        }
        Ok(copied)
    }

    /// Whether what an earlier copy made ends where its source does, which size and time tell only where they are true.
    pub(super) fn ends_like_its_source(&mut self, copy: &FileCopy, existing: u64) -> Result<bool> {
        let sys = &mut self.worker.sys;
        if sys.has_true_size(&copy.source, copy.attributes.dev) {
            return Ok(true);
        }
        let mut has = |offset| sys.pread(&copy.source, &mut [0], offset).map(|count| count > 0);
        let ends = has(existing).and_then(|more| Ok(!more && (existing == 0 || has(existing - 1)?)));
        ends.map_err(|errno| Error::system("read", copy.source_path(), errno))
    }
}

impl Copier {
    /// Compares a target with its source. What cannot be read back, such as a device, is not; says whether it was.
    pub(super) fn verify(&mut self, copy: &FileCopy, bytes: u64) -> Result<bool> {
        if !copy.has_regular_target() {
            self.worker.warn(copy.target_path(), "not verified: it is not a file that could be read back");
            return Ok(false);
        }
        if !matches!(copy.attributes.kind, FileKind::RegularFile | FileKind::BlockDevice) {
            self.worker.warn(copy.target_path(), "not verified: its source can be read only once");
            return Ok(false);
        }
        let [mut one, mut other] = self.buffers(true, copy)?;
        let sys = &mut self.worker.sys;
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
