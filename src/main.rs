//! The binary: parse → plan → run → exit code. Everything else is in the library, and in `cli/` for the words.

mod cli;

use std::process::ExitCode;

use clap::Parser;

use cli::args::Args;
use cli::exit::Exit;
use cli::level::spell_out;
use cli::lower::lower;
use haul::sys::CountingAllocator;

/// Counts for the sweep; without one it costs a load each time.
#[global_allocator]
static ALLOCATOR: CountingAllocator = CountingAllocator;

fn main() -> ExitCode {
    let exit = match lower(Args::parse_from(spell_out(std::env::args_os()))) {
        Ok(order) => cli::run(&order),
        Err(usage) => {
            usage.print();
            Exit::Usage
        }
    };
    exit.into()
}
