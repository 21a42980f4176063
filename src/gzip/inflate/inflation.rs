//! A file being inflated, whatever its route: what is known of it, and what is said and done when it is whole, or failed.

use std::ffi::OsString;
use std::os::unix::ffi::OsStringExt;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};

use super::Inflate;
use super::index::IndexTarget;
use super::output::{EarlyEnd, Failure, Writer};
use super::route::Route;
use crate::codec::check::Damage;
use crate::codec::gunzip::End;
use crate::codec::member::Header;
use crate::codec::trailing::Trailing;
use crate::error::{Error, Remedy, Result};
use crate::gzip::operands::Sequence;
use crate::gzip::source::Source;
use crate::gzip::target::Target;
use crate::gzip::{FileWorker, Handle, Helpers, hand_on, suffix};
use crate::job::limits::Device;
use crate::plan::Output;
use crate::pool::Ordered;
use crate::summary::Listed;
use crate::sys::{FileKind, Sys};

/// Takes rows, one after the other, from the worker that finished a file. They are results, not events: an error is
/// that of the file, and ends the job if going on is pointless.
pub type Rows = Arc<dyn Fn(Listed) -> Result<()> + Send + Sync>;

/// What is said of a file of BGZF that may have been cut between two blocks.
const NO_END_BLOCK: &str = "it ends without BGZF's end-of-file block: something may be missing";

/// A file being decompressed.
pub(super) struct Inflation {
    pub(super) source: Source,
    target: Target,
    /// What the first member says of itself; nothing if that was too long to be looked at.
    pub(super) header: Header,
    /// Bytes of that.
    pub(super) header_bytes: u64,
    /// `None` if only what is needed is read, by an index.
    pub(super) route: Option<Route>,
    /// Bytes of it that were dealt with.
    read: AtomicU64,
    /// Nothing more of it is wanted.
    pub(super) early_end: EarlyEnd,
    /// How it ended, where the writer does not know.
    pub(super) end: OnceLock<std::result::Result<End, Damage>>,
    /// Plain data after its last member comes out as it is.
    pub(super) passes: bool,
    /// The index that is being made of it.
    pub(super) index: Option<IndexTarget>,
    /// What follows on standard output.
    rest: Option<Sequence>,
}

/// A file that several workers inflate. The last one to give it up finishes it.
pub(super) struct SharedInflation<P, S> {
    pub(super) inflation: Inflation,
    pub(super) ordered: Ordered<P, Writer>,
    pub(super) helpers: Helpers,
    /// What the workers take their parts from.
    pub(super) parts: S,
}

impl<P, S> SharedInflation<P, S> {
    /// A file that so many more workers can help with.
    pub(super) fn new(inflation: Inflation, writer: Writer, helpers: usize, parts: S) -> Arc<Self> {
        Arc::new(Self { inflation, ordered: Ordered::new(writer), helpers: Helpers::new(helpers), parts })
    }
}

impl Inflation {
    pub(super) fn new(source: Source, target: Target, rest: Option<Sequence>) -> Self {
        Self {
            source,
            target,
            header: Header::default(),
            header_bytes: 0,
            route: None,
            read: AtomicU64::new(0),
            early_end: EarlyEnd::default(),
            end: OnceLock::new(),
            passes: false,
            index: None,
            rest,
        }
    }

    /// Whether what comes out goes to standard output.
    pub(super) const fn goes_to_stdout(&self) -> bool {
        matches!(self.target, Target::Stdout)
    }

    /// The device that its target is on, or its index, if either is a file.
    pub(super) fn device(&self) -> Option<Device> {
        self.target.device(&self.source)
    }

    /// What went wrong, with the path it is about.
    pub(super) fn error(&self, failure: Failure) -> Error {
        match failure {
            Failure::Damage(damage) => Error::refused("decompress", self.source.path(), damage.to_string()),
            Failure::TooLarge(limit) => {
                let why = format!("more than {limit} bytes come out");
                Error::refused("decompress", self.source.path(), why).with(Remedy::MaxOutput)
            }
            Failure::Write(errno) => Error::system("write", self.target.path(), errno),
        }
    }

    /// Whether its end was not seen: it was read by an index, or only as far as was wanted.
    fn is_partial(&self) -> bool {
        self.route.is_none() || self.early_end.is_set()
    }

    /// How it ended; an error if it is damaged.
    fn end(&mut self, sys: &mut Sys, writer: &mut Writer) -> Result<End> {
        if self.is_partial() {
            return Ok(End::default());
        }
        writer.end(sys).map_err(|failure| self.error(failure))?;
        let end = self.end.take().unwrap_or_else(|| writer.finish());
        end.map_err(|damage| self.error(Failure::Damage(damage)))
    }
}

impl FileWorker<Inflate> {
    /// Counts bytes of a source that were dealt with.
    pub(super) fn moved(&mut self, inflation: &Inflation, bytes: usize) {
        inflation.read.fetch_add(bytes as u64, Ordering::Relaxed);
        self.context.moved(bytes as u64);
    }

    /// Ends a worker's part of a file that several share: the last one finishes the file.
    pub(super) fn leave<P, S>(
        &mut self,
        file: Arc<SharedInflation<P, S>>,
        done: Result<()>,
        handle: &mut Handle<'_, Inflate>,
    ) {
        self.context.check_shared(&file.helpers.failed, done);
        let Some(SharedInflation { inflation, ordered, helpers, .. }) = Arc::into_inner(file) else { return };
        if helpers.have_failed() {
            self.give_up(inflation, ordered.into_sink(), None, handle);
        } else {
            self.conclude(inflation, ordered.into_sink(), Ok(()), handle);
        }
    }

    /// Finishes a file, unless something failed.
    pub(super) fn conclude(
        &mut self,
        mut inflation: Inflation,
        mut writer: Writer,
        done: Result<()>,
        handle: &mut Handle<'_, Inflate>,
    ) {
        let end = match done.and_then(|()| inflation.end(&mut self.context.sys, &mut writer)) {
            Ok(end) => end,
            Err(error) => return self.give_up(inflation, writer, Some(error), handle),
        };
        let failure = self.check_end(&inflation, &writer, &end);
        let kept = match (inflation.index.take(), &failure) {
            (None, _) => Ok(()),
            (Some(index), None) => self.keep_index(&inflation.source, index, writer.recorder.take()),
            // Who reads by an index would not learn of that failure.
            (Some(index), Some(_)) => {
                index.abandon(&mut self.context.sys);
                Ok(())
            }
        };
        let done = kept.and_then(|()| self.finish(&mut inflation, writer, &end, failure));
        self.context.check(done);
        let _ = self.context.sys.close(inflation.source.file);
        hand_on(inflation.rest, handle);
    }

    /// Removes the target of a file that failed; reports the `error` if that was not done yet.
    pub(super) fn give_up(
        &mut self,
        inflation: Inflation,
        writer: Writer,
        error: Option<Error>,
        handle: &mut Handle<'_, Inflate>,
    ) {
        if let Some(error) = error {
            self.context.fail(error);
        }
        let Inflation { source, target, index, rest, .. } = inflation;
        if let Some(index) = index {
            index.abandon(&mut self.context.sys);
        }
        self.abandon_target(source, (target, writer.into_file()));
        hand_on(rest, handle);
    }

    /// Finishes the target with the bytes that came out. The error is that of the file, which may have a `failure` already.
    fn finish(&mut self, inflation: &mut Inflation, writer: Writer, end: &End, failure: Option<Error>) -> Result<()> {
        if let Some(rows) = &self.job.direction.rows {
            rows(self.listed(inflation, &writer))?;
        }
        let (written, members, taken) = (writer.output.written, writer.checker.members(), writer.taken);
        // Of a file of BGZF without its last block something may be missing.
        let is_whole = end.trailing.is_none() && !writer.checker.lacks_end_block();
        let target = std::mem::replace(&mut inflation.target, Target::Nowhere);
        let header = Some(&inflation.header).filter(|_| self.job.direction.plan.files.name);
        if !self.finish_target(&inflation.source, (target, writer.into_file()), header, is_whole)? {
            return failure.map_or(Ok(()), Err);
        }
        self.context.summary.target_bytes += written;
        if let Some(failure) = failure {
            return Err(failure);
        }
        self.context.note(|| (inflation.source.path(), self.describe(inflation, (written, members), taken)));
        self.context.done(inflation.source.opened);
        Ok(())
    }

    /// What was done with a file, for those who asked for detail.
    fn describe(&self, inflation: &Inflation, (written, members): (u64, u64), (taken, pieces): (u64, u64)) -> String {
        let read = inflation.read.load(Ordering::Relaxed);
        let of_pieces = if pieces > 0 { format!(", {taken} of {pieces} on their own") } else { String::new() };
        let plan = &self.job.direction.plan;
        let is_empty = plan.range.is_some_and(|range| range.bytes().is_empty());
        let unread = if is_empty { "nothing was asked for" } else { "by its index" };
        let route = inflation.route.map_or_else(|| unread.to_owned(), |route| route.describe(plan.route));
        match (inflation.route, plan.range) {
            (Some(Route::Copy), _) => format!("{read} bytes → {written} ({route})"),
            (_, Some(_)) => format!("{read} bytes read → {written} ({route}{of_pieces})"),
            _ => format!("{read} bytes → {written}, intact (members: {members}; {route}{of_pieces})"),
        }
    }

    /// The failure of a file that is not whole: nothing but padding may follow its last member, and a file of BGZF ends
    /// with its end block. Or nothing, after a warning where there is something to know. The bytes that came out stay in any
    /// case.
    fn check_end(&mut self, inflation: &Inflation, writer: &Writer, end: &End) -> Option<Error> {
        if inflation.is_partial() {
            return None;
        }
        let path = inflation.source.path();
        let makes_file = self.job.plan().output == Output::BesideSource && !inflation.goes_to_stdout();
        let kept = if makes_file { "; what came before is written, the source is kept" } else { "" };
        if let Some(trailing) = &end.trailing {
            self.context.summary.trailing_files += 1;
            self.context.summary.trailing_bytes += trailing.bytes;
            if !self.job.direction.plan.ignore_trailing {
                let (why, remedy) = describe_trailing(trailing, inflation.passes, kept);
                return Some(Error::refused("read all of", path, why).with(remedy));
            }
            let ignored = format!("{} after the last member: ignored{kept}", bytes(trailing.bytes));
            self.context.warn(&path, ignored);
        }
        if writer.checker.lacks_end_block() {
            let plan = &self.job.direction.plan;
            if plan.files.output == Output::Nowhere && !plan.index {
                return Some(Error::refused("confirm the end of", path, NO_END_BLOCK));
            }
            self.context.warn(path, format!("{NO_END_BLOCK}{kept}"));
        }
        None
    }

    /// What a file was found to hold, for those who list it.
    fn listed(&self, inflation: &Inflation, writer: &Writer) -> Listed {
        let (plan, Inflation { source, header, .. }) = (self.job.plan(), inflation);
        let stored = if plan.name { suffix::stored(&header.name) } else { None };
        let name = match &source.directory {
            None => stored.map(|name| PathBuf::from(OsString::from_vec(name.into_bytes()))),
            Some(directory) => {
                let name = stored.or_else(|| suffix::decompressed(&source.name, &plan.suffix));
                Some(directory.path.join(name.as_ref().unwrap_or(&source.name)))
            }
        };
        let has_time = source.attributes.kind == FileKind::RegularFile;
        let mtime = has_time.then_some(source.attributes.mtime.seconds);
        let is_stored = plan.name && header.mtime != 0;
        Listed {
            name,
            compressed_bytes: inflation.read.load(Ordering::Relaxed),
            header_bytes: inflation.header_bytes,
            uncompressed_bytes: writer.output.written,
            members: writer.checker.members(),
            crc32: writer.checker.last_crc(),
            mtime: if is_stored { Some(header.mtime.into()) } else { mtime },
        }
    }
}

fn describe_trailing(trailing: &Trailing, passes: bool, kept: &str) -> (String, Option<Remedy>) {
    let bytes = bytes(trailing.bytes);
    if passes {
        let rest = "passed through as they are";
        return (format!("a member follows that is damaged: {bytes} after the last whole one, {rest}"), None);
    }
    if trailing.has_member {
        let rest = "not decompressed";
        return (format!("a member follows that is damaged: {bytes} after the last whole one, {rest}{kept}"), None);
    }
    (format!("{bytes} after the last member: not gzip data{kept}"), Some(Remedy::IgnoreTrailing))
}

fn bytes(count: u64) -> String {
    if count == 1 { "1 byte".to_owned() } else { format!("{count} bytes") }
}
