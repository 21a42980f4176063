//! Over the symbols of one block to its end, in several lanes at once.
//!
//! A look has to wait for the one before it, some 17 cycles, in which the processor could do several. So the first lane
//! walks from where we are, and the others from guesses further on. Codes read from a wrong bit fall into step with the
//! right ones by themselves, mostly within ten looks. A lane counts only if the walk before it comes to an offset where
//! that lane has been, for from there both do the same: a wrong guess costs time, never truth.

use super::Malformed;
use super::symbols::{Next, Tables};

/// Measured: with four a walk takes a tenth longer, and so it does with eight, which do not fit the registers; with one,
/// one and a half times as long.
const LANES: usize = 6;
/// Looks of each lane until it is asked whether it is stuck: at a code that no table knows, or at the block's end.
const STRETCH: usize = 32;
/// Stretches until the lanes are joined.
const STRETCHES: usize = 8;

/// One of several walks.
#[derive(Clone, Copy)]
struct Lane {
    at: usize,
    state: State,
    /// Where it was before each look.
    offsets: [usize; STRETCH * STRETCHES],
    /// How many of `offsets` count.
    looks: usize,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    Walking,
    /// After the end of the block.
    Ended,
    Failed,
}

/// Walks over the symbols of blocks.
pub(super) struct Lanes {
    lanes: Box<[Lane; LANES]>,
    /// Bits that a stretch lately came to; 0 if that is not known.
    pace: usize,
}

impl Default for Lanes {
    fn default() -> Self {
        let lane = Lane { at: 0, state: State::Walking, offsets: [0; STRETCH * STRETCHES], looks: 0 };
        Self { lanes: Box::new([lane; LANES]), pace: 0 }
    }
}

impl Lanes {
    /// From bit `at`, after a block's header, to the first bit after the block.
    pub(super) fn skip(&mut self, tables: &Tables, stream: &[u8], mut at: usize) -> Result<usize, Malformed> {
        loop {
            let next = if self.pace == 0 {
                self.stretch(tables, stream, &mut at)?
            } else {
                self.round(tables, stream, &mut at)?
            };
            if next == Next::End {
                return Ok(at);
            }
        }
    }

    /// One stretch in one lane, to learn the pace.
    fn stretch(&mut self, tables: &Tables, stream: &[u8], at: &mut usize) -> Result<Next, Malformed> {
        let start = *at;
        for _ in 0..STRETCH {
            if tables.advance(stream, at)? == Next::End {
                return Ok(Next::End);
            }
        }
        self.pace = *at - start;
        Ok(Next::Symbols)
    }

    /// All lanes from `at` on, and on to where the last one is that could be joined.
    fn round(&mut self, tables: &Tables, stream: &[u8], at: &mut usize) -> Result<Next, Malformed> {
        let start = *at;
        // A lane begins a little before the one after it will end, so that they meet.
        let apart = self.pace * STRETCHES - self.pace / 4;
        for (number, lane) in self.lanes.iter_mut().enumerate() {
            (lane.at, lane.state, lane.looks) = (start + number * apart, State::Walking, 0);
        }
        let mut stretches = 0;
        while stretches < STRETCHES && self.lanes[0].state == State::Walking {
            self.walk(tables, stream, stretches * STRETCH);
            stretches += 1;
        }
        if self.lanes[0].state == State::Walking {
            self.pace = (self.lanes[0].at - start) / STRETCHES;
        }
        self.join(tables, stream, at)
    }

    /// A stretch in all lanes.
    fn walk(&mut self, tables: &Tables, stream: &[u8], looks: usize) {
        let mut at: [usize; LANES] = std::array::from_fn(|number| self.lanes[number].at);
        for look in looks..looks + STRETCH {
            for (at, lane) in at.iter_mut().zip(self.lanes.iter_mut()) {
                lane.offsets[look] = *at;
                *at = tables.look(stream, *at);
            }
        }
        for (at, lane) in at.into_iter().zip(self.lanes.iter_mut()) {
            if lane.state != State::Walking {
                continue;
            }
            (lane.at, lane.looks) = (at, looks + STRETCH);
            // A lane that is stuck looked at the same offset again and again.
            if at == lane.offsets[looks + STRETCH - 1] {
                lane.state = match tables.symbol(stream, &mut lane.at) {
                    Ok(Next::Symbols) => State::Walking,
                    Ok(Next::End) => State::Ended,
                    Err(Malformed) => State::Failed,
                };
            }
        }
    }

    /// Goes on from the first lane's end: to an offset where the next lane has been, and from there to that lane's end.
    fn join(&self, tables: &Tables, stream: &[u8], at: &mut usize) -> Result<Next, Malformed> {
        for (number, lane) in self.lanes.iter().enumerate() {
            if number > 0 {
                match meet(tables, stream, at, &lane.offsets[..lane.looks])? {
                    Meeting::Met => {}
                    Meeting::Missed => return Ok(Next::Symbols),
                    Meeting::End => return Ok(Next::End),
                }
            }
            *at = lane.at;
            match lane.state {
                State::Walking => {}
                State::Ended => return Ok(Next::End),
                State::Failed => return Err(Malformed),
            }
        }
        Ok(Next::Symbols)
    }
}

enum Meeting {
    Met,
    /// No offset is left where one could meet.
    Missed,
    /// The block ended before.
    End,
}

/// Goes on from `at` until that is one of `offsets`, which ascend.
fn meet(tables: &Tables, stream: &[u8], at: &mut usize, offsets: &[usize]) -> Result<Meeting, Malformed> {
    for offset in offsets {
        while *at < *offset {
            if tables.advance(stream, at)? == Next::End {
                return Ok(Meeting::End);
            }
        }
        if *at == *offset {
            return Ok(Meeting::Met);
        }
    }
    Ok(Meeting::Missed)
}
