//! What is not an ordinary file: FIFOs, sockets, devices, files with holes, files of the kernel. FIFOs, sockets and devices
//! are made anew, not read, and take nobody's place; what has content arrives whole, and its holes as holes.

#![allow(clippy::disallowed_methods, missing_docs, reason = "the tests look at files from outside")]

mod common;

use std::fs::File;
use std::os::unix::fs::{FileExt as _, MetadataExt as _};
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use common::cp::{Terms, by_cp, by_haul, have_gnu_cp};
use common::{
    ENGINES, Sandbox, WAYS, assert_same, is_root, make_device, make_fifo, make_socket, noise, set_mode, set_mtime,
    skip, snapshot, ways,
};
use rustix::fs::{SeekFrom, seek};
use rustix::process::Signal;

/// One of each; the device has no end, the FIFO and the socket have nobody behind them.
fn furnish(sandbox: &Sandbox) {
    sandbox.make_directory("tree/sub");
    make_fifo(sandbox.path("tree/fifo"));
    make_fifo(sandbox.path("tree/sub/fifo"));
    set_mode(sandbox.path("tree/sub/fifo"), 0o604);
    make_socket(sandbox.path("tree/socket"));
    set_mode(sandbox.path("tree/socket"), 0o777);
    make_device(sandbox.path("tree/endless"), "/dev/zero");
    make_device(sandbox.path("tree/full"), "/dev/full");
    sandbox.link("tree/to-fifo", "fifo");
    for name in ["fifo", "socket", "endless"] {
        if sandbox.exists(format!("tree/{name}")) {
            set_mtime(sandbox.path(format!("tree/{name}")), 1_000_000_000, 77);
        }
        sandbox.write(format!("there/{name}"), "a file of that name");
    }
    sandbox.make_directory("empty");
}

#[test]
fn what_has_no_content_is_made_anew_and_never_read() {
    if !have_gnu_cp() {
        return;
    }
    let device = if is_root() { "tree/endless tree/full" } else { "" };
    for (words, said) in [
        ("tree new".to_owned(), ""),
        // Also in the place of files, where they are met in a directory.
        ("-T tree there".to_owned(), ""),
        (format!("tree/fifo tree/socket {device} empty"), "copied as it is"),
        ("tree/fifo new".to_owned(), "it is a FIFO, which is copied as it is; --copy-contents copies"),
        ("tree/socket new".to_owned(), "it is a socket, which is copied as it is"),
        ("tree/to-fifo new".to_owned(), "it is a symbolic link to a FIFO, which is copied as it is; --copy-contents"),
        ("-L tree/to-fifo new".to_owned(), "it is a FIFO, which"),
        ("-H tree/to-fifo new".to_owned(), "it is a FIFO, which"),
        ("-n tree/socket there".to_owned(), ""),
        ("--remove-destination tree/fifo there/fifo".to_owned(), "it is a FIFO, which"),
        (format!("--remove-destination tree/fifo tree/socket {device} there"), "copied as it is"),
        ("-l tree/fifo tree/to-fifo empty".to_owned(), ""),
        ("--attributes-only tree new".to_owned(), ""),
    ] {
        let expected = by_cp(&furnish, &format!("-a {words}"), Terms::default());
        for way in [WAYS[0], WAYS[2]] {
            let actual = by_haul(&furnish, &format!("{words} {way}"), Terms::default());
            assert_eq!(actual.code, expected.code, "{words}: {}", expected.err);
            assert!(actual.err.contains(said) && actual.err.is_empty() == said.is_empty(), "{words}: {}", actual.err);
            assert_same(&expected.tree, &actual.tree, &format!("haul copy {words} {way}"));
        }
    }
}

/// Nodes that are in the way of others, and what they are called.
fn furnish_targets(sandbox: &Sandbox) {
    furnish(sandbox);
    sandbox.write("file", "contents");
    sandbox.link("link", "file");
    for name in ["named", "in/fifo", "in/socket", "in/sub/fifo"] {
        sandbox.make_directory("in/sub");
        make_fifo(sandbox.path(name));
    }
    make_device(sandbox.path("device"), "/dev/null");
    make_device(sandbox.path("in/endless"), "/dev/null");
}

#[test]
fn no_node_takes_the_place_of_a_special_file_unasked() {
    let what = |sandbox: &Sandbox, name: &str| {
        std::fs::symlink_metadata(sandbox.path(name)).ok().map(|it| (it.ino(), it.rdev()))
    };
    let node = "--remove-destination replaces it";
    let read = "--copy-contents copies what it holds, --remove-destination replaces what is there";
    for (words, said, name) in [
        ("tree/fifo named", read, "named"),
        ("tree/fifo file", read, "file"),
        ("-b tree/fifo file", read, "file"),
        ("-f tree/fifo file", read, "file"),
        ("tree/to-fifo file", "it is a symbolic link to a FIFO, and a regular file of that name is there", "file"),
        ("tree/socket file", "it is a socket, and a regular file of that name is there", "file"),
        ("tree/fifo in", read, "in/fifo"),
        ("tree/endless device", read, "device"),
        ("tree/endless in", read, "in/endless"),
        ("link named", node, "named"),
        ("link device", node, "device"),
        ("-l file named", node, "named"),
        ("-l file device", node, "device"),
        ("-s file named", node, "named"),
        ("-T tree in", "cannot copy 'tree/socket': a FIFO of that name is there; --remove-destination", "in/socket"),
        ("--dry-run tree/fifo named", read, "named"),
        ("--dry-run tree/to-fifo file", "it is a symbolic link to a FIFO, and", "file"),
        ("--dry-run -T tree in", "cannot copy 'tree/socket': a FIFO of that name is there", "in/socket"),
    ] {
        let sandbox = Sandbox::new();
        furnish_targets(&sandbox);
        let needed = words.split_whitespace().filter(|word| ["device", "tree/endless"].contains(word));
        if needed.into_iter().any(|name| !sandbox.exists(name)) {
            continue;
        }
        let before = what(&sandbox, name);
        for way in [WAYS[0], WAYS[2]] {
            sandbox.haul(format!("copy {words} {way}")).run().code(1).says(&[said]);
            assert_eq!(what(&sandbox, name), before, "{words}");
            assert!(sandbox.read("file") == b"contents", "{words}");
        }
        if !words.contains("--dry-run") {
            sandbox.haul(format!("copy --remove-destination {words}")).run().ok();
            assert_ne!(what(&sandbox, name), before, "{words}");
        }
        sandbox.assert_no_leftovers(words);
    }
}

/// A second copy into the same directory finds what the first one made.
#[test]
fn a_special_file_that_is_there_already_needs_no_replacing() {
    let sandbox = Sandbox::new();
    furnish(&sandbox);
    sandbox.haul("copy tree copied").run().ok().silent();
    let before = snapshot(sandbox.path("copied"));
    for words in ["copy -T tree copied", "copy -T tree copied --dry-run"] {
        sandbox.haul(words).run().ok();
        assert_same(&before, &snapshot(sandbox.path("copied")), words);
    }
    // What differs is given to the one that is there: somebody may have it open.
    let fifo = sandbox.path("copied/sub/fifo");
    let inode = std::fs::symlink_metadata(&fifo).unwrap().ino();
    set_mode(&fifo, 0o600);
    set_mtime(&fifo, 900_000_000, 1);
    for way in [WAYS[0], WAYS[2]] {
        sandbox.haul(format!("copy -T tree copied {way}")).run().ok().silent();
        assert_same(&before, &snapshot(sandbox.path("copied")), way);
        assert_eq!(std::fs::symlink_metadata(&fifo).unwrap().ino(), inode);
    }
}

/// Writes into a FIFO as soon as somebody reads it.
fn feed(path: std::path::PathBuf, bytes: Vec<u8>) -> std::thread::JoinHandle<()> {
    std::thread::spawn(move || std::fs::write(path, bytes).expect("write into a FIFO"))
}

#[test]
fn contents_of_special_files_are_read_as_cp_reads_them() {
    if !have_gnu_cp() {
        return;
    }
    let bytes = noise(1, 300_000);
    for (options, name) in [
        ("", "tree/fifo"),
        ("", "tree/to-fifo"),
        ("-L", "tree/to-fifo"),
        ("--no-preserve=mode,ownership,timestamps", "tree/fifo"),
        ("--verify", "tree/fifo"),
        ("--sparse=always", "tree/fifo"),
    ] {
        let sandbox = Sandbox::new();
        furnish(&sandbox);
        for by in ["cp", "haul"] {
            let writer = feed(sandbox.path("tree/fifo"), bytes.clone());
            let end = name.replace("to-", "");
            set_mtime(sandbox.path(&end), 1_000_000_000, 77);
            if by == "cp" {
                let keeps = if options.contains("--no-preserve") { vec![] } else { vec!["-a"] };
                let words = [vec!["--copy-contents"], keeps, vec![&end, "by-cp"]].concat();
                sandbox.tool("cp", &words);
            } else {
                sandbox.haul(format!("copy --copy-contents {options} {name} by-haul")).run().ok();
            }
            writer.join().unwrap();
        }
        let look = |name: &str| {
            let it = std::fs::symlink_metadata(sandbox.path(name)).unwrap();
            (it.is_file(), it.mode(), it.uid(), it.len())
        };
        assert_eq!(look("by-cp"), look("by-haul"), "{options} {name}");
        assert!(sandbox.read("by-haul") == bytes, "{options} {name}");
    }
    // In a tree, and each beside the others.
    let sandbox = Sandbox::new();
    furnish(&sandbox);
    for name in ["socket", "endless", "full"] {
        sandbox.remove(format!("tree/{name}"));
    }
    for way in ways() {
        let writers = ["tree/fifo", "tree/sub/fifo"].map(|name| feed(sandbox.path(name), bytes.clone()));
        sandbox.haul(format!("copy --copy-contents tree copied {way}")).run().ok().silent();
        for writer in writers {
            writer.join().unwrap();
        }
        for name in ["copied/fifo", "copied/sub/fifo"] {
            assert!(sandbox.path(name).is_file() && sandbox.read(name) == bytes, "{name} {way}");
        }
        assert!(sandbox.path("copied/to-fifo").is_symlink(), "{way}");
        sandbox.remove("copied");
    }
}

#[test]
fn who_pipes_into_a_copy_says_whether_it_is_read() {
    let sandbox = Sandbox::new();
    sandbox.write("important", "contents");
    let piped = |words: &str| sandbox.haul(words).input("piped").run();
    piped("copy /dev/stdin important").code(1).says(&["a symbolic link to a FIFO", "--copy-contents"]);
    assert_eq!(sandbox.read("important"), b"contents");
    piped("copy --copy-contents /dev/stdin important").ok().silent();
    assert_eq!(sandbox.read("important"), b"piped");
    piped("copy /dev/stdin new").ok().says(&["a symbolic link to a FIFO, which is copied as it is"]);
    assert!(sandbox.path("new").is_symlink());
    sandbox.haul("copy --copy-contents /dev/null important").run().ok();
    assert_eq!(sandbox.read("important"), b"");
}

#[test]
fn whoever_waits_for_a_fifo_or_reads_without_end_listens() {
    let sandbox = Sandbox::new();
    furnish(&sandbox);
    sandbox.remove("tree/socket");
    for words in ["tree/fifo", "tree/to-fifo", "tree", "/dev/zero"] {
        for way in [WAYS[0], WAYS[2]] {
            for (signal, code) in [(Signal::INT, 130), (Signal::TERM, 143)] {
                let mut running = sandbox.haul(format!("copy --copy-contents {words} new {way}")).spawn();
                std::thread::sleep(Duration::from_millis(60));
                assert!(!running.ended(), "{words} {way}");
                running.signal(signal);
                running.finish(Duration::from_secs(10)).code(code);
                assert!(!sandbox.exists("new"), "{words} {way}");
                sandbox.remove("new.haul-part");
            }
        }
    }
}

#[test]
fn a_user_who_may_make_no_device_hears_of_it_and_has_the_rest() {
    let sandbox = Sandbox::new();
    sandbox.write("tree/file", "contents");
    if !make_device(sandbox.path("tree/device"), "/dev/zero") {
        return;
    }
    sandbox.give_away();
    for way in ways() {
        let run = sandbox.haul(format!("copy tree new {way}")).without_rights().run().code(1);
        run.says(&["cannot create 'new/device': Operation not permitted"]);
        assert_eq!(sandbox.read("new/file"), b"contents", "{way}");
        sandbox.remove("new");
    }
    sandbox.assert_no_leftovers("after refusals");
}

/// Where a file has data, as the file system tells.
fn data(path: &Path) -> Vec<(u64, u64)> {
    let (file, mut found, mut at) = (File::open(path).unwrap(), Vec::new(), 0);
    while let Ok(begin) = seek(&file, SeekFrom::Data(at)) {
        at = seek(&file, SeekFrom::Hole(begin)).unwrap();
        found.push((begin, at));
    }
    found
}

fn allocated(path: &Path) -> u64 {
    std::fs::metadata(path).unwrap().blocks() * 512
}

/// A file of this length with these bytes in it, each of some length at some place.
fn make_sparse(path: &Path, length: u64, parts: &[(u64, usize)]) {
    let file = File::create(path).unwrap();
    for (offset, length) in parts {
        file.write_all_at(&noise(*offset, *length), *offset).unwrap();
    }
    file.set_len(length).unwrap();
}

const MIB: u64 = 1 << 20;

#[test]
fn holes_arrive_where_they_were() {
    let sandbox = Sandbox::new();
    make_sparse(&sandbox.path("probe"), MIB, &[]);
    if allocated(&sandbox.path("probe")) > 0 {
        return skip("this file system keeps no holes");
    }
    for (number, (length, parts)) in [
        (1, &[][..]),
        (64 * MIB, &[]),
        (9 * MIB, &[(0, 4096)]),
        (9 * MIB, &[(9 * MIB - 4096, 4096)]),
        (12 * MIB + 7, &[(4 * MIB, 65_536)]),
        (30 * MIB + 1, &[(0, 65_536), (5 * MIB, 65_536), (29 * MIB, 131_072)]),
        (MIB, &[(65_536, 65_536), (3 * 65_536, 65_536), (5 * 65_536, 65_536), (7 * 65_536, 65_536)]),
        (1 << 40, &[(1 << 39, 65_536)]),
    ]
    .into_iter()
    .enumerate()
    {
        let source = sandbox.path(format!("source-{number}"));
        make_sparse(&source, length, parts);
        let whole = length <= 64 * MIB;
        for engine in ENGINES {
            for way in [WAYS[0], WAYS[2]] {
                if number == 7 && (engine != "auto" && engine != "read_write" || way == WAYS[0]) {
                    continue;
                }
                let words = format!("copy source-{number} target --engine {engine} {way}");
                sandbox.haul(&words).run().ok().silent();
                let target = sandbox.path("target");
                assert_eq!(std::fs::metadata(&target).unwrap().len(), length, "{words}");
                assert_eq!(data(&target), data(&source), "{words}");
                assert!(!whole || sandbox.read("target") == std::fs::read(&source).unwrap(), "{words}");
                sandbox.remove("target");
            }
        }
    }
}

#[test]
fn holes_are_made_kept_and_filled_as_cp_does() {
    if !have_gnu_cp() {
        return;
    }
    let sandbox = Sandbox::new();
    make_sparse(&sandbox.path("sparse"), 8 * MIB, &[(0, 65_536), (4 * MIB, 65_536)]);
    // Zeros that are written out.
    let mut zeros = vec![0; 8 << 20];
    zeros[..65_536].copy_from_slice(&noise(1, 65_536));
    zeros[6 << 20..(6 << 20) + 5].copy_from_slice(b"end  ");
    sandbox.write("zeros", &zeros);
    if allocated(&sandbox.path("sparse")) > MIB {
        return skip("this file system keeps no holes");
    }
    let full = |path: &Path| allocated(path) >= std::fs::metadata(path).unwrap().len();
    for source in ["sparse", "zeros"] {
        for sparse in ["auto", "always", "never"] {
            sandbox.tool("cp", &["-a", "--reflink=never", &format!("--sparse={sparse}"), source, "by-cp"]);
            for way in [WAYS[0], WAYS[2]] {
                let words = format!("copy --reflink=never --sparse={sparse} {source} target {way}");
                sandbox.haul(&words).run().ok().silent();
                let (target, by_cp) = (sandbox.path("target"), sandbox.path("by-cp"));
                assert!(sandbox.read("target") == sandbox.read(source), "{words}");
                assert_eq!(full(&target), full(&by_cp), "{words}: {} and {}", allocated(&target), allocated(&by_cp));
                // No worse than cp, but for a block at either end of some data.
                let limit = allocated(&by_cp) + 4 * 65_536;
                assert!(allocated(&target) <= limit, "{words}: {} and {}", allocated(&target), allocated(&by_cp));
                sandbox.remove("target");
            }
            sandbox.remove("by-cp");
        }
    }
}

#[test]
fn files_of_the_kernel_are_read_to_their_end_as_cp_reads_them() {
    if !have_gnu_cp() {
        return;
    }
    let sandbox = Sandbox::new();
    let own = std::process::id();
    // Their sizes say 0 or 4096; what they hold stays the same while the test runs.
    let files = [
        format!("/proc/{own}/cmdline"),
        format!("/proc/{own}/environ"),
        "/proc/filesystems".to_owned(),
        "/proc/version".to_owned(),
        "/proc/sys/kernel/ostype".to_owned(),
        "/sys/kernel/mm/transparent_hugepage/enabled".to_owned(),
        "/sys/kernel/notes".to_owned(),
    ];
    for file in files.iter().filter(|file| File::open(file).is_ok()) {
        sandbox.tool("cp", &[file, "by-cp"]);
        for engine in ENGINES.iter().filter(|engine| **engine != "mmap") {
            let run = sandbox.haul(format!("copy {file} target --engine {engine}")).run();
            if *engine == "copy_file_range" && !run.succeeded() {
                run.code(1).says(&["cannot copy with this engine"]);
                assert!(!sandbox.exists("target"), "{file}: half a file");
                continue;
            }
            run.ok();
            assert_eq!(sandbox.read("target"), sandbox.read("by-cp"), "{file}, {engine}");
            sandbox.remove("target");
        }
        sandbox.remove("by-cp");
    }
}

#[test]
fn directories_of_the_kernel_are_copied_as_cp_copies_them() {
    if !have_gnu_cp() {
        return;
    }
    let sandbox = Sandbox::new();
    for (number, directory) in
        ["/proc/sys/kernel/keys", "/sys/kernel/mm/transparent_hugepage", "/sys/class/mem", "/sys/fs/ext4/features"]
            .iter()
            .filter(|directory| Path::new(directory).is_dir())
            .enumerate()
    {
        let (by_cp, by_haul) = (format!("cp-{number}"), format!("haul-{number}"));
        let output = Command::new("cp").args(["-a", directory, &by_cp]).current_dir(sandbox.path("")).output().unwrap();
        let run = sandbox.haul(format!("copy {directory} {by_haul}")).run();
        assert_eq!(run.status().code(), output.status.code(), "{directory}: {}", run.err);
        let look = |name: &str| {
            let mut tree = snapshot(sandbox.path(name));
            for node in tree.values_mut() {
                node.mtime = (0, 0); // those of /proc and /sys are of the moment
            }
            tree
        };
        assert_same(&look(&by_cp), &look(&by_haul), directory);
    }
}

#[test]
fn a_fifo_of_two_names_is_read_once() {
    for way in [WAYS[0], WAYS[2]] {
        let sandbox = Sandbox::new();
        sandbox.make_directory("tree");
        common::make_fifo(sandbox.path("tree/one"));
        std::fs::hard_link(sandbox.path("tree/one"), sandbox.path("tree/other")).expect("link");
        let writer = feed(sandbox.path("tree/one"), b"contents".to_vec());
        sandbox.haul(format!("copy --copy-contents tree copied {way}")).run().ok().silent();
        writer.join().expect("no panic");
        let found = ["copied/one", "copied/other"]
            .map(|name| std::fs::metadata(sandbox.path(name)).expect("it is there").ino());
        assert_eq!((found[0], sandbox.read("copied/one")), (found[1], b"contents".to_vec()), "{way}");
    }
}
