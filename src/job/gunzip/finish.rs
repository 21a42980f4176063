//! After the last byte: the target gets its name, attributes and, with `-N`, what the header says; the source may go.

use std::ffi::{CString, OsStr};
use std::os::fd::OwnedFd;
use std::os::unix::ffi::OsStrExt;
use std::path::PathBuf;

use rustix::io::Errno;

use super::{Content, Inflater, Sink};
use crate::error::{Error, Result};
use crate::job::files::Folder;
use crate::job::files::source::Source;
use crate::job::files::target::{Existing, claim, claim_up_to_date, complete, may_create, settle};
use crate::plan::Output;
use crate::sys::Moment;
use crate::tree::Part;

impl Inflater {
    pub(super) fn finish(&mut self, source: Source, sink: Sink, content: &Content) -> Result<()> {
        let &Content { end, read, written, .. } = content;
        match sink {
            Sink::Nowhere => {}
            Sink::Stdout(file) => {
                let closed = self.station.sys.close(file);
                closed.map_err(|errno| Error::system("write", "standard output", errno))?;
            }
            Sink::File { part, file, path, folder } => {
                if !self.give_name(&source, (part, file, path, &folder), content)? {
                    return Ok(());
                }
            }
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

    /// False if, as the header tells only now, what would be made is there already.
    fn give_name(
        &mut self,
        source: &Source,
        (part, file, mut path, folder): (Part, OwnedFd, PathBuf, &Folder),
        content: &Content,
    ) -> Result<bool> {
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
        let plan = &self.plan.files;
        let checked = complete(sys, plan, folder, file, &attributes)
            .map_err(|errno| Error::system("finish", &path, errno))
            .and_then(|()| source.check_unchanged(sys))
            .and_then(|()| may_create(sys, plan, source, folder, &name, &path, attributes.mtime))
            .and_then(|existing| {
                let claim = if existing == Existing::UpToDate { claim_up_to_date } else { claim };
                claim(&self.claims, folder, &name, &path).map(|()| existing)
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
        part.finish_as(sys, &name, replace).map_err(|errno| match errno {
            Errno::EXIST => Error::refused("create", &path, "it exists; -f replaces it"),
            errno => Error::system("give its final name to", &path, errno),
        })?;
        settle(sys, plan, folder)?;
        if !plan.keep && content.end.ignored_bytes == 0 {
            source.remove(sys)?;
        }
        Ok(true)
    }
}

/// The stored name, if it is one: its last component only, since a header may hold anything.
fn usable_name(stored: &[u8]) -> Option<CString> {
    let last = stored.rsplit(|byte| *byte == b'/').next()?;
    let special = last.is_empty() || last == b"." || last == b"..";
    if special { None } else { CString::new(last).ok() }
}
