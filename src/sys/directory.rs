//! Directories: reading them, and what happens to names in them.

use std::ffi::{CStr, CString};
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, OwnedFd};

use rustix::fs::{AtFlags, Dev, IFlags, Mode, OFlags, RawDir, RenameFlags, ResolveFlags};
use rustix::io::Result;

use super::{FileKind, Sys};
use crate::calls::Call;

/// Bytes that one getdents64 fills: about a thousand names, the C library's and cp's own size.
const DIRECTORY_BYTES: usize = 32 * 1024;

/// Memory for getdents64, kept by each worker.
#[derive(Debug)]
pub(crate) struct DirectoryBuffer(Vec<MaybeUninit<u8>>);

impl Default for DirectoryBuffer {
    fn default() -> Self {
        Self(vec![MaybeUninit::uninit(); DIRECTORY_BYTES])
    }
}

/// The entries that one getdents64 returned, without `.` and `..`; names lie one after the other in one allocation.
#[derive(Debug, Default)]
pub struct Entries {
    names: Vec<u8>,
    /// For each entry, where its name ends (after its NUL) and what it is.
    ends: Vec<(u32, FileKind)>,
}

/// One entry of a directory.
#[derive(Debug, Clone, Copy)]
pub struct Entry<'a> {
    /// Its name.
    pub name: &'a CStr,
    /// What the directory says it is; `Unknown` where the file system does not say.
    pub kind: FileKind,
}

impl Entries {
    /// How many entries there are.
    pub fn len(&self) -> usize {
        self.ends.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.ends.is_empty()
    }

    /// The entry at an index in the directory's order; `None` after the last.
    pub fn get(&self, index: usize) -> Option<Entry<'_>> {
        let (end, kind) = *self.ends.get(index)?;
        let name = CStr::from_bytes_with_nul(&self.names[self.start(index)..end as usize]).ok()?;
        Some(Entry { name, kind })
    }

    /// The entries in the directory's order.
    pub fn iter(&self) -> impl Iterator<Item = Entry<'_>> {
        (0..self.len()).filter_map(|index| self.get(index))
    }

    /// Takes away the entries from an index on.
    #[must_use]
    pub(crate) fn split_off(&mut self, index: usize) -> Self {
        let start = self.start(index);
        let mut ends = self.ends.split_off(index);
        for (end, _) in &mut ends {
            *end -= start as u32;
        }
        Self { names: self.names.split_off(start), ends }
    }

    /// Where the name at an index begins.
    fn start(&self, index: usize) -> usize {
        index.checked_sub(1).map_or(0, |before| self.ends[before].0 as usize)
    }

    /// Each entry by itself.
    pub(crate) fn singly(&self) -> impl Iterator<Item = Self> {
        self.iter().map(|entry| {
            let mut alone = Self::default();
            alone.push(entry.name, entry.kind);
            alone
        })
    }

    fn push(&mut self, name: &CStr, kind: FileKind) {
        self.names.extend_from_slice(name.to_bytes_with_nul());
        self.ends.push((self.names.len() as u32, kind));
    }
}

impl Sys {
    /// Opens a directory to read it, itself and not what a symbolic link leads to.
    pub(crate) fn open_directory(&mut self, parent: impl AsFd, name: &CStr) -> Result<OwnedFd> {
        self.openat(parent, name, OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW, 0)
    }

    /// Opens a directory to read it, through symbolic links.
    pub(crate) fn open_named_directory(&mut self, parent: impl AsFd, path: &CStr) -> Result<OwnedFd> {
        self.openat(parent, path, OFlags::RDONLY | OFlags::DIRECTORY, 0)
    }

    /// Opens a directory by a path of several names below `root`, following no symbolic link and never leaving it;
    /// `access` is `RDONLY` or `PATH`.
    pub(crate) fn open_beneath(&mut self, root: impl AsFd, path: &CStr, access: OFlags) -> Result<OwnedFd> {
        let flags = access | OFlags::DIRECTORY | OFlags::CLOEXEC;
        let resolve = ResolveFlags::BENEATH | ResolveFlags::NO_SYMLINKS;
        self.plain(Call::Openat2, || rustix::fs::openat2(root.as_fd(), path, flags, Mode::empty(), resolve))
    }

    /// The next entries of an open directory; `None` at its end.
    pub(crate) fn getdents(&mut self, directory: impl AsFd, buffer: &mut DirectoryBuffer) -> Result<Option<Entries>> {
        self.plain(Call::Getdents64, || {
            let mut raw = RawDir::new(directory.as_fd(), &mut buffer.0);
            let mut entries = Entries::default();
            loop {
                match raw.next() {
                    None => return Ok(None),
                    Some(entry) => {
                        let entry = entry?;
                        if entry.file_name() != c"." && entry.file_name() != c".." {
                            entries.push(entry.file_name(), entry.file_type());
                        }
                    }
                }
                // `next` would make another call now.
                if raw.is_buffer_empty() {
                    return Ok(Some(entries));
                }
            }
        })
    }

    /// Makes a directory.
    pub fn mkdirat(&mut self, parent: impl AsFd, name: &CStr, mode: u32) -> Result<()> {
        self.plain(Call::Mkdirat, || rustix::fs::mkdirat(parent.as_fd(), name, Mode::from_raw_mode(mode)))
    }

    /// Has ext4 spread the directories that are made in this one over the disk, as it does at the top of a file system
    /// (`FS_TOPDIR_FL`, "T" of chattr(1)). Other flags are taken off. Elsewhere it fails, with ENOTTY, EOPNOTSUPP or EINVAL.
    pub fn spread_directories(&mut self, directory: impl AsFd) -> Result<()> {
        self.plain(Call::Setflags, || rustix::fs::ioctl_setflags(directory.as_fd(), IFlags::TOPDIR))
    }

    /// Makes a FIFO, a socket's name or a device.
    pub fn mknodat(
        &mut self,
        parent: impl AsFd,
        name: &CStr,
        kind: FileKind,
        mode: u32,
        rdev: (u32, u32),
    ) -> Result<()> {
        let device: Dev = rustix::fs::makedev(rdev.0, rdev.1);
        self.plain(Call::Mknodat, || rustix::fs::mknodat(parent.as_fd(), name, kind, Mode::from_raw_mode(mode), device))
    }

    /// Makes a symbolic link that holds `text`.
    pub fn symlinkat(&mut self, text: &CStr, parent: impl AsFd, name: &CStr) -> Result<()> {
        self.plain(Call::Symlinkat, || rustix::fs::symlinkat(text, parent.as_fd(), name))
    }

    /// What a symbolic link holds.
    pub fn readlinkat(&mut self, parent: impl AsFd, name: &CStr) -> Result<CString> {
        self.plain(Call::Readlinkat, || rustix::fs::readlinkat(parent.as_fd(), name, Vec::new()))
    }

    /// Gives a file a second name.
    pub fn linkat(&mut self, from: impl AsFd, name: &CStr, to: impl AsFd, new_name: &CStr) -> Result<()> {
        self.plain(Call::Linkat, || rustix::fs::linkat(from.as_fd(), name, to.as_fd(), new_name, AtFlags::empty()))
    }

    /// The same for what a symbolic link leads to.
    pub(crate) fn linkat_through(
        &mut self,
        from: impl AsFd,
        name: &CStr,
        to: impl AsFd,
        new_name: &CStr,
    ) -> Result<()> {
        self.plain(Call::Linkat, || {
            rustix::fs::linkat(from.as_fd(), name, to.as_fd(), new_name, AtFlags::SYMLINK_FOLLOW)
        })
    }

    /// Renames within a directory. With `replace`, what bore the new name is gone; without, EEXIST if anything did.
    pub(crate) fn rename_within(
        &mut self,
        directory: impl AsFd,
        name: &CStr,
        new_name: &CStr,
        replace: bool,
    ) -> Result<()> {
        let flags = if replace { RenameFlags::empty() } else { RenameFlags::NOREPLACE };
        self.plain(Call::Renameat2, || {
            rustix::fs::renameat_with(directory.as_fd(), name, directory.as_fd(), new_name, flags)
        })
    }

    /// Moves something into another directory of the same file system, where nothing bears the new name.
    pub(crate) fn rename_into(&mut self, from: impl AsFd, name: &CStr, to: impl AsFd, new_name: &CStr) -> Result<()> {
        self.plain(Call::Renameat2, || {
            rustix::fs::renameat_with(from.as_fd(), name, to.as_fd(), new_name, RenameFlags::NOREPLACE)
        })
    }

    /// Removes a name that is not a directory's.
    pub fn unlinkat(&mut self, parent: impl AsFd, name: &CStr) -> Result<()> {
        self.plain(Call::Unlinkat, || rustix::fs::unlinkat(parent.as_fd(), name, AtFlags::empty()))
    }

    /// Removes an empty directory.
    pub(crate) fn rmdirat(&mut self, parent: impl AsFd, name: &CStr) -> Result<()> {
        self.plain(Call::Unlinkat, || rustix::fs::unlinkat(parent.as_fd(), name, AtFlags::REMOVEDIR))
    }
}

/// Removes a name without counting it, for destructors and the second Ctrl-C, which have no [`Sys`].
pub fn discard(parent: impl AsFd, name: &CStr) {
    let _ = rustix::fs::unlinkat(parent, name, AtFlags::empty());
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entries(names: &[&CStr]) -> Entries {
        let mut entries = Entries::default();
        for name in names {
            entries.push(name, FileKind::RegularFile);
        }
        entries
    }

    fn names(entries: &Entries) -> Vec<&CStr> {
        entries.iter().map(|entry| entry.name).collect()
    }

    #[test]
    fn entries_are_cut_in_two_at_any_place() {
        let all = [c"a", c"", c"ccc", c"dd"];
        for index in 0..=all.len() {
            let mut front = entries(&all);
            let back = front.split_off(index);
            assert_eq!((names(&front), names(&back)), (all[..index].to_vec(), all[index..].to_vec()));
            assert!(front.get(index).is_none() && back.len() == all.len() - index);
        }
        assert_eq!(
            entries(&all).singly().map(|alone| names(&alone)[0].to_owned()).collect::<Vec<_>>(),
            all.map(CStr::to_owned)
        );
    }
}
