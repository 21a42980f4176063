//! Witnesses that agree, that contradict, that know nothing; and a real file where there is a disk.

use rustix::io::Errno;

use super::*;
use crate::calls::{Ending, SyscallCounts};
use crate::sys::Stop;

const EXT4: u64 = 0xef53;
const XFS: u64 = 0x5846_5342;
const BTRFS: u64 = 0x9123_683e;
const NFS: u64 = 0x6969;
const OVERLAY: u64 = 0x794c_7630;
const TMPFS: u64 = 0x0102_1994;
const MIB: u64 = 1 << 20;

/// A run over 100 MiB.
fn sample(cached_before: Option<f64>, disk_read_bytes: Option<u64>, moved: &[(Call, u64)]) -> Sample {
    let mut calls = SyscallCounts::default();
    for (call, bytes) in moved {
        calls.record(*call, *bytes as usize, Ending::Moved(*bytes));
    }
    let metrics = [
        (Metric::SourceBytes, Some((100 * MIB) as f64)),
        (Metric::CachedBefore, cached_before),
        (Metric::DiskRead, disk_read_bytes.map(|bytes| bytes as f64)),
    ];
    let metrics = metrics.into_iter().filter_map(|(metric, value)| Some((metric, value?))).collect();
    Sample { metrics, calls, ..Sample::default() }
}

fn verdict(job: SweepJob, state: CacheState, magic: u64, mut sample: Sample) -> Option<String> {
    prove(job, state, Storage::known(magic), &mut sample);
    sample.invalid
}

#[test]
fn a_cold_run_needs_a_cold_source_and_bytes_from_the_disk() {
    let read = &[(Call::Pread, 100 * MIB), (Call::Pwrite, 100 * MIB)][..];
    let mapped = &[(Call::Pwrite, 100 * MIB)][..];
    let in_kernel = &[(Call::CopyFileRange, 100 * MIB)][..];
    let sparse = &[(Call::Pread, 3 * MIB), (Call::Pwrite, 3 * MIB)][..];
    for (magic, cached, from_disk, moved, invalid) in [
        (EXT4, Some(0.0), Some(100 * MIB), read, None),
        (EXT4, Some(0.02), Some(95 * MIB), read, None),
        (EXT4, None, Some(100 * MIB), read, None),
        (EXT4, Some(0.0), None, read, None),
        (EXT4, None, None, read, None),
        (EXT4, Some(0.0), Some(94 * MIB), read, Some("only 94.0 MiB of 100.0 MiB came from the disk")),
        (EXT4, None, Some(0), read, Some("only 0 B of 100.0 MiB")),
        (EXT4, Some(0.5), Some(100 * MIB), read, Some("50 % of the source was in memory")),
        (EXT4, Some(0.0), Some(0), mapped, Some("only 0 B")),
        (EXT4, Some(0.0), Some(100 * MIB), mapped, None),
        (EXT4, Some(0.0), Some(0), in_kernel, Some("only 0 B")),
        (EXT4, Some(0.0), Some(3 * MIB), sparse, None),
        (EXT4, Some(0.0), Some(MIB), sparse, Some("only 1.0 MiB of 3.0 MiB")),
        // Nothing was read: shared blocks, nothing but holes, content beside the attributes.
        (EXT4, Some(0.0), Some(0), &[], None),
        (EXT4, Some(0.0), Some(0), &[(Call::Pread, 60 * 1024)], None),
        (XFS, Some(0.0), Some(0), in_kernel, None),
        (XFS, Some(0.0), Some(0), read, Some("only 0 B")),
        (BTRFS, Some(0.0), Some(3 * MIB), read, None),
        (BTRFS, None, Some(3 * MIB), read, None),
        (BTRFS, None, Some(0), read, Some("only 0 B")),
        (BTRFS, Some(0.3), Some(3 * MIB), read, Some("30 %")),
        (OVERLAY, None, Some(0), read, Some("only 0 B")),
        (OVERLAY, None, Some(100 * MIB), read, None),
        // Nobody counts what comes over a network: cachestat is the only witness there.
        (NFS, Some(0.0), Some(0), read, None),
        (NFS, Some(1.0), Some(0), read, Some("100 %")),
        (0x1234, None, Some(0), read, None),
    ] {
        let said = verdict(SweepJob::Copy, CacheState::Cold, magic, sample(cached, from_disk, moved));
        let fits =
            said.as_deref().map_or(invalid.is_none(), |said| invalid.is_some_and(|words| said.starts_with(words)));
        assert!(fits, "{magic:#x}, {cached:?} cached, {from_disk:?} read, {moved:?}: {said:?}");
    }
}

#[test]
fn a_warm_run_reads_next_to_nothing_and_a_direct_one_all() {
    let read = &[(Call::Pread, 100 * MIB)][..];
    let (warm, direct) = (CacheState::Warm, CacheState::Direct);
    for (state, magic, from_disk, invalid) in [
        (warm, EXT4, Some(0), None),
        (warm, EXT4, Some(5 * MIB), None),
        (warm, EXT4, Some(6 * MIB), Some("it read 6.0 MiB from the disk")),
        (warm, EXT4, None, None),
        (warm, NFS, Some(6 * MIB), None),
        (direct, EXT4, Some(100 * MIB), None),
        (direct, EXT4, Some(0), Some("only 0 B of 100.0 MiB")),
        (direct, NFS, Some(0), None),
    ] {
        // What a direct run finds cached does not matter.
        let said = verdict(SweepJob::Copy, state, magic, sample(Some(1.0), from_disk, read));
        let fits =
            said.as_deref().map_or(invalid.is_none(), |said| invalid.is_some_and(|words| said.starts_with(words)));
        assert!(fits, "{} on {magic:#x}, {from_disk:?} read: {said:?}", state.name());
    }
}

#[test]
fn what_an_earlier_look_said_is_forgotten() {
    let mut sample = sample(Some(0.0), Some(100 * MIB), &[(Call::Pread, 100 * MIB)]);
    sample.invalid = Some("old".to_owned());
    prove(SweepJob::Copy, CacheState::Cold, Storage::known(EXT4), &mut sample);
    assert_eq!(sample.invalid, None);
}

#[test]
fn gunzip_needs_what_it_read_and_not_what_it_wrote() {
    let verdict = |sample| verdict(SweepJob::Gunzip, CacheState::Cold, EXT4, sample);
    let moved = [(Call::Pread, 10 * MIB), (Call::Write, 300 * MIB)];
    assert_eq!(verdict(sample(None, Some(10 * MIB), &moved)), None);
    // A piece is read again where it was not what it seemed: from memory.
    assert_eq!(verdict(sample(None, Some(100 * MIB), &[(Call::Pread, 150 * MIB)])), None);
}

#[test]
fn memory_is_never_cold() {
    let mut sys = Sys::new(Stop::new());
    let place = tempfile::tempdir().unwrap();
    let why = require_cold(&mut sys, place.path(), Storage::known(TMPFS)).unwrap_err();
    assert!(matches!(why, NotCold::InMemory), "{why}");
    let none = place.path().join("none");
    assert!(Storage::of(&mut sys, &none).is_err());
    let why = require_cold(&mut sys, &none, Storage::known(EXT4)).unwrap_err();
    assert!(matches!(&why, NotCold::Failed(error) if error.errno() == Some(Errno::NOENT)), "{why}");
    assert_eq!(cached_part(&mut sys, &none, Storage::known(EXT4)), None);
}

#[test]
#[allow(clippy::disallowed_methods, reason = "a test makes its own files, and reads them past the counts")]
fn a_tree_on_a_disk_becomes_cold_and_warm_again_and_a_file_being_mapped_does_not() {
    let place = tempfile::tempdir().unwrap();
    let mut sys = Sys::new(Stop::new());
    let storage = Storage::of(&mut sys, place.path()).unwrap();
    for number in 0..10 {
        std::fs::write(place.path().join(number.to_string()), vec![7; 100_000]).unwrap();
    }
    let part = |sys: &mut Sys| cached_part(sys, place.path(), storage);
    if storage.is_memory || part(&mut sys).is_none_or(|part| part < 1.0) {
        eprintln!("skipped: there is no disk here, or cachestat is not allowed");
        return;
    }
    require_cold(&mut sys, place.path(), storage).unwrap();
    assert_eq!(part(&mut sys), Some(0.0));
    let one = std::fs::read(place.path().join("3")).unwrap();
    assert!(part(&mut sys).is_some_and(|part| (0.05..0.2).contains(&part)), "one file of ten");
    // The pages of a map that were touched stay. Writing from it is touching.
    let file = std::fs::File::open(place.path().join("3")).unwrap();
    let map = sys.mmap(&file, 0, one.len()).unwrap();
    let sink = tempfile::tempfile().unwrap();
    sys.pwrite_from(&sink, &map, 0, one.len(), 0).unwrap();
    let why = require_cold(&mut sys, place.path(), storage).unwrap_err().to_string();
    assert!(why.starts_with("10 % of the source stays in memory"), "{why}");
}
