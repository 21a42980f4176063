//! What is where: walking trees, making targets that appear whole, keeping metadata, removing what is ours.

pub mod extended;
mod file_ref;
pub mod metadata;
mod naming;
pub mod path;
mod place;
mod remove;
mod staged_tree;
mod temporary_file;
mod temporary_names;
mod time_steps;
mod trouble;
pub mod walk;

pub use file_ref::FileRef;
pub use naming::{Named, Unnamed};
pub use place::{Place, Root};
pub use remove::{Discard, prune, remove_tree};
pub use staged_tree::{Begun, MODE as UNFINISHED, Refused, StagedTree, Unfinished, is_unfinished_tree};
pub use temporary_file::{
    DirectoryRules, Registration, Site, TemporaryFile, TemporaryFileRegistry, TemporaryKind, UNREMOVABLE,
};
pub use temporary_names::{is_finished_copy, is_temporary, remove_abandoned, remove_if_abandoned};
pub use time_steps::TimeSteps;
pub use trouble::{Trouble, Weight};
pub use walk::each_file;
