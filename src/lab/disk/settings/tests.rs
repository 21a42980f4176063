//! Which settings a plan comes to.

use super::*;
use crate::lab::disk::testing::plan;

fn labels(plan: &DiskPlan, obstacles: &Obstacles) -> Vec<String> {
    settings(plan, obstacles).unwrap().run.iter().map(label).collect()
}

fn without(direct: Option<&str>, io_uring: Option<&str>) -> Obstacles {
    Obstacles { direct: direct.map(str::to_owned), io_uring: io_uring.map(str::to_owned), files: None }
}

#[test]
fn what_varies_depends_on_the_load_and_on_what_was_asked_for() {
    let loads = vec![Load::Remove, Load::Sync, Load::RandomRead, Load::Read];
    let plan = DiskPlan { loads, ..plan() };
    let blocks = |kib: &[u64]| kib.iter().map(|kib| BufferSize::from_kib(*kib)).collect();
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
            DiskPlan { blocks: blocks(&[64]), depths: vec![8], accesses: vec![Access::Direct], ..plan.clone() },
            &["read 64K direct, 8 in flight", "random-read 64K direct, 8 in flight", "sync 64K buffered", "remove"],
        ),
        (DiskPlan { axes: Some(vec![]), loads: vec![Load::Write], ..plan }, &["write 1M buffered", "write 1M direct"]),
    ];
    for (plan, expected) in table {
        assert_eq!(labels(&plan, &Obstacles::default()), expected, "{plan:?}");
        assert_eq!(wanted(&plan).iter().map(label).collect::<Vec<_>>(), expected, "{plan:?}");
    }
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
    let found = settings(&DiskPlan { loads: vec![Load::Create, Load::Sync], ..plan.clone() }, &few).unwrap();
    assert_eq!((found.left_out, found.run.len()), (vec!["create: too few".to_owned()], 1));
    let only = DiskPlan { accesses: vec![Access::Direct], loads: vec![Load::RandomRead], ..plan };
    let error = settings(&only, &without(Some("no such thing"), None)).unwrap_err().to_string();
    assert_eq!(error, "cannot measure '/x': random-read direct: no such thing");
}

#[test]
fn several_in_flight_are_kept_there_by_what_there_is() {
    let plan = DiskPlan { loads: vec![Load::RandomRead], ..plan() };
    for (asked, obstacle, flight, said) in [
        (None, None, Flight::IoUring, None),
        (None, Some("forbidden"), Flight::Threads, Some("forbidden")),
        (Some(Flight::Threads), Some("forbidden"), Flight::Threads, None),
        (Some(Flight::Threads), None, Flight::Threads, None),
        (Some(Flight::IoUring), None, Flight::IoUring, None),
    ] {
        let plan = DiskPlan { flight: asked, ..plan.clone() };
        let found = settings(&plan, &without(None, obstacle)).unwrap();
        let flights: Vec<Flight> = found.run.iter().map(|setting| setting.flight).collect();
        assert_eq!(flights, [Flight::Calls, flight], "{asked:?} {obstacle:?}");
        assert_eq!(found.no_io_uring.as_deref(), said);
    }
    let plan = DiskPlan { flight: Some(Flight::IoUring), ..plan };
    let error = settings(&plan, &without(None, Some("forbidden"))).unwrap_err().to_string();
    assert_eq!(error, "cannot measure '/x': there is no io_uring: forbidden");
}
