//! Every command of the README runs.
//!
//! In each fenced block that is marked `console`, the lines that begin with `$ ` are given to `sh`, in a directory
//! with the files that `furnish` makes, haul first in the PATH. A line that ends in `\` goes on in the next. Each must
//! exit with 0; one that ends in the comment `# exit N` must exit with N. Blocks share nothing with each other; the
//! commands of one block run one after another in one directory. What the commands print is not compared: it holds
//! times.

#![allow(clippy::disallowed_methods, missing_docs, reason = "the tests look at files from outside")]

mod common;

use std::process::Stdio;

use common::{Sandbox, noise, prose, sample};

/// What an example may name.
fn furnish(sandbox: &Sandbox) {
    sandbox.write("notes.txt", sample("gpl-3.txt"));
    sandbox.write("access.log", prose(1, 1_000_000));
    sandbox.write("disk.img", noise(2, 4_000_000));
    for name in ["Cargo.toml", "src/main.rs", "src/lib.rs", "docs/guide.md", "docs/faq.md"] {
        sandbox.write(format!("project/{name}"), sample("source.rs"));
    }
    sandbox.link("project/latest", "docs/guide.md");
    for number in 0..5 {
        sandbox.write(format!("photos/{number}.raw"), noise(number, 300_000));
        sandbox.write(format!("logs/{number}.log"), prose(number, 100_000));
    }
    let gz = sandbox.haul("gzip").input(prose(3, 500_000)).run().ok().out;
    sandbox.write("archive.log.gz", gz);
    sandbox.make_directory("backup");
}

/// The commands of each `console` block, with the line each stands in.
fn blocks(readme: &str) -> Vec<Vec<(usize, String)>> {
    let mut blocks = Vec::new();
    let mut inside: Option<Vec<(usize, String)>> = None;
    let mut continued = false;
    for (number, line) in readme.lines().enumerate() {
        match &mut inside {
            None if line.trim() == "```console" => inside = Some(Vec::new()),
            None => {}
            Some(_) if line.trim() == "```" => blocks.extend(inside.take()),
            Some(commands) => {
                if continued {
                    let last = &mut commands.last_mut().expect("a line that goes on").1;
                    last.push('\n');
                    last.push_str(line);
                } else if let Some(command) = line.strip_prefix("$ ") {
                    commands.push((number + 1, command.to_owned()));
                } else {
                    continue;
                }
                continued = line.ends_with('\\');
            }
        }
    }
    blocks
}

/// The exit code that a command announces in a comment at its end.
fn announced(command: &str) -> i32 {
    let comment = command.rsplit_once("# exit ").and_then(|(_, code)| code.trim().parse().ok());
    comment.unwrap_or(0)
}

#[test]
fn every_command_of_the_readme_runs() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/README.md");
    let readme = std::fs::read_to_string(path).unwrap_or_else(|error| panic!("{path}: {error}"));
    let blocks = blocks(&readme);
    let count: usize = blocks.iter().map(Vec::len).sum();
    assert!(count >= 5, "the README shows only {count} commands in console blocks");

    let haul = common::run::binary().parent().expect("a directory");
    let path = std::env::var("PATH").expect("a PATH");
    for commands in blocks {
        let sandbox = Sandbox::new();
        furnish(&sandbox);
        for (line, command) in commands {
            let output = common::run::command("sh")
                .args(["-c", &command])
                .current_dir(sandbox.path(""))
                .env("PATH", format!("{}:{path}", haul.display()))
                .stdin(Stdio::null())
                .output()
                .expect("run sh");
            let said = String::from_utf8_lossy(&output.stderr);
            let code = output.status.code();
            assert_eq!(code, Some(announced(&command)), "README.md:{line}: {command}: {said}");
        }
        sandbox.assert_no_leftovers("the README's commands");
    }
}

#[test]
fn commands_are_found_where_they_stand() {
    let readme = "```sh\n$ no\n```\n```console\n$ one \\\n  more\noutput\n$ two  # exit 1\n```\n$ no\n";
    let found = blocks(readme);
    assert_eq!(found, [[(5, "one \\\n  more".to_owned()), (8, "two  # exit 1".to_owned())]]);
    assert_eq!((announced(&found[0][0].1), announced(&found[0][1].1)), (0, 1));
}
