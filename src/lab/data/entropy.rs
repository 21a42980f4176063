//! How random bytes are, each by itself: Shannon's entropy of order 0. It is what a Huffman code could reach at best, and
//! says nothing of repetitions, which compressors live on as well.

/// How often each value of a byte was seen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Histogram([u64; 256]);

impl Default for Histogram {
    fn default() -> Self {
        Self([0; 256])
    }
}

impl From<[u64; 256]> for Histogram {
    fn from(counts: [u64; 256]) -> Self {
        Self(counts)
    }
}

impl Histogram {
    /// Counts `bytes`.
    pub(crate) fn add(&mut self, bytes: &[u8]) {
        // Four counts side by side: bytes that repeat would wait for each other in one.
        let mut lanes = [[0_u64; 256]; 4];
        let mut fours = bytes.chunks_exact(4);
        for four in &mut fours {
            for (lane, byte) in lanes.iter_mut().zip(four) {
                lane[usize::from(*byte)] += 1;
            }
        }
        for byte in fours.remainder() {
            lanes[0][usize::from(*byte)] += 1;
        }
        for lane in lanes {
            for (sum, count) in self.0.iter_mut().zip(lane) {
                *sum += count;
            }
        }
    }

    /// Shannon entropy in bits a byte: 0 (all the same, or nothing seen) to 8 (every value as often).
    pub(crate) fn entropy_bits(&self) -> f64 {
        let total: u64 = self.0.iter().sum();
        let part = |count: u64| count as f64 / total as f64;
        let bits: f64 =
            self.0.iter().filter(|count| **count > 0).map(|count| -part(*count) * part(*count).log2()).sum();
        // Of one value only it is -1 × 0, and "-0" looks odd in a report.
        bits.min(8.0) + 0.0
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn of(bytes: &[u8]) -> f64 {
        let mut histogram = Histogram::default();
        histogram.add(bytes);
        histogram.entropy_bits()
    }

    #[test]
    fn entropies_that_can_be_worked_out_by_hand() {
        let all: Vec<u8> = (0..=255).collect();
        for (bytes, bits) in [
            (&b""[..], 0.0),
            (b"aaaaaaa", 0.0),
            (b"abababab", 1.0),
            (b"abcd", 2.0),
            (b"aaab", 0.811_278_124_459_132_8),
            (b"aabc", 1.5),
            (&all, 8.0),
        ] {
            assert!((of(bytes) - bits).abs() < 1e-12, "{bytes:?}: {}", of(bytes));
        }
        assert!(of(b"aa").is_sign_positive());
    }

    proptest! {
        #[test]
        fn order_and_names_of_values_do_not_matter(mut bytes in prop::collection::vec(any::<u8>(), 0..400), add: u8) {
            let before = of(&bytes);
            for byte in &mut bytes {
                *byte = byte.wrapping_add(add);
            }
            bytes.sort_unstable();
            prop_assert!((of(&bytes) - before).abs() < 1e-9);
            prop_assert!((0.0..=8.0).contains(&before));
        }

        #[test]
        fn pieces_add_up(bytes in prop::collection::vec(any::<u8>(), 0..400), cut: prop::sample::Index) {
            let (first, second) = bytes.split_at(cut.index(bytes.len() + 1));
            let (mut whole, mut pieces) = (Histogram::default(), Histogram::default());
            whole.add(&bytes);
            pieces.add(first);
            pieces.add(second);
            prop_assert_eq!(whole, pieces);
        }
    }
}
