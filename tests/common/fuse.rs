//! A file system that is odd in one way or another (`odd_fs.py`), where FUSE can be mounted.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use crate::common::{Sandbox, have, skip_once};

/// A mounted file system; unmounted when dropped. What its files really hold is in a directory beside it.
pub(crate) struct OddFs {
    child: Child,
    mount: PathBuf,
}

impl OddFs {
    /// Mounts at `mount` what is in `backing`; `words` say how: `name=size` is the size that a file says. `None`, and a line
    /// that says so, where that cannot be done.
    pub(crate) fn mount(sandbox: &Sandbox, words: &[&str]) -> Option<Self> {
        if !Path::new("/dev/fuse").exists() || !have("python3") || !have("fusermount") {
            skip_once("there is no FUSE here");
            return None;
        }
        let (mount, backing) = (sandbox.make_directory("mount"), sandbox.path("backing"));
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/common/odd_fs.py");
        // That of the distribution, whose packages it has.
        let python = Path::new("/usr/bin/python3");
        let mut command = Command::new(if python.exists() { python } else { Path::new("python3") });
        command.arg(script).args([&mount, &backing]).args(words);
        let child = command.stdin(Stdio::null()).stderr(Stdio::null()).spawn().expect("run python3");
        let mut mounted = Self { child, mount };
        let start = Instant::now();
        while !mounted.is_mounted() {
            if mounted.child.try_wait().expect("wait").is_some() || start.elapsed() > Duration::from_secs(20) {
                skip_once("no FUSE file system can be mounted, or fusepy is not installed");
                return None;
            }
            std::thread::sleep(Duration::from_millis(5));
        }
        Some(mounted)
    }

    fn is_mounted(&self) -> bool {
        let device = |path: &Path| std::fs::metadata(path).ok().map(|it| std::os::unix::fs::MetadataExt::dev(&it));
        device(&self.mount) != device(self.mount.parent().expect("it lies in the sandbox"))
    }
}

impl Drop for OddFs {
    fn drop(&mut self) {
        if self.is_mounted() {
            let _ = Command::new("fusermount").args(["-u", "-z"]).arg(&self.mount).status();
        }
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
