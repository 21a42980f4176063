//! `--dry-run`: what a copy would do. A walk of its own, which makes no call that changes anything.

use std::ffi::{CStr, OsStr};
use std::os::fd::OwnedFd;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustix::fs::CWD;
use rustix::io::Errno;

use super::arguments::{Destination, ends_in_slash, parent, place};
use super::existing::{Wanted, wanted};
use super::special::{Admission, Subject, is_read, is_special};
use crate::error::{Error, Quoted, Result};
use crate::job::station::Station;
use crate::plan::{CopyPlan, Follow, Method};
use crate::sys::{Attributes, DirectoryBuffer, FileKind};
use crate::tree::metadata::describe;
use crate::tree::path::{c_path, open_named, own_name};
use crate::tree::{Place, Root, TimeSteps};

/// Says, as notes, what would become of each source.
pub(super) fn run(plan: &CopyPlan, destination: &Destination, sources: &[PathBuf], station: Station) -> Station {
    let (waiting, names, times) = (Vec::new(), DirectoryBuffer::default(), TimeSteps::new(plan.modify_window));
    let mut rehearsal = Rehearsal { plan, station, waiting, names, times };
    for path in sources {
        let looked = rehearsal.source(path, destination);
        rehearsal.station.check(looked);
        while let Some(directory) = rehearsal.waiting.pop() {
            let walked = rehearsal.walk(&directory);
            rehearsal.station.check(walked);
        }
        if rehearsal.station.is_halted() {
            break;
        }
    }
    rehearsal.station
}

struct Rehearsal<'a> {
    plan: &'a CopyPlan,
    station: Station,
    waiting: Vec<Directory>,
    names: DirectoryBuffer,
    times: TimeSteps,
}

/// A directory to look into.
struct Directory {
    source: Arc<Place>,
    /// Names between the root of its places and what patterns are relative to.
    depth: usize,
    device: (u32, u32),
    target: Target,
}

/// Where something would go.
#[derive(Clone)]
struct Target {
    path: PathBuf,
    /// The directory of that path, if it exists.
    place: Option<Arc<Place>>,
}

impl Target {
    fn below(&self, name: &CStr) -> Self {
        let path = self.path.join(OsStr::from_bytes(name.to_bytes()));
        Self { path, place: self.place.as_ref().map(|place| place.below(name)) }
    }
}

impl Rehearsal<'_> {
    fn source(&mut self, path: &Path, destination: &Destination) -> Result<()> {
        let failed = |errno| Error::system("find", path, errno);
        let sys = &mut self.station.sys;
        let follows = self.plan.follow != Follow::Never;
        let c_name = c_path(path);
        let found = if follows { sys.stat_through(CWD, &c_name) } else { sys.stat_at(CWD, &c_name) };
        let mut attributes = found.map_err(failed)?;
        let mut end = None;
        if attributes.kind == FileKind::Symlink {
            end = sys.stat_through(CWD, &c_name).ok();
            if let Some(found) = end.filter(|end| self.plan.copy_contents && is_special(end.kind)) {
                (attributes, end) = (found, None);
            }
        }
        let subject = Subject { attributes, end, is_named: true };
        let mut into = Target { path: destination.place.path(), place: Some(Arc::clone(&destination.place)) };
        if self.plan.parents {
            into = c_names(path.parent().unwrap_or(Path::new(""))).iter().fold(into, |into, name| into.below(name));
        }
        let target = destination.name_for(path).map_or_else(|| into.clone(), |name| into.below(&name));
        let follow = self.plan.follow == Follow::Always;
        let (source, depth) = match own_name(path) {
            Some(name) if !follows && !ends_in_slash(path) => {
                (place(&mut self.station.sys, parent(path), false)?.below(&name), 1)
            }
            _ if attributes.kind == FileKind::Directory => (place(&mut self.station.sys, path, follow)?, 0),
            _ => (place(&mut self.station.sys, parent(path), true)?.below(&own_name(path).unwrap_or_default()), 1),
        };
        let name = own_name(path).unwrap_or_default();
        let is_directory = attributes.kind == FileKind::Directory;
        if self.plan.exclude.match_name(OsStr::from_bytes(name.to_bytes()), is_directory) {
            self.pass_over(path, "it is excluded");
        } else {
            self.entry(path, &subject, source, depth, attributes.dev, target)?;
        }
        Ok(())
    }

    fn entry(
        &mut self,
        path: &Path,
        subject: &Subject,
        source: Arc<Place>,
        depth: usize,
        device: (u32, u32),
        target: Target,
    ) -> Result<()> {
        let attributes = &subject.attributes;
        let existing = self.look(&target)?;
        if attributes.kind == FileKind::Directory {
            return self.directory(path, attributes, existing, Directory { source, depth, device, target });
        }
        let what = self.would_do(attributes);
        let Some(existing) = existing else {
            self.tell(path, &format!("would be {what} {}", Quoted(&target.path)));
            self.warn_of_special(path, subject);
            return Ok(());
        };
        if existing.is_same_file(attributes) {
            return Err(Error::refused("copy", path, "source and target are the same file"));
        }
        if existing.kind == FileKind::Directory {
            return Err(Error::refused("copy", path, "a directory of that name is in the target"));
        }
        // Nothing is made, so the file system is not looked at.
        let age = self.times.compare(&mut self.station.sys, None, &existing, attributes.mtime);
        match wanted(self.plan, attributes, &existing, age) {
            Wanted::No(why) | Wanted::UpToDate(why) => self.pass_over(path, why),
            Wanted::Never => return Err(Error::refused("copy", path, "the target exists")),
            Wanted::Yes => match subject.admission(self.plan, &existing) {
                Admission::Needless => self.pass_over(path, "it is there already"),
                Admission::Attributes => {
                    self.tell(path, &format!("would give its attributes to {}", Quoted(&target.path)));
                }
                Admission::Refused(why) => return Err(Error::refused("copy", path, why)),
                Admission::Granted => {
                    let asked = if self.plan.existing.ask { ", if the answer is yes," } else { "" };
                    let replaces = format!("{}{asked} and replace what is there", Quoted(&target.path));
                    self.tell(path, &format!("would be {what} {replaces}"));
                    self.warn_of_special(path, subject);
                }
            },
        }
        Ok(())
    }

    /// What would become of something that is no directory; counts it.
    fn would_do(&mut self, attributes: &Attributes) -> &'static str {
        let summary = &mut self.station.summary;
        match (self.plan.method, attributes.kind) {
            (Method::HardLink, _) => {
                summary.links += 1;
                "linked to"
            }
            (Method::Symlink, _) => {
                summary.others += 1;
                "what a symbolic link leads to from"
            }
            (_, kind) if is_read(self.plan, kind) => {
                summary.files += 1;
                summary.source_bytes += attributes.size;
                "copied to"
            }
            _ => {
                summary.others += 1;
                "made anew as"
            }
        }
    }

    fn directory(
        &mut self,
        path: &Path,
        attributes: &Attributes,
        existing: Option<Attributes>,
        mut directory: Directory,
    ) -> Result<()> {
        match existing {
            None => {
                directory.target.place = None;
                self.tell(path, &format!("would be made as {}", Quoted(&directory.target.path)));
            }
            Some(existing) if existing.is_same_file(attributes) => {
                return Err(Error::refused("copy", path, "source and target are the same directory"));
            }
            Some(existing) if existing.kind == FileKind::Directory => {}
            Some(existing) if existing.kind == FileKind::Symlink && self.plan.existing.keep_directory_symlink => {
                self.follow_target(&mut directory.target)?;
            }
            Some(existing) => {
                let why = format!("{} of that name is there", describe(existing.kind));
                return Err(Error::refused("create directory", &directory.target.path, why));
            }
        }
        self.station.summary.directories += 1;
        if !self.plan.one_file_system || attributes.dev == directory.device {
            self.waiting.push(directory);
        }
        Ok(())
    }

    /// Goes to where a symbolic link leads that stands for a directory.
    fn follow_target(&mut self, target: &mut Target) -> Result<()> {
        let failed = |errno| Error::system("open", &target.path, errno);
        let Some((above, name)) = target.place.as_ref().and_then(|place| place.above()) else { return Ok(()) };
        let sys = &mut self.station.sys;
        let directory = above.open_to_search(sys).map_err(failed)?;
        let led = open_named(sys, &directory, name).map_err(failed)?;
        sys.close(directory).map_err(failed)?;
        target.place = Some(Place::root(Root::new(led, target.path.clone())));
        Ok(())
    }

    /// What has the name of a target.
    fn look(&mut self, target: &Target) -> Result<Option<Attributes>> {
        let Some((above, name)) = target.place.as_ref().and_then(|place| place.above()) else {
            let root = target.place.as_ref().map(|place| place.open_to_search(&mut self.station.sys)).transpose();
            let root = root.map_err(|errno| Error::system("open", &target.path, errno))?;
            return Ok(root.and_then(|root| self.station.sys.fstat(root).ok()));
        };
        let sys = &mut self.station.sys;
        let failed = |errno| Error::system("examine", &target.path, errno);
        let directory = match above.open_to_search(sys) {
            Err(Errno::NOENT) => return Ok(None),
            other => other.map_err(failed)?,
        };
        let found = match sys.stat_at(&directory, name) {
            Err(Errno::NOENT) => None,
            other => Some(other.map_err(failed)?),
        };
        sys.close(directory).map_err(failed)?;
        Ok(found)
    }

    fn walk(&mut self, directory: &Directory) -> Result<()> {
        let failed = |errno| Error::system("read", directory.source.path(), errno);
        let opened = directory.source.open(&mut self.station.sys).map_err(failed)?;
        while let Some(entries) = self.station.sys.getdents(&opened, &mut self.names).map_err(failed)? {
            for entry in entries.iter() {
                if self.station.is_halted() {
                    return Ok(());
                }
                let looked = self.child(directory, &opened, entry.name);
                self.station.check(looked);
            }
        }
        self.station.sys.close(opened).map_err(failed)
    }

    fn child(&mut self, directory: &Directory, opened: &OwnedFd, name: &CStr) -> Result<()> {
        let path = directory.source.path_of(name);
        let sys = &mut self.station.sys;
        let follows = directory.source.follows_links();
        let found = if follows { sys.stat_through(opened, name) } else { sys.stat_at(opened, name) };
        let attributes = found.map_err(|errno| Error::system("examine", &path, errno))?;
        let relative = directory.source.path_below(directory.depth).join(OsStr::from_bytes(name.to_bytes()));
        if self.plan.exclude.matches(&relative, attributes.kind == FileKind::Directory) {
            self.pass_over(&path, "it is excluded");
            return Ok(());
        }
        let (source, target) = (directory.source.below(name), directory.target.below(name));
        let subject = Subject { attributes, end: None, is_named: false };
        self.entry(&path, &subject, source, directory.depth, directory.device, target)
    }

    /// What would be said of a special file that is not read.
    fn warn_of_special(&mut self, path: &Path, subject: &Subject) {
        if let Some(warning) = subject.warning(self.plan) {
            self.station.warn(path, warning);
        }
    }

    fn pass_over(&mut self, path: &Path, why: &str) {
        self.station.summary.skipped += 1;
        self.tell(path, &format!("would be passed over: {why}"));
    }

    fn tell(&self, path: &Path, what: &str) {
        self.station.note(|| (path.to_owned(), what.to_owned()));
    }
}

/// The names a path is made of.
fn c_names(path: &Path) -> Vec<std::ffi::CString> {
    let names = path.components().filter_map(|component| match component {
        std::path::Component::Normal(name) => Some(c_path(name)),
        _ => None,
    });
    names.collect()
}
