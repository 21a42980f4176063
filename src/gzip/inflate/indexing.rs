//! The index that lies beside a compressed file: found, made, kept.

use std::ffi::{CStr, CString};
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crc32fast::Hasher;
use rustix::io::Errno;

use super::{BUFFER_BYTES, Inflater};
use crate::codec::index::Index;
use crate::codec::index::Recorder;
use crate::codec::index::{END_BYTES, Fingerprint, IndexError};
use crate::error::{Error, Result};
use crate::gzip::files::source::Source;
use crate::gzip::files::target::{KEEP, complete, create, settle};
use crate::gzip::files::{Folder, suffix};
use crate::plan::{Keep, PreserveLevel};
use crate::sys::{Attributes, FileKind, Sys};
use crate::tree::TemporaryFile;
use crate::tree::metadata::describe;

/// Bytes that are read of an index before it is believed to be one.
const HEAD_BYTES: usize = 64;

/// The bits of a mode that let others than the owner write.
const OTHERS_WRITE: u32 = 0o022;

/// An index being made.
pub(super) struct IndexTarget {
    temporary: TemporaryFile,
    file: OwnedFd,
    path: PathBuf,
    folder: Arc<Folder>,
    /// There was one already.
    replace: bool,
}

impl IndexTarget {
    /// Takes it away again.
    pub(super) fn abandon(self, sys: &mut Sys) {
        self.temporary.abandon(sys);
        let _ = sys.close(self.file);
    }
}

/// What lies where an index should be.
pub(super) enum Found {
    Nothing,
    /// Something that is of no use.
    Useless(Error),
    Index(Index),
}

/// Why an index is not to be believed, if so: whoever can write to it can have it name other bytes of the file, or bytes
/// that are nobody's, with checksums that fit. An ACL that lets others write shows in the bits of the group.
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

/// Where the index of a source lies, and how it is called there; `None` if it can have none.
fn place(source: &Source) -> Option<(&Arc<Folder>, CString, PathBuf)> {
    let folder = source.folder.as_ref().filter(|_| source.attributes.kind == FileKind::RegularFile)?;
    let name = suffix::compressed(&source.name, suffix::INDEX)?;
    let path = folder.place.path_of(&name);
    Some((folder, name, path))
}

/// Where the index of a source lies, for messages.
pub(super) fn path(source: &Source) -> PathBuf {
    place(source).map_or_else(|| source.path(), |(_, _, path)| path)
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

/// What an index is to be like: who may read the file may use its index, which holds some of what is in it, and which
/// nobody but its owner may write to.
const fn attributes(source: &Source) -> Attributes {
    Attributes { mode: source.attributes.mode & 0o666 & !OTHERS_WRITE, ..source.attributes }
}

/// Whether something is to be replaced by an index: only another index may be, unless asked.
fn may_replace(sys: &mut Sys, folder: &Folder, name: &CStr, path: &Path, force: bool) -> Result<bool> {
    let found = match sys.stat_at(&*folder.directory, name) {
        Err(Errno::NOENT) => return Ok(false),
        found => found.map_err(|errno| Error::system("examine", path, errno))?,
    };
    if found.kind == FileKind::Directory {
        return Err(Error::system("replace", path, Errno::ISDIR));
    }
    let mut head = [0; HEAD_BYTES];
    let mut is_index = false;
    if found.kind == FileKind::RegularFile
        && let Ok(file) = sys.open_source(&*folder.directory, name)
    {
        is_index = sys.pread_full(&file, &mut head, 0, HEAD_BYTES).is_ok_and(|len| Index::is_one(&head[..len]));
        let _ = sys.close(file);
    }
    if is_index || force {
        Ok(true)
    } else {
        Err(Error::refused("replace", path, "it is not an index; -f replaces it"))
    }
}

impl Inflater {
    /// The index of a source as it is now.
    pub(super) fn find_index(&mut self, source: &Source) -> Found {
        let Some((folder, name, path)) = place(source) else { return Found::Nothing };
        let (sys, step) = (&mut self.worker.sys, self.shared.step());
        let file = match sys.open_source(&*folder.directory, &name) {
            Ok(file) => file,
            Err(Errno::NOENT) => return Found::Nothing,
            Err(Errno::LOOP) => return Found::Useless(Error::refused("use", path, "it is a symbolic link")),
            Err(errno) => return Found::Useless(Error::system("open", path, errno)),
        };
        let read = sys.fstat(&file).and_then(|attributes| {
            if let Some(why) = distrust(&attributes, source.attributes.uid, self.shared.user) {
                return Ok(Err(why));
            }
            let read = fingerprint(sys, source)
                .and_then(|fingerprint| read_index(sys, &file, attributes.size, &fingerprint, step));
            read.map(|read| read.map_err(|why| why.to_string()))
        });
        let _ = sys.close(file);
        let useless = |why: String| Error::refused("use", &path, why);
        match read.map_err(|errno| Error::system("read", &path, errno)).and_then(|read| read.map_err(useless)) {
            Ok(index) => Found::Index(index),
            Err(error) => Found::Useless(error),
        }
    }

    /// Begins an index, so that it is known before the first byte whether it can be made.
    pub(super) fn begin_index(&mut self, source: &Source) -> Result<IndexTarget> {
        let Some((folder, name, path)) = place(source) else {
            let why = "it is no regular file, or its name is too long";
            return Err(Error::refused("make an index of", source.path(), why));
        };
        let force = self.shared.plan.files.force;
        let replace = may_replace(&mut self.worker.sys, folder, &name, &path, force)?;
        let like = (source, &attributes(source));
        let sys = &mut self.worker.sys;
        let created = create(sys, &self.shared.temporary_files, folder, &name, like, &mut self.attributes);
        let (temporary, file) = created.map_err(|errno| Error::system("create", &path, errno))?;
        Ok(IndexTarget { temporary, file, path, folder: Arc::clone(folder), replace })
    }

    /// Gives an index its name, in place of the one that was there. The source was read to its end and is intact.
    pub(super) fn keep_index(
        &mut self,
        source: &Source,
        target: IndexTarget,
        recorder: Option<Recorder>,
    ) -> Result<()> {
        let IndexTarget { temporary, file, path, folder, replace } = target;
        let fingerprint = match fingerprint(&mut self.worker.sys, source) {
            Ok(fingerprint) => fingerprint,
            Err(errno) => {
                temporary.abandon(&mut self.worker.sys);
                return Err(Error::system("read", source.path(), errno));
            }
        };
        let index = recorder.unwrap_or_default().finish(fingerprint);
        if index.spans() == 1 && index.total() > BUFFER_BYTES as u64 {
            self.worker.warn(source.path(), "it has no places to begin at; --range will read it from the start");
        }
        let (plan, losses) = (&self.shared.plan.files, &self.shared.losses);
        let written = self.worker.sys.write_full(&file, &index.to_bytes(), self.shared.step());
        let completed = written.map_err(|errno| Error::system("write", &path, errno)).and_then(|()| {
            let keep = Keep { times: false, xattrs: PreserveLevel::No, ..KEEP };
            let (made, like) = ((file, &*path, &*folder), (source, &attributes(source), keep));
            complete(&mut self.worker, losses, plan, made, like, &mut self.attributes)
        });
        let sys = &mut self.worker.sys;
        if let Err(error) = completed.and_then(|_| source.check_unchanged(sys, &self.shared.removed)) {
            temporary.abandon(sys);
            return Err(error);
        }
        temporary
            .finish(sys, replace)
            .map_err(|unnamed| Error::system("give its final name to", &path, unnamed.abandon(sys)))?;
        settle(sys, &self.shared.plan.files, &folder)
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
