//! What the ladder tries, and in which order.

use super::*;
use crate::engine::testing::{Files, TROUBLE, buffer, faulty, sys};
use crate::engine::{copy_file_range, reflink};
use crate::sys::faults::Fault;

const LEN: u64 = 300_001;
const STEP: usize = 65_536;

fn copy(files: &Files, sys: &mut Sys, ladder: Ladder) -> Result<Copied, EngineError> {
    ladder.copy_range(sys, files.pair(), 0..LEN, Some(STEP), &mut buffer(STEP))
}

fn refused(route: Route) -> Vec<(EngineName, Errno)> {
    route.refused().map(|refusal| (refusal.engine, refusal.errno)).collect()
}

#[test]
fn a_ladder_is_known_by_its_names() {
    let files = Files::noise(LEN as usize);
    let mut sys = sys();
    let source = sys.fstat(files.pair().source).unwrap();
    let volume = Volume::of(&mut sys, files.pair().target).unwrap();
    for engine in EngineName::ALL.into_iter().chain([EngineName::Auto]) {
        for reflink in [When::Auto, When::Always, When::Never] {
            for alone in [true, false] {
                for make in [Ladder::new, Ladder::preferring] {
                    let ladder = make(engine, reflink, &source, &volume, alone);
                    let again = Ladder::named(&ladder.names()).map(|ladder| ladder.names());
                    assert_eq!(again, Some(ladder.names()), "{engine:?} {reflink:?}");
                }
            }
        }
    }
    for engine in EngineName::ALL {
        assert!(Ladder::named(&[engine]).is_some_and(|ladder| ladder.first().name() == engine));
    }
    assert!(Ladder::named(&[EngineName::Direct, EngineName::Mmap]).is_none());
}

#[test]
fn what_copy_file_range_cannot_is_read_and_written() {
    let ladder = Ladder::of(&[&CopyFileRange, &ReadWrite]);
    for errno in copy_file_range::UNSUPPORTED {
        // At the first call, and in the middle of the file.
        for at in [1, 3] {
            let files = Files::noise(LEN as usize);
            let mut sys = faulty(at, Fault::Fail(errno));
            let copied = copy(&files, &mut sys, ladder).unwrap();
            let why = format!("{errno} at call {at}");
            assert_eq!((copied.bytes, copied.route.by), (LEN, EngineName::ReadWrite), "{why}");
            assert_eq!(refused(copied.route), [(EngineName::CopyFileRange, errno)], "{why}");
            files.assert_same(&why);
            let only = copy(&files, &mut faulty(at, Fault::Fail(errno)), Ladder::of(&[&CopyFileRange]));
            assert_eq!(only.unwrap_err().errno, errno, "a named engine is that one or an error: {why}");
        }
    }
}

#[test]
fn what_cannot_be_cloned_is_read_and_written() {
    let ladder = Ladder::of(&[&Reflink, &ReadWrite]);
    for errno in reflink::UNSUPPORTED {
        let files = Files::noise(LEN as usize);
        let mut sys = faulty(1, Fault::Fail(errno));
        let volume = Volume::of(&mut self::sys(), files.pair().target).unwrap();
        let whole = ladder.try_whole(&mut sys, files.pair(), LEN, &volume).unwrap();
        let Whole::ByRanges(below) = whole else { panic!("{errno} cloned") };
        let copied = copy(&files, &mut sys, below).unwrap();
        assert_eq!((copied.bytes, copied.route.by), (LEN, EngineName::ReadWrite), "{errno}");
        assert_eq!(refused(copied.route), [(EngineName::Reflink, errno)]);
        files.assert_same(&errno.to_string());
        let only = Ladder::of(&[&Reflink]);
        let only = only.try_whole(&mut faulty(1, Fault::Fail(errno)), files.pair(), LEN, &volume);
        assert_eq!(only.err().map(|error| (error.operation, error.errno)), Some(("clone", errno)));
    }
}

#[test]
fn trouble_is_no_reason_to_try_another_way() {
    for errno in TROUBLE {
        let files = Files::noise(LEN as usize);
        let volume = Volume::of(&mut sys(), files.pair().target).unwrap();
        let mut sys = faulty(1, Fault::Fail(errno));
        let whole = Ladder::of(&[&Reflink, &ReadWrite]).try_whole(&mut sys, files.pair(), LEN, &volume);
        assert_eq!(whole.err().map(|error| error.errno), Some(errno));
        for at in [1, 3] {
            let mut sys = faulty(at, Fault::Fail(errno));
            let copied = copy(&files, &mut sys, Ladder::of(&[&CopyFileRange, &ReadWrite]));
            assert_eq!(copied.unwrap_err(), EngineError::writing(errno), "call {at}");
        }
    }
}

#[test]
fn success_that_copied_nothing_is_not_the_end_of_the_source() {
    for at in [1, 3] {
        let files = Files::noise(LEN as usize);
        let copied = copy(&files, &mut faulty(at, Fault::Nothing), Ladder::of(&[&CopyFileRange, &ReadWrite]));
        let copied = copied.unwrap();
        assert_eq!((copied.bytes, copied.route.by), (LEN, EngineName::ReadWrite), "call {at}");
        files.assert_same("nothing was copied");
        let only = copy(&files, &mut faulty(at, Fault::Nothing), Ladder::of(&[&CopyFileRange]));
        assert_eq!(only.unwrap_err().errno, Errno::OPNOTSUPP);
    }
    // Where the source ends indeed, all is well with either.
    let files = Files::noise(1000);
    for ladder in [Ladder::of(&[&CopyFileRange]), Ladder::of(&[&CopyFileRange, &ReadWrite])] {
        assert_eq!(copy(&files, &mut sys(), ladder).unwrap().bytes, 1000);
        files.assert_same("a shorter source");
    }
}

#[test]
fn short_calls_lose_nothing() {
    let ladders = [Ladder::of(&[&CopyFileRange, &ReadWrite]), Ladder::of(&[&ReadWrite]), Ladder::of(&[&Mmap])];
    for ladder in ladders {
        for at in 1..=10 {
            let files = Files::noise(LEN as usize);
            let copied = copy(&files, &mut faulty(at, Fault::Short), ladder).unwrap();
            assert_eq!((copied.bytes, copied.route), (LEN, ladder.route()));
            files.assert_same(&format!("{} with call {at} short", ladder.route()));
        }
    }
}

#[test]
fn what_an_engine_that_is_only_wished_for_cannot_is_read_and_written() {
    let files = Files::noise(LEN as usize);
    let source = sys().fstat(files.pair().source).unwrap();
    let volume = Volume::of(&mut sys(), files.pair().target).unwrap();
    for engine in EngineName::ALL {
        for reflink in [When::Auto, When::Never] {
            let named = Ladder::new(engine, reflink, &source, &volume, false);
            let wished = Ladder::preferring(engine, reflink, &source, &volume, false);
            assert_eq!(named.rungs.len(), 1, "a named engine stays alone");
            // On a file system that shares nothing; where it might, see below.
            if !volume.may_offload(&source) {
                assert_eq!(wished.first().name(), engine);
            }
            assert_eq!(wished.rungs.last().map(|last| last.name()), Some(EngineName::ReadWrite));
        }
    }
    let ladder = Ladder::preferring(EngineName::Mmap, When::Never, &source, &volume, false);
    let copied = copy(&files, &mut faulty(1, Fault::Fail(Errno::NODEV)), ladder).unwrap();
    assert_eq!((copied.bytes, copied.route.by), (LEN, EngineName::ReadWrite));
    files.assert_same("a map that cannot be had");
}

#[test]
fn a_whole_file_engine_is_not_asked_for_ranges() {
    let files = Files::noise(LEN as usize);
    let mut sys = sys();
    let copied = copy(&files, &mut sys, Ladder::of(&[&Reflink, &Mmap, &ReadWrite])).unwrap();
    assert_eq!(copied.route.to_string(), "mmap; not by reflink: Operation not supported");
    assert_eq!(sys.counts().of(crate::calls::Call::Ficlone).calls, 0);
    files.assert_same("by ranges");
    assert_eq!(copy(&files, &mut sys, Ladder::of(&[&Reflink])).unwrap_err().errno, Errno::OPNOTSUPP);
}

#[test]
fn what_is_wished_decides_what_is_tried() {
    use EngineName::{Auto, CopyFileRange, ReadWrite, Reflink};
    let files = Files::noise(1);
    let here = sys().fstat(files.pair().source).unwrap();
    let elsewhere = Attributes { dev: (0, 0), ..here };
    let volume = Volume::offloading(&here);
    let rungs = |engine, reflink, source: &Attributes, alone| -> Vec<EngineName> {
        Ladder::new(engine, reflink, source, &volume, alone).rungs.iter().map(|engine| engine.name()).collect()
    };
    let plain = Volume::of(&mut sys(), files.pair().target).unwrap();
    for alone in [false, true] {
        assert_eq!(rungs(Auto, When::Auto, &here, alone), [Reflink, CopyFileRange, ReadWrite]);
        assert_eq!(rungs(Auto, When::Auto, &elsewhere, alone), [ReadWrite]);
        assert_eq!(rungs(Auto, When::Never, &here, alone), [ReadWrite]);
        for engine in EngineName::ALL {
            assert_eq!(rungs(engine, When::Auto, &here, alone), [engine]);
            assert_eq!(rungs(engine, When::Never, &here, alone), [engine]);
        }
        for source in [&here, &elsewhere] {
            assert_eq!(rungs(Auto, When::Always, source, alone), [Reflink]);
        }
        let first = Ladder::new(Auto, When::Auto, &here, &plain, alone).first().name();
        let needs_no_buffer = alone || plain.may_offload(&here);
        assert_eq!(first == ReadWrite, !needs_no_buffer, "{first:?}");
    }
}

#[test]
fn a_volume_that_clones_nothing_is_asked_once() {
    let files = Files::noise(LEN as usize);
    let attributes = sys().fstat(files.pair().source).unwrap();
    for (errno, goes_for_all) in [(Errno::OPNOTSUPP, true), (Errno::XDEV, false), (Errno::TXTBSY, false)] {
        let volume = Volume::offloading(&attributes);
        // Another directory's.
        let shared = volume.clone();
        let ladder = || Ladder::new(EngineName::Auto, When::Auto, &attributes, &shared, false);
        let mut sys = faulty(1, Fault::Fail(errno));
        assert!(ladder().try_whole(&mut sys, files.pair(), LEN, &volume).is_ok());
        let next = ladder().route();
        let expected = if goes_for_all { EngineName::CopyFileRange } else { EngineName::Reflink };
        assert_eq!(next.by, expected, "{errno}");
        let said = if goes_for_all { vec![(EngineName::Reflink, errno)] } else { vec![] };
        assert_eq!(refused(next), said, "{errno}");
    }
}

#[test]
fn a_wish_neither_softens_what_is_typed_nor_keeps_blocks_from_being_shared() {
    use EngineName::{Auto, CopyFileRange, Direct, Mmap, ReadWrite, Reflink};
    let files = Files::noise(1);
    let here = sys().fstat(files.pair().source).unwrap();
    let elsewhere = Attributes { dev: (0, 0), ..here };
    let volume = Volume::offloading(&here);
    let rungs = |engine, reflink, source: &Attributes| -> Vec<EngineName> {
        let ladder = Ladder::preferring(engine, reflink, source, &volume, true);
        ladder.rungs.iter().map(|engine| engine.name()).collect()
    };
    for (engine, shared, plain) in [
        (ReadWrite, vec![Reflink, ReadWrite], vec![ReadWrite]),
        (CopyFileRange, vec![Reflink, CopyFileRange, ReadWrite], vec![CopyFileRange, ReadWrite]),
        (Mmap, vec![Reflink, Mmap, ReadWrite], vec![Mmap, ReadWrite]),
        (Direct, vec![Reflink, Direct, ReadWrite], vec![Direct, ReadWrite]),
    ] {
        assert_eq!(rungs(engine, When::Auto, &here), shared);
        assert_eq!(rungs(engine, When::Never, &here), plain);
        assert_eq!(rungs(engine, When::Auto, &elsewhere), plain);
    }
    for engine in EngineName::ALL {
        assert_eq!(rungs(engine, When::Always, &here), [Reflink], "{engine:?}: typed is typed");
    }
    for source in [&here, &elsewhere] {
        let auto = Ladder::new(Auto, When::Auto, source, &volume, true);
        assert_eq!(rungs(Auto, When::Auto, source).len(), auto.rungs.len());
    }
    // A file system that said it clones nothing is not asked again.
    volume.refused_clone(Errno::OPNOTSUPP);
    assert_eq!(rungs(Mmap, When::Auto, &here), [Mmap, ReadWrite]);
}
