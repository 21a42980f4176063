//! Asks a person on standard error whether a file may be replaced, and reads the answer from standard input.

use std::io::{IsTerminal, Write};
use std::os::fd::AsFd;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use haul::error::Quoted;
use haul::job::{Ask, Context};
use haul::sys::Sys;

use super::progress::Terminal;

/// The most bytes of answers that one read takes.
const AT_ONCE: usize = 4096;

/// Somebody for the job to ask: one question at a time, with the bar away.
pub(crate) fn person(terminal: &Arc<Terminal>, context: &Context) -> Ask {
    let terminal = Arc::clone(terminal);
    let answers = Mutex::new(Answers::new(context.sys(), rustix::stdio::stdin()));
    Arc::new(move |path| {
        let mut answers = answers.lock().unwrap_or_else(PoisonError::into_inner);
        // Locked until the answer is there, so that no message tears the question from it.
        terminal.above_bar(|| answers.ask(path, &mut std::io::stderr().lock()))
    })
}

/// Where answers come from.
struct Answers<F> {
    /// Access of its own: a request to stop ends its read, and its calls do not count for the job.
    sys: Sys,
    input: F,
    /// Answers that came with an earlier one: out of a pipe they do.
    ahead: Vec<u8>,
}

impl<F: AsFd> Answers<F> {
    const fn new(sys: Sys, input: F) -> Self {
        Self { sys, input, ahead: Vec::new() }
    }

    /// Whether a person lets `path` be replaced: what begins with `y` or `Y` is yes; the end of the input, and Ctrl-C,
    /// are no.
    fn ask(&mut self, path: &Path, out: &mut impl Write) -> bool {
        if self.sys.check_stop().is_err() {
            return false;
        }
        // A standard error that is closed or full is nothing that we could report.
        let _ = write!(out, "haul: replace {}? ", Quoted(path));
        let _ = out.flush();
        let answer = self.line();
        // A terminal shows the end of a line that was typed; else what comes next would stand after the question.
        if !answer.ends_with(b"\n") || !self.input.as_fd().is_terminal() {
            let _ = writeln!(out);
        }
        matches!(answer.first(), Some(b'y' | b'Y'))
    }

    /// The next line; at the end of the input, what there is of one, and where it could not be read, nothing.
    fn line(&mut self) -> Vec<u8> {
        loop {
            if let Some(end) = memchr::memchr(b'\n', &self.ahead) {
                return self.ahead.drain(..=end).collect();
            }
            let filled = self.ahead.len();
            self.ahead.resize(filled + AT_ONCE, 0);
            let read = self.sys.read(&self.input, &mut self.ahead[filled..]);
            self.ahead.truncate(filled + read.unwrap_or(0));
            match read {
                Ok(0) => return std::mem::take(&mut self.ahead),
                Ok(_) => {}
                Err(_) => return Vec::new(),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use haul::sys::Stop;

    use super::*;

    /// What is answered to `count` questions where `input` comes in, and what was shown.
    fn answers(input: &[u8], count: usize) -> (Vec<bool>, String) {
        let (reader, writer) = rustix::pipe::pipe().unwrap();
        rustix::io::write(&writer, input).unwrap();
        drop(writer);
        let mut answers = Answers::new(Sys::new(Stop::new()), reader);
        let mut shown = Vec::new();
        let said = (0..count).map(|number| answers.ask(Path::new(&format!("a\n{number}")), &mut shown)).collect();
        (said, String::from_utf8(shown).unwrap())
    }

    #[test]
    fn what_begins_with_y_is_yes() {
        let (said, shown) = answers(b"y\nYes\nn\n\n yes\nja\nx y", 9);
        assert_eq!(said, [true, true, false, false, false, false, false, false, false]);
        assert!(shown.starts_with("haul: replace 'a\\n0'? \nhaul: replace 'a\\n1'? \n"), "{shown}");
        assert_eq!(answers(b"y", 2).0, [true, false]);
        assert_eq!(answers(b"", 1).0, [false]);
    }

    #[test]
    fn a_line_may_be_longer_than_one_read() {
        let long = [b"n".repeat(2 * AT_ONCE), b"\nyes\n".to_vec()].concat();
        assert_eq!(answers(&long, 2).0, [false, true]);
    }

    #[test]
    fn a_request_to_stop_is_no_and_ends_the_questions() {
        let (reader, _held) = rustix::pipe::pipe().unwrap();
        let stop = Stop::new();
        let mut answers = Answers::new(Sys::new(stop.clone()), reader);
        std::thread::scope(|scope| {
            let asking = scope.spawn(move || {
                let (mut first, mut second) = (Vec::new(), Vec::new());
                let said = [answers.ask(Path::new("a"), &mut first), answers.ask(Path::new("b"), &mut second)];
                (said, first, second)
            });
            std::thread::sleep(Duration::from_millis(30));
            stop.request(2);
            let (said, first, second) = asking.join().unwrap();
            assert_eq!((said, &*first, &*second), ([false, false], &b"haul: replace 'a'? \n"[..], &b""[..]));
        });
    }
}
