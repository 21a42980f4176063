//! The state that the workers of one copy share.

use std::collections::{HashMap, HashSet};
use std::ffi::{CStr, CString};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::job::losses::Losses;
use crate::job::target_registry::TargetRegistry;
use crate::job::{Ask, Context};
use crate::plan::{Backup, CopyPlan};
use crate::pool::BufferPool;
use crate::size::BufferSize;
use crate::sys::{FileId, Identity};
use crate::tree::{DirectoryPath, TemporaryFileRegistry, TimeSteps, Unfinished};

/// See the module.
pub(super) struct Shared {
    pub(super) plan: Arc<CopyPlan>,
    pub(super) identity: Identity,
    /// The most bytes a call moves, if the user said.
    pub(super) step: Option<usize>,
    pub(super) threads: usize,
    pub(super) pool: BufferPool,
    /// Files written in place, and, where `notes_names`, names that sources became.
    pub(super) targets: TargetRegistry,
    /// Whether it must be known what the job has made: a source may have the same target as one before it, or what is
    /// backed up the same backup.
    pub(super) notes_names: bool,
    pub(super) in_place: InPlaceFiles,
    pub(super) trees: MadeTrees,
    pub(super) volumes: OtherVolumes,
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
        threads: usize,
        pool: &BufferPool,
        may_collide: bool,
    ) -> Self {
        // A dry run says what would be asked.
        let ask = if plan.dry_run { Some(Arc::new(|_: &Path| true) as Ask) } else { context.ask.clone() };
        Self {
            plan: Arc::new(plan.clone()),
            identity: context.identity,
            step: plan.resources.buffer.map(BufferSize::bytes),
            threads,
            pool: pool.clone(),
            targets: TargetRegistry::default(),
            notes_names: may_collide || plan.existing.backup != Backup::None,
            in_place: InPlaceFiles::default(),
            trees: MadeTrees::default(),
            volumes: OtherVolumes::default(),
            temporary_files: context.temporary_files.clone(),
            unfinished: Unfinished::default(),
            ask,
            losses: Losses::new(plan.keep, context.identity),
            times: TimeSteps::new(plan.modify_window),
            copied_again: AtomicBool::new(false),
        }
    }

    /// Whether no file had to be copied once more before.
    pub(super) fn is_first_copied_again(&self) -> bool {
        !self.copied_again.swap(true, Ordering::Relaxed)
    }

    /// Whether a person allows a target to be replaced.
    pub(super) fn allows_replacing(&self, target: &Path) -> bool {
        self.ask.as_ref().is_some_and(|ask| ask(target))
    }
}

/// Files that are emptied and not yet written in place.
#[derive(Default)]
pub(super) struct InPlaceFiles(Mutex<HashSet<PathBuf>>);

impl InPlaceFiles {
    /// A file is about to be emptied.
    pub(super) fn begin(&self, path: PathBuf) {
        locked(&self.0).insert(path);
    }

    /// All of it is there.
    pub(super) fn finish(&self, path: &Path) {
        locked(&self.0).remove(path);
    }

    /// Those that were not finished when the job ended.
    pub(super) fn take_incomplete(&self) -> HashSet<PathBuf> {
        std::mem::take(&mut locked(&self.0))
    }
}

/// Trees that the job makes, with their final names: they are not sources.
#[derive(Default)]
pub(super) struct MadeTrees(Mutex<HashMap<FileId, CString>>);

impl MadeTrees {
    pub(super) fn note(&self, directory: FileId, name: &CStr) {
        locked(&self.0).insert(directory, name.to_owned());
    }

    pub(super) fn contain(&self, directory: FileId) -> bool {
        locked(&self.0).contains_key(&directory)
    }

    pub(super) fn final_name(&self, directory: FileId) -> Option<CString> {
        locked(&self.0).get(&directory).cloned()
    }
}

/// File systems that targets lie in beside the destination's, each with a directory in it.
#[derive(Default)]
pub(super) struct OtherVolumes(Mutex<HashMap<(u32, u32), Arc<DirectoryPath>>>);

impl OtherVolumes {
    /// Targets are made in this directory.
    pub(super) fn note(&self, device: (u32, u32), directory: &Arc<DirectoryPath>) {
        locked(&self.0).entry(device).or_insert_with(|| Arc::clone(directory));
    }

    pub(super) fn directories(&self) -> Vec<Arc<DirectoryPath>> {
        locked(&self.0).values().map(Arc::clone).collect()
    }
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
