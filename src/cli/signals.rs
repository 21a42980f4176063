//! Ctrl-C and its kin: the first asks the job to end cleanly, the second ends the process at once.

use haul::job::Context;
use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
use signal_hook::iterator::Signals;

/// Starts the thread that listens. Without it (no descriptors left) signals end the process as they always do, and
/// a temporary name may stay.
pub(crate) fn listen(context: &Context) {
    let Ok(mut signals) = Signals::new([SIGINT, SIGTERM, SIGHUP]) else { return };
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
