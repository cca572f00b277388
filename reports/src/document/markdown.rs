//! Elements as GitHub-flavoured Markdown whose source is as readable as the page.

use crate::{
    element::{Align, Attachment, Cell, Column, Element, Figure, Table},
    format,
};

/// Folder of the figures, relative to the document.
pub const FIGURES: &str = "figures";
/// Folder of the attachments, relative to the document.
pub const TABLES: &str = "tables";

/// The whole document; ends with a newline.
pub fn render(elements: &[Element]) -> String {
    let blocks: Vec<String> = elements.iter().map(block).filter(|block| !block.is_empty()).collect();
    if blocks.is_empty() { String::new() } else { blocks.join("\n\n") + "\n" }
}

fn block(element: &Element) -> String {
    match element {
        Element::Heading(level, text) => {
            format!("{} {}", "#".repeat(usize::from(*level).clamp(1, 6)), one_line(text))
        }
        Element::Prose(text) => text.trim().to_owned(),
        Element::List(items) => {
            items.iter().map(|item| format!("- {}", one_line(item))).collect::<Vec<_>>().join("\n")
        }
        Element::Code { language, text } => code_block(language, text),
        Element::Table(table) => self::table(table),
        Element::Figure(figure) => self::figure(figure),
        Element::Fold { summary, elements } => fold(summary, elements),
        Element::Attachment(attachment) => self::attachment(attachment),
    }
}

/// Blank lines inside let Markdown go on within the fold.
fn fold(summary: &str, elements: &[Element]) -> String {
    let inside = render(elements);
    if inside.is_empty() {
        return String::new();
    }
    let summary = one_line(summary).replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;");
    format!("<details>\n<summary>{summary}</summary>\n\n{inside}\n</details>")
}

fn code_block(language: &str, text: &str) -> String {
    let fence = "`".repeat(longest_run_of_backticks(text).max(2) + 1);
    format!("{fence}{language}\n{}\n{fence}", text.trim_end())
}

fn figure(figure: &Figure) -> String {
    let alt = one_line(&figure.alt).replace('[', "\\[").replace(']', "\\]");
    let image = format!("![{alt}]({FIGURES}/{}.svg)", figure.name);
    with_caption(image, &figure.caption)
}

fn attachment(Attachment { name, caption, .. }: &Attachment) -> String {
    format!("[`{TABLES}/{name}`]({TABLES}/{name}): {}", one_line(caption))
}

fn table(table: &Table) -> String {
    if table.columns.is_empty() {
        return String::new();
    }
    let titles: Vec<String> = table.columns.iter().map(|column| escape_pipes(&column.title)).collect();
    let rows: Vec<Vec<String>> = table
        .rows
        .iter()
        .map(|row| (0..titles.len()).map(|index| row.get(index).map(cell).unwrap_or_default()).collect())
        .collect();
    let widths: Vec<usize> = (0..titles.len())
        .map(|index| {
            rows.iter().chain([&titles]).map(|row| row[index].chars().count()).max().unwrap_or(0).max(3)
        })
        .collect();

    let mut lines = vec![line(&titles, &widths, &table.columns), rule(&widths, &table.columns)];
    lines.extend(rows.iter().map(|row| line(row, &widths, &table.columns)));
    with_caption(lines.join("\n"), &table.caption)
}

fn line(cells: &[String], widths: &[usize], columns: &[Column]) -> String {
    let padded = cells.iter().zip(widths).zip(columns).map(|((cell, &width), column)| match column.align {
        Align::Left => format!("{cell:<width$}"),
        Align::Center => format!("{cell:^width$}"),
        Align::Right => format!("{cell:>width$}"),
    });
    format!("| {} |", padded.collect::<Vec<_>>().join(" | "))
}

fn rule(widths: &[usize], columns: &[Column]) -> String {
    let dashes = widths.iter().zip(columns).map(|(&width, column)| match column.align {
        Align::Left => "-".repeat(width),
        Align::Center => format!(":{}:", "-".repeat(width - 2)),
        Align::Right => format!("{}:", "-".repeat(width - 1)),
    });
    format!("| {} |", dashes.collect::<Vec<_>>().join(" | "))
}

fn cell(cell: &Cell) -> String {
    match cell {
        Cell::Empty => String::new(),
        Cell::Text(text) => escape_pipes(text),
        Cell::Code(text) => escape_pipes(&code_span(text)),
        Cell::Integer(count) => format::integer(*count),
        Cell::Estimate { value, interval, unit, best } => {
            let text = unbroken(&format::estimate(*value, *interval, *unit));
            if *best { format!("**{text}**") } else { text }
        }
    }
}

/// Keeps number and unit on one line, and the interval whole; the page may break between the two.
fn unbroken(estimate: &str) -> String {
    estimate.replace(' ', "\u{a0}").replace("\u{a0}[", " [")
}

fn code_span(text: &str) -> String {
    if text.contains('`') {
        let fence = "`".repeat(longest_run_of_backticks(text) + 1);
        format!("{fence} {text} {fence}")
    } else {
        format!("`{text}`")
    }
}

fn with_caption(block: String, caption: &str) -> String {
    let caption = one_line(caption);
    if caption.is_empty() { block } else { format!("{block}\n\n*{caption}*") }
}

fn longest_run_of_backticks(text: &str) -> usize {
    text.split(|character| character != '`').map(str::len).max().unwrap_or(0)
}

fn escape_pipes(text: &str) -> String {
    one_line(text).replace('|', "\\|")
}

fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        chart::{Axis, Chart, Estimate, Group, Intervals, Row, Scale},
        format::Unit,
    };

    fn figure() -> Figure {
        let rows = vec![Row { label: "pipe".into(), estimate: Estimate::exact(5.2e-6) }];
        let axis = Axis::new("Round trip", Scale::Log10, Unit::Seconds);
        let chart = Intervals::new(axis, vec![Group::unnamed(rows)]).unwrap();
        Figure {
            name: "ranking".into(),
            chart: Chart::Intervals(chart),
            alt: "Ranking [64 B]".into(),
            caption: "Median round trip.".into(),
        }
    }

    #[test]
    fn a_document_reads_well_as_source() {
        let best = Cell::Estimate {
            value: 5.21e-6,
            interval: Some((5.17e-6, 5.26e-6)),
            unit: Unit::Seconds,
            best: true,
        };
        let elements = [
            Element::heading(2, "Round trips"),
            Element::prose("How fast?"),
            Element::List(vec!["one".into(), "two".into()]),
            Element::Code { language: "toml".into(), text: "x = \"```\"\n".into() },
            Element::Table(Table {
                columns: vec![Column::left("mechanism"), Column::right("median"), Column::right("n")],
                rows: vec![
                    vec![Cell::code("pipe"), best, Cell::Integer(12_000)],
                    vec![Cell::text("a | b"), Cell::Empty],
                ],
                caption: "Small messages.".into(),
            }),
            Element::Figure(figure()),
            Element::Attachment(Attachment {
                name: "all.csv".into(),
                text: "a,b\n".into(),
                caption: "the same as a file.".into(),
            }),
        ];
        insta::assert_snapshot!(render(&elements).replace('\u{a0}', "~"), @r#"
        ## Round trips

        How fast?

        - one
        - two

        ````toml
        x = "```"
        ````

        | mechanism |                   median |      n |
        | --------- | -----------------------: | -----: |
        | `pipe`    | **5.21~µs [5.17,~5.26]** | 12,000 |
        | a \| b    |                          |        |

        *Small messages.*

        ![Ranking \[64 B\]](figures/ranking.svg)

        *Median round trip.*

        [`tables/all.csv`](tables/all.csv): the same as a file.
        "#);
    }

    #[test]
    fn a_fold_holds_markdown_and_an_empty_one_is_nothing() {
        let fold = Element::fold("a < b", vec![Element::prose("inside")]);
        assert_eq!(render(&[fold]), "<details>\n<summary>a &lt; b</summary>\n\ninside\n\n</details>\n");
        assert_eq!(render(&[Element::fold("empty", vec![])]), "");
    }

    #[test]
    fn nothing_gives_nothing() {
        assert_eq!(render(&[]), "");
        assert_eq!(
            render(&[Element::Table(Table { columns: vec![], rows: vec![], caption: String::new() })]),
            ""
        );
    }

    #[test]
    fn code_with_backticks_survives() {
        assert_eq!(code_span("a`b"), "`` a`b ``");
    }
}
