//! Target directories in which names that differ in case only are one name (vfat, a folder of ext4 with `chattr +F`, ntfs-3g
//! and network file systems that are mounted so): there the second of two sources must not take the place of the first.
//!
//! What is there under a source's name may be spelled otherwise. If the source directory has that spelling too, or another
//! source has just become it, both would become one file. Names are compared by Unicode's lower case, which is near enough
//! to what any file system does: what it tells apart and this does not only leads to a look.

use std::collections::HashSet;
use std::ffi::{CStr, CString};
use std::os::fd::OwnedFd;
use std::path::Path;
use std::sync::OnceLock;

use rustix::io::Errno;

use super::Copier;
use super::directory::Directory;
use crate::error::{Error, Quoted, Result};
use crate::sys::DirectoryBuffer;

/// The names of a target directory as they are spelled there; nothing where case makes a difference. Found out once, for the
/// first name with letters that is there already.
pub(super) type Spellings = OnceLock<Option<HashSet<CString>>>;

impl Copier {
    /// Refuses a source whose target, which is there, is what another source becomes by a name that differs in case only.
    /// `target` is the target directory, if it is open.
    pub(super) fn refuse_other_case(
        &mut self,
        directory: &Directory,
        target: Option<&OwnedFd>,
        name: &CStr,
        new_name: &CStr,
    ) -> Result<()> {
        let failed = |errno| Error::system("examine", directory.target_of(new_name), errno);
        if directory.spellings.get().is_none() {
            let Some(swapped) = with_swapped_case(new_name) else { return Ok(()) };
            let found = self.spellings(directory, target, new_name, &swapped).map_err(failed)?;
            let _ = directory.spellings.set(found);
        }
        let Some(spellings) = directory.spellings.get().and_then(Option::as_ref) else { return Ok(()) };
        if spellings.contains(new_name) {
            return Ok(());
        }
        let folded = lower_case(new_name);
        let Some(other) = spellings.iter().find(|other| lower_case(other) == folded) else {
            // It came after the directory was read.
            return Err(one_name(directory, name, "of what has just been made there"));
        };
        if self.has_source(directory, other).map_err(failed)? || self.has_just_become(directory, other) {
            let other = directory.target_of(other);
            return Err(one_name(directory, name, &format!("of {}", Quoted(Path::new(&other)))));
        }
        Ok(())
    }

    /// The names in a target directory, if one that is there can also be found with its case swapped. Inodes do not tell
    /// whether both are one file: some FUSE file systems give each name its own.
    fn spellings(
        &mut self,
        directory: &Directory,
        target: Option<&OwnedFd>,
        new_name: &CStr,
        swapped: &CStr,
    ) -> rustix::io::Result<Option<HashSet<CString>>> {
        let Some(target) = target else {
            let target = directory.target.open_to_search(&mut self.worker.sys)?;
            let found = self.spellings(directory, Some(&target), new_name, swapped);
            return found.and_then(|found| self.worker.sys.close(target).map(|()| found));
        };
        let sys = &mut self.worker.sys;
        let Ok(found) = sys.stat_at(target, swapped) else { return Ok(None) };
        let opened = match directory.target.open(sys) {
            // In a directory that may not be read, inodes have to tell.
            Err(Errno::ACCESS) => {
                let is_one = sys.stat_at(target, new_name)?.is_same_file(&found);
                return Ok(is_one.then(|| HashSet::from([new_name.to_owned()])));
            }
            other => other?,
        };
        let (mut names, mut buffer) = (HashSet::new(), DirectoryBuffer::default());
        while let Some(entries) = sys.getdents(&opened, &mut buffer)? {
            names.extend(entries.iter().map(|entry| entry.name.to_owned()));
        }
        sys.close(opened)?;
        // Both are there: case makes a difference.
        let are_two = names.contains(swapped) && names.contains(new_name);
        Ok((!are_two).then_some(names))
    }

    /// Whether a source directory holds a name.
    fn has_source(&mut self, directory: &Directory, name: &CStr) -> rustix::io::Result<bool> {
        let sys = &mut self.worker.sys;
        let source = directory.source.open_to_search(sys)?;
        let found = sys.stat_at(&source, name);
        sys.close(source)?;
        match found {
            Ok(_) => Ok(true),
            Err(Errno::NOENT) => Ok(false),
            Err(errno) => Err(errno),
        }
    }

    /// Whether another source, from another directory, has become what bears this name.
    fn has_just_become(&mut self, directory: &Directory, name: &CStr) -> bool {
        if !self.shared.notes_names {
            return false;
        }
        let sys = &mut self.worker.sys;
        let target = directory.target.open_to_search(sys);
        let id = target.and_then(|target| sys.fstat(&target).and_then(|found| sys.close(target).map(|()| found.id())));
        let has_made = |id, name: &[u8]| self.shared.registry.has_made(id, name);
        id.is_ok_and(|id| has_made(id, name.to_bytes()) || has_made(id, lower_case(name).as_bytes()))
    }
}

fn one_name(directory: &Directory, name: &CStr, other: &str) -> Error {
    let why = format!("its name and that {other} differ in case only, and are one in the target");
    Error::refused("copy", directory.source_of(name), why)
}

/// A name with the case of its letters turned round; nothing for one without any.
fn with_swapped_case(name: &CStr) -> Option<CString> {
    let swap = |c: char| {
        let other = if c.is_lowercase() { c.to_uppercase().next() } else { c.to_lowercase().next() };
        other.unwrap_or(c)
    };
    let mut swapped = Vec::with_capacity(name.count_bytes());
    for chunk in name.to_bytes().utf8_chunks() {
        swapped.extend(chunk.valid().chars().map(swap).collect::<String>().bytes());
        swapped.extend(chunk.invalid());
    }
    CString::new(swapped).ok().filter(|swapped| **swapped != *name)
}

/// What two names have in common that differ in case only.
pub(super) fn lower_case(name: &CStr) -> String {
    String::from_utf8_lossy(name.to_bytes()).to_lowercase()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn case_is_swapped_letter_by_letter() {
        for (name, swapped) in [
            (c"Readme.TXT", Some(c"rEADME.txt")),
            (c"\xc3\xa9t\xc3\x89", Some(c"\xc3\x89T\xc3\xa9")),
            (c"a\xff", Some(c"A\xff")),
            (c"2026-11-30", None),
            (c"\xff\xfe", None),
            (c"\xe6\x97\xa5", None),
        ] {
            assert_eq!(with_swapped_case(name).as_deref(), swapped, "{name:?}");
        }
        assert_eq!(lower_case(c"STRASSE"), lower_case(c"strasse"));
        assert_ne!(lower_case(c"a"), lower_case(c"b"));
    }
}
