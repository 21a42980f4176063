//! `haul gunzip`: each file by one worker, many files at a time. Every member is checked.
//!
//! - this file: the plan, the workers, and the loop that inflates;
//! - [`finish`]: names, attributes, and the end of the source.

mod finish;

use std::ffi::{CStr, CString};
use std::io::IsTerminal;
use std::os::fd::OwnedFd;
use std::path::PathBuf;
use std::sync::Arc;

use super::Context;
use super::claims::Claims;
use super::files::source::Source;
use super::files::target::{Existing, claim_up_to_date, may_create};
use super::files::{self, FileJob, Folder, Sequence, Task, suffix};
use super::station::Station;
use crate::codec::gunzip::{End, Gunzip, Step};
use crate::error::{Error, Result};
use crate::outcome::Summary;
use crate::plan::{GunzipPlan, Output};
use crate::pool::{BufferPool, Handle, PoolOptions};
use crate::size::BufferSize;
use crate::tree::metadata::creation_mode;
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
    files::run(&plan.files, context, &pool, |station| Inflater {
        station,
        plan: plan.clone(),
        pool: pool.clone(),
        leftovers: context.leftovers.clone(),
        claims: claims.clone(),
        gunzip: Gunzip::default(),
    })
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

    fn into_station(self) -> Station {
        self.station
    }

    fn claims(&self) -> &Claims {
        &self.claims
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
        let Some(mut sink) = self.open_sink(&source)? else { return Ok(()) };
        self.station.found(source.attributes.size);
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

    /// `None` if what would be made is there already.
    fn open_sink(&mut self, source: &Source) -> Result<Option<Sink>> {
        let folder = match (&source.folder, self.plan.files.output) {
            (_, Output::Nowhere) => return Ok(Some(Sink::Nowhere)),
            (Some(folder), Output::BesideSource) => folder,
            _ => {
                let stdout = rustix::io::dup(rustix::stdio::stdout());
                let stdout = stdout.map_err(|errno| Error::system("write", "standard output", errno))?;
                return Ok(Some(Sink::Stdout(stdout)));
            }
        };
        let Some(name) = suffix::decompressed(&source.name, &self.plan.files.suffix) else {
            let why = "its suffix is not one of a compressed file; -c or -S helps";
            return Err(Error::refused("decompress", source.path(), why));
        };
        let sys = &mut self.station.sys;
        let folder = folder.of_targets(sys)?;
        let path = folder.place.path_of(&name);
        // With -N name and time in the header may differ; then this one is only where the data goes first.
        if !self.plan.files.name {
            let mtime = source.attributes.mtime;
            let existing = may_create(sys, &self.plan.files, source, &folder, &name, &path, mtime)?;
            if existing == Existing::UpToDate {
                claim_up_to_date(&self.claims, &folder, &name, &path)?;
                self.station.up_to_date(&source.path(), &path);
                return Ok(None);
            }
        }
        let mode = creation_mode(&source.attributes, &folder.creator);
        let created = Part::file(sys, &self.leftovers, &folder.directory, &name, mode);
        let (part, file) = created.map_err(|errno| Error::system("create", &path, errno))?;
        Ok(Some(Sink::File { part, file, path, folder }))
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
}
