//! Ctrl-C and its kin: the first asks the job to end cleanly, the second ends the process at once.

use haul::job::Context;
use haul::sys::is_ignored;
use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
use signal_hook::iterator::Signals;

/// Starts the thread that listens. Without it (no descriptors left) signals end the process as they always do, and
/// a temporary name may stay.
pub(crate) fn listen(context: &Context) {
    // What was ignored from the start (nohup, a shell's background job) stays so.
    let wanted = [SIGINT, SIGTERM, SIGHUP].into_iter().filter(|signal| !is_ignored(*signal));
    let Ok(mut signals) = Signals::new(wanted) else { return };
    let (stop, leftovers) = (context.stop.clone(), context.leftovers.clone());
    let listener = move || {
        for signal in signals.forever() {
            if stop.is_requested() {
                leftovers.remove_all();
                std::process::exit(128 + signal);
            }
            stop.request(signal);
        }
    };
    let _ = std::thread::Builder::new().name("haul-signals".to_owned()).spawn(listener);
}
