//! The colours of plots. The page turns them dark by their codes, so codes are exact.

use plotters::style::RGBColor;

/// Policies, by position in the scenario.
pub const POLICIES: [RGBColor; 7] = [
    RGBColor(0x00, 0x72, 0xB2),
    RGBColor(0xD5, 0x5E, 0x00),
    RGBColor(0x00, 0x9E, 0x73),
    RGBColor(0xCC, 0x79, 0xA7),
    RGBColor(0xB8, 0x86, 0x00),
    RGBColor(0x56, 0xB4, 0xE9),
    RGBColor(0x55, 0x55, 0x55),
];
/// Text.
pub const INK: RGBColor = RGBColor(0x22, 0x26, 0x2B);
/// Text of less weight.
pub const MUTED: RGBColor = RGBColor(0x5F, 0x66, 0x6E);
/// Axes, single replications, and policies in the background.
pub const AXIS: RGBColor = RGBColor(0x9A, 0xA1, 0xA8);
/// Grid lines.
pub const GRID: RGBColor = RGBColor(0xE3, 0xE6, 0xE9);
/// Paper.
pub const PAPER: RGBColor = RGBColor(0xFF, 0xFF, 0xFF);

/// Colour of each of so many policies, of which some stand out. Up to seven all do; of more, only
/// those in `highlights` (in order of importance) do and the rest are grey.
pub fn of_policies(count: usize, highlights: &[usize]) -> Vec<Option<RGBColor>> {
    if count <= POLICIES.len() {
        return POLICIES[..count].iter().copied().map(Some).collect();
    }
    let mut chosen: Vec<usize> = Vec::new();
    for &index in highlights {
        // The grey of the palette would not stand out among greys.
        if !chosen.contains(&index) && chosen.len() < POLICIES.len() - 1 {
            chosen.push(index);
        }
    }
    chosen.sort_unstable();
    let mut colours = vec![None; count];
    for (&index, colour) in chosen.iter().zip(POLICIES) {
        colours[index] = Some(colour);
    }
    colours
}
