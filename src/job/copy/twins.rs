//! The copies that further names can be linked to, for each source with names that were not met yet. Most of those may
//! lie outside the tree that is copied, and then they are never met: so a copy takes at most 100 bytes here with its name
//! (a tree's node has 6 to 11 of them, 44 bytes each), and nothing is allocated for a single one.

use std::collections::BTreeMap;
use std::ffi::{CStr, CString};
use std::sync::Arc;

use crate::sys::{Attributes, FileId};
use crate::tree::Place;

/// A copy that further names can be linked to.
pub(super) struct Twin {
    pub(super) directory: Arc<Place>,
    pub(super) name: CString,
    pub(super) id: FileId,
}

/// See the module.
pub(super) struct Twins {
    copies: BTreeMap<ShortId, Copy>,
    /// The names of all copies, each with its NUL.
    names: Vec<u8>,
    /// Bytes of these that belong to none any more.
    stale: usize,
    /// The devices met, by their numbers. There are few of them.
    devices: Vec<(u32, u32)>,
    forgets: bool,
}

/// The number of a device, and the two halves of an inode's number.
type ShortId = [u32; 3];

struct Copy {
    directory: Arc<Place>,
    id: ShortId,
    /// Where its name starts.
    name: u32,
    /// Names of the source that were not met yet.
    unmet: u32,
}

impl Twins {
    /// None. With `forgets` each goes when as many names were met as its source has.
    pub(super) const fn new(forgets: bool) -> Self {
        Self { copies: BTreeMap::new(), names: Vec::new(), stale: 0, devices: Vec::new(), forgets }
    }

    /// The copy of a source of which a further name was met.
    pub(super) fn meet(&mut self, source: FileId) -> Option<Twin> {
        let source = self.shorten(source);
        let copy = self.copies.get_mut(&source)?;
        copy.unmet = copy.unmet.saturating_sub(1);
        let is_last = copy.unmet == 0;
        let (directory, name) = (Arc::clone(&copy.directory), name_at(&self.names, copy.name).to_owned());
        let [device, high, low] = copy.id;
        let id = (self.devices[device as usize], u64::from(high) << 32 | u64::from(low));
        if is_last && self.forgets {
            self.remove(source);
        }
        Some(Twin { directory, name, id })
    }

    /// Remembers the copy of a source, for its further names.
    pub(super) fn remember(&mut self, source: &Attributes, twin: Twin) {
        let unmet = source.links.saturating_sub(1);
        if unmet > 0 || !self.forgets {
            self.insert(source.id(), twin, unmet);
        }
    }

    /// Another copy takes the place of one that is remembered.
    pub(super) fn replace(&mut self, source: FileId, twin: Twin) {
        let short = self.shorten(source);
        if let Some(unmet) = self.copies.get(&short).map(|copy| copy.unmet) {
            self.remove(short);
            self.insert(source, twin, unmet);
        }
    }

    /// There is no copy of that source any more.
    pub(super) fn forget(&mut self, source: FileId) {
        let source = self.shorten(source);
        self.remove(source);
    }

    fn insert(&mut self, source: FileId, twin: Twin, unmet: u32) {
        // After 4 GiB of names, of hundreds of millions of files, further ones become files of their own.
        let Ok(name) = u32::try_from(self.names.len()) else { return };
        self.names.extend_from_slice(twin.name.to_bytes_with_nul());
        let (source, id) = (self.shorten(source), self.shorten(twin.id));
        self.copies.insert(source, Copy { directory: twin.directory, id, name, unmet });
    }

    fn remove(&mut self, source: ShortId) {
        let Some(copy) = self.copies.remove(&source) else { return };
        self.stale += name_at(&self.names, copy.name).count_bytes() + 1;
        if self.stale * 2 > self.names.len() {
            self.tidy_names();
        }
    }

    /// Moves the names together.
    fn tidy_names(&mut self) {
        let names = std::mem::take(&mut self.names);
        for copy in self.copies.values_mut() {
            let name = name_at(&names, copy.name).to_bytes_with_nul();
            // No more than before, when it fitted.
            copy.name = self.names.len() as u32;
            self.names.extend_from_slice(name);
        }
        self.stale = 0;
    }

    fn shorten(&mut self, (device, inode): FileId) -> ShortId {
        let known = self.devices.iter().rposition(|known| *known == device);
        let number = known.unwrap_or_else(|| {
            self.devices.push(device);
            self.devices.len() - 1
        });
        [number as u32, (inode >> 32) as u32, inode as u32]
    }
}

fn name_at(names: &[u8], start: u32) -> &CStr {
    CStr::from_bytes_until_nul(&names[start as usize..]).unwrap_or_default()
}
