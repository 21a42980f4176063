//! Our counts of system calls beside those of a tool that watches from outside (`--verify-counts`).
//!
//! One setting is run once more, untimed, in a process of its own under strace or, where that is missing or must not
//! trace, under perf. That process is haul itself, with a hidden command that does an [`RunSpec`] and prints what it
//! counted. The loader, the runtime and the printing make calls too, so the same is watched before without the job:
//! what the tool sees beyond that must be what we counted, call by call. [`tool`] is how either tool is asked.
//!
//! What cannot be compared is left out:
//!
//! - `mmap` and `munmap`: threads get their stacks by them and the allocator its memory, as often as it sees fit, and
//!   nothing tells them from ours.
//! - `close`: directories that several tasks share are closed when the last lets go of them, past our counts; so they
//!   are too few by some for each source and each directory of gzip and gunzip, never for each file.
//! - `getrandom`: the standard library seeds its hash maps by it, once a thread.
//! - `fcntl` in a build with debug assertions: there the standard library asks before each such close whether the
//!   descriptor is open.
//!
//! Some calls are made once in the life of a process, and both processes get them over with at the start: glibc reads how
//! memory is overcommitted when the heap of a thread first shrinks (openat, read, close), and rustix asks whether there
//! is a statx at all when the first one fails. What else threads and the allocator do has no name in [`Call`] (brk,
//! mprotect, madvise, clone3, futex). `ioctl(FICLONE)` is compared as all of `ioctl`: a sweep makes no other.

mod tool;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use rustix::fs::CWD;

pub use self::tool::Tool;
use crate::calls::{Call, SyscallCounts};
use crate::error::{Error, Result};
use crate::job::Context;
use crate::lab::probe::settle_allocator;
use crate::lab::report::{Observed, ObservedCall};
use crate::lab::subject::job::run_spec::RunSpec;
use crate::sys::{Stop, Sys};

/// Runs what a spec says, which must find no target in its way, under the first tool that works here. Otherwise says why none
/// does, or that somebody asked to stop.
///
/// `program` is haul: see [`this_program`].
pub fn observe(program: &Path, spec: &RunSpec, stop: &Stop) -> std::result::Result<Observed, String> {
    let mut why_not = vec![];
    for tool in Tool::ALL {
        match tool.watch(program, spec, true, stop) {
            Ok(idle) => return observe_beyond(&idle, tool, program, spec, stop),
            Err(why) => why_not.push(format!("{}: {why}", tool.name())),
        }
        if stop.is_requested() {
            break;
        }
    }
    Err(why_not.join("; "))
}

/// The same under one tool.
pub fn observe_with(tool: Tool, program: &Path, spec: &RunSpec, stop: &Stop) -> std::result::Result<Observed, String> {
    let idle = tool.watch(program, spec, true, stop)?;
    observe_beyond(&idle, tool, program, spec, stop)
}

/// The file that this process runs, by a name that others can run it by, also when it was replaced meanwhile.
pub fn this_program() -> PathBuf {
    PathBuf::from(format!("/proc/{}/exe", std::process::id()))
}

/// What the process does that is watched: the run of the spec, unless it is to be idle. Returns what we counted.
pub fn be_watched(spec: &RunSpec, idle: bool, context: &Context) -> Result<SyscallCounts> {
    settle_allocator();
    let _ = Sys::new(context.stop.clone()).stat_at(CWD, c".");
    if idle {
        return Ok(SyscallCounts::default());
    }
    let summary = spec.run(context)?;
    if summary.is_clean() {
        return Ok(summary.syscalls);
    }
    Err(Error::refused("do the job on", &spec.input, "some of it failed"))
}

fn observe_beyond(
    idle: &Watched,
    tool: Tool,
    program: &Path,
    spec: &RunSpec,
    stop: &Stop,
) -> std::result::Result<Observed, String> {
    let busy = tool.watch(program, spec, false, stop).map_err(|why| format!("{}: {why}", tool.name()))?;
    Ok(compare(tool, idle, &busy))
}

/// Both counts of one process.
#[derive(Debug, Default)]
struct Watched {
    ours: SyscallCounts,
    /// By the kernel's name, of each call that the tool can count.
    theirs: BTreeMap<&'static str, u64>,
}

/// The kernel's name of a call that both can count; `None` for those that the module names.
fn comparable(call: Call) -> Option<&'static str> {
    match call {
        Call::Mmap | Call::Munmap | Call::Close | Call::Setflags | Call::Getrandom => None,
        Call::Fcntl if cfg!(debug_assertions) => None,
        Call::Ficlone => Some("ioctl"),
        other => Some(other.name()),
    }
}

fn compare(tool: Tool, idle: &Watched, busy: &Watched) -> Observed {
    let calls = Call::ALL.into_iter().filter_map(|call| {
        let name = comparable(call)?;
        let ours = busy.ours.of(call).calls;
        let theirs = busy.theirs.get(name)?.saturating_sub(idle.theirs.get(name).copied().unwrap_or(0));
        (ours > 0 || theirs > 0).then(|| ObservedCall { call: call.name().to_owned(), ours, theirs })
    });
    Observed { tool: tool.name().to_owned(), calls: calls.collect() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::calls::Ending;

    fn watched(ours: &[(Call, u64)], theirs: &[(&'static str, u64)]) -> Watched {
        let mut watched = Watched { theirs: theirs.iter().copied().collect(), ..Watched::default() };
        for (call, count) in ours {
            (0..*count).for_each(|_| watched.ours.record(*call, 1, Ending::Moved(1)));
        }
        watched
    }

    #[test]
    fn a_call_that_one_side_does_not_count_is_a_difference() {
        let idle = watched(&[], &[("read", 5), ("ioctl", 1), ("pread64", 0), ("openat", 2)]);
        let ours = [(Call::Read, 2), (Call::Ficlone, 1), (Call::Mmap, 7)];
        let theirs = |read, open| watched(&ours, &[("read", read), ("ioctl", 2), ("pread64", 0), ("openat", open)]);
        let seen = |busy: &Watched| {
            let observed = compare(Tool::Strace, &idle, busy);
            let calls: Vec<_> = observed.calls.iter().map(|one| (one.call.as_str(), one.ours, one.theirs)).collect();
            (observed.agrees(), format!("{calls:?}"))
        };
        let agreed = r#"[("read", 2, 2), ("ioctl(FICLONE)", 1, 1)]"#;
        assert_eq!(seen(&theirs(7, 2)), (true, agreed.to_owned()));
        // A read that went past us, one that was never made, and a call that we do not count at all.
        assert!(!seen(&theirs(8, 2)).0);
        assert!(!seen(&theirs(6, 2)).0);
        assert_eq!(seen(&theirs(7, 3)), (false, agreed.replace(']', r#", ("openat", 0, 1)]"#)));
    }

    #[test]
    fn all_calls_are_compared_but_those_that_others_make_too() {
        let left_out = Call::ALL.into_iter().filter(|call| comparable(*call).is_none() && *call != Call::Fcntl);
        assert_eq!(
            left_out.collect::<Vec<_>>(),
            [Call::Setflags, Call::Close, Call::Mmap, Call::Munmap, Call::Getrandom]
        );
    }
}
