//! Which settings are run: what a plan says, as far as it can be had here.

use std::num::NonZeroUsize;

use crate::error::{Error, Remedy, Result};
use crate::outcome::DiskSetting;
use crate::plan::{Access, DiskAxis, DiskPlan, Flight, Load};
use crate::size::BufferSize;

/// What blocks that lie one after the other are read and written in, unless somebody says otherwise.
const SEQUENTIAL: BufferSize = BufferSize::from_kib(1024);
/// The same of blocks that are anywhere: a page, which databases and page faults move.
const RANDOM: BufferSize = BufferSize::from_kib(4);

/// Why something cannot be had here; `None` is: it can.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Obstacles {
    /// Why nothing passes the page cache by.
    pub(super) direct: Option<String>,
    /// Why there is no `io_uring`.
    pub(super) io_uring: Option<String>,
    /// Why there can be no files that come and go.
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

/// What a setting is called: "random-read 4K direct, 16 in flight".
pub fn label(setting: &DiskSetting) -> String {
    let block = setting.block.map(|block| format!(" {block}")).unwrap_or_default();
    let access = setting.access.map(|access| format!(" {}", access.name())).unwrap_or_default();
    let depth = if setting.depth > 1 { format!(", {} in flight", setting.depth) } else { String::new() };
    format!("{}{block}{access}{depth}", setting.load.name())
}

/// The settings of a plan where nothing stands in the way.
pub fn wanted(plan: &DiskPlan) -> Vec<DiskSetting> {
    loads(plan).flat_map(|load| of_load(plan, load, &accesses(plan, load, false).0)).collect()
}

/// The settings of a plan. Fails where nothing can be had of what was asked for.
pub(super) fn settings(plan: &DiskPlan, obstacles: &Obstacles) -> Result<Settings> {
    let mut settings = Settings::default();
    let mut missing: Vec<(Load, Instead)> = vec![];
    for load in loads(plan) {
        if let Some(why) = obstacles.files.as_ref().filter(|_| load.is_of_files()) {
            settings.left_out.push(format!("{}: {why}", load.name()));
            continue;
        }
        let (accesses, instead) = accesses(plan, load, obstacles.direct.is_some());
        settings.run.extend(of_load(plan, load, &accesses));
        missing.extend(instead.map(|instead| (load, instead)));
    }
    if let Some(why) = &obstacles.direct {
        settings.left_out.extend(without_direct(&missing, why));
    }
    let deep = settings.run.iter_mut().filter(|setting| setting.depth > 1);
    for setting in deep {
        setting.flight = match (plan.flight, &obstacles.io_uring) {
            (Some(Flight::IoUring), Some(why)) => {
                let why = format!("there is no io_uring: {why}");
                return Err(Error::refused("measure", plan.place.path(), why).with(Remedy::Threads));
            }
            (Some(Flight::Threads), _) => Flight::Threads,
            (_, None) => Flight::IoUring,
            (_, Some(why)) => {
                settings.no_io_uring = Some(why.clone());
                Flight::Threads
            }
        };
    }
    if settings.run.is_empty() {
        let why = settings.left_out.first().map_or("nothing was asked for", String::as_str).to_owned();
        return Err(Error::refused("measure", plan.place.path(), why));
    }
    Ok(settings)
}

/// The loads of a plan, in the order of reports.
fn loads(plan: &DiskPlan) -> impl Iterator<Item = Load> {
    Load::ALL.into_iter().filter(|load| plan.loads.contains(load))
}

/// All blocks and depths of a load, each of these ways.
fn of_load(plan: &DiskPlan, load: Load, accesses: &[Option<Access>]) -> Vec<DiskSetting> {
    let mut settings = vec![];
    for access in accesses.iter().copied() {
        for block in blocks(plan, load) {
            for depth in depths(plan, load) {
                settings.push(DiskSetting { load, access, block, depth: depth.get(), flight: Flight::Calls });
            }
        }
    }
    settings
}

/// What a load does that cannot pass the page cache by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Instead {
    /// No more than it would have done anyway.
    Nothing,
    /// It goes through the page cache, which was asked for too.
    Buffered,
}

/// What to say of loads that cannot pass the page cache by: the reason once for all that do the same instead.
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
        // Where places are anywhere, the page cache answers for a disk that somebody wants to know about.
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

fn depths(plan: &DiskPlan, load: Load) -> Vec<NonZeroUsize> {
    if load.is_of_files() || load == Load::Sync {
        return vec![NonZeroUsize::MIN];
    }
    let varies = match &plan.axes {
        None => load.is_random(),
        Some(axes) => axes.contains(&DiskAxis::Depths),
    };
    let depths: Vec<NonZeroUsize> = plan.depths.iter().filter_map(|depth| NonZeroUsize::new(*depth)).collect();
    values(&depths, varies, NonZeroUsize::MIN)
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
