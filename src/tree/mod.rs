//! What is where: walking trees, making targets that appear whole, keeping metadata, removing what is ours.

mod each_file;
pub mod extended;
mod leftovers;
pub mod metadata;
pub mod path;
mod prune;
mod remove;
mod steps;
mod target;
mod unit;
mod walk;

pub use each_file::each_file;
pub use leftovers::{Leftover, Leftovers, Registration};
pub use prune::{Discard, prune};
pub use remove::remove_tree;
pub use target::{Part, is_temporary};
pub use unit::{Begun, Unfinished, Unit};
pub use walk::{Place, Root};
