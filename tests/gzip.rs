//! `haul gzip` from outside: what it writes, read by other people's tools; what it keeps, removes and refuses.

#![allow(clippy::disallowed_methods, missing_docs, reason = "the tests look at files from outside")]

mod common;

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::{FileExt as _, MetadataExt as _};
use std::path::Path;

use common::tree::LATIN1;
use common::{
    SAMPLES, Sandbox, WAYS, assert_same, have, make_fifo, noise, prose, sample, set_mode, set_mtime, skip, snapshot,
    ways,
};

/// Inputs around every limit there is: nothing, one byte, the dictionary's 32 KiB, blocks of 64 and 128 KiB, several.
fn inputs() -> Vec<(String, Vec<u8>)> {
    let mut inputs: Vec<_> = SAMPLES.iter().map(|name| ((*name).to_owned(), sample(name))).collect();
    for length in [2, 32_767, 32_768, 32_769, 131_071, 131_072, 131_073, 262_144, 700_001] {
        inputs.push((format!("prose-{length}"), prose(length as u64, length)));
    }
    inputs.push(("noise".to_owned(), noise(3, 400_000)));
    inputs.push(("zeros".to_owned(), vec![0; 1_000_000]));
    // What haul puts between its blocks, in data that is stored as it is.
    let mut marks = noise(4, 300_000);
    for place in (0..marks.len() - 9).step_by(1009) {
        marks[place..place + 9].copy_from_slice(&[0, 0, 0xff, 0xff, 0, 0, 0, 0xff, 0xff]);
    }
    inputs.push(("marks".to_owned(), marks));
    inputs
}

/// Every codec of this build at each of its levels, in blocks so small that most inputs have several.
fn codecs_and_levels() -> Vec<String> {
    let levels = [("libdeflate", 0..=12), ("zlib", 1..=9), ("isal", 1..=1)];
    let built_in = haul::codec::level::built_in();
    let built = levels.into_iter().filter(|(codec, _)| built_in.contains(codec));
    built
        .flat_map(|(codec, levels)| levels.map(move |level| format!("--codec {codec} --level {level} --block 64K")))
        .collect()
}

#[test]
fn other_tools_read_what_it_writes_at_every_level() {
    let sandbox = Sandbox::new();
    let mut names = Vec::new();
    let mut expected = Vec::new();
    let step = if common::is_thorough() { 1 } else { 3 };
    for (number, settings) in codecs_and_levels().iter().step_by(step).enumerate() {
        let mut haul = sandbox.haul(format!("gzip --verify -p 2 {settings}"));
        for (name, bytes) in inputs() {
            let file = format!("{number}.{name}");
            sandbox.write(&file, &bytes);
            expected.extend_from_slice(&bytes);
            names.push(format!("{file}.gz"));
            haul = haul.arg(file);
        }
        haul.run().ok().silent();
    }
    assert_eq!(sandbox.list("").len(), names.len(), "each source became its .gz");
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    for (program, options) in [("gzip", "-dc"), ("pigz", "-dc"), ("igzip", "-dc"), ("zcat", "--"), ("busybox", "zcat")]
    {
        if have(program) {
            let mut words = vec![options];
            words.extend(&names);
            assert!(sandbox.tool(program, &words) == expected, "{program} {options} reads something else");
        }
    }
    if have("bgzip") {
        // It reads one file only; a file of many members is one.
        sandbox.write("all.gz", names.iter().flat_map(|name| sandbox.read(name)).collect::<Vec<u8>>());
        assert!(sandbox.tool("bgzip", &["-dc", "all.gz"]) == expected, "bgzip reads something else");
    }
    for program in ["gzip", "pigz"].into_iter().filter(|program| have(program)) {
        let mut words = vec!["-t"];
        words.extend(&names);
        sandbox.tool(program, &words);
    }
    if have("python3") {
        let script = "import gzip, sys\nfor n in sys.argv[1:]: sys.stdout.buffer.write(gzip.open(n).read())";
        let mut words = vec!["-c", script];
        words.extend(&names);
        assert!(sandbox.tool("python3", &words) == expected, "Python reads something else");
    }
}

/// A reader that skips the fixed header and the name, and no other field, as the kernel's of an initramfs does
/// (`lib/decompress_inflate.c`), must be at the deflate stream then. And it finds one stream, however many blocks.
#[test]
fn a_reader_that_knows_only_names_finds_the_stream() {
    let sandbox = Sandbox::new();
    let bytes = prose(7, 300_000);
    sandbox.write("image.cpio", &bytes);
    let gz = sandbox.haul("gzip -c --codec libdeflate --block 64K image.cpio").run().ok().out;
    assert_eq!((&gz[..4], &gz[8..10]), (&[0x1f, 0x8b, 8, 8][..], &[0, 3][..]), "gzip, deflate, a name; no flags, Unix");
    assert_eq!(&gz[10..21], b"image.cpio\0");
    let mut inflate = flate2::Decompress::new(false);
    let mut out = Vec::with_capacity(bytes.len() + 1);
    let status = inflate.decompress_vec(&gz[21..], &mut out, flate2::FlushDecompress::Finish).unwrap();
    assert_eq!((status, inflate.total_in() as usize), (flate2::Status::StreamEnd, gz.len() - 21 - 8));
    assert!(out == bytes);
    let marks = gz.windows(9).filter(|bytes| *bytes == [0, 0, 0xff, 0xff, 0, 0, 0, 0xff, 0xff]).count();
    assert_eq!(marks, bytes.len().div_ceil(65_536) - 1, "one behind each block but the last");
}

#[test]
fn standard_output_gets_a_file_as_it_was_and_a_warning_if_it_grew() {
    let sandbox = Sandbox::new();
    let bytes = noise(8, 4 << 20);
    let log = sandbox.write("log", &bytes);
    let mut child = common::run::command(common::run::binary())
        .args(["gzip", "-1c", "log"])
        .current_dir(sandbox.path(""))
        .stdout(std::process::Stdio::piped())
        .stderr(std::process::Stdio::piped())
        .spawn()
        .expect("start haul");
    // With the first bytes here it has looked at the file, and the pipe does not hold the rest.
    let mut gz = vec![0; 10];
    let mut pipe = child.stdout.take().expect("a pipe");
    std::io::Read::read_exact(&mut pipe, &mut gz).unwrap();
    let mut grown = std::fs::OpenOptions::new().append(true).open(log).unwrap();
    std::io::Write::write_all(&mut grown, b"one more line").unwrap();
    std::io::Read::read_to_end(&mut pipe, &mut gz).unwrap();
    let output = child.wait_with_output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success() && said.contains("'log': it changed while it was read"), "{said}");
    assert!(sandbox.haul("gunzip").input(gz).run().ok().out == bytes);
}

#[test]
fn on_standard_output_a_file_that_cannot_be_read_costs_no_other() {
    let sandbox = Sandbox::new();
    let bytes = prose(3, 5_000);
    sandbox.write("one", &bytes);
    sandbox.write("two", "two");
    // It opens, and the first read fails.
    let run = sandbox.haul("gzip -qc one /proc/self/mem two").run().code(1).says_in_one_line(&["/proc/self/mem"]);
    sandbox.write("out.gz", &run.out);
    if have("gzip") {
        assert!(sandbox.tool("gzip", &["-dc", "out.gz"]) == [&bytes[..], b"two"].concat());
    }
}

#[test]
fn levels_have_the_names_that_people_know() {
    let sandbox = Sandbox::new();
    let bytes = prose(9, 50_000);
    sandbox.write("list", "");
    let out = |words: &str| sandbox.haul(format!("gzip {words}")).input(bytes.clone()).run().ok().out;
    for (short, long) in
        [("-11", "--level 12"), ("-12", "--level 12"), ("-10", "--level 10"), ("-0", "--level 0"), ("--best", "-9")]
    {
        assert!(out(short) == out(long), "{short} is {long}");
    }
    assert!(out("-0").len() > bytes.len(), "level 0 stores");
    for level in 0..=12 {
        let nothing = sandbox.haul(format!("gzip --level {level}")).run().ok().out;
        assert_eq!(nothing.len(), 20, "nothing at level {level}, as long as GNU gzip's");
    }
    assert!(out("-11").len() < out("-9").len());
    // With a list, -0 says how its names end.
    sandbox.write("list", "a\nb\0");
    sandbox.write("a\nb", &bytes);
    sandbox.haul("gzip -9 -0 --files-from list").run().ok().silent();
    assert_eq!(sandbox.read("a\nb.gz")[8], 2, "level 9");
}

#[test]
fn the_bytes_depend_on_level_and_block_only() {
    let sandbox = Sandbox::new();
    for (name, bytes) in inputs() {
        sandbox.write(&name, &bytes);
        for settings in [
            "-6 --codec libdeflate --block 128K",
            "-1",
            "-9",
            "-6 --block 64K",
            "-1 --block 64K",
            "-2 --block 32K --verify",
        ] {
            let first = sandbox.haul(format!("gzip -nc {settings} {name}")).run().ok().out;
            // Everything with everything would take a minute; the level hardly meets the rest.
            let usual = settings == "-6 --codec libdeflate --block 128K";
            let ways = if usual { ways() } else { &WAYS[2..3] };
            let all = ["", "--buffer 5000", "--pool off", "--pool 4 --buffer 1M"];
            let extras = match (usual, common::is_thorough()) {
                (true, true) => &all[..],
                (true, false) => &all[1..3],
                (false, _) => &all[..1],
            };
            for way in ways {
                for extra in extras {
                    let words = format!("gzip -nc {settings} {way} {extra}");
                    let from_file = sandbox.haul(format!("{words} {name}")).run().ok().out;
                    assert!(from_file == first, "{words} {name}");
                    let from_pipe = sandbox.haul(&words).input(bytes.clone()).run().ok().out;
                    assert!(from_pipe == first, "{words} from a pipe, {name}");
                }
            }
        }
    }
}

#[test]
fn fewer_bytes_at_higher_levels() {
    let sandbox = Sandbox::new();
    let bytes = prose(5, 1_000_000);
    let length = |level: u32| sandbox.haul(format!("gzip -{level}")).input(bytes.clone()).run().ok().out.len();
    let (fast, usual, best) = (length(1), length(6), length(9));
    assert!(best <= usual && usual < fast && fast < bytes.len(), "{best} {usual} {fast}");
    assert_eq!(sandbox.haul("gzip --fast").input(bytes.clone()).run().ok().out.len(), fast);
    assert_eq!(sandbox.haul("gzip --best").input(bytes.clone()).run().ok().out.len(), best);
    assert_eq!(sandbox.haul("gzip").input(bytes.clone()).run().ok().out.len(), usual);
    sandbox.write("bytes", &bytes);
    if have("gzip") {
        let theirs = sandbox.tool("gzip", &["-9c", "bytes"]).len();
        assert!(best * 1000 < theirs * 1005, "{best} bytes, gzip -9 {theirs}");
        // Cutting into small blocks costs bytes; more than two in a hundred would be a mistake in the dictionary.
        let small = sandbox.haul("gzip -9 --block 64K").input(bytes).run().ok().out.len();
        assert!(small * 100 < theirs * 102, "{small} bytes in small blocks, gzip -9 {theirs}");
    }
}

/// The parts of a header of RFC 1952: flags, time, extra flags, operating system.
fn header(gz: &[u8]) -> (u8, u32, u8, u8) {
    assert_eq!(gz[..3], [0x1f, 0x8b, 8], "gzip, deflate");
    (gz[3], u32::from_le_bytes(gz[4..8].try_into().unwrap()), gz[8], gz[9])
}

#[test]
fn the_header_is_gnus_own() {
    const NAME: u8 = 8;
    const UNIX: u8 = 3;
    let sandbox = Sandbox::new();
    sandbox.write("file", "contents");
    set_mtime(sandbox.path("file"), 1_234_567_890, 5);
    let gz = sandbox.haul("gzip -c file").run().ok().out;
    assert_eq!(header(&gz), (NAME, 1_234_567_890, 0, UNIX));
    assert_eq!(&gz[10..15], b"file\0");
    let gz = sandbox.haul("gzip -nc file").run().ok().out;
    assert_eq!(header(&gz), (0, 0, 0, UNIX));
    let gz = sandbox.haul("gzip").input("contents").run().ok().out;
    assert_eq!((header(&gz).0, header(&gz).1), (0, 0), "a pipe has neither name nor time");
    assert_eq!(header(&sandbox.haul("gzip -1c file").run().ok().out).2, 4, "extra flags: fastest");
    assert_eq!(header(&sandbox.haul("gzip -9c file").run().ok().out).2, 2, "extra flags: smallest");
    // Four bytes hold no time before 1970 nor after 2106; 0 means "none".
    set_mtime(sandbox.path("file"), -5, 0);
    assert_eq!(header(&sandbox.haul("gzip -c file").run().ok().out).1, 0);
    set_mtime(sandbox.path("file"), 1 << 32, 0);
    assert_eq!(header(&sandbox.haul("gzip -c file").run().ok().out).1, 0);
    // Only the last part of a path is stored.
    sandbox.write("sub/inner", "contents");
    assert_eq!(&sandbox.haul("gzip -c sub/inner").run().ok().out[10..16], b"inner\0");
}

#[test]
fn the_source_gives_way_to_a_target_of_the_same_mode_and_time() {
    for way in ways() {
        let sandbox = Sandbox::new();
        for (name, mode, bytes) in
            [("a", 0o640, prose(1, 300_000)), ("b", 0o444, Vec::new()), ("c", 0o755, noise(1, 5))]
        {
            set_mode(sandbox.write(name, bytes), mode);
            set_mtime(sandbox.path(name), 1_234_567_890, 123_456_789);
        }
        sandbox.haul(format!("gzip a b c {way}")).run().ok().silent();
        for (name, mode) in [("a.gz", 0o640), ("b.gz", 0o444), ("c.gz", 0o755)] {
            let metadata = std::fs::metadata(sandbox.path(name)).unwrap();
            assert_eq!(metadata.mode() & 0o7777, mode, "{name} {way}");
            assert_eq!((metadata.mtime(), metadata.mtime_nsec()), (1_234_567_890, 123_456_789), "{name} {way}");
        }
        assert_eq!(sandbox.list("").len(), 3, "{way}");
    }
}

#[test]
fn the_source_is_kept_when_asked_and_when_the_result_goes_elsewhere() {
    let sandbox = Sandbox::new();
    sandbox.write("file", "contents");
    let before = snapshot(sandbox.path("file"));
    for option in ["-k", "--keep", "-c", "--stdout", "--to-stdout"] {
        sandbox.haul(format!("gzip {option} file")).run().ok().silent();
        assert_same(&before, &snapshot(sandbox.path("file")), option);
        assert_eq!(sandbox.exists("file.gz"), option.ends_with('k') || option.ends_with("keep"), "{option}");
        sandbox.remove("file.gz");
    }
}

#[test]
fn several_inputs_come_out_in_the_order_of_the_arguments() {
    let sandbox = Sandbox::new();
    sandbox.write("long", prose(1, 900_000));
    sandbox.write("short", "short");
    sandbox.write("middle", prose(2, 200_000));
    let expected =
        [sandbox.read("long"), sandbox.read("short"), b"from the pipe".to_vec(), sandbox.read("middle")].concat();
    for way in ways() {
        let gz = sandbox.haul(format!("gzip -c long short - middle {way}")).input("from the pipe").run().ok().out;
        sandbox.write("all.gz", gz);
        let ours = sandbox.haul("gunzip -c all.gz").run().ok().out;
        assert!(ours == expected, "{way}");
        if have("gzip") {
            assert!(sandbox.tool("gzip", &["-dc", "all.gz"]) == expected, "{way}");
        }
    }
}

#[test]
fn standard_input_goes_to_standard_output() {
    let sandbox = Sandbox::new();
    for words in ["gzip", "gzip -", "gzip -c", "gzip -c -"] {
        for bytes in [Vec::new(), b"x".to_vec(), prose(1, 1_000_000)] {
            let gz = sandbox.haul(words).input(bytes.clone()).run().ok().silent().out;
            let back = sandbox.haul("gzip -d").input(gz).run().ok().silent().out;
            assert!(back == bytes, "{words}");
        }
    }
    assert!(sandbox.list("").is_empty());
}

#[test]
fn a_tree_is_compressed_and_comes_back() {
    for way in ways() {
        let sandbox = Sandbox::new();
        for name in SAMPLES {
            set_mtime(sandbox.write(format!("tree/{name}"), sample(name)), 1_111_111_111, 222_222_222);
        }
        for number in 0..60 {
            sandbox.write(format!("tree/sub/{}/{number}", number % 7), prose(number, 999 * number as usize));
        }
        sandbox.write(Path::new("tree").join(OsStr::from_bytes(LATIN1)), "latin 1");
        sandbox.write("tree/new\nline", "newline");
        sandbox.make_directory("tree/empty directory");
        let before = common::tree::without_directory_times(snapshot(sandbox.path("tree")));

        sandbox.haul(format!("gzip -r tree {way}")).run().ok().silent();
        let compressed = snapshot(sandbox.path("tree"));
        for (name, node) in &compressed {
            assert!(node.kind != "file" || name.as_os_str().as_bytes().ends_with(b".gz"), "{name:?} {way}");
        }
        assert_eq!(compressed.len(), before.len(), "{way}");
        if have("gzip") {
            sandbox.tool("sh", &["-c", "find tree -name '*.gz' -exec gzip -t {} +"]);
        }
        sandbox.haul(format!("gunzip -r tree {way}")).run().ok().silent();
        let after = common::tree::without_directory_times(snapshot(sandbox.path("tree")));
        assert_same(&before, &after, way);
    }
}

#[test]
fn in_a_tree_links_are_left_alone_and_compressed_files_passed_over() {
    for way in ways() {
        let sandbox = Sandbox::new();
        sandbox.write("elsewhere", "elsewhere");
        sandbox.write("tree/file", "contents");
        sandbox.write("tree/done.gz", "whatever");
        sandbox.write("tree/done.tgz", "whatever");
        sandbox.link("tree/link", "../elsewhere");
        sandbox.haul(format!("gzip -r tree {way}")).run();
        assert_eq!(sandbox.read("elsewhere"), b"elsewhere", "{way}");
        let names: Vec<_> = sandbox.list("tree").into_iter().collect();
        assert_eq!(names, ["done.gz", "done.tgz", "file.gz", "link"], "{way}");
        assert!(sandbox.path("tree/link").is_symlink());
    }
}

#[test]
fn many_small_files_and_a_large_one_in_one_go() {
    let sandbox = Sandbox::new();
    sandbox.write("tree/large", prose(1, 5_000_000));
    for number in 0..300 {
        sandbox.write(format!("tree/{number:03}"), prose(number, 100 + number as usize));
    }
    let before = snapshot(sandbox.path("tree"));
    for way in ways() {
        sandbox.haul(format!("gzip -r -1 tree {way}")).run().ok().silent();
        assert_eq!(sandbox.list("tree").len(), 301, "{way}");
        sandbox.haul(format!("gunzip -r tree {way}")).run().ok().silent();
        let after = snapshot(sandbox.path("tree"));
        let plain = common::tree::without_directory_times;
        assert_same(&plain(before.clone()), &plain(after), way);
    }
}

#[test]
fn what_ends_in_a_known_suffix_is_left_as_it_is() {
    let sandbox = Sandbox::new();
    for name in ["a.gz", "a.GZ", "a.tgz", "a.taz", "a.z", "a-gz", "a-z", "a_z"] {
        sandbox.write(name, "contents");
        sandbox.haul(format!("gzip {name}")).run().ok().says(&[name, "suffix"]);
        assert_eq!(sandbox.read(name), b"contents");
        assert_eq!(sandbox.list("").len(), 1, "{name}");
        sandbox.haul(format!("gzip -q {name}")).run().ok().silent();
        sandbox.remove(name);
    }
}

#[test]
fn another_suffix_goes_both_ways() {
    let sandbox = Sandbox::new();
    sandbox.write("file", "contents");
    sandbox.haul("gzip -S .zip2 file").run().ok();
    assert!(sandbox.exists("file.zip2") && !sandbox.exists("file"));
    sandbox.haul("gzip -S .zip2 -d file.zip2").run().ok();
    assert_eq!(sandbox.read("file"), b"contents");
    sandbox.haul("gzip --suffix .zip2 file").run().ok();
    sandbox.haul("gunzip --suffix .zip2 file").run().ok();
    assert_eq!(sandbox.read("file"), b"contents");
}

#[test]
fn what_should_not_be_compressed_is_refused() {
    for way in ways() {
        let sandbox = Sandbox::new();
        sandbox.write("file", "contents");
        sandbox.link("link", "file");
        sandbox.write("linked", "contents");
        std::fs::hard_link(sandbox.path("linked"), sandbox.path("linked-too")).unwrap();
        set_mode(sandbox.write("set-user", "contents"), 0o4755);
        set_mode(sandbox.write("set-group", "contents"), 0o2755);
        make_fifo(sandbox.path("fifo"));
        sandbox.write("directory/inside", "contents");
        sandbox.write("taken", "contents");
        sandbox.write("taken.gz", "older");
        let before = snapshot(sandbox.path(""));
        for name in ["link", "linked", "set-user", "set-group", "fifo", "directory", "taken"] {
            let run = sandbox.haul(format!("gzip {name} {way}")).run().code(1);
            run.says_in_one_line(&[name]);
            assert_same(&before, &snapshot(sandbox.path("")), &format!("{name} {way}"));
        }
        // All of them, and one that is fine: that one is done.
        sandbox.haul(format!("gzip link linked set-user fifo directory taken file {way}")).run().code(1);
        assert!(sandbox.exists("file.gz") && !sandbox.exists("file"), "{way}");
        assert_eq!(sandbox.read("taken.gz"), b"older", "{way}");
    }
}

#[test]
fn force_and_keep_lift_the_refusals_that_they_should() {
    let sandbox = Sandbox::new();
    sandbox.write("taken", "new");
    sandbox.write("taken.gz", "older");
    sandbox.haul("gzip -f taken").run().ok();
    assert!(!sandbox.exists("taken"));
    assert_eq!(sandbox.haul("gunzip -c taken.gz").run().ok().out, b"new");

    sandbox.write("linked", "contents");
    std::fs::hard_link(sandbox.path("linked"), sandbox.path("linked-too")).unwrap();
    assert!(!sandbox.haul("gzip -c linked").run().ok().out.is_empty());
    sandbox.haul("gzip -k linked").run().ok();
    sandbox.remove("linked.gz");
    sandbox.haul("gzip -f linked").run().ok();
    assert_eq!(sandbox.read("linked-too"), b"contents");
    assert!(!sandbox.exists("linked"));

    sandbox.write("file", "contents");
    sandbox.link("link", "file");
    let gz = sandbox.haul("gzip -c link").run().ok().out;
    assert_eq!(sandbox.haul("gunzip").input(gz).run().ok().out, b"contents");
    sandbox.haul("gzip -f link").run().ok();
    assert_eq!(sandbox.haul("gunzip -c link.gz").run().ok().out, b"contents");
    assert_eq!(sandbox.read("file"), b"contents", "what the link led to");
}

#[test]
fn test_mode_judges_and_writes_nothing() {
    let sandbox = Sandbox::new();
    sandbox.write("good", prose(1, 200_000));
    sandbox.haul("gzip good").run().ok();
    let gz = sandbox.read("good.gz");
    sandbox.write("cut.gz", &gz[..gz.len() - 1]);
    sandbox.write("plain.gz", "no gzip file");
    let before = snapshot(sandbox.path(""));
    for way in ways() {
        sandbox.haul(format!("gzip -t good.gz {way}")).run().ok().silent();
        sandbox.haul(format!("gzip -t cut.gz {way}")).run().code(1).says_in_one_line(&["cut.gz"]);
        sandbox.haul(format!("gzip -t plain.gz {way}")).run().code(1).says_in_one_line(&["plain.gz"]);
        sandbox.haul(format!("gzip -t cut.gz good.gz plain.gz {way}")).run().code(1).says(&["cut.gz", "plain.gz"]);
        assert_same(&before, &snapshot(sandbox.path("")), way);
    }
}

#[test]
fn verbose_shows_each_file_and_its_ratio() {
    let sandbox = Sandbox::new();
    sandbox.write("zeros", vec![0; 100_000]);
    let run = sandbox.haul("gzip -v zeros").run().ok().says(&["zeros", "%"]);
    assert!(run.out.is_empty());
}

#[test]
fn json_counts_what_was_done() {
    let sandbox = Sandbox::new();
    sandbox.write("tree/one", prose(1, 300_000));
    sandbox.write("tree/sub/two", "two");
    let json = sandbox.haul("gzip -rk tree --json").run().ok().silent().json();
    assert_eq!(json["files"].as_u64(), Some(2), "{json:#}");
    assert_eq!(json["source_bytes"].as_u64(), Some(300_003), "{json:#}");
    let lengths = ["tree/one.gz", "tree/sub/two.gz"].map(|name| sandbox.read(name).len() as u64);
    assert_eq!(json["target_bytes"].as_u64(), Some(lengths.iter().sum()), "{json:#}");
}

#[test]
fn a_terminal_gets_no_compressed_bytes() {
    if !have("script") {
        return;
    }
    let sandbox = Sandbox::new();
    sandbox.write("file", "contents");
    let haul = common::run::binary().display().to_string();
    let on_terminal = |words: &str| {
        let command = format!("'{haul}' {words}");
        let output = common::run::command("script")
            .args(["-qec", &command, "/dev/null"])
            .current_dir(sandbox.path(""))
            .stdin(std::process::Stdio::null())
            .output()
            .expect("run script");
        (output.status.code(), String::from_utf8_lossy(&output.stdout).into_owned())
    };
    let (code, said) = on_terminal("gzip -c file");
    assert_eq!(code, Some(1), "{said}");
    assert!(said.contains("terminal") && said.contains("haul: "), "{said:?}");
    let (code, said) = on_terminal("gzip -k - file");
    assert_eq!((code, sandbox.exists("file.gz")), (Some(1), false), "standard input goes there: {said}");
    assert!(said.contains("terminal"), "{said:?}");
    let (code, said) = on_terminal("gunzip");
    assert_eq!(code, Some(1), "compressed bytes are not typed: {said}");
    assert!(said.contains("terminal"), "{said:?}");
    let (code, said) = on_terminal("gzip -cf file");
    assert_eq!(code, Some(0), "-f means it: {said}");
    assert!(sandbox.exists("file"));
    // Text may go to a terminal.
    sandbox.haul("gzip file").run().ok();
    let (code, said) = on_terminal("gunzip -c file.gz");
    assert_eq!((code, said.contains("contents")), (Some(0), true), "{said}");
}

#[test]
fn a_source_that_changes_while_it_is_read_is_kept() {
    let grow: fn(&Sandbox) = |sandbox| {
        let file = std::fs::OpenOptions::new().append(true).open(sandbox.path("log")).unwrap();
        std::io::Write::write_all(&mut &file, b"one more line\n").unwrap();
    };
    let shrink: fn(&Sandbox) = |sandbox| {
        std::fs::OpenOptions::new().write(true).open(sandbox.path("log")).unwrap().set_len(10).unwrap();
    };
    let rewrite: fn(&Sandbox) = |sandbox| {
        std::fs::OpenOptions::new().write(true).open(sandbox.path("log")).unwrap().write_all_at(b"other", 5).unwrap();
    };
    let replace: fn(&Sandbox) = |sandbox| {
        sandbox.write("fresh", "another file");
        std::fs::rename(sandbox.path("fresh"), sandbox.path("log")).unwrap();
    };
    for (what, change) in [("grows", grow), ("shrinks", shrink), ("is rewritten", rewrite), ("is replaced", replace)] {
        for workers in [1, 2] {
            change_while_read(what, change, workers);
        }
    }
}

/// Compresses a file read byte by byte, which takes a while, and changes it in the meantime.
fn change_while_read(what: &str, change: fn(&Sandbox), workers: u32) {
    for attempt in 1..=5 {
        let sandbox = Sandbox::new();
        sandbox.write("log", noise(7, attempt * 200_000));
        set_mtime(sandbox.path("log"), 1_000_000_000, 0);
        let mut running = sandbox.haul(format!("gzip log --buffer 1 --workers {workers}")).spawn();
        common::wait_until("the temporary file", || sandbox.list("").len() > 1 || running.ended());
        let over = running.ended() || !sandbox.exists("log");
        if over {
            continue;
        }
        change(&sandbox);
        let changed = sandbox.read("log");
        let run = running.finish(std::time::Duration::from_secs(60));
        if run.succeeded() {
            // All was read and checked before the change. More to read gives more time.
            continue;
        }
        run.code(1).says_in_one_line(&["log"]);
        assert!(sandbox.read("log") == changed, "a source that {what} lost something");
        assert_eq!(sandbox.list("").len(), 1, "a source that {what}: {:?}", sandbox.list(""));
        return;
    }
    panic!("a source that {what} was compressed without a word five times, {workers} workers");
}

/// Two workers, and as much as comes: the README's bounds.
#[test]
fn an_endless_pipe_needs_no_more_memory_than_promised() {
    let sandbox = Sandbox::new();
    let bytes = prose(1, 1 << 20);
    for (level, most_mebibytes) in [(1, 24), (6, 24), (9, 40)] {
        let mut child = common::run::command(common::run::binary())
            .args(["gzip", &format!("-{level}"), "--workers", "2"])
            .stdin(std::process::Stdio::piped())
            .stdout(std::fs::File::create(sandbox.path("pipe.gz")).unwrap())
            .spawn()
            .expect("start haul");
        let mut pipe = child.stdin.take().expect("a pipe");
        for _ in 0..if common::is_thorough() { 64 } else { 24 } {
            std::io::Write::write_all(&mut pipe, &bytes).expect("haul reads on");
        }
        // The most memory that was ever resident, in KiB.
        let status = std::fs::read_to_string(format!("/proc/{}/status", child.id())).unwrap_or_default();
        drop(pipe);
        assert!(child.wait().expect("wait").success());
        let Some(line) = status.lines().find_map(|line| line.strip_prefix("VmHWM:")) else {
            return skip("the kernel shows no peak memory");
        };
        let peak: u64 = line.trim().trim_end_matches(" kB").parse().unwrap();
        assert!(peak <= most_mebibytes * 1024, "level {level}: {peak} KiB, promised are {most_mebibytes} MiB");
    }
}

/// Seconds since 1970 in 32 bits, of which 0 says "not known".
#[test]
fn a_time_that_no_header_holds_is_told() {
    const TOLD: &str = "its time is left out";
    for (seconds, is_held) in
        [(-1, false), (-315_619_200, false), (0, false), (1, true), (4_294_967_295, true), (4_294_967_296, false)]
    {
        for words in ["gzip -k", "gzip -c", "gzip -kr"] {
            let sandbox = Sandbox::new();
            set_mtime(sandbox.write("d/log", "text"), seconds, 999_999_999);
            let operand = if words.ends_with('r') { "d" } else { "d/log" };
            let run = sandbox.haul(format!("{words} {operand}")).run().ok();
            let told = if is_held { String::new() } else { format!("haul: 'd/log': {TOLD}") };
            assert!(run.err.starts_with(&told) && run.err.is_empty() == is_held, "{seconds}, {words}: {:?}", run.err);
            let member = if words == "gzip -c" { run.out } else { sandbox.read("d/log.gz") };
            let stored = u32::from_le_bytes(member[4..8].try_into().expect("four bytes"));
            assert_eq!(i64::from(stored), if is_held { seconds } else { 0 }, "{words}");
        }
    }
    // Where none would be stored, or no member is made, none is left out.
    let sandbox = Sandbox::new();
    set_mtime(sandbox.write("log", "text"), -1, 0);
    sandbox.haul("gzip -kn log").run().ok().silent();
    sandbox.haul("gzip -kq --update log").run().ok().silent();
    sandbox.haul("gzip -kf log").run().ok().says(&[TOLD]);
    sandbox.haul("gzip --update log").run().ok().silent();
}
