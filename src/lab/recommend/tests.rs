//! What is run is what users run; and small tunings from end to end.

use proptest::prelude::*;

use super::testing::{COPIES, CORES, row};
use super::*;
use crate::copy;
use crate::gzip::gzip;
use crate::lab::plan::SweepJob;
use crate::lab::recommend::cases::with_options;
use crate::lab::report::{Sample, WarmUp};
use crate::lab::rounds::{Bench, Step, WarmedUp};
use crate::lab::setting::Setting;
use crate::lab::subject::job::JobOptions;
use crate::lab::subject::job::run_spec::RunSpec;
use crate::lab::testing;
use crate::plan::{CodecName, CopyOptions, EngineName, FileOptions, GzipOptions, Resources};

fn defaults(case: Case, cores: usize) -> Setting {
    with_options(Options::default(), case, cores)
}

fn plan(directory: &Path) -> TunePlan {
    TunePlan {
        directory: directory.to_owned(),
        source: None,
        jobs: vec![SweepJob::Copy, SweepJob::Gzip],
        budget: Duration::from_millis(100),
        large_bytes: Some(1 << 20),
        cores: 1,
        seed: 1,
        anonymous: false,
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
    let spec = |case: Case, input: &Path| RunSpec {
        input: input.to_owned(),
        target: place.path().join("by-setting"),
        setting: defaults(case, 1),
        codec: CodecName::default(),
        block: None,
        is_tree: input == small,
    };
    let one = Resources::with_workers(NonZeroUsize::MIN);
    for (case, input) in [(Case::CopyWarm, &large), (Case::CopySmall, &small)] {
        let users = CopyOptions::new(vec![input.clone()], place.path().join("by-hand"));
        let users = CopyOptions { resources: one, ..users }.plan().unwrap();
        let make_the_same = || {
            let (theirs, ours) = (copy::run(&users, &context).unwrap(), spec(case, input).run(&context).unwrap());
            assert!(theirs.is_clean() && ours.is_clean() && theirs.source_bytes == ours.source_bytes);
            let place = open(place.path());
            for name in [c"by-hand", c"by-setting"] {
                crate::tree::remove_tree(&mut context.sys(), &place, name).unwrap();
            }
            theirs.syscalls == ours.syscalls
        };
        assert!((0..TRIES).any(|_| make_the_same()), "{case:?}");
    }
    let files = FileOptions { keep: true, name: true, resources: one, ..FileOptions::new(vec![large.clone()]) };
    let users = GzipOptions { files, ..GzipOptions::default() }.plan().unwrap();
    let compressed = place.path().join("large.gz");
    let make_the_same = || {
        let theirs = gzip(&users, &context).unwrap();
        std::fs::remove_file(&compressed).unwrap();
        let ours = spec(Case::Gzip, &large).run(&context).unwrap();
        std::fs::remove_file(&compressed).unwrap();
        assert!(theirs.is_clean() && ours.is_clean());
        theirs.syscalls == ours.syscalls
    };
    assert!((0..TRIES).any(|_| make_the_same()), "gzip");
}

/// Another test's request to stop wakes all threads of the process, which cuts calls short.
const TRIES: usize = 20;

fn open(path: &Path) -> std::os::fd::OwnedFd {
    rustix::fs::open(path, rustix::fs::OFlags::RDONLY, rustix::fs::Mode::empty()).unwrap()
}

#[test]
fn the_defaults_use_what_a_job_without_options_may_use() {
    let resources = |setting: &Setting| JobOptions::read(setting).unwrap().resources;
    let two = Resources::with_workers(NonZeroUsize::new(2).unwrap());
    for case in Case::ALL {
        assert_eq!(resources(&defaults(case, 2)), two, "{case:?}");
        for options in alternatives(case.job(), 2) {
            let setting = with_options(options, case, 2);
            assert_eq!(options.count(), 1);
            assert_ne!(setting, defaults(case, 2), "{options}");
            assert_eq!(resources(&setting).buffer, options.buffer, "{options}");
            assert_eq!(case_and_options(&setting, 2), Some((case, options)));
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

/// What was explored of some cases, in which the options that end so took so long, and all others 1000 ms.
fn explored(cases: &[(Case, &[(&str, u64)])]) -> Report {
    let rows = cases.iter().flat_map(|(case, walls)| {
        let options = std::iter::once(Options::default()).chain(alternatives(case.job(), CORES));
        let wall = |options: &Options| {
            walls.iter().find(|(name, _)| options.to_string().ends_with(name)).map_or(1000, |(_, wall)| *wall)
        };
        options.map(|options| row(*case, options, wall(&options), 4)).collect::<Vec<_>>()
    });
    testing::report(rows.collect())
}

fn names(candidates: &[Candidate]) -> String {
    let name = |candidate: &Candidate| format!("{} {}", candidate.job.name(), candidate.options);
    candidates.iter().map(name).collect::<Vec<_>>().join(", ")
}

#[test]
fn what_looks_faster_is_a_candidate_and_cases_take_turns() {
    let chosen = |cases: &[(Case, &[(&str, u64)])]| names(&candidates(&explored(cases), CORES));
    let (warm, cold, gzip) = (Case::CopyWarm, Case::CopyCold, Case::Gzip);
    assert_eq!(chosen(&[(warm, &[("mmap", 990), ("direct", 1500)]), (gzip, &[])]), "");
    assert_eq!(chosen(&[(warm, &[("mmap", 900), ("direct", 800)])]), "copy --engine direct");
    assert_eq!(
        chosen(&[(warm, &[("mmap", 900), ("buffer 1M", 800), ("workers 4", 700)]), (gzip, &[("workers 1", 500)])]),
        "copy --workers 4, copy --engine mmap --buffer 1M --workers 4, copy --buffer 1M, gzip --workers 1"
    );
    assert_eq!(
        chosen(&[(warm, &[("mmap", 900), ("buffer 1M", 800)]), (cold, &[("direct", 900), ("buffer 4M", 800)])]),
        "copy --buffer 1M, copy --buffer 4M, copy --engine mmap --buffer 1M, copy --engine direct --buffer 4M"
    );
    assert_eq!(chosen(&[]), "", "nothing was explored");
    let found = candidates(&explored(&[(warm, &[("direct", 800)])]), CORES);
    assert_eq!(not_confirmed(&found[0]), "copy --engine direct looked 20% faster");
}

#[test]
fn there_are_as_many_candidates_as_there_is_time_for_and_one_of_each_job_at_least() {
    let of_copy: &[(&str, u64)] = &[("mmap", 900), ("buffer 1M", 800), ("workers 4", 700)];
    let found = candidates(&explored(&[(Case::CopyWarm, of_copy), (Case::Gzip, &[("workers 1", 500)])]), CORES);
    let run = Duration::from_millis(100);
    let within = |time| affordable(found.clone(), &[Case::CopyWarm, Case::Gzip], run, time);
    // 5 and 3 runs a round; of four statements 8 rounds, and one to warm up.
    let (kept, dropped) = within(run * 8 * 9);
    assert_eq!((kept.len(), dropped.len()), (4, 0));
    let (kept, dropped) = within(run * (8 * 9 - 1));
    assert_eq!((kept.len(), names(&dropped)), (3, "copy --buffer 1M".to_owned()));
    let (kept, dropped) = within(Duration::ZERO);
    assert_eq!((names(&kept), dropped.len()), ("copy --workers 4, gzip --workers 1".to_owned(), 2));
}

#[test]
fn there_is_room_for_what_is_made_or_it_is_said_how_much_is_missing() {
    let mut plan = plan(Path::new("/x"));
    let of = |plan: &TunePlan, free| Sizes::of(plan, free);
    let error = of(&plan, 4 << 20).unwrap_err();
    assert_eq!(
        error.to_string(),
        "cannot tune for '/x': that uses 5.0 MiB and needs 5.0 MiB of free space, and there are 4.0 MiB"
    );
    assert_eq!(error.remedy(), Some(Remedy::SpaceOrSmaller));
    assert_eq!(of(&plan, 5 << 20).unwrap(), Sizes { large_bytes: 1 << 20, gzip_bytes: 1 << 20, files: 64 });
    plan.large_bytes = None;
    let error = of(&plan, 150 << 20).unwrap_err();
    let why = "that uses 40.0 MiB and needs 160.0 MiB of free space, and there are 150.0 MiB";
    assert!(error.to_string().ends_with(why), "{error}");
    assert_eq!(error.remedy(), Some(Remedy::SpaceOrSize));
    let copies = TunePlan { jobs: vec![SweepJob::Copy], ..plan.clone() };
    assert!(of(&copies, 96 << 20).is_ok() && of(&copies, 95 << 20).is_err(), "two sources and a target");
    plan.budget = Duration::from_secs(180);
    assert_eq!(of(&plan, 1 << 40).unwrap(), Sizes { large_bytes: 60 << 20, gzip_bytes: 15 << 20, files: 480 });
    plan.budget = Duration::from_secs(86400);
    assert_eq!(of(&plan, 1 << 40).unwrap(), Sizes { large_bytes: 256 << 20, gzip_bytes: 64 << 20, files: 4000 });
}

proptest! {
    #[test]
    fn data_and_targets_take_a_quarter_of_what_is_free_at_most(seconds in 1_u64..5000, free in (160_u64 << 20)..1 << 42) {
        let plan = TunePlan { budget: Duration::from_secs(seconds), large_bytes: None, ..plan(Path::new("/x")) };
        let sizes = Sizes::of(&plan, free).unwrap();
        prop_assert!(sizes.large_bytes * 3 + sizes.gzip_bytes * 2 <= free / 4);
        prop_assert!(sizes.files * 4096 * 2 <= free / 4);
    }
}

/// Counts steps, and asks to stop.
#[derive(Default)]
struct Notes {
    steps: usize,
    stop: Option<(usize, crate::sys::Stop)>,
}

impl Watcher for Notes {
    fn step(&mut self, step: Step) {
        self.steps += usize::from(step.what == "round");
        if let Some((_, stop)) = self.stop.as_ref().filter(|(after, _)| *after == self.steps) {
            stop.request(2);
        }
    }

    fn measured(&mut self, _: &Report) {}
}

#[test]
fn a_tuning_explores_every_case_and_leaves_nothing_behind() {
    let place = tempfile::tempdir().unwrap();
    let mut notes = Notes::default();
    let plan = TunePlan { budget: Duration::from_millis(1500), ..plan(place.path()) };
    let report = run(&plan, &Context::silent(), &mut notes).unwrap();
    assert!(matches!(report.ended, Ended::Budget | Ended::Converged | Ended::Rounds), "{:?}", report.ended);
    assert_eq!((report.subject, &report.failure), (Subject::Tune, &None));
    let tuning = report.tuning.as_ref().unwrap();
    assert!(notes.steps > 4 * 8 && tuning.explored_rounds >= 1);
    for case in Case::ALL {
        let is_of = |row: &&Row| row.setting.word(Axis::Case) == Some(case.name());
        let is_left_out = report.left_out.iter().any(|line| line.starts_with(case.name()));
        assert!(tuning.explored.iter().any(|row| is_of(&row)) || is_left_out, "{case:?}");
    }
    assert!(report.rows.iter().all(|row| row.samples.len() >= report.rounds));
    assert!(!report.rows.is_empty() && report.data.len() == 4);
    assert_eq!(place.path().read_dir().unwrap().count(), 0);
}

#[test]
fn a_request_to_stop_keeps_what_was_measured_and_recommends_nothing() {
    for (round, is_failure) in [(1, true), (5, false)] {
        let place = tempfile::tempdir().unwrap();
        let context = Context::silent();
        let mut notes = Notes { stop: Some((round, context.stop.clone())), ..Notes::default() };
        let result = run(&plan(place.path()), &context, &mut notes);
        if is_failure {
            assert!(result.unwrap_err().is_interruption(), "nothing was measured");
        } else {
            let report = result.unwrap();
            assert_eq!((report.ended, report.failure.clone()), (Ended::Interrupted, None));
            assert!(report.rows.is_empty() && advice(&report).options.is_empty());
            let tuning = report.tuning.unwrap();
            assert!(!tuning.explored.is_empty() && tuning.not_confirmed.is_empty(), "time is not what was missing");
        }
        assert_eq!(place.path().read_dir().unwrap().count(), 0);
    }
}

#[test]
fn a_directory_that_cannot_serve_is_named() {
    let context = Context::silent();
    let tune = |path: &str| run(&plan(Path::new(path)), &context, &mut Notes::default()).unwrap_err().to_string();
    assert_eq!(tune("/nowhere/at/all"), "cannot open '/nowhere/at/all': No such file or directory");
    let error = tune("/proc");
    assert!(error.starts_with("cannot tune for '/proc': "), "{error}");
    let full = Error::refused("sweep over", "a", "it needs 3 B").with(Remedy::SpaceOrDirectory);
    let said = with_our_remedy(Path::new("b"), full);
    assert_eq!(said.to_string(), "cannot tune for 'b': it needs 3 B; make room, or name a DIR that can be written to");
    assert_eq!(said.remedy(), None);
}

#[test]
fn only_what_a_job_has_is_tried() {
    assert!(alternatives(SweepJob::Gzip, 4).iter().all(|options| options.engine.is_none()));
    let engines: Vec<_> = alternatives(SweepJob::Copy, 4).iter().filter_map(|options| options.engine).collect();
    assert!(!engines.contains(&EngineName::Auto) && !engines.contains(&EngineName::Reflink));
}

#[test]
fn a_case_that_cannot_be_run_is_said_once() {
    let mut report = explored(&[(Case::CopyWarm, &[])]);
    let why = "nothing is ever cold; measure on a disk";
    report.left_out = ["defaults", "--buffer 1M"].map(|of| format!("copy, cold: {of}: {why}")).to_vec();
    report.left_out.push("copy, warm: --engine mmap: no such thing".to_owned());
    say_once_a_case(&mut report);
    assert_eq!(report.left_out, ["copy, warm: --engine mmap: no such thing", "copy, cold: nothing is ever cold"]);
}

/// Runs nothing: with as many workers as there are cores a run takes 1000 ms, with others half of that.
struct Made;

impl Bench for Made {
    fn warm_up(&mut self, _: usize, _: &Setting, _: Option<Duration>) -> Result<WarmedUp> {
        Ok(WarmedUp::Ready(WarmUp::default()))
    }

    fn run(&mut self, _: usize, setting: &Setting, _: bool) -> Result<Sample> {
        let is_default = setting.number(Axis::Workers) == Some(CORES as u64);
        Ok(testing::sample(if is_default { 1000 } else { 500 }, 1))
    }
}

/// Keeps what it is told.
#[derive(Default)]
struct Told(Vec<Report>);

impl Watcher for Told {
    fn step(&mut self, _: Step) {}

    fn measured(&mut self, report: &Report) {
        self.0.push(report.clone());
    }
}

/// A tuning of copy in which runs take no time.
fn made(budget: Duration) -> (Report, Vec<Report>) {
    let plan = TunePlan { budget, cores: CORES, jobs: vec![SweepJob::Copy], ..plan(Path::new("/x")) };
    let explore = effort(budget / 2, Some(EXPLORING));
    let sweep = cases::sweep_plan(&plan, |_| SweepData::Source("x".into()), explore, |job| alternatives(job, CORES));
    let rows = sweep.variants.into_iter().map(|variant| Row { name: variant.name, ..Row::new(variant.setting) });
    let tuning = Some(Tuning { cores: CORES, ..Tuning::default() });
    let mut report = Report { tuning, ended: Ended::NotYet, ..testing::report(rows.collect()) };
    let (mut told, started) = (Told::default(), Instant::now());
    let mut rounds = Rounds { report: &mut report, bench: &mut Made, watcher: &mut told, started, statements: 0 };
    explore_and_confirm(&plan, explore, &mut rounds).unwrap();
    (report, told.0)
}

#[test]
fn what_looks_faster_is_confirmed_in_rounds_of_its_own() {
    let (report, told) = made(Duration::from_secs(600));
    let tuning = report.tuning.as_ref().unwrap();
    assert_eq!((report.ended, tuning.explored_rounds, tuning.explored.len()), (Ended::Converged, 10, 3 * 10));
    let names: Vec<_> = report.rows.iter().filter_map(|row| row.name.as_deref()).collect();
    let expected = COPIES.map(|case| ["defaults", "--workers 1"].map(|of| format!("{}: {of}", case.name())));
    assert_eq!(names, expected.concat());
    assert!(report.rounds >= 7 && report.rows.iter().all(|row| row.samples.len() == report.rounds));
    assert_eq!(advice(&report).options["HAUL_COPY_OPTIONS"], "--workers 1");
    // Until it is over a report claims nothing: whatever ends it then leaves that one.
    assert_eq!(told.len(), 1 + 10 + 1 + report.rounds);
    for report in told {
        assert!(advice(&report).options.is_empty(), "{:?}", report.ended);
        let is_exploring = report.tuning.as_ref().unwrap().explored.is_empty();
        assert_eq!(advice(&report).choices.len(), usize::from(!is_exploring));
    }
}

#[test]
fn what_there_is_no_time_to_confirm_is_named() {
    let (report, _) = made(Duration::from_nanos(2));
    let tuning = report.tuning.as_ref().unwrap();
    assert_eq!(
        (tuning.explored_rounds, &tuning.not_confirmed[..]),
        (1, &["copy --workers 1 looked 50% faster".to_owned()][..])
    );
    assert_eq!((report.rounds, report.rows.len()), (1, 3), "the defaults, as they were explored");
    assert!(advice(&report).choices.is_empty());
    let found = page(&report);
    assert!(found.findings[0].text.starts_with("Nothing is recommended: there was no time"), "{:?}", found.findings);
}

#[test]
#[allow(clippy::disallowed_methods, reason = "a test makes its own files")]
fn a_source_of_the_users_is_what_it_runs_on() {
    let (own, place) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let source = own.path().join("source");
    std::fs::write(&source, vec![7; 300_000]).unwrap();
    let plan = TunePlan { source: Some(source.clone()), ..plan(place.path()) };
    let report = run(&plan, &Context::silent(), &mut Notes::default()).unwrap();
    let cases: Vec<_> = report.data.iter().map(|data| (data.case.as_deref(), data.path.as_deref())).collect();
    assert_eq!(cases, [Case::CopyWarm, Case::Gzip].map(|case| (Some(case.name()), Some(source.as_path()))));
    assert!(report.data.iter().all(|data| data.is_read_only && data.bytes == 300_000));
    assert_eq!(std::fs::read(&source).unwrap(), vec![7; 300_000]);
    assert_eq!((own.path().read_dir().unwrap().count(), place.path().read_dir().unwrap().count()), (1, 0));
    let missing = TunePlan { source: Some(own.path().join("missing")), ..plan };
    let error = run(&missing, &Context::silent(), &mut Notes::default()).unwrap_err();
    assert!(error.to_string().ends_with("missing': No such file or directory"), "{error}");
}
