//! Sheets of text: what table, Markdown and HTML all show. What stands in the cells is made elsewhere.

/// A column: its heading (a line break where it may be cut in two) and a cell for each line.
pub(crate) struct Column {
    pub(super) heading: String,
    pub(super) cells: Vec<String>,
    /// Where there is no room the column with the highest of these goes first; 0 stays.
    pub(super) rank: u8,
}

/// Lines of cells under one title.
pub(crate) struct Sheet {
    pub(super) title: Option<String>,
    pub(super) columns: Vec<Column>,
    /// How long the bar of each line is, as parts of the longest; empty where lines are not to be compared so.
    pub(super) bars: Vec<f64>,
}

impl Column {
    /// The heading where there is room for it.
    pub(super) fn heading_in_one_line(&self) -> String {
        self.heading.replace("-\n", "").replace("/\n", "/").replace('\n', " ").trim().to_owned()
    }
}

impl Sheet {
    pub(super) fn lines(&self) -> usize {
        self.columns.first().map_or(0, |column| column.cells.len())
    }

    /// The columns whose headings begin so, written in one line.
    pub(super) fn columns_named<'a>(&'a self, start: &'a str) -> impl Iterator<Item = &'a Column> {
        self.columns.iter().filter(move |column| column.heading_in_one_line().starts_with(start))
    }
}
