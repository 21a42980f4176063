//! The context of a worker of any job: its system calls, its share of the summary, and where it reports.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

use rustix::io::Errno;

use super::Context;
use super::limits::{Device, Full, Volume};
use crate::error::{Error, Quoted, Remedy, Result};
use crate::event::{Event, Events};
use crate::pool::BufferPool;
use crate::pool::workers::process::WorkerProcess;
use crate::summary::{Summary, Warning};
use crate::sys::{Sys, ignores_broken_pipes};

/// What a worker of any job has.
pub(crate) struct WorkerContext {
    pub(crate) sys: Sys,
    pub(crate) summary: Summary,
    events: Events,
    /// Set when going on is pointless: somebody asked to stop, the reader is gone, what all output goes to is full.
    halted: Arc<AtomicBool>,
    /// Where nothing more can be written.
    full: Arc<Full>,
    /// The user that makes all files.
    user: u32,
    /// Where the work at hand writes, if that is a file system among others.
    volume: Option<Volume>,
    /// What does the work on bytes, with the scheduler `processes`.
    pub(crate) process: Option<WorkerProcess>,
}

impl WorkerContext {
    /// Contexts for the workers of one job.
    pub(crate) fn for_workers(context: &Context, count: usize) -> Vec<Self> {
        let first = context.sys();
        let (halted, full) = (Arc::new(AtomicBool::new(false)), Arc::new(Full::default()));
        (0..count)
            .map(|_| Self {
                sys: first.sibling(),
                summary: Summary::default(),
                events: Arc::clone(&context.events),
                halted: Arc::clone(&halted),
                full: Arc::clone(&full),
                user: context.identity.uid,
                volume: None,
                process: None,
            })
            .collect()
    }

    /// Gives each worker a process for `job`; those for which none can be started go, but for the first. An error where not
    /// even one can.
    pub(crate) fn start_processes(workers: &mut Vec<Self>, context: &Context, job: &'static str) -> Result<()> {
        let refused = |why: String| Error::refused("start", "worker processes", why).with(Remedy::FewerThreads);
        let Some(program) = &context.worker_program else {
            return Err(refused("there is no program for them".to_owned()));
        };
        for started in 0..workers.len() {
            let worker = &mut workers[started];
            match WorkerProcess::start(&mut worker.sys, program, job) {
                Ok(process) => worker.process = Some(process),
                Err(why) if started == 0 => return Err(refused(why.to_string())),
                Err(_) => {
                    workers.truncate(started);
                    break;
                }
            }
        }
        Ok(())
    }

    /// Adds up what the workers of a job did.
    pub(crate) fn add_up(workers: impl IntoIterator<Item = Self>, pool: &BufferPool) -> Summary {
        let mut total = Summary { pool: pool.stats(), ..Summary::default() };
        for mut worker in workers {
            if let Some(process) = worker.process.take() {
                total.processes += process.started();
                process.finish(&mut worker.sys);
            }
            total.workers += 1;
            total += &worker.summary;
            total.syscalls += worker.sys.counts();
        }
        total
    }

    /// Whether the job should end. Asked before each piece of work.
    pub(crate) fn is_halted(&mut self) -> bool {
        match self.sys.check_stop() {
            Err(Errno::NOMEM) => {
                self.summary.stopped_early = true;
                if !self.halted.swap(true, Ordering::Relaxed) {
                    let error = Error::refused("go on with", "the rest", "there is no memory left");
                    self.fail(error.with(Remedy::FewerWorkers));
                }
            }
            Err(_) => {
                self.summary.interrupted = true;
                return true;
            }
            Ok(()) => {}
        }
        self.halted.load(Ordering::Relaxed)
    }

    /// From here on the work at hand writes to this device; to none that could be full while others are not: `None`.
    pub(crate) fn writes_to(&mut self, device: Option<Device>) {
        self.volume = device.map(|device| Volume { device, owner: self.user });
    }

    /// Where the work at hand writes.
    pub(crate) const fn volume(&self) -> Option<Volume> {
        self.volume
    }

    /// It writes there again.
    pub(crate) const fn return_to(&mut self, volume: Option<Volume>) {
        self.volume = volume;
    }

    /// What it writes belongs to another user: a file that exists, and is written in place.
    pub(crate) fn writes_for(&mut self, owner: u32) {
        self.volume = self.volume.map(|volume| Volume { owner, ..volume });
    }

    /// Whether nothing more can be written to a device: then what was to be written there is not tried.
    pub(crate) fn is_full(&mut self, device: Device) -> bool {
        let is_full = self.full.has(Volume { device, owner: self.user });
        self.summary.stopped_early |= is_full;
        is_full
    }

    /// Reports a failure; the rest of the job goes on, but for what would fail in the same way.
    pub(crate) fn fail(&mut self, error: Error) {
        let full = error.errno().zip(self.volume);
        if error.stops_the_job() && !full.is_some_and(|(errno, volume)| self.full.note(volume, errno)) {
            self.halted.store(true, Ordering::Relaxed);
        }
        if error.is_interruption() {
            self.summary.interrupted = true;
        } else if error.is_broken_pipe() && !ignores_broken_pipes() {
            self.summary.broken_pipe = true;
        } else {
            self.summary.failures += 1;
            self.summary.stopped_early |= error.stops_the_job();
            self.events.send(Event::Failed(error));
        }
    }

    /// Reports the failure of a result, if it is one.
    pub(crate) fn check<T>(&mut self, result: Result<T>) -> Option<T> {
        result.map_err(|error| self.fail(error)).ok()
    }

    /// Reports the failure of one of several workers at a file, at once: only the first that `failed` has to be said, and
    /// the others must not go on in vain.
    pub(crate) fn check_shared(&mut self, failed: &AtomicBool, result: Result<()>) {
        if let Err(error) = result
            && !failed.swap(true, Ordering::Relaxed)
        {
            self.fail(error);
        }
    }

    /// Says something that a person should know.
    pub(crate) fn warn(&mut self, path: impl Into<PathBuf>, text: impl Into<String>) {
        self.advise(path, text, None);
    }

    /// The same, and what would help.
    pub(crate) fn advise(
        &mut self,
        path: impl Into<PathBuf>,
        text: impl Into<String>,
        remedy: impl Into<Option<Remedy>>,
    ) {
        let warning = Warning { path: path.into(), text: text.into(), remedy: remedy.into() };
        self.summary.warn(warning.clone());
        self.events.send(Event::Warned(warning));
    }

    /// Says something to those who asked for detail; the text is made only for them.
    pub(crate) fn note(&self, say: impl FnOnce() -> (PathBuf, String)) {
        if self.events.wants_notes() {
            let (path, text) = say();
            self.events.send(Event::Note { path, text });
        }
    }

    /// The target of a source is at least as new as the source.
    pub(crate) fn up_to_date(&mut self, source: &Path, target: &Path) {
        self.summary.skipped += 1;
        self.note(|| (source.to_owned(), format!("passed over: {} is up to date", Quoted(target))));
    }

    /// A file of so many bytes lies ahead.
    pub(crate) fn found(&self, bytes: u64) {
        self.events.send(Event::Found { bytes });
    }

    /// So many bytes of source were dealt with.
    pub(crate) fn moved(&mut self, bytes: u64) {
        self.summary.source_bytes += bytes;
        self.events.send(Event::Moved { bytes });
    }

    /// When a file is opened, if somebody wants to know how long it takes.
    pub(crate) fn clock(&self) -> Option<Instant> {
        self.events.wants_times().then(Instant::now)
    }

    /// A file is done that was opened then.
    pub(crate) fn done(&mut self, opened: Option<Instant>) {
        self.summary.files += 1;
        self.events.send(Event::Done { took: opened.map(|opened| opened.elapsed()) });
    }
}
