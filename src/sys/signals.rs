//! What signals do to this process: whether it was started with one ignored, and how it ends by one.

#![allow(unsafe_code, reason = "signal dispositions have no safe wrapper in our dependencies")]

use std::ffi::c_int;

/// Whether the process was started with `signal` ignored, as `nohup` does with SIGHUP. Then it must stay so.
pub fn is_ignored(signal: c_int) -> bool {
    let mut action = std::mem::MaybeUninit::<libc::sigaction>::zeroed();
    // SAFETY: `action` is writable and of the right type; with a null new action nothing changes. Zeroed, it is a
    // valid value, so reading it is sound even if the call failed.
    let action = unsafe {
        libc::sigaction(signal, std::ptr::null(), action.as_mut_ptr());
        action.assume_init()
    };
    action.sa_sigaction == libc::SIG_IGN
}

/// Ends this process by `signal`, as if it had never been handled. So whoever waits for it learns what ended it
/// (wait(2)): a shell ends its loop after Ctrl-C, and tar(1) takes the SIGPIPE of its compressor for no failure. Where
/// the default action does nothing, as in the first process of a container (`pid_namespaces(7)`), it exits with
/// 128 + `signal`, which is what a shell makes of the other.
pub fn die_of(signal: c_int) -> ! {
    // SAFETY: both structures are zeroed, which makes valid values of them, and outlive the calls that read them.
    unsafe {
        let mut action: libc::sigaction = std::mem::zeroed();
        action.sa_sigaction = libc::SIG_DFL;
        libc::sigaction(signal, &raw const action, std::ptr::null_mut());
        let mut alone: libc::sigset_t = std::mem::zeroed();
        libc::sigemptyset(&raw mut alone);
        libc::sigaddset(&raw mut alone, signal);
        libc::pthread_sigmask(libc::SIG_UNBLOCK, &raw const alone, std::ptr::null_mut());
        libc::raise(signal);
    }
    std::process::exit(128 + signal)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn signals_are_not_ignored_unless_somebody_said_so() {
        // Under nohup that one would be SIGHUP.
        assert!(!is_ignored(libc::SIGUSR2));
    }
}
