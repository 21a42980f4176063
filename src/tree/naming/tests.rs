//! Every way to a final name, by faults that stand for the file systems that refuse the others.

#![allow(clippy::disallowed_methods, reason = "a test makes its own files")]

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::sync::Arc;

use super::*;
use crate::sys::Stop;
use crate::sys::faults::FaultPlan;
use crate::tree::{DirectoryRules, Site, TemporaryFileRegistry, is_temporary};

const NEW: &str = "what was written";
const OLD: &str = "older";

/// A directory with an older file, if that is wanted, and a finished part that is to replace it.
struct Scene {
    scratch: tempfile::TempDir,
    directory: Arc<OwnedFd>,
    temporary_files: TemporaryFileRegistry,
}

impl Scene {
    fn new(names: &[&str]) -> Self {
        let scratch = tempfile::tempdir().unwrap();
        for name in names {
            fs::write(scratch.path().join(name), OLD).unwrap();
        }
        let directory = Arc::new(fs::File::open(scratch.path()).unwrap().into());
        Self { scratch, directory, temporary_files: TemporaryFileRegistry::default() }
    }

    fn temporary(&self, name: &CStr) -> TemporaryFile {
        let mut sys = Sys::new(Stop::new());
        let site = Site {
            directory: &self.directory,
            rules: DirectoryRules::default(),
            temporary_files: &self.temporary_files,
        };
        let (temporary, file) = TemporaryFile::file(&mut sys, site, name, 0o640).unwrap();
        sys.pwrite_full(&file, NEW.as_bytes(), 0, 1000).unwrap();
        temporary
    }

    fn path(&self) -> &Path {
        self.scratch.path()
    }

    /// All names but temporary ones, with what is in the files; and how many temporary ones there are.
    fn found(&self) -> (Vec<(String, String)>, usize) {
        let mut names: Vec<String> =
            fs::read_dir(self.path()).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        let all = names.len();
        names.retain(|name| !is_temporary(&CString::new(name.as_str()).unwrap()));
        let temporary = all - names.len();
        (
            names.into_iter().map(|name| (name.clone(), fs::read_to_string(self.path().join(name)).unwrap())).collect(),
            temporary,
        )
    }
}

fn faulty(plan: &str) -> Sys {
    let sys = Sys::new(Stop::new());
    if plan.is_empty() { sys } else { sys.with_faults(Arc::new(plan.parse::<FaultPlan>().unwrap())) }
}

fn files(files: &[(&str, &str)]) -> Vec<(String, String)> {
    files.iter().map(|(name, content)| ((*name).to_owned(), (*content).to_owned())).collect()
}

const REFUSALS: [&str; 4] = ["EPERM", "ENOSYS", "EXDEV", "EROFS"];

#[test]
fn a_name_is_given_however_renaming_is_refused() {
    for refusal in REFUSALS {
        for (calls, named) in
            [("", Named::Directly), ("renameat2", Named::Directly), ("renameat2,linkat", Named::Copied)]
        {
            for replace in [false, true] {
                let scene = Scene::new(if replace { &["name"] } else { &[] });
                let plan = if calls.is_empty() { String::new() } else { format!("{calls}:{refusal}") };
                let finished = scene.temporary(c"name").finish(&mut faulty(&plan), replace);
                assert_eq!(finished.unwrap(), named, "{plan} {replace}");
                assert_eq!(scene.found(), (files(&[("name", NEW)]), 0), "{plan} {replace}");
                let mode = fs::metadata(scene.path().join("name")).unwrap().permissions().mode() & 0o7777;
                assert_eq!(mode, 0o640, "{plan}");
            }
        }
    }
}

#[test]
fn without_noreplace_and_links_an_empty_file_holds_the_name() {
    // EINVAL comes once, of renaming without replacing; linking is refused for good.
    let scene = Scene::new(&[]);
    let mut temporary = scene.temporary(c"name");
    let mut sys = faulty("linkat:EPERM");
    assert_eq!(temporary.name_without_renaming(&mut sys, c"name", false, Errno::INVAL), Ok(Named::Directly));
    drop(temporary);
    assert_eq!(scene.found(), (files(&[("name", NEW)]), 0));
}

#[test]
fn what_appeared_meanwhile_is_never_replaced() {
    for plan in ["", "renameat2:EPERM", "renameat2,linkat:EPERM", "renameat2:EINVAL", "renameat2,linkat:ENOSYS"] {
        let scene = Scene::new(&["name"]);
        let unnamed = scene.temporary(c"name").finish(&mut faulty(plan), false).unwrap_err();
        assert_eq!(unnamed.errno, Errno::EXIST, "{plan}");
        assert_eq!(unnamed.keep(&mut faulty(plan)), c"name.haul-kept".to_owned(), "{plan}");
        assert_eq!(scene.found(), (files(&[("name", OLD), ("name.haul-kept", NEW)]), 0), "{plan}");
    }
}

#[test]
fn a_finished_copy_is_kept_under_a_free_name_that_fits() {
    let scene = Scene::new(&["name", "name.haul-kept", "name.haul-kept-1"]);
    let unnamed = scene.temporary(c"name").finish(&mut faulty(""), false).unwrap_err();
    assert_eq!(unnamed.keep(&mut faulty("")), c"name.haul-kept-2".to_owned());
    let long = "ü".repeat(127);
    let scene = Scene::new(&[&long]);
    let unnamed = scene.temporary(&CString::new(long.as_str()).unwrap()).finish(&mut faulty(""), false).unwrap_err();
    let kept = unnamed.keep(&mut faulty("")).into_string().unwrap();
    assert!(kept.len() <= 255 && kept.starts_with("üü") && kept.ends_with("ü.haul-kept"), "{kept}");
    assert_eq!(fs::read_to_string(scene.path().join(kept)).unwrap(), NEW);
}

#[test]
fn where_nothing_can_be_named_the_temporary_name_stays_and_is_marked() {
    let scene = Scene::new(&[]);
    let sys = || faulty("renameat2,linkat,pwrite64:EPERM");
    let unnamed = scene.temporary(c"name").finish(&mut sys(), false).unwrap_err();
    assert_eq!(unnamed.errno, Errno::PERM);
    let kept = unnamed.keep(&mut sys());
    assert!(is_temporary(&kept));
    scene.temporary_files.remove_all();
    let path = scene.path().join(kept.to_str().unwrap());
    assert_eq!(fs::read_to_string(&path).unwrap(), NEW);
    assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & FINISHED, FINISHED);
    assert_eq!(scene.found().1, 1, "and no half copy of it");
}

#[test]
fn what_somebody_else_put_under_the_temporary_name_is_not_named() {
    let scene = Scene::new(&[]);
    let mut sys = faulty("");
    let mut temporary = scene.temporary(c"name");
    temporary.made = Some(sys.stat_at(&scene.directory, temporary.temporary_name()).unwrap().id());
    let path = scene.path().join(temporary.temporary_name().to_str().unwrap());
    fs::rename(&path, scene.path().join("aside")).unwrap();
    fs::write(&path, "swapped in").unwrap();
    let unnamed = temporary.finish(&mut sys, false).unwrap_err();
    assert_eq!(unnamed.errno, Errno::STALE);
    assert_eq!(unnamed.abandon(&mut sys), Errno::STALE);
    assert!(!scene.path().join("name").exists());
}

#[test]
fn kept_names_are_cut_after_a_whole_character() {
    assert_eq!(kept_name(c"a", 0, 255), c"a.haul-kept".to_owned());
    assert_eq!(kept_name(c"a", 12, 255), c"a.haul-kept-12".to_owned());
    for length in LENGTHS {
        for name in ["n".repeat(255), "ü".repeat(127), "日".repeat(85), "𝄞".repeat(63)] {
            let kept = kept_name(&CString::new(name).unwrap(), 999, length).into_string().unwrap();
            assert!(kept.len() <= length && kept.len() > length - 5, "{kept}");
        }
    }
    let bytes = CString::new(vec![0x80; 255]).unwrap();
    assert!(kept_name(&bytes, 0, 64).count_bytes() <= 64, "no UTF-8 at all");
}
