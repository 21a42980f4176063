//! Directories that come, go, and are left.

use std::sync::Mutex;

use super::*;
use crate::event::EventSink;
use crate::summary::Warning;

#[test]
fn it_is_gone_at_the_end_and_after_an_error_too() {
    let place = tempfile::tempdir().unwrap();
    let context = Context::silent();
    let mut sys = context.sys();
    let count = || place.path().read_dir().unwrap().count();
    let [first, second] = Purpose::ALL.map(|purpose| Scratch::make(&mut sys, &context, purpose, place.path()).unwrap());
    sys.mkdirat(first.directory(), c"target", 0o500).unwrap();
    assert_eq!(count(), 2);
    first.finish().unwrap();
    assert_eq!(count(), 1);
    context.stop.request(2);
    drop(second);
    assert_eq!(count(), 0);
}

#[test]
fn a_place_that_cannot_serve_says_what_to_do() {
    let context = Context::silent();
    for purpose in Purpose::ALL {
        let made = Scratch::make(&mut context.sys(), &context, purpose, Path::new("/proc"));
        let error = made.err().unwrap();
        assert!(error.to_string().starts_with("cannot make a scratch directory in '/proc': "), "{error}");
        assert_eq!(error.remedy(), Some(purpose.remedy()));
    }
}

/// What was said, and of which directories.
#[derive(Default)]
struct Said(Mutex<Vec<(PathBuf, String)>>);

impl EventSink for Said {
    fn send(&self, event: Event) {
        if let Event::Warned(Warning { path, text, .. }) = event {
            self.0.lock().unwrap().push((path, text));
        }
    }
}

fn listened_to() -> (Context, Arc<Said>) {
    let said = Arc::new(Said::default());
    (Context { events: Arc::clone(&said) as Events, ..Context::silent() }, said)
}

#[test]
#[allow(clippy::disallowed_methods, reason = "a test makes its own files")]
fn a_live_one_is_not_called_abandoned_whatever_its_number_and_a_dead_one_is() {
    let place = tempfile::tempdir().unwrap();
    let (context, said) = listened_to();
    let mut sys = context.sys();
    // Our own number, as in a container, where every haul may be number 1.
    let dead = place.path().join(format!(".haul-sweep-{}-7", std::process::id()));
    // No process has this number: the limit is 2^22 (proc(5), pid_max).
    let live = place.path().join(".haul-disk-2000000000-0");
    for path in [&dead, &live] {
        std::fs::create_dir(path).unwrap();
    }
    let holder = sys.open_named_directory(CWD, &c_path(&live)).unwrap();
    if let Err(errno) = sys.flock(&holder) {
        return eprintln!("skipped: no locks here: {errno}");
    }
    let _first = Scratch::make(&mut sys, &context, Purpose::Disk, place.path()).unwrap();
    let _second = Scratch::make(&mut sys, &context, Purpose::Disk, place.path()).unwrap();
    let said = said.0.lock().unwrap();
    assert!(said.len() == 2 && said.iter().all(|(path, _)| *path == dead), "{said:?}");
}

#[test]
fn what_is_left_behind_is_named() {
    let place = tempfile::tempdir().unwrap();
    let (context, said) = listened_to();
    let make = || Scratch::make(&mut context.sys(), &context, Purpose::Disk, place.path()).unwrap();
    // Its parent is not a directory: nothing in it can be removed.
    let unremovable = || {
        let mut scratch = make();
        scratch.remove().unwrap();
        let file = tempfile::tempfile().unwrap();
        scratch.registration =
            Some(context.temporary_files.register(&scratch.parent, scratch.name.clone(), TemporaryKind::Tree));
        scratch.parent = Arc::new(file.into());
        scratch
    };
    let scratch = unremovable();
    let path = scratch.path.clone();
    let error = scratch.finish().unwrap_err();
    assert_eq!((&error.path, error.to_string().ends_with("it is left behind and can be removed")), (&path, true));
    assert_eq!(said.0.lock().unwrap().len(), 0, "an error says it already");
    drop(unremovable());
    let said = said.0.lock().unwrap();
    assert!(said.len() == 1 && said[0].1.starts_with("cannot remove it: Not a directory; "), "{said:?}");
}

#[test]
fn what_was_killed_is_known_by_its_name() {
    for (name, of) in [
        (c".haul-sweep-17-0", Some((Purpose::Sweep, 17))),
        (c".haul-disk-4-12", Some((Purpose::Disk, 4))),
        (c".haul-disk-x-1", None),
        (c".haul-disk-4", None),
        (c"haul-sweep-17-0", None),
    ] {
        assert_eq!(owner(name), of.map(|(purpose, pid)| (purpose, Pid::from_raw(pid).unwrap())), "{name:?}");
    }
}
