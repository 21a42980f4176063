//! What copy's options take for values.

use clap::ValueEnum;

/// Which files that exist are replaced.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum UpdateWord {
    /// All of them; the default
    All,
    /// None; what would replace them is passed over
    None,
    /// None; each is an error
    NoneFail,
    /// Those older than their SOURCE; the others are passed over
    Older,
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

/// Whether blocks are shared.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum ReflinkWord {
    /// Where the file system can
    Auto,
    /// Or fail
    Always,
    /// Each target has blocks of its own
    Never,
}

/// Whether zeros become holes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum SparseWord {
    /// Where the source has them
    Auto,
    /// Also where the source has zeros
    Always,
    /// Nowhere
    Never,
}

/// When targets are made durable.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum SyncWord {
    /// When the kernel likes
    None,
    /// Each, before it gets its final name
    File,
    /// All, once, at the end
    End,
}
