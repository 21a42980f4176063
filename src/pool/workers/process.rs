//! Worker processes: each does what a worker of the job asks of it, over a pair of sockets, and says what it called.
//!
//! The job itself stays in one process, with its names, decisions and attributes; open files go to the worker process, and
//! bytes come back, or a file is written there. So a worker process holds nothing that could be lost: whatever ends it, its
//! worker learns it from the closed socket, the request at hand fails, and the next one gets a new process. It ends when
//! its socket closes, or with the thread that started it (`PR_SET_PDEATHSIG`).
//!
//! A message is a head of fixed size, the request or answer (postcard), and plain bytes. Both ends are the same program, so
//! there is no version.

use std::fmt;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::process::ExitStatusExt as _;
use std::path::PathBuf;
use std::process::{Child, Command, ExitStatus, Stdio};

use rustix::io::Errno;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::calls::SentCounts;
use crate::error::{Error, Remedy};
use crate::sys::Sys;

/// Bytes of a head: of the message, and of the plain bytes after it.
const HEAD_BYTES: usize = 16;
/// Bytes that are received first: all of a message without many plain bytes.
const FIRST_BYTES: usize = 4096;
/// A request or an answer is small; what says it is longer is none.
const MOST_MESSAGE_BYTES: u64 = 1 << 20;

/// How worker processes are started.
#[derive(Debug, Clone)]
pub struct WorkerProgram {
    /// The program: `haul`, or one that serves as `haul worker JOB` does.
    pub path: PathBuf,
}

/// What a worker process says: the answer, and the calls that it made since the last one.
#[derive(Serialize, Deserialize)]
struct Answered<A> {
    answer: A,
    counts: SentCounts,
}

/// A worker process that has been started, and is started again when it was ended.
pub(crate) struct WorkerProcess {
    program: WorkerProgram,
    /// The job that it serves.
    job: &'static str,
    running: Option<Running>,
    /// How many were started.
    started: u64,
}

struct Running {
    socket: OwnedFd,
    child: Child,
}

/// Why there is no answer.
#[derive(Debug)]
pub(crate) enum NoAnswer {
    /// Somebody asked to stop; the worker process was ended.
    Interrupted,
    /// None could be started.
    NotStarted(Errno),
    /// The worker process ended.
    Ended(Option<ExitStatus>),
    /// A call on the socket failed.
    Failed(Errno),
}

impl fmt::Display for NoAnswer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Interrupted => f.write_str("interrupted"),
            Self::NotStarted(errno) => write!(f, "no worker process could be started: {}", text(*errno)),
            Self::Ended(Some(status)) => match (status.signal(), status.code()) {
                (Some(signal), _) => write!(f, "its worker process was ended by signal {signal}"),
                (None, code) => write!(f, "its worker process ended with status {}", code.unwrap_or_default()),
            },
            Self::Ended(None) => f.write_str("its worker process ended"),
            Self::Failed(errno) => write!(f, "its worker process cannot be reached: {}", text(*errno)),
        }
    }
}

fn text(errno: Errno) -> String {
    crate::error::Cause::System(errno).to_string()
}

impl NoAnswer {
    /// The failure of what was asked for.
    pub(crate) fn error(&self, operation: &'static str, path: PathBuf) -> Error {
        match self {
            Self::Interrupted => Error::system(operation, path, Errno::INTR),
            Self::NotStarted(_) => Error::refused(operation, path, self.to_string()).with(Remedy::FewerThreads),
            Self::Ended(_) | Self::Failed(_) => Error::refused(operation, path, self.to_string()),
        }
    }
}

impl WorkerProcess {
    /// Starts one for a job.
    pub(crate) fn start(sys: &mut Sys, program: &WorkerProgram, job: &'static str) -> Result<Self, NoAnswer> {
        let mut process = Self { program: program.clone(), job, running: None, started: 0 };
        process.running = Some(process.spawn(sys)?);
        Ok(process)
    }

    /// How many processes it was so far.
    pub(crate) const fn started(&self) -> u64 {
        self.started
    }

    fn spawn(&mut self, sys: &mut Sys) -> Result<Running, NoAnswer> {
        let (socket, other) = sys.socket_pair().map_err(NoAnswer::NotStarted)?;
        let mut command = Command::new(&self.program.path);
        command.arg("worker").arg(self.job).stdin(other).stdout(Stdio::null());
        let child = command.spawn();
        let child = child.map_err(|error| NoAnswer::NotStarted(Errno::from_io_error(&error).unwrap_or(Errno::IO)))?;
        self.started += 1;
        Ok(Running { socket, child })
    }

    /// Asks for something, with open files and plain `bytes`. The answer comes with plain bytes at the start of `room`. If it
    /// was ended since the last answer, another one is started and asked; if it ends meanwhile, the request has failed.
    pub(crate) fn ask<Q: Serialize, A: DeserializeOwned>(
        &mut self,
        sys: &mut Sys,
        request: &Q,
        files: &[BorrowedFd<'_>],
        bytes: &[u8],
        room: &mut [u8],
    ) -> Result<(A, usize), NoAnswer> {
        let request = encode(request, bytes.len());
        let was_running = self.running.is_some();
        let sent = self.send(sys, &request, files, bytes);
        let answered = match sent {
            // It ended while it had nothing to do, so nothing of it is lost.
            Err(Errno::PIPE | Errno::CONNRESET) if was_running => {
                self.end(sys);
                self.send(sys, &request, files, bytes)
            }
            other => other,
        };
        let received = answered.and_then(|()| match &self.running {
            Some(running) => receive::<Answered<A>>(sys, &running.socket, |_| room),
            None => Err(Errno::CHILD),
        });
        match received {
            Ok((Answered { answer, counts }, len, _)) => {
                sys.add_counts(&counts);
                Ok((answer, len))
            }
            Err(errno) => Err(self.fail(sys, errno)),
        }
    }

    fn send(
        &mut self,
        sys: &mut Sys,
        request: &[u8],
        files: &[BorrowedFd<'_>],
        bytes: &[u8],
    ) -> rustix::io::Result<()> {
        if self.running.is_none() {
            let spawned = self.spawn(sys);
            self.running = Some(spawned.map_err(|why| match why {
                NoAnswer::NotStarted(errno) => errno,
                _ => Errno::IO,
            })?);
        }
        self.running.as_ref().map_or(Err(Errno::CHILD), |running| sys.send_all(&running.socket, request, bytes, files))
    }

    /// What a failed call means; the process is ended, as nobody knows what it does.
    fn fail(&mut self, sys: &mut Sys, errno: Errno) -> NoAnswer {
        let was_running = self.running.is_some();
        let status = self.end(sys);
        match errno {
            Errno::INTR => NoAnswer::Interrupted,
            Errno::PIPE | Errno::CONNRESET => NoAnswer::Ended(status),
            errno if was_running => NoAnswer::Failed(errno),
            errno => NoAnswer::NotStarted(errno),
        }
    }

    /// Closes its socket, ends it if it has not ended, and waits for it: the kernel adds what it used to what this process
    /// used.
    fn end(&mut self, sys: &mut Sys) -> Option<ExitStatus> {
        let Running { socket, mut child } = self.running.take()?;
        let _ = sys.close(socket);
        // One that is about to end keeps the status that it has.
        let _ = child.kill();
        child.wait().ok()
    }

    /// Starts one for which there is nothing to do, and waits for its end: to see what that costs.
    pub(crate) fn start_idle(sys: &mut Sys, program: &WorkerProgram) -> Result<(), NoAnswer> {
        Self::start(sys, program, "copy").map(|process| process.finish(sys))
    }

    /// Lets it end by itself, and waits for that.
    pub(crate) fn finish(mut self, sys: &mut Sys) {
        if let Some(Running { socket, mut child }) = self.running.take() {
            if sys.close(socket).is_err() {
                // It would wait for requests for ever.
                let _ = child.kill();
            }
            let _ = child.wait();
        }
    }
}

impl Drop for WorkerProcess {
    /// On the way out after a panic.
    fn drop(&mut self) {
        if let Some(Running { mut child, .. }) = self.running.take() {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

/// What comes with a request, and room for what goes with its answer.
pub(crate) struct Asked<'a> {
    pub(crate) files: Vec<OwnedFd>,
    /// Plain bytes, `len` of them; after them there is whatever was there before.
    pub(crate) bytes: &'a mut Vec<u8>,
    pub(crate) len: usize,
    /// Its first bytes go with the answer, as many as are said there.
    pub(crate) out: &'a mut Vec<u8>,
}

impl Asked<'_> {
    /// The first bytes of a buffer, which is as long at least.
    pub(crate) fn first(buffer: &mut Vec<u8>, len: usize) -> &mut [u8] {
        // What is there is written over, and need not be zero.
        if buffer.len() < len {
            buffer.resize(len, 0);
        }
        &mut buffer[..len]
    }
}

/// Answers requests from a socket until it closes, or a request cannot be read: then this process ends, and the other one
/// learns it by that. `answer` says how many plain bytes go with what it answers.
pub(crate) fn serve<Q: DeserializeOwned, A: Serialize>(
    sys: &mut Sys,
    socket: impl AsFd,
    mut answer: impl FnMut(&mut Sys, Q, Asked<'_>) -> (A, usize),
) -> rustix::io::Result<()> {
    let (mut bytes, mut out) = (Vec::new(), Vec::new());
    loop {
        let received = receive::<Q>(sys, &socket, |len| Asked::first(&mut bytes, len));
        let (request, len, files) = match received {
            Err(Errno::PIPE | Errno::CONNRESET) => return Ok(()),
            other => other?,
        };
        let (answer, body) = answer(sys, request, Asked { files, bytes: &mut bytes, len, out: &mut out });
        let answered = Answered { answer, counts: SentCounts::from(&sys.take_counts()) };
        sys.send_all(&socket, &encode(&answered, body), &out[..body], &[])?;
    }
}

fn encode(message: &impl Serialize, bytes: usize) -> Vec<u8> {
    let mut encoded = postcard::to_extend(message, vec![0; HEAD_BYTES]).expect("a message of plain data");
    let len = (encoded.len() - HEAD_BYTES) as u64;
    encoded[..8].copy_from_slice(&len.to_le_bytes());
    encoded[8..HEAD_BYTES].copy_from_slice(&(bytes as u64).to_le_bytes());
    encoded
}

/// A message, how many plain bytes came after it into the room that `room` makes for them, and files. What is short comes in
/// one call.
fn receive<'a, M: DeserializeOwned>(
    sys: &mut Sys,
    socket: impl AsFd,
    room: impl FnOnce(usize) -> &'a mut [u8],
) -> rustix::io::Result<(M, usize, Vec<OwnedFd>)> {
    let mut first = [0; FIRST_BYTES];
    let (mut filled, files) = sys.receive(&socket, &mut first)?;
    if filled < HEAD_BYTES {
        sys.receive_all(&socket, &mut first[filled..HEAD_BYTES])?;
        filled = HEAD_BYTES;
    }
    let number = |bytes: &[u8]| bytes.try_into().map_or(u64::MAX, u64::from_le_bytes);
    let (len, body) = (number(&first[..8]), number(&first[8..HEAD_BYTES]));
    if len > MOST_MESSAGE_BYTES {
        return Err(Errno::BADMSG);
    }
    let (len, came) = (len as usize, &first[HEAD_BYTES..filled]);
    let mut longer = Vec::new();
    let (message, rest) = if let Some(parts) = came.split_at_checked(len) {
        parts
    } else {
        longer.resize(len, 0);
        longer[..came.len()].copy_from_slice(came);
        sys.receive_all(&socket, &mut longer[came.len()..])?;
        (&longer[..], &[][..])
    };
    let message = postcard::from_bytes(message).map_err(|_| Errno::BADMSG)?;
    let room = room(body as usize).get_mut(..body as usize).ok_or(Errno::BADMSG)?;
    // Nothing follows the plain bytes before they are answered.
    let (start, end) = room.split_at_mut_checked(rest.len()).ok_or(Errno::BADMSG)?;
    start.copy_from_slice(rest);
    sys.receive_all(&socket, end)?;
    Ok((message, body as usize, files))
}
