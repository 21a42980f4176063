//! `--exclude` and `--include` → patterns of what is passed over.

use haul::plan::Patterns;

use crate::cli::options::UsageError;

/// Of patterns the last that matches decides, and `!` before one takes back what an earlier one said: so what is
/// excluded comes first, then what is taken all the same. Where nothing is excluded all files are, but no directory.
pub(super) fn patterns(exclude: Vec<String>, include: &[String]) -> Result<Patterns, UsageError> {
    let alone = exclude.is_empty();
    for glob in include {
        refuse_to_include(glob, alone)?;
    }
    let mut globs = exclude;
    if alone && !include.is_empty() {
        globs.extend(["*", "!*/"].map(String::from));
    }
    let option = if include.is_empty() { "--exclude" } else { "--exclude and --include" };
    globs.extend(include.iter().map(|glob| format!("!{glob}")));
    Patterns::new(globs).map_err(|why| UsageError::new(format!("{option}: {why}")))
}

/// Patterns that would include something else than somebody means.
fn refuse_to_include(glob: &str, alone: bool) -> Result<(), UsageError> {
    let refused = |why: &str| Err(UsageError::new(format!("--include: {why}")));
    if glob.trim().is_empty() {
        return refused("a pattern is empty");
    }
    if let Some(rest) = glob.strip_prefix('!') {
        return refused(&format!(
            "'{glob}' takes back nothing; write --exclude '{rest}', or '\\{glob}' for such a name"
        ));
    }
    if alone && glob.ends_with('/') {
        return refused(&format!("'{glob}' is not a file, and directories are made anyway; write '{glob}**'"));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::ffi::OsStr;
    use std::path::Path;

    use super::super::tests::plan;

    fn passed_over(words: &str, path: &str, is_directory: bool) -> bool {
        plan(&format!("{words} a b")).unwrap().exclude.matches(Path::new(path), is_directory)
    }

    #[test]
    fn what_is_included_is_taken() {
        for (words, path, passed) in [
            ("", "a.rs", false),
            ("--exclude *.o", "deep/a.o", true),
            ("--exclude *.o", "deep/a.c", false),
            ("--exclude *.o --exclude !keep.o", "deep/keep.o", false),
            // Beside --exclude, wherever it stands.
            ("--exclude *.o --include keep.o", "deep/keep.o", false),
            ("--include keep.o --exclude *.o", "deep/keep.o", false),
            ("--include keep.o --exclude *.o", "a.o", true),
            ("--include keep.o --exclude *.o", "a.c", false),
            ("--exclude build --include /build/keep", "build/keep", false),
            // Alone.
            ("--include *.rs", "a.rs", false),
            ("--include *.rs", "deep/er/a.rs", false),
            ("--include *.rs", "deep/a.c", true),
            ("--include *.rs", ".hidden", true),
            ("--include *.rs --include *.toml", "Cargo.toml", false),
            ("--include *.rs --include *.toml", "a.rs", false),
            ("--include docs/**", "docs/deep/a", false),
            ("--include docs/**", "src/a", true),
            ("--include /a.rs", "deep/a.rs", true),
            // Names that patterns have another meaning for.
            ("--include \\!important", "!important", false),
            ("--include \\!important", "important", true),
            ("--include #notes", "#notes", false),
            ("--include \\#notes", "#notes", false),
            ("--include -x", "-x", false),
        ] {
            assert_eq!(passed_over(words, path, false), passed, "{words} {path}");
        }
    }

    #[test]
    fn directories_are_passed_over_only_by_exclude() {
        for (words, path, passed) in [
            ("--include *.rs", "deep", false),
            ("--include *.rs", "deep/er", false),
            ("--include /a/*.rs", "b/a", false),
            ("--exclude build", "build", true),
            ("--exclude build --include *.rs", "build", true),
            ("--exclude build/ --include build/", "build", false),
        ] {
            assert_eq!(passed_over(words, path, true), passed, "{words} {path}");
        }
    }

    #[test]
    fn sources_themselves_go_by_their_names() {
        let passed = |words: &str, name: &str, is_directory| {
            plan(&format!("{words} a b")).unwrap().exclude.match_name(OsStr::new(name), is_directory)
        };
        assert!(!passed("--include *.rs", "a.rs", false) && passed("--include *.rs", "a.c", false));
        assert!(!passed("--include *.rs", "src", true) && !passed("--include /src/*.rs", "src", true));
        assert!(passed("--exclude src", "src", true) && !passed("--exclude /src", "src", true));
    }

    #[test]
    fn patterns_that_say_something_else_than_is_meant_are_refused() {
        for (words, said) in [
            ("--include !x", "--exclude 'x', or '\\!x'"),
            ("--include !!x", "or '\\!!x'"),
            ("--include docs/", "'docs/**'"),
            ("--include=", "empty"),
            ("--include [", "--include: '![' is not a pattern"),
            ("--exclude [", "--exclude: '['"),
            ("--exclude=", "empty"),
            ("--exclude #a", "comment"),
        ] {
            let error = plan(&format!("{words} a b")).unwrap_err();
            assert!(error.contains(said), "{words}: {error}");
        }
    }
}
