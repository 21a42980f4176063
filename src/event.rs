//! What a job says while it runs, for people who watch. Dropping every event changes no result: figures come from
//! [`crate::summary::Summary`].

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use crate::error::Error;
use crate::summary::Warning;

/// Something that happened.
///
/// ```
/// use haul::{Event, EventSink};
///
/// /// Prints failures, and forgets the rest.
/// struct Failures;
///
/// impl EventSink for Failures {
///     fn send(&self, event: Event) {
///         if let Event::Failed(error) = event {
///             eprintln!("{error}");
///         }
///     }
/// }
/// # Failures.send(Event::Moved { bytes: 1 });
/// ```
#[derive(Debug, Clone)]
pub enum Event {
    /// A file's length became known: so many bytes are ahead.
    Found {
        /// Bytes to be read.
        bytes: u64,
    },
    /// So many bytes of source were dealt with.
    Moved {
        /// Bytes since the last such event.
        bytes: u64,
    },
    /// A file is done.
    Done {
        /// The time since its source was opened; nothing unless a sink wants times.
        took: Option<Duration>,
    },
    /// Something failed; the rest goes on.
    Failed(Error),
    /// Something a person should know; nothing failed.
    Warned(Warning),
    /// What `--verbose` shows: which engine ran and why, what became of a file.
    Note {
        /// What it is about.
        path: PathBuf,
        /// What happened.
        text: String,
    },
}

/// Where events go. `send` must be quick: workers call it.
///
/// ```
/// use std::sync::Arc;
/// use std::sync::atomic::{AtomicU64, Ordering};
///
/// use haul::{Context, Event, EventSink};
///
/// #[derive(Default)]
/// struct Progress(AtomicU64);
///
/// impl EventSink for Progress {
///     fn send(&self, event: Event) {
///         if let Event::Moved { bytes } = event {
///             self.0.fetch_add(bytes, Ordering::Relaxed);
///         }
///     }
/// }
///
/// let progress = Arc::new(Progress::default());
/// let context = Context::new(progress.clone());
/// # context.events.send(Event::Moved { bytes: 7 });
/// # assert_eq!(progress.0.load(Ordering::Relaxed), 7);
/// ```
pub trait EventSink: Send + Sync {
    /// Takes one event.
    fn send(&self, event: Event);

    /// Whether [`Event::Note`]s are wanted; making their text costs an allocation each.
    fn wants_notes(&self) -> bool {
        false
    }

    /// Whether it is wanted how long each file takes; the clock is read twice a file then.
    fn wants_times(&self) -> bool {
        false
    }
}

/// Forgets every event.
#[derive(Debug, Clone, Copy, Default)]
pub struct Silent;

impl EventSink for Silent {
    fn send(&self, _event: Event) {}
}

/// A shared sink.
pub type Events = Arc<dyn EventSink>;
