//! Command lines of `haul disk` → plans, or why not.

use clap::Parser;
use haul::plan::{Access, DiskAxis, DiskPlace, Flight, Load};

use super::*;
use crate::cli::args::Args;
use crate::cli::plans::build;
use crate::cli::report::Output;

/// The invocation of a command line, or what is wrong with it.
fn ordered(words: &str) -> Result<(DiskPlan, Vec<Output>), String> {
    let line = ["haul", "disk"].into_iter().chain(words.split_whitespace());
    let args = Args::try_parse_from(line).map_err(|error| error.to_string())?;
    match build(args).map_err(|error| error.0.to_string())?.job {
        Job::Disk { plan, outputs } => Ok((plan, outputs)),
        _ => panic!("another work"),
    }
}

fn plan(words: &str) -> DiskPlan {
    ordered(words).unwrap_or_else(|error| panic!("{words}: {error}")).0
}

#[test]
fn by_itself_it_measures_all_in_a_minute() {
    let plan = plan("");
    assert_eq!(plan.place, DiskPlace::Directory(".".into()));
    assert_eq!((plan.loads.as_slice(), &plan.axes, plan.flight), (&Load::ALL[..], &None, None));
    assert_eq!(plan.accesses, [Access::Buffered, Access::Direct]);
    assert_eq!(plan.blocks.iter().map(ToString::to_string).collect::<Vec<_>>(), ["4K", "128K", "1M"]);
    assert_eq!((plan.depths, plan.file_bytes, plan.effort.rounds), (vec![1, 4, 16, 32], None, None));
    assert_eq!(plan.effort.budget, Some(Duration::from_secs(60)));
    assert!((plan.share - 0.25).abs() < 1e-9 && (plan.effort.within - 0.05).abs() < 1e-9);
}

#[test]
fn what_is_named_is_what_is_measured() {
    let found = plan("/mnt --quick");
    assert_eq!((found.effort.budget, found.depths), (Some(Duration::from_secs(10)), vec![1, 16]));
    assert!(found.blocks.is_empty() && !found.loads.contains(&Load::Mixed));
    assert_eq!(plan("--quick --axis blocks").blocks.len(), 3);
    let found = plan("--quick --budget 20s --depths 4 --loads mixed");
    assert_eq!((found.effort.budget, found.depths), (Some(Duration::from_secs(20)), vec![4]));
    assert_eq!(found.loads, [Load::Mixed]);
    let found = plan("--read-only /dev/sda --rounds 3 --flight threads");
    assert_eq!(found.place, DiskPlace::Existing("/dev/sda".into()));
    assert_eq!((found.loads, found.effort.budget), (vec![Load::Read, Load::RandomRead], None));
    assert_eq!(found.flight, Some(Flight::Threads));
    let found = plan("--loads remove,read,read --blocks 64K,64K,8K..32K --axis blocks --access direct --size 1G");
    assert_eq!((found.loads, found.axes), (vec![Load::Read, Load::Remove], Some(vec![DiskAxis::Blocks])));
    assert_eq!(found.blocks.iter().map(ToString::to_string).collect::<Vec<_>>(), ["64K", "8K", "16K", "32K"]);
    assert_eq!((found.accesses, found.file_bytes), (vec![Access::Direct], Some(1 << 30)));
    assert_eq!(plan("--loads sync --blocks 16K --size 1G --share 5%").blocks.len(), 1);
    // Blocks that are large are not those of which several are in flight.
    for (words, count) in [("--loads read --blocks 64M", 1), ("--blocks 4K,64M --depths 1,32", 2)] {
        assert_eq!(plan(words).blocks.len(), count, "{words}");
    }
    for words in ["--loads read --depths 4 --flight threads", "--loads read --axis depths --flight threads"] {
        assert_eq!(plan(words).flight, Some(Flight::Threads), "{words}");
    }
    let (_, outputs) = ordered("-o a.html -o b.json").unwrap();
    assert_eq!(outputs.iter().map(|output| output.format).collect::<Vec<_>>(), [Format::Html, Format::Json]);
    assert_eq!(ordered("--json").unwrap().1, [Output { format: Format::Json, path: None }]);
}

#[test]
fn what_contradicts_itself_or_is_used_for_nothing_is_refused_with_advice() {
    for (words, why) in [
        ("/mnt --read-only /dev/sda", "a DIR to write in and --read-only contradict each other"),
        ("--read-only f --share 5%", "leave out --share"),
        ("--read-only f --loads read,sync", "and sync does not: name read and random-read, or a DIR"),
        ("--json --format csv", "cannot be used with"),
        ("--blocks 6000", "6000B is no multiple of 4K"),
        ("--blocks 0", "out of range"),
        ("--blocks 4K..1K", "empty range"),
        ("--depths 0", "write a number from 1 to 1024"),
        ("--depths 1025", "write a number from 1 to 1024"),
        ("--depths 1,x", "write a number from 1 to 1024"),
        ("--loads cold", "possible values"),
        ("--loads", "value is required"),
        ("--size 0", "write a size above 0"),
        ("--share 0", "write a percentage"),
        ("--within 101", "write a percentage"),
        ("--budget 0", "write a time"),
        ("--rounds 0", "invalid value"),
        ("--loads create,stat --blocks 4K", "--blocks says nothing to create, stat"),
        ("--loads sync --depths 4", "--depths says nothing to sync"),
        ("--loads sync --axis blocks", "--axis says nothing to sync"),
        ("--loads remove --access direct", "--access says nothing to remove"),
        ("--loads remove --flight threads", "--flight says nothing to remove"),
        ("--loads read --flight threads", "--flight says nothing to one operation at a time"),
        ("--depths 1,1 --flight io_uring", "name --depths above 1"),
        ("--axis blocks --flight io_uring", "name --depths above 1"),
        ("--loads sync --blocks 4K,8K", "sync writes blocks of one size"),
        ("--loads random-read --blocks 4K,8K", "several --blocks, and nothing varies over them"),
        (
            "--loads read --depths 1,2",
            "several --depths, and nothing varies over them: name one, or write --axis depths",
        ),
        ("--axis depths --blocks 4K,8K", "name one, or write --axis blocks,depths"),
        ("--axis blocks --depths 1,2", "name one, or write --axis blocks,depths"),
        ("--axis blocks,depths --blocks 1G --depths 2", "2 blocks of 1G in flight take more than 1 GiB of memory"),
        ("--blocks 64M", "32 blocks of 64M in flight take more than 1 GiB of memory"),
        ("--loads create --size 1G", "--size says nothing to create"),
        ("--loads stat,remove --share 5%", "--share says nothing to stat, remove"),
        ("-o a.json -o a.json", "named twice"),
        ("-o a.xyz", "names no format"),
    ] {
        let found = ordered(words).expect_err(words);
        assert!(found.contains(why), "{words}: {found}");
    }
}
