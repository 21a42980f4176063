//! The variables with options for every copy, gzip and gunzip, such as `haul tune` recommends.
//!
//! GNU gzip once took every option from the variable `GZIP`. Scripts broke where a user had `--force` or `-c` in it, and
//! today GNU gzip takes hardly any. So only options on how work is done are allowed here: none that say what is done, and
//! none that change the bytes that come out, as a codec and a block do.

use std::ffi::{OsStr, OsString};

/// What help says of them.
pub(crate) const HELP: &str = "\
Environment:
  HAUL_COPY_OPTIONS, HAUL_GZIP_OPTIONS, HAUL_GUNZIP_OPTIONS
      Options for every copy, gzip and gunzip (also gzip -d, -t and -l), such as '--buffer 1M'. They
      stand before what is typed, so what is typed wins. Allowed are --buffer, --workers (-p, but
      not for copy), --scheduler, --pool, --pool-overflow, --pool-wait, --progress and, for
      copy, --engine. Where this engine cannot copy a file another one does, and blocks that can be
      shared are shared first.
      If typed words contradict a variable, all of it is left out. -v shows what was taken.
      Measurements take nothing";

/// A variable, and what it may hold.
pub(crate) struct Variable {
    pub(crate) name: &'static str,
    /// The command that takes its options.
    pub(crate) command: &'static str,
    /// Options that take a value each.
    allowed: &'static [&'static str],
}

pub(crate) static COPY: Variable = Variable {
    name: "HAUL_COPY_OPTIONS",
    command: "copy",
    allowed: &[
        "--buffer",
        "--workers",
        "--scheduler",
        "--pool",
        "--pool-overflow",
        "--pool-wait",
        "--progress",
        "--engine",
    ],
};

pub(crate) static GZIP: Variable = Variable {
    name: "HAUL_GZIP_OPTIONS",
    command: "gzip",
    allowed: &["--buffer", "--workers", "-p", "--scheduler", "--pool", "--pool-overflow", "--pool-wait", "--progress"],
};

pub(crate) static GUNZIP: Variable = Variable { name: "HAUL_GUNZIP_OPTIONS", command: "gunzip", allowed: GZIP.allowed };

pub(crate) static VARIABLES: [&Variable; 3] = [&COPY, &GZIP, &GUNZIP];

/// One variable had the options of all commands before.
const FORMER: &str = "HAUL_OPTIONS";

impl Variable {
    /// Whether there is anything in it.
    pub(crate) fn is_set(&self) -> bool {
        !value(self.name).is_empty()
    }

    /// The words in it, or why they are refused. Whether the values make sense is for clap to say.
    pub(crate) fn words(&self) -> Result<Vec<String>, String> {
        if !value(FORMER).is_empty() {
            let [copy, gzip, gunzip] = VARIABLES.map(|variable| variable.name);
            return Err(format!("{FORMER} is not read any more; use {copy}, {gzip} or {gunzip}"));
        }
        self.words_of(&value(self.name))
    }

    /// The words of such a value.
    pub(crate) fn words_of(&self, value: &OsStr) -> Result<Vec<String>, String> {
        let Self { name, allowed, .. } = self;
        let text = value.to_str().ok_or_else(|| format!("{name} is not UTF-8"))?;
        if text.contains(['\'', '"']) {
            return Err(format!("{name} has a quote in it; words end at blanks there, and no value needs quotes"));
        }
        let mut words = text.split_whitespace();
        while let Some(word) = words.next() {
            // `--buffer=1M`, `-p=4` and `-p4`; a long option may begin like another one.
            let is_value = |rest: &&str| rest.is_empty() || rest.starts_with('=') || !word.starts_with("--");
            match allowed.iter().find_map(|option| word.strip_prefix(option).filter(is_value)) {
                // The next word is the value.
                Some("") => drop(words.next()),
                Some(_) => {}
                None => return Err(format!("{name}: '{word}' is not allowed; allowed are {}", allowed.join(", "))),
            }
        }
        Ok(text.split_whitespace().map(str::to_owned).collect())
    }
}

fn value(name: &str) -> OsString {
    std::env::var_os(name).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;
    use clap::parser::ValueSource;
    use proptest::prelude::*;

    use super::*;
    use crate::cli::args::Args;

    fn words(variable: &Variable, text: &str) -> Result<String, String> {
        variable.words_of(OsStr::new(text)).map(|words| words.join(" "))
    }

    #[test]
    fn what_is_not_allowed_is_refused() {
        for (variable, text, said) in [
            (&COPY, "--force", "'--force' is not allowed; allowed are --buffer, --workers, --scheduler, --pool, --p"),
            (&GZIP, "--poolside 4", "'--poolside' is not allowed"),
            (&GZIP, "--pool-overflown=4", "'--pool-overflown=4' is not allowed"),
            (&COPY, "--buffer 1M --remove-destination", "'--remove-destination' is not allowed"),
            // cp's -p is another option.
            (&COPY, "-p 4", "'-p' is not allowed"),
            (&GZIP, "--engine mmap", "'--engine' is not allowed; allowed are --buffer, --workers, -p, --scheduler"),
            // The bytes that come out would be others.
            (&GZIP, "--block 1M", "'--block' is not allowed"),
            (&GZIP, "--codec zlib", "'--codec' is not allowed"),
            (&GZIP, "-9", "'-9' is not allowed"),
            (&GZIP, "--level 9", "'--level' is not allowed"),
            (&GUNZIP, "-k", "'-k' is not allowed"),
            (&COPY, "--", "'--' is not allowed"),
            (&COPY, "-", "'-' is not allowed"),
            (&COPY, "copy --buffer 1M", "'copy' is not allowed"),
            (&COPY, "--buffer 1M disk.img", "'disk.img' is not allowed"),
            (&COPY, "--buffer 1M ; --pool off", "';' is not allowed"),
            (&COPY, "--bufferx=1", "'--bufferx=1' is not allowed"),
            (&COPY, "--büffer 1", "'--büffer' is not allowed"),
            (&GZIP, "-ü", "'-ü' is not allowed"),
            (&COPY, "--buffer '1M'", "has a quote in it"),
            (&COPY, "--buffer \"1M\"", "has a quote in it"),
        ] {
            let error = words(variable, text).expect_err(text);
            assert!(error.contains(said) && error.starts_with(variable.name), "{text:?}: {error}");
        }
        let bytes = std::os::unix::ffi::OsStrExt::from_bytes(b"--buffer \xff");
        assert_eq!(COPY.words_of(bytes), Err("HAUL_COPY_OPTIONS is not UTF-8".to_owned()));
    }

    #[test]
    fn help_names_every_variable_and_option() {
        for variable in VARIABLES {
            for word in variable.allowed.iter().chain([&variable.name]) {
                assert!(HELP.contains(word), "{word}");
            }
        }
    }

    /// Words that are allowed, values, and words that are not allowed.
    const WORDS: &[&str] =
        &["--buffer", "--buffer=1M", "-p", "-p4", "-p4k", "--pool", "--engine", "--force", "-k", "--", "2", "-2", "ü"];

    proptest! {
        #[test]
        fn what_is_accepted_sets_nothing_but_what_is_allowed(all in prop::collection::vec(prop::sample::select(WORDS), 0..5)) {
            for variable in VARIABLES {
                let Ok(words) = words(variable, &all.join(" ")) else { continue };
                let line = format!("haul {} SOURCE TARGET {words}", variable.command);
                let Ok(matches) = Args::command().try_get_matches_from(line.split_whitespace()) else { continue };
                let (_, matches) = matches.subcommand().unwrap();
                let haul = Args::command();
                let args = haul.find_subcommand(variable.command).unwrap().get_arguments();
                let is_given = |id: &clap::Id| matches.value_source(id.as_str()) == Some(ValueSource::CommandLine);
                for arg in args.filter(|arg| is_given(arg.get_id())) {
                    let is_allowed = match arg.get_long() {
                        Some(long) => variable.allowed.contains(&format!("--{long}").as_str()),
                        None => matches.get_raw(arg.get_id().as_str()).is_some_and(|names| names.count() == 2),
                    };
                    prop_assert!(is_allowed, "{arg} of {line:?}");
                }
            }
        }
    }
}
