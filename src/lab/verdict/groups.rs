//! Which rows of a report are alternatives to each other, and what they are called among themselves.

use crate::lab::report::{Report, Row, Sample};
use crate::lab::setting::{Axis, Setting, split};
use crate::lab::stats::median;

/// Rows among which one chooses by what they cost: those with the same values on the axes that are questions.
#[derive(Debug, Clone)]
pub(in crate::lab) struct Group {
    question: Setting,
    /// Their indexes, smallest first: by buffer, by workers, by the pool, then as the report has them. Only rows of whose runs at
    /// least half showed what they should.
    pub(in crate::lab) rows: Vec<usize>,
}

impl Group {
    /// The groups of a report, in its order; a group can be empty.
    pub(in crate::lab) fn all_of(report: &Report) -> Vec<Self> {
        let mut groups: Vec<Self> = vec![];
        for row in &report.rows {
            let question = row.setting.question();
            if groups.iter().all(|group| group.question != question) {
                groups.push(Self { question, rows: vec![] });
            }
        }
        for group in &mut groups {
            let usable = |row: &usize| group.is_of(&report.rows[*row]) && is_usable(&report.rows[*row]);
            group.rows = (0..report.rows.len()).filter(usable).collect();
            group.rows.sort_by_key(|row| report.rows[*row].setting.cost());
        }
        groups
    }

    /// Some of its rows, by themselves.
    pub(super) fn with_rows(&self, rows: Vec<usize>) -> Self {
        Self { question: self.question.clone(), rows }
    }

    /// Its row with the least median. There must be one.
    pub(in crate::lab) fn fastest(&self, report: &Report) -> usize {
        let cost = |row: &usize| middle(report, &report.rows[*row].samples).unwrap_or(u64::MAX);
        self.rows.iter().copied().min_by_key(cost).unwrap_or(0)
    }

    /// Whether a row is of this group, usable or not.
    pub(in crate::lab) fn is_of(&self, row: &Row) -> bool {
        row.setting.question() == self.question
    }

    /// What tells it from the others: "gzip, warm cache", "Level 9". `None` if there are no others.
    pub(super) fn title(&self, all: &[Self]) -> Option<String> {
        // An axis that another group does not have need not be told: a copy has no level.
        let varies = |axis: Axis| {
            let differs =
                |other: &Self| other.question.get(axis).is_some_and(|value| Some(value) != self.question.get(axis));
            all.iter().any(differs)
        };
        let told: Vec<Axis> = self.question.iter().map(|(axis, _)| axis).filter(|axis| varies(*axis)).collect();
        let title = told.iter().filter_map(|axis| self.question.phrase(*axis)).collect::<Vec<_>>().join(", ");
        // The names of jobs, cases and loads are what users type, and those are written small.
        match told.first()? {
            Axis::Case | Axis::Job | Axis::Load => Some(title),
            _ => capitalized(&title),
        }
    }
}

/// Whether there is enough to say anything of a row: of its runs at least half showed what they should.
fn is_usable(row: &Row) -> bool {
    row.valid().count() * 2 >= row.samples.len()
}

/// The costs of the rounds in which both runs count.
pub(in crate::lab) fn paired(report: &Report, one: &[Sample], other: &[Sample]) -> (Vec<u64>, Vec<u64>) {
    let costs = report.costs(one).into_iter().zip(report.costs(other));
    costs.filter_map(|(one, other)| one.zip(other)).unzip()
}

/// The median of the costs that count; `None` if there are none.
pub(in crate::lab) fn middle(report: &Report, samples: &[Sample]) -> Option<u64> {
    median(&report.costs(samples).into_iter().flatten().collect::<Vec<_>>())
}

fn capitalized(text: &str) -> Option<String> {
    let first = text.chars().next()?;
    Some(first.to_uppercase().chain(text.chars().skip(1)).collect())
}

/// How rows are called among each other: by what they differ in.
pub(super) struct Names {
    varying: Vec<Axis>,
}

impl Names {
    /// Among these settings. What `except` tells is not part of a name, which then begins with the buffer.
    pub(super) fn among(settings: &[&Setting], except: Option<Axis>) -> Self {
        let (mut varying, _) = split(settings.iter().copied());
        varying.retain(|axis| Some(*axis) != except);
        if except.is_some() && !varying.contains(&Axis::Buffer) {
            varying.push(Axis::Buffer);
        }
        Self { varying }
    }

    /// "64K", "64K with 2 workers"; without a buffer where all have the same: "2 workers".
    pub(super) fn of(&self, setting: &Setting) -> String {
        setting.label(&self.varying)
    }

    /// Whether names are a single figure that grows with the size, so that "from this to that" says which are meant.
    fn are_on_a_scale(&self) -> bool {
        matches!(self.varying.as_slice(), [] | [Axis::Buffer | Axis::Workers])
    }
}

/// The rows of a report by what they are called in one of its groups.
pub(super) struct Named<'a> {
    report: &'a Report,
    group: &'a Group,
    names: Names,
}

impl<'a> Named<'a> {
    pub(super) fn new(report: &'a Report, group: &'a Group) -> Self {
        let settings: Vec<&Setting> = group.rows.iter().map(|row| &report.rows[*row].setting).collect();
        Self { report, group, names: Names::among(&settings, None) }
    }

    pub(super) fn name(&self, row: usize) -> String {
        let row = &self.report.rows[row];
        row.name.clone().unwrap_or_else(|| self.names.of(&row.setting))
    }

    /// What has less of a buffer, fewer workers, or a smaller pool: "smaller" where that is all that settings differ in.
    pub(super) fn smaller(&self) -> &'static str {
        let is_of_pool = |axis: &Axis| matches!(axis, Axis::Pool | Axis::PoolOverflow | Axis::PoolWait);
        let varying = &self.names.varying;
        if self.names.are_on_a_scale() {
            "nothing smaller"
        } else if !varying.iter().any(is_of_pool) {
            "nothing with a smaller buffer or fewer workers"
        } else if varying.iter().all(is_of_pool) {
            "nothing with a smaller pool"
        } else {
            "nothing with a smaller buffer, fewer workers or a smaller pool"
        }
    }

    /// Several rows of the group: "64K to 1M", "64K, 1M and 4M".
    pub(super) fn list(&self, rows: &[usize]) -> String {
        let is_named = rows.iter().any(|row| self.report.rows[*row].name.is_some());
        let mut parts = vec![];
        // Neighbours in the group, which is in the order of sizes.
        let mut rest: Vec<usize> = (0..self.group.rows.len()).collect();
        rest.retain(|rank| rows.contains(&self.group.rows[*rank]));
        for run in rest.chunk_by(|one, next| one + 1 == *next) {
            let run: Vec<usize> = run.iter().map(|rank| self.group.rows[*rank]).collect();
            match run[..] {
                [first, .., last] if run.len() > 2 && !is_named && self.names.are_on_a_scale() => {
                    parts.push(span(&self.name(first), &self.name(last)));
                }
                _ => parts.extend(run.iter().map(|row| self.name(*row))),
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
pub(in crate::lab) fn and(parts: &[String]) -> String {
    match parts {
        [] => String::new(),
        [only] => only.clone(),
        [first @ .., last] => format!("{} and {last}", first.join(", ")),
    }
}
