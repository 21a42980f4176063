//! What is run is what users run; and small tunings from end to end.

use proptest::prelude::*;

use super::candidates::{alternatives, candidates};
use super::cases::{Sizes, defaults, with_flags};
use super::*;
use crate::copy;
use crate::error::Remedy;
use crate::gzip::gzip;
use crate::lab::sweep::run_spec::{RunSpec, resources};
use crate::lab::sweep::testing;
use crate::outcome::{Candidate, SweepRow};
use crate::plan::{CodecName, CopyOptions, EngineName, FileOptions, GzipOptions, Resources, SweepJob};

fn plan(directory: &std::path::Path) -> TunePlan {
    TunePlan {
        directory: directory.to_owned(),
        jobs: vec![SweepJob::Copy, SweepJob::Gzip],
        budget: Duration::from_millis(100),
        large_bytes: Some(1 << 20),
        cores: 1,
        seed: 1,
        command: "haul tune".to_owned(),
    }
}

#[test]
#[allow(clippy::disallowed_methods, reason = "a test makes its own files")]
fn the_defaults_make_the_calls_of_a_job_without_flags() {
    let place = tempfile::tempdir().unwrap();
    let large = place.path().join("large");
    std::fs::write(&large, vec![7; 6 << 20]).unwrap();
    let small = place.path().join("small");
    std::fs::create_dir(&small).unwrap();
    for number in 0..5 {
        std::fs::write(small.join(number.to_string()), vec![7; 5000]).unwrap();
    }
    let context = Context::silent();
    let spec = |case: TuneCase, input: &std::path::Path| RunSpec {
        input: input.to_owned(),
        target: place.path().join("by-setting"),
        setting: defaults(case, 1),
        codec: CodecName::default(),
        block: None,
        is_tree: input == small,
    };
    let one = Resources::with_workers(std::num::NonZeroUsize::MIN);
    for (case, input) in [(TuneCase::CopyWarm, &large), (TuneCase::CopySmall, &small)] {
        let users = CopyOptions::new(vec![input.clone()], place.path().join("by-hand"));
        let users = CopyOptions { resources: one, ..users }.plan().unwrap();
        let (theirs, ours) = (copy::run(&users, &context).unwrap(), spec(case, input).run(&context).unwrap());
        assert_eq!(theirs.syscalls, ours.syscalls, "{case:?}");
        assert_eq!(theirs.source_bytes, ours.source_bytes);
        let place = open(place.path());
        for name in [c"by-hand", c"by-setting"] {
            crate::tree::remove_tree(&mut context.sys(), &place, name).unwrap();
        }
    }
    let files = FileOptions { keep: true, name: true, resources: one, ..FileOptions::new(vec![large.clone()]) };
    let users = GzipOptions { files, ..GzipOptions::default() }.plan().unwrap();
    let theirs = gzip(&users, &context).unwrap();
    std::fs::remove_file(place.path().join("large.gz")).unwrap();
    let ours = spec(TuneCase::Gzip, &large).run(&context).unwrap();
    assert_eq!(theirs.syscalls, ours.syscalls);
    assert!(theirs.is_clean() && ours.is_clean());
}

fn open(path: &std::path::Path) -> std::os::fd::OwnedFd {
    rustix::fs::open(path, rustix::fs::OFlags::RDONLY, rustix::fs::Mode::empty()).unwrap()
}

#[test]
fn the_defaults_use_what_a_job_without_flags_may_use() {
    let two = Resources::with_workers(std::num::NonZeroUsize::new(2).unwrap());
    for case in TuneCase::ALL {
        assert_eq!(resources(&defaults(case, 2)), two, "{case:?}");
        assert_eq!(with_flags(Flags::default(), case, 2), defaults(case, 2));
        for flags in alternatives(case.job(), 2) {
            let setting = with_flags(flags, case, 2);
            assert_eq!(flags.count(), 1);
            assert_ne!(setting, defaults(case, 2), "{flags}");
            assert_eq!(resources(&setting).buffer, flags.buffer, "{flags}");
        }
    }
    let text = |job, cores| alternatives(job, cores).iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
    assert_eq!(
        text(SweepJob::Copy, 2),
        "--engine read_write, --engine copy_file_range, --engine mmap, --engine direct, --buffer 64K, --buffer 1M, \
         --buffer 4M, --workers 1, --workers 4"
    );
    assert_eq!(text(SweepJob::Gzip, 1), "--buffer 64K");
    assert_eq!(text(SweepJob::Gzip, 4), "--buffer 64K, --workers 1", "no more than there are cores");
}

#[test]
fn what_looks_faster_is_a_candidate_and_cases_take_turns() {
    let explored = |case: TuneCase, walls: &[(&str, u64)]| {
        let flags = std::iter::once(Flags::default()).chain(alternatives(case.job(), 2));
        let wall = |flags: &Flags| {
            walls.iter().find(|(name, _)| flags.to_string().ends_with(name)).map_or(1000, |(_, wall)| *wall)
        };
        let rows: Vec<SweepRow> =
            flags.map(|flags| testing::row(with_flags(flags, case, 2), &[wall(&flags); 4])).collect();
        TunedCase { explored: Some(testing::report(rows)), ..TunedCase::new(case) }
    };
    let chosen = |cases: Vec<TunedCase>| {
        let report = TuneReport { cores: 2, cases, ..TuneReport::default() };
        let name = |candidate: &Candidate| format!("{} {}", candidate.job.name(), candidate.flags);
        candidates(&report).iter().map(name).collect::<Vec<_>>().join(", ")
    };
    let (warm, cold, gzip) = (TuneCase::CopyWarm, TuneCase::CopyCold, TuneCase::Gzip);
    assert_eq!(chosen(vec![explored(warm, &[("mmap", 990), ("direct", 1500)]), explored(gzip, &[])]), "");
    assert_eq!(chosen(vec![explored(warm, &[("mmap", 900), ("direct", 800)])]), "copy --engine direct");
    assert_eq!(
        chosen(vec![
            explored(warm, &[("mmap", 900), ("buffer 1M", 800), ("workers 4", 700)]),
            explored(gzip, &[("workers 1", 500)])
        ]),
        "copy --workers 4, copy --engine mmap --buffer 1M --workers 4, copy --buffer 1M, gzip --workers 1"
    );
    assert_eq!(
        chosen(vec![
            explored(warm, &[("mmap", 900), ("buffer 1M", 800)]),
            explored(cold, &[("direct", 900), ("buffer 4M", 800)]),
        ]),
        "copy --buffer 1M, copy --buffer 4M, copy --engine mmap --buffer 1M, copy --engine direct --buffer 4M"
    );
    assert_eq!(chosen(vec![TunedCase::new(warm)]), "", "nothing was explored");
}

#[test]
fn there_is_room_for_what_is_made_or_it_is_said_how_much_is_missing() {
    let mut plan = plan(std::path::Path::new("/x"));
    let of = |plan: &TunePlan, free| Sizes::of(plan, free);
    let error = of(&plan, 2 << 20).unwrap_err();
    assert_eq!(
        error.to_string(),
        "cannot tune for '/x': that uses 3.0 MiB and needs 3.0 MiB of free space, and there are 2.0 MiB"
    );
    assert_eq!(error.remedy(), Some(Remedy::RoomOrSmaller));
    assert_eq!(of(&plan, 3 << 20).unwrap(), Sizes { large_bytes: 1 << 20, gzip_bytes: 1 << 20, files: 64 });
    plan.large_bytes = None;
    let error = of(&plan, 90 << 20).unwrap_err();
    let why = "that uses 24.0 MiB and needs 96.0 MiB of free space, and there are 90.0 MiB";
    assert!(error.to_string().ends_with(why), "{error}");
    assert_eq!(error.remedy(), Some(Remedy::RoomOrSize));
    let copies = TunePlan { jobs: vec![SweepJob::Copy], ..plan.clone() };
    assert!(of(&copies, 64 << 20).is_ok() && of(&copies, 63 << 20).is_err(), "a copy is there twice");
    plan.budget = Duration::from_secs(180);
    assert_eq!(of(&plan, 1 << 40).unwrap(), Sizes { large_bytes: 60 << 20, gzip_bytes: 15 << 20, files: 480 });
    plan.budget = Duration::from_secs(86400);
    assert_eq!(of(&plan, 1 << 40).unwrap(), Sizes { large_bytes: 256 << 20, gzip_bytes: 64 << 20, files: 4000 });
}

proptest! {
    #[test]
    fn data_and_targets_take_a_quarter_of_what_is_free_at_most(seconds in 1_u64..5000, free in (96_u64 << 20)..1 << 42) {
        let plan = TunePlan { budget: Duration::from_secs(seconds), large_bytes: None, ..plan(std::path::Path::new("/x")) };
        let sizes = Sizes::of(&plan, free).unwrap();
        prop_assert!(sizes.large_bytes * 2 <= free / 4 && sizes.gzip_bytes * 3 <= free / 4);
        prop_assert!(sizes.files * 4096 * 2 <= free / 4);
    }
}

/// Notes what it is told, and stops the tuning when so many sweeps have begun.
struct Notes {
    begun: Vec<(Phase, TuneCase)>,
    steps: usize,
    stop: Option<(usize, crate::sys::Stop)>,
}

impl Spectator for Notes {
    fn begins(&mut self, phase: Phase, case: TuneCase) {
        self.begun.push((phase, case));
        if let Some((count, stop)) = &self.stop
            && self.begun.len() == *count
        {
            stop.request(2);
        }
    }

    fn step(&mut self, _: Step) {
        self.steps += 1;
    }
}

fn notes() -> Notes {
    Notes { begun: vec![], steps: 0, stop: None }
}

#[test]
fn a_tuning_explores_every_case_and_leaves_nothing_behind() {
    let place = tempfile::tempdir().unwrap();
    let context = Context::silent();
    let mut notes = notes();
    let plan = TunePlan { budget: Duration::from_millis(1200), ..plan(place.path()) };
    let report = run(&plan, &context, &mut notes).unwrap();
    assert!(report.ended == Ended::Budget && report.failure.is_none(), "{:?}", report.failure);
    let explored: Vec<_> = TuneCase::ALL.map(|case| (Phase::Exploring, case)).to_vec();
    assert_eq!(notes.begun[..4], explored);
    assert!(notes.steps > 4 * 8);
    for case in &report.cases {
        let known = case.explored.as_ref().map_or(0, |explored| explored.rounds);
        assert!(known >= 1 || case.left_out.is_some(), "{case:?}");
        let confirms = report.candidates.iter().any(|candidate| candidate.job == case.case.job());
        let had_time = report.took_ns < report.budget_ns;
        assert!(case.confirmed.is_none() || (confirms && case.left_out.is_none()));
        assert!(case.confirmed.is_some() || !confirms || case.left_out.is_some() || !had_time);
        if let (Some(explored), Some(confirmed)) = (&case.explored, &case.confirmed) {
            assert_ne!(explored.seed, confirmed.seed, "fresh rounds");
        }
    }
    assert_eq!(place.path().read_dir().unwrap().count(), 0);
}

#[test]
fn a_wish_to_stop_keeps_what_was_measured_and_recommends_nothing() {
    for count in [1, 2] {
        let place = tempfile::tempdir().unwrap();
        let context = Context::silent();
        let mut notes = Notes { stop: Some((count, context.stop.clone())), ..notes() };
        let result = run(&plan(place.path()), &context, &mut notes);
        if count == 1 {
            assert!(result.unwrap_err().is_interruption(), "nothing was measured");
        } else {
            let report = result.unwrap();
            assert_eq!((report.ended, report.failure.clone()), (Ended::Interrupted, None));
            assert!(report.cases[0].explored.is_some() && report.candidates.is_empty());
            assert!(judge::Advice::of(&report).options.is_empty());
        }
        assert_eq!(place.path().read_dir().unwrap().count(), 0);
    }
}

#[test]
fn a_place_that_cannot_serve_is_named() {
    let context = Context::silent();
    let tune = |path: &str| run(&plan(std::path::Path::new(path)), &context, &mut notes()).unwrap_err().to_string();
    assert_eq!(tune("/nowhere/at/all"), "cannot open '/nowhere/at/all': No such file or directory");
    let error = tune("/proc");
    assert!(error.starts_with("cannot tune for '/proc': "), "{error}");
    let full = Error::refused("sweep over", "a", "it needs 3 B").with(Remedy::RoomOrScratch);
    let said = in_our_words(std::path::Path::new("b"), full);
    assert_eq!(said.to_string(), "cannot tune for 'b': it needs 3 B; make room, or name a DIR that can be written to");
    assert_eq!(said.remedy(), None);
}

#[test]
fn only_what_a_job_has_is_tried() {
    assert!(alternatives(SweepJob::Gzip, 4).iter().all(|flags| flags.engine.is_none()));
    let engines: Vec<_> = alternatives(SweepJob::Copy, 4).iter().filter_map(|flags| flags.engine).collect();
    assert!(!engines.contains(&EngineName::Auto) && !engines.contains(&EngineName::Reflink));
}
