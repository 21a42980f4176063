//! `--parents`: the directories on the way to a source are made in the target as well, like those they stand for.

use std::path::{Component, Path, PathBuf};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use rustix::fs::CWD;
use rustix::io::Errno;

use super::Copier;
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
    pub(super) fn parents_of(&mut self, path: &Path) -> Result<Arc<Place>> {
        let mut place = Arc::clone(&self.shared.destination.place);
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
            let target = place.below(&c_path(name));
            let failed = |errno| Error::system("create directory", target.path(), errno);
            let sys = &mut self.station.sys;
            let above = place.open_to_search(sys).map_err(failed)?;
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
            place = target;
        }
        Ok(place)
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
