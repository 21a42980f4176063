//! Pages of `haul sweep` and `haul disk`: well-formed, complete in themselves, and, where Chromium is installed, laid out so that
//! nothing leaves its place.

#![allow(clippy::disallowed_methods, missing_docs, reason = "the tests look at files from outside")]

mod common;

use std::fmt::Write as _;
use std::path::Path;
use std::process::{Command, Stdio};

use common::{Sandbox, noise, prose};

/// Commands whose pages show every kind of chart; the source's name comes last where it is not in the words.
const PAGES: [(&str, Option<&str>); 11] = [
    ("sweep copy plain --buffers 512B..4M --rounds 7", None),
    ("sweep copy plain --buffers 4K,64K --engine read_write,mmap --workers 1,2 --rounds 2", None),
    ("sweep gzip plain --buffers 4K,32K,256K --level 1,6,9 --rounds 1", None),
    ("sweep --table workers plain --rounds 2", None),
    ("sweep --table pool plain --rounds 2 --no-sync", None),
    ("sweep --table models tree --rounds 2", None),
    ("sweep copy --buffers 64K --rounds 2", Some("a<b>&\"c'd")),
    ("sweep copy empty --buffers 4K,16K,64K --rounds 2", None),
    ("sweep copy plain --buffers 4K,8K,16K --latency --rounds 1", None),
    ("disk --loads read,random-read,mixed --blocks 4K,16K,64K --depths 1,2,4 --size 16M --rounds 1 --budget 1s", None),
    ("disk --loads write,sync,create --blocks 64K --access direct --size 16M --rounds 1 --budget 1s", Some("tree")),
];

fn sandbox() -> Sandbox {
    let sandbox = Sandbox::new();
    sandbox.write("plain", prose(1, 200_001));
    sandbox.write("a<b>&\"c'd", noise(2, 10_000));
    sandbox.write("empty", "");
    for number in 0..5 {
        sandbox.write(format!("tree/{number}"), prose(number, 1000));
    }
    sandbox
}

fn page(sandbox: &Sandbox, (words, name): (&str, Option<&str>)) -> String {
    let haul = sandbox.haul(format!("{words} --format html"));
    let run = if let Some(name) = name { haul.arg(name).run() } else { haul.run() };
    String::from_utf8(run.ok().out).expect("UTF-8")
}

#[test]
fn every_page_is_well_formed_and_needs_nothing_else() {
    let sandbox = sandbox();
    for sweep in PAGES {
        let page = page(&sandbox, sweep);
        let elements = parse(&page).unwrap_or_else(|error| panic!("{sweep:?}: {error}"));
        let names: Vec<&str> = elements.iter().map(|element| element.name.as_str()).collect();
        for needed in ["title", "h1", "table", "pre", "dl"] {
            assert!(names.contains(&needed), "{sweep:?}: no <{needed}>");
        }
        assert!(
            names.contains(&"svg") != sweep.0.contains("empty"),
            "{sweep:?}: a chart if there is something to draw"
        );
        for foreign in ["script", "link", "img", "iframe", "object", "use", "b"] {
            assert!(!names.contains(&foreign), "{sweep:?}: <{foreign}>");
        }
        for foreign in ["http", "//", "@import", "url(", "NaN", "inf\""] {
            assert!(!page.contains(foreign), "{sweep:?}: {foreign}");
        }
        check_coordinates(&elements).unwrap_or_else(|error| panic!("{sweep:?}: {error}"));
    }
}

#[test]
fn the_check_itself_sees_what_is_wrong() {
    for wrong in
        ["<p>", "<p></b>", "<p></p></p>", "<br>", "<p class=a></p>", "<p>a & b</p>", "<p>a < b</p>", "<p a=\"<\"/>"]
    {
        assert!(parse(wrong).is_err(), "{wrong}");
    }
    assert_eq!(parse("<!DOCTYPE html>\n<p a=\"1\">x<br/>&amp;</p>").map(|elements| elements.len()), Ok(2));
    for wrong in ["<line x1=\"11.0\"/>", "<circle cy=\"-1.0\"/>", "<polyline points=\"1.0,2.0 3.0,21.0\"/>"] {
        let svg = format!("<svg viewBox=\"0 0 10 20\">{wrong}</svg>");
        assert!(check_coordinates(&parse(&svg).unwrap()).is_err(), "{svg}");
    }
}

struct Element {
    name: String,
    attributes: Vec<(String, String)>,
}

impl Element {
    fn attribute(&self, name: &str) -> Option<&str> {
        self.attributes.iter().find(|(other, _)| other == name).map(|(_, value)| value.as_str())
    }
}

/// The elements of a page whose every element is closed, every attribute quoted and every `&` a reference.
fn parse(page: &str) -> Result<Vec<Element>, String> {
    let mut rest = page.strip_prefix("<!DOCTYPE html>").unwrap_or(page);
    let (mut open, mut found): (Vec<String>, Vec<Element>) = (vec![], vec![]);
    while let Some(start) = rest.find('<') {
        check_references(&rest[..start])?;
        let end = rest[start..].find('>').ok_or("a tag that does not end")? + start;
        let tag = &rest[start + 1..end];
        rest = &rest[end + 1..];
        if let Some(name) = tag.strip_prefix('/') {
            if open.pop().as_deref() != Some(name) {
                return Err(format!("</{name}> closes something else"));
            }
            continue;
        }
        let (inside, closed) = tag.strip_suffix('/').map_or((tag, false), |inside| (inside, true));
        let element = element(inside)?;
        if !closed {
            open.push(element.name.clone());
        }
        found.push(element);
        // What stands in a style sheet is not HTML.
        if open.last().is_some_and(|name| name == "style") {
            rest = &rest[rest.find("</style>").ok_or("<style> that does not end")?..];
        }
    }
    check_references(rest)?;
    if open.is_empty() { Ok(found) } else { Err(format!("not closed: {open:?}")) }
}

fn element(tag: &str) -> Result<Element, String> {
    let (name, mut rest) = tag.split_once(' ').unwrap_or((tag, ""));
    if name.is_empty() || !name.bytes().all(|byte| byte.is_ascii_alphanumeric()) {
        return Err(format!("<{tag}>: no name"));
    }
    let mut attributes = vec![];
    while !rest.trim().is_empty() {
        let (attribute, value) = rest.trim_start().split_once("=\"").ok_or(format!("<{tag}>: no quoted value"))?;
        let (value, after) = value.split_once('"').ok_or(format!("<{tag}>: no quote at the end"))?;
        if value.contains('<') || attribute.contains(' ') {
            return Err(format!("<{tag}>: {attribute}={value}"));
        }
        check_references(value)?;
        attributes.push((attribute.to_owned(), value.to_owned()));
        rest = after;
    }
    Ok(Element { name: name.to_owned(), attributes })
}

fn check_references(text: &str) -> Result<(), String> {
    for (place, _) in text.match_indices('&') {
        if !["&amp;", "&lt;", "&gt;", "&quot;"].iter().any(|reference| text[place..].starts_with(reference)) {
            return Err(format!("a bare & in {text:?}"));
        }
    }
    Ok(())
}

/// Whether every shape lies within its chart.
fn check_coordinates(elements: &[Element]) -> Result<(), String> {
    let (mut width, mut height) = (0.0, 0.0);
    for element in elements {
        if let Some(view) = element.attribute("viewBox") {
            let numbers: Vec<f64> = view.split(' ').filter_map(|number| number.parse().ok()).collect();
            let [_, _, wide, high] = numbers[..] else { return Err(format!("viewBox {view}")) };
            (width, height) = (wide, high);
            continue;
        }
        let number = |name| element.attribute(name).map_or(Ok(0.0), str::parse::<f64>);
        let check = |text: &str, start: f64, limit: f64| match text.parse::<f64>() {
            Ok(value) if value >= 0.0 && value + start <= limit + 0.1 => Ok(()),
            _ => Err(format!("<{}> leaves its chart of {width} x {height} by {text}", element.name)),
        };
        for (name, value) in &element.attributes {
            match (element.name.as_str(), name.as_str()) {
                (_, "x" | "x1" | "x2" | "cx") => check(value, 0.0, width)?,
                (_, "y" | "y1" | "y2" | "cy") => check(value, 0.0, height)?,
                ("rect", "width") => check(value, number("x").map_err(|error| error.to_string())?, width)?,
                ("rect", "height") => check(value, number("y").map_err(|error| error.to_string())?, height)?,
                (_, "points") => {
                    for (x, y) in value.split(' ').filter_map(|point| point.split_once(',')) {
                        check(x, 0.0, width)?;
                        check(y, 0.0, height)?;
                    }
                }
                _ => {}
            }
        }
    }
    Ok(())
}

/// Looks at a laid-out page: what is wider than the window, and texts of charts that leave them or lie on each other.
const LOOK: &str = r#"<script>
const found = [], root = document.documentElement;
if (root.scrollWidth > window.innerWidth) found.push("the page is " + root.scrollWidth + " wide");
for (const scroll of document.querySelectorAll(".scroll"))
  if (window.innerWidth >= 1200 && scroll.scrollWidth > scroll.clientWidth) found.push(scroll.innerText.slice(0, 99) + " is " + scroll.scrollWidth + " wide");
for (const element of document.querySelectorAll("main *")) {
  const box = element.getBoundingClientRect();
  if (!element.closest(".scroll, svg") && box.right > window.innerWidth + 0.5) found.push(element.tagName + " sticks out");
}
let charts = 0;
for (const chart of document.querySelectorAll("figure svg[role=img]")) {
  const outer = chart.getBoundingClientRect();
  if (outer.width === 0) continue;
  charts += 1;
  const texts = [...chart.querySelectorAll("text")].map(text => [text.textContent, text.getBoundingClientRect()]);
  texts.forEach(([text, box], place) => {
    if (box.left < outer.left - 1 || box.right > outer.right + 1 || box.top < outer.top - 1 || box.bottom > outer.bottom + 1)
      found.push("'" + text + "' leaves its chart");
    if (box.height < 9) found.push("'" + text + "' is too small to read");
    for (const [other, beside] of texts.slice(place + 1))
      if (box.left < beside.right - 1 && beside.left < box.right - 1 && box.top < beside.bottom - 3 && beside.top < box.bottom - 3)
        found.push("'" + text + "' lies on '" + other + "'");
  });
}
const page = location.pathname.split("/").pop();
const said = page + " at " + window.innerWidth + " with " + charts + " charts: " + found.join("; ");
window.parent.postMessage(said, "*");
</script>"#;

/// What collects the words of all pages. A window is never narrower than 500 here; a frame in it is.
const COLLECT: &str = r#"<!DOCTYPE html><body><pre id="said">SAID
END</pre><script>
const said = document.getElementById("said");
onmessage = message => said.textContent = said.textContent.replace("END", message.data + "\nEND");
</script>"#;

#[test]
fn nothing_leaves_its_place_in_a_browser() {
    let Some(browser) = browser() else {
        eprintln!("skipped: Chromium is not installed, so nobody looks at the pages");
        return;
    };
    let sandbox = sandbox();
    let (mut frames, mut expected) = (COLLECT.to_owned(), vec![]);
    for (number, sweep) in PAGES.into_iter().enumerate() {
        let page = page(&sandbox, sweep).replace("</body>", &format!("{LOOK}</body>"));
        sandbox.write(format!("{number}.html"), page);
        for width in [400, 1200] {
            let _ = write!(
                frames,
                "<iframe src=\"{number}.html\" width=\"{width}\" height=\"900\" style=\"border:0\"></iframe>"
            );
            expected.push(format!("{number}.html at {width} with "));
        }
    }
    let frames = sandbox.write("frames.html", frames + "</body>");
    let Some(said) = look(&browser, &frames, &sandbox.path("profile")) else {
        eprintln!("skipped: {browser} is installed and does not run here");
        return;
    };
    for start in expected {
        let line = said.lines().find(|line| line.starts_with(&start)).unwrap_or_else(|| panic!("no {start} in {said}"));
        assert!(line.ends_with(" charts: "), "{line}");
        assert!(!line.contains("with 0 charts") || start.starts_with("7."), "{line}: only an empty source has none");
    }
}

fn browser() -> Option<String> {
    let runs = |name: &&str| {
        let mut command = Command::new(name);
        command
            .arg("--version")
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .status()
            .is_ok_and(|status| status.success())
    };
    ["chromium", "chromium-browser", "google-chrome"].into_iter().find(runs).map(str::to_owned)
}

/// What the scripts in all pages found; `None` where the browser does not run.
fn look(browser: &str, page: &Path, profile: &Path) -> Option<String> {
    let output = Command::new(browser)
        .args(["--headless", "--no-sandbox", "--disable-gpu", "--no-first-run", "--dump-dom"])
        .args(["--window-size=1300,1000", "--virtual-time-budget=10000"])
        .arg(format!("--user-data-dir={}", profile.display()))
        .arg(format!("file://{}", page.display()))
        .stderr(Stdio::null())
        .output()
        .ok()?;
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let (_, said) = text.split_once(">SAID\n")?;
    Some(said.split_once("END</pre>")?.0.to_owned())
}
