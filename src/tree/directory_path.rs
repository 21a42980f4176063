//! The path of a directory in a tree: a chain of names below an open root.
//!
//! A directory that waits its turn holds no descriptor, only this. It is reopened beneath the root, following no symbolic link, so a link swapped in meanwhile never leads outside.
//! Keeping thousands of descriptors open costs more: the kernel stops every thread while it enlarges a shared table.

use std::ffi::{CStr, CString, OsStr};
use std::os::fd::OwnedFd;
use std::os::unix::ffi::OsStrExt;
use std::path::PathBuf;
use std::sync::{Arc, PoisonError, RwLock};

use rustix::fs::OFlags;
use rustix::io::{Errno, Result};

use super::path::open_names;
use crate::sys::Sys;

/// Where a walk starts: an open directory, and what the user calls it.
#[derive(Debug)]
pub struct Root {
    /// The directory.
    pub directory: OwnedFd,
    /// Its path in messages; empty for the working directory.
    pub path: PathBuf,
    /// Whether symbolic links below it are followed, since the user asked for that.
    pub follow: bool,
}

impl Root {
    /// A root below which no symbolic link is followed.
    pub const fn new(directory: OwnedFd, path: PathBuf) -> Self {
        Self { directory, path, follow: false }
    }
}

/// A directory below a root, as a chain of names.
#[derive(Debug)]
pub struct DirectoryPath {
    root: Arc<Root>,
    above: Option<(Arc<DirectoryPath>, Name)>,
}

/// What a directory is called.
#[derive(Debug)]
enum Name {
    Final(CString),
    /// The top of a tree, under a temporary name until it is whole.
    StagedTree(Box<Renamed>),
}

/// A name that changes once, while others may be on their way through it.
#[derive(Debug)]
struct Renamed {
    temporary: CString,
    name: CString,
    is_final: RwLock<bool>,
}

impl Name {
    /// What the directory is to be called, and people should read.
    fn shown(&self) -> &CStr {
        match self {
            Self::Final(name) => name,
            Self::StagedTree(staged) => &staged.name,
        }
    }
}

impl DirectoryPath {
    /// The root itself.
    pub fn root(root: Root) -> Arc<Self> {
        Arc::new(Self { root: Arc::new(root), above: None })
    }

    /// The directory `name` in this one.
    pub fn below(self: &Arc<Self>, name: &CStr) -> Arc<Self> {
        self.called(Name::Final(name.to_owned()))
    }

    /// The directory in this one that is `temporary` until [`DirectoryPath::rename`] makes it `name`.
    pub fn staged(self: &Arc<Self>, temporary: CString, name: &CStr) -> Arc<Self> {
        let renamed = Renamed { temporary, name: name.to_owned(), is_final: RwLock::new(false) };
        self.called(Name::StagedTree(Box::new(renamed)))
    }

    fn called(self: &Arc<Self>, name: Name) -> Arc<Self> {
        Arc::new(Self { root: Arc::clone(&self.root), above: Some((Arc::clone(self), name)) })
    }

    /// Gives a staged tree its final name by `rename`, which gets both. Nobody opens anything in it meanwhile.
    pub fn rename(&self, rename: impl FnOnce(&CStr, &CStr) -> Result<()>) -> Result<()> {
        let Some((_, Name::StagedTree(staged))) = &self.above else { return Err(Errno::INVAL) };
        let mut is_final = staged.is_final.write().unwrap_or_else(PoisonError::into_inner);
        rename(&staged.temporary, &staged.name)?;
        *is_final = true;
        Ok(())
    }

    /// The path of `name` in this directory, for messages.
    pub(crate) fn join(&self, name: &CStr) -> PathBuf {
        let mut path = self.joined();
        path.push(OsStr::from_bytes(name.to_bytes()));
        path
    }

    /// The path of this directory, for messages.
    pub fn to_path_buf(&self) -> PathBuf {
        let path = self.joined();
        if path.as_os_str().is_empty() { PathBuf::from(".") } else { path }
    }

    fn joined(&self) -> PathBuf {
        let mut path = self.root.path.clone();
        path.push(self.path_below(0));
        path
    }

    /// The directory this one lies in, and its name there; none for a root.
    pub fn above(&self) -> Option<(&Arc<Self>, &CStr)> {
        self.above.as_ref().map(|(path, name)| (path, name.shown()))
    }

    /// Whether symbolic links on the way here are followed.
    pub(crate) fn follows_links(&self) -> bool {
        self.root.follow
    }

    /// Opens this directory for reading, with a position of its own.
    pub fn open(&self, sys: &mut Sys) -> Result<OwnedFd> {
        self.open_for(sys, OFlags::RDONLY)
    }

    fn open_for(&self, sys: &mut Sys, access: OFlags) -> Result<OwnedFd> {
        let chain = self.chain();
        let staged = chain.iter().find_map(|(_, name)| match name {
            Name::StagedTree(staged) => Some(staged),
            Name::Final(_) => None,
        });
        // Held until the directory is open: the name of the staged tree must not change meanwhile.
        let is_final = staged.map(|staged| staged.is_final.read().unwrap_or_else(PoisonError::into_inner));
        let names: Vec<&CStr> = chain
            .iter()
            .map(|(_, name)| match name {
                Name::StagedTree(staged) if !is_final.as_deref().copied().unwrap_or_default() => {
                    staged.temporary.as_c_str()
                }
                name => name.shown(),
            })
            .collect();
        open_names(sys, &self.root.directory, &names, access, self.root.follow)
    }

    /// Opens this directory to look up names in it, and to make some: to read it too where that is allowed, else
    /// with `O_PATH`, as others may be given a directory of mode 711 or 733. Calls that need more fail on that with EBADF: see [`search_only`](super::path::search_only).
    pub(crate) fn open_to_search(&self, sys: &mut Sys) -> Result<OwnedFd> {
        match self.open(sys) {
            Err(Errno::ACCESS) => self.open_for(sys, OFlags::PATH),
            other => other,
        }
    }

    /// How many names lie between the root and this directory.
    pub fn depth(&self) -> usize {
        self.chain().len()
    }

    /// The path of this directory without its root and the first `skipped` names below it.
    pub(crate) fn path_below(&self, skipped: usize) -> PathBuf {
        let chain = self.chain();
        chain.iter().skip(skipped).map(|(_, name)| OsStr::from_bytes(name.shown().to_bytes())).collect()
    }

    /// The directories from the one below the root down to this one, each with its name.
    pub(crate) fn lineage(&self) -> Vec<(&Self, &CStr)> {
        self.chain().into_iter().map(|(path, name)| (path, name.shown())).collect()
    }

    fn chain(&self) -> Vec<(&Self, &Name)> {
        let mut chain = Vec::new();
        let mut path = self;
        while let Some((above, name)) = &path.above {
            chain.push((path, name));
            path = above;
        }
        chain.reverse();
        chain
    }
}

impl Drop for DirectoryPath {
    /// Link by link: a chain of tens of thousands would exhaust the stack.
    fn drop(&mut self) {
        let mut above = self.above.take();
        while let Some(mut path) = above.and_then(|(path, _)| Arc::into_inner(path)) {
            above = path.above.take();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sys::Stop;

    fn root(path: &std::path::Path) -> (Sys, Arc<DirectoryPath>) {
        let mut sys = Sys::new(Stop::new());
        let path = CString::new(path.as_os_str().as_bytes()).unwrap();
        let directory = sys.open_directory(rustix::fs::CWD, &path).unwrap();
        (sys, DirectoryPath::root(Root::new(directory, PathBuf::from("tree"))))
    }

    #[test]
    fn a_place_opens_however_deep_it_lies() {
        let scratch = tempfile::tempdir().unwrap();
        let (mut sys, mut path) = root(scratch.path());
        let name = CString::new("d".repeat(200)).unwrap();
        for depth in 0..60 {
            let directory = path.open(&mut sys).unwrap();
            sys.mkdirat(&directory, &name, 0o700).unwrap();
            path = path.below(&name);
            assert_eq!(path.to_path_buf().components().count(), depth + 2);
        }
        assert!(path.to_path_buf().as_os_str().len() > 12_000, "longer than PATH_MAX");
        path.open(&mut sys).unwrap();
        let top = sys.open_directory(rustix::fs::CWD, &CString::new(scratch.path().as_os_str().as_bytes()).unwrap());
        crate::tree::remove_tree(&mut sys, top.unwrap(), &name).unwrap();
    }

    #[test]
    fn a_staged_tree_is_found_under_both_of_its_names() {
        let scratch = tempfile::tempdir().unwrap();
        let (mut sys, root) = root(scratch.path());
        let directory = root.open(&mut sys).unwrap();
        sys.mkdirat(&directory, c"new.part", 0o700).unwrap();
        let staged = root.staged(c"new.part".to_owned(), c"new");
        let below = staged.below(c"deep");
        let inside = staged.open(&mut sys).unwrap();
        sys.mkdirat(inside, c"deep", 0o700).unwrap();
        below.open(&mut sys).unwrap();
        assert_eq!(below.to_path_buf(), PathBuf::from("tree/new/deep"));
        staged.rename(|from, to| sys.rename_within(&directory, from, to, false)).unwrap();
        below.open(&mut sys).unwrap();
        assert!(sys.stat_at(&directory, c"new").is_ok());
        assert_eq!(root.rename(|_, _| Ok(())), Err(Errno::INVAL));
    }

    #[test]
    fn a_symbolic_link_is_not_followed() {
        let scratch = tempfile::tempdir().unwrap();
        std::os::unix::fs::symlink("/", scratch.path().join("link")).unwrap();
        let (mut sys, path) = root(scratch.path());
        assert_eq!(path.below(c"link").open(&mut sys).unwrap_err(), Errno::LOOP);
        assert_eq!(path.below(c"..").open(&mut sys).unwrap_err(), Errno::XDEV);
    }
}
