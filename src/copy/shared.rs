//! What the workers of one copy share.

use std::collections::{HashMap, HashSet};
use std::ffi::{CStr, CString};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::directory::Open;
use super::dry_run::DryRun;
use super::fast_path::allows_fast_path;
use super::hard_links::Links;
use super::operands::Destination;
use super::operands::Parents;
use crate::job::losses::Losses;
use crate::job::target_registry::TargetRegistry;
use crate::job::{Ask, Context};
use crate::plan::{Backup, CopyPlan};
use crate::pool::BufferPool;
use crate::size::BufferSize;
use crate::sys::{FileId, Identity};
use crate::tree::{Place, Site, TemporaryFileRegistry, TimeSteps, Unfinished};

/// See the module.
pub(super) struct Shared {
    pub(super) plan: Arc<CopyPlan>,
    pub(super) destination: Destination,
    /// What would be there by now, if nothing is done.
    pub(super) dry_run: Option<DryRun>,
    /// The most bytes a call moves, if the user said.
    pub(super) step: Option<usize>,
    pub(super) threads: usize,
    pub(super) pool: BufferPool,
    /// Files written in place, and, where sources may collide, names that they became.
    pub(super) registry: TargetRegistry,
    pub(super) links: Links,
    pub(super) parents: Parents,
    /// Files that are being written in place.
    incomplete: Mutex<HashSet<PathBuf>>,
    /// File systems that targets lie in beside the destination's, each with a directory in it.
    further: Mutex<HashMap<(u32, u32), Arc<Place>>>,
    /// Trees that this job makes, with their final names: they are no sources.
    made: Mutex<HashMap<FileId, CString>>,
    /// Whether small files can be copied before they are looked at.
    pub(super) can_use_fast_path: bool,
    /// Whether it must be known what the job has made: a source may have the same target as one before it, or what is
    /// backed up the same backup.
    pub(super) notes_names: bool,
    pub(super) identity: Identity,
    pub(super) temporary_files: TemporaryFileRegistry,
    pub(super) unfinished: Unfinished,
    ask: Option<Ask>,
    pub(super) losses: Losses,
    pub(super) times: TimeSteps,
    /// A file was copied once more to get its final name, and that was told.
    copied_again: AtomicBool,
}

impl Shared {
    pub(super) fn new(
        plan: &CopyPlan,
        context: &Context,
        destination: Destination,
        threads: usize,
        pool: &BufferPool,
        sources_may_collide: bool,
        forgets_links: bool,
    ) -> Self {
        Self {
            plan: Arc::new(plan.clone()),
            destination,
            dry_run: None,
            step: plan.resources.buffer.map(BufferSize::bytes),
            threads,
            pool: pool.clone(),
            registry: TargetRegistry::default(),
            links: Links::new(forgets_links),
            parents: Parents::default(),
            incomplete: Mutex::default(),
            further: Mutex::default(),
            made: Mutex::default(),
            can_use_fast_path: allows_fast_path(plan) && !plan.dry_run,
            notes_names: sources_may_collide || plan.existing.backup != Backup::None,
            identity: context.identity,
            temporary_files: context.temporary_files.clone(),
            unfinished: Unfinished::default(),
            ask: context.ask.clone(),
            losses: Losses::new(plan.keep, context.identity),
            times: TimeSteps::new(plan.modify_window),
            copied_again: AtomicBool::new(false),
        }
    }

    /// Where targets in an open directory are made.
    pub(super) fn site<'a>(&'a self, open: &'a Open) -> Site<'a> {
        Site { directory: &open.target, rules: open.rules, temporary_files: &self.temporary_files }
    }

    /// Notes a tree that the job makes.
    pub(super) fn note_made(&self, directory: FileId, name: &CStr) {
        locked(&self.made).insert(directory, name.to_owned());
    }

    /// Notes that a file is about to be emptied and written in place, or (`is_whole`) that all of it is there.
    pub(super) fn note_in_place(&self, path: PathBuf, is_whole: bool) {
        let mut incomplete = locked(&self.incomplete);
        if is_whole {
            incomplete.remove(&path);
        } else {
            incomplete.insert(path);
        }
    }

    /// The files that were being written in place when the job ended.
    pub(super) fn take_incomplete(&self) -> HashSet<PathBuf> {
        std::mem::take(&mut locked(&self.incomplete))
    }

    /// Notes the file system of a directory that targets are made in.
    pub(super) fn note_volume(&self, device: (u32, u32), place: &Arc<Place>) {
        locked(&self.further).entry(device).or_insert_with(|| Arc::clone(place));
    }

    /// A directory of each file system that targets lie in.
    pub(super) fn volumes(&self) -> Vec<Arc<Place>> {
        let further = locked(&self.further);
        std::iter::once(&self.destination.place).chain(further.values()).map(Arc::clone).collect()
    }

    /// Whether a directory is a tree that the job makes.
    pub(super) fn has_made(&self, directory: FileId) -> bool {
        locked(&self.made).contains_key(&directory)
    }

    /// The final name of a tree that the job makes.
    pub(super) fn final_name(&self, directory: FileId) -> Option<CString> {
        locked(&self.made).get(&directory).cloned()
    }

    /// Whether no file had to be copied once more before.
    pub(super) fn is_first_copied_again(&self) -> bool {
        !self.copied_again.swap(true, Ordering::Relaxed)
    }

    /// Whether a person allows a target to be replaced.
    pub(super) fn asked(&self, target: &Path) -> bool {
        self.ask.as_ref().is_some_and(|ask| ask(target))
    }
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
