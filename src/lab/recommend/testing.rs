//! Reports of tunings made by hand, for the tests of this directory.

use super::cases::{name, with_options};
use super::plan::{Case, Options};
use crate::lab::report::{Control, Data, Ended, Report, Row, Subject, Tuning};
use crate::lab::testing;
use crate::plan::EngineName;

pub(super) const CORES: usize = 2;
/// As many rounds as any of these reports needs.
pub(super) const ROUNDS: usize = 12;
/// The cases of copy.
pub(super) const COPIES: [Case; 3] = [Case::CopyWarm, Case::CopyCold, Case::CopySmall];

pub(super) fn direct() -> Options {
    Options { engine: Some(EngineName::Direct), ..Options::default() }
}

pub(super) fn mmap() -> Options {
    Options { engine: Some(EngineName::Mmap), ..Options::default() }
}

pub(super) fn four() -> Options {
    Options { workers: Some(4), ..Options::default() }
}

/// Runs of a case with these options that took about so many ms, with a little noise that is the same for all.
pub(super) fn row(case: Case, options: Options, wall: u64, rounds: usize) -> Row {
    let times: Vec<u64> = (0..rounds as u64).map(|round| wall + round % 3).collect();
    Row { name: Some(name(options, case)), ..testing::row(with_options(options, case, CORES), &times) }
}

/// Adds a case in which the defaults took 1000 ms and each candidate so many, and the defaults were run twice a round.
pub(super) fn add(report: &mut Report, case: Case, walls: &[(Options, u64)], rounds: usize) {
    let base = report.rows.len();
    let all = std::iter::once((Options::default(), 1000)).chain(walls.iter().copied());
    report.rows.extend(all.map(|(options, wall)| row(case, options, wall, rounds)));
    report.controls.push(Control { row: base, samples: report.rows[base].samples.clone() });
}

/// A tuning with these candidates of copy, and what each took in its three cases.
pub(super) fn report(walls: &[(Options, [u64; 3])], rounds: usize) -> Report {
    let mut report = Report {
        subject: Subject::Tune,
        rounds,
        ended: Ended::Budget,
        took_ns: 178_000_000_000,
        tuning: Some(Tuning {
            budget_ns: 180_000_000_000,
            cores: CORES,
            explored: Case::ALL.iter().map(|case| row(*case, Options::default(), 1000, 10)).collect(),
            explored_rounds: 10,
            ..Tuning::default()
        }),
        ..testing::report(vec![])
    };
    report.data = Case::ALL
        .iter()
        .map(|case| Data {
            case: Some(case.name().to_owned()),
            target: Some("/mnt/disk".into()),
            bytes: 60 << 20,
            files: if *case == Case::CopySmall { 900 } else { 1 },
            ..Data::default()
        })
        .collect();
    for (index, case) in COPIES.into_iter().enumerate().filter(|_| !walls.is_empty()) {
        let walls: Vec<_> = walls.iter().map(|(options, walls)| (*options, walls[index])).collect();
        add(&mut report, case, &walls, rounds);
    }
    report
}
