//! The sheet of latencies: how long single calls took.

use haul::measure::stats::median_of;
use haul::outcome::CallLatency;

use super::super::block::blocks;
use super::super::digest::Digest;
use crate::cli::report::numbers::{duration, times};
use crate::cli::report::sheet::{Column, Sheet};

/// Calls that move bytes, as strace names them.
const MOVING: [&str; 6] = ["read", "pread64", "write", "pwrite64", "copy_file_range", "ioctl(FICLONE)"];

/// A line for each call of each setting that was timed; with `all` also those of calls that move no bytes. `None` where
/// no calls were timed.
pub(in super::super) fn latencies(digest: &Digest<'_>, all: bool) -> Option<Sheet> {
    let mut lines: Vec<[String; 7]> = vec![];
    for block in blocks(digest) {
        for (place, row) in block.rows.iter().enumerate() {
            let Some(pass) = &row.latency else { continue };
            let heading = block.heading.as_ref().map_or_else(String::new, |heading| format!("{heading}: "));
            let timed = pass.calls.iter().filter(|call| all || MOVING.contains(&call.call.as_str()));
            lines.extend(timed.map(|call| line(heading.clone() + &block.label(place), call)));
        }
    }
    let headings = ["setting", "call", "calls", "p50", "p90", "p99", "max"];
    let column = |(place, heading): (usize, &str)| Column {
        heading: heading.to_owned(),
        cells: lines.iter().map(|line| line[place].clone()).collect(),
        rank: 0,
    };
    (!lines.is_empty()).then(|| Sheet {
        title: Some(title(digest)),
        columns: headings.into_iter().enumerate().map(column).collect(),
        bars: vec![],
    })
}

fn line(setting: String, call: &CallLatency) -> [String; 7] {
    let [p50, p90, p99, max] = [call.p50_ns, call.p90_ns, call.p99_ns, call.max_ns].map(duration);
    [setting, call.call.clone(), call.calls.to_string(), p50, p90, p99, max]
}

/// What is shown, and what timing every call cost.
fn title(digest: &Digest<'_>) -> String {
    let slower = digest.report.rows.iter().zip(&digest.figures).filter_map(|(row, figures)| {
        let pass = row.latency.as_ref().filter(|_| figures.wall_ns_median > 0)?;
        Some(pass.wall_ns as f64 / figures.wall_ns_median as f64)
    });
    let middle = median_of(&slower.collect::<Vec<_>>());
    let cost = middle.map_or_else(String::new, |middle| {
        format!("; timing them made that run take {} as long (the median of all settings)", times(middle))
    });
    format!("how long single calls took, in one more run of each setting{cost}")
}
