//! `haul sweep`: its options, the plan that they make, and the way to its report; and `haul run-spec`, which it runs itself.

use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::{Args as ClapArgs, ValueEnum};
use haul::error::{Error, Result};
use haul::job::Context;
use haul::lab::observe;
use haul::lab::plan::{
    CacheState, DataPlan, Effort, ExtraRuns, Generated, SweepData, SweepJob, SweepPlan, TableName, Variant,
};
use haul::lab::report::{Rank, Report};
use haul::lab::setting::{Axis, Setting, split};
use haul::lab::subject::job::axes::{Axes, can_run};
use haul::lab::subject::job::run_spec::RunSpec;
use haul::lab::subject::job::tables;
use haul::lab::sweep;
use haul::plan::{Clash, CodecName, EngineName, PoolChoice, SchedulerName};
use haul::size::BufferSize;

use super::invocation::{Invocation, Job};
use super::options::{UsageError, distinct, or};
use super::output::print;
use super::quote::{command_line, words_as_typed};
use super::report_options::{Delivery, ReportOptions};
use super::tune::recommend;
use super::watching::Watching;
use super::words::{
    Amount, PoolWord, SizeList, WaitWord, WorkerList, parse_amount, parse_block, parse_duration, parse_entropy,
    parse_overflow, parse_part, parse_pool, parse_sizes, parse_wait, parse_worker_list, parse_workers,
};

const EXAMPLES: &str = "Examples:
  haul sweep copy disk.img
  haul sweep gzip logs --workers 1,2,4 --level 1,6 -o report.html -o report.json
  haul sweep copy --generate 1G --cache cold,direct --latency
  haul sweep --table models --budget 5m            threads, processes and io_uring, on data that is made here
  haul sweep --table workers photos --workers 1..1000 --baseline uring
  haul sweep copy photos --to /mnt/backup         which buffer for a backup, ranked by when it is on that disk";

/// Run a job across buffer sizes, workers, engines, pools: calls, times, memory and a verdict
///
/// Every setting is run once to warm up, and then once in each of several shuffled rounds; one setting is run twice, to
/// show how far apart two runs of the same thing are. Every run's system calls are compared with the kernel's own count
/// (/proc/self/io), and the report says whether they agree. Targets go to a scratch directory beside SOURCE or in --to,
/// which is removed at the end. SOURCE is only read. The verdict comes last; --explain shows what it rests on. Ctrl-C ends
/// it with a report of what was measured.
#[derive(Debug, ClapArgs)]
#[command(override_usage = "haul sweep [OPTIONS] JOB SOURCE\n       haul sweep [OPTIONS] JOB --generate SIZE\n       \
                            haul sweep [OPTIONS] --table NAME [JOB] [SOURCE]", after_help = EXAMPLES)]
pub(crate) struct SweepArgs {
    /// The job to run (copy, gzip or gunzip), and the file or directory to run it on. With --table the job may be left
    /// out, with --generate the SOURCE
    #[arg(value_names = ["JOB", "SOURCE"], num_args = 0..=2)]
    pub(crate) words: Vec<PathBuf>,
    /// A ready-made sweep that answers one question
    #[arg(long, value_enum, value_name = "NAME")]
    pub(crate) table: Option<TableName>,
    /// Find the options that make copy and gzip of SOURCE faster, and the lines that set them; without SOURCE of data that is
    /// made here. haul tune asks the same of a file system
    #[arg(long, conflicts_with_all = ["table", "buffers", "workers", "cache", "engine", "scheduler", "pool", "pool_overflow",
          "pool_wait", "batch", "level",
          "codec", "block", "baseline", "entropy", "within", "rounds", "latency", "verify_counts", "no_sync", "rank"])]
    pub(crate) recommend: bool,
    /// Buffer sizes: a list, or a range of doublings such as 4K..1M; default: 1K to 4M, or 256K
    /// where something else varies
    #[arg(long, value_name = "LIST", value_delimiter = ',', value_parser = parse_sizes, allow_hyphen_values = true)]
    pub(crate) buffers: Vec<SizeList>,
    /// Worker counts: a list, or a range such as 1..1000, which is 1, 2, 5, 10, 20, 50 and so on; of --scheduler uring,
    /// operations in flight; default: auto
    #[arg(short = 'p', long, value_name = "LIST", value_delimiter = ',', value_parser = parse_worker_list,
          allow_hyphen_values = true)]
    pub(crate) workers: Vec<WorkerList>,
    /// What of the source is in memory before each run; default: warm
    #[arg(long, value_enum, value_name = "LIST", value_delimiter = ',')]
    pub(crate) cache: Vec<CacheState>,
    /// Engines (copy); default: auto
    #[arg(long, value_enum, value_name = "LIST", value_delimiter = ',')]
    pub(crate) engine: Vec<EngineName>,
    /// Schedulers; default: channel
    #[arg(long, value_enum, value_name = "LIST", value_delimiter = ',')]
    pub(crate) scheduler: Vec<SchedulerName>,
    /// Pools: on, off or numbers of buffers; default: on
    #[arg(long, value_name = "LIST", value_delimiter = ',', value_parser = parse_pool)]
    pub(crate) pool: Vec<PoolWord>,
    /// How many more buffers may exist for a burst; default: 0
    #[arg(long, value_name = "LIST", value_delimiter = ',', value_parser = parse_overflow, allow_hyphen_values = true)]
    pub(crate) pool_overflow: Vec<usize>,
    /// How long to wait for a buffer while none comes back, such as 500ms, 30s; default: unlimited
    #[arg(long, value_name = "LIST", value_delimiter = ',', value_parser = parse_wait, allow_hyphen_values = true)]
    pub(crate) pool_wait: Vec<WaitWord>,
    /// Entries of a directory handed out by the buffer (on) or each by itself (off); default: on
    #[arg(long, value_enum, value_name = "LIST", value_delimiter = ',')]
    pub(crate) batch: Vec<Switch>,
    /// Compare every setting with the one that has this value, such as serial, uring or 1, and is like it otherwise; default:
    /// of --table models one thread, of --table workers the fewest workers
    #[arg(long, value_name = "VALUE")]
    pub(crate) baseline: Option<String>,
    /// Levels (gzip); default: 6
    #[arg(long, value_name = "LIST", value_delimiter = ',', value_parser = clap::value_parser!(u32).range(..=12))]
    pub(crate) level: Vec<u32>,
    /// gzip's codec
    #[arg(long, value_enum, default_value_t = CodecName::Auto)]
    pub(crate) codec: CodecName,
    /// gzip's block; default: what suits the level
    #[arg(long, value_name = "SIZE", value_parser = parse_block)]
    pub(crate) block: Option<BufferSize>,
    /// Make data to run on: 256M, or 100x10M for a directory of 100 files
    #[arg(long, value_name = "SIZE", value_parser = parse_amount)]
    pub(crate) generate: Option<Amount>,
    /// Entropy of that data in bits a byte, 0 to 8
    #[arg(long, value_name = "BITS", default_value = "8", value_parser = parse_entropy, requires = "generate", allow_hyphen_values = true)]
    pub(crate) entropy: f64,
    /// Measured runs of each setting; default: as many as --budget has room for, until intervals are narrow
    #[arg(long, value_name = "N")]
    pub(crate) rounds: Option<NonZeroUsize>,
    /// Time for warming up and rounds, such as 90s, 5m; default, without --rounds: 60s. One round is run in any case;
    /// a setting whose first run takes half of it (and more than 10s) is left out, and said to be. Preparing, --latency
    /// and --verify-counts come on top
    #[arg(long, value_name = "TIME", value_parser = parse_duration)]
    pub(crate) budget: Option<Duration>,
    /// How much slower than the best a setting may be to be as good
    #[arg(long, value_name = "PERCENT", default_value = "5%", value_parser = parse_part, allow_hyphen_values = true)]
    pub(crate) within: f64,
    /// Do not time fdatasync after each run
    #[arg(long)]
    pub(crate) no_sync: bool,
    /// By which time settings are ranked: that of the job (wall), or until what it wrote is on the disk (durable); default:
    /// wall, with --to on another device durable
    #[arg(long, value_enum, value_name = "BY", hide_possible_values = true)]
    pub(crate) rank: Option<Rank>,
    /// Time every system call, in one more run of each setting: p50, p90, p99, maximum
    #[arg(long)]
    pub(crate) latency: bool,
    /// Compare counts with those of strace or perf, in one more run of each setting
    #[arg(long)]
    pub(crate) verify_counts: bool,
    /// Seed of the shuffle and of generated data; the report names it
    #[arg(long, value_name = "N", default_value_t = 1)]
    pub(crate) seed: u64,
    /// Where targets are written, in a scratch directory that is removed at the end: another disk, for a backup; default:
    /// beside SOURCE
    #[arg(long, visible_alias = "scratch", value_name = "DIR")]
    pub(crate) to: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) report: ReportOptions,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Switch {
    On,
    Off,
}

/// Runs a sweep and writes its reports.
pub(crate) fn run(plan: &SweepPlan, delivery: &Delivery, context: &Context) -> Result<Report> {
    let swept = plan.data.iter().find_map(|data| match &data.data {
        SweepData::Source(path) => Some(path.as_path()),
        SweepData::Generated(_) => None,
    });
    let mut watching = Watching::new(delivery, swept, context)?;
    let report = sweep::run(plan, context, &mut watching);
    watching.finish(report)
}

/// What is measured where nobody says how much.
const BUDGET: Duration = Duration::from_secs(60);

pub(super) fn build_sweep(args: SweepArgs) -> Result<Invocation, UsageError> {
    let table = args.table;
    if args.recommend {
        return recommend(args);
    }
    if args.no_sync && args.rank == Some(Rank::Durable) {
        return Err(UsageError::new("--rank durable needs the time of fdatasync: leave out --no-sync"));
    }
    let (job, source) = job_and_source(&args)?;
    let mut data = data(&args, job, source, table)?;
    let is_made = data.iter().any(|data| data.case.is_some());
    let (variants, left_out) = variants(&args, table, job, is_made)?;
    // Of the data of a table, what no setting of this job runs on is not made.
    data.retain(|data| variants.iter().any(|variant| variant.setting.word(Axis::Case) == data.case.as_deref()));
    let baseline = args.baseline.as_deref().map(|word| baseline(word, &variants)).transpose()?;
    let budget = args.budget.or(args.rounds.is_none().then_some(BUDGET));
    let plan = SweepPlan {
        table,
        data,
        to: args.to,
        rank: args.rank,
        variants,
        baseline,
        left_out,
        codec: args.codec,
        block: args.block,
        effort: Effort { rounds: args.rounds, budget, within: args.within },
        sync: !args.no_sync,
        extra_runs: ExtraRuns {
            latency: args.latency,
            verify_counts: args.verify_counts,
            file_times: table == Some(TableName::Ladder),
        },
        seed: args.seed,
        anonymous: args.report.anonymous,
        command: command_line(words_as_typed()),
    };
    for Variant { setting, .. } in &plan.variants {
        if let Some(level) = setting.number(Axis::Level).and_then(|level| u32::try_from(level).ok()) {
            plan.codec.check(level)?;
        }
        if let Some(engine) = setting.named::<EngineName>(Axis::Engine) {
            engine.check(setting.size(Axis::Buffer))?;
        }
    }
    let delivery = args.report.delivery()?;
    Ok(Invocation::quiet(Job::Sweep { plan, delivery }))
}

/// The one or two words without a dash: `copy disk.img`, `disk.img` for a table, `copy` for generated data.
fn job_and_source(args: &SweepArgs) -> Result<(Option<SweepJob>, Option<PathBuf>), UsageError> {
    let job = |word: &Path| {
        let known = SweepJob::from_str(&word.to_string_lossy(), false);
        known.map_err(|_| UsageError::new(format!("'{}' is not a job: write copy, gzip or gunzip", word.display())))
    };
    match (&args.words[..], args.table, args.generate) {
        ([word, source], _, _) => Ok((Some(job(word)?), Some(source.clone()))),
        ([word], _, Some(_)) => Ok((Some(job(word)?), None)),
        // A table has a job of its own, so that a single word is the source; some tables have data of their own too.
        ([word], Some(table), None) => match job(word) {
            Ok(job) if !tables::data(table).is_empty() => Ok((Some(job), None)),
            _ => Ok((None, Some(word.clone()))),
        },
        ([word], None, None) => {
            let job = job(word)?.name();
            Err(UsageError::new(format!("on what? Write haul sweep {job} SOURCE, or haul sweep {job} --generate 256M")))
        }
        ([], Some(_), _) => Ok((None, None)),
        _ => Err(UsageError::new("write haul sweep JOB SOURCE, or haul sweep --table NAME SOURCE")),
    }
}

fn data(
    args: &SweepArgs,
    job: Option<SweepJob>,
    source: Option<PathBuf>,
    table: Option<TableName>,
) -> Result<Vec<DataPlan>, UsageError> {
    let alone = |data| vec![DataPlan { case: None, data }];
    let own = table.map(tables::data).unwrap_or_default();
    match (source, args.generate, table) {
        (Some(_), Some(_), _) => Err(UsageError::new("a SOURCE and --generate contradict each other: leave one out")),
        (Some(source), None, _) => Ok(alone(SweepData::Source(source))),
        (None, ..) if job == Some(SweepJob::Gunzip) => {
            Err(UsageError::new("made-up data is not in gzip format: name a SOURCE to decompress"))
        }
        (None, Some(amount), _) => {
            let entropy = args.entropy;
            Ok(alone(SweepData::Generated(Generated { files: amount.files, bytes: amount.bytes, entropy })))
        }
        (None, None, _) if !own.is_empty() => {
            let plan = |(case, made): (Option<&str>, _)| DataPlan {
                case: case.map(str::to_owned),
                data: SweepData::Generated(made),
            };
            Ok(own.into_iter().map(plan).collect())
        }
        (None, None, _) => Err(UsageError::new("on what? Name a SOURCE, or let --generate 256M make one")),
    }
}

/// The settings of a table, or all combinations of what was named; and what the table has none for, and why.
fn variants(
    args: &SweepArgs,
    table: Option<TableName>,
    job: Option<SweepJob>,
    is_made: bool,
) -> Result<(Vec<Variant>, Vec<String>), UsageError> {
    let cores = parse_workers("auto").map_or(1, |count| count.0.get());
    let Some(table) = table else {
        let job = job.ok_or_else(|| UsageError::new("which job? Write haul sweep copy, gzip or gunzip"))?;
        let engines = vec![EngineName::Auto];
        let mut defaults = Axes { engines, workers: vec![cores], ..tables::base(job) };
        if named_several(args).is_none() {
            // Buffers are the question where there is no other.
            defaults.buffers = default_buffers();
        }
        return Ok((named(args, defaults, true)?.variants(), vec![]));
    };
    if let (TableName::Ladder, Some(option)) = (table, named_several(args)) {
        let why = format!("a ladder climbs to one setting: name one value with {option}, or none");
        return Err(UsageError::new(why));
    }
    let axes = tables::axes(table, job, cores, is_made);
    let one_job = axes.iter().all(|other| other.jobs == axes[0].jobs);
    let axes: Result<Vec<Axes>, UsageError> = axes.into_iter().map(|axes| named(args, axes, one_job)).collect();
    let axes = axes?;
    Ok((tables::variants(table, &axes), tables::left_out(&axes)))
}

/// The axis of which `word` is a value, with that value.
fn baseline(word: &str, variants: &[Variant]) -> Result<Setting, UsageError> {
    let settings = || variants.iter().map(|variant| &variant.setting);
    let (varying, _) = split(settings());
    let mut known = vec![];
    for axis in &varying {
        let mut texts = vec![];
        for (setting, value) in settings().filter_map(|setting| Some((setting, setting.get(*axis)?))) {
            let text = setting.text(*axis);
            if text == word {
                return Ok(Setting::default().with(*axis, value.clone()));
            }
            if !texts.contains(&text) {
                texts.push(text);
            }
        }
        known.push(format!("{} {}", axis.heading(), texts.join(", ")));
    }
    let known = if known.is_empty() { "there is one setting only".to_owned() } else { known.join("; ") };
    Err(UsageError::new(format!("no setting has the value --baseline {word}: {known}")))
}

/// An option that was given several values.
fn named_several(args: &SweepArgs) -> Option<&'static str> {
    let buffers = args.buffers.iter().map(|list| list.0.len()).sum();
    let counts = [
        ("--buffers", buffers),
        ("--workers", args.workers.iter().map(|list| list.0.len()).sum()),
        ("--cache", args.cache.len()),
        ("--engine", args.engine.len()),
        ("--scheduler", args.scheduler.len()),
        ("--pool", args.pool.len()),
        ("--pool-overflow", args.pool_overflow.len()),
        ("--pool-wait", args.pool_wait.len()),
        ("--batch", args.batch.len()),
        ("--level", args.level.len()),
    ];
    counts.iter().find(|(_, count)| *count > 1).map(|(name, _)| *name)
}

/// The axes with what was named on the command line in place of what they had. Where there is one job only, what says
/// nothing to it is refused; of two, each takes what it has a use for.
fn named(args: &SweepArgs, axes: Axes, one_job: bool) -> Result<Axes, UsageError> {
    let job = axes.jobs.first().copied().unwrap_or(SweepJob::Copy);
    let mut caches = distinct(args.cache.iter().copied());
    if job != SweepJob::Copy && !one_job {
        caches.retain(|cache| *cache != CacheState::Direct);
    }
    if job != SweepJob::Copy && one_job {
        if caches.contains(&CacheState::Direct) {
            return Err(UsageError::new("only copy can go past the page cache: leave out --cache direct"));
        }
        if !args.engine.is_empty() {
            return Err(UsageError::new(format!("engines copy; {} has none: leave out --engine", job.name())));
        }
    }
    if job != SweepJob::Gzip && one_job && !args.level.is_empty() {
        return Err(UsageError::new(format!("{} has no levels: leave out --level", job.name())));
    }
    if job != SweepJob::Gzip && one_job && (args.block.is_some() || args.codec != CodecName::Auto) {
        let why = format!("only gzip has codecs and blocks, not {}: leave out --codec and --block", job.name());
        return Err(UsageError::new(why));
    }
    if let Some(scheduler) = args.scheduler.iter().find(|scheduler| one_job && !can_run(**scheduler, job)) {
        let (scheduler, job) = (scheduler.name(), job.name());
        return Err(UsageError::new(format!(
            "{scheduler} can only copy, not {job}: leave out --scheduler {scheduler}"
        )));
    }
    let direct = |engine: &EngineName| *engine == EngineName::Direct;
    if caches.contains(&CacheState::Direct) && args.engine.iter().any(|engine| !direct(engine)) {
        let why = "past the page cache there is one engine, direct: compare it with others by --engine auto,direct";
        return Err(UsageError::new(why));
    }
    let has_words =
        args.pool_overflow.iter().any(|more| *more > 0) || args.pool_wait.iter().any(|wait| wait.0.is_some());
    if has_words && !args.pool.is_empty() && args.pool.iter().all(|pool| pool.0 == PoolChoice::Off) {
        return Err(Clash::NoPool.into());
    }
    let mut axes = axes;
    if caches.contains(&CacheState::Direct) || args.engine.iter().any(direct) {
        // Only whole pages go past the cache; what was typed is refused instead.
        axes.buffers.retain(|buffer| buffer.is_whole_pages());
    }
    Ok(Axes {
        caches: or(caches, axes.caches),
        engines: or(distinct(args.engine.iter().copied()), axes.engines),
        levels: or(distinct(args.level.iter().copied()), axes.levels),
        schedulers: or(distinct(args.scheduler.iter().copied()), axes.schedulers),
        workers: or(distinct(args.workers.iter().flat_map(|list| list.0.iter().map(|it| it.get()))), axes.workers),
        pools: or(distinct(args.pool.iter().map(|pool| pool.0)), axes.pools),
        overflows: or(distinct(args.pool_overflow.iter().copied()), axes.overflows),
        waits: or(distinct(args.pool_wait.iter().map(|wait| wait.0)), axes.waits),
        batches: or(distinct(args.batch.iter().map(|switch| *switch == Switch::On)), axes.batches),
        buffers: or(distinct(args.buffers.iter().flat_map(|list| list.0.iter().copied())), axes.buffers),
        jobs: axes.jobs,
        case: axes.case,
        in_flight: axes.in_flight.filter(|_| args.workers.is_empty()),
    })
}

/// 1K to 4M.
fn default_buffers() -> Vec<BufferSize> {
    [1, 4, 8, 16, 32, 64, 128, 256, 1024, 4096].map(BufferSize::from_kib).to_vec()
}

/// What a sweep with `--verify-counts` runs of its own program under a tool that counts system calls: does the run, or
/// nothing, and prints what we counted. Whatever that is, printing takes one write: it is taken away from what the tool
/// sees.
pub(crate) fn run_spec(spec: &RunSpec, idle: bool, context: &Context) -> Result<()> {
    let counts = observe::be_watched(spec, idle, context)?;
    let line = serde_json::to_vec(&counts);
    let mut line = line.map_err(|error| Error::refused("write", "standard output", error.to_string()))?;
    line.push(b'\n');
    print(&line)
}
