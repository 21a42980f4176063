//! The state of the page cache before a run: made, looked at, and proven by what the run itself read from the disk.
//!
//! Two witnesses, neither of which needs root: `cachestat` before the run, and `read_bytes` of `/proc/self/io` after it.
//! A run that one of them refutes is invalid. Where neither knows anything (an older kernel and a network file system),
//! a run counts, unproven: a witness that could not look has no metric in its sample. What a disk, a hypervisor or a file
//! server keeps, no witness sees.
//!
//! - this file: what is asked of the cache, and the proof; `evict`: emptying it for one file; [`Storage`]: which witness
//!   can be believed on which file system.

mod evict;
mod storage;

use std::path::Path;

use rustix::fs::CWD;

use crate::calls::Call;
use crate::error::{Error, Result};
use crate::lab::metric::Metric;
use crate::lab::plan::{CacheState, SweepJob};
use crate::lab::report::Sample;
use crate::size::binary;
use crate::sys::Sys;
use crate::tree::each_file;
use crate::tree::path::c_path;

use self::evict::Cached;

pub use self::evict::evict;
pub use self::storage::Storage;

/// Bytes read at a time to have a source in memory.
const PIECE_BYTES: usize = 256 << 10;
/// The part of a source that may be in memory before a cold run: a page that somebody looks at now and then.
const COLD_PART: f64 = 0.02;
/// The part of what a cold run reads that must come from the disk.
const FROM_DISK: f64 = 0.95;
/// The same where the disk may hold less than the file: a compressed run of zeros takes a 32nd of its size on btrfs.
const FROM_DISK_COMPRESSED: f64 = 0.01;
/// The part of a source that a warm run may read from the disk, and that may be missing in memory before.
const WARM_PART: f64 = 0.05;
/// Bytes from the disk that prove nothing: directories and inodes are read too, and the content of the smallest files
/// may lie in them.
const FEW_BYTES: u64 = 64 * 1024;

/// Why a source cannot be made cold. It says what to do about it.
#[derive(Debug, thiserror::Error)]
pub enum NotCold {
    /// Its file system is memory.
    #[error("nothing is ever cold on a file system that keeps files in memory; measure on a disk")]
    InMemory,
    /// This part of it, 0 to 1, is in memory again or still.
    #[error(
        "{:.0} % of the source stays in memory: some program has it mapped or is writing it; end that, or use another source",
        .0 * 100.0
    )]
    Kept(f64),
    /// A system call failed.
    #[error(transparent)]
    Failed(#[from] Error),
}

/// Has a source in a state of the cache before a run. Returns the part of it that is in memory, where that can be told.
pub(crate) fn make_ready(sys: &mut Sys, path: &Path, state: CacheState) -> Result<Option<f64>> {
    let storage = Storage::of(sys, path)?;
    if state != CacheState::Warm {
        make_cold(sys, path)?;
        return Ok(cached_part(sys, path, storage));
    }
    let cached = cached_part(sys, path, storage);
    // A run past the cache, or a cold one of a job that reads only some of it, may have left less.
    if cached.is_none_or(|part| part < 1.0 - WARM_PART) {
        make_warm(sys, path)?;
        return Ok(cached_part(sys, path, storage));
    }
    Ok(cached)
}

/// Evicts the content of a file, or of all files of a tree.
pub fn make_cold(sys: &mut Sys, path: &Path) -> Result<()> {
    each_file(sys, CWD, &c_path(path), &mut |sys, file, _| evict(sys, file))
        .map_err(|errno| Error::system("empty the cache of", path, errno))
}

/// Reads all of a file, or of all files of a tree, so that it is in memory, if it fits there.
pub(crate) fn make_warm(sys: &mut Sys, path: &Path) -> Result<()> {
    let mut piece = vec![0; PIECE_BYTES];
    each_file(sys, CWD, &c_path(path), &mut |sys, file, _| {
        let mut offset = 0;
        while let count @ 1.. = sys.pread(file, &mut piece, offset)? {
            sys.check_stop()?;
            offset += count as u64;
        }
        Ok(())
    })
    .map_err(|errno| Error::system("read", path, errno))
}

/// The part of a file's or tree's content that is in memory, 0 to 1; `None` if that cannot be told of all of it.
pub fn cached_part(sys: &mut Sys, path: &Path, storage: Storage) -> Option<f64> {
    if !storage.shows_cache {
        return None;
    }
    let mut cached = Some(Cached::default());
    each_file(sys, CWD, &c_path(path), &mut |_, file, attributes| {
        cached = cached.and_then(|cached| cached.and(file, attributes));
        Ok(())
    })
    .ok()?;
    cached.map(Cached::part)
}

/// Makes a source cold, or says why that cannot be: before the first run, since no run would be valid.
pub fn require_cold(sys: &mut Sys, path: &Path, storage: Storage) -> Result<(), NotCold> {
    if storage.is_memory {
        return Err(NotCold::InMemory);
    }
    make_cold(sys, path)?;
    match cached_part(sys, path, storage) {
        Some(part) if part > COLD_PART => Err(NotCold::Kept(part)),
        _ => Ok(()),
    }
}

/// Marks a run that did not show what it should. `state` is [`CacheState::Direct`] also of an engine that goes past the
/// cache by itself. What [`cached_part`] said before the run is among the sample's metrics.
pub fn prove(job: SweepJob, state: CacheState, storage: Storage, sample: &mut Sample) {
    sample.invalid = match state {
        CacheState::Warm => not_warm(storage, sample),
        CacheState::Cold => still_there(sample).or_else(|| not_from_disk(job, storage, sample)),
        CacheState::Direct => not_from_disk(job, storage, sample),
    };
}

fn still_there(sample: &Sample) -> Option<String> {
    let part = sample.metrics.get(Metric::CachedBefore).filter(|part| *part > COLD_PART)?;
    let percent = part * 100.0;
    Some(format!("{percent:.0} % of the source was in memory before: some program has it mapped, or just read it"))
}

fn not_from_disk(job: SweepJob, storage: Storage, sample: &Sample) -> Option<String> {
    let read = sample.metrics.get(Metric::DiskRead).filter(|_| storage.counts_reads)?;
    // Such a file system may keep small files beside their attributes: then cachestat's word is enough.
    if storage.compresses && sample.metrics.get(Metric::CachedBefore).is_some() {
        return None;
    }
    let needed = needed_bytes(job, storage, sample);
    let part = if storage.compresses { FROM_DISK_COMPRESSED } else { FROM_DISK };
    let is_proven = needed <= FEW_BYTES || read >= needed as f64 * part;
    (!is_proven).then(|| format!("only {} of {} came from the disk", binary(read as u64), binary(needed)))
}

fn not_warm(storage: Storage, sample: &Sample) -> Option<String> {
    if let Some(part) = sample.metrics.get(Metric::CachedBefore).filter(|part| *part < 1.0 - WARM_PART) {
        return Some(format!(
            "only {:.0} % of the source was in memory before: is there too little memory for it?",
            part * 100.0
        ));
    }
    let read = sample.metrics.get(Metric::DiskRead).filter(|_| storage.counts_reads)?;
    let most = sample.metrics.whole(Metric::SourceBytes) as f64 * WARM_PART + FEW_BYTES as f64;
    (read > most).then(|| format!("it read {} from the disk: not all was in memory before", binary(read as u64)))
}

/// Bytes of source that the job must have got from somewhere. Those of holes are not among them, nor is what was shared
/// with the target; what was read twice counts once.
fn needed_bytes(job: SweepJob, storage: Storage, sample: &Sample) -> u64 {
    let moved = |one: Call, other: Call| sample.calls.of(one).bytes + sample.calls.of(other).bytes;
    let read = moved(Call::Read, Call::Pread);
    let bytes = match job {
        // What a map was read through appears only where it was written.
        SweepJob::Copy => {
            let in_kernel = if storage.shares { 0 } else { sample.calls.of(Call::CopyFileRange).bytes };
            read.max(moved(Call::Write, Call::Pwrite)) + in_kernel
        }
        SweepJob::Gzip | SweepJob::Gunzip => read,
    };
    bytes.min(sample.metrics.whole(Metric::SourceBytes))
}

#[cfg(test)]
mod tests;
