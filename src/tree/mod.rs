//! What is where: walking trees, making targets, keeping metadata.

mod leftovers;
mod remove;

pub use leftovers::{Leftover, Leftovers, Registration};
pub use remove::remove_tree;
