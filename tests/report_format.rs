//! docs/report-format.md names every field of every report, where it belongs, with its type, and no field that there is
//! not.
//!
//! Real reports are small ones of the binary. What they need not have, such as a run in which the kernel counted
//! something else, is put into one of them, and that is rendered again by the library.

#![allow(clippy::disallowed_methods, missing_docs, reason = "the tests look at files from outside")]

mod common;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::LazyLock;

use common::{Sandbox, noise};
use haul::calls::{Call, CallLatency};
use haul::lab::compare::compare;
use haul::lab::machine::Disk;
use haul::lab::metric::Metric;
use haul::lab::report::{
    CallLatencies, Control, Ended, Latency, Observed, ObservedCall, Report, Row, Sample, Steadiness,
};
use haul::lab::setting::Axis;
use haul::lab::view::{Format, Layout, WIDTH, render};
use serde_json::Value;

/// The section that describes what a field of another section holds.
const CHILDREN: [(&str, &str, &str); 51] = [
    ("Report", "machine", "Machine"),
    ("Report", "cost", "Cost"),
    ("Report", "data", "Data"),
    ("Report", "baseline", "Axes"),
    ("Report", "controls", "Control"),
    ("Report", "rows", "Row"),
    ("Report", "tuning", "Tuning"),
    ("Report", "figures", "Figures"),
    ("Report", "verdicts", "Verdict"),
    ("Report", "noises", "Noise"),
    ("Report", "bottlenecks", "Bottleneck"),
    ("Report", "reconciliation", "Reconciliation"),
    ("Report", "advice", "Advice"),
    ("Machine", "disk", "Disk"),
    ("Data", "generated", "Generated"),
    ("Row", "setting", "Axes"),
    ("Row", "warm_up", "Warm-up"),
    ("Row", "samples", "Sample"),
    ("Row", "read_latency", "Latency"),
    ("Row", "write_latency", "Latency"),
    ("Row", "call_latencies", "Call latencies"),
    ("Row", "observed", "Observed"),
    ("Row", "file_latency", "Latency"),
    ("Warm-up", "metrics", "Metrics"),
    ("Warm-up", "steadiness", "Steadiness"),
    ("Sample", "metrics", "Metrics"),
    ("Sample", "calls", BY_CALL),
    ("Sample", "read_latency", "Latency"),
    ("Sample", "write_latency", "Latency"),
    ("Call latencies", "calls", "Call latency"),
    ("Observed", "calls", "Observed call"),
    ("Control", "samples", "Sample"),
    ("Tuning", "explored", "Row"),
    ("Verdict", "slowdowns", "Slowdown"),
    ("Verdict", "noise", "Noise"),
    ("Slowdown", "bounds", "Interval"),
    ("Noise", "interval", "Interval"),
    ("Reconciliation", "differences", "Difference of counts"),
    ("Advice", "findings", "Finding"),
    ("Advice", "choices", "Choice"),
    ("Advice", "options", BY_VARIABLE),
    ("Finding", "ratio", "Ratio"),
    ("Ratio", "interval", "Interval"),
    ("Comparison", "reports", "Compared report"),
    ("Comparison", "settings", "Compared setting"),
    ("Compared report", "differences", "Difference of reports"),
    ("Compared setting", "setting", "Axes"),
    ("Compared setting", "changes", "Change"),
    ("Change", "interval", "Interval"),
    ("Change", "range", "Interval"),
    ("Figures", ANY_METRIC, "Spread"),
];

/// No section, but an object whose fields are system calls.
const BY_CALL: &str = "(by system call)";
/// No section, but an object whose fields are environment variables.
const BY_VARIABLE: &str = "(by variable)";
const ANY_METRIC: &str = "(any metric)";

/// Sections whose tables are not of fields of JSON.
const OF_CSV: [&str; 3] = ["CSV", "CSV endings", "Timeline"];
/// Sections whose fields need not all be in one of the reports: another test holds them to the program.
const LISTED_BY_THE_PROGRAM: [&str; 2] = ["Axes", "Metrics"];

/// What the page says in the first column of its tables, and in the others, by section.
struct Page {
    text: String,
    /// Names in their order, each with the cells after it.
    sections: BTreeMap<String, Vec<(String, Vec<String>)>>,
}

impl Page {
    fn read() -> Self {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/report-format.md");
        let text = std::fs::read_to_string(path).unwrap_or_else(|error| panic!("{path}: {error}"));
        let mut sections: BTreeMap<String, Vec<_>> = BTreeMap::new();
        let mut section = "";
        for line in text.lines() {
            if let Some(heading) = line.strip_prefix('#') {
                section = heading.trim_start_matches('#').trim();
                assert!(!sections.contains_key(section), "two sections are called {section:?}");
                sections.insert(section.to_owned(), vec![]);
            }
            let Some(row) = line.strip_prefix("| `") else { continue };
            let (name, rest) = row.split_once("` | ").unwrap_or_else(|| panic!("{section}: no row: {line}"));
            let cells = rest.strip_suffix(" |").unwrap_or_else(|| panic!("{section}: no row: {line}"));
            let rows = sections.get_mut(section).expect("a heading before the table");
            assert!(rows.iter().all(|(other, _)| other != name), "{section} has `{name}` twice");
            rows.push((name.to_owned(), cells.split(" | ").map(str::to_owned).collect()));
        }
        Self { text, sections }
    }

    #[track_caller]
    fn rows(&self, section: &str) -> &[(String, Vec<String>)] {
        self.sections.get(section).unwrap_or_else(|| panic!("the page has no section {section:?}"))
    }

    /// The names of a section that the reports of a subject have as columns of CSV; `of` is the cell that says so.
    fn columns(&self, section: &str, subject: &str, of: usize) -> Vec<&str> {
        let is_of = |cells: &[String]| cells[of] == "all" || cells[of].split(", ").any(|other| other == subject);
        self.rows(section).iter().filter(|(_, cells)| is_of(cells)).map(|(name, _)| name.as_str()).collect()
    }

    /// The fields of its tables of JSON, by section.
    fn fields(&self) -> BTreeSet<(&str, &str)> {
        let of_json = self.sections.iter().filter(|(section, _)| !OF_CSV.contains(&section.as_str()));
        of_json.flat_map(|(section, rows)| rows.iter().map(|(name, _)| (section.as_str(), name.as_str()))).collect()
    }
}

/// Every field that was found, by section.
struct Found<'a> {
    page: &'a Page,
    fields: BTreeSet<(String, String)>,
    /// What is wrong with them.
    wrong: BTreeSet<String>,
}

impl Found<'_> {
    /// Notes the fields of an object, or of all objects in a list, that a section describes.
    fn note(&mut self, section: &str, value: &Value) {
        match value {
            Value::Array(all) => all.iter().for_each(|one| self.note(section, one)),
            Value::Object(object) => object.iter().for_each(|(key, value)| self.note_field(section, key, value)),
            _ => {}
        }
    }

    fn note_field(&mut self, section: &str, key: &str, value: &Value) {
        match section {
            BY_CALL => {
                assert!(Call::ALL.iter().any(|call| call.name() == key), "{key} is no system call");
                return self.note("Calls", value);
            }
            BY_VARIABLE => {
                assert!(self.page.text.contains(&format!("`{key}`")), "the page does not name the variable {key}");
                return;
            }
            _ => {}
        }
        let is_metric = section == "Figures" && Metric::of_key(key).is_some();
        let (described_in, child) = if is_metric { ("Metrics", ANY_METRIC) } else { (section, key) };
        match self.page.rows(described_in).iter().find(|(name, _)| name == key) {
            None => _ = self.wrong.insert(format!("{described_in}: no row `{key}`")),
            Some(_) if is_metric => {}
            Some((_, cells)) if is_of_type(&cells[0], value) => {}
            Some((_, cells)) => _ = self.wrong.insert(format!("{section}: `{key}` is no {}: {value}", cells[0])),
        }
        self.fields.insert((described_in.to_owned(), key.to_owned()));
        match CHILDREN.iter().find(|(of, field, _)| (*of, *field) == (section, child)) {
            Some((_, _, child)) => self.note(child, value),
            None if holds_objects(value) => _ = self.wrong.insert(format!("{section}: CHILDREN has no `{key}`")),
            None => {}
        }
    }
}

fn holds_objects(value: &Value) -> bool {
    value.is_object() || value.as_array().is_some_and(|list| list.iter().any(holds_objects))
}

/// Whether a value is what the page calls so.
fn is_of_type(named: &str, value: &Value) -> bool {
    if let Some((one, other)) = named.split_once(" or ") {
        return is_of_type(one, value) || is_of_type(other, value);
    }
    if let Some(list) = value.as_array() {
        let of = named.strip_prefix("list of ").map(|of| match of {
            "indexes" => "index",
            of => of.strip_suffix('s').unwrap_or(of),
        });
        return named == "list" || of.is_some_and(|of| list.iter().all(|one| is_of_type(of, one)));
    }
    match named {
        "count" | "index" => value.is_null() || value.is_i64() || value.is_u64(),
        "ns" | "bytes" | "percent" | "percent of a core" | "fraction" | "0 to 1" | "quotient" | "number"
        | "bits a byte" => value.is_null() || value.is_number(),
        "text" | "word" => value.is_null() || value.is_string(),
        "true, false" => value.is_boolean(),
        "object" => value.is_null() || value.is_object(),
        "list" => false,
        _ => named.starts_with("list of ") && value.is_null(),
    }
}

/// What the binary wrote: small and quick.
struct Written {
    /// With the names of their sections.
    documents: Vec<(&'static str, Value)>,
    /// Of a tuning.
    tune: Report,
    /// The columns of CSV and of the rate over time, by subject.
    columns: Vec<(&'static str, Vec<String>, Vec<String>)>,
}

/// Written once for all tests.
static WRITTEN: LazyLock<Written> = LazyLock::new(|| {
    let sandbox = Sandbox::new();
    sandbox.write("file", noise(1, 50_000));
    sandbox.make_directory("disk");
    let subjects = [
        ("sweep", "sweep copy file --buffers 4K,64K --rounds 7 --latency --baseline 4K"),
        ("disk", "disk disk --size 1M --rounds 1 --budget 100ms --loads read,sync,create --blocks 64K"),
        ("tune", "tune disk --jobs gzip --budget 100ms --size 64K"),
    ];
    for (name, words) in subjects {
        let outputs = format!("-o {name}.json -o {name}.csv --timeline {name}-timeline.csv");
        sandbox.haul(format!("{words} {outputs}")).run().ok();
    }
    let read = |name: String| String::from_utf8(sandbox.read(name)).expect("UTF-8");
    let header = |name: String| -> Vec<String> {
        let text = read(name);
        text.lines().next().expect("a line").split(',').map(str::to_owned).collect()
    };
    let json = |name: &str| serde_json::from_str(&read(format!("{name}.json"))).expect("JSON");
    let generated = "sweep gzip --generate 3x1K --buffers 4K --level 1 --rounds 1 --format json";
    sandbox.write("again.json", sandbox.read("sweep.json"));
    let compared = "compare sweep.json again.json --format json";
    let written = Written {
        documents: vec![
            ("Report", json("sweep")),
            ("Report", json("disk")),
            ("Report", json("tune")),
            ("Report", sandbox.haul(generated).run().ok().json()),
            ("Comparison", sandbox.haul(compared).run().ok().json()),
        ],
        tune: serde_json::from_value(json("tune")).expect("a report"),
        columns: subjects
            .map(|(name, _)| (name, header(format!("{name}.csv")), header(format!("{name}-timeline.csv"))))
            .to_vec(),
    };
    sandbox.assert_no_leftovers("reports");
    written
});

/// A report that has something in each of its fields: of a tuning that confirmed all that it explored.
fn full_report() -> Report {
    let mut report = WRITTEN.tune.clone();
    let latency = Some(Latency { operations: 1, ..Latency::default() });
    let sample = |of: &Row, round: u64| {
        let mut sample = Sample { wall_ns: 1_000_000 + 1000 * (round % 7), windows: vec![1], ..of.samples[0].clone() };
        (sample.read_latency, sample.write_latency) = (latency, latency);
        sample.metrics.set(Metric::UnexplainedReads, 3.0);
        sample
    };
    let samples = |of: &Row| (0..40).map(|round| sample(of, round)).collect::<Vec<_>>();
    report.rows = report.tuning.as_ref().expect("a tuning").explored.clone();
    for row in &mut report.rows {
        row.samples = samples(row);
        (row.read_latency, row.write_latency, row.file_latency) = (latency, latency, latency);
        row.warm_up.steadiness = Some(Steadiness::default());
        row.call_latencies = Some(CallLatencies { wall_ns: 1, calls: vec![CallLatency::default()] });
        row.observed = Some(Observed { tool: "strace".to_owned(), calls: vec![ObservedCall::default()] });
    }
    report.controls = vec![Control { row: 0, samples: samples(&report.rows[0]) }];
    (report.rounds, report.ended) = (40, Ended::Budget);
    report.machine.disk = Some(Disk { queue: vec![("rotational".to_owned(), "0".to_owned())], ..Disk::default() });
    report
}

/// That report as JSON, and what became of it in another version.
fn full_documents() -> [(&'static str, Value); 2] {
    let report = full_report();
    let layout = Layout { width: WIDTH, explain: false, quiet: false };
    let json = render(&report, Format::Json, layout).expect("JSON");
    let other = Report { version: "0.0.0".to_owned(), ..report.clone() };
    let named = [("old".to_owned(), report), ("new".to_owned(), other)];
    let mut comparison = vec![];
    compare(&named, None).expect("a comparison").json(Some(0.05), &mut comparison).expect("JSON");
    [("Report", json), ("Comparison", comparison)]
        .map(|(section, bytes)| (section, serde_json::from_slice(&bytes).expect("JSON")))
}

#[test]
fn every_field_has_a_row_in_the_section_it_belongs_to_and_no_row_is_of_anything_else() {
    let page = Page::read();
    let mut found = Found { page: &page, fields: BTreeSet::new(), wrong: BTreeSet::new() };
    for (section, document) in WRITTEN.documents.iter().chain(&full_documents()) {
        found.note(section, document);
    }
    assert!(found.wrong.is_empty(), "docs/report-format.md: {:#?}", found.wrong);
    let is_found = |(section, name): &(&str, &str)| {
        LISTED_BY_THE_PROGRAM.contains(section) || found.fields.contains(&((*section).to_owned(), (*name).to_owned()))
    };
    let stale: Vec<_> = page.fields().into_iter().filter(|field| !is_found(field)).collect();
    assert!(stale.is_empty(), "docs/report-format.md has fields that are in no report: {stale:?}");
}

#[test]
fn axes_and_metrics_are_described_in_the_words_of_the_program() {
    let page = Page::read();
    let axes: Vec<&str> = page.rows("Axes").iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(axes, Axis::all().map(Axis::key).collect::<Vec<_>>());
    let names: Vec<&str> = page.rows("Metrics").iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(names, Metric::ALL.iter().map(|metric| metric.key()).collect::<Vec<_>>());
    for (metric, (name, cells)) in Metric::ALL.iter().zip(page.rows("Metrics")) {
        let (unit, meaning) = (metric.unit().name(), metric.meaning());
        assert_eq!((cells[0].as_str(), cells[2].as_str()), (unit, meaning), "{name}");
    }
}

#[test]
fn the_columns_of_csv_are_those_of_the_page_in_its_order() {
    let page = Page::read();
    let endings: Vec<&str> = page.rows("CSV endings").iter().map(|(name, _)| name.as_str()).collect();
    let in_full = page.text.split_once("After each of ").expect("metrics that have endings").1;
    let in_full: Vec<&str> = in_full.split_once(" come ").expect("endings").0.split('`').skip(1).step_by(2).collect();
    for (subject, csv, timeline) in &WRITTEN.columns {
        let axes = page.columns("Axes", subject, 1);
        let mut expected: Vec<String> = axes.iter().map(|axis| (*axis).to_owned()).collect();
        let own = page.columns("CSV", subject, 0);
        let (before, after) = own.split_at(own.iter().position(|name| *name == "warm_up_ns").expect("a warm-up"));
        expected.extend(before.iter().map(|name| (*name).to_owned()));
        for metric in page.columns("Metrics", subject, 1) {
            expected.push(metric.to_owned());
            let endings = endings.iter().filter(|_| in_full.contains(&metric));
            expected.extend(endings.map(|ending| format!("{metric}{ending}")));
        }
        expected.extend(after.iter().map(|name| (*name).to_owned()));
        assert_eq!(csv, &expected, "{subject}");
        let own = page.rows("Timeline").iter().map(|(name, _)| name.as_str());
        assert_eq!(timeline, &axes.into_iter().chain(own).collect::<Vec<_>>(), "{subject}");
    }
}

#[test]
fn a_name_ends_in_its_unit_and_links_lead_to_sections() {
    let page = Page::read();
    for (section, name) in page.fields() {
        let cells = &page.rows(section).iter().find(|(other, _)| other == name).expect("a row").1;
        for (ending, unit) in [("_ns", "ns"), ("_bytes", "bytes"), ("_percent", "percent"), ("_bits", "bits a byte")] {
            assert!(!name.ends_with(ending) || cells[0].contains(unit), "{section}: `{name}` is in {}", cells[0]);
        }
    }
    let anchors: BTreeSet<String> = page.sections.keys().map(|name| name.to_lowercase().replace(' ', "-")).collect();
    for link in page.text.split("](#").skip(1) {
        let anchor = link.split(')').next().expect("an anchor");
        assert!(anchors.contains(anchor), "no section has the anchor {anchor}");
    }
}
