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
pub mod plan;
#[doc(hidden)]
pub mod pool;
pub mod size;
#[doc(hidden)]
pub mod summary;
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
pub use plan::{Clash, Clashes, CopyOptions, CopyPlan, FileOptions, GunzipOptions, GunzipPlan, GzipOptions, GzipPlan};
#[doc(inline)]
pub use summary::{PoolStats, Summary, Warning};
#[doc(inline)]
pub use sys::Stop;

/// # The code map
///
/// Imports point down only; the jobs do not know each other, nor do the three in the middle. A test holds the code to this
/// table.
///
/// ```text
/// cli (the binary) → lab → { copy gzip } → job → { engine codec tree } → pool → sys → { calls plan size error event summary }
/// ```
///
/// | module | owns | look here when |
/// |---|---|---|
/// | `cli` | options, the sentences and flags for what the library says by types, progress, where reports go | an option is missing |
/// | [`lab`] | what measures: sweep, disk, tune, compare; see below | the wrong setting wins; a report is hard to read |
/// | [`copy`](mod@copy) | copying files and trees | a target lands in the wrong directory; a dry run says something else |
/// | [`gzip`](mod@gzip) | gzip and gunzip | a source is removed too early; the .gz lands in the wrong directory |
/// | [`job`] | what the jobs share: a worker's context, limits of memory and disks, targets taken, attributes lost | a full disk does not end the work |
/// | [`engine`] | how bytes move, and the ladder that `auto` is | a copy uses the wrong call; holes are filled |
/// | [`codec`] | compressors, joined blocks, members, checks, indexes: bytes only | the .gz has no name in it; damage is not found |
/// | [`tree`] | the walk, directories by descriptor, temporary files, staged trees, metadata | an mtime is lost; a temporary file stays |
/// | [`pool`] | schedulers, buffers, order | memory grows; a job hangs |
/// | [`sys`] | every system call, safe and counted; signals; fault plans; the allocator | reads are not counted |
/// | [`calls`] | the table of calls, and what the kernel counts of each | the sweep disagrees with the kernel |
/// | [`plan`], [`size`], [`summary`], [`event`], [`error`] | plain data; what contradicts what | two options clash; 64k is refused; a pattern excludes too much |
///
/// The laboratory has one report, whatever measures it:
///
/// | module of [`lab`] | owns | look here when |
/// |---|---|---|
/// | [`report`](lab::report), [`setting`](lab::setting), [`metric`](lab::metric) | what a report holds, raw; every axis and every figure with its name and unit | a column is missing or misnamed |
/// | [`rounds`](lab::rounds) | warming up, shuffled rounds, controls, when to stop: of anything that can be run again and again | rounds end too early |
/// | [`subject`](lab::subject) | the two things that can: jobs (`job/`), a disk (`disk/`) | a run does not do what its setting says; a queue depth is not reached |
/// | [`cache`](lab::cache), [`probe`](lab::probe), [`observe`](lab::observe), [`machine`](lab::machine) | warm and cold; one run → a sample; strace beside our counts; where it was | a time or a count is wrong; a warning is missing |
/// | [`stats`](lab::stats), [`figures`](lab::figures) | medians, intervals, steadiness; those of a report's rows | an interval is too wide |
/// | [`verdict`](lab::verdict), [`bottleneck`](lab::bottleneck), [`timeline`](lab::timeline) | which setting to use and why not; what a run waits for; when a rate fell | a sentence claims too much |
/// | [`compare`](lab::compare), [`expect`](lab::expect), [`recommend`](lab::recommend) | what follows from reports: changes, rates that were promised, flags worth setting | a change is called noise |
/// | [`view`](lab::view) | a page of what a report says, in six formats | a table is hard to read |
///
/// # Where the code departs from what one might expect
///
/// The file that is named says more.
///
/// - **No reader thread, no writer thread.** A pipe is read in turn by whichever worker needs a block next
///   (`gzip/compress/blocks.rs`); whoever finishes the next block in sequence writes it (`pool/ordered.rs`). A worker takes
///   a block's number after its buffers, and asks for help before each block.
/// - **Marks stand between blocks, not after the last**, so that a file of one block is what its compressor made
///   (`codec/join.rs`). By them a file is inflated in parallel, after a second piece proved that this works
///   (`gzip/inflate/route.rs`). What is not proven is read in order, so any guess is good enough (`codec/piece.rs`).
/// - **A small gunzip finds at its end what is there**, by the rename that replaces nothing (`gzip/inflate/mod.rs`).
/// - **Nothing counts what is pending**: tasks hold an `Arc`, and the last one finishes (`copy/directory_copy.rs`). A
///   waiting directory is a name in the one above (`copy/mod.rs`).
/// - **A replaced file takes mode and owner of its source**, as with `cp -a`. Only a target that the user named is written
///   in place, or one that its directory does not let be replaced (`copy/decide.rs`).
/// - **A dry run is the same walk with the same decisions** (`copy/decision.rs`). Its [`Sys`](sys::Sys) makes no call that
///   changes anything.
/// - **A tree that is cut short stays, a file does not**: what is done can be told of whole files only
///   (`tree/staged_tree.rs`, `copy/staged.rs`).
/// - **Small files of a new tree are looked at once**, when their bytes are there (`copy/file.rs`). A file that one worker
///   copies is copied by the kernel, one that several share is read and written (`engine/ladder.rs`).
/// - **The library names no options.** A [`Clash`] says what contradicts what, a [`Remedy`](error::Remedy) what would
///   help; `cli/text.rs` makes sentences of them. The exceptions speak to people at the command line alone: advice in the
///   laboratory's reports, the options that a tuning finds ([`lab::recommend`]), and the last words of a process without memory.
///   clap reads the enums of [`plan`] themselves, so that no choice is written twice.
/// - **Standard streams are looked at before `main`**, and not written through `std::io` (`sys/inherited.rs`).
/// - **Memory is set against the limits of the process before a job begins** (`job/limits.rs`); what is small comes out of a
///   reserve when there is none (`sys/allocations.rs`). libdeflate is called through its C interface, since its Rust wrapper
///   panics without memory.
/// - **A limit to waiting for a buffer is about a pool that stands still**: it starts again with each buffer that comes back
///   (`pool/buffers.rs`). A worker that only would have helped with a copy leaves it to the others (`copy/content.rs`).
/// - **An event loop runs the same code as threads do**: a worker has a stack of its own (a coroutine), and is suspended where
///   a call becomes an operation of the ring (`sys/event_loop/`). Descriptors are ordinary ones, since attributes and times
///   are set by calls; buffers are not registered, which measured 1 % (`sys/ring/`).
/// - **A worker process gets open files and bytes, never names** (`pool/workers/process.rs`): what decides, names and removes
///   stays in one process, so that a killed one leaves nothing behind.
/// - **Waiting calls are ended by a signal that does nothing**, sent to every thread (`sys/signals.rs`).
/// - **An engine from `HAUL_COPY_OPTIONS` is a preference**, one that was typed is that engine or an error; a variable that
///   contradicts typed words is left out (`cli/environment.rs`).
/// - **A sweep moves old targets aside on ext4**, and measures memory while it warms up (`lab/subject/job/`). haul's defaults
///   are a setting of their own there. Counts are verified in another process (`lab/observe/`).
/// - **Some crates were judged and left out**: tempfile (`lab/scratch.rs`); shlex, which leaves a line break in a quoted word
///   as it is, so that a command would not stay one line; procfs, which does not undo the escapes of mountinfo and keeps its
///   options without their order.
#[cfg(doc)]
mod code_map {}
