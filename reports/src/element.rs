//! What a section produces: a sequence of elements that a document writer turns into a file.

use crate::{chart::Chart, format::Unit};

/// One block of a report.
#[derive(Debug, Clone, PartialEq)]
pub enum Element {
    /// A heading of level 1 (the report's title) to 6.
    Heading(u8, String),
    /// One paragraph of inline Markdown.
    Prose(String),
    /// A bulleted list; each item is inline Markdown.
    List(Vec<String>),
    /// Text to be shown as it is.
    Code {
        /// Language for highlighting, such as `toml`; may be empty.
        language: String,
        /// The text, without a fence.
        text: String,
    },
    /// Values in rows and columns.
    Table(Table),
    /// A chart with its caption.
    Figure(Figure),
    /// Elements that are long and rarely wanted: only the summary is shown until the reader opens them.
    Fold {
        /// What is inside, as plain text.
        summary: String,
        /// What is hidden.
        elements: Vec<Element>,
    },
    /// A table as a file of its own beside the report, for whoever goes on with its figures.
    Attachment(Attachment),
}

impl Element {
    /// A paragraph.
    pub fn prose(text: impl Into<String>) -> Self {
        Self::Prose(text.into())
    }

    /// Elements behind a summary.
    pub fn fold(summary: impl Into<String>, elements: Vec<Element>) -> Self {
        Self::Fold { summary: summary.into(), elements }
    }

    /// A heading of the given level.
    pub fn heading(level: u8, text: impl Into<String>) -> Self {
        Self::Heading(level, text.into())
    }
}

/// The figures of a report, in the order in which they appear.
pub fn figures(elements: &[Element]) -> Vec<&Figure> {
    elements
        .iter()
        .flat_map(|element| match element {
            Element::Figure(figure) => vec![figure],
            Element::Fold { elements, .. } => figures(elements),
            _ => Vec::new(),
        })
        .collect()
}

/// The attachments of a report, in the order in which they are named.
pub fn attachments(elements: &[Element]) -> Vec<&Attachment> {
    elements
        .iter()
        .flat_map(|element| match element {
            Element::Attachment(attachment) => vec![attachment],
            Element::Fold { elements, .. } => attachments(elements),
            _ => Vec::new(),
        })
        .collect()
}

/// A file that a section hands over beside its words.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Attachment {
    /// Name of the file, such as `assignment.csv`.
    pub name: String,
    /// What is in it.
    pub text: String,
    /// What it is, behind the link; inline Markdown.
    pub caption: String,
}

/// A table of values.
#[derive(Debug, Clone, PartialEq)]
pub struct Table {
    /// Titles and alignment, left to right.
    pub columns: Vec<Column>,
    /// The rows; a row shorter than `columns` is filled with empty cells.
    pub rows: Vec<Vec<Cell>>,
    /// One sentence of inline Markdown, shown below; none if empty.
    pub caption: String,
}

/// A column of a [`Table`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Column {
    /// The title, inline Markdown.
    pub title: String,
    /// How the cells are aligned.
    pub align: Align,
}

impl Column {
    /// A column of words.
    pub fn left(title: impl Into<String>) -> Self {
        Self { title: title.into(), align: Align::Left }
    }

    /// A column of numbers.
    pub fn right(title: impl Into<String>) -> Self {
        Self { title: title.into(), align: Align::Right }
    }
}

/// Alignment of a [`Column`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Align {
    /// For words.
    Left,
    /// For marks such as yes and no.
    Center,
    /// For numbers.
    Right,
}

/// A value in a [`Table`].
#[derive(Debug, Clone, PartialEq)]
pub enum Cell {
    /// Nothing to show: not measured, not applicable.
    Empty,
    /// Inline Markdown.
    Text(String),
    /// A name as a person would type it.
    Code(String),
    /// A count.
    Integer(u64),
    /// A measured or derived number.
    Estimate {
        /// The point estimate, in the base of `unit`.
        value: f64,
        /// Its confidence interval (low, high), in the same unit.
        interval: Option<(f64, f64)>,
        /// What the number counts.
        unit: Unit,
        /// Whether it is the best of its column; printed bold.
        best: bool,
    },
}

impl Cell {
    /// Words.
    pub fn text(text: impl Into<String>) -> Self {
        Self::Text(text.into())
    }

    /// A name as a person would type it.
    pub fn code(text: impl Into<String>) -> Self {
        Self::Code(text.into())
    }

    /// A number known exactly, or one whose interval is not shown.
    pub const fn exact(value: f64, unit: Unit) -> Self {
        Self::Estimate { value, interval: None, unit, best: false }
    }
}

/// A chart and the words around it.
#[derive(Debug, Clone, PartialEq)]
pub struct Figure {
    /// Stem of the file name, in kebab-case.
    pub name: String,
    /// What is drawn.
    pub chart: Chart,
    /// What a reader who cannot see the chart needs to know of it.
    pub alt: String,
    /// What the chart shows and how to read it; inline Markdown.
    pub caption: String,
}
