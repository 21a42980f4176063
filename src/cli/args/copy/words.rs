//! What copy's options take for values.

use clap::ValueEnum;

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
