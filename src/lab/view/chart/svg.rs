//! Shapes → SVG. Every text is escaped and every number finite.

use std::fmt::Write as _;

/// Text as HTML and SVG read it back: also between double quotes.
pub(in super::super) fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            // No control character but white space may stand in a page.
            c if c.is_control() && c != '\n' && c != '\t' => escaped.push('\u{fffd}'),
            c => escaped.push(c),
        }
    }
    escaped
}

/// How much room a chart has. Pages hold both and show the one that suits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Size {
    Wide,
    Narrow,
}

impl Size {
    pub(super) const BOTH: [Self; 2] = [Self::Wide, Self::Narrow];

    pub(super) const fn width(self) -> f64 {
        match self {
            Self::Wide => 820.0,
            Self::Narrow => 380.0,
        }
    }

    const fn class(self) -> &'static str {
        match self {
            Self::Wide => "wide",
            Self::Narrow => "narrow",
        }
    }
}

/// Where a text stands about its position.
#[derive(Debug, Clone, Copy)]
pub(super) enum Anchor {
    Start,
    Middle,
    End,
}

impl Anchor {
    const fn name(self) -> &'static str {
        match self {
            Self::Start => "start",
            Self::Middle => "middle",
            Self::End => "end",
        }
    }
}

/// A chart in the making.
pub(super) struct Drawing {
    body: String,
}

impl Drawing {
    /// An empty one. `name` is unique on the page; `title` and `description` are for who cannot see it.
    pub(super) fn new(name: &str, size: Size, height: f64, title: &str, description: &str) -> Self {
        let (class, width) = (size.class(), size.width());
        let (title, description) = (escape(title), escape(description));
        let body = format!(
            "<svg class=\"{class}\" viewBox=\"0 0 {width:.0} {height:.0}\" role=\"img\" \
             aria-labelledby=\"{name}-{class}-t {name}-{class}-d\">\n<title id=\"{name}-{class}-t\">{title}</title>\n\
             <desc id=\"{name}-{class}-d\">{description}</desc>\n"
        );
        Self { body }
    }

    pub(super) fn line(&mut self, class: &str, (x1, y1): (f64, f64), (x2, y2): (f64, f64)) {
        self.shape("line", class, &[("x1", x1), ("y1", y1), ("x2", x2), ("y2", y2)]);
    }

    pub(super) fn rect(&mut self, class: &str, (x, y): (f64, f64), (width, height): (f64, f64)) {
        self.shape("rect", class, &[("x", x), ("y", y), ("width", width), ("height", height)]);
    }

    pub(super) fn circle(&mut self, class: &str, (cx, cy): (f64, f64), r: f64) {
        self.shape("circle", class, &[("cx", cx), ("cy", cy), ("r", r)]);
    }

    /// An open line through points; nothing if there are fewer than two.
    pub(super) fn polyline(&mut self, class: &str, points: &[(f64, f64)]) {
        self.points("polyline", class, points);
    }

    /// A closed surface between points; nothing if there are fewer than two.
    pub(super) fn polygon(&mut self, class: &str, points: &[(f64, f64)]) {
        self.points("polygon", class, points);
    }

    pub(super) fn text(&mut self, class: &str, anchor: Anchor, (x, y): (f64, f64), text: &str) {
        let (anchor, text) = (anchor.name(), escape(text));
        let (x, y) = (finite(x), finite(y));
        let _ = writeln!(
            self.body,
            "<text class=\"{class}\" text-anchor=\"{anchor}\" x=\"{x:.1}\" y=\"{y:.1}\">{text}</text>"
        );
    }

    pub(super) fn finish(mut self) -> String {
        self.body.push_str("</svg>\n");
        self.body
    }

    fn shape(&mut self, name: &str, class: &str, attributes: &[(&str, f64)]) {
        let _ = write!(self.body, "<{name} class=\"{class}\"");
        for (attribute, value) in attributes {
            let _ = write!(self.body, " {attribute}=\"{:.1}\"", finite(*value));
        }
        self.body.push_str("/>\n");
    }

    fn points(&mut self, name: &str, class: &str, points: &[(f64, f64)]) {
        if points.len() < 2 {
            return;
        }
        let positions: Vec<String> =
            points.iter().map(|(x, y)| format!("{:.1},{:.1}", finite(*x), finite(*y))).collect();
        let _ = writeln!(self.body, "<{name} class=\"{class}\" points=\"{}\"/>", positions.join(" "));
    }
}

/// A chart in both sizes, with its title and what its signs mean.
pub(super) fn figure(title: &str, legend: &str, draw: impl Fn(Size) -> String) -> String {
    let (title, drawn) = (escape(title), Size::BOTH.map(draw).concat());
    format!("<figure>\n<figcaption>{title}</figcaption>\n{drawn}{legend}</figure>\n")
}

fn finite(value: f64) -> f64 {
    if value.is_finite() { value } else { 0.0 }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_text_ends_an_element_or_an_attribute() {
        assert_eq!(escape("a<b>&\"c\u{1b}[31m"), "a&lt;b&gt;&amp;&quot;c\u{fffd}[31m");
    }

    #[test]
    fn a_drawing_is_well_formed_and_knows_no_infinity() {
        let mut drawing = Drawing::new("c1", Size::Narrow, 100.0, "<t>", "d");
        drawing.line("axis", (0.0, f64::NAN), (1.0, f64::INFINITY));
        drawing.polyline("speed", &[(1.0, 2.0)]);
        let text = drawing.finish();
        assert!(text.starts_with("<svg class=\"narrow\" viewBox=\"0 0 380 100\"") && text.ends_with("</svg>\n"));
        assert!(text.contains("&lt;t&gt;") && text.contains("y1=\"0.0\"") && !text.contains("polyline"), "{text}");
    }
}
