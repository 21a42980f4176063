//! Failures of standard output and of report files, which `std::io` writes.

use std::path::Path;

use haul::error::Error;

/// An error of `std::io` as one of ours.
pub(crate) fn output_error(path: &Path, error: &std::io::Error) -> Error {
    match rustix::io::Errno::from_io_error(error) {
        Some(errno) => Error::system("write", path, errno),
        None => Error::refused("write", path, error.to_string()),
    }
}
