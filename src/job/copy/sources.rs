//! Which sources there are: each once, and whether one of them may meet what another has just made.

use std::collections::hash_map::Entry;
use std::collections::{HashMap, HashSet};
use std::ffi::CString;
use std::path::{Path, PathBuf};

use rustix::fs::CWD;

use super::folding::lower_case;
use crate::plan::{CopyPlan, Follow};
use crate::sys::{FileId, Sys};
use crate::tree::is_unfinished_tree;
use crate::tree::path::{c_path, own_name};

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
