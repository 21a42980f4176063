//! A closer look at trees than a snapshot: extended attributes, which names are one file, and holes too.

#![allow(dead_code, missing_docs, unreachable_pub, reason = "every test binary uses another part of it")]
#![allow(clippy::disallowed_methods, clippy::missing_panics_doc, reason = "the tests look at files from outside")]

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::os::unix::ffi::{OsStrExt as _, OsStringExt as _};
use std::os::unix::fs::{FileTypeExt as _, MetadataExt as _};
use std::path::{Path, PathBuf};

/// All that a copy keeps of one entry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Detail {
    pub kind: &'static str,
    pub mode: u32,
    pub owner: (u32, u32),
    pub mtime: (i64, i64),
    /// A file's contents, a link's text.
    pub bytes: Vec<u8>,
    pub xattrs: BTreeMap<OsString, Vec<u8>>,
    /// The first, in order, of the names that this file has in the tree: itself, if it has no other.
    pub twin: PathBuf,
    /// Whether it takes less room than its length.
    pub has_holes: bool,
}

/// A tree, by paths relative to its root, which is "".
pub type Details = BTreeMap<PathBuf, Detail>;

/// Looks at `root` and all below it, following no link. Nothing where there is nothing.
pub fn details(root: impl AsRef<Path>) -> Details {
    let mut found = Details::new();
    let mut files = BTreeMap::new();
    if std::fs::symlink_metadata(root.as_ref()).is_ok() {
        look(root.as_ref(), PathBuf::new(), &mut found, &mut files);
    }
    // Directories are listed in any order.
    let mut firsts: BTreeMap<(u64, u64), PathBuf> = BTreeMap::new();
    for (name, detail) in &mut found {
        if let Some(id) = files.get(name) {
            detail.twin.clone_from(firsts.entry(*id).or_insert_with(|| name.clone()));
        }
    }
    found
}

fn look(path: &Path, name: PathBuf, found: &mut Details, files: &mut BTreeMap<PathBuf, (u64, u64)>) {
    let metadata = std::fs::symlink_metadata(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    let kind = metadata.file_type();
    let (kind, bytes) = if kind.is_dir() {
        for entry in std::fs::read_dir(path).expect("list").flatten() {
            look(&entry.path(), name.join(entry.file_name()), found, files);
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
    if metadata.nlink() > 1 && kind != "directory" {
        files.insert(name.clone(), (metadata.dev(), metadata.ino()));
    }
    let detail = Detail {
        kind,
        mode: metadata.mode() & 0o7777,
        owner: (metadata.uid(), metadata.gid()),
        mtime: (metadata.mtime(), metadata.mtime_nsec()),
        bytes,
        xattrs: if matches!(kind, "file" | "directory") { xattrs(path) } else { BTreeMap::new() },
        twin: name.clone(),
        // A little below its length is what file systems that compress or inline take.
        has_holes: kind == "file" && metadata.blocks() * 512 + 65_536 <= metadata.len(),
    };
    found.insert(name, detail);
}

fn xattrs(path: &Path) -> BTreeMap<OsString, Vec<u8>> {
    let mut names = vec![0; 4096];
    let Ok(length) = rustix::fs::listxattr(path, &mut names[..]) else { return BTreeMap::new() };
    let names = names[..length].split(|byte| *byte == 0).filter(|name| !name.is_empty());
    let value = |name: &[u8]| {
        let mut value = vec![0; 4096];
        let length = rustix::fs::getxattr(path, std::ffi::OsStr::from_bytes(name), &mut value[..]).ok()?;
        value.truncate(length);
        Some((OsString::from_vec(name.to_vec()), value))
    };
    names.filter_map(value).collect()
}

/// Gives a file or directory an extended attribute; false where there are none.
pub fn set_xattr(path: impl AsRef<Path>, name: &str, value: &[u8]) -> bool {
    rustix::fs::setxattr(path.as_ref(), name, value, rustix::fs::XattrFlags::empty()).is_ok()
}

/// What lies below `root`, under names from there on.
pub fn below(details: &Details, root: impl AsRef<Path>) -> Details {
    let root = root.as_ref();
    let cut = |name: &PathBuf, detail: &Detail| {
        let twin = detail.twin.strip_prefix(root).unwrap_or(&detail.twin).to_owned();
        Some((name.strip_prefix(root).ok()?.to_owned(), Detail { twin, ..detail.clone() }))
    };
    details.iter().filter_map(|(name, detail)| cut(name, detail)).collect()
}

/// What of one entry is not as it should be, but for which names are one file.
pub fn unlike(expected: &Detail, actual: &Detail) -> Vec<String> {
    let fields = [
        ("kind", expected.kind == actual.kind, format!("{} became {}", expected.kind, actual.kind)),
        ("mode", expected.mode == actual.mode, format!("{:o} became {:o}", expected.mode, actual.mode)),
        ("owner", expected.owner == actual.owner, format!("{:?} became {:?}", expected.owner, actual.owner)),
        ("mtime", expected.mtime == actual.mtime, format!("{:?} became {:?}", expected.mtime, actual.mtime)),
        (
            "bytes",
            expected.bytes == actual.bytes,
            format!("{} became {} long", expected.bytes.len(), actual.bytes.len()),
        ),
        ("attributes", expected.xattrs == actual.xattrs, format!("{:?} became {:?}", expected.xattrs, actual.xattrs)),
        ("holes", !expected.has_holes || actual.has_holes, "they are filled".to_owned()),
    ];
    fields.into_iter().filter(|field| !field.1).map(|field| format!("{}: {}", field.0, field.2)).collect()
}

/// What differs between a source and its whole copy, a line each.
pub fn differences(expected: &Details, actual: &Details) -> Vec<String> {
    let mut found = Vec::new();
    for (name, one) in expected {
        let Some(other) = actual.get(name) else {
            found.push(format!("{} is missing", name.display()));
            continue;
        };
        found.extend(unlike(one, other).into_iter().map(|what| format!("{}: {what}", name.display())));
        if one.twin != other.twin {
            found.push(format!(
                "{}: one file with {}, not {}",
                name.display(),
                other.twin.display(),
                one.twin.display()
            ));
        }
    }
    found.extend(
        actual.keys().filter(|name| !expected.contains_key(*name)).map(|name| format!("{} is new", name.display())),
    );
    found
}

/// Fails with what differs.
#[track_caller]
pub fn assert_equal(source: impl AsRef<Path>, target: impl AsRef<Path>, what: &str) {
    let found = differences(&details(source), &details(target));
    assert!(found.is_empty(), "{what}: {} differences:\n{}", found.len(), found[..found.len().min(12)].join("\n"));
}
