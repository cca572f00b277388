//! Documents: one module per file format, each a function from elements to text.

pub mod markdown;
