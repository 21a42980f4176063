//! What is where: walking trees, making targets that appear whole, keeping metadata, removing what is ours.

mod each_file;
pub mod extended;
mod file_ref;
pub mod metadata;
mod naming;
pub mod path;
mod place;
mod prune;
mod registry;
mod remove;
mod staged_tree;
mod steps;
mod temporary_file;
mod temporary_names;
mod time_steps;
mod trouble;
mod visit;

pub use each_file::each_file;
pub use file_ref::FileRef;
pub use naming::{Named, Unnamed};
pub use place::{Place, Root};
pub use prune::{Discard, prune};
pub use registry::{Registration, TemporaryFileRegistry, TemporaryKind};
pub use remove::remove_tree;
pub use staged_tree::{Begun, MODE as UNFINISHED, Refused, StagedTree, Unfinished, is_unfinished_tree};
pub use temporary_file::{DirectoryRules, Site, TemporaryFile, UNREMOVABLE};
pub use temporary_names::{is_finished_copy, is_temporary, remove_abandoned, remove_if_abandoned};
pub use time_steps::TimeSteps;
pub use trouble::{Trouble, Weight};
