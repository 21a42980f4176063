//! strace and perf: how each is asked to count the calls of a process, and what it says.

use std::collections::BTreeMap;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process_group};

use super::{RunSpec, Watched, comparable};
use crate::calls::{Call, SyscallCounts};
use crate::sys::Stop;

/// How often is looked whether the process has ended, or should.
const LOOK_EVERY: Duration = Duration::from_millis(2);
/// Where the kernel describes what perf can count; two places, by the kernel's age and what is mounted.
const EVENTS: [&str; 2] = ["/sys/kernel/tracing/events/syscalls", "/sys/kernel/debug/tracing/events/syscalls"];

/// A program that counts another's system calls.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tool {
    /// By ptrace(2): for everybody, unless a container or a security module forbids it.
    Strace,
    /// By tracepoints: for root, and for whom the administrator lets.
    Perf,
}

impl Tool {
    /// Every tool, the one that asks for fewer rights first.
    pub const ALL: [Self; 2] = [Self::Strace, Self::Perf];

    /// The name of the program.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Strace => "strace",
            Self::Perf => "perf",
        }
    }

    /// Runs what a spec says, or idles, under the tool. Otherwise says why that cannot be done here, or what failed.
    pub(super) fn watch(self, program: &Path, spec: &RunSpec, idle: bool, stop: &Stop) -> Result<Watched, String> {
        let calls = self.calls();
        if calls.is_empty() {
            return Err("the kernel does not let us see its tracepoints".to_owned());
        }
        let mut command = self.command(&calls);
        command.arg(program).arg("run-spec").args(idle.then_some("--idle"));
        command.arg(serde_json::to_string(spec).map_err(|error| error.to_string())?);
        command.arg("--").arg(&spec.input).arg(&spec.target);
        let output = run(command, stop)?;
        let said = String::from_utf8_lossy(&output.stderr);
        if !output.status.success() {
            return Err(self.failure(&said).map_or_else(|| output.status.to_string(), str::to_owned));
        }
        let ours: SyscallCounts = serde_json::from_slice(&output.stdout).map_err(|error| error.to_string())?;
        let mut theirs: BTreeMap<&'static str, u64> = calls.into_iter().map(|name| (name, 0)).collect();
        for (name, count) in said.lines().filter_map(|line| self.read_line(line)) {
            if let Some(known) = theirs.get_mut(name) {
                *known = count;
            }
        }
        Ok(Watched { ours, theirs })
    }

    /// The kernel's names of the calls that the tool can count here.
    fn calls(self) -> Vec<&'static str> {
        let names = Call::ALL.into_iter().filter_map(comparable);
        let is_known = |name: &&str| {
            let exists = |events: &str| Path::new(&format!("{events}/sys_enter_{name}")).exists();
            self == Self::Strace || EVENTS.into_iter().any(exists)
        };
        names.filter(is_known).collect()
    }

    /// The tool and its options. Both write what they counted to standard error when the process has ended.
    fn command(self, calls: &[&str]) -> Command {
        let mut command = Command::new(self.name());
        // Numbers as everybody writes them.
        command.env("LC_ALL", "C");
        match self {
            Self::Strace => {
                // The question mark: what strace has no name for is left out. By seccomp-bpf the other calls are not
                // stopped at, such as those by which threads wait for each other.
                let names: Vec<String> = calls.iter().map(|name| format!("?{name}")).collect();
                command.args(["-f", "--seccomp-bpf", "-c", "-U", "calls,name", "-e"]);
                command.arg(format!("trace={}", names.join(","))).arg("--");
            }
            Self::Perf => {
                let names: Vec<String> = calls.iter().map(|name| format!("syscalls:sys_enter_{name}")).collect();
                command.args(["stat", "-x", ",", "-e", &names.join(","), "--"]);
            }
        }
        command
    }

    /// What of all that was said tells why it failed: what haul says first, what the tool says last, or whatever was
    /// said first.
    fn failure(self, said: &str) -> Option<&str> {
        let is_of = |line: &str, who| line.strip_prefix(who).is_some_and(|rest| rest.starts_with(": "));
        let mut lines = said.lines().map(str::trim).filter(|line| !line.is_empty());
        let ours = lines.clone().find(|line| is_of(line, "haul"));
        ours.or_else(|| lines.clone().rfind(|line| is_of(line, self.name()))).or_else(|| lines.next())
    }

    /// A call and how often it was made, if that is what the line says.
    fn read_line(self, line: &str) -> Option<(&str, u64)> {
        match self {
            Self::Strace => {
                let (count, name) = line.trim().split_once(char::is_whitespace)?;
                Some((name.trim(), count.parse().ok()?))
            }
            Self::Perf => {
                let mut fields = line.split(',');
                let (count, event) = (fields.next()?, fields.nth(1)?);
                // Without all rights a letter follows that says what else is not counted.
                let event = event.strip_prefix("syscalls:sys_enter_")?;
                let name = event.split_once(':').map_or(event, |(name, _)| name);
                Some((name, count.parse().ok()?))
            }
        }
    }
}

/// Runs a command to its end, or until somebody asks to stop. What it writes must fit into a pipe, 64 KiB: ours are
/// tables of some forty lines.
fn run(mut command: Command, stop: &Stop) -> Result<Output, String> {
    // A group of its own: perf does not hand signals on to the process that it watches.
    command.process_group(0).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let spawned = command.spawn();
    let mut child = spawned.map_err(|error| match error.kind() {
        std::io::ErrorKind::NotFound => "it is not installed".to_owned(),
        _ => error.to_string(),
    })?;
    let ended = wait(&mut child, stop);
    // Until nobody holds the pipes any more: the process is gone, too, that the tool watched.
    let output = child.wait_with_output();
    if !ended.map_err(|error| error.to_string())? {
        return Err("interrupted".to_owned());
    }
    output.map_err(|error| error.to_string())
}

/// Waits for the end; false if somebody asked to stop. Then the tool is asked to end, and the process that it watches,
/// which takes away what it has not finished.
fn wait(child: &mut Child, stop: &Stop) -> std::io::Result<bool> {
    while child.try_wait()?.is_none() {
        if stop.is_requested() {
            kill_process_group(Pid::from_child(child), Signal::TERM)?;
            return Ok(false);
        }
        std::thread::sleep(LOOK_EVERY);
    }
    Ok(true)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_tools_lines_are_understood_and_the_rest_is_passed_over() {
        let table = [
            (Tool::Strace, "       12 read", Some(("read", 12))),
            (Tool::Strace, "    calls syscall", None),
            (Tool::Strace, "--------- ----------------", None),
            (Tool::Strace, "", None),
            (Tool::Perf, "12,,syscalls:sys_enter_pread64,90123,100.00,,", Some(("pread64", 12))),
            (Tool::Perf, "0,,syscalls:sys_enter_statx:u,0,100.00,,", Some(("statx", 0))),
            (Tool::Perf, "<not supported>,,syscalls:sys_enter_close,0,100.00,,", None),
            (Tool::Perf, "haul: 12,a", None),
        ];
        for (tool, line, expected) in table {
            assert_eq!(tool.read_line(line), expected, "{line}");
        }
    }

    #[test]
    fn a_request_to_stop_ends_the_process() {
        let stop = Stop::new();
        // If only the shell were ended, this would wait for what it started.
        let mut command = Command::new("sh");
        command.args(["-c", "sleep 1000000 & wait"]);
        stop.request(2);
        assert_eq!(run(command, &stop).map(|_| ()), Err("interrupted".to_owned()));
    }

    #[test]
    fn a_tool_that_is_missing_is_a_reason() {
        let missing = run(Command::new("/nowhere/strace"), &Stop::new());
        assert_eq!(missing.map(|_| ()), Err("it is not installed".to_owned()));
    }
}
