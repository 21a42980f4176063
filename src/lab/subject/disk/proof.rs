//! Whether a run shows what it should: whether what it read came from the disk, and what it wrote went there.
//!
//! The witness is `/proc/self/io`: `read_bytes` counts what storage was asked for, `write_bytes` what was sent past the
//! page cache, or dirtied in it, so that it says nothing of writes through it. Where a file system counts otherwise, a run
//! counts unproven. What a disk, a hypervisor or a file server keeps, no witness sees.

use super::settings::DiskSetting;
use crate::lab::cache::Storage;
use crate::lab::metric::Metric;
use crate::lab::report::Sample;
use crate::lab::subject::disk::plan::Access;
use crate::size::binary;

/// The part of what is read or written past the page cache that must come from or go to the disk.
const MOVED: f64 = 0.95;
/// The same of reads where the disk may hold less than the file: a compressed run of zeros takes a 32nd on btrfs.
const MOVED_COMPRESSED: f64 = 0.01;
/// The part of a file that may be in memory before it is read through the page cache.
const CACHED: f64 = 0.02;

/// Marks a run that does not show what it should. `has_holes`: the file takes fewer blocks than it has bytes.
pub(super) fn prove(setting: &DiskSetting, storage: Storage, has_holes: bool, sample: &mut Sample) {
    sample.invalid = still_there(setting, sample)
        .or_else(|| not_read(setting, storage, has_holes, sample))
        .or_else(|| not_written(setting, storage, sample));
}

fn still_there(setting: &DiskSetting, sample: &Sample) -> Option<String> {
    let part = sample.metrics.get(Metric::CachedBefore).filter(|part| setting.reads_cold() && *part > CACHED)?;
    let percent = part * 100.0;
    Some(format!("{percent:.0} % of the file was in memory before: some program has it mapped, or just read it"))
}

fn not_read(setting: &DiskSetting, storage: Storage, has_holes: bool, sample: &Sample) -> Option<String> {
    let from_disk = sample.metrics.get(Metric::DiskRead).filter(|_| storage.counts_reads)?;
    let read = sample.metrics.whole(Metric::ReadBytes);
    let part = if storage.compresses { MOVED_COMPRESSED } else { MOVED };
    if from_disk >= read as f64 * part {
        return None;
    }
    let why = match (has_holes, setting.access) {
        (true, _) => "the file has holes, which no disk holds; use one without",
        (false, Some(Access::Direct)) => "something above the disk answered",
        (false, _) => "the rest was in memory",
    };
    Some(format!("only {} of {} came from the disk: {why}", binary(from_disk as u64), binary(read)))
}

fn not_written(setting: &DiskSetting, storage: Storage, sample: &Sample) -> Option<String> {
    let counts = storage.counts_reads && setting.access == Some(Access::Direct);
    let to_disk = sample.metrics.get(Metric::DiskWrite).filter(|_| counts)?;
    let written = sample.metrics.whole(Metric::WrittenBytes);
    let (some, all) = (binary(to_disk as u64), binary(written));
    (to_disk < written as f64 * MOVED).then(|| format!("only {some} of {all} went past the page cache"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lab::subject::disk::plan::Load;
    use crate::lab::subject::disk::tests::setting;

    const EXT4: u64 = 0xef53;
    const BTRFS: u64 = 0x9123_683e;
    const NFS: u64 = 0x6969;
    const MIB: u64 = 1 << 20;

    /// What is said of a run that moved 100 MiB each way, as far as it moves bytes that way, and of which the disk saw so
    /// many MiB each way.
    fn said(load: Load, access: Access, magic: u64, seen: Option<(u64, u64)>, cached: Option<f64>) -> Option<String> {
        let mut run = Sample::default();
        let writes_only = matches!(load, Load::Write | Load::RandomWrite | Load::Sync);
        run.metrics.count(Metric::ReadBytes, if writes_only { 0 } else { 100 * MIB });
        run.metrics.count(Metric::WrittenBytes, if load.only_reads() { 0 } else { 100 * MIB });
        if let Some((read, written)) = seen {
            run.metrics.count(Metric::DiskRead, read * MIB);
            run.metrics.count(Metric::DiskWrite, written * MIB);
        }
        if let Some(part) = cached {
            run.metrics.set(Metric::CachedBefore, part);
        }
        prove(&setting(load, access), Storage::known(magic), false, &mut run);
        run.invalid
    }

    #[test]
    fn what_did_not_come_from_the_disk_or_go_there_is_marked() {
        use Access::{Buffered, Direct};
        for (load, access, magic, seen, expected) in [
            (Load::Read, Direct, EXT4, (100, 0), None),
            (Load::Read, Direct, EXT4, (95, 0), None),
            (Load::Read, Direct, EXT4, (94, 0), Some("only 94.0 MiB of 100.0 MiB came from the disk: something above")),
            (Load::RandomRead, Buffered, EXT4, (3, 0), Some("only 3.0 MiB of 100.0 MiB came from the disk: the rest")),
            (Load::Read, Direct, NFS, (0, 0), None),
            (Load::Read, Direct, BTRFS, (4, 0), None),
            (Load::Read, Direct, BTRFS, (0, 0), Some("only 0 B of 100.0 MiB")),
            (Load::Write, Direct, EXT4, (0, 100), None),
            (Load::RandomWrite, Direct, EXT4, (0, 90), Some("only 90.0 MiB of 100.0 MiB went past the page cache")),
            (Load::Write, Buffered, EXT4, (0, 0), None),
            (Load::Sync, Buffered, EXT4, (0, 0), None),
            (Load::Mixed, Direct, EXT4, (100, 100), None),
            (Load::Mixed, Direct, EXT4, (0, 100), Some("came from the disk")),
            (Load::Mixed, Direct, EXT4, (100, 0), Some("went past the page cache")),
        ] {
            let said = said(load, access, magic, Some(seen), None);
            let fits = expected.map_or(said.is_none(), |words| said.as_ref().is_some_and(|said| said.contains(words)));
            assert!(fits, "{load:?} {access:?} {seen:?}: {said:?}, not {expected:?}");
        }
    }

    #[test]
    fn what_was_in_memory_before_spoils_reads_through_the_page_cache_only() {
        let of = |load, access| said(load, access, EXT4, Some((100, 100)), Some(0.5));
        assert!(
            of(Load::Read, Access::Buffered).is_some_and(|said| said.starts_with("50 % of the file was in memory"))
        );
        assert_eq!(of(Load::Read, Access::Direct).or_else(|| of(Load::Write, Access::Buffered)), None);
    }

    #[test]
    fn holes_are_named_and_what_is_not_told_proves_nothing() {
        let mut run = Sample::default();
        run.metrics.count(Metric::ReadBytes, MIB);
        run.metrics.count(Metric::DiskRead, 0);
        prove(&setting(Load::Read, Access::Direct), Storage::known(EXT4), true, &mut run);
        assert!(run.invalid.as_ref().is_some_and(|said| said.contains("holes")), "{run:?}");
        assert_eq!(said(Load::Mixed, Access::Direct, EXT4, None, None), None);
    }
}
