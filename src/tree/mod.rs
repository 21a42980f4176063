//! What is where: walking trees, making targets that appear whole, keeping metadata, removing what is ours.

mod each_file;
pub mod extended;
mod file_ref;
mod leftovers;
pub mod metadata;
mod naming;
pub mod path;
mod prune;
mod remove;
mod steps;
mod target;
mod temporary;
mod time_steps;
mod trouble;
mod unit;
mod walk;

pub use each_file::each_file;
pub use file_ref::FileRef;
pub use leftovers::{Leftover, Leftovers, Registration};
pub use naming::{Named, Unnamed};
pub use prune::{Discard, prune};
pub use remove::remove_tree;
pub use target::{DirectoryRules, Part, Site, UNREMOVABLE};
pub use temporary::{is_finished_copy, is_temporary, remove_abandoned, remove_if_abandoned};
pub use time_steps::TimeSteps;
pub use trouble::{Trouble, Weight};
pub use unit::{Begun, MODE as UNFINISHED, Refused, Unfinished, Unit, is_unfinished_tree};
pub use walk::{Place, Root};
