//! What follows the last member of a file: padding, or a failure, the same on every route and under every name; and
//! BGZF's own end.

#![allow(clippy::disallowed_methods, missing_docs, reason = "the tests look at files from outside")]

mod common;
#[path = "common/inflated.rs"]
mod inflated;
#[path = "common/made.rs"]
mod made;

use std::ffi::OsStr;
use std::io::Write as _;
use std::os::unix::ffi::OsStrExt as _;

use common::{Sandbox, have, is_thorough, noise, prose};
use haul::plan::CodecName;
use made::{BGZF_END, HEADER, bgzf, bgzf_block, gzip, hauled, pigz};

const ROUTES: [&str; 5] = ["auto", "small", "pieces", "pipeline", "stream"];

/// What is to be said of a tail.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Verdict {
    /// Nothing: it is padding.
    Padding,
    /// That something else is there.
    Junk,
    /// That it is a member, and damaged.
    Member,
}
use Verdict::{Junk, Member, Padding};

/// A member of which a bit is flipped.
fn flipped(bit: usize) -> Vec<u8> {
    let mut member = gzip(&prose(9, 3_000), 6);
    member[bit / 8] ^= 1 << (bit % 8);
    member
}

/// What may follow a member.
fn tails() -> Vec<(String, Vec<u8>, Verdict)> {
    let mut tails = vec![
        ("nothing".to_owned(), Vec::new(), Padding),
        ("a zero".to_owned(), vec![0], Padding),
        ("zeros".to_owned(), vec![0; 3_000_000], Padding),
        ("a byte".to_owned(), b"x".to_vec(), Junk),
        ("a byte that a member begins with".to_owned(), b"\x1f".to_vec(), Member),
        ("a line".to_owned(), b"signature\n".to_vec(), Junk),
        ("zeros and a line".to_owned(), [&[0; 700][..], b"signature\n"].concat(), Junk),
        ("zeros and a byte".to_owned(), b"\0\0\0x".to_vec(), Junk),
        ("zeros and a member".to_owned(), [&[0; 512][..], &gzip(b"more", 6)].concat(), Member),
        ("zeros and a member far away".to_owned(), [&vec![0; 2_500_000][..], &gzip(b"more", 6)].concat(), Member),
        ("a byte and a member".to_owned(), [b"x", &gzip(b"more", 6)[..]].concat(), Member),
        ("much of something".to_owned(), [b"x", &noise(3, 3_000_000)[..]].concat(), Junk),
    ];
    tails.extend((0..16).map(|bit| (format!("a member, bit {bit} flipped"), flipped(bit), Member)));
    // The header of a member where reads of 64 KiB and of 1 MiB end.
    for place in [65_536_usize, 1 << 20, 1 << 21] {
        for before in [1, 5, 9] {
            let junk = [vec![b'j'; place - before], HEADER.to_vec(), vec![b'j'; 100]].concat();
            tails.push((format!("a header {before} bytes before {place}"), junk, Member));
        }
    }
    tails
}

/// Compressed files of every kind, each with what comes out of it.
fn kinds() -> Vec<(&'static str, Vec<u8>, Vec<u8>)> {
    let (short, text) = (prose(1, 2_000), prose(2, 400_000));
    let with_end = |data: &[u8]| bgzf(data, 40_000);
    vec![
        ("a short member", gzip(&short, 6), short.clone()),
        ("members", [gzip(&short, 6), gzip(b"", 6), gzip(&text, 1)].concat(), [&short[..], &text].concat()),
        ("haul's", hauled(&text, CodecName::Libdeflate, 6, 60_000), text.clone()),
        ("BGZF", with_end(&text), text.clone()),
        ("pigz's", pigz(&text, 30_000, false), text),
    ]
}

/// Runs `words` and compares verdict, message and bytes.
#[track_caller]
fn check(sandbox: &Sandbox, words: &str, input: Option<&[u8]>, verdict: Verdict, what: &str, out: Option<&[u8]>) {
    let haul = sandbox.haul(words);
    let run = if let Some(input) = input { haul.input(input) } else { haul }.run();
    let expected = i32::from(verdict != Padding);
    assert_eq!(run.status().code(), Some(expected), "{what}: {words}: {}", run.err);
    assert_eq!(run.err.contains("after the last"), verdict != Padding, "{what}: {words}: {}", run.err);
    assert_eq!(run.err.contains("a member follows"), verdict == Member, "{what}: {words}: {}", run.err);
    if let Some(out) = out {
        assert!(run.out == out, "{what}: {words}: {} bytes, not {}", run.out.len(), out.len());
    }
}

#[test]
fn every_route_says_the_same_of_what_follows() {
    let sandbox = Sandbox::new();
    for (turn, (kind, whole, out)) in kinds().into_iter().enumerate() {
        for (number, (tail, bytes, verdict)) in tails().into_iter().enumerate() {
            let what = format!("{kind}, {tail}");
            let file = [&whole[..], &bytes].concat();
            sandbox.write("file.gz", &file);
            // Each tail on each route, of some kind.
            for (place, route) in ROUTES.iter().enumerate() {
                if (place + number + turn).is_multiple_of(ROUTES.len()) {
                    let workers = 1 + (place + number) % 3;
                    let words = format!("gunzip -qc --route {route} --workers {workers}");
                    check(&sandbox, &format!("{words} file.gz"), None, verdict, &what, Some(&out));
                    check(&sandbox, &words, Some(&file), verdict, &what, Some(&out));
                    check(&sandbox, &format!("gunzip -tq --route {route} file.gz"), None, verdict, &what, Some(b""));
                }
            }
            if number % 5 == turn {
                check(&sandbox, "gunzip -c --buffer 777 file.gz", None, verdict, &what, Some(&out));
                check(&sandbox, "gzip -dc file.gz", None, verdict, &what, Some(&out));
                check(&sandbox, "gzip -d -", Some(&file), verdict, &what, Some(&out));
                check(&sandbox, "gzip -l file.gz", None, verdict, &what, None);
                check(&sandbox, "gunzip --index file.gz", None, verdict, &what, None);
                assert_eq!(sandbox.exists("file.gz.haul-index"), verdict == Padding, "{what}: an index");
                check(&sandbox, "gunzip --range 0: file.gz", None, verdict, &what, Some(&out));
                check(&sandbox, "gunzip --range 10:20 file.gz", None, Padding, &what, Some(&out[10..30]));
                check(&sandbox, "gunzip --index --range 0: file.gz", None, verdict, &what, Some(&out));
                let _ = std::fs::remove_file(sandbox.path("file.gz.haul-index"));
            }
        }
    }
}

#[test]
fn the_bytes_stay_and_so_does_the_source() {
    let whole = gzip(b"contents", 6);
    for (tail, bytes, verdict) in tails().into_iter().filter(|(_, bytes, _)| bytes.len() < 5_000) {
        for words in ["gunzip", "gzip -dNf", "gunzip -r --workers 2"] {
            let sandbox = Sandbox::new();
            sandbox.write("tree/file.gz", [&whole[..], &bytes].concat());
            sandbox.write("tree/good.gz", &whole);
            let names = if words.ends_with("-r") { "tree" } else { "tree/good.gz tree/file.gz" };
            check(&sandbox, &format!("{words} {names}"), None, verdict, &tail, None);
            assert_eq!(sandbox.read("tree/file"), b"contents", "{tail}: {words}");
            assert_eq!(sandbox.read("tree/good"), b"contents", "{tail}: {words}");
            assert_eq!(sandbox.exists("tree/file.gz"), verdict != Padding, "{tail}: {words}");
            assert!(!sandbox.exists("tree/good.gz"), "{tail}: {words}");
            sandbox.assert_no_leftovers(words);
        }
    }
}

#[test]
fn what_is_to_be_ignored_is_warned_about_and_its_source_kept_too() {
    let (sandbox, whole) = (Sandbox::new(), gzip(b"contents", 6));
    for (tail, bytes, verdict) in tails().into_iter().filter(|(_, bytes, _)| bytes.len() < 5_000) {
        let file = [&whole[..], &bytes].concat();
        sandbox.write("file.gz", &file);
        for words in ["gunzip -f", "gzip -df", "gunzip -c", "gzip -t", "gzip -l", "gunzip --range 0:", "gunzip --index"]
        {
            let run = sandbox.haul(format!("{words} --ignore-trailing file.gz")).run().ok();
            let warnings = usize::from(verdict != Padding);
            assert_eq!(run.err.lines().count(), warnings, "{tail}: {words}: {}", run.err);
            if verdict == Padding {
                sandbox.write("file.gz", &file);
            }
            assert!(sandbox.read("file.gz") == file, "{tail}: {words}");
            let run = sandbox.haul(format!("{words} -q --ignore-trailing file.gz")).run().ok();
            assert!(run.err.is_empty(), "{tail}: {words}: {}", run.err);
            sandbox.write("file.gz", &file);
            let _ = std::fs::remove_file(sandbox.path("file.gz.haul-index"));
        }
    }
    // An index tells where the last member ends.
    let text = prose(5, 1_500_000);
    sandbox.write("text.gz", [&hauled(&text, CodecName::Libdeflate, 6, 100_000)[..], b"signature"].concat());
    sandbox.haul("gunzip --index text.gz").run().code(1).says(&["after the last member"]);
    sandbox.haul("gunzip --index --ignore-trailing text.gz").run().ok().says(&["9 bytes"]);
    assert!(sandbox.haul("gunzip --range 0: text.gz").run().ok().silent().out == text);
    // Damage is not trailing data.
    sandbox.remove("file");
    for damaged in
        [b"\x1f\x8b".to_vec(), gzip(b"more", 6)[..15].to_vec(), flipped(16), flipped(24 + 5), flipped(8 * 40)]
    {
        sandbox.write("file.gz", [&whole[..], &damaged].concat());
        for words in ["gunzip -k", "gunzip -c", "gunzip -t", "gunzip -cf"] {
            let run = sandbox.haul(format!("{words} --ignore-trailing file.gz")).run().code(1);
            run.says(&["'file.gz'"]);
        }
        assert!(!sandbox.exists("file"), "a damaged member makes no file");
    }
    sandbox.haul("gzip --ignore-trailing file").run().code(2).says(&["--ignore-trailing", "-d"]);
}

#[test]
fn json_counts_what_follows() {
    let sandbox = Sandbox::new();
    sandbox.write("a.gz", [&gzip(b"a", 6)[..], b"\0\0four"].concat());
    sandbox.write("b.gz", [&gzip(b"b", 6)[..], b"x"].concat());
    sandbox.write("c.gz", gzip(b"c", 6));
    for (words, files, failures, warnings) in [("", 1, 2, 0), ("--ignore-trailing -q", 3, 0, 2)] {
        let run = sandbox.haul(format!("gunzip -kf --json a.gz b.gz c.gz {words}")).run().code(i32::from(failures > 0));
        let json = run.json();
        let count = |name: &str| json[name].as_u64().unwrap_or_else(|| panic!("no {name} in {json:#}"));
        assert_eq!((count("trailing_files"), count("trailing_bytes")), (2, 7), "{words}");
        assert_eq!((count("files"), count("failures"), count("target_bytes")), (files, failures, 3), "{words}");
        assert_eq!(count("warning_count"), warnings, "{words}");
        assert_eq!(json["warnings"].as_array().map(Vec::len), Some(warnings as usize), "{words}");
    }
}

#[test]
fn junk_without_end_is_not_held_in_memory() {
    if !have("sh") {
        return;
    }
    let sandbox = Sandbox::new();
    sandbox.write("file.gz", gzip(b"contents", 6));
    let haul = common::run::binary().display();
    for (source, message) in [("yes", "after the last member: not gzip"), ("cat /dev/zero", "")] {
        let pipe = format!("( cat file.gz; {source} ) 2>/dev/null | head -c 250000000");
        let script = format!("ulimit -v 160000; {pipe} | '{haul}' gunzip -c -p 1 2>err; cat err");
        let out = String::from_utf8(sandbox.tool("sh", &["-c", &script])).unwrap();
        assert!(out.starts_with("contents") && out.contains(message), "{source}: {out}");
        assert_eq!(out.len() > "contents".len(), !message.is_empty(), "{source}: {out}");
    }
}

#[test]
fn forced_to_standard_output_plain_data_after_a_member_is_passed_through_as_gnu_gzip_does() {
    let sandbox = Sandbox::new();
    for (turn, (kind, whole, out)) in kinds().into_iter().enumerate() {
        for (number, (tail, passed)) in [
            (&b"text after much"[..], true),
            (b"", true),
            (b"x", true),
            (b"\x1f", true),
            (b"\x1fa", true),
            (b"\x1fabc", true),
            (b"plain text\n", true),
            (b"\0", true),
            (&[0; 5_000], true),
            (b"\0\0\0text", true),
            (b"PK\x03\x04 zip", true),
            (&noise(7, 3_000_000), true),
            (b"\x1f\x8b", false),
            (b"\x1f\x8b\x07 another method", false),
            (b"\x1f\x8b\x08\xe0 other flags", false),
            (b"\x1f\x1e pack", false),
            (&gzip(b"more", 6)[..9], false),
        ]
        .into_iter()
        .enumerate()
        {
            let what = format!("{kind}, {:?}", &tail[..tail.len().min(20)]);
            let file = [&whole[..], tail].concat();
            sandbox.write("file.gz", &file);
            let expected = if passed { [&out[..], tail].concat() } else { out.clone() };
            for place in [turn + number, turn + number + 3] {
                let route = ROUTES[place % ROUTES.len()];
                let words = format!("gunzip -cf --route {route} --workers {}", 1 + place % 2);
                let from_file = sandbox.haul(format!("{words} file.gz")).run();
                let from_pipe = sandbox.haul(&words).input(&file[..]).run();
                for run in [from_file, from_pipe] {
                    assert_eq!(run.succeeded(), passed, "{what}: {words}: {}", run.err);
                    assert_eq!(run.err.is_empty(), passed, "{what}: {words}: {}", run.err);
                    assert!(run.out == expected, "{what}: {words}: {} bytes", run.out.len());
                }
            }
            if file.len() < 20_000 {
                assert!(sandbox.haul("gunzip -cf --buffer 1 file.gz").run().out == expected, "{what}: byte by byte");
            }
            if have("gzip") {
                let gnu = std::process::Command::new("gzip").args(["-cdf"]).arg(sandbox.path("file.gz")).output();
                let gnu = gnu.expect("run gzip");
                assert_eq!(gnu.status.success(), passed, "{what}: GNU gzip");
                assert!(gnu.stdout == expected, "{what}: GNU gzip writes {} bytes", gnu.stdout.len());
            }
        }
    }
    // Neither is enough alone, nor is it for an index or a range; and what begins like a member is damage all the same.
    sandbox.write("file.gz", [&gzip(b"data", 6)[..], b"text"].concat());
    for words in ["-c", "-kf", "-tf", "-lf", "--index -f", "--range 0: -f", "--index --range 0: -f"] {
        sandbox.haul(format!("gunzip {words} file.gz")).run().code(1).says(&["after the last member"]);
    }
    sandbox.write("file.gz", [&gzip(b"data", 6)[..], &flipped(3)].concat());
    let run = sandbox.haul("gunzip -cf file.gz").run().code(1).says_in_one_line(&["a member follows"]);
    assert!(run.out == [b"data", &flipped(3)[..]].concat());
    let run = sandbox.haul("gunzip -cf --max-output 6 file.gz").run().code(1).says(&["--max-output"]);
    assert!(run.out == [b"data", &flipped(3)[..2]].concat());
}

#[test]
fn bgzf_without_its_end_block_is_warned_about_and_fails_a_test() {
    let text = prose(4, 200_000);
    let whole = bgzf(&text, 30_000);
    let cut = &whole[..whole.len() - BGZF_END.len()];
    let plain = gzip(&text, 6);
    let other_end = bgzf_block(b"", 0);
    assert!(other_end.len() != BGZF_END.len());
    for (what, file, lacks_end) in [
        ("whole", whole.clone(), false),
        ("cut", cut.to_vec(), true),
        ("cut, and padded", [cut, &[0; 600]].concat(), true),
        ("whole, and padded", [&whole[..], &[0; 600]].concat(), false),
        ("whole, then cut", [&whole[..], cut].concat(), true),
        ("cut, then whole", [cut, &whole].concat(), false),
        ("then plain", [&whole[..], &plain].concat(), false),
        ("plain, then cut", [&plain[..], cut].concat(), true),
        ("another empty block", [cut, &other_end].concat(), true),
        ("one block", bgzf_block(b"x", 6), true),
        ("nothing", BGZF_END.to_vec(), false),
        ("plain", plain.clone(), false),
    ] {
        let sandbox = Sandbox::new();
        sandbox.write("file.gz", &file);
        for route in ROUTES {
            for workers in [1, 2] {
                let words = format!("--route {route} --workers {workers} file.gz");
                let inputs = if is_thorough() { &[false, true][..] } else { &[workers == 1] };
                for &input in inputs {
                    let input_of = |haul: common::run::Haul| if input { haul.input(&file[..]) } else { haul };
                    let words = if input { words.replace("file.gz", "") } else { words.clone() };
                    let run = input_of(sandbox.haul(format!("gunzip -c {words}"))).run().ok();
                    assert_eq!(run.err.contains("end-of-file block"), lacks_end, "{what}: {words}: {}", run.err);
                    input_of(sandbox.haul(format!("gunzip -qc {words}"))).run().ok().silent();
                    let run = input_of(sandbox.haul(format!("gunzip -t {words}"))).run().code(i32::from(lacks_end));
                    assert_eq!(run.err.contains("end-of-file block"), lacks_end, "{what}: {words}: {}", run.err);
                }
            }
        }
        let run = sandbox.haul("gunzip --range 0:1 file.gz").run().ok();
        assert!(run.silent().out.len() <= 1, "what was not read is not judged");
        sandbox.haul("gunzip --index file.gz").run().ok();
        sandbox.haul("gunzip file.gz").run().ok();
        // What may be cut is all that there is of it.
        assert!(sandbox.exists("file") && sandbox.exists("file.gz") == lacks_end, "{what}");
    }
}

#[test]
fn json_has_what_was_warned_about() {
    let sandbox = Sandbox::new();
    let odd = OsStr::from_bytes(b"caf\xe9.gz");
    let tail = [&gzip(b"data", 6)[..], b"tail"].concat();
    sandbox.write("plain.gz", &tail);
    sandbox.write(odd, &tail);
    sandbox.write("text", "text");
    for (words, path, text) in [
        ("gunzip -k --ignore-trailing --json plain.gz", "plain.gz", "4 bytes after the last member"),
        ("gunzip -qkf --ignore-trailing --json plain.gz", "plain.gz", "4 bytes after the last member"),
        ("gunzip -l --ignore-trailing --json plain.gz", "plain.gz", "4 bytes after the last member"),
        ("gzip -q --json plain.gz", "plain.gz", "suffix"),
        ("copy --json text text copies", "text", "named more than once"),
    ] {
        sandbox.make_directory("copies");
        let json = sandbox.haul(words).run().ok().json();
        let warnings = json["warnings"].as_array().expect("warnings").clone();
        assert_eq!((warnings.len(), json["warning_count"].as_u64()), (1, Some(1)), "{words}: {json:#}");
        assert_eq!(warnings[0]["path"].as_str(), Some(path), "{words}");
        assert!(warnings[0]["text"].as_str().is_some_and(|said| said.contains(text)), "{words}: {}", warnings[0]);
    }
    let json = sandbox.haul("gunzip -kq --ignore-trailing --json").arg(odd).run().ok().json();
    assert_eq!(json["warnings"][0]["path"].as_str(), Some("caf\u{fffd}.gz"), "what is not UTF-8 is replaced");
    let json = sandbox.haul("gzip -k --json text").run().ok().json();
    assert_eq!((json["warnings"].as_array().map(Vec::len), json["warning_count"].as_u64()), (Some(0), Some(0)));
}

#[test]
fn json_has_no_more_warnings_than_a_reader_wants_and_counts_them_all() {
    let sandbox = Sandbox::new();
    let files = 1_200;
    for number in 0..files {
        sandbox.write(format!("{number}.gz"), b"x");
    }
    let names: Vec<String> = (0..files).map(|number| format!("{number}.gz")).collect();
    sandbox.write("names", names.join("\n"));
    for workers in [1, 3] {
        let json = sandbox.haul(format!("gzip -q --json --files-from names --workers {workers}")).run().json();
        let kept = json["warnings"].as_array().map(Vec::len);
        let _ = writeln!(std::io::stderr(), "{workers} workers: {kept:?} of {}", json["warning_count"]);
        assert_eq!((kept, json["warning_count"].as_u64()), (Some(1_000), Some(files)), "{workers} workers");
    }
}
