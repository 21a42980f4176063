//! What compressed files hold, as `gzip -l` prints it, a row as soon as it is known; or as JSON, at the end.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt as _;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use haul::error::Result;
use haul::gzip::Rows;
use haul::summary::{Listed, Summary};
use haul::sys::local_time;

use super::output::print;
use super::progress::Terminal;

/// Months as GNU gzip writes them, in any language.
const MONTHS: [&str; 12] = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];

/// What stands where nothing has a name.
const STDIN_NAME: &str = "stdout";

/// What is shown of each file, and around them.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Columns {
    /// Method, CRC and time, too.
    pub(crate) wide: bool,
    /// Neither headline nor totals.
    pub(crate) bare: bool,
    /// Totals, even of a single row.
    pub(crate) totals: bool,
}

/// A row for programs.
#[derive(Debug, serde::Serialize)]
pub(crate) struct Row {
    /// JSON is text: bytes that are not UTF-8 become U+FFFD.
    name: String,
    compressed_bytes: u64,
    uncompressed_bytes: u64,
    members: u64,
    /// Of the last member, as hexadecimal digits.
    crc32: String,
    /// Seconds since 1970; null for a pipe.
    mtime: Option<i64>,
    method: &'static str,
}

/// Takes rows while a job runs.
pub(crate) struct Listing {
    columns: Columns,
    json: bool,
    terminal: Arc<Terminal>,
    seen: Arc<Mutex<Seen>>,
}

/// What came by.
#[derive(Debug, Default)]
struct Seen {
    count: u64,
    compressed: u64,
    uncompressed: u64,
    /// What the last row had taken off its compressed bytes.
    frame: u64,
    kept: Vec<Row>,
}

impl Listing {
    /// A listing of these columns, written to standard output above the terminal's bar; or kept, for `json`.
    pub(crate) fn new(columns: Columns, json: bool, terminal: &Arc<Terminal>) -> Self {
        Self { columns, json, terminal: Arc::clone(terminal), seen: Arc::default() }
    }

    /// Where the job brings its rows.
    pub(crate) fn rows(&self) -> Rows {
        let (columns, json) = (self.columns, self.json);
        let (terminal, seen) = (Arc::clone(&self.terminal), Arc::clone(&self.seen));
        Arc::new(move |listed| {
            let mut seen = seen.lock().unwrap_or_else(PoisonError::into_inner);
            if json {
                seen.kept.push(Row::of(&listed));
                return Ok(());
            }
            let lines = seen.lines(&listed, columns);
            terminal.above_bar(|| print(&lines))
        })
    }

    /// The end of a job: writes the totals, or gives out the rows that were kept.
    pub(crate) fn close(self, summary: &Summary) -> Result<Option<Vec<Row>>> {
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        if self.json {
            return Ok(Some(std::mem::take(&mut seen.kept)));
        }
        // Totals of a part would pass for those of the whole.
        let ended_early = summary.interrupted || summary.broken_pipe || summary.stopped_early;
        if !ended_early && (self.columns.totals || seen.count > 1) {
            print(&seen.totals(self.columns))?;
        }
        Ok(None)
    }
}

impl Seen {
    /// A row, and what stands above the first one.
    fn lines(&mut self, listed: &Listed, columns: Columns) -> Vec<u8> {
        let mut lines = Vec::new();
        if self.count == 0 && !columns.bare {
            let wide = if columns.wide { "method  crc     date  time  " } else { "" };
            let line = format!("{wide}{:>19} {:>19}  ratio uncompressed_name\n", "compressed", "uncompressed");
            lines.extend(line.into_bytes());
        }
        // As GNU gzip counts: the frame of a single member is not compressed data; of several, all is.
        self.frame = if listed.members == 1 { listed.header_bytes + 8 } else { 0 };
        self.count += 1;
        self.compressed += listed.compressed_bytes;
        self.uncompressed += listed.uncompressed_bytes;
        if columns.wide {
            lines.extend(format!("defla {:08x} {} ", listed.crc32, date(listed.mtime)).into_bytes());
        }
        lines.extend(sizes(listed.compressed_bytes, listed.uncompressed_bytes, self.frame).into_bytes());
        lines.extend(one_line(name(listed).as_os_str()));
        lines.push(b'\n');
        lines
    }

    /// The sums; nothing where GNU gzip writes nothing.
    fn totals(&self, columns: Columns) -> Vec<u8> {
        if columns.bare || self.compressed == 0 || self.uncompressed == 0 {
            return Vec::new();
        }
        let wide = if columns.wide { " ".repeat(28) } else { String::new() };
        // The frame is that of the last row, whatever that may mean: so GNU gzip, and so whoever reads our figures for
        // its.
        format!("{wide}{}(totals)\n", sizes(self.compressed, self.uncompressed, self.frame)).into_bytes()
    }
}

impl Row {
    fn of(listed: &Listed) -> Self {
        Self {
            name: name(listed).display().to_string(),
            compressed_bytes: listed.compressed_bytes,
            uncompressed_bytes: listed.uncompressed_bytes,
            members: listed.members,
            crc32: format!("{:08x}", listed.crc32),
            mtime: listed.mtime,
            method: "deflate",
        }
    }
}

fn name(listed: &Listed) -> &Path {
    listed.name.as_deref().unwrap_or(Path::new(STDIN_NAME))
}

/// The columns that every row has.
fn sizes(compressed: u64, uncompressed: u64, frame: u64) -> String {
    let saved = uncompressed as f64 - (compressed as f64 - frame as f64);
    let ratio = if uncompressed == 0 { 0.0 } else { 100.0 * saved / uncompressed as f64 };
    format!("{compressed:>19} {uncompressed:>19} {ratio:5.1}% ")
}

/// Month, day and time here; what is not known is the beginning of time, as with GNU gzip.
fn date(mtime: Option<i64>) -> String {
    local_time(mtime.unwrap_or(0)).map_or_else(
        || "??? ?? ??:??".to_owned(),
        |time| format!("{}{:3} {:02}:{:02}", MONTHS[time.month], time.day, time.hour, time.minute),
    )
}

/// A name that stays on its line: control characters, which could also steer a terminal, are escaped as in
/// messages. All else stays as it is, bytes that are not UTF-8 too, so that programs find the file by it.
fn one_line(name: &OsStr) -> Vec<u8> {
    let mut line = Vec::new();
    for chunk in name.as_bytes().utf8_chunks() {
        for c in chunk.valid().chars() {
            if c.is_control() {
                line.extend(c.escape_default().to_string().into_bytes());
            } else {
                line.extend(c.encode_utf8(&mut [0; 4]).bytes());
            }
        }
        line.extend(chunk.invalid());
    }
    line
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ratios_are_rounded_as_c_does() {
        let ratio = |compressed, uncompressed| sizes(compressed, uncompressed, 0)[40..].to_owned();
        assert_eq!(ratio(1, 0), "  0.0% ");
        assert_eq!(ratio(399, 400), "  0.2% ", "0.25 is between the two, and 2 is even");
        assert_eq!(ratio(397, 400), "  0.8% ", "as is 0.75");
        assert_eq!(ratio(1_000_100, 1_000_000), " -0.0% ");
        assert_eq!(ratio(8, 6), "-33.3% ");
        assert_eq!(ratio(54, 6), "-800.0% ");
        assert_eq!(ratio(0, 6), "100.0% ");
    }

    #[test]
    fn a_name_stays_on_its_line_and_is_else_what_it_was() {
        let line = |name: &[u8]| one_line(OsStr::from_bytes(name));
        assert_eq!(line(b"new\nline\x1b[31m"), b"new\\nline\\u{1b}[31m");
        assert_eq!(line(b"caf\xe9 \\ 'x'"), b"caf\xe9 \\ 'x'");
        assert_eq!(line("gr\u{fc}n\u{85}".as_bytes()), "gr\u{fc}n\\u{85}".as_bytes());
    }
}
