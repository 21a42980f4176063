//! What a job says while it runs, for people who watch. Dropping every event changes no result: figures come from
//! [`crate::outcome::Summary`].

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use crate::error::Error;
use crate::outcome::Warning;

/// Something that happened.
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
