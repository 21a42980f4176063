//! For every system call that a job makes: if that very call goes wrong, nothing is lost.
//!
//! A run without a fault tells how many calls there are; then the k-th is made to fail, to come back short, to be
//! interrupted, or to end the process, for every k. Under the serial scheduler the k-th call is always the same one.
//! `make soak` also tries two workers, with seeds.

#![allow(clippy::disallowed_methods, missing_docs, unreachable_pub, reason = "the tests look at files from outside")]

mod common;
#[path = "faults/copying.rs"]
mod copying;
#[path = "common/detail.rs"]
mod detail;
#[path = "faults/metadata.rs"]
mod metadata;
#[path = "faults/naming.rs"]
mod naming;
#[path = "faults/packing.rs"]
mod packing;
#[path = "faults/scenario.rs"]
mod scenario;

use std::io::Write as _;

use common::{Sandbox, noise, prose};
use scenario::{Ending, FAULTS, Scenario, one_worker};

fn all_scenarios() -> impl Iterator<Item = &'static Scenario> {
    copying::SCENARIOS.iter().chain(&packing::SCENARIOS)
}

/// A test for each scenario, so that they run side by side.
macro_rules! survives {
    ($($test:ident: $scenario:literal,)*) => {
        $(#[test]
        fn $test() {
            let scenario = all_scenarios().find(|scenario| scenario.name == $scenario);
            scenario.expect("a scenario of that name").for_every_call();
        })*

        #[test]
        fn every_scenario_is_tried() {
            let tried = [$($scenario),*];
            for scenario in all_scenarios() {
                assert!(tried.contains(&scenario.name), "{}", scenario.name);
            }
        }
    };
}

survives! {
    a_tree_with_a_bit_of_everything_survives: "a tree with a bit of everything",
    a_part_that_is_continued_survives: "a part that is continued",
    a_tree_that_the_kernel_copies_survives: "a tree that the kernel copies",
    a_tree_that_joins_another_survives: "a tree that joins another",
    a_tree_that_joins_one_of_the_same_names_survives: "a tree that joins one of the same names",
    a_group_of_hard_links_survives: "a group of hard links",
    a_group_of_hard_links_over_its_older_copy_survives: "a group of hard links over its older copy",
    a_file_that_replaces_a_file_survives: "a file that replaces a file",
    a_file_that_replaces_a_file_with_a_backup_survives: "a file that replaces a file, with a backup",
    a_file_that_replaces_a_file_with_one_more_backup_survives: "a file that replaces a file, with one more backup",
    a_file_that_replaces_a_file_for_good_survives: "a file that replaces a file for good",
    a_file_that_replaces_a_file_and_is_read_back_survives: "a file that replaces a file and is read back",
    a_file_that_is_mapped_survives: "a file that is mapped",
    a_file_past_the_cache_survives: "a file past the cache",
    a_file_in_whichever_way_is_best_survives: "a file in whichever way is best",
    a_file_of_many_zeros_survives: "a file of many zeros",
    a_tree_of_which_the_paths_are_made_for_good_survives: "a tree of which the paths are made, for good",
    a_file_that_is_compressed_survives: "a file that is compressed",
    a_file_that_is_compressed_over_an_older_one_survives: "a file that is compressed over an older one",
    a_file_that_is_decompressed_survives: "a file that is decompressed",
    a_file_that_is_compressed_for_good_survives: "a file that is compressed for good",
    a_file_that_is_decompressed_for_good_where_an_older_one_is_survives: "a file that is decompressed for good, where an older one is",
    a_tree_that_is_compressed_into_another_survives: "a tree that is compressed into another",
    an_index_that_is_made_survives: "an index that is made",
}

/// Behind exit 0 stand the right bytes; before a failure, the first of them.
#[test]
fn a_range_is_right_or_an_error() {
    let expected = &prose(2, 200_000)[70_000..170_000];
    for with_index in [true, false] {
        let sandbox = Sandbox::new();
        packing::furnish_pieces(&sandbox);
        if with_index {
            sandbox.haul("gunzip --index packed.gz").run().ok();
        }
        let words = "gunzip --range 70000:100000 packed.gz --buffer 8K --scheduler serial";
        let seen = sandbox.path("seen");
        sandbox.haul(words).env("HAUL_FAULTS", "0:EIO").env("HAUL_FAULTS_SEEN", &seen).run().ok();
        let calls: u64 = number(&String::from_utf8(sandbox.read("seen")).unwrap());
        assert!(calls >= 20, "{calls} calls cannot be all");
        for k in 1..=calls {
            for fault in FAULTS {
                let plan = format!("{k}{}:{}", fault.lasting, fault.name);
                let run = sandbox.haul(words).env("HAUL_FAULTS", &plan).run();
                assert!(expected.starts_with(&run.out), "call {plan}: wrong bytes came out");
                assert!(!run.succeeded() || run.out == expected, "call {plan}: exit 0, and bytes are missing");
                assert!(run.succeeded() || !fault.must_succeed, "call {plan}: {}", run.err);
            }
        }
    }
}

fn number(text: &str) -> u64 {
    text.split_whitespace().next().and_then(|number| number.parse().ok()).expect("a number")
}

/// Whatever fails before a source is removed keeps it: a sync that failed above all.
#[test]
fn a_source_stays_when_its_target_may_not_be_durable() {
    let scenario = all_scenarios().find(|scenario| scenario.words == "gzip --sync file").expect("a scenario");
    let (mut data, mut name) = (0, 0);
    for k in 1..=scenario.calls(one_worker(scenario.words)).expect("calls").len() {
        let (sandbox, _) = scenario.start();
        let run = scenario.run(&sandbox, &format!("{k}:EIO"), one_worker(scenario.words));
        data += u32::from(run.err.contains("cannot finish 'file.gz'"));
        name += u32::from(run.err.contains("cannot sync"));
        assert!(run.succeeded() || sandbox.exists("file"), "call {k}: {}", run.err);
    }
    // Data: fsync, close. Name: open, fsync, close.
    assert!(data == 2 && name == 3, "{data} calls for the data, {name} for its name, can fail");
}

/// What a bad job might do to a good copy, and what it says of its end.
type Spoiler = (fn(&Sandbox), Ending);

#[test]
fn the_check_itself_sees_a_loss() {
    let gzip = &packing::SCENARIOS[0];
    let (sandbox, start) = gzip.start();
    sandbox.write("file.gz", "half a file");
    assert!((gzip.check)(&sandbox, &start, Ending::FAILED).is_err(), "a third thing as target");
    sandbox.remove("file");
    assert!((gzip.check)(&sandbox, &start, Ending::FAILED).unwrap_err().contains("LOST"));
    let copy = &copying::SCENARIOS[0];
    let spoiled = |spoil: fn(&Sandbox), ending| {
        let (sandbox, start) = copy.start();
        sandbox.tool("cp", &["-a", "tree", "target"]);
        assert_eq!((copy.check)(&sandbox, &start, Ending::WHOLE), Ok(()), "cp's own copy");
        spoil(&sandbox);
        (copy.check)(&sandbox, &start, ending)
    };
    let spoilers: [Spoiler; 8] = [
        (|sandbox| drop(sandbox.write("target/one", "half a file")), Ending::FAILED),
        (|sandbox| drop(sandbox.write("tree/one", "half a file")), Ending::FAILED),
        (|sandbox| drop(sandbox.write("beside", "changed")), Ending::FAILED),
        (|sandbox| drop(sandbox.write("somewhere else", "new")), Ending::FAILED),
        (|sandbox| common::set_mode(sandbox.path("target/one"), 0o600), Ending::FAILED),
        (|sandbox| common::set_mtime(sandbox.path("target/sub"), 1, 1), Ending::WHOLE),
        (|sandbox| sandbox.remove("target/sub/fifo"), Ending::WHOLE),
        (
            |sandbox| {
                sandbox.remove("target/twin");
                sandbox.tool("cp", &["-a", "tree/twin", "target/twin"]);
                sandbox.tool("touch", &["-r", "tree", "target"]);
            },
            Ending::WHOLE,
        ),
    ];
    for (number, (spoil, ending)) in spoilers.into_iter().enumerate() {
        assert!(spoiled(spoil, ending).is_err(), "spoiler {number}");
    }
}

/// Random faults under two workers, where the k-th call is another one each time. `HAUL_SOAK` says for how many
/// seconds, `HAUL_SEED` where to begin; what went wrong is printed with its seed.
#[test]
#[ignore = "takes as long as HAUL_SOAK says; make soak runs it"]
fn random_faults_under_two_workers() {
    let number =
        |name: &str, default: u64| std::env::var(name).ok().and_then(|text| text.parse().ok()).unwrap_or(default);
    let limit = std::time::Duration::from_secs(number("HAUL_SOAK", 60));
    let clock = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).expect("a clock");
    let first = number("HAUL_SEED", clock.as_secs());
    let scenarios: Vec<&Scenario> = all_scenarios().collect();
    let ways = ["--scheduler channel --workers 2", "--scheduler rayon --workers 2"];
    let calls: Vec<usize> =
        scenarios.iter().map(|scenario| scenario.calls(ways[0]).map_or(0, |calls| calls.len())).collect();
    let start = std::time::Instant::now();
    let mut seed = first;
    while start.elapsed() < limit {
        let choice = noise(seed, 8);
        let which = usize::from(choice[0]) % scenarios.len();
        let k = 1 + (usize::from(choice[1]) << 8 | usize::from(choice[2])) % calls[which].max(1);
        let fault = FAULTS[usize::from(choice[3]) % FAULTS.len()];
        let way = ways[usize::from(choice[4]) % ways.len()];
        let scenario = scenarios[which];
        if let Err(why) = scenario.attempt(k, fault, way) {
            panic!("HAUL_SEED={seed}: {}, {way}, call {k}{} {}: {why}", scenario.name, fault.lasting, fault.name);
        }
        seed += 1;
    }
    let _ = writeln!(std::io::stderr(), "soak: {} random faults, seeds {first} to {}", seed - first, seed - 1);
}
