//! Options of copy that contradict each other.

use std::path::Path;

use haul::plan::{Backup, CopyPlan, Method, Placing, Update, When};

use super::args::CopyArgs;
use crate::cli::invocation::UsageError;

/// Contradictions that a plan can no longer hold.
pub(super) fn refuse_in_words(args: &CopyArgs) -> Result<(), UsageError> {
    let methods = [args.links.link, args.links.symbolic_link, args.keep.attributes_only];
    let directories = args.place.target_directory.len();
    refuse(&[
        (directories > 1, "-t is there more than once; copy to one DIR after the other"),
        (directories > 0 && args.place.no_target_directory, "-t and -T contradict each other; leave one out"),
        (methods.into_iter().filter(|chosen| *chosen).count() > 1, "of -l, -s and --attributes-only choose one"),
        (
            args.which.null && args.which.files_from.is_none(),
            "--null is about the names in --files-from, which is not there",
        ),
    ])
}

/// Contradictions within a plan.
pub(super) fn refuse_in_plan(plan: &CopyPlan) -> Result<(), UsageError> {
    let moves_bytes = plan.method == Method::Copy;
    let exact = plan.placing == Placing::Exact;
    let engine = plan.engine.name();
    let replaces_none = matches!(plan.existing.update, Update::None | Update::NoneFail);
    let list_is_stdin = plan.list.as_ref().is_some_and(|list| list.path == Path::new("-"));
    refuse(&[
        (exact && (plan.sources.len() > 1 || plan.list.is_some()), "-T takes one SOURCE; for more, name a DIR with -t"),
        (exact && plan.parents, "--parents makes paths below a directory; leave -T out"),
        (
            replaces_none && plan.existing.backup != Backup::None,
            "where nothing is replaced there is nothing to back up; leave out --backup, or -n and --update",
        ),
        (
            plan.existing.in_place && (plan.existing.remove || plan.existing.backup != Backup::None),
            "--inplace keeps what is there and gives it new contents; leave out --remove-destination and --backup",
        ),
        (
            plan.existing.in_place && !moves_bytes,
            "--inplace writes contents, and -l, -s and --attributes-only copy none; leave it out",
        ),
        (
            plan.existing.ask && list_is_stdin,
            "-i and --files-from - both read standard input; write the names into a file",
        ),
        (
            plan.resume && !plan.keep.times,
            "--resume knows by its time what is done; leave --no-preserve=timestamps out",
        ),
        (
            plan.verify && !moves_bytes,
            "--verify compares contents, and -l, -s and --attributes-only copy none; leave it out",
        ),
        (
            plan.copy_contents && !moves_bytes,
            "--copy-contents copies contents, and -l, -s and --attributes-only copy none; leave it out",
        ),
        (
            plan.method == Method::AttributesOnly && plan.reflink == When::Always,
            "--attributes-only copies no contents; leave --reflink out",
        ),
        (
            plan.reflink == When::Always && plan.sparse != When::Auto,
            "--reflink shares blocks and holes as they are; leave --sparse out",
        ),
        (
            plan.reflink == When::Always && !matches!(engine, "auto" | "reflink"),
            "--reflink moves no bytes by another engine; leave --engine out",
        ),
        (
            plan.reflink == When::Never && matches!(engine, "reflink" | "copy_file_range"),
            "--reflink=never rules out engines that may share blocks; leave --engine out",
        ),
        (
            plan.sparse == When::Always && !matches!(engine, "auto" | "read_write"),
            "--sparse=always looks for zeros, which only --engine read_write sees; leave --engine out",
        ),
    ])
}

/// Refuses for the first reason that holds.
fn refuse(reasons: &[(bool, &str)]) -> Result<(), UsageError> {
    match reasons.iter().find(|(holds, _)| *holds) {
        Some((_, why)) => Err(UsageError::new(why)),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::plan;

    #[test]
    fn what_contradicts_itself_is_refused_with_what_to_do() {
        for (words, said) in [
            ("-t c -t d a b", "-t is there more than once"),
            ("-t c -T a", "-t and -T"),
            ("-T a b c", "-T takes one SOURCE"),
            ("-T --files-from list c", "-T takes one SOURCE"),
            ("-T --parents a b", "leave -T out"),
            ("-ls a b", "of -l, -s"),
            ("-l --attributes-only a b", "of -l, -s"),
            ("-s --attributes-only a b", "of -l, -s"),
            ("-0 a b", "--null is about"),
            ("-bn a b", "nothing to back up"),
            ("--backup=simple --update=none a b", "nothing to back up"),
            ("-S .old --update=none-fail a b", "nothing to back up"),
            ("--inplace --remove-destination a b", "leave out --remove-destination"),
            ("--inplace -b a b", "leave out --remove-destination and --backup"),
            ("--inplace -l a b", "leave it out"),
            ("-i --files-from - -t d", "both read standard input"),
            ("--resume --no-preserve=timestamps a b", "leave --no-preserve"),
            ("--verify -l a b", "leave it out"),
            ("--verify -s a b", "leave it out"),
            ("--verify --attributes-only a b", "leave it out"),
            ("--copy-contents -l a b", "leave it out"),
            ("--copy-contents -s a b", "leave it out"),
            ("--copy-contents --attributes-only a b", "leave it out"),
            ("--attributes-only --reflink a b", "leave --reflink out"),
            ("--reflink --sparse=always a b", "leave --sparse out"),
            ("--reflink=always --sparse=never a b", "leave --sparse out"),
            ("--reflink --engine read_write a b", "leave --engine out"),
            ("--reflink --engine mmap a b", "leave --engine out"),
            ("--reflink=never --engine copy_file_range a b", "may share blocks"),
            ("--sparse=always --engine mmap a b", "--engine read_write sees"),
            ("--sparse=always --engine copy_file_range a b", "--engine read_write sees"),
        ] {
            let error = plan(words).expect_err(words);
            assert!(error.contains(said), "{words}: {error}");
        }
    }

    #[test]
    fn what_goes_together_is_taken() {
        for words in [
            "-bi a b",
            "-b -n -i a b",
            "-u -b a b",
            "-i --files-from list -t d",
            "--files-from - -t d",
            "--attributes-only --reflink=auto a b",
            "-l --reflink=never a b",
            "--reflink --sparse=auto --engine auto a b",
            "--reflink=never --engine mmap --sparse=never a b",
            "--sparse=always --engine read_write --verify a b",
            "-T -r --resume --verify --sync a b",
            "--parents -t d a",
        ] {
            plan(words).expect(words);
        }
    }
}
