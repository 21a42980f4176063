//! A report out of a file: of the format that this haul writes, or of those before it.

use std::path::Path;

use rustix::fs::{CWD, OFlags};
use serde::Deserialize;
use serde::de::IgnoredAny;

use super::old;
use crate::error::{Error, Result};
use crate::job::list::read_all;
use crate::lab::report::Report;
use crate::sys::{Sys, standard_input};
use crate::tree::path::c_path;

/// What tells a report, whatever its version.
#[derive(Deserialize)]
struct Head {
    format: Option<u32>,
    /// What measured, before format 3; a sweep said nothing.
    kind: Option<String>,
    rows: Option<IgnoredAny>,
}

/// Reads a report that `haul sweep`, `haul disk` or `haul tune` wrote with `--format json`; `-` is standard input.
pub fn read(sys: &mut Sys, path: &Path) -> Result<Report> {
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
fn parse(bytes: &[u8]) -> std::result::Result<Report, String> {
    // serde would take a list for the fields of a report.
    if bytes.trim_ascii_start().first() != Some(&b'{') {
        return Err(no_object(bytes).to_owned());
    }
    let why = |error: serde_json::Error| if error.is_eof() { "it is cut off" } else { NONE }.to_owned();
    let head: Head = serde_json::from_slice(bytes).map_err(why)?;
    match (head.format, head.kind.as_deref(), head.rows.is_some()) {
        // What came after format 3 are axes that a report of that format has not.
        (Some(Report::FORMAT | BEFORE), None, true) => {
            let report = serde_json::from_slice(bytes).map_err(why);
            report.map(|report| Report { format: Report::FORMAT, ..report })
        }
        (Some(old::SWEEP), None, true) => old::sweep(bytes).map_err(why),
        (Some(old::DISK), Some("disk"), true) => old::disk(bytes).map_err(why),
        (Some(_), Some("tune"), _) => {
            Err("it is a report of haul tune of an older haul, which cannot be compared: measure again".to_owned())
        }
        (Some(other), None | Some("disk"), true) => Err(format!(
            "its format is {other}, and this haul reads {}, {BEFORE}, {} of haul sweep and {} of haul disk: measure again, or \
             compare with the haul that wrote it",
            Report::FORMAT,
            old::SWEEP,
            old::DISK
        )),
        _ => Err(NONE.to_owned()),
    }
}

/// The format before this one, of all that measure.
const BEFORE: u32 = 3;

const NONE: &str = "it is not a report of haul sweep, haul disk or haul tune (-o NAME.json makes one)";

/// What a file is that holds no JSON object.
fn no_object(bytes: &[u8]) -> &'static str {
    match bytes.trim_ascii_start() {
        [] => "it is empty",
        [b'<', ..] => "it is HTML, not JSON",
        text if [&b"job,"[..], b"load,", b"case,"].iter().any(|start| text.starts_with(start)) => "it is CSV, not JSON",
        _ => NONE,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lab::metric::Metric;
    use crate::lab::report::{Ended, Rank, Subject};
    use crate::lab::setting::{Axis, Value};
    use crate::lab::testing::{report, row, setting};

    #[test]
    fn a_report_reads_back_as_it_was() {
        let report = report(vec![row(setting(4), &[1, 2]), row(setting(64), &[3, 4])]);
        let text = serde_json::to_string(&report).unwrap();
        assert_eq!(serde_json::to_string(&parse(text.as_bytes()).unwrap()).unwrap(), text);
    }

    #[test]
    fn a_sweep_of_format_3_is_read() {
        let report = parse(include_bytes!("../../../testdata/sweep-format-3.json")).unwrap();
        assert_eq!((report.format, report.subject, report.rank), (Report::FORMAT, Subject::Sweep, Rank::Wall));
        assert_eq!((report.rounds, report.rows.len(), report.data[0].bytes), (2, 4, 14_480));
        let setting = |kib, pool: Value| {
            let setting = setting(kib).with(Axis::Engine, "auto").with(Axis::Workers, 2_usize);
            setting.with(Axis::Pool, pool)
        };
        let settings = [(4, 4_u64.into()), (64, 4_u64.into()), (4, "off".into()), (64, "off".into())];
        for (row, (kib, pool)) in report.rows.iter().zip(settings) {
            assert_eq!(row.setting, setting(kib, pool), "as a sweep of today has it without an overflow and a wait");
            assert_eq!((row.samples.len(), row.samples[0].metrics.get(Metric::PoolGaveUp)), (2, None));
        }
    }

    #[test]
    fn a_sweep_of_format_2_is_read() {
        let report = parse(include_bytes!("../../../testdata/sweep-format-2.json")).unwrap();
        assert_eq!((report.format, report.subject, report.rank), (Report::FORMAT, Subject::Sweep, Rank::Wall));
        assert_eq!((report.version.as_str(), report.rounds, report.ended), ("0.1.0", 6, Ended::Converged));
        assert_eq!((report.data[0].bytes, report.data[0].entropy_bits), (64 << 20, Some(7.31)));
        assert_eq!(report.rows[0].setting, setting(4).with(Axis::Workers, 2_usize));
        let [_, gzip, automatic] = &report.rows[..] else { panic!("{report:?}") };
        assert_eq!((gzip.setting.get(Axis::Engine), gzip.setting.number(Axis::Level)), (None, Some(6)));
        assert_eq!((gzip.setting.number(Axis::Pool), gzip.setting.word(Axis::Batch)), (Some(8), Some("off")));
        assert_eq!(automatic.setting.get(Axis::Buffer), Some(&Value::from("auto")));
        let sample = &report.rows[0].samples[0];
        assert_eq!((sample.wall_ns, sample.metrics.get(Metric::Sync)), (40_200_000, Some(1_500_000.0)));
        assert_eq!(report.rows[0].value(sample, Metric::MibPerSecond).map(f64::round), Some(1592.0));
        assert!(report.rows[0].samples[5].invalid.is_some());
        assert_eq!((report.controls[0].row, report.controls[0].samples.len()), (0, 6));
    }

    #[test]
    fn a_disk_of_format_1_is_read() {
        let report = parse(include_bytes!("../../../testdata/disk-format-1.json")).unwrap();
        assert_eq!((report.format, report.subject, report.rank), (Report::FORMAT, Subject::Disk, Rank::Operation));
        assert_eq!((report.data[0].bytes, report.data[0].is_read_only), (4 << 30, false));
        assert_eq!(report.machine.disk.as_ref().map(|disk| disk.name.as_str()), Some("nvme0n1"));
        let labels: Vec<String> = (0..report.rows.len()).map(|row| report.label(row)).collect();
        assert_eq!(labels, ["random-read 4K direct, 16 in flight", "create"]);
        assert_eq!(report.rows[0].setting.word(Axis::Backend), Some("io_uring"));
        let sample = &report.rows[0].samples[0];
        assert_eq!(report.rows[0].value(sample, Metric::OperationsPerSecond), Some(98_300.0));
        assert_eq!(report.rows[0].value(sample, Metric::MbPerSecond).map(f64::round), Some(403.0));
        assert_eq!(report.rows[1].value(&report.rows[1].samples[0], Metric::MbPerSecond), None);
    }

    #[test]
    fn what_is_no_report_says_why() {
        let other =
            |format| format!("its format is {format}, and this haul reads 4, 3, 2 of haul sweep and 1 of haul disk: ");
        let [first, second, ninth] = [1, 2, 9].map(other);
        for (text, why) in [
            ("", "it is empty"),
            (" \n", "it is empty"),
            ("{\"format\": 2, \"rows\"", "it is cut off"),
            ("job,buffer_bytes\ncopy,4096\n", "it is CSV, not JSON"),
            ("load,block_bytes\nread,4096\n", "it is CSV, not JSON"),
            ("<!DOCTYPE html>", "it is HTML, not JSON"),
            ("[1, 2", NONE),
            ("[1, 2]", NONE),
            ("7", NONE),
            ("{}", NONE),
            ("{\"format\": \"two\", \"rows\": []}", NONE),
            ("{\"format\": 1, \"job\": \"copy\"}", NONE),
            ("{\"format\": 2, \"reports\": [], \"settings\": []}", NONE),
            ("{\"format\": 1, \"rows\": []}", &first),
            ("{\"format\": 9, \"rows\": []}", &ninth),
            ("{\"format\": 2, \"rows\": []}", NONE),
            ("{\"format\": 3, \"rows\": 7}", NONE),
            ("{\"format\": 4, \"rows\": 7}", NONE),
            ("{\"format\": 2, \"kind\": \"disk\", \"rows\": []}", &second),
            ("{\"format\": 1, \"kind\": \"disk\", \"rows\": []}", NONE),
            ("{\"format\": 1, \"kind\": \"tape\", \"rows\": []}", NONE),
            ("{\"format\": 1, \"kind\": \"tune\", \"cases\": []}", "it is a report of haul tune of an older haul"),
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
