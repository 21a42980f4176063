//! What went wrong, and at which operation.

use std::path::PathBuf;

use rustix::io::Errno;

use super::Operation;

/// The result of what keeps operations in flight.
pub type Result<T> = std::result::Result<T, Error>;

/// An operation that failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Error {
    /// What was tried, as a verb.
    pub tried: &'static str,
    /// At which operation; `None` where it is not one alone that could not be done.
    pub operation: Option<Operation>,
    /// Why it failed.
    pub cause: Cause,
}

/// Why an operation failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cause {
    /// The kernel said no; EINTR is a request to stop.
    System(Errno),
    /// It moved only so many bytes: the file has become shorter, or its disk is full.
    Short(usize),
}

impl Error {
    /// The same, of a file that the user would name so.
    pub fn on(&self, path: impl Into<PathBuf>) -> crate::error::Error {
        match (self.cause, self.operation) {
            (Cause::System(errno), _) => crate::error::Error::system(self.tried, path, errno),
            (Cause::Short(moved), operation) => {
                let Operation { offset, bytes, .. } = operation.unwrap_or_default();
                let why = format!("only {moved} of {bytes} bytes at offset {offset}");
                let hint = if self.tried == "read" { "it has become shorter" } else { "its disk may be full" };
                crate::error::Error::refused(self.tried, path, format!("{why}: {hint}"))
            }
        }
    }

    pub(super) const fn stopped(errno: Errno) -> Self {
        Self { tried: "measure", operation: None, cause: Cause::System(errno) }
    }

    pub(super) const fn of_submission(errno: Errno) -> Self {
        Self { tried: "submit operations on", operation: None, cause: Cause::System(errno) }
    }

    pub(super) const fn of_thread(errno: Errno) -> Self {
        Self { tried: "start threads for", operation: None, cause: Cause::System(errno) }
    }

    pub(super) const fn of_sync(operation: Operation, errno: Errno) -> Self {
        Self { tried: "sync", operation: Some(operation), cause: Cause::System(errno) }
    }
}

impl Operation {
    /// An error unless it moved all its bytes.
    pub(super) fn check(&self, moved: rustix::io::Result<usize>) -> Result<()> {
        let cause = match moved {
            Ok(moved) if moved == self.bytes => return Ok(()),
            Ok(moved) => Cause::Short(moved),
            Err(errno) => Cause::System(errno),
        };
        let tried = if self.writes { "write" } else { "read" };
        Err(Error { tried, operation: Some(*self), cause })
    }
}
