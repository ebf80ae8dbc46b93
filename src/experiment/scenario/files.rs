//! Files that a scenario names, relative to itself.

use std::io::Read as _;
use std::path::{Path, PathBuf};

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};

use super::diagnostics::Diagnostic;
use super::document::Node;
use super::reader::{Found, Reader, Setting, shortened};

/// Larger files are refused rather than filling the memory (and `/dev/zero` never ends).
pub(super) const MOST_BYTES: u64 = 4 << 30;

/// A path as the scenario writes it.
#[derive(Clone, Debug)]
pub(super) struct FilePath(pub(super) String);

impl Setting for FilePath {
    fn read(node: &Node, reader: &mut Reader) -> Option<Self> {
        let path = String::read(node, reader)?;
        if path.is_empty() {
            return reader.refuse(node, "the path of a file", "empty");
        }
        Some(FilePath(path))
    }

    fn write(&self) -> serde_json::Value {
        self.0.as_str().into()
    }
}

impl JsonSchema for FilePath {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> std::borrow::Cow<'static, str> {
        "FilePath".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "string", "minLength": 1 })
    }
}

impl FilePath {
    fn resolve(&self, base: &Path) -> PathBuf {
        base.join(&self.0)
    }

    /// The file's name without its folders, for messages.
    pub(super) fn short_name(&self) -> String {
        Path::new(&self.0)
            .file_name()
            .map_or_else(|| self.0.clone(), |name| name.to_string_lossy().into_owned())
    }
}

/// Why a file could not be read, in plain words.
pub(super) fn reason(error: &std::io::Error) -> String {
    match error.kind() {
        std::io::ErrorKind::NotFound => "there is no such file".to_string(),
        std::io::ErrorKind::PermissionDenied => "permission denied".to_string(),
        std::io::ErrorKind::IsADirectory => "it is a folder, not a file".to_string(),
        _ => error.to_string(),
    }
}

/// Reads at most `most` bytes.
pub(super) fn read_limited(source: impl std::io::Read, most: u64) -> std::io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    source.take(most + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > most {
        return Err(std::io::Error::other(format!("it is larger than {} MiB", most >> 20)));
    }
    Ok(bytes)
}

/// The content of a file, unpacked if its name ends in `.gz`.
pub(super) fn content(path: &Found<FilePath>, reader: &mut Reader) -> Option<Vec<u8>> {
    let full = path.value.resolve(&reader.base);
    let read = std::fs::File::open(&full).and_then(|file| match full.extension() {
        Some(extension) if extension == "gz" => {
            read_limited(flate2::read::MultiGzDecoder::new(file), MOST_BYTES)
        }
        _ => read_limited(file, MOST_BYTES),
    });
    match read {
        Ok(bytes) => Some(bytes),
        Err(error) => {
            let title = format!("cannot read `{}`", shortened(&path.value.0));
            let mut diagnostic = Diagnostic::new(title, path.at, reason(&error));
            if Path::new(&path.value.0).is_relative() && error.kind() == std::io::ErrorKind::NotFound {
                diagnostic = diagnostic.help(format!(
                    "paths are relative to the scenario file: looked for `{}`",
                    full.display().to_string().replace(char::is_control, "?")
                ));
            }
            reader.report(diagnostic);
            None
        }
    }
}

/// One number per line; empty lines and lines that begin with `#` are skipped.
pub(super) fn numbers(path: &Found<FilePath>, signed: bool, reader: &mut Reader) -> Option<Vec<f64>> {
    let bytes = content(path, reader)?;
    let text = String::from_utf8_lossy(&bytes);
    let mut values = Vec::new();
    let expected = if signed { "a number" } else { "a number of at least 0" };
    for (index, line) in text.lines().enumerate() {
        let trimmed = line.trim().trim_start_matches('\u{feff}');
        if trimmed.is_empty() || trimmed.starts_with('#') {
            continue;
        }
        match trimmed.parse::<f64>() {
            Ok(value) if value.is_finite() && (signed || value >= 0.0) => values.push(value),
            _ => {
                let place =
                    format!("{}:{}:{}", path.value.0, index + 1, 1 + line.len() - line.trim_start().len());
                let title = format!("{place}: expected {expected}, found \"{}\"", shortened(trimmed));
                reader.report(Diagnostic::new(title, path.at, "").bare());
                return None;
            }
        }
    }
    if values.is_empty() {
        let title = format!("`{}` holds no numbers", shortened(&path.value.0));
        reader.report(Diagnostic::new(title, path.at, "expected one number per line"));
        return None;
    }
    if u32::try_from(values.len()).is_err() {
        let title = format!("`{}` holds too many numbers", shortened(&path.value.0));
        reader.report(Diagnostic::new(title, path.at, "at most 4,294,967,295"));
        return None;
    }
    Some(values)
}
