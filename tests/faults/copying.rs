//! Jobs of copy, and what is true of all of them: the source and what lies beside the target are as they were, what has
//! a final name is wholly the old one or wholly the new one, and exit 0 means that all of it is there.

use std::path::Path;

use crate::common::{Sandbox, make_fifo, noise, set_mode, set_mtime};
use crate::detail::{Details, below, details, differences, set_xattr, unlike};
use crate::scenario::{Ending, Scenario, Start, is_part, none};

const TREE_AGAIN: &[&str] = &["copy -T tree target", "copy -T --resume tree target"];
const FILE_AGAIN: &[&str] = &["copy file target", "copy --resume file target"];

pub const SCENARIOS: [Scenario; 17] = [
    Scenario {
        name: "a tree with a bit of everything",
        words: "copy tree target --engine read_write",
        again: TREE_AGAIN,
        furnish: furnish_everything,
        check: |sandbox, start, ending| check(sandbox, start, ending, "tree", "target"),
    },
    Scenario {
        name: "a part that is continued",
        words: "copy --resume tree target --engine read_write",
        again: TREE_AGAIN,
        furnish: |sandbox| {
            furnish_everything(sandbox);
            leave_part(sandbox);
        },
        check: |sandbox, start, ending| {
            check(sandbox, start, ending, "tree", "target")?;
            check_kept(sandbox, start, ending)
        },
    },
    Scenario {
        name: "a tree that the kernel copies",
        words: "copy tree target --engine copy_file_range",
        again: TREE_AGAIN,
        furnish: furnish_tree,
        check: |sandbox, start, ending| check(sandbox, start, ending, "tree", "target"),
    },
    Scenario {
        name: "a tree that joins another",
        words: "copy tree target --engine read_write",
        again: &["copy tree target", "copy --resume tree target"],
        furnish: |sandbox| {
            furnish_tree(sandbox);
            sandbox.write("target/tree/one", "older");
            sandbox.write("target/tree/kept/file", "kept");
            set_times(sandbox, &["target/tree/one", "target/tree/kept/file"]);
        },
        check: |sandbox, start, ending| check(sandbox, start, ending, "tree", "target/tree"),
    },
    Scenario {
        name: "a tree that joins one of the same names",
        words: "copy -T tree target --backup=existing",
        again: &["copy -T tree target --backup=existing", "copy -T --resume tree target --backup=existing"],
        furnish: |sandbox| {
            furnish_tree(sandbox);
            for name in ["one", "one.~3~", "sub/two", "sub/empty", "link"] {
                sandbox.write(format!("target/{name}"), "older");
                set_times(sandbox, &[&format!("target/{name}")]);
            }
        },
        check: |sandbox, start, ending| {
            check(sandbox, start, ending, "tree", "target")?;
            check_backup(sandbox, "target/one.~4~", &[b"older"], ending)?;
            check_backup(
                sandbox,
                "target/sub/two~",
                &[b"older", start.bytes("tree/sub/two").unwrap_or_default()],
                ending,
            )
        },
    },
    Scenario {
        name: "a group of hard links",
        words: "copy tree target --engine read_write",
        again: TREE_AGAIN,
        furnish: |sandbox| furnish_group(sandbox, "tree", 1),
        check: |sandbox, start, ending| check(sandbox, start, ending, "tree", "target"),
    },
    Scenario {
        name: "a group of hard links over its older copy",
        words: "copy -T tree target --engine read_write",
        again: &["copy -T tree target", "copy -T --resume tree target"],
        furnish: |sandbox| {
            furnish_group(sandbox, "tree", 1);
            furnish_group(sandbox, "target", 2);
            set_mtime(sandbox.path("target/a"), 1_000_000_000, 5);
        },
        check: |sandbox, start, ending| check(sandbox, start, ending, "tree", "target"),
    },
    Scenario {
        name: "a file that replaces a file",
        words: "copy file target --engine read_write --buffer 16K",
        again: FILE_AGAIN,
        furnish: furnish_older,
        check: check_file,
    },
    Scenario {
        name: "a file that replaces a file, with a backup",
        words: "copy --backup=simple file target",
        again: &["copy --backup=simple file target", "copy --backup=simple --resume file target"],
        furnish: furnish_older,
        check: |sandbox, start, ending| {
            check_file(sandbox, start, ending)?;
            let [older, source] = ["target", "file"].map(|name| start.bytes(name).unwrap_or_default());
            check_backup(sandbox, "target~", &[older, source], ending)
        },
    },
    Scenario {
        name: "a file that replaces a file, with one more backup",
        words: "copy --backup=numbered file target",
        again: &["copy --backup=numbered file target", "copy --backup=numbered --resume file target"],
        furnish: |sandbox| {
            furnish_older(sandbox);
            sandbox.write("target.~1~", "older still");
        },
        check: |sandbox, start, ending| {
            check_file(sandbox, start, ending)?;
            check_backup(sandbox, "target.~2~", &[start.bytes("target").unwrap_or_default()], ending)
        },
    },
    Scenario {
        name: "a file that replaces a file for good",
        words: "copy --sync=file file target",
        again: FILE_AGAIN,
        furnish: furnish_older,
        check: check_file,
    },
    Scenario {
        name: "a file that replaces a file and is read back",
        words: "copy --verify file target --buffer 16K",
        again: FILE_AGAIN,
        furnish: furnish_older,
        check: check_file,
    },
    Scenario {
        name: "a file that is mapped",
        words: "copy file target --engine mmap",
        again: FILE_AGAIN,
        furnish: furnish_file,
        check: check_file,
    },
    Scenario {
        name: "a file past the cache",
        words: "copy file target --engine direct --buffer 16K",
        again: FILE_AGAIN,
        furnish: furnish_file,
        check: check_file,
    },
    Scenario {
        name: "a file in whichever way is best",
        words: "copy file target --engine auto",
        again: FILE_AGAIN,
        furnish: furnish_sparse_file,
        check: check_file,
    },
    Scenario {
        name: "a file of many zeros",
        words: "copy --sparse=always file target --buffer 64K",
        again: &["copy --sparse=always file target", "copy --sparse=always --resume file target"],
        furnish: |sandbox| {
            let mut bytes = vec![0; 300_000];
            bytes[100_000..100_100].fill(1);
            sandbox.write("file", bytes);
            set_mtime(sandbox.path("file"), 1_234_567_890, 123_456_789);
        },
        check: check_file,
    },
    Scenario {
        name: "a tree of which the paths are made, for good",
        words: "copy --parents --sync=end tree/sub/two target",
        again: &[],
        furnish: |sandbox| {
            furnish_tree(sandbox);
            sandbox.make_directory("target");
        },
        check: check_parents,
    },
];

fn furnish_file(sandbox: &Sandbox) {
    set_mode(sandbox.write("file", noise(1, 50_000)), 0o640);
    set_xattr(sandbox.path("file"), "user.of", b"the source");
    set_mtime(sandbox.path("file"), 1_234_567_890, 123_456_789);
}

fn furnish_older(sandbox: &Sandbox) {
    furnish_file(sandbox);
    set_mode(sandbox.write("target", noise(9, 3_000)), 0o600);
    set_mtime(sandbox.path("target"), 1_000_000_000, 1);
}

fn furnish_sparse_file(sandbox: &Sandbox) {
    make_sparse(sandbox, "file");
    set_mtime(sandbox.path("file"), 1_234_567_890, 123_456_789);
}

fn make_sparse(sandbox: &Sandbox, name: &str) {
    use std::os::unix::fs::FileExt as _;
    let path = sandbox.write(name, "begin");
    let file = std::fs::File::options().write(true).open(path).expect("open");
    file.write_all_at(b"middle", 200_000).expect("write");
    file.set_len(400_000).expect("truncate");
}

fn furnish_tree(sandbox: &Sandbox) {
    sandbox.write("tree/one", noise(1, 20_000));
    set_mode(sandbox.write("tree/sub/two", noise(2, 100)), 0o600);
    sandbox.write("tree/sub/empty", "");
    sandbox.link("tree/link", "one");
    set_mode(sandbox.path("tree/sub"), 0o750);
    set_times(sandbox, &["tree/one", "tree/sub/two", "tree/sub/empty", "tree/link", "tree/sub", "tree"]);
    sandbox.write("beside", "beside");
    set_times(sandbox, &["beside"]);
}

fn furnish_everything(sandbox: &Sandbox) {
    furnish_tree(sandbox);
    std::fs::hard_link(sandbox.path("tree/sub/two"), sandbox.path("tree/twin")).expect("link");
    sandbox.write("tree/deep/er/still", noise(3, 5_000));
    make_fifo(sandbox.path("tree/sub/fifo"));
    make_sparse(sandbox, "tree/holes");
    sandbox.make_directory("tree/none");
    set_xattr(sandbox.path("tree/one"), "user.of", b"a file");
    set_xattr(sandbox.path("tree/deep"), "user.of", b"a directory");
    set_mode(sandbox.path("tree/deep/er"), 0o555);
    let made = ["tree/holes", "tree/deep/er/still", "tree/deep/er", "tree/deep", "tree/none", "tree/sub/fifo"];
    set_times(sandbox, &made);
    set_times(sandbox, &["tree/sub", "tree"]);
}

/// What a copy that died left behind: it is about half done.
fn leave_part(sandbox: &Sandbox) {
    let run = sandbox.haul("copy tree target --scheduler serial").env("HAUL_FAULTS", "90:exit").run();
    assert_eq!(run.status().code(), Some(137), "{}", run.err);
    assert!(sandbox.list("target.haul-part").len() > 1, "nothing to continue");
}

fn furnish_group(sandbox: &Sandbox, directory: &str, seed: u64) {
    sandbox.write(format!("{directory}/a"), noise(seed, 5_000));
    sandbox.make_directory(format!("{directory}/sub"));
    for name in ["b", "sub/c"] {
        std::fs::hard_link(sandbox.path(format!("{directory}/a")), sandbox.path(format!("{directory}/{name}")))
            .expect("link");
    }
    set_times(sandbox, &[&format!("{directory}/a"), &format!("{directory}/sub"), directory]);
}

fn set_times(sandbox: &Sandbox, names: &[&str]) {
    for (number, name) in names.iter().enumerate() {
        set_mtime(sandbox.path(name), 1_000_000_000 + number as i64, 42);
    }
}

/// The rules, for a copy of `source` to `target`.
fn check(sandbox: &Sandbox, start: &Start, ending: Ending, source: &str, target: &str) -> Result<(), String> {
    let now = details(sandbox.path(""));
    let elsewhere = |all: &Details| -> Details {
        let is = |name: &Path| name != Path::new("") && !name.to_string_lossy().starts_with("target") && !is_part(name);
        all.iter().filter(|(name, _)| is(name)).map(|(name, detail)| (name.clone(), detail.clone())).collect()
    };
    none(&differences(&elsewhere(&start.before), &elsewhere(&now)), "the source changed, or what lies beside it")?;
    let (source, older, made) = (below(&now, source), below(&start.before, target), below(&now, target));
    if let Some(name) = older.keys().find(|name| !made.contains_key(*name)) {
        return Err(format!("{} was there before and is gone: LOST", name.display()));
    }
    let is_backup = |name: &Path| name.to_string_lossy().ends_with('~');
    for (name, detail) in made.iter().filter(|(name, _)| !is_part(name) && !is_backup(name)) {
        let unlike = |one: &Details| match one.get(name) {
            None => vec!["it was not there".to_owned()],
            Some(one) => unlike(one, detail),
        };
        let (new, old) = (unlike(&source), unlike(&older));
        let is_directory = detail.kind == "directory" && [&source, &older].iter().any(|all| all.contains_key(name));
        let may_lack: &[&str] = match ending {
            Ending { failed_attributes: true, .. } => &["attributes", "mode", "owner", "mtime"],
            Ending { lost_attributes: true, .. } => &["attributes"],
            _ => &[],
        };
        let lacks_only_attributes = new.iter().all(|what| may_lack.iter().any(|field| what.starts_with(field)));
        if !new.is_empty() && !old.is_empty() && !is_directory && !lacks_only_attributes {
            return Err(format!("{} is a third thing: {new:?}, {old:?}", name.display()));
        }
    }
    if ending.complete {
        let mut copied = made;
        copied.retain(|name, _| source.contains_key(name) || (older.is_empty() && !is_part(name)));
        let mut found = differences(&source, &copied);
        found.retain(|what| !ending.lost_attributes || !what.contains(": attributes: "));
        none(&found, "exit 0, and the copy is not whole")?;
    }
    Ok(())
}

/// What an earlier run has done is still there, under one name or the other. A tree that is whole but for its name goes
/// when it cannot have that.
fn check_kept(sandbox: &Sandbox, start: &Start, ending: Ending) -> Result<(), String> {
    if sandbox.exists("target") || ending.unnamed {
        return Ok(());
    }
    let (source, part) = (below(&start.before, "tree"), below(&start.before, "target.haul-part"));
    let now = details(sandbox.path("target.haul-part"));
    let is_done = |name: &Path| source.get(name).is_some_and(|one| one.kind == "file" && one.mtime == part[name].mtime);
    let lost: Vec<_> = part.keys().filter(|name| is_done(name) && !now.contains_key(*name)).collect();
    if lost.is_empty() { Ok(()) } else { Err(format!("what was done is gone: {lost:?}")) }
}

fn check_file(sandbox: &Sandbox, start: &Start, ending: Ending) -> Result<(), String> {
    check(sandbox, start, ending, "file", "target")?;
    let dense = start.bytes("file").is_some_and(|bytes| bytes.starts_with(&[0; 100]));
    if ending.complete && dense && !details(sandbox.path("target"))[Path::new("")].has_holes {
        return Err("exit 0, and the zeros are not holes".to_owned());
    }
    Ok(())
}

/// A backup is what was replaced: the older one, or what an earlier run made of the source.
fn check_backup(sandbox: &Sandbox, name: &str, allowed: &[&[u8]], ending: Ending) -> Result<(), String> {
    match sandbox.exists(name).then(|| sandbox.read(name)) {
        Some(bytes) if !allowed.contains(&&bytes[..]) => Err(format!("{name} is not what was replaced")),
        None if ending.complete => Err(format!("exit 0 without {name}")),
        _ => Ok(()),
    }
}

fn check_parents(sandbox: &Sandbox, start: &Start, ending: Ending) -> Result<(), String> {
    check(sandbox, start, Ending { complete: false, ..ending }, "", "target")?;
    if !ending.complete {
        return Ok(());
    }
    let (source, made) = (details(sandbox.path("tree")), details(sandbox.path("target/tree")));
    let wanted: Details = ["", "sub", "sub/two"].map(|name| (name.into(), source[Path::new(name)].clone())).into();
    let mut found = differences(&wanted, &made);
    found.retain(|what| !ending.lost_attributes || !what.contains(": attributes: "));
    none(&found, "exit 0, and the copy is not whole")
}
