//! `haul run-spec`: what a sweep with `--verify-counts` runs of its own program under a tool that counts system calls.

use haul::error::{Error, Result};
use haul::job::Context;
use haul::lab::sweep::observe;
use haul::lab::sweep::run_spec::RunSpec;

use super::streams::print;

/// Does it, or nothing, and prints what we counted. Whatever that is, printing takes one write: it is taken away from
/// what the tool sees.
pub(crate) fn run(spec: &RunSpec, idle: bool, context: &Context) -> Result<()> {
    let counts = observe::be_watched(spec, idle, context)?;
    let line = serde_json::to_vec(&counts);
    let mut line = line.map_err(|error| Error::refused("write", "standard output", error.to_string()))?;
    line.push(b'\n');
    print(&line)
}
