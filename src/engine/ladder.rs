//! Which engine is tried, and what is tried after it.
//!
//! `auto` asks the kernel to share blocks, or to copy, where the file system can share them or let a server copy. On
//! others, such as ext4 and tmpfs, `copy_file_range` only moves pages inside the kernel: that is a call less than to
//! read and write, and up to a tenth less time, for a file that one worker copies; two workers that read and write one
//! large file are a fifth faster (the README's table). A named engine is that engine or an error, so that what a sweep
//! says of it is true.

use std::ops::Range;

use rustix::io::Errno;

use super::copy_file_range::CopyFileRange;
use super::direct::Direct;
use super::mmap::Mmap;
use super::read_write::ReadWrite;
use super::reflink::Reflink;
use super::route::{Copied, Refusal, Refused, Route};
use super::{Engine, EngineError, Pair, Progress, Side, Volume};
use crate::plan::{EngineName, When};
use crate::sys::{Attributes, Sys};

/// The engines to try for one file, the best first.
#[derive(Clone, Copy)]
pub struct Ladder {
    rungs: &'static [&'static dyn Engine],
    refused: Refused,
}

/// What came of asking for a whole file at once.
#[derive(Clone, Copy)]
pub enum Whole {
    /// All of it is there.
    Done(Copied),
    /// Nothing is: copy it by ranges, with this.
    ByRanges(Ladder),
}

impl Ladder {
    /// The ladder for copying `source` to `volume`; `alone` says that one worker copies all of it, and that nobody asked
    /// for a certain buffer. To share blocks `Always` leaves nothing else to try, and `Never`
    /// takes from `auto` whatever could share them; a named engine is that engine even so.
    pub fn new(engine: EngineName, reflink: When, source: &Attributes, volume: &Volume, alone: bool) -> Self {
        match (engine, reflink) {
            (_, When::Always) | (EngineName::Reflink, _) => Self::of(&[&Reflink]),
            (EngineName::Auto, When::Auto) if volume.may_offload(source) => {
                let all = Self::of(&[&Reflink, &CopyFileRange, &ReadWrite]);
                volume.clone_refusal().and_then(|errno| all.below(errno)).unwrap_or(all)
            }
            (EngineName::Auto, When::Auto) if alone && volume.holds(source) => Self::of(&[&CopyFileRange, &ReadWrite]),
            (EngineName::Auto | EngineName::ReadWrite, _) => Self::of(&[&ReadWrite]),
            (EngineName::CopyFileRange, _) => Self::of(&[&CopyFileRange]),
            (EngineName::Mmap, _) => Self::of(&[&Mmap]),
            (EngineName::Direct, _) => Self::of(&[&Direct]),
        }
    }

    /// A ladder of these rungs.
    pub(super) fn of(rungs: &'static [&'static dyn Engine]) -> Self {
        Self { rungs, refused: Refused::default() }
    }

    /// The engine that is tried first.
    pub fn first(&self) -> &'static dyn Engine {
        self.rungs[0]
    }

    /// What there is to say of a copy by the first engine.
    pub fn route(&self) -> Route {
        Route { by: self.first().name(), refused: self.refused }
    }

    /// The ladder without its first rung, which could not because of `errno`; `None` where it was the last.
    fn below(self, errno: Errno) -> Option<Self> {
        let refused = self.refused.and(Refusal { engine: self.first().name(), errno });
        let rest = &self.rungs[1..];
        (!rest.is_empty()).then_some(Self { rungs: rest, refused })
    }

    /// Whether any engine on it copies through a buffer of ours.
    pub fn needs_buffer(&self) -> bool {
        self.rungs.iter().any(|engine| engine.needs_buffer())
    }

    /// Copies a source of `size` bytes in one go, if the first engine is of that kind. To be called once a file, before
    /// any range of it is copied.
    pub fn try_whole(self, sys: &mut Sys, pair: Pair<'_>, size: u64, volume: &Volume) -> Result<Whole, EngineError> {
        let engine = self.first();
        if !engine.takes_whole_files() {
            return Ok(Whole::ByRanges(self));
        }
        let Progress { copied, unsupported } = engine.copy_range(sys, pair, 0..size, usize::MAX, &mut [])?;
        let Some(errno) = unsupported else {
            return Ok(Whole::Done(Copied { bytes: copied, route: self.route() }));
        };
        volume.refused_clone(errno);
        let below = self.below(errno).map(Whole::ByRanges);
        below.ok_or(EngineError { operation: "clone", side: Side::Target, errno })
    }

    /// Copies a range with the first engine, and what that cannot do with the next.
    pub fn copy_range(
        self,
        sys: &mut Sys,
        pair: Pair<'_>,
        range: Range<u64>,
        step: Option<usize>,
        buffer: &mut [u8],
    ) -> Result<Copied, EngineError> {
        let mut offset = range.start;
        let mut ladder = self;
        loop {
            let engine = ladder.first();
            let step = step.unwrap_or_else(|| engine.default_step());
            let Progress { copied, unsupported } = if engine.takes_whole_files() {
                // Its time was `try_whole`; a range it cannot.
                Progress::not_here(0, Errno::OPNOTSUPP)
            } else {
                engine.copy_range(sys, pair, offset..range.end, step, buffer)?
            };
            offset += copied;
            let done = Copied { bytes: offset - range.start, route: ladder.route() };
            let Some(errno) = unsupported else { return Ok(done) };
            match ladder.below(errno) {
                Some(below) => ladder = below,
                // The end of the source looks the same as "not here"; a read would tell, and costs nothing at the end.
                None if ends_at(sys, pair, offset) => return Ok(done),
                None => return Err(EngineError { operation: "copy with this engine", side: Side::Target, errno }),
            }
        }
    }
}

fn ends_at(sys: &mut Sys, pair: Pair<'_>, offset: u64) -> bool {
    sys.fstat(pair.source).is_ok_and(|attributes| attributes.size <= offset)
}

#[cfg(test)]
mod tests {
    use super::super::testing::{Files, TROUBLE, buffer, faulty, sys};
    use super::super::{copy_file_range, reflink};
    use super::*;
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
}
