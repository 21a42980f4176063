//! What haul does with words, files and places that are of no use: a line that names operation, path and cause, a
//! non-zero exit, everything else done, nothing left behind.

#![allow(clippy::disallowed_methods, missing_docs, reason = "the tests look at files from outside")]

mod common;

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt as _;

use common::tree::LATIN1;
use common::{Sandbox, assert_same, have, is_root, noise, prose, set_mode, skip, snapshot, ways};

#[test]
fn words_that_make_no_sense_are_refused_before_anything_is_touched() {
    let sandbox = Sandbox::new();
    sandbox.write("file", "contents");
    sandbox.write("file2.gz", "contents");
    let before = snapshot(sandbox.path(""));
    // The words, and what the message must quote.
    for (words, quoted) in [
        ("", ""),
        ("frobnicate file", "frobnicate"),
        ("copy", ""),
        ("copy file", ""),
        ("copy file new --frobnicate", "--frobnicate"),
        ("copy file new --buffer 0", "'0'"),
        ("copy file new --buffer=-1", "'-1'"),
        ("copy file new --buffer 10X", "'10X'"),
        ("copy file new --buffer 1.5K", "'1.5K'"),
        ("copy file new --buffer 2G", "'2G'"),
        ("copy file new --buffer 1073741825", "'1073741825'"),
        ("copy file new --buffer 99999999999999999999", "'99999999999999999999'"),
        ("copy file new --buffer=", ""),
        ("copy file new --workers 0", "'0'"),
        ("copy file new --workers=-1", "'-1'"),
        ("copy file new --workers many", "'many'"),
        ("copy file new --workers 99999999999999999999", "'99999999999999999999'"),
        ("copy file new --engine teleport", "'teleport'"),
        ("copy file new --engine direct --buffer 512", "512B is not a multiple of 4K"),
        ("copy file new --engine direct --buffer 6K", "6K is not a multiple of 4K"),
        ("copy file new --scheduler later", "'later'"),
        ("copy file new --pool 0", "'0'"),
        ("copy file new --pool deep", "'deep'"),
        ("copy file new --pool-overflow=-1", "'-1'"),
        ("copy file new --pool-overflow some", "write a number of buffers"),
        ("copy file new --pool-wait 0", "'0'"),
        ("copy file new --pool-wait later", "write unlimited or a time such as 500ms"),
        ("copy file new --pool off --pool-overflow 1", "leave out --pool-overflow and --pool-wait, or give --pool N"),
        ("gzip file --pool off --pool-wait 30s", "with --pool off nothing overflows and nobody waits"),
        ("gunzip file.gz --pool off --pool-overflow 1", "with --pool off nothing overflows and nobody waits"),
        ("copy file new --progress maybe", "'maybe'"),
        ("copy -t directory", "name a SOURCE"),
        ("copy --files-from file", "add a TARGET"),
        ("copy -T file file2.gz new", "-T takes one SOURCE"),
        ("copy -ls file new", "choose one"),
        ("copy -bn file new", "nothing to back up"),
        ("copy -S a/b file new", "'a/b' is not a suffix"),
        ("copy --reflink --sparse=always file new", "leave --sparse out"),
        ("copy --include !file file new", "--exclude 'file'"),
        ("copy --update=sometimes file new", "'sometimes'"),
        ("copy --preserve=colour file new", "'colour'"),
        ("gzip --level 13 file", "13"),
        ("gzip --codec zlib -0 file", "zlib has levels 1 to 9, not 0"),
        ("gzip --codec zlib -11 file", "zlib has levels 1 to 9, not 12"),
        ("gzip --codec isal -6 file", "isal has level 1, not 6"),
        ("sweep gzip file --codec zlib --level 6,10", "zlib has levels 1 to 9, not 10"),
        ("gzip --frobnicate file", "--frobnicate"),
        ("gzip --block 0 file", "'0'"),
        ("gzip --block 10X file", "'10X'"),
        ("gzip -p 0 file", "'0'"),
        ("gzip -S a/b file", "suffix"),
        ("gzip -S= file", ""),
        ("gzip -S .a-suffix-that-is-longer-than-thirty-bytes file", "suffix"),
        ("gunzip --buffer 0 file2.gz", "'0'"),
        ("gunzip --workers 0 file2.gz", "'0'"),
        ("sweep", ""),
        ("sweep copy", ""),
        ("sweep frobnicate file", "frobnicate"),
        ("sweep copy file --buffers 0", "'0'"),
        ("sweep copy file --buffers 4K,10X", "'10X'"),
        ("sweep copy file --buffers 8K..4K", "'8K..4K'"),
        ("sweep copy file --buffers=", ""),
        ("sweep copy file --workers 1,0", "'0'"),
        ("sweep copy file --engine teleport", "'teleport'"),
        ("sweep copy file --engine read_write,direct --buffers 1K,4K", "1K is not a multiple of 4K"),
        ("sweep copy file --pool perhaps", "'perhaps'"),
        ("sweep copy file --rounds 0", "'0'"),
        ("sweep copy file --format poem", "'poem'"),
        ("sweep gzip file --level 13", "13"),
    ] {
        let run = sandbox.haul(words).run().code(2);
        assert!(run.out.is_empty(), "haul {words}: messages do not belong on standard output");
        assert!(!run.err.trim().is_empty(), "haul {words}: exit 2 without a word");
        run.says(&[quoted]);
        assert_same(&before, &snapshot(sandbox.path("")), words);
    }
}

#[test]
fn help_and_version_are_no_errors() {
    let sandbox = Sandbox::new();
    for words in [
        "--help",
        "--version",
        "-V",
        "-h",
        "copy --help",
        "gzip --help",
        "gunzip --help",
        "sweep --help",
        "tune --help",
    ] {
        let run = sandbox.haul(words).run().ok().silent();
        assert!(!run.out.is_empty(), "haul {words}");
    }
    let number = concat!("haul ", env!("CARGO_PKG_VERSION"));
    assert_eq!(String::from_utf8_lossy(&sandbox.haul("-V").run().out).trim(), number);
    let version = sandbox.haul("--version").run().out;
    let codecs = format!("{number}\ncodecs: {}", haul::codec::level::built_in());
    assert_eq!(String::from_utf8_lossy(&version).trim(), codecs);
}

#[test]
fn a_missing_source_is_named_by_every_job() {
    let sandbox = Sandbox::new();
    for words in ["copy missing new", "gzip missing", "gunzip missing.gz", "gzip -c missing", "gzip -r missing"] {
        let run = sandbox.haul(words).run().code(1);
        run.says_in_one_line(&["cannot ", "missing", "No such file or directory"]);
    }
    for words in ["sweep copy missing", "sweep gzip missing", "sweep gunzip missing.gz"] {
        let run = sandbox.haul(words).run();
        assert!(!run.succeeded(), "haul {words}");
        run.says_in_one_line(&["missing", "No such file or directory"]);
    }
    assert!(sandbox.list("").is_empty());
}

#[test]
fn what_may_not_be_read_is_named_and_kept() {
    let sandbox = Sandbox::new();
    let gz = sandbox.haul("gzip").input("contents").run().ok().out;
    set_mode(sandbox.write("secret", "contents"), 0);
    set_mode(sandbox.write("secret.gz", gz), 0);
    sandbox.write("closed/inside", "contents");
    sandbox.write("fine", "contents");
    sandbox.give_away();
    set_mode(sandbox.path("closed"), 0);
    for (words, path) in [
        ("copy secret new", "'secret'"),
        ("gzip secret", "'secret'"),
        ("gzip -f secret", "'secret'"),
        ("gzip -c secret", "'secret'"),
        ("gunzip secret.gz", "'secret.gz'"),
        ("gunzip -t secret.gz", "'secret.gz'"),
        ("copy closed new", "'closed'"),
        ("gzip -r closed", "'closed'"),
        ("gzip closed/inside", "'closed/inside'"),
        ("sweep copy secret --rounds 1 --buffers 4K", "'secret'"),
    ] {
        let run = sandbox.haul(words).without_rights().run();
        assert!(!run.succeeded(), "haul {words}");
        run.says_in_one_line(&["cannot ", path, "Permission denied"]);
        sandbox.remove("new");
        let names: Vec<_> = sandbox.list("").into_iter().collect();
        assert_eq!(names, ["closed", "fine", "secret", "secret.gz"], "haul {words}");
    }
    let run = sandbox.haul("gzip -q secret fine closed/inside --workers 2").without_rights().run().code(1);
    assert_eq!(run.err.lines().count(), 2, "{}", run.err);
    assert!(sandbox.exists("fine.gz") && !sandbox.exists("fine"));
}

#[test]
fn a_place_that_may_not_be_written_to_is_named() {
    let sandbox = Sandbox::new();
    sandbox.write("source", "contents");
    let gz = sandbox.haul("gzip").input("contents").run().ok().out;
    sandbox.write("closed/file", "contents");
    sandbox.write("closed/packed.gz", gz);
    sandbox.write("tree/file", "contents");
    set_mode(sandbox.path("closed"), 0o555);
    sandbox.give_away();
    let before = snapshot(sandbox.path(""));
    for way in ways() {
        for words in [
            "copy source closed/new",
            "copy source closed",
            "copy tree closed/new",
            "gzip closed/file",
            "gzip -k closed/file",
            "gunzip closed/packed.gz",
        ] {
            let run = sandbox.haul(format!("{words} {way}")).without_rights().run().code(1);
            run.says_in_one_line(&["cannot ", "'closed/", "Permission denied"]);
            assert_same(&before, &snapshot(sandbox.path("")), &format!("haul {words} {way}"));
        }
    }
    for words in ["copy source no/such/place", "copy tree no/such/place", "copy source source/under"] {
        sandbox.haul(words).without_rights().run().code(1).says_in_one_line(&["cannot "]);
        assert_same(&before, &snapshot(sandbox.path("")), words);
    }
}

#[test]
fn a_full_device_ends_the_job_with_its_name() {
    let sandbox = Sandbox::new();
    let gz = sandbox.haul("gzip").input(prose(1, 1_000_000)).run().ok().out;
    sandbox.write("file", noise(1, 1_000_000));
    sandbox.write("file2.gz", gz);
    let haul = common::run::binary().display().to_string();
    for words in ["gzip -c file", "gunzip -c file2.gz", "gzip <file", "gunzip <file2.gz"] {
        for way in ways() {
            let command = format!("'{haul}' {way} {words} >/dev/full");
            let command = command.replacen(&format!("{way} {words}"), &place_options(words, way), 1);
            let output =
                common::run::command("sh").args(["-c", &command]).current_dir(sandbox.path("")).output().unwrap();
            let said = String::from_utf8_lossy(&output.stderr);
            assert_eq!(output.status.code(), Some(1), "{command}: {said}");
            assert!(said.contains("No space left on device"), "{command}: {said:?}");
            assert_eq!(said.lines().count(), 1, "{command}: {said:?}");
        }
    }
    assert_eq!(sandbox.list("").len(), 2);
}

/// The options behind the name of the job, before a redirection.
fn place_options(words: &str, way: &str) -> String {
    let (job, rest) = words.split_once(' ').expect("a job and more");
    format!("{job} {way} {rest}")
}

/// Runs a script in a mount namespace of its own; `None` where that is not allowed.
fn in_own_mounts(sandbox: &Sandbox, script: &str) -> Option<(i32, String, String)> {
    if !is_root() || !have("unshare") {
        skip("a file system of its own needs root and unshare");
        return None;
    }
    sandbox.make_directory("mnt");
    let script = format!("mount -t tmpfs -o size=256k tmpfs mnt || exit 77\n{script}");
    let mut command = common::run::command("unshare");
    command.args(["-m", "sh", "-c", &script]).current_dir(sandbox.path("")).env("HAUL", common::run::binary());
    let output = command.output().ok()?;
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    let code = output.status.code()?;
    if code == 77 || (code == 1 && text(&output.stderr).starts_with("unshare:")) {
        skip("no mounts are allowed here");
        return None;
    }
    Some((code, text(&output.stdout), text(&output.stderr)))
}

#[test]
fn a_full_file_system_leaves_source_and_older_target_as_they_were() {
    for way in ways() {
        let sandbox = Sandbox::new();
        sandbox.write("big", noise(1, 600_000));
        // 256 KiB hold the sources of gzip and gunzip, and not their results.
        let script = format!(
            "echo older >mnt/older
             $HAUL copy {way} big mnt/older; echo $?
             $HAUL copy {way} big mnt/new; echo $?
             cat mnt/older; ls mnt
             head -c 150000 big >mnt/source
             $HAUL gzip {way} mnt/source; echo $?
             head -c 150000 big | cmp - mnt/source && ls mnt
             rm mnt/source; head -c 2000000 /dev/zero | gzip >mnt/zeros.gz
             $HAUL gunzip {way} mnt/zeros.gz; echo $?
             ls mnt"
        );
        let Some((_, out, err)) = in_own_mounts(&sandbox, &script) else { return };
        let expected = "1 1 older older 1 older source 1 older zeros.gz";
        assert_eq!(out.split_whitespace().collect::<Vec<_>>().join(" "), expected, "{way}: {err}");
        assert_eq!(err.lines().count(), 4, "{way}: one line for each: {err}");
        assert!(err.lines().all(|line| line.starts_with("haul: cannot ") && line.ends_with("No space left on device")));
        for name in ["'mnt/older'", "'mnt/new'", "'mnt/source.gz'", "'mnt/zeros'"] {
            assert!(err.contains(name), "{way}: {name} in {err}");
        }
    }
}

#[test]
fn a_tree_that_a_full_file_system_stopped_is_continued_by_the_command_that_was_printed() {
    for way in ways() {
        let sandbox = Sandbox::new();
        for number in 0..40 {
            sandbox.write(format!("it's a tree/{}/{number}", number % 4), noise(number, 10_000));
        }
        // Of the first run the part stays, and it says so; there is room for the second.
        let script = format!(
            r#"haul() {{ "$HAUL" "$@"; }}
             haul copy {way} "it's a tree" mnt/tree --json >json 2>said; echo $?
             ls mnt; cat said >&2; find mnt/tree.haul-part -type f | wc -l
             mount -o remount,size=4m mnt || exit 77
             sed -n 's/.*; continue with: //p' said >again
             . ./again >/dev/null; echo $?
             ls mnt; diff -r "it's a tree" mnt/tree; echo $?"#
        );
        let Some((_, out, err)) = in_own_mounts(&sandbox, &script) else { return };
        let words: Vec<_> = out.split_whitespace().collect();
        let [code, part, kept, again, made, same] = words[..] else { panic!("{way}: {out} {err}") };
        assert_eq!((code, part, again, made, same), ("1", "tree.haul-part", "0", "tree", "0"), "{way}: {err}");
        let kept: usize = kept.parse().expect("a number");
        assert!((1..40).contains(&kept), "{way}: {kept} files are in the part");
        let said = "haul: kept 'mnt/tree.haul-part' with what was copied so far; continue with: haul copy --resume ";
        assert_eq!(err.lines().filter(|line| line.starts_with(said)).count(), 1, "{way}: {err}");
        assert!(err.contains("No space left on device"), "{way}: {err}");
        let json: serde_json::Value = serde_json::from_slice(&sandbox.read("json")).expect("JSON");
        assert_eq!(json["unfinished"], serde_json::json!(["mnt/tree.haul-part"]), "{way}");
        assert_eq!(json["stopped_early"], true, "{way}");
    }
}

#[test]
fn a_read_only_file_system_is_named() {
    let sandbox = Sandbox::new();
    sandbox.write("source", "contents");
    let script = "echo older >mnt/older; gzip -k mnt/older; mount -o remount,ro mnt || exit 77
        for words in 'copy source mnt/new' 'copy source mnt/older' 'gzip -f mnt/older' 'gunzip -f mnt/older.gz'; do
            $HAUL $words; echo $?
        done
        cat mnt/older; ls mnt";
    let Some((_, out, err)) = in_own_mounts(&sandbox, script) else { return };
    assert_eq!(out.split_whitespace().collect::<Vec<_>>().join(" "), "1 1 1 1 older older older.gz", "{err}");
    assert_eq!(err.lines().count(), 4, "{err}");
    assert!(err.lines().all(|line| line.ends_with("Read-only file system")), "{err}");
}

#[test]
fn a_name_is_shown_on_one_line_whatever_it_holds() {
    let sandbox = Sandbox::new();
    for (name, shown) in [
        (OsStr::from_bytes(LATIN1), "'caf\\xe9'"),
        (OsStr::new("new\nline"), "'new\\nline'"),
        (OsStr::new("escape\x1b[31m"), "'escape\\u{1b}[31m'"),
        (OsStr::new("grün"), "'grün'"),
    ] {
        for job in ["copy", "gzip", "gunzip"] {
            let mut haul = sandbox.haul(job).arg("--").arg(name);
            if job == "copy" {
                haul = haul.arg("new");
            }
            haul.run().code(1).says_in_one_line(&[shown, "No such file or directory"]);
        }
    }
}

#[test]
fn a_name_too_long_for_the_suffix_keeps_its_file() {
    let sandbox = Sandbox::new();
    let name = "n".repeat(253);
    sandbox.write(&name, "contents");
    sandbox.haul("gzip").arg(&name).run().code(1).says_in_one_line(&["File name too long"]);
    assert_eq!(sandbox.read(&name), b"contents");
    assert_eq!(sandbox.list("").len(), 1);
    // 252 and the suffix are 255: that fits, and so must the temporary name.
    let name = "m".repeat(252);
    sandbox.write(&name, "contents");
    sandbox.haul("gzip").arg(&name).run().ok();
    sandbox.haul("gunzip").arg(format!("{name}.gz")).run().ok();
    assert_eq!(sandbox.read(&name), b"contents");
}

#[test]
fn a_plain_file_is_no_gzip_file_in_so_many_words() {
    let sandbox = Sandbox::new();
    sandbox.write("plain.gz", "not compressed at all");
    sandbox.haul("gunzip plain.gz").run().code(1).says_in_one_line(&["'plain.gz'", "gzip"]);
    assert_eq!(sandbox.list("").len(), 1);
}

#[test]
fn more_workers_than_processors_or_work_are_no_problem() {
    let sandbox = Sandbox::new();
    sandbox.write("file", prose(1, 500_000));
    for words in ["copy file new --workers 64", "copy file new2 --workers auto", "gzip -k file --workers 64"] {
        sandbox.haul(words).run().ok().silent();
    }
    assert!(sandbox.read("new") == sandbox.read("file"));
}

#[test]
fn few_descriptors_are_enough() {
    let sandbox = Sandbox::new();
    for number in 0..200 {
        sandbox.write(format!("tree/{}/{}/{number}", number % 10, number % 20), "contents");
    }
    let haul = common::run::binary().display().to_string();
    let script = format!("ulimit -n 40; '{haul}' copy tree new --workers 2 && '{haul}' gzip -r new --workers 2");
    sandbox.tool("sh", &["-c", &script]);
}

#[test]
fn what_is_said_twice_counts_once() {
    let sandbox = Sandbox::new();
    let text = prose(1, 100_000);
    sandbox.write("file", &text);
    for words in [
        "gzip -9 -9 -k -k file",
        "gzip -0 -0 -kk file",
        "gzip -99 -kf file",
        "gzip --best -9 --best -k file",
        "gzip -ff -k file",
        "gzip -vvk file",
        "gzip -kqq -nn -cc file",
        "gzip -kN -n -N -N file",
        "gzip -k --json --json --sync --sync --update --update file",
        "gzip -k --buffer 4K --buffer 8K -p 1 -p 2 --pool off --pool 4 --scheduler serial --scheduler rayon file",
        "gzip -k --block 64K --block 128K --codec zlib --codec auto --verify --verify -xx -rr file",
        "gunzip -kkffvv packed.gz",
        "gunzip -tt packed.gz",
        "gzip -dd -k packed.gz",
        "copy -vv --engine mmap --engine auto file copied",
    ] {
        sandbox.remove("file.gz");
        sandbox.write("packed.gz", sandbox.haul("gzip").input(&*text).run().ok().out);
        sandbox.remove("packed");
        sandbox.haul(words).run().ok();
        assert!(sandbox.read("file") == text, "{words}");
    }
    // Of several values the last one counts, but each pattern does.
    sandbox.haul("gzip -k -S .a --suffix .b file").run().ok().silent();
    assert!(sandbox.exists("file.b") && !sandbox.exists("file.a"));
    for name in ["tree/a.t", "tree/a.u", "tree/a.v"] {
        sandbox.write(name, "data");
    }
    sandbox.haul("gzip -r --exclude *.t tree --exclude *.u").run().ok().silent();
    assert_eq!(sandbox.list("tree").into_iter().collect::<Vec<_>>(), ["a.t", "a.u", "a.v.gz"]);
    let rows = sandbox.haul("sweep gzip file --buffers 4K --buffers 8K,16K --rounds 1 --rounds 2 --format json").run();
    let rows = common::run::sweep_rows(&rows.ok().json());
    assert_eq!(rows.len(), 3, "each size of each list");
}

#[test]
fn the_value_of_an_option_is_no_level() {
    let sandbox = Sandbox::new();
    sandbox.write("-11", "data");
    sandbox.write("file", prose(1, 100_000));
    let said = sandbox.haul("gzip -k --exclude -11 -v -- -11").run().ok().says(&["'-11'", "excluded"]);
    assert!(!sandbox.exists("-11.gz"), "{}", said.err);
    sandbox.haul("gzip -k --exclude -- -12 file").run().ok().silent();
    let best = sandbox.read("file.gz");
    for words in ["gzip -c -12 file", "gzip -kcp 1 -11 file", "gzip --exclude=-11 -11 -c file", "gzip -cS.x -11 file"] {
        assert!(sandbox.haul(words).run().ok().out == best, "{words}");
    }
    sandbox.haul("gzip -k --exclude --suffix -10 file -f").run().ok();
    assert!(sandbox.read("file.gz") != sandbox.haul("gzip -c file").run().ok().out, "-10 is a level there");
}

#[test]
fn a_limit_on_the_size_of_files_is_an_error_like_others() {
    let sandbox = Sandbox::new();
    sandbox.write("file", noise(1, 3_000_000));
    sandbox.write("packed.gz", sandbox.haul("gzip -c file").run().ok().out);
    let haul = common::run::binary().display().to_string();
    for words in ["gzip -k file", "gunzip -k packed.gz", "copy file new", "gzip -1 -c file >out"] {
        for way in ["--workers 1", "--workers 2"] {
            let command = format!("ulimit -f 200; exec '{haul}' {}", place_options(words, way));
            let output =
                common::run::command("sh").args(["-c", &command]).current_dir(sandbox.path("")).output().unwrap();
            let said = String::from_utf8_lossy(&output.stderr);
            assert_eq!(output.status.code(), Some(1), "{command}: {}: {said}", output.status);
            assert!(said.contains("File too large") && said.lines().count() == 1, "{command}: {said:?}");
            sandbox.remove("out");
            assert_eq!(sandbox.list("").len(), 2, "{command}");
        }
    }
}

#[test]
fn a_file_with_a_slash_behind_it_is_no_directory() {
    let sandbox = Sandbox::new();
    sandbox.write("file", "data");
    sandbox.write("packed.gz", sandbox.haul("gzip -c file").run().ok().out);
    sandbox.link("link", "file");
    let before = snapshot(sandbox.path(""));
    for (words, name) in [
        ("gzip file/", "'file/'"),
        ("gzip -kf file//", "'file//'"),
        ("gzip -r file/", "'file/'"),
        ("gzip -c file/", "'file/'"),
        ("gzip -f link/", "'link/'"),
        ("gunzip packed.gz/", "'packed.gz/'"),
        ("gunzip -t packed.gz/", "'packed.gz/'"),
    ] {
        let run = sandbox.haul(words).run().code(1).says_in_one_line(&[name, "Not a directory"]);
        assert!(run.out.is_empty());
        assert_same(&before, &snapshot(sandbox.path("")), words);
    }
    sandbox.haul("gunzip packed/").run().code(1).says_in_one_line(&["'packed/'", "No such file"]);
    assert_same(&before, &snapshot(sandbox.path("")), "no directory of this name");
    sandbox.write("tree/file", "data");
    sandbox.haul("gzip -r tree/").run().ok().silent();
    assert!(sandbox.exists("tree/file.gz"));
}

#[test]
fn what_is_full_or_read_only_below_ends_work_there_alone() {
    let mounts = [("full", "mount -t tmpfs -o size=64k tmpfs"), ("locked", "mount -t tmpfs -o ro tmpfs")];
    for way in ways() {
        for (what, mount) in mounts {
            for job in ["copy", "gzip", "gunzip"] {
                let sandbox = Sandbox::new();
                for directory in ["a", "b/nested", "c", "z/deep"] {
                    for number in 0..12 {
                        sandbox.write(format!("tree/{directory}/{number}"), noise(number, 20_000));
                    }
                }
                // Where targets go is there, with another file system in the middle of it.
                sandbox.tool("cp", &["-a", "tree", "out"]);
                if job == "gunzip" {
                    sandbox.tool("gzip", &["-r1", "tree"]);
                }
                let command = match job {
                    "copy" => "copy -T tree out".to_owned(),
                    job => format!("{job} -rf --output-dir out tree/."),
                };
                let script = format!(
                    "find out -type f -delete
                     {mount} out/b || exit 77
                     test {what} = full && mkdir out/b/nested
                     $HAUL {command} {way}; echo $?
                     find out -path out/b -prune -o -type f -print | wc -l; find out/b -name '.haul*' | wc -l"
                );
                let Some((_, out, err)) = in_own_mounts(&sandbox, &script) else { return };
                let words: Vec<_> = out.split_whitespace().collect();
                assert_eq!(words, ["1", "36", "0"], "{job} {what} {way}: {err}");
                // Not tried again and again: a worker each may have been at it.
                let said = err.lines().filter(|line| line.contains("out/b")).count();
                assert!((1..=2 * 2).contains(&said), "{job} {what} {way}: {err}");
            }
        }
    }
}

#[test]
fn a_full_file_system_below_changes_nothing_of_the_directories_above_it() {
    for way in ways() {
        // The nested file system holds a directory that is there (met), or gets a new one, or a file alone.
        for big in ["a/b/big", "a/b/new/big", "a/b/there/big"] {
            let sandbox = Sandbox::new();
            sandbox.write(format!("s/{big}"), noise(1, 900_000));
            sandbox.write("s/a/small", "small");
            let script = format!(
                "mkdir -p t/a/b; chmod 711 t/a
                 find s -type d -exec chmod 755 {{}} +; chmod 700 s/a/b; touch -d 2001-01-01 s/a s/a/b
                 mount -t tmpfs -o size=256k,mode=700 tmpfs t/a/b || exit 77
                 case {big} in */there/*) mkdir t/a/b/there;; esac
                 $HAUL copy -T s t {way}; echo $?
                 stat -c '%a %Y' t/a; stat -c %a t/a/b; cat t/a/small; echo; find t/a/b -name '*.haul-part' -exec stat -c %a {{}} +"
            );
            let Some((_, out, err)) = in_own_mounts(&sandbox, &script) else { return };
            let words: Vec<_> = out.split_whitespace().collect();
            let time = std::fs::metadata(sandbox.path("s/a")).expect("it is there");
            let time = std::os::unix::fs::MetadataExt::mtime(&time).to_string();
            assert_eq!(words[..5], ["1", "755", &time, "700", "small"], "{big} {way}: {err}");
            assert!(words[5..].iter().all(|mode| *mode == "1700"), "{big} {way}: {out} {err}");
        }
    }
}

#[test]
fn what_can_be_read_only_once_is_kept_where_something_is_mounted() {
    let sandbox = Sandbox::new();
    common::make_fifo(sandbox.path("fifo"));
    sandbox.write("other", "other");
    sandbox.write("m", "old");
    let script = "mount --bind other m || exit 77; (echo precious >fifo) & $HAUL copy --copy-contents fifo m; echo $?
        cat m m.haul-kept";
    let Some((_, out, err)) = in_own_mounts(&sandbox, script) else { return };
    assert_eq!(out.split_whitespace().collect::<Vec<_>>(), ["1", "otherprecious"], "{err}");
    assert!(err.contains("kept as 'm.haul-kept'"), "{err}");
}
