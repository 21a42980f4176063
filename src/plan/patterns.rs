//! Patterns of names, as in a .gitignore: valid once they are made.

use std::ffi::OsStr;
use std::path::Path;

use ignore::gitignore::{Gitignore, GitignoreBuilder};

/// Patterns, of which the last one that matches decides; `!` before one takes back what an earlier one said.
#[derive(Debug, Clone)]
pub struct Patterns {
    globs: Vec<String>,
    matcher: Gitignore,
    /// Those without a slash but at their end: what they say of a name holds wherever the name stands.
    of_names: Gitignore,
}

impl Patterns {
    /// Understands patterns, or says which one makes no sense, and why.
    pub fn new(globs: Vec<String>) -> Result<Self, String> {
        for glob in &globs {
            if glob.trim().is_empty() {
                return Err("a pattern is empty".to_owned());
            }
            // A comment in a file, and on a command line a pattern that would silently match nothing.
            if glob.starts_with('#') {
                return Err(format!("'{glob}' is a comment; write '\\{glob}'"));
            }
        }
        let is_of_names = |glob: &&String| !glob.strip_suffix('/').unwrap_or(glob).contains('/');
        let (matcher, of_names) = (matcher(&globs)?, matcher(globs.iter().filter(is_of_names))?);
        Ok(Self { globs, matcher, of_names })
    }

    /// Whether there are none.
    pub const fn is_empty(&self) -> bool {
        self.globs.is_empty()
    }

    /// Whether they match a path relative to where a walk began. What is in a directory that matches is for the
    /// caller to leave alone.
    pub fn matches(&self, path: &Path, is_directory: bool) -> bool {
        self.matcher.matched(path, is_directory).is_ignore()
    }

    /// Whether they match a name that stands for itself, not for something below where a walk began.
    pub fn match_name(&self, name: &OsStr, is_directory: bool) -> bool {
        self.of_names.matched(Path::new(name), is_directory).is_ignore()
    }
}

fn matcher<'a>(globs: impl IntoIterator<Item = &'a String>) -> Result<Gitignore, String> {
    let mut builder = GitignoreBuilder::new(".");
    // git takes "[" for itself; somebody who types it has most likely mistyped a class.
    builder.allow_unclosed_class(false);
    for glob in globs {
        builder.add_line(None, glob).map_err(|error| format!("'{glob}' is not a pattern: {}", why(&error)))?;
    }
    builder.build().map_err(|error| why(&error))
}

/// What is wrong with a glob, without the glob, which the caller names.
fn why(error: &ignore::Error) -> String {
    match error {
        ignore::Error::Glob { err, .. } => err.clone(),
        other => other.to_string(),
    }
}

impl Default for Patterns {
    fn default() -> Self {
        Self { globs: Vec::new(), matcher: Gitignore::empty(), of_names: Gitignore::empty() }
    }
}

impl PartialEq for Patterns {
    fn eq(&self, other: &Self) -> bool {
        self.globs == other.globs
    }
}

impl Eq for Patterns {}

#[cfg(test)]
mod tests {
    use std::os::unix::ffi::OsStrExt;

    use super::*;

    fn patterns(globs: &[&str]) -> Result<Patterns, String> {
        Patterns::new(globs.iter().map(|glob| (*glob).to_owned()).collect())
    }

    #[test]
    fn patterns_match_as_in_a_gitignore() {
        for (globs, path, is_directory, expected) in [
            (&["*.tmp"][..], "a.tmp", false, true),
            (&["*.tmp"], "deep/er/a.tmp", false, true),
            (&["*.tmp"], "a.tmp.log", false, false),
            (&["/a.tmp"], "a.tmp", false, true),
            (&["/a.tmp"], "deep/a.tmp", false, false),
            (&["cache/"], "cache", true, true),
            (&["cache/"], "cache", false, false),
            (&["deep/*.log"], "deep/a.log", false, true),
            (&["deep/*.log"], "deep/er/a.log", false, false),
            (&["**/er/*.log"], "deep/er/a.log", false, true),
            (&["*.log", "!keep.log"], "deep/keep.log", false, false),
            (&["!keep.log", "*.log"], "deep/keep.log", false, true),
            (&["\\#a"], "#a", false, true),
            (&["[ab]"], "b", false, true),
            (&[], "a", false, false),
        ] {
            let patterns = patterns(globs).unwrap();
            assert_eq!(patterns.matches(Path::new(path), is_directory), expected, "{globs:?} {path}");
        }
        let latin1 = Path::new(OsStr::from_bytes(b"caf\xe9.tmp"));
        assert!(patterns(&["*.tmp"]).unwrap().matches(latin1, false));
    }

    #[test]
    fn paths_say_nothing_of_names_that_stand_for_themselves() {
        let matches =
            |globs: &[&str], is_directory| patterns(globs).unwrap().match_name(OsStr::new("logs"), is_directory);
        assert!(matches(&["logs"], true) && matches(&["logs/"], true) && matches(&["l*"], false));
        assert!(!matches(&["logs/"], false) && !matches(&["/logs"], true) && !matches(&["/*", "!/keep"], true));
        assert!(!matches(&["**/logs"], true) && !matches(&["*", "!logs"], true));
    }

    #[test]
    fn what_is_no_pattern_is_refused() {
        for (glob, quoted) in
            [("[", "'['"), ("a[", "'a['"), ("{a", "'{a'"), ("", "empty"), (" ", "empty"), ("#a", "\\#a")]
        {
            let error = patterns(&["*.tmp", glob]).unwrap_err();
            assert!(error.contains(quoted), "{glob:?}: {error}");
        }
    }
}
