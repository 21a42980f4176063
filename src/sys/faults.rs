//! A plan that makes one system call misbehave, in test builds only.
//!
//! With it "for every k, nothing is lost when the k-th call goes wrong" can be tested for every k, as SQLite tests its
//! I/O. The workers of one job share the plan, hence the atomic counter; under the serial scheduler k is deterministic.

use std::str::FromStr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use rustix::io::{Errno, Result};

use super::Sys;
use crate::calls::Call;

/// Calls that a full disk can refuse. Opening is not among them, since most of it makes nothing.
const NEEDS_ROOM: [Call; 15] = [
    Call::Write,
    Call::Pwrite,
    Call::CopyFileRange,
    Call::Ficlone,
    Call::Mkdirat,
    Call::Mknodat,
    Call::Renameat2,
    Call::Linkat,
    Call::Symlinkat,
    Call::Fsync,
    Call::Fdatasync,
    Call::Fallocate,
    Call::Fsetxattr,
    Call::Setxattr,
    Call::Setxattrat,
];

/// What happens at the chosen call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// It fails with this errno; the kernel never sees it.
    Fail(Errno),
    /// It finds the disk full, if it needs room there: what reads, closes or removes goes on.
    Full,
    /// It moves half of what was asked (calls that move nothing, or one byte, are left alone).
    Short,
    /// It is asked to move nothing, and so moves nothing and succeeds (calls that move nothing are left alone).
    Nothing,
    /// A signal interrupts it before it moves anything.
    Interrupt,
    /// The process ends there, with status 137, running no destructor.
    Exit,
    /// It takes so many percent longer, computing meanwhile.
    Slow(u32),
}

/// "The k-th call from now misbehaves."
#[derive(Debug)]
pub struct FaultPlan {
    at: u64,
    fault: Fault,
    /// From `at` on every call fails, as on a disk that stays full.
    lasting: bool,
    /// If any, these calls fail, each time, and no other does.
    only: Vec<Call>,
    seen: AtomicU64,
    /// See [`FaultPlan::kinds`].
    kinds: Mutex<String>,
}

impl FaultPlan {
    /// Call number `at` (the first is 1) meets `fault`; with `lasting`, every later one too.
    pub const fn new(at: u64, fault: Fault, lasting: bool) -> Self {
        Self { at, fault, lasting, only: Vec::new(), seen: AtomicU64::new(0), kinds: Mutex::new(String::new()) }
    }

    /// How many calls were made under this plan.
    pub fn seen(&self) -> u64 {
        self.seen.load(Ordering::Relaxed)
    }

    /// What they were, a letter each: `b` moves bytes and needs room, `m` moves bytes, `r` needs room. What sets or tells
    /// anything beside the bytes has letters of its own: `o` owner, `p` permission bits, `t` times; `l` lists attributes,
    /// `g` gets one, `s` sets one, `x` removes one. `.` is another.
    pub fn kinds(&self) -> String {
        self.kinds.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Makes an attempt at a call, and what it is to take longer.
    pub(super) fn attempt<T>(&self, attempt: impl FnOnce() -> T) -> T {
        let Fault::Slow(percent) = self.fault else { return attempt() };
        let begun = Instant::now();
        let result = attempt();
        let until = begun.elapsed() * (100 + percent) / 100;
        while begun.elapsed() < until {
            std::hint::spin_loop();
        }
        result
    }

    /// Counts a call that wants to move `wanted` bytes: how many it may ask for, or the errno it fails with.
    pub(super) fn next(&self, call: Call, wanted: usize) -> Result<usize> {
        if let Fault::Slow(_) = self.fault {
            // What is to be slow by so much must not be slow by counting.
            return Ok(wanted);
        }
        let number = self.seen.fetch_add(1, Ordering::Relaxed) + 1;
        self.kinds.lock().unwrap_or_else(PoisonError::into_inner).push(kind(call, wanted));
        let strikes = if self.only.is_empty() {
            number == self.at || (self.lasting && number > self.at)
        } else {
            self.only.contains(&call)
        };
        let spared = self.fault == Fault::Full && !NEEDS_ROOM.contains(&call);
        if !strikes || spared {
            return Ok(wanted);
        }
        match self.fault {
            Fault::Fail(errno) => Err(errno),
            Fault::Full => Err(Errno::NOSPC),
            Fault::Interrupt => Err(Errno::INTR),
            Fault::Short => Ok(if wanted > 1 { wanted / 2 } else { wanted }),
            Fault::Nothing => Ok(0),
            Fault::Exit => std::process::exit(137),
            Fault::Slow(_) => Ok(wanted),
        }
    }
}

/// The letter of a call that wants to move `wanted` bytes.
fn kind(call: Call, wanted: usize) -> char {
    match call {
        Call::Fchown | Call::Fchownat => 'o',
        Call::Fchmod | Call::Fchmodat | Call::Fchmodat2 => 'p',
        Call::Utimensat => 't',
        Call::Flistxattr | Call::Llistxattr | Call::Listxattrat => 'l',
        Call::Fgetxattr | Call::Lgetxattr | Call::Getxattr | Call::Getxattrat => 'g',
        Call::Fsetxattr | Call::Setxattr | Call::Setxattrat => 's',
        Call::Fremovexattr | Call::Removexattr | Call::Removexattrat => 'x',
        _ => match (wanted > 0, NEEDS_ROOM.contains(&call)) {
            (true, true) => 'b',
            (true, false) => 'm',
            (false, true) => 'r',
            (false, false) => '.',
        },
    }
}

impl FromStr for FaultPlan {
    type Err = String;

    /// `K:WHAT`, or `K+:WHAT` for "from the k-th on"; WHAT is an errno (see the code), `full`, `short`, `nothing`, `interrupt`
    /// or `exit`. `CALL,CALL:WHAT` strikes every call of these names; `slow:PERCENT` slows every call.
    fn from_str(text: &str) -> std::result::Result<Self, String> {
        let wrong = || {
            format!("'{text}' is not a fault plan; write K:EIO, K+:ENOSPC, K:short, K:nothing, K:interrupt or K:exit")
        };
        let (at, what) = text.split_once(':').ok_or_else(wrong)?;
        if at == "slow" {
            return Ok(Self::new(1, Fault::Slow(what.parse().map_err(|_| wrong())?), true));
        }
        let fault = match what {
            "EIO" => Fault::Fail(Errno::IO),
            "ENOSPC" => Fault::Fail(Errno::NOSPC),
            "EDQUOT" => Fault::Fail(Errno::DQUOT),
            "ENOENT" => Fault::Fail(Errno::NOENT),
            "EACCES" => Fault::Fail(Errno::ACCESS),
            "EXDEV" => Fault::Fail(Errno::XDEV),
            "EPERM" => Fault::Fail(Errno::PERM),
            "ENOSYS" => Fault::Fail(Errno::NOSYS),
            "EINVAL" => Fault::Fail(Errno::INVAL),
            "EROFS" => Fault::Fail(Errno::ROFS),
            "EOPNOTSUPP" => Fault::Fail(Errno::OPNOTSUPP),
            "full" => Fault::Full,
            "short" => Fault::Short,
            "nothing" => Fault::Nothing,
            "interrupt" => Fault::Interrupt,
            "exit" => Fault::Exit,
            _ => return Err(wrong()),
        };
        let by_name = |name: &str| Call::ALL.into_iter().find(|call| call.name() == name);
        if let Some(only) = at.split(',').map(by_name).collect::<Option<Vec<Call>>>() {
            return Ok(Self { only, ..Self::new(0, fault, true) });
        }
        let (at, lasting) = at.strip_suffix('+').map_or((at, false), |at| (at, true));
        Ok(Self::new(at.parse().map_err(|_| wrong())?, fault, lasting))
    }
}

impl Sys {
    /// The same under a fault plan.
    #[must_use]
    pub(crate) fn with_faults(mut self, plan: Arc<FaultPlan>) -> Self {
        self.faults = Some(plan);
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sys::Stop;

    fn sys(plan: &str) -> (Sys, Arc<FaultPlan>) {
        let plan = Arc::new(plan.parse::<FaultPlan>().unwrap());
        (Sys::new(Stop::new()).with_faults(Arc::clone(&plan)), plan)
    }

    #[test]
    fn the_kth_call_meets_the_fault_and_the_others_do_not() {
        let (mut sys, plan) = sys("2:EIO");
        let results: Vec<_> = (0..3).map(|_| sys.transfer(Call::Read, 8, Ok)).collect();
        assert_eq!(results, [Ok(8), Err(Errno::IO), Ok(8)]);
        assert_eq!(plan.seen(), 3);
        assert_eq!(plan.kinds(), "mmm");
        assert_eq!(sys.counts().of(Call::Read).failed, 1);
        assert_eq!(sys.counts().kernel_reads, 2, "the kernel never saw the injected one");
    }

    #[test]
    fn an_interrupted_call_is_made_again_and_both_are_counted() {
        let (mut sys, _) = sys("1:interrupt");
        assert_eq!(sys.transfer(Call::Write, 8, Ok), Ok(8));
        let counts = sys.counts().of(Call::Write);
        assert_eq!((counts.calls, counts.interrupted, counts.bytes), (2, 1, 8));
    }

    #[test]
    fn an_interrupted_call_ends_when_a_stop_was_asked_for() {
        let stop = Stop::new();
        let plan = Arc::new(FaultPlan::new(1, Fault::Interrupt, false));
        let mut sys = Sys::new(stop.clone()).with_faults(plan);
        stop.request(2);
        assert_eq!(sys.transfer(Call::Write, 8, Ok), Err(Errno::INTR));
    }

    #[test]
    fn short_and_lasting_faults() {
        let (mut sys, _) = sys("1:short");
        assert_eq!(sys.transfer(Call::Read, 9, Ok), Ok(4));
        assert_eq!(sys.counts().of(Call::Read).short, 1);
        let (mut sys, _) = self::sys("2+:ENOSPC");
        let failed = (0..4).filter(|_| sys.plain(Call::Fsync, || Ok(())).is_err()).count();
        assert_eq!(failed, 3);
        let (mut sys, plan) = self::sys("1+:full");
        assert_eq!(sys.transfer(Call::Write, 8, Ok), Err(Errno::NOSPC));
        assert_eq!(sys.plain(Call::Unlinkat, || Ok(())), Ok(()));
        assert_eq!(plan.kinds(), "b.");
    }

    #[test]
    fn calls_beside_the_bytes_have_letters_of_their_own() {
        let (mut sys, plan) = sys("0:EIO");
        for call in [
            Call::Fchown,
            Call::Fchmodat,
            Call::Utimensat,
            Call::Flistxattr,
            Call::Lgetxattr,
            Call::Setxattr,
            Call::Fremovexattr,
            Call::Fsync,
            Call::Close,
        ] {
            sys.plain(call, || Ok(())).unwrap();
        }
        assert_eq!(plan.kinds(), "optlgsxr.");
    }

    #[test]
    fn a_slow_call_does_what_it_does_and_takes_no_less() {
        let (mut sys, _) = sys("slow:300");
        let begun = Instant::now();
        let mut took = std::time::Duration::ZERO;
        let moved = sys.transfer(Call::Read, 9, |wanted| {
            let begun = Instant::now();
            std::thread::sleep(std::time::Duration::from_millis(1));
            took = begun.elapsed();
            Ok(wanted)
        });
        assert_eq!(moved, Ok(9));
        assert!(begun.elapsed() >= took * 4);
        assert!("slow:x".parse::<FaultPlan>().is_err());
    }
}
