//! Measuring: what a run cost, what to make of many runs, and where they were made.
//!
//! - [`probe`]: one run becomes one [`Sample`](crate::outcome::Sample): time, memory, faults, and a comparison of our
//!   own counts of system calls with the kernel's.
//! - [`stats`]: the middle, the least and the spread of a few numbers.
//! - [`interval`]: how well a middle is known, and how far apart two of them are; [`ranks`]: the odds of that.
//! - [`resample`]: how far each of many settings is from the best, all at once.
//! - [`cost`](mod@cost): what measuring itself costs.
//! - [`latency`]: how long operations took; [`file_times`]: how long single files took.
//! - [`steady`]: whether a rate settled.
//! - [`cache`]: emptying the page cache of a file, and what is in it.
//! - [`machine`]: what to record of the machine, and what of it makes figures doubtful.
//! - `pressure`: how long tasks stood still for want of something.
//! - [`entropy`]: how random bytes are; [`generate`]: bytes that are as random as asked for.
//! - [`random`]: numbers to shuffle and resample with.
//!
//! Nothing here runs a job or decides which setting is good: `lab::sweep` does.

pub mod cache;
pub mod cost;
pub mod entropy;
pub mod file_times;
pub mod generate;
pub mod interval;
pub mod latency;
pub mod machine;
mod pressure;
pub mod probe;
mod proc;
pub mod random;
mod ranks;
pub mod resample;
#[cfg(test)]
mod simulation;
pub mod stats;
pub mod steady;
