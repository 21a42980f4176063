//! What is where: walking trees, making targets that appear whole, keeping metadata, removing what is ours.

mod directory_path;
pub mod extended;
mod file_ref;
pub mod metadata;
mod naming;
pub mod path;
mod remove;
mod staged_tree;
mod temporary_file;
mod temporary_names;
mod time_steps;
mod trouble;
pub(crate) mod walk;

pub use directory_path::{DirectoryPath, Root};
pub(crate) use file_ref::FileRef;
pub use naming::{Named, Unnamed};
pub use remove::prune;
pub(crate) use remove::remove_tree;
pub use staged_tree::{Begun, FinishedTree, Refused, StagedTree, Unfinished};
pub(crate) use staged_tree::{MODE as UNFINISHED, is_unfinished_tree};
pub(crate) use temporary_file::UNREMOVABLE;
pub use temporary_file::{DirectoryRules, Registration, Site, TemporaryFile, TemporaryFileRegistry, TemporaryKind};
pub(crate) use temporary_names::{is_finished_copy, is_temporary, remove_abandoned, remove_if_abandoned};
pub(crate) use time_steps::TimeSteps;
pub use trouble::Trouble;
pub(crate) use trouble::{Class, Weight};
pub(crate) use walk::each_file;
