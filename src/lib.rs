//! Copies and gzips files and directories on Linux, in parallel, and counts every system call it makes.
//!
//! What a job is to do are its options. Their `plan()` checks them, [`copy()`], [`gzip()`] and [`gunzip()`] do what a plan
//! says within a [`Context`], and a [`Summary`] tells what was done.
//!
//! ```
//! use haul::calls::Kind;
//! use haul::plan::EngineName;
//! use haul::{Context, CopyOptions};
//!
//! # let scratch = tempfile::tempdir()?;
//! # let (source, target) = (scratch.path().join("notes.txt"), scratch.path().join("copy.txt"));
//! # std::fs::write(&source, "some text")?;
//! let options = CopyOptions::new(vec![source], target.clone());
//! let plan = CopyOptions { engine: EngineName::ReadWrite, ..options }.plan()?;
//! let summary = haul::copy(&plan, &Context::silent())?;
//! assert!(summary.is_clean());
//! assert_eq!((summary.files, summary.target_bytes), (1, 9));
//! assert_eq!(summary.syscalls.calls(Kind::Read), 1);
//! # assert_eq!(std::fs::read_to_string(target)?, "some text");
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! - **Nothing is lost.** A target has its final name only when it is whole; a source is removed (by gzip, unless
//!   [`keep`](FileOptions::keep) is set) only when its target has that name, and the source is still what was read.
//! - **A failure is data.** One bad file does not end a job: it is an [`Event`] and a count in the summary. An [`Error`]
//!   that a job returns means that nothing could be begun.
//! - **Watching changes nothing.** Events are for people; figures come from the summary.
//!
//! The command line `haul` is made of this, and of modules that are not part of this interface and may change any day.

pub mod calls;
#[doc(hidden)]
pub mod codec;
#[doc(hidden)]
pub mod copy;
#[doc(hidden)]
pub mod engine;
pub mod error;
pub mod event;
#[doc(hidden)]
pub mod gzip;
#[doc(hidden)]
pub mod job;
#[doc(hidden)]
pub mod lab;
#[doc(hidden)]
pub mod load;
#[doc(hidden)]
pub mod measure;
#[doc(hidden)]
pub mod outcome;
pub mod plan;
#[doc(hidden)]
pub mod pool;
pub mod size;
#[doc(hidden)]
pub mod sys;
#[doc(hidden)]
pub mod tree;

/// Copies files and trees. See [`CopyOptions`] for what can be asked for.
///
/// ```
/// # let place = tempfile::tempdir()?;
/// # let (photos, backup) = (place.path().join("photos"), place.path().join("backup"));
/// # std::fs::create_dir(&photos)?;
/// # std::fs::write(photos.join("one.jpg"), "a picture")?;
/// let plan = haul::CopyOptions::new(vec![photos], backup.clone()).plan()?;
/// let summary = haul::copy(&plan, &haul::Context::silent())?;
/// assert_eq!((summary.directories, summary.files, summary.failures), (1, 1, 0));
/// # assert!(backup.join("one.jpg").exists());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[doc(inline)]
pub use copy::run as copy;

/// Decompresses gzip files. Damage is a failure of that file, never a clean summary.
///
/// ```
/// use haul::{Context, FileOptions, GunzipOptions, GzipOptions};
///
/// # let place = tempfile::tempdir()?;
/// # let log = place.path().join("log");
/// # std::fs::write(&log, "a line")?;
/// let files = FileOptions::new(vec![log.clone()]);
/// haul::gzip(&GzipOptions { files, ..GzipOptions::default() }.plan()?, &Context::silent())?;
/// let files = FileOptions::new(vec![log.with_extension("gz")]);
/// let plan = GunzipOptions { files, max_output: Some(1 << 20), ..GunzipOptions::default() }.plan()?;
/// let summary = haul::gunzip(&plan, &Context::silent())?;
/// assert_eq!((summary.is_clean(), summary.target_bytes), (true, 6));
/// # assert_eq!(std::fs::read_to_string(log)?, "a line");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[doc(inline)]
pub use gzip::gunzip;

/// Compresses files, each to one ordinary gzip member. The bytes are the same for any number of workers.
///
/// ```
/// use haul::{Context, FileOptions, GzipOptions};
///
/// # let place = tempfile::tempdir()?;
/// # let log = place.path().join("log");
/// # std::fs::write(&log, "a line\n".repeat(1000))?;
/// let files = FileOptions { keep: true, ..FileOptions::new(vec![log.clone()]) };
/// let plan = GzipOptions { files, level: 9, ..GzipOptions::default() }.plan()?;
/// let summary = haul::gzip(&plan, &Context::silent())?;
/// assert!(summary.target_bytes < summary.source_bytes && log.exists());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[doc(inline)]
pub use gzip::gzip;

#[doc(inline)]
pub use error::Error;
#[doc(inline)]
pub use event::{Event, EventSink};
#[doc(inline)]
pub use job::Context;
#[doc(inline)]
pub use outcome::{PoolStats, Summary, Warning};
#[doc(inline)]
pub use plan::{Clash, Clashes, CopyOptions, CopyPlan, FileOptions, GunzipOptions, GunzipPlan, GzipOptions, GzipPlan};
#[doc(inline)]
pub use sys::Stop;

/// # The code map
///
/// Imports point down only; the jobs do not know each other, nor do the five in the middle. A test holds the code to this
/// table.
///
/// ```text
/// cli (the binary) → lab → { copy gzip } → job → { engine codec tree load measure } → pool → sys → { calls plan size error event outcome }
/// ```
///
/// | module | owns | look here when |
/// |---|---|---|
/// | [`lab`] | what measures: sweep, disk, tune, compare | the wrong setting wins |
/// | [`copy`](mod@copy) | copying files and trees | a target lands in the wrong directory; a dry run says something else |
/// | [`gzip`](mod@gzip) | gzip and gunzip | a source is removed too early; the .gz lands in the wrong directory |
/// | [`job`] | what the jobs share: a worker's context, limits of memory and disks, targets taken, attributes lost | a full disk does not end the work |
/// | [`engine`] | how bytes move, and the ladder that `auto` is | a copy uses the wrong call; holes are filled |
/// | [`codec`] | compressors, joined blocks, members, checks, indexes: bytes only | the .gz has no name in it; damage is not found |
/// | [`tree`] | walking by descriptor, targets, metadata, removing what is ours | an mtime is lost; a temporary file stays |
/// | [`load`] | how operations on a disk are kept in flight: calls, `io_uring`, threads | a queue depth is not reached |
/// | [`measure`] | one run → a sample; statistics; the machine; the page cache; made-up data; what measuring costs | a time or a count is wrong; a disk is not recognised |
/// | [`pool`] | schedulers, buffers, order | memory grows; a job hangs |
/// | [`sys`] | every system call, safe, counted and, for who asks, timed; signals, and the standard streams as they were handed over; fault plans; the counting allocator | reads are not counted |
/// | [`calls`] | the table of calls, what the kernel counts of each, how long they took | the sweep disagrees with the kernel |
/// | [`plan`], [`size`], [`outcome`], [`event`], [`error`] | plain data | 64k is refused; a pattern excludes too much; a message names no path |
///
/// # Where the code departs from what one might expect
///
/// - **No reader thread.** A pipe is read in turn, under a lock, by whichever worker needs a block or a piece next
///   (`gzip/compress/blocks.rs`, `gzip/inflate/pieces.rs`); no writer thread either: whoever finishes the next block in
///   sequence writes it ([`pool::Ordered`]).
/// - **A block's number is taken after its buffers**, so the queue holds "help with this file", not "block 17".
/// - **The last block ends the deflate stream itself**, and marks stand between blocks, not after the last: a file of one
///   block, as most are, is what its compressor made, without a walk and eleven bytes smaller ([`codec::join`]).
/// - **A worker asks for help before each block** of a large file, not once: so the largest need not come first for the
///   tail to be short (`gzip/mod.rs`).
/// - **A route is proven before it is taken**: a second piece is inflated on its own first, since the marks of zlib's
///   blocks and pigz's flush markers look like those that can be read in parallel (`gzip/inflate/route.rs`). Pieces are
///   inflated by libdeflate, which cannot be stopped between two blocks: a seal after each proves that it ends there
///   ([`codec::piece`]). What is not proven is read in order by zlib-rs, in the writer; so any guess will do.
/// - **A file that is there is found at the end** of a small gunzip, by the rename that replaces nothing: to look first
///   costs more than to inflate in vain (`gzip/inflate/mod.rs`).
/// - **Nothing counts what is pending.** Tasks below a directory or a file hold an `Arc` of it and give it up with
///   `Arc::into_inner`; the last one finishes it (`copy/directory_copy.rs`).
/// - **A replaced file takes mode and owner of its source**, as with `cp -a`, not those of the file it replaces (which
///   stay where `--no-preserve` leaves the source's out).
/// - **Only a target that the user named is written in place**, or one that its directory does not let be replaced. A
///   link, a device or a file with other names that is found in a directory is replaced, as `cp -a` does with the last: so
///   no link that is swapped in leads anywhere, no other name of an old file changes, and a second copy of a group of hard
///   links is a group again (`copy/decide.rs`).
/// - **A dry run takes the way of the copy** with the same decisions (`copy/decide.rs`), and tells what the copy would
///   do (`copy/dry_run.rs`). Its [`Sys`](sys::Sys) makes no call that changes anything, whatever was overlooked.
/// - **The names of choices are those of the command line**: clap reads the enums of [`plan`] themselves, so that no choice
///   stands twice.
/// - **The library names no options.** A [`Clash`] says by its type what contradicts what, and a
///   [`Remedy`](error::Remedy) what would help; `cli/text.rs` makes sentences of them. Three exceptions are for the command
///   line alone: advice in the laboratory's reports (`lab/disk/doubts/`, `lab/sweep/verdict/say.rs`), the flags that a
///   tuning finds ([`plan::Flags`]), and the last words of a process without memory (`sys/reserve.rs`).
/// - **Standard streams are looked at before `main`**, since Rust's runtime puts `/dev/null` in the place of those that are
///   closed (`sys/inherited.rs`), and are not written through `std::io`, which takes some failed writes for done.
/// - **What a job needs is set against the limits of the process before it begins** (`job/limits.rs`), and what is small
///   comes out of a reserve when there is no memory (`sys/allocations.rs`). libdeflate is called through its C interface for
///   the same reason: its Rust wrapper panics without memory.
/// - **A tree that is cut short stays, a file does not**: what is done can be told of whole files only
///   (`tree/staged_tree.rs`, `copy/staged.rs`).
/// - **A waiting directory is a name** in the one above, not yet a thing of its own: a hundred thousand of them wait in
///   ten megabytes (`copy/mod.rs`).
/// - **Small files of a new tree are looked at once**, when their bytes are there, where a file system's clock is ours
///   (`copy/file.rs`).
/// - **A file that one worker copies is copied by the kernel**, one that several share is read and written
///   (`engine/ladder.rs`).
/// - **Waiting calls are ended by nudging** every thread with a signal that does nothing ([`sys::Stop`]), since a signal
///   that asks to stop is handled by a thread of its own and would interrupt nobody.
/// - **A sweep reads memory and counts allocations while it warms up**, in the order of sizes: glibc's arenas keep what they
///   had, so that in a shuffled round a small buffer would seem to need what a large one left (`lab/sweep/mod.rs`).
/// - **The allocator counts for who asks**, and is the system's for all others: one flag that is read each time
///   (`sys/allocations.rs`, installed by the binary alone).
/// - **Nothing is removed between the runs of a sweep on ext4**, but moved aside and emptied (`lab/sweep/aside.rs`).
/// - **Files are made in directories that lie apart**, where a disk is measured: for the same reason (`lab/disk/files.rs`).
/// - **A scratch directory is made and removed by descriptor** (`lab/scratch.rs`), not by the crate tempfile, which goes by
///   path: where the place is renamed meanwhile, its directory stays. tempfile also hides the errno, makes calls that are
///   not counted, and cannot remove a directory in which its owner may not write.
/// - **A disk's file has no name** while it is measured, so that its room comes back whatever becomes of us
///   (`lab/disk/file/mod.rs`).
/// - **An operation is its number**: which block comes next depends on nothing else, so that threads need agree on a counter
///   only, and each block comes once before any comes again (`lab/disk/pattern/mod.rs`).
/// - **Counts are verified in another process**, haul itself with a hidden command, since strace slows what it watches a
///   hundredfold (`lab/sweep/observe/`).
/// - **An engine from `HAUL_COPY_OPTIONS` is a preference**, one that was typed is that engine or an error: whoever set the
///   variable did not choose it for every file (`cli/invocation.rs`). For the same reason a variable that contradicts typed words is
///   left out, and blocks that can be shared are shared first.
/// - **haul's defaults are a setting of their own** ([`outcome::Setting::chooses_buffer`]): who names the very buffer that
///   a job would choose takes other paths, for one the kernel's way to copy a small file.
/// - **Maps come from memmap2** by way of one module, so that `mmap` and `munmap` are counted like every other call
///   (`sys/map.rs`). Memory at a given address comes from rustix, since memmap2 has no such map (`sys/placed.rs`).
/// - **A failed read may count** in the kernel's `syscr`: see [`calls::Call::kernel_effect`].
#[cfg(doc)]
mod code_map {}
