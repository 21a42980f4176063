//! One kind of error: which operation failed, on which path, and why.
//!
//! It prints as "cannot open 'a/b': Permission denied", always on one line, whatever bytes the name holds.

use std::borrow::Cow;
use std::ffi::OsStr;
use std::fmt::{self, Write as _};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use rustix::io::Errno;

/// The result of anything here that can fail.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// A failure: operation, path and cause.
///
/// ```
/// let plan = haul::CopyOptions::new(vec!["a".into(), "b".into()], "no/such/directory/".into()).plan()?;
/// let error = haul::copy(&plan, &haul::Context::silent()).unwrap_err();
/// assert_eq!((error.operation, error.path.to_str()), ("copy to", Some("no/such/directory/")));
/// assert_eq!(error.to_string(), format!("cannot copy to 'no/such/directory/': {}", error.cause));
/// # Ok::<(), haul::Clashes>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("cannot {operation} {}: {cause}", Quoted(path))]
pub struct Error {
    /// What was tried, as a verb: "open", "read", "replace".
    pub operation: &'static str,
    /// What it was tried on, as the user would name it.
    pub path: PathBuf,
    /// Why it failed.
    #[source]
    pub cause: Cause,
}

/// Why an operation failed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Cause {
    /// The kernel said no.
    #[error("{}", strerror(*.0))]
    System(Errno),
    /// haul said no, or found damage.
    #[error("{}", .0.why)]
    Refused(Refused),
    /// Somebody asked to stop (Ctrl-C, SIGTERM).
    #[error("interrupted")]
    Interrupted,
}

/// What haul said no to, or found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refused {
    /// What is wrong.
    pub why: Cow<'static, str>,
    /// What would help, if that is known.
    pub remedy: Option<Remedy>,
}

impl<T: Into<Cow<'static, str>>> From<T> for Refused {
    fn from(why: T) -> Self {
        Self { why: why.into(), remedy: None }
    }
}

/// What would help against a failure, or which choice it comes of. How that is chosen, callers know: a command line names
/// an option.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Remedy {
    /// To go into directories.
    Recursive,
    /// To follow symbolic links, which [`FileOptions::force`](crate::plan::FileOptions::force) does.
    Follow,
    /// To read it to standard output.
    Stdout,
    /// To keep the source, or to take away one of its names.
    KeepOrForce,
    /// To replace what is there.
    Force,
    /// To write to something else than a terminal, or all the same.
    NoTerminal,
    /// To write to standard output, or to name another suffix.
    StdoutOrSuffix,
    /// To make the index again.
    NewIndex,
    /// Nothing: a range of it is read from the start.
    RangeFromStart,
    /// A higher [`max_output`](crate::plan::GunzipOptions::max_output).
    MaxOutput,
    /// To ignore what follows the last member.
    IgnoreTrailing,
    /// Fewer workers, or more memory for the process.
    FewerWorkers,
    /// Fewer workers, or higher limits of the process.
    FewerThreads,
    /// More buffers, or a longer wait for one.
    MoreBuffers,
    /// A list whose names end with NUL.
    NullList,
    /// To remove it: what is there already.
    Remove,
    /// To remove what is there, of a source that holds nothing.
    RemoveThere,
    /// To copy what a special file holds.
    CopyContents,
    /// The same, or to remove what is there.
    CopyContentsOrRemove,
    /// To continue the earlier copy.
    Resume,
    /// To remove or rename what is there, or not to continue.
    NoResume,
    /// A directory, which [`Placing::Into`](crate::plan::Placing::Into) needs.
    DirectoryForInto,
    /// A directory, which the paths of sources need.
    DirectoryForParents,
    /// To make no paths of sources.
    NoParents,
    /// To leave the target out of what is copied.
    Exclude,
    /// Numbered backups.
    NumberedBackup,
    /// Another directory.
    Directory,
    /// A scratch directory elsewhere.
    Scratch,
    /// A scratch directory outside.
    ScratchOutside,
    /// More free space, or a scratch directory elsewhere.
    SpaceOrDirectory,
    /// More free space, or a smaller large file.
    SpaceOrSmaller,
    /// More free space, or a large file of a given size.
    SpaceOrSize,
    /// A smaller file, or a larger share of what is free.
    SizeOrShare,
    /// More free space, a larger share of what is free, or another directory.
    SpaceOrShare,
    /// A file of another size.
    Size,
    /// Smaller blocks, or a larger file.
    Blocks,
    /// Threads instead of a ring.
    Threads,
    /// To read a file or device that is there.
    ReadOnly,
}

impl Error {
    /// A failed system call. EINTR leaves `sys/` only when a stop was asked for, so it means just that.
    pub fn system(operation: &'static str, path: impl Into<PathBuf>, errno: Errno) -> Self {
        let cause = if errno == Errno::INTR { Cause::Interrupted } else { Cause::System(errno) };
        Self { operation, path: path.into(), cause }
    }

    /// A failed system call that says something of this one file, whatever its errno: owner, mode, times and attributes
    /// may find no room, or no right to change them, where bytes can still be written.
    pub(crate) fn of_one_file(operation: &'static str, path: impl Into<PathBuf>, errno: Errno) -> Self {
        match errno {
            Errno::INTR => Self::system(operation, path, errno),
            _ => Self::refused(operation, path, strerror(errno)),
        }
    }

    /// A refusal of ours, or damage that we found.
    pub fn refused(operation: &'static str, path: impl Into<PathBuf>, why: impl Into<Cow<'static, str>>) -> Self {
        Self { operation, path: path.into(), cause: Cause::Refused(why.into().into()) }
    }

    /// The same refusal, and what would help.
    #[must_use]
    pub fn with(mut self, remedy: impl Into<Option<Remedy>>) -> Self {
        if let Cause::Refused(refused) = &mut self.cause {
            refused.remedy = remedy.into();
        }
        self
    }

    /// What would help, if that is known.
    pub const fn remedy(&self) -> Option<Remedy> {
        match &self.cause {
            Cause::Refused(refused) => refused.remedy,
            _ => None,
        }
    }

    /// The errno, if the kernel said no.
    pub const fn errno(&self) -> Option<Errno> {
        match self.cause {
            Cause::System(errno) => Some(errno),
            _ => None,
        }
    }

    /// Whether somebody asked to stop.
    pub fn is_interruption(&self) -> bool {
        self.cause == Cause::Interrupted
    }

    /// Whether the reader of our output went away.
    pub fn is_broken_pipe(&self) -> bool {
        self.cause == Cause::System(Errno::PIPE)
    }

    /// Whether going on with other files is pointless: every further write would fail in the same way.
    pub(crate) fn stops_the_job(&self) -> bool {
        matches!(
            self.cause,
            Cause::Interrupted | Cause::System(Errno::NOSPC | Errno::DQUOT | Errno::ROFS | Errno::PIPE)
        )
    }
}

/// The system's words for an errno, without the number that `std` appends.
fn strerror(errno: Errno) -> String {
    let text = std::io::Error::from(errno).to_string();
    text.split(" (os error").next().unwrap_or_default().to_owned()
}

/// A path between quotes, on one line: control characters and bytes that are not UTF-8 are escaped.
#[doc(hidden)]
pub struct Quoted<'a>(pub &'a Path);

impl fmt::Display for Quoted<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "'{}'", Escaped(self.0.as_os_str()))
    }
}

/// A word on one line that steers no terminal: control characters and bytes that are not UTF-8 are escaped.
#[doc(hidden)]
pub struct Escaped<'a>(pub &'a OsStr);

impl fmt::Display for Escaped<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for chunk in self.0.as_bytes().utf8_chunks() {
            for c in chunk.valid().chars() {
                if c.is_control() { write!(f, "{}", c.escape_default())? } else { f.write_char(c)? }
            }
            for byte in chunk.invalid() {
                write!(f, "\\x{byte:02x}")?;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_is_one_line_that_names_operation_path_and_cause() {
        let text = |bytes: &[u8]| Error::system("open", OsStr::from_bytes(bytes), Errno::ACCESS).to_string();
        assert_eq!(text(b"a/b"), "cannot open 'a/b': Permission denied");
        assert_eq!(text(b"new\nline\x1b[31m"), "cannot open 'new\\nline\\u{1b}[31m': Permission denied");
        assert_eq!(text(b"latin\xe9"), "cannot open 'latin\\xe9': Permission denied");
        assert_eq!(text("grün".as_bytes()), "cannot open 'grün': Permission denied");
    }

    #[test]
    fn a_full_disk_stops_and_a_closed_door_does_not() {
        let stops = |errno| Error::system("write", "x", errno).stops_the_job();
        assert!(stops(Errno::NOSPC) && stops(Errno::DQUOT) && stops(Errno::PIPE) && stops(Errno::INTR));
        assert!(!stops(Errno::ACCESS) && !stops(Errno::NOENT));
        let of_one_file = |errno| Error::of_one_file("examine", "x", errno);
        assert!(!of_one_file(Errno::NOSPC).stops_the_job() && of_one_file(Errno::INTR).is_interruption());
        assert_eq!(of_one_file(Errno::ROFS).to_string(), "cannot examine 'x': Read-only file system");
        assert!(Error::system("read", "x", Errno::INTR).is_interruption());
    }
}
