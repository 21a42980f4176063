//! The names of targets: which ones sources have become, how a target gets its final name, what is kept of the one that had it
//! before, and directories where case makes no difference.
//!
//! In such a directory (vfat, a folder of ext4 with `chattr +F`, ntfs-3g and network file systems that are mounted so) names
//! that differ in case only are one name: there the second of two sources must not take the place of the first. What is there
//! under a source's name may be spelled otherwise. If the source directory has that spelling too, or another source has just
//! become it, both would become one file. Names are compared by Unicode's lower case, which is near enough to what any file
//! system does: what it tells apart and this does not only leads to a look.

use std::collections::HashSet;
use std::ffi::{CStr, CString};
use std::os::fd::OwnedFd;
use std::path::Path;

use rustix::io::Errno;

use super::Copier;
use super::decide::Action;
use super::directory::{Directory, Entry, OpenDirectory, lower_case};
use super::shared::Shared;
use crate::error::{Cause, Error, Quoted, Remedy, Result};
use crate::plan::{self, Durable};
use crate::sys::{Attributes, DirectoryBuffer, FileKind, NAME_MAX, Sys};
use crate::tree::path::search_only;
use crate::tree::{Named, TemporaryFile, Unnamed, remove_tree};

/// Remembers that a source became this target, where another source could do the same.
pub(super) fn note_target(shared: &Shared, open: &OpenDirectory, name: &CStr) {
    if let Some(directory) = open.target_id {
        shared.targets.take(directory, name.to_bytes());
        if open.directory.ignores_case() {
            shared.targets.take(directory, lower_case(name).as_bytes());
        }
    }
}

/// Whether another source of this job has become this target.
pub(super) fn was_just_made(shared: &Shared, open: &OpenDirectory, name: &CStr) -> bool {
    open.target_id.is_some_and(|directory| shared.targets.has_made(directory, name.to_bytes()))
}

/// The final name of a target that is made under a temporary one.
pub(super) struct FinalName<'a> {
    entry: Entry<'a>,
    /// What the target is made of.
    source: &'a Attributes,
    /// Whether something has the name.
    replaces: bool,
}

impl<'a> FinalName<'a> {
    pub(super) const fn new(entry: Entry<'a>, source: &'a Attributes, action: Action) -> Self {
        Self { entry, source, replaces: matches!(action, Action::Replace(_)) }
    }

    /// Makes something that has no content to wait for: `make` makes it under the name it is given, `complete` sees to
    /// the rest before anybody finds it under the final one.
    pub(super) fn make(
        self,
        copier: &mut Copier,
        mut make: impl FnMut(&mut Sys, &CStr) -> rustix::io::Result<()>,
        complete: impl FnOnce(&mut Copier, &CStr) -> Result<()>,
    ) -> Result<()> {
        let Entry { open, new_name, .. } = self.entry;
        let failed = |errno| Error::system("create", self.entry.target_path(), errno);
        let sys = &mut copier.worker.sys;
        if open.directory.is_staged() {
            if self.replaces {
                remove_tree(sys, &*open.target, new_name).map_err(failed)?;
            }
            make(sys, new_name).map_err(failed)?;
            let completed = complete(copier, new_name);
            match completed {
                Ok(()) => note_target(&copier.shared, open, new_name),
                Err(_) => _ = copier.worker.sys.unlinkat(&open.target, new_name),
            }
            return completed;
        }
        let temporary = TemporaryFile::other(sys, open.site(&copier.shared.temporary_files), new_name, make);
        let temporary = temporary.map_err(failed)?;
        match complete(copier, temporary.temporary_name()) {
            Ok(()) => self.give_to(temporary, copier),
            Err(error) => {
                // Refused: what bears the temporary name is not what was made.
                if error.errno().is_none() && !error.is_interruption() {
                    temporary.forget();
                } else {
                    temporary.abandon(&mut copier.worker.sys);
                }
                Err(error)
            }
        }
    }

    /// Gives the name to what is finished, after what has it was saved as the plan says.
    pub(super) fn give_to(self, temporary: TemporaryFile, copier: &mut Copier) -> Result<()> {
        let Entry { open, new_name, .. } = self.entry;
        let sys = &mut copier.worker.sys;
        let backed_up = if self.replaces { self.back_up(sys, &copier.shared) } else { Ok(()) };
        if let Err(error) = backed_up {
            temporary.abandon(sys);
            return Err(error);
        }
        match temporary.finish(sys, self.replaces) {
            Ok(Named::Directly) => {}
            Ok(Named::Copied) => self.say_copied_again(copier),
            Err(unnamed) => return Err(self.keep_unnamed(sys, unnamed)),
        }
        if copier.shared.plan.durable == Durable::File {
            let synced = copier.worker.sys.fsync(&*open.target).map_err(search_only);
            synced.map_err(|errno| Error::system("sync", open.directory.target.to_path_buf(), errno))?;
        }
        note_target(&copier.shared, open, new_name);
        Ok(())
    }

    /// Keeps a finished copy that could not get its name; returns what to say of it.
    fn keep_unnamed(&self, sys: &mut Sys, unnamed: Unnamed) -> Error {
        let (errno, path) = (unnamed.errno, self.entry.target_path());
        // Something is mounted there, which is written in place then; somebody asked to stop; or it is only another name of
        // what is there. But what could be read only once stays.
        let can_repeat = matches!(self.source.kind, FileKind::RegularFile | FileKind::Symlink);
        let is_superfluous = can_repeat && matches!(errno, Errno::BUSY | Errno::INTR);
        if is_superfluous || errno == Errno::STALE || unnamed.has_another_name(sys) {
            unnamed.abandon(sys);
            return Error::system("finish", path, errno);
        }
        let kept = self.entry.directory().target_of(&unnamed.keep(sys));
        let why = format!("{}; the finished copy is kept as {}", Cause::System(errno), Quoted(&kept));
        Error::refused("give its final name to", path, why)
    }

    /// Says, once, that the file system makes each copy cost twice.
    fn say_copied_again(&self, copier: &mut Copier) {
        let why = "files can be neither renamed nor linked there, so they are copied once more to their final names; an \
                   interrupted one may be incomplete";
        if copier.shared.is_first_copied_again() {
            copier.worker.warn(self.entry.target_path(), why);
        }
    }

    /// Keeps what is about to be replaced under a second name. It has its first one all the while: a reader never finds
    /// nothing.
    fn back_up(&self, sys: &mut Sys, shared: &Shared) -> Result<()> {
        let backed_up = match self.find_backup(sys, shared)? {
            None => Ok(()),
            Some(Backup::Numbered { last }) => self.back_up_after(sys, last),
            Some(Backup::Simple(backup)) => self.back_up_as(sys, shared, &backup),
        };
        backed_up.map_err(|errno| Error::system("back up", self.entry.target_path(), errno))
    }

    /// What is to be the backup of what is about to be replaced, if there is to be one; refuses what it would destroy.
    pub(super) fn find_backup(&self, sys: &mut Sys, shared: &Shared) -> Result<Option<Backup>> {
        let (options, Entry { open, new_name, .. }) = (&shared.plan.existing, self.entry);
        let failed = |errno| Error::system("back up", self.entry.target_path(), errno);
        let number = match options.backup {
            plan::Backup::None => return Ok(None),
            plan::Backup::Simple => None,
            plan::Backup::Numbered => Some(self.last_number(sys).map_err(failed)?),
            plan::Backup::Existing => Some(self.last_number(sys).map_err(failed)?).filter(|last| *last > 0),
        };
        if let Some(last) = number {
            return Ok(Some(Backup::Numbered { last }));
        }
        let backup = with_suffix(new_name, options.suffix.as_bytes()).map_err(failed)?;
        let refused = |why| Error::refused("back up", self.entry.target_path(), why);
        if sys.stat_at(&open.target, &backup).is_ok_and(|older| older.id() == self.source.id()) {
            return Err(refused("its backup would replace the source"));
        }
        if was_just_made(shared, open, &backup) {
            return Err(refused("its backup would replace what was copied just now").with(Remedy::NumberedBackup));
        }
        Ok(Some(Backup::Simple(backup)))
    }

    /// A backup that replaces an older one, in one instant too.
    fn back_up_as(&self, sys: &mut Sys, shared: &Shared, backup: &CStr) -> rustix::io::Result<()> {
        let Entry { open, new_name: name, .. } = self.entry;
        let link = |sys: &mut Sys, to: &CStr| sys.linkat(&open.target, name, &open.target, to);
        match TemporaryFile::other(sys, open.site(&shared.temporary_files), backup, link) {
            Ok(temporary) => {
                let name_now = temporary.temporary_name().to_owned();
                temporary.finish(sys, true).map_err(|unnamed| unnamed.abandon(sys))?;
                // Where the older backup is the same file renaming does nothing, and says so by succeeding (rename(2)).
                match sys.unlinkat(&open.target, &name_now) {
                    Err(Errno::NOENT) => Ok(()),
                    other => other,
                }
            }
            Err(Errno::PERM | Errno::OPNOTSUPP | Errno::MLINK) => sys.rename_within(&open.target, name, backup, true),
            Err(errno) => Err(errno),
        }
    }

    /// A backup with the first number after `last` that is free.
    fn back_up_after(&self, sys: &mut Sys, last: u64) -> rustix::io::Result<()> {
        let Entry { open, new_name: name, .. } = self.entry;
        for number in last.saturating_add(1).. {
            let backup = with_suffix(name, format!(".~{number}~").as_bytes())?;
            match sys.linkat(&open.target, name, &open.target, &backup) {
                Err(Errno::EXIST) => {}
                Err(Errno::PERM | Errno::OPNOTSUPP | Errno::MLINK) => {
                    return sys.rename_within(&open.target, name, &backup, false);
                }
                other => return other,
            }
        }
        Err(Errno::EXIST)
    }

    /// The highest number among the numbered backups of the name; 0 if there is none.
    fn last_number(&self, sys: &mut Sys) -> rustix::io::Result<u64> {
        let directory = sys.open_directory(&*self.entry.open.target, c".")?;
        let mut buffer = DirectoryBuffer::default();
        let mut last = 0;
        while let Some(entries) = sys.getdents(&directory, &mut buffer)? {
            let numbers = entries.iter().filter_map(|entry| number_of(entry.name, self.entry.new_name));
            last = numbers.fold(last, u64::max);
        }
        sys.close(directory)?;
        Ok(last)
    }
}

/// What a backup is called.
pub(super) enum Backup {
    Simple(CString),
    /// `NAME.~N~`, with the first N after the last one there is.
    Numbered {
        last: u64,
    },
}

/// The number in `NAME.~NUMBER~`.
fn number_of(backup: &CStr, name: &CStr) -> Option<u64> {
    let rest = backup.to_bytes().strip_prefix(name.to_bytes())?;
    let digits = rest.strip_prefix(b".~")?.strip_suffix(b"~")?;
    std::str::from_utf8(digits).ok()?.parse().ok()
}

fn with_suffix(name: &CStr, suffix: &[u8]) -> rustix::io::Result<CString> {
    let bytes = [name.to_bytes(), suffix].concat();
    if bytes.len() > NAME_MAX {
        return Err(Errno::NAMETOOLONG);
    }
    CString::new(bytes).map_err(|_| Errno::INVAL)
}

/// Refuses a source whose target, which is there, is what another source becomes by a name that differs in case only.
/// `target` is the target directory, if it is open.
pub(super) fn refuse_other_case(
    sys: &mut Sys,
    shared: &Shared,
    directory: &Directory,
    target: Option<&OwnedFd>,
    name: &CStr,
    new_name: &CStr,
) -> Result<()> {
    let failed = |errno| Error::system("examine", directory.target_of(new_name), errno);
    if directory.spellings.get().is_none() {
        let Some(swapped) = with_swapped_case(new_name) else { return Ok(()) };
        let found = spellings(sys, directory, target, new_name, &swapped).map_err(failed)?;
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
    if has_source(sys, directory, other).map_err(failed)? || has_just_become(sys, shared, directory, other) {
        let other = directory.target_of(other);
        return Err(one_name(directory, name, &format!("of {}", Quoted(Path::new(&other)))));
    }
    Ok(())
}

/// The names in a target directory, if one that is there can also be found with its case swapped. Inodes do not tell
/// whether both are one file: some FUSE file systems give each name its own.
fn spellings(
    sys: &mut Sys,
    directory: &Directory,
    target: Option<&OwnedFd>,
    new_name: &CStr,
    swapped: &CStr,
) -> rustix::io::Result<Option<HashSet<CString>>> {
    let Some(target) = target else {
        let target = directory.target.open_to_search(sys)?;
        let found = spellings(sys, directory, Some(&target), new_name, swapped);
        return found.and_then(|found| sys.close(target).map(|()| found));
    };
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
fn has_source(sys: &mut Sys, directory: &Directory, name: &CStr) -> rustix::io::Result<bool> {
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
fn has_just_become(sys: &mut Sys, shared: &Shared, directory: &Directory, name: &CStr) -> bool {
    if !shared.notes_names {
        return false;
    }
    let target = directory.target.open_to_search(sys);
    let id = target.and_then(|target| sys.fstat(&target).and_then(|found| sys.close(target).map(|()| found.id())));
    let has_made = |id, name: &[u8]| shared.targets.has_made(id, name);
    id.is_ok_and(|id| has_made(id, name.to_bytes()) || has_made(id, lower_case(name).as_bytes()))
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_read_from_the_names_of_backups() {
        for (backup, number) in [
            (c"a.~7~", Some(7)),
            (c"a.~12~", Some(12)),
            (c"a~", None),
            (c"a.~x~", None),
            (c"ab.~7~", None),
            (c"a.~7", None),
        ] {
            assert_eq!(number_of(backup, c"a"), number, "{backup:?}");
        }
    }

    #[test]
    fn a_backup_name_that_is_too_long_is_refused() {
        let name = CString::new("n".repeat(255)).unwrap();
        assert_eq!(with_suffix(&name, b"~"), Err(Errno::NAMETOOLONG));
        assert_eq!(with_suffix(c"a", b"~").unwrap(), c"a~".to_owned());
    }

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
