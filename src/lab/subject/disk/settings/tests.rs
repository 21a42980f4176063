//! Which settings a plan comes to.

use super::*;
use crate::lab::subject::disk::tests::plan;

/// What settings are called in reports that have no names for them.
fn labels(settings: &[DiskSetting]) -> Vec<String> {
    settings.iter().map(|setting| setting.row().setting.label(&[])).collect()
}

fn without(direct: Option<&str>, io_uring: Option<&str>) -> Obstacles {
    Obstacles { direct: direct.map(str::to_owned), io_uring: io_uring.map(str::to_owned), files: None }
}

fn kib(sizes: &[u64]) -> Vec<BufferSize> {
    sizes.iter().map(|kib| BufferSize::from_kib(*kib)).collect()
}

#[test]
fn what_varies_depends_on_the_load_and_on_what_was_asked_for() {
    let loads = vec![Load::Remove, Load::Sync, Load::RandomRead, Load::Read];
    let plan = DiskPlan { loads, ..plan() };
    let table: [(DiskPlan, &[&str]); 6] = [
        (
            plan.clone(),
            &[
                "read 4K buffered",
                "read 128K buffered",
                "read 4K direct",
                "read 128K direct",
                "random-read 4K direct",
                "random-read 4K direct, 16 in flight",
                "sync 4K buffered",
                "remove",
            ],
        ),
        (
            DiskPlan { axes: Some(vec![DiskAxis::Depths]), accesses: vec![Access::Direct], ..plan.clone() },
            &[
                "read 1M direct",
                "read 1M direct, 16 in flight",
                "random-read 4K direct",
                "random-read 4K direct, 16 in flight",
                "sync 4K buffered",
                "remove",
            ],
        ),
        (
            DiskPlan { axes: Some(vec![DiskAxis::Blocks]), accesses: vec![Access::Buffered], ..plan.clone() },
            &[
                "read 4K buffered",
                "read 128K buffered",
                "random-read 4K buffered",
                "random-read 128K buffered",
                "sync 4K buffered",
                "remove",
            ],
        ),
        (
            DiskPlan { axes: Some(vec![DiskAxis::Blocks, DiskAxis::Depths]), loads: vec![Load::Mixed], ..plan.clone() },
            &[
                "mixed 4K direct",
                "mixed 4K direct, 16 in flight",
                "mixed 128K direct",
                "mixed 128K direct, 16 in flight",
            ],
        ),
        (
            DiskPlan { blocks: kib(&[64]), depths: vec![8], accesses: vec![Access::Direct], ..plan.clone() },
            &["read 64K direct, 8 in flight", "random-read 64K direct, 8 in flight", "sync 64K buffered", "remove"],
        ),
        (DiskPlan { axes: Some(vec![]), loads: vec![Load::Write], ..plan }, &["write 1M buffered", "write 1M direct"]),
    ];
    for (plan, expected) in table {
        let found = settings(&plan, &Obstacles::default()).unwrap().run;
        assert_eq!(labels(&found), expected, "{plan:?}");
        assert_eq!(labels(&wanted(&plan)), expected, "{plan:?}");
    }
}

#[test]
fn blocks_in_order_of_a_mebibyte_are_also_run_with_several_in_flight() {
    let of = |load, blocks: &[u64], depths: &[usize]| {
        let plan = DiskPlan { loads: vec![load], blocks: kib(blocks), depths: depths.to_vec(), ..plan() };
        labels(&settings(&plan, &Obstacles::default()).unwrap().run)
    };
    for (blocks, depths) in [(&[4, 1024][..], &[1, 4, 16, 32][..]), (&[], &[1, 16]), (&[1024], &[])] {
        for load in [Load::Read, Load::Write] {
            let deep: Vec<String> =
                of(load, blocks, depths).into_iter().filter(|label| label.contains("in flight")).collect();
            assert_eq!(deep, [format!("{} 1M direct, 8 in flight", load.name())], "{blocks:?} {depths:?}");
        }
    }
    // Who names one depth means that one, and who names other blocks those.
    for (blocks, depths) in [(&[4, 1024][..], &[1][..]), (&[4, 128], &[1, 4])] {
        assert!(of(Load::Read, blocks, depths).iter().all(|label| !label.contains("in flight")));
    }
    let buffered = DiskPlan { accesses: vec![Access::Buffered], loads: vec![Load::Write], blocks: vec![], ..plan() };
    assert_eq!(labels(&wanted(&buffered)), ["write 1M buffered"]);
}

#[test]
fn a_preset_is_its_lines_and_nothing_else() {
    let plan = DiskPlan { preset: Some(Preset::Cdm), ..plan() };
    let found = settings(&plan, &Obstacles::default()).unwrap().run;
    assert_eq!(
        labels(&found),
        [
            "read 1M direct, 8 in flight",
            "write 1M direct, 8 in flight",
            "read 1M direct",
            "write 1M direct",
            "random-read 4K direct, 32 in flight",
            "random-write 4K direct, 32 in flight",
            "random-read 4K direct",
            "random-write 4K direct",
        ]
    );
    let names: Vec<_> = found.iter().step_by(2).map(|setting| setting.row().name.unwrap()).collect();
    assert_eq!(names, ["SEQ1M Q8T1", "SEQ1M Q1T1", "RND4K Q32T1", "RND4K Q1T1"]);
    let reads = DiskPlan { loads: vec![Load::Read, Load::RandomRead], ..plan.clone() };
    assert_eq!(wanted(&reads).len(), 4);
    let error = settings(&plan, &without(Some("no such thing"), None)).unwrap_err().to_string();
    assert_eq!(error, "cannot measure '/x': read, write, random-read, random-write direct: no such thing");
}

#[test]
fn what_cannot_be_had_is_named_with_its_reason() {
    let loads = vec![Load::Read, Load::Write, Load::RandomRead, Load::Mixed, Load::Sync];
    let plan = DiskPlan { loads, ..plan() };
    let found = settings(&plan, &without(Some("no such thing"), None)).unwrap();
    assert_eq!(
        found.left_out,
        ["read, write direct: no such thing", "random-read, mixed direct: no such thing; run buffered instead"]
    );
    assert!(found.run.iter().all(|setting| setting.access == Some(Access::Buffered)) && found.run.len() == 9);
    let few = Obstacles { files: Some("too few".to_owned()), ..Obstacles::default() };
    let found =
        settings(&DiskPlan { loads: vec![Load::Create, Load::Sync, Load::Stat], ..plan.clone() }, &few).unwrap();
    assert_eq!((found.left_out, found.run.len()), (vec!["create, stat: too few".to_owned()], 1));
    let only = DiskPlan { accesses: vec![Access::Direct], loads: vec![Load::RandomRead], ..plan };
    let error = settings(&only, &without(Some("no such thing"), None)).unwrap_err().to_string();
    assert_eq!(error, "cannot measure '/x': random-read direct: no such thing");
}

#[test]
fn several_in_flight_are_kept_there_by_what_there_is() {
    let plan = DiskPlan { loads: vec![Load::RandomRead], ..plan() };
    let (ring, threads) = (BackendName::IoUring, BackendName::Threads);
    for (asked, obstacle, backend, said) in [
        (None, None, ring, None),
        (None, Some("forbidden"), threads, Some("forbidden")),
        (Some(threads), Some("forbidden"), threads, None),
        (Some(threads), None, threads, None),
        (Some(ring), None, ring, None),
    ] {
        let plan = DiskPlan { backend: asked, ..plan.clone() };
        let found = settings(&plan, &without(None, obstacle)).unwrap();
        let backends: Vec<BackendName> = found.run.iter().map(|setting| setting.backend).collect();
        assert_eq!(backends, [BackendName::Calls, backend], "{asked:?} {obstacle:?}");
        assert_eq!(found.no_io_uring.as_deref(), said);
    }
    let plan = DiskPlan { backend: Some(ring), ..plan };
    let error = settings(&plan, &without(None, Some("forbidden"))).unwrap_err().to_string();
    assert_eq!(error, "cannot measure '/x': there is no io_uring: forbidden");
}
