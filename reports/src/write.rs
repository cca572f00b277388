//! From a run's records to files.

use crate::{
    chart,
    document::markdown,
    element::{Element, attachments, figures},
    section::{self, View},
};
use ferrybench_data::dataset::Dataset;
use std::{
    fs, io,
    path::{Path, PathBuf},
};

/// A report, in memory.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Report {
    /// The document.
    pub markdown: String,
    /// Each figure: stem of its file's name, and the SVG.
    pub figures: Vec<(String, String)>,
    /// Each attachment: its file's name, and its text.
    pub attachments: Vec<(String, String)>,
}

/// The report of a run.
pub fn report(data: &Dataset) -> Report {
    let elements: Vec<Element> = section::all(&View::new(data));
    let figures = figures(&elements)
        .into_iter()
        .map(|figure| (figure.name.clone(), chart::svg(&figure.chart)))
        .collect();
    let attachments = attachments(&elements)
        .into_iter()
        .map(|attachment| (attachment.name.clone(), attachment.text.clone()))
        .collect();
    Report { markdown: markdown::render(&elements), figures, attachments }
}

const REPORT: &str = "report";

/// Writes the report of a run into its folder: `report/REPORT.md`, each figure as SVG and as PNG of twice its size, and
/// the attachments in `report/tables`.
/// It is complete before it takes the place of an older one. Returns the path of `REPORT.md`.
pub fn write(data: &Dataset, run: &Path) -> io::Result<PathBuf> {
    let (fresh, place, old) = (run.join("report.partial"), run.join(REPORT), run.join("report.old"));
    for stale in [&fresh, &old] {
        remove(stale)?;
    }
    fill(&report(data), &fresh).inspect_err(|_| {
        let _ = fs::remove_dir_all(&fresh);
    })?;
    if place.exists() {
        fs::rename(&place, &old)?;
    }
    fs::rename(&fresh, &place)?;
    remove(&old)?;
    Ok(place.join("REPORT.md"))
}

fn remove(folder: &Path) -> io::Result<()> {
    if folder.exists() { fs::remove_dir_all(folder) } else { Ok(()) }
}

fn fill(report: &Report, folder: &Path) -> io::Result<()> {
    let figures = folder.join(markdown::FIGURES);
    fs::create_dir_all(&figures)?;
    // One after the other: a picture is some ten megabytes while it is drawn, and all of them take a second.
    for (name, svg) in &report.figures {
        fs::write(figures.join(format!("{name}.svg")), svg)?;
        let png = chart::png(svg).map_err(|error| io::Error::other(error.to_string()))?;
        fs::write(figures.join(format!("{name}.png")), png)?;
    }
    let tables = folder.join(markdown::TABLES);
    if !report.attachments.is_empty() {
        fs::create_dir_all(&tables)?;
    }
    for (name, text) in &report.attachments {
        fs::write(tables.join(name), text)?;
    }
    fs::write(folder.join("REPORT.md"), &report.markdown)
}
