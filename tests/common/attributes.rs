//! Extended attributes and ACLs, as the kernel has them.

use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::OsStringExt as _;
use std::path::Path;

use rustix::fs::{XattrFlags, lgetxattr, llistxattr, lsetxattr};
use rustix::io::Errno;

use super::skip_once;

pub type Attributes = BTreeMap<OsString, Vec<u8>>;

/// No list and no value is longer (xattr(7)).
const LONGEST: usize = 65_536;

/// All attributes of a file, of a symbolic link itself. But for the security context, which is the machine's.
pub fn attributes(path: &Path) -> Attributes {
    let mut list = vec![0; LONGEST];
    let length = match llistxattr(path, &mut list[..]) {
        Err(Errno::NOTSUP) => 0,
        other => other.unwrap_or_else(|error| panic!("attributes of {}: {error}", path.display())),
    };
    let names = list[..length].split(|byte| *byte == 0).filter(|name| !name.is_empty());
    let names = names.map(|name| OsString::from_vec(name.to_vec())).filter(|name| name != "security.selinux");
    let value = |name: &OsStr| {
        let mut value = vec![0; LONGEST];
        let length = lgetxattr(path, name, &mut value[..]).expect("an attribute");
        value.truncate(length);
        value
    };
    names.map(|name| (name.clone(), value(&name))).collect()
}

/// Sets an attribute; says so, and so does the result, where it cannot.
pub fn set_attribute(path: impl AsRef<Path>, name: &str, value: &[u8]) -> bool {
    let path = path.as_ref();
    match lsetxattr(path, name, value, XattrFlags::empty()) {
        Ok(()) => true,
        Err(error @ (Errno::NOTSUP | Errno::PERM | Errno::ACCESS | Errno::NOSPC | Errno::INVAL)) => {
            skip_once(&format!("{name} of {} bytes: {error}", value.len()));
            false
        }
        Err(error) => panic!("set {name} of {}: {error}", path.display()),
    }
}

/// Sets an ACL, "access" or "default", from entries such as `u::rw- u:1234:r-- g::r-- m::r-- o::---`.
pub fn set_acl(path: impl AsRef<Path>, which: &str, entries: &str) -> bool {
    set_attribute(path, &format!("system.posix_acl_{which}"), &acl(entries))
}

/// Tags of owner, user, group, some other group, mask, everybody else (`include/uapi/linux/posix_acl.h`).
const TAGS: [(&str, bool, u16); 6] = [
    ("u", false, 0x01),
    ("u", true, 0x02),
    ("g", false, 0x04),
    ("g", true, 0x08),
    ("m", false, 0x10),
    ("o", false, 0x20),
];

/// The bytes of an ACL (`include/uapi/linux/posix_acl_xattr.h`).
fn acl(entries: &str) -> Vec<u8> {
    let mut bytes = vec![2, 0, 0, 0];
    for entry in entries.split(' ') {
        let parts: Vec<_> = entry.split(':').collect();
        let id: Option<u32> = parts[1].parse().ok();
        let tag = TAGS.iter().find(|tag| tag.0 == parts[0] && tag.1 == id.is_some()).expect("a tag").2;
        let rights = parts[2].bytes().zip([4, 2, 1]).filter(|(letter, _)| *letter != b'-').map(|(_, right)| right);
        bytes.extend(tag.to_le_bytes());
        bytes.extend(rights.sum::<u16>().to_le_bytes());
        bytes.extend(id.unwrap_or(u32::MAX).to_le_bytes());
    }
    bytes
}

/// The entries of an ACL, to be shown.
pub fn read_acl(bytes: &[u8]) -> Option<String> {
    let entries = bytes.strip_prefix(&[2, 0, 0, 0])?.chunks_exact(8);
    let shown = entries.map(|entry| {
        let number = |at: usize| u16::from_le_bytes([entry[at], entry[at + 1]]);
        let tag = TAGS.iter().find(|tag| tag.2 == number(0)).map_or("?", |tag| tag.0);
        format!("{tag}:{}:{:o}", u32::from_le_bytes([entry[4], entry[5], entry[6], entry[7]]) as i32, number(2))
    });
    Some(shown.collect::<Vec<_>>().join(" "))
}
