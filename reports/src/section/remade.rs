//! Captures, and how to make the report again.

use super::view::View;
use crate::element::Element;

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
    for (name, text) in &view.data.captures {
        let shown = Element::Code { language: "text".into(), text: text.trim_end().to_owned() };
        elements.push(Element::fold(format!("What the terminal showed (captures/{name})"), vec![shown]));
    }
    elements
}
