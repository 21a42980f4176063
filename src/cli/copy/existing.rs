//! What becomes of what is there already.

use std::ffi::OsString;

use clap::ValueEnum;
use haul::plan::{Backup, Existing, Update};

use super::args::{BackupWord, CopyArgs};
use crate::cli::options::UsageError;

/// What the environment says of backups, as with `cp`. What is empty says nothing.
#[derive(Debug, Default)]
pub(super) struct Environment {
    pub(super) version_control: Option<OsString>,
    pub(super) simple_backup_suffix: Option<OsString>,
}

impl Environment {
    pub(super) fn of_process() -> Self {
        let variable = |name| std::env::var_os(name).filter(|value| !value.is_empty());
        Self { version_control: variable("VERSION_CONTROL"), simple_backup_suffix: variable("SIMPLE_BACKUP_SUFFIX") }
    }
}

pub(super) fn existing(args: &CopyArgs, environment: &Environment) -> Result<Existing, UsageError> {
    let words = &args.existing;
    let positions = &args.positions;
    let refuses = positions.last("no_clobber") > positions.last("interactive");
    let update = if refuses { Update::None } else { words.update.unwrap_or_default() };
    let backup = backup(args, environment)?;
    Ok(Existing {
        update,
        ask: words.interactive && !refuses,
        force: words.force,
        remove: words.remove_destination,
        in_place: words.inplace,
        backup,
        suffix: suffix(words.suffix.as_deref(), backup, environment)?,
        keep_directory_symlink: words.keep_directory_symlink,
    })
}

fn backup(args: &CopyArgs, environment: &Environment) -> Result<Backup, UsageError> {
    let words = &args.existing;
    if let Some(how) = words.backup.and_then(named) {
        return Ok(how);
    }
    // cp makes backups also where it is only told how to name them.
    if !words.backup_by_default && words.backup.is_none() && words.suffix.is_none() {
        return Ok(Backup::None);
    }
    let Some(control) = &environment.version_control else { return Ok(Backup::Existing) };
    let known = control.to_str().and_then(|name| BackupWord::from_str(name, false).ok());
    known.and_then(named).ok_or_else(|| {
        UsageError::new(format!(
            "the environment variable VERSION_CONTROL is '{}', not none, numbered, existing or simple; say \
             --backup= and one of them",
            control.display()
        ))
    })
}

/// What a word says, if it says something.
const fn named(word: BackupWord) -> Option<Backup> {
    match word {
        BackupWord::Unsaid => None,
        BackupWord::None => Some(Backup::None),
        BackupWord::Numbered => Some(Backup::Numbered),
        BackupWord::Existing => Some(Backup::Existing),
        BackupWord::Simple => Some(Backup::Simple),
    }
}

fn suffix(typed: Option<&str>, backup: Backup, environment: &Environment) -> Result<String, UsageError> {
    let inherited = || environment.simple_backup_suffix.as_ref().filter(|_| backup != Backup::None);
    let suffix = match (typed, inherited()) {
        (Some(typed), _) => typed,
        (None, Some(inherited)) => inherited.to_str().ok_or_else(|| {
            UsageError::new("the environment variable SIMPLE_BACKUP_SUFFIX is not UTF-8; give a suffix with -S")
        })?,
        (None, None) => "~",
    };
    Ok(suffix.to_owned())
}

#[cfg(test)]
mod tests {
    use super::super::tests::{plan, plan_in};
    use super::*;

    #[test]
    fn of_options_that_contradict_each_other_the_later_counts() {
        for (words, update, ask) in [
            ("", Update::All, false),
            ("-f", Update::All, false),
            ("-n", Update::None, false),
            ("-i", Update::All, true),
            ("-in", Update::None, false),
            ("-ni", Update::All, true),
            ("-i -n -i", Update::All, true),
            ("-nin", Update::None, false),
            ("-fn", Update::None, false),
            ("-if", Update::All, true),
            ("-u", Update::Older, false),
            ("-uv", Update::Older, false),
            ("-ui", Update::Older, true),
            ("--update", Update::Older, false),
            ("--update=older", Update::Older, false),
            ("--update=none-fail", Update::NoneFail, false),
            ("--update=none --update=all", Update::All, false),
            ("-n --update=all", Update::None, false),
            ("--update=older -n", Update::None, false),
            ("-n -i --update=older", Update::Older, true),
        ] {
            let existing = plan(&format!("{words} a b")).unwrap().existing.clone();
            assert_eq!((existing.update, existing.ask), (update, ask), "{words}");
        }
    }

    fn environment(version_control: &str, simple_backup_suffix: &str) -> Environment {
        let variable = |value: &str| Some(OsString::from(value)).filter(|value| !value.is_empty());
        Environment { version_control: variable(version_control), simple_backup_suffix: variable(simple_backup_suffix) }
    }

    #[test]
    fn backups_are_made_as_the_words_say_else_as_the_environment_does() {
        for (words, (control, tail), backup, suffix) in [
            ("", ("numbered", ".old"), Backup::None, "~"),
            ("-b", ("", ""), Backup::Existing, "~"),
            ("-bv", ("", ""), Backup::Existing, "~"),
            ("--backup", ("", ""), Backup::Existing, "~"),
            ("-b", ("numbered", ""), Backup::Numbered, "~"),
            ("--backup", ("t", ""), Backup::Numbered, "~"),
            ("--backup", ("off", ".old"), Backup::None, "~"),
            ("--backup=simple", ("numbered", ".old"), Backup::Simple, ".old"),
            ("-b --backup=never", ("numbered", ""), Backup::Simple, "~"),
            ("--backup=t -b", ("simple", ""), Backup::Numbered, "~"),
            ("--backup=numbered", ("nonsense", ""), Backup::Numbered, "~"),
            ("--backup=nil", ("", ""), Backup::Existing, "~"),
            ("--backup=", ("t", ""), Backup::Numbered, "~"),
            ("--backup=off", ("", ""), Backup::None, "~"),
            ("--backup=none -n", ("", ""), Backup::None, "~"),
            ("-S .bak", ("", ""), Backup::Existing, ".bak"),
            ("-b -S -old", ("", ".old"), Backup::Existing, "-old"),
            ("--suffix=.bak --backup=simple", ("", ""), Backup::Simple, ".bak"),
            ("", ("nonsense", "a/b"), Backup::None, "~"),
        ] {
            let existing = plan_in(&format!("{words} a b"), &environment(control, tail)).unwrap().existing.clone();
            assert_eq!((existing.backup, &*existing.suffix), (backup, suffix), "{words} {control} {tail}");
        }
    }

    #[test]
    fn backups_that_could_not_be_named_are_refused() {
        for (words, (control, tail), said) in [
            ("-b", ("nonsense", ""), "VERSION_CONTROL is 'nonsense'"),
            ("-b", ("", "a/b"), "'a/b' is not a suffix"),
            ("-S a/b", ("", ""), "'a/b' is not a suffix"),
            ("--suffix=", ("", ""), "'' is not a suffix"),
            ("-S .haul-part", ("", ""), "unfinished files"),
            ("--backup=sometimes", ("", ""), "invalid value"),
        ] {
            let error = plan_in(&format!("{words} a b"), &environment(control, tail)).unwrap_err();
            assert!(error.contains(said), "{words}: {error}");
        }
    }
}
