//! The laboratory: what measures. `sweep`, `disk`, `tune` and `compare`; what is measured is the very job that users run.

pub mod compare;
pub mod disk;
pub mod rounds;
mod scratch;
pub mod storage;
pub mod sweep;
pub mod tune;
