//! What a table comes to beside its verdicts: where the knee of each scheduler is, and which scheduler is good everywhere.

use super::groups::{Group, and};
use super::text::percent;
use super::{Question, Verdict, noise};
use crate::lab::plan::TableName;
use crate::lab::report::Report;
use crate::lab::setting::{Axis, Setting};
use crate::lab::stats::interval::fewest_for;

/// Settings that differ in the number of workers alone, and the number from which on more are of no use.
#[derive(Debug, Clone, PartialEq)]
pub struct Knee {
    /// Indexes of the rows, fewest workers first.
    pub rows: Vec<usize>,
    /// Index of the row with the fewest workers that is surely nearly as fast as the best of these; `None` where the runs do
    /// not carry that.
    pub row: Option<usize>,
    /// In words; `None` of too few rounds to say anything.
    pub text: Option<String>,
}

/// The knees of a report, in the order in which its rows begin.
pub fn knees(report: &Report) -> Vec<Knee> {
    let groups = Group::all_of(report);
    let mut knees = vec![];
    for group in &groups {
        for rows in by_workers(report, group) {
            let noise = noise::of_group(report, group, &groups);
            knees.push(knee(report, group.with_rows(rows), noise, group.title(&groups)));
        }
    }
    knees
}

/// Rows of a group that differ in the number of workers alone, where there are several numbers.
fn by_workers(report: &Report, group: &Group) -> Vec<Vec<usize>> {
    let mut found: Vec<(Setting, Vec<usize>)> = vec![];
    for row in group.rows.iter().copied().filter(|row| report.rows[*row].setting.number(Axis::Workers).is_some()) {
        let key = report.rows[row].setting.clone().without(Axis::Workers);
        match found.iter_mut().find(|(other, _)| *other == key) {
            Some((_, rows)) => rows.push(row),
            None => found.push((key, vec![row])),
        }
    }
    found.retain(|(_, rows)| rows.len() > 1 && rows.iter().all(|row| !report.rows[*row].samples.is_empty()));
    found.sort_by_key(|(_, rows)| rows.iter().min().copied());
    found.into_iter().map(|(_, rows)| rows).collect()
}

fn knee(report: &Report, series: Group, noise: Option<noise::Noise>, title: Option<String>) -> Knee {
    let question = Question::new(report, &series, noise);
    let has_enough = question.rounds >= question.enough;
    let floor = question.floor();
    let verdict = question.answer();
    let phrase = |row: usize| report.rows[row].setting.phrase(Axis::Workers).unwrap_or_default();
    let (varying, _) = report.axes();
    let first = &report.rows[series.rows[0]].setting;
    let named = varying.iter().filter(|axis| **axis != Axis::Workers && !axis.is_question());
    let name: Vec<String> = title.into_iter().chain(named.filter_map(|axis| first.phrase(*axis))).collect();
    let of = if name.is_empty() { String::new() } else { format!(" of {}", name.join(", ")) };
    let within = percent(report.within);
    let text = match verdict.chosen {
        _ if !has_enough => None,
        None => Some(format!("The knee{of} cannot be told: the best median is that of {}.", phrase(verdict.best))),
        Some(row) if row == verdict.best => {
            Some(format!("The knee{of} is at {}: nothing less is surely within {within} of it.", phrase(row)))
        }
        Some(row) => {
            let bounds =
                verdict.slowdowns.iter().find(|found| found.row == row).and_then(|found| found.slowdown.bounds);
            let at_most = percent(bounds.map_or(0.0, |bounds| bounds.high).max(floor));
            let best = phrase(verdict.best);
            Some(format!("The knee{of} is at {}: at most {at_most} slower than {best} at 95%.", phrase(row)))
        }
    };
    Knee { rows: series.rows, row: verdict.chosen, text }
}

/// Which schedulers are as fast as the best in all cases of a table of models, where the runs tell that of all cases.
pub fn everywhere(report: &Report, verdicts: &[Verdict]) -> Option<String> {
    let is_told = |verdict: &Verdict| {
        let rounds = report.rows[verdict.best].valid().count();
        rounds >= fewest_for(verdict.slowdowns.len() - 1)
            && verdict.slowdowns.iter().all(|it| it.slowdown.bounds.is_some())
    };
    if report.table != Some(TableName::Models) || verdicts.len() < 2 || !verdicts.iter().all(is_told) {
        return None;
    }
    let scheduler = |row: &usize| report.rows[*row].setting.text(Axis::Scheduler);
    let mut names: Vec<String> = vec![];
    for name in (0..report.rows.len()).map(|row| scheduler(&row)) {
        if !names.contains(&name) {
            names.push(name);
        }
    }
    let is_in = |rows: &[usize], name: &String| rows.iter().any(|row| scheduler(row) == *name);
    let is_best = |verdict: &Verdict, name: &String| is_in(&verdict.indistinguishable, name);
    let may_be = |verdict: &Verdict, name: &String| is_best(verdict, name) || is_in(&verdict.undecided, name);
    let cases = verdicts.len();
    let best: Vec<String> =
        names.iter().filter(|name| verdicts.iter().all(|verdict| is_best(verdict, name))).cloned().collect();
    let open: Vec<String> =
        names.iter().filter(|name| verdicts.iter().all(|verdict| may_be(verdict, name))).cloned().collect();
    Some(match (&best[..], &open[..]) {
        ([], []) => format!("In all {cases} cases together: no scheduler is as fast as the best in each of them."),
        ([], open) => format!(
            "In all {cases} cases together: these rounds do not settle whether {} is as fast as the best in each of them.",
            and(open)
        ),
        (best, _) => {
            let is = if best.len() == 1 { "is" } else { "are" };
            format!("In all {cases} cases together: {} {is} as fast as the best in each of them.", and(best))
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lab::report::{Control, Row};
    use crate::lab::testing::{report, row, sample, setting};

    /// Ten rounds that differ by a little.
    fn walls(wall: u64) -> [u64; 10] {
        [0, 3, 1, 4, 2, 0, 3, 1, 4, 2].map(|more| wall * 1000 + more * wall)
    }

    fn by(scheduler: &'static str, workers: u64, wall: u64) -> Row {
        row(setting(64).with(Axis::Scheduler, scheduler).with(Axis::Workers, workers), &walls(wall))
    }

    fn texts(report: &Report) -> Vec<Option<String>> {
        knees(report).into_iter().map(|knee| knee.text).collect()
    }

    #[test]
    fn each_scheduler_has_a_knee_of_its_own() {
        let rows = vec![
            by("channel", 1, 40),
            by("channel", 5, 20),
            by("channel", 50, 20),
            by("uring", 1, 90),
            by("uring", 5, 50),
            by("uring", 50, 10),
            by("serial", 1, 40),
        ];
        let mut found = report(rows);
        let said = |knee: &str| Some(format!("The knee of {knee}"));
        assert_eq!(
            texts(&found),
            [
                said("channel is at 5 workers: nothing less is surely within 5% of it."),
                said("uring is at 50 in flight: nothing less is surely within 5% of it."),
            ]
        );
        assert_eq!(knees(&found).iter().map(|knee| knee.row).collect::<Vec<_>>(), [Some(1), Some(5)]);
        // More noise than that: nothing is told.
        let again = walls(60).map(|wall| sample(wall, 1)).to_vec();
        found.controls = vec![Control { row: 0, samples: again }];
        assert_eq!(knees(&found)[0].row, None);
        assert_eq!(texts(&found)[0], said("channel cannot be told: the best median is that of 5 workers."));
        found.rows.iter_mut().for_each(|row| row.samples.truncate(3));
        found.controls.clear();
        assert_eq!(texts(&found), [None, None], "of three rounds nothing is said");
    }

    #[test]
    fn who_is_good_everywhere_is_told_of_models_alone() {
        let gzip = |row: Row| Row { setting: row.setting.with(Axis::Job, "gzip"), ..row };
        let of = |channel: u64, rayon: u64| {
            let rows = vec![
                by("channel", 2, 20),
                by("rayon", 2, 30),
                gzip(by("channel", 2, channel)),
                gzip(by("rayon", 2, rayon)),
            ];
            let report = Report { table: Some(TableName::Models), ..report(rows) };
            everywhere(&report, &Verdict::all_of(&report))
        };
        let said = |what: &str| Some(format!("In all 2 cases together: {what} as fast as the best in each of them."));
        assert_eq!(of(20, 20), said("channel is"));
        assert_eq!(of(30, 20), said("no scheduler is"));
        let mut few = report(vec![by("channel", 2, 20), gzip(by("channel", 2, 20))]);
        assert_eq!(everywhere(&few, &Verdict::all_of(&few)), None);
        few.table = Some(TableName::Models);
        assert_eq!(everywhere(&few, &Verdict::all_of(&few)), None, "nothing to compare");
    }
}
