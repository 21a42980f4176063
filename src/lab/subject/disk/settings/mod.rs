//! Which settings are run: what a plan says, as far as it can be had here.
//!
//! By default, which is where no axes are named: a load in order varies over blocks, one operation at a time, and past the
//! page cache blocks of 1 MiB are also run with 8 in flight, unless one depth is named for everything; a load whose blocks
//! are anywhere varies over depths.

use crate::error::{Error, Remedy, Result};
use crate::lab::report::Row;
use crate::lab::setting::{Axis, Setting};
use crate::lab::subject::disk::plan::{Access, BackendName, DiskAxis, DiskPlan, Load, Preset};
use crate::size::BufferSize;

/// What blocks that lie one after the other are read and written in, unless somebody says otherwise.
const SEQUENTIAL: BufferSize = BufferSize::from_kib(1024);
/// How many of these are in flight in the setting that shows what a disk can do at most: as many as CrystalDiskMark's.
const SEQUENTIAL_DEPTH: usize = 8;
/// The same as [`SEQUENTIAL`] of blocks that are anywhere: a page, which databases and page faults move.
const RANDOM: BufferSize = BufferSize::from_kib(4);

/// A setting of a disk.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DiskSetting {
    /// What a preset calls it.
    pub name: Option<&'static str>,
    /// What the disk does.
    pub load: Load,
    /// Which way bytes go; `None` of loads of files.
    pub access: Option<Access>,
    /// Bytes of an operation; `None` of loads of files.
    pub block: Option<BufferSize>,
    /// Operations in flight.
    pub depth: usize,
    /// How they are kept there.
    pub backend: BackendName,
}

impl DiskSetting {
    /// Its row in a report, before its first run.
    pub(super) fn row(&self) -> Row {
        let mut setting = Setting::default().with(Axis::Load, self.load.name());
        if let Some(access) = self.access {
            setting = setting.with(Axis::Access, access.name());
        }
        if let Some(block) = self.block {
            setting = setting.with(Axis::Block, block);
        }
        setting = setting.with(Axis::Depth, self.depth).with(Axis::Backend, self.backend.name());
        Row { name: self.name.map(str::to_owned), ..Row::new(setting) }
    }

    /// Whether a run ends with making durable what it wrote.
    pub(super) fn flushes(&self) -> bool {
        self.access == Some(Access::Buffered) && !self.load.only_reads() && self.load != Load::Sync
    }

    /// Whether it reads through the page cache what must not be there before.
    pub(super) fn reads_cold(&self) -> bool {
        self.access == Some(Access::Buffered) && matches!(self.load, Load::Read | Load::RandomRead | Load::Mixed)
    }
}

/// Why something cannot be had here; `None` is: it can.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Obstacles {
    /// Why nothing can pass the page cache.
    pub(super) direct: Option<String>,
    /// Why there is no `io_uring`.
    pub(super) io_uring: Option<String>,
    /// Why no files can be made and removed.
    pub(super) files: Option<String>,
}

/// What is to be run.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Settings {
    /// In the order of reports.
    pub(super) run: Vec<DiskSetting>,
    /// What cannot be had here, and why.
    pub(super) left_out: Vec<String>,
    /// Why threads keep operations in flight where nobody asked for those.
    pub(super) no_io_uring: Option<String>,
}

/// The settings of a plan where everything can be had; the backend of several in flight is chosen later.
pub fn wanted(plan: &DiskPlan) -> Vec<DiskSetting> {
    all(plan, false).0
}

/// The settings of a plan. Fails where nothing can be had of what was asked for.
pub(super) fn settings(plan: &DiskPlan, obstacles: &Obstacles) -> Result<Settings> {
    let (mut run, missing) = all(plan, obstacles.direct.is_some());
    let mut left_out = vec![];
    if let Some(why) = &obstacles.files {
        let (of_files, others): (Vec<_>, Vec<_>) = run.into_iter().partition(|setting| setting.load.is_of_files());
        let names: Vec<&str> = of_files.iter().map(|setting| setting.load.name()).collect();
        left_out.extend((!names.is_empty()).then(|| format!("{}: {why}", names.join(", "))));
        run = others;
    }
    if let Some(why) = &obstacles.direct {
        left_out.extend(without_direct(&missing, why));
    }
    if run.is_empty() {
        let why = left_out.first().map_or("nothing was asked for", String::as_str).to_owned();
        return Err(Error::refused("measure", plan.target.path(), why));
    }
    let mut no_io_uring = None;
    for setting in run.iter_mut().filter(|setting| setting.depth > 1) {
        setting.backend = match (plan.backend, &obstacles.io_uring) {
            (Some(BackendName::IoUring), Some(why)) => {
                let why = format!("there is no io_uring: {why}");
                return Err(Error::refused("measure", plan.target.path(), why).with(Remedy::Threads));
            }
            (Some(BackendName::Threads), _) => BackendName::Threads,
            (_, None) => BackendName::IoUring,
            (_, Some(why)) => {
                no_io_uring = Some(why.clone());
                BackendName::Threads
            }
        };
    }
    Ok(Settings { run, left_out, no_io_uring })
}

/// All settings of a plan, and the loads that were to pass the page cache and cannot.
fn all(plan: &DiskPlan, lacks_direct: bool) -> (Vec<DiskSetting>, Vec<(Load, Instead)>) {
    if let Some(preset) = plan.preset {
        let settings = of_preset(preset, &plan.loads);
        if !lacks_direct {
            return (settings, vec![]);
        }
        let is_meant = |load: &Load| settings.iter().any(|setting| setting.load == *load);
        return (vec![], Load::ALL.into_iter().filter(is_meant).map(|load| (load, Instead::Nothing)).collect());
    }
    let (mut settings, mut missing) = (vec![], vec![]);
    for load in Load::ALL.into_iter().filter(|load| plan.loads.contains(load)) {
        let (accesses, instead) = accesses(plan, load, lacks_direct);
        settings.extend(accesses.into_iter().flat_map(|access| of_load(plan, load, access)));
        missing.extend(instead.map(|instead| (load, instead)));
    }
    (settings, missing)
}

/// The lines of a preset, as far as they are among the loads that were asked for.
fn of_preset(preset: Preset, loads: &[Load]) -> Vec<DiskSetting> {
    let both = preset.lines().iter().flat_map(|line| {
        line.loads().map(|load| DiskSetting {
            name: Some(line.name),
            load,
            access: Some(Access::Direct),
            block: Some(line.block),
            depth: line.depth,
            backend: BackendName::Calls,
        })
    });
    both.filter(|setting| loads.contains(&setting.load)).collect()
}

/// All blocks and depths of a load that goes this way.
fn of_load(plan: &DiskPlan, load: Load, access: Option<Access>) -> Vec<DiskSetting> {
    let setting = |block, depth| DiskSetting { name: None, load, access, block, depth, backend: BackendName::Calls };
    let (blocks, depths) = (blocks(plan, load), depths(plan, load));
    let mut settings: Vec<DiskSetting> =
        blocks.iter().flat_map(|block| depths.iter().map(|depth| setting(*block, *depth))).collect();
    let is_in_order = matches!(load, Load::Read | Load::Write);
    let depth_is_free = plan.axes.is_none() && plan.depths.len() != 1;
    if is_in_order && depth_is_free && access == Some(Access::Direct) && blocks.contains(&Some(SEQUENTIAL)) {
        settings.push(setting(Some(SEQUENTIAL), SEQUENTIAL_DEPTH));
    }
    settings
}

/// What a load does that cannot pass the page cache.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Instead {
    /// No more than it would have done anyway.
    Nothing,
    /// It goes through the page cache, which was asked for too.
    Buffered,
}

/// What to say of loads that cannot pass the page cache: the reason once for all that do the same instead.
fn without_direct(missing: &[(Load, Instead)], why: &str) -> Vec<String> {
    let said = [(Instead::Nothing, ""), (Instead::Buffered, "; run buffered instead")].map(|(instead, rest)| {
        let names: Vec<&str> =
            missing.iter().filter(|(_, found)| *found == instead).map(|(load, _)| load.name()).collect();
        (!names.is_empty()).then(|| format!("{} direct: {why}{rest}", names.join(", ")))
    });
    said.into_iter().flatten().collect()
}

/// The ways that bytes of a load go, and what it does instead of one that cannot be had.
fn accesses(plan: &DiskPlan, load: Load, lacks_direct: bool) -> (Vec<Option<Access>>, Option<Instead>) {
    if load.is_of_files() {
        return (vec![None], None);
    }
    let asked = |access| plan.accesses.contains(&access);
    if load == Load::Sync {
        return (vec![Some(Access::Buffered)], None);
    }
    if !lacks_direct {
        let both = [Access::Buffered, Access::Direct].into_iter().filter(|access| asked(*access));
        // Where blocks are anywhere, the page cache answers for a disk that somebody wants to know about.
        let one = |access: &Access| !load.is_random() || *access == Access::Direct || !asked(Access::Direct);
        return (both.filter(one).map(Some).collect(), None);
    }
    match (asked(Access::Direct), load.is_random(), asked(Access::Buffered)) {
        (false, ..) => (vec![Some(Access::Buffered)], None),
        (true, true, true) => (vec![Some(Access::Buffered)], Some(Instead::Buffered)),
        (true, _, true) => (vec![Some(Access::Buffered)], Some(Instead::Nothing)),
        (true, _, false) => (vec![], Some(Instead::Nothing)),
    }
}

fn blocks(plan: &DiskPlan, load: Load) -> Vec<Option<BufferSize>> {
    if load.is_of_files() {
        return vec![None];
    }
    let varies = match &plan.axes {
        _ if load == Load::Sync => false,
        None => !load.is_random(),
        Some(axes) => axes.contains(&DiskAxis::Blocks),
    };
    let usual = if load.is_random() || load == Load::Sync { RANDOM } else { SEQUENTIAL };
    values(&plan.blocks, varies, usual).into_iter().map(Some).collect()
}

fn depths(plan: &DiskPlan, load: Load) -> Vec<usize> {
    if load.is_of_files() || load == Load::Sync {
        return vec![1];
    }
    let varies = match &plan.axes {
        None => load.is_random(),
        Some(axes) => axes.contains(&DiskAxis::Depths),
    };
    values(&plan.depths, varies, 1)
}

/// All that were asked for where they vary; else the only one, or the usual one where there are several.
fn values<T: Copy>(asked: &[T], varies: bool, usual: T) -> Vec<T> {
    match asked {
        [only] => vec![*only],
        [] => vec![usual],
        _ if varies => asked.to_vec(),
        _ => vec![usual],
    }
}

#[cfg(test)]
mod tests;
