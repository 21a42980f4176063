//! Figures in words: the one place where verdicts and comparisons round.

/// "3.9%"; "5%" of a whole number.
pub(in crate::lab) fn percent(part: f64) -> String {
    let percent = format!("{:.1}", part * 100.0);
    let percent = percent.strip_suffix(".0").unwrap_or(&percent);
    format!("{}%", if percent == "-0" { "0" } else { percent })
}

/// "4%": where tenths would claim too much.
pub(in crate::lab) fn whole_percent(part: f64) -> String {
    percent((part * 100.0).round() / 100.0)
}

/// "one round", "5 rounds".
pub(in crate::lab) fn rounds(count: usize) -> String {
    if count == 1 { "one round".to_owned() } else { format!("{count} rounds") }
}

/// What it takes to make something known that is as far off as `off` instead of `within`, in rough steps: how far runs
/// are apart is itself known badly, and the number of rounds goes with its square.
pub(in crate::lab) fn more_rounds(off: f64, within: f64) -> &'static str {
    match (off / within).powi(2) {
        ..=2.0 => "About twice as many rounds would tell, or a quieter machine",
        ..=4.0 => "About four times as many rounds would tell, or a quieter machine",
        ..=10.0 => "About ten times as many rounds would tell, or a quieter machine",
        _ => "That takes far more rounds than is practical: find a quieter machine",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_are_rounded_once() {
        for (part, text) in [(0.05, "5%"), (0.0394, "3.9%"), (-0.0001, "0%"), (16.563, "1656.3%")] {
            assert_eq!(percent(part), text);
        }
        assert_eq!((whole_percent(0.984), rounds(1), rounds(2)), ("98%".into(), "one round".into(), "2 rounds".into()));
    }

    #[test]
    fn rounds_are_told_in_steps() {
        for (off, words) in [(0.06, "twice"), (0.09, "four times"), (0.15, "ten times"), (0.5, "far more")] {
            assert!(more_rounds(off, 0.05).contains(words), "{off}");
        }
        assert!(more_rounds(0.05, 0.0).contains("far more"), "within nothing");
    }
}
