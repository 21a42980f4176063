//! Who may know whom. Imports point down only; the three in the middle do not know each other, nor do the jobs. And no
//! file has more than 500 lines.

#![allow(clippy::disallowed_methods, missing_docs, reason = "the test reads the source")]

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

/// The plain data that everybody may know.
const BASE: [&str; 6] = ["calls", "plan", "size", "error", "event", "summary"];
/// The jobs, strangers to each other.
const JOBS: [&str; 2] = ["copy", "gzip"];
/// Joined by the jobs, strangers to each other.
const MIDDLE: [&str; 3] = ["engine", "codec", "tree"];

/// Whether code in module `one` may name module `other`.
fn may_know(one: &str, other: &str) -> bool {
    let base = BASE.contains(&other);
    let middle = MIDDLE.contains(&other);
    one == other
        || match one {
            _ if BASE.contains(&one) => base,
            "sys" => base,
            "pool" => base || other == "sys",
            _ if MIDDLE.contains(&one) => base || matches!(other, "sys" | "pool"),
            "job" => base || middle || matches!(other, "sys" | "pool"),
            _ if JOBS.contains(&one) => base || middle || matches!(other, "sys" | "pool" | "job"),
            "lab" => !matches!(other, "cli" | "main" | "lib"),
            "cli" | "main" | "lib" => true,
            _ => false,
        }
}

/// The library's modules that a piece of source names with `prefix` (`crate` in the library, `haul` in the binary).
fn named(source: &str, prefix: &str) -> BTreeSet<String> {
    let code: String = source.lines().map(|line| line.split("//").next().unwrap_or("")).collect::<Vec<_>>().join("\n");
    let needle = format!("{prefix}::");
    let mut found = BTreeSet::new();
    for (place, _) in code.match_indices(&needle) {
        // `mycrate::x` is not `crate::x`.
        if code[..place].ends_with(|c: char| c.is_alphanumeric() || c == '_') {
            continue;
        }
        found.extend(first_names(&code[place + needle.len()..]));
    }
    found
}

/// The first names of a path: one for `a::b`, several for `{a::b, c::{d, e}}`.
fn first_names(path: &str) -> Vec<String> {
    let identifier = |text: &str| text.trim_start().chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect();
    let Some(group) = path.strip_prefix('{') else { return vec![identifier(path)] };
    let (mut depth, mut names, mut start) = (1, Vec::new(), 0);
    for (place, c) in group.char_indices() {
        match c {
            '{' => depth += 1,
            '}' => depth -= 1,
            _ => {}
        }
        if depth == 0 || (depth == 1 && c == ',') {
            names.push(identifier(&group[start..place]));
            start = place + 1;
        }
        if depth == 0 {
            break;
        }
    }
    names.retain(|name: &String| !name.is_empty());
    names
}

/// Every source file with the module it belongs to.
fn sources() -> Vec<(PathBuf, String, String)> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut found = Vec::new();
    let mut waiting = vec![root.clone()];
    while let Some(directory) = waiting.pop() {
        for entry in std::fs::read_dir(directory).expect("src").flatten() {
            let path = entry.path();
            if path.is_dir() {
                waiting.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                let inside = path.strip_prefix(&root).expect("below src").to_owned();
                let first = inside.components().next().expect("a name").as_os_str().to_string_lossy();
                let module = first.trim_end_matches(".rs").to_owned();
                let text = std::fs::read_to_string(&path).expect("source is UTF-8");
                found.push((inside, module, text));
            }
        }
    }
    assert!(found.len() > 20, "only {} files in src", found.len());
    found.sort();
    found
}

#[test]
fn imports_point_down_only() {
    let mut wrong = Vec::new();
    for (path, module, text) in sources() {
        // The binary names the library by its crate's name; `crate` there means the binary's own modules.
        let prefix = if matches!(module.as_str(), "cli" | "main") { "haul" } else { "crate" };
        for other in named(&text, prefix) {
            // A name in capitals is something re-exported at the root, which only the binary and the docs may use.
            if !may_know(&module, &other) {
                wrong.push(format!("src/{}: {module} may not know {prefix}::{other}", path.display()));
            }
        }
        // How many steps up stay within the module: one for src/a/b.rs, two for src/a/b/c.rs and src/a/b/c/mod.rs.
        let within = path.components().count() - 1 - usize::from(path.ends_with("mod.rs"));
        let outside_tests = text.split("#[cfg(test)]\nmod tests").next().unwrap_or("");
        if outside_tests.contains(&"super::".repeat(within + 1)) {
            wrong.push(format!("src/{}: say crate:: where super is the crate", path.display()));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn every_module_has_its_place_in_the_table() {
    let known: BTreeSet<&str> =
        BASE.into_iter().chain(MIDDLE).chain(JOBS).chain(["sys", "pool", "job", "lab", "cli", "main", "lib"]).collect();
    for (path, module, _) in sources() {
        assert!(known.contains(module.as_str()), "src/{} belongs to no layer", path.display());
    }
}

#[test]
fn no_module_outgrows_its_room() {
    let limit = 500;
    let mut wrong = Vec::new();
    for (path, _, text) in sources() {
        let lines = text.lines().count();
        if lines > limit {
            wrong.push(format!("src/{} has {lines} lines", path.display()));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn every_module_says_what_it_owns() {
    for (path, _, text) in sources() {
        assert!(text.starts_with("//!"), "src/{} does not open with //!", path.display());
    }
}

#[test]
fn the_test_itself_sees_what_it_should() {
    let source = "use crate::sys::{Stop, Sys};\nuse crate::{pool::Pool, plan::{A, B}, size};\n\
                  // crate::codec\nlet x = crate::tree::walk(); mycrate::job::y();";
    let expected = ["plan", "pool", "size", "sys", "tree"].map(String::from);
    assert_eq!(named(source, "crate"), BTreeSet::from(expected));
    assert!(
        !may_know("sys", "pool")
            && !may_know("tree", "engine")
            && !may_know("pool", "job")
            && !may_know("copy", "gzip")
            && !may_know("size", "sys")
    );
    assert!(may_know("job", "tree") && may_know("engine", "sys") && may_know("sys", "plan"));
}
