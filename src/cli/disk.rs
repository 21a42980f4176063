//! `haul disk`: its options, the plan that they make, and the way to its report.

use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::time::Duration;

use clap::Args as ClapArgs;
use haul::job::Context;
use haul::lab::expect::{self, Expectation};
use haul::lab::plan::Effort;
use haul::lab::subject::disk;
use haul::lab::subject::disk::plan::{Access, BackendChoice, DiskAxis, DiskPlan, DiskTarget, Load, Preset};
use haul::lab::subject::disk::settings::wanted;
use haul::size::BufferSize;

use super::exit::Exit;
use super::invocation::{Invocation, Job};
use super::options::{UsageError, distinct, or};
use super::progress::Terminal;
use super::quote::{command_line, words_as_typed};
use super::report_options::{Delivery, ReportOptions};
use super::run::measured;
use super::watching::Watching;
use super::words::{
    SizeList, parse_amount_of_bytes, parse_depth, parse_duration, parse_entropy, parse_part, parse_sizes,
};

const EXAMPLES: &str = "Examples:
  haul disk                                       the disk below the current directory, in a minute
  haul disk /mnt/nvme --quick                     a first impression in ten seconds
  haul disk /mnt/nvme -o disk.html -o disk.json   a page with charts, and what haul compare reads
  haul disk --loads random-read --depths 1,2,4,8,16,32,64 --budget 2m
  haul disk --loads read --axis blocks,depths --blocks 64K..4M --depths 1,4 --access direct
  haul disk /mnt/nvme --preset cdm                the loads of CrystalDiskMark
  haul disk /mnt/nvme --expect 'read=3500MB/s,random-read=400kIOPS'   exit 1 unless it is as fast as sold
  haul disk /mnt/nvme --loads write --sustain 5m --timeline rate.csv  does it keep that up?
  haul disk --read-only /dev/nvme0n1              a whole device; nothing on it changes";

/// Benchmark a disk: rates, latencies, IOPS, fsync and small files, in about a minute
///
/// A scratch directory is made in DIR, with a file in it of as many bytes as the time allows (at most --share of what is
/// free, and 16 GiB); the file bears no name, so that its room is free again however haul ends. Nothing of yours is read,
/// written or removed, and the scratch directory is removed at the end. Settings are measured in shuffled rounds, after
/// each was warmed up until its rate was steady; the report says how well each figure is known, what was not steady, and
/// what makes it doubtful. What is read comes from the disk, and every run proves it; what is written is incompressible
/// unless --entropy says otherwise: buffered, it is durable when the clock stops (fdatasync is in the time); direct, it may
/// then still be in the disk's write cache; that files were made or removed is in the file system's memory alone. Ctrl-C
/// ends it with a report of what was measured.
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
    /// What varies; default: blocks of read and write (and 1M direct also with 8 in flight), depths of the random loads
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
    #[arg(long, alias = "flight", value_enum, default_value_t = BackendChoice::Auto)]
    pub(crate) backend: BackendChoice,
    /// A known set of loads instead of haul's own
    #[arg(long, value_enum, value_name = "NAME", conflicts_with_all = ["loads", "axis", "blocks", "depths", "access", "quick"])]
    pub(crate) preset: Option<Preset>,
    /// Rates that must be reached, as LOAD=RATE in MB/s, MiB/s, GB/s, GiB/s or IOPS, kIOPS: exit 1 unless the best direct
    /// setting of each load surely does
    #[arg(long, value_name = "LIST", value_delimiter = ',')]
    pub(crate) expect: Vec<Expectation>,
    /// Keep each load up for so long, in one run whose rate is noted second by second: whether a cache fills up, credits
    /// run out, heat throttles
    #[arg(long, value_name = "TIME", value_parser = parse_duration, conflicts_with_all = ["rounds", "budget", "quick"])]
    pub(crate) sustain: Option<Duration>,
    /// Entropy of what is written in bits a byte, 0 to 8; 8 is incompressible
    #[arg(long, value_name = "BITS", default_value = "8", value_parser = parse_entropy, conflicts_with = "read_only", allow_hyphen_values = true)]
    pub(crate) entropy: f64,
    /// Bytes of the scratch file, or of FILE that are read; default: what the budget has time
    /// for, with --preset cdm 1 GiB
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
    #[command(flatten)]
    pub(crate) report: ReportOptions,
}

/// Measures a disk, writes its reports, and says whether it is as fast as expected.
pub(crate) fn run(
    plan: &DiskPlan,
    expected: &[Expectation],
    delivery: &Delivery,
    terminal: &Terminal,
    context: &Context,
) -> Exit {
    let only_read = match &plan.target {
        DiskTarget::Existing(path) => Some(path.as_path()),
        // A report may well lie in the directory: what is measured there is a scratch directory of ours.
        DiskTarget::Directory(_) => None,
    };
    let result = Watching::new(delivery, only_read, context).and_then(|mut watching| {
        let report = disk::run(plan, context, &mut watching);
        watching.finish(report)
    });
    let judgements = result.as_ref().map_or_else(|_| vec![], |report| expect::judge(report, expected));
    let exit = measured(terminal, result, context);
    for judgement in &judgements {
        terminal.say(&judgement.text);
    }
    let are_met = judgements.iter().all(|judgement| judgement.met == Some(true));
    if exit == Exit::Done && !are_met { Exit::Failed } else { exit }
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
    let target = target(&args)?;
    let loads = loads(&args, &target)?;
    let axes = (!args.axis.is_empty()).then(|| distinct(args.axis.iter().copied()));
    let blocks = distinct(args.blocks.iter().flat_map(|list| list.0.iter().copied()));
    let depths = distinct(args.depths.iter().copied());
    check_use(&args, &loads, axes.as_deref(), [blocks.len(), depths.len()])?;
    if let Some(odd) = blocks.iter().find(|block| !block.is_whole_pages()) {
        return Err(UsageError::new(format!("blocks are whole pages: {odd} is not a multiple of 4K")));
    }
    let (blocks, depths) =
        (or(blocks, default_blocks(args.quick && axes.is_none())), or(depths, default_depths(args.quick)));
    let budget = if args.quick { QUICK } else { BUDGET };
    let plan = DiskPlan {
        target,
        loads,
        accesses: or(distinct(args.access), vec![Access::Buffered, Access::Direct]),
        axes,
        blocks,
        depths,
        preset: args.preset,
        backend: args.backend.into(),
        file_bytes: args.size,
        share: args.share.unwrap_or(SHARE),
        entropy: args.entropy,
        sustain: args.sustain,
        effort: Effort {
            rounds: args.rounds,
            budget: args.budget.or(args.rounds.is_none().then_some(budget)),
            within: args.within,
        },
        seed: args.seed,
        anonymous: args.report.anonymous,
        command: command_line(words_as_typed()),
    };
    if args.backend != BackendChoice::Auto && wanted(&plan).iter().all(|setting| setting.depth == 1) {
        let why = "--backend says nothing to one operation at a time: leave it out, or name --depths above 1";
        return Err(UsageError::new(why));
    }
    check_memory(&plan)?;
    let (expected, delivery) = (args.expect, args.report.delivery()?);
    Ok(Invocation::quiet(Job::Disk { plan, expected, delivery }))
}

fn target(args: &DiskArgs) -> Result<DiskTarget, UsageError> {
    match (&args.directory, &args.read_only) {
        (Some(_), Some(_)) => {
            Err(UsageError::new("a DIR to write in and --read-only contradict each other: leave one out"))
        }
        (None, Some(_)) if args.share.is_some() => Err(UsageError::new("--read-only takes no room: leave out --share")),
        (None, Some(existing)) => Ok(DiskTarget::Existing(existing.clone())),
        (directory, None) => Ok(DiskTarget::Directory(directory.clone().unwrap_or_else(|| ".".into()))),
    }
}

/// In the order of reports, whatever the order in which they were named.
fn loads(args: &DiskArgs, target: &DiskTarget) -> Result<Vec<Load>, UsageError> {
    let only_reads = matches!(target, DiskTarget::Existing(_));
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
            ("--backend", args.backend != BackendChoice::Auto),
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

#[cfg(test)]
mod tests {
    use clap::Parser;

    use haul::lab::subject::disk::plan::BackendName;
    use haul::lab::view::Format;

    use super::*;
    use crate::cli::args::{Args, build};

    /// The invocation of a command line, or what is wrong with it.
    fn ordered(words: &str) -> Result<(DiskPlan, Delivery), String> {
        let line = ["haul", "disk"].into_iter().chain(words.split_whitespace());
        let args = Args::try_parse_from(line).map_err(|error| error.to_string())?;
        match build(args).map_err(|error| error.0.to_string())?.job {
            Job::Disk { plan, delivery, .. } => Ok((plan, delivery)),
            _ => panic!("another work"),
        }
    }

    fn plan(words: &str) -> DiskPlan {
        ordered(words).unwrap_or_else(|error| panic!("{words}: {error}")).0
    }

    #[test]
    fn by_itself_it_measures_all_in_a_minute() {
        let plan = plan("");
        assert_eq!(plan.target, DiskTarget::Directory(".".into()));
        assert_eq!((plan.loads.as_slice(), &plan.axes, plan.backend), (&Load::ALL[..], &None, None));
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
        let found = plan("--read-only /dev/sda --rounds 3 --backend threads");
        assert_eq!(found.target, DiskTarget::Existing("/dev/sda".into()));
        assert_eq!((found.loads, found.effort.budget), (vec![Load::Read, Load::RandomRead], None));
        assert_eq!(found.backend, Some(BackendName::Threads));
        let found = plan("--loads remove,read,read --blocks 64K,64K,8K..32K --axis blocks --access direct --size 1G");
        assert_eq!((found.loads, found.axes), (vec![Load::Read, Load::Remove], Some(vec![DiskAxis::Blocks])));
        assert_eq!(found.blocks.iter().map(ToString::to_string).collect::<Vec<_>>(), ["64K", "8K", "16K", "32K"]);
        assert_eq!((found.accesses, found.file_bytes), (vec![Access::Direct], Some(1 << 30)));
        assert_eq!(plan("--loads sync --blocks 16K --size 1G --share 5%").blocks.len(), 1);
        // Blocks that are large are not those of which several are in flight.
        for (words, count) in [("--loads read --blocks 64M", 1), ("--blocks 4K,64M --depths 1,32", 2)] {
            assert_eq!(plan(words).blocks.len(), count, "{words}");
        }
        for words in [
            "--loads read --depths 4 --backend threads",
            "--loads read --axis depths --backend threads",
            "--loads read --backend threads",
        ] {
            assert_eq!(plan(words).backend, Some(BackendName::Threads), "{words}");
        }
        let formats =
            |words| -> Vec<Format> { ordered(words).unwrap().1.outputs.iter().map(|output| output.format).collect() };
        assert_eq!(formats("-o a.html -o b.json"), [Format::Html, Format::Json]);
        assert_eq!(formats("--json"), [Format::Json]);
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
            ("--loads remove --backend threads", "--backend says nothing to remove"),
            ("--loads read --depths 1 --backend threads", "--backend says nothing to one operation at a time"),
            ("--depths 1,1 --backend io_uring", "name --depths above 1"),
            ("--axis blocks --backend io_uring", "name --depths above 1"),
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
