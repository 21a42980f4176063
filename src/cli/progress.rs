//! Events → standard error: errors and warnings at once, and a progress bar where a person watches.

use std::io::{IsTerminal, Write};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use haul::error::Quoted;
use haul::event::{Event, EventSink};
use haul::summary::Summary;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use super::closing_report::{ClosingReport, count};
use super::options::ProgressChoice;
use super::output::tell;
use super::text;

/// How often the bar is drawn.
const TICK: Duration = Duration::from_millis(100);

/// What standard error shows.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Verbosity {
    /// Warnings are left out.
    pub(crate) quiet: bool,
    /// Notes are shown.
    pub(crate) verbose: bool,
}

/// Writes events to standard error, around a bar if there is one.
pub(crate) struct Terminal {
    bar: Option<ProgressBar>,
    verbosity: Verbosity,
    found: AtomicU64,
    moved: AtomicU64,
    files: AtomicU64,
    started: Instant,
    closing_report: ClosingReport,
}

impl Terminal {
    /// A sink for one job, drawing a bar if wanted.
    pub(crate) fn new(progress: ProgressChoice, verbosity: Verbosity) -> Arc<Self> {
        let wanted = match progress {
            ProgressChoice::Always => true,
            ProgressChoice::Never => false,
            ProgressChoice::Auto => std::io::stderr().is_terminal() && !verbosity.quiet,
        };
        let bar = wanted.then(|| new_bar(progress == ProgressChoice::Always));
        let counter = || AtomicU64::new(0);
        let terminal = Arc::new(Self {
            bar,
            verbosity,
            found: counter(),
            moved: counter(),
            files: counter(),
            started: Instant::now(),
            closing_report: ClosingReport::default(),
        });
        if terminal.bar.is_some() {
            draw_from_a_thread(&terminal);
        }
        terminal
    }

    /// Takes the bar away; later events are written all the same.
    pub(crate) fn finish(&self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }

    fn draw(&self) {
        let Some(bar) = &self.bar else { return };
        let (found, moved) = (self.found.load(Ordering::Relaxed), self.moved.load(Ordering::Relaxed));
        bar.set_length(found.max(moved));
        bar.set_position(moved);
        bar.set_message(count(self.files.load(Ordering::Relaxed), "file", "files"));
    }

    /// Says once more, at the end, what failed.
    pub(crate) fn repeat_errors(&self, summary: &Summary) {
        for line in self.closing_report.lines(summary) {
            self.say(&line);
        }
    }

    /// Writes a line to standard error, above the bar.
    pub(crate) fn say(&self, line: &str) {
        self.above_bar(|| tell(&format!("haul: {line}\n")));
    }

    /// Writes something while the bar is away: standard output may be the same terminal.
    pub(crate) fn above_bar<T>(&self, write: impl FnOnce() -> T) -> T {
        match &self.bar {
            Some(bar) => bar.suspend(write),
            None => write(),
        }
    }
}

fn new_bar(even_without_terminal: bool) -> ProgressBar {
    let target = if even_without_terminal && !std::io::stderr().is_terminal() {
        ProgressDrawTarget::term_like_with_hz(Box::new(Lines), 2)
    } else {
        ProgressDrawTarget::stderr_with_hz(10)
    };
    let style = ProgressStyle::with_template(
        "{bar:24} {binary_bytes}/{binary_total_bytes}  {msg}  {binary_bytes_per_sec}  {eta} left",
    );
    ProgressBar::with_draw_target(Some(0), target).with_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()))
}

/// Draws until the bar is finished. The thread ends with the process at the latest.
fn draw_from_a_thread(terminal: &Arc<Terminal>) {
    let drawn = Arc::downgrade(terminal);
    let draw = move || {
        while let Some(terminal) = drawn.upgrade() {
            if terminal.bar.as_ref().is_none_or(ProgressBar::is_finished) {
                break;
            }
            // A job that ends at once shows no bar.
            if terminal.started.elapsed() > 2 * TICK {
                terminal.draw();
            }
            drop(terminal);
            std::thread::sleep(TICK);
        }
    };
    let _ = std::thread::Builder::new().name("haul-progress".to_owned()).spawn(draw);
}

impl EventSink for Terminal {
    fn send(&self, event: Event) {
        match event {
            Event::Found { bytes } => drop(self.found.fetch_add(bytes, Ordering::Relaxed)),
            Event::Moved { bytes } => drop(self.moved.fetch_add(bytes, Ordering::Relaxed)),
            Event::Done { .. } => drop(self.files.fetch_add(1, Ordering::Relaxed)),
            Event::Failed(error) => {
                let line = text::error(&error);
                self.say(&line);
                self.closing_report.keep(line);
            }
            Event::Warned(warning) if !self.verbosity.quiet => {
                self.say(&format!("{}: {}", Quoted(&warning.path), text::warning(&warning)));
            }
            Event::Note { path, text } if self.verbosity.verbose => self.say(&format!("{}: {text}", Quoted(&path))),
            Event::Warned(_) | Event::Note { .. } => {}
        }
    }

    fn wants_notes(&self) -> bool {
        self.verbosity.verbose
    }
}

/// A "terminal" of plain lines, for `--progress always` into a file: each state of the bar is a line.
#[derive(Debug)]
struct Lines;

impl indicatif::TermLike for Lines {
    fn width(&self) -> u16 {
        100
    }
    fn move_cursor_up(&self, _: usize) -> std::io::Result<()> {
        Ok(())
    }
    fn move_cursor_down(&self, _: usize) -> std::io::Result<()> {
        Ok(())
    }
    fn move_cursor_right(&self, _: usize) -> std::io::Result<()> {
        Ok(())
    }
    fn move_cursor_left(&self, _: usize) -> std::io::Result<()> {
        Ok(())
    }
    fn write_line(&self, line: &str) -> std::io::Result<()> {
        writeln!(std::io::stderr(), "{line}")
    }
    fn write_str(&self, text: &str) -> std::io::Result<()> {
        let text = text.trim_end();
        if text.is_empty() { Ok(()) } else { writeln!(std::io::stderr(), "{text}") }
    }
    fn clear_line(&self) -> std::io::Result<()> {
        Ok(())
    }
    fn flush(&self) -> std::io::Result<()> {
        std::io::stderr().flush()
    }
}
