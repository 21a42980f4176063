//! The clock that files get their times from; and times as people of this place read them: localtime(3), which neither
//! `std` nor `rustix` has.

use super::Moment;

/// The time that a file would get that changed now. That clock ticks a few hundred times a second; to read it takes no
/// system call (vdso(7)).
pub(crate) fn file_time() -> Moment {
    let now = rustix::time::clock_gettime(rustix::time::ClockId::RealtimeCoarse);
    Moment { seconds: now.tv_sec, nanoseconds: now.tv_nsec as u32 }
}

/// A moment to the minute, in the time zone that `TZ` or the system says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LocalTime {
    /// 0 is January.
    pub month: usize,
    /// From 1 on.
    pub day: i32,
    /// From 0 to 23.
    pub hour: i32,
    /// From 0 to 59.
    pub minute: i32,
}

/// The moment `seconds` after 1970; `None` if the C library cannot hold its year.
///
/// The C library reads the description of the time zone at the first call; it is not ours, and not counted.
#[allow(unsafe_code, reason = "localtime_r has no safe wrapper in our dependencies")]
pub fn local_time(seconds: i64) -> Option<LocalTime> {
    let mut raw = std::mem::MaybeUninit::<libc::tm>::zeroed();
    // SAFETY: both pointers are good for the call, which keeps neither. It reads the environment: nothing in this
    // program writes to that.
    let found = unsafe { libc::localtime_r(&raw const seconds, raw.as_mut_ptr()) };
    if found.is_null() {
        return None;
    }
    // SAFETY: zeroed, it was a valid `tm` already (a null `tm_zone` is one); the call filled it.
    let raw = unsafe { raw.assume_init() };
    Some(LocalTime { month: raw.tm_mon as usize, day: raw.tm_mday, hour: raw.tm_hour, minute: raw.tm_min })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_moment_has_a_place_in_a_year_unless_that_is_beyond_all_years() {
        // Whatever the zone: within a day of the first of January.
        let first = local_time(0).unwrap();
        assert!(matches!((first.month, first.day), (0, 1) | (11, 31)), "{first:?}");
        let later = local_time(60).unwrap();
        assert_eq!((first.minute + 1) % 60, later.minute);
        assert_eq!(local_time(i64::MAX), None);
    }
}
