//! Jobs of gzip and gunzip, and what is true of them: the source is there, or all that was in it is.

use std::sync::OnceLock;

use crate::common::{Sandbox, noise, prose, set_mode, set_mtime};
use crate::detail::{below, details, differences};
use crate::scenario::{Ending, Scenario, Start, none};

pub const SCENARIOS: [Scenario; 7] = [
    Scenario {
        name: "a file that is compressed",
        words: "gzip file --buffer 16K",
        again: &["gzip -f file"],
        furnish: furnish_file,
        check: check_gzip,
    },
    Scenario {
        name: "a file that is compressed over an older one",
        words: "gzip -f file",
        again: &["gzip -f file"],
        furnish: |sandbox| {
            furnish_file(sandbox);
            sandbox.write("file.gz", "older");
        },
        check: check_gzip,
    },
    Scenario {
        name: "a file that is decompressed",
        words: "gunzip packed.gz --buffer 8K",
        again: &["gunzip -f packed.gz"],
        furnish: |sandbox| {
            sandbox.write("packed.gz", packed());
            set_mtime(sandbox.path("packed.gz"), 1_234_567_890, 12_345);
        },
        check: check_gunzip,
    },
    Scenario {
        name: "a file that is compressed for good",
        words: "gzip --sync file",
        again: &["gzip -f file"],
        furnish: furnish_file,
        check: check_gzip,
    },
    Scenario {
        name: "a file that is decompressed for good, where an older one is",
        words: "gunzip --sync --update packed.gz",
        again: &["gunzip -f packed.gz"],
        furnish: |sandbox| {
            sandbox.write("packed.gz", packed());
            set_mtime(sandbox.write("packed", "older"), 1_000_000_000, 0);
        },
        check: check_gunzip,
    },
    Scenario {
        name: "a tree that is compressed into another",
        words: "gzip -r --sync --update --output-dir out --files-from list",
        again: &["gzip -r --update --output-dir out tree"],
        furnish: |sandbox| {
            furnish_tree(sandbox);
            set_mtime(sandbox.write("out/tree/one.gz", "older"), 1, 0);
            sandbox.write("list", "tree\n");
        },
        check: check_image,
    },
    Scenario {
        name: "an index that is made",
        words: "gunzip --index --sync packed.gz",
        again: &["gunzip --index packed.gz"],
        furnish: furnish_pieces,
        check: check_index,
    },
];

fn furnish_file(sandbox: &Sandbox) {
    set_mode(sandbox.write("file", prose(1, 50_000)), 0o640);
    set_mtime(sandbox.path("file"), 1_234_567_890, 123_456_789);
}

fn furnish_tree(sandbox: &Sandbox) {
    sandbox.write("tree/one", noise(1, 20_000));
    set_mode(sandbox.write("tree/sub/two", prose(2, 100)), 0o600);
    sandbox.write("tree/sub/empty", "");
    sandbox.link("tree/link", "one");
    set_mode(sandbox.path("tree/sub"), 0o750);
    for (number, name) in
        ["tree/one", "tree/sub/two", "tree/sub/empty", "tree/link", "tree/sub", "tree"].iter().enumerate()
    {
        set_mtime(sandbox.path(name), 1_000_000_000 + number as i64, 42);
    }
}

/// What gzip makes of some text, made once.
fn packed() -> &'static [u8] {
    static PACKED: OnceLock<Vec<u8>> = OnceLock::new();
    PACKED.get_or_init(|| Sandbox::new().haul("gzip").input(prose(2, 60_000)).run().ok().out)
}

/// The source is there, or its whole .gz is; the .gz is the older one, or missing, or whole.
fn check_gzip(sandbox: &Sandbox, start: &Start, ending: Ending) -> Result<(), String> {
    let source = start.bytes("file").ok_or("no source")?;
    let gz = sandbox.exists("file.gz").then(|| sandbox.read("file.gz"));
    let back = gz.as_ref().map(|gz| sandbox.haul("gunzip").input(gz.clone()).run());
    let is_whole = back.is_some_and(|run| run.succeeded() && run.out == source);
    check_replaced(sandbox, start, "file", gz.as_deref(), start.bytes("file.gz"), is_whole, ending)
}

/// The sources are untouched; each target is the older one, or missing, or holds its source.
fn check_image(sandbox: &Sandbox, start: &Start, ending: Ending) -> Result<(), String> {
    none(&differences(&below(&start.before, "tree"), &details(sandbox.path("tree"))), "the source changed")?;
    for name in ["one", "sub/two", "sub/empty"] {
        let target = format!("out/tree/{name}.gz");
        let gz = sandbox.exists(&target).then(|| sandbox.read(&target));
        let source = start.bytes(&format!("tree/{name}"));
        let back = gz.as_ref().map(|gz| sandbox.haul("gunzip").input(gz.clone()).run());
        let is_whole = back.is_some_and(|run| run.succeeded() && Some(&run.out[..]) == source);
        if !is_whole && (ending.complete || gz.as_deref() != start.bytes(&target)) {
            return Err(format!("{target} is not {name}; exit 0: {}", ending.complete));
        }
    }
    Ok(())
}

/// The .gz is there, or all that was in it is; the target is missing or whole.
fn check_gunzip(sandbox: &Sandbox, start: &Start, ending: Ending) -> Result<(), String> {
    let target = sandbox.exists("packed").then(|| sandbox.read("packed"));
    let is_whole = target.as_deref() == Some(&prose(2, 60_000)[..]);
    check_replaced(sandbox, start, "packed.gz", target.as_deref(), start.bytes("packed"), is_whole, ending)
}

/// A compressed file of several pieces.
pub fn furnish_pieces(sandbox: &Sandbox) {
    let gz = sandbox.haul("gzip --block 64K --codec libdeflate").input(prose(2, 200_000)).run().ok().out;
    sandbox.write("packed.gz", gz);
}

fn check_index(sandbox: &Sandbox, start: &Start, ending: Ending) -> Result<(), String> {
    if Some(&sandbox.read("packed.gz")[..]) != start.bytes("packed.gz") {
        return Err("the file changed".to_owned());
    }
    let made = sandbox.exists("packed.gz.haul-index");
    if ending.complete && !made {
        return Err("exit 0 without an index".to_owned());
    }
    let run = sandbox.haul("gunzip --range 150000:10 packed.gz").run();
    if made && (!run.err.is_empty() || run.out != prose(2, 200_000)[150_000..150_010]) {
        return Err(format!("an index that is not whole: {}", run.err));
    }
    Ok(())
}

fn check_replaced(
    sandbox: &Sandbox,
    start: &Start,
    source: &str,
    target: Option<&[u8]>,
    older: Option<&[u8]>,
    is_whole: bool,
    ending: Ending,
) -> Result<(), String> {
    let kept = sandbox.exists(source).then(|| sandbox.read(source));
    if kept.is_some() && kept.as_deref() != start.bytes(source) {
        return Err("the source changed".to_owned());
    }
    if kept.is_none() && !is_whole {
        return Err("the source is gone, and its target is not whole: LOST".to_owned());
    }
    if !is_whole && target != older {
        return Err(format!("the target is a third thing of {:?} bytes", target.map(<[u8]>::len)));
    }
    if ending.complete && (kept.is_some() || !is_whole) {
        return Err(format!("exit 0; source kept: {}, target whole: {is_whole}", kept.is_some()));
    }
    Ok(())
}
