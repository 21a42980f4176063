//! Some of the bytes that come out of a file: where reading begins for them.
//!
//! An index says it best, and everything that is read by it is checked by it ([`super::spans`]). BGZF's members say how
//! long they are, so that those before the range are jumped over, on their word. In any other file reading begins at the
//! start. In both these cases it ends after the range: members that end before that are checked; that in which it
//! ends is not, nor what follows.

use super::Inflater;
use super::finish::Open;
use super::indexing::Found;
use super::outlet::Clip;
use super::writer::Writer;
use crate::codec::cut::{SIZED_HEADER_BYTES, sized_member};
use crate::codec::index::Span;
use crate::error::{Error, Result};

/// Bytes at the end of a member that tell how many come out of it.
const LENGTH_BYTES: usize = 4;

/// Where the bytes that are wanted are found.
pub(super) enum Way {
    /// In these spans, which an index tells.
    Spans(Vec<Span>),
    /// From where the source stands on.
    Onward,
}

impl Inflater {
    /// Prepares a file for what is wanted of it: an index, some of its bytes, or both.
    pub(super) fn prepare(&mut self, open: &mut Open, writer: &mut Writer) -> Result<Way> {
        let (range, keeps_index) = (self.shared.plan.range, self.shared.plan.index);
        if let Some(range) = range {
            let wanted = range.bytes();
            if wanted.is_empty() && !keeps_index {
                return Ok(Way::Spans(Vec::new()));
            }
            let found = if open.source.has_ranges() { self.find_index(&open.source) } else { Found::Nothing };
            writer.outlet.clip(Clip { wanted: wanted.clone(), enough: Some(open.enough.clone()) });
            match found {
                // With one span, reading from the start says the same, and need not go to the end.
                Found::Index(index) if index.spans() == 1 => return Ok(Way::Onward),
                Found::Index(index) => {
                    let spans = index.covering(&wanted);
                    writer.outlet.skip_to(spans.first().map_or(0, |first| first.uncompressed.start));
                    return Ok(Way::Spans(spans));
                }
                Found::Useless(error) if !keeps_index => {
                    self.worker.warn(open.source.path(), format!("{error}; doing without, --index makes a new one"));
                }
                Found::Useless(_) | Found::Nothing => {}
            }
            if !keeps_index {
                self.jump(open, writer, wanted.start)?;
                return Ok(Way::Onward);
            }
            writer.outlet.clip(Clip { wanted, enough: None });
        }
        if keeps_index {
            open.index = Some(self.begin_index(&open.source)?);
            writer.record();
        }
        Ok(Way::Onward)
    }

    /// Goes to the member out of which byte `wanted` comes, or the last one before something that does not say its size.
    fn jump(&mut self, open: &Open, writer: &mut Writer, wanted: u64) -> Result<()> {
        let source = &open.source;
        if wanted == 0 || !source.has_ranges() {
            return Ok(());
        }
        let failed = |errno| Error::system("read", source.path(), errno);
        let (sys, step) = (&mut self.worker.sys, self.shared.step());
        // The end of a member and the header of the next; before the first there is none.
        let mut bytes = [0; LENGTH_BYTES + SIZED_HEADER_BYTES];
        let mut len =
            LENGTH_BYTES + sys.pread_full(&source.file, &mut bytes[LENGTH_BYTES..], 0, step).map_err(failed)?;
        let (mut at, mut passed) = (0, 0);
        let mut next = 0;
        let mut out = 0;
        while let Some(size) = sized_member(&bytes[LENGTH_BYTES..len.max(LENGTH_BYTES)]) {
            (at, passed) = (next, passed + out);
            sys.check_stop().map_err(failed)?;
            next += size as u64;
            len = sys.pread_full(&source.file, &mut bytes, next - LENGTH_BYTES as u64, step).map_err(failed)?;
            let length = bytes[..len].first_chunk().map(|bytes| u64::from(u32::from_le_bytes(*bytes)));
            match length {
                Some(length) if passed + length <= wanted => out = length,
                _ => break,
            }
        }
        writer.outlet.skip_to(passed);
        sys.seek_to(&source.file, at).map_err(failed)
    }
}
