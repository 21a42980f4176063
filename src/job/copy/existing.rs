//! What is there already under a target's name: looking at it, and having it decided what becomes of it.

use std::cmp::Ordering;
use std::ffi::CStr;
use std::sync::Arc;

use rustix::io::Errno;

use super::Copier;
use super::decide::{Action, Refusal, There, decide};
use super::directory::{Open, Standing};
use super::folding::lower_case;
use super::shared::Shared;
use crate::engine::Side;
use crate::error::{Cause, Error, Result};
use crate::plan::Update;
use crate::sys::{Attributes, FileKind};

impl Copier {
    /// Decides about the target of a source with these attributes, and asks a person where the plan says so.
    pub(super) fn decide(&mut self, open: &Open, name: &CStr, new_name: &CStr, source: &Attributes) -> Result<Action> {
        if open.directory.standing == Standing::New {
            return Ok(Action::Create);
        }
        let Some(existing) = self.look_at_target(open, new_name)? else { return Ok(Action::Create) };
        if !existing.is_same_file(source) && self.planned_at(open, new_name).is_none() {
            self.refuse_other_case(&open.directory, Some(&open.target), name, new_name)?;
        }
        let plan = Arc::clone(&self.shared.plan);
        let source = self.source(open, name, source);
        let is_exact = open.directory.origin.is_exact;
        let there = There {
            attributes: existing,
            end: (is_exact && existing.kind == FileKind::Symlink)
                .then(|| self.station.sys.stat_through(&open.target, new_name)),
            age: self.age(open, &existing, &source.attributes),
            is_resumed: open.directory.standing == Standing::Resumed,
            was_just_made: self.was_just_made(open, new_name),
            is_exact,
            is_kept: open.rules.keeps(&existing, self.shared.identity.uid),
        };
        let action = decide(&plan, &source, Some(&there)).map_err(|refusal| refused(refusal, open, name, new_name))?;
        // A dry run says what would be asked.
        let asks = plan.existing.ask && !plan.dry_run && action.changes_what_exists() && !there.is_resumed;
        if asks && !self.shared.asked(&open.directory.target_of(new_name)) {
            return Ok(Action::Skip("the answer was no"));
        }
        Ok(action)
    }

    /// What has a target's name.
    pub(super) fn look_at_target(&mut self, open: &Open, new_name: &CStr) -> Result<Option<Attributes>> {
        let path = || open.directory.target_of(new_name);
        let planned = self.planned_at(open, new_name);
        if planned.is_some() || open.directory.is_planned() {
            return Ok(planned);
        }
        match self.station.sys.stat_at(&open.target, new_name) {
            Ok(existing) => Ok(Some(existing)),
            Err(Errno::NOENT) => Ok(None),
            Err(errno) => Err(Error::system("examine", path(), errno)),
        }
    }

    /// The time of what is there compared with that of the source, where the plan goes by it.
    fn age(&mut self, open: &Open, existing: &Attributes, source: &Attributes) -> Ordering {
        let Shared { plan, times, .. } = &*self.shared;
        if !plan.resume && plan.existing.update != Update::Older {
            return Ordering::Less;
        }
        // A dry run makes no file to see what its file system does with times.
        let site = (!plan.dry_run).then(|| self.shared.site(open));
        times.compare(&mut self.station.sys, site, existing, source.mtime)
    }

    /// Remembers that a source became this target, where another source could do the same.
    pub(super) fn claim(&self, open: &Open, new_name: &CStr) {
        if let Some(directory) = open.target_id {
            self.shared.claims.take(directory, new_name.to_bytes());
            if open.directory.folds_names() {
                self.shared.claims.take(directory, lower_case(new_name).as_bytes());
            }
        }
    }

    pub(super) fn was_just_made(&self, open: &Open, new_name: &CStr) -> bool {
        open.target_id.is_some_and(|directory| self.shared.claims.has_made(directory, new_name.to_bytes()))
    }
}

/// A refusal as an error that names the path it is about.
fn refused(Refusal { operation, side, cause }: Refusal, open: &Open, name: &CStr, new_name: &CStr) -> Error {
    let path = match side {
        Side::Source => open.directory.source_of(name),
        Side::Target => open.directory.target_of(new_name),
    };
    match cause {
        Cause::System(errno) => Error::system(operation, path, errno),
        cause => Error { operation, path, cause },
    }
}
