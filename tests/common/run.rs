//! Running `haul`: to its end, or in the background to be sent signals.

use std::ffi::OsStr;
use std::io::{Read as _, Write as _};
use std::os::unix::fs::MetadataExt as _;
use std::os::unix::process::{CommandExt as _, ExitStatusExt as _};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use signal_hook::consts::{SIGHUP, SIGINT, SIGQUIT, SIGTERM};

use super::{NOBODY, is_root, set_mode};

/// No run here needs more than a second or two; one that takes this long hangs.
const PATIENCE: Duration = Duration::from_secs(60);

/// Where the program under test is. Whoever asks is about to start it.
pub fn binary() -> &'static Path {
    static BINARY: OnceLock<PathBuf> = OnceLock::new();
    BINARY.get_or_init(|| {
        stop_handing_on_ignored_signals();
        PathBuf::from(assert_cmd::cargo::cargo_bin!("haul"))
    })
}

/// Under nohup, or in the background of a script, signals are ignored, and so they would be in every program that a test
/// starts. One that is handled, be it by doing nothing, has its default there (execve(2)).
fn stop_handing_on_ignored_signals() {
    for signal in [SIGHUP, SIGINT, SIGQUIT, SIGTERM] {
        if haul::sys::is_ignored(signal) {
            signal_hook::flag::register(signal, Arc::default()).expect("a handler");
        }
    }
}

/// Whether everybody may go to this file and run it.
fn is_public(path: &Path) -> bool {
    let open = |path: &Path| std::fs::metadata(path).is_ok_and(|metadata| metadata.mode() & 0o1 != 0);
    path.ancestors().all(open)
}

/// What a developer may have set, and what changes what haul does.
const VARIABLES: [&str; 10] = [
    "GZIP",
    "HAUL_COPY_OPTIONS",
    "HAUL_FAULTS",
    "HAUL_FAULTS_SEEN",
    "HAUL_GUNZIP_OPTIONS",
    "HAUL_GZIP_OPTIONS",
    "HAUL_OPTIONS",
    "RUST_BACKTRACE",
    "SIMPLE_BACKUP_SUFFIX",
    "VERSION_CONTROL",
];

/// The scheduler that all tests use which name none: `HAUL_TEST_SCHEDULER`, as `make test` and `make soak` set it for some.
pub fn scheduler_under_test() -> Option<String> {
    std::env::var("HAUL_TEST_SCHEDULER").ok()
}

/// A program that runs without these: haul, or one that runs haul.
pub fn command(program: impl AsRef<OsStr>) -> Command {
    let mut command = Command::new(program);
    for name in VARIABLES {
        command.env_remove(name);
    }
    command
}

/// A command line that is being put together.
pub struct Haul {
    command: Command,
    words: String,
    input: Vec<u8>,
    /// Where a copy of the binary is, if one was needed.
    place: Option<tempfile::TempDir>,
}

impl Haul {
    /// `haul` and `words`, split at spaces, in `directory`.
    pub fn new(directory: &Path, words: &str) -> Self {
        let mut command = command(binary());
        command.args(words.split_whitespace()).current_dir(directory);
        let job = words.split_whitespace().next().unwrap_or_default();
        if let Some(scheduler) = scheduler_under_test()
            && (job == "copy" || (scheduler == "processes" && matches!(job, "gzip" | "gunzip")))
            // That tells which options it took.
            && !words.contains("--dry-run")
        {
            // What is typed wins, so a test that names a scheduler has that one.
            command.env(format!("HAUL_{}_OPTIONS", job.to_uppercase()), format!("--scheduler {scheduler}"));
        }
        Self { command, words: format!("haul {words}"), input: Vec::new(), place: None }
    }

    /// One more word, of any bytes.
    pub fn arg(mut self, word: impl AsRef<OsStr>) -> Self {
        self.command.arg(word.as_ref());
        self.words = format!("{} {:?}", self.words, word.as_ref());
        self
    }

    pub fn env(mut self, name: &str, value: impl AsRef<OsStr>) -> Self {
        self.words = format!("{name}={} {}", value.as_ref().display(), self.words);
        self.command.env(name, value);
        self
    }

    /// What comes in on standard input; nothing if this is not called.
    pub fn input(mut self, bytes: impl Into<Vec<u8>>) -> Self {
        self.input = bytes.into();
        self
    }

    /// Runs as somebody without rights, if we are root. The sandbox should have been given away.
    pub fn without_rights(mut self) -> Self {
        if is_root() {
            if !is_public(binary()) {
                self = self.with_a_public_binary();
            }
            self.command.uid(NOBODY).gid(NOBODY);
        }
        self
    }

    /// Runs a copy of the binary that everybody can reach, for checkouts in root's own home.
    fn with_a_public_binary(mut self) -> Self {
        let place = tempfile::tempdir().expect("a temporary directory");
        let copy = place.path().join("haul");
        std::fs::copy(binary(), &copy).expect("copy the binary");
        set_mode(place.path(), 0o755);
        let mut command = Command::new(copy);
        command.args(self.command.get_args());
        command.current_dir(self.command.get_current_dir().expect("a directory"));
        for (name, value) in self.command.get_envs() {
            match value {
                Some(value) => command.env(name, value),
                None => command.env_remove(name),
            };
        }
        self.command = command;
        self.place = Some(place);
        self
    }

    /// Runs to the end.
    #[track_caller]
    pub fn run(self) -> Run {
        let mut command = assert_cmd::Command::from_std(self.command);
        let output = command.timeout(PATIENCE).write_stdin(self.input).output();
        let output = output.unwrap_or_else(|error| panic!("{}: {error}", self.words));
        Run { words: self.words, status: output.status, out: output.stdout, err: text(output.stderr) }
    }

    /// Starts it in the background. Its standard input is a pipe that stays open and silent.
    #[track_caller]
    pub fn spawn(mut self) -> Running {
        let child = self.command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn();
        let child = child.unwrap_or_else(|error| panic!("{}: {error}", self.words));
        Running { child, words: self.words }
    }
}

fn text(bytes: Vec<u8>) -> String {
    String::from_utf8(bytes).expect("messages are UTF-8 whatever the names are")
}

/// How a run ended.
pub struct Run {
    words: String,
    status: ExitStatus,
    pub out: Vec<u8>,
    pub err: String,
}

impl Run {
    /// It must have exited with `code`, or died of the signal that a shell shows so.
    #[track_caller]
    pub fn code(self, code: i32) -> Self {
        let shown = self.status.code().or_else(|| self.status.signal().map(|signal| 128 + signal));
        assert_eq!(shown, Some(code), "{}: {}: {}", self.words, self.status, self.err);
        self
    }

    /// It must have exited with 0.
    #[track_caller]
    pub fn ok(self) -> Self {
        self.code(0)
    }

    /// It must have said all of this on standard error, with a line of its own for each `haul:`.
    #[track_caller]
    pub fn says(self, parts: &[&str]) -> Self {
        for part in parts {
            assert!(self.err.contains(part), "{}: no {part:?} in {:?}", self.words, self.err);
        }
        self
    }

    /// It must have reported exactly one failure, on one line.
    #[track_caller]
    pub fn says_in_one_line(self, parts: &[&str]) -> Self {
        assert_eq!(self.err.lines().count(), 1, "{}: not one line: {:?}", self.words, self.err);
        assert!(self.err.starts_with("haul: "), "{}: {:?}", self.words, self.err);
        self.says(parts)
    }

    /// It must have had nothing to say.
    #[track_caller]
    pub fn silent(self) -> Self {
        assert_eq!(self.err, "", "{}", self.words);
        self
    }

    pub fn status(&self) -> ExitStatus {
        self.status
    }

    pub fn succeeded(&self) -> bool {
        self.status.success()
    }

    pub fn words(&self) -> &str {
        &self.words
    }

    /// What it wrote as JSON.
    #[track_caller]
    pub fn json(&self) -> serde_json::Value {
        serde_json::from_slice(&self.out)
            .unwrap_or_else(|error| panic!("{}: {error}: {}", self.words, String::from_utf8_lossy(&self.out)))
    }
}

/// A run in the background.
pub struct Running {
    child: Child,
    words: String,
}

impl Running {
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    pub fn signal(&self, signal: rustix::process::Signal) {
        let pid = rustix::process::Pid::from_child(&self.child);
        rustix::process::kill_process(pid, signal).expect("send a signal");
    }

    pub fn ended(&mut self) -> bool {
        self.child.try_wait().expect("wait").is_some()
    }

    /// Writes to its standard input, which then stays open. In the background: it may not take all of it.
    pub fn feed(&mut self, bytes: &[u8]) {
        let mut pipe = self.child.stdin.take().expect("a pipe");
        let bytes = bytes.to_vec();
        std::thread::spawn(move || {
            let _ = pipe.write_all(&bytes);
            std::mem::forget(pipe);
        });
    }

    /// Reads `count` bytes of what it writes, then closes the pipe.
    pub fn read_and_hang_up(&mut self, count: usize) -> Vec<u8> {
        let mut bytes = vec![0; count];
        self.child.stdout.take().expect("a pipe").read_exact(&mut bytes).expect("output");
        bytes
    }

    /// Waits for its end, at most `limit`.
    #[track_caller]
    pub fn finish(mut self, limit: Duration) -> Run {
        let start = Instant::now();
        let status = loop {
            if let Some(status) = self.child.try_wait().expect("wait") {
                break status;
            }
            if start.elapsed() > limit {
                let _ = self.child.kill();
                let _ = self.child.wait();
                panic!("{} still ran after {limit:?}", self.words);
            }
            std::thread::sleep(Duration::from_millis(1));
        };
        let (mut out, mut err) = (Vec::new(), Vec::new());
        if let Some(mut pipe) = self.child.stdout.take() {
            pipe.read_to_end(&mut out).expect("output");
        }
        self.child.stderr.take().expect("a pipe").read_to_end(&mut err).expect("messages");
        Run { words: self.words.clone(), status, out, err: text(err) }
    }

    /// The signal that ended it, if one did.
    pub fn ended_by(run: &Run) -> Option<i32> {
        run.status.signal()
    }
}

/// The rows of a sweep's JSON report.
#[track_caller]
pub fn sweep_rows(report: &serde_json::Value) -> Vec<serde_json::Value> {
    let rows = report.get("rows").unwrap_or(report);
    rows.as_array().unwrap_or_else(|| panic!("no rows in {report:#}")).clone()
}

impl Drop for Running {
    /// A test that fails must not leave its haul at work in a sandbox that is being removed.
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
