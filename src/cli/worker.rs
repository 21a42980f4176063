//! `haul worker`: the process that a worker of `--scheduler processes` starts. It talks to nobody but that worker, over the
//! socket that is its standard input, and ends with it.

use haul::error::{Error, Result};
use haul::sys::{end_with_parent, standard_socket};
use haul::{copy, gzip};

use std::sync::Arc;

use super::exit::Exit;
use super::invocation::Invocation;
use super::options::WorkerJob;
use super::progress::Terminal;
use super::run::context;

/// Serves a job until the socket closes.
pub(super) fn run(job: WorkerJob, invocation: &Invocation) -> Exit {
    let terminal = Terminal::new(invocation.progress, invocation.verbosity);
    match serve(job, &terminal) {
        Ok(()) => Exit::Done,
        Err(error) => Exit::of_failure(&error, |line| terminal.say(line)),
    }
}

fn serve(job: WorkerJob, terminal: &Arc<Terminal>) -> Result<()> {
    let refused = |why| Error::refused("be", "a worker process", why);
    // Whoever presses Ctrl-C stops the job, and the job ends its processes.
    let _ = signal_hook::flag::register(signal_hook::consts::SIGINT, Arc::default());
    end_with_parent().map_err(|errno| Error::system("be", "a worker process", errno))?;
    let socket = standard_socket().ok_or_else(|| refused("it is started by a job, which gives it a socket"))?;
    let context = context(Arc::clone(terminal));
    match job {
        WorkerJob::Copy => copy::work(socket, &context),
        WorkerJob::Gzip => gzip::work(socket, &context),
    }
}
