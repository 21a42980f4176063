//! `--parents`: the directories on the way to a source are made in the target as well, like those they stand for.

use std::ffi::CStr;
use std::path::{Component, Path, PathBuf};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use rustix::fs::CWD;
use rustix::io::Errno;

use super::Copier;
use super::arguments::TargetDirectory;
use super::directory::{Above, Directory, Origin, Seen, Standing};
use super::folding::Spellings;
use crate::error::{Error, Result};
use crate::sys::Creator;
use crate::tree::path::{c_path, open_named};
use crate::tree::{Place, Root};

/// The directories that were made on the way to sources. They get their attributes when all else is done.
#[derive(Default)]
pub(super) struct Parents(Mutex<Vec<Parent>>);

struct Parent {
    source: PathBuf,
    target: Arc<Place>,
    inherits_acl: bool,
}

impl Copier {
    /// The directory that a source goes into; makes what is missing on the way.
    pub(super) fn parents_of(&mut self, path: &Path) -> Result<TargetDirectory> {
        let mut into = TargetDirectory::there(&self.shared.destination.place);
        let mut source = PathBuf::new();
        for component in path.parent().unwrap_or(Path::new("")).components() {
            source.push(component);
            let Component::Normal(name) = component else {
                if component == Component::ParentDir {
                    let why = "with --parents, '..' in it would lead out of the target";
                    return Err(Error::refused("copy", path, why));
                }
                continue;
            };
            let target = into.directory.below(&c_path(name));
            if self.shared.plan.dry_run {
                into = self.plan_parent(into, target, &c_path(name), &source)?;
                continue;
            }
            let failed = |errno| Error::system("create directory", target.path(), errno);
            let sys = &mut self.station.sys;
            let above = into.directory.open_to_search(sys).map_err(failed)?;
            match sys.mkdirat(&above, &c_path(name), 0o700) {
                Ok(()) => {
                    let inherits_acl = self.inherits(&above, &target, 0o700);
                    let made = Parent { source: source.clone(), target: Arc::clone(&target), inherits_acl };
                    self.shared.parents.0.lock().unwrap_or_else(PoisonError::into_inner).push(made);
                }
                Err(Errno::EXIST) => {}
                Err(errno) => return Err(failed(errno)),
            }
            self.station.sys.close(above).map_err(failed)?;
            into = TargetDirectory::there(&target);
        }
        Ok(into)
    }

    /// What a dry run finds or plans instead.
    fn plan_parent(
        &mut self,
        above: TargetDirectory,
        target: Arc<Place>,
        name: &CStr,
        source: &Path,
    ) -> Result<TargetDirectory> {
        let failed = |errno| Error::system("create directory", target.path(), errno);
        if above.planned.is_none() {
            let sys = &mut self.station.sys;
            let directory = above.directory.open_to_search(sys).map_err(failed)?;
            let found = sys.stat_at(&directory, name);
            let allowed = sys.may_make_names(&directory);
            sys.close(directory).map_err(failed)?;
            match found {
                Ok(_) => return Ok(TargetDirectory::there(&target)),
                Err(Errno::NOENT) => allowed.map_err(failed)?,
                Err(errno) => return Err(failed(errno)),
            }
        }
        let made = self.shared.dry_run.as_ref().and_then(|dry_run| dry_run.made(&target.path()));
        if made.is_none() {
            self.tell_made(source.to_owned(), &target);
        }
        let planned = made.map_or_else(|| self.plan_id(&target), |made| Some(made.id()));
        Ok(TargetDirectory { directory: target, planned, existing: above.existing })
    }

    /// Gives the directories that were made their attributes, the deepest first.
    pub(super) fn finish_parents(&mut self) {
        let made = std::mem::take(&mut *self.shared.parents.0.lock().unwrap_or_else(PoisonError::into_inner));
        for parent in made.into_iter().rev() {
            let finished = self.finish_parent(parent);
            self.station.check(finished);
        }
    }

    fn finish_parent(&mut self, Parent { source: path, target, inherits_acl }: Parent) -> Result<()> {
        let failed = |errno| Error::system("examine", &path, errno);
        let sys = &mut self.station.sys;
        let root = open_named(sys, CWD, &c_path(&path)).map_err(failed)?;
        let source = Place::root(Root::new(root, path.clone()));
        let opened = source.open_to_search(sys).map_err(failed)?;
        let attributes = sys.fstat(&opened).map_err(failed)?;
        let has_extended = self.has_extended(&opened, &source)?;
        self.station.sys.close(opened).map_err(failed)?;
        let directory = Directory {
            source,
            target,
            parent: Above::default(),
            source_seen: OnceLock::from(Seen { attributes, has_extended }),
            standing: Standing::New,
            planned: None,
            unit: None,
            volume: self.shared.destination.volume.clone(),
            creator: Creator { inherits_acl, ..self.shared.identity.unknown_creator() },
            origin: Origin { depth: 0, device: None, is_exact: false },
            spellings: Spellings::new(),
        };
        self.finish_directory(&directory, None);
        Ok(())
    }
}
