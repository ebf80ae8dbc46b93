//! `score = "formula"`, and `score = { expression = "formula", every = "60s" }`: mistakes in the formula
//! are pointed at where they stand in the string.

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};

use super::super::declare::table;
use super::super::diagnostics::{Diagnostic, Origin};
use super::super::document::{Node, Value};
use super::super::nearest::nearest;
use super::super::reader::{Found, Key, Reader, Setting, quoted, shortened};
use super::super::values::{Quantity, Seconds};
use crate::policies::OrderSpec;
use crate::policies::order::score::{Formula, VARIABLES};
use crate::structures::expression::{FUNCTIONS, Mistake, What};
use crate::time::Duration;

table! {
    /// Smallest value of a formula first.
    ScoreOptions, "`score`" {
        /// The formula, over `wait`, `work`, `slots`, `priority`, `arrival`, `attempts` and `deadline`.
        expression: Formula;
        /// How often at most scores are evaluated anew if they move with time; at every decision by default.
        every: Quantity<Seconds> = Quantity::new(0.0);
        /// Whether a better task takes the place of a running one.
        preempt: bool = false;
        /// Time that an interrupted task spends on its node before it goes on.
        switch_cost: Quantity<Seconds> = Quantity::new(0.0);
    }
}

/// The options of `score`, or the formula alone.
#[derive(Clone, Debug, Default)]
pub(super) struct ScoreTable(ScoreOptions);

impl ScoreTable {
    /// The checked order.
    pub(super) fn lower(&self, reader: &mut Reader) -> Option<OrderSpec> {
        let formula = self.0.expression.value()?;
        let every = Duration::from_seconds(self.0.every.value()?.0)?;
        if let Some(found) = self.0.every.found().filter(|_| every > Duration::ZERO && !formula.moves()) {
            let at = self.0.expression.found().map_or(found.at, |expression| expression.at);
            reader.report(
                Diagnostic::new("`every` has no meaning here", found.key, "nothing to evaluate anew")
                    .context(at, "does not move with time: it has no `wait`")
                    .help("leave `every` out"),
            );
            return None;
        }
        Some(OrderSpec::Score { formula: formula.clone(), every })
    }
}

impl Setting for ScoreTable {
    fn read(node: &Node, reader: &mut Reader) -> Option<Self> {
        match &node.value {
            Value::Text(_) => {
                let value = Formula::read(node, reader)?;
                let expression = Key::Found(Found { key: node.origin, at: node.origin, value });
                Some(ScoreTable(ScoreOptions { expression, ..ScoreOptions::default() }))
            }
            Value::Table(_) => {
                let options = ScoreOptions::read(node, reader)?;
                if matches!(options.expression, Key::Absent) {
                    reader.missing_key(node.origin, "expression", ScoreOptions::SHOWN);
                }
                Some(ScoreTable(options))
            }
            _ => reader.wrong_type(node, "a formula in quotes, or a table with `expression`"),
        }
    }

    fn write(&self) -> serde_json::Value {
        self.0.write()
    }
}

impl JsonSchema for ScoreTable {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Score".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let formula = generator.subschema_for::<Formula>();
        let options = generator.subschema_for::<ScoreOptions>();
        json_schema!({ "anyOf": [formula, options] })
    }
}

impl Setting for Formula {
    fn read(node: &Node, reader: &mut Reader) -> Option<Self> {
        let Value::Text(text) = &node.value else { return reader.wrong_type(node, "a formula in quotes") };
        match Formula::new(text.clone()) {
            Ok(formula) => Some(formula),
            Err(mistake) => {
                let diagnostic = diagnostic(&mistake, text, node.origin, reader);
                reader.report(diagnostic);
                None
            }
        }
    }

    fn write(&self) -> serde_json::Value {
        self.text().into()
    }
}

impl JsonSchema for Formula {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Formula".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "string", "minLength": 1 })
    }
}

fn diagnostic(mistake: &Mistake, text: &str, string: Origin, reader: &Reader) -> Diagnostic {
    let functions = FUNCTIONS.iter().map(|(name, _)| *name);
    let all: Vec<&str> = VARIABLES.iter().copied().chain(functions.clone()).collect();
    let title = match &mistake.what {
        What::UnknownName(name) => format!("unknown name `{}` in a score", shortened(name)),
        _ => format!("{} must be a formula", reader.key()),
    };
    let diagnostic = Diagnostic::new(title, part(mistake, text, string), mistake.what.to_string());
    match &mistake.what {
        What::UnknownName(name) => match nearest(name, all) {
            Some(near) => diagnostic.help(format!("did you mean `{near}`?")),
            None => diagnostic
                .help(format!("variables: {}", quoted(VARIABLES)))
                .help(format!("functions: {}", quoted(&functions.collect::<Vec<_>>()))),
        },
        What::NotAFunction(name) => diagnostic.help(format!("to multiply, write `{name} * (...)`")),
        What::SignAfterOperator => {
            diagnostic.help("put what has a sign into parentheses: `x * (-1)`, `2^(-x)`")
        }
        What::PowerOfPower => diagnostic.help("say it with parentheses: `2^(3^2)` or `(2^3)^2`"),
        _ => diagnostic,
    }
}

/// Where in the file the mistake is: within the string, if that is written as it is read.
fn part(mistake: &Mistake, text: &str, string: Origin) -> Origin {
    if string.end.checked_sub(string.start) != Some(text.len() + 2) {
        // With escapes, or over several lines.
        return string;
    }
    let start = string.start + 1 + mistake.at.start;
    // What is missing at the end is shown at the closing quote.
    let end = (string.start + 1 + mistake.at.end).max(start + 1);
    Origin { source: string.source, start, end }
}
