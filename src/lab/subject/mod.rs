//! What is measured: one folder a subject.

pub mod disk;
pub mod job;
