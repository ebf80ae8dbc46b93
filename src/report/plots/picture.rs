//! A picture as a list of marks, and how it becomes an SVG or a PNG file.
//!
//! Marks are placed in units of CSS pixels. Both kinds of file are drawn by plotters, which places
//! in whole units: SVG on a canvas four times as large that is then shown at its size, PNG six
//! times as large and averaged down to three.

use std::path::Path;

use plotters::backend::{BitMapBackend, DrawingBackend, SVGBackend};
use plotters::style::text_anchor::{HPos, Pos, VPos};
use plotters::style::{Color, RGBColor, ShapeStyle};

use super::font;

/// Where text stands from its point.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Anchor {
    /// To the right of it.
    Start,
    /// Around it.
    Middle,
    /// To the left of it.
    End,
}

/// Something on a picture.
#[derive(Clone, Debug, PartialEq)]
pub enum Mark {
    /// A line through points.
    Line {
        /// The points.
        points: Vec<(f64, f64)>,
        /// Width.
        width: f64,
        /// Colour.
        colour: RGBColor,
    },
    /// A filled area.
    Area {
        /// Its corners.
        points: Vec<(f64, f64)>,
        /// Colour.
        colour: RGBColor,
        /// From 0 to 1.
        opacity: f64,
    },
    /// A filled circle.
    Dot {
        /// Its middle.
        at: (f64, f64),
        /// Radius.
        radius: f64,
        /// Colour.
        colour: RGBColor,
    },
    /// A line of text.
    Text {
        /// Where its baseline starts, has its middle, or ends.
        at: (f64, f64),
        /// The text.
        text: String,
        /// Height of an em.
        size: f64,
        /// Whether it is bold.
        bold: bool,
        /// Colour.
        colour: RGBColor,
        /// Where it stands from `at`.
        anchor: Anchor,
    },
}

/// A picture.
#[derive(Clone, Debug, PartialEq)]
pub struct Picture {
    /// Width and height.
    pub size: (u32, u32),
    /// For those who cannot see it: its title.
    pub title: String,
    /// For those who cannot see it: what it shows.
    pub description: String,
    /// Its marks, the lowest first.
    pub marks: Vec<Mark>,
}

type Drawn = Result<(), String>;

/// How a backend is driven.
#[derive(Clone, Copy)]
struct Scale {
    /// Units per CSS pixel.
    units: f64,
    /// Whether letters become pixels here rather than in the viewer.
    pixels: bool,
}

const SVG: Scale = Scale { units: 4.0, pixels: false };
const PNG_UNITS: u32 = 3;
const PNG_OVERSAMPLING: u32 = 2;
const PNG: Scale = Scale { units: (PNG_UNITS * PNG_OVERSAMPLING) as f64, pixels: true };
/// plotters' size of text per em.
const SIZE_PER_EM: f64 = 1.24;
/// From the point where plotters puts the top of text in SVG down to the baseline, in em.
const BASELINE: f64 = 0.76;

impl Picture {
    /// The picture as an SVG document.
    pub fn svg(&self) -> String {
        let (width, height) = self.size;
        let (wide, high) = (width * SVG.units as u32, height * SVG.units as u32);
        let mut drawn = String::new();
        let mut backend = SVGBackend::with_string(&mut drawn, (wide, high));
        self.draw(&mut backend, SVG).expect("text is always written");
        backend.present().expect("text is always written");
        drop(backend);
        let body = drawn.split_once('>').map_or("", |(_, body)| body);
        format!(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{width}\" height=\"{height}\" \
             viewBox=\"0 0 {wide} {high}\" role=\"img\" stroke-linejoin=\"round\">\n\
             <title>{}</title>\n<desc>{}</desc>{}",
            escape(&self.title),
            escape(&self.description),
            body,
        )
    }

    /// Writes the picture as a PNG file.
    pub fn png(&self, path: &Path) -> Result<(), String> {
        let (width, height) = (self.size.0 * PNG_UNITS, self.size.1 * PNG_UNITS);
        let (wide, high) = (width * PNG_OVERSAMPLING, height * PNG_OVERSAMPLING);
        let mut large = vec![0; (wide * high * 3) as usize];
        {
            let mut backend = BitMapBackend::with_buffer(&mut large, (wide, high));
            self.draw(&mut backend, PNG)?;
        }
        let small = average(&large, width, height);
        let mut backend = BitMapBackend::new(path, (width, height));
        backend.blit_bitmap((0, 0), (width, height), &small).map_err(text_of)?;
        backend.present().map_err(text_of)
    }

    fn draw<B: DrawingBackend>(&self, backend: &mut B, scale: Scale) -> Drawn {
        let (width, height) = self.size;
        let corner = scale.point((f64::from(width), f64::from(height)));
        backend.draw_rect((0, 0), corner, &super::colour::PAPER.filled(), true).map_err(text_of)?;
        for mark in &self.marks {
            draw_mark(backend, mark, scale)?;
        }
        Ok(())
    }

    /// The boxes that texts fill: left, top, right, bottom and the text.
    pub fn text_boxes(&self) -> Vec<([f64; 4], &str)> {
        let boxes = self.marks.iter().filter_map(|mark| match mark {
            Mark::Text { at: (x, y), text, size, bold, anchor, .. } => {
                let left = start_of(text, *size, *bold, *anchor, *x);
                let width = font::width(text, *size, *bold);
                Some(([left, y - 0.72 * size, left + width, y + 0.2 * size], text.as_str()))
            }
            _ => None,
        });
        boxes.collect()
    }
}

fn draw_mark<B: DrawingBackend>(backend: &mut B, mark: &Mark, scale: Scale) -> Drawn {
    match mark {
        Mark::Line { points, width, colour } => {
            let style = ShapeStyle::from(colour).stroke_width((width * scale.units).round().max(1.0) as u32);
            match points[..] {
                // Straight and exact, without the joints of a path.
                [from, to] => {
                    backend.draw_line(scale.point(from), scale.point(to), &style).map_err(text_of)?
                }
                _ => backend
                    .draw_path(points.iter().map(|&point| scale.point(point)), &style)
                    .map_err(text_of)?,
            }
        }
        Mark::Area { points, colour, opacity } => {
            let points = points.iter().map(|&point| scale.point(point));
            backend.fill_polygon(points, &colour.mix(*opacity).filled()).map_err(text_of)?;
        }
        Mark::Dot { at, radius, colour } => {
            let radius = (radius * scale.units).round() as u32;
            backend.draw_circle(scale.point(*at), radius, &colour.filled(), true).map_err(text_of)?;
        }
        Mark::Text { at, text, size, bold, colour, anchor } if scale.pixels => {
            let (x, y) = (start_of(text, *size, *bold, *anchor, at.0) * scale.units, at.1 * scale.units);
            let mut drawn = Ok(());
            font::rasterise(text, size * scale.units, *bold, (x, y), |x, y, ink| {
                if drawn.is_ok() {
                    drawn = backend.draw_pixel((x, y), colour.mix(ink).to_backend_color());
                }
            });
            drawn.map_err(text_of)?;
        }
        Mark::Text { at: (x, y), text, size, bold, colour, anchor } => {
            let h_pos = match anchor {
                Anchor::Start => HPos::Left,
                Anchor::Middle => HPos::Center,
                Anchor::End => HPos::Right,
            };
            let style = font::font(size * scale.units * SIZE_PER_EM, *bold)
                .color(colour)
                .pos(Pos::new(h_pos, VPos::Top));
            let at = scale.point((*x, y - BASELINE * size));
            backend.draw_text(text, &style, at).map_err(text_of)?;
        }
    }
    Ok(())
}

/// Where a line of text starts that stands so from `x`.
fn start_of(text: &str, size: f64, bold: bool, anchor: Anchor, x: f64) -> f64 {
    let width = || font::width(text, size, bold);
    match anchor {
        Anchor::Start => x,
        Anchor::Middle => x - width() / 2.0,
        Anchor::End => x - width(),
    }
}

impl Scale {
    fn point(self, (x, y): (f64, f64)) -> (i32, i32) {
        ((x * self.units).round() as i32, (y * self.units).round() as i32)
    }
}

fn text_of(error: impl std::fmt::Display) -> String {
    error.to_string()
}

/// The mean of each square of pixels.
fn average(large: &[u8], width: u32, height: u32) -> Vec<u8> {
    let (step, row) = (PNG_OVERSAMPLING as usize, (width * PNG_OVERSAMPLING) as usize * 3);
    let mut small = Vec::with_capacity((width * height * 3) as usize);
    for y in 0..height as usize {
        for x in 0..width as usize {
            for channel in 0..3 {
                let mut sum = 0usize;
                for down in 0..step {
                    for right in 0..step {
                        sum += usize::from(large[(y * step + down) * row + (x * step + right) * 3 + channel]);
                    }
                }
                small.push((sum / (step * step)) as u8);
            }
        }
    }
    small
}

/// Text as it may stand in XML and HTML; characters that XML cannot hold are left out.
pub fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '&' => escaped.push_str("&amp;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&#39;"),
            control if control.is_control() && control != '\n' && control != '\t' => {}
            other => escaped.push(other),
        }
    }
    escaped
}
