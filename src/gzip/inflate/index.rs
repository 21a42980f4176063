//! The index beside a compressed file: found, made, kept.

use std::os::fd::OwnedFd;
use std::path::PathBuf;
use std::sync::Arc;

use crc32fast::Hasher;
use rustix::io::Errno;

use super::{BUFFER_BYTES, Inflate};
use crate::codec::index::Recorder;
use crate::codec::index::{END_BYTES, Fingerprint, Index, IndexError};
use crate::error::{Error, Remedy, Result};
use crate::gzip::directory::KEEP;
use crate::gzip::source::Source;
use crate::gzip::target::{Existing, FileTarget, TargetName};
use crate::gzip::{FileWorker, suffix};
use crate::plan::{Keep, PreserveLevel};
use crate::sys::{Attributes, FileKind, Sys};
use crate::tree::metadata::describe;

/// Bytes that are read of an index before it is believed to be one.
const HEAD_BYTES: usize = 64;

/// The bits of a mode that let others than the owner write.
const OTHERS_WRITE: u32 = 0o022;

/// An index being made.
pub(super) struct IndexTarget {
    target: FileTarget,
    file: OwnedFd,
}

impl IndexTarget {
    /// Removes it again.
    pub(super) fn abandon(self, sys: &mut Sys) {
        self.target.temporary.abandon(sys);
        let _ = sys.close(self.file);
    }
}

/// What is found where an index should be.
pub(super) enum FoundIndex {
    Nothing,
    /// Something that is of no use, and why.
    Unusable(Error),
    Usable(Index),
}

/// Why an index is not to be trusted, if so: a user who can write to it can have it name other bytes of the file, or bytes
/// of no file, with checksums that fit. An ACL that lets others write shows in the bits of the group.
fn distrust(index: &Attributes, owner: u32, user: u32) -> Option<String> {
    const ROOT: u32 = 0;
    let Attributes { kind, mode, uid, .. } = *index;
    if kind != FileKind::RegularFile {
        return Some(format!("it is {}", describe(kind)));
    }
    if ![user, ROOT, owner].contains(&uid) {
        return Some(format!("it belongs to user {uid}, who is neither you nor the owner of the file nor root"));
    }
    (mode & OTHERS_WRITE != 0).then(|| format!("others than its owner can write to it (mode {mode:04o})"))
}

/// Where the index of a source is; `None` if it can have none.
fn name_of(source: &Source) -> Option<TargetName> {
    let directory = source.directory.as_ref().filter(|_| source.attributes.kind == FileKind::RegularFile)?;
    let name = suffix::compressed(&source.name, suffix::INDEX)?;
    Some(TargetName::new(Arc::clone(directory), name))
}

/// Where the index of a source is, for messages.
pub(super) fn path(source: &Source) -> PathBuf {
    name_of(source).map_or_else(|| source.path(), |name| name.path)
}

fn fingerprint(sys: &mut Sys, source: &Source) -> rustix::io::Result<Fingerprint> {
    let (bytes, mtime) = (source.attributes.size, source.attributes.mtime);
    let (mut end, mut crc) = ([0; END_BYTES], Hasher::new());
    for offset in [0, bytes.saturating_sub(END_BYTES as u64)] {
        let len = sys.pread_full(&source.file, &mut end, offset, END_BYTES)?;
        crc.update(&end[..len]);
    }
    Ok(Fingerprint { bytes, seconds: mtime.seconds, nanoseconds: mtime.nanoseconds, ends: crc.finalize() })
}

/// The attributes of an index: users who may read the file may read its index, which holds some of what is in it; only its
/// owner may write to it.
const fn attributes(source: &Source) -> Attributes {
    Attributes { mode: source.attributes.mode & 0o666 & !OTHERS_WRITE, ..source.attributes }
}

/// What an index would replace: only another index may be replaced, unless asked.
fn find_existing(sys: &mut Sys, to: &TargetName, force: bool) -> Result<Existing> {
    let TargetName { directory, name, path } = to;
    let found = match sys.stat_at(&*directory.fd, name) {
        Err(Errno::NOENT) => return Ok(Existing::Nothing),
        found => found.map_err(|errno| Error::system("examine", path, errno))?,
    };
    if found.kind == FileKind::Directory {
        return Err(Error::system("replace", path, Errno::ISDIR));
    }
    let mut head = [0; HEAD_BYTES];
    let mut is_index = false;
    if found.kind == FileKind::RegularFile
        && let Ok(file) = sys.open_source(&*directory.fd, name)
    {
        is_index = sys.pread_full(&file, &mut head, 0, HEAD_BYTES).is_ok_and(|len| Index::is_one(&head[..len]));
        let _ = sys.close(file);
    }
    if is_index || force {
        Ok(Existing::Replaced)
    } else {
        Err(Error::refused("replace", path, "it is not an index").with(Remedy::Force))
    }
}

impl FileWorker<Inflate> {
    /// The index of a source as it is now.
    pub(super) fn find_index(&mut self, source: &Source) -> FoundIndex {
        let Some(TargetName { directory, name, path }) = name_of(source) else { return FoundIndex::Nothing };
        let (sys, step, user) = (&mut self.context.sys, self.job.step, self.job.identity.uid);
        let file = match sys.open_source(&*directory.fd, &name) {
            Ok(file) => file,
            Err(Errno::NOENT) => return FoundIndex::Nothing,
            Err(Errno::LOOP) => return FoundIndex::Unusable(Error::refused("use", path, "it is a symbolic link")),
            Err(errno) => return FoundIndex::Unusable(Error::system("open", path, errno)),
        };
        let read = sys.fstat(&file).and_then(|attributes| {
            if let Some(why) = distrust(&attributes, source.attributes.uid, user) {
                return Ok(Err(why));
            }
            let read = fingerprint(sys, source)
                .and_then(|fingerprint| read_index(sys, &file, attributes.size, &fingerprint, step));
            read.map(|read| read.map_err(|why| why.to_string()))
        });
        let _ = sys.close(file);
        match read {
            Ok(Ok(index)) => FoundIndex::Usable(index),
            Ok(Err(why)) => FoundIndex::Unusable(Error::refused("use", path, why)),
            Err(errno) => FoundIndex::Unusable(Error::system("read", path, errno)),
        }
    }

    /// Begins an index, so that it is known before the first byte whether it can be made.
    pub(super) fn begin_index(&mut self, source: &Source) -> Result<IndexTarget> {
        let Some(to) = name_of(source) else {
            let why = "it is not a regular file, or its name is too long";
            return Err(Error::refused("make an index of", source.path(), why));
        };
        let existing = find_existing(&mut self.context.sys, &to, self.job.plan().force)?;
        let (target, file) = self.create((source, &attributes(source)), to, Some(existing))?;
        Ok(IndexTarget { target, file })
    }

    /// Gives an index its name, in place of the one that was there. The source was read to its end and is intact.
    pub(super) fn keep_index(&mut self, source: &Source, index: IndexTarget, recorder: Option<Recorder>) -> Result<()> {
        let IndexTarget { target: FileTarget { temporary, to, existing }, file } = index;
        let written = self.write_index(source, (file, &to), recorder);
        let sys = &mut self.context.sys;
        if let Err(error) = written {
            temporary.abandon(sys);
            return Err(error);
        }
        temporary
            .finish(sys, existing == Some(Existing::Replaced))
            .map_err(|unnamed| Error::system("give its final name to", &to.path, unnamed.abandon(sys)))?;
        self.job.make_names_durable(sys, &to.directory)
    }

    fn write_index(
        &mut self,
        source: &Source,
        (file, to): (OwnedFd, &TargetName),
        recorder: Option<Recorder>,
    ) -> Result<()> {
        let sys = &mut self.context.sys;
        let fingerprint = fingerprint(sys, source).map_err(|errno| Error::system("read", source.path(), errno))?;
        let index = recorder.unwrap_or_default().finish(fingerprint);
        if index.spans() == 1 && index.total() > BUFFER_BYTES as u64 {
            self.context.advise(source.path(), "it has no places to begin at", Remedy::RangeFromStart);
        }
        let written = self.context.sys.write_full(&file, &index.to_bytes(), self.job.step);
        written.map_err(|errno| Error::system("write", &to.path, errno))?;
        let keep = Keep { times: false, xattrs: PreserveLevel::No, ..KEEP };
        self.complete(file, (source, &attributes(source), keep), to)?;
        source.check_unchanged(&mut self.context.sys, &self.job.removals)
    }
}

/// Reads an index of `size` bytes, once its first bytes say that it may be that of the file with this fingerprint.
fn read_index(
    sys: &mut Sys,
    file: &OwnedFd,
    size: u64,
    fingerprint: &Fingerprint,
    step: usize,
) -> rustix::io::Result<std::result::Result<Index, IndexError>> {
    let mut head = [0; HEAD_BYTES];
    let len = sys.pread_full(file, &mut head, 0, step)?;
    match Index::expected_bytes(&head[..len], fingerprint) {
        Ok(expected) if expected == size => {}
        Ok(_) => return Ok(Err(IndexError::Damaged)),
        Err(error) => return Ok(Err(error)),
    }
    let mut bytes = Vec::new();
    bytes.try_reserve_exact(size as usize).map_err(|_| Errno::NOMEM)?;
    bytes.resize(size as usize, 0);
    let len = sys.pread_full(file, &mut bytes, 0, step)?;
    Ok(Index::parse(&bytes[..len], fingerprint))
}
