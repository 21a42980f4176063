//! What is copied without its content: symbolic links, FIFOs, sockets' names, devices. None is read. And links that are made
//! instead of copies.

use std::ffi::CStr;
use std::path::Path;
use std::sync::Arc;

use super::directory::Open;
use super::existing::Verdict;
use super::{Copier, Task};
use crate::error::{Error, Result};
use crate::pool::Handle;
use crate::sys::{Attributes, FileKind, Sys};
use crate::tree::metadata::keep_owner_of_name;
use crate::tree::path::c_path;

impl Copier {
    /// Makes what is neither file nor directory anew, or another name of what was.
    pub(super) fn other(
        &mut self,
        open: &Arc<Open>,
        name: &CStr,
        new_name: &CStr,
        handle: &mut Handle<'_, Task>,
    ) -> Result<()> {
        let attributes = self.examine(open, name)?;
        let has_twins = attributes.links > 1 && self.shared.plan.keep.links;
        if has_twins && !self.is_first_of_its_names(open, name, new_name, &attributes)? {
            return Ok(());
        }
        let made = self.make_anew(open, name, new_name, &attributes);
        if has_twins {
            let target = matches!(made, Ok(true)).then(|| self.station.sys.stat_at(&open.target, new_name).ok());
            let id = target.flatten().map(|target| target.id());
            self.link_the_others(&attributes, &open.directory, new_name, id, handle);
        }
        if matches!(made, Ok(true)) {
            self.warn_of_special(open, name, &attributes);
        }
        made.map(|_| ())
    }

    /// Says whether it did, or passed it over.
    fn make_anew(&mut self, open: &Open, name: &CStr, new_name: &CStr, attributes: &Attributes) -> Result<bool> {
        let Some(verdict) = self.admit(open, name, new_name, attributes)? else { return Ok(false) };
        let source = |operation| move |errno| Error::system(operation, open.directory.source_of(name), errno);
        let sys = &mut self.station.sys;
        let text = match attributes.kind {
            FileKind::Symlink => Some(sys.readlinkat(&open.source, name).map_err(source("read link"))?),
            _ => None,
        };
        let plan = Arc::clone(&self.shared.plan);
        let creator = open.creator;
        let mode = if plan.keep.mode { attributes.mode } else { attributes.mode & 0o777 };
        let make = |sys: &mut Sys, name: &CStr| match &text {
            Some(text) => sys.symlinkat(text, &open.target, name),
            None => sys.mknodat(&open.target, name, attributes.kind, mode, attributes.rdev),
        };
        let complete = |copier: &mut Self, temporary: &CStr| {
            let failed =
                |errno| Error::system("set owner, mode or times of", open.directory.target_of(new_name), errno);
            if plan.keep.owner {
                let sys = &mut copier.station.sys;
                keep_owner_of_name(sys, &open.target, temporary, attributes, &creator).map_err(failed)?;
            }
            let kept = copier.keep_extended_of_name(open, name, temporary)?;
            let sys = &mut copier.station.sys;
            let has_mode = attributes.kind != FileKind::Symlink && plan.keep.mode;
            if has_mode && (mode & creator.umask != 0 || creator.inherits_acl || kept.mode_moved) {
                sys.chmod_name(&open.target, temporary, kept.mode(mode)).map_err(failed)?;
            }
            if plan.keep.times {
                sys.utimens_at(&open.target, temporary, attributes.atime, attributes.mtime).map_err(failed)?;
            }
            Ok(())
        };
        self.make_other(open, new_name, verdict, attributes.id(), make, complete)?;
        self.station.summary.others += 1;
        Ok(true)
    }

    /// Gives the source itself another name, in the target (`-l`).
    pub(super) fn give_source_another_name(&mut self, open: &Open, name: &CStr, new_name: &CStr) -> Result<()> {
        let attributes = self.examine(open, name)?;
        let there = self.station.sys.stat_at(&open.target, new_name);
        if !there.is_ok_and(|there| there.is_same_file(&attributes)) {
            let verdict = self.verdict(open, name, new_name, &attributes)?;
            if let Verdict::PassOver(why) = verdict {
                self.pass_over(|| open.directory.source_of(name), why);
                return Ok(());
            }
            let follows = open.directory.source.follows_links();
            let link = |sys: &mut Sys, to: &CStr| {
                let link = if follows { Sys::linkat_through } else { Sys::linkat };
                link(sys, &open.source, name, &open.target, to)
            };
            self.make_other(open, new_name, verdict, attributes.id(), link, |_, _| Ok(()))?;
        }
        self.station.summary.links += 1;
        Ok(())
    }

    /// Makes a symbolic link to the source (`-s`). A relative one leads from where it lies, so it must lie here.
    pub(super) fn link_to_source(&mut self, open: &Open, name: &CStr, new_name: &CStr) -> Result<()> {
        let text = open.directory.source_of(name);
        if text.is_relative() && open.directory.target.path() != Path::new(".") {
            let why = "a relative link would lead elsewhere from there; name the source by its absolute path";
            return Err(Error::refused("link to", text, why));
        }
        let attributes = self.examine(open, name)?;
        let Some(verdict) = self.admit(open, name, new_name, &attributes)? else { return Ok(()) };
        let text = c_path(text);
        let link = |sys: &mut Sys, to: &CStr| sys.symlinkat(&text, &open.target, to);
        self.make_other(open, new_name, verdict, attributes.id(), link, |_, _| Ok(()))?;
        self.station.summary.others += 1;
        Ok(())
    }

    fn examine(&mut self, open: &Open, name: &CStr) -> Result<Attributes> {
        let sys = &mut self.station.sys;
        let follows = open.directory.source.follows_links();
        let found = if follows { sys.stat_through(&open.source, name) } else { sys.stat_at(&open.source, name) };
        found.map_err(|errno| Error::system("examine", open.directory.source_of(name), errno))
    }

    /// What becomes of a target's name; nothing if the entry is passed over.
    fn admit(&mut self, open: &Open, name: &CStr, new_name: &CStr, source: &Attributes) -> Result<Option<Verdict>> {
        let verdict = self.verdict(open, name, new_name, source)?;
        if let Verdict::PassOver(why) = verdict {
            self.pass_over(|| open.directory.source_of(name), why);
            return Ok(None);
        }
        Ok(Some(verdict))
    }
}
