//! Trees: one with everything awkward in it, and a comparison that sees contents, kinds, modes, owners and times.

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::os::unix::ffi::{OsStrExt as _, OsStringExt as _};
use std::os::unix::fs::{FileExt as _, FileTypeExt as _, MetadataExt as _};
use std::path::{Path, PathBuf};

use super::{Sandbox, make_fifo, noise, prose, sample, set_mode, set_mtime};

/// All that a copy must keep of one entry.
#[derive(Clone, PartialEq, Eq)]
pub struct Node {
    pub kind: &'static str,
    pub mode: u32,
    pub owner: (u32, u32),
    pub mtime: (i64, i64),
    /// A file's contents, a link's text.
    pub bytes: Vec<u8>,
}

/// A tree, by paths relative to its root, which is "".
pub type Snapshot = BTreeMap<PathBuf, Node>;

/// Looks at `root` and all below it, following no link.
pub fn snapshot(root: impl AsRef<Path>) -> Snapshot {
    let mut nodes = BTreeMap::new();
    look(root.as_ref(), Path::new(""), &mut nodes);
    nodes
}

fn look(path: &Path, name: &Path, nodes: &mut Snapshot) {
    let metadata = std::fs::symlink_metadata(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    let kind = metadata.file_type();
    let (kind, bytes) = if kind.is_dir() {
        for entry in std::fs::read_dir(path).expect("list").flatten() {
            look(&entry.path(), &name.join(entry.file_name()), nodes);
        }
        ("directory", Vec::new())
    } else if kind.is_symlink() {
        ("link", std::fs::read_link(path).expect("a link's text").into_os_string().into_vec())
    } else if kind.is_fifo() {
        ("fifo", Vec::new())
    } else {
        assert!(kind.is_file(), "{}", path.display());
        ("file", std::fs::read(path).unwrap_or_else(|error| panic!("{}: {error}", path.display())))
    };
    let node = Node {
        kind,
        mode: metadata.mode() & 0o7777,
        owner: (metadata.uid(), metadata.gid()),
        mtime: (metadata.mtime(), metadata.mtime_nsec()),
        bytes,
    };
    nodes.insert(name.to_owned(), node);
}

/// Fails with a list of what differs.
#[track_caller]
pub fn assert_same(expected: &Snapshot, actual: &Snapshot, what: &str) {
    let found = differences(expected, actual);
    let first = found[..found.len().min(12)].join("\n");
    assert!(found.is_empty(), "{what}: {} differences:\n{first}", found.len());
}

/// What differs, a line each.
pub fn differences(expected: &Snapshot, actual: &Snapshot) -> Vec<String> {
    let mut found = Vec::new();
    for (name, one) in expected {
        let Some(other) = actual.get(name) else {
            found.push(format!("{name:?} is missing"));
            continue;
        };
        let fields = [
            ("kind", one.kind == other.kind, format!("{} became {}", one.kind, other.kind)),
            ("mode", one.mode == other.mode, format!("{:o} became {:o}", one.mode, other.mode)),
            ("owner", one.owner == other.owner, format!("{:?} became {:?}", one.owner, other.owner)),
            ("mtime", one.mtime == other.mtime, format!("{:?} became {:?}", one.mtime, other.mtime)),
            ("bytes", one.bytes == other.bytes, format!("{} became {} long", one.bytes.len(), other.bytes.len())),
        ];
        found.extend(fields.iter().filter(|field| !field.1).map(|field| format!("{name:?}: {}: {}", field.0, field.2)));
    }
    found.extend(actual.keys().filter(|name| !expected.contains_key(*name)).map(|name| format!("{name:?} is new")));
    found
}

/// The same without what changes when something happens inside a directory: its time.
pub fn without_directory_times(mut nodes: Snapshot) -> Snapshot {
    for node in nodes.values_mut().filter(|node| node.kind == "directory") {
        node.mtime = (0, 0);
    }
    nodes
}

/// A name that is not UTF-8.
pub const LATIN1: &[u8] = b"caf\xe9";

/// Makes a tree with everything awkward: names, modes, times, links, a FIFO, holes, sizes around the usual limits.
pub fn make_awkward_tree(sandbox: &Sandbox, root: &str) {
    let file = |name: &OsStr, bytes: &[u8]| sandbox.write(Path::new(root).join(name), bytes);
    let place = |name: &str| sandbox.path(root).join(name);
    for name in super::SAMPLES {
        file(OsStr::new(name), &sample(name));
    }
    file(OsStr::new("with space"), b"space");
    file(OsStr::new("new\nline"), b"newline");
    file(OsStr::new("-dash"), b"dash");
    file(OsStr::new("*?[glob]"), b"glob");
    file(OsStr::from_bytes(LATIN1), b"latin 1");
    file(OsStr::new(&"n".repeat(255)), b"the longest name there can be");
    file(OsStr::new("sub/deep/er/still/file"), b"deep");
    for number in 0..40 {
        file(OsStr::new(&format!("many/{number:02}")), &prose(number, 37 * number as usize));
    }
    for length in [4095, 4096, 4097, 131_072, 1_048_577] {
        file(OsStr::new(&format!("length-{length}")), &noise(length as u64, length));
    }
    let sparse = std::fs::File::create(place("sparse")).expect("create");
    sparse.write_all_at(b"begin", 0).expect("write");
    sparse.write_all_at(b"middle", 1 << 20).expect("write");
    sparse.set_len(3 << 20).expect("truncate");
    drop(sparse);
    std::fs::create_dir(place("empty directory")).expect("mkdir");
    for (name, text) in [("to-file", "gpl-3.txt"), ("to-directory", "sub"), ("dangling", "no/such"), ("up", "../..")] {
        sandbox.link(&format!("{root}/{name}"), text);
        set_mtime(place(name), 1_111_111_111, 111_111_111);
    }
    make_fifo(place("fifo"));
    set_mtime(place("fifo"), 1_000_000_007, 7);

    for (name, mode) in [
        ("gpl-3.txt", 0o600),
        ("source.rs", 0o444),
        ("program", 0o755),
        ("one-byte", 0o400),
        ("many/00", 0o640),
        ("empty", 0o666),
    ] {
        set_mode(place(name), mode);
    }
    set_mtime(place("gpl-3.txt"), 1_234_567_890, 123_456_789);
    set_mtime(place("source.rs"), 0, 1);
    set_mtime(place("program"), -86_400, 999_999_999); // the last day of 1969
    set_mtime(place("empty"), 4_000_000_000, 500_000_000); // past 2038 and 32 unsigned bits are not far
    // From the deepest up, since a change below would touch the time again.
    for (number, name) in
        ["sub/deep/er/still", "sub/deep/er", "sub/deep", "sub", "many", "empty directory", ""].iter().enumerate()
    {
        let path = if name.is_empty() { sandbox.path(root) } else { place(name) };
        set_mtime(&path, 900_000_000 + number as i64, 1 + number as i64);
    }
    set_mode(place("sub/deep"), 0o750);
    set_mode(place("empty directory"), 0o700);
    // A directory that nobody may write to, whose contents must get into the copy all the same.
    set_mode(place("many"), 0o555);
}
