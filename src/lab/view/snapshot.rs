//! Reports as they were when somebody last looked at them.

/// Compares with a file in `snapshots/`; `HAUL_BLESS=1` writes it again, to be looked at before it is committed.
#[track_caller]
#[allow(clippy::disallowed_methods, reason = "a test writes its own files")]
pub(in crate::lab) fn check(name: &str, found: &str, expected: &str) {
    if std::env::var_os("HAUL_BLESS").is_some() {
        let path = format!("{}/src/lab/view/snapshots/{name}", env!("CARGO_MANIFEST_DIR"));
        std::fs::write(path, found).unwrap();
    } else {
        assert!(found == expected, "{name} differs; found:\n{found}");
    }
}
