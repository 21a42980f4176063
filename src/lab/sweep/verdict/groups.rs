//! Which rows of a report are alternatives to each other, and what they are called among themselves.

use crate::lab::sweep::axes::{self, Axis};
use crate::measure::stats::median;
use crate::outcome::{Sample, Setting, SweepReport, SweepRow};
use crate::plan::{CacheState, SweepJob};

/// Rows among which one chooses by speed: of the same job, the same state of the cache and the same level, since a level
/// is chosen for what it saves too.
#[derive(Debug, Clone)]
pub(in crate::lab::sweep) struct Group {
    key: Key,
    /// Their places, smallest first: by buffer, then by workers, then as the report has them. Only rows of whose
    /// runs at least half showed what they should.
    pub(in crate::lab::sweep) rows: Vec<usize>,
}

type Key = (SweepJob, CacheState, Option<u32>);

const fn key(setting: &Setting) -> Key {
    (setting.job, setting.cache, setting.level)
}

impl Group {
    /// The groups of a report, in its order; a group can be empty.
    pub(in crate::lab::sweep) fn all_of(report: &SweepReport) -> Vec<Self> {
        let mut groups: Vec<Self> = vec![];
        for row in &report.rows {
            let key = key(&row.setting);
            if groups.iter().all(|group| group.key != key) {
                groups.push(Self { key, rows: vec![] });
            }
        }
        for group in &mut groups {
            let belongs = |place: &usize| key(&report.rows[*place].setting) == group.key;
            group.rows =
                (0..report.rows.len()).filter(belongs).filter(|place| is_usable(&report.rows[*place])).collect();
            group.rows.sort_by_key(|place| size(&report.rows[*place].setting));
        }
        groups
    }

    /// Its row with the least median. There must be one.
    pub(in crate::lab::sweep) fn fastest(&self, report: &SweepReport) -> usize {
        let wall = |place: &usize| middle(&report.rows[*place].samples).unwrap_or(u64::MAX);
        self.rows.iter().copied().min_by_key(wall).unwrap_or(0)
    }

    /// Whether a row is of this group, usable or not.
    pub(super) fn is_of(&self, row: &SweepRow) -> bool {
        key(&row.setting) == self.key
    }

    /// What tells it from the others: "gzip, warm cache", "Level 9". `None` if there are no others.
    pub(super) fn title(&self, all: &[Self]) -> Option<String> {
        let varies = |differs: fn(Key, Key) -> bool| all.iter().any(|other| differs(other.key, self.key));
        let (job, cache, level) = self.key;
        let mut parts = vec![];
        if varies(|one, other| one.0 != other.0) {
            parts.push(job.name().to_owned());
        }
        if varies(|one, other| one.1 != other.1) {
            parts.push(format!("{} cache", cache.name()));
        }
        if let Some(level) = level.filter(|_| varies(|one, other| one.0 == other.0 && one.2 != other.2)) {
            parts.push(format!("level {level}"));
        }
        // The name of a job is a command's, and those are written small.
        let title = parts.join(", ");
        if title.starts_with(job.name()) { Some(title) } else { capitalized(&title) }
    }
}

/// What is meant by smaller: it needs less memory, and fewer threads.
pub(super) fn size(setting: &Setting) -> (usize, usize) {
    (setting.buffer.bytes(), setting.workers)
}

/// Whether there is enough to say anything of a row: of its runs at least half showed what they should.
fn is_usable(row: &SweepRow) -> bool {
    valid(&row.samples).count() * 2 >= row.samples.len()
}

/// The runs that showed what they should: others count for nothing.
pub fn valid(samples: &[Sample]) -> impl Iterator<Item = &Sample> {
    samples.iter().filter(|sample| sample.invalid.is_none())
}

/// The times of runs, ns, round by round; `None` of those that count for nothing.
pub(in crate::lab::sweep) fn walls(samples: &[Sample]) -> Vec<Option<u64>> {
    samples.iter().map(|sample| sample.invalid.is_none().then_some(sample.wall_ns)).collect()
}

/// The times of the rounds in which both runs count, ns.
pub(in crate::lab::sweep) fn paired(one: &[Sample], other: &[Sample]) -> (Vec<u64>, Vec<u64>) {
    walls(one).into_iter().zip(walls(other)).filter_map(|(one, other)| one.zip(other)).unzip()
}

/// The median of the times that count, ns; `None` if there are none.
pub(super) fn middle(samples: &[Sample]) -> Option<u64> {
    median(&valid(samples).map(|sample| sample.wall_ns).collect::<Vec<_>>())
}

fn capitalized(text: &str) -> Option<String> {
    let first = text.chars().next()?;
    Some(first.to_uppercase().chain(text.chars().skip(1)).collect())
}

/// How rows are called among each other: by what they differ in.
pub(super) struct Names {
    varying: Vec<Axis>,
    buffer: bool,
}

impl Names {
    /// Among these settings. What `except` tells is not part of a name, which then begins with the buffer.
    pub(super) fn among(settings: &[&Setting], except: Option<Axis>) -> Self {
        let varies = |axis: &Axis| settings.windows(2).any(|pair| axis.value(pair[0]) != axis.value(pair[1]));
        let varying: Vec<Axis> = Axis::ALL.into_iter().filter(|axis| Some(*axis) != except && varies(axis)).collect();
        let buffer = settings.windows(2).any(|pair| pair[0].buffer != pair[1].buffer);
        Self { buffer: buffer || varying.is_empty() || except.is_some(), varying }
    }

    /// "64K", "64K with 2 workers"; without a buffer where all have the same: "2 workers".
    pub(super) fn of(&self, setting: &Setting) -> String {
        if self.buffer {
            return axes::label(setting, &self.varying);
        }
        self.varying.iter().map(|axis| axis.phrase(setting)).collect::<Vec<_>>().join(", ")
    }

    /// Whether names are a single figure that grows with the size, so that "from this to that" says which are meant.
    fn are_on_a_scale(&self) -> bool {
        matches!((self.buffer, self.varying.as_slice()), (true, []) | (false, [Axis::Workers]))
    }
}

/// The rows of a report by what they are called in one of its groups.
pub(super) struct Named<'a> {
    report: &'a SweepReport,
    group: &'a Group,
    names: Names,
}

impl<'a> Named<'a> {
    pub(super) fn new(report: &'a SweepReport, group: &'a Group) -> Self {
        let settings: Vec<&Setting> = group.rows.iter().map(|place| &report.rows[*place].setting).collect();
        Self { report, group, names: Names::among(&settings, None) }
    }

    pub(super) fn name(&self, place: usize) -> String {
        let row = &self.report.rows[place];
        row.name.clone().unwrap_or_else(|| self.names.of(&row.setting))
    }

    /// What has less of a buffer, or fewer workers: "smaller" where that is all that settings differ in.
    pub(super) fn smaller(&self) -> &'static str {
        if self.names.are_on_a_scale() { "nothing smaller" } else { "nothing with a smaller buffer or fewer workers" }
    }

    /// Several rows of the group: "64K to 1M", "64K, 1M and 4M".
    pub(super) fn list(&self, places: &[usize]) -> String {
        let is_named = places.iter().any(|place| self.report.rows[*place].name.is_some());
        let mut parts = vec![];
        // Neighbours in the group, which is in the order of sizes.
        let mut rest: Vec<usize> = (0..self.group.rows.len()).collect();
        rest.retain(|rank| places.contains(&self.group.rows[*rank]));
        for run in rest.chunk_by(|one, next| one + 1 == *next) {
            let run: Vec<usize> = run.iter().map(|rank| self.group.rows[*rank]).collect();
            match run[..] {
                [first, .., last] if run.len() > 2 && !is_named && self.names.are_on_a_scale() => {
                    parts.push(span(&self.name(first), &self.name(last)));
                }
                _ => parts.extend(run.iter().map(|place| self.name(*place))),
            }
        }
        and(&parts)
    }
}

/// "4 to 16 workers" of "4 workers" and "16 workers".
fn span(first: &str, last: &str) -> String {
    match (first.split_once(' '), last.split_once(' ')) {
        (Some((number, unit)), Some((_, other))) if unit == other => format!("{number} to {last}"),
        _ => format!("{first} to {last}"),
    }
}

/// "a, b and c".
pub(super) fn and(parts: &[String]) -> String {
    match parts {
        [] => String::new(),
        [only] => only.clone(),
        [first @ .., last] => format!("{} and {last}", first.join(", ")),
    }
}
