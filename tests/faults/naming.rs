//! File systems on which names are given in other ways, or not at all: renaming, or linking as well, is refused each time.

use crate::common::{Sandbox, make_fifo, prose, scheduler_under_test};

const REFUSALS: [&str; 4] = ["EPERM", "ENOSYS", "EXDEV", "EROFS"];

fn furnish() -> Sandbox {
    let sandbox = Sandbox::new();
    sandbox.write("file", prose(1, 300_000));
    sandbox.write("old", "older");
    sandbox.write("tree/sub/one", prose(2, 3_000));
    sandbox.write("tree/two", prose(3, 3_000));
    sandbox.write("there/tree/two", "older");
    sandbox.write("packed", prose(4, 3_000));
    sandbox.tool("gzip", &["packed"]);
    make_fifo(sandbox.path("fifo"));
    sandbox
}

/// What each command makes of what.
const JOBS: [(&str, &[(&str, &str)]); 5] = [
    ("copy file new", &[("file", "new")]),
    ("copy file old", &[("file", "old")]),
    ("copy -T tree there/tree", &[("tree/two", "there/tree/two")]),
    ("gzip -k file", &[]),
    ("gunzip -k packed.gz", &[]),
];

#[test]
fn a_file_gets_its_name_where_renaming_is_refused() {
    for (words, made) in JOBS {
        for refusal in REFUSALS {
            for calls in ["renameat2", "renameat2,linkat"] {
                let sandbox = furnish();
                let plan = format!("{calls}:{refusal}");
                let run = sandbox.haul(words).env("HAUL_FAULTS", &plan).run();
                // A new tree is renamed as a whole, and can be neither linked nor copied again.
                let has_tree = words.contains("tree");
                assert_eq!(run.succeeded(), !has_tree, "{plan} {words}: {}", run.err);
                for (source, target) in made {
                    assert_eq!(sandbox.read(source), sandbox.read(target), "{plan} {words}");
                }
                if words.starts_with("gzip") {
                    sandbox.tool("gzip", &["-t", "file.gz"]);
                }
                if words.starts_with("gunzip") {
                    assert_eq!(sandbox.read("packed"), prose(4, 3_000), "{plan}");
                }
                let says = run.err.contains("copied once more to their final names");
                assert_eq!(says, words.starts_with("copy") && calls.contains("linkat"), "{plan} {words}: {}", run.err);
                if !has_tree {
                    sandbox.assert_no_leftovers(&format!("{plan} {words}"));
                }
            }
        }
    }
}

#[test]
fn a_finished_copy_that_gets_no_name_is_kept_and_the_message_says_where() {
    for (words, target) in [("copy file new", "new"), ("copy file old", "old"), ("copy fifo pipe", "pipe")] {
        for (plan, kept) in
            [("renameat2:EIO", false), ("renameat2:ENOSPC", false), ("renameat2,linkat,pwrite64:EPERM", true)]
        {
            if kept && scheduler_under_test().as_deref() == Some("uring") {
                // What is refused there is how it copies at first, too.
                continue;
            }
            let sandbox = furnish();
            let run = sandbox.haul(words).env("HAUL_FAULTS", plan).run().code(1);
            let line = run.err.lines().find(|line| line.contains("cannot give its final name to")).expect("a message");
            let name = line.rsplit('\'').nth(1).expect("a name");
            assert!(name.starts_with(".haul-tmp-") || name == format!("{target}.haul-kept"), "{plan}: {line}");
            if words.contains("file") {
                assert_eq!(sandbox.read(name), sandbox.read("file"), "{plan} {words}");
            } else {
                assert!(sandbox.exists(name), "{plan} {words}");
            }
            if words.contains("old") && !kept {
                assert_eq!(sandbox.read("old"), b"older", "{plan}");
            }
            // A later run spares it, and gives the name to a copy of its own.
            sandbox.haul(words).run().ok();
            assert!(sandbox.exists(name), "{plan} {words}");
        }
    }
}
