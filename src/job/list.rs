//! Names of further inputs, out of a file.

use std::ffi::OsStr;
use std::os::fd::OwnedFd;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use rustix::fs::{CWD, OFlags};

use crate::error::{Error, Remedy, Result};
use crate::plan::NameList;
use crate::sys::{Sys, standard_input};
use crate::tree::path::c_path;

/// Bytes that the memory for a list grows by.
const STEP: usize = 64 * 1024;

/// The names of a list, as they are: no word is split, nothing is quoted.
#[derive(Debug, Default)]
pub(crate) struct Names {
    bytes: Vec<u8>,
    end: u8,
}

impl Names {
    /// Reads a list to its end, so that whatever is wrong with it shows before anything is touched.
    pub(crate) fn read(sys: &mut Sys, list: &NameList) -> Result<Self> {
        let from_stdin = list.path.as_os_str() == "-";
        let shown = if from_stdin { Path::new("standard input") } else { &list.path };
        let failed = |errno| Error::system("read names from", shown, errno);
        let file = if from_stdin {
            standard_input().and_then(rustix::io::dup)
        } else {
            sys.openat(CWD, &c_path(&list.path), OFlags::RDONLY | OFlags::NOCTTY, 0)
        };
        let bytes = read_all(sys, file.map_err(failed)?).map_err(failed)?;
        if !list.null && bytes.contains(&0) {
            let error = Error::refused("read names from", shown, "there are NUL bytes in it");
            return Err(error.with(Remedy::NullList));
        }
        Ok(Self { bytes, end: if list.null { 0 } else { b'\n' } })
    }

    /// Whether one of the names is `-`, which means standard input on gzip's command line and nothing in a list.
    pub(crate) fn has_dash(&self) -> bool {
        self.all().any(|name| name == b"-")
    }

    /// The names in their order.
    pub(crate) fn into_paths(self) -> impl Iterator<Item = PathBuf> {
        let mut start = 0;
        std::iter::from_fn(move || {
            let rest = self.bytes.get(start..).filter(|rest| !rest.is_empty())?;
            let len = rest.iter().position(|byte| *byte == self.end).unwrap_or(rest.len());
            start += len + 1;
            Some(PathBuf::from(OsStr::from_bytes(&rest[..len])))
        })
        .filter(|name| !name.as_os_str().is_empty())
    }

    fn all(&self) -> impl Iterator<Item = &[u8]> {
        self.bytes.split(|byte| *byte == self.end)
    }
}

/// The rest of a file, which is closed.
pub(crate) fn read_all(sys: &mut Sys, file: OwnedFd) -> rustix::io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    let mut filled = 0;
    loop {
        bytes.resize(filled + STEP, 0);
        sys.check_stop()?;
        let count = sys.read(&file, &mut bytes[filled..])?;
        filled += count;
        if count == 0 {
            bytes.truncate(filled);
            sys.close(file)?;
            return Ok(bytes);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(bytes: &[u8], end: u8) -> Vec<PathBuf> {
        Names { bytes: bytes.to_vec(), end }.into_paths().collect()
    }

    #[test]
    fn names_are_taken_as_they_are() {
        let paths =
            |names: &[&[u8]]| names.iter().map(|name| PathBuf::from(OsStr::from_bytes(name))).collect::<Vec<_>>();
        assert_eq!(names(b"a\n\n-b\n c \xe9\n-\nlast", b'\n'), paths(&[b"a", b"-b", b" c \xe9", b"-", b"last"]));
        assert_eq!(names(b"a\nb\0\0-\0'c'\0", 0), paths(&[b"a\nb", b"-", b"'c'"]));
        assert!(names(b"", b'\n').is_empty() && names(b"\n\n", b'\n').is_empty());
        let list = |bytes: &[u8]| Names { bytes: bytes.to_vec(), end: b'\n' };
        assert!(list(b"a\n-\nb").has_dash() && !list(b"-a\n--\n").has_dash());
    }
}
