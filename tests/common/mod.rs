//! What the tests of the binary share: a sandbox to work in, ways to run `haul`, trees to make and to compare.
//!
//! It looks at files through `std` and other people's tools, never through haul's own code.

#![allow(dead_code, unused_imports, unreachable_pub, reason = "every test binary uses another part of it")]
#![allow(clippy::unnecessary_debug_formatting, reason = "quoted and escaped, odd names can be told from the message")]
#![allow(missing_docs, clippy::missing_panics_doc, reason = "tests are read, not looked up")]
#![allow(clippy::disallowed_methods, reason = "the tests look at files from outside, so their calls need no counting")]

pub mod attributes;
pub mod cp;
pub mod run;
pub mod tree;

use std::collections::BTreeSet;
use std::ffi::OsString;
use std::io::Write as _;
use std::os::unix::fs::{PermissionsExt as _, lchown};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Mutex;
use std::time::{Duration, Instant};

pub use run::{Haul, Run, Running, binary, scheduler_under_test};
pub use tree::{Snapshot, assert_same, snapshot};

/// Somebody without rights: `nobody` on Debian and everywhere else that matters here.
pub const NOBODY: u32 = 65534;

/// How a job is spread over threads. `serial` has one thread whatever `--workers` says.
pub const WAYS: [&str; 5] = [
    "--scheduler serial --workers 1",
    "--scheduler channel --workers 1",
    "--scheduler channel --workers 2",
    "--scheduler rayon --workers 1",
    "--scheduler rayon --workers 2",
];

/// Whether there is time for all that could be tried: with `HAUL_THOROUGH` set, as `make soak` does.
pub fn is_thorough() -> bool {
    std::env::var_os("HAUL_THOROUGH").is_some()
}

/// How much of something is tried: `thorough` where there is time, see [`is_thorough`], else `quick`.
pub fn many(quick: usize, thorough: usize) -> usize {
    if is_thorough() { thorough } else { quick }
}

/// The ways that a test tries: all of them if there is time, else one of each scheduler.
pub fn ways() -> &'static [&'static str] {
    const SOME: [&str; 3] = [WAYS[0], WAYS[2], WAYS[4]];
    if is_thorough() { &WAYS } else { &SOME }
}

pub const ENGINES: [&str; 4] = ["auto", "read_write", "copy_file_range", "mmap"];

/// Every engine in the ways that a test tries.
pub fn engines_and_ways() -> impl Iterator<Item = String> {
    ENGINES.iter().flat_map(|engine| ways().iter().map(move |way| format!("--engine {engine} {way}")))
}

/// A directory of its own for a test, gone at its end.
pub struct Sandbox {
    directory: tempfile::TempDir,
}

impl Sandbox {
    pub fn new() -> Self {
        let directory = tempfile::Builder::new().prefix("haul-test-").tempdir().expect("a temporary directory");
        Self { directory }
    }

    /// The path of `name` in here; the sandbox itself for "".
    pub fn path(&self, name: impl AsRef<Path>) -> PathBuf {
        let name = name.as_ref();
        if name.as_os_str().is_empty() { self.directory.path().to_owned() } else { self.directory.path().join(name) }
    }

    /// Makes a file, and the directories above it.
    pub fn write(&self, name: impl AsRef<Path>, bytes: impl AsRef<[u8]>) -> PathBuf {
        let path = self.path(name);
        std::fs::create_dir_all(path.parent().expect("a parent")).expect("make directories");
        std::fs::write(&path, bytes).unwrap_or_else(|error| panic!("write {}: {error}", path.display()));
        path
    }

    #[track_caller]
    pub fn read(&self, name: impl AsRef<Path>) -> Vec<u8> {
        let path = self.path(name);
        std::fs::read(&path).unwrap_or_else(|error| panic!("read {}: {error}", path.display()))
    }

    pub fn make_directory(&self, name: impl AsRef<Path>) -> PathBuf {
        let path = self.path(name);
        std::fs::create_dir_all(&path).expect("make directories");
        path
    }

    pub fn remove(&self, name: impl AsRef<Path>) {
        let path = self.path(name);
        if path.is_dir() && !path.is_symlink() {
            unlock(&path);
            std::fs::remove_dir_all(&path).expect("remove a tree");
        } else if path.is_symlink() || path.exists() {
            std::fs::remove_file(&path).expect("remove a file");
        }
    }

    /// A symbolic link at `name` that holds `text`.
    pub fn link(&self, name: &str, text: &str) {
        std::os::unix::fs::symlink(text, self.path(name)).expect("make a symbolic link");
    }

    pub fn exists(&self, name: impl AsRef<Path>) -> bool {
        std::fs::symlink_metadata(self.path(name)).is_ok()
    }

    /// What lies directly in `name`, sorted.
    pub fn list(&self, name: impl AsRef<Path>) -> BTreeSet<OsString> {
        let entries = std::fs::read_dir(self.path(name)).expect("list a directory");
        entries.map(|entry| entry.expect("an entry").file_name()).collect()
    }

    /// Fails when anything below has a name that only an unfinished or a broken job leaves.
    #[track_caller]
    pub fn assert_no_leftovers(&self, what: &str) {
        let left: Vec<_> = leftovers(self.directory.path());
        assert!(left.is_empty(), "{what}: left behind: {left:?}");
    }

    /// `haul` with these words, started here.
    pub fn haul(&self, words: impl AsRef<str>) -> Haul {
        Haul::new(self.directory.path(), words.as_ref())
    }

    /// Gives all that is in here to an ordinary user, whom [`Haul::without_rights`] then runs as.
    pub fn give_away(&self) {
        if is_root() {
            give_away(self.directory.path());
        }
    }

    /// Runs one of the system's tools here, and returns its standard output; panics unless it exits 0.
    #[track_caller]
    pub fn tool(&self, program: &str, arguments: &[&str]) -> Vec<u8> {
        let mut command = run::command(program);
        command.args(arguments).current_dir(self.directory.path()).stdin(Stdio::null());
        let output = command.output().unwrap_or_else(|error| panic!("run {program}: {error}"));
        let error = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{program} {arguments:?}: {}: {error}", output.status);
        output.stdout
    }
}

impl Drop for Sandbox {
    fn drop(&mut self) {
        unlock(self.directory.path());
    }
}

/// Makes every directory below one that its owner can empty.
fn unlock(directory: &Path) {
    let _ = std::fs::set_permissions(directory, std::fs::Permissions::from_mode(0o700));
    for entry in std::fs::read_dir(directory).into_iter().flatten().flatten() {
        if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
            unlock(&entry.path());
        }
    }
}

fn leftovers(directory: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(directory).into_iter().flatten().flatten() {
        let name = entry.file_name();
        let name = name.to_string_lossy();
        if ["haul-tmp", "haul-part", "haul-kept", "haul-sweep", "haul-disk"].iter().any(|ours| name.contains(ours)) {
            found.push(entry.path());
        } else if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
            found.extend(leftovers(&entry.path()));
        }
    }
    found
}

/// A name that temporary files of haul have; another for each number.
pub fn temporary_name(number: u64) -> String {
    format!(".haul-tmp-{number:016x}")
}

/// The temporary file in a directory, if there is one.
pub fn temporary_file(directory: impl AsRef<Path>) -> Option<PathBuf> {
    let mut names = std::fs::read_dir(directory).ok()?.flatten();
    names.find(|entry| entry.file_name().as_encoded_bytes().starts_with(b".haul-tmp-")).map(|entry| entry.path())
}

fn give_away(path: &Path) {
    lchown(path, Some(NOBODY), Some(NOBODY)).expect("chown");
    if path.is_dir() && !path.is_symlink() {
        for entry in std::fs::read_dir(path).expect("list").flatten() {
            give_away(&entry.path());
        }
    }
}

pub fn is_root() -> bool {
    rustix::process::geteuid().is_root()
}

pub fn set_mode(path: impl AsRef<Path>, mode: u32) {
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).expect("chmod");
}

/// Makes of a directory what a copy that was cut short leaves: only its owner may enter it, and it bears the mark.
pub fn mark_as_ours(part: impl AsRef<Path>) {
    set_mode(part, 0o1700);
}

/// Sets the time of the last change, of a symbolic link itself too.
pub fn set_mtime(path: impl AsRef<Path>, seconds: i64, nanoseconds: i64) {
    let moment = rustix::fs::Timespec { tv_sec: seconds, tv_nsec: nanoseconds };
    let times = rustix::fs::Timestamps { last_access: moment, last_modification: moment };
    let flags = rustix::fs::AtFlags::SYMLINK_NOFOLLOW;
    rustix::fs::utimensat(rustix::fs::CWD, path.as_ref(), &times, flags).expect("utimensat");
}

pub fn make_fifo(path: impl AsRef<Path>) {
    let (kind, mode) = (rustix::fs::FileType::Fifo, rustix::fs::Mode::from_raw_mode(0o640));
    rustix::fs::mknodat(rustix::fs::CWD, path.as_ref(), kind, mode, 0).expect("mkfifo");
    set_mode(path, 0o640);
}

/// A socket's name in the file system, with nobody behind it.
pub fn make_socket(path: impl AsRef<Path>) {
    let (kind, mode) = (rustix::fs::FileType::Socket, rustix::fs::Mode::from_raw_mode(0o600));
    rustix::fs::mknodat(rustix::fs::CWD, path.as_ref(), kind, mode, 0).expect("make a socket's name");
}

/// A character device like another one; says so, and so does the result, where that is not allowed.
pub fn make_device(path: impl AsRef<Path>, like: &str) -> bool {
    let number = std::os::unix::fs::MetadataExt::rdev(&std::fs::metadata(like).expect("a device"));
    let (kind, mode) = (rustix::fs::FileType::CharacterDevice, rustix::fs::Mode::from_raw_mode(0o600));
    let result = rustix::fs::mknodat(rustix::fs::CWD, path.as_ref(), kind, mode, number);
    if let Err(error) = result {
        skip_once(&format!("no device can be made: {error}"));
    }
    result.is_ok()
}

/// One of the files in `testdata/`.
pub fn sample(name: &str) -> Vec<u8> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("testdata").join(name);
    std::fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// The names of the files in `testdata/`.
pub const SAMPLES: [&str; 7] = ["gpl-3.txt", "source.rs", "program.c", "program", "gpl-3.txt.xz", "empty", "one-byte"];

/// `length` bytes that do not compress, the same for the same seed (xorshift64*).
pub fn noise(seed: u64, length: usize) -> Vec<u8> {
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    let mut bytes = Vec::with_capacity(length + 8);
    while bytes.len() < length {
        state ^= state >> 12;
        state ^= state << 25;
        state ^= state >> 27;
        bytes.extend_from_slice(&state.wrapping_mul(0x2545_f491_4f6c_dd1d).to_le_bytes());
    }
    bytes.truncate(length);
    bytes
}

/// `length` bytes of text that compress as text does: words of the licence in a shuffled order.
pub fn prose(seed: u64, length: usize) -> Vec<u8> {
    let licence = sample("gpl-3.txt");
    let words: Vec<&[u8]> = licence.split_inclusive(u8::is_ascii_whitespace).collect();
    let choices = noise(seed, length.max(16));
    let mut bytes = Vec::with_capacity(length + 64);
    for choice in choices.windows(2).cycle() {
        if bytes.len() >= length {
            break;
        }
        let place = usize::from(choice[0]) << 8 | usize::from(choice[1]);
        bytes.extend_from_slice(words[place % words.len()]);
    }
    bytes.truncate(length);
    bytes
}

/// Prints why a test, or a part of one, does nothing here. Past libtest's capture, so that it is seen.
pub fn skip(why: &str) {
    let _ = writeln!(std::io::stderr(), "skipped: {why}");
}

/// The same for what would be said again and again.
pub fn skip_once(why: &str) {
    static SAID: Mutex<BTreeSet<String>> = Mutex::new(BTreeSet::new());
    if SAID.lock().expect("no test panics here").insert(why.to_owned()) {
        skip(why);
    }
}

/// Whether a program is there; says so if not.
pub fn have(program: &str) -> bool {
    let found = std::env::var_os("PATH")
        .is_some_and(|path| std::env::split_paths(&path).any(|directory| directory.join(program).is_file()));
    if !found {
        skip(&format!("{program} is not installed"));
    }
    found
}

/// Whether processes may be traced here (containers often forbid it); says so if not.
pub fn can_trace() -> bool {
    if !have("strace") {
        return false;
    }
    let quiet = || Stdio::null();
    let traced = Command::new("strace").args(["-o", "/dev/null", "true"]).stdout(quiet()).stderr(quiet()).status();
    let works = traced.is_ok_and(|status| status.success());
    if !works {
        skip("strace may not trace here");
    }
    works
}

/// Waits until something is so, 30 seconds at most.
#[track_caller]
pub fn wait_until(what: &str, mut so: impl FnMut() -> bool) {
    let start = Instant::now();
    while !so() {
        assert!(start.elapsed() < Duration::from_secs(30), "waited 30 s for {what}");
        std::thread::sleep(Duration::from_millis(1));
    }
}
