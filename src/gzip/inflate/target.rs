//! The target of a file: where it is made before the first byte; and how it gets its name, attributes and, with `-N`, what
//! the header says, after the last, whereupon the source may go.

use std::ffi::{CString, OsStr};
use std::os::fd::OwnedFd;
use std::os::unix::ffi::OsStrExt;
use std::path::PathBuf;
use std::sync::Arc;

use rustix::io::Errno;

use super::Inflater;
use super::finish::Content;
use super::outlet::{Outlet, Sink};
use super::writer::Writer;
use crate::codec::member::Header;
use crate::error::{Error, Result};
use crate::gzip::files::source::Source;
use crate::gzip::files::target::{
    Existing, KEEP, abandon, claim, claim_up_to_date, complete, create, give_name, may_create, settle,
};
use crate::gzip::files::{Folder, replaced, suffix};
use crate::job::limits::Device;
use crate::plan::Output;
use crate::sys::{Attributes, Moment, Sys, standard_output};
use crate::tree::TemporaryFile;

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
    pub(super) temporary: TemporaryFile,
    pub(super) path: PathBuf,
    folder: Arc<Folder>,
    /// What there was under its name; `None` if nobody looked.
    existing: Option<Existing>,
}

impl FileTarget {
    /// The device it lies on.
    pub(super) fn device(&self) -> Device {
        self.folder.id.0
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
                let stdout = standard_output().and_then(rustix::io::dup);
                let stdout = stdout.map_err(|errno| Error::system("write", "standard output", errno))?;
                return Ok(Some((source, Target::Stdout, writer(Sink::Stdout(stdout)))));
            }
        };
        let Some(name) = suffix::decompressed(&source.name, &plan.files.suffix) else {
            let why = "its suffix is not one of a compressed file; -c or -S helps";
            return Err(Error::refused("decompress", source.path(), why));
        };
        let folder = folder.of_targets(&mut self.worker, &self.shared.losses)?;
        let sys = &mut self.worker.sys;
        let path = folder.place.path_of(&name);
        let mut existing = None;
        // With -N name and time in the header may differ; then this one is only where the data goes first. And it is
        // cheaper to inflate a small file in vain than to look at every one: a file that is there is never replaced
        // unasked. But what may be a source itself must not be claimed by mistake.
        let is_small = source.attributes.size <= SMALL_BYTES;
        let may_be_source = suffix::decompressed(&name, &plan.files.suffix).is_some();
        if !plan.files.name && (plan.files.force || plan.files.update || !is_small || may_be_source) {
            let mtime = source.attributes.mtime;
            let (to, times) = ((&*folder, &*name, &*path), (&self.shared.times, &self.shared.temporary_files));
            let found = may_create(sys, &plan.files, &source, to, mtime, times)?;
            if found == Existing::UpToDate {
                claim_up_to_date(&self.shared.registry, &folder, &name, &path)?;
                self.worker.up_to_date(&source.path(), &path);
                return Ok(None);
            }
            existing = Some(found);
        }
        let like = (&source, &source.attributes);
        let created = create(sys, &self.shared.temporary_files, &folder, &name, like, &mut self.attributes);
        let (temporary, file) = created.map_err(|errno| Error::system("create", &path, errno))?;
        let target = FileTarget { temporary, path, folder, existing };
        Ok(Some((source, Target::File(target), writer(Sink::File(file)))))
    }

    /// False if, as the header tells only now, what would be made is there already; or if it was made and could not be given
    /// all that it keeps of its source, which was reported: then that stays.
    pub(super) fn give_name(
        &mut self,
        source: &Source,
        target: FileTarget,
        file: OwnedFd,
        content: &Content,
    ) -> Result<bool> {
        let FileTarget { temporary, mut path, folder, mut existing } = target;
        let mut attributes = source.attributes;
        let mut name = temporary.name().to_owned();
        let plan = &self.shared.plan.files;
        if plan.name {
            take_from_header(&content.header, &mut attributes, &mut path, &mut name);
        }
        let shared = Arc::clone(&self.shared);
        let (to, times) = ((&*folder, &*name, &*path), (&shared.times, &shared.temporary_files));
        let look = |sys: &mut Sys| may_create(sys, plan, source, to, attributes.mtime, times);
        let (made, like) = ((file, &*path, &*folder), (source, &attributes, KEEP));
        let completed = complete(&mut self.worker, &self.shared.losses, plan, made, like, &mut self.attributes);
        let is_kept = completed.as_ref().is_ok_and(|kept| *kept);
        let sys = &mut self.worker.sys;
        let checked = completed
            .and_then(|_| source.check_unchanged(sys, &self.shared.removed))
            .and_then(|()| if plan.name { look(sys).map(|found| existing = Some(found)) } else { Ok(()) })
            .and_then(|()| {
                let existing = existing.unwrap_or(Existing::Nothing);
                let claim = if existing == Existing::UpToDate { claim_up_to_date } else { claim };
                claim(&self.shared.registry, &folder, &name, &path).map(|()| existing)
            });
        let replace = match checked {
            Ok(existing @ (Existing::Nothing | Existing::Replaced)) => existing == Existing::Replaced,
            Ok(Existing::UpToDate) => {
                temporary.abandon(sys);
                self.worker.up_to_date(&source.path(), &path);
                return Ok(false);
            }
            Err(error) => {
                abandon(&mut self.worker, temporary, &path);
                return Err(error);
            }
        };
        let is_in_use = give_name(sys, temporary, &folder, &name, replace).map_err(|errno| {
            self.shared.registry.give_up(folder.id, name.to_bytes());
            match errno {
                Errno::EXIST => look(sys).err().unwrap_or_else(|| Error::system("create", &path, errno)),
                errno => Error::system("give its final name to", &path, errno),
            }
        })?;
        settle(sys, plan, &folder)?;
        if !plan.keep && is_kept && content.end.trailing.is_none() && !content.is_cut {
            if is_in_use {
                self.worker.warn(source.path(), replaced::keeps_source(&path));
            } else {
                source.remove(sys, plan, &self.shared.removed)?;
            }
        }
        Ok(is_kept)
    }
}

/// Takes over the name and the time that a header holds (`-N`), if they are of any use.
fn take_from_header(header: &Header, attributes: &mut Attributes, path: &mut PathBuf, name: &mut CString) {
    if header.mtime != 0 {
        attributes.mtime = Moment { seconds: header.mtime.into(), nanoseconds: 0 };
    }
    if let Some(stored) = usable_name(&header.name) {
        path.set_file_name(OsStr::from_bytes(stored.to_bytes()));
        *name = stored;
    }
}

/// The stored name, if it is one: its last component only, since a header may hold anything.
pub(super) fn usable_name(stored: &[u8]) -> Option<CString> {
    let last = stored.rsplit(|byte| *byte == b'/').next()?;
    let special = last.is_empty() || last == b"." || last == b"..";
    if special { None } else { CString::new(last).ok() }
}
