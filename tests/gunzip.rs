//! `haul gunzip` from outside: what other tools wrote, what is damaged, what comes behind the last member.

#![allow(clippy::disallowed_methods, missing_docs, reason = "the tests look at files from outside")]

mod common;

use std::os::unix::fs::MetadataExt as _;

use common::{
    SAMPLES, Sandbox, WAYS, assert_same, have, make_fifo, many, noise, prose, sample, set_mode, set_mtime, snapshot,
    ways,
};

/// A member with a name and a time in its header, made by haul itself in a sandbox of its own.
fn gz(bytes: &[u8]) -> Vec<u8> {
    Sandbox::new().haul("gzip").input(bytes).run().ok().out
}

#[test]
fn what_other_tools_write_is_read() {
    let sandbox = Sandbox::new();
    let mut texts: Vec<Vec<u8>> = SAMPLES.iter().map(|name| sample(name)).collect();
    texts.extend([prose(1, 1_000_000), noise(2, 300_000), vec![7; 3_000_000]]);
    for (number, bytes) in texts.iter().enumerate() {
        sandbox.write(format!("{number}"), bytes);
    }
    let python = "import gzip, sys, shutil; shutil.copyfileobj(open(sys.argv[1], 'rb'), gzip.open('made.gz', 'wb'))";
    for (program, command) in [
        ("gzip", "gzip -1c FILE >made.gz"),
        ("gzip", "gzip -9c FILE >made.gz"),
        ("gzip", "gzip -nc --rsyncable FILE >made.gz"),
        ("pigz", "pigz -p2 -c FILE >made.gz"),
        ("pigz", "pigz -i -b 32 -c FILE >made.gz"),
        ("bgzip", "bgzip -c FILE >made.gz"),
        ("igzip", "igzip -c FILE >made.gz"),
        ("busybox", "busybox gzip -c FILE >made.gz"),
        ("python3", "python3 -c \"$PYTHON\" FILE"),
        ("gzip", "cat FILE | gzip -c >made.gz; printf more | gzip -c >>made.gz; printf '' | gzip -c >>made.gz"),
    ] {
        if !have(program) {
            continue;
        }
        for (number, bytes) in texts.iter().enumerate() {
            let script = format!("PYTHON=\"{python}\"; {}", command.replace("FILE", &number.to_string()));
            sandbox.tool("sh", &["-ec", &script]);
            let expected = if command.contains(">>") { [&bytes[..], b"more"].concat() } else { bytes.clone() };
            for way in ways().iter().skip(number % 3).step_by(many(3, 1)) {
                let back = sandbox.haul(format!("gunzip -c made.gz {way}")).run().ok().silent().out;
                assert!(back == expected, "file {number} by {command}, {way}");
            }
            let back = sandbox.haul("gunzip").input(sandbox.read("made.gz")).run().ok().silent().out;
            assert!(back == expected, "file {number} by {command}, from a pipe");
        }
    }
}

#[test]
fn buffers_of_every_size_give_the_same() {
    let sandbox = Sandbox::new();
    let bytes = prose(1, 100_000);
    sandbox.write("file.gz", [gz(&bytes), gz(b"more"), vec![0; 100]].concat());
    let expected = [&bytes[..], b"more"].concat();
    for buffer in ["1", "2", "9", "511", "4K", "1M"] {
        for way in ways() {
            for pool in ["auto", "off", "2"] {
                let words = format!("gunzip -c file.gz --buffer {buffer} --pool {pool} {way}");
                assert!(sandbox.haul(&words).run().ok().silent().out == expected, "{words}");
            }
        }
    }
}

#[test]
fn the_source_gives_way_to_a_target_of_the_same_mode_and_time() {
    for way in ways() {
        let sandbox = Sandbox::new();
        for (name, mode) in [("a.gz", 0o640), ("b.gz", 0o444)] {
            set_mode(sandbox.write(name, gz(&prose(1, 200_000))), mode);
            set_mtime(sandbox.path(name), 1_234_567_890, 123_456_789);
        }
        sandbox.haul(format!("gunzip a.gz b.gz {way}")).run().ok().silent();
        for (name, mode) in [("a", 0o640), ("b", 0o444)] {
            let metadata = std::fs::metadata(sandbox.path(name)).unwrap();
            assert_eq!(metadata.mode() & 0o7777, mode, "{name} {way}");
            assert_eq!((metadata.mtime(), metadata.mtime_nsec()), (1_234_567_890, 123_456_789), "{name} {way}");
        }
        assert_eq!(sandbox.list("").len(), 2, "{way}");
    }
}

#[test]
fn keep_stdout_and_test_keep_the_source() {
    let sandbox = Sandbox::new();
    sandbox.write("file.gz", gz(b"contents"));
    let before = snapshot(sandbox.path("file.gz"));
    assert_eq!(sandbox.haul("gunzip -c file.gz").run().ok().silent().out, b"contents");
    assert!(sandbox.haul("gunzip -t file.gz").run().ok().silent().out.is_empty());
    assert!(!sandbox.exists("file"));
    sandbox.haul("gunzip -k file.gz").run().ok().silent();
    assert_eq!(sandbox.read("file"), b"contents");
    assert_same(&before, &snapshot(sandbox.path("file.gz")), "the source");
}

#[test]
fn a_missing_file_is_tried_with_the_suffix() {
    let sandbox = Sandbox::new();
    sandbox.write("file.gz", gz(b"contents"));
    sandbox.haul("gunzip file").run().ok().silent();
    assert_eq!(sandbox.read("file"), b"contents");
    sandbox.haul("gunzip nothing").run().code(1).says_in_one_line(&["nothing", "No such file or directory"]);
}

#[test]
fn suffixes_are_taken_off_as_gnu_does() {
    let sandbox = Sandbox::new();
    for (name, target) in [
        ("a.gz", "a"),
        ("a.GZ", "a"),
        ("a.tgz", "a.tar"),
        ("a.taz", "a.tar"),
        ("a.z", "a"),
        ("a-gz", "a"),
        ("a-z", "a"),
        ("a_z", "a"),
    ] {
        sandbox.write(name, gz(b"contents"));
        sandbox.haul(format!("gunzip {name}")).run().ok().silent();
        assert_eq!(sandbox.list("").into_iter().collect::<Vec<_>>(), [target], "{name}");
        assert_eq!(sandbox.read(target), b"contents");
        sandbox.remove(target);
    }
    sandbox.write("file.txt", gz(b"contents"));
    let run = sandbox.haul("gunzip file.txt").run();
    assert!(sandbox.exists("file.txt") && sandbox.list("").len() == 1);
    run.code(1).says_in_one_line(&["file.txt", "suffix"]);
    assert_eq!(sandbox.haul("gunzip -c file.txt").run().ok().out, b"contents", "-c needs no suffix");
}

#[test]
fn the_stored_name_is_used_only_when_asked_and_only_as_a_name() {
    let sandbox = Sandbox::new();
    sandbox.write("first", "contents");
    set_mtime(sandbox.path("first"), 1_000_000_000, 5);
    sandbox.haul("gzip first").run().ok();
    std::fs::rename(sandbox.path("first.gz"), sandbox.path("other.gz")).unwrap();
    set_mtime(sandbox.path("other.gz"), 1_500_000_000, 0);
    let gz = sandbox.read("other.gz");

    sandbox.haul("gunzip -k other.gz").run().ok();
    assert_eq!(std::fs::metadata(sandbox.path("other")).unwrap().mtime(), 1_500_000_000);
    sandbox.haul("gunzip -kN other.gz").run().ok();
    assert_eq!(sandbox.read("first"), b"contents");
    assert_eq!(std::fs::metadata(sandbox.path("first")).unwrap().mtime(), 1_000_000_000);

    // A name with a path in it must not lead out of the directory.
    for hostile in ["../escaped", "/tmp/haul-test-escaped", "sub/escaped", "..", ".", ""] {
        let sandbox = Sandbox::new();
        sandbox.make_directory("sub");
        let place = sandbox.make_directory("here");
        let mut header = gz[..10].to_vec();
        header.extend_from_slice(hostile.as_bytes());
        header.push(0);
        let rest = 10 + b"first\0".len();
        sandbox.write("here/file.gz", [&header[..], &gz[rest..]].concat());
        sandbox.haul("gunzip -kN here/file.gz").run();
        assert_eq!(sandbox.list("").len(), 2, "{hostile:?} led out of {}", place.display());
        assert!(sandbox.list("sub").is_empty(), "{hostile:?}");
        assert!(!std::path::Path::new("/tmp/haul-test-escaped").exists());
    }
}

#[test]
fn an_existing_target_is_refused_without_force() {
    for way in ways() {
        let sandbox = Sandbox::new();
        sandbox.write("file.gz", gz(b"new"));
        sandbox.write("file", "older");
        sandbox.haul(format!("gunzip file.gz {way}")).run().code(1).says_in_one_line(&["'file'", "exists"]);
        assert_eq!(sandbox.read("file"), b"older", "{way}");
        assert!(sandbox.exists("file.gz"), "{way}");
        sandbox.haul(format!("gunzip -f file.gz {way}")).run().ok().silent();
        assert_eq!(sandbox.read("file"), b"new", "{way}");
        assert!(!sandbox.exists("file.gz"), "{way}");
    }
}

#[test]
fn what_is_no_plain_file_is_refused() {
    let sandbox = Sandbox::new();
    sandbox.write("real.gz", gz(b"contents"));
    sandbox.link("link.gz", "real.gz");
    make_fifo(sandbox.path("fifo.gz"));
    sandbox.write("directory.gz/inside.gz", gz(b"contents"));
    sandbox.write("linked.gz", gz(b"contents"));
    std::fs::hard_link(sandbox.path("linked.gz"), sandbox.path("linked-too.gz")).unwrap();
    let before = snapshot(sandbox.path(""));
    for name in ["link.gz", "fifo.gz", "directory.gz", "linked.gz"] {
        sandbox.haul(format!("gunzip {name}")).run().code(1).says_in_one_line(&[name]);
        assert_same(&before, &snapshot(sandbox.path("")), name);
    }
    sandbox.haul("gunzip -r directory.gz").run().ok();
    assert_eq!(sandbox.read("directory.gz/inside"), b"contents");
}

#[test]
fn in_a_tree_only_compressed_files_are_touched() {
    for way in ways() {
        let sandbox = Sandbox::new();
        sandbox.write("tree/a.gz", gz(b"a"));
        sandbox.write("tree/sub/b.tgz", gz(b"b"));
        sandbox.write("tree/plain", "plain");
        sandbox.link("tree/link.gz", "a.gz");
        sandbox.haul(format!("gunzip -r tree {way}")).run();
        assert_eq!(sandbox.read("tree/a"), b"a", "{way}");
        assert_eq!(sandbox.read("tree/sub/b.tar"), b"b", "{way}");
        assert_eq!(sandbox.read("tree/plain"), b"plain", "{way}");
        assert!(sandbox.path("tree/link.gz").is_symlink(), "{way}");
        assert_eq!(sandbox.list("tree").len(), 4, "{way}");
    }
}

/// Files that are not in gzip format, or only begin so.
fn no_gzip_files() -> Vec<(&'static str, Vec<u8>)> {
    vec![
        ("text", b"plain text\n".to_vec()),
        ("large", noise(1, 1_500_000)),
        ("empty", Vec::new()),
        ("byte", b"x".to_vec()),
        ("half-magic", b"\x1f".to_vec()),
        ("nul", vec![0]),
        ("zeros", vec![0; 5000]),
    ]
}

#[test]
fn forced_to_standard_output_what_is_no_gzip_file_is_passed_through() {
    let sandbox = Sandbox::new();
    for (name, bytes) in no_gzip_files() {
        sandbox.write(name, &bytes);
        for way in ways() {
            for route in ["auto", "small", "pieces", "pipeline", "stream"] {
                let run = sandbox.haul(format!("gunzip -cf {name} {way} --route {route}")).run().ok().silent();
                assert!(run.out == bytes, "{name} {way} {route}");
            }
            for words in ["gunzip -cf", "gunzip -f", "gzip -cdf", "gzip -df -"] {
                let run = sandbox.haul(format!("{words} {way}")).input(bytes.clone()).run().ok().silent();
                assert!(run.out == bytes, "{name} from a pipe, {words} {way}");
            }
        }
        if have("gzip") {
            assert!(sandbox.tool("gzip", &["-cdf", name]) == bytes, "{name} as GNU gzip has it");
        }
        // Neither is enough alone, and a file is made of nothing else.
        for words in ["-c", "-f", "-tf", "-k"] {
            let run = sandbox.haul(format!("gunzip {words} {name} -S {name}")).run().code(1);
            assert!(run.out.is_empty() && sandbox.read(name) == bytes, "{name} {words}");
        }
    }
    sandbox.write("file.gz", gz(b"contents"));
    for way in ways() {
        let run = sandbox.haul(format!("gunzip -cf text file.gz - byte {way}")).input("piped").run().ok().silent();
        assert_eq!(String::from_utf8_lossy(&run.out), "plain text\ncontentspipedx", "{way}");
        let run = sandbox.haul(format!("gunzip -cf --max-output 1000 large byte {way}")).run().code(1);
        assert!(run.out == [&noise(1, 1_500_000)[..1000], b"x"].concat(), "{way}: {} bytes", run.out.len());
        run.says(&["'large'", "--max-output"]);
    }
    sandbox.haul("gunzip -cfv text").run().ok().says(&["copy: it is not in gzip format"]);
}

#[test]
fn a_damaged_gzip_file_and_what_only_gnu_reads_is_never_passed_through() {
    let sandbox = Sandbox::new();
    let whole = gz(&prose(1, 50_000));
    for (what, bytes) in [
        ("a magic alone", b"\x1f\x8b".to_vec()),
        ("half a header", whole[..7].to_vec()),
        ("half a member", whole[..whole.len() / 2].to_vec()),
        ("an unknown method", b"\x1f\x8b\x07 and more of it".to_vec()),
        ("compress", b"\x1f\x9d\x90 and more of it".to_vec()),
        ("pack", b"\x1f\x1e and more of it".to_vec()),
        ("lzh", b"\x1f\xa0 and more of it".to_vec()),
        ("old gzip", b"\x1f\x9e and more of it".to_vec()),
        ("zip", b"PK\x03\x04 and more of it".to_vec()),
    ] {
        sandbox.write("file", &bytes);
        for way in ways() {
            sandbox.haul(format!("gunzip -cf file {way}")).run().code(1).says_in_one_line(&["'file'"]);
            let run = sandbox.haul(format!("gunzip -cf {way}")).input(bytes.clone()).run().code(1);
            assert!(prose(1, 50_000).starts_with(&run.out), "{what} {way}");
        }
    }
}

#[test]
fn what_is_passed_through_is_not_held_in_memory() {
    let haul = common::run::binary().display();
    let command = format!("ulimit -v 300000; head -c 1000000000 /dev/zero | '{haul}' gunzip -cf -p 1 | wc -c");
    assert_eq!(Sandbox::new().tool("sh", &["-c", &command]).trim_ascii(), b"1000000000");
}

#[test]
fn several_inputs_come_out_in_the_order_of_the_arguments() {
    let sandbox = Sandbox::new();
    let (long, middle) = (prose(1, 2_000_000), prose(2, 300_000));
    sandbox.write("long.gz", gz(&long));
    sandbox.write("short.gz", gz(b"short"));
    sandbox.write("middle.gz", gz(&middle));
    let expected = [&long[..], b"short", b"from the pipe", &middle].concat();
    for way in ways() {
        let words = format!("gunzip -c long.gz short.gz - middle.gz {way}");
        assert!(sandbox.haul(&words).input(gz(b"from the pipe")).run().ok().silent().out == expected, "{words}");
    }
}

#[test]
fn zeros_behind_the_last_member_are_padding() {
    for way in ways() {
        for zeros in [1, 2, 7, 8, 511, 512, 100_000] {
            let sandbox = Sandbox::new();
            let padded = [gz(b"contents"), vec![0; zeros]].concat();
            let run = sandbox.haul(format!("gunzip {way}")).input(padded.clone()).run().ok().silent();
            assert_eq!(run.out, b"contents", "{zeros} zeros, {way}");
            sandbox.write("file.gz", padded);
            sandbox.haul(format!("gunzip file.gz {way}")).run().ok().silent();
            assert_eq!(sandbox.list("").into_iter().collect::<Vec<_>>(), ["file"], "{zeros} zeros, {way}");
        }
    }
}

#[test]
fn what_begins_like_another_member_and_is_none_is_damage() {
    for way in ways() {
        for tail in [&b"\x1f\x8b"[..], b"\x1f\x8b\x08", b"\x1f\x8bjunk that is not a header"] {
            damaged(&[gz(b"contents"), tail.to_vec()].concat(), way, &format!("behind the member {tail:?}"));
        }
        let half = gz(&prose(3, 10_000));
        damaged(&[gz(b"contents"), half[..half.len() / 2].to_vec()].concat(), way, "half a second member");
    }
}

#[test]
fn damage_is_found_wherever_it_is() {
    let whole = gz(&prose(1, 400_000));
    let length = whole.len();
    // Each damage in one way, if there is no time for all.
    for (number, way) in ways().iter().enumerate() {
        let cuts = [1, 2, 9, 10, 11, 100, length / 2, length - 9, length - 8, length - 4, length - 1];
        for cut in cuts.into_iter().skip(number % 3).step_by(many(3, 1)) {
            damaged(&whole[..cut], way, &format!("cut to {cut} of {length} bytes"));
        }
        let places = [0, 1, 2, 3, length / 3, length / 2, length - 100, length - 8, length - 5, length - 4, length - 1];
        for place in places.into_iter().skip(number % 3).step_by(many(3, 1)) {
            let mut flipped = whole.clone();
            // Bit 5 of the flags is reserved; everywhere else any bit will do.
            flipped[place] ^= 0x20;
            damaged(&flipped, way, &format!("bit flipped in byte {place} of {length}"));
        }
        damaged(b"", way, "an empty file");
        damaged(b"plain text, and more of it", way, "a plain file");
        damaged(&[0; 100], way, "zeros");
    }
}

/// These bytes must not pass as a gzip file in any mode, nor leave anything behind.
#[track_caller]
fn damaged(bytes: &[u8], way: &str, what: &str) {
    let sandbox = Sandbox::new();
    sandbox.write("file.gz", bytes);
    for mode in ["-t", "-k", "", "-f"] {
        let run = sandbox.haul(format!("gunzip {mode} file.gz {way}")).run();
        assert_eq!(run.status().code(), Some(1), "{what}: {}: {}", run.words(), run.err);
        run.says_in_one_line(&["file.gz"]);
        assert_eq!(sandbox.list("").into_iter().collect::<Vec<_>>(), ["file.gz"], "{what}, {mode} {way}");
        assert!(sandbox.read("file.gz") == bytes, "{what}: the source changed, {mode} {way}");
    }
    sandbox.write("file", "older");
    sandbox.haul(format!("gunzip -f file.gz {way}")).run().code(1);
    assert_eq!(sandbox.read("file"), b"older", "{what}: the older target, {way}");
    sandbox.haul(format!("gunzip {way}")).input(bytes).run().code(1);
}

#[test]
fn what_came_before_the_damage_is_right() {
    let bytes = prose(1, 1_500_000);
    let whole = gz(&bytes);
    for way in ways() {
        let cut = whole[..whole.len() * 3 / 4].to_vec();
        let run = Sandbox::new().haul(format!("gunzip -c {way}")).input(cut).run().code(1);
        assert!(bytes.starts_with(&run.out), "{way}: {} bytes, and not the right ones", run.out.len());
        assert!(run.out.len() > bytes.len() / 2, "{way}: only {} bytes came out", run.out.len());
        let two = [gz(b"first"), b"\x1f\x8b\x08\0".to_vec()].concat();
        let run = Sandbox::new().haul(format!("gunzip -c {way}")).input(two).run().code(1);
        assert_eq!(run.out, b"first", "{way}");
    }
}

#[test]
fn one_damaged_file_does_not_keep_the_others_from_being_done() {
    for way in ways() {
        let sandbox = Sandbox::new();
        for name in ["a", "b", "c", "d"] {
            sandbox.write(format!("{name}.gz"), gz(name.as_bytes()));
        }
        let whole = sandbox.read("b.gz");
        sandbox.write("b.gz", &whole[..whole.len() - 1]);
        let run = sandbox.haul(format!("gunzip -q a.gz b.gz missing.gz c.gz d.gz {way}")).run().code(1);
        let run = run.says(&["b.gz", "missing.gz"]);
        assert_eq!(run.err.lines().count(), 2, "{way}: {}", run.err);
        let names: Vec<_> = sandbox.list("").into_iter().collect();
        assert_eq!(names, ["a", "b.gz", "c", "d"], "{way}");
    }
}

#[test]
fn a_claim_of_gigabytes_costs_no_memory() {
    // ISIZE says 4 GiB - 1; nobody may believe it before the end.
    let sandbox = Sandbox::new();
    let mut bytes = gz(&prose(1, 100_000));
    let end = bytes.len();
    bytes[end - 4..].copy_from_slice(&[0xff; 4]);
    sandbox.write("file.gz", &bytes);
    let haul = common::run::binary().display().to_string();
    // 1 GiB of address space is enough for the threads' stacks and arenas, not for the claim.
    let script = format!("ulimit -v 1048576; '{haul}' gunzip -k --workers 2 file.gz");
    let status = common::run::command("sh").args(["-c", &script]).current_dir(sandbox.path("")).output().unwrap();
    assert_eq!(status.status.code(), Some(1), "{}", String::from_utf8_lossy(&status.stderr));
    assert_eq!(sandbox.list("").len(), 1);
}

#[test]
fn verbose_shows_each_file_and_json_counts() {
    let sandbox = Sandbox::new();
    sandbox.write("file.gz", gz(&prose(1, 100_000)));
    sandbox.haul("gunzip -vk file.gz").run().ok().says(&["file.gz", "100000"]);
    sandbox.remove("file");
    let json = sandbox.haul("gunzip -k file.gz --json").run().ok().json();
    assert_eq!(json["files"].as_u64(), Some(1), "{json:#}");
    assert_eq!(json["target_bytes"].as_u64(), Some(100_000), "{json:#}");
    assert_eq!(json["source_bytes"].as_u64(), Some(sandbox.read("file.gz").len() as u64), "{json:#}");
}

#[test]
fn who_inflates_stops_when_nobody_wants_more() {
    if !have("bash") || !have("gzip") {
        return;
    }
    let sandbox = Sandbox::new();
    for workers in (1..=3).step_by(many(2, 1)) {
        // Without an end: whoever reads on is ended by timeout, which says 124.
        for (words, reader, code) in [("-c", "head -c 3000000", 141), ("-c --max-output 60M", "cat", 1)] {
            let haul = common::run::binary().display();
            let pipe =
                format!("cat /dev/urandom | gzip -1c | timeout 30 '{haul}' gunzip {words} -p {workers} 2>/dev/null");
            let script = format!("{pipe} | {reader} >/dev/null; echo ${{PIPESTATUS[2]}}");
            let code_of_haul = sandbox.tool("bash", &["-c", &script]);
            assert_eq!(String::from_utf8_lossy(&code_of_haul).trim(), code.to_string(), "{words}, {workers} workers");
        }
    }
}

#[test]
fn many_small_members_take_no_longer_than_their_bytes() {
    let sandbox = Sandbox::new();
    // Larger than a buffer. To search all that was read for each member anew took minutes.
    let (tiny, empty) = (gz(b"tiny").repeat(100_000), gz(b"").repeat(150_000));
    let piece = gz(&prose(1, 3_000_000));
    for (bytes, expected) in [
        (tiny.clone(), b"tiny".repeat(100_000)),
        (empty, Vec::new()),
        ([piece, tiny].concat(), [prose(1, 3_000_000), b"tiny".repeat(100_000)].concat()),
    ] {
        assert!(bytes.len() > 2_200_000, "{} bytes", bytes.len());
        sandbox.write("file.gz", bytes);
        for way in [WAYS[0], WAYS[2]] {
            assert!(sandbox.haul(format!("gunzip -c file.gz {way}")).run().ok().silent().out == expected, "{way}");
        }
    }
}

#[test]
fn a_target_that_is_there_is_named_as_such_and_holds_up_nobody() {
    for way in ways() {
        let sandbox = Sandbox::new();
        // What would become of the second is the first, which is a source itself.
        sandbox.write("tree/a.gz", gz(b"a"));
        sandbox.write("tree/a.gz.gz", gz(b"other"));
        sandbox.haul(format!("gunzip -r tree {way}")).run();
        assert_eq!(sandbox.read("tree/a"), b"a", "{way}");
        sandbox.write("b", "older");
        sandbox.write("b.gz", gz(b"b"));
        sandbox.write("b.z", gz(b"b"));
        // With two at once, one may see that the other wants it, too, before it sees that it is there.
        let run = sandbox.haul(format!("gunzip b.gz b.z {way} --workers 1")).run().code(1);
        assert_eq!(
            run.err.matches("it exists; -f replaces it").count(),
            4,
            "each, and once more at the end: {}",
            run.err
        );
        assert_eq!(sandbox.read("b"), b"older", "{way}");
    }
}

#[test]
fn out_of_a_pipe_comes_what_went_in_long_before_its_end() {
    let sandbox = Sandbox::new();
    let bytes = noise(4, 1_500_000);
    let packed = gz(&bytes);
    for route in ["auto", "stream", "pipeline"] {
        let mut running = sandbox.haul(format!("gunzip -c -p 2 --route {route}")).spawn();
        running.feed(&packed[..1_200_000]);
        // It stays open. What is waited for here is less than what went in.
        let came = running.read_and_hang_up(200_000);
        assert!(bytes.starts_with(&came), "{route}");
    }
}

#[test]
fn what_scripts_say_to_gunzip_is_understood() {
    let sandbox = Sandbox::new();
    for flag in ["-d", "--decompress", "--uncompress"] {
        sandbox.write("file.gz", gz(b"contents"));
        sandbox.haul(format!("gunzip {flag} file.gz")).run().ok().silent();
        assert_eq!(sandbox.read("file"), b"contents", "{flag}");
        sandbox.remove("file");
    }
}

#[test]
fn a_gz_in_a_gz_is_not_taken_for_pieces() {
    let sandbox = Sandbox::new();
    // What does not shrink is stored, marks and all.
    let inner = gz(&noise(5, 5_000_000));
    let outer = sandbox.haul("gzip -1 --codec libdeflate").input(inner.clone()).run().ok().out;
    assert!(outer.len() > 2_200_000);
    sandbox.write("file.gz", outer);
    let run = sandbox.haul("gunzip -cv -p 2 file.gz").run().ok().says(&["pipeline", "no pieces"]);
    assert!(run.out == inner);
    let run = sandbox.haul("gunzip -cv -p 2 --route pieces file.gz").run().ok().says(&["pieces: as asked"]);
    assert!(run.out == inner);
}
