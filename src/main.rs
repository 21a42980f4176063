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
    let exit = match cli::line::order(std::env::args_os()) {
        Ok(order) => cli::run(&order),
        Err(usage) => usage.tell(),
    };
    exit.leave()
}
