//! Whether a file that was read to its end is whole: nothing but padding may follow its last member, and a file of BGZF
//! ends with its end block. The bytes that came out stay in any case.

use super::Inflater;
use super::finish::Open;
use super::writer::Writer;
use crate::codec::gunzip::End;
use crate::codec::trailing::Trailing;
use crate::error::Error;
use crate::plan::Output;

/// What is said of a file of BGZF that may have been cut between two blocks.
const NO_END_BLOCK: &str = "it ends without BGZF's end-of-file block: something may be missing";

impl Inflater {
    /// The failure of a file that is not whole; or nothing, after a warning where there is something to know.
    pub(super) fn judge(&mut self, open: &Open, writer: &Writer, end: &End) -> Option<Error> {
        // By an index, or as far as was wanted, nobody saw the end.
        if open.enough.is_said() {
            return None;
        }
        let path = open.source.path();
        if let Some(trailing) = &end.trailing {
            self.worker.summary.trailing_files += 1;
            self.worker.summary.trailing_bytes += trailing.bytes;
            if !self.shared.plan.ignore_trailing {
                return Some(Error::refused("read all of", path, self.why(open, trailing)));
            }
            let ignored = format!("{} after the last member: ignored{}", bytes(trailing.bytes), self.kept(open));
            self.worker.warn(&path, ignored);
        }
        if writer.lacks_end_block() {
            let plan = &self.shared.plan;
            if plan.files.output == Output::Nowhere && !plan.index {
                return Some(Error::refused("confirm the end of", path, NO_END_BLOCK));
            }
            self.worker.warn(path, format!("{NO_END_BLOCK}{}", self.kept(open)));
        }
        None
    }

    fn why(&self, open: &Open, trailing: &Trailing) -> String {
        let (bytes, kept) = (bytes(trailing.bytes), self.kept(open));
        if open.passes {
            return format!(
                "a member follows that is damaged: {bytes} after the last whole one, passed through as they are"
            );
        }
        if trailing.has_member {
            return format!(
                "a member follows that is damaged: {bytes} after the last whole one, not decompressed{kept}"
            );
        }
        format!("{bytes} after the last member: not gzip data; --ignore-trailing allows it{kept}")
    }

    /// What becomes of source and target.
    fn kept(&self, open: &Open) -> &'static str {
        let makes_file = self.shared.plan.files.output == Output::BesideSource && !open.goes_to_stdout();
        if makes_file { "; what came before is written, the source is kept" } else { "" }
    }
}

fn bytes(count: u64) -> String {
    if count == 1 { "1 byte".to_owned() } else { format!("{count} bytes") }
}
