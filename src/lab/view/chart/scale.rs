//! Values → positions on a chart, and the values worth a label.

/// Nothing that is measured comes near it.
const LARGEST: f64 = 1e300;

/// Maps values to positions, evenly or by their logarithm.
#[derive(Debug, Clone, Copy)]
pub(super) struct Scale {
    logarithmic: bool,
    /// The values at both ends; of a logarithmic scale their logarithms to the base 2.
    values: (f64, f64),
    positions: (f64, f64),
}

impl Scale {
    /// From `low` to `top` evenly.
    pub(super) fn linear((low, top): (f64, f64), positions: (f64, f64)) -> Self {
        Self { logarithmic: false, values: (low, if top > low { top } else { low + 1.0 }), positions }
    }

    /// Evenly between the first and the last of these ticks.
    pub(super) fn over(ticks: &[f64], positions: (f64, f64)) -> Self {
        let end = |tick: Option<&f64>| tick.copied().unwrap_or_default();
        Self::linear((end(ticks.first()), end(ticks.last())), positions)
    }

    /// From `least` to `most`, both above 0, by their logarithms; `margin` is left free at both ends, as a part of the
    /// whole.
    pub(super) fn logarithmic(least: f64, most: f64, margin: f64, positions: (f64, f64)) -> Self {
        let (low, high) = (least.log2(), most.log2());
        // A single value lies in the middle of a factor of two each way.
        let (low, high) = if high > low { (low, high) } else { (low - 1.0, low + 1.0) };
        let free = (high - low) * margin;
        Self { logarithmic: true, values: (low - free, high + free), positions }
    }

    /// Where a value lies; what is beyond an end lies at it.
    pub(super) fn position(&self, value: f64) -> f64 {
        let value = if self.logarithmic { value.log2() } else { value };
        let part = ((value - self.values.0) / (self.values.1 - self.values.0)).clamp(0.0, 1.0);
        let part = if part.is_nan() { 0.0 } else { part };
        self.positions.0 + part * (self.positions.1 - self.positions.0)
    }

    /// Powers of ten between the ends of a logarithmic scale, no more than `most` of them.
    pub(super) fn decades(&self, most: usize) -> Vec<f64> {
        let all: Vec<i32> =
            (-3..=15).filter(|power| (self.values.0..=self.values.1).contains(&10_f64.powi(*power).log2())).collect();
        let step = all.len().div_ceil(most.max(1)).max(1);
        all.into_iter().step_by(step).map(|power| 10_f64.powi(power)).collect()
    }
}

/// Round values, about `count` of them; the first is the last that is no more than `low`, the last the first that is no less
/// than `top`.
pub(super) fn round_ticks((low, top): (f64, f64), count: usize) -> Vec<f64> {
    // What is larger has no room for a further tick among finite numbers.
    let top = if top > low && top < LARGEST { top } else { low + 1.0 };
    let rough = (top - low) / count.max(1) as f64;
    let power = 10_f64.powf(rough.log10().floor());
    let step = [1.0, 2.0, 5.0, 10.0].into_iter().map(|digit| digit * power).find(|step| *step >= rough * 0.999);
    let step = step.unwrap_or(10.0 * power);
    let first = (low / step + 1e-9).floor();
    let more = ((top / step - 1e-9).ceil() - first).max(1.0) as usize;
    (0..=more).map(|tick| (first + tick as f64) * step).collect()
}

/// A tick without needless digits: "0", "0.5", "1500".
pub(super) fn tick(value: f64) -> String {
    let text = format!("{value:.3}");
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

/// A count by its order: "100", "1k", "10M".
pub(super) fn count(value: f64) -> String {
    let units = [(1e9, "G"), (1e6, "M"), (1e3, "k")];
    let unit = units.into_iter().find(|(least, _)| value >= *least);
    unit.map_or_else(|| tick(value), |(least, name)| tick(value / least) + name)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn ticks_are_round_and_reach_the_top() {
        for (top, count, ticks) in [
            (4384.0, 5, vec![0.0, 1000.0, 2000.0, 3000.0, 4000.0, 5000.0]),
            (1.9, 4, vec![0.0, 0.5, 1.0, 1.5, 2.0]),
            (100.0, 5, vec![0.0, 20.0, 40.0, 60.0, 80.0, 100.0]),
            (0.0, 1, vec![0.0, 1.0]),
            (1.53e308, 1, vec![0.0, 1.0]),
        ] {
            assert_eq!(round_ticks((0.0, top), count), ticks);
        }
        let ratios: Vec<String> = round_ticks((0.93, 1.17), 3).into_iter().map(tick).collect();
        assert_eq!(ratios, ["0.9", "1", "1.1", "1.2"]);
        assert_eq!([0.0, 0.5, 1500.0, 12.25].map(tick), ["0", "0.5", "1500", "12.25"]);
        assert_eq!([1.0, 100.0, 1e3, 1e4, 1e7, 2e9].map(count), ["1", "100", "1k", "10k", "10M", "2G"]);
    }

    #[test]
    fn one_value_lies_in_the_middle_and_decades_between_the_ends() {
        let scale = Scale::logarithmic(64.0, 64.0, 0.0, (0.0, 100.0));
        assert!((scale.position(64.0) - 50.0).abs() < 1e-9);
        let scale = Scale::logarithmic(5.0, 50_000.0, 0.0, (100.0, 0.0));
        assert_eq!(scale.decades(9), [10.0, 100.0, 1e3, 1e4]);
        assert_eq!(scale.decades(2), [10.0, 1e3]);
    }

    proptest! {
        #[test]
        fn nothing_leaves_the_chart(value in any::<f64>(), top in any::<f64>(), least in 1e-3..1e12, most in 1e-3..1e12) {
            for scale in [Scale::linear((0.0, top), (10.0, 90.0)), Scale::logarithmic(least, most, 0.05, (90.0, 10.0))] {
                let position = scale.position(value);
                prop_assert!((10.0..=90.0).contains(&position), "{position}");
            }
            // What rates come to; the sum of two ticks must not be infinite.
            let top = top.clamp(-1e300, 1e300);
            let ticks = round_ticks((0.0, top), 5);
            prop_assert!(ticks.len() <= 12 && ticks.iter().all(|tick| tick.is_finite()));
            if (1e-300..LARGEST).contains(&top) { prop_assert!(*ticks.last().unwrap() >= top * 0.999_999) }
        }
    }
}
