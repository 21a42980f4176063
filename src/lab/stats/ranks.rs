//! The odds of ranks: how many of the outermost values can be left out for an interval that still holds the truth as
//! often as promised. Exact, whatever the distribution of times is; nothing here assumes a bell.

/// Pairs of values up to which the odds of two sets are counted out. With more of them the bell that sums of ranks tend
/// to is right to a few ranks, and where it is not, its intervals are too wide rather than too narrow.
const COUNTED: usize = 2500;

/// The largest k for which the interval from the k-th least to the k-th greatest of `n` values holds their
/// distribution's median at least with the odds `confidence`. `None` where even all of them are too few.
///
/// The median lies outside when fewer than k of n values fall on one side of it, as coins do: 1 − 2·P(Bin(n, ½) < k).
pub(super) fn of_median(n: usize, confidence: f64) -> Option<usize> {
    let tail = (1.0 - confidence) / 2.0;
    // In logarithms, since 0.5^n is no number for long sweeps.
    let mut log_term = n as f64 * 0.5_f64.ln();
    let mut below = 0.0;
    for k in 0..=n {
        below += log_term.exp();
        if below > tail {
            return (k > 0).then_some(k);
        }
        log_term += ((n - k) as f64 / (k + 1) as f64).ln();
    }
    None
}

/// The same for the ratio of one set's `m` values to another's `n`: which of the sorted `m`·`n` ratios bound it, from
/// either end (Hodges and Lehmann). The odds are those of the sum of ranks of Mann and Whitney.
pub(super) fn of_ratios(m: usize, n: usize, confidence: f64) -> Option<usize> {
    let tail = (1.0 - confidence) / 2.0;
    let k = if m * n <= COUNTED { counted(m, n, tail) } else { by_the_bell(m, n, tail) };
    (k > 0).then_some(k)
}

/// How many of the least sums of ranks have together odds of at most `tail`.
fn counted(m: usize, n: usize, tail: f64) -> usize {
    let odds = rank_sums(m, n);
    let mut below = 0.0;
    odds.iter()
        .take_while(|odds| {
            below += **odds;
            below <= tail
        })
        .count()
}

/// The odds of each number, 0 to `m`·`n`, of pairs in which the one set's value is the greater, if both are alike: the
/// last of all values is of the one set (and greater than all `n`) or of the other.
fn rank_sums(m: usize, n: usize) -> Vec<f64> {
    let mut rows: Vec<Vec<f64>> = vec![vec![1.0]; n + 1];
    for ones in 1..=m {
        rows[0] = vec![1.0];
        for others in 1..=n {
            let all = (ones + others) as f64;
            let (with, without) = (ones as f64 / all, others as f64 / all);
            // `rows[others]` is still that of one value less in the one set.
            let mut row = vec![0.0; ones * others + 1];
            for (pairs, odds) in rows[others].iter().enumerate() {
                row[pairs + others] += with * odds;
            }
            for (pairs, odds) in rows[others - 1].iter().enumerate() {
                row[pairs] += without * odds;
            }
            rows[others] = row;
        }
    }
    rows.swap_remove(n)
}

fn by_the_bell(m: usize, n: usize, tail: f64) -> usize {
    let (pairs, all) = ((m * n) as f64, (m + n + 1) as f64);
    (pairs / 2.0 - deviations(tail) * (pairs * all / 12.0).sqrt()).floor().max(0.0) as usize
}

/// How many standard deviations from the middle of a bell the last `tail` of it begins: 1.96 for 0.025. Abramowitz and
/// Stegun, 26.2.23, good to 0.0005.
fn deviations(tail: f64) -> f64 {
    let t = (-2.0 * tail.ln()).sqrt();
    t - (2.515_517 + t * (0.802_853 + t * 0.010_328)) / (1.0 + t * (1.432_788 + t * (0.189_269 + t * 0.001_308)))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// From the tables of Conover, *Practical Nonparametric Statistics*, and of Hollander and Wolfe.
    #[test]
    fn ranks_are_those_of_published_tables() {
        for (n, k) in [(0, None), (5, None), (6, Some(1)), (8, Some(1)), (9, Some(2)), (15, Some(4)), (25, Some(8))] {
            assert_eq!(of_median(n, 0.95), k, "{n} values");
        }
        for (m, n, k) in
            [(3, 3, None), (4, 4, Some(1)), (5, 5, Some(3)), (6, 6, Some(6)), (10, 10, Some(24)), (8, 20, Some(42))]
        {
            assert_eq!(of_ratios(m, n, 0.95), k, "{m} and {n} values");
        }
    }

    #[test]
    fn more_confidence_takes_more_values() {
        assert_eq!((of_median(6, 0.99), of_median(8, 0.99), of_median(20, 0.99)), (None, Some(1), Some(4)));
        assert_eq!((of_ratios(6, 6, 0.99), of_ratios(6, 6, 0.999)), (Some(3), None));
    }

    #[test]
    fn many_values_need_no_counting_out() {
        assert_eq!(of_median(2000, 0.95), Some(956), "1000 − 1.96·√500");
        for (m, n) in [(50, 50), (6, 400), (30, 80)] {
            for tail in [0.025, 0.0025] {
                let (exact, bell) = (counted(m, n, tail), by_the_bell(m, n, tail));
                assert!(bell <= exact + 1 && bell * 10 >= exact * 9, "{m} and {n} at {tail}: {exact} and {bell}");
            }
        }
    }

    #[test]
    fn odds_add_up() {
        let odds = rank_sums(7, 5);
        assert_eq!(odds.len(), 36);
        assert!((odds.iter().sum::<f64>() - 1.0).abs() < 1e-12);
        assert!((odds[0] - 1.0 / 792.0).abs() < 1e-12, "one of 12 over 5");
        assert!(odds.iter().zip(odds.iter().rev()).all(|(one, other)| (one - other).abs() < 1e-12));
    }
}
