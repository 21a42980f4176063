//! Sizes that are not what a file holds: FUSE and network file systems say anything. Files are read to their end.

#![allow(clippy::disallowed_methods, missing_docs, reason = "the tests look at files from outside")]

mod common;
#[path = "common/fuse.rs"]
mod fuse;

use std::time::Duration;

use common::{Sandbox, WAYS, noise, set_mtime, ways};
use fuse::OddFs;
use rustix::process::Signal;

/// Engines that can read from a FUSE file system into another one, with what each must be able to do.
const OPTIONS: [&str; 6] =
    ["", "--verify", "--sparse=always", "--sparse=never", "--engine read_write --buffer 4K", "--engine direct"];

/// Name, what it says, and what it holds.
fn furnish(sandbox: &Sandbox) -> Vec<(&'static str, String, Vec<u8>)> {
    let files = [
        ("less", "100".to_owned(), noise(1, 100_000)),
        ("none", "0".to_owned(), noise(2, 100_000)),
        ("more", "5000".to_owned(), noise(3, 10)),
        ("huge", (1_u64 << 50).to_string(), noise(4, 10)),
        ("hole", format!("{}h", 1_u64 << 50), noise(5, 10_000)),
        ("empty", (1_u64 << 40).to_string(), Vec::new()),
        ("large-less", "5000000".to_owned(), noise(6, 6_000_001)),
        ("large-more", "50000000".to_owned(), noise(7, 5_000_001)),
        ("true", "5000001".to_owned(), noise(8, 5_000_001)),
    ];
    for (name, _, holds) in &files {
        sandbox.write(format!("backing/{name}"), holds);
    }
    files.to_vec()
}

fn said(files: &[(&str, String, Vec<u8>)]) -> Vec<String> {
    files.iter().map(|(name, says, _)| format!("{name}={says}")).collect()
}

fn mount(sandbox: &Sandbox, files: &[(&str, String, Vec<u8>)]) -> Option<OddFs> {
    OddFs::mount(sandbox, &said(files).iter().map(String::as_str).collect::<Vec<_>>())
}

#[test]
fn files_arrive_as_they_are_and_not_as_long_as_they_say() {
    let sandbox = Sandbox::new();
    let files = furnish(&sandbox);
    let Some(_mounted) = mount(&sandbox, &files) else { return };
    for option in OPTIONS {
        for way in [WAYS[0], WAYS[2], "--scheduler uring --workers 3", "--scheduler processes --workers 2"] {
            let words = format!("copy {option} {way} mount/. copied");
            sandbox.haul(&words).run().ok().silent();
            for (name, says, holds) in &files {
                let copied = sandbox.read(format!("copied/{name}"));
                assert!(copied == *holds, "{words}: {name} says {says}: {} bytes copied", copied.len());
            }
            sandbox.remove("copied");
        }
    }
    // Each by its name, and into what is written in place.
    for (name, _, holds) in &files {
        sandbox.write("kept", noise(9, 200_000));
        std::fs::hard_link(sandbox.path("kept"), sandbox.path("other-name")).unwrap();
        sandbox.haul(format!("copy mount/{name} kept")).run().ok().silent();
        assert!(sandbox.read("other-name") == *holds, "{name} in place");
        sandbox.remove("other-name");
        sandbox.remove("kept");
    }
}

#[test]
fn a_copy_that_was_cut_off_is_not_taken_for_done() {
    let sandbox = Sandbox::new();
    let files = furnish(&sandbox);
    for (name, says, _) in &files {
        let size: u64 = says.trim_end_matches('h').parse().unwrap();
        let cut = sandbox.write(format!("copied/{name}"), "");
        std::fs::File::options().write(true).open(&cut).unwrap().set_len(size.min(1 << 40)).unwrap();
        set_mtime(&cut, 1_000_000_000, 0);
        set_mtime(sandbox.path(format!("backing/{name}")), 1_000_000_000, 0);
    }
    let Some(_mounted) = mount(&sandbox, &files) else { return };
    for _ in 0..2 {
        sandbox.haul("copy --resume -T mount copied --exclude true").run().ok();
        for (name, _, holds) in files.iter().filter(|(name, ..)| *name != "true") {
            assert!(sandbox.read(format!("copied/{name}")) == *holds, "{name}");
        }
    }
}

#[test]
fn gzip_and_gunzip_remove_nothing_that_they_did_not_read() {
    let sandbox = Sandbox::new();
    let mut files = furnish(&sandbox);
    // Two members, of which the size tells the first only.
    let member = |bytes: &[u8]| sandbox.haul("gzip").input(bytes).run().ok().out;
    let (one, two) = (member(&noise(10, 50_000)), member(&noise(11, 50_000)));
    sandbox.write("backing/members.gz", [&*one, &two].concat());
    let (says, holds) = (one.len().to_string(), [noise(10, 50_000), noise(11, 50_000)].concat());
    let mut said = said(&files);
    said.push(format!("members.gz={says}"));
    let said: Vec<&str> = said.iter().map(String::as_str).collect();
    let Some(_mounted) = OddFs::mount(&sandbox, &said) else { return };
    for (name, ..) in &files {
        sandbox.haul(format!("gzip mount/{name}")).run().ok();
        assert!(!sandbox.exists(format!("backing/{name}")), "{name}");
    }
    files.push(("members", says, holds));
    for (name, says, holds) in &files {
        sandbox.haul(format!("gunzip mount/{name}.gz")).run().ok();
        assert!(sandbox.read(format!("backing/{name}")) == *holds, "{name}, which said {says}");
    }
}

/// The size, and where the file has some data.
const FAR: (u64, u64) = (15 << 40, 7 << 40);

#[test]
fn a_huge_hole_takes_no_time_and_keeps_nobody_from_stopping() {
    let sandbox = Sandbox::new();
    let source = std::fs::File::create(sandbox.path("source")).unwrap();
    if source.set_len(FAR.0).is_err() {
        return common::skip("files cannot be that large here");
    }
    std::os::unix::fs::FileExt::write_all_at(&source, &noise(1, 100_000), FAR.1).unwrap();
    for option in ["", "--verify", "--sparse=always", "--engine mmap", "--engine copy_file_range", "--engine direct"] {
        for way in ways() {
            let run = sandbox.haul(format!("copy source target {option} {way}")).spawn();
            let run = run.finish(Duration::from_secs(20)).ok().silent();
            let target = std::fs::File::open(sandbox.path("target")).unwrap();
            let mut bytes = vec![0; 100_000];
            std::os::unix::fs::FileExt::read_exact_at(&target, &mut bytes, FAR.1).unwrap();
            assert!(bytes == noise(1, 100_000) && target.metadata().unwrap().len() == FAR.0, "{}", run.words());
            sandbox.remove("target");
        }
    }
    // Zeros that have to be read are many, but whoever reads them listens.
    let reading = ["gzip --stdout source", "gzip --workers 1 -k source"];
    for words in reading {
        let mut running = sandbox.haul(words).spawn();
        std::thread::sleep(Duration::from_millis(100));
        assert!(!running.ended());
        running.signal(Signal::INT);
        running.finish(Duration::from_secs(10)).code(130);
    }
    sandbox.assert_no_leftovers("interrupted");
}

#[test]
fn many_small_holes_arrive_where_they_were() {
    let sandbox = Sandbox::new();
    let source = std::fs::File::create(sandbox.path("source")).unwrap();
    let step = 64 << 10;
    for number in 0..500_u64 {
        std::os::unix::fs::FileExt::write_all_at(&source, &noise(number, 4096), number * step).unwrap();
    }
    source.set_len(501 * step).unwrap();
    for option in ["", "--verify", "--sparse=always", "--engine direct", "--engine mmap"] {
        for way in ways() {
            sandbox.haul(format!("copy source target {option} {way}")).run().ok().silent();
            assert!(sandbox.read("target") == sandbox.read("source"), "{option} {way}");
            let blocks = |name: &str| std::os::unix::fs::MetadataExt::blocks(&sandbox.path(name).metadata().unwrap());
            assert!(blocks("target") <= blocks("source") + 128, "{option} {way}");
            sandbox.remove("target");
        }
    }
}
