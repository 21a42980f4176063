//! What is there already under a target's name, and what is to become of it.

use std::cmp::Ordering;
use std::ffi::CStr;
use std::sync::Arc;

use rustix::io::Errno;

use super::Copier;
use super::directory::{Open, Standing};
use super::folding::lower_case;
use super::shared::Shared;
use super::special::Admission;
use crate::error::{Error, Result};
use crate::plan::{Backup, CopyPlan, Existing, Method, Update, When};
use crate::sys::{Attributes, FileKind};
use crate::tree::metadata::describe;

/// What becomes of a target's name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Verdict {
    /// Nothing has it.
    New,
    /// What has it goes, in the instant in which the new one comes.
    Replace(Attributes),
    /// What has it stays, and gets new content: these are its attributes, or those of what the link leads to; and why.
    InPlace(Attributes, Reason),
    /// What has it is what an earlier copy made of this very source.
    Done(Attributes),
    /// What has it is a special file of the source's kind, which stays, and gets its attributes.
    Attributes(Attributes),
    /// What has it stays as it is, for this reason.
    PassOver(&'static str),
    /// The same, and it may be as good as a copy, so that further names of the source become names of it.
    UpToDate(Attributes, &'static str),
}

impl Verdict {
    /// Why what is there stays as it is, if it does.
    pub(super) const fn stays(&self) -> Option<&'static str> {
        match self {
            Self::PassOver(why) | Self::UpToDate(_, why) => Some(why),
            _ => None,
        }
    }
}

impl Copier {
    /// Decides about the target of a source with these attributes; never about the source itself.
    pub(super) fn verdict(
        &mut self,
        open: &Open,
        name: &CStr,
        new_name: &CStr,
        source: &Attributes,
    ) -> Result<Verdict> {
        if open.directory.standing == Standing::New {
            return Ok(Verdict::New);
        }
        let refused = |why: String| Err(Error::refused("copy", open.directory.source_of(name), why));
        let existing = match self.station.sys.stat_at(&open.target, new_name) {
            Ok(existing) => existing,
            Err(Errno::NOENT) => return Ok(Verdict::New),
            Err(errno) => return Err(Error::system("examine", open.directory.target_of(new_name), errno)),
        };
        if existing.is_same_file(source) {
            return refused("source and target are the same file".to_owned());
        }
        self.refuse_other_case(&open.directory, Some(&open.target), name, new_name)?;
        let plan = Arc::clone(&self.shared.plan);
        let age = self.age(open, &existing, source);
        if is_done(&plan, source, &existing, age) {
            return Ok(Verdict::Done(existing));
        }
        if open.directory.standing == Standing::Resumed {
            return Ok(Verdict::Replace(existing));
        }
        if existing.kind == FileKind::Directory {
            return refused(format!("{} of that name is in the target", describe(existing.kind)));
        }
        if self.was_just_made(open, new_name) {
            return refused("another source has become that target just now".to_owned());
        }
        match wanted(&plan, source, &existing, age) {
            Wanted::Yes => {}
            Wanted::No(why) => return Ok(Verdict::PassOver(why)),
            Wanted::UpToDate(why) => return Ok(Verdict::UpToDate(existing, why)),
            Wanted::Never => return refused("the target exists".to_owned()),
        }
        let is_read = self.is_read(source.kind);
        let subject = self.subject(open, name, source);
        // A link onto the file that it leads to would leave a link to itself, and the file gone.
        if subject.end.is_some_and(|end| existing.is_same_file(&end)) {
            return refused("source and target are the same file".to_owned());
        }
        match subject.admission(&plan, &existing) {
            Admission::Granted => {}
            Admission::Needless => return Ok(Verdict::UpToDate(existing, "it is there already")),
            Admission::Attributes => return Ok(Verdict::Attributes(existing)),
            Admission::Refused(why) => return refused(why),
        }
        if plan.existing.ask && !self.shared.asked(&open.directory.target_of(new_name)) {
            return Ok(Verdict::PassOver("the answer was no"));
        }
        if is_read && let Some(why) = self.stays_itself(open, &existing) {
            return self.in_place(open, (name, new_name), source, &existing, why);
        }
        if plan.method == Method::AttributesOnly {
            return refused(format!(
                "{} of that name is there, and only attributes are copied",
                describe(existing.kind)
            ));
        }
        // Found out before a copy or a backup is made in vain, or one that cannot be removed.
        if open.rules.keeps(&existing, self.shared.identity.uid) {
            return Err(Error::system("replace", open.directory.target_of(new_name), Errno::PERM));
        }
        Ok(Verdict::Replace(existing))
    }

    /// How the time of what is there stands to that of the source, where the plan goes by it.
    fn age(&mut self, open: &Open, existing: &Attributes, source: &Attributes) -> Ordering {
        let Shared { plan, times, .. } = &*self.shared;
        if !plan.resume && plan.existing.update != Update::Older {
            return Ordering::Less;
        }
        times.compare(&mut self.station.sys, Some(self.shared.site(open)), existing, source.mtime)
    }

    /// Why what is there keeps its identity, if it does: if the user named exactly it, a link or a device stays one, and
    /// other names of a file see the change; and so does what cannot be replaced. What is met in a directory is replaced: a
    /// link that somebody put there leads nowhere, and a file's other names keep what they have.
    fn stays_itself(&self, open: &Open, existing: &Attributes) -> Option<Reason> {
        let plan = &self.shared.plan;
        let is_regular = existing.kind == FileKind::RegularFile;
        let is_exact = open.directory.origin.is_exact;
        if plan.existing.remove || plan.method == Method::HardLink {
            return None;
        }
        if plan.method == Method::AttributesOnly {
            let stays = is_regular || (is_exact && existing.kind == FileKind::Symlink);
            return stays.then_some(Reason::AttributesOnly);
        }
        // What is to be backed up keeps its content, under another name; a device is nothing to be put aside.
        if plan.existing.backup != Backup::None && (is_regular || existing.kind == FileKind::Symlink) {
            return None;
        }
        let reasons = [
            (is_regular && plan.existing.in_place, Reason::Asked),
            (is_regular && open.rules.keeps(existing, self.shared.identity.uid), Reason::Unreplaceable),
            (is_regular && existing.links > 1 && (is_exact || !plan.keep.links), Reason::OtherNames),
            (is_exact && !is_regular, Reason::NotRegular),
        ];
        reasons.into_iter().find_map(|(holds, why)| holds.then_some(why))
    }

    /// Whether a file beside which none could be made, for this reason, can still be given another content, as cp does.
    pub(super) fn falls_back_to_writing_in_place(&self, existing: &Attributes, errno: Errno) -> bool {
        let Existing { remove, backup, .. } = &self.shared.plan.existing;
        let is_possible = existing.kind == FileKind::RegularFile && !remove && *backup == Backup::None;
        is_possible && self.shared.plan.method == Method::Copy && matches!(errno, Errno::ACCESS | Errno::PERM)
    }

    /// What is written in place: the end of the link, if it is one.
    fn in_place(
        &mut self,
        open: &Open,
        (name, new_name): (&CStr, &CStr),
        source: &Attributes,
        existing: &Attributes,
        why: Reason,
    ) -> Result<Verdict> {
        let path = || open.directory.target_of(new_name);
        let end = match existing.kind {
            FileKind::Symlink => {
                self.station.sys.stat_through(&open.target, new_name).map_err(|errno| match errno {
                    Errno::NOENT => Error::refused("write", path(), "it is a symbolic link that leads nowhere"),
                    errno => Error::system("examine", path(), errno),
                })?
            }
            _ => *existing,
        };
        if end.is_same_file(source) {
            return Err(Error::refused("copy", open.directory.source_of(name), "source and target are the same file"));
        }
        let is_regular = end.kind == FileKind::RegularFile;
        if self.shared.plan.method == Method::AttributesOnly && !is_regular {
            let why = format!("it is {}, and only attributes of files are copied", describe(end.kind));
            return Err(Error::refused("write", path(), why));
        }
        Ok(Verdict::InPlace(end, why))
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

/// Why what is there is written in place, and not replaced.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Reason {
    /// It is to keep its identity.
    Asked,
    /// Only its attributes are copied.
    AttributesOnly,
    /// Other names lead to the same file.
    OtherNames,
    /// It is a symbolic link, a FIFO, a socket or a device.
    NotRegular,
    /// Something is mounted on it.
    MountPoint,
    /// Its directory lets nobody, or not this user, put another file in its place.
    Unreplaceable,
}

impl Reason {
    /// For those who asked for detail.
    pub(super) const fn text(self) -> &'static str {
        match self {
            Self::Asked => "as was asked for",
            Self::AttributesOnly => "only its attributes are copied",
            Self::OtherNames => "it has other names",
            Self::NotRegular => "it is a link, a FIFO or a device",
            Self::MountPoint => "something is mounted on it",
            Self::Unreplaceable => "its directory does not let it be replaced",
        }
    }
}

/// Whether a plan wants what exists to be replaced.
pub(super) enum Wanted {
    Yes,
    /// The source is passed over, for this reason.
    No(&'static str),
    /// The same, and what exists may be as good as a copy.
    UpToDate(&'static str),
    /// That is a failure.
    Never,
}

/// Whether `plan` wants the target that exists to be replaced by the source, to whose time its own stands as `age` says.
pub(super) fn wanted(plan: &CopyPlan, source: &Attributes, existing: &Attributes, age: Ordering) -> Wanted {
    match plan.existing.update {
        _ if is_done(plan, source, existing, age) => Wanted::No(DONE),
        Update::None => Wanted::No("the target exists"),
        Update::NoneFail => Wanted::Never,
        Update::Older if age.is_ge() => Wanted::UpToDate("the target is as new"),
        Update::All | Update::Older => Wanted::Yes,
    }
}

/// Why a source is passed over that an earlier copy has dealt with.
pub(super) const DONE: &str = "it is done already";

/// Whether a target is what an earlier copy made of this source: its times are set last, so size and time tell. But after
/// a power cut a file with holes may have its size without its data.
fn is_done(plan: &CopyPlan, source: &Attributes, existing: &Attributes, age: Ordering) -> bool {
    let makes_holes = plan.sparse == When::Always || source.has_holes();
    plan.resume
        && plan.method == Method::Copy
        && source.kind == FileKind::RegularFile
        && existing.kind == FileKind::RegularFile
        && source.size == existing.size
        && age.is_eq()
        && (!makes_holes || existing.blocks >= source.blocks)
}
