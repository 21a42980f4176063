//! A file from its opening to its end, whatever its route: what is known of it, and what is said and done when it is
//! whole, or failed.

use std::sync::atomic::{AtomicU64, Ordering};

use super::indexing::IndexTarget;
use super::outlet::{Enough, Sink};
use super::route::Route;
use super::target::Target;
use super::writer::{Failure, Writer};
use super::{Helped, Inflater};
use crate::codec::check::Damage;
use crate::codec::gunzip::End;
use crate::codec::member::Header;
use crate::error::{Error, Result};
use crate::gzip::files::source::Source;
use crate::gzip::files::target::abandon;
use crate::gzip::files::{Sequence, Task, hand_on};
use crate::job::limits::Device;
use crate::pool::Handle;

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
    /// Plain data after its last member comes out as it is.
    pub(super) passes: bool,
    /// The index that is being made of it.
    pub(super) index: Option<IndexTarget>,
    /// What follows on standard output.
    rest: Option<Sequence>,
}

impl Open {
    pub(super) fn new(source: Source, target: Target, rest: Option<Sequence>) -> Self {
        let (header, route, read) = (Header::default(), None, AtomicU64::new(0));
        let enough = Enough::default();
        Self { source, target, header, header_bytes: 0, route, read, enough, passes: false, index: None, rest }
    }

    /// Whether what comes out goes to standard output.
    pub(super) const fn goes_to_stdout(&self) -> bool {
        matches!(self.target, Target::Stdout)
    }

    /// The device that its target lies on, or its index, if either is a file.
    pub(super) fn device(&self) -> Option<Device> {
        match &self.target {
            Target::File(target) => Some(target.device()),
            Target::Nowhere => self.source.folder.as_ref().map(|folder| folder.id.0),
            Target::Stdout => None,
        }
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
                return Ok(End::default());
            }
            writer.end(&mut self.worker.sys).map_err(|failure| open.error(failure))?;
            end.unwrap_or_else(|| writer.finish()).map_err(|damage| open.error(Failure::Damage(damage)))
        });
        match end {
            Ok(end) => {
                let failure = self.judge(&open, &writer, &end);
                let Open { source, target, header, header_bytes, route, read, index, rest, .. } = open;
                let kept = match (index, &failure) {
                    (None, _) => Ok(()),
                    (Some(index), None) => self.keep_index(&source, index, writer.take_recorder()),
                    // Whoever goes by an index does not look at the end any more.
                    (Some(index), Some(_)) => {
                        index.abandon(&mut self.worker.sys);
                        Ok(())
                    }
                };
                let is_cut = writer.lacks_end_block();
                let content = Content { end, is_cut, read, route, header, header_bytes };
                let done = kept.and_then(|()| self.finish(&source, target, writer, &content, failure));
                self.worker.check(done);
                let _ = self.worker.sys.close(source.file);
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
            self.worker.fail(error);
        }
        if let Target::File(target) = open.target {
            abandon(&mut self.worker, target.temporary, &target.path);
        }
        let sys = &mut self.worker.sys;
        if let Some(index) = open.index {
            index.abandon(sys);
        }
        if let Sink::Stdout(file) | Sink::File(file) = writer.into_sink() {
            let _ = sys.close(file);
        }
        let _ = sys.close(open.source.file);
        hand_on(open.rest, handle);
    }

    /// What becomes of the bytes that came out; the error is that of the file, which may have a `failure` already.
    fn finish(
        &mut self,
        source: &Source,
        target: Target,
        writer: Writer,
        content: &Content,
        failure: Option<Error>,
    ) -> Result<()> {
        let (written, members, (taken, pieces)) = (writer.outlet.written(), writer.members(), writer.taken());
        let listed = self.shared.rows.as_ref().map(|rows| (rows, self.listed(source, &writer, content)));
        match (target, writer.into_sink()) {
            (Target::File(target), Sink::File(file)) => {
                if !self.give_name(source, target, file, content)? {
                    return failure.map_or(Ok(()), Err);
                }
            }
            (_, Sink::Stdout(file) | Sink::File(file)) => {
                let closed = self.worker.sys.close(file);
                closed.map_err(|errno| Error::system("write", "standard output", errno))?;
            }
            (_, Sink::Nowhere) => listed.map_or(Ok(()), |(rows, listed)| rows(listed))?,
        }
        self.worker.summary.target_bytes += written;
        if let Some(failure) = failure {
            return Err(failure);
        }
        self.worker.note(|| {
            let read = content.read.load(Ordering::Relaxed);
            let of_pieces = if pieces > 0 { format!(", {taken} of {pieces} on their own") } else { String::new() };
            let plan = &self.shared.plan;
            let is_empty = plan.range.is_some_and(|range| range.bytes().is_empty());
            let unread = if is_empty { "nothing was asked for" } else { "by its index" };
            let route = content.route.map_or_else(|| unread.to_owned(), |route| route.describe(plan.route));
            let text = match (content.route, plan.range) {
                (Some(Route::Copy), _) => format!("{read} bytes → {written} ({route})"),
                (_, Some(_)) => format!("{read} bytes read → {written} ({route}{of_pieces})"),
                _ => format!("{read} bytes → {written}, intact (members: {members}; {route}{of_pieces})"),
            };
            (source.path(), text)
        });
        self.worker.done(source.opened);
        Ok(())
    }
}

/// What was found in a file.
pub(super) struct Content {
    pub(super) end: End,
    /// It is BGZF without its last block: something may be missing.
    pub(super) is_cut: bool,
    pub(super) read: AtomicU64,
    route: Option<Route>,
    pub(super) header: Header,
    pub(super) header_bytes: u64,
}
