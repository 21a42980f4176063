//! Runs of a job on a data set: with what context, and whether the job did all of its work.

use std::sync::{Arc, Mutex, PoisonError};

use rustix::io::Errno;

use super::data_set::DataSet;
use super::options::JobOptions;
use crate::error::{Error, Remedy, Result};
use crate::event::{Event, EventSink};
use crate::job::Context;
use crate::lab::plan::SweepJob;
use crate::lab::probe::file_times::FileClock;
use crate::lab::setting::Setting;
use crate::summary::Summary;
use crate::sys::Stop;

/// What all runs have in common.
pub(super) struct Runs {
    context: Context,
    failure: Arc<FirstFailure>,
}

impl Runs {
    /// Runs that nobody watches.
    pub(super) fn new(context: &Context) -> Self {
        let failure = Arc::new(FirstFailure::default());
        Self { context: Context { events: failure.clone(), ..context.clone() }, failure }
    }

    /// The context of a run that is measured.
    pub(super) const fn context(&self) -> &Context {
        &self.context
    }

    /// The same for one that somebody else can ask to stop.
    pub(super) fn stopped_by(&self, stop: Stop) -> Context {
        Context { stop, ..self.context.clone() }
    }

    /// The same with every system call timed.
    pub(super) fn timing_calls(&self) -> Context {
        Context { time_calls: true, ..self.context.clone() }
    }

    /// The same with every file timed.
    pub(super) fn timing_files(&self, clock: Arc<FileClock>) -> Context {
        let events = Arc::new(Both(self.failure.clone(), clock));
        Context { events, ..self.context.clone() }
    }
}

/// Keeps the first failure, to say why a sweep ended; forgets all else, as cheaply as [`crate::event::Silent`].
#[derive(Debug, Default)]
struct FirstFailure(Mutex<Option<Error>>);

impl FirstFailure {
    fn take(&self) -> Option<Error> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).take()
    }
}

impl EventSink for FirstFailure {
    fn send(&self, event: Event) {
        if let Event::Failed(error) = event {
            self.0.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert(error);
        }
    }
}

/// The same while files are timed.
struct Both(Arc<FirstFailure>, Arc<FileClock>);

impl EventSink for Both {
    fn send(&self, event: Event) {
        match event {
            Event::Failed(_) => self.0.send(event),
            _ => self.1.send(event),
        }
    }

    fn wants_times(&self) -> bool {
        self.1.wants_times()
    }
}

impl DataSet<'_> {
    /// Runs a job once.
    pub(super) fn run(&self, context: &Context, setting: &Setting, options: &JobOptions) -> Result<Summary> {
        let run = self.spec(setting, options.job).run_with(options, context);
        run.map_err(|error| self.in_users_words(options.job, error))
    }

    /// Fails unless the job did all of its work, as it was set: figures of a job that failed half-way mean nothing, and those
    /// of fewer workers than a row says are those of another row.
    pub(super) fn check(&self, options: &JobOptions, summary: &Summary) -> Result<()> {
        self.require_success(options.job, summary)?;
        let asked = options.resources.threads() as u64;
        if summary.workers < asked {
            let why = format!("only {} of {asked} workers could be started", summary.workers);
            return Err(Error::refused("sweep over", &self.source, why).with(Remedy::FewerThreads));
        }
        Ok(())
    }

    /// Fails unless the job did all of its work.
    pub(super) fn require_success(&self, job: SweepJob, summary: &Summary) -> Result<()> {
        if summary.is_clean() {
            return Ok(());
        }
        // Taken in any case: it would be told of a later run.
        let first = self.runs.failure.take();
        if summary.interrupted {
            return Err(Error::system("sweep over", &self.source, Errno::INTR));
        }
        let error = first.unwrap_or_else(|| Error::refused("sweep over", &self.source, "the job fails on it"));
        Err(self.in_users_words(job, error))
    }
}
