//! The sentences for what the library says by a type: there it is known what is wrong, here by which option it is asked
//! for or put right.

use haul::plan::{Clash, CodecName, LONGEST_SUFFIX};

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
            return format!("'{suffix}' is no suffix of backups: give -S 1 to {LONGEST_SUFFIX} bytes, and no '/'");
        }
        Clash::UnfinishedSuffix(_) => return format!("{clash}: give -S another suffix"),
        Clash::KeepSmallerWithoutFiles => {
            "--keep-smaller compares files with their .gz; -c, -d, -l, -t and standard input have none"
        }
        Clash::KeepSmallerElsewhere => "with --keep-smaller, files would be missing in the directory of --output-dir",
        Clash::NotBuilt(CodecName::Isal) => return format!("{clash}; build it with --features isal"),
        Clash::DataBesideList => "standard input cannot be both data and the list of --files-from",
        Clash::UpdateWithoutFiles => "--update compares with files; -c, -l, -t and standard input make none",
        Clash::DirectoryWithoutFiles => "--output-dir takes files; -c, -l, -t and standard input make none",
        Clash::RangeAndOther => {
            "--range and --index list nothing, make no files to update or to put elsewhere, and --index tests anyway"
        }
        Clash::IndexOfStdin => "--index is kept beside a file; standard input has no place",
        Clash::IndexAndData => "--index alone writes no data; --range 0: does",
        Clash::LimitOfRange => "--max-output is about whole files; what --range writes is as long as it says",
        Clash::PartialPages(_) | Clash::Level { .. } | Clash::NotBuilt(_) | Clash::Suffix => return clash.to_string(),
    };
    text.to_owned()
}
