//! Where reports go: their files, and the failures of what `std::io` writes.

use std::fs::File;
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use haul::error::{Error, Result};
use haul::job::Context;
use haul::outcome::SweepReport;
use haul::sys::{FileKind, Sys};
use haul::tree::Part;
use haul::tree::path::{c_path, lies_in, open_named};
use rustix::fs::{CWD, OFlags};
use rustix::io::Errno;

use super::report::{self, Format};

/// A report's file: it has its name when the report is whole, and an older report stays until then.
pub(crate) struct ReportFile {
    path: PathBuf,
    file: OwnedFd,
    /// `None` where the name is a device or a link, which is written as it is.
    part: Option<Part>,
}

impl ReportFile {
    /// Makes it, unless that would write into what is being swept.
    pub(crate) fn create(sys: &mut Sys, context: &Context, path: &Path, swept: &Path) -> Result<Self> {
        let failed = |errno| Error::system("create", path, errno);
        let name = path.file_name().map(c_path).ok_or_else(|| failed(Errno::ISDIR))?;
        let parent = path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
        let directory = Arc::new(open_named(sys, CWD, &c_path(parent)).map_err(failed)?);
        let existing = sys.stat_through(&directory, &name).ok();
        if let Ok(swept) = sys.stat_through(CWD, &c_path(swept))
            && (existing.is_some_and(|existing| existing.is_same_file(&swept))
                || lies_in(sys, &directory, &swept).map_err(failed)?)
        {
            return Err(Error::refused("write the report to", path, "it is, or lies in, what is being swept"));
        }
        let own = sys.stat_at(&directory, &name).ok();
        let (file, part) = if own.is_some_and(|own| own.kind != FileKind::RegularFile) {
            (sys.openat(&directory, &name, OFlags::WRONLY | OFlags::TRUNC, 0).map_err(failed)?, None)
        } else {
            let (part, file) = Part::file(sys, &context.leftovers, &directory, &name, 0o666).map_err(failed)?;
            (file, Some(part))
        };
        Ok(Self { path: path.to_owned(), file, part })
    }

    /// Writes the report and gives the file its name.
    pub(crate) fn write(self, sys: &mut Sys, report: &SweepReport, format: Format) -> Result<()> {
        let mut file = File::from(self.file);
        report::write(report, format, &mut file).map_err(|error| output_error(&self.path, &error))?;
        sys.close(file.into())
            .and_then(|()| self.part.map_or(Ok(()), |part| part.finish(sys, true)))
            .map_err(|errno| Error::system("write", &self.path, errno))
    }
}

/// An error of `std::io` as one of ours.
pub(crate) fn output_error(path: &Path, error: &std::io::Error) -> Error {
    match rustix::io::Errno::from_io_error(error) {
        Some(errno) => Error::system("write", path, errno),
        None => Error::refused("write", path, error.to_string()),
    }
}
