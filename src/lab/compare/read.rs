//! A report out of a file.

use std::path::Path;

use rustix::fs::{CWD, OFlags};
use serde::Deserialize;
use serde::de::IgnoredAny;

use super::side::Side;
use crate::error::{Error, Result};
use crate::job::list::read_all;
use crate::outcome::{DiskKind, DiskReport, SweepReport};
use crate::sys::{Sys, standard_input};
use crate::tree::path::c_path;

/// What tells a report, whatever its version.
#[derive(Deserialize)]
struct Head {
    format: Option<u32>,
    /// That of a sweep says nothing.
    #[serde(default)]
    kind: Option<DiskKind>,
    rows: Option<IgnoredAny>,
}

/// Reads a report that `haul sweep` or `haul disk` wrote with `--format json`; `-` is standard input.
pub fn read(sys: &mut Sys, path: &Path) -> Result<Side> {
    let from_stdin = path.as_os_str() == "-";
    let shown = if from_stdin { Path::new("standard input") } else { path };
    let failed = |errno| Error::system("read", shown, errno);
    let file = if from_stdin {
        standard_input().and_then(rustix::io::dup)
    } else {
        sys.openat(CWD, &c_path(path), OFlags::RDONLY | OFlags::NOCTTY, 0)
    };
    let bytes = file.and_then(|file| read_all(sys, file)).map_err(failed)?;
    parse(&bytes).map_err(|why| Error::refused("read", shown, why))
}

/// A report, or why it is none: in words of what somebody may have named by mistake, not of a parser.
fn parse(bytes: &[u8]) -> std::result::Result<Side, String> {
    // serde would take a list for the fields of a report.
    if bytes.trim_ascii_start().first() != Some(&b'{') {
        return Err(no_object(bytes).to_owned());
    }
    let why = |error: serde_json::Error| if error.is_eof() { "it is cut off" } else { NONE }.to_owned();
    let head: Head = serde_json::from_slice(bytes).map_err(why)?;
    let known = if head.kind.is_some() { DiskReport::FORMAT } else { SweepReport::FORMAT };
    match (head.format, head.rows) {
        (Some(format), Some(_)) if format == known => {}
        (Some(other), Some(_)) => {
            return Err(format!(
                "its format is {other}, and this haul reads {known}: measure again, or compare with the haul that wrote it"
            ));
        }
        _ => return Err(NONE.to_owned()),
    }
    Ok(match head.kind {
        Some(DiskKind::Disk) => Side::from(&serde_json::from_slice::<DiskReport>(bytes).map_err(why)?),
        None => Side::from(&serde_json::from_slice::<SweepReport>(bytes).map_err(why)?),
    })
}

const NONE: &str = "it is not a report of haul sweep or haul disk (-o NAME.json makes one)";

/// What a file is that holds no JSON object.
fn no_object(bytes: &[u8]) -> &'static str {
    match bytes.trim_ascii_start() {
        [] => "it is empty",
        [b'<', ..] => "it is HTML, not JSON",
        text if text.starts_with(b"job,") || text.starts_with(b"load,") => "it is CSV, not JSON",
        _ => NONE,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lab::compare::side::Kind;
    use crate::lab::sweep::testing::{report, row, setting};

    #[test]
    fn a_report_reads_back_as_it_was() {
        let report = report(vec![row(setting(4), &[1, 2]), row(setting(64), &[3, 4])]);
        let text = serde_json::to_vec(&report).unwrap();
        let side = parse(&text).unwrap();
        assert_eq!((side.kind, side.rows.len(), side.rows[1].times.len()), (Kind::Sweep, 2, 2));
        let disk = DiskReport { format: DiskReport::FORMAT, ..DiskReport::default() };
        let side = parse(&serde_json::to_vec(&disk).unwrap()).unwrap();
        assert_eq!((side.kind, side.rows.len()), (Kind::Disk, 0));
    }

    #[test]
    fn what_is_no_report_says_why() {
        for (text, why) in [
            ("", "it is empty"),
            (" \n", "it is empty"),
            ("{\"format\": 2, \"rows\"", "it is cut off"),
            ("job,buffer_bytes\ncopy,4096\n", "it is CSV, not JSON"),
            ("<!DOCTYPE html>", "it is HTML, not JSON"),
            ("[1, 2", NONE),
            ("[1, 2]", NONE),
            ("7", NONE),
            ("{}", NONE),
            ("{\"format\": \"two\", \"rows\": []}", NONE),
            ("{\"format\": 1, \"job\": \"copy\"}", NONE),
            ("{\"format\": 1, \"rows\": []}", "its format is 1, and this haul reads 2: measure again"),
            ("{\"format\": 2, \"rows\": []}", NONE),
            (
                "{\"format\": 2, \"kind\": \"disk\", \"rows\": []}",
                "its format is 2, and this haul reads 1: measure again",
            ),
            ("{\"format\": 1, \"kind\": \"disk\", \"rows\": []}", NONE),
            ("{\"format\": 1, \"kind\": \"tape\", \"rows\": []}", NONE),
            ("load,block_bytes\nread,4096\n", "it is CSV, not JSON"),
        ] {
            let found = parse(text.as_bytes()).unwrap_err();
            assert!(found.starts_with(why), "{text:?}: {found}");
        }
    }

    proptest::proptest! {
        #[test]
        fn no_bytes_panic(bytes: Vec<u8>) {
            let _ = parse(&bytes);
        }
    }
}
