//! haul
pub mod calls;
pub mod codec;
pub mod engine;
pub mod error;
pub mod event;
pub mod job;
pub mod measure;
pub mod outcome;
pub mod plan;
pub mod pool;
pub mod size;
pub mod sys;
pub mod tree;
