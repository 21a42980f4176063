//! `haul gunzip --range` and `--index` from outside: the right bytes, read from where they are, and never wrong ones.

#![allow(clippy::disallowed_methods, missing_docs, reason = "the tests look at files from outside")]

mod common;

use common::{Sandbox, can_trace, have, is_root, many, noise, prose, set_mode, set_mtime};

const INDEX: &str = "file.gz.haul-index";

/// Compressed files of every kind, each with what comes out of it.
fn kinds(sandbox: &Sandbox) -> Vec<(&'static str, Vec<u8>)> {
    let text = [prose(1, 3_000_000), noise(2, 700_000), vec![0; 5_000_000], prose(3, 1_500_000)].concat();
    sandbox.write("text", &text);
    sandbox.write("short", prose(4, 20_000));
    let mut kinds = Vec::new();
    let short = sandbox.read("short");
    for (program, command, repeat) in [
        ("gzip", "haul gzip -1c text", "t"),
        ("gzip", "haul gzip -6c text", "t"),
        ("gzip", "haul gzip -3c --block 256K text", "t"),
        ("gzip", "haul gzip -6c --block 64K text", "t"),
        ("pigz", "pigz -ic -p2 text", "t"),
        ("bgzip", "bgzip -c text", "t"),
        ("gzip", "gzip -c text", "t"),
        ("gzip", "for n in 1 2 3 4 5 6 7 8 9; do haul gzip -c short; gzip -c short; done", "ssssssssssssssssss"),
        ("gzip", "gzip -c text; haul gzip -c text; gzip -c text; head -c 3000000 /dev/zero", "ttt"),
        ("bgzip", "bgzip -c text; gzip -c short; bgzip -c text; head -c 99 /dev/zero", "tst"),
        ("gzip", "haul gzip -c short", "s"),
    ] {
        if have(program) {
            let bytes = repeat.bytes().flat_map(|kind| if kind == b't' { &text[..] } else { &short }).copied();
            kinds.push((command, bytes.collect()));
        }
    }
    kinds
}

/// Makes `file.gz`.
fn make(sandbox: &Sandbox, command: &str) {
    let haul = common::run::binary().parent().expect("a directory").display();
    sandbox.tool("sh", &["-ec", &format!("PATH={haul}:$PATH; rm -f {INDEX}; {{ {command}; }} >file.gz")]);
}

/// Ranges of so many bytes: chosen ones at both ends, and some anywhere.
fn ranges(bytes: usize, seed: u64) -> Vec<(usize, usize)> {
    let dice = noise(seed, 64);
    let mut dice = dice.chunks(8).map(|dice| u64::from_le_bytes(dice.try_into().unwrap()) as usize);
    // One byte more than a buffer of any route holds.
    let mut ranges = vec![
        (0, (1 << 18) + 1),
        (5, (1 << 20) - 4),
        (0, 1),
        (0, bytes),
        (bytes - 1, 10),
        (bytes, 5),
        (bytes + 9, 5),
        (bytes / 2, 0),
    ];
    while let (Some(at), Some(length), true) = (dice.next(), dice.next(), common::is_thorough() || ranges.len() < 10) {
        ranges.push((at % bytes, length % [100, 300_000, bytes][at % 3]));
    }
    ranges
}

fn slice(bytes: &[u8], (at, length): (usize, usize)) -> &[u8] {
    &bytes[at.min(bytes.len())..(at + length).min(bytes.len())]
}

/// An index of `file.gz`, made now.
fn index(sandbox: &Sandbox) {
    sandbox.haul("gunzip --index -q file.gz").run().ok().silent();
    assert!(sandbox.exists(INDEX));
}

#[test]
fn the_bytes_are_those_of_the_whole() {
    let sandbox = Sandbox::new();
    for (seed, (command, bytes)) in kinds(&sandbox).into_iter().enumerate() {
        make(&sandbox, command);
        let before = sandbox.read("file.gz");
        for with_index in [false, true] {
            if with_index {
                index(&sandbox);
            }
            let some = ranges(bytes.len(), seed as u64).into_iter().skip(usize::from(with_index)).step_by(many(2, 1));
            for (number, range) in some.enumerate() {
                let words = format!("gunzip --range {}:{} file.gz -p {}", range.0, range.1, 1 + number % 2);
                let out = sandbox.haul(&words).run().ok().silent().out;
                assert!(out == slice(&bytes, range), "{command}, {words}, index: {with_index}");
            }
            let from = bytes.len() / 3;
            let out = sandbox.haul(format!("gzip -d --range {from}: file.gz")).run().ok().silent().out;
            assert!(out == bytes[from..], "{command}, to the end, index: {with_index}");
        }
        assert_eq!(sandbox.read("file.gz"), before, "{command}");
    }
    sandbox.assert_no_leftovers("ranges");
}

#[test]
fn an_index_is_made_where_there_is_none_and_then_used() {
    let sandbox = Sandbox::new();
    for (seed, (command, bytes)) in kinds(&sandbox).into_iter().enumerate() {
        make(&sandbox, command);
        for range in ranges(bytes.len(), seed as u64 + 100).into_iter().skip(8) {
            sandbox.remove(INDEX);
            let words = format!("gunzip -q --index --range {}:{} file.gz", range.0, range.1);
            assert!(sandbox.haul(&words).run().ok().silent().out == slice(&bytes, range), "{command}, {words}");
            let made = sandbox.read(INDEX);
            assert!(sandbox.haul(&words).run().ok().silent().out == slice(&bytes, range), "{command}, {words}, again");
            assert_eq!(sandbox.read(INDEX), made);
        }
    }
}

/// Bytes of `file.gz` that haul read, as it says.
#[track_caller]
fn read(sandbox: &Sandbox, words: &str) -> u64 {
    let run = sandbox.haul(format!("gunzip -v {words} file.gz")).run().ok();
    let said = run.err.split(" bytes read").next().and_then(|said| said.rsplit(' ').next());
    said.and_then(|said| said.parse().ok()).unwrap_or_else(|| panic!("{words}: {}", run.err))
}

#[test]
fn only_what_is_needed_is_read() {
    let sandbox = Sandbox::new();
    sandbox.write("text", prose(1, 12_000_000));
    for (program, command, with_index, share) in [
        ("gzip", "haul gzip -c text", true, 10),
        ("gzip", "haul gzip -9c text", true, 5),
        ("pigz", "pigz -ic text", true, 50),
        ("bgzip", "bgzip -c text", true, 10),
        ("bgzip", "bgzip -c text", false, 4),
        ("gzip", "for n in 1 2 3 4 5 6 7 8 9; do head -c 1000000 text | gzip -c; done", true, 7),
        ("gzip", "for n in 1 2 3 4 5 6; do head -c 3000000 text | gzip -c; done", true, 5),
    ] {
        if !have(program) {
            continue;
        }
        make(&sandbox, command);
        if with_index {
            index(&sandbox);
        }
        let whole = sandbox.read("file.gz").len() as u64;
        let read = read(&sandbox, "--range 8000000:100");
        assert!(read > 0 && read < whole / share, "{command}: {read} of {whole}");
    }
}

/// By what strace sees.
#[test]
fn the_kernel_agrees() {
    if !can_trace() {
        return;
    }
    let sandbox = Sandbox::new();
    sandbox.write("text", prose(1, 12_000_000));
    make(&sandbox, "haul gzip -c text");
    index(&sandbox);
    let file = sandbox.path("file.gz").display().to_string();
    let haul = common::run::binary().display().to_string();
    let traced = ["-f", "-qq", "-e", "trace=read,pread64", "-P", &file, "-o", "trace", &haul];
    sandbox.tool("strace", &[&traced[..], &["gunzip", "--range", "5000000:10", &file]].concat());
    let trace = String::from_utf8(sandbox.read("trace")).unwrap();
    let read: u64 = trace.lines().filter_map(|line| line.rsplit("= ").next()?.trim().parse::<u64>().ok()).sum();
    let whole = sandbox.read("file.gz").len() as u64;
    assert!(read > 0 && read < whole / 10, "{read} of {whole}: {trace}");
}

#[test]
fn an_index_with_any_damage_never_gives_wrong_bytes() {
    let sandbox = Sandbox::new();
    let bytes = sandbox.read(sandbox.write("text", prose(1, 300_000)));
    make(&sandbox, "haul gzip -c --block 64K --codec libdeflate text");
    index(&sandbox);
    let good = sandbox.read(INDEX);
    assert!(good.len() > 100, "{} bytes of index", good.len());
    let expected = &bytes[100_000..150_000];
    let check = |bad: &[u8], what: &str| {
        sandbox.write(INDEX, bad);
        let run = sandbox.haul("gunzip --range 100000:50000 file.gz").run().ok();
        assert!(run.out == expected, "{what}");
        run.says_in_one_line(&["file.gz", INDEX]);
        // What does not even begin like an index is replaced only with -f.
        let run = sandbox.haul("gunzip -f --index --range 100000:50000 file.gz").run().ok().silent();
        assert!(run.out == expected, "{what}, made anew");
        assert_eq!(sandbox.read(INDEX), good, "{what}");
    };
    for at in (0..good.len()).step_by(if common::is_thorough() { 1 } else { 5 }) {
        let mut bad = good.clone();
        bad[at] ^= 1 << (at % 8);
        check(&bad, &format!("byte {at}"));
        check(&good[..at], &format!("cut at {at}"));
    }
    check(&[&good[..], b"x"].concat(), "one byte more");
}

/// An index with a checksum that is right, and entries that are not.
#[test]
fn an_index_that_lies_is_found_out_before_a_byte_is_written() {
    let sandbox = Sandbox::new();
    sandbox.write("text", prose(1, 5_000_000));
    for command in ["haul gzip -c text", "gzip -c text; haul gzip -c text"] {
        make(&sandbox, command);
        index(&sandbox);
        let good = sandbox.read(INDEX);
        // Start in the file, start in what comes out, checksum and place of the third entry.
        for at in [100, 108, 116, 120] {
            let mut bad = good.clone();
            bad[at] ^= 1;
            let content = bad.len() - 4;
            let crc = crc32fast::hash(&bad[..content]).to_le_bytes();
            bad[content..].copy_from_slice(&crc);
            sandbox.write(INDEX, &bad);
            let start = u64::from_le_bytes(good[108..116].try_into().unwrap());
            for way in ["-p 1", "-p 2"] {
                let run = sandbox.haul(format!("gunzip --range {start}:1000 file.gz {way}")).run().code(1);
                assert!(run.out.is_empty(), "{command}, byte {at}");
                run.says_in_one_line(&["file.gz", INDEX, "damaged"]);
            }
        }
    }
}

#[test]
fn an_index_of_another_file_is_noticed() {
    let sandbox = Sandbox::new();
    let text = sandbox.read(sandbox.write("text", prose(1, 3_000_000)));
    make(&sandbox, "haul gzip -c text");
    set_mtime(sandbox.path("file.gz"), 1_000_000_000, 5);
    index(&sandbox);
    sandbox.haul("gunzip --range 2M:10 file.gz").run().ok().silent();
    // The same bytes with another time; then other bytes.
    set_mtime(sandbox.path("file.gz"), 1_000_000_000, 6);
    let run = sandbox.haul("gunzip --range 2M:10 file.gz").run().ok();
    assert_eq!(run.out, text[2 << 20..][..10]);
    run.says_in_one_line(&["file.gz", INDEX, "changed since", "--index"]);
    let text = sandbox.read(sandbox.write("text", prose(2, 3_000_000)));
    make(&sandbox, "haul gzip -c text");
    index(&sandbox);
    let stale = sandbox.read(INDEX);
    let text = [sandbox.read(sandbox.write("text", prose(3, 2_900_000))), text].concat();
    sandbox.write("text", &text);
    make(&sandbox, "haul gzip -c text");
    sandbox.write(INDEX, &stale);
    set_mode(sandbox.path(INDEX), 0o644);
    let run = sandbox.haul("gunzip --range 2M:10 file.gz").run().ok();
    assert_eq!(run.out, text[2 << 20..][..10]);
    run.says(&["changed since"]);
    let run = sandbox.haul("gunzip --index --range 2M:10 file.gz").run().ok().silent();
    assert_eq!(run.out, text[2 << 20..][..10]);
    assert_ne!(sandbox.read(INDEX), stale);
    sandbox.haul("gunzip --range 2M:10 file.gz").run().ok().silent();
}

/// Damages the file and keeps its size and its time, so that the index still seems to fit.
fn damage(sandbox: &Sandbox, at: usize) {
    let mut bytes = sandbox.read("file.gz");
    bytes[at] ^= 0x10;
    sandbox.write("file.gz", bytes);
    set_mtime(sandbox.path("file.gz"), 1_000_000_000, 5);
}

#[test]
fn damage_where_it_is_needed_is_an_error_and_elsewhere_is_not_looked_for() {
    let sandbox = Sandbox::new();
    let text = sandbox.read(sandbox.write("text", [prose(1, 6_000_000), noise(1, 6_000_000)].concat()));
    for (command, with_index) in [
        ("haul gzip -c text", true),
        ("gzip -c text; haul gzip -c text", true),
        ("bgzip -c text", true),
        ("bgzip -c text", false),
    ] {
        if !have("bgzip") {
            continue;
        }
        make(&sandbox, command);
        set_mtime(sandbox.path("file.gz"), 1_000_000_000, 5);
        if with_index {
            index(&sandbox);
        }
        damage(&sandbox, sandbox.read("file.gz").len() - 2_000_000);
        let bytes = if command.contains(';') { [&text[..], &text].concat() } else { text.clone() };
        // The noise takes as many bytes compressed.
        let at = bytes.len() - 2_000_000;
        for way in ["-p 1", "-p 2"] {
            let out = sandbox.haul(format!("gunzip --range 1000000:100000 file.gz {way}")).run().ok().silent().out;
            assert!(out == bytes[1_000_000..1_100_000], "{command}");
            let words = format!("gunzip --range {}:{} file.gz {way}", at - 100_000, 200_000);
            let run = sandbox.haul(&words).run().code(1);
            let right = bytes[at - 100_000..].starts_with(&run.out);
            assert!(right || !with_index, "{command}: wrong bytes came out");
            run.says_in_one_line(&["file.gz", "damaged"]);
        }
        let before = with_index.then(|| sandbox.read(INDEX));
        sandbox.haul("gunzip --index file.gz").run().code(1).says_in_one_line(&["file.gz", "damaged"]);
        assert_eq!(sandbox.exists(INDEX).then(|| sandbox.read(INDEX)), before, "an index of a damaged file");
        sandbox.assert_no_leftovers(command);
    }
}

#[test]
fn a_file_without_places_is_said_to_be_one() {
    let sandbox = Sandbox::new();
    sandbox.write("text", prose(1, 6_000_000));
    make(&sandbox, "gzip -c text");
    sandbox.haul("gunzip --index file.gz").run().ok().says_in_one_line(&["file.gz", "no places", "from the start"]);
    make(&sandbox, "head -c 100000 text | gzip -c");
    sandbox.haul("gunzip --index file.gz").run().ok().silent();
    assert!(!sandbox.exists("file") && sandbox.exists("file.gz"));
}

#[test]
fn an_index_that_cannot_be_made_is_an_error() {
    let sandbox = Sandbox::new();
    sandbox.write("text", prose(1, 100_000));
    sandbox.make_directory("closed");
    make(&sandbox, "haul gzip -c text");
    std::fs::rename(sandbox.path("file.gz"), sandbox.path("closed/file.gz")).unwrap();
    sandbox.give_away();
    set_mode(sandbox.path("closed"), 0o555);
    if is_root() {
        set_mode(sandbox.path(""), 0o755);
    }
    for words in ["gunzip --index closed/file.gz", "gunzip --index --range 0:5 closed/file.gz"] {
        let run = sandbox.haul(words).without_rights().run().code(1);
        assert!(run.out.is_empty());
        run.says_in_one_line(&["cannot create", "closed/file.gz.haul-index", "Permission denied"]);
    }
    assert_eq!(sandbox.haul("gunzip --range 0:5 closed/file.gz").without_rights().run().ok().silent().out.len(), 5);
    make(&sandbox, "haul gzip -c text");
    sandbox.make_directory(INDEX);
    sandbox.haul("gunzip --index file.gz").run().code(1).says_in_one_line(&[INDEX, "directory"]);
    sandbox.haul("gunzip --range 0:5 file.gz").run().ok().says_in_one_line(&[INDEX, "directory"]);
    sandbox.assert_no_leftovers("a directory in the way");
}

#[test]
fn several_files_and_standard_input() {
    let sandbox = Sandbox::new();
    let (one, two) = (prose(1, 3_000_000), prose(2, 20_000));
    for (name, bytes) in [("one", &one), ("two", &two)] {
        sandbox.write(name, bytes);
        sandbox.haul(format!("gzip {name}")).run().ok();
    }
    let expected = [&one[10_000..30_000], &two[10_000..]].concat();
    for _ in 0..2 {
        let out = sandbox.haul("gunzip --range 10000:20000 one.gz two.gz").run().ok().silent().out;
        assert!(out == expected);
        sandbox.haul("gunzip --index one.gz two.gz").run().ok().silent();
    }
    let out = sandbox.haul("gunzip --range 10000:20000").input(sandbox.read("one.gz")).run().ok().silent().out;
    assert!(out == one[10_000..30_000]);
    // What is behind the range is not waited for.
    let haul = common::run::binary().display();
    // Random bytes, so that gzip has as much as is looked at soon.
    let endless =
        format!("(yes | head -c 5000; cat /dev/urandom) | gzip -1 | timeout 30 {haul} gunzip --range 1000:10");
    assert_eq!(sandbox.tool("sh", &["-c", &endless]), b"y\ny\ny\ny\ny\n");
}

#[test]
fn what_makes_no_sense_is_refused() {
    let sandbox = Sandbox::new();
    sandbox.write("text", prose(1, 1000));
    make(&sandbox, "haul gzip -c text");
    for words in [
        "--range 5",
        "--range :5",
        "--range 5:x",
        "--range 1:2:3",
        "--range -5:",
        "--range 0:5 -t",
        "--range 0:5 --update",
        "--range 0:5 --output-dir .",
        "--range 0:5 --max-output 5",
        "--range 0:5 --json",
        "--index -c",
        "--index -t",
    ] {
        let run = sandbox.haul(format!("gunzip {words} file.gz")).run().code(2);
        assert!(!run.err.is_empty() && run.out.is_empty());
    }
    sandbox.haul("gunzip --index").run().code(2).says(&["standard input"]);
    sandbox.haul("gunzip --index -").run().code(2).says(&["standard input"]);
    sandbox.haul("gzip --range 0:5 file.gz").run().code(2).says(&["add -d"]);
    sandbox.haul("gzip --index file.gz").run().code(2).says(&["add -d"]);
    assert_eq!(sandbox.list("").len(), 2);
}

#[test]
fn bgzip_agrees() {
    if !have("bgzip") {
        return;
    }
    let sandbox = Sandbox::new();
    let text = [prose(1, 3_000_000), noise(2, 1_000_000)].concat();
    sandbox.write("text", &text);
    make(&sandbox, "bgzip -c text");
    sandbox.tool("bgzip", &["-r", "file.gz"]);
    for (at, length) in
        ranges(text.len(), 7).into_iter().filter(|(at, length)| at + length <= text.len() && *length > 0)
    {
        let theirs = sandbox.tool("bgzip", &["-b", &at.to_string(), "-s", &length.to_string(), "-c", "file.gz"]);
        let ours = sandbox.haul(format!("gunzip --range {at}:{length} file.gz")).run().ok().silent().out;
        assert!(ours == theirs, "{at}:{length}");
    }
}

#[test]
fn an_index_is_no_source() {
    let sandbox = Sandbox::new();
    sandbox.write("tree/file", prose(1, 500_000));
    sandbox.haul("gzip tree/file").run().ok();
    sandbox.haul("gunzip --index tree/file.gz").run().ok();
    sandbox.haul("gzip -rv tree").run().ok().says(&["file.gz.haul-index", "it is an index"]);
    assert!(sandbox.exists("tree/file.gz.haul-index") && sandbox.list("tree").len() == 2);
}

#[test]
fn an_index_replaces_only_an_index() {
    let sandbox = Sandbox::new();
    let packed = sandbox.haul("gzip").input(prose(1, 500_000)).run().ok().out;
    sandbox.write("a.gz", &packed);
    sandbox.write("a.gz.haul-index", "precious");
    sandbox.haul("gunzip --index a.gz").run().code(1).says_in_one_line(&["a.gz.haul-index", "not an index", "-f"]);
    assert_eq!(sandbox.read("a.gz.haul-index"), b"precious");
    sandbox.haul("gunzip --index -f a.gz").run().ok();
    sandbox.haul("gunzip --index a.gz").run().ok();
    sandbox.make_directory("b.gz.haul-index");
    sandbox.write("b.gz", &packed);
    sandbox.haul("gunzip --index b.gz").run().code(1).says_in_one_line(&["b.gz.haul-index", "directory"]);
    sandbox.write("plain", "plain text");
    sandbox.haul("gunzip --range 0:5 --index -f plain").run().code(1);
    assert!(!sandbox.exists("plain.haul-index"));
    sandbox.assert_no_leftovers("indexes");
}

#[test]
fn an_index_of_a_file_of_the_same_size_and_time_is_noticed() {
    let sandbox = Sandbox::new();
    let gz = |bytes: &[u8]| sandbox.haul("gzip -1 --block 64K").input(bytes).run().ok().out;
    let (one, other) = (gz(&noise(1, 300_000)), gz(&noise(2, 300_000)));
    assert_eq!(one.len(), other.len(), "noise does not shrink");
    for (name, bytes) in [("a.gz", &one), ("b.gz", &other)] {
        sandbox.write(name, bytes);
        set_mtime(sandbox.path(name), 1_000_000_000, 5);
    }
    sandbox.haul("gunzip --index a.gz").run().ok();
    std::fs::rename(sandbox.path("a.gz.haul-index"), sandbox.path("b.gz.haul-index")).unwrap();
    let run = sandbox.haul("gunzip --range 200000:10 b.gz").run().ok().says(&["b.gz.haul-index", "another file"]);
    assert_eq!(run.out, noise(2, 300_000)[200_000..200_010]);
}

#[test]
fn a_range_of_what_does_not_end_ends() {
    if !have("bash") || !have("gzip") {
        return;
    }
    let sandbox = Sandbox::new();
    let haul = common::run::binary().display();
    for words in ["-cf --range 0:10", "--range 3M:4 -p 1", "--range 3M:4 -p 4", "--range 3M:4 --route pieces -p 4"] {
        let make = if words.contains("-cf") { "yes" } else { "cat /dev/urandom | gzip -1c" };
        let script = format!("{make} | timeout 30 '{haul}' gunzip {words} | wc -c; echo ${{PIPESTATUS[@]: -2:1}}");
        let out = sandbox.tool("bash", &["-c", &script]);
        let expected = if words.contains("-cf") { "10\n0\n" } else { "4\n0\n" };
        assert_eq!(String::from_utf8_lossy(&out), expected, "{words}");
    }
}

#[test]
fn what_comes_byte_by_byte_is_known_for_gzip() {
    let sandbox = Sandbox::new();
    if !have("sh") {
        return;
    }
    sandbox.write("file.gz", sandbox.haul("gzip").input(b"contents".to_vec()).run().ok().out);
    let haul = common::run::binary().display();
    for route in ["auto", "stream", "pipeline", "pieces", "small"] {
        let script =
            format!("(head -c 1 file.gz; sleep 0.1; tail -c +2 file.gz) | '{haul}' gunzip -cf --route {route}");
        assert_eq!(sandbox.tool("sh", &["-c", &script]), b"contents", "{route}");
    }
}

/// Whether `--range` reads by the index that lies there; where it does not, it says why and gives the right bytes.
#[track_caller]
fn is_believed(sandbox: &Sandbox, rights: bool, what: &str) -> bool {
    let words = |words: &str| {
        let haul = sandbox.haul(format!("gunzip --range 200K:10 file.gz {words}"));
        if rights { haul.run() } else { haul.without_rights().run() }
    };
    let (run, expected) = (words("").ok(), &prose(1, 300_000)[200 << 10..][..10]);
    assert!(run.out == expected, "{what}: {} bytes", run.out.len());
    let believed = run.err.is_empty();
    assert!(believed || run.err.contains(INDEX) && run.err.lines().count() == 1, "{what}: {}", run.err);
    let by_it = words("-v").err.contains("by its index");
    assert_eq!(by_it, believed, "{what}: what is said and what is done");
    assert!(words("-q").ok().err.is_empty(), "{what}");
    believed
}

/// `file.gz` with places to begin at, and its index.
fn indexed() -> Sandbox {
    let sandbox = Sandbox::new();
    sandbox.write("text", prose(1, 300_000));
    make(&sandbox, "haul gzip -c --block 64K --codec libdeflate text");
    index(&sandbox);
    sandbox
}

#[test]
fn an_index_that_others_can_write_to_is_not_believed() {
    let sandbox = indexed();
    for (mode, believed) in [
        (0o644, true),
        (0o600, true),
        (0o444, true),
        (0o755, true),
        (0o664, false),
        (0o620, false),
        (0o646, false),
        (0o602, false),
        (0o666, false),
        (0o777, false),
    ] {
        set_mode(sandbox.path(INDEX), mode);
        assert_eq!(is_believed(&sandbox, true, &format!("mode {mode:o}")), believed, "mode {mode:o}");
    }
    set_mode(sandbox.path(INDEX), 0o664);
    sandbox.haul("gunzip --index file.gz").run().ok();
    assert!(is_believed(&sandbox, true, "made again"));
    if !have("setfacl") {
        return;
    }
    for (entry, believed) in [("u:1:r", true), ("u:1:rw", false), ("g:1:rw", false), ("m::r", true)] {
        if sandbox.tool("sh", &["-c", &format!("setfacl -m {entry} {INDEX} 2>&1 || true")]).is_empty() {
            assert_eq!(is_believed(&sandbox, true, entry), believed, "{entry}");
        }
    }
}

#[test]
fn an_index_of_a_stranger_is_not_believed() {
    if !is_root() {
        common::skip("only root can give files away");
        return;
    }
    let sandbox = indexed();
    set_mode(sandbox.path(""), 0o755);
    let (root, nobody) = (0, 65_534);
    let give = |name: &str, user| std::os::unix::fs::chown(sandbox.path(name), Some(user), None).expect("chown");
    // Who runs it, whose the file is, whose the index.
    for (rights, file, index, believed) in [
        (true, root, root, true),
        (true, root, 1234, false),
        (true, 1234, 1234, true),
        (true, 1234, root, true),
        (true, 1234, nobody, false),
        (false, root, nobody, true),
        (false, root, root, true),
        (false, 1234, root, true),
        (false, 1234, 1234, true),
        (false, 1234, 4321, false),
        (false, root, 1234, false),
        (false, nobody, 1234, false),
    ] {
        give("file.gz", file);
        give(INDEX, index);
        let what = format!("root: {rights}, file of {file}, index of {index}");
        assert_eq!(is_believed(&sandbox, rights, &what), believed, "{what}");
    }
}

#[test]
fn what_is_not_a_regular_file_is_not_an_index() {
    let sandbox = indexed();
    std::fs::rename(sandbox.path(INDEX), sandbox.path("elsewhere")).unwrap();
    sandbox.link(INDEX, "elsewhere");
    assert!(!is_believed(&sandbox, true, "a link to a good one"));
    sandbox.haul("gunzip --range 5:5 file.gz").run().ok().says(&[INDEX, "symbolic link"]);
    sandbox.haul("gunzip --index file.gz").run().code(1).says(&[INDEX]);
    sandbox.remove(INDEX);
    common::make_fifo(sandbox.path(INDEX));
    assert!(!is_believed(&sandbox, true, "a FIFO"));
    sandbox.remove(INDEX);
    sandbox.make_directory(INDEX);
    assert!(!is_believed(&sandbox, true, "a directory"));
}

#[test]
fn an_index_is_made_so_that_it_is_believed() {
    use std::os::unix::fs::MetadataExt as _;
    let haul = common::run::binary().display();
    for (mode, expected) in [(0o666, 0o644), (0o777, 0o644), (0o664, 0o644), (0o640, 0o640), (0o600, 0o600)] {
        for umask in ["0", "002", "022"] {
            for acl in [false, true] {
                let sandbox = indexed();
                sandbox.remove(INDEX);
                set_mode(sandbox.path("file.gz"), mode);
                let set = "setfacl -d -m u::rwx,g::rwx,o::rwx,u:1:rwx,m::rwx . 2>/dev/null";
                if acl
                    && (!have("setfacl") || sandbox.tool("sh", &["-c", &format!("{set} && echo y || true")]).is_empty())
                {
                    continue;
                }
                let script = format!("umask {umask}; '{haul}' gunzip --index file.gz");
                sandbox.tool("sh", &["-c", &script]);
                let made = std::fs::metadata(sandbox.path(INDEX)).unwrap().mode() & 0o7777;
                assert_eq!(made, expected, "file {mode:o}, umask {umask}, default ACL: {acl}");
                assert!(is_believed(&sandbox, true, &format!("file {mode:o}, umask {umask}, default ACL: {acl}")));
            }
        }
    }
}
