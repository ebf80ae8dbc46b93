//! Mistakes in a scenario: collected while reading, sorted as in the file, drawn like rustc's.

use std::fmt;

use annotate_snippets::{AnnotationKind, Group, Level, Renderer, Snippet, renderer::DecorStyle};

use super::values::grouped;

/// More mistakes than this are counted, not shown: nobody reads them, and drawing costs time.
const MOST_SHOWN: usize = 20;

/// A stretch of one of the texts a scenario is made of: the file, or one override.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Origin {
    /// Which text: 0 is the file, overrides follow in the order given.
    pub(super) source: usize,
    /// First byte.
    pub(super) start: usize,
    /// Byte after the last.
    pub(super) end: usize,
}

impl Origin {
    /// The whole of a text, when no part of it can be pointed at.
    pub(super) fn whole(source: usize) -> Origin {
        Origin { source, start: usize::MAX, end: usize::MAX }
    }

    fn is_whole(self) -> bool {
        self.start == usize::MAX
    }
}

/// One text a scenario is made of.
#[derive(Clone, Debug)]
pub(super) struct SourceText {
    /// What stands after `-->`: a path or a command line option.
    pub(super) name: String,
    /// The text itself.
    pub(super) text: String,
}

/// One mistake.
#[derive(Clone, Debug)]
pub(super) struct Diagnostic {
    pub(super) title: Box<str>,
    pub(super) at: Origin,
    pub(super) label: Box<str>,
    pub(super) context: Vec<(Origin, String)>,
    pub(super) help: Vec<String>,
    /// Whether the title already names the place (rows of a data file): then no snippet is drawn.
    pub(super) bare: bool,
}

impl Diagnostic {
    pub(super) fn new(title: impl Into<String>, at: Origin, label: impl Into<String>) -> Self {
        Diagnostic {
            title: title.into().into(),
            at,
            label: label.into().into(),
            context: Vec::new(),
            help: Vec::new(),
            bare: false,
        }
    }

    pub(super) fn help(mut self, help: impl Into<String>) -> Self {
        self.help.push(help.into());
        self
    }

    pub(super) fn context(mut self, at: Origin, label: impl Into<String>) -> Self {
        self.context.push((at, label.into()));
        self
    }

    pub(super) fn bare(mut self) -> Self {
        self.bare = true;
        self
    }
}

/// All mistakes of a scenario, ready to be shown.
#[derive(Clone, Debug)]
pub struct Diagnostics {
    sources: Vec<SourceText>,
    items: Vec<Diagnostic>,
}

impl std::error::Error for Diagnostics {}

impl fmt::Display for Diagnostics {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.render(false))
    }
}

impl Diagnostics {
    pub(super) fn new(sources: Vec<SourceText>, mut items: Vec<Diagnostic>) -> Self {
        assert!(!items.is_empty(), "a scenario without mistakes is not an error");
        assert!(items.iter().all(|item| item.at.source < sources.len()), "every mistake is in a known text");
        // A stable sort: what is found later at the same place is shown later.
        items.sort_by_key(|item| (item.at.source, item.at.start));
        Diagnostics { sources, items }
    }

    /// A mistake about a whole file, such as one that cannot be read.
    pub(super) fn whole_file(name: &str, title: String) -> Self {
        let source = SourceText { name: name.to_string(), text: String::new() };
        Diagnostics::new(vec![source], vec![Diagnostic::new(title, Origin::whole(0), "").bare()])
    }

    /// How many mistakes there are; never 0.
    pub fn count(&self) -> usize {
        self.items.len()
    }

    /// The mistakes as text for people, without a line break at the end.
    pub fn render(&self, color: bool) -> String {
        let renderer = if color { Renderer::styled() } else { Renderer::plain() };
        let renderer = renderer.decor_style(DecorStyle::Ascii);
        let mut blocks: Vec<String> =
            self.items.iter().take(MOST_SHOWN).map(|item| self.render_one(&renderer, item)).collect();
        if self.items.len() > 1 {
            let hidden = match self.items.len().saturating_sub(MOST_SHOWN) {
                0 => String::new(),
                _ => format!(" (the first {MOST_SHOWN} are shown)"),
            };
            let name = &self.sources[0].name;
            let summary =
                format!("{name} has {} mistakes{hidden}; nothing was run", grouped(self.items.len() as u64));
            blocks.push(renderer.render(&[Group::with_title(Level::ERROR.primary_title(summary))]));
        }
        blocks.join("\n")
    }

    fn render_one(&self, renderer: &Renderer, item: &Diagnostic) -> String {
        let mut group = Group::with_title(Level::ERROR.primary_title(&*item.title));
        if !item.bare {
            let mut shown: Vec<usize> = vec![item.at.source];
            for (at, _) in &item.context {
                if !shown.contains(&at.source) && !at.is_whole() {
                    shown.push(at.source);
                }
            }
            if item.at.is_whole() {
                let path = self.sources[item.at.source].name.as_str();
                group = group.element(annotate_snippets::Origin::path(path));
                shown.remove(0);
            }
            for source in shown {
                group = group.element(self.snippet(source, item));
            }
        }
        let group = group.elements(item.help.iter().map(|help| Level::HELP.message(help.as_str())));
        let drawn = close_up(&renderer.render(&[group]));
        // Without a snippet there is no gutter to stand beside; keep the usual distance.
        if item.at.is_whole() && !item.bare { drawn.replace('\n', "\n ") } else { drawn }
    }

    /// The lines of one text that a mistake speaks of, cut out so that a huge file costs little.
    fn snippet<'a>(
        &'a self,
        source: usize,
        item: &'a Diagnostic,
    ) -> Snippet<'a, annotate_snippets::Annotation<'a>> {
        let SourceText { name, text } = &self.sources[source];
        let mut marks = Vec::new();
        if item.at.source == source && !item.at.is_whole() {
            marks.push((AnnotationKind::Primary, clip(text, item.at), &*item.label));
        }
        for (at, label) in &item.context {
            if at.source == source && !at.is_whole() {
                marks.push((AnnotationKind::Context, clip(text, *at), label.as_str()));
            }
        }
        let first = marks.iter().map(|(_, span, _)| span.start).min().unwrap_or(0);
        let last = marks.iter().map(|(_, span, _)| span.end).max().unwrap_or(0);
        let start = text[..first].rfind('\n').map_or(0, |at| at + 1);
        let end = text[last..].find('\n').map_or(text.len(), |at| last + at);
        let line = 1 + text.as_bytes()[..start].iter().filter(|byte| **byte == b'\n').count();
        let mut snippet = Snippet::source(&text[start..end]).line_start(line).path(name.as_str());
        for (kind, span, label) in marks {
            let label = (!label.is_empty()).then_some(label);
            snippet = snippet.annotation(kind.span(span.start - start..span.end - start).label(label));
        }
        snippet
    }
}

/// The part of a span on its first line, on character boundaries and inside the text.
fn clip(text: &str, at: Origin) -> std::ops::Range<usize> {
    let boundary = |mut at: usize| {
        at = at.min(text.len());
        while !text.is_char_boundary(at) {
            at -= 1;
        }
        at
    };
    let start = boundary(at.start);
    let end = boundary(at.end).max(start);
    let line_end = text[start..].find(['\n', '\r']).map_or(text.len(), |length| start + length);
    start..end.min(line_end)
}

/// Leaves out the empty gutter line between a snippet and its help.
fn close_up(drawn: &str) -> String {
    let lines: Vec<&str> = drawn.lines().collect();
    let mut kept = Vec::with_capacity(lines.len());
    for (index, line) in lines.iter().enumerate() {
        let next = lines.get(index + 1).map(|line| bare(line));
        if bare(line).trim() == "|" && next.is_some_and(|next| next.trim_start().starts_with("= ")) {
            continue;
        }
        kept.push(*line);
    }
    kept.join("\n")
}

/// A line without its colour codes.
fn bare(line: &str) -> String {
    let mut plain = String::new();
    let mut rest = line;
    while let Some(at) = rest.find('\u{1b}') {
        plain.push_str(&rest[..at]);
        rest = rest[at..].split_once('m').map_or("", |(_, after)| after);
    }
    plain + rest
}
