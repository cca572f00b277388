//! Captures, and how to make the report again.

use super::view::View;
use crate::element::Element;

/// Captures of the run at work, which the file-server assignment asks for; a run without one shows them at its end.
pub(super) fn at_work(view: &View<'_>) -> Vec<Element> {
    if !view.has_servers() || view.data.captures.is_empty() {
        return Vec::new();
    }
    let mut elements = vec![Element::heading(2, "The run at work")];
    elements.extend(captures(view));
    elements
}

pub(super) fn section(view: &View<'_>) -> Vec<Element> {
    let info = &view.data.info;
    let mut elements = vec![
        Element::heading(2, "How to make this again"),
        Element::prose(format!(
            "`{}` measured it. The same figures from the same records: `ferrybench report` with this run's folder; the records \
             are the CSV files beside `run.json`, one row a trial and block. The plan and its seed are above.",
            info.command_line.join(" ")
        )),
    ];
    if !view.has_servers() {
        elements.extend(captures(view));
    }
    elements
}

fn captures(view: &View<'_>) -> impl Iterator<Item = Element> {
    view.data.captures.iter().map(|(name, text)| {
        let shown = Element::Code { language: "text".into(), text: text.trim_end().to_owned() };
        Element::fold(format!("What the terminal showed (captures/{name})"), vec![shown])
    })
}
