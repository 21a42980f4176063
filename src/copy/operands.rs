//! The operands of a copy: which sources there are and whether they may collide, the directory that each goes into and its
//! name there, and the directories of `--parents`. Refuses what must not be copied where.

use std::collections::hash_map::Entry;
use std::collections::{HashMap, HashSet};
use std::ffi::{CStr, CString, OsStr};
use std::os::fd::OwnedFd;
use std::os::unix::ffi::OsStrExt;
use std::path::{Component, Path, PathBuf};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use rustix::fs::CWD;
use rustix::io::Errno;

use super::directory::{Above, Directory, Origin, Seen, TargetState};
use super::folding::{Spellings, lower_case};
use super::special::is_special;
use super::{Copier, Task};
use crate::engine::Volume;
use crate::error::{Error, Result};
use crate::plan::{CopyPlan, Follow, Placing};
use crate::pool::Handle;
use crate::sys::{Attributes, Creator, FileId, FileKind, Sys};
use crate::tree::path::{c_path, lies_in, open_named, own_name};
use crate::tree::{Place, Root, is_unfinished_tree};

/// What the words for the sources come to.
pub(super) struct Distinct {
    /// Each source once.
    pub(super) sources: Vec<PathBuf>,
    /// Those that say the same once more. As with `cp`, once is enough.
    pub(super) repeated: Vec<PathBuf>,
    /// Whether one may meet what another has just made.
    pub(super) may_collide: bool,
}

impl Distinct {
    pub(super) fn new(sys: &mut Sys, sources: Vec<PathBuf>, plan: &CopyPlan) -> Self {
        // `x/.` goes into the target itself, where it may meet anything; `x.haul-part` is what `x` is called meanwhile.
        let is_open =
            plan.parents || sources.iter().any(|path| own_name(path).is_none_or(|name| is_unfinished_tree(&name)));
        let mut distinct =
            Self { may_collide: sources.len() > 1 && is_open, sources: Vec::new(), repeated: Vec::new() };
        let mut by_name: HashMap<CString, Namesakes> = HashMap::new();
        let mut in_lower_case = HashSet::new();
        for path in sources {
            let name = own_name(&path).filter(|_| !plan.parents).unwrap_or_else(|| c_path(&path));
            match by_name.entry(name) {
                Entry::Vacant(free) => {
                    // In some targets that is one name.
                    distinct.may_collide |= !in_lower_case.insert(lower_case(free.key()));
                    free.insert(Namesakes { first: path.clone(), ids: HashSet::new() });
                }
                Entry::Occupied(mut taken) => {
                    if !taken.get_mut().take(sys, plan, &path) {
                        distinct.repeated.push(path);
                        continue;
                    }
                    distinct.may_collide = true;
                }
            }
            distinct.sources.push(path);
        }
        distinct
    }
}

/// Sources of one name.
struct Namesakes {
    first: PathBuf,
    /// All of them, once there are two.
    ids: HashSet<FileId>,
}

impl Namesakes {
    /// Takes a further path; says whether it leads to another file than those before it.
    fn take(&mut self, sys: &mut Sys, plan: &CopyPlan, path: &Path) -> bool {
        let mut id = |path: &Path| {
            let found = match plan.follow {
                Follow::Never => sys.stat_at(CWD, &c_path(path)),
                Follow::Named | Follow::Always => sys.stat_through(CWD, &c_path(path)),
            };
            found.ok().map(|found| found.id())
        };
        if self.ids.is_empty() {
            self.ids.extend(id(&self.first));
        }
        path != self.first && id(path).is_none_or(|id| self.ids.insert(id))
    }
}

/// Where sources go.
pub(super) struct Destination {
    /// The directory that will hold them.
    pub(super) place: Arc<Place>,
    /// What the sources become in it.
    naming: Naming,
    /// The user wrote `NAME/`: only a directory may get this name.
    only_directory: bool,
    pub(super) volume: Volume,
}

/// The directory that a source goes into.
pub(super) struct TargetDirectory {
    pub(super) directory: Arc<Place>,
    /// See [`Directory::planned`].
    pub(super) planned: Option<FileId>,
    /// The last one on the way there that is there: itself, but in a dry run.
    pub(super) existing: Arc<Place>,
}

impl TargetDirectory {
    /// One that is there.
    pub(super) fn there(directory: &Arc<Place>) -> Self {
        Self { directory: Arc::clone(directory), planned: None, existing: Arc::clone(directory) }
    }
}

/// The names that sources get.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Naming {
    /// Each its own.
    Own,
    /// The one source gets this one.
    Exact(CString),
    /// None: what is in the one source goes into the directory itself.
    Merged,
}

impl Destination {
    /// Opens the directory that the target is, or is to be in.
    pub(super) fn find(sys: &mut Sys, plan: &CopyPlan, sources: usize) -> Result<Self> {
        let target = &plan.target;
        let only_directory = target.as_os_str().as_bytes().ends_with(b"/");
        let is_directory = match sys.stat_through(CWD, &c_path(target)) {
            Ok(attributes) => attributes.kind == FileKind::Directory,
            Err(Errno::NOENT) if plan.placing != Placing::Into => false,
            Err(errno) => return Err(Error::system("find", target, errno)),
        };
        let needs_directory = |why| Err(Error::refused("copy to", target, why));
        match plan.placing {
            _ if is_directory => {}
            Placing::Into => return needs_directory("it is not a directory, and -t wants one"),
            _ if plan.parents => return needs_directory("it is not a directory, and --parents wants one"),
            _ if sources > 1 => return needs_directory("there are several sources, and it is not a directory"),
            _ => {}
        }
        let naming = match (plan.placing, own_name(target)) {
            (Placing::Exact, Some(name)) => Naming::Exact(name),
            (Placing::Exact, None) => Naming::Merged,
            _ if is_directory => Naming::Own,
            (_, Some(name)) => Naming::Exact(name),
            (_, None) => return Err(Error::system("create", target, Errno::NOENT)),
        };
        let directory = if matches!(naming, Naming::Exact(_)) { parent(target) } else { target };
        let descriptor =
            open_named(sys, CWD, &c_path(directory)).map_err(|errno| Error::system("open", directory, errno))?;
        let volume = Volume::of(sys, &descriptor).map_err(|errno| Error::system("examine", directory, errno))?;
        let is_here = directory == Path::new(".") && matches!(naming, Naming::Exact(_));
        let path = if is_here { PathBuf::new() } else { directory.to_owned() };
        Ok(Self { place: Place::root(Root::new(descriptor, path)), naming, only_directory, volume })
    }

    /// The name that a source gets; none where it goes into the destination itself.
    pub(super) fn name_for(&self, path: &Path) -> Option<CString> {
        match &self.naming {
            Naming::Own => own_name(path),
            Naming::Exact(name) => Some(name.clone()),
            Naming::Merged => None,
        }
    }

    /// The target's path, for messages.
    fn shown(&self) -> PathBuf {
        match &self.naming {
            Naming::Exact(name) => self.place.path_of(name),
            Naming::Own | Naming::Merged => self.place.path(),
        }
    }
}

impl Copier {
    /// Begins one source.
    pub(super) fn start(&mut self, path: &Path, handle: &mut Handle<'_, Task>) {
        let begun = self.begin(path, handle);
        self.worker.check(begun);
    }

    fn begin(&mut self, path: &Path, handle: &mut Handle<'_, Task>) -> Result<()> {
        let shared = Arc::clone(&self.shared);
        let (destination, plan) = (&shared.destination, &shared.plan);
        let sys = &mut self.worker.sys;
        let failed = |errno| Error::system("find", path, errno);
        let follows = plan.follow != Follow::Never;
        let itself = sys.stat_at(CWD, &c_path(path)).map_err(failed)?;
        let end = match (follows, itself.kind) {
            (true, _) => Some(sys.stat_through(CWD, &c_path(path)).map_err(failed)?),
            // A link to something special is read as that is (`<(command)`, `/dev/stdin`).
            (false, FileKind::Symlink) if plan.copy_contents => {
                let end = sys.stat_through(CWD, &c_path(path)).ok();
                end.filter(|end| is_special(end.kind))
            }
            (false, _) => None,
        };
        let attributes = end.unwrap_or(itself);
        let is_directory = attributes.kind == FileKind::Directory;
        if !is_directory && destination.only_directory && matches!(destination.naming, Naming::Exact(_)) {
            return Err(Error::system("create", destination.shown(), Errno::NOTDIR));
        }
        let into = if plan.parents { self.parents_of(path)? } else { TargetDirectory::there(&destination.place) };
        let existing = into.planned.is_some().then(|| Arc::clone(&into.existing));
        let above = self.above(path, into, end.is_some())?;
        let target = self.open_target_directory(&above)?;
        let name = own_name(path);
        let new_name = destination.name_for(path);
        if is_directory {
            match existing {
                None => self.refuse_into_itself(path, &attributes, &target, new_name.as_deref())?,
                // What would have to be made lies in what is there.
                Some(place) => {
                    let opened = place.open_to_search(&mut self.worker.sys);
                    let opened = opened.map_err(|errno| Error::system("open", place.path(), errno))?;
                    self.refuse_into_itself(path, &attributes, &opened, None)?;
                    let _ = self.worker.sys.close(opened);
                }
            }
        }
        // `x/` and `x/.` may lead through a link, and so may `x` with -H, which the user asked to follow, but not what is
        // in it; `.` and `/` have no name to open.
        let is_named = plan.follow == Follow::Named || itself.kind == FileKind::Symlink;
        let leads_on = is_directory && (ends_in_slash(path) || is_named);
        if leads_on
            && name.as_ref().is_some_and(|name| plan.exclude.match_name(OsStr::from_bytes(name.to_bytes()), true))
        {
            self.pass_over(|| path.to_owned(), "it is excluded");
            return Ok(());
        }
        let (Some(name), Some(new_name), false) = (&name, &new_name, leads_on) else {
            self.writes_to(&above);
            let (directory, target) = self.root_of(path, &above, target, new_name.as_deref())?;
            self.walk(Arc::new(directory), target, handle);
            return Ok(());
        };
        let source = above.source.open_to_search(&mut self.worker.sys);
        let source = source.map_err(|errno| Error::system("open", above.source.path(), errno))?;
        let open = self.opened(&Arc::new(above), source, target)?;
        self.entry(&open, name, new_name, attributes.kind, handle);
        self.leave(open);
        Ok(())
    }

    fn open_target_directory(&mut self, directory: &Directory) -> Result<OwnedFd> {
        if directory.is_planned() {
            return self.open_nowhere();
        }
        let opened = directory.target.open_to_search(&mut self.worker.sys);
        opened.map_err(|errno| Error::system("open", directory.target.path(), errno))
    }

    /// The directory that an argument lies in, which may be a link to `follow`, and the one its target goes into.
    fn above(&mut self, path: &Path, into: TargetDirectory, follow: bool) -> Result<Directory> {
        let shared = &self.shared;
        let is_exact = matches!(shared.destination.naming, Naming::Exact(_));
        let creator = shared.identity.unknown_creator();
        let volume = shared.destination.volume.clone();
        Ok(Directory {
            source: place(&mut self.worker.sys, parent(path), follow)?,
            target: into.directory,
            parent: Above::default(),
            source_seen: OnceLock::new(),
            state: TargetState::Merged,
            planned: into.planned,
            staged: None,
            volume,
            creator,
            origin: Origin { depth: 1, device: None, is_exact },
            spellings: Spellings::new(),
        })
    }

    /// A directory that is opened by its path, and what it goes into: a new name, a directory of that name, or (where
    /// it has no name to give) the destination itself.
    fn root_of(
        &mut self,
        path: &Path,
        above: &Directory,
        target: OwnedFd,
        new_name: Option<&CStr>,
    ) -> Result<(Directory, Option<OwnedFd>)> {
        let follow = self.shared.plan.follow == Follow::Always;
        let source = place(&mut self.worker.sys, path, follow)?;
        let (directory, target) = match new_name {
            None if above.is_planned() => (above.merging(source), None),
            None => (above.merging(source), Some(target)),
            Some(new_name) => {
                let name = own_name(path);
                self.merge(above, source, (name.as_deref().unwrap_or(new_name), new_name))?
            }
        };
        Ok((Directory { origin: Origin { depth: 0, ..directory.origin }, ..directory }, target))
    }

    /// A directory is not copied into itself: the copy would contain itself without end. Nor onto itself. But with patterns
    /// the walk may leave out where the copy goes: it finds out, and goes in there in no case.
    fn refuse_into_itself(
        &mut self,
        path: &Path,
        source: &Attributes,
        target: &OwnedFd,
        new_name: Option<&CStr>,
    ) -> Result<()> {
        let sys = &mut self.worker.sys;
        let refused = |why| Err(Error::refused("copy", path, why));
        let failed = |errno| Error::system("examine", path, errno);
        let existing = new_name.and_then(|name| sys.stat_at(target, name).ok());
        if existing.is_some_and(|existing| existing.is_same_file(source)) {
            return refused("source and target are the same directory");
        }
        if !lies_in(sys, target, source).map_err(failed)? {
            return Ok(());
        }
        let directory = sys.fstat(target).map_err(failed)?;
        let goes_onto_itself = new_name.is_none() && directory.is_same_file(source);
        if self.shared.plan.exclude.is_empty() || goes_onto_itself {
            return refused("the target lies inside it; --exclude leaves the target out");
        }
        // A new directory is noted when it is made.
        let is_exact = matches!(self.shared.destination.naming, Naming::Exact(_));
        let into = if is_exact { existing } else { Some(directory) };
        if let Some(into) = into.filter(|into| into.kind == FileKind::Directory && !into.is_same_file(source)) {
            self.shared.note_made(into.id(), new_name.unwrap_or_default());
        }
        Ok(())
    }
}

pub(super) fn ends_in_slash(path: &Path) -> bool {
    path.as_os_str().as_bytes().ends_with(b"/")
}

/// The directory a path lies in; `.` for a bare name.
pub(super) fn parent(path: &Path) -> &Path {
    path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

pub(super) fn place(sys: &mut Sys, path: &Path, follow: bool) -> Result<Arc<Place>> {
    let directory = open_named(sys, CWD, &c_path(path)).map_err(|errno| Error::system("open", path, errno))?;
    let path = if path == Path::new(".") { PathBuf::new() } else { path.to_owned() };
    Ok(Place::root(Root { directory, path, follow }))
}

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
            let sys = &mut self.worker.sys;
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
            self.worker.sys.close(above).map_err(failed)?;
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
            let sys = &mut self.worker.sys;
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
            self.worker.check(finished);
        }
    }

    fn finish_parent(&mut self, Parent { source: path, target, inherits_acl }: Parent) -> Result<()> {
        let failed = |errno| Error::system("examine", &path, errno);
        let sys = &mut self.worker.sys;
        let root = open_named(sys, CWD, &c_path(&path)).map_err(failed)?;
        let source = Place::root(Root::new(root, path.clone()));
        let opened = source.open_to_search(sys).map_err(failed)?;
        let attributes = sys.fstat(&opened).map_err(failed)?;
        let has_extended = self.has_extended(&opened, &source)?;
        self.worker.sys.close(opened).map_err(failed)?;
        let directory = Directory {
            source,
            target,
            parent: Above::default(),
            source_seen: OnceLock::from(Seen { attributes, has_extended }),
            state: TargetState::New,
            planned: None,
            staged: None,
            volume: self.shared.destination.volume.clone(),
            creator: Creator { inherits_acl, ..self.shared.identity.unknown_creator() },
            origin: Origin { depth: 0, device: None, is_exact: false },
            spellings: Spellings::new(),
        };
        self.finish_directory(&directory, None);
        Ok(())
    }
}
