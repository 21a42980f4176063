//! A sweep's report out of a file.

use std::path::Path;

use rustix::fs::{CWD, OFlags};
use serde::Deserialize;
use serde::de::IgnoredAny;

use crate::error::{Error, Result};
use crate::job::list::read_all;
use crate::outcome::SweepReport;
use crate::sys::Sys;
use crate::tree::path::c_path;

/// What tells a report, whatever its version.
#[derive(Deserialize)]
struct Head {
    format: Option<u32>,
    rows: Option<IgnoredAny>,
}

/// Reads a report that `haul sweep --format json` wrote; `-` is standard input.
pub fn read(sys: &mut Sys, path: &Path) -> Result<SweepReport> {
    let from_stdin = path.as_os_str() == "-";
    let shown = if from_stdin { Path::new("standard input") } else { path };
    let failed = |errno| Error::system("read", shown, errno);
    let file = if from_stdin {
        rustix::io::dup(rustix::stdio::stdin())
    } else {
        sys.openat(CWD, &c_path(path), OFlags::RDONLY | OFlags::NOCTTY, 0)
    };
    let bytes = file.and_then(|file| read_all(sys, file)).map_err(failed)?;
    parse(&bytes).map_err(|why| Error::refused("read", shown, why))
}

/// A report, or why it is none: in words of what somebody may have named by mistake, not of a parser.
fn parse(bytes: &[u8]) -> std::result::Result<SweepReport, String> {
    // serde would take a list for the fields of a report.
    if bytes.trim_ascii_start().first() != Some(&b'{') {
        return Err(no_object(bytes).to_owned());
    }
    let why = |error: serde_json::Error| if error.is_eof() { "it is cut off" } else { NONE }.to_owned();
    let head: Head = serde_json::from_slice(bytes).map_err(why)?;
    match (head.format, head.rows) {
        (Some(SweepReport::FORMAT), Some(_)) => {}
        (Some(other), Some(_)) => {
            return Err(format!(
                "its format is {other}, and this haul reads {}: sweep again, or compare with the haul that wrote it",
                SweepReport::FORMAT
            ));
        }
        _ => return Err(NONE.to_owned()),
    }
    serde_json::from_slice(bytes).map_err(why)
}

const NONE: &str = "it is not a report of haul sweep (-o NAME.json makes one)";

/// What a file is that holds no JSON object.
fn no_object(bytes: &[u8]) -> &'static str {
    match bytes.trim_ascii_start() {
        [] => "it is empty",
        [b'<', ..] => "it is HTML, not JSON",
        text if text.starts_with(b"job,") => "it is CSV, not JSON",
        _ => NONE,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::job::sweep::testing::{report, row, setting};

    #[test]
    fn a_report_reads_back_as_it_was() {
        let report = report(vec![row(setting(4), &[1, 2]), row(setting(64), &[3, 4])]);
        let text = serde_json::to_vec(&report).unwrap();
        let again = serde_json::to_vec(&parse(&text).unwrap()).unwrap();
        assert!(again == text, "{}", String::from_utf8_lossy(&again));
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
            ("{\"format\": 1, \"rows\": []}", "its format is 1, and this haul reads 2: sweep again"),
            ("{\"format\": 2, \"rows\": []}", NONE),
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
