//! The level of gzip: `-0` to `-9`, `--fast`, `--best`, `--level`, and `-11`, which pigz has.

use std::ffi::{OsStr, OsString};

use clap::{ArgAction, Command};
use haul::codec::level::{DEFAULT, HIGHEST};

/// The level that was asked for; of several the last one counts.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Level {
    /// By `--level` or `-1` to `-9`.
    given: Option<u32>,
    /// `-0` was given, and after those.
    zero_is_last: bool,
    /// `-0` was given: level 0 as with pigz, or names that end with NUL as with xargs.
    pub(crate) zero: bool,
}

impl Level {
    /// The level, where `-0` is one.
    pub(crate) fn level(self) -> u32 {
        if self.zero && self.zero_is_last { 0 } else { self.level_but_zero() }
    }

    /// The level, where `-0` means something else.
    pub(crate) fn level_but_zero(self) -> u32 {
        self.given.unwrap_or(DEFAULT)
    }
}

const ZERO: &str = "0";
const DIGITS: [&str; 9] = ["1", "2", "3", "4", "5", "6", "7", "8", "9"];
const LEVEL: &str = "level";
/// Levels of two digits, and what they are: pigz's one is its highest.
const TWO_DIGITS: [(&str, &str); 3] = [("-10", "--level=10"), ("-11", "--level=12"), ("-12", "--level=12")];

/// The command line with `-11` spelled out: clap would take it for `-1`, twice. `command` makes what haul understands.
pub(crate) fn spell_out(command: fn() -> Command, words: impl IntoIterator<Item = OsString>) -> Vec<OsString> {
    let mut words: Vec<OsString> = words.into_iter().collect();
    let spelled = |word: &OsString| TWO_DIGITS.iter().find(|(short, _)| word == short).map(|(_, long)| *long);
    if words.get(1).is_none_or(|command| command != "gzip") || !words.iter().any(|word| spelled(word).is_some()) {
        return words;
    }
    let haul = command();
    let gzip = haul.find_subcommand("gzip");
    let mut is_value = false;
    for word in words.iter_mut().skip(2) {
        if is_value {
            is_value = false;
        } else if word == "--" {
            break;
        } else if let Some(long) = spelled(word) {
            *word = OsString::from(long);
        } else {
            is_value = gzip.is_some_and(|gzip| wants_value(gzip, word));
        }
    }
    words
}

/// Whether the word after this one is its value: `--exclude` or `-kS`, but not `--exclude=x` or `-S.x`.
fn wants_value(command: &clap::Command, word: &OsStr) -> bool {
    let Some(option) = word.to_str().and_then(|word| word.strip_prefix('-')) else { return false };
    let takes_values = || command.get_arguments().filter(|arg| arg.get_action().takes_values());
    if let Some(long) = option.strip_prefix('-') {
        return takes_values().any(|arg| arg.get_long() == Some(long));
    }
    // The first such letter takes what is left of the word, if there is anything.
    let mut letters = option.chars();
    letters.any(|letter| takes_values().any(|arg| arg.get_short() == Some(letter))) && letters.next().is_none()
}

impl clap::Args for Level {
    fn augment_args(command: clap::Command) -> clap::Command {
        let names = || DIGITS.into_iter().chain([LEVEL]);
        let digits = DIGITS.iter().map(|name| {
            let arg = clap::Arg::new(*name)
                .short(name.chars().next())
                .action(ArgAction::SetTrue)
                .overrides_with_all(names().filter(|other| other != name))
                .hide(!matches!(*name, "1" | "6" | "9"));
            match *name {
                "1" => arg.long("fast").help("Fastest; -2 to -8 lie between"),
                "6" => arg.help("The default"),
                "9" => arg.long("best").help("Smallest but for --level 10 to 12"),
                _ => arg,
            }
        });
        let zero = clap::Arg::new(ZERO)
            .short('0')
            .action(ArgAction::SetTrue)
            .help("Level 0, stored; with --files-from: names end with NUL, as xargs -0 has it");
        let level = clap::Arg::new(LEVEL)
            .long(LEVEL)
            .value_name("N")
            .value_parser(clap::value_parser!(u32).range(..=i64::from(HIGHEST)))
            .overrides_with_all(DIGITS)
            .help("0 to 12: as -0 to -9, and 10 to 12, which look longest; -11 is 12");
        command.args([zero]).args(digits).args([level.overrides_with(LEVEL)])
    }

    fn augment_args_for_update(command: clap::Command) -> clap::Command {
        Self::augment_args(command)
    }
}

impl clap::FromArgMatches for Level {
    fn from_arg_matches(matches: &clap::ArgMatches) -> Result<Self, clap::Error> {
        let digit = DIGITS.iter().position(|name| matches.get_flag(name));
        let number = matches.get_one::<u32>(LEVEL).copied();
        let given = number.or(digit.map(|index| index as u32 + 1));
        let index = match (digit, number) {
            (_, Some(_)) => matches.index_of(LEVEL),
            (Some(digit), None) => matches.index_of(DIGITS[digit]),
            (None, None) => None,
        };
        let zero = matches.get_flag(ZERO);
        Ok(Self { given, zero, zero_is_last: matches.index_of(ZERO) > index })
    }

    fn update_from_arg_matches(&mut self, matches: &clap::ArgMatches) -> Result<(), clap::Error> {
        *self = Self::from_arg_matches(matches)?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;
    use crate::cli::args::Args;

    #[derive(Debug, clap::Parser)]
    #[command(args_override_self = true)]
    struct Line {
        #[command(flatten)]
        level: Level,
    }

    #[test]
    fn the_last_level_counts() {
        for (line, level, but_zero) in [
            ("", 6, 6),
            ("-1", 1, 1),
            ("-19", 9, 9),
            ("--best -3", 3, 3),
            ("--fast --level 4", 4, 4),
            ("--level 4 --level=5", 5, 5),
            ("--level 4 -2", 2, 2),
            ("--level 0", 0, 0),
            ("-0", 0, 6),
            ("-9 -0", 0, 9),
            ("-0 -9", 9, 9),
            ("-9 -9", 9, 9),
            ("-191", 1, 1),
            ("-0 -9 -0 -0", 0, 9),
            ("-0 -9 -0 -9", 9, 9),
            ("-11", 12, 12),
            ("-10", 10, 10),
        ] {
            let words = ["haul", "gzip"].into_iter().chain(line.split_whitespace()).map(OsString::from);
            let mut words = spell_out(Args::command, words);
            words.remove(0);
            let parsed = <Line as clap::Parser>::try_parse_from(words).unwrap().level;
            assert_eq!((parsed.level(), parsed.level_but_zero()), (level, but_zero), "{line}");
        }
        assert!(<Line as clap::Parser>::try_parse_from(["gzip", "--level", "13"]).is_err());
    }

    #[test]
    fn only_a_level_of_gzip_is_spelled_out() {
        for line in [
            "haul gzip -- -11",
            "haul sweep gzip -11",
            "haul gzip -p11",
            "haul gzip --exclude -11",
            "haul gzip -kp -11",
            "haul gzip --exclude -- -k -S -12 -- -10",
        ] {
            let words: Vec<OsString> = line.split(' ').map(OsString::from).collect();
            assert_eq!(spell_out(Args::command, words.clone()), words);
        }
        for line in
            ["-p 2 -11", "-pk -11", "--exclude=x -11", "--exclude -p -11", "-S.x -11", "x -11", "--exclude -- -11"]
        {
            let words = format!("haul gzip {line}");
            assert_eq!(
                spell_out(Args::command, words.split(' ').map(OsString::from)).last().unwrap(),
                "--level=12",
                "{line}"
            );
        }
    }
}
