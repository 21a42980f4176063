//! Bytes that are as random as asked for, the same for the same seed on every machine.
//!
//! Each byte is drawn by itself: one value with a certain probability, all others alike. That probability is chosen so
//! that the entropy is the one that was asked for. Real data has repetitions too; who wants those sweeps over real data.
//!
//! One core of an AMD EPYC makes 1.5 GB/s of them, and 7 GB/s of those that are as random as can be.

use super::entropy::Histogram;
use crate::lab::stats::random::Random;

/// Values that one draw can have: 16 bits of a random number choose among them. It makes an entropy come out within 0.001
/// bits of what was asked for.
const DRAWS: usize = 1 << 16;
/// Of these, the ones that are shared by all values but the common one, when all values come as often.
const MOST_OTHERS: usize = DRAWS - DRAWS / 256;
/// The value that comes oftener than others. Not 0, which file systems and disks may treat differently.
const COMMON: u8 = b'.';

/// A source of such bytes.
#[derive(Debug, Clone)]
pub(crate) struct Generator {
    random: Random,
    how: How,
}

#[derive(Debug, Clone)]
enum How {
    /// All the same.
    Common,
    /// Drawn from a table of [`DRAWS`] values.
    Drawn(Box<[u8; DRAWS]>),
    /// Every value as often.
    Uniform,
}

impl Generator {
    /// Bytes of so many bits of Shannon entropy each, 0 to 8; beyond that, the nearer of the two.
    pub(crate) fn new(entropy_bits: f64, seed: u64) -> Self {
        let how = match others(entropy_bits) {
            0 => How::Common,
            MOST_OTHERS => How::Uniform,
            others => How::Drawn(table(others)),
        };
        Self { random: Random::new(seed), how }
    }

    /// Goes on with the same kind of bytes in another sequence.
    pub(crate) const fn reseed(&mut self, seed: u64) {
        self.random = Random::new(seed);
    }

    /// Fills `buffer` with the next bytes. The bytes are the same however they are cut into buffers, as long as all but
    /// the last are multiples of 8 bytes.
    pub(crate) fn fill(&mut self, buffer: &mut [u8]) {
        match &self.how {
            How::Common => buffer.fill(COMMON),
            How::Uniform => {
                let (eights, rest) = buffer.as_chunks_mut::<8>();
                for eight in eights {
                    *eight = self.random.next().to_le_bytes();
                }
                if !rest.is_empty() {
                    rest.copy_from_slice(&self.random.next().to_le_bytes()[..rest.len()]);
                }
            }
            How::Drawn(table) => {
                let draw = |random: u64| [0, 16, 32, 48].map(|shift| table[usize::from((random >> shift) as u16)]);
                let (fours, rest) = buffer.as_chunks_mut::<4>();
                for four in fours {
                    *four = draw(self.random.next());
                }
                if !rest.is_empty() {
                    rest.copy_from_slice(&draw(self.random.next())[..rest.len()]);
                }
            }
        }
    }
}

/// How many draws are to give another value than the common one, so that the entropy is nearest to what is asked for. It
/// grows with that number.
fn others(entropy_bits: f64) -> usize {
    let (mut low, mut high) = (0, MOST_OTHERS);
    while high - low > 1 {
        let middle = low.midpoint(high);
        if entropy_of(middle) <= entropy_bits { low = middle } else { high = middle }
    }
    if entropy_bits - entropy_of(low) < entropy_of(high) - entropy_bits { low } else { high }
}

/// The entropy, in bits, when so many draws give another value than the common one.
fn entropy_of(others: usize) -> f64 {
    Histogram::from(counts(others)).entropy_bits()
}

/// How many draws give each value: the others as alike as whole numbers can be.
fn counts(others: usize) -> [u64; 256] {
    let mut counts = [(DRAWS - others) as u64; 256];
    for (place, value) in (0..=u8::MAX).filter(|value| *value != COMMON).enumerate() {
        counts[usize::from(value)] = (others / 255 + usize::from(place < others % 255)) as u64;
    }
    counts
}

#[expect(clippy::large_stack_arrays, reason = "64 KiB on their way to the heap, once a generator")]
fn table(others: usize) -> Box<[u8; DRAWS]> {
    let mut table = Box::new([COMMON; DRAWS]);
    let values = (0..=u8::MAX).zip(counts(others));
    let values = values.flat_map(|(value, count)| std::iter::repeat_n(value, count as usize));
    table.iter_mut().zip(values).for_each(|(drawn, value)| *drawn = value);
    table
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn made(entropy_bits: f64, seed: u64, bytes: usize) -> Vec<u8> {
        let mut buffer = vec![0; bytes];
        Generator::new(entropy_bits, seed).fill(&mut buffer);
        buffer
    }

    fn measured(bytes: &[u8]) -> f64 {
        let mut histogram = Histogram::default();
        histogram.add(bytes);
        histogram.entropy_bits()
    }

    #[test]
    fn the_entropy_is_the_one_that_was_asked_for() {
        for asked in [0.0, 0.01, 0.5, 1.0, 2.5, 4.0, 7.0, 7.9, 8.0] {
            let bits = measured(&made(asked, 1, 4 << 20));
            assert!((bits - asked).abs() < 0.01, "{asked}: {bits}");
        }
    }

    #[test]
    fn the_ends_are_exact() {
        assert_eq!((others(0.0), others(8.0), others(-1.0), others(9.0)), (0, MOST_OTHERS, 0, MOST_OTHERS));
        assert!(entropy_of(0).abs() < f64::EPSILON && (entropy_of(MOST_OTHERS) - 8.0).abs() < f64::EPSILON);
        assert!(made(0.0, 5, 100).iter().all(|byte| *byte == COMMON));
    }

    #[test]
    fn the_seed_decides() {
        for entropy in [1.0, 4.0, 8.0] {
            assert_eq!(made(entropy, 7, 10_000), made(entropy, 7, 10_000));
            assert_ne!(made(entropy, 7, 10_000), made(entropy, 8, 10_000));
            let mut other = vec![0; 10_000];
            let mut generator = Generator::new(entropy, 7);
            generator.fill(&mut [0; 100]);
            generator.reseed(8);
            generator.fill(&mut other);
            assert_eq!(other, made(entropy, 8, 10_000));
        }
    }

    #[test]
    fn bytes_do_not_depend_on_how_they_are_cut() {
        for entropy in [3.0, 8.0] {
            let mut cut = vec![0; 1003];
            let mut generator = Generator::new(entropy, 7);
            let (first, rest) = cut.split_at_mut(8);
            let (second, third) = rest.split_at_mut(800);
            for part in [first, second, third] {
                generator.fill(part);
            }
            assert_eq!(cut, made(entropy, 7, 1003));
        }
    }

    proptest! {
        #[test]
        fn every_entropy_is_met_by_the_table(asked in 0.0_f64..=8.0) {
            let others = others(asked);
            prop_assert_eq!(counts(others).iter().sum::<u64>(), DRAWS as u64);
            prop_assert!((entropy_of(others) - asked).abs() < 0.001, "{} draws", others);
        }
    }
}
