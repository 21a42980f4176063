//! Signals that end a process: the first asks the job to end cleanly, the second ends the process at once. A limit on the
//! size of files is not a reason to end.

use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use haul::job::Context;
use haul::sys::{die_of, is_ignored};
use signal_hook::consts::{
    SIGALRM, SIGHUP, SIGINT, SIGIO, SIGPROF, SIGQUIT, SIGTERM, SIGUSR1, SIGUSR2, SIGVTALRM, SIGXCPU, SIGXFSZ,
};
use signal_hook::iterator::Signals;

use super::progress::Terminal;

/// Signals whose default is to end the process (signal(7)), but for those that tell of a fault in it, and SIGPIPE, which
/// is ignored.
const ENDING: [i32; 11] =
    [SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGXCPU, SIGALRM, SIGVTALRM, SIGPROF, SIGIO, SIGUSR1, SIGUSR2];

/// How long the second signal waits for the bar to go: a terminal that takes nothing must not hold us.
const BAR_GOES: Duration = Duration::from_millis(100);

/// Starts the thread that listens. Without it (no descriptors left, no more threads) signals end the process as they
/// always do, and a temporary name may stay.
pub(crate) fn listen(context: &Context, terminal: &Arc<Terminal>) {
    // What was ignored from the start (nohup, a shell's background job) stays so.
    let wanted = ENDING.into_iter().filter(|signal| !is_ignored(*signal));
    let Ok(mut signals) = Signals::new(wanted.clone()) else { return };
    let (stop, temporary_files, terminal) =
        (context.stop.clone(), context.temporary_files.clone(), Arc::clone(terminal));
    let listener = move || {
        for signal in signals.forever() {
            if stop.is_requested() {
                temporary_files.remove_all();
                clear(&terminal);
                die_of(signal);
            }
            stop.request(signal);
        }
    };
    if std::thread::Builder::new().name("haul-signals".to_owned()).spawn(listener).is_err() {
        // The handlers stay, with nobody to hand signals to: without this they would be ignored.
        for signal in wanted {
            let _ = signal_hook::flag::register_conditional_default(signal, Arc::new(AtomicBool::new(true)));
        }
    }
}

/// Lets a write beyond the limit on the size of files (`ulimit -f`) fail with EFBIG, an error like others, instead of
/// ending the process with a half target left behind. A handler that does nothing serves, and programs that we might
/// start would not inherit it. Where it cannot be installed the signal does what it always does.
pub(crate) fn outlive_size_limit() {
    if !is_ignored(SIGXFSZ) {
        let _ = signal_hook::flag::register(SIGXFSZ, Arc::default());
    }
}

/// Takes the bar's line away, in a thread of its own: whoever else draws may be stuck in a write with the bar locked.
fn clear(terminal: &Arc<Terminal>) {
    let (gone, wait) = std::sync::mpsc::channel::<()>();
    let terminal = Arc::clone(terminal);
    let clear = move || {
        terminal.finish();
        drop(gone);
    };
    if std::thread::Builder::new().name("haul-clear".to_owned()).spawn(clear).is_ok() {
        let _ = wait.recv_timeout(BAR_GOES);
    }
}
