//! Standard output and standard error.
//!
//! They are not written through `std::io`, which takes a write to a descriptor that is closed or read-only for done, and
//! gives up where a stream is set not to wait (`O_NONBLOCK`).

use haul::error::{Error, Result};
use haul::sys::{Stop, Sys, standard_output};

/// Writes to standard output, in one write where it takes all at once. No bytes at all find out whether it is open.
pub(crate) fn print(bytes: &[u8]) -> Result<()> {
    let written = standard_output().and_then(|out| uncounted().write_full(out, bytes, usize::MAX));
    written.map_err(|errno| Error::system("write", "standard output", errno))
}

/// Writes to standard error. That it is closed or full is nothing that we could report.
pub(crate) fn tell(text: &str) {
    let _one_at_a_time = std::io::stderr().lock();
    let _ = uncounted().write_full(rustix::stdio::stderr(), text.as_bytes(), usize::MAX);
}

/// Not the job's `Sys`: what it did is told also after Ctrl-C, and telling it is no part of it.
fn uncounted() -> Sys {
    Sys::new(Stop::new())
}
