//! The operands of a copy: which sources there are and whether they may collide, the directory that each goes into and its
//! name there, and the directories of `--parents`. Refuses what must not be copied where.

use std::collections::hash_map;
use std::collections::{HashMap, HashSet};
use std::ffi::{CStr, CString, OsStr};
use std::os::fd::OwnedFd;
use std::os::unix::ffi::OsStrExt;
use std::path::{Component, Path, PathBuf};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use rustix::fs::CWD;
use rustix::io::Errno;

use super::attributes::{has_extended, inherits};
use super::decide::is_special;
use super::directory::{
    Directory, Entry, Origin, SourceAttributes, Subdirectory, TargetState, lower_case, open_to_search,
};
use super::directory_copy::{self, FoundDirectory, finish, merge, release};
use super::dry_run::{open_nowhere, plan_target_directory, tell_made};
use super::{Copier, Task};
use crate::engine::Volume;
use crate::error::{Error, Remedy, Result};
use crate::plan::{CopyPlan, Follow, Placing};
use crate::pool::Handle;
use crate::sys::{Attributes, Creator, FileId, FileKind, Sys};
use crate::tree::path::{c_path, lies_in, open_named, own_name};
use crate::tree::{DirectoryPath, Root, is_unfinished_tree};

/// What the words for the sources come to.
pub(super) struct DistinctSources {
    /// Each source once.
    pub(super) sources: Vec<PathBuf>,
    /// Those that say the same once more. As with `cp`, once is enough.
    pub(super) repeated: Vec<PathBuf>,
    /// Whether one may meet what another has just made.
    pub(super) may_collide: bool,
}

impl DistinctSources {
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
                hash_map::Entry::Vacant(free) => {
                    // In some targets that is one name.
                    distinct.may_collide |= !in_lower_case.insert(lower_case(free.key()));
                    free.insert(Namesakes { first: path.clone(), ids: HashSet::new() });
                }
                hash_map::Entry::Occupied(mut taken) => {
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
    pub(super) path: Arc<DirectoryPath>,
    /// What the sources become in it.
    naming: Naming,
    /// The user wrote `NAME/`: only a directory may get this name.
    only_directory: bool,
    volume: Volume,
    /// The directories that were made on the way to sources. They get their attributes when all else is done.
    parents: Mutex<Vec<MadeParent>>,
}

/// A directory that `--parents` made.
struct MadeParent {
    source: PathBuf,
    target: Arc<DirectoryPath>,
    inherits_acl: bool,
}

/// The directory that one source goes into.
struct TargetDirectory {
    directory: Arc<DirectoryPath>,
    /// In a dry run, the identity that it would have, if it would have to be made.
    planned: Option<FileId>,
    /// The last one on the way there that is there: itself, but in a dry run.
    existing: Arc<DirectoryPath>,
}

impl TargetDirectory {
    /// One that is there.
    fn there(directory: &Arc<DirectoryPath>) -> Self {
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
        let needs_directory = |why, remedy: Option<Remedy>| Err(Error::refused("copy to", target, why).with(remedy));
        match plan.placing {
            _ if is_directory => {}
            Placing::Into => return needs_directory("it is not a directory", Some(Remedy::DirectoryForInto)),
            _ if plan.parents => return needs_directory("it is not a directory", Some(Remedy::DirectoryForParents)),
            _ if sources > 1 => return needs_directory("there are several sources, and it is not a directory", None),
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
        Ok(Self {
            path: DirectoryPath::root(Root::new(descriptor, path)),
            naming,
            only_directory,
            volume,
            parents: Mutex::default(),
        })
    }

    /// The name that a source gets; none where it goes into the destination itself.
    fn name_for(&self, path: &Path) -> Option<CString> {
        match &self.naming {
            Naming::Own => own_name(path),
            Naming::Exact(name) => Some(name.clone()),
            Naming::Merged => None,
        }
    }

    /// The target's path, for messages.
    fn shown(&self) -> PathBuf {
        match &self.naming {
            Naming::Exact(name) => self.path.join(name),
            Naming::Own | Naming::Merged => self.path.to_path_buf(),
        }
    }
}

/// The directory a path lies in; `.` for a bare name.
fn parent(path: &Path) -> &Path {
    path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

/// Begins one source.
pub(super) fn start(copier: &mut Copier, path: &Path, handle: &mut Handle<'_, Task>) -> Result<()> {
    let (destination, plan) = (Arc::clone(&copier.destination), Arc::clone(&copier.shared.plan));
    let (itself, end) = examine(copier, path)?;
    let attributes = end.unwrap_or(itself);
    let is_directory = attributes.kind == FileKind::Directory;
    if !is_directory && destination.only_directory && matches!(destination.naming, Naming::Exact(_)) {
        return Err(Error::system("create", destination.shown(), Errno::NOTDIR));
    }
    let into = if plan.parents { parents_of(copier, path)? } else { TargetDirectory::there(&destination.path) };
    let existing = into.planned.is_some().then(|| Arc::clone(&into.existing));
    let above = above(copier, path, into, end.is_some())?;
    let sys = &mut copier.worker.sys;
    let target = if above.is_planned() { open_nowhere(sys)? } else { open_to_search(sys, &above.target)? };
    let (name, new_name) = (own_name(path), destination.name_for(path));
    if is_directory {
        match existing {
            None => refuse_into_itself(copier, path, &attributes, &target, new_name.as_deref())?,
            // What would have to be made lies in what is there.
            Some(existing) => {
                let opened = open_to_search(sys, &existing)?;
                refuse_into_itself(copier, path, &attributes, &opened, None)?;
                let _ = copier.worker.sys.close(opened);
            }
        }
    }
    // `x/` and `x/.` may lead through a link, and so may `x` with -H, which the user asked to follow, but not what is
    // in it; `.` and `/` have no name to open.
    let ends_in_slash = path.as_os_str().as_bytes().ends_with(b"/");
    let leads_on = is_directory && (ends_in_slash || plan.follow == Follow::Named || itself.kind == FileKind::Symlink);
    if leads_on && name.as_ref().is_some_and(|name| plan.exclude.match_name(OsStr::from_bytes(name.to_bytes()), true)) {
        copier.pass_over(|| path.to_owned(), "it is excluded");
        return Ok(());
    }
    let (Some(name), Some(new_name), false) = (&name, &new_name, leads_on) else {
        copier.writes_to(&above);
        let found = root_of(copier, path, &above, target, new_name.as_deref())?;
        copier.copy_directory(found, handle);
        return Ok(());
    };
    let source = open_to_search(&mut copier.worker.sys, &above.source)?;
    let open = directory_copy::open(copier, &Arc::new(above), (source, target))?;
    copier.copy_entry(Entry { open: &open, name, new_name }, attributes.kind, handle);
    release(copier, open);
    Ok(())
}

/// What a source is, and what it leads to where that is copied.
fn examine(copier: &mut Copier, path: &Path) -> Result<(Attributes, Option<Attributes>)> {
    let (sys, plan) = (&mut copier.worker.sys, &copier.shared.plan);
    let failed = |errno| Error::system("find", path, errno);
    let itself = sys.stat_at(CWD, &c_path(path)).map_err(failed)?;
    let end = match (plan.follow, itself.kind) {
        (Follow::Named | Follow::Always, _) => Some(sys.stat_through(CWD, &c_path(path)).map_err(failed)?),
        // A link to something special is read as that is (`<(command)`, `/dev/stdin`).
        (Follow::Never, FileKind::Symlink) if plan.copy_contents => {
            sys.stat_through(CWD, &c_path(path)).ok().filter(|end| is_special(end.kind))
        }
        (Follow::Never, _) => None,
    };
    Ok((itself, end))
}

/// The directory that an argument lies in, which may be a link to `follow`, and the one its target goes into.
fn above(copier: &mut Copier, path: &Path, into: TargetDirectory, follow: bool) -> Result<Directory> {
    let shared = &copier.shared;
    let is_exact = matches!(copier.destination.naming, Naming::Exact(_));
    let source = open_root(&mut copier.worker.sys, parent(path), follow)?;
    let (volume, creator) = (copier.destination.volume.clone(), shared.identity.unknown_creator());
    let origin = Origin { depth: 1, device: None, is_exact };
    Ok(Directory { planned: into.planned, origin, ..Directory::new(source, into.directory, volume, creator) })
}

fn open_root(sys: &mut Sys, path: &Path, follow: bool) -> Result<Arc<DirectoryPath>> {
    let directory = open_named(sys, CWD, &c_path(path)).map_err(|errno| Error::system("open", path, errno))?;
    let path = if path == Path::new(".") { PathBuf::new() } else { path.to_owned() };
    Ok(DirectoryPath::root(Root { directory, path, follow }))
}

/// A directory that is opened by its path, and what it goes into: a new name, a directory of that name, or (where
/// it has no name to give) the destination itself.
fn root_of(
    copier: &mut Copier,
    path: &Path,
    above: &Directory,
    target: OwnedFd,
    new_name: Option<&CStr>,
) -> Result<FoundDirectory> {
    let follow = copier.shared.plan.follow == Follow::Always;
    let source = open_root(&mut copier.worker.sys, path, follow)?;
    let (directory, target) = match new_name {
        None => (above.merging(source), Some(target).filter(|_| !above.is_planned())),
        Some(new_name) => {
            let name = own_name(path);
            merge(copier, &Subdirectory { above, source, name: name.as_deref().unwrap_or(new_name), new_name })?
        }
    };
    Ok((Directory { origin: Origin { depth: 0, ..directory.origin }, ..directory }, target))
}

/// A directory is not copied into itself: the copy would contain itself without end. Nor onto itself. But with patterns
/// the walk may leave out where the copy goes: it finds out, and goes in there in no case.
fn refuse_into_itself(
    copier: &mut Copier,
    path: &Path,
    source: &Attributes,
    target: &OwnedFd,
    new_name: Option<&CStr>,
) -> Result<()> {
    let (sys, shared) = (&mut copier.worker.sys, &copier.shared);
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
    if shared.plan.exclude.is_empty() || goes_onto_itself {
        return refused("the target lies inside it").map_err(|error| error.with(Remedy::Exclude));
    }
    // A new directory is noted when it is made.
    let is_exact = matches!(copier.destination.naming, Naming::Exact(_));
    let into = if is_exact { existing } else { Some(directory) };
    if let Some(into) = into.filter(|into| into.kind == FileKind::Directory && !into.is_same_file(source)) {
        shared.trees.note(into.id(), new_name.unwrap_or_default());
    }
    Ok(())
}

/// The directory that a source goes into; makes what is missing on the way.
fn parents_of(copier: &mut Copier, path: &Path) -> Result<TargetDirectory> {
    let mut into = TargetDirectory::there(&copier.destination.path);
    let mut source = PathBuf::new();
    for component in path.parent().unwrap_or(Path::new("")).components() {
        source.push(component);
        let Component::Normal(name) = component else {
            if component == Component::ParentDir {
                let error = Error::refused("copy", path, "'..' in it would lead out of the target");
                return Err(error.with(Remedy::NoParents));
            }
            continue;
        };
        into = if copier.dry_run.is_some() {
            plan_parent(copier, into, &c_path(name), &source)?
        } else {
            make_parent(copier, &into, &c_path(name), &source)?
        };
    }
    Ok(into)
}

fn make_parent(copier: &mut Copier, above: &TargetDirectory, name: &CStr, source: &Path) -> Result<TargetDirectory> {
    let target = above.directory.below(name);
    let failed = |errno| Error::system("create directory", target.to_path_buf(), errno);
    let (sys, shared) = (&mut copier.worker.sys, &copier.shared);
    let opened = above.directory.open_to_search(sys).map_err(failed)?;
    match sys.mkdirat(&opened, name, 0o700) {
        Ok(()) => {
            let inherits_acl = inherits(sys, &shared.plan, &opened, &target, 0o700);
            let made = MadeParent { source: source.to_owned(), target: Arc::clone(&target), inherits_acl };
            copier.destination.parents.lock().unwrap_or_else(PoisonError::into_inner).push(made);
        }
        Err(Errno::EXIST) => {}
        Err(errno) => return Err(failed(errno)),
    }
    sys.close(opened).map_err(failed)?;
    Ok(TargetDirectory::there(&target))
}

/// What a dry run finds or plans instead.
fn plan_parent(copier: &mut Copier, above: TargetDirectory, name: &CStr, source: &Path) -> Result<TargetDirectory> {
    let target = above.directory.below(name);
    let failed = |errno| Error::system("create directory", target.to_path_buf(), errno);
    if above.planned.is_none() {
        let sys = &mut copier.worker.sys;
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
    let made = copier.dry_run.as_ref().and_then(|dry_run| dry_run.made(&target.to_path_buf()));
    if made.is_none() {
        tell_made(copier, source.to_owned(), &target);
    }
    let planned = match made {
        Some(made) => Some(made.id()),
        None => plan_target_directory(copier, &target),
    };
    Ok(TargetDirectory { directory: target, planned, existing: above.existing })
}

/// Gives the directories that were made their attributes, the deepest first.
pub(super) fn finish_parents(copier: &mut Copier) {
    let made = std::mem::take(&mut *copier.destination.parents.lock().unwrap_or_else(PoisonError::into_inner));
    for parent in made.into_iter().rev() {
        let finished = finish_parent(copier, parent);
        copier.worker.check(finished);
    }
}

fn finish_parent(copier: &mut Copier, MadeParent { source: path, target, inherits_acl }: MadeParent) -> Result<()> {
    let failed = |errno| Error::system("examine", &path, errno);
    let sys = &mut copier.worker.sys;
    let root = open_named(sys, CWD, &c_path(&path)).map_err(failed)?;
    let source = DirectoryPath::root(Root::new(root, path.clone()));
    let opened = source.open_to_search(sys).map_err(failed)?;
    let attributes = sys.fstat(&opened).map_err(failed)?;
    let has_extended = has_extended(copier, &opened, &source)?;
    copier.worker.sys.close(opened).map_err(failed)?;
    let shared = &copier.shared;
    let creator = Creator { inherits_acl, ..shared.identity.unknown_creator() };
    let directory = Directory {
        source_attributes: OnceLock::from(SourceAttributes { attributes, has_extended }),
        state: TargetState::New,
        ..Directory::new(source, target, copier.destination.volume.clone(), creator)
    };
    finish(copier, &directory, None);
    Ok(())
}
