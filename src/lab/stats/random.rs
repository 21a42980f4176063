//! Numbers that look random, the same ones for the same seed on every machine: `SplitMix64` (Steele, Lea and Flood,
//! 2014). Good enough to mix an order, to resample and to fill a file, and of no other use.

/// A generator of such numbers.
#[derive(Debug, Clone)]
pub struct Random(u64);

impl Random {
    /// One that starts at `seed`.
    pub const fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// The next number.
    pub const fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// A number below `limit`, or 0. Scaling instead of a remainder; the bias is below `limit` / 2^64.
    pub fn below(&mut self, limit: usize) -> usize {
        ((u128::from(self.next()) * limit as u128) >> 64) as usize
    }

    /// The numbers below `count` in a new order (Fisher and Yates).
    pub fn order(&mut self, count: usize) -> Vec<usize> {
        let mut order: Vec<usize> = (0..count).collect();
        for last in (1..count).rev() {
            order.swap(last, self.below(last + 1));
        }
        order
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_generator_is_the_published_one() {
        let mut numbers = Random::new(1_234_567);
        assert_eq!([numbers.next(), numbers.next()], [6_457_827_717_110_365_317, 3_203_168_211_198_807_973]);
    }

    #[test]
    fn the_order_depends_on_the_seed_and_on_the_round() {
        let order = |seed| Random::new(seed).order(20);
        assert_eq!(order(1), order(1));
        assert_ne!(order(1), order(2));
        let mut random = Random::new(1);
        assert_ne!(random.order(20), random.order(20));
    }

    #[test]
    fn no_place_is_preferred() {
        let mut random = Random::new(9);
        let mut first = [0_u32; 4];
        for _ in 0..4000 {
            first[random.order(4)[0]] += 1;
        }
        assert!(first.iter().all(|count| (900..1100).contains(count)), "{first:?}");
    }

    proptest! {
        #[test]
        fn an_order_is_a_permutation(seed: u64, count in 0_usize..200) {
            let mut order = Random::new(seed).order(count);
            order.sort_unstable();
            prop_assert_eq!(order, (0..count).collect::<Vec<_>>());
        }
    }
}
