//! What the signs on a chart mean, beneath it: text that wraps where a chart could not.

use super::svg::escape;

/// A sign on a chart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Sign {
    Line,
    Interval,
    Run,
    RunOnBar,
    Band,
    Calls,
    Mark,
    Ideal,
    Bar,
    Whisker,
    Rate,
    Drift,
}

impl Sign {
    const fn shapes(self) -> &'static str {
        match self {
            Self::Line => {
                "<line class=\"speed-line\" x1=\"1\" y1=\"7\" x2=\"25\" y2=\"7\"/><circle class=\"speed-mark\" cx=\"13\" cy=\"7\" r=\"4\"/>"
            }
            Self::Interval => {
                "<rect class=\"interval\" x=\"1\" y=\"2\" width=\"24\" height=\"10\"/><line class=\"whisker\" x1=\"13\" y1=\"1\" x2=\"13\" y2=\"13\"/>"
            }
            Self::Run => {
                "<circle class=\"run\" cx=\"8\" cy=\"7\" r=\"2.5\"/><circle class=\"run\" cx=\"17\" cy=\"7\" r=\"2.5\"/>"
            }
            Self::RunOnBar => {
                "<circle class=\"run on-bar\" cx=\"8\" cy=\"7\" r=\"2.5\"/><circle class=\"run on-bar\" cx=\"17\" cy=\"7\" r=\"2.5\"/>"
            }
            Self::Band => "<rect class=\"band\" x=\"1\" y=\"1\" width=\"24\" height=\"12\"/>",
            Self::Calls => {
                "<line class=\"calls-line\" x1=\"1\" y1=\"7\" x2=\"25\" y2=\"7\"/><rect class=\"calls-mark\" x=\"9.5\" y=\"3.5\" width=\"7\" height=\"7\"/>"
            }
            Self::Rate => "<polyline class=\"rate-line\" points=\"1,9 7,4 13,8 19,3 25,6\"/>",
            Self::Drift => "<line class=\"drift\" x1=\"1\" y1=\"9\" x2=\"25\" y2=\"5\"/>",
            Self::Mark => "<line class=\"mark\" x1=\"13\" y1=\"0\" x2=\"13\" y2=\"14\"/>",
            Self::Ideal => "<line class=\"ideal\" x1=\"1\" y1=\"7\" x2=\"25\" y2=\"7\"/>",
            Self::Bar => "<rect class=\"bar\" x=\"1\" y=\"2\" width=\"24\" height=\"10\"/>",
            Self::Whisker => {
                "<line class=\"whisker on-bar\" x1=\"3\" y1=\"7\" x2=\"23\" y2=\"7\"/><line class=\"whisker on-bar\" x1=\"3\" y1=\"2\" x2=\"3\" y2=\"12\"/><line class=\"whisker on-bar\" x1=\"23\" y1=\"2\" x2=\"23\" y2=\"12\"/>"
            }
        }
    }
}

/// A list of signs and their meanings.
pub(super) fn legend(signs: &[(Sign, String)]) -> String {
    let item = |(sign, text): &(Sign, String)| {
        let shapes = sign.shapes();
        let text = escape(text);
        format!("<li><svg viewBox=\"0 0 26 14\" aria-hidden=\"true\">{shapes}</svg> {text}</li>\n")
    };
    format!("<ul class=\"legend\">\n{}</ul>\n", signs.iter().map(item).collect::<String>())
}
