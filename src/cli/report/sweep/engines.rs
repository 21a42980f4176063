//! What readers must know of the engines that copied.

use haul::calls::Call;
use haul::lab::sweep::axes;
use haul::outcome::{SweepReport, SweepRow};
use haul::plan::{CacheState, EngineName, SweepJob};

/// A note for each engine that is not what its name or its neighbours suggest.
pub(super) fn notes(report: &SweepReport) -> Vec<String> {
    let rows = || report.rows.iter().filter(|row| row.setting.job == SweepJob::Copy);
    let has = |engine| rows().any(|row| row.setting.engine == engine);
    let mut notes = auto(report);
    if has(EngineName::Mmap) {
        notes.push(
            "mmap reads by page faults, which are no calls, and which the kernel does not count as reads".to_owned(),
        );
    }
    if has(EngineName::Reflink) {
        notes.push("unseen: calls that share blocks, which the kernel does not count as reads or writes".to_owned());
    }
    if rows().any(|row| row.setting.engine == EngineName::Direct && row.setting.cache == CacheState::Warm) {
        notes.push("direct goes past the page cache: 'warm cache' does not hold for its rows".to_owned());
    }
    notes
}

/// What auto was: "auto copied by `read_write`".
fn auto(report: &SweepReport) -> Vec<String> {
    let is_auto = |row: &&SweepRow| row.setting.job == SweepJob::Copy && row.setting.engine == EngineName::Auto;
    let rows: Vec<(&SweepRow, Vec<&str>)> = report
        .rows
        .iter()
        .filter(is_auto)
        .map(|row| (row, engines(row)))
        .filter(|(_, used)| !used.is_empty())
        .collect();
    let Some((_, first)) = rows.first() else { return vec![] };
    if rows.iter().all(|(_, used)| used == first) {
        return vec![format!("auto copied by {}", first.join(" and "))];
    }
    let (varying, _) = axes::split(&report.rows);
    let label = |row: &SweepRow| row.name.clone().unwrap_or_else(|| axes::label(&row.setting, &varying));
    rows.iter().map(|(row, used)| format!("{}: auto copied by {}", label(row), used.join(" and "))).collect()
}

/// The engines whose calls moved something in the runs of a row.
fn engines(row: &SweepRow) -> Vec<&'static str> {
    let worked = |call: Call| {
        row.samples.iter().map(|sample| sample.summary.syscalls.of(call)).any(|counts| match call {
            // What shares blocks moves no bytes.
            Call::Ficlone => counts.calls > counts.failed + counts.interrupted,
            _ => counts.bytes > 0,
        })
    };
    let all = [
        (Call::Ficlone, EngineName::Reflink),
        (Call::CopyFileRange, EngineName::CopyFileRange),
        (Call::Pwrite, EngineName::ReadWrite),
    ];
    all.into_iter().filter(|(call, _)| worked(*call)).map(|(_, engine)| engine.name()).collect()
}

#[cfg(test)]
mod tests {
    use haul::calls::Ending;

    use super::*;
    use crate::cli::report::sweep::fixture;

    #[test]
    fn auto_is_named_by_what_it_did() {
        let mut report = fixture::copy();
        assert!(notes(&report).is_empty());
        report.rows.iter_mut().for_each(|row| row.setting.engine = EngineName::Auto);
        assert_eq!(notes(&report), ["auto copied by read_write"]);
        for sample in &mut report.rows[0].samples {
            sample.summary.syscalls = haul::calls::SyscallCounts::default();
            sample.summary.syscalls.record(Call::Ficlone, 0, Ending::Failed(rustix::io::Errno::OPNOTSUPP));
            sample.summary.syscalls.record(Call::CopyFileRange, 9, Ending::Moved(9));
        }
        // What was tried and moved nothing did not copy.
        report.rows[1].samples[0].summary.syscalls.record(Call::CopyFileRange, 9, Ending::Moved(0));
        assert_eq!(notes(&report)[..2], ["4K: auto copied by copy_file_range", "64K: auto copied by read_write"]);
    }

    #[test]
    fn direct_is_never_warm() {
        let mut report = fixture::copy();
        report.rows[1].setting.engine = EngineName::Direct;
        assert_eq!(notes(&report), ["direct goes past the page cache: 'warm cache' does not hold for its rows"]);
        report.rows.iter_mut().for_each(|row| row.setting.cache = CacheState::Direct);
        assert!(notes(&report).is_empty());
    }
}
