//! The bundled font: how wide text is, on every machine alike.

use std::sync::OnceLock;

use plotters::style::{FontDesc, FontFamily, FontStyle, register_font};

/// The family as SVG files name it; the first is the bundled one.
pub const FAMILY: &str = "'Noto Sans', 'Helvetica Neue', Helvetica, Arial, sans-serif";

/// Ascent and descent of the bundled font in em, by which the rasteriser measures sizes.
pub const HEIGHT_IN_EM: f64 = 1.362;

static REGULAR: &[u8] = include_bytes!("../../../assets/fonts/NotoSans-Regular.ttf");
static BOLD: &[u8] = include_bytes!("../../../assets/fonts/NotoSans-Bold.ttf");

/// The font at this size of the rasteriser.
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

/// Width of a line of text of this size.
pub fn width(text: &str, size: f64, bold: bool) -> f64 {
    // Measured large, because the answer comes in whole pixels.
    const LARGE: f64 = 1000.0;
    let ((left, _), (right, _)) =
        font(LARGE * HEIGHT_IN_EM, bold).layout_box(text).expect("the bundled font is registered");
    f64::from(right - left) * size / LARGE
}

/// Breaks text into lines of at most this width, between words only.
pub fn wrap(text: &str, size: f64, bold: bool, limit: f64) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for word in text.split_whitespace() {
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn widths_are_in_proportion() {
        let small = width("power-of-two", 13.0, false);
        assert!((small - 80.0).abs() < 5.0, "{small}");
        assert!((width("power-of-two", 26.0, false) - 2.0 * small).abs() < 1e-9);
        assert!(width("power-of-two", 13.0, true) > small);
    }

    #[test]
    fn lines_break_between_words() {
        let lines = wrap("one two three four", 10.0, false, 45.0);
        assert!(lines.len() > 1 && lines.join(" ") == "one two three four");
    }
}
