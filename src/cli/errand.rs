//! `haul errand`: what a sweep with `--verify-counts` runs of its own program under a tool that counts system calls.

use std::io::Write;
use std::path::Path;

use haul::error::{Error, Result};
use haul::job::Context;
use haul::job::sweep::errand::Errand;
use haul::job::sweep::observe;

use super::output::output_error;

/// Does it, or nothing, and prints what we counted. Whatever that is, printing takes one write: it is taken away from
/// what the tool sees.
pub(crate) fn run(errand: &Errand, idle: bool, context: &Context) -> Result<()> {
    let counts = observe::be_watched(errand, idle, context)?;
    let out = Path::new("standard output");
    let mut line = serde_json::to_vec(&counts).map_err(|error| Error::refused("write", out, error.to_string()))?;
    line.push(b'\n');
    std::io::stdout().lock().write_all(&line).map_err(|error| output_error(out, &error))
}
