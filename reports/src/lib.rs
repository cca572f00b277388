//! Records in, a Markdown report with charts and tables out.
//!
//! The way through the crate is one direction only:
//!
//! 1. A *section* answers one question and returns [`element::Element`]s: headings, prose, tables and figures.
//!    Tables hold values ([`element::Cell`]), charts are data ([`chart::Chart`]); neither is text yet.
//! 2. [`mod@format`] turns a value and its unit into words, the same way in tables, axes and labels.
//! 3. [`document`] turns elements into a file format, attachments become files of their own, and [`chart::svg`] and
//!    [`chart::png`] turn charts into pictures.
//!
//! Everything here is pure: the same records give the same bytes. The fonts are embedded, so neither the fonts nor
//! the locale of the machine can be seen in a figure.
#![forbid(unsafe_code)]

pub mod chart;
pub mod document;
pub mod element;
pub mod format;
mod section;
mod write;

pub use write::{Report, report, write};
