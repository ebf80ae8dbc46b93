//! The bundled font: how wide text is, on every machine alike.

use std::sync::OnceLock;

use ab_glyph::{Font, FontRef, PxScale, ScaleFont, point};
use plotters::style::{FontDesc, FontFamily, FontStyle, register_font};

/// The family as SVG files name it; the first is the bundled one.
pub const FAMILY: &str = "'Noto Sans', 'Helvetica Neue', Helvetica, Arial, sans-serif";

static REGULAR: &[u8] = include_bytes!("../../../assets/fonts/NotoSans-Regular.ttf");
static BOLD: &[u8] = include_bytes!("../../../assets/fonts/NotoSans-Bold.ttf");

/// The font as plotters knows it, at this size of its own; only SVG is drawn with it.
pub fn font(size: f64, bold: bool) -> FontDesc<'static> {
    static REGISTERED: OnceLock<()> = OnceLock::new();
    REGISTERED.get_or_init(|| {
        for (style, bytes) in [(FontStyle::Normal, REGULAR), (FontStyle::Bold, BOLD)] {
            assert!(register_font(FAMILY, style, bytes).is_ok(), "the bundled font is whole");
        }
    });
    let style = if bold { FontStyle::Bold } else { FontStyle::Normal };
    FontDesc::new(FontFamily::Name(FAMILY), size, style)
}

/// The outlines of the font.
fn outlines(bold: bool) -> &'static FontRef<'static> {
    static FONTS: OnceLock<[FontRef<'static>; 2]> = OnceLock::new();
    let read = |bytes| FontRef::try_from_slice(bytes).expect("the bundled font is whole");
    &FONTS.get_or_init(|| [read(REGULAR), read(BOLD)])[usize::from(bold)]
}

/// Scale at which an em has this many pixels.
fn scale(size: f64, bold: bool) -> PxScale {
    let font = outlines(bold);
    let units_per_em = font.units_per_em().expect("the bundled font is scalable");
    PxScale::from(size as f32 * font.height_unscaled() / units_per_em)
}

/// Width of a line of text of this size.
pub fn width(text: &str, size: f64, bold: bool) -> f64 {
    let font = outlines(bold).as_scaled(scale(size, bold));
    text.chars().map(|character| f64::from(font.h_advance(font.glyph_id(character)))).sum()
}

/// Every pixel of a line of text that starts at a point of its baseline, with its share of ink.
///
/// plotters would set each letter without the space that is due before it.
pub fn rasterise(text: &str, size: f64, bold: bool, (x, y): (f64, f64), mut draw: impl FnMut(i32, i32, f64)) {
    let (font, scale) = (outlines(bold), scale(size, bold));
    let mut pen = x as f32;
    for character in text.chars() {
        let id = font.glyph_id(character);
        let glyph = id.with_scale_and_position(scale, point(pen, y as f32));
        if let Some(outline) = font.outline_glyph(glyph) {
            let corner = outline.px_bounds().min;
            outline.draw(|right, down, ink| {
                draw(corner.x as i32 + right as i32, corner.y as i32 + down as i32, f64::from(ink.min(1.0)));
            });
        }
        pen += font.as_scaled(scale).h_advance(id);
    }
}

/// Breaks text into lines of at most this width, between words, and within those that are longer.
pub fn wrap(text: &str, size: f64, bold: bool, limit: f64) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for word in text.split_whitespace().flat_map(|word| pieces(word, size, bold, limit)) {
        match lines.last_mut() {
            Some(line) if width(&format!("{line} {word}"), size, bold) <= limit => {
                line.push(' ');
                line.push_str(word);
            }
            _ => lines.push(word.to_string()),
        }
    }
    lines
}

/// A word in pieces of at most this width, each of a letter at least.
fn pieces(word: &str, size: f64, bold: bool, limit: f64) -> Vec<&str> {
    let mut pieces = Vec::new();
    let mut start = 0;
    for (at, _) in word.char_indices().skip(1) {
        let next = at + word[at..].chars().next().map_or(0, char::len_utf8);
        if width(&word[start..next], size, bold) > limit && at > start {
            pieces.push(&word[start..at]);
            start = at;
        }
    }
    pieces.push(&word[start..]);
    pieces
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn widths_are_in_proportion() {
        let small = width("power-of-two", 13.0, false);
        assert!((small - 80.0).abs() < 5.0, "{small}");
        assert!((width("power-of-two", 26.0, false) - 2.0 * small).abs() < 1e-4);
        assert!(width("power-of-two", 13.0, true) > small);
    }

    #[test]
    fn lines_break_between_words() {
        let lines = wrap("one two three four", 10.0, false, 45.0);
        assert!(lines.len() > 1 && lines.join(" ") == "one two three four");
        let long = wrap("a/path/to/some/file/far/away.swf.gz é", 10.0, false, 60.0);
        assert!(long.len() > 2 && long.iter().all(|line| width(line, 10.0, false) <= 60.0), "{long:?}");
        assert_eq!(long.concat().replace(' ', ""), "a/path/to/some/file/far/away.swf.gzé");
    }
}
