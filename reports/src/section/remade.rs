//! Captures, and how to make the report again.

use super::view::View;
use crate::element::Element;

/// Captures of the run at work, which the assignments ask for; a run of round trips shows them at its end.
pub(super) fn at_work(view: &View<'_>) -> Vec<Element> {
    let shown = captures(view);
    if !is_at_work(view) || shown.is_empty() {
        return Vec::new();
    }
    let mut elements = vec![Element::heading(2, "The run at work")];
    elements.extend(shown);
    elements
}

fn is_at_work(view: &View<'_>) -> bool {
    view.has_servers() || view.has_fanouts()
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
    if !is_at_work(view) {
        elements.extend(captures(view));
    }
    elements
}

/// Captures that no section shows as its own.
fn captures(view: &View<'_>) -> Vec<Element> {
    let shown = super::fanout::captures(view);
    let rest = view.data.captures.iter().filter(|(name, _)| !shown.contains(name.as_str()));
    rest.map(|(name, text)| {
        let shown = Element::Code { language: "text".into(), text: text.trim_end().to_owned() };
        Element::fold(format!("What the terminal showed (captures/{name})"), vec![shown])
    })
    .collect()
}
