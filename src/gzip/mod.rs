//! `haul gzip` and `haul gunzip`: one job with two directions.
//!
//! - [`files`]: what both share: selecting files, claiming targets, naming, finishing;
//! - [`compress`] and [`inflate`]: what lies between.

mod compress;
mod files;
mod inflate;

pub use compress::run as gzip;
pub use inflate::{Rows, list, run as gunzip};
