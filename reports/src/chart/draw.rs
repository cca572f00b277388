//! From scene to SVG: the only module that knows the drawing library.
//!
//! The library works in whole pixels and knows neither dashes nor a list of fall-back fonts. So a scene is drawn at
//! four times its size inside a view box of that size, and what the library cannot say is added to its text after.

use std::{fmt::Write as _, sync::Once};

use plotters::{
    prelude::{DrawingBackend, SVGBackend},
    style::{
        Color, FontDesc, FontFamily, FontStyle, FontTransform, RGBAColor, RGBColor, ShapeStyle, TextStyle,
        register_font,
        text_anchor::{HPos, Pos, VPos},
    },
};

use super::{
    scene::{Anchor, Place, Rgb, Scene, Shape, Stroke, Weight, Words},
    style,
};

/// Inter, the face of all words in charts (SIL Open Font License 1.1, see `fonts/LICENSE.txt`).
pub(super) const REGULAR: &[u8] = include_bytes!("../../fonts/Inter-Regular.otf");
/// Inter, for titles and headings.
pub(super) const SEMI_BOLD: &[u8] = include_bytes!("../../fonts/Inter-SemiBold.otf");
/// The family's name, in the library as in the SVG.
pub(super) const FAMILY: &str = "Inter";

/// Drawn pixels per CSS pixel.
const DETAIL: f64 = 4.0;
/// The library takes a line height for a font size; it writes the size in ems as this share of it.
const LINE_PER_EM: f64 = 1.24;
/// Room for a fall-back font, most of which are wider than Inter.
const FALLBACK_RESERVE: f64 = 1.04;

/// Width of words in CSS pixels, with a little room for a fall-back font.
pub(super) fn text_width(text: &str, size: f64, weight: Weight) -> f64 {
    // Measured large, since the library rounds to whole pixels.
    const ENLARGED: f64 = 32.0;
    let font = font(size * ENLARGED, weight);
    let ((left, _), (right, _)) = font.layout_box(text).expect("the embedded fonts are registered");
    f64::from(right - left) / ENLARGED * FALLBACK_RESERVE
}

/// Width of the widest of some words.
pub(super) fn widest<T: AsRef<str>>(texts: &[T], size: f64, weight: Weight) -> f64 {
    texts.iter().map(|text| text_width(text.as_ref(), size, weight)).fold(0.0, f64::max)
}

/// The SVG of a scene.
pub(super) fn svg(scene: &Scene) -> String {
    let mut drawn = String::new();
    {
        let mut backend = SVGBackend::with_string(&mut drawn, (whole(scene.width), whole(scene.height)));
        let ground = (0.0, 0.0);
        let border = Stroke::solid(style::BORDER, 2.0);
        let corners = [ground, (scene.width, 0.0), (scene.width, scene.height), (0.0, scene.height), ground];
        paint(&mut backend, &Shape::Polygon(corners[..4].to_vec(), style::WHITE));
        for shape in &scene.shapes {
            paint(&mut backend, shape);
        }
        paint(&mut backend, &Shape::Path(corners.to_vec(), border));
        backend.present().expect("writing to a string cannot fail");
    }
    completed(&drawn, scene)
}

fn paint(backend: &mut SVGBackend<'_>, shape: &Shape) {
    let done = match shape {
        Shape::Path(places, stroke) => {
            let style = ShapeStyle::from(color(stroke.color)).stroke_width(whole(stroke.width));
            backend.draw_path(places.iter().copied().map(drawn), &style)
        }
        Shape::Polygon(places, fill) => {
            backend.fill_polygon(places.iter().copied().map(drawn), &color(*fill))
        }
        Shape::Disc(centre, radius, fill) => {
            backend.draw_circle(drawn(*centre), whole(*radius), &color(*fill), true)
        }
        Shape::Words(words) => backend.draw_text(&words.text, &text_style(words), drawn(words.at)),
    };
    done.expect("writing to a string cannot fail");
}

fn text_style(words: &Words) -> TextStyle<'static> {
    let anchor = match words.anchor {
        Anchor::Start => HPos::Left,
        Anchor::Middle => HPos::Center,
        Anchor::End => HPos::Right,
    };
    let font = font(words.size * DETAIL, words.weight);
    let font = if words.upwards { font.transform(FontTransform::Rotate270) } else { font };
    TextStyle {
        color: color(words.color).to_backend_color(),
        pos: Pos::new(anchor, VPos::Bottom),
        ..TextStyle::from(font)
    }
}

/// Adds to the library's text what the library cannot say.
fn completed(drawn: &str, scene: &Scene) -> String {
    let mut dashes = scene.shapes.iter().filter_map(|shape| match shape {
        Shape::Path(_, stroke) => Some(stroke.dash),
        _ => None,
    });
    let mut svg = String::with_capacity(drawn.len());
    for line in drawn.lines() {
        let line = line.replace(" opacity=\"1\"", "");
        let line = if line.starts_with("<svg") {
            let viewed = (whole(scene.width), whole(scene.height));
            format!(
                "<svg width=\"{}\" height=\"{}\" viewBox=\"0 0 {} {}\" stroke-linejoin=\"round\" \
                 xmlns=\"http://www.w3.org/2000/svg\">",
                scene.width, scene.height, viewed.0, viewed.1
            )
        } else if line.starts_with("<polyline") {
            // Every path is one polyline, in the same order; the border comes last and has none.
            dashed(&line, dashes.next().unwrap_or_default())
        } else if line.starts_with("<text") {
            // Places are base lines.
            with_exact_size(&line)
                .replace(" dy=\"-0.5ex\"", "")
                .replace("font-family=\"Inter\"", "font-family=\"Inter, system-ui, sans-serif\"")
                .replace("font-weight=\"bold\"", "font-weight=\"600\"")
        } else {
            line
        };
        svg.push_str(&line);
        svg.push('\n');
    }
    svg
}

/// The library divides what it was given by the line height, which leaves a tail of digits.
fn with_exact_size(line: &str) -> String {
    const KEY: &str = "font-size=\"";
    let parts = line.split_once(KEY).and_then(|(before, rest)| Some((before, rest.split_once('"')?)));
    let Some((before, (size, after))) = parts else { return line.to_owned() };
    let size =
        size.parse().map_or(size.to_owned(), |size: f64| format!("{}", (size * 100.0).round() / 100.0));
    format!("{before}{KEY}{size}\"{after}")
}

fn dashed(line: &str, dash: &[f64]) -> String {
    if dash.is_empty() {
        return line.to_owned();
    }
    let mut lengths = String::new();
    for length in dash {
        let separator = if lengths.is_empty() { "" } else { " " };
        write!(lengths, "{separator}{}", whole(*length)).expect("writing to a string cannot fail");
    }
    line.replacen("<polyline", &format!("<polyline stroke-dasharray=\"{lengths}\""), 1)
}

fn font(size: f64, weight: Weight) -> FontDesc<'static> {
    static REGISTERED: Once = Once::new();
    REGISTERED.call_once(|| {
        for (style, bytes) in [(FontStyle::Normal, REGULAR), (FontStyle::Bold, SEMI_BOLD)] {
            assert!(register_font(FAMILY, style, bytes).is_ok(), "the embedded fonts are valid");
        }
    });
    let style = match weight {
        Weight::Regular => FontStyle::Normal,
        Weight::SemiBold => FontStyle::Bold,
    };
    FontDesc::new(FontFamily::Name(FAMILY), size * LINE_PER_EM, style)
}

fn color(Rgb(red, green, blue): Rgb) -> RGBAColor {
    RGBColor(red, green, blue).to_rgba()
}

fn drawn((x, y): Place) -> (i32, i32) {
    ((x * DETAIL).round() as i32, (y * DETAIL).round() as i32)
}

fn whole(length: f64) -> u32 {
    (length * DETAIL).round() as u32
}
