//! `haul worker`: the process that a worker of `--scheduler processes` starts. It talks to nobody but that worker, over the
//! socket that is its standard input, and ends with it.

use haul::error::{Error, Result};
use haul::sys::{end_with_parent, standard_socket};
use haul::{copy, gzip};

use std::os::fd::BorrowedFd;
use std::sync::Arc;

use super::exit::Exit;
use super::invocation::Invocation;
use super::options::WorkerJob;
use super::progress::Terminal;
use super::run::context;

/// Serves a job until the socket closes. What goes wrong then is told by the other end, which knows the file.
pub(super) fn run(job: WorkerJob, invocation: &Invocation) -> Exit {
    let terminal = Terminal::new(invocation.progress, invocation.verbosity);
    let Some(socket) = standard_socket() else {
        terminal.say("cannot serve a job: it is started by one, which gives it a socket");
        return Exit::Usage;
    };
    match serve(job, socket, &terminal) {
        Ok(()) => Exit::Done,
        Err(_) => Exit::Failed,
    }
}

fn serve(job: WorkerJob, socket: BorrowedFd<'_>, terminal: &Arc<Terminal>) -> Result<()> {
    end_with_parent().map_err(|errno| Error::system("serve", "a job", errno))?;
    // Whoever presses Ctrl-C stops the job, and the job ends its processes.
    let _ = signal_hook::flag::register(signal_hook::consts::SIGINT, Arc::default());
    let context = context(Arc::clone(terminal));
    match job {
        WorkerJob::Copy => copy::work(socket, &context),
        WorkerJob::Gzip => gzip::work(socket, &context),
    }
}
