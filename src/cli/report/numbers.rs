//! Numbers as people read them: the one place where reports round.

use haul::size::binary;

/// What is not known.
pub(super) fn nothing() -> String {
    "-".to_owned()
}

/// Three digits that count; large numbers in full.
pub(super) fn three_digits(value: f64) -> String {
    match value {
        ..10.0 => format!("{value:.2}"),
        10.0..100.0 => format!("{value:.1}"),
        _ => format!("{value:.0}"),
    }
}

/// "5.4 MiB".
pub(super) fn bytes(bytes: u64) -> String {
    binary(bytes)
}

/// "1.25×".
pub(super) fn times(factor: f64) -> String {
    format!("{}×", three_digits(factor))
}

/// A part of a whole: 0.05 is "5%", 0.125 is "12.5%".
pub(super) fn percent(part: f64) -> String {
    let tenths = (part * 1000.0).round() / 10.0;
    if tenths.fract() == 0.0 { format!("{tenths:.0}%") } else { format!("{tenths:.1}%") }
}

/// How much longer something takes, or more often it is done, of a ratio: "+10.2%".
pub(super) fn signed(ratio: f64) -> String {
    let text = format!("{:+.1}%", (ratio - 1.0) * 100.0);
    if text == "-0.0%" { "+0.0%".to_owned() } else { text }
}

/// A time by itself: "640 ns", "1.25 µs", "15.2 ms", "2.10 s".
pub(super) fn duration(nanoseconds: u64) -> String {
    let value = nanoseconds as f64;
    match nanoseconds {
        ..1_000 => format!("{nanoseconds} ns"),
        1_000..1_000_000 => format!("{} µs", three_digits(value / 1e3)),
        1_000_000..1_000_000_000 => format!("{} ms", three_digits(value / 1e6)),
        _ => format!("{} s", three_digits(value / 1e9)),
    }
}

/// "1 round", "3 rounds".
pub(super) fn count(number: u64, noun: &str) -> String {
    format!("{number} {noun}{}", if number == 1 { "" } else { "s" })
}

/// One unit for all times of a table: figures that are to be compared must not change their unit between rows.
#[derive(Clone, Copy)]
pub(super) struct TimeUnit {
    pub(super) name: &'static str,
    nanoseconds: f64,
    decimals: usize,
}

impl TimeUnit {
    /// The unit that suits the longest of the times, ns.
    pub(super) fn of(longest_ns: u64) -> Self {
        match longest_ns {
            10_000_000_000.. => Self { name: "s", nanoseconds: 1e9, decimals: 2 },
            10_000_000.. => Self { name: "ms", nanoseconds: 1e6, decimals: 1 },
            _ => Self { name: "µs", nanoseconds: 1e3, decimals: 0 },
        }
    }

    pub(super) fn cell(self, nanoseconds: u64) -> String {
        format!("{:.*}", self.decimals, nanoseconds as f64 / self.nanoseconds)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_keep_the_digits_that_count() {
        for (value, text) in [(0.0, "0.00"), (9.994, "9.99"), (12.34, "12.3"), (99.94, "99.9"), (123.4, "123")] {
            assert_eq!(three_digits(value), text);
        }
        for (ns, text) in
            [(0, "0 ns"), (999, "999 ns"), (1_250, "1.25 µs"), (15_200_000, "15.2 ms"), (2_100_000_000, "2.10 s")]
        {
            assert_eq!(duration(ns), text);
        }
        for (part, text) in [(0.05, "5%"), (0.125, "12.5%"), (0.0049, "0.5%"), (1.0, "100%")] {
            assert_eq!(percent(part), text);
        }
        assert_eq!(
            (times(1.852), bytes(5_662_310), count(1, "file")),
            ("1.85×".into(), "5.4 MiB".into(), "1 file".into())
        );
    }

    #[test]
    fn the_longest_time_names_the_unit() {
        for (longest, name, cell) in
            [(9_999_999, "µs", "2500"), (10_000_000, "ms", "2.5"), (10_000_000_000, "s", "0.00")]
        {
            let unit = TimeUnit::of(longest);
            assert_eq!((unit.name, unit.cell(2_500_000).as_str()), (name, cell));
        }
    }
}
