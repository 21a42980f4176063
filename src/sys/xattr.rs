//! Extended attributes: listing, reading, setting and removing them; which are copied is decided elsewhere.
//!
//! Calls that start with `f` are for open files and directories. Those that start with `l` are for what cannot be opened
//! to be read (symbolic links, FIFOs, sockets, devices): they take an open directory and one name in it, and reach it as
//! `/proc/self/fd/N/NAME`. That path is relative to the open directory and follows no link at its end. Without /proc they
//! are made by the calls that take both (`newer_calls.rs`). Those that end in `_itself` are for `O_PATH` descriptors. ENOENT:
//! there is neither /proc nor such a call.

use std::ffi::{CStr, CString};
use std::os::fd::{AsFd, AsRawFd, BorrowedFd};

use rustix::fs::{CWD, XattrFlags};
use rustix::io::{Errno, Result};

use super::Sys;
use super::attributes::path_of;
use crate::calls::Call;

/// Bytes that are tried first: enough for nearly all. The kernel allocates as much as it is offered at every call.
const FIRST_BYTES: usize = 1024;
/// The longest list and the longest value: `XATTR_LIST_MAX` and `XATTR_SIZE_MAX` of linux/limits.h.
const MOST_BYTES: usize = 64 * 1024;

/// Memory for a list of names or for a value, kept by each worker; 1 KiB until something longer comes along.
#[derive(Debug, Default)]
pub struct XattrBuffer(Vec<u8>);

impl XattrBuffer {
    /// What `call` writes, which a list that grows meanwhile cannot send round in circles: the second try offers room
    /// for any. There is no asking for the length first: files without attributes, nearly all, take one call.
    fn fill(&mut self, mut call: impl FnMut(&mut [u8]) -> Result<usize>) -> Result<&[u8]> {
        let mut attempt = |bytes: usize| {
            self.0.resize(bytes.max(self.0.len()), 0);
            call(&mut self.0[..bytes])
        };
        let length = match attempt(FIRST_BYTES) {
            Err(Errno::RANGE) => attempt(MOST_BYTES),
            other => other,
        }?;
        Ok(&self.0[..length])
    }
}

/// The names of a file's attributes, in the kernel's order.
#[derive(Debug, Clone)]
pub struct XattrNames<'a>(&'a [u8]);

impl XattrNames<'_> {
    /// No names.
    pub(crate) const NONE: Self = Self(&[]);

    /// Names that end with a NUL each.
    pub const fn of(list: &'static [u8]) -> XattrNames<'static> {
        XattrNames(list)
    }
}

impl<'a> Iterator for XattrNames<'a> {
    type Item = &'a CStr;

    fn next(&mut self) -> Option<&'a CStr> {
        let name = CStr::from_bytes_until_nul(self.0).ok()?;
        self.0 = &self.0[name.count_bytes() + 1..];
        Some(name)
    }
}

impl Sys {
    /// The names of an open file's attributes. ENOTSUP: its file system has none.
    pub fn flistxattr<'a>(&mut self, file: impl AsFd, buffer: &'a mut XattrBuffer) -> Result<XattrNames<'a>> {
        let file = file.as_fd();
        let call = |list: &mut [u8]| self.plain(Call::Flistxattr, || rustix::fs::flistxattr(file, &mut *list));
        buffer.fill(call).map(XattrNames)
    }

    /// The value of an open file's attribute. ENODATA: it has none of that name.
    pub(crate) fn fgetxattr<'a>(
        &mut self,
        file: impl AsFd,
        name: &CStr,
        buffer: &'a mut XattrBuffer,
    ) -> Result<&'a [u8]> {
        let file = file.as_fd();
        buffer.fill(|value| self.plain(Call::Fgetxattr, || rustix::fs::fgetxattr(file, name, &mut *value)))
    }

    /// Bytes in the value of an open file's attribute, without reading it.
    pub(crate) fn fgetxattr_bytes(&mut self, file: impl AsFd, name: &CStr) -> Result<usize> {
        self.plain(Call::Fgetxattr, || rustix::fs::fgetxattr_query(file.as_fd(), name))
    }

    /// Sets an open file's attribute, whether it has it or not.
    pub(crate) fn fsetxattr(&mut self, file: impl AsFd, name: &CStr, value: &[u8]) -> Result<()> {
        let flags = XattrFlags::empty();
        self.plain(Call::Fsetxattr, || rustix::fs::fsetxattr(file.as_fd(), name, value, flags))
    }

    /// Removes an open file's attribute. ENODATA: it has none of that name.
    pub(crate) fn fremovexattr(&mut self, file: impl AsFd, name: &CStr) -> Result<()> {
        self.plain(Call::Fremovexattr, || rustix::fs::fremovexattr(file.as_fd(), name))
    }

    /// The names of the attributes of `entry` in `directory`, a symbolic link's own.
    pub fn llistxattr<'a>(
        &mut self,
        directory: impl AsFd,
        entry: &CStr,
        buffer: &'a mut XattrBuffer,
    ) -> Result<XattrNames<'a>> {
        let path = path(directory.as_fd(), entry);
        let call = |list: &mut [u8]| match self.plain(Call::Llistxattr, || rustix::fs::llistxattr(&path, &mut *list)) {
            Err(Errno::NOENT) => self.listxattrat(directory.as_fd(), entry, list),
            other => other,
        };
        buffer.fill(call).map(XattrNames)
    }

    /// The value of an attribute of `entry` in `directory`, a symbolic link's own.
    pub fn lgetxattr<'a>(
        &mut self,
        directory: impl AsFd,
        entry: &CStr,
        name: &CStr,
        buffer: &'a mut XattrBuffer,
    ) -> Result<&'a [u8]> {
        let path = path(directory.as_fd(), entry);
        buffer.fill(|value| match self.plain(Call::Lgetxattr, || rustix::fs::lgetxattr(&path, name, &mut *value)) {
            Err(Errno::NOENT) => self.getxattrat(directory.as_fd(), entry, name, value),
            other => other,
        })
    }

    /// The value of an attribute of what an `O_PATH` descriptor is of.
    pub(crate) fn getxattr_itself<'a>(
        &mut self,
        itself: impl AsFd,
        name: &CStr,
        buffer: &'a mut XattrBuffer,
    ) -> Result<&'a [u8]> {
        let path = path_of(itself.as_fd());
        buffer.fill(|value| self.plain(Call::Getxattr, || rustix::fs::getxattr(&path, name, &mut *value)))
    }

    /// Sets an attribute of what an `O_PATH` descriptor is of.
    pub(crate) fn setxattr_itself(&mut self, itself: impl AsFd, name: &CStr, value: &[u8]) -> Result<()> {
        let path = path_of(itself.as_fd());
        self.plain(Call::Setxattr, || rustix::fs::setxattr(&path, name, value, XattrFlags::empty()))
    }

    /// Removes an attribute of what an `O_PATH` descriptor is of.
    pub(crate) fn removexattr_itself(&mut self, itself: impl AsFd, name: &CStr) -> Result<()> {
        let path = path_of(itself.as_fd());
        self.plain(Call::Removexattr, || rustix::fs::removexattr(&path, name))
    }
}

/// A path to `entry` in `directory`, for calls that take no directory.
fn path(directory: BorrowedFd<'_>, entry: &CStr) -> CString {
    // The current directory is not an open file, and needs no path.
    let here = directory.as_raw_fd() == CWD.as_raw_fd();
    let mut path = if here { Vec::new() } else { format!("/proc/self/fd/{}/", directory.as_raw_fd()).into_bytes() };
    path.extend_from_slice(entry.to_bytes());
    CString::new(path).unwrap_or_default()
}

#[cfg(test)]
#[allow(clippy::disallowed_methods, reason = "a test makes its own files")]
mod tests {
    use std::fs::File;
    use std::sync::Arc;

    use super::*;
    use crate::sys::Stop;
    use crate::sys::faults::FaultPlan;

    /// An empty file that takes `user.*` attributes, in a directory that stays; `None` where the file system takes none.
    fn file() -> Option<(tempfile::TempDir, File)> {
        let scratch = tempfile::tempdir().unwrap();
        let file = File::create_new(scratch.path().join("file")).unwrap();
        let probe = rustix::fs::fsetxattr(&file, c"user.probe", b"", XattrFlags::empty());
        if probe == Err(Errno::NOTSUP) {
            eprintln!("skipped: {} takes no user attributes", scratch.path().display());
            return None;
        }
        rustix::fs::fremovexattr(&file, c"user.probe").unwrap();
        Some((scratch, file))
    }

    fn user_names(names: XattrNames<'_>) -> Vec<CString> {
        // Security modules may add theirs.
        let mut names: Vec<_> = names.filter(|name| name.to_bytes().starts_with(b"user.")).map(CString::from).collect();
        names.sort();
        names
    }

    #[test]
    fn a_file_without_attributes_takes_one_call() {
        let Some((_scratch, file)) = file() else { return };
        let (mut sys, mut buffer) = (Sys::new(Stop::new()), XattrBuffer::default());
        assert!(user_names(sys.flistxattr(&file, &mut buffer).unwrap()).is_empty());
        assert_eq!((sys.counts().of(Call::Flistxattr).calls, sys.counts().total()), (1, 1));
        assert_eq!(buffer.0.len(), FIRST_BYTES);
    }

    #[test]
    fn lists_and_values_longer_than_the_first_try_take_a_second() {
        let Some((_scratch, file)) = file() else { return };
        let (mut sys, mut buffer) = (Sys::new(Stop::new()), XattrBuffer::default());
        let names: Vec<_> = (10..20).map(|n| CString::new(format!("user.{n}{}", "x".repeat(180))).unwrap()).collect();
        for name in &names {
            // All attributes of a file share one block on ext4, which may have 1 KiB.
            match sys.fsetxattr(&file, name, b"") {
                Err(Errno::NOSPC) => return eprintln!("skipped: the file system has no room for so many"),
                set => set.unwrap(),
            }
        }
        assert_eq!(user_names(sys.flistxattr(&file, &mut buffer).unwrap()), names);
        assert_eq!(sys.counts().of(Call::Flistxattr).calls, 2);
        sys.fsetxattr(&file, c"user.long", &[7; FIRST_BYTES + 1]).unwrap();
        assert_eq!(sys.fgetxattr(&file, c"user.long", &mut buffer).unwrap(), [7; FIRST_BYTES + 1]);
        assert_eq!(sys.counts().of(Call::Fgetxattr).calls, 2);
        assert_eq!(sys.fgetxattr(&file, &names[0], &mut buffer), Ok(&b""[..]), "an empty value is one");
        assert_eq!(sys.counts().of(Call::Fgetxattr).calls, 3, "what is short stays one call");
        assert_eq!(sys.fgetxattr_bytes(&file, c"user.long"), Ok(FIRST_BYTES + 1));
    }

    #[test]
    fn values_are_set_replaced_and_removed_under_any_name() {
        let Some((_scratch, file)) = file() else { return };
        let (mut sys, mut buffer) = (Sys::new(Stop::new()), XattrBuffer::default());
        let odd = c"user.\xff\n =\x01";
        for value in [&b"one\0two"[..], b"", b"\xff"] {
            sys.fsetxattr(&file, odd, value).unwrap();
            assert_eq!(sys.fgetxattr(&file, odd, &mut buffer), Ok(value));
        }
        assert_eq!(user_names(sys.flistxattr(&file, &mut buffer).unwrap()), [odd.to_owned()]);
        assert_eq!(sys.fremovexattr(&file, odd), Ok(()));
        assert_eq!(sys.fremovexattr(&file, odd), Err(Errno::NODATA));
        assert_eq!(sys.fgetxattr(&file, odd, &mut buffer), Err(Errno::NODATA));
        assert_eq!(sys.fgetxattr_bytes(&file, odd), Err(Errno::NODATA));
    }

    #[test]
    fn calls_by_name_or_path_descriptor_reach_a_link_and_not_what_it_leads_to() {
        let Some((scratch, file)) = file() else { return };
        let (mut sys, mut buffer) = (Sys::new(Stop::new()), XattrBuffer::default());
        let directory = File::open(scratch.path()).unwrap();
        std::os::unix::fs::symlink("file", scratch.path().join("link")).unwrap();
        let [itself, link] = [c"file", c"link"].map(|name| sys.open_itself(&directory, name).unwrap());
        sys.setxattr_itself(&itself, c"user.a", b"1").unwrap();
        assert_eq!(sys.fgetxattr(&file, c"user.a", &mut buffer), Ok(&b"1"[..]));
        assert_eq!(sys.lgetxattr(&directory, c"file", c"user.a", &mut buffer), Ok(&b"1"[..]));
        assert_eq!(sys.getxattr_itself(&itself, c"user.a", &mut buffer), Ok(&b"1"[..]));
        assert_eq!(user_names(sys.llistxattr(&directory, c"file", &mut buffer).unwrap()), [c"user.a".to_owned()]);
        assert!(user_names(sys.llistxattr(&directory, c"link", &mut buffer).unwrap()).is_empty());
        assert_eq!(sys.lgetxattr(&directory, c"link", c"user.a", &mut buffer), Err(Errno::NODATA));
        assert_eq!(sys.getxattr_itself(&link, c"user.a", &mut buffer), Err(Errno::NODATA));
        assert_eq!(sys.setxattr_itself(&link, c"user.a", b"2"), Err(Errno::PERM), "links take none");
        assert_eq!(sys.llistxattr(&directory, c"none", &mut buffer).map(|_| ()), Err(Errno::NOENT));
        // Whatever its name is now.
        std::fs::rename(scratch.path().join("file"), scratch.path().join("elsewhere")).unwrap();
        assert_eq!(sys.removexattr_itself(&itself, c"user.a"), Ok(()));
        assert_eq!(sys.removexattr_itself(&itself, c"user.a"), Err(Errno::NODATA));
        assert_eq!(sys.counts().of(Call::Llistxattr).calls, 3);
        assert_eq!(path(CWD, c"name"), c"name".to_owned());
    }

    #[test]
    fn interrupted_calls_are_made_again_and_other_errors_come_through() {
        let Some((_scratch, file)) = file() else { return };
        let mut buffer = XattrBuffer::default();
        let sys = |plan: &str| Sys::new(Stop::new()).with_faults(Arc::new(plan.parse::<FaultPlan>().unwrap()));
        let mut interrupted = sys("1:interrupt");
        assert!(interrupted.flistxattr(&file, &mut buffer).is_ok());
        assert_eq!(interrupted.counts().of(Call::Flistxattr).interrupted, 1);
        assert_eq!(sys("1:EIO").flistxattr(&file, &mut buffer).map(|_| ()), Err(Errno::IO));
        assert_eq!(sys("1:ENOSPC").fsetxattr(&file, c"user.a", b"1"), Err(Errno::NOSPC));
    }
}
