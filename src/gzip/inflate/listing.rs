//! What a file was found to hold, for those who list it.

use std::ffi::OsString;
use std::os::unix::ffi::OsStringExt;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use super::Inflater;
use super::finish::Content;
use super::target::usable_name;
use super::writer::Writer;
use crate::error::Result;
use crate::gzip::files::source::Source;
use crate::gzip::files::suffix;
use crate::outcome::Listed;
use crate::sys::FileKind;

/// Takes rows, one after the other, from whichever worker finished a file. They are results, not events: an error is
/// that of the file, and ends the job if going on is pointless.
pub type Rows = Arc<dyn Fn(Listed) -> Result<()> + Send + Sync>;

impl Inflater {
    pub(super) fn listed(&self, source: &Source, writer: &Writer, content: &Content) -> Listed {
        Listed {
            name: self.uncompressed_name(source, content),
            compressed_bytes: content.read.load(Ordering::Relaxed),
            header_bytes: content.header_bytes,
            uncompressed_bytes: writer.outlet.written(),
            members: writer.members(),
            crc32: writer.last_crc(),
            mtime: self.mtime(source, content),
        }
    }

    fn uncompressed_name(&self, source: &Source, content: &Content) -> Option<PathBuf> {
        let plan = &self.shared.plan.files;
        let stored = if plan.name { usable_name(&content.header.name) } else { None };
        let Some(folder) = &source.folder else {
            return stored.map(|name| PathBuf::from(OsString::from_vec(name.into_bytes())));
        };
        let name = stored.or_else(|| suffix::decompressed(&source.name, &plan.suffix));
        Some(folder.place.path_of(name.as_ref().unwrap_or(&source.name)))
    }

    fn mtime(&self, source: &Source, content: &Content) -> Option<i64> {
        if self.shared.plan.files.name && content.header.mtime != 0 {
            return Some(content.header.mtime.into());
        }
        let has_time = source.attributes.kind == FileKind::RegularFile;
        has_time.then_some(source.attributes.mtime.seconds)
    }
}
