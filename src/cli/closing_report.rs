//! What is said when a job is over: its figures for those who asked, what can be continued, and its errors once more.

use std::ffi::OsString;
use std::sync::{Mutex, PoisonError};

use haul::error::Quoted;
use haul::summary::{PoolStats, Summary};

use super::quote::command_line;

/// Errors that are repeated; more would be a second log.
const REPEATED: usize = 20;

/// The first errors of a job. They stand together at its end, where a reader need not look for them.
#[derive(Debug, Default)]
pub(crate) struct ClosingReport(Mutex<Vec<String>>);

impl ClosingReport {
    /// Takes an error that was said just now.
    pub(crate) fn keep(&self, error: String) {
        let mut errors = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if errors.len() < REPEATED {
            errors.push(error);
        }
    }

    /// The errors under a headline; nothing where there was only one file, whose error stands there already.
    pub(crate) fn lines(&self, summary: &Summary) -> Vec<String> {
        let (failed, all) = (summary.failures, summary.files + summary.failures);
        if failed == 0 || all < 2 {
            return Vec::new();
        }
        let errors = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let mut lines = vec![format!("{failed} of {all} files failed:")];
        lines.extend(errors.iter().map(|error| format!("  {error}")));
        match failed.saturating_sub(errors.len() as u64) {
            0 => {}
            more => lines.push(format!("  ... and {more} more")),
        }
        lines
    }
}

/// The figures of a job.
pub(crate) fn closing_line(summary: &Summary, wall_ns: u64) -> String {
    let size = bytesize::ByteSize;
    let seconds = wall_ns as f64 / 1e9;
    let rate = (summary.source_bytes as f64 / seconds) as u64;
    format!(
        "{}, {}, {}{}; {} read, {} written in {seconds:.2} s ({}/s) by {}; {}{}; {} skipped; {} failed{}",
        count(summary.files, "file", "files"),
        count(summary.directories, "directory", "directories"),
        count(summary.others, "other", "others"),
        further_names(summary.links),
        size(summary.source_bytes),
        size(summary.target_bytes),
        size(rate),
        count(summary.workers, "worker", "workers"),
        count(summary.syscalls.total(), "system call", "system calls"),
        operations(summary.syscalls.operations()),
        summary.skipped,
        summary.failures,
        if summary.stopped_early { "; stopped early, the rest was not tried" } else { "" },
    )
}

/// What an `io_uring` did instead of calls, if there was one.
fn operations(operations: u64) -> String {
    let noun = "operation of an io_uring";
    if operations == 0 { String::new() } else { format!(", {}", count(operations, noun, "operations of an io_uring")) }
}

/// What the pool of buffers did, if anybody needed one.
pub(crate) fn pool_line(pool: &PoolStats) -> Option<String> {
    let PoolStats { acquired, reused, fresh, overflowed, waited, gave_up } = pool;
    (acquired + gave_up > 0).then(|| {
        format!(
            "buffers: {acquired} acquired, {reused} reused, {fresh} fresh, {overflowed} overflowed; {waited} waited, \
             {gave_up} gave up"
        )
    })
}

/// Hard links, where there were any: they are rare, and jobs that make none have no word for them.
fn further_names(links: u64) -> String {
    if links == 0 { String::new() } else { format!(", {}", count(links, "hard link", "hard links")) }
}

/// What was kept unfinished, and how it is continued: by the command line of this run, `words`, once more.
pub(crate) fn unfinished_lines(
    summary: &Summary,
    words: impl IntoIterator<Item = OsString>,
    resumed: bool,
) -> Vec<String> {
    let mut words: Vec<OsString> = words.into_iter().collect();
    if !resumed {
        // After the name of the job; at the end it might stand after `--`.
        words.insert(words.len().min(2), "--resume".into());
    }
    let command = command_line(words);
    let line = |path| format!("kept {} with what was copied so far; continue with: {command}", Quoted(path));
    summary.unfinished.iter().map(|path| line(path)).collect()
}

/// "1 file", "2 files".
pub(crate) fn count(number: u64, one: &str, many: &str) -> String {
    format!("{number} {}", if number == 1 { one } else { many })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn report(files: u64, failures: u64) -> Vec<String> {
        let report = ClosingReport::default();
        (1..=failures).for_each(|number| report.keep(format!("cannot take '{number}'")));
        report.lines(&Summary { files, failures, ..Summary::default() })
    }

    #[test]
    fn errors_are_repeated_where_there_was_more_than_one_file() {
        assert!(report(0, 0).is_empty() && report(500, 0).is_empty() && report(0, 1).is_empty());
        assert_eq!(report(1, 1), ["1 of 2 files failed:", "  cannot take '1'"]);
        assert_eq!(report(498, 2), ["2 of 500 files failed:", "  cannot take '1'", "  cannot take '2'"]);
        assert_eq!(report(0, 20).last().unwrap(), "  cannot take '20'");
        let many = report(7, 33);
        assert_eq!((many.len(), &*many[0], &*many[21]), (22, "33 of 40 files failed:", "  ... and 13 more"));
    }

    #[test]
    fn what_was_kept_is_continued_by_the_same_words() {
        let words = |words: &[&str]| words.iter().map(OsString::from).collect::<Vec<_>>();
        let summary =
            Summary { unfinished: vec!["b/x.haul-part".into(), "b/y'.haul-part".into()], ..Summary::default() };
        let lines = unfinished_lines(&summary, words(&["haul", "copy", "-v", "--", "-a b", "c"]), false);
        let command = "haul copy --resume -v -- '-a b' c";
        assert_eq!(lines[0], format!("kept 'b/x.haul-part' with what was copied so far; continue with: {command}"));
        assert_eq!((lines.len(), lines[1].ends_with(command)), (2, true));
        let lines = unfinished_lines(&summary, words(&["haul", "copy", "a", "b", "--resume"]), true);
        assert!(lines[0].ends_with(": haul copy a b --resume"), "{}", lines[0]);
        assert!(unfinished_lines(&Summary::default(), words(&["haul", "copy"]), false).is_empty());
    }

    #[test]
    fn further_names_are_told_where_there_are_any() {
        let line = |links| closing_line(&Summary { links, ..Summary::default() }, 1);
        assert!(line(0).starts_with("0 files, 0 directories, 0 others; "), "{}", line(0));
        assert!(line(1).starts_with("0 files, 0 directories, 0 others, 1 hard link; "), "{}", line(1));
        assert!(line(2).contains(" others, 2 hard links; "), "{}", line(2));
    }

    #[test]
    fn a_pool_that_did_nothing_is_not_told_of() {
        assert_eq!(pool_line(&PoolStats::default()), None);
        let pool = PoolStats { acquired: 9, reused: 4, fresh: 5, overflowed: 1, waited: 3, gave_up: 2 };
        let line = pool_line(&pool).unwrap();
        assert_eq!(line, "buffers: 9 acquired, 4 reused, 5 fresh, 1 overflowed; 3 waited, 2 gave up");
        assert!(pool_line(&PoolStats { waited: 1, gave_up: 1, ..PoolStats::default() }).is_some());
    }

    #[test]
    fn one_is_not_many() {
        let one = Summary { files: 1, directories: 1, others: 1, ..Summary::default() };
        let line = closing_line(&one, 1_000_000_000);
        assert!(line.starts_with("1 file, 1 directory, 1 other; "), "{line}");
        let line = closing_line(&Summary { files: 2, ..Summary::default() }, 1_000_000_000);
        assert!(
            line.starts_with("2 files, 0 directories, 0 others; ") && line.contains("; 0 system calls; "),
            "{line}"
        );
    }
}
