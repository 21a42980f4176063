//! What a file is: statx(2), and the calls that change it.

use std::ffi::{CStr, CString};
use std::os::fd::{AsFd, AsRawFd, BorrowedFd};

use rustix::fs::{
    AtFlags, CWD, FileType, Gid, Mode, Statx, StatxAttributes, StatxFlags, StatxTimestamp, Timespec, Timestamps, Uid,
};
use rustix::io::{Errno, Result};

use super::event_loop::operations;
use super::{Sys, or_call};
use crate::calls::Call;

/// What kind of file something is.
pub type FileKind = FileType;

/// A point in time: seconds since 1970 and nanoseconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Moment {
    /// Whole seconds, negative before 1970.
    pub seconds: i64,
    /// 0 to 999,999,999.
    pub nanoseconds: u32,
}

/// A file's identity: device (major, minor) and inode.
pub(crate) type FileId = ((u32, u32), u64);

/// What statx says of a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(missing_docs, reason = "the fields of struct statx")]
pub struct Attributes {
    pub kind: FileKind,
    /// Permission bits with set-id and sticky bits, without the type.
    pub mode: u32,
    pub uid: u32,
    pub gid: u32,
    pub size: u64,
    /// Allocated blocks of 512 bytes.
    pub blocks: u64,
    pub links: u32,
    /// Device (major, minor) and inode: the file's identity.
    pub dev: (u32, u32),
    pub ino: u64,
    /// The device a device file stands for.
    pub rdev: (u32, u32),
    pub atime: Moment,
    pub mtime: Moment,
    pub ctime: Moment,
    /// A directory in which names can be made, and neither changed nor removed (`STATX_ATTR_APPEND`).
    pub is_append_only: bool,
}

impl Attributes {
    /// Its identity.
    pub const fn id(&self) -> FileId {
        (self.dev, self.ino)
    }

    /// Whether the two are the same file.
    pub fn is_same_file(&self, other: &Self) -> bool {
        self.id() == other.id()
    }

    /// Whether fewer blocks are allocated than the size needs (holes, or a file system that compresses).
    pub const fn has_holes(&self) -> bool {
        self.blocks * 512 < self.size
    }

    /// Whether content, name and inode of a file are still what they were: size, times of content and of inode.
    pub(crate) fn is_unchanged_since(&self, earlier: &Self) -> bool {
        self.is_same_file(earlier)
            && (self.size, self.mtime, self.ctime) == (earlier.size, earlier.mtime, earlier.ctime)
    }
}

impl From<Statx> for Attributes {
    fn from(raw: Statx) -> Self {
        let moment = |time: StatxTimestamp| Moment { seconds: time.tv_sec, nanoseconds: time.tv_nsec };
        Self {
            kind: FileType::from_raw_mode(u32::from(raw.stx_mode)),
            mode: u32::from(raw.stx_mode) & 0o7777,
            uid: raw.stx_uid,
            gid: raw.stx_gid,
            size: raw.stx_size,
            blocks: raw.stx_blocks,
            links: raw.stx_nlink,
            dev: (raw.stx_dev_major, raw.stx_dev_minor),
            ino: raw.stx_ino,
            rdev: (raw.stx_rdev_major, raw.stx_rdev_minor),
            atime: moment(raw.stx_atime),
            mtime: moment(raw.stx_mtime),
            ctime: moment(raw.stx_ctime),
            is_append_only: raw.stx_attributes.contains(StatxAttributes::APPEND),
        }
    }
}

fn timestamps(atime: Moment, mtime: Moment) -> Timestamps {
    let timespec = |moment: Moment| Timespec { tv_sec: moment.seconds, tv_nsec: moment.nanoseconds.into() };
    Timestamps { last_access: timespec(atime), last_modification: timespec(mtime) }
}

impl Sys {
    /// The attributes of an open file.
    pub(crate) fn fstat(&mut self, file: impl AsFd) -> Result<Attributes> {
        self.statx(file, c"", AtFlags::EMPTY_PATH)
    }

    /// The attributes of what `name` is in `directory`; a symbolic link's own.
    pub fn stat_at(&mut self, directory: impl AsFd, name: &CStr) -> Result<Attributes> {
        self.statx(directory, name, AtFlags::SYMLINK_NOFOLLOW)
    }

    /// The attributes of what `name` leads to, through symbolic links.
    pub fn stat_through(&mut self, directory: impl AsFd, name: &CStr) -> Result<Attributes> {
        self.statx(directory, name, AtFlags::empty())
    }

    fn statx(&mut self, directory: impl AsFd, name: &CStr, flags: AtFlags) -> Result<Attributes> {
        let directory = directory.as_fd();
        let call = || rustix::fs::statx(directory, name, flags, StatxFlags::BASIC_STATS);
        // What is open is in memory, and asking costs less than a kernel thread does, which a ring has do it.
        let operation = || if name.is_empty() { None } else { operations::statx(directory, name, flags) };
        self.plain(Call::Statx, || or_call(operation(), call)).map(Attributes::from)
    }

    /// Sets the times of an open file.
    pub(crate) fn futimens(&mut self, file: impl AsFd, atime: Moment, mtime: Moment) -> Result<()> {
        let times = timestamps(atime, mtime);
        self.plain(Call::Utimensat, || rustix::fs::futimens(file.as_fd(), &times))
    }

    /// Sets the times of what an `O_PATH` descriptor is of, a symbolic link's own.
    pub(crate) fn utimens_itself(&mut self, itself: impl AsFd, atime: Moment, mtime: Moment) -> Result<()> {
        let times = timestamps(atime, mtime);
        let utimens = |file, path: &CStr, flags| rustix::fs::utimensat(file, path, &times, flags);
        match self.plain(Call::Utimensat, || utimens(itself.as_fd(), c"", AtFlags::EMPTY_PATH)) {
            // Linux before 5.8 takes no empty path here.
            Err(Errno::INVAL) => {
                let path = path_of(itself.as_fd());
                self.plain(Call::Utimensat, || utimens(CWD, &path, AtFlags::empty()))
            }
            other => other,
        }
    }

    /// Sets the permission bits of an open file.
    pub(crate) fn fchmod(&mut self, file: impl AsFd, mode: u32) -> Result<()> {
        self.plain(Call::Fchmod, || rustix::fs::fchmod(file.as_fd(), Mode::from_raw_mode(mode)))
    }

    /// Sets the permission bits of what an `O_PATH` descriptor is of, which cannot be a symbolic link. By way of `/proc`,
    /// as the C library does it; where there is none, by fchmodat2(2). ENOENT: that is not there either.
    pub(crate) fn chmod_itself(&mut self, itself: impl AsFd, mode: u32) -> Result<()> {
        let (path, mode) = (path_of(itself.as_fd()), Mode::from_raw_mode(mode));
        match self.plain(Call::Fchmodat, || rustix::fs::chmodat(CWD, &path, mode, AtFlags::empty())) {
            Err(Errno::NOENT) => self.fchmodat2(itself, mode.as_raw_mode()),
            other => other,
        }
    }

    /// Sets owner and group of an open file.
    pub fn fchown(&mut self, file: impl AsFd, uid: u32, gid: u32) -> Result<()> {
        let (uid, gid) = (Some(Uid::from_raw(uid)), Some(Gid::from_raw(gid)));
        self.plain(Call::Fchown, || rustix::fs::fchown(file.as_fd(), uid, gid))
    }

    /// Sets owner and group of what an `O_PATH` descriptor is of, a symbolic link's own.
    pub(crate) fn chown_itself(&mut self, itself: impl AsFd, uid: u32, gid: u32) -> Result<()> {
        let (uid, gid) = (Some(Uid::from_raw(uid)), Some(Gid::from_raw(gid)));
        self.plain(Call::Fchownat, || rustix::fs::chownat(itself.as_fd(), c"", uid, gid, AtFlags::EMPTY_PATH))
    }
}

/// A path to what an `O_PATH` descriptor is of, for calls that take none. It leads to the very file, whatever its name is
/// now (proc(5)), and ends there if that is a symbolic link.
pub(super) fn path_of(itself: BorrowedFd<'_>) -> CString {
    CString::new(format!("/proc/self/fd/{}", itself.as_raw_fd())).unwrap_or_default()
}
