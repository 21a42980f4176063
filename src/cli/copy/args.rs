//! copy's command line: GNU cp's options under the names that people know, and what goes beyond them.

use crate::cli::options::{Common, Positions, parse_path};
use crate::cli::words::{WorkerCount, parse_workers};
use clap::Args as ClapArgs;
use clap::ValueEnum;
use haul::plan::{Durable, EngineName, Update, When};
use std::path::PathBuf;

/// Copy files and trees: mode, owner, times, links, holes and attributes kept
///
/// Kept are contents, holes, symbolic and hard links, mode and ACLs, owner (where allowed), times to the nanosecond and
/// extended attributes. FIFOs, sockets and devices are created, not read; one that is named as a SOURCE takes no
/// other file's place. --copy-contents reads them. The options of cp mean what they mean there; -a is the default.
///
/// TARGET is an existing directory, or the new name of the one SOURCE. New data has a hidden temporary name until it is
/// whole. A new tree is TREE.haul-part until its end; one that is interrupted, or finds the disk full, stays under that
/// name, and --resume continues it.
///
/// A source that changes while it is copied is read to its end and reported, exit code 1; a file that it would have
/// replaced stays.
#[derive(Debug, ClapArgs)]
#[command(
    after_help = crate::cli::environment::HELP,
    override_usage = "haul copy [OPTIONS] SOURCE... TARGET\n       haul copy [OPTIONS] -t DIR SOURCE...",
    // cp's -p is another.
    mut_arg("workers", |workers| workers.short(None))
)]
pub(crate) struct CopyArgs {
    // First: what stands after takes its words away.
    #[command(flatten)]
    pub(crate) positions: Positions,
    /// What to copy, and last, unless -t says it, where to
    #[arg(value_name = "PATH", value_parser = parse_path())]
    pub(crate) paths: Vec<PathBuf>,
    /// Do nothing; say what would be done
    #[arg(long)]
    pub(crate) dry_run: bool,
    /// Show what ran for each file, and a summary
    #[arg(short, long, visible_alias = "debug")]
    pub(crate) verbose: bool,
    #[command(flatten, next_help_heading = "Where to")]
    pub(crate) target: TargetArgs,
    #[command(flatten, next_help_heading = "Which files")]
    pub(crate) which: WhichArgs,
    #[command(flatten, next_help_heading = "Links")]
    pub(crate) links: LinkArgs,
    #[command(flatten, next_help_heading = "What is there already")]
    pub(crate) existing: ExistingArgs,
    #[command(flatten, next_help_heading = "What is kept")]
    pub(crate) keep: KeepArgs,
    #[command(flatten, next_help_heading = "How bytes move")]
    pub(crate) moving: MovingArgs,
    #[command(flatten, next_help_heading = "Common")]
    pub(crate) common: Common,
}

/// Where sources go.
#[derive(Debug, ClapArgs)]
pub(crate) struct TargetArgs {
    /// Copy into DIR, which must exist; all PATHs are SOURCEs
    #[arg(short, long, value_name = "DIR", action = clap::ArgAction::Append, value_parser = parse_path())]
    pub(crate) target_directory: Vec<PathBuf>,
    /// TARGET is the new name of the one SOURCE, also where a directory has it
    #[arg(short = 'T', long)]
    pub(crate) no_target_directory: bool,
    /// Make the whole path of each SOURCE below the directory TARGET: a/b/c becomes TARGET/a/b/c
    #[arg(long)]
    pub(crate) parents: bool,
    /// Take the slashes off the end of each SOURCE on the command line
    #[arg(long)]
    pub(crate) strip_trailing_slashes: bool,
}

/// Which files are copied.
#[derive(Debug, ClapArgs)]
pub(crate) struct WhichArgs {
    /// Go into directories; done anyway
    #[arg(short, long, visible_short_alias = 'R')]
    _recursive: bool,
    /// Go into no directory on another file system than the one named
    #[arg(short = 'x', long)]
    pub(crate) one_file_system: bool,
    /// Pass over what matches, as in a .gitignore: by path below the directory named; SOURCEs themselves by patterns
    /// without a slash. May be repeated
    #[arg(long, value_name = "GLOB", allow_hyphen_values = true)]
    pub(crate) exclude: Vec<String>,
    /// Beside --exclude: take what matches all the same, if its directory is not passed over. Alone: copy no files but
    /// those that match; all directories are made. May be repeated
    #[arg(long, value_name = "GLOB", allow_hyphen_values = true)]
    pub(crate) include: Vec<String>,
    /// Read FIFOs and devices as files are read, until there is no more, also those in directories and those that a
    /// SOURCE is a symbolic link to; without it they are created
    #[arg(long)]
    pub(crate) copy_contents: bool,
    /// Take more SOURCEs from FILE, one a line, as it is; - is standard input. TARGET or -t stays on the
    /// command line
    #[arg(long, value_name = "FILE", value_parser = parse_path())]
    pub(crate) files_from: Option<PathBuf>,
    /// SOURCEs in --files-from end with a NUL byte, not with a line
    #[arg(short = '0', long)]
    pub(crate) null: bool,
}

/// What becomes of links, and what becomes one.
#[derive(Debug, ClapArgs)]
pub(crate) struct LinkArgs {
    /// Copy symbolic links as links: the default. Of -P, -L, -H, -d and -a the last counts
    #[arg(short = 'P', long)]
    pub(crate) no_dereference: bool,
    /// Copy what symbolic links lead to
    #[arg(short = 'L', long)]
    pub(crate) dereference: bool,
    /// Copy what symbolic links lead to that are SOURCEs; copy others as links
    #[arg(short = 'H')]
    pub(crate) dereference_named: bool,
    /// As -P --preserve=links
    #[arg(short = 'd')]
    pub(crate) links_as_links: bool,
    /// Make hard links to files instead of copies
    #[arg(short, long)]
    pub(crate) link: bool,
    /// Make symbolic links to files instead of copies
    #[arg(short, long)]
    pub(crate) symbolic_link: bool,
}

/// What becomes of what is there already.
#[derive(Debug, ClapArgs)]
#[allow(clippy::doc_markdown, reason = "the help is plain text")]
pub(crate) struct ExistingArgs {
    /// Ask before a file is replaced: y is yes, all else is no. Overrides an earlier -n
    #[arg(short, long)]
    pub(crate) interactive: bool,
    /// Replace no file, as --update=none, whatever --update says. Overrides an earlier -i
    #[arg(short, long)]
    pub(crate) no_clobber: bool,
    /// Which files are replaced; without WHICH: older
    #[arg(
        short,
        long,
        value_enum,
        value_name = "WHICH",
        num_args = 0..=1,
        require_equals = true,
        default_missing_value = "older"
    )]
    pub(crate) update: Option<Update>,
    /// Replace a file that would be written in place but cannot be opened
    #[arg(short, long)]
    pub(crate) force: bool,
    /// Write files that are there in place: other names of them see the change, and one that is interrupted is not whole.
    /// Done anyway where the directory does not let a file be replaced
    #[arg(long)]
    pub(crate) inplace: bool,
    /// Write no file in place: replace links, devices and files with several names
    #[arg(long)]
    pub(crate) remove_destination: bool,
    /// Where a directory is copied to a symbolic link to a directory, copy into that
    #[arg(long)]
    pub(crate) keep_directory_symlink: bool,
    /// As --backup without HOW
    #[arg(short)]
    pub(crate) backup_by_default: bool,
    /// Keep what is replaced under another name; without HOW: as the environment variable VERSION_CONTROL says, or
    /// existing
    #[arg(
        long,
        value_enum,
        value_name = "HOW",
        num_args = 0..=1,
        require_equals = true,
        default_missing_value = ""
    )]
    pub(crate) backup: Option<BackupWord>,
    /// As --backup without HOW, and simple ones end in SUFFIX; default: the environment variable SIMPLE_BACKUP_SUFFIX,
    /// or ~
    #[arg(short = 'S', long, allow_hyphen_values = true)]
    pub(crate) suffix: Option<String>,
    /// Continue a copy that did not come to its end, by the same command line
    #[arg(long)]
    pub(crate) resume: bool,
    /// For --update and --resume, times are the same that differ by at most SECONDS, as with rsync; -1: to the nanosecond.
    /// Without it, as far as the target's file system keeps them
    #[arg(long, value_name = "SECONDS", allow_negative_numbers = true)]
    pub(crate) modify_window: Option<i64>,
}

/// What is kept beside the bytes.
#[derive(Debug, ClapArgs)]
pub(crate) struct KeepArgs {
    /// As -P --preserve=all, which is the default
    #[arg(short, long)]
    pub(crate) archive: bool,
    /// As --preserve without LIST
    #[arg(short)]
    pub(crate) preserve_by_default: bool,
    /// Keep what an earlier --no-preserve leaves out; without LIST: mode, ownership and timestamps. To lose what is in
    /// LIST as ownership, xattr or context is a failure, exit 1; otherwise it is a warning, or nothing
    #[arg(
        long,
        value_enum,
        value_name = "LIST",
        num_args = 0..=1,
        require_equals = true,
        value_delimiter = ',',
        default_missing_value = "by-default"
    )]
    pub(crate) preserve: Vec<Attribute>,
    /// Leave out what is in LIST, with commas between; later options may take it back
    #[arg(long, value_enum, value_name = "LIST", value_delimiter = ',', hide_possible_values = true)]
    pub(crate) no_preserve: Vec<Attribute>,
    /// Copy no contents: what exists keeps its own, what does not is made empty
    #[arg(long)]
    pub(crate) attributes_only: bool,
}

/// How bytes move, and what is made sure of.
#[derive(Debug, ClapArgs)]
pub(crate) struct MovingArgs {
    /// Share blocks with the source instead of copying them; without WHEN: always
    #[arg(
        long,
        value_enum,
        value_name = "WHEN",
        num_args = 0..=1,
        require_equals = true,
        default_missing_value = "always",
        default_value = "auto"
    )]
    pub(crate) reflink: When,
    /// Make holes; auto: where the source has them; always: also where it has zeros
    #[arg(long, value_enum, value_name = "WHEN", default_value_t = When::Auto)]
    pub(crate) sparse: When,
    /// How bytes move; a named engine is that one or an error
    #[arg(long, value_enum, default_value_t = EngineName::Auto)]
    pub(crate) engine: EngineName,
    /// Operations that --scheduler uring keeps in flight, 64 if nobody says; each has a buffer
    #[arg(long, value_name = "N", value_parser = parse_workers)]
    pub(crate) in_flight: Option<WorkerCount>,
    /// Whether the environment said so, where nobody typed one.
    #[arg(skip)]
    pub(crate) engine_is_preference: bool,
    /// Read each target back and compare it with its source, before it gets its final name
    #[arg(long)]
    pub(crate) verify: bool,
    /// Write targets to the disk; without WHEN: end
    #[arg(
        long,
        value_enum,
        value_name = "WHEN",
        num_args = 0..=1,
        require_equals = true,
        default_missing_value = "end",
        default_value = "none"
    )]
    pub(crate) sync: Durable,
}

/// How backups are named.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum BackupWord {
    /// What the environment says, else existing
    #[value(name = "", hide = true)]
    Unsaid,
    /// Make none (also: off)
    #[value(alias = "off")]
    None,
    /// NAME.~1~, NAME.~2~ and so on (also: t)
    #[value(alias = "t")]
    Numbered,
    /// Numbered where there are numbered ones already, else simple (also: nil)
    #[value(alias = "nil")]
    Existing,
    /// NAME~, or with the suffix of -S (also: never)
    #[value(alias = "never")]
    Simple,
}

/// What a copy keeps.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Attribute {
    /// Permission bits and ACLs
    Mode,
    /// Owner and group, where allowed
    Ownership,
    /// Times of access and of content
    Timestamps,
    /// Hard links: several names of one file stay that
    Links,
    /// The security context (security.selinux)
    Context,
    /// Extended attributes
    Xattr,
    /// All of these
    All,
    /// What `-p` and `--preserve` without a list stand for: mode, ownership and timestamps, where allowed
    #[value(hide = true)]
    ByDefault,
}
