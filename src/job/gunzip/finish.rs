//! The two ends of a file: before the first byte, where its target is made; after the last, where the target gets its
//! name, attributes and, with `-N`, what the header says, and the source may go.

use std::ffi::{CString, OsStr};
use std::os::fd::OwnedFd;
use std::os::unix::ffi::OsStrExt;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use rustix::io::Errno;

use super::indexing::IndexTarget;
use super::outlet::{Enough, Outlet, Sink};
use super::route::Route;
use super::writer::{Failure, Writer};
use super::{Helped, Inflater};
use crate::codec::check::Damage;
use crate::codec::gunzip::End;
use crate::codec::member::Header;
use crate::error::{Error, Result};
use crate::job::files::source::Source;
use crate::job::files::target::{Existing, claim, claim_up_to_date, complete, may_create, settle};
use crate::job::files::{Folder, Sequence, Task, hand_on, suffix};
use crate::plan::Output;
use crate::pool::Handle;
use crate::sys::{Moment, Sys};
use crate::tree::Part;
use crate::tree::metadata::creation_mode;

/// Bytes of a compressed file that is inflated before anybody looks whether its target is there. Out of it come 64 MiB
/// at the most.
const SMALL_BYTES: u64 = 64 * 1024;

/// Where the bytes of a file go, as far as it is not the writer's to know.
pub(super) enum Target {
    Nowhere,
    Stdout,
    File(FileTarget),
}

/// A file in a folder.
pub(super) struct FileTarget {
    part: Part,
    path: PathBuf,
    folder: Arc<Folder>,
    /// What there was under its name; `None` if nobody looked.
    existing: Option<Existing>,
}

/// A file being decompressed.
pub(super) struct Open {
    pub(super) source: Source,
    target: Target,
    /// What the first member says of itself; nothing if that was too long to be looked at.
    pub(super) header: Header,
    /// Bytes of that.
    pub(super) header_bytes: u64,
    /// `None` if only what is needed is read, by an index.
    pub(super) route: Option<Route>,
    /// Bytes of it that were dealt with.
    pub(super) read: AtomicU64,
    /// Nothing more of it is wanted.
    pub(super) enough: Enough,
    /// The index that is being made of it.
    pub(super) index: Option<IndexTarget>,
    /// What follows on standard output.
    rest: Option<Sequence>,
}

impl Open {
    pub(super) fn new(source: Source, target: Target, rest: Option<Sequence>) -> Self {
        let (header, route, read) = (Header::default(), None, AtomicU64::new(0));
        let enough = Enough::default();
        Self { source, target, header, header_bytes: 0, route, read, enough, index: None, rest }
    }

    /// Whether what comes out goes to standard output.
    pub(super) const fn goes_to_stdout(&self) -> bool {
        matches!(self.target, Target::Stdout)
    }

    /// What went wrong, with the path it is about.
    pub(super) fn error(&self, failure: Failure) -> Error {
        match failure {
            Failure::Damage(damage) => Error::refused("decompress", self.source.path(), damage.to_string()),
            Failure::TooLarge(limit) => {
                let why = format!("more than {limit} bytes come out, which is what --max-output allows");
                Error::refused("decompress", self.source.path(), why)
            }
            Failure::Write(errno) => match &self.target {
                Target::File(target) => Error::system("write", &target.path, errno),
                Target::Stdout | Target::Nowhere => Error::system("write", "standard output", errno),
            },
        }
    }
}

impl Inflater {
    /// Makes the target of a source; `None` if it is there already.
    pub(super) fn begin(&mut self, source: Source) -> Result<Option<(Source, Target, Writer)>> {
        let plan = &self.shared.plan;
        let writer = |sink| Writer::new(Outlet::new(sink, self.shared.step(), plan.max_output));
        let folder = match (&source.folder, plan.files.output) {
            (_, Output::Nowhere | Output::Listing) => {
                return Ok(Some((source, Target::Nowhere, writer(Sink::Nowhere))));
            }
            (Some(folder), Output::BesideSource) => folder,
            _ => {
                let stdout = rustix::io::dup(rustix::stdio::stdout());
                let stdout = stdout.map_err(|errno| Error::system("write", "standard output", errno))?;
                return Ok(Some((source, Target::Stdout, writer(Sink::Stdout(stdout)))));
            }
        };
        let Some(name) = suffix::decompressed(&source.name, &plan.files.suffix) else {
            let why = "its suffix is not one of a compressed file; -c or -S helps";
            return Err(Error::refused("decompress", source.path(), why));
        };
        let sys = &mut self.station.sys;
        let folder = folder.of_targets(sys)?;
        let path = folder.place.path_of(&name);
        let mut existing = None;
        // With -N name and time in the header may differ; then this one is only where the data goes first. And it is
        // cheaper to inflate a small file in vain than to look at every one: a file that is there is never replaced
        // unasked. But what may be a source itself must not be claimed by mistake.
        let is_small = source.attributes.size <= SMALL_BYTES;
        let may_be_source = suffix::decompressed(&name, &plan.files.suffix).is_some();
        if !plan.files.name && (plan.files.force || plan.files.update || !is_small || may_be_source) {
            let mtime = source.attributes.mtime;
            let found = may_create(sys, &plan.files, &source, &folder, &name, &path, mtime)?;
            if found == Existing::UpToDate {
                claim_up_to_date(&self.shared.claims, &folder, &name, &path)?;
                self.station.up_to_date(&source.path(), &path);
                return Ok(None);
            }
            existing = Some(found);
        }
        let mode = creation_mode(&source.attributes, &folder.creator);
        let created = Part::file(sys, &self.shared.leftovers, &folder.directory, &name, mode);
        let (part, file) = created.map_err(|errno| Error::system("create", &path, errno))?;
        let target = FileTarget { part, path, folder, existing };
        Ok(Some((source, Target::File(target), writer(Sink::File(file)))))
    }

    /// The last of a file: `end` is how it ended where the writer does not know, or what failed.
    pub(super) fn conclude(
        &mut self,
        open: Open,
        mut writer: Writer,
        end: Result<Option<std::result::Result<End, Damage>>>,
        handle: &mut Handle<'_, Task<Helped>>,
    ) {
        let end = end.and_then(|end| {
            if open.enough.is_said() {
                return Ok(End { ignored_bytes: 0 });
            }
            end.unwrap_or_else(|| writer.finish()).map_err(|damage| open.error(Failure::Damage(damage)))
        });
        match end {
            Ok(end) => {
                let Open { source, target, header, header_bytes, route, read, index, rest, .. } = open;
                let kept = index.map_or(Ok(()), |index| self.keep_index(&source, index, writer.take_recorder()));
                let content = Content { end, read, route, header, header_bytes };
                let done = kept.and_then(|()| self.finish(&source, target, writer, &content));
                self.station.check(done);
                let _ = self.station.sys.close(source.file);
                hand_on(rest, handle);
            }
            Err(error) => self.give_up(open, writer, Some(error), handle),
        }
    }

    /// Takes the target of a file away that failed, which is said here if it was not yet.
    pub(super) fn give_up(
        &mut self,
        open: Open,
        writer: Writer,
        error: Option<Error>,
        handle: &mut Handle<'_, Task<Helped>>,
    ) {
        if let Some(error) = error {
            self.station.fail(error);
        }
        let sys = &mut self.station.sys;
        if let Target::File(target) = open.target {
            target.part.abandon(sys);
        }
        if let Some(index) = open.index {
            index.abandon(sys);
        }
        if let Sink::Stdout(file) | Sink::File(file) = writer.into_sink() {
            let _ = sys.close(file);
        }
        let _ = sys.close(open.source.file);
        hand_on(open.rest, handle);
    }

    fn finish(&mut self, source: &Source, target: Target, writer: Writer, content: &Content) -> Result<()> {
        let (written, members, (taken, pieces)) = (writer.outlet.written(), writer.members(), writer.taken());
        let listed = self.shared.rows.as_ref().map(|rows| (rows, self.listed(source, &writer, content)));
        match (target, writer.into_sink()) {
            (Target::File(target), Sink::File(file)) => {
                if !self.give_name(source, target, file, content)? {
                    return Ok(());
                }
            }
            (_, Sink::Stdout(file) | Sink::File(file)) => {
                let closed = self.station.sys.close(file);
                closed.map_err(|errno| Error::system("write", "standard output", errno))?;
            }
            (_, Sink::Nowhere) => listed.map_or(Ok(()), |(rows, listed)| rows(listed))?,
        }
        let ignored = content.end.ignored_bytes;
        if ignored > 0 {
            let kept = if self.shared.plan.files.output == Output::BesideSource { "; the file is kept" } else { "" };
            let text = format!("{ignored} bytes behind the compressed data were ignored{kept}");
            self.station.warn(source.path(), text);
        }
        self.station.summary.target_bytes += written;
        self.station.note(|| {
            let read = content.read.load(Ordering::Relaxed);
            let of_pieces = if pieces > 0 { format!(", {taken} of {pieces} on their own") } else { String::new() };
            let route =
                content.route.map_or_else(|| "by its index".to_owned(), |route| route.describe(self.shared.plan.route));
            let text = match (content.route, self.shared.plan.range) {
                (Some(Route::Copy), _) => format!("{read} bytes → {written} ({route})"),
                (_, Some(_)) => format!("{read} bytes read → {written} ({route}{of_pieces})"),
                _ => format!("{read} bytes → {written}, intact (members: {members}; {route}{of_pieces})"),
            };
            (source.path(), text)
        });
        self.station.done();
        Ok(())
    }

    /// False if, as the header tells only now, what would be made is there already.
    fn give_name(&mut self, source: &Source, target: FileTarget, file: OwnedFd, content: &Content) -> Result<bool> {
        let FileTarget { part, mut path, folder, mut existing } = target;
        let mut attributes = source.attributes;
        let mut name = part.name().to_owned();
        let plan = &self.shared.plan.files;
        if plan.name {
            if content.header.mtime != 0 {
                attributes.mtime = Moment { seconds: content.header.mtime.into(), nanoseconds: 0 };
            }
            if let Some(stored) = usable_name(&content.header.name) {
                path.set_file_name(OsStr::from_bytes(stored.to_bytes()));
                name = stored;
            }
        }
        let sys = &mut self.station.sys;
        let look = |sys: &mut Sys| may_create(sys, plan, source, &folder, &name, &path, attributes.mtime);
        let checked = complete(sys, plan, &folder, file, &attributes)
            .map_err(|errno| Error::system("finish", &path, errno))
            .and_then(|()| source.check_unchanged(sys))
            .and_then(|()| if plan.name { look(sys).map(|found| existing = Some(found)) } else { Ok(()) })
            .and_then(|()| {
                let existing = existing.unwrap_or(Existing::Nothing);
                let claim = if existing == Existing::UpToDate { claim_up_to_date } else { claim };
                claim(&self.shared.claims, &folder, &name, &path).map(|()| existing)
            });
        let replace = match checked {
            Ok(existing @ (Existing::Nothing | Existing::Replaced)) => existing == Existing::Replaced,
            Ok(Existing::UpToDate) => {
                part.abandon(sys);
                self.station.up_to_date(&source.path(), &path);
                return Ok(false);
            }
            Err(error) => {
                part.abandon(sys);
                return Err(error);
            }
        };
        part.finish_as(sys, &name, replace).map_err(|errno| {
            self.shared.claims.give_up(folder.id, name.to_bytes());
            match errno {
                Errno::EXIST => look(sys).err().unwrap_or_else(|| Error::system("create", &path, errno)),
                errno => Error::system("give its final name to", &path, errno),
            }
        })?;
        settle(sys, plan, &folder)?;
        if !plan.keep && content.end.ignored_bytes == 0 {
            source.remove(sys, plan)?;
        }
        Ok(true)
    }
}

/// What was found in a file.
pub(super) struct Content {
    end: End,
    pub(super) read: AtomicU64,
    route: Option<Route>,
    pub(super) header: Header,
    pub(super) header_bytes: u64,
}

/// The stored name, if it is one: its last component only, since a header may hold anything.
pub(super) fn usable_name(stored: &[u8]) -> Option<CString> {
    let last = stored.rsplit(|byte| *byte == b'/').next()?;
    let special = last.is_empty() || last == b"." || last == b"..";
    if special { None } else { CString::new(last).ok() }
}
