//! Names of temporary files: `.haul-tmp-` and 16 random hexadecimal digits; and removing those that a killed run left.
//!
//! A temporary name is nobody else's target: it cannot be guessed, it does not contain the target's name, so that it
//! fits every file system (eCryptfs takes 143 bytes, encfs 175; ntfs-3g takes no name that is cut inside a character),
//! and no job makes a target of such a name. A *tree* under way has a name that can be foretold (`staged_tree.rs`).

use std::ffi::{CStr, CString};
use std::os::fd::AsFd;

use rustix::io::{Errno, Result};

use crate::sys::{Attributes, DirectoryBuffer, FileKind, Moment, Sys, file_time};

const PREFIX: &[u8] = b".haul-tmp-";
/// 64 bits in hexadecimal.
const DIGITS: usize = 16;

/// Set on a finished copy that could only keep its temporary name: nobody removes it.
pub(super) const FINISHED: u32 = 0o1000;

/// A temporary file is abandoned if its inode has not changed for so many seconds.
const ABANDONED_AFTER: i64 = 24 * 60 * 60;
/// The bytes of an unfinished file are the last thing that changed; a finished one got the times of its source after
/// that. Attributes may be set between the two.
const WRITTEN_LAST: i64 = 60;

/// Local file systems (statfs(2), `linux/magic.h`): on others the clock, and whoever is at work, may be another machine's.
const LOCAL: [u64; 7] = [
    0xEF53,      // ext2, ext3, ext4
    0x0102_1994, // tmpfs
    0x5846_5342, // XFS
    0x9123_683E, // btrfs
    0xF2F5_2010, // F2FS
    0xCA45_1A4E, // bcachefs
    0x2FC1_2FC1, // ZFS
];

/// How often a target directory is read for abandoned files: that is, about 16,000 names.
const MOST_READS: usize = 16;

/// Bytes that a name may have: of most file systems, of encfs, of eCryptfs, and few enough for any other.
pub(super) const LENGTHS: [usize; 4] = [255, 175, 143, 64];

/// NAME and a suffix, with NAME cut after a whole character so that both have at most `length` bytes.
pub(super) fn with_suffix(name: &CStr, suffix: &str, length: usize) -> CString {
    let most = length.saturating_sub(suffix.len());
    let mut bytes = name.to_bytes();
    if bytes.len() > most {
        // A character of UTF-8 begins with a byte that does not continue another (10xxxxxx).
        let cut = (0..=most).rev().find(|cut| bytes[*cut] & 0xc0 != 0x80).unwrap_or(0);
        bytes = &bytes[..cut];
    }
    CString::new([bytes, suffix.as_bytes()].concat()).unwrap_or_default()
}

/// The temporary name of this number.
pub(super) fn temporary_name(number: u64) -> CString {
    let name = [PREFIX, format!("{number:016x}").as_bytes()].concat();
    CString::new(name).unwrap_or_default()
}

/// Whether a name is that of a temporary file.
pub(crate) fn is_temporary(name: &CStr) -> bool {
    let digits = name.to_bytes().strip_prefix(PREFIX);
    digits.is_some_and(|digits| {
        digits.len() == DIGITS && digits.iter().all(|digit| matches!(digit, b'0'..=b'9' | b'a'..=b'f'))
    })
}

/// Whether a temporary file is a finished copy that could only keep its temporary name.
pub(crate) const fn is_finished_copy(found: &Attributes) -> bool {
    found.mode & FINISHED != 0
}

/// Removes `name` in `directory` if it is a temporary file that a killed run of this user's left there: more than a day
/// ago by its ctime (times are set last, so its mtime may be its source's), on a local file system, and not a finished
/// copy. Says whether it did.
pub(crate) fn remove_if_abandoned(sys: &mut Sys, directory: impl AsFd, name: &CStr) -> Result<bool> {
    if !is_temporary(name) {
        return Ok(false);
    }
    let directory = directory.as_fd();
    let found = sys.stat_at(directory, name)?;
    let user = rustix::process::geteuid().as_raw();
    if !is_abandoned(&found, user, file_time()) || !LOCAL.contains(&sys.fstatfs(directory)?.magic) {
        return Ok(false);
    }
    sys.unlinkat(directory, name).map(|()| true)
}

fn is_abandoned(found: &Attributes, user: u32, now: Moment) -> bool {
    let changed = found.ctime.seconds;
    found.kind != FileKind::Directory
        && found.uid == user
        && !is_finished_copy(found)
        && now.seconds - changed > ABANDONED_AFTER
        && (found.kind != FileKind::RegularFile || changed - found.mtime.seconds <= WRITTEN_LAST)
}

/// Removes the abandoned temporary files of a directory that was opened for reading, as far as it is read: see
/// [`MOST_READS`]. Returns their names.
pub(crate) fn remove_abandoned(
    sys: &mut Sys,
    directory: impl AsFd,
    buffer: &mut DirectoryBuffer,
) -> Result<Vec<CString>> {
    let mut removed = Vec::new();
    for _ in 0..MOST_READS {
        let Some(entries) = sys.getdents(directory.as_fd(), buffer)? else { break };
        for entry in entries.iter() {
            // What cannot be looked at is gone, or none of our business: what the job cannot do here it will say.
            if remove_if_abandoned(sys, directory.as_fd(), entry.name) == Ok(true) {
                removed.push(entry.name.to_owned());
            }
            if sys.check_stop().is_err() {
                return Err(Errno::INTR);
            }
        }
    }
    Ok(removed)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sys::Stop;

    #[test]
    fn temporary_names_are_short_and_known_by_their_pattern() {
        for number in [0, 1, u64::MAX, 0x0123_4567_89ab_cdef] {
            let name = temporary_name(number);
            assert!(is_temporary(&name) && name.count_bytes() == 26, "{name:?}");
        }
        for name in [
            c".haul-tmp-0123456789abcde",
            c".haul-tmp-0123456789abcdef0",
            c".haul-tmp-0123456789abcdeF",
            c".haul-tmp-0123456789abcdeg",
            c"haul-tmp-0123456789abcdef",
            c"a.haul-tmp-0123456789abcdef",
            c".haul-tmp-0123456789abcdef.gz",
            c".haul-tmp-",
            c"a.haul-part",
        ] {
            assert!(!is_temporary(name), "{name:?}");
        }
    }

    #[test]
    #[allow(clippy::disallowed_methods, reason = "a test makes its own files")]
    fn only_an_old_unfinished_file_of_this_user_is_abandoned() {
        let scratch = tempfile::tempdir().unwrap();
        let name = temporary_name(7);
        std::fs::write(scratch.path().join(name.to_str().unwrap()), "half").unwrap();
        let directory: std::os::fd::OwnedFd = std::fs::File::open(scratch.path()).unwrap().into();
        let mut sys = Sys::new(Stop::new());
        let found = sys.stat_at(&directory, &name).unwrap();
        let later = |seconds| Moment { seconds: found.ctime.seconds + seconds, ..found.ctime };
        let old = later(ABANDONED_AFTER + 1);
        let finished = Moment { seconds: found.ctime.seconds - WRITTEN_LAST - 1, ..found.ctime };
        for (what, found, user, now, expected) in [
            ("old", found, found.uid, old, true),
            ("young", found, found.uid, later(ABANDONED_AFTER), false),
            ("somebody else's", found, found.uid + 1, old, false),
            ("a finished copy by its mark", Attributes { mode: 0o1644, ..found }, found.uid, old, false),
            ("a finished copy by its times", Attributes { mtime: finished, ..found }, found.uid, old, false),
            ("a directory", Attributes { kind: FileKind::Directory, ..found }, found.uid, old, false),
            ("an old link", Attributes { kind: FileKind::Symlink, mtime: finished, ..found }, found.uid, old, true),
        ] {
            assert_eq!(is_abandoned(&found, user, now), expected, "{what}");
        }
        assert_eq!(remove_if_abandoned(&mut sys, &directory, &name), Ok(false), "it is young");
        assert_eq!(remove_if_abandoned(&mut sys, &directory, c"half"), Ok(false), "not of the pattern");
        assert_eq!(remove_abandoned(&mut sys, &directory, &mut DirectoryBuffer::default()), Ok(vec![]));
        assert!(sys.stat_at(&directory, &name).is_ok());
    }
}
