//! What the kernel says this process has used: getrusage(2), which `rustix` does not wrap.

/// Resources used so far by all threads, ended ones too.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Usage {
    /// CPU time in user mode, ns (the kernel's own resolution is 1 µs).
    pub user_ns: u64,
    /// CPU time in the kernel, ns.
    pub system_ns: u64,
    /// Page faults served without the disk.
    pub minor_faults: u64,
    /// Page faults that waited for the disk.
    pub major_faults: u64,
    /// Times a thread gave up its core to wait for something.
    pub voluntary_switches: u64,
    /// Times a thread's core was taken away for another's sake.
    pub involuntary_switches: u64,
}

/// The usage of this process.
#[allow(unsafe_code, reason = "getrusage has no safe wrapper in our dependencies")]
pub fn usage() -> Usage {
    let mut raw = std::mem::MaybeUninit::<libc::rusage>::zeroed();
    // SAFETY: `raw` is writable and as large as the kernel's `struct rusage`; zeroed, it is a valid value of it, so
    // reading it is sound whatever the call returns. RUSAGE_SELF with a good pointer cannot fail (getrusage(2)).
    let raw = unsafe {
        libc::getrusage(libc::RUSAGE_SELF, raw.as_mut_ptr());
        raw.assume_init()
    };
    let ns = |time: libc::timeval| time.tv_sec as u64 * 1_000_000_000 + time.tv_usec as u64 * 1_000;
    Usage {
        user_ns: ns(raw.ru_utime),
        system_ns: ns(raw.ru_stime),
        minor_faults: raw.ru_minflt as u64,
        major_faults: raw.ru_majflt as u64,
        voluntary_switches: raw.ru_nvcsw as u64,
        involuntary_switches: raw.ru_nivcsw as u64,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn usage_grows_with_work() {
        let before = usage();
        let pages = vec![1_u8; 64 << 20];
        let after = usage();
        assert_eq!(pages[pages.len() / 2], 1);
        assert!(after.minor_faults > before.minor_faults);
        assert!(after.user_ns + after.system_ns > before.user_ns + before.system_ns);
    }

    #[test]
    fn whoever_sleeps_gives_up_the_core() {
        let before = usage();
        (0..5).for_each(|_| std::thread::sleep(std::time::Duration::from_millis(1)));
        assert!(usage().voluntary_switches >= before.voluntary_switches + 5);
    }
}
