//! `HAUL_OPTIONS`: options for every copy, gzip and gunzip that somebody runs, such as `haul tune` finds.
//!
//! Text in, options out; nothing here runs, or looks at what was typed. GNU gzip once took all of its options from the
//! variable `GZIP`, scripts broke in which somebody's `--force` or `-c` was, and it takes hardly any today. So only those
//! are taken that say how work is done, never those that say what is done, or that change a byte of what comes out, as a
//! codec and a block do; and a measurement takes none.

use std::ffi::OsStr;

/// The variable.
pub(crate) const NAME: &str = "HAUL_OPTIONS";

/// What help says of it.
pub(crate) const HELP: &str = "\
Environment:
  HAUL_OPTIONS  Options for every copy, gzip and gunzip; what is typed wins. Taken are --buffer,
                --workers (-p, but for copy), --scheduler, --pool, --engine and --progress. Parts
                have ; between them, and one that begins with a command holds for that alone:
                'copy --buffer 1M; gzip --workers 4'; gzip -d, -t and -l are gunzip. An --engine
                that cannot copy a file leaves it to another, and blocks that can be shared are
                shared first. -v shows what was taken. Measurements take nothing";

pub(crate) const COPY: &str = "copy";
pub(crate) const GZIP: &str = "gzip";
pub(crate) const GUNZIP: &str = "gunzip";
const ALL: &[&str] = &[COPY, GZIP, GUNZIP];

/// What is typed, the option that it is, and whose.
const OPTIONS: [(&str, &str, &[&str]); 7] = [
    ("--buffer", "buffer", ALL),
    ("--workers", "workers", ALL),
    // cp's -p is another.
    ("-p", "workers", &[GZIP, GUNZIP]),
    ("--scheduler", "scheduler", ALL),
    ("--pool", "pool", ALL),
    ("--engine", "engine", &[COPY]),
    ("--progress", "progress", ALL),
];

/// An option and its value, which nobody has looked at yet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Wish {
    /// The option's long name, without dashes.
    pub(crate) option: &'static str,
    value: String,
}

impl Wish {
    /// As one word of a command line.
    pub(crate) fn word(&self) -> String {
        format!("--{}={}", self.option, self.value)
    }

    /// As people type it.
    pub(crate) fn text(&self) -> String {
        format!("--{} {}", self.option, self.value)
    }
}

/// What the variable holds for a command, each option once, of several values the last; or what is wrong with any of it.
pub(crate) fn wishes(variable: &OsStr, command: &str) -> Result<Vec<Wish>, String> {
    let text = variable.to_str().ok_or_else(|| format!("{NAME} is not UTF-8"))?;
    if text.contains(['\'', '"']) {
        return Err(format!("{NAME} has a quote in it: words end at blanks there, and no value needs quotes"));
    }
    let mut wishes: Vec<Wish> = vec![];
    for part in text.split(';') {
        for (wish, commands) in part_of(part)? {
            if commands.contains(&command) {
                wishes.retain(|earlier| earlier.option != wish.option);
                wishes.push(wish);
            }
        }
    }
    Ok(wishes)
}

/// The options of a part, each with the commands that it is for here.
fn part_of(part: &str) -> Result<Vec<(Wish, Vec<&'static str>)>, String> {
    let mut words = part.split_whitespace().peekable();
    let named = words.next_if(|word| !word.starts_with('-')).map(command_of).transpose()?;
    let mut wishes = vec![];
    while let Some(word) = words.next() {
        let (name, value) = split(word);
        let known = OPTIONS.iter().find(|(typed, ..)| *typed == name);
        let Some((_, option, owners)) = known.filter(|(_, _, owners)| named.is_none_or(|one| owners.contains(&one)))
        else {
            return Err(not_allowed(word, named));
        };
        let value = value.filter(|value| !value.is_empty()).or_else(|| words.next());
        let value = value.ok_or_else(|| format!("{NAME}: a value is missing behind '{word}'"))?.to_owned();
        let commands = named.map_or_else(|| owners.to_vec(), |one| vec![one]);
        wishes.push((Wish { option, value }, commands));
    }
    Ok(wishes)
}

/// The option of a word, and its value if that is in the same word: `--buffer=1M`, `-p4`, `-p=4`.
fn split(word: &str) -> (&str, Option<&str>) {
    match word.split_at_checked(2) {
        Some(("--", _)) => word.split_once('=').map_or((word, None), |(name, value)| (name, Some(value))),
        Some((short, value)) => (short, Some(value.strip_prefix('=').unwrap_or(value))),
        None => (word, None),
    }
}

fn command_of(word: &str) -> Result<&'static str, String> {
    let known = ALL.iter().find(|command| **command == word).copied();
    known.ok_or_else(|| {
        format!(
            "{NAME}: a part begins with an option, or with copy, gzip or gunzip, which alone take it; not with '{word}'"
        )
    })
}

/// Says what is allowed, where `word` is not.
fn not_allowed(word: &str, named: Option<&str>) -> String {
    if ALL.contains(&word) {
        return format!("{NAME}: '{word}' begins a part; put a ; in front of it");
    }
    let is_theirs = |owners: &[&str]| named.is_none_or(|one| owners.contains(&one));
    let allowed = OPTIONS.iter().filter(|(_, _, owners)| is_theirs(owners)).map(|(typed, ..)| *typed);
    let allowed = allowed.collect::<Vec<_>>().join(", ");
    let place = named.map_or_else(String::new, |one| format!(" for {one}"));
    format!("{NAME}: '{word}' is not allowed{place}; what says how work is done is: {allowed}")
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// The words that a command gets, or what is wrong.
    fn words(text: &str, command: &str) -> Result<String, String> {
        let wishes = wishes(OsStr::new(text), command)?;
        Ok(wishes.iter().map(Wish::word).collect::<Vec<_>>().join(" "))
    }

    #[test]
    fn each_command_gets_what_is_for_it() {
        for (text, copy, gzip, gunzip) in [
            ("", "", "", ""),
            (" ; ;copy; ", "", "", ""),
            ("--buffer 1M", "--buffer=1M", "--buffer=1M", "--buffer=1M"),
            ("--buffer=1M", "--buffer=1M", "--buffer=1M", "--buffer=1M"),
            ("copy --buffer 1M --engine direct; gzip --workers 4", "--buffer=1M --engine=direct", "--workers=4", ""),
            ("--engine mmap --pool off", "--engine=mmap --pool=off", "--pool=off", "--pool=off"),
            ("-p4", "", "--workers=4", "--workers=4"),
            ("gzip -p 4;gunzip\t-p=5", "", "--workers=4", "--workers=5"),
            ("--workers 2; copy --workers 3", "--workers=3", "--workers=2", "--workers=2"),
            ("copy --workers 3; --workers 2", "--workers=2", "--workers=2", "--workers=2"),
            (
                "--progress never\n--scheduler rayon",
                "--progress=never --scheduler=rayon",
                "--progress=never --scheduler=rayon",
                "--progress=never --scheduler=rayon",
            ),
            // Whether a value makes sense is for clap to say.
            ("--buffer --workers", "--buffer=--workers", "--buffer=--workers", "--buffer=--workers"),
        ] {
            for (command, expected) in [(COPY, copy), (GZIP, gzip), (GUNZIP, gunzip)] {
                assert_eq!(words(text, command).as_deref(), Ok(expected), "{text:?} for {command}");
            }
        }
    }

    #[test]
    fn what_is_not_allowed_is_an_error_for_every_command() {
        for (text, said) in [
            ("--force", "'--force' is not allowed; what says how work is done is: --buffer, --workers, -p,"),
            ("copy --remove-source", "'--remove-source' is not allowed for copy"),
            ("gzip --engine mmap", "'--engine' is not allowed for gzip; what says how work is done is: --buffer"),
            ("copy -p 4", "'-p' is not allowed for copy"),
            // The bytes that come out would be others.
            ("gzip --block 1M", "'--block' is not allowed for gzip"),
            ("--codec zlib", "'--codec' is not allowed"),
            ("gzip -9", "'-9' is not allowed"),
            ("--level 9", "'--level' is not allowed"),
            ("copy --", "'--' is not allowed"),
            ("copy -", "'-' is not allowed"),
            ("copy a b", "'a' is not allowed"),
            ("--buffer 1M disk.img", "'disk.img' is not allowed"),
            ("sweep --workers 1", "not with 'sweep'"),
            ("disk.img", "not with 'disk.img'"),
            ("copy --buffer 1M gzip --workers 4", "'gzip' begins a part; put a ; in front of it"),
            ("copy --buffer", "a value is missing behind '--buffer'"),
            ("copy --buffer=; gzip", "a value is missing behind '--buffer='"),
            ("gzip -p", "a value is missing behind '-p'"),
            ("--buffer '1M'", "has a quote in it"),
            ("--buffer \"1M\"", "has a quote in it"),
            ("--büffer 1", "'--büffer' is not allowed"),
            ("-ü", "'-ü' is not allowed"),
        ] {
            for command in ALL {
                let error = words(text, command).expect_err(text);
                assert!(error.contains(said) && error.starts_with(NAME), "{text:?} for {command}: {error}");
            }
        }
        let bytes = std::os::unix::ffi::OsStrExt::from_bytes(b"--buffer \xff");
        assert_eq!(wishes(bytes, COPY), Err("HAUL_OPTIONS is not UTF-8".to_owned()));
    }

    #[test]
    fn help_names_every_option() {
        for (typed, ..) in OPTIONS {
            assert!(HELP.contains(typed), "{typed}");
        }
    }

    proptest! {
        #[test]
        fn no_text_panics_and_what_is_taken_is_allowed(text in "[-a-z0-9=; üp'\t]{0,40}|.{0,40}") {
            for command in ALL {
                for wish in wishes(OsStr::new(&text), command).unwrap_or_default() {
                    prop_assert!(OPTIONS.iter().any(|(_, option, owners)| *option == wish.option && owners.contains(command)));
                }
            }
        }

        #[test]
        fn options_for_all_come_to_each_that_has_them(chosen in prop::sample::subsequence(OPTIONS.to_vec(), 0..=OPTIONS.len())) {
            let text = chosen.iter().map(|(typed, ..)| format!("{typed} 7")).collect::<Vec<_>>().join(" ");
            for command in ALL {
                let wishes = wishes(OsStr::new(&text), command).unwrap();
                let theirs = chosen.iter().filter(|(_, _, owners)| owners.contains(command));
                let expected: std::collections::BTreeSet<_> = theirs.map(|(_, option, _)| *option).collect();
                prop_assert_eq!(wishes.iter().map(|wish| wish.option).collect::<std::collections::BTreeSet<_>>(), expected);
            }
        }
    }
}
