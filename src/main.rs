//! The binary: parse → plan → run → exit code. Everything else is in the library, and in `cli/` for the words.

mod cli;

use std::process::ExitCode;

use haul::sys::{CountingAllocator, keep_closed_streams_closed, within_limits};

/// Counts for the sweep; without one it costs a load each time.
#[global_allocator]
static ALLOCATOR: CountingAllocator = CountingAllocator;

fn main() -> ExitCode {
    keep_closed_streams_closed();
    within_limits(program)
}

fn program() -> ExitCode {
    let exit = match cli::args::read(std::env::args_os()) {
        Ok(invocation) => cli::run(&invocation),
        Err(usage) => cli::args::tell_usage(&usage),
    };
    exit.leave()
}
