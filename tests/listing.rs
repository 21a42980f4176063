//! `haul gunzip -l` from outside: what GNU gzip prints is printed, and what it gets wrong is right.

#![allow(clippy::disallowed_methods, missing_docs, reason = "the tests look at files from outside")]

mod common;

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt as _;
use std::time::Duration;

use common::{Sandbox, assert_same, have, make_fifo, noise, prose, set_mtime, snapshot, ways};

const HEADLINE: &str = "         compressed        uncompressed  ratio uncompressed_name\n";

/// A member without name and time.
fn gz(bytes: &[u8]) -> Vec<u8> {
    Sandbox::new().haul("gzip -n").input(bytes).run().ok().out
}

/// A sandbox with whole files of one member each, in which every ratio and every kind of header is found.
fn furnished() -> Sandbox {
    let sandbox = Sandbox::new();
    for (name, bytes) in [
        ("text", prose(1, 3_000_000)),
        ("noise", noise(2, 1_000_000)),
        ("little", b"hello\n".to_vec()),
        ("byte", b"x".to_vec()),
        ("empty", Vec::new()),
        ("zeros", vec![0; 300_000]),
        ("sub/deep", prose(3, 100)),
    ] {
        sandbox.write(name, bytes);
        set_mtime(sandbox.path(name), 1_234_567_890, 5);
    }
    sandbox.haul("gzip text noise little byte").run().ok();
    sandbox.haul("gzip -n empty zeros sub/deep").run().ok();
    for (name, other) in [("little.gz", "renamed.gz"), ("byte.gz", "unsuffixed"), ("byte.gz", "UP.GZ")] {
        std::fs::copy(sandbox.path(name), sandbox.path(other)).unwrap();
    }
    std::fs::copy(sandbox.path("text.gz"), sandbox.path("archive.tgz")).unwrap();
    set_mtime(sandbox.path("renamed.gz"), 1_700_000_000, 0);
    set_mtime(sandbox.path("zeros.gz"), -86_400, 0);
    sandbox.link("link.gz", "little.gz");
    sandbox
}

/// What a command of the shell prints, and how it exits; HAUL in it is haul.
fn shell(sandbox: &Sandbox, command: &str) -> (String, Option<i32>) {
    let command = command.replace("HAUL", &format!("'{}'", common::run::binary().display()));
    let shell = common::run::command("sh").args(["-c", &command]).current_dir(sandbox.path("")).output().unwrap();
    (String::from_utf8_lossy(&shell.stdout).into_owned(), shell.status.code())
}

#[test]
fn it_prints_what_gnu_gzip_prints() {
    if !have("gzip") {
        return;
    }
    let sandbox = furnished();
    for files in [
        "little.gz",
        "text.gz noise.gz little.gz byte.gz empty.gz zeros.gz",
        "empty.gz empty.gz",
        "zeros.gz empty.gz",
        "renamed.gz unsuffixed UP.GZ archive.tgz link.gz",
        "sub/deep.gz ./little.gz sub/../text.gz",
        "text noise",
        "little.gz no-such-file",
        "no-such-file",
        "-r sub",
        "<renamed.gz",
        "- text.gz <renamed.gz",
        "-c little.gz",
        "-t little.gz",
        "-d little.gz",
        "-k -S .other little.gz",
    ] {
        for options in ["-l", "-lv", "-lN", "-lq", "-lNv", "--list"] {
            let zones = if options.contains('v') { &["UTC", "America/New_York", "Asia/Kolkata"][..] } else { &["UTC"] };
            for zone in zones {
                let command = |program: &str| format!("TZ={zone} {program} {options} {files} 2>errors");
                let gnu = shell(&sandbox, &command("gzip"));
                assert_eq!(shell(&sandbox, &command("HAUL gzip")), gnu, "gzip {options} {files}");
                if !files.starts_with("-d") {
                    assert_eq!(shell(&sandbox, &command("HAUL gunzip")), gnu, "gunzip {options} {files}");
                }
            }
            if let Some(name) = files.strip_prefix('<') {
                let command = |program: &str| format!("cat {name} | TZ=UTC {program} {options}");
                assert_eq!(shell(&sandbox, &command("HAUL gunzip")), shell(&sandbox, &command("gzip")), "{options}");
            }
        }
    }
}

#[test]
fn it_makes_and_changes_nothing() {
    let sandbox = furnished();
    let before = snapshot(sandbox.path(""));
    sandbox.haul("gunzip -lr text.gz noise.gz sub").run().ok().silent();
    sandbox.haul("gzip -lv --force text.gz noise.gz").run().ok().silent();
    assert_same(&before, &snapshot(sandbox.path("")), "a listing");
}

#[test]
fn all_members_count() {
    let sandbox = Sandbox::new();
    let (one, two) = (prose(1, 2_500_000), prose(2, 70_000));
    let bytes = [gz(&one), gz(b""), gz(&two)].concat();
    sandbox.write("members.gz", &bytes);
    let uncompressed = one.len() + two.len();
    let ratio = 100.0 * (uncompressed as f64 - bytes.len() as f64) / uncompressed as f64;
    let crc = crc32fast::hash(&two);
    let row = format!("{:>19} {uncompressed:>19} {ratio:5.1}% members\n", bytes.len());
    for way in ways() {
        for route in ["auto", "small", "pieces", "pipeline", "stream"] {
            let run = sandbox.haul(format!("gunzip -l members.gz {way} --route {route}")).run().ok().silent();
            assert_eq!(String::from_utf8_lossy(&run.out), format!("{HEADLINE}{row}"), "{way} {route}");
            let run = sandbox.haul(format!("gunzip -lqv members.gz {way} --route {route}")).run().ok().silent();
            let line = String::from_utf8_lossy(&run.out).into_owned();
            assert!(line.starts_with(&format!("defla {crc:08x} ")) && line.ends_with(&row), "{way} {route}: {line}");
        }
    }
    // Small enough that it shows whether frames count: of several members they do.
    let small = [gz(b"x"), gz(b"y")].concat();
    sandbox.write("small.gz", &small);
    let row = format!("{:>19} {:>19} {:5.1}% small\n", small.len(), 2, 50.0 * (2.0 - small.len() as f64));
    assert_eq!(String::from_utf8_lossy(&sandbox.haul("gunzip -lq small.gz").run().ok().out), row);
    if have("gzip") {
        let (counted, _) = shell(&sandbox, "gzip -dc members.gz | wc -c");
        assert_eq!(counted.trim(), uncompressed.to_string());
    }
}

#[test]
fn sizes_beyond_four_gibibytes_are_exact() {
    let sandbox = Sandbox::new();
    let member = sandbox.haul("gzip -1n").input(vec![0; 64 << 20]).run().ok().out;
    sandbox.write("large.gz", member.repeat(68));
    for (words, name) in [("gunzip -lq large.gz", "large"), ("gunzip -lq --route stream large.gz", "large")] {
        let run = sandbox.haul(words).run().ok().silent();
        let row = format!("{:>19} {:>19}  99.9% {name}\n", member.len() * 68, 68_u64 << 26);
        assert_eq!(String::from_utf8_lossy(&run.out), row, "{words}");
    }
}

#[test]
fn what_is_damaged_has_no_row_and_the_rest_has() {
    let sandbox = Sandbox::new();
    let whole = gz(&prose(1, 400_000));
    let mut flipped = whole.clone();
    flipped[whole.len() - 6] ^= 1;
    sandbox.write("good.gz", &whole);
    for (what, bytes) in [
        ("cut", whole[..whole.len() / 2].to_vec()),
        ("flipped", flipped),
        ("cut behind a member", [&whole[..], &whole[..500]].concat()),
        ("plain", b"plain text".to_vec()),
        ("empty", Vec::new()),
    ] {
        sandbox.write("bad.gz", bytes);
        for way in ways() {
            let run = sandbox.haul(format!("gunzip -l bad.gz good.gz {way}")).run().code(1).says(&["'bad.gz'"]);
            let out = String::from_utf8(run.out).unwrap();
            let rows: Vec<&str> = out.lines().skip(1).map(|row| row.rsplit(' ').next().unwrap()).collect();
            assert_eq!(rows, ["good", "(totals)"], "{what} {way}");
            // To pass something through is not to list it.
            let run = sandbox.haul(format!("gunzip -lcf bad.gz {way}")).run().code(1).says_in_one_line(&["'bad.gz'"]);
            assert!(run.out.is_empty(), "{what} {way}");
        }
    }
    sandbox.haul("gunzip -l --max-output 399999 good.gz").run().code(1).says_in_one_line(&["--max-output"]);
}

#[test]
fn what_is_behind_the_last_member_counts_as_bytes_of_the_file() {
    let sandbox = Sandbox::new();
    let member = gz(&[7; 1000]);
    for (tail, failures) in [(&[0; 5000][..], 0), (b"junk", 1), (b"\0\0junk", 1), (b"x", 1)] {
        let bytes = [&member, tail].concat();
        sandbox.write("file.gz", &bytes);
        for way in ways() {
            for route in ["auto", "pieces", "pipeline", "stream"] {
                let run = sandbox.haul(format!("gunzip -l file.gz {way} --route {route}")).run().code(failures);
                assert_eq!(run.err.lines().count(), failures as usize, "{tail:?} {way} {route}: {}", run.err);
                let row = format!("{:>19} {:>19} ", bytes.len(), 1000);
                assert!(String::from_utf8_lossy(&run.out).contains(&row), "{tail:?} {way} {route}");
            }
        }
        assert_eq!(sandbox.haul("gunzip -lq file.gz").run().code(failures).err.lines().count(), failures as usize);
        sandbox.haul("gunzip -lq file.gz --ignore-trailing").run().ok().silent();
    }
}

#[test]
fn a_name_is_one_line_whatever_it_holds() {
    let sandbox = Sandbox::new();
    for (name, shown) in [
        (&b"new\nline\x1b[31m.gz"[..], &b"new\\nline\\u{1b}[31m"[..]),
        (b"caf\xe9 \\.gz", b"caf\xe9 \\"),
        ("gr\u{fc}n.gz".as_bytes(), "gr\u{fc}n".as_bytes()),
    ] {
        sandbox.write(OsStr::from_bytes(name), gz(b"contents"));
        let run = sandbox.haul("gunzip -lq").arg(OsStr::from_bytes(name)).run().ok().silent();
        let expected = [b"                 31                   8 -62.5% ", shown, b"\n"].concat();
        assert_eq!(String::from_utf8_lossy(&run.out), String::from_utf8_lossy(&expected));
        assert_eq!(run.out, expected);
    }
    // A stored name is not a path, and may hold anything too.
    let stored = [&gz(b"contents")[..3], b"\x08\0\0\0\0\0\x03../../a\tb\0", &gz(b"contents")[10..]].concat();
    sandbox.write("sub/file.gz", stored);
    let run = sandbox.haul("gunzip -lqN sub/file.gz").run().ok();
    assert!(run.out.ends_with(b" sub/a\\tb\n"), "{}", String::from_utf8_lossy(&run.out));
}

#[test]
fn rows_come_in_the_order_of_the_arguments_from_trees_and_lists_too() {
    let sandbox = Sandbox::new();
    let mut names = Vec::new();
    for number in 0..40_u64 {
        let name = format!("{:02}", number * 7 % 40);
        sandbox.write(format!("{name}.gz"), gz(&prose(number, if number % 5 == 0 { 300_000 } else { 50 })));
        names.push(name);
    }
    sandbox.write("tree/a/one.gz", gz(b"1"));
    sandbox.write("tree/b/two.gz", gz(b"2"));
    sandbox.write("tree/other", "no suffix");
    sandbox.write("names", format!("{}.gz\n", names.join(".gz\n")));
    let shown = |out: Vec<u8>| -> Vec<String> {
        String::from_utf8(out).unwrap().lines().map(|row| row.rsplit(' ').next().unwrap().to_owned()).collect()
    };
    for way in ways() {
        let run = sandbox.haul(format!("gunzip -lq --files-from names {way}")).run().ok().silent();
        assert_eq!(shown(run.out), names, "{way}");
        let run = sandbox.haul(format!("gzip -lr 03.gz tree 01.gz {way}")).run().ok().silent();
        let mut rows = shown(run.out);
        rows[2..4].sort();
        assert_eq!(rows, ["uncompressed_name", "03", "tree/a/one", "tree/b/two", "01", "(totals)"], "{way}");
    }
}

#[test]
fn a_row_comes_as_soon_as_it_is_known_and_a_reader_may_leave() {
    for way in ways() {
        let sandbox = Sandbox::new();
        sandbox.write("file.gz", gz(b"contents"));
        make_fifo(sandbox.path("fifo.gz"));
        let mut running = sandbox.haul(format!("gunzip -l file.gz fifo.gz {way}")).spawn();
        // Nobody has written to the FIFO yet.
        let row = "                 31                   8 -62.5% file\n";
        let both = format!("{HEADLINE}{row}");
        assert_eq!(running.read_and_hang_up(both.len()), both.as_bytes(), "{way}");
        std::fs::write(sandbox.path("fifo.gz"), gz(b"more")).unwrap();
        running.finish(Duration::from_secs(20)).silent().code(141);
    }
}

#[test]
fn a_full_device_is_an_error() {
    let sandbox = furnished();
    for options in ["-l", "-lv", "-l --json"] {
        let (said, code) = shell(&sandbox, &format!("HAUL gunzip {options} little.gz text.gz 2>&1 >/dev/full"));
        assert_eq!(code, Some(1), "{options}: {said}");
        assert_eq!(said, "haul: cannot write 'standard output': No space left on device\n", "{options}");
    }
}

#[test]
fn programs_get_json() {
    let sandbox = furnished();
    sandbox.write("two.gz", [gz(b"first"), gz(b"second")].concat());
    set_mtime(sandbox.path("two.gz"), 1_600_000_000, 0);
    sandbox.write("cut.gz", &gz(b"contents")[..20]);
    let run = sandbox.haul("gunzip -l --json two.gz cut.gz renamed.gz -").input(gz(b"piped")).run().code(1);
    let report = run.json();
    assert_eq!((&report["format"], &report["job"]), (&1.into(), &"list".into()));
    assert_eq!((&report["files"], &report["failures"]), (&3.into(), &1.into()));
    let row = |name: &str, sizes: (usize, usize), members: u64, last: &[u8], mtime: Option<i64>| {
        serde_json::json!({
            "name": name, "compressed_bytes": sizes.0, "uncompressed_bytes": sizes.1, "members": members,
            "crc32": format!("{:08x}", crc32fast::hash(last)), "mtime": mtime, "method": "deflate",
        })
    };
    let length = |name: &str| sandbox.read(name).len();
    let expected = [
        row("two", (length("two.gz"), 11), 2, b"second", Some(1_600_000_000)),
        row("renamed", (length("renamed.gz"), 6), 1, b"hello\n", Some(1_700_000_000)),
        row("stdout", (gz(b"piped").len(), 5), 1, b"piped", None),
    ];
    assert_eq!(report["listing"].as_array().unwrap()[..], expected);
    let report = sandbox.haul("gunzip -lN --json renamed.gz").run().ok().silent().json();
    let row = &report["listing"][0];
    assert_eq!((&row["name"], &row["mtime"]), (&"little".into(), &1_234_567_890.into()));
    let report = sandbox.haul("gunzip -t --json renamed.gz").run().ok().json();
    assert!(report.get("listing").is_none(), "only a listing has one");
}

#[test]
fn options_that_contradict_it_are_refused() {
    let sandbox = furnished();
    sandbox.make_directory("backup");
    for words in [
        "gunzip -l --update little.gz",
        "gunzip -l --output-dir backup little.gz",
        "gzip -l --keep-smaller little.gz",
        "gzip -l --update little.gz",
    ] {
        let run = sandbox.haul(words).run().code(2).says(&["-l"]);
        assert!(run.out.is_empty(), "{words}");
    }
}
