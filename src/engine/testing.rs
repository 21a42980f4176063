//! What the tests of the engines share: two files, a [`Sys`] with and without a fault plan, and many errnos.

use std::fs::File;
use std::ops::Range;
use std::os::fd::OwnedFd;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustix::io::Errno;

use super::Pair;
use crate::sys::faults::{Fault, FaultPlan};
use crate::sys::{AlignedBuffer, Stop, Sys};

/// Errnos that tell of trouble, whatever call they come from.
pub(super) const TROUBLE: [Errno; 5] = [Errno::IO, Errno::NOMEM, Errno::NOSPC, Errno::DQUOT, Errno::ROFS];

/// A source with content and an empty target, in no directory.
pub(super) struct Files {
    source: OwnedFd,
    target: OwnedFd,
}

impl Files {
    /// `len` bytes none of which is zero.
    pub(super) fn noise(len: usize) -> Self {
        Self::with(&std::env::temp_dir(), &noise(len))
    }

    pub(super) fn with(directory: &Path, content: &[u8]) -> Self {
        let files = Self { source: empty(directory).into(), target: empty(directory).into() };
        rewrite(&files.source, content);
        files
    }

    /// A source of this length with data in these directories only, and a target of its length.
    pub(super) fn sparse(directory: &Path, len: u64, data: impl IntoIterator<Item = Range<u64>>) -> Self {
        let (source, target) = (empty(directory), empty(directory));
        source.set_len(len).unwrap();
        target.set_len(len).unwrap();
        for part in data {
            source.write_all_at(&noise((part.end - part.start) as usize), part.start).unwrap();
        }
        Self { source: source.into(), target: target.into() }
    }

    pub(super) fn pair(&self) -> Pair<'_> {
        Pair { source: &self.source, target: &self.target }
    }

    /// Changes what the target holds.
    pub(super) fn set_target(&self, content: &[u8]) {
        rewrite(&self.target, content);
    }

    #[track_caller]
    pub(super) fn assert_same(&self, why: &str) {
        let (source, target) = (content(&self.source), content(&self.target));
        assert_eq!(source.len(), target.len(), "length: {why}");
        let different = source.iter().zip(&target).position(|(one, other)| one != other);
        assert_eq!(different, None, "{why}");
    }
}

fn empty(directory: &Path) -> File {
    tempfile::tempfile_in(directory).unwrap()
}

fn rewrite(file: &OwnedFd, content: &[u8]) {
    let file = File::from(file.try_clone().unwrap());
    file.set_len(0).unwrap();
    file.write_all_at(content, 0).unwrap();
}

/// Read past whatever flags the descriptor has by now.
fn content(file: &OwnedFd) -> Vec<u8> {
    let mut sys = sys();
    sys.set_direct(file, false).unwrap();
    let mut bytes = vec![0; sys.fstat(file).unwrap().size as usize];
    let read = sys.pread_full(file, &mut bytes, 0, 1 << 20).unwrap();
    assert_eq!(read, bytes.len());
    bytes
}

/// Bytes that follow no pattern, none of them zero.
pub(super) fn noise(len: usize) -> Vec<u8> {
    (0..len as u32).map(|directory| (directory.wrapping_mul(2_654_435_761) >> 21) as u8 | 1).collect()
}

/// Access to the kernel as it is.
pub(super) fn sys() -> Sys {
    Sys::new(Stop::new())
}

/// Access whose `at`-th call goes wrong.
pub(super) fn faulty(at: u64, fault: Fault) -> Sys {
    sys().with_faults(Arc::new(FaultPlan::new(at, fault, false)))
}

pub(super) fn buffer(len: usize) -> AlignedBuffer {
    AlignedBuffer::new(len).unwrap()
}

/// A disk, as a rule, and memory.
pub(super) fn directories() -> Vec<PathBuf> {
    let shm = PathBuf::from("/dev/shm");
    std::iter::once(std::env::temp_dir()).chain(shm.is_dir().then_some(shm)).collect()
}
