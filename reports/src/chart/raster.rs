//! PNG from SVG, with the embedded fonts only.

use std::sync::Arc;

use resvg::{
    tiny_skia::{Pixmap, Transform},
    usvg::{self, fontdb},
};
use thiserror::Error;

use super::draw;

/// Dots per CSS pixel.
const DENSITY: f32 = 2.0;

/// Why an SVG has no PNG.
#[derive(Debug, Error)]
pub enum RasterError {
    /// The text is not an SVG.
    #[error("not a readable SVG: {0}")]
    Svg(#[from] usvg::Error),
    /// The picture has no area or is too large.
    #[error("a picture of {width} by {height} dots cannot be held")]
    Size {
        /// Dots across.
        width: u32,
        /// Dots down.
        height: u32,
    },
    /// The PNG encoder refused.
    #[error("encoding the PNG: {0}")]
    Encode(String),
}

/// The PNG of an SVG at twice its nominal size: the same SVG gives the same bytes on every machine.
pub fn png(svg: &str) -> Result<Vec<u8>, RasterError> {
    let mut fonts = fontdb::Database::new();
    fonts.load_font_data(draw::REGULAR.to_vec());
    fonts.load_font_data(draw::SEMI_BOLD.to_vec());
    let options = usvg::Options {
        fontdb: Arc::new(fonts),
        font_family: draw::FAMILY.to_owned(),
        ..usvg::Options::default()
    };
    let tree = usvg::Tree::from_str(svg, &options)?;
    let size = tree.size();
    let (width, height) = ((size.width() * DENSITY).ceil() as u32, (size.height() * DENSITY).ceil() as u32);
    let mut pixels = Pixmap::new(width, height).ok_or(RasterError::Size { width, height })?;
    resvg::render(&tree, Transform::from_scale(DENSITY, DENSITY), &mut pixels.as_mut());
    pixels.encode_png().map_err(|error| RasterError::Encode(error.to_string()))
}
