//! The targets of directories: made, met, taken over, or not to be had.

use std::ffi::CStr;
use std::os::fd::OwnedFd;
use std::sync::Arc;

use rustix::io::Errno;

use super::directory::{Above, Directory, Open, Standing};
use super::{Copier, Task};
use crate::engine::Volume;
use crate::error::{Error, Result};
use crate::pool::Handle;
use crate::sys::FileKind;
use crate::tree::metadata::describe;
use crate::tree::path::open_named;
use crate::tree::{Place, Root};

impl Copier {
    /// Makes a directory's target where that is ours alone, and hands the directory on.
    pub(super) fn directory(
        &mut self,
        open: &Arc<Open>,
        name: &CStr,
        new_name: &CStr,
        handle: &mut Handle<'_, Task>,
    ) -> Result<()> {
        let above = &open.directory;
        let standing = match above.standing {
            Standing::Met => Standing::Met,
            // It is told when its turn comes.
            Standing::New if self.shared.plan.dry_run => Standing::New,
            Standing::New => self.make_new_directory(open, new_name)?,
            Standing::Resumed => self.take_over_directory(open, name, new_name)?,
        };
        if name == new_name {
            handle.offer(Task::Directory(Arc::clone(above), name.to_owned(), standing));
        } else {
            self.enter(Arc::clone(above), name, new_name, standing, handle);
        }
        Ok(())
    }

    /// A directory in a tree under a temporary name.
    pub(super) fn make_new_directory(&mut self, open: &Open, name: &CStr) -> Result<Standing> {
        let made = self.station.sys.mkdirat(&open.target, name, 0o700);
        made.map_err(|errno| Error::system("create directory", open.directory.target_of(name), errno))?;
        Ok(Standing::New)
    }

    /// A directory on its way, and its target's descriptor if that had to be opened.
    pub(super) fn make_directory(
        &mut self,
        above: &Arc<Directory>,
        name: &CStr,
        new_name: &CStr,
        standing: Standing,
    ) -> Result<(Directory, Option<OwnedFd>)> {
        let source = above.source.below(name);
        let parent = Above::new(Arc::clone(above));
        if standing == Standing::New && self.shared.plan.dry_run {
            return Ok((Directory { parent, ..self.plan_directory(above, source, new_name)? }, None));
        }
        if standing != Standing::Met {
            let target = above.target.below(new_name);
            return Ok((Directory { target, parent, standing, ..above.merging(source) }, None));
        }
        let directory = self.meet(above, source, (name, new_name))?;
        Ok((Directory { parent, ..directory.0 }, directory.1))
    }

    /// A directory whose target may be there already.
    pub(super) fn meet(
        &mut self,
        above: &Directory,
        source: Arc<Place>,
        (name, new_name): (&CStr, &CStr),
    ) -> Result<(Directory, Option<OwnedFd>)> {
        if let Some(planned) = self.meet_planned(above, &source, new_name)? {
            return Ok((planned, None));
        }
        let target = above.target.below(new_name);
        let sys = &mut self.station.sys;
        match target.open_to_search(sys) {
            Ok(opened) => {
                let volume =
                    Volume::of(sys, &opened).map_err(|errno| Error::system("examine", target.path(), errno))?;
                self.refuse_other_case(above, None, name, new_name)?;
                if volume.dev() != above.volume.dev() {
                    self.shared.note_volume(volume.dev(), &target);
                }
                let creator = self.shared.identity.unknown_creator();
                let met = Directory { target, volume, creator, ..above.merging(source) };
                Ok((met, Some(opened)))
            }
            Err(Errno::NOENT) => match self.begin_unit(above, Arc::clone(&source), new_name)? {
                Some(directory) => Ok((directory, None)),
                // It is there now, under its final name.
                None => self.meet(above, source, (name, new_name)),
            },
            Err(Errno::LOOP | Errno::NOTDIR | Errno::XDEV) => self.replace_no_directory(above, source, new_name),
            Err(errno) => Err(Error::system("open", target.path(), errno)),
        }
    }

    /// The name of a directory's target is taken by something else; at most a link to a directory will do.
    fn replace_no_directory(
        &mut self,
        above: &Directory,
        source: Arc<Place>,
        new_name: &CStr,
    ) -> Result<(Directory, Option<OwnedFd>)> {
        let failed = |errno| Error::system("create directory", above.target_of(new_name), errno);
        let sys = &mut self.station.sys;
        let directory = above.target.open_to_search(sys).map_err(failed)?;
        let existing = sys.stat_at(&directory, new_name).map_err(failed)?;
        if existing.kind == FileKind::Symlink && self.shared.plan.existing.keep_directory_symlink {
            let led = open_named(sys, &directory, new_name).map_err(failed)?;
            let target = Place::root(Root::new(led, above.target_of(new_name)));
            let creator = self.shared.identity.unknown_creator();
            sys.close(directory).map_err(failed)?;
            let volume = target.open_to_search(sys).and_then(|opened| Volume::of(sys, &opened)).map_err(failed)?;
            self.shared.note_volume(volume.dev(), &target);
            return Ok((Directory { target, volume, creator, ..above.merging(source) }, None));
        }
        let why = format!("{} of that name is there", describe(existing.kind));
        Err(Error::refused("create directory", above.target_of(new_name), why))
    }
}
