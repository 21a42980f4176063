//! The sentences for what the library says by a type: there it is known what is wrong, here by which option it is asked
//! for or put right.

use haul::error::{Error, Remedy};
use haul::plan::{Clash, CodecName, LONGEST_SUFFIX};
use haul::summary::Warning;

/// What failed, and what would help.
pub(crate) fn error(error: &Error) -> String {
    let why = with(error.cause.to_string(), error.remedy());
    Error::refused(error.operation, &error.path, why).to_string()
}

/// What a person should know, without the path.
pub(crate) fn warning(warning: &Warning) -> String {
    with(warning.text.clone(), warning.remedy)
}

/// What is wrong, and what would help, in one sentence.
fn with(why: String, remedy: Option<Remedy>) -> String {
    let Some(remedy) = remedy else { return why };
    let (what, rest) = match remedy {
        // What becomes of source and target comes last.
        Remedy::IgnoreTrailing => why.split_at(why.find(';').unwrap_or(why.len())),
        Remedy::NoParents => return format!("with --parents, {why}"),
        Remedy::Size => (why.trim_end_matches(" that were asked for"), ""),
        _ => (&*why, ""),
    };
    format!("{what}{}{rest}", help(remedy))
}

/// What would help, as the end of a sentence that says what is wrong.
const fn help(remedy: Remedy) -> &'static str {
    match remedy {
        Remedy::Recursive => "; -r goes into it",
        Remedy::Follow => "; -f follows it",
        Remedy::Stdout => "; -c reads it",
        Remedy::KeepOrForce => "; -k keeps it, -f takes this one away",
        Remedy::Force => "; -f replaces it",
        Remedy::NoTerminal => "; redirect it, or use -f",
        Remedy::StdoutOrSuffix => "; -c or -S helps",
        Remedy::NewIndex => ", --index makes a new one",
        Remedy::RangeFromStart => "; --range will read it from the start",
        Remedy::MaxOutput => ", which is what --max-output allows",
        Remedy::IgnoreTrailing => "; --ignore-trailing allows it",
        Remedy::FewerWorkers => "; use fewer --workers, or raise the limit (ulimit -v)",
        Remedy::FewerThreads => "; use fewer --workers, or raise the limits (ulimit -u, -v, -n)",
        Remedy::MoreBuffers => "; a larger --pool, more --pool-overflow or a longer --pool-wait helps",
        Remedy::NullList => "; --null reads such a list",
        Remedy::Remove => "; --remove-destination replaces it",
        Remedy::RemoveThere => "; --remove-destination replaces what is there",
        Remedy::CopyContents => "; --copy-contents copies what it holds",
        Remedy::CopyContentsOrRemove => {
            "; --copy-contents copies what it holds, --remove-destination replaces what is there"
        }
        Remedy::Resume => ", and --resume continues it",
        Remedy::NoResume => "; remove or rename it, or leave --resume out",
        Remedy::DirectoryForInto => ", and -t wants one",
        Remedy::DirectoryForParents => ", and --parents wants one",
        // Said before what is wrong.
        Remedy::NoParents => "",
        Remedy::Exclude => "; --exclude leaves the target out",
        Remedy::NumberedBackup => "; --backup=numbered would not",
        Remedy::Directory => "; choose another DIR",
        Remedy::Scratch => "; choose another place with --to DIR",
        Remedy::ScratchOutside => "; choose a place outside with --to DIR",
        Remedy::SpaceOrDirectory => "; make room, or choose another place with --to DIR",
        Remedy::SpaceOrSmaller => "; make room, or lower --size",
        Remedy::SpaceOrSize => "; make room, or set --size",
        Remedy::SizeOrShare => "; choose a smaller one with --size, or allow more with --share",
        Remedy::SpaceOrShare => "; make room, allow more with --share, or choose another DIR",
        Remedy::Size => " of --size",
        Remedy::Blocks => "; choose smaller ones with --blocks, or a larger file",
        Remedy::Threads => "; use --backend threads",
        Remedy::ReadOnly => "; a file or device is measured with --read-only",
    }
}

/// Why options make no plan.
pub(crate) fn clash(clash: &Clash) -> String {
    let text = match clash {
        Clash::NoSource => "nothing to copy: name a SOURCE, or take names out of a file with --files-from",
        Clash::ExactTargetOfSeveral => "-T takes one SOURCE; for more, name a DIR with -t",
        Clash::ExactTargetOfPaths => "--parents makes paths below a directory; leave -T out",
        Clash::BackupOfNothing => {
            "where nothing is replaced there is nothing to back up; leave out --backup, or -n and --update"
        }
        Clash::InPlaceAndReplaced => {
            "--inplace keeps what is there and gives it new contents; leave out --remove-destination and --backup"
        }
        Clash::InPlaceWithoutContents => {
            "--inplace writes contents, and -l, -s and --attributes-only copy none; leave it out"
        }
        Clash::AnswersBesideList => "-i and --files-from - both read standard input; write the names into a file",
        Clash::ResumeWithoutTimes => "--resume knows by its time what is done; leave --no-preserve=timestamps out",
        Clash::VerifyWithoutContents => {
            "--verify compares contents, and -l, -s and --attributes-only copy none; leave it out"
        }
        Clash::SpecialWithoutContents => {
            "--copy-contents copies contents, and -l, -s and --attributes-only copy none; leave it out"
        }
        Clash::ReflinkOfAttributes => "--attributes-only copies no contents; leave --reflink out",
        Clash::ReflinkAndSparse => "--reflink shares blocks and holes as they are; leave --sparse out",
        Clash::ReflinkAndEngine => "--reflink moves no bytes by another engine; leave --engine out",
        Clash::NoReflinkAndEngine => "--reflink=never rules out engines that may share blocks; leave --engine out",
        Clash::SparseAndEngine => {
            "--sparse=always looks for zeros, which only --engine read_write sees; leave --engine out"
        }
        Clash::BackupSuffix(suffix) => {
            return format!("'{suffix}' is not a suffix for backups: give -S 1 to {LONGEST_SUFFIX} bytes, and no '/'");
        }
        Clash::UnfinishedSuffix(_) => return format!("{clash}: give -S another suffix"),
        Clash::NoPool => {
            "with --pool off nothing overflows and nobody waits; leave out --pool-overflow and --pool-wait, or give --pool N"
        }
        Clash::KeepSmallerWithoutFiles => {
            "--keep-smaller compares files with their .gz; -c, -d, -l, -t and standard input have none"
        }
        Clash::KeepSmallerElsewhere => "with --keep-smaller, files would be missing in the directory of --output-dir",
        Clash::NotBuilt(CodecName::Isal) => return format!("{clash}; build it with --features isal"),
        Clash::DataBesideList => "standard input cannot be both data and the list of --files-from",
        Clash::UpdateWithoutFiles => "--update compares with files; -c, -l, -t and standard input make none",
        Clash::DirectoryWithoutFiles => "--output-dir takes files; -c, -l, -t and standard input make none",
        Clash::CompressedNowhere => "-t and -l are for compressed files; gunzip does them",
        Clash::RangeAndOther => {
            "--range and --index list nothing, make no files to update or to put elsewhere, and --index tests anyway"
        }
        Clash::IndexOfStdin => "--index is kept beside a file; standard input has no place",
        Clash::IndexAndData => "--index alone writes no data; --range 0: does",
        Clash::LimitOfRange => "--max-output is about whole files; what --range writes is as long as it says",
        Clash::RingAndEngine(_) => return format!("{clash}; leave --engine out, or choose another --scheduler"),
        Clash::RingForCodec => {
            "gzip and gunzip wait for the processor, not for files: --scheduler uring has nothing to gain there; leave it out"
        }
        Clash::PartialPages(_) | Clash::Level { .. } | Clash::NotBuilt(_) | Clash::Suffix => return clash.to_string(),
    };
    text.to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_would_help_follows_what_is_wrong() {
        for (why, remedy, said) in [
            ("it exists", Some(Remedy::Force), "it exists; -f replaces it"),
            ("it exists", None, "it exists"),
            ("'..' in it", Some(Remedy::NoParents), "with --parents, '..' in it"),
            ("not gzip data", Some(Remedy::IgnoreTrailing), "not gzip data; --ignore-trailing allows it"),
            ("not gzip data; kept", Some(Remedy::IgnoreTrailing), "not gzip data; --ignore-trailing allows it; kept"),
            (
                "it has 1 B, less than the 2 B that were asked for",
                Some(Remedy::Size),
                "it has 1 B, less than the 2 B of --size",
            ),
        ] {
            let error = Error::refused("take", "a;b", why).with(remedy);
            assert_eq!(super::error(&error), format!("cannot take 'a;b': {said}"));
        }
    }
}
