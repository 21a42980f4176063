//! Standard streams that are closed, full, read-only or set not to wait, and readers that went away: output is never lost
//! with exit 0.

#![allow(clippy::disallowed_methods, missing_docs, reason = "the tests look at files from outside")]

mod common;

use std::io::{Read as _, Write as _};
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::process::Stdio;
use std::time::Duration;

use common::{Sandbox, binary, have, noise, prose};

/// Command lines that write to standard output; those that read standard input have `IN`.
const WRITERS: [&str; 12] = [
    "gzip -c file",
    "gunzip -c file.gz",
    "gunzip -c empty.gz",
    "gunzip -c --range 1:10 file.gz",
    "gunzip -l file.gz",
    "gunzip -t --json file.gz",
    "copy file new --json",
    "sweep copy file --buffers 64K --rounds 3",
    "compare report.json report2.json",
    "generate bash",
    "--version",
    "gzip --help",
];
const READERS: [&str; 6] = [
    "gzip",
    "gzip -c -",
    "gunzip -t -",
    "gzip --files-from -",
    "copy --files-from - -t directory",
    "compare - report.json",
];

fn sandbox() -> Sandbox {
    let sandbox = Sandbox::new();
    sandbox.write("file", prose(1, 100_000));
    sandbox.make_directory("directory");
    sandbox.haul("gzip -k file").run().ok();
    let empty = sandbox.haul("gzip").run().ok().out;
    sandbox.write("empty.gz", empty);
    let report = sandbox.haul("sweep copy file --buffers 64K --rounds 3 --format json").run().ok().out;
    sandbox.write("report.json", &report);
    sandbox.write("report2.json", &report);
    sandbox
}

/// The exit code of `haul` under these redirections of a shell, and what it said.
fn under(sandbox: &Sandbox, words: &str, redirections: &str) -> (Option<i32>, String) {
    let mut shell = common::run::command("sh");
    shell.args(["-c", &format!("exec \"$0\" {words} {redirections}")]).arg(binary()).current_dir(sandbox.path(""));
    let output = shell.stdin(Stdio::null()).output().expect("run sh");
    (output.status.code(), String::from_utf8_lossy(&output.stderr).into_owned())
}

#[test]
fn output_that_goes_nowhere_is_a_failure() {
    let sandbox = sandbox();
    for words in WRITERS {
        for (redirection, why) in [
            (">&-", "Bad file descriptor"),
            ("1</dev/null", "Bad file descriptor"),
            (">/dev/full", "No space left on device"),
        ] {
            if words.ends_with("empty.gz") && redirection != ">&-" {
                continue; // Nothing is written.
            }
            sandbox.remove("new");
            let (code, said) = under(&sandbox, words, redirection);
            let line = format!("haul: cannot write 'standard output': {why}\n");
            assert_eq!((code, said.ends_with(&line)), (Some(1), true), "{words} {redirection}: {said}");
        }
        // Streams that were handed over open are fine, whichever file they are.
        for redirection in [">/dev/null", "<>/dev/null >&0 2>&0"] {
            sandbox.remove("new");
            let (code, said) = under(&sandbox, words, redirection);
            assert_eq!((code, &*said), (Some(0), ""), "{words} {redirection}");
        }
    }
}

#[test]
fn input_from_nowhere_is_a_failure() {
    let sandbox = sandbox();
    for words in READERS {
        let (code, said) = under(&sandbox, words, "<&-");
        assert_eq!(code, Some(1), "{words}: {said}");
        assert!(said.contains("'standard input': Bad file descriptor"), "{words}: {said}");
    }
    let (code, said) = under(&sandbox, "gzip", "</dev/null");
    assert_eq!((code, &*said), (Some(0), ""));
}

#[test]
fn a_closed_stream_has_no_name_either() {
    let sandbox = sandbox();
    for (words, redirection) in [
        ("copy file /dev/stdout", ">&-"),
        ("copy file /dev/fd/1", ">&-"),
        ("copy file /dev/stderr", "2>&-"),
        ("gunzip -cf /dev/stdin", "<&-"),
        ("sweep copy file --buffers 64K --rounds 3 -o /dev/stdout", ">&-"),
    ] {
        let (code, said) = under(&sandbox, words, redirection);
        assert_eq!(code, Some(1), "{words} {redirection}: {said}");
    }
}

#[test]
fn files_become_files_with_every_stream_closed() {
    let sandbox = sandbox();
    for (words, target, made_of) in
        [("copy file new", "new", "file"), ("gzip -c file.gz", "", ""), ("gunzip -k new.gz", "new", "file")]
    {
        sandbox.remove("new");
        sandbox.write("new.gz", sandbox.read("file.gz"));
        let (code, _) = under(&sandbox, words, "<&- >&- 2>&-");
        assert_eq!(code, Some(i32::from(target.is_empty())), "{words}");
        if !target.is_empty() {
            assert!(sandbox.read(target) == sandbox.read(made_of), "{words}");
        }
    }
}

/// Two ends of a stream: ours, and one for a process, which is set not to wait.
fn stream(socket: bool, to_process: bool) -> (OwnedFd, OwnedFd) {
    let (ours, theirs) = if socket {
        let (ours, theirs) = UnixStream::pair().expect("a socket pair");
        (OwnedFd::from(ours), OwnedFd::from(theirs))
    } else {
        let (reader, writer) = rustix::pipe::pipe_with(rustix::pipe::PipeFlags::CLOEXEC).expect("a pipe");
        if to_process { (writer, reader) } else { (reader, writer) }
    };
    rustix::io::ioctl_fionbio(&theirs, true).expect("set it not to wait");
    (ours, theirs)
}

#[test]
fn streams_that_do_not_wait_are_waited_for() {
    let data = noise(1, 2_000_000);
    let sandbox = Sandbox::new();
    let gz = sandbox.haul("gzip -1").input(&*data).run().ok().out;
    for (socket, (words, input, output)) in [false, true].into_iter().flat_map(|socket| {
        [("gzip -1", &data, None), ("gunzip", &gz, Some(&data)), ("gunzip -cf --scheduler serial", &data, Some(&data))]
            .map(|job| (socket, job))
    }) {
        let ((to, stdin), (from, stdout)) = (stream(socket, true), stream(socket, false));
        let mut haul = common::run::command(binary());
        haul.args(words.split(' ')).stdin(stdin).stdout(stdout);
        let mut child = haul.spawn().expect("run haul");
        // The ends of the process are open here for as long as the command is.
        drop(haul);
        let input = input.clone();
        let writer = std::thread::spawn(move || {
            let mut to = std::fs::File::from(to);
            for part in input.chunks(300_000) {
                std::thread::sleep(Duration::from_millis(20));
                to.write_all(part).expect("input is read");
            }
        });
        std::thread::sleep(Duration::from_millis(100));
        let mut found = Vec::new();
        std::fs::File::from(from).read_to_end(&mut found).expect("output is written");
        writer.join().expect("all input was read");
        assert!(child.wait().expect("wait").success(), "{words}, socket: {socket}");
        let found = if output.is_some() { found } else { sandbox.haul("gunzip").input(found).run().ok().out };
        assert!(found == *output.unwrap_or(&data), "{words}, socket: {socket}");
    }
}

#[test]
fn who_ignores_sigpipe_is_told_of_a_reader_that_went_away() {
    let sandbox = Sandbox::new();
    sandbox.write("file", noise(1, 3_000_000));
    // The reader waits for a byte, so that haul is there when it ends.
    for (trap, code, said) in
        [("", "141", ""), ("trap '' PIPE;", "1", "haul: cannot write 'standard output': Broken pipe\n")]
    {
        let script = format!("{trap} (\"$0\" gzip -c file; echo $? >code) | head -c 1 >head");
        let mut shell = common::run::command("sh");
        let output = shell.args(["-c", &script]).arg(binary()).current_dir(sandbox.path("")).output().expect("run sh");
        assert_eq!(String::from_utf8_lossy(&output.stderr), said, "{trap}");
        assert_eq!(String::from_utf8_lossy(&sandbox.read("code")).trim(), code, "{trap}");
    }
}

#[test]
fn tar_takes_haul_for_its_compressor() {
    if !have("tar") {
        return;
    }
    let sandbox = Sandbox::new();
    sandbox.write("tree/file", "contents");
    // As `tar --blocking-factor` makes it: tar ends at the end mark, long before the padding does, and closes the pipe.
    sandbox.tool("tar", &["-cf", "plain.tar", "tree"]);
    let padded = [sandbox.read("plain.tar"), vec![0; 8_000_000]].concat();
    sandbox.write("plain.tar", padded);
    sandbox.haul("gzip -1 plain.tar").run().ok();
    let program = format!("{} gzip", binary().display());
    let listed = sandbox.tool("tar", &["-I", &program, "-tf", "plain.tar.gz"]);
    assert_eq!(String::from_utf8_lossy(&listed), "tree/\ntree/file\n");
}

#[test]
fn words_of_the_command_line_steer_no_terminal() {
    let sandbox = sandbox();
    for words in [
        "\x1b[31mred",
        "copy --\x1b[31m a b",
        "copy file new --buffer 1\x1b[31m",
        "copy file new --engine a\x07b",
        "copy file new --buffer \u{9b}31m",
        "gzip --level 5\r6 file",
        "sweep a\x1b[31m b",
        "sweep copy file --table a\x1b[31m",
        "compare a\x1b[2Jb a\x1b[2Jb",
        "copy \x1b[2J",
        "copy -S a/\x1b file new",
    ] {
        let mut haul = sandbox.haul("");
        for word in words.split(' ') {
            haul = haul.arg(word);
        }
        let run = haul.run().code(2);
        let is_plain = |c: char| c == '\n' || !c.is_control();
        assert!(run.err.contains("\\u{") || run.err.contains("\\r"), "{words:?}: {:?}", run.err);
        assert!(run.err.chars().all(is_plain), "{words:?}: {:?}", run.err);
    }
    let run = sandbox.haul("copy file new").env("HAUL_COPY_OPTIONS", "--buffer a\x1b[31m").run().code(2);
    assert!(!run.err.contains('\x1b'), "{:?}", run.err);
}
