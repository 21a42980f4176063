//! Test builds only: the fault plan that the environment asks for. `HAUL_FAULTS` is the plan (see `sys/faults.rs`);
//! `HAUL_FAULTS_SEEN` a file that gets the number of calls made, so that a test knows how many k there are, and after it
//! what they were, a letter each.

use std::sync::Arc;

use haul::sys::faults::FaultPlan;

/// The plan, if there is one.
///
/// # Panics
/// If it makes no sense: a test must not pass because its fault never came.
pub(crate) fn from_environment() -> Option<Arc<FaultPlan>> {
    let text = std::env::var("HAUL_FAULTS").ok()?;
    Some(Arc::new(text.parse().expect("HAUL_FAULTS")))
}

/// Writes down how many calls were made under the plan.
#[expect(clippy::disallowed_methods, reason = "not part of any job, and not in a release")]
pub(crate) fn report(plan: Option<&FaultPlan>) {
    if let (Some(plan), Some(path)) = (plan, std::env::var_os("HAUL_FAULTS_SEEN")) {
        let text = format!("{} {}", plan.seen(), plan.kinds());
        std::fs::write(path, text).expect("HAUL_FAULTS_SEEN");
    }
}
