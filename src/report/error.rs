//! What can go wrong when results are written or read.

use std::path::PathBuf;

/// A failure to write or read results.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A file or folder could not be read or written.
    #[error("cannot {action} {}: {reason}", path.display())]
    File {
        /// What was tried: `write`, `read`, `rename`.
        action: &'static str,
        /// The file or folder.
        path: PathBuf,
        /// Why. (Not a source: the message says it, and printed chains would say it twice.)
        reason: std::io::Error,
    },
    /// The target holds something that this program did not make.
    #[error("{} is not a results folder of falcon (it has no manifest.json) and is left as it is; choose another with `--out`", .0.display())]
    Foreign(PathBuf),
    /// A file of results does not say what it must.
    #[error("{}: {message}", path.display())]
    Format {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        message: String,
    },
    /// A plot could not be drawn.
    #[error("cannot draw {name}: {message}")]
    Plot {
        /// The plot's file name.
        name: String,
        /// Why.
        message: String,
    },
}

/// Result of writing or reading results.
pub type Result<T> = std::result::Result<T, Error>;

impl Error {
    /// Makes an error about this file from an input/output error.
    pub fn file(action: &'static str, path: impl Into<PathBuf>) -> impl FnOnce(std::io::Error) -> Error {
        let path = path.into();
        move |reason| Error::File { action, path, reason }
    }

    /// Makes an error about the content of this file.
    pub fn format(path: impl Into<PathBuf>, message: impl Into<String>) -> Error {
        Error::Format { path: path.into(), message: message.into() }
    }
}
