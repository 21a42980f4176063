//! Who works and with what: workers fed by a bounded queue, buffers that come back, blocks put in order again.
//!
//! - [`workers`]: the schedulers (serial, channel, rayon, processes, uring) behind one function, `Scheduler::run`.
//! - [`buffers`]: [`BufferPool`], with the vocabulary of connection pools: size, overflow, wait limit.
//! - [`ordered`]: [`Ordered`], which hands finished blocks on in the order of their numbers.

pub mod buffers;
pub mod ordered;
pub mod workers;

pub(crate) use buffers::{BufferPool, PoolError, PoolOptions, PooledBuffer};
pub use ordered::Ordered;
pub use workers::{Handle, Worker};
