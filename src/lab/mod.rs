//! The laboratory: what measures. `sweep`, `disk`, `tune` and `compare`; what is measured is the very job that users run.

pub mod bottleneck;
pub mod cache;
pub mod compare;
pub mod data;
pub mod expect;
pub mod figures;
pub mod machine;
pub mod metric;
pub mod observe;
pub mod plan;
pub mod probe;
pub mod recommend;
pub mod reconcile;
pub mod report;
pub mod rounds;
mod sample;
mod scratch;
pub mod setting;
pub mod stats;
pub mod subject;
pub mod sweep;
#[cfg(test)]
mod testing;
pub mod timeline;
pub mod verdict;
pub mod view;
