//! Reports made by hand, and what they say.

use super::*;
use crate::lab::machine::Machine;
use crate::lab::recommend::testing::{ROUNDS, add, direct, four, report};
use crate::lab::view::snapshot::check;
use crate::lab::view::{Format, LEAST_WIDTH, Layout, WIDTH, render};

fn said(report: &Report) -> String {
    page(report).findings.iter().map(|finding| finding.text.clone()).collect::<Vec<_>>().join("\n")
}

/// A page as a table, in a terminal that is so wide.
fn written(report: &Report, width: usize) -> String {
    let layout = Layout { width, explain: width == WIDTH, quiet: false };
    String::from_utf8(render(report, Format::Table, layout).unwrap()).unwrap()
}

#[test]
fn a_page_ends_in_the_lines_to_copy_and_fits_a_small_screen() {
    let report = report(&[(direct(), [1000, 700, 1000]), (four(), [800, 1200, 1000])], ROUNDS);
    check("tune.txt", &written(&report, WIDTH), include_str!("../../view/snapshots/tune.txt"));
    let screen = written(&report, LEAST_WIDTH);
    assert!(screen.lines().count() < 24 && screen.lines().all(|line| line.chars().count() <= LEAST_WIDTH), "{screen}");
    let last: Vec<&str> = screen.lines().rev().take(3).collect();
    let line = "export HAUL_COPY_OPTIONS='--engine direct'";
    assert_eq!(last, [line, "", "Use copy --engine direct. The line below sets it in a shell's profile."]);
}

#[test]
fn a_page_shows_what_was_held_against_what_and_ends_in_the_lines_to_copy() {
    let mut report = report(&[(direct(), [1000, 700, 1000]), (four(), [800, 1200, 1000])], ROUNDS);
    let found = page(&report);
    assert_eq!(found.lines_to_copy, ["export HAUL_COPY_OPTIONS='--engine direct'"]);
    let table = &found.tables[0];
    let line = |index: usize| table.columns.iter().map(|column| column.cells[index].as_str()).collect::<Vec<_>>();
    assert_eq!(line(2)[..2], ["copy, cold", "--engine direct"]);
    assert_eq!((line(2)[4], line(2)[6]), ("-30.0%", "faster"));
    assert_eq!((line(3)[0], line(3)[6]), ("", "slower"));
    assert_eq!((line(6)[0], line(6)[6]), ("gzip", "nothing looked faster"));
    assert_eq!((table.lines(), &table.chosen[..]), (7, &[0, 2, 4][..]));
    assert!(said(&report).starts_with("Use copy --engine direct. The line below sets it in a shell's profile.\n"));
    assert!(
        said(&report).contains("copy --workers 4: faster in one case (copy, warm) and slower in another (copy, cold)")
    );
    add(&mut report, Case::Gzip, &[(four(), 700)], ROUNDS);
    let lines = ["export HAUL_COPY_OPTIONS='--engine direct'", "export HAUL_GZIP_OPTIONS='--workers 4'"];
    assert_eq!(page(&report).lines_to_copy, lines);
}

#[test]
fn without_a_line_it_says_why() {
    let interrupted = Report { ended: Ended::Interrupted, ..report(&[], 0) };
    let none = report(&[], 0);
    let same = report(&[(direct(), [1000; 3])], ROUNDS);
    let few = report(&[(direct(), [500; 3])], 4);
    for (what, report, text) in [
        ("nothing looked faster", &none, "Use the defaults: no option was surely faster."),
        ("nothing was", &same, "Use the defaults: no option was surely faster."),
        ("too few rounds", &few, "Nothing is recommended: there were too few rounds to confirm what looked faster."),
        ("interrupted", &interrupted, "It was not finished, so nothing is recommended."),
    ] {
        let found = page(report);
        assert_eq!(found.findings[0].text, text, "{what}");
        assert!(found.lines_to_copy.is_empty(), "{what}");
        assert_eq!(found.findings[0].is_decided, Some(text.starts_with("Use")), "{what}");
    }
    assert!(said(&few).contains("Cannot tell of copy --engine direct: 4 rounds where 7 are needed"), "{}", said(&few));
    let mut cold = report(&[], 0);
    cold.left_out.push("copy, cold: nothing is ever cold".into());
    cold.tuning.as_mut().unwrap().explored.remove(1);
    let found = page(&cold);
    assert_eq!(found.warnings, ["left out: copy, cold: nothing is ever cold"]);
    assert_eq!(found.tables[0].columns[6].cells[1], "left out");
}

#[test]
fn it_says_what_was_not_confirmed_what_failed_and_who_else_was_at_work() {
    let mut found = report(&[(four(), [800, 1000, 1000])], ROUNDS);
    found.tuning.as_mut().unwrap().not_confirmed = vec!["gzip --engine direct looked 12% faster".into()];
    found.machine = Machine { load: Some(3.5), cores: 2, ..Machine::default() };
    assert!(said(&found).contains("No time to confirm: gzip --engine direct looked 12% faster; raise --budget."));
    assert!(said(&found).contains("copy --workers 4: at most 0% slower in the other cases."), "{}", said(&found));
    let warnings = page(&found).warnings.join("\n");
    assert!(warnings.starts_with("more workers than cores also take time from other programs"), "{warnings}");
    assert!(warnings.contains("others were at work: load 3.5 on 2 cores"), "{warnings}");
    (found.ended, found.failure) = (Ended::Failed, Some("cannot write 'x': No space left on device".into()));
    assert_eq!(page(&found).warnings[0], "it failed: cannot write 'x': No space left on device");
    assert!(!said(&found).contains("raise --budget"), "{}", said(&found));
}

#[test]
fn as_good_is_said_only_where_it_is_known() {
    let mut wide = report(&[(direct(), [1000; 3])], ROUNDS);
    for (round, sample) in wide.rows[3].samples.iter_mut().enumerate() {
        sample.wall_ns = if round % 2 == 0 { 1_200_000_000 } else { 800_000_000 };
    }
    assert!(said(&wide).starts_with("Nothing was surely faster; gains below 16."), "{}", said(&wide));
    let mut late = report(&[(direct(), [1000; 3])], ROUNDS);
    late.tuning.as_mut().unwrap().not_confirmed = vec!["copy --workers 4 looked 5% faster".into()];
    assert!(said(&late).starts_with("Nothing was surely faster of what there was time to confirm; raise --budget."));
    let mut few = report(&[], 0);
    few.tuning.as_mut().unwrap().explored_rounds = 2;
    assert!(said(&few).starts_with("Nothing was surely faster, in fewer than 6 rounds; raise --budget."));
}
