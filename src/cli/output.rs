//! The ways out: standard output, standard error, and the files that reports go to.

use std::ffi::{CString, OsStr};
use std::fs::File;
use std::io::{Seek, Write};
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use haul::error::{Error, Result};
use haul::job::Context;
use haul::sys::{FileKind, Stop, Sys, standard_output};
use haul::tree::path::{c_path, lies_in, open_named, own_name};
use haul::tree::{DirectoryRules, Site, TemporaryFile, TemporaryFileRegistry};
use rustix::fs::{CWD, OFlags};
use rustix::io::Errno;

use super::options::UsageError;
use haul::lab::view::Format;

use super::report_options::Output;

/// The kernel's own limit.
const MOST_LINKS: usize = 40;
/// procfs by its number in statfs(2).
const PROCFS: u64 = 0x9fa0;

/// A report's file, which is written several times: it has its name from the first time on, and is whole whenever
/// somebody looks. What bore the name stays until then.
pub(crate) struct ReportFile {
    path: PathBuf,
    sink: Sink,
}

enum Sink {
    /// A file of its own: each report takes the place of the last one.
    Name { directory: Arc<OwnedFd>, name: CString, temporary_files: TemporaryFileRegistry },
    /// What is not a file with a name, such as a device or standard output, is written as it is.
    Open { file: File, rewrites: bool },
}

impl ReportFile {
    /// Sees to it that it can be written, unless that would write into what is being measured.
    pub(crate) fn create(sys: &mut Sys, context: &Context, path: &Path, measured: Option<&Path>) -> Result<Self> {
        let failed = |errno| Error::system("create", path, errno);
        let (directory, name) = end_of(sys, path).map_err(failed)?;
        let existing = sys.stat_through(&directory, &name).ok();
        if let Some(measured) = measured
            && let Ok(measured) = sys.stat_through(CWD, &c_path(measured))
            && (existing.is_some_and(|existing| existing.is_same_file(&measured))
                || lies_in(sys, &directory, &measured).map_err(failed)?)
        {
            return Err(Error::refused("write the report to", path, "it is, or lies in, what is being measured"));
        }
        let own = sys.stat_at(&directory, &name).ok();
        let sink = if own.is_some_and(|own| own.kind != FileKind::RegularFile) {
            let file = File::from(sys.openat(&directory, &name, OFlags::WRONLY, 0).map_err(failed)?);
            Sink::Open { file, rewrites: existing.is_some_and(|existing| existing.kind == FileKind::RegularFile) }
        } else {
            // Made and taken away again: were it kept until the first report, an end by force would leave it behind.
            let (temporary, file) =
                TemporaryFile::file(sys, site(&directory, &context.temporary_files), &name, 0o666).map_err(failed)?;
            temporary.abandon(sys);
            sys.close(file).map_err(failed)?;
            Sink::Name { directory, name, temporary_files: context.temporary_files.clone() }
        };
        Ok(Self { path: path.to_owned(), sink })
    }

    /// Whether it can be written more than once: what went down a pipe cannot be taken back.
    pub(crate) const fn rewrites(&self) -> bool {
        matches!(self.sink, Sink::Name { .. } | Sink::Open { rewrites: true, .. })
    }

    /// Writes a report in place of the last one.
    pub(crate) fn write(&mut self, sys: &mut Sys, report: &[u8]) -> Result<()> {
        match &mut self.sink {
            Sink::Name { directory, name, temporary_files } => {
                let failed = |errno| Error::system("write", &self.path, errno);
                let (temporary, file) =
                    TemporaryFile::file(sys, site(directory, temporary_files), name, 0o666).map_err(failed)?;
                let mut file = File::from(file);
                file.write_all(report).map_err(|error| output_error(&self.path, &error))?;
                sys.close(file.into()).map_err(failed)?;
                temporary.finish(sys, true).map(drop).map_err(|unnamed| failed(unnamed.abandon(sys)))
            }
            Sink::Open { file, rewrites } => {
                let cleared = if *rewrites { file.set_len(0).and_then(|()| file.rewind()) } else { Ok(()) };
                cleared.and_then(|()| file.write_all(report)).map_err(|error| output_error(&self.path, &error))
            }
        }
    }
}

/// Where a report is made. It is not a secret, nor does anything depend on it: nobody looks whether others may write there.
fn site<'a>(directory: &'a Arc<OwnedFd>, temporary_files: &'a TemporaryFileRegistry) -> Site<'a> {
    Site { directory, rules: DirectoryRules::default(), temporary_files }
}

/// The directory and the name in it that a path comes to through symbolic links, whether anything bears that name or not.
/// The links of procfs are an end: what they lead to may have no name, or one that others hold on to.
fn end_of(sys: &mut Sys, path: &Path) -> rustix::io::Result<(Arc<OwnedFd>, CString)> {
    let mut path = path.to_owned();
    let mut base: Option<Arc<OwnedFd>> = None;
    for _ in 0..MOST_LINKS {
        // A name with a slash after it is that of a directory, whether there is one or not.
        let is_directory = path.as_os_str().as_bytes().ends_with(b"/");
        let name = own_name(&path).filter(|_| !is_directory).ok_or(Errno::ISDIR)?;
        let parent = path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
        let start = base.as_ref().map_or(CWD, |base| base.as_fd());
        let directory = Arc::new(open_named(sys, start, &c_path(parent))?);
        let is_magic = sys.fstatfs(&directory).is_ok_and(|system| system.magic == PROCFS);
        match sys.readlinkat(&directory, &name) {
            Ok(text) if !is_magic => path = PathBuf::from(OsStr::from_bytes(text.to_bytes())),
            // No link, or nothing at all: opening it says what else is wrong.
            _ => return Ok((directory, name)),
        }
        base = Some(directory);
    }
    Err(Errno::LOOP)
}

/// An error of `std::io` as one of ours.
pub(crate) fn output_error(path: &Path, error: &std::io::Error) -> Error {
    match rustix::io::Errno::from_io_error(error) {
        Some(errno) => Error::system("write", path, errno),
        None => Error::refused("write", path, error.to_string()),
    }
}

/// Where reports go, and in which format: a file's by its name, or by `--format` where the name does not say or the file
/// is the only one.
pub(super) fn outputs(files: Vec<PathBuf>, format: Option<Format>) -> Result<Vec<Output>, UsageError> {
    if files.is_empty() {
        return Ok(vec![Output { format: format.unwrap_or_default(), path: None }]);
    }
    if let Some(twice) = files.iter().enumerate().find(|(index, path)| files[..*index].contains(path)) {
        return Err(UsageError::new(format!("'{}' is named twice: give each report a name", twice.1.display())));
    }
    let alone = files.len() == 1;
    let output = |path: PathBuf| {
        if path == Path::new("-") {
            return Ok(Output { format: format.unwrap_or_default(), path: None });
        }
        let ending = path.extension().and_then(OsStr::to_str);
        let by_name = ending.and_then(Format::of_extension);
        let format = if alone { format.or(by_name) } else { by_name.or(format) };
        match (format, ending) {
            (None, Some(ending)) => Err(UsageError::new(format!(
                "the ending .{ending} names no format: write .txt, .csv, .json, .md or .html, or add --format"
            ))),
            _ => Ok(Output { format: format.unwrap_or_default(), path: Some(path) }),
        }
    };
    files.into_iter().map(output).collect()
}

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

/// Not the job's `Sys`: what it did is told also after Ctrl-C, and telling it is not part of it.
fn uncounted() -> Sys {
    Sys::new(Stop::new())
}
