//! `haul copy`: from its command line to its plan.
//!
//! - [`args`]: the options;
//! - this file: what is copied where, and all that is a word for a word; [`patterns`]: which files of it;
//! - [`existing`]: what is there already; [`keep`](mod@keep): what is kept.

pub(crate) mod args;
mod existing;
mod keep;
mod patterns;

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use haul::plan::{CopyOptions, CopyPlan, EngineName, Follow, Method, NameList, Placing, Resources, SchedulerName};

use self::args::CopyArgs;
use self::existing::Environment;
use super::invocation::{Invocation, Job};
use super::options::{Common, UsageError, resources};
use super::progress::Verbosity;
use super::words::WorkerCount;

pub(super) fn build_copy(args: CopyArgs) -> Result<Invocation, UsageError> {
    // What a dry run tells is all it does.
    let verbosity = Verbosity { quiet: false, verbose: args.verbose || args.dry_run };
    let (progress, json) = (args.common.progress, args.common.json);
    Ok(Invocation { job: Job::Copy(plan(args, &Environment::of_process())?), verbosity, progress, json, taken: None })
}

fn plan(args: CopyArgs, environment: &Environment) -> Result<CopyPlan, UsageError> {
    refuse_words(&args)?;
    let ends = ends(&args)?;
    // All fields by name: one that no word reaches does not compile.
    let options = CopyOptions {
        sources: ends.sources,
        target: ends.target,
        placing: ends.placing,
        parents: args.target.parents,
        follow: follow(&args),
        one_file_system: args.which.one_file_system,
        method: method(&args),
        copy_contents: args.which.copy_contents,
        existing: existing::existing(&args, environment)?,
        keep: keep::keep(&args),
        list: args.which.files_from.map(|path| NameList { path, null: args.which.null }),
        exclude: patterns::patterns(args.which.exclude, &args.which.include)?,
        engine: args.moving.engine,
        engine_is_preference: args.moving.engine_is_preference && args.moving.engine != EngineName::Auto,
        reflink: args.moving.reflink,
        sparse: args.moving.sparse,
        verify: args.moving.verify,
        durable: args.moving.sync,
        resume: args.existing.resume,
        modify_window: args.existing.modify_window,
        dry_run: args.dry_run,
        resources: resources_of(&args.common, args.moving.in_flight)?,
    };
    Ok(options.plan()?)
}

/// What the copy may use; in an event loop its workers are operations in flight.
fn resources_of(common: &Common, in_flight: Option<WorkerCount>) -> Result<Resources, UsageError> {
    let resources = resources(common);
    match in_flight {
        None => Ok(resources),
        Some(_) if resources.scheduler != SchedulerName::Uring => {
            Err(UsageError::new("--in-flight is about --scheduler uring; for threads and processes give --workers"))
        }
        Some(_) if resources.workers.is_some() => {
            Err(UsageError::new("--workers and --in-flight say the same of --scheduler uring; leave one out"))
        }
        Some(count) => Ok(Resources { workers: Some(count.0), ..resources }),
    }
}

/// Refuses contradictions that options can no longer hold.
fn refuse_words(args: &CopyArgs) -> Result<(), UsageError> {
    let methods = [args.links.link, args.links.symbolic_link, args.keep.attributes_only];
    let directories = args.target.target_directory.len();
    let reasons = [
        (directories > 1, "-t is there more than once; copy to one DIR after the other"),
        (directories > 0 && args.target.no_target_directory, "-t and -T contradict each other; leave one out"),
        (methods.into_iter().filter(|chosen| *chosen).count() > 1, "of -l, -s and --attributes-only choose one"),
        (
            args.which.null && args.which.files_from.is_none(),
            "--null is about the names in --files-from, which is not there",
        ),
    ];
    match reasons.iter().find(|(holds, _)| *holds) {
        Some((_, why)) => Err(UsageError::new(why)),
        None => Ok(()),
    }
}

/// What is copied, and where to.
struct Ends {
    sources: Vec<PathBuf>,
    target: PathBuf,
    placing: Placing,
}

fn ends(args: &CopyArgs) -> Result<Ends, UsageError> {
    let listed = args.which.files_from.is_some();
    let (sources, target, placing) = match (args.target.target_directory.first(), &*args.paths) {
        (Some(directory), sources) => (sources, directory, Placing::Into),
        (None, [sources @ .., target]) if listed || !sources.is_empty() => {
            (sources, target, if args.target.no_target_directory { Placing::Exact } else { Placing::Auto })
        }
        (None, [only]) => {
            return Err(UsageError::new(format!("'{}' is to be copied, but where to? add a TARGET", only.display())));
        }
        (None, _) if listed => {
            return Err(UsageError::new("where are the SOURCEs of --files-from to go? add a TARGET, or -t DIR"));
        }
        (None, _) => return Err(UsageError::new("nothing to copy: name a SOURCE and a TARGET")),
    };
    let strip = args.target.strip_trailing_slashes;
    let sources = sources.iter().map(|path| if strip { without_slashes(path) } else { path.clone() });
    Ok(Ends { sources: sources.collect(), target: target.clone(), placing })
}

/// A path without the slashes at its end; of the root one is left, and the empty path has none.
fn without_slashes(path: &Path) -> PathBuf {
    let bytes = path.as_os_str().as_bytes();
    let end = bytes.iter().rposition(|byte| *byte != b'/').map_or(bytes.len().min(1), |last| last + 1);
    PathBuf::from(OsStr::from_bytes(&bytes[..end]))
}

fn follow(args: &CopyArgs) -> Follow {
    let said = [
        ("no_dereference", Follow::Never),
        ("links_as_links", Follow::Never),
        ("archive", Follow::Never),
        ("dereference_named", Follow::Named),
        ("dereference", Follow::Always),
    ];
    let last = said.into_iter().max_by_key(|(option, _)| args.positions.last(option));
    last.filter(|(option, _)| args.positions.last(option).is_some()).map_or(Follow::default(), |(_, follow)| follow)
}

const fn method(args: &CopyArgs) -> Method {
    if args.links.link {
        Method::HardLink
    } else if args.links.symbolic_link {
        Method::Symlink
    } else if args.keep.attributes_only {
        Method::AttributesOnly
    } else {
        Method::Copy
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser;
    use haul::plan::{Durable, When};

    use super::*;
    use crate::cli::args::{Args, Command};

    /// The plan of a command line, or what is wrong with it.
    pub(super) fn plan(words: &str) -> Result<CopyPlan, String> {
        plan_in(words, &Environment::default())
    }

    pub(super) fn plan_in(words: &str, environment: &Environment) -> Result<CopyPlan, String> {
        let words = ["haul", "copy"].into_iter().chain(words.split_whitespace());
        let Command::Copy(args) = Args::try_parse_from(words).map_err(|error| error.to_string())?.command else {
            panic!("haul copy is copy");
        };
        super::plan(args, environment).map_err(|error| error.0.to_string())
    }

    #[test]
    fn each_word_reaches_its_field() {
        type Change = fn(&mut CopyOptions);
        let table: [(&str, Change); 41] = [
            ("", |_| ()),
            ("-a", |_| ()),
            ("-rR --recursive", |_| ()),
            ("-v --debug", |_| ()),
            ("-T", |plan| plan.placing = Placing::Exact),
            ("--parents", |plan| plan.parents = true),
            ("-x", |plan| plan.one_file_system = true),
            ("-P", |_| ()),
            ("-L", |plan| plan.follow = Follow::Always),
            ("-H", |plan| plan.follow = Follow::Named),
            ("-LP", |_| ()),
            ("-PL", |plan| plan.follow = Follow::Always),
            ("-LHL", |plan| plan.follow = Follow::Always),
            ("-aL", |plan| plan.follow = Follow::Always),
            ("-La", |_| ()),
            ("-Hd", |_| ()),
            ("-dH", |plan| plan.follow = Follow::Named),
            ("-l", |plan| plan.method = Method::HardLink),
            ("-s", |plan| plan.method = Method::Symlink),
            ("--attributes-only", |plan| plan.method = Method::AttributesOnly),
            ("-f", |plan| plan.existing.force = true),
            ("--remove-destination", |plan| plan.existing.remove = true),
            ("--copy-contents", |plan| plan.copy_contents = true),
            ("--keep-directory-symlink", |plan| plan.existing.keep_directory_symlink = true),
            ("--reflink", |plan| plan.reflink = When::Always),
            ("--reflink=never", |plan| plan.reflink = When::Never),
            ("--reflink --reflink=auto", |_| ()),
            ("--sparse=always", |plan| plan.sparse = When::Always),
            ("--sparse never", |plan| plan.sparse = When::Never),
            ("--verify", |plan| plan.verify = true),
            ("--sync", |plan| plan.durable = Durable::End),
            ("--sync=file", |plan| plan.durable = Durable::File),
            ("--sync --sync=none", |_| ()),
            ("--resume", |plan| plan.resume = true),
            ("--inplace", |plan| plan.existing.in_place = true),
            ("--modify-window 2", |plan| plan.modify_window = Some(2)),
            ("--modify-window=-1", |plan| plan.modify_window = Some(-1)),
            ("--dry-run", |plan| plan.dry_run = true),
            ("--engine mmap", |plan| plan.engine = haul::plan::EngineName::Mmap),
            ("--buffer 4K", |plan| plan.resources.buffer = Some("4K".parse().unwrap())),
            ("--workers 3", |plan| plan.resources.workers = std::num::NonZeroUsize::new(3)),
        ];
        for (words, change) in table {
            let given = plan(&format!("{words} a b")).expect(words);
            let mut expected =
                CopyOptions { resources: given.resources, ..CopyOptions::new(vec!["a".into()], "b".into()) };
            change(&mut expected);
            assert_eq!(given, expected.plan().unwrap(), "{words}");
        }
    }

    #[test]
    fn sources_and_target_stand_where_they_are_looked_for() {
        for (words, sources, target, placing) in [
            ("a b", &["a"][..], "b", Placing::Auto),
            ("a b c", &["a", "b"], "c", Placing::Auto),
            ("-t d a", &["a"], "d", Placing::Into),
            ("a --target-directory=d b", &["a", "b"], "d", Placing::Into),
            ("-rtd a", &["a"], "d", Placing::Into),
            ("-T a b", &["a"], "b", Placing::Exact),
            ("a// b/", &["a//"], "b/", Placing::Auto),
            ("--strip-trailing-slashes a// /b/c/ // b/", &["a", "/b/c", "/"], "b/", Placing::Auto),
            ("--files-from list d", &[], "d", Placing::Auto),
            ("--files-from list a d", &["a"], "d", Placing::Auto),
            ("--files-from list -t d", &[], "d", Placing::Into),
            ("--files-from list -t d a", &["a"], "d", Placing::Into),
            ("-- -a -b", &["-a"], "-b", Placing::Auto),
        ] {
            let plan = plan(words).expect(words);
            assert_eq!(plan.sources, sources.iter().map(PathBuf::from).collect::<Vec<_>>(), "{words}");
            assert_eq!((&*plan.target, plan.placing), (Path::new(target), placing), "{words}");
        }
        for (words, null) in [("", false), ("-0", true), ("--null", true)] {
            let plan = plan(&format!("--files-from list {words} d")).unwrap();
            assert_eq!(plan.list, Some(NameList { path: "list".into(), null }));
        }
    }

    #[test]
    fn without_sources_or_target_it_is_said_what_is_missing() {
        for (words, said) in [
            ("", "name a SOURCE and a TARGET"),
            ("a", "'a' is to be copied, but where to? add a TARGET"),
            ("-T a", "add a TARGET"),
            ("-t d", "name a SOURCE"),
            ("--files-from list", "add a TARGET, or -t DIR"),
            ("--update older", "where to"),
        ] {
            let error = plan(words).expect_err(words);
            assert!(error.contains(said), "{words}: {error}");
        }
        // cp's -p takes no number: `2` is a SOURCE.
        assert_eq!(plan("-p 2 a b").unwrap().sources.len(), 2);
    }

    #[test]
    fn what_contradicts_itself_is_refused_with_what_to_do() {
        for (words, said) in [
            ("-t c -t d a b", "-t is there more than once"),
            ("-t c -T a", "-t and -T"),
            ("-T a b c", "-T takes one SOURCE"),
            ("-T --files-from list c", "-T takes one SOURCE"),
            ("-T --parents a b", "leave -T out"),
            ("-ls a b", "of -l, -s"),
            ("-l --attributes-only a b", "of -l, -s"),
            ("-s --attributes-only a b", "of -l, -s"),
            ("-0 a b", "--null is about"),
            ("-bn a b", "nothing to back up"),
            ("--backup=simple --update=none a b", "nothing to back up"),
            ("-S .old --update=none-fail a b", "nothing to back up"),
            ("--inplace --remove-destination a b", "leave out --remove-destination"),
            ("--inplace -b a b", "leave out --remove-destination and --backup"),
            ("--inplace -l a b", "leave it out"),
            ("-i --files-from - -t d", "both read standard input"),
            ("--resume --no-preserve=timestamps a b", "leave --no-preserve"),
            ("--verify -l a b", "leave it out"),
            ("--verify -s a b", "leave it out"),
            ("--verify --attributes-only a b", "leave it out"),
            ("--copy-contents -l a b", "leave it out"),
            ("--copy-contents -s a b", "leave it out"),
            ("--copy-contents --attributes-only a b", "leave it out"),
            ("--attributes-only --reflink a b", "leave --reflink out"),
            ("--reflink --sparse=always a b", "leave --sparse out"),
            ("--reflink=always --sparse=never a b", "leave --sparse out"),
            ("--reflink --engine read_write a b", "leave --engine out"),
            ("--reflink --engine mmap a b", "leave --engine out"),
            ("--reflink=never --engine copy_file_range a b", "may share blocks"),
            ("--sparse=always --engine mmap a b", "--engine read_write sees"),
            ("--sparse=always --engine copy_file_range a b", "--engine read_write sees"),
        ] {
            let error = plan(words).expect_err(words);
            assert!(error.contains(said), "{words}: {error}");
        }
    }

    #[test]
    fn what_goes_together_is_taken() {
        for words in [
            "-bi a b",
            "-b -n -i a b",
            "-u -b a b",
            "-i --files-from list -t d",
            "--files-from - -t d",
            "--attributes-only --reflink=auto a b",
            "-l --reflink=never a b",
            "--reflink --sparse=auto --engine auto a b",
            "--reflink=never --engine mmap --sparse=never a b",
            "--sparse=always --engine read_write --verify a b",
            "-T -r --resume --verify --sync a b",
            "--parents -t d a",
        ] {
            plan(words).expect(words);
        }
    }
}
