//! Targets, from the claim of a name to the end of the source: made, given what they keep of their sources, named; or
//! abandoned.

use std::ffi::CString;
use std::os::fd::{AsFd, OwnedFd};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustix::io::Errno;

use super::directory::{Directory, KEEP, sync_directory};
use super::source::Source;
use super::{Direction, FileWorker, Job, suffix};
use crate::codec::member::Header;
use crate::error::{Error, Quoted, Remedy, Result};
use crate::job::limits::Device;
use crate::plan::{Keep, Output};
use crate::sys::{Attributes, Creator, FileKind, Moment, Sys, standard_output};
use crate::tree::extended::{Kept, Listed, Origin, Prior, Selection, keep_extended};
use crate::tree::metadata::{creation_mode, keep_mode, keep_owner, keep_times};
use crate::tree::{DirectoryRules, FileRef, TemporaryFile, Trouble, UNREMOVABLE, is_temporary};

/// A target, and the open file that a writer gets.
pub(super) type OpenTarget = (Target, Option<OwnedFd>);

/// Where what is made of a source goes.
pub(super) enum Target {
    Nowhere,
    Stdout,
    File(FileTarget),
}

/// A file under a temporary name.
pub(super) struct FileTarget {
    pub(super) temporary: TemporaryFile,
    pub(super) to: TargetName,
    /// What was found under its name; `None` if that was not looked at.
    pub(super) existing: Option<Existing>,
}

/// The final name of a target.
pub(super) struct TargetName {
    pub(super) directory: Arc<Directory>,
    pub(super) name: CString,
    pub(super) path: PathBuf,
}

/// What is found under a target's name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Existing {
    Nothing,
    /// Something that is to be replaced.
    Replaced,
    /// What need not be made again.
    UpToDate,
}

impl Target {
    /// The device that is written to, if that is a file system among others: without a target, an index may be made beside
    /// the source.
    pub(super) fn device(&self, source: &Source) -> Option<Device> {
        match self {
            Self::File(target) => Some(target.to.directory.id.0),
            Self::Nowhere => source.directory.as_ref().map(|directory| directory.id.0),
            Self::Stdout => None,
        }
    }

    /// Its path, for messages.
    pub(super) fn path(&self) -> PathBuf {
        match self {
            Self::File(target) => target.to.path.clone(),
            Self::Stdout | Self::Nowhere => PathBuf::from("standard output"),
        }
    }
}

impl TargetName {
    pub(super) fn new(directory: Arc<Directory>, name: CString) -> Self {
        let path = directory.path.join(&name);
        Self { directory, name, path }
    }

    /// Takes over the name and the time that a header holds (`-N`), if they are of any use.
    fn take_from_header(&mut self, header: &Header, attributes: &mut Attributes) {
        if header.mtime != 0 {
            attributes.mtime = Moment { seconds: header.mtime.into(), nanoseconds: 0 };
        }
        if let Some(stored) = suffix::stored(&header.name) {
            self.path = self.directory.path.join(&stored);
            self.name = stored;
        }
    }
}

impl<D: Direction> Job<D> {
    /// What is under the name of a target that would get the time `mtime`. An error if that may not be replaced: never the
    /// source itself, under whatever name or link it was found.
    fn find_existing(&self, sys: &mut Sys, source: &Source, to: &TargetName, mtime: Moment) -> Result<Existing> {
        let TargetName { directory, name, path } = to;
        let existing = sys.stat_at(&*directory.fd, name);
        if source.is_at(directory, name) || existing.is_ok_and(|existing| existing.is_same_file(&source.attributes)) {
            return Err(Error::refused("replace", path, "it is the source itself"));
        }
        match existing {
            Err(Errno::NOENT) => Ok(Existing::Nothing),
            Err(errno) => Err(Error::system("create", path, errno)),
            Ok(existing) if existing.kind == FileKind::Directory => Err(Error::system("replace", path, Errno::ISDIR)),
            Ok(existing) if self.plan().update && existing.kind == FileKind::RegularFile => {
                let age = self.times.compare(sys, Some(directory.site(&self.temporary_files)), &existing, mtime);
                Ok(if age.is_ge() { Existing::UpToDate } else { Existing::Replaced })
            }
            Ok(_) if self.plan().force => Ok(Existing::Replaced),
            Ok(_) => Err(Error::refused("create", path, "it exists").with(Remedy::Force)),
        }
    }

    /// Takes the target's name for this source; an error if another one has it. A target that `stays` as it is may be a
    /// source, too: a walk does not pass it over.
    fn claim(&self, to: &TargetName, stays: bool) -> Result<()> {
        let (directory, name) = (to.directory.id, to.name.to_bytes());
        let is_free = if stays {
            self.registry.take_as_it_is(directory, name)
        } else if is_temporary(&to.name) {
            return Err(Error::refused("create", &to.path, "its name would be that of a temporary file of haul"));
        } else {
            self.registry.take(directory, name)
        };
        if is_free { Ok(()) } else { Err(Error::refused("create", &to.path, "it is the target of another file, too")) }
    }

    /// Makes the names in a directory durable if that is wanted: a source may go only after this.
    pub(super) fn make_names_durable(&self, sys: &mut Sys, directory: &Directory) -> Result<()> {
        if !self.plan().sync {
            return Ok(());
        }
        let synced = sync_directory(sys, directory.fd.as_fd());
        synced.map_err(|errno| Error::system("sync", directory.path.to_path_buf(), errno))
    }
}

impl<D: Direction> FileWorker<D> {
    /// Makes the target of a source; `None` if there is nothing to do for it.
    pub(super) fn begin(&mut self, source: &Source) -> Result<Option<OpenTarget>> {
        let job = &*self.job;
        let directory = match (&source.directory, job.plan().output) {
            (_, Output::Nowhere | Output::Listing) => return Ok(Some((Target::Nowhere, None))),
            (Some(directory), Output::BesideSource) => directory,
            _ => {
                let stdout = standard_output().and_then(rustix::io::dup);
                let stdout = stdout.map_err(|errno| Error::system("write", "standard output", errno))?;
                return Ok(Some((Target::Stdout, Some(stdout))));
            }
        };
        let Some(name) = job.direction.target_name(&mut self.context, source)? else { return Ok(None) };
        let to = TargetName::new(directory.of_targets(&mut self.context, &job.losses)?, name);
        // Before anything is looked at: of two sources with one target the one begun first gets it, whichever is newer.
        if D::CLAIMS_FIRST {
            job.claim(&to, false)?;
        }
        let mut existing = None;
        if job.direction.looks_first(source, &to.name) {
            existing = Some(job.find_existing(&mut self.context.sys, source, &to, source.attributes.mtime)?);
        }
        if existing == Some(Existing::UpToDate) {
            if !D::CLAIMS_FIRST {
                job.claim(&to, true)?;
            }
            self.context.up_to_date(&source.path(), &to.path);
            return Ok(None);
        }
        let (target, file) = self.create((source, &source.attributes), to, existing)?;
        Ok(Some((Target::File(target), Some(file))))
    }

    /// Makes the file, under a temporary name, that is to get the name `to` and be like `wanted`. At no moment may a user
    /// open it who may not open its source. With an ACL, that of the source or one inherited from the directory, the bits
    /// for the group do not say what the group may do: then only its owner can open it until its own ACL is set.
    pub(super) fn create(
        &mut self,
        (source, wanted): (&Source, &Attributes),
        to: TargetName,
        existing: Option<Existing>,
    ) -> Result<(FileTarget, OwnedFd)> {
        let (sys, directory) = (&mut self.context.sys, &to.directory);
        let creator = directory.creator(sys);
        let mode = mode_at_first(&creator, source.listed(sys, &mut self.attributes), wanted, directory.rules);
        match TemporaryFile::file(sys, directory.site(&self.job.temporary_files), &to.name, mode) {
            Ok((temporary, file)) => Ok((FileTarget { temporary, to, existing }, file)),
            Err(errno) => Err(Error::system("create", to.path, errno)),
        }
    }

    /// Gives a written target what it keeps of its source, makes it durable if that is wanted, and closes it. What cannot
    /// be kept is reported; false if any of it is a failure, and then the source must stay. An error is about the bytes,
    /// or an interruption.
    pub(super) fn complete(
        &mut self,
        file: OwnedFd,
        (source, wanted, keep): (&Source, &Attributes, Keep),
        to: &TargetName,
    ) -> Result<bool> {
        let lost = self.keep_attributes(&file, (source, wanted, keep), &to.directory);
        let sys = &mut self.context.sys;
        let durable = if self.job.plan().sync { sys.fsync(&file) } else { Ok(()) };
        let closed = durable.and(sys.close(file));
        closed.map_err(|errno| Error::system("finish", &to.path, errno))?;
        self.job.losses.report(&mut self.context, &lost, || to.path.clone(), "; the source stays")
    }

    /// Returns what could not be kept.
    fn keep_attributes(
        &mut self,
        file: &OwnedFd,
        (source, wanted, keep): (&Source, &Attributes, Keep),
        directory: &Directory,
    ) -> Vec<Trouble> {
        let (sys, buffers) = (&mut self.context.sys, &mut self.attributes);
        let (creator, listed) = (directory.creator(sys), source.listed(sys, buffers));
        let (target, mut lost) = (FileRef::Open(file.as_fd()), Vec::new());
        let owned = keep_owner(sys, target, wanted, &creator, &mut lost);
        let prior = if creator.inherits_acl { Prior::Access } else { Prior::None };
        let kept = if listed.any || prior != Prior::None {
            let from = Origin::Open(source.file.as_fd());
            keep_extended(sys, from, target, prior, (Selection::OfAnotherForm, keep), buffers)
        } else {
            Kept::default()
        };
        let mode_now = mode_at_first(&creator, listed, wanted, directory.rules) & !creator.umask;
        let mode_now = Some(mode_now).filter(|_| !kept.mode_moved && !creator.inherits_acl);
        keep_mode(sys, target, owned.mode(kept.mode(wanted.mode)), mode_now, &mut lost);
        if keep.times {
            keep_times(sys, target, wanted, &mut lost);
        }
        lost.extend(kept.lost);
        lost
    }

    /// Finishes a target whose bytes are all written; with `-N`, as the `header` of its source says. A source that `may_go`
    /// is removed, unless it is to be kept. False if it is only known now that the target is up to date, or if the target
    /// could not be given all that it keeps of its source, which was reported: then the source stays.
    pub(super) fn finish_target(
        &mut self,
        source: &Source,
        (target, file): OpenTarget,
        header: Option<&Header>,
        may_go: bool,
    ) -> Result<bool> {
        match (target, file) {
            (Target::File(target), Some(file)) => self.give_name(source, (target, file), header, may_go),
            (_, Some(stdout)) => {
                let closed = self.context.sys.close(stdout);
                closed.map(|()| true).map_err(|errno| Error::system("write", "standard output", errno))
            }
            (_, None) => Ok(true),
        }
    }

    fn give_name(
        &mut self,
        source: &Source,
        (target, file): (FileTarget, OwnedFd),
        header: Option<&Header>,
        may_go: bool,
    ) -> Result<bool> {
        let (FileTarget { temporary, mut to, mut existing }, mut attributes) = (target, source.attributes);
        if let Some(header) = header {
            to.take_from_header(header, &mut attributes);
        }
        let completed = self.complete(file, (source, &attributes, KEEP), &to);
        let (job, sys) = (&*self.job, &mut self.context.sys);
        let claimed = completed.and_then(|is_kept| {
            source.check_unchanged(sys, &job.removals)?;
            if header.is_some() {
                existing = Some(job.find_existing(sys, source, &to, attributes.mtime)?);
            }
            let existing = existing.unwrap_or(Existing::Nothing);
            if !D::CLAIMS_FIRST {
                job.claim(&to, existing == Existing::UpToDate)?;
            }
            Ok((is_kept, existing))
        });
        let (is_kept, existing) = match claimed {
            Ok((_, Existing::UpToDate)) => {
                temporary.abandon(sys);
                self.context.up_to_date(&source.path(), &to.path);
                return Ok(false);
            }
            Ok(found) => found,
            Err(error) => {
                self.abandon(temporary, &to.path);
                return Err(error);
            }
        };
        let is_in_use = rename(sys, temporary, &to, existing == Existing::Replaced).map_err(|errno| {
            if D::CLAIMS_FIRST {
                return Error::system("give its final name to", &to.path, errno);
            }
            job.registry.give_up(to.directory.id, to.name.to_bytes());
            match errno {
                Errno::EXIST => {
                    let found = job.find_existing(sys, source, &to, attributes.mtime);
                    found.err().unwrap_or_else(|| Error::system("create", &to.path, errno))
                }
                errno => Error::system("give its final name to", &to.path, errno),
            }
        })?;
        job.make_names_durable(sys, &to.directory)?;
        if may_go && !job.plan().keep {
            if is_in_use {
                let why = format!("kept: {} was open in another program when it was replaced", Quoted(&to.path));
                self.context.warn(source.path(), why);
            } else if is_kept {
                source.remove(sys, job.plan(), &job.removals)?;
            }
        }
        Ok(is_kept)
    }

    /// Removes the target of a file that failed, and closes both.
    pub(super) fn abandon_target(&mut self, source: Source, (target, file): OpenTarget) {
        if let Target::File(target) = target {
            self.abandon(target.temporary, &target.to.path);
        }
        if let Some(file) = file {
            let _ = self.context.sys.close(file);
        }
        let _ = self.context.sys.close(source.file);
    }

    fn abandon(&mut self, temporary: TemporaryFile, path: &Path) {
        if !temporary.abandon(&mut self.context.sys) {
            self.context.warn(path, UNREMOVABLE);
        }
    }
}

/// The mode to create a target with. Where others could open it before it is finished, because its ACL is not set yet or
/// because it has its final name from the start, only its owner can.
fn mode_at_first(creator: &Creator, listed: Listed, wanted: &Attributes, rules: DirectoryRules) -> u32 {
    let mode = creation_mode(wanted, creator, KEEP);
    if listed.acl || rules.is_append_only() { mode & 0o600 } else { mode }
}

/// Gives a target its final name, or removes it if that fails. Returns whether another process has the file open that it
/// replaced.
///
/// That process may remove what it reads when it is done: a `gunzip -f` that replaces what a `gzip` has just compressed
/// would lose its new file to that one's unlink, and then remove the only copy that is left. So a source stays if its
/// target replaced a file that was open elsewhere. While we hold a lease on it, no other process opens it. Without a lease
/// (another user's file, a file system without leases, not a regular file) this is not known.
fn rename(sys: &mut Sys, temporary: TemporaryFile, to: &TargetName, replace: bool) -> rustix::io::Result<bool> {
    let replaced = if replace { sys.open_source(&*to.directory.fd, &to.name).ok() } else { None };
    let is_in_use = replaced.as_ref().is_some_and(|file| sys.lease(file) == Err(Errno::AGAIN));
    let named = temporary.finish_as(sys, &to.name, replace).map_err(|unnamed| unnamed.abandon(sys));
    if let Some(file) = replaced {
        let _ = sys.close(file);
    }
    named.map(|_| is_in_use)
}
