//! `haul gunzip`: each file by one worker, many files at a time. Every member is checked.

use std::ffi::{CStr, CString, OsStr};
use std::io::IsTerminal;
use std::os::fd::OwnedFd;
use std::os::unix::ffi::OsStrExt;
use std::path::PathBuf;
use std::sync::Arc;

use rustix::io::Errno;

use super::Context;
use super::claims::Claims;
use super::files::source::Source;
use super::files::target::{claim, may_create};
use super::files::{FileJob, Folder, Sequence, Task, Walker, first_tasks, suffix};
use super::station::Station;
use crate::codec::gunzip::{End, Gunzip, Step};
use crate::error::{Error, Result};
use crate::outcome::Summary;
use crate::plan::{GunzipPlan, Output};
use crate::pool::{BufferPool, Handle, PoolOptions, workers};
use crate::size::BufferSize;
use crate::sys::{DirectoryBuffer, Moment};
use crate::tree::metadata::{creation_mode, keep_on_new_file};
use crate::tree::{Leftovers, Part};

/// Bytes of one read and one write where the user did not say; the README's table shows why.
const DEFAULT_BUFFER: BufferSize = BufferSize::from_kib(128);

/// Decompresses what `plan` says. Failures of single files are events and counts in the summary; an error means that
/// nothing could be begun.
pub fn run(plan: &GunzipPlan, context: &Context) -> Result<Summary> {
    if plan.files.inputs.iter().any(|input| input.as_os_str() == "-")
        && !plan.files.force
        && std::io::stdin().is_terminal()
    {
        let why = "it is a terminal; name a file, or redirect it";
        return Err(Error::refused("read compressed data from", "standard input", why));
    }
    let threads = plan.files.resources.threads();
    let bytes = plan.files.resources.buffer.unwrap_or(DEFAULT_BUFFER).bytes();
    // One buffer to read into and one to inflate into.
    let pool = BufferPool::new(PoolOptions::for_job(plan.files.resources.pool, bytes, threads * 2, 2));
    let claims = Claims::default();
    let files = Arc::new(plan.files.clone());
    let walkers = Station::for_workers(context, threads)
        .into_iter()
        .map(|station| {
            let job = Inflater {
                station,
                plan: plan.clone(),
                pool: pool.clone(),
                leftovers: context.leftovers.clone(),
                claims: claims.clone(),
                gunzip: Gunzip::default(),
            };
            Walker { job, plan: Arc::clone(&files), names: DirectoryBuffer::default(), identity: context.identity }
        })
        .collect();
    let done = workers::run(plan.files.resources.scheduler, walkers, first_tasks(&plan.files).into_iter());
    Ok(Station::add_up(done.into_iter().map(|walker| walker.job.station), &pool))
}

/// A worker's part of the job.
struct Inflater {
    station: Station,
    plan: GunzipPlan,
    pool: BufferPool,
    leftovers: Leftovers,
    claims: Claims,
    /// Its window is allocated once.
    gunzip: Gunzip,
}

/// Where the bytes go.
enum Sink {
    Nowhere,
    Stdout(OwnedFd),
    File { part: Part, file: OwnedFd, path: PathBuf, folder: Arc<Folder> },
}

/// What was found in a file.
struct Content {
    end: End,
    read: u64,
    written: u64,
    name: Vec<u8>,
    mtime: u32,
}

impl FileJob for Inflater {
    type Shared = std::convert::Infallible;

    fn station(&mut self) -> &mut Station {
        &mut self.station
    }

    fn wants(&self, name: &CStr) -> bool {
        suffix::decompressed(name, &self.plan.files.suffix).is_some()
    }

    fn alternatives(&self, name: &CStr) -> Vec<CString> {
        suffix::alternatives(name, &self.plan.files.suffix)
    }

    fn file(&mut self, source: Source, rest: Option<Sequence>, handle: &mut Handle<'_, Task<Self::Shared>>) {
        let done = self.decompress(source);
        self.station.check(done);
        if let Some(rest) = rest.filter(|rest| !rest.is_empty()) {
            handle.offer(Task::InOrder(rest));
        }
    }

    fn shared(&mut self, shared: Self::Shared, _handle: &mut Handle<'_, Task<Self::Shared>>) {
        match shared {}
    }
}

impl Inflater {
    fn decompress(&mut self, source: Source) -> Result<()> {
        self.station.found(source.attributes.size);
        let mut sink = self.open_sink(&source)?;
        match self.inflate(&source, &mut sink) {
            Ok(content) => self.finish(source, sink, &content),
            Err(error) => {
                if let Sink::File { part, .. } = sink {
                    part.abandon(&mut self.station.sys);
                }
                Err(error)
            }
        }
    }

    fn open_sink(&mut self, source: &Source) -> Result<Sink> {
        let folder = match (&source.folder, self.plan.files.output) {
            (_, Output::Nowhere) => return Ok(Sink::Nowhere),
            (Some(folder), Output::BesideSource) => folder,
            _ => {
                let stdout = rustix::io::dup(rustix::stdio::stdout());
                return stdout.map(Sink::Stdout).map_err(|errno| Error::system("write", "standard output", errno));
            }
        };
        let Some(name) = suffix::decompressed(&source.name, &self.plan.files.suffix) else {
            let why = "its suffix is not one of a compressed file; -c or -S helps";
            return Err(Error::refused("decompress", source.path(), why));
        };
        let path = folder.place.path_of(&name);
        // With -N the name in the header may differ; then this one is only where the data goes first.
        if !self.plan.files.name {
            may_create(&mut self.station.sys, folder, &name, &path, self.plan.files.force)?;
        }
        let mode = creation_mode(&source.attributes, &folder.creator);
        let created = Part::file(&mut self.station.sys, &self.leftovers, &folder.directory, &name, mode);
        let (part, file) = created.map_err(|errno| Error::system("create", &path, errno))?;
        Ok(Sink::File { part, file, path, folder: Arc::clone(folder) })
    }

    /// Reads the source to its end and writes what is in it, full buffers at a time.
    fn inflate(&mut self, source: &Source, sink: &mut Sink) -> Result<Content> {
        let acquired = self.pool.acquire();
        let [mut input, mut output] =
            acquired.map_err(|error| Error::refused("get buffers for", source.path(), error.to_string()))?;
        self.gunzip.restart();
        let (mut read, mut written, mut filled) = (0, 0, 0);
        let result = loop {
            let count = self.read(source, &mut input)?;
            if count == 0 {
                break self.gunzip.finish();
            }
            read += count as u64;
            let mut rest = &input[..count];
            let damage = loop {
                match self.gunzip.step(rest, &mut output[filled..]) {
                    Err(damage) => break Some(damage),
                    Ok(Step { consumed: 0, produced: 0 }) if rest.is_empty() => break None,
                    Ok(step) => {
                        rest = &rest[step.consumed..];
                        filled += step.produced;
                    }
                }
                if filled == output.len() {
                    written += self.write(sink, &output)?;
                    filled = 0;
                }
            };
            self.station.moved(count as u64);
            if let Some(damage) = damage {
                break Err(damage);
            }
        };
        // What came before the damage is right, and goes out.
        written += self.write(sink, &output[..filled])?;
        let end = result.map_err(|damage| Error::refused("decompress", source.path(), damage.to_string()))?;
        let header = self.gunzip.first_header().cloned().unwrap_or_default();
        Ok(Content { end, read, written, name: header.name, mtime: header.mtime })
    }

    fn read(&mut self, source: &Source, input: &mut [u8]) -> Result<usize> {
        let sys = &mut self.station.sys;
        sys.check_stop()
            .and_then(|()| sys.read(&source.file, input))
            .map_err(|errno| Error::system("read", source.path(), errno))
    }

    fn write(&mut self, sink: &Sink, bytes: &[u8]) -> Result<u64> {
        let written = match sink {
            Sink::Nowhere => Ok(()),
            Sink::Stdout(file) => {
                let written = self.station.sys.write_full(file, bytes, bytes.len());
                written.map_err(|errno| Error::system("write", "standard output", errno))
            }
            Sink::File { file, path, .. } => {
                let written = self.station.sys.write_full(file, bytes, bytes.len());
                written.map_err(|errno| Error::system("write", path, errno))
            }
        };
        written.map(|()| bytes.len() as u64)
    }

    fn finish(&mut self, source: Source, sink: Sink, content: &Content) -> Result<()> {
        let &Content { end, read, written, .. } = content;
        match sink {
            Sink::Nowhere => {}
            Sink::Stdout(file) => {
                let closed = self.station.sys.close(file);
                closed.map_err(|errno| Error::system("write", "standard output", errno))?;
            }
            Sink::File { part, file, path, folder } => self.give_name(&source, (part, file, path, &folder), content)?,
        }
        if end.ignored_bytes > 0 {
            let kept = if self.plan.files.output == Output::BesideSource { "; the file is kept" } else { "" };
            let text = format!("{} bytes behind the compressed data were ignored{kept}", end.ignored_bytes);
            self.station.warn(source.path(), text);
        }
        self.station.summary.target_bytes += written;
        self.station.note(|| (source.path(), format!("{read} bytes → {written}, intact")));
        self.station.done();
        let _ = self.station.sys.close(source.file);
        Ok(())
    }

    fn give_name(
        &mut self,
        source: &Source,
        (part, file, mut path, folder): (Part, OwnedFd, PathBuf, &Folder),
        content: &Content,
    ) -> Result<()> {
        let mut attributes = source.attributes;
        let mut name = part.name().to_owned();
        if self.plan.files.name {
            if content.mtime != 0 {
                attributes.mtime = Moment { seconds: content.mtime.into(), nanoseconds: 0 };
            }
            if let Some(stored) = usable_name(&content.name) {
                path.set_file_name(OsStr::from_bytes(stored.to_bytes()));
                name = stored;
            }
        }
        let sys = &mut self.station.sys;
        let kept = keep_on_new_file(sys, &file, &attributes, &folder.creator).and(sys.close(file));
        let checked = kept
            .map_err(|errno| Error::system("finish", &path, errno))
            .and_then(|()| source.check_unchanged(sys))
            .and_then(|()| may_create(sys, folder, &name, &path, self.plan.files.force))
            .and_then(|replace| claim(&self.claims, source, &name, &path).map(|()| replace));
        let replace = match checked {
            Ok(replace) => replace,
            Err(error) => {
                part.abandon(sys);
                return Err(error);
            }
        };
        part.finish_as(sys, &name, replace).map_err(|errno| match errno {
            Errno::EXIST => Error::refused("create", &path, "it exists; -f replaces it"),
            errno => Error::system("give its final name to", &path, errno),
        })?;
        if self.plan.files.keep || content.end.ignored_bytes > 0 { Ok(()) } else { source.remove(sys) }
    }
}

/// The stored name, if it is one: its last component only, since a header may hold anything.
fn usable_name(stored: &[u8]) -> Option<CString> {
    let last = stored.rsplit(|byte| *byte == b'/').next()?;
    let special = last.is_empty() || last == b"." || last == b"..";
    if special { None } else { CString::new(last).ok() }
}
