//! Trees: one with everything awkward in it, and a comparison that sees all that a copy must keep.

use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::{OsStrExt as _, OsStringExt as _};
use std::os::unix::fs::{FileExt as _, FileTypeExt as _, MetadataExt as _};
use std::path::{Path, PathBuf};

use super::attributes::{Attributes, attributes, read_acl, set_attribute};
use super::{Sandbox, make_device, make_fifo, make_socket, noise, prose, sample, set_mode, set_mtime};

/// All that a copy must keep of one entry.
#[derive(Clone)]
pub struct Node {
    pub kind: &'static str,
    pub mode: u32,
    pub owner: (u32, u32),
    pub mtime: (i64, i64),
    /// Only where it was asked for: whoever reads a file may change it.
    pub atime: Option<(i64, i64)>,
    /// A device's number.
    pub device: u64,
    /// A file's contents, a link's text.
    pub bytes: Vec<u8>,
    /// Whether it takes less room than its length; only where it was asked for, since file systems differ.
    pub is_sparse: Option<bool>,
    /// Extended attributes, ACLs and capabilities among them.
    pub attributes: Attributes,
    /// Which file it is: device and inode. Compared is which names are one file, not which it is.
    pub file: (u64, u64),
}

/// A tree, by paths relative to its root, which is "".
pub type Snapshot = BTreeMap<PathBuf, Node>;

/// What is looked at only where it is asked for.
#[derive(Clone, Copy, Default)]
pub struct Extra {
    pub atime: bool,
    pub holes: bool,
}

/// Looks at `root` and all below it, following no link.
pub fn snapshot(root: impl AsRef<Path>) -> Snapshot {
    snapshot_with(root, Extra::default())
}

pub fn snapshot_with(root: impl AsRef<Path>, extra: Extra) -> Snapshot {
    let mut nodes = BTreeMap::new();
    look(root.as_ref(), Path::new(""), extra, &mut nodes);
    nodes
}

fn look(path: &Path, name: &Path, extra: Extra, nodes: &mut Snapshot) {
    let metadata = std::fs::symlink_metadata(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    let kind = metadata.file_type();
    let (kind, bytes) = if kind.is_dir() {
        for entry in std::fs::read_dir(path).expect("list").flatten() {
            look(&entry.path(), &name.join(entry.file_name()), extra, nodes);
        }
        ("directory", Vec::new())
    } else if kind.is_symlink() {
        ("link", std::fs::read_link(path).expect("a link's text").into_os_string().into_vec())
    } else if kind.is_fifo() {
        ("fifo", Vec::new())
    } else if kind.is_socket() {
        ("socket", Vec::new())
    } else if kind.is_char_device() {
        ("character device", Vec::new())
    } else if kind.is_block_device() {
        ("block device", Vec::new())
    } else {
        ("file", std::fs::read(path).unwrap_or_else(|error| panic!("{}: {error}", path.display())))
    };
    let node = Node {
        kind,
        mode: metadata.mode() & 0o7777,
        owner: (metadata.uid(), metadata.gid()),
        mtime: (metadata.mtime(), metadata.mtime_nsec()),
        atime: extra.atime.then(|| (metadata.atime(), metadata.atime_nsec())),
        device: metadata.rdev(),
        is_sparse: (extra.holes && kind == "file").then(|| metadata.blocks() * 512 < metadata.size()),
        attributes: attributes(path),
        bytes,
        file: (metadata.dev(), metadata.ino()),
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
    let (first_names, actual_first_names) = (first_names(expected), first_names(actual));
    for (name, one) in expected {
        let Some(other) = actual.get(name) else {
            found.push(format!("{name:?} is missing"));
            continue;
        };
        let (twin, actual_twin) = (first_names[&one.file], actual_first_names[&other.file]);
        let fields = [
            ("kind", one.kind == other.kind, format!("{} became {}", one.kind, other.kind)),
            ("mode", one.mode == other.mode, format!("{:o} became {:o}", one.mode, other.mode)),
            ("owner", one.owner == other.owner, format!("{:?} became {:?}", one.owner, other.owner)),
            ("mtime", one.mtime == other.mtime, format!("{:?} became {:?}", one.mtime, other.mtime)),
            ("atime", one.atime == other.atime, format!("{:?} became {:?}", one.atime, other.atime)),
            ("device", one.device == other.device, format!("{:#x} became {:#x}", one.device, other.device)),
            ("bytes", one.bytes == other.bytes, format!("{} became {} long", one.bytes.len(), other.bytes.len())),
            ("holes", one.is_sparse == other.is_sparse, format!("{:?} became {:?}", one.is_sparse, other.is_sparse)),
            ("attributes", one.attributes == other.attributes, changes(&one.attributes, &other.attributes)),
            ("hard links", twin == actual_twin, format!("one file with {twin:?} became one with {actual_twin:?}")),
        ];
        found.extend(fields.iter().filter(|field| !field.1).map(|field| format!("{name:?}: {}: {}", field.0, field.2)));
    }
    found.extend(actual.keys().filter(|name| !expected.contains_key(*name)).map(|name| format!("{name:?} is new")));
    found
}

/// The first name that each file has in a tree: two names are one file where it is the same.
fn first_names(nodes: &Snapshot) -> BTreeMap<(u64, u64), &Path> {
    let mut first = BTreeMap::new();
    for (name, node) in nodes {
        first.entry(node.file).or_insert(name.as_path());
    }
    first
}

fn changes(one: &Attributes, other: &Attributes) -> String {
    let shown = |(name, value): (&OsString, &Vec<u8>)| match read_acl(value) {
        Some(acl) if name.as_bytes().starts_with(b"system.posix_acl") => format!("{}={acl}", name.display()),
        _ => format!("{}={}", name.display(), value[..value.len().min(40)].escape_ascii()),
    };
    let only = |one: &Attributes, other: &Attributes| {
        let differ = one.iter().filter(|(name, value)| other.get(*name) != Some(*value));
        differ.map(shown).collect::<Vec<_>>().join(", ")
    };
    format!("{{{}}} became {{{}}}", only(one, other), only(other, one))
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

/// Makes a tree with everything awkward: names, modes, times, links of both kinds, what has no content, holes, sizes
/// around the usual limits, and where the file system has them, extended attributes and ACLs.
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
    make_socket(place("socket"));
    set_mtime(place("socket"), 1_000_000_009, 9);
    // Without an end: who reads it hangs.
    if make_device(place("device"), "/dev/zero") {
        set_mode(place("device"), 0o640);
        set_mtime(place("device"), 1_000_000_011, 11);
    }
    for (name, other) in [
        ("length-4096", "same-directory"),
        ("many/01", "sub/from-many"),
        ("many/01", "sub/deep/er/still/from-many"),
        ("empty", "sub/deep/empty-too"),
        ("sparse", "sub/sparse-too"),
        ("to-file", "sub/to-file-too"),
        ("fifo", "sub/deep/fifo-too"),
    ] {
        std::fs::hard_link(place(name), place(other)).expect("a hard link");
    }
    make_attributes(&place);

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

/// Extended attributes and ACLs on files and directories, as far as the file system has any.
fn make_attributes(place: &dyn Fn(&str) -> PathBuf) {
    let long = noise(3, 1_500);
    for (name, attribute, value) in [
        ("gpl-3.txt", "user.origin", &b"https://www.gnu.org/"[..]),
        ("gpl-3.txt", "user.empty", b""),
        ("one-byte", "user.binary", b"\0\xff\n"), // in a file that nobody may write to
        ("length-131072", "user.long", &long),
        ("sub/from-many", "user.shared", b"by all its names"),
        ("sub", "user.on.a.directory", b"yes"),
        ("many", "user.read-only.directory", b"yes"),
        ("", "user.top", b"the tree itself"),
    ] {
        set_attribute(place(name), attribute, value);
    }
    for (name, attribute, entries) in [
        ("program", "access", "u::rwx u:1234:r-x g::r-x m::r-x o::r-x"),
        ("length-4097", "access", "u::rw- u:1234:rw- g::--- g:4321:r-- m::rw- o::---"),
        ("sub", "access", "u::rwx u:1234:rwx g::r-x m::rwx o::r-x"),
        ("sub", "default", "u::rwx u:1234:r-x g::r-x m::r-x o::---"),
        ("sub/deep/er", "default", "u::rwx g::--- o::---"),
        ("fifo", "access", "u::rw- u:1234:rw- g::r-- m::rw- o::---"),
    ] {
        super::attributes::set_acl(place(name), attribute, entries);
    }
}
