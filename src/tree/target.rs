//! Targets that appear whole or not at all.
//!
//! New data goes to a temporary name in the same directory, `NAME.haul-part`, and gets its final name at the end,
//! without replacing what appeared there meanwhile. The temporary name can be foretold, so people recognise it, and
//! `strace -P` can follow it; where it is taken, a number follows. A whole new tree is one such target: `unit.rs`.

use std::ffi::{CStr, CString};
use std::os::fd::OwnedFd;
use std::sync::Arc;

use rustix::io::{Errno, Result};

use super::leftovers::{Leftover, Leftovers, Registration};
use crate::sys::{NAME_MAX, Sys, discard};

const SUFFIX: &str = ".haul-part";
/// Names tried before giving up; each is somebody else's file that must not be touched.
pub(super) const ATTEMPTS: u32 = 1_000;

/// Something under a temporary name that is to get its final one.
#[derive(Debug)]
pub struct Part {
    directory: Arc<OwnedFd>,
    temporary: CString,
    name: CString,
    /// Dropped when the name is final or gone.
    registration: Option<Registration>,
}

impl Part {
    /// A new empty file, open for writing, that is to become `name`.
    pub fn file(
        sys: &mut Sys,
        leftovers: &Leftovers,
        directory: &Arc<OwnedFd>,
        name: &CStr,
        mode: u32,
    ) -> Result<(Self, OwnedFd)> {
        Self::make(leftovers, directory, name, |temporary| sys.create(directory, temporary, mode))
    }

    /// Anything else that `make` makes (a link, a FIFO) and that is to become `name`.
    pub fn other(
        leftovers: &Leftovers,
        directory: &Arc<OwnedFd>,
        name: &CStr,
        make: impl FnMut(&CStr) -> Result<()>,
    ) -> Result<Self> {
        Self::make(leftovers, directory, name, make).map(|(part, ())| part)
    }

    fn make<T>(
        leftovers: &Leftovers,
        directory: &Arc<OwnedFd>,
        name: &CStr,
        mut make: impl FnMut(&CStr) -> Result<T>,
    ) -> Result<(Self, T)> {
        for attempt in 0..ATTEMPTS {
            let temporary = temporary_name(name, attempt);
            match make(&temporary) {
                Err(Errno::EXIST) => {}
                Err(errno) => return Err(errno),
                Ok(new) => {
                    let registration = Some(leftovers.register(directory, temporary.clone(), Leftover::File));
                    let (directory, name) = (Arc::clone(directory), name.to_owned());
                    return Ok((Self { directory, temporary, name, registration }, new));
                }
            }
        }
        Err(Errno::EXIST)
    }

    /// The temporary name.
    pub fn temporary(&self) -> &CStr {
        &self.temporary
    }

    /// The name it is to get.
    pub fn name(&self) -> &CStr {
        &self.name
    }

    /// Gives it its final name. With `replace`, what bears that name is replaced in the same instant; without, EEXIST
    /// if anything does. After an error nothing of it is left.
    pub fn finish(self, sys: &mut Sys, replace: bool) -> Result<()> {
        let name = self.name.clone();
        self.finish_as(sys, &name, replace)
    }

    /// The same under another name than was planned.
    pub fn finish_as(mut self, sys: &mut Sys, name: &CStr, replace: bool) -> Result<()> {
        let renamed = match sys.rename_within(&self.directory, &self.temporary, name, replace) {
            // A file system without RENAME_NOREPLACE (NFS, some FUSE): linking never replaces either.
            Err(Errno::INVAL) if !replace => {
                let linked = sys.linkat(&self.directory, &self.temporary, &self.directory, name);
                linked.and_then(|()| sys.unlinkat(&self.directory, &self.temporary))
            }
            other => other,
        };
        if renamed.is_ok() {
            self.registration = None;
        } else {
            self.remove(sys);
        }
        renamed
    }

    /// Takes it away again.
    pub fn abandon(mut self, sys: &mut Sys) {
        self.remove(sys);
    }

    /// Best effort: the failure that led here is the one to report.
    fn remove(&mut self, sys: &mut Sys) {
        let _ = sys.unlinkat(&self.directory, &self.temporary);
        self.registration = None;
    }
}

impl Drop for Part {
    /// Neither finished nor abandoned: the job was cut short.
    fn drop(&mut self) {
        if self.registration.is_some() {
            discard(&self.directory, &self.temporary);
        }
    }
}

/// Whether a name is one that [`Part`] gives: somebody's unfinished target, and nobody's data.
pub fn is_temporary(name: &CStr) -> bool {
    let bytes = name.to_bytes();
    let digits = bytes.iter().rev().take_while(|byte| byte.is_ascii_digit()).count();
    let numbered = (digits > 0).then(|| bytes[..bytes.len() - digits].strip_suffix(b"-")).flatten();
    numbered.unwrap_or(bytes).ends_with(SUFFIX.as_bytes())
}

/// `NAME.haul-part`, or `NAME.haul-part-3` at the third further attempt, with NAME cut so that it fits.
pub(super) fn temporary_name(name: &CStr, attempt: u32) -> CString {
    let suffix = if attempt == 0 { SUFFIX.to_owned() } else { format!("{SUFFIX}-{attempt}") };
    let mut bytes = name.to_bytes().to_vec();
    bytes.truncate(NAME_MAX - suffix.len());
    bytes.extend_from_slice(suffix.as_bytes());
    CString::new(bytes).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn temporary_names_fit() {
        let long = CString::new("n".repeat(255)).unwrap();
        for attempt in [0, 1, 999] {
            assert_eq!(temporary_name(&long, attempt).count_bytes(), 255);
        }
        for attempt in [0, 1, 20] {
            assert!(is_temporary(&temporary_name(c"a.gz", attempt)));
        }
        assert!(!is_temporary(c"a.haul-part.gz") && !is_temporary(c"haul-part") && !is_temporary(c"a.haul-part-"));
        assert_eq!(temporary_name(c"a.gz", 0), c"a.gz.haul-part".to_owned());
        assert_eq!(temporary_name(c"a.gz", 2), c"a.gz.haul-part-2".to_owned());
    }
}
