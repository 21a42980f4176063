//! The two ends of a file: before the first byte, where its target is made; after the last, where the target gets its
//! name and the source may go.

use std::os::fd::OwnedFd;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use rustix::io::Errno;

use super::writer::MemberWriter;
use super::{Compression, Gzip};
use crate::codec::member::Header;
use crate::error::{Error, Result};
use crate::gzip::files::source::Source;
use crate::gzip::files::target::{Existing, KEEP, abandon, claim, complete, create, give_name, may_create, settle};
use crate::gzip::files::{Folder, Sequence, replaced, suffix};
use crate::job::limits::Device;
use crate::plan::Output;
use crate::sys::standard_output;
use crate::tree::TemporaryFile;

/// Where a member goes.
pub(super) enum Target {
    /// To standard output.
    Stdout,
    /// To a file, in a folder.
    File { temporary: TemporaryFile, path: PathBuf, replace: bool, folder: Arc<Folder> },
}

impl Target {
    /// The device it lies on, if it is a file.
    pub(super) fn device(&self) -> Option<Device> {
        match self {
            Self::Stdout => None,
            Self::File { folder, .. } => Some(folder.id.0),
        }
    }

    /// Its path, for messages.
    pub(super) fn path(&self) -> PathBuf {
        match self {
            Self::Stdout => PathBuf::from("standard output"),
            Self::File { path, .. } => path.clone(),
        }
    }
}

impl Gzip {
    /// Makes the target of a source; `None` if there is nothing to do for it.
    pub(super) fn begin(&mut self, source: Source) -> Result<Option<(Source, Target, MemberWriter)>> {
        let plan = &self.shared.plan;
        let step = self.shared.step();
        let folder = match &source.folder {
            Some(folder) if plan.files.output == Output::BesideSource => folder,
            _ => {
                let stdout = standard_output().and_then(rustix::io::dup);
                let stdout = stdout.map_err(|errno| Error::system("write", "standard output", errno))?;
                let header = self.header(&source);
                return Ok(Some((source, Target::Stdout, MemberWriter::new(stdout, &header, step))));
            }
        };
        if suffix::decompressed(&source.name, &plan.files.suffix).is_some() {
            self.worker.warn(source.path(), "it has the suffix of a compressed file already; unchanged");
            self.worker.summary.skipped += 1;
            return Ok(None);
        }
        let name = suffix::compressed(&source.name, &plan.files.suffix)
            .ok_or_else(|| Error::system("compress", source.path(), Errno::NAMETOOLONG))?;
        let folder = folder.of_targets(&mut self.worker, &self.shared.losses)?;
        let path = folder.place.path_of(&name);
        // Before anything is looked at: of two sources with one target the one begun first has it, whichever is newer.
        claim(&self.shared.registry, &folder, &name, &path)?;
        let sys = &mut self.worker.sys;
        let (to, times) = ((&*folder, &*name, &*path), (&self.shared.times, &self.shared.temporary_files));
        let existing = may_create(sys, &plan.files, &source, to, source.attributes.mtime, times)?;
        if existing == Existing::UpToDate {
            self.worker.up_to_date(&source.path(), &path);
            return Ok(None);
        }
        let like = (&source, &source.attributes);
        let created = create(sys, &self.shared.temporary_files, &folder, &name, like, &mut self.attributes);
        let (temporary, file) = created.map_err(|errno| Error::system("create", &path, errno))?;
        let header = self.header(&source);
        let writer = MemberWriter::new(file, &header, step);
        let target = Target::File { temporary, path, replace: existing == Existing::Replaced, folder };
        Ok(Some((source, target, writer)))
    }

    /// Name and time as GNU gzip stores them: those of a regular file, unless told not to. A time that the field cannot
    /// hold is left out, which is told: it counts seconds since 1970 in 32 bits, until 2106, and its 0 says "not known"
    /// (RFC 1952, section 2.3.1).
    fn header(&mut self, source: &Source) -> Header {
        let plan = &self.shared.plan;
        let unnamed = Header::plain(plan.level);
        if !plan.files.name || source.folder.is_none() {
            return unnamed;
        }
        let mtime = u32::try_from(source.attributes.mtime.seconds).unwrap_or_default();
        if mtime == 0 {
            let why =
                "its time is left out: a gzip header holds none of 1970-01-01 00:00:00 UTC or before, or after 2106";
            self.worker.warn(source.path(), why);
        }
        Header { name: source.name.to_bytes().to_vec(), mtime, ..unnamed }
    }

    /// All workers are done with it: gives the target its name and removes the source, or takes the target away.
    /// Returns what follows on standard output.
    pub(super) fn finish(&mut self, compression: Compression) -> Option<Sequence> {
        let Compression { source, target, ordered, failed, rest, .. } = compression;
        let (file, sizes) = ordered.into_sink().end();
        let (read, written, complete) = sizes;
        if !complete || failed.load(Ordering::Relaxed) {
            if let Target::File { temporary, path, .. } = target {
                abandon(&mut self.worker, temporary, &path);
            }
            let sys = &mut self.worker.sys;
            let _ = sys.close(file);
            let _ = sys.close(source.file);
            return if written == 0 { rest } else { self.give_up(rest) };
        }
        let target = match target {
            // A target that is there already must not stay as it was: it would be taken for what is in the source now.
            Target::File { temporary, replace: false, .. } if self.shared.plan.keep_smaller && written >= read => {
                self.leave(source, temporary, file, (read, written));
                return rest;
            }
            other => other,
        };
        let finished = match target {
            Target::Stdout => {
                self.warn_of_change(&source);
                let closed = self.worker.sys.close(file);
                closed.map(|()| true).map_err(|errno| Error::system("write", "standard output", errno))
            }
            Target::File { temporary, path, replace, folder } => {
                self.give_name(&source, (temporary, file, path, &folder), replace)
            }
        };
        if let Some(is_kept) = self.worker.check(finished) {
            self.worker.summary.target_bytes += written;
            self.worker.note(|| (source.path(), format!("{read} bytes → {written}, {}", saved(read, written))));
            if is_kept {
                self.worker.done(source.opened);
            }
        }
        let _ = self.worker.sys.close(source.file);
        rest
    }

    /// Standard output ends in the middle of a member: what came after it would not be found.
    fn give_up(&mut self, rest: Option<Sequence>) -> Option<Sequence> {
        if rest.is_some_and(|rest| !rest.is_empty()) && !self.worker.is_halted() {
            let why = "it ends in the middle of a file; what follows was not tried";
            self.worker.fail(Error::refused("go on with", "standard output", why));
            self.worker.summary.stopped_early = true;
        }
        None
    }

    /// A file whose source changed is not made; what went to standard output cannot be taken back.
    fn warn_of_change(&mut self, source: &Source) {
        if let Ok(Some(change)) = source.change(&mut self.worker.sys, &self.shared.removed) {
            self.worker.warn(source.path(), format!("{change}; what was written is what it was at first"));
        }
    }

    /// Takes a target away that would save nothing.
    fn leave(&mut self, source: Source, temporary: TemporaryFile, file: OwnedFd, (read, written): (u64, u64)) {
        let sys = &mut self.worker.sys;
        temporary.abandon(sys);
        let shown = source.path();
        let _ = sys.close(file);
        let _ = sys.close(source.file);
        self.worker.summary.skipped += 1;
        self.worker.note(|| (shown, format!("passed over: {read} bytes would become {written}")));
    }

    /// False if it could not be given all that it keeps of its source, which was reported: then that stays.
    fn give_name(
        &mut self,
        source: &Source,
        (temporary, file, path, folder): (TemporaryFile, OwnedFd, PathBuf, &Folder),
        replace: bool,
    ) -> Result<bool> {
        let (plan, losses) = (&self.shared.plan.files, &self.shared.losses);
        let name = temporary.name().to_owned();
        let made = (file, &*path, folder);
        let like = (source, &source.attributes, KEEP);
        let completed = complete(&mut self.worker, losses, plan, made, like, &mut self.attributes);
        let sys = &mut self.worker.sys;
        let checked = completed.and_then(|is_kept| source.check_unchanged(sys, &self.shared.removed).map(|()| is_kept));
        let is_kept = match checked {
            Ok(is_kept) => is_kept,
            Err(error) => {
                abandon(&mut self.worker, temporary, &path);
                return Err(error);
            }
        };
        let is_in_use = give_name(sys, temporary, folder, &name, replace)
            .map_err(|errno| Error::system("give its final name to", &path, errno))?;
        settle(sys, plan, folder)?;
        if is_in_use && !plan.keep {
            self.worker.warn(source.path(), replaced::keeps_source(&path));
        } else if !plan.keep && is_kept {
            source.remove(sys, plan, &self.shared.removed)?;
        }
        Ok(is_kept)
    }
}

/// "63.2 % saved", or how much was added.
fn saved(read: u64, written: u64) -> String {
    if read == 0 {
        return "empty".to_owned();
    }
    let percent = 100.0 * (1.0 - written as f64 / read as f64);
    if percent >= 0.0 { format!("{percent:.1} % saved") } else { format!("{:.1} % added", -percent) }
}
