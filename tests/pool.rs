//! The words of the pool of buffers, `--pool`, `--pool-overflow` and `--pool-wait`: what its counts say, that no word
//! changes a byte, and how a job ends in which somebody waits too long.

#![allow(clippy::disallowed_methods, missing_docs, reason = "the tests look at files from outside")]

mod common;

use std::fs::File;
use std::io::Write as _;
use std::process::{Child, Command, Stdio};

use common::{Sandbox, make_fifo, noise, prose, wait_until};
use serde_json::Value;

/// What the pool of a job did.
#[derive(Debug)]
struct Counts {
    acquired: u64,
    reused: u64,
    fresh: u64,
    overflowed: u64,
    waited: u64,
    gave_up: u64,
}

impl Counts {
    #[track_caller]
    fn of(summary: &Value) -> Self {
        let of = |name: &str| summary["pool"][name].as_u64().unwrap_or_else(|| panic!("no {name} in {summary:#}"));
        Self {
            acquired: of("acquired"),
            reused: of("reused"),
            fresh: of("fresh"),
            overflowed: of("overflowed"),
            waited: of("waited"),
            gave_up: of("gave_up"),
        }
    }
}

const JOBS: [&str; 3] =
    ["copy --engine read_write tree copied", "gzip -rkn tree", "gunzip -k --route pieces packed.gz"];

/// A tree of files, and a file packed in pieces.
fn sandbox() -> Sandbox {
    let sandbox = Sandbox::new();
    sandbox.make_directory("tree");
    for number in 0..6 {
        sandbox.write(format!("tree/{number}"), prose(number, 600_000));
    }
    sandbox.write("tree/large", prose(7, 3_000_000));
    sandbox.write("packed", prose(8, 3_000_000));
    sandbox.haul("gzip packed").run().ok();
    sandbox
}

/// Runs a job; what came of it, which is then removed, and what its pool did.
#[track_caller]
fn run(sandbox: &Sandbox, job: &str, words: &str) -> (Vec<Vec<u8>>, Counts) {
    let counts = Counts::of(&sandbox.haul(format!("{job} {words} --json")).run().ok().silent().json());
    sandbox.assert_no_leftovers(words);
    let made = ["copied/0", "copied/large", "tree/0.gz", "tree/large.gz", "packed"];
    let made = made.into_iter().filter(|name| sandbox.exists(name)).map(|name| sandbox.read(name)).collect();
    for name in sandbox.list("").into_iter().filter(|name| ["copied", "packed"].iter().any(|made| name == made)) {
        sandbox.remove(name);
    }
    for name in sandbox.list("tree").into_iter().filter(|name| name.to_string_lossy().ends_with(".gz")) {
        sandbox.remove(std::path::Path::new("tree").join(name));
    }
    (made, counts)
}

#[test]
fn every_count_says_what_the_pool_did_and_no_word_changes_a_byte() {
    let sandbox = sandbox();
    for job in JOBS {
        let (made, of_auto) = run(&sandbox, job, "--workers 2");
        assert!(!made.is_empty() && of_auto.acquired > 0, "{job}: {of_auto:?}");
        for (words, most) in [
            ("--workers 2", 8),
            ("--workers 2 --pool 2", 2),
            ("--workers 1 --pool 1", 2),
            ("--workers 4 --pool 2 --pool-overflow 3", 5),
            ("--workers 4 --pool 2 --pool-wait 1h --scheduler rayon", 2),
            ("--workers 2 --pool-overflow 2 --pool-wait 30s", 10),
            ("--workers 2 --pool off", u64::MAX),
            ("--workers 2 --pool off --pool-overflow 0 --pool-wait unlimited", u64::MAX),
        ] {
            let (other, counts) = run(&sandbox, job, words);
            assert!(made == other, "{job} {words}: other bytes");
            let what = format!("{job} {words}: {counts:?}");
            assert_eq!(counts.acquired, counts.reused + counts.fresh, "{what}");
            assert!(counts.gave_up == 0 && counts.waited <= counts.acquired, "{what}");
            if words.contains("--pool off") {
                assert_eq!((counts.reused, counts.overflowed, counts.waited), (0, 0, 0), "{what}");
            } else {
                // All but those for a burst are kept, so that no more are ever made.
                assert!(counts.fresh - counts.overflowed <= most && counts.reused > 0, "{what}");
            }
            if !words.contains("--pool-overflow") {
                assert_eq!(counts.overflowed, 0, "{what}");
            }
        }
    }
}

#[test]
fn a_burst_is_served_by_the_overflow_and_the_pool_keeps_its_size() {
    let sandbox = sandbox();
    // gzip takes two buffers at a time: one is kept, the other is for the burst, each time.
    let (_, counts) = run(&sandbox, "gzip -rk tree", "--workers 1 --pool 1 --pool-overflow 1");
    let what = format!("{counts:?}");
    assert_eq!((counts.fresh, counts.overflowed), (counts.reused + 2, counts.reused + 1), "{what}");
    assert_eq!((counts.waited, counts.acquired), (0, 2 * counts.reused + 2), "{what}");
    // With as many kept as are needed nothing is left for a burst.
    let (_, counts) = run(&sandbox, "gzip -rk tree", "--workers 1 --pool 4 --pool-overflow 9");
    assert_eq!(counts.overflowed, 0, "{counts:?}");
}

#[test]
fn verbose_tells_what_the_pool_did() {
    let sandbox = sandbox();
    let run = sandbox.haul("gzip -vk --workers 1 --pool 1 --pool-overflow 1 tree/0").run().ok();
    run.says(&["haul: buffers: 2 acquired, 0 reused, 2 fresh, 1 overflowed; 0 waited, 0 gave up\n"]);
    sandbox.haul("copy -v --engine copy_file_range tree/0 same").run().ok().says(&["1 file, "]);
}

/// A haul in the background, with files for what it writes.
struct Background(Child);

impl Background {
    fn start(sandbox: &Sandbox, words: &str) -> Self {
        let file = |name: &str| File::create(sandbox.path(name)).expect("create a file");
        let mut command = Command::new(env!("CARGO_BIN_EXE_haul"));
        command.args(words.split_whitespace()).current_dir(sandbox.path(""));
        command.stdin(Stdio::null()).stdout(file("out")).stderr(file("err"));
        Self(command.spawn().expect("run haul"))
    }

    /// Its exit code, within a minute.
    #[track_caller]
    fn end(mut self) -> Option<i32> {
        let mut status = None;
        wait_until("haul ends", || {
            status = self.0.try_wait().expect("wait");
            status.is_some()
        });
        status.and_then(|status| status.code())
    }
}

impl Drop for Background {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn text(sandbox: &Sandbox, name: &str) -> String {
    String::from_utf8(sandbox.read(name)).expect("UTF-8")
}

/// Opens a FIFO to write, which waits for its reader.
fn open(sandbox: &Sandbox, name: &str) -> File {
    File::options().write(true).open(sandbox.path(name)).expect("open a FIFO")
}

/// More than a FIFO holds: when it is written, somebody has read of it, and so has a buffer.
const MORE_THAN_A_PIPE: usize = 200_000;

#[test]
fn a_copy_that_waits_too_long_fails_and_the_others_go_on() {
    let sandbox = Sandbox::new();
    for name in ["one", "two", "three"] {
        make_fifo(sandbox.path(name));
    }
    sandbox.make_directory("to");
    let words = "copy --copy-contents one two three to --workers 2 --pool 1 --pool-wait 100ms --json";
    let haul = Background::start(&sandbox, words);
    let mut one = open(&sandbox, "one");
    one.write_all(&vec![1; MORE_THAN_A_PIPE]).unwrap();
    let two = open(&sandbox, "two");
    wait_until("somebody gives up", || !sandbox.read("err").is_empty());
    drop((one, two));
    // Then its buffer has come back.
    wait_until("the first one is copied", || sandbox.exists("to/one"));
    let mut three = open(&sandbox, "three");
    three.write_all(b"three").unwrap();
    drop(three);
    assert_eq!(haul.end(), Some(1));
    let why = "haul: cannot get a buffer for 'two': no buffer came free within 100ms; a larger --pool, more \
               --pool-overflow or a longer --pool-wait helps\n";
    assert!(text(&sandbox, "err").starts_with(why), "{}", text(&sandbox, "err"));
    let made = (sandbox.read("to/one").len(), sandbox.read("to/three"), sandbox.list("to").len());
    assert_eq!(made, (MORE_THAN_A_PIPE, b"three".to_vec(), 2));
    let summary: Value = serde_json::from_str(&text(&sandbox, "out")).unwrap();
    let counts = Counts::of(&summary);
    assert_eq!((summary["failures"].as_u64(), counts.gave_up), (Some(1), 1), "{counts:?}");
    assert!(counts.waited >= counts.gave_up && counts.acquired == 2, "{counts:?}");
    sandbox.assert_no_leftovers("after waiting for a buffer");
}

/// The first blocks are compressed at once, and the later ones take far longer than anybody may wait: so somebody gives up
/// in the middle.
#[test]
fn a_file_in_whose_middle_somebody_gives_up_has_no_target() {
    let sandbox = Sandbox::new();
    let mut data = vec![0; 8 << 20];
    data.extend(prose(1, 8 << 20));
    sandbox.write("file", &data);
    for words in ["gzip -k --level 12 file", "gzip -k --level 12 --scheduler rayon file"] {
        let words = format!("{words} --workers 4 --pool 4 --pool-wait 30ms --json");
        let run = sandbox.haul(&words).run().code(1);
        let counts = Counts::of(&run.json());
        assert!(counts.gave_up > 0 && run.json()["failures"] == 1, "{words}: {counts:?}");
        run.says_in_one_line(&["cannot get buffers for 'file': no buffer came free within 30ms; a larger --pool"]);
        assert!(sandbox.read("file") == data && !sandbox.exists("file.gz"), "{words}");
        sandbox.assert_no_leftovers(&words);
    }
}

#[test]
fn standard_output_that_cannot_go_on_ends_and_says_so() {
    let sandbox = Sandbox::new();
    make_fifo(sandbox.path("fifo"));
    sandbox.write("next", "next");
    let noise = noise(1, 9 << 20);
    let packed = sandbox.haul("gzip -1").input(&*noise).run().ok().out;
    for (data, words) in [
        (&noise, "gzip -c fifo next --workers 3 --pool 2 --pool-wait 100ms"),
        (&packed, "gunzip -c --route pieces fifo --workers 3 --pool 2 --pool-wait 100ms"),
    ] {
        let haul = Background::start(&sandbox, words);
        let mut fifo = open(&sandbox, "fifo");
        // On a busy machine somebody may give up before all of it is read.
        let _ = fifo.write_all(data);
        // The writer pauses, so that the worker that reads holds both buffers.
        wait_until("somebody gives up", || !sandbox.read("err").is_empty());
        drop(fifo);
        assert_eq!(haul.end(), Some(1), "{words}");
        let err = text(&sandbox, "err");
        assert!(err.starts_with("haul: cannot get buffers for 'fifo': no buffer came free within 100ms; "), "{err}");
    }
}

/// A worker that copies holds its buffer until all of the file is copied: one that only would have helped with a large file
/// does not end it.
#[test]
fn a_worker_that_gives_up_leaves_a_large_file_to_those_at_it() {
    let sandbox = Sandbox::new();
    let data = noise(1, 24 << 20);
    sandbox.write("large", &data);
    for scheduler in ["channel", "rayon"] {
        let words = "copy --engine read_write --buffer 4K large same --workers 4 --pool 1 --pool-wait 20ms";
        let run = sandbox.haul(format!("{words} --scheduler {scheduler} --json")).run().ok().silent();
        assert!(sandbox.read("same") == data, "{scheduler}");
        let counts = Counts::of(&run.json());
        assert_eq!((counts.fresh, counts.overflowed), (1, 0), "{counts:?}");
        sandbox.remove("same");
    }
}
