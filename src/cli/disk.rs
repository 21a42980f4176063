//! `haul disk`: its options, the plan that they make, and the way to its report.

use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::time::Duration;

use clap::{Args as ClapArgs, ValueEnum};
use haul::error::Result;
use haul::job::Context;
use haul::lab::disk;
use haul::lab::disk::settings::wanted;
use haul::outcome::DiskReport;
use haul::plan::{Access, DiskAxis, DiskPlace, DiskPlan, Effort, Flight, Load};
use haul::size::BufferSize;

use super::invocation::{Invocation, Job};
use super::options::ProgressChoice;
use super::options::{UsageError, distinct, or};
use super::output::outputs;
use super::quote::{command_line, words_as_typed};
use super::report::{Format, Output};
use super::watching::Watching;
use super::words::{SizeList, parse_amount_of_bytes, parse_depth, parse_duration, parse_part, parse_sizes};

const EXAMPLES: &str = "Examples:
  haul disk                                       the disk below the current directory, in a minute
  haul disk /mnt/nvme --quick                     a first impression in ten seconds
  haul disk /mnt/nvme -o disk.html -o disk.json   a page with charts, and what haul compare reads
  haul disk --loads random-read --depths 1,2,4,8,16,32,64 --budget 2m
  haul disk --loads read --axis blocks,depths --blocks 64K..4M --depths 1,4 --access direct
  haul disk --read-only /dev/nvme0n1              a whole device; nothing on it changes";

/// Benchmark a disk: rates, latencies, IOPS, fsync and small files, in about a minute
///
/// A scratch directory is made in DIR, with a file in it of as many bytes as the time allows (at most --share of what is
/// free, and 16 GiB); the file bears no name, so that its room is free again however haul ends. Nothing of yours is read,
/// written or removed, and the scratch directory is removed at the end. Settings are measured in shuffled rounds, after
/// each was warmed up until its rate was steady; the report says how well each figure is known, what was not steady, and
/// what makes it doubtful. What is read comes from the disk, and every run proves it; what is written is incompressible:
/// buffered, it is durable when the clock stops (fdatasync is in the time); direct, it may then still be in the disk's
/// write cache; that files were made or removed is in the file system's memory alone. Ctrl-C ends it with a report of what
/// was measured.
#[derive(Debug, ClapArgs)]
#[command(override_usage = "haul disk [OPTIONS] [DIR]\n       haul disk [OPTIONS] --read-only FILE|DEVICE",
          after_help = EXAMPLES)]
pub(crate) struct DiskArgs {
    /// A directory on the disk; default: the current one
    #[arg(value_name = "DIR")]
    pub(crate) directory: Option<PathBuf>,
    /// Only read, from a file or block device that exists, instead of writing in DIR
    #[arg(long, value_name = "FILE|DEVICE")]
    pub(crate) read_only: Option<PathBuf>,
    /// Time for all of it, such as 90s, 5m; default, without --rounds: 60s. One round is run in any case
    #[arg(long, value_name = "TIME", value_parser = parse_duration)]
    pub(crate) budget: Option<Duration>,
    /// Fewer settings (blocks of 1M in order, depths of 1 and 16, no mixed load), and a budget of 10s, where nothing else is
    /// named; that may be too few rounds for intervals, which take six
    #[arg(long)]
    pub(crate) quick: bool,
    /// Measured runs of each setting; default: as many as --budget has room for, until intervals are narrow
    #[arg(long, value_name = "N")]
    pub(crate) rounds: Option<NonZeroUsize>,
    /// What to ask of the disk; default: all of it, with --read-only what reads
    #[arg(long, value_enum, value_name = "LIST", value_delimiter = ',')]
    pub(crate) loads: Vec<Load>,
    /// What varies; default: blocks of read and write, depths of the random loads
    #[arg(long, value_enum, value_name = "LIST", value_delimiter = ',')]
    pub(crate) axis: Vec<DiskAxis>,
    /// Block sizes, multiples of 4K: a list, or a range of doublings such as 4K..1M; default: 4K,128K,1M. Where they do
    /// not vary: 1M in order, 4K anywhere
    #[arg(long, value_name = "LIST", value_delimiter = ',', value_parser = parse_sizes, allow_hyphen_values = true)]
    pub(crate) blocks: Vec<SizeList>,
    /// Operations in flight, 1 to 1024; default: 1,4,16,32. Where they do not vary: 1
    #[arg(long, value_name = "LIST", value_delimiter = ',', value_parser = parse_depth, allow_hyphen_values = true)]
    pub(crate) depths: Vec<usize>,
    /// Which way bytes go; default: both in order, direct anywhere
    #[arg(long, value_enum, value_name = "LIST", value_delimiter = ',')]
    pub(crate) access: Vec<Access>,
    /// How several operations are kept in flight
    #[arg(long, value_enum, default_value_t = FlightWord::Auto)]
    pub(crate) flight: FlightWord,
    /// Bytes of the scratch file, or of FILE that are read; default: what the budget has time for
    #[arg(long, value_name = "SIZE", value_parser = parse_amount_of_bytes, allow_hyphen_values = true)]
    pub(crate) size: Option<u64>,
    /// The most of the free space that the scratch file may take, and files of the free inodes; default: 25%
    #[arg(long, value_name = "PERCENT", value_parser = parse_part, allow_hyphen_values = true)]
    pub(crate) share: Option<f64>,
    /// How well a rate must be known to be known well enough, and how small a difference counts for nothing
    #[arg(long, value_name = "PERCENT", default_value = "5%", value_parser = parse_part, allow_hyphen_values = true)]
    pub(crate) within: f64,
    /// Seed of the data, of places and of the shuffle; the report names it
    #[arg(long, value_name = "N", default_value_t = 1)]
    pub(crate) seed: u64,
    /// The same as --format json
    #[arg(long, conflicts_with = "format")]
    pub(crate) json: bool,
    /// How the report is written; default: as the name of its file says, else as a table
    #[arg(long, value_enum)]
    pub(crate) format: Option<Format>,
    /// Write the report here instead of standard output, in the format that the name ends in (.txt .csv .json .md
    /// .html). May be given several times; - is standard output
    #[arg(short, long, value_name = "FILE")]
    pub(crate) output: Vec<PathBuf>,
    /// A progress line on standard error, between runs; auto: if that is a terminal
    #[arg(long, value_enum, default_value_t = ProgressChoice::Auto)]
    pub(crate) progress: ProgressChoice,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
#[value(rename_all = "snake_case")]
pub(crate) enum FlightWord {
    /// By the kernel where it can be had, else by threads
    Auto,
    /// By the kernel: one thread and a ring that both share
    IoUring,
    /// By a thread for each
    Threads,
}

/// Measures a disk and writes its reports.
pub(crate) fn run(
    plan: &DiskPlan,
    outputs: &[Output],
    progress: ProgressChoice,
    context: &Context,
) -> Result<DiskReport> {
    let only_read = match &plan.place {
        DiskPlace::Existing(path) => Some(path.as_path()),
        // A report may well lie in the directory: what is measured there is a scratch directory of ours.
        DiskPlace::Directory(_) => None,
    };
    let mut watching = Watching::new(outputs, progress, only_read, context)?;
    let report = disk::run(plan, context, &mut watching);
    watching.finish(report, outputs)
}

/// What is measured where nobody says how long.
const BUDGET: Duration = Duration::from_secs(60);
/// The same with --quick.
const QUICK: Duration = Duration::from_secs(10);
/// The part of the free space that a scratch file may take: it stays clear of what fills a disk up, and of the share that
/// solid state wants free to write well.
const SHARE: f64 = 0.25;
/// The most memory for blocks in flight.
const MOST_MEMORY: u64 = 1 << 30;

pub(super) fn build_disk(args: DiskArgs) -> Result<Invocation, UsageError> {
    let place = place(&args)?;
    let loads = loads(&args, &place)?;
    let axes = (!args.axis.is_empty()).then(|| distinct(args.axis.iter().copied()));
    let blocks = distinct(args.blocks.iter().flat_map(|list| list.0.iter().copied()));
    let depths = distinct(args.depths.iter().copied());
    check_use(&args, &loads, axes.as_deref(), [blocks.len(), depths.len()])?;
    if let Some(odd) = blocks.iter().find(|block| !block.is_whole_pages()) {
        return Err(UsageError::new(format!("blocks are whole pages: {odd} is not a multiple of 4K")));
    }
    let (blocks, depths) =
        (or(blocks, default_blocks(args.quick && axes.is_none())), or(depths, default_depths(args.quick)));
    let format = if args.json { Some(Format::Json) } else { args.format };
    let outputs = outputs(args.output, format)?;
    let budget = if args.quick { QUICK } else { BUDGET };
    let plan = DiskPlan {
        place,
        loads,
        accesses: or(distinct(args.access), vec![Access::Buffered, Access::Direct]),
        axes,
        blocks,
        depths,
        flight: args.flight.into(),
        file_bytes: args.size,
        share: args.share.unwrap_or(SHARE),
        effort: Effort {
            rounds: args.rounds,
            budget: args.budget.or(args.rounds.is_none().then_some(budget)),
            within: args.within,
        },
        seed: args.seed,
        command: command_line(words_as_typed()),
    };
    check_memory(&plan)?;
    Ok(Invocation::quiet(Job::Disk { plan, outputs }, args.progress))
}

fn place(args: &DiskArgs) -> Result<DiskPlace, UsageError> {
    match (&args.directory, &args.read_only) {
        (Some(_), Some(_)) => {
            Err(UsageError::new("a DIR to write in and --read-only contradict each other: leave one out"))
        }
        (None, Some(_)) if args.share.is_some() => Err(UsageError::new("--read-only takes no room: leave out --share")),
        (None, Some(existing)) => Ok(DiskPlace::Existing(existing.clone())),
        (directory, None) => Ok(DiskPlace::Directory(directory.clone().unwrap_or_else(|| ".".into()))),
    }
}

/// In the order of reports, whatever the order in which they were named.
fn loads(args: &DiskArgs, place: &DiskPlace) -> Result<Vec<Load>, UsageError> {
    let only_reads = matches!(place, DiskPlace::Existing(_));
    let named: &[Load] = &args.loads;
    if let Some(load) = named.iter().find(|load| only_reads && !load.only_reads()) {
        let name = load.name();
        let why = format!("--read-only leaves all as it is, and {name} does not: name read and random-read, or a DIR");
        return Err(UsageError::new(why));
    }
    let is_wanted = |load: &Load| match named {
        [] => (!only_reads || load.only_reads()) && !(args.quick && *load == Load::Mixed),
        named => named.contains(load),
    };
    Ok(Load::ALL.into_iter().filter(is_wanted).collect())
}

/// What was named must be used for something: each option by some load, and of several values each. `named` is how many
/// blocks and depths were.
fn check_use(args: &DiskArgs, loads: &[Load], axes: Option<&[DiskAxis]>, named: [usize; 2]) -> Result<(), UsageError> {
    let in_order = loads.iter().any(|load| matches!(load, Load::Read | Load::Write));
    let anywhere = loads.iter().any(|load| load.is_random());
    let [blocks, depths] = named;
    if !in_order && !anywhere {
        if blocks > 1 {
            return Err(UsageError::new("sync writes blocks of one size: name one with --blocks"));
        }
        let options = [
            ("--axis", !args.axis.is_empty()),
            ("--depths", depths > 0),
            ("--access", !args.access.is_empty()),
            ("--flight", args.flight != FlightWord::Auto),
            ("--blocks", blocks > 0 && !loads.contains(&Load::Sync)),
            ("--size", args.size.is_some() && !loads.contains(&Load::Sync)),
            ("--share", args.share.is_some() && !loads.contains(&Load::Sync)),
        ];
        if let Some((option, _)) = options.iter().find(|(_, is_named)| *is_named) {
            let list = loads.iter().map(|load| load.name()).collect::<Vec<_>>().join(", ");
            return Err(UsageError::new(format!(
                "{option} says nothing to {list}: leave it out, or name more --loads"
            )));
        }
    }
    let varies = |axis, by_itself| axes.map_or(by_itself, |axes| axes.contains(&axis));
    for (name, count, axis, by_itself) in
        [("blocks", blocks, DiskAxis::Blocks, in_order), ("depths", depths, DiskAxis::Depths, anywhere)]
    {
        if count > 1 && !varies(axis, by_itself) {
            let both = axes.is_some_and(|axes| !axes.contains(&axis));
            let wanted = if both { "blocks,depths" } else { name };
            let why = format!("several --{name}, and nothing varies over them: name one, or write --axis {wanted}");
            return Err(UsageError::new(why));
        }
    }
    let is_alone = if depths == 1 { args.depths[0] == 1 } else { !varies(DiskAxis::Depths, anywhere) };
    if args.flight != FlightWord::Auto && is_alone {
        let why = "--flight says nothing to one operation at a time: leave it out, or name --depths above 1";
        return Err(UsageError::new(why));
    }
    Ok(())
}

/// What blocks in flight take of memory. Whether the file holds them is seen when it is known how large it is.
fn check_memory(plan: &DiskPlan) -> Result<(), UsageError> {
    let memory = |block: BufferSize, depth: usize| (block.bytes() as u64).saturating_mul(depth as u64);
    let in_flight = wanted(plan).into_iter().filter_map(|setting| Some((setting.load, setting.block?, setting.depth)));
    let most = in_flight.max_by_key(|(_, block, depth)| memory(*block, *depth));
    if let Some((load, block, depth)) = most.filter(|(_, block, depth)| memory(*block, *depth) > MOST_MEMORY) {
        return Err(UsageError::new(format!(
            "{depth} blocks of {block} in flight take more than 1 GiB of memory: name smaller --blocks or --depths for {}",
            load.name()
        )));
    }
    Ok(())
}

/// Who is in a hurry has each load in its own usual blocks.
fn default_blocks(hurries: bool) -> Vec<BufferSize> {
    if hurries { vec![] } else { [4, 128, 1024].map(BufferSize::from_kib).to_vec() }
}

fn default_depths(quick: bool) -> Vec<usize> {
    if quick { vec![1, 16] } else { vec![1, 4, 16, 32] }
}

impl From<FlightWord> for Option<Flight> {
    fn from(word: FlightWord) -> Self {
        match word {
            FlightWord::Auto => None,
            FlightWord::IoUring => Some(Flight::IoUring),
            FlightWord::Threads => Some(Flight::Threads),
        }
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;
    use crate::cli::args::{Args, build};

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
            ("--blocks 6000", "6000B is not a multiple of 4K"),
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
}
