//! The two sides of a file's copy: what is read, and where it goes.

use std::ffi::{CStr, CString};
use std::ops::Range;
use std::os::fd::OwnedFd;
use std::path::PathBuf;
use std::sync::Arc;

use rustix::fs::OFlags;
use rustix::io::Errno;

use super::Copier;
use super::directory::Open;
use crate::engine::sparse::copy_data;
use crate::engine::{Copied, EngineError, Ladder, Pair, Side};
use crate::error::{Error, Result};
use crate::sys::{Attributes, FileKind, Sys};
use crate::tree::Part;
use crate::tree::metadata::{creation_mode, describe};

/// A file on its way: both sides open, nothing final yet.
pub(super) struct FileCopy {
    pub(super) open: Arc<Open>,
    pub(super) name: CString,
    pub(super) source: OwnedFd,
    pub(super) attributes: Attributes,
    pub(super) target: OwnedFd,
    pub(super) new_name: CString,
    pub(super) place: TargetPlace,
}

/// Where the bytes go.
pub(super) enum TargetPlace {
    /// Straight to the final name: inside a tree that is itself under a temporary one.
    InPart,
    /// A temporary name, which then replaces an older file or not.
    Part { part: Part, replace: bool },
    /// Into what is there: a device, a FIFO, or a file that has other names.
    InPlace { regular: bool },
}

impl Copier {
    /// Opens both sides of a file.
    pub(super) fn begin_file(&mut self, open: &Arc<Open>, name: &CStr, new_name: &CStr) -> Result<FileCopy> {
        let sys = &mut self.station.sys;
        let path = || open.directory.source.path_of(name);
        let source = sys.open_source(&open.source, name).map_err(|errno| Error::system("open", path(), errno))?;
        let attributes = sys.fstat(&source).map_err(|errno| Error::system("examine", path(), errno))?;
        if attributes.kind != FileKind::RegularFile {
            return Err(Error::refused("copy", path(), format!("it became {} meanwhile", describe(attributes.kind))));
        }
        let (target, place) = self.create(open, new_name, &attributes, &path)?;
        let (name, new_name) = (name.to_owned(), new_name.to_owned());
        let copy = FileCopy { open: Arc::clone(open), name, source, attributes, target, new_name, place };
        if !attributes.has_holes() || copy.place.is_in_place() {
            return Ok(copy);
        }
        // Its full length at once: what is not written stays a hole.
        match self.station.sys.ftruncate(&copy.target, attributes.size) {
            Ok(()) => Ok(copy),
            Err(errno) => {
                let error = Error::system("size", copy.target_path(), errno);
                self.abandon(copy);
                Err(error)
            }
        }
    }

    fn create(
        &mut self,
        open: &Open,
        name: &CStr,
        attributes: &Attributes,
        source: &dyn Fn() -> PathBuf,
    ) -> Result<(OwnedFd, TargetPlace)> {
        let sys = &mut self.station.sys;
        let failed = |errno| Error::system("create", open.directory.target.path_of(name), errno);
        let mode = creation_mode(attributes, &open.creator);
        if open.directory.in_part {
            return Ok((sys.create(&open.target, name, mode).map_err(failed)?, TargetPlace::InPart));
        }
        let replace = match sys.stat_at(&open.target, name) {
            Err(Errno::NOENT) => false,
            Err(errno) => return Err(failed(errno)),
            Ok(existing) if existing.is_same_file(attributes) => {
                return Err(Error::refused("copy", source(), "source and target are the same file"));
            }
            Ok(existing) if existing.kind == FileKind::Directory => {
                return Err(Error::refused("copy", source(), "a directory of that name is in the target"));
            }
            Ok(existing) if existing.kind == FileKind::RegularFile && existing.links == 1 => true,
            Ok(_) => return self.open_in_place(open, name, attributes, source),
        };
        let part = Part::file(sys, &self.shared.leftovers, &open.target, name, mode);
        let (part, target) = part.map_err(failed)?;
        Ok((target, TargetPlace::Part { part, replace }))
    }

    /// A target that must keep its identity: a link or a device stays one, and other names of a file see the change.
    fn open_in_place(
        &mut self,
        open: &Open,
        name: &CStr,
        source_attributes: &Attributes,
        source: &dyn Fn() -> PathBuf,
    ) -> Result<(OwnedFd, TargetPlace)> {
        let path = || open.directory.target.path_of(name);
        let sys = &mut self.station.sys;
        let through = sys.stat_through(&open.target, name);
        let regular = through.is_ok_and(|target| target.kind == FileKind::RegularFile);
        if let Ok(target) = through {
            if target.is_same_file(source_attributes) {
                return Err(Error::refused("copy", source(), "source and target are the same file"));
            }
            if target.kind == FileKind::RegularFile && !self.shared.claims.take(target.id(), b"") {
                return Err(Error::refused(
                    "write",
                    path(),
                    "another source is written to this file under another name",
                ));
            }
        }
        let target = sys.openat(&open.target, name, OFlags::WRONLY | OFlags::TRUNC | OFlags::NOCTTY, 0);
        let target = target.map_err(|errno| Error::system("open", path(), errno))?;
        self.station.note(|| (path(), "written in place: it is a link, a device, or has other names".to_owned()));
        Ok((target, TargetPlace::InPlace { regular }))
    }
}

impl TargetPlace {
    pub(super) const fn is_in_place(&self) -> bool {
        matches!(self, Self::InPlace { .. })
    }
}

impl FileCopy {
    /// Whether it is copied from one position to the other: a size of 0 may be a lie (`/proc`), so such a file is read
    /// to its end; and a device has no offsets.
    pub(super) const fn is_stream(&self) -> bool {
        self.attributes.size == 0 || self.place.is_in_place()
    }

    /// Copies a range, its data only where the file has holes.
    pub(super) fn copy_range(
        &self,
        sys: &mut Sys,
        ladder: Ladder,
        range: Range<u64>,
        step: Option<usize>,
        buffer: &mut [u8],
    ) -> std::result::Result<Copied, EngineError> {
        let pair = Pair { source: &self.source, target: &self.target };
        if self.attributes.has_holes() {
            copy_data(sys, ladder, pair, range, step, buffer)
        } else {
            ladder.copy_range(sys, pair, range, step, buffer)
        }
    }

    pub(super) fn source_path(&self) -> PathBuf {
        self.open.directory.source.path_of(&self.name)
    }

    pub(super) fn target_path(&self) -> PathBuf {
        self.open.directory.target.path_of(&self.new_name)
    }

    pub(super) fn error(&self, error: EngineError) -> Error {
        let path = if error.side == Side::Source { self.source_path() } else { self.target_path() };
        Error::system(error.operation, path, error.errno)
    }
}
