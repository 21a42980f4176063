//! Numbers as people read them: the one file where tables and sentences round.

use crate::lab::metric::Unit;
use crate::size::binary;

pub(in crate::lab) use crate::lab::verdict::text::{percent, whole_percent};

/// What is not known.
pub(in crate::lab) fn nothing() -> String {
    "-".to_owned()
}

/// Three digits that count; large numbers in full: "0.0312", "9.99", "12.3", "4184".
pub(in crate::lab) fn three_digits(value: f64) -> String {
    // What rounds up to another digit has it already: 9.996 is 10.0.
    let decimals = match value.abs() {
        0.0 | 99.95.. => 0,
        9.995.. => 1,
        0.9995.. => 2,
        size => (2.0 - size.log10().floor()).clamp(3.0, 6.0) as usize,
    };
    format!("{value:.decimals$}")
}

/// "5.4 MiB".
pub(in crate::lab) fn bytes(bytes: u64) -> String {
    binary(bytes)
}

/// "1.25×".
pub(in crate::lab) fn times(factor: f64) -> String {
    format!("{}×", three_digits(factor))
}

/// How much longer something takes, or more often it is done, of a ratio: "+10.2%".
pub(in crate::lab) fn signed(ratio: f64) -> String {
    let text = format!("{:+.1}%", (ratio - 1.0) * 100.0);
    if text == "-0.0%" { "+0.0%".to_owned() } else { text }
}

/// A time by itself: "640 ns", "1.25 µs", "15.2 ms", "2.10 s".
pub(in crate::lab) fn duration(nanoseconds: u64) -> String {
    TimeUnit::of(nanoseconds as f64).cell(nanoseconds as f64)
}

/// "1 round", "3 rounds".
pub(in crate::lab) fn count(number: u64, noun: &str) -> String {
    format!("{number} {noun}{}", if number == 1 { "" } else { "s" })
}

/// How the values of one column are written: times in one unit, so that they can be compared at a glance, unless they are
/// so far apart that it would suit only some of them.
#[derive(Debug, Clone, Copy)]
pub(in crate::lab) struct Scale {
    unit: Unit,
    time: Option<TimeUnit>,
}

impl Scale {
    /// What suits all of these.
    pub(in crate::lab) fn of(unit: Unit, values: impl Iterator<Item = f64>) -> Self {
        let times = values.filter(|_| unit == Unit::Nanoseconds);
        Self { unit, time: TimeUnit::of_all(times) }
    }

    /// A value with its unit.
    pub(in crate::lab) fn cell(self, value: f64) -> String {
        match self.unit {
            Unit::Nanoseconds => self.time.unwrap_or_else(|| TimeUnit::of(value)).cell(value),
            Unit::Bytes => bytes(value.max(0.0) as u64),
            Unit::Count | Unit::Percent => format!("{value:.0}"),
            Unit::Part => percent(value),
            Unit::Rate => three_digits(value),
        }
    }

    /// From where to where, with the unit once: "15.1–15.3 ms".
    pub(in crate::lab) fn between(self, low: f64, high: f64) -> String {
        match self.unit {
            Unit::Nanoseconds => {
                let unit = self.time.unwrap_or_else(|| TimeUnit::of(high));
                format!("{}–{} {}", unit.number(low), unit.number(high), unit.name)
            }
            _ => format!("{}–{}", self.cell(low), self.cell(high)),
        }
    }
}

/// A unit of times.
#[derive(Debug, Clone, Copy)]
struct TimeUnit {
    name: &'static str,
    nanoseconds: f64,
}

impl TimeUnit {
    const ALL: [Self; 4] = [
        Self { name: "s", nanoseconds: 1e9 },
        Self { name: "ms", nanoseconds: 1e6 },
        Self { name: "µs", nanoseconds: 1e3 },
        Self { name: "ns", nanoseconds: 1.0 },
    ];

    /// The largest of which a time is one or more, as it is rounded.
    fn of(nanoseconds: f64) -> Self {
        let [.., least] = Self::ALL;
        Self::ALL.into_iter().find(|unit| nanoseconds >= unit.nanoseconds * 0.9995).unwrap_or(least)
    }

    /// One for several times: that of the longest, or the next smaller where the shortest would be less than a tenth of
    /// it. `None` where they are more than a factor of 100 apart.
    fn of_all(times: impl Iterator<Item = f64>) -> Option<Self> {
        let (least, most) = times
            .filter(|time| *time > 0.0)
            .fold((f64::INFINITY, 0.0), |(least, most), time| (time.min(least), time.max(most)));
        let unit = Self::of(most);
        let suits = least >= unit.nanoseconds / 10.0;
        (most <= least * 100.0).then(|| if suits { unit } else { Self::of(unit.nanoseconds / 1000.0) })
    }

    fn number(self, nanoseconds: f64) -> String {
        if self.name == "ns" { format!("{nanoseconds:.0}") } else { three_digits(nanoseconds / self.nanoseconds) }
    }

    fn cell(self, nanoseconds: f64) -> String {
        format!("{} {}", self.number(nanoseconds), self.name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_keep_the_digits_that_count() {
        for (value, text) in [
            (0.0, "0"),
            (0.0312, "0.0312"),
            (0.000_000_4, "0.000000"),
            (0.12, "0.120"),
            (0.9996, "1.00"),
            (9.994, "9.99"),
            (9.996, "10.0"),
            (12.34, "12.3"),
            (99.94, "99.9"),
            (99.96, "100"),
            (4183.6, "4184"),
        ] {
            assert_eq!(three_digits(value), text);
        }
        for (ns, text) in [
            (0, "0 ns"),
            (999, "999 ns"),
            (1_250, "1.25 µs"),
            (999_600, "1.00 ms"),
            (15_200_000, "15.2 ms"),
            (2_100_000_000, "2.10 s"),
        ] {
            assert_eq!(duration(ns), text);
        }
        assert_eq!(
            (times(1.852), bytes(5_662_310), count(1, "file"), signed(0.9999)),
            ("1.85×".into(), "5.4 MiB".into(), "1 file".into(), "+0.0%".into())
        );
    }

    #[test]
    fn a_column_of_times_has_one_unit_unless_it_would_suit_only_some() {
        for (times, cells) in [
            (&[40_900_000.0, 14_600_000.0][..], &["40.9 ms", "14.6 ms"][..]),
            (&[700_000_000.0, 4_100_000_000.0], &["0.700 s", "4.10 s"]),
            (&[30_100_000.0, 2_900_000_000.0], &["30.1 ms", "2900 ms"]),
            (&[30_100_000.0, 17_860_000_000.0], &["30.1 ms", "17.9 s"]),
            (&[0.0, 1_500.0], &["0 µs", "1.50 µs"]),
            (&[85.0, 999.0], &["85 ns", "999 ns"]),
            (&[], &[]),
        ] {
            let scale = Scale::of(Unit::Nanoseconds, times.iter().copied());
            assert_eq!(times.iter().map(|time| scale.cell(*time)).collect::<Vec<_>>(), cells);
        }
    }

    #[test]
    fn ranges_have_their_unit_once() {
        let scale = |times: &[f64]| Scale::of(Unit::Nanoseconds, times.iter().copied());
        assert_eq!(scale(&[15_200_000.0]).between(15_100_000.0, 15_300_000.0), "15.1–15.3 ms");
        assert_eq!(scale(&[1.0, 2e9]).between(0.98e9, 1.02e9), "0.980–1.02 s", "each its own");
        assert_eq!(Scale::of(Unit::Rate, std::iter::empty()).between(899.4, 915.2), "899–915");
    }
}
