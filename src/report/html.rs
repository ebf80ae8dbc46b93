//! html
use super::error::Result;
use super::manifest::Manifest;
use super::plots::Picture;
use super::{ReportInput, Story};
/// page
pub fn page(
    _input: &ReportInput<'_>,
    _story: &Story,
    _manifest: &Manifest,
    _pictures: &[(String, Picture)],
) -> Result<String> {
    Ok(String::new())
}
