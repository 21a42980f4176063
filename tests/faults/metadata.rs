//! What becomes of a file when owner, mode, times, attributes or ACLs of its copy cannot be set: the bytes are under the
//! final name, what is said is what the table of `src/tree/trouble.rs` says, and a second run makes it complete.

use std::fmt::Write as _;
use std::os::unix::fs::lchown;
use std::path::{Path, PathBuf};

use rustix::io::Errno;

use crate::common::attributes::{set_acl, set_attribute};
use crate::common::{NOBODY, Run, Sandbox, is_root, make_fifo, noise, prose, set_mode, set_mtime};
use crate::detail::{Details, below, details, differences};
use crate::scenario::{is_part, one_worker};

/// A job that nothing stands in the way of, and how its end is looked at.
struct Case {
    words: &'static str,
    /// The command that completes it.
    again: &'static str,
    furnish: fn(&Sandbox),
    /// The source, and what is to be like it.
    sides: (&'static str, &'static str),
    /// The kinds of calls that it must make where the machine has all that is kept.
    makes: &'static str,
}

const ERRNOS: [(&str, Errno); 7] = [
    ("EPERM", Errno::PERM),
    ("ENOSYS", Errno::NOSYS),
    ("EINVAL", Errno::INVAL),
    ("EIO", Errno::IO),
    ("EROFS", Errno::ROFS),
    ("EDQUOT", Errno::DQUOT),
    ("EACCES", Errno::ACCESS),
];

/// What a run said of the one thing that failed.
#[derive(Debug, PartialEq, Eq)]
enum Said {
    Nothing,
    Warned,
    Failed,
}

/// The letters of the calls in question: owner, permission bits, times; lists, gets, sets, removes an attribute.
const LETTERS: &str = "optlgsx";

macro_rules! cases {
    ($($test:ident: $case:expr,)*) => {
        $(#[test]
        fn $test() {
            $case.for_every_kind_of_call(stringify!($test));
        })*
    };
}

cases! {
    a_new_file_keeps_its_bytes: Case {
        words: "copy file target", again: "copy file target", furnish: |sandbox| make_file(sandbox, "file"),
        sides: ("file", "target"), makes: "optlgs",
    },
    a_file_over_an_older_one_keeps_its_bytes: Case {
        words: "copy file target", again: "copy file target", sides: ("file", "target"), makes: "optlgs",
        furnish: |sandbox| {
            make_file(sandbox, "file");
            sandbox.write("target", "older");
        },
    },
    a_file_that_is_written_in_place_keeps_its_bytes: Case {
        words: "copy file target", again: "copy file target", sides: ("file", "target"), makes: "optlgs",
        furnish: |sandbox| {
            make_file(sandbox, "file");
            std::fs::hard_link(sandbox.write("target", "older"), sandbox.path("other name")).expect("link");
        },
    },
    a_file_that_only_gets_attributes_keeps_its_bytes: Case {
        words: "copy --attributes-only file target", again: "copy --attributes-only file target",
        sides: ("file", "target"), makes: "optlgs",
        furnish: |sandbox| {
            make_file(sandbox, "file");
            sandbox.write("target", sandbox.read("file"));
        },
    },
    a_new_tree_keeps_its_bytes: Case {
        words: "copy -T tree target --engine read_write", again: "copy -T tree target", furnish: |sandbox| make_tree(sandbox, "tree"),
        sides: ("tree", "target"), makes: "optlgs",
    },
    a_tree_that_joins_another_keeps_its_bytes: Case {
        words: "copy -T tree target --engine read_write", again: "copy -T tree target", sides: ("tree", "target"), makes: "optlgsx",
        furnish: |sandbox| {
            make_tree(sandbox, "tree");
            sandbox.write("target/sub/deep", "older");
            set_acl(sandbox.path("target"), "default", "u::rwx u:1234:rwx g::rwx m::rwx o::rwx");
        },
    },
    a_tree_that_was_copied_before_keeps_its_bytes: Case {
        words: "copy --resume -T tree target", again: "copy --resume -T tree target", sides: ("tree", "target"),
        makes: "optlgsx",
        furnish: |sandbox| {
            make_tree(sandbox, "tree");
            sandbox.haul("copy -T tree target").run().ok();
        },
    },
    a_tree_below_paths_that_are_made_keeps_its_bytes: Case {
        words: "copy --parents tree/sub target --engine read_write", again: "copy --parents tree/sub target",
        sides: ("tree/sub", "target/tree/sub"), makes: "optlgs",
        furnish: |sandbox| {
            make_tree(sandbox, "tree");
            sandbox.make_directory("target");
        },
    },
    a_group_of_hard_links_keeps_its_bytes: Case {
        words: "copy -T tree target --engine read_write", again: "copy -T tree target", sides: ("tree", "target"), makes: "optlgs",
        furnish: |sandbox| {
            make_file(sandbox, "tree/a");
            for name in ["b", "c"] {
                std::fs::hard_link(sandbox.path("tree/a"), sandbox.path("tree").join(name)).expect("link");
            }
        },
    },
    special_files_are_made_all_the_same: Case {
        words: "copy -T tree target", again: "copy -T tree target",
        sides: ("tree", "target"), makes: "optlgsx",
        furnish: |sandbox| {
            make_others(sandbox, "tree");
            sandbox.make_directory("target");
            set_acl(sandbox.path("target"), "default", "u::rwx u:1234:rwx g::rwx m::rwx o::rwx");
        },
    },
    a_compressed_file_keeps_its_bytes: Case {
        words: "gzip file", again: "gzip -f file", furnish: |sandbox| make_file(sandbox, "file"),
        sides: ("file", "file.gz"), makes: "optlgs",
    },
    a_file_that_is_compressed_elsewhere_keeps_its_bytes: Case {
        words: "gzip -rk tree --output-dir target", again: "gzip -rkf tree --output-dir target",
        sides: ("tree/file", "target/tree/file.gz"), makes: "optlgsx",
        furnish: |sandbox| {
            make_file(sandbox, "tree/file");
            sandbox.make_directory("target");
            set_acl(sandbox.path("target"), "default", "u::rwx u:1234:rwx g::rwx m::rwx o::rwx");
        },
    },
    a_decompressed_file_keeps_its_bytes: Case {
        words: "gunzip file.gz", again: "gunzip -f file.gz", sides: ("file.gz", "file"), makes: "optlgs",
        furnish: |sandbox| {
            make_file(sandbox, "file");
            sandbox.haul("gzip file").run().ok();
        },
    },
}

/// A file with all that is kept beside the bytes. Its mode is not that of a new one.
fn make_file(sandbox: &Sandbox, name: &str) {
    let path = sandbox.write(name, prose(1, 20_000));
    set_attribute(&path, "user.of", b"the source");
    set_mode(&path, 0o604);
    set_acl(&path, "access", "u::rw- u:1234:r-- g::--- m::r-- o::r--");
    give(&path);
    set_mtime(path, 1_234_567_890, 123_456_789);
}

fn give(path: &Path) {
    if is_root() {
        lchown(path, Some(NOBODY), Some(NOBODY)).expect("chown");
    }
}

fn make_others(sandbox: &Sandbox, root: &str) {
    sandbox.make_directory(root);
    let fifo = sandbox.path(root).join("fifo");
    make_fifo(&fifo);
    set_acl(&fifo, "access", "u::rw- u:1234:r-- g::--- m::r-- o::---");
    sandbox.link(&format!("{root}/link"), "fifo");
    for name in ["fifo", "link"] {
        give(&sandbox.path(root).join(name));
        set_mtime(sandbox.path(root).join(name), 1_000_000_000, 42);
    }
}

fn make_tree(sandbox: &Sandbox, root: &str) {
    make_others(sandbox, root);
    make_file(sandbox, &format!("{root}/file"));
    set_mode(sandbox.write(format!("{root}/sub/deep"), noise(2, 300)), 0o660);
    let sub = sandbox.path(root).join("sub");
    set_attribute(&sub, "user.of", b"a directory");
    set_acl(&sub, "default", "u::rwx u:5678:rwx g::--- m::rwx o::---");
    set_mode(&sub, 0o750);
    give(&sub);
    for name in ["sub/deep", "sub", ""] {
        set_mtime(sandbox.path(root).join(name), 1_100_000_000, 7);
    }
}

impl Case {
    /// Every errno at the first call of each kind, and two at the last.
    fn for_every_kind_of_call(&self, name: &str) {
        let kinds = self.kinds();
        let (mut wrong, mut tried) = (String::new(), 0);
        for letter in LETTERS.chars() {
            let (first, last) = (kinds.find(letter), kinds.rfind(letter));
            if first.is_none() && self.makes.contains(letter) {
                crate::common::skip_once(&format!("calls of kind {letter} are not made here"));
            }
            let ends = first.into_iter().flat_map(|k| ERRNOS.map(|errno| (k, errno)));
            let ends =
                ends.chain(last.filter(|_| first != last).into_iter().flat_map(|k| [(k, ERRNOS[0]), (k, ERRNOS[5])]));
            for (k, errno) in ends {
                tried += 1;
                if let Err(why) = self.attempt(k + 1, letter, errno) {
                    let _ = writeln!(wrong, "call {} ({letter} in {kinds}), {}: {why}", k + 1, errno.0);
                }
            }
        }
        let _ = std::io::Write::write_fmt(&mut std::io::stderr(), format_args!("faults: {name}: {tried} cases\n"));
        assert!(wrong.is_empty(), "{}:\n{wrong}", self.words);
    }

    /// What calls the job makes when nothing goes wrong.
    fn kinds(&self) -> String {
        let (sandbox, elsewhere) = (Sandbox::new(), Sandbox::new());
        (self.furnish)(&sandbox);
        let before = details(sandbox.path(""));
        let seen = elsewhere.path("seen");
        let run = Self::haul(&sandbox, self.words).env("HAUL_FAULTS", "0:EIO").env("HAUL_FAULTS_SEEN", seen).run();
        run.ok().silent();
        self.check(&sandbox, &before, true).unwrap_or_else(|why| panic!("{} without a fault: {why}", self.words));
        let seen = String::from_utf8(elsewhere.read("seen")).expect("letters");
        seen.split(' ').nth(1).expect("letters").to_owned()
    }

    fn haul(sandbox: &Sandbox, words: &str) -> crate::common::run::Haul {
        sandbox.haul(format!("{words} {}", one_worker(words)))
    }

    fn attempt(&self, k: usize, letter: char, (name, errno): (&str, Errno)) -> Result<(), String> {
        let sandbox = Sandbox::new();
        (self.furnish)(&sandbox);
        let before = details(sandbox.path(""));
        let run = Self::haul(&sandbox, self.words).env("HAUL_FAULTS", format!("{k}:{name}")).run();
        let said = said(&run, errno)?;
        let expected = expected(letter, errno, &run.err);
        // What is asked again, or need not be removed, is not a loss: then nothing is missing.
        let is_tried_otherwise = "lgx".contains(letter) || (letter, errno) == ('t', Errno::INVAL);
        let may_be_silent = is_tried_otherwise || expected == Said::Nothing;
        if said != expected && !(said == Said::Nothing && may_be_silent) {
            return Err(format!("{said:?} instead of {expected:?}: {:?}", run.err));
        }
        let is_whole = said == Said::Nothing && letter != 'o';
        self.check(&sandbox, &before, is_whole).map_err(|why| format!("{why}; said {:?}", run.err))?;
        self.check_source(&sandbox, &before, &said)?;
        if self.is_copy() || said == Said::Failed {
            let again = Self::haul(&sandbox, self.again).run();
            if !again.succeeded() || !again.err.is_empty() {
                return Err(format!("then '{}': {} {:?}", self.again, again.status(), again.err));
            }
            self.check(&sandbox, &before, true).map_err(|why| format!("then '{}': {why}", self.again))?;
        }
        Ok(())
    }

    fn is_copy(&self) -> bool {
        self.words.starts_with("copy")
    }

    /// The bytes are there, and nothing has a temporary name; if it is whole, all else is there too.
    fn check(&self, sandbox: &Sandbox, before: &Details, is_whole: bool) -> Result<(), String> {
        let now = details(sandbox.path(""));
        if let Some(left) = now.keys().find(|name| is_part(name)) {
            return Err(format!("{} is left", left.display()));
        }
        let (mut source, mut target) = (below(before, self.sides.0), below(&now, self.sides.1));
        if self.words.contains("/fifo") {
            // The directories themselves are not copied.
            source.remove(Path::new(""));
            target.remove(Path::new(""));
        }
        // A file that is written in place has other names.
        for file in [&mut source, &mut target].into_iter().filter_map(|side| side.get_mut(Path::new(""))) {
            file.twin = PathBuf::new();
        }
        if !self.is_copy() {
            let (one, other) = (Self::bytes(sandbox, before, self.sides.0), Self::bytes(sandbox, &now, self.sides.1));
            if one != other {
                return Err("the bytes are others".to_owned());
            }
            for side in [&mut source, &mut target] {
                for detail in side.values_mut() {
                    detail.bytes.clear();
                }
            }
        }
        let mut found = differences(&source, &target);
        if !is_whole {
            let is_metadata = |what: &str| {
                ["mode", "owner", "mtime", "attributes", "one file with"]
                    .iter()
                    .any(|f| what.contains(&format!(": {f}")))
            };
            found.retain(|what| !is_metadata(what));
            found.extend(wider(&source, &target));
        }
        if found.is_empty() { Ok(()) } else { Err(format!("{found:?}")) }
    }

    /// What is in a file, compressed or not.
    fn bytes(sandbox: &Sandbox, all: &Details, name: &str) -> Vec<u8> {
        let bytes = all.get(Path::new(name)).map(|detail| detail.bytes.clone()).unwrap_or_default();
        if Path::new(name).extension().is_some_and(|end| end == "gz") {
            sandbox.haul("gunzip").input(bytes).run().ok().out
        } else {
            bytes
        }
    }

    /// A source goes if nothing failed, and else stays.
    fn check_source(&self, sandbox: &Sandbox, before: &Details, said: &Said) -> Result<(), String> {
        let is_removed = !self.is_copy() && !self.words.contains("-rk") && *said != Said::Failed;
        let (name, now) = (PathBuf::from(self.sides.0), details(sandbox.path(self.sides.0)));
        match (is_removed, now.is_empty()) {
            (true, true) => Ok(()),
            (false, false) if now == below(before, &name) => Ok(()),
            _ => Err(format!("the source is wrong: removed {is_removed}, gone {}", now.is_empty())),
        }
    }
}

/// Files of which the group may do more than before: it may not, whatever was lost.
fn wider(source: &Details, target: &Details) -> Vec<String> {
    let acl = |detail: &crate::detail::Detail| {
        detail.xattrs.get(std::ffi::OsStr::new("system.posix_acl_access")).map(|acl| group_entry(acl))
    };
    let group = |detail: &crate::detail::Detail| acl(detail).unwrap_or(detail.mode >> 3 & 7);
    let files = source.iter().filter(|(_, detail)| detail.kind == "file");
    let both = files.filter_map(|(name, one)| target.get(name).map(|other| (name, one, other)));
    both.filter(|(_, one, other)| group(other) & !group(one) != 0)
        .map(|(name, one, other)| format!("{}: the group may {:o}, not {:o}", name.display(), group(other), group(one)))
        .collect()
}

/// What an ACL's entry for the group says, under its mask.
fn group_entry(acl: &[u8]) -> u32 {
    let rights = |tag: u8| acl[4..].chunks(8).find(|entry| entry[0] == tag).map_or(7, |entry| u32::from(entry[2]));
    rights(4) & rights(16)
}

/// What a run said: one line at most, of this errno, and the exit code that goes with it.
fn said(run: &Run, errno: Errno) -> Result<Said, String> {
    let text = std::io::Error::from(errno).to_string();
    let cause = text.split(" (os error").next().unwrap_or_default();
    let of_cause = |line: &str| line.contains(&format!(": {cause}"));
    // The failures are told again at the end, if there were several files.
    let is_recap = |line: &str| line.starts_with("haul:   ") || line.ends_with(" files failed:");
    let lines: Vec<_> = run.err.lines().filter(|line| !is_recap(line)).collect();
    match (&lines[..], run.status().code()) {
        ([], Some(0)) => Ok(Said::Nothing),
        ([line], Some(0)) if line.contains("the rest of it is kept") && of_cause(line) => Ok(Said::Warned),
        ([line], Some(1)) if line.starts_with("haul: cannot keep the attributes of '") && of_cause(line) => {
            Ok(Said::Failed)
        }
        _ => Err(format!("{}: {:?}", run.status(), run.err)),
    }
}

/// What the table says; which attribute it was is read from what was said.
fn expected(letter: char, errno: Errno, line: &str) -> Said {
    let is_privileged = ["trusted.", "security.", "system."].iter().any(|space| line.contains(&format!("'{space}")));
    match (letter, errno) {
        ('o', Errno::PERM | Errno::INVAL) => {
            if is_root() {
                Said::Warned
            } else {
                Said::Nothing
            }
        }
        ('o' | 'p' | 't', _) => Said::Failed,
        (_, Errno::NOSYS) => Said::Warned,
        (_, Errno::PERM) if is_privileged => Said::Warned,
        _ => Said::Failed,
    }
}

/// One that has many names has them all, or says why not, when its identity cannot be told.
#[test]
fn a_file_with_many_names_stays_when_it_cannot_be_looked_at() {
    let furnish = |sandbox: &Sandbox| {
        make_file(sandbox, "tree/a");
        std::fs::hard_link(sandbox.path("tree/a"), sandbox.path("tree/b")).expect("link");
        make_fifo(sandbox.path("tree/c"));
        std::fs::hard_link(sandbox.path("tree/c"), sandbox.path("tree/d")).expect("link");
    };
    let mut told = 0;
    for k in 1..=120 {
        let sandbox = Sandbox::new();
        furnish(&sandbox);
        let plan = format!("{k}:EDQUOT");
        let run = sandbox
            .haul(format!("copy -T tree target --engine read_write {}", one_worker("copy")))
            .env("HAUL_FAULTS", plan)
            .run();
        if run.err.contains("cannot link other names to '") {
            told += 1;
            assert_eq!(sandbox.list("target").len(), 4, "call {k}: {}", run.err);
            assert_eq!(sandbox.read("target/a"), sandbox.read("tree/b"), "call {k}");
            assert_eq!(run.status().code(), Some(1), "call {k}: {}", run.err);
        }
    }
    assert_eq!(told, 2, "the file and the FIFO");
}
