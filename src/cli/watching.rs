//! Watching a measurement: the line that says where it is, and its reports, which are written again after each round.
//! Everything here happens between runs.

use std::io::{IsTerminal, Write};
use std::path::Path;
use std::time::{Duration, Instant};

use haul::error::{Error, Result};
use haul::job::Context;
use haul::lab::report::Report;
use haul::lab::rounds::{Step, Watcher};
use haul::lab::view::{self, Format, Layout};
use haul::sys::Sys;

use super::options::ProgressChoice;
use super::output::{ReportFile, output_error, print};
use super::report_options::Delivery;
use super::text;

/// Reports are written again no sooner than this after the last time.
const PAUSE: Duration = Duration::from_secs(1);
/// A report that takes long to write is written more rarely: no more than this part of the measurement's time goes there.
const SHARE: u32 = 20;
/// Clears a terminal's line from the cursor on.
const CLEAR_REST: &str = "\x1b[K";

/// What happens between runs.
pub(crate) struct Watching<'a> {
    delivery: &'a Delivery,
    line: Line,
    files: Files,
}

impl<'a> Watching<'a> {
    /// Sees to it that every report can be written: before the first run, not after the last, since a measurement is too
    /// long to end in "permission denied". None is written into `measured`, where that is a file or a directory.
    pub(crate) fn new(delivery: &'a Delivery, measured: Option<&Path>, context: &Context) -> Result<Self> {
        if delivery.outputs.iter().any(|output| output.path.is_none()) {
            print(b"")?;
        }
        let files = Files::create(delivery, measured, context)?;
        Ok(Self { delivery, line: Line::new(delivery.progress), files })
    }

    /// The measurement is over: takes the line away, and writes the report to wherever it is wanted.
    pub(crate) fn finish(mut self, measured: Result<Report>) -> Result<Report> {
        self.line.clear();
        let report = measured?;
        // A file that cannot be written is not a reason to keep the report from standard output.
        let filed = self.files.write_last(&report);
        for output in self.delivery.outputs.iter().filter(|output| output.path.is_none()) {
            let layout = Layout { width: width(), explain: self.delivery.explain, quiet: self.delivery.quiet };
            print(&render(&report, output.format, layout)?)?;
        }
        filed.map(|()| report)
    }
}

impl Watcher for Watching<'_> {
    fn step(&mut self, step: Step) {
        self.line.show(&step);
    }

    fn measured(&mut self, report: &Report) {
        self.files.write_so_far(report);
    }

    fn words(&self, error: &Error) -> String {
        text::error(error)
    }
}

fn render(report: &Report, format: Format, layout: Layout) -> Result<Vec<u8>> {
    view::render(report, format, layout).map_err(|error| output_error(Path::new("a report"), &error))
}

/// Columns of standard output: those of its terminal, which `COLUMNS` may say otherwise; what is not a terminal is read who
/// knows where.
pub(super) fn width() -> usize {
    let out = std::io::stdout();
    if !out.is_terminal() {
        return view::WIDTH;
    }
    let named = std::env::var("COLUMNS").ok();
    let size = rustix::termios::tcgetwinsize(&out).ok().map(|size| usize::from(size.ws_col));
    columns(named.as_deref(), size)
}

/// What `COLUMNS` says, else the terminal; 0 is what does not know.
fn columns(named: Option<&str>, size: Option<usize>) -> usize {
    let is_known = |columns: &usize| *columns > 0;
    let named = named.and_then(|columns| columns.parse().ok()).filter(is_known);
    named.or(size.filter(is_known)).unwrap_or(view::WIDTH).max(view::LEAST_WIDTH)
}

/// The reports' files. They are written after every round, so that whatever ends the measurement leaves what was measured;
/// between runs, as everything here.
struct Files {
    sys: Sys,
    all: Vec<(ReportFile, Format)>,
    /// No report is written before this.
    next: Option<Instant>,
}

impl Files {
    fn create(delivery: &Delivery, measured: Option<&Path>, context: &Context) -> Result<Self> {
        let mut sys = context.sys();
        let mut files = vec![];
        for output in &delivery.outputs {
            if let Some(path) = &output.path {
                files.push((ReportFile::create(&mut sys, context, path, measured)?, output.format));
            }
        }
        Ok(Self { sys, all: files, next: None })
    }

    /// Writes what there is, unless that was done a moment ago. A failure does not count yet: the last time decides.
    fn write_so_far(&mut self, report: &Report) {
        let started = Instant::now();
        // Before a round is done, a report shows nothing that were worth an older one.
        if report.rounds == 0 || self.next.is_some_and(|next| started < next) {
            return;
        }
        for (file, format) in self.all.iter_mut().filter(|(file, _)| file.rewrites()) {
            let _ = write(&mut self.sys, file, report, *format);
        }
        self.next = Some(started + PAUSE.max(started.elapsed() * SHARE));
    }

    /// Writes the last report into every file; the first failure is told.
    fn write_last(&mut self, report: &Report) -> Result<()> {
        let mut result = Ok(());
        for (file, format) in &mut self.all {
            result = result.and(write(&mut self.sys, file, report, *format));
        }
        result
    }
}

/// A file has everything, whoever reads it later.
fn write(sys: &mut Sys, file: &mut ReportFile, report: &Report, format: Format) -> Result<()> {
    let layout = Layout { width: view::WIDTH, explain: true, quiet: false };
    file.write(sys, &render(report, format, layout)?)
}

/// The progress line: drawn between runs, and by no thread that would draw during one.
///
/// Not by indicatif, which fills the line up with blanks: the `^C` that a terminal echoes would then stand on the next
/// line, and that one would be cleared.
struct Line {
    /// Least time from one line to the next; `None` draws none.
    pause: Option<Duration>,
    /// What a line begins and ends with.
    around: [&'static str; 2],
    /// When the last one was, and of what.
    drawn: Option<(Instant, &'static str)>,
}

impl Line {
    /// On a terminal a line that is written over; elsewhere lines below each other, if that is asked for.
    fn new(progress: ProgressChoice) -> Self {
        let (pause, around) = match (progress, std::io::stderr().is_terminal()) {
            (ProgressChoice::Never, _) | (ProgressChoice::Auto, false) => (None, [""; 2]),
            (_, true) => (Some(Duration::from_millis(50)), ["\r", CLEAR_REST]),
            (ProgressChoice::Always, false) => (Some(Duration::from_millis(500)), ["", "\n"]),
        };
        Self { pause, around, drawn: None }
    }

    fn show(&mut self, step: &Step) {
        let Some(pause) = self.pause else { return };
        // What is new is said at once: it may last.
        if self.drawn.is_some_and(|(drawn, what)| what == step.what && drawn.elapsed() < pause) {
            return;
        }
        self.drawn = Some((Instant::now(), step.what));
        let [before, after] = self.around;
        // A standard error that is closed or full is nothing that we could report.
        let _ = write!(std::io::stderr().lock(), "{before}{}{after}", words(step));
    }

    fn clear(&mut self) {
        if self.drawn.take().is_some() && self.around[1] == CLEAR_REST {
            let _ = write!(std::io::stderr().lock(), "\r{CLEAR_REST}");
        }
    }
}

/// "round 3, run 5 of 12, 0:42 left"; of what has no runs to count just what it is.
fn words(step: &Step) -> String {
    if step.total == 0 {
        return step.what.to_owned();
    }
    let total = step.total;
    let run = step.done % total + 1;
    let left = step.left.map_or_else(String::new, |left| format!(", {} left", clock(left)));
    if step.what == "round" {
        format!("round {}, run {run} of {total}{left}", step.done / total + 1)
    } else {
        format!("{} {run} of {total}{left}", step.what)
    }
}

/// Minutes and seconds, or hours, minutes and seconds: "0:42", "1:02:03".
fn clock(time: Duration) -> String {
    let seconds = time.as_secs();
    let (hours, minutes, seconds) = (seconds / 3600, seconds / 60 % 60, seconds % 60);
    if hours > 0 { format!("{hours}:{minutes:02}:{seconds:02}") } else { format!("{minutes}:{seconds:02}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_table_is_as_wide_as_its_terminal() {
        for (named, size, width) in [
            (None, Some(100), 100),
            (Some("90"), Some(100), 90),
            (Some("wide"), Some(100), 100),
            (Some("0"), Some(0), 120),
            (None, None, 120),
            (Some("20"), None, 80),
        ] {
            assert_eq!(columns(named, size), width, "{named:?}, {size:?}");
        }
    }

    #[test]
    fn the_line_says_where_a_measurement_is() {
        let step = |what, done, total, left: Option<u64>| {
            words(&Step { what, done, total, left: left.map(Duration::from_secs) })
        };
        assert_eq!(step("warming up", 2, 11, None), "warming up 3 of 11");
        assert_eq!(step("round", 0, 12, None), "round 1, run 1 of 12");
        assert_eq!(step("round", 28, 12, Some(42)), "round 3, run 5 of 12, 0:42 left");
        assert_eq!(step("round", 11, 12, Some(3723)), "round 1, run 12 of 12, 1:02:03 left");
        assert_eq!(step("removing old targets", 0, 0, None), "removing old targets");
    }
}
