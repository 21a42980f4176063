//! Where options stood: of those that contradict each other the later one counts, as with `cp`.

use std::collections::HashMap;

use clap::parser::ValueSource;
use clap::{ArgMatches, Command, Error};

/// For each option that was typed, by the name of its field, the places of its uses: a list has one for each value.
/// It must stand before all other fields, which take what they hold out of the matches.
#[derive(Debug)]
pub(crate) struct Places(HashMap<String, Vec<usize>>);

impl Places {
    /// All places of an option, as many as it has values, in their order.
    pub(crate) fn all(&self, option: &str) -> &[usize] {
        self.0.get(option).map_or(&[], Vec::as_slice)
    }

    /// Where an option stood last; `None`, which comes before all places, if it was not typed.
    pub(crate) fn last(&self, option: &str) -> Option<usize> {
        self.all(option).last().copied()
    }
}

impl clap::Args for Places {
    fn augment_args(command: Command) -> Command {
        command
    }

    fn augment_args_for_update(command: Command) -> Command {
        command
    }
}

impl clap::FromArgMatches for Places {
    fn from_arg_matches(matches: &ArgMatches) -> Result<Self, Error> {
        let options = matches.ids().map(clap::Id::as_str);
        // A default has a place too, after all others.
        let typed = options.filter(|option| matches.value_source(option) == Some(ValueSource::CommandLine));
        let places =
            typed.map(|option| (option.to_owned(), matches.indices_of(option).into_iter().flatten().collect()));
        Ok(Self(places.collect()))
    }

    fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> Result<(), Error> {
        *self = Self::from_arg_matches(matches)?;
        Ok(())
    }
}
