//! One job under every fault at every call: the machinery, and what is true whatever the job is.

use std::io::Write as _;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::common::{Run, Sandbox, scheduler_under_test};
use crate::detail::{Details, below, details};

/// No run here needs more than a second; one that takes this long hangs.
const PATIENCE: Duration = Duration::from_secs(30);

/// How each k-th call is numbered: with one worker it is always the same one. With `processes`, the k-th call of the job and
/// that of its worker process both meet the fault.
pub fn one_worker(words: &str) -> &'static str {
    match scheduler_under_test().as_deref() {
        Some("uring") if can_use_ring(words) => "--scheduler uring --workers 1",
        Some("processes") => "--scheduler processes --workers 1",
        _ => "--scheduler serial",
    }
}

/// Whether an `io_uring` has operations for a job.
fn can_use_ring(words: &str) -> bool {
    words.starts_with("copy") && !words.contains("mmap")
}

/// One job, what it starts from, and what must be true afterwards.
pub struct Scenario {
    pub name: &'static str,
    /// Its command line, without the scheduler.
    pub words: &'static str,
    /// Command lines each of which completes what a run that ended early began.
    pub again: &'static [&'static str],
    pub furnish: fn(&Sandbox),
    /// What the older, or missing, target and the source look like: fails unless nothing is lost.
    pub check: fn(&Sandbox, &Start, Ending) -> Result<(), String>,
}

/// How things were before the run.
pub struct Start {
    pub before: Details,
}

impl Start {
    pub fn bytes(&self, name: &str) -> Option<&[u8]> {
        self.before.get(Path::new(name)).map(|detail| &detail.bytes[..])
    }
}

/// What the job itself says of its end.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Ending {
    /// It exited with 0.
    pub complete: bool,
    /// It said that attributes were lost.
    pub lost_attributes: bool,
    /// It said that a file has its bytes, and lacks attributes.
    pub failed_attributes: bool,
    /// It said that a new tree could not get its final name.
    pub unnamed: bool,
}

impl Ending {
    pub const WHOLE: Self = Self { complete: true, lost_attributes: false, failed_attributes: false, unnamed: false };
    pub const FAILED: Self = Self { complete: false, lost_attributes: false, failed_attributes: false, unnamed: false };

    fn of(run: &Run) -> Self {
        let says = |text: &str| run.err.contains(text);
        Self {
            complete: run.succeeded(),
            lost_attributes: says("the rest of it is kept"),
            failed_attributes: says("cannot keep the attributes of"),
            unnamed: says("cannot give its final name to"),
        }
    }
}

/// What the k-th call meets, in the words of the fault plan.
#[derive(Clone, Copy)]
pub struct Fault {
    /// "+" where every later call meets it too.
    pub lasting: &'static str,
    pub name: &'static str,
    /// The job must get over it.
    pub must_succeed: bool,
    /// The kinds of calls that it can strike, by their letters in the list of calls; all if it is empty.
    strikes: &'static str,
}

const fn fault(lasting: &'static str, name: &'static str) -> Fault {
    Fault { lasting, name, must_succeed: false, strikes: "" }
}

pub const FAULTS: [Fault; 12] = [
    fault("", "EIO"),
    fault("", "EACCES"),
    Fault { ..fault("", "ENOSPC") },
    Fault { strikes: "brs", ..fault("", "EDQUOT") },
    Fault { strikes: "brs", ..fault("+", "ENOSPC") },
    Fault { strikes: "brs", ..fault("+", "full") },
    fault("+", "EIO"),
    Fault { must_succeed: true, strikes: "bm", ..fault("", "short") },
    Fault { strikes: "bm", ..fault("", "nothing") },
    Fault { must_succeed: true, ..fault("", "interrupt") },
    fault("", "exit"),
    // A write that was cut short at a full disk, and the disk stays full: what was moved must not pass for all.
    Fault { must_succeed: true, strikes: "bm", ..fault("+", "short") },
];

impl Scenario {
    pub fn start(&self) -> (Sandbox, Start) {
        let sandbox = Sandbox::new();
        (self.furnish)(&sandbox);
        let before = details(sandbox.path(""));
        (sandbox, Start { before })
    }

    pub fn run(&self, sandbox: &Sandbox, plan: &str, way: &str) -> Run {
        // In the background: that costs no threads for its pipes, and these runs are many.
        sandbox.haul(format!("{} {way}", self.words)).env("HAUL_FAULTS", plan).spawn().finish(PATIENCE)
    }

    /// What calls the job makes when nothing goes wrong, a letter each. `None` where the machine
    /// cannot do the job at all, which is said.
    pub fn calls(&self, way: &str) -> Option<Vec<char>> {
        let (sandbox, start) = self.start();
        let elsewhere = Sandbox::new();
        let seen = elsewhere.path("seen");
        let haul =
            sandbox.haul(format!("{} {way}", self.words)).env("HAUL_FAULTS", "0:EIO").env("HAUL_FAULTS_SEEN", &seen);
        let run = haul.run();
        if self.words.contains("direct") && !run.succeeded() {
            crate::common::skip(&format!("{}: {}", self.name, run.err.trim()));
            return None;
        }
        let run = run.ok();
        (self.check)(&sandbox, &start, Ending::of(&run))
            .unwrap_or_else(|why| panic!("{} without a fault: {why}", self.name));
        let seen = String::from_utf8(elsewhere.read("seen")).expect("numbers");
        let (calls, kinds) = seen.split_once(' ').expect("a number and letters");
        assert_eq!(calls.parse(), Ok(kinds.len()));
        assert!(kinds.len() >= 8, "{}: {calls} calls cannot be all", self.name);
        Some(kinds.chars().collect())
    }

    /// Tries one fault; says what is wrong afterwards.
    pub fn attempt(&self, k: usize, fault: Fault, way: &str) -> Result<(), String> {
        let plan = format!("{k}{}:{}", fault.lasting, fault.name);
        let (sandbox, start) = self.start();
        let run = self.run(&sandbox, &plan, way);
        let is_of_worker = way.contains("processes") && run.status().code() == Some(1);
        if fault.name == "exit" && !is_of_worker {
            return match run.status().code() {
                Some(137) => self.second_runs(sandbox, &start, &plan, way),
                // The call was not part of the job any more.
                Some(0) => (self.check)(&sandbox, &start, Ending::of(&run)),
                _ => Err(format!("did not end where it should: {} {:?}", run.status(), run.err)),
            };
        }
        let ending = Ending::of(&run);
        let complete = ending.complete;
        (self.check)(&sandbox, &start, ending)?;
        // Past the cache only whole sectors can be moved.
        let is_hopeless = !fault.lasting.is_empty() && self.words.contains("direct");
        if fault.must_succeed && !complete && !is_hopeless {
            return Err(format!("must not fail the job: {} {:?}", run.status(), run.err));
        }
        if !complete && (run.status().code() != Some(1) || !run.err.contains("haul: cannot ")) {
            return Err(format!("failed without exit 1 and a message: {} {:?}", run.status(), run.err));
        }
        // A part that cannot be opened is not continued, and that is said.
        let began_anew = run.err.contains("begun anew");
        let by_threads = run.err.contains("there is no io_uring here");
        if complete && !run.err.is_empty() && !ending.lost_attributes && !began_anew && !by_threads {
            return Err(format!("succeeded with a message: {:?}", run.err));
        }
        // A fault that lasts strikes the calls that clean up as well; then nobody can. But of a full disk names can be
        // taken away.
        if fault.lasting.is_empty() || fault.name == "full" {
            Self::check_names(&sandbox, &start, &run)?;
        }
        if fault.name == "full" && !complete {
            return self.second_runs(sandbox, &start, &plan, way);
        }
        Ok(())
    }

    /// Nothing has a temporary name that did not before, but for a new tree that was stopped; that is named, with the
    /// command that continues it, and has something in it.
    fn check_names(sandbox: &Sandbox, start: &Start, run: &Run) -> Result<(), String> {
        let now = details(sandbox.path(""));
        let is_new = |name: &&PathBuf| is_part(name) && !start.before.contains_key(*name);
        let tops = now.keys().filter(is_new).filter(|name| !name.parent().is_some_and(is_part));
        for top in tops {
            if now[top].kind != "directory" {
                // A finished copy that could get no name.
                if run.err.contains(&format!("; the finished copy is kept as '{}'", top.display())) {
                    continue;
                }
                return Err(format!("left behind without a word: {} {:?}", top.display(), run.err));
            }
            let says = format!("haul: kept '{}' with what was copied so far; continue with: ", top.display());
            let Some(line) = run.err.lines().find_map(|line| line.strip_prefix(&says)) else {
                return Err(format!("left behind without a word: {} {:?}", top.display(), run.err));
            };
            if !line.starts_with("haul copy ") || !line.contains("--resume") {
                return Err(format!("no command that continues: {line:?}"));
            }
            if below(&now, top).len() < 2 {
                return Err(format!("not worth keeping: {}", top.display()));
            }
            if !["No space left on device", "Disk quota exceeded", "cannot give its final name to"]
                .iter()
                .any(|why| run.err.contains(why))
            {
                return Err(format!("{} stays after a plain failure: {:?}", top.display(), run.err));
            }
        }
        Ok(())
    }

    /// After a process that ended early, another run completes what it began, whatever lies around.
    fn second_runs(&self, sandbox: Sandbox, start: &Start, plan: &str, way: &str) -> Result<(), String> {
        let mut first = Some(sandbox);
        for words in self.again {
            let sandbox = first.take().unwrap_or_else(|| {
                let (sandbox, _) = self.start();
                self.run(&sandbox, plan, way);
                sandbox
            });
            self.second_run(&sandbox, start, words).map_err(|why| format!("then '{words}': {why}"))?;
        }
        Ok(())
    }

    fn second_run(&self, sandbox: &Sandbox, start: &Start, words: &str) -> Result<(), String> {
        let way = if words.starts_with("copy") { one_worker(words) } else { "" };
        let is_copy = words.starts_with("copy");
        // All was done but for the end of the process. To do it again may not even be allowed: a directory that its
        // owner may not write has its mode by now.
        if (self.check)(sandbox, start, Ending::WHOLE).is_ok() {
            return Ok(());
        }
        // What is linked under a temporary name would count as one more name of the copy.
        for (name, _) in
            details(sandbox.path("")).iter().filter(|(name, _)| name.to_string_lossy().contains(".haul-tmp-"))
        {
            if std::fs::symlink_metadata(sandbox.path(name)).is_ok_and(|found| found.nlink() > 1) {
                sandbox.remove(name);
            }
        }
        let part = Path::new("target.haul-part");
        let left = details(sandbox.path(part));
        let was_made = sandbox.exists("target");
        let run = sandbox.haul(format!("{words} {way}")).spawn().finish(PATIENCE);
        if !run.succeeded() {
            return Err(format!("failed: {:?}", run.err));
        }
        (self.check)(sandbox, start, Ending::of(&run))?;
        let is_tree = left.get(Path::new("")).is_some_and(|top| top.kind == "directory");
        if !is_copy || !is_tree || was_made {
            return Ok(());
        }
        let now = details(sandbox.path(part));
        if words.contains("--resume") {
            return if now.is_empty() { Ok(()) } else { Err("the part is still there".to_owned()) };
        }
        if now != left {
            return Err("the older part is not what it was".to_owned());
        }
        if !run.err.contains("--resume continues it") {
            return Err(format!("said nothing of the older part: {:?}", run.err));
        }
        Ok(())
    }

    /// Every fault at every call, with `HAUL_THOROUGH` set, as `make soak` does; else at each call every other one, which is
    /// the other half of them at the next call.
    pub fn for_every_call(&self) {
        let way = one_worker(self.words);
        let Some(kinds) = self.calls(way) else { return };
        let is_thorough = crate::common::is_thorough();
        let (mut wrong, mut tried, calls) = (Vec::new(), 0, kinds.len());
        for (k, kind) in (1..).zip(&kinds) {
            let can_strike = |fault: &Fault| fault.strikes.is_empty() || fault.strikes.contains(*kind);
            for (number, fault) in FAULTS.iter().filter(|fault| can_strike(fault)).enumerate() {
                if !is_thorough && (number + k) % 2 == 0 {
                    continue;
                }
                if fault.name == "nothing" && !self.words.starts_with("copy") {
                    // Who reads nothing is at the end of a file, as gzip and gunzip see it.
                    continue;
                }
                tried += 1;
                if let Err(why) = self.attempt(k, *fault, way) {
                    wrong.push(format!("call {k} of {calls}{} {}: {why}", fault.lasting, fault.name));
                }
            }
        }
        let _ = writeln!(std::io::stderr(), "faults: {}: {calls} calls, {tried} faults tried", self.name);
        assert!(wrong.is_empty(), "{}: {} of {tried} went wrong:\n{}", self.name, wrong.len(), wrong.join("\n"));
    }
}

pub fn is_part(name: &Path) -> bool {
    let name = name.to_string_lossy();
    ["haul-part", "haul-tmp", "haul-kept"].iter().any(|ours| name.contains(ours))
}

pub fn none(found: &[String], what: &str) -> Result<(), String> {
    if found.is_empty() { Ok(()) } else { Err(format!("{what}: {}", found.join("; "))) }
}
