//! Random numbers that nobody can guess, for names.

use rustix::io::{Errno, Result};
use rustix::rand::{GetRandomFlags, getrandom};

use super::Sys;
use crate::calls::Call;

/// Numbers drawn at a time. A request of up to 256 bytes is never cut short, nor ended by a signal (getrandom(2)).
const DRAWN: usize = 256 / size_of::<u64>();

/// Numbers that were drawn and not used yet.
#[derive(Debug, Default)]
pub(super) struct RandomNumbers(Vec<u64>);

impl Sys {
    /// 64 bits from the kernel's generator, which are drawn in bulk: one call serves 32 names.
    pub fn random(&mut self) -> Result<u64> {
        if let Some(number) = self.random.0.pop() {
            return Ok(number);
        }
        let mut bytes = [0; DRAWN * size_of::<u64>()];
        let drawn = self.plain(Call::Getrandom, || getrandom(&mut bytes[..], GetRandomFlags::empty()))?;
        self.random.0.extend(bytes[..drawn].as_chunks().0.iter().map(|chunk| u64::from_ne_bytes(*chunk)));
        self.random.0.pop().ok_or(Errno::IO)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;
    use crate::sys::Stop;

    #[test]
    fn no_number_comes_twice_and_a_call_serves_many() {
        let (mut one, mut other) = (Sys::new(Stop::new()), Sys::new(Stop::new()));
        let numbers: HashSet<u64> =
            (0..DRAWN * 2).flat_map(|_| [one.random().unwrap(), other.random().unwrap()]).collect();
        assert_eq!(numbers.len(), DRAWN * 4);
        assert_eq!(one.counts().of(Call::Getrandom).calls, 2);
    }
}
