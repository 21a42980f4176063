//! What stands in the way of one attribute, and whether a copy can go on without it.

use std::ffi::{CString, OsStr};
use std::fmt;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use rustix::io::Errno;

use super::Class;
use crate::error::{Cause, Error, Quoted};

/// An attribute that could not be kept, and why: prints as "cannot set 'user.x': Operation not supported".
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Trouble {
    /// What was tried, as a verb: "list", "read", "set", "remove".
    pub operation: &'static str,
    /// Its name; `None` where it is about all of them.
    pub attribute: Option<CString>,
    /// What it belongs to; `Plain` where it is about all of them.
    pub class: Class,
    /// What the kernel said.
    pub errno: Errno,
}

impl Trouble {
    /// Whether the file system or the user's rights do not allow it: such an attribute is kept "where possible".
    ///
    /// EINVAL is for values that mean nothing there (an ACL that names a user whom a user namespace does not know, a
    /// label of another policy), EOVERFLOW for capabilities of another user namespace (capabilities(7)).
    pub const fn is_not_allowed(&self) -> bool {
        matches!(self.errno, Errno::NOTSUP | Errno::PERM | Errno::ACCESS | Errno::INVAL | Errno::OVERFLOW)
    }

    /// The failure of the file `path` that this is. It is about one file, whatever its errno: ENOSPC may only mean that
    /// the file system has no room for a value of this length.
    pub fn into_error(self, path: impl Into<PathBuf>) -> Error {
        let operation = "keep the attributes of";
        match self.errno {
            Errno::INTR => Error::system(operation, path, Errno::INTR),
            _ => Error::refused(operation, path, self.to_string()),
        }
    }
}

impl fmt::Display for Trouble {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "cannot {} ", self.operation)?;
        match &self.attribute {
            Some(name) => write!(f, "{}", Quoted(Path::new(OsStr::from_bytes(name.as_bytes()))))?,
            None => f.write_str("extended attributes")?,
        }
        write!(f, ": {}", Cause::System(self.errno))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn trouble(errno: Errno) -> Trouble {
        Trouble { operation: "set", attribute: Some(c"user.\n\xff".to_owned()), class: Class::Plain, errno }
    }

    #[test]
    fn a_full_disk_is_told_and_stops_no_job() {
        let error = trouble(Errno::NOSPC).into_error("a/b");
        let text = "cannot keep the attributes of 'a/b': cannot set 'user.\\n\\xff': No space left on device";
        assert_eq!(error.to_string(), text);
        assert!(!error.stops_the_job());
        assert!(trouble(Errno::INTR).into_error("a/b").is_interruption());
        let all = Trouble { operation: "list", attribute: None, ..trouble(Errno::IO) };
        assert_eq!(all.to_string(), "cannot list extended attributes: Input/output error");
    }

    #[test]
    fn what_is_not_allowed_is_told_from_what_went_wrong() {
        for errno in [Errno::NOTSUP, Errno::OPNOTSUPP, Errno::PERM, Errno::ACCESS, Errno::INVAL, Errno::OVERFLOW] {
            assert!(trouble(errno).is_not_allowed(), "{errno}");
        }
        for errno in [Errno::NOSPC, Errno::DQUOT, Errno::IO, Errno::TOOBIG, Errno::RANGE, Errno::ROFS, Errno::INTR] {
            assert!(!trouble(errno).is_not_allowed(), "{errno}");
        }
    }
}
