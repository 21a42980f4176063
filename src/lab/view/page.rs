//! What a report says, whatever it is of: derived once, and laid out by each format in its way.

/// A column: its heading (a line break where it may be cut in two) and a cell for each line.
#[derive(Debug, Clone, Default, PartialEq)]
pub(in crate::lab) struct Column {
    pub(in crate::lab) heading: String,
    pub(in crate::lab) cells: Vec<String>,
    /// Where there is not enough room the column with the highest of these goes first; 0 stays.
    pub(in crate::lab) rank: u8,
    /// Words stand to the left, numbers to the right.
    pub(in crate::lab) is_text: bool,
}

impl Column {
    /// The heading where there is room for it.
    pub(in crate::lab) fn heading_in_one_line(&self) -> String {
        self.heading.replace("-\n", "").replace("/\n", "/").replace('\n', " ").trim().to_owned()
    }
}

/// Lines of cells under one title.
#[derive(Debug, Clone, Default, PartialEq)]
pub(in crate::lab) struct Table {
    pub(in crate::lab) title: Option<String>,
    pub(in crate::lab) columns: Vec<Column>,
    /// How long the bar of each line is, as parts of the longest; empty where lines are not to be compared so.
    pub(in crate::lab) bars: Vec<f64>,
    /// Lines that the verdict recommends.
    pub(in crate::lab) chosen: Vec<usize>,
}

impl Table {
    pub(in crate::lab) fn lines(&self) -> usize {
        self.columns.first().map_or(0, |column| column.cells.len())
    }
}

/// A sentence or two of what came of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::lab) struct Finding {
    pub(in crate::lab) text: String,
    /// Whether it decides what was asked; `None` of what is not an answer to a question.
    pub(in crate::lab) is_decided: Option<bool>,
}

/// What a report says.
#[derive(Debug, Clone, Default, PartialEq)]
pub(in crate::lab) struct Page {
    /// What was measured, in short: "haul sweep: copy".
    pub(in crate::lab) title: String,
    /// What was measured, on what, how, and what did not vary: a line each.
    pub(in crate::lab) caption: Vec<String>,
    /// The tables that answer the question.
    pub(in crate::lab) tables: Vec<Table>,
    /// All figures, where the tables above show only some: in files, and where they are asked for.
    pub(in crate::lab) all_figures: Vec<Table>,
    /// How long single calls took, if that was asked for.
    pub(in crate::lab) latencies: Vec<Table>,
    /// What makes the figures doubtful, the gravest first.
    pub(in crate::lab) warnings: Vec<String>,
    /// What a reader must know so as not to misread the figures: what columns mean, how it was measured, what it rests on.
    pub(in crate::lab) notes: Vec<String>,
    /// Where and when: a subject and what is known of it.
    pub(in crate::lab) machine: Vec<(&'static str, String)>,
    /// The command that made it; empty where there is none.
    pub(in crate::lab) command: String,
    /// The answer: the verdict first, what else can be said after it. Last on a screen.
    pub(in crate::lab) findings: Vec<Finding>,
    /// Lines to be copied, one command each, never wrapped.
    pub(in crate::lab) lines_to_copy: Vec<String>,
}

impl Page {
    /// The tables of all figures under titles that say so, where no heading does.
    pub(in crate::lab) fn titled_all_figures(&self) -> Vec<Table> {
        let title = |table: &Table| table.title.as_ref().map_or_else(String::new, |title| format!(", {title}"));
        let titled = |table: &Table| Table { title: Some(format!("all figures{}", title(table))), ..table.clone() };
        self.all_figures.iter().map(titled).collect()
    }
}
