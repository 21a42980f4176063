//! Final names: what is made without content, how a temporary name becomes the final one, and what is kept of what had
//! that before.

use std::ffi::{CStr, CString};
use std::sync::Arc;

use rustix::io::Errno;

use super::Copier;
use super::decide::Action;
use super::directory::Open;
use crate::error::{Cause, Error, Quoted, Result};
use crate::plan::{Backup, Durable};
use crate::sys::{Attributes, DirectoryBuffer, FileId, FileKind, NAME_MAX, Sys};
use crate::tree::path::search_only;
use crate::tree::{Named, TemporaryFile, Unnamed};

impl Copier {
    /// Makes something that has no content to wait for: `make` makes it under the name it is given, `complete` sees to
    /// the rest before anybody finds it under the final one.
    pub(super) fn make_other(
        &mut self,
        open: &Open,
        new_name: &CStr,
        action: Action,
        source: &Attributes,
        mut make: impl FnMut(&mut Sys, &CStr) -> rustix::io::Result<()>,
        complete: impl FnOnce(&mut Self, &CStr) -> Result<()>,
    ) -> Result<()> {
        let failed = |errno| Error::system("create", open.directory.target_of(new_name), errno);
        if open.directory.is_staged() {
            if matches!(action, Action::Replace(_)) {
                self.clear(open, new_name).map_err(failed)?;
            }
            make(&mut self.worker.sys, new_name).map_err(failed)?;
            let completed = complete(self, new_name);
            match completed {
                Ok(()) => self.claim(open, new_name),
                Err(_) => _ = self.worker.sys.unlinkat(&open.target, new_name),
            }
            return completed;
        }
        let sys = &mut self.worker.sys;
        let temporary = TemporaryFile::other(sys, self.shared.site(open), new_name, make);
        let temporary = temporary.map_err(failed)?;
        match complete(self, temporary.temporary_name()) {
            Ok(()) => self.finish_temporary(open, temporary, action, source),
            Err(error) => {
                // Refused: what bears the temporary name is not what was made.
                if error.errno().is_none() && !error.is_interruption() {
                    temporary.forget();
                } else {
                    temporary.abandon(&mut self.worker.sys);
                }
                Err(error)
            }
        }
    }

    /// Gives something its final name, after what has it was saved as the plan says; `source` is what it is made of.
    pub(super) fn finish_temporary(
        &mut self,
        open: &Open,
        temporary: TemporaryFile,
        action: Action,
        source: &Attributes,
    ) -> Result<()> {
        let replaces = matches!(action, Action::Replace(_));
        let name = temporary.name().to_owned();
        if replaces && let Err(error) = self.back_up(open, &name, source.id()) {
            temporary.abandon(&mut self.worker.sys);
            return Err(error);
        }
        let sys = &mut self.worker.sys;
        match temporary.finish(sys, replaces) {
            Ok(Named::Directly) => {}
            Ok(Named::Copied) => self.say_copied_again(open, &name),
            Err(unnamed) => return Err(self.keep_unnamed(open, &name, source, unnamed)),
        }
        let sys = &mut self.worker.sys;
        if self.shared.plan.durable == Durable::File {
            let synced = sys.fsync(&*open.target).map_err(search_only);
            synced.map_err(|errno| Error::system("sync", open.directory.target.path(), errno))?;
        }
        self.claim(open, &name);
        Ok(())
    }

    /// Keeps a finished copy that could not get its name; returns what to say of it.
    fn keep_unnamed(&mut self, open: &Open, name: &CStr, source: &Attributes, unnamed: Unnamed) -> Error {
        let (errno, path) = (unnamed.errno, open.directory.target_of(name));
        let sys = &mut self.worker.sys;
        // Something is mounted there, which is written in place then; somebody asked to stop; or it is only another name of
        // what is there. But what could be read only once stays.
        let can_repeat = matches!(source.kind, FileKind::RegularFile | FileKind::Symlink);
        let is_superfluous = can_repeat && matches!(errno, Errno::BUSY | Errno::INTR);
        if is_superfluous || errno == Errno::STALE || unnamed.has_another_name(sys) {
            unnamed.abandon(sys);
            return Error::system("finish", path, errno);
        }
        let kept = open.directory.target_of(&unnamed.keep(sys));
        let why = format!("{}; the finished copy is kept as {}", Cause::System(errno), Quoted(&kept));
        Error::refused("give its final name to", path, why)
    }

    /// Says, once, that the file system makes each copy cost twice.
    fn say_copied_again(&mut self, open: &Open, name: &CStr) {
        let why = "files can be neither renamed nor linked there, so they are copied once more to their final names; an \
                   interrupted one may be incomplete";
        if self.shared.is_first_copied_again() {
            self.worker.warn(open.directory.target_of(name), why);
        }
    }

    /// Keeps what is about to be replaced under a second name. It has its first one all the while: a reader never finds
    /// nothing.
    fn back_up(&mut self, open: &Open, name: &CStr, source: FileId) -> Result<()> {
        let backed_up = match self.find_backup(open, name, source)? {
            None => Ok(()),
            Some(BackupName::Numbered { last }) => self.back_up_after(open, name, last),
            Some(BackupName::Simple(backup)) => self.back_up_as(open, name, &backup),
        };
        backed_up.map_err(|errno| Error::system("back up", open.directory.target_of(name), errno))
    }

    /// What is to be the backup of what is about to be replaced, if there is to be one; refuses what it would destroy.
    pub(super) fn find_backup(&mut self, open: &Open, name: &CStr, source: FileId) -> Result<Option<BackupName>> {
        let plan = Arc::clone(&self.shared.plan);
        let failed = |errno| Error::system("back up", open.directory.target_of(name), errno);
        let number = match plan.existing.backup {
            Backup::None => return Ok(None),
            Backup::Simple => None,
            Backup::Numbered => Some(self.last_number(open, name).map_err(failed)?),
            Backup::Existing => Some(self.last_number(open, name).map_err(failed)?).filter(|last| *last > 0),
        };
        if let Some(last) = number {
            return Ok(Some(BackupName::Numbered { last }));
        }
        let backup = with_suffix(name, plan.existing.suffix.as_bytes()).map_err(failed)?;
        let older = self.worker.sys.stat_at(&open.target, &backup);
        let refused = |why| Err(Error::refused("back up", open.directory.target_of(name), why));
        if older.is_ok_and(|older| older.id() == source) {
            return refused("its backup would replace the source");
        }
        if self.was_just_made(open, &backup) {
            return refused("its backup would replace what was copied just now; --backup=numbered would not");
        }
        Ok(Some(BackupName::Simple(backup)))
    }

    /// A backup that replaces an older one, in one instant too.
    fn back_up_as(&mut self, open: &Open, name: &CStr, backup: &CStr) -> rustix::io::Result<()> {
        let sys = &mut self.worker.sys;
        let link = |sys: &mut Sys, to: &CStr| sys.linkat(&open.target, name, &open.target, to);
        match TemporaryFile::other(sys, self.shared.site(open), backup, link) {
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
    fn back_up_after(&mut self, open: &Open, name: &CStr, last: u64) -> rustix::io::Result<()> {
        let sys = &mut self.worker.sys;
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

    /// The highest number among the numbered backups of a name; 0 if there is none.
    fn last_number(&mut self, open: &Open, name: &CStr) -> rustix::io::Result<u64> {
        let sys = &mut self.worker.sys;
        let directory = sys.open_directory(&*open.target, c".")?;
        let mut buffer = DirectoryBuffer::default();
        let mut last = 0;
        while let Some(entries) = sys.getdents(&directory, &mut buffer)? {
            let numbers = entries.iter().filter_map(|entry| number_of(entry.name, name));
            last = numbers.fold(last, u64::max);
        }
        sys.close(directory)?;
        Ok(last)
    }
}

/// What a backup is called.
pub(super) enum BackupName {
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
}
