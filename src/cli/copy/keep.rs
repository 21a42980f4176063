//! What a copy keeps: all, but for what the last word about it leaves out.

use haul::plan::{Keep, PreserveLevel};

use super::args::{Attribute, CopyArgs};

/// What an option says of one attribute.
type Said = (Attribute, PreserveLevel);

pub(super) fn keep(args: &CopyArgs) -> Keep {
    let listed = |option, list: &[Attribute], level: fn(Attribute) -> PreserveLevel| {
        let positions = args.positions.all(option).iter().copied();
        positions.zip(list.iter().map(|what| (*what, level(*what))).collect::<Vec<_>>())
    };
    let flag = |option| args.positions.last(option).into_iter();
    let mut said: Vec<(usize, Said)> = listed("preserve", &args.keep.preserve, by_name)
        .chain(listed("no_preserve", &args.keep.no_preserve, |_| PreserveLevel::No))
        .chain(flag("archive").map(|index| (index, (Attribute::All, PreserveLevel::IfPossible))))
        .chain(flag("links_as_links").map(|index| (index, (Attribute::Links, PreserveLevel::IfPossible))))
        .chain(flag("preserve_by_default").map(|index| (index, (Attribute::ByDefault, PreserveLevel::IfPossible))))
        .collect();
    said.sort_by_key(|(index, _)| *index);
    said.into_iter().fold(Keep::ALL, |keep, (_, (what, level))| with(keep, what, level))
}

/// Who names what file systems may not have, or users not give, wants it; who says `all` wants what there is, as with `cp`.
fn by_name(what: Attribute) -> PreserveLevel {
    match what {
        Attribute::Ownership | Attribute::Xattr | Attribute::Context => PreserveLevel::Required,
        _ => PreserveLevel::IfPossible,
    }
}

fn with(keep: Keep, what: Attribute, level: PreserveLevel) -> Keep {
    let wanted = level != PreserveLevel::No;
    // What was asked for by name stays so.
    let at_least = |level| if level == PreserveLevel::No { PreserveLevel::IfPossible } else { level };
    match what {
        Attribute::Mode => Keep { mode: wanted, ..keep },
        Attribute::Ownership => Keep { owner: level, ..keep },
        Attribute::Timestamps => Keep { times: wanted, ..keep },
        Attribute::Links => Keep { links: wanted, ..keep },
        Attribute::Xattr => Keep { xattrs: level, ..keep },
        Attribute::Context => Keep { context: level, ..keep },
        Attribute::ByDefault => Keep { mode: true, owner: at_least(keep.owner), times: true, ..keep },
        Attribute::All if wanted => Keep {
            owner: at_least(keep.owner),
            xattrs: at_least(keep.xattrs),
            context: at_least(keep.context),
            ..Keep::ALL
        },
        Attribute::All => Keep {
            mode: false,
            owner: PreserveLevel::No,
            times: false,
            links: false,
            xattrs: PreserveLevel::No,
            context: PreserveLevel::No,
        },
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::plan;
    use super::*;

    #[test]
    fn the_last_word_about_an_attribute_counts() {
        let none = with(Keep::ALL, Attribute::All, PreserveLevel::No);
        let but_times = Keep { times: false, ..Keep::ALL };
        for (words, expected) in [
            ("", Keep::ALL),
            ("-a", Keep::ALL),
            ("-p", Keep::ALL),
            ("--preserve", Keep::ALL),
            ("--preserve=mode", Keep::ALL),
            ("--no-preserve=timestamps", but_times),
            ("--no-preserve timestamps", but_times),
            ("--no-preserve=timestamps --preserve=mode", but_times),
            ("--no-preserve=timestamps --preserve=timestamps", Keep::ALL),
            ("--preserve=timestamps --no-preserve=timestamps", but_times),
            ("--preserve=all --no-preserve=timestamps --preserve=links,mode", but_times),
            ("--no-preserve=all", none),
            ("--no-preserve=all -a", Keep::ALL),
            ("-a --no-preserve=all", none),
            ("-a --no-preserve=all -d", Keep { links: true, ..none }),
            ("-d --no-preserve=all", none),
            ("--no-preserve=all -p", Keep { mode: true, owner: PreserveLevel::IfPossible, times: true, ..none }),
            (
                "-p --no-preserve=all --preserve",
                Keep { mode: true, owner: PreserveLevel::IfPossible, times: true, ..none },
            ),
            ("--no-preserve=all -p --no-preserve=mode,ownership", Keep { times: true, ..none }),
            (
                "--no-preserve=mode,links --preserve=links --no-preserve=xattr",
                Keep { mode: false, xattrs: PreserveLevel::No, ..Keep::ALL },
            ),
            ("--no-preserve=context", Keep { context: PreserveLevel::No, ..Keep::ALL }),
            ("--preserve=xattr", Keep { xattrs: PreserveLevel::Required, ..Keep::ALL }),
            ("--preserve=context,mode", Keep { context: PreserveLevel::Required, ..Keep::ALL }),
            ("--preserve=ownership", Keep { owner: PreserveLevel::Required, ..Keep::ALL }),
            ("--preserve=mode,ownership,timestamps", Keep { owner: PreserveLevel::Required, ..Keep::ALL }),
            (
                "--preserve=ownership --preserve=all -a -p --preserve",
                Keep { owner: PreserveLevel::Required, ..Keep::ALL },
            ),
            ("--preserve=ownership --no-preserve=ownership -p", Keep::ALL),
            ("--no-preserve=ownership", Keep { owner: PreserveLevel::No, ..Keep::ALL }),
            ("--preserve=xattr --preserve=all -a", Keep { xattrs: PreserveLevel::Required, ..Keep::ALL }),
            ("--preserve=xattr --no-preserve=xattr", Keep { xattrs: PreserveLevel::No, ..Keep::ALL }),
            ("--preserve=xattr --no-preserve=xattr --preserve=all", Keep::ALL),
        ] {
            assert_eq!(plan(&format!("{words} a b")).unwrap().keep, expected, "{words}");
        }
        for words in ["--preserve=", "--preserve=colour", "--no-preserve=", "--preserve=mode,", "--no-preserve a b"] {
            assert!(plan(&format!("{words} a b")).is_err(), "{words}");
        }
    }
}
