//! The conformance collection: gzip files of many makers, whole and damaged, with what GNU gzip does with each.
//!
//! The collection is not part of this repository. `HAUL_GZ_CONFORMANCE` names its folder; without that, it is looked
//! for beside the checkout.

#![allow(clippy::disallowed_methods, missing_docs, reason = "the tests look at files from outside")]

mod common;

use std::collections::HashMap;
use std::io::Write as _;
use std::path::{Path, PathBuf};

use common::{Sandbox, have, skip};

/// One line of the collection's manifest, as far as it is of use here.
struct Case {
    path: String,
    gnu_exit: i32,
    /// The first 16 hex digits of the SHA-256 of what GNU gzip wrote.
    sha256: String,
    bytes: u64,
}

fn collection() -> Option<(PathBuf, Vec<Case>)> {
    let folder = std::env::var_os("HAUL_GZ_CONFORMANCE")
        .map_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/gz-conformance"), PathBuf::from);
    let Ok(manifest) = std::fs::read_to_string(folder.join("manifest.tsv")) else {
        skip(&format!("no conformance collection in {}", folder.display()));
        return None;
    };
    let cases = manifest.lines().skip(1).map(|line| {
        let fields: Vec<&str> = line.split('\t').collect();
        Case {
            path: fields[0].to_owned(),
            gnu_exit: fields[2].parse().expect("an exit code"),
            sha256: fields[3].to_owned(),
            bytes: fields[4].parse().expect("a length"),
        }
    });
    Some((folder, cases.collect()))
}

/// How haul's answer is to be judged, as the collection's README says.
enum Verdict {
    /// The bytes; and a failure where something follows the last member.
    SameBytes {
        trailing: bool,
    },
    Damage,
}

fn verdict(case: &Case) -> Verdict {
    // LZW is not gzip; GNU gzip reads it all the same.
    if case.path.ends_with("compress-lzw.Z") {
        return Verdict::Damage;
    }
    // GNU gzip takes a single byte for a cut file.
    let is_stray_byte = ["trail-1f.gz", "trail-garbage-1.gz"].iter().any(|name| case.path.ends_with(name));
    match case.gnu_exit {
        0 => Verdict::SameBytes { trailing: false },
        2 => Verdict::SameBytes { trailing: true },
        _ if is_stray_byte => Verdict::SameBytes { trailing: true },
        _ => Verdict::Damage,
    }
}

/// What `sha256sum` says of every file in a directory, by name.
fn digests(sandbox: &Sandbox) -> HashMap<String, String> {
    let listing = sandbox.tool("sh", &["-c", "cd out && sha256sum -- *"]);
    let listing = String::from_utf8(listing).expect("plain names");
    listing.lines().map(|line| (line[66..].to_owned(), line[..16].to_owned())).collect()
}

#[test]
fn every_file_gets_the_answer_that_gnu_gzip_gives() {
    let Some((folder, cases)) = collection() else { return };
    if !have("sha256sum") {
        return;
    }
    let is_thorough = common::is_thorough();
    let mut ways = vec![("a file", "--workers 1 --scheduler serial".to_owned())];
    for route in ["auto", "small", "pieces", "pipeline", "stream"] {
        let way = |workers: usize| format!("--route {route} --workers {workers}");
        ways.push(("a file", way(2)));
        // The other ways differ in who does what, and hardly in what is decided.
        if is_thorough || route == "auto" {
            ways.extend([("a file", way(1)), ("a pipe", way(2))]);
        }
    }
    std::thread::scope(|scope| {
        for half in ways.chunks(ways.len().div_ceil(2)) {
            scope.spawn(|| half.iter().for_each(|(from, way)| try_all(&folder, &cases, from, way)));
        }
    });
}

/// Has every file of the collection decompressed in one way.
fn try_all(folder: &Path, cases: &[Case], from: &str, way: &str) {
    let sandbox = Sandbox::new();
    sandbox.make_directory("out");
    let mut ends = Vec::new();
    for (number, case) in cases.iter().enumerate() {
        let path = folder.join(&case.path);
        let haul = sandbox.haul(format!("gunzip -c {way}"));
        let haul = if from == "a pipe" { haul.input(std::fs::read(&path).expect("read")) } else { haul.arg(&path) };
        let run = haul.run();
        sandbox.write(format!("out/{number}"), &run.out);
        ends.push((run.status().code(), run.out.len() as u64, run.err));
    }
    let digests = digests(&sandbox);
    let mut wrong = Vec::new();
    for (number, (case, (code, bytes, err))) in cases.iter().zip(&ends).enumerate() {
        let same = *bytes == case.bytes && digests[&number.to_string()] == case.sha256;
        let agrees = match verdict(case) {
            Verdict::SameBytes { trailing } => same && *code == Some(i32::from(trailing)) && err.is_empty() != trailing,
            Verdict::Damage => code.is_some_and(|code| code != 0) && !err.is_empty(),
        };
        if !agrees {
            wrong.push(format!("{}: GNU {}, haul {code:?}, same bytes: {same}, {err:?}", case.path, case.gnu_exit));
        }
    }
    let agreements = cases.len() - wrong.len();
    let _ = writeln!(std::io::stderr(), "conformance from {from}, {way}: {agreements} of {} agree", cases.len());
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(!cases.is_empty());
}
