//! How much of the kernel's resources this process may hold.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// Descriptors that may be open at a time. Asks for all that the user may have without privileges: the soft limit is
/// there for programs that use select(2), and this one does not. `None` where there is no limit.
pub fn most_descriptors() -> Option<u64> {
    let Rlimit { current, maximum } = getrlimit(Resource::Nofile);
    if current != maximum && setrlimit(Resource::Nofile, Rlimit { current: maximum, maximum }).is_ok() {
        return maximum;
    }
    current
}
