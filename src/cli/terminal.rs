//! What standard output and standard error can show.

use std::io::{IsTerminal, Write};

use super::Color;
use crate::report::{Style, Warning};

/// What the two streams can show.
#[derive(Clone, Copy, Debug)]
pub(super) struct Terminal {
    pub(super) stderr_color: bool,
    pub(super) stderr_is_terminal: bool,
    stdout_color: bool,
    unicode: bool,
}

impl Terminal {
    pub(super) fn new(color: Color) -> Self {
        let stderr_is_terminal = std::io::stderr().is_terminal();
        Terminal {
            stderr_color: wants_color(color, stderr_is_terminal),
            stderr_is_terminal,
            stdout_color: wants_color(color, std::io::stdout().is_terminal()),
            unicode: shows_unicode(),
        }
    }

    /// How tables on standard output look.
    pub(super) fn style(&self) -> Style {
        let width = if std::io::stdout().is_terminal() {
            terminal_size::terminal_size_of(std::io::stdout()).map(|(width, _)| usize::from(width.0))
        } else {
            None
        };
        Style { width, colour: self.stdout_color, unicode: self.unicode }
    }

    /// Text with only the signs that the terminal shows.
    pub(super) fn plain<'a>(&self, unicode: &'a str, ascii: &'a str) -> &'a str {
        if self.unicode { unicode } else { ascii }
    }

    pub(super) fn error(&self, message: &str) {
        // A worker whose coordinator was killed has nobody to tell; that is no reason to panic.
        let _ = writeln!(std::io::stderr(), "{}: {message}", self.paint("error", "1;31"));
    }

    pub(super) fn warnings(&self, warnings: &[Warning]) {
        for warning in warnings {
            self.warning(&warning.message, warning.help.as_deref());
        }
    }

    fn warning(&self, message: &str, help: Option<&str>) {
        eprintln!("{}: {message}", self.paint("warning", "1;33"));
        if let Some(help) = help {
            eprintln!("  = help: {help}");
        }
    }

    fn paint(&self, text: &str, code: &str) -> String {
        if self.stderr_color { format!("\x1b[{code}m{text}\x1b[0m") } else { text.to_string() }
    }
}

fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
}

fn wants_color(color: Color, is_terminal: bool) -> bool {
    match color {
        Color::Always => true,
        Color::Never => false,
        Color::Auto if variable("NO_COLOR").is_some() => false,
        Color::Auto if variable("CLICOLOR_FORCE").is_some_and(|value| value != "0") => true,
        Color::Auto => is_terminal && variable("TERM").is_none_or(|term| term != "dumb"),
    }
}

/// Whether the locale is one of UTF-8. Without any locale it is taken for granted: so are most
/// containers, and so are all terminals of today.
fn shows_unicode() -> bool {
    let locale = ["LC_ALL", "LC_CTYPE", "LANG"].into_iter().find_map(variable);
    locale.is_none_or(|locale| {
        let locale = locale.to_ascii_lowercase();
        locale.contains("utf-8") || locale.contains("utf8")
    })
}
