//! The names of targets: suffixes that are put on and come off, as GNU gzip does it, and names out of headers.

use std::ffi::{CStr, CString};

use crate::sys::NAME_MAX;

/// Suffixes of compressed files, and what becomes of each. Compared without regard to case, as GNU gzip does.
const KNOWN: [(&[u8], &[u8]); 7] =
    [(b".gz", b""), (b".tgz", b".tar"), (b".taz", b".tar"), (b"-gz", b""), (b".z", b""), (b"-z", b""), (b"_z", b"")];

/// What is added to the name of a compressed file in that of its index.
pub(super) const INDEX: &str = ".haul-index";

/// Whether a name is that of an index.
pub(super) fn is_index(name: &CStr) -> bool {
    name.to_bytes().ends_with(INDEX.as_bytes())
}

/// The name of the compressed file, if the file system can hold it.
pub(super) fn compressed(name: &CStr, suffix: &str) -> Option<CString> {
    let bytes = [name.to_bytes(), suffix.as_bytes()].concat();
    CString::new(bytes).ok().filter(|name| name.count_bytes() <= NAME_MAX)
}

/// The name of the decompressed file; `None` if the name has no suffix that we know, or nothing before it.
pub(super) fn decompressed(name: &CStr, suffix: &str) -> Option<CString> {
    let own = (suffix.as_bytes(), &b""[..]);
    [own].into_iter().chain(KNOWN).find_map(|(ending, instead)| {
        let bytes = name.to_bytes();
        let stem = bytes.len().checked_sub(ending.len()).filter(|stem| *stem > 0)?;
        let matches = bytes[stem..].eq_ignore_ascii_case(ending);
        matches.then(|| CString::new([&bytes[..stem], instead].concat()).ok()).flatten()
    })
}

/// Names under which `name` may be there compressed.
pub(super) fn alternatives(name: &CStr, suffix: &str) -> Vec<CString> {
    [suffix, ".gz", ".z", "-z", ".Z"].iter().filter_map(|suffix| compressed(name, suffix)).collect()
}

/// The name that a header stores, if it is one: its last component only, since a header may hold anything.
pub(super) fn stored(name: &[u8]) -> Option<CString> {
    let last = name.rsplit(|byte| *byte == b'/').next()?;
    let special = last.is_empty() || last == b"." || last == b"..";
    if special { None } else { CString::new(last).ok() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn suffixes_come_off_and_tar_comes_back() {
        for (name, expected) in [
            (c"a.gz", Some(c"a")),
            (c"a.GZ", Some(c"a")),
            (c"a.tgz", Some(c"a.tar")),
            (c"a.TAZ", Some(c"a.tar")),
            (c"a-gz", Some(c"a")),
            (c"a_z", Some(c"a")),
            (c"a.Z", Some(c"a")),
            (c"a.gz.gz", Some(c"a.gz")),
            (c"a.own", Some(c"a")),
            (c".gz", None),
            (c"a", None),
            (c"a.txt", None),
            (c"gz", None),
        ] {
            assert_eq!(decompressed(name, ".own").as_deref(), expected, "{name:?}");
        }
    }

    #[test]
    fn names_that_are_too_long_are_refused() {
        assert_eq!(compressed(c"a", ".gz").as_deref(), Some(c"a.gz"));
        let longest = CString::new("n".repeat(252)).unwrap();
        assert!(compressed(&longest, ".gz").is_some());
        assert!(compressed(&longest, ".gzip").is_none());
    }
}
