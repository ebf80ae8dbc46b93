//! The words of an expression, checked one after the other and written anew for the library. A stack of
//! open parentheses stands in for recursion, so that no text can overflow the machine's stack.

use super::{DEEPEST, FUNCTIONS, Function, MOST_VALUES, Mistake, What};

/// The text as the library reads it: numbers, `{variables}`, `+ - * / ^`, `sqrt(...)` and
/// `((...)min(...))`.
///
/// # Errors
/// The first mistake in the text.
pub(super) fn check(text: &str, variables: &[&str]) -> Result<String, Mistake> {
    let mut words = Words {
        text,
        at: 0,
        variables,
        levels: vec![Level::new(0, None)],
        values: 0,
        written: String::new(),
    };
    loop {
        words.value()?;
        if words.operator()? {
            return Ok(words.written);
        }
    }
}

/// What is between two parentheses, or the whole.
struct Level {
    /// Where the parenthesis is.
    open: usize,
    /// The function whose arguments these are: where its name is, and itself.
    call: Option<(usize, &'static str, Function)>,
    /// Arguments that are complete.
    arguments: usize,
    /// A sign may stand here: nothing has come yet.
    start: bool,
    /// The last operator was `^`.
    power: bool,
}

impl Level {
    fn new(open: usize, call: Option<(usize, &'static str, Function)>) -> Self {
        Level { open, call, arguments: 0, start: true, power: false }
    }
}

struct Words<'a> {
    text: &'a str,
    at: usize,
    variables: &'a [&'a str],
    /// From the whole to the innermost.
    levels: Vec<Level>,
    values: usize,
    written: String,
}

impl<'a> Words<'a> {
    /// The next character that is no space, where it is then.
    fn peek(&mut self) -> Option<char> {
        let rest = &self.text[self.at..];
        self.at += rest.len() - rest.trim_start().len();
        self.text[self.at..].chars().next()
    }

    /// The word, number or character that comes next.
    fn word(&self) -> &'a str {
        word(&self.text[self.at..])
    }

    /// A mistake at what comes next; at the end of the text if nothing does.
    fn mistake<T>(&mut self, what: What) -> Result<T, Mistake> {
        let at = match self.peek() {
            Some(_) => self.at..self.at + self.word().len(),
            None => self.text.trim_end().len()..self.text.trim_end().len(),
        };
        Err(Mistake { at, what })
    }

    fn level(&mut self) -> &mut Level {
        self.levels.last_mut().expect("the whole is always open")
    }

    /// All that may stand where a value is wanted, up to and with that value.
    fn value(&mut self) -> Result<(), Mistake> {
        loop {
            match self.peek() {
                Some(sign @ ('+' | '-')) => {
                    if !self.level().start {
                        return self.mistake(What::SignAfterOperator);
                    }
                    // Of the rank of a product, below that of a power; and exact, also for 0.
                    self.written.push_str(if sign == '-' { "(0-1)*" } else { "" });
                    self.level().start = false;
                    self.at += 1;
                }
                Some('(') => self.open(None)?,
                Some('0'..='9' | '.') => return self.number(),
                Some(c) if c.is_alphabetic() || c == '_' => {
                    if self.name()? {
                        return Ok(());
                    }
                }
                _ => return self.mistake(What::ExpectedValue),
            }
        }
    }

    fn count_value(&mut self) -> Result<(), Mistake> {
        self.values += 1;
        if self.values > MOST_VALUES { self.mistake(What::TooLong) } else { Ok(()) }
    }

    fn number(&mut self) -> Result<(), Mistake> {
        self.count_value()?;
        let word = self.word();
        match word.replace('_', "").parse::<f64>() {
            Ok(number) if number.is_finite() => {
                // Without exponent, and the same number when read again.
                self.written.push_str(&number.to_string());
                self.at += word.len();
                Ok(())
            }
            _ => self.mistake(What::NotANumber),
        }
    }

    /// A variable, or a function with its parenthesis. True if it was a value.
    fn name(&mut self) -> Result<bool, Mistake> {
        let start = self.at;
        let name = self.word();
        self.at += name.len();
        let is_call = self.peek() == Some('(');
        let is_variable = self.variables.contains(&name);
        let function = FUNCTIONS.iter().find(|(function, _)| *function == name);
        let what = match (is_variable, function, is_call) {
            (true, _, false) => {
                self.at = start;
                self.count_value()?;
                self.at += name.len();
                self.written.extend(["{", name, "}"]);
                return Ok(true);
            }
            (_, Some(&(name, function)), true) => {
                self.open(Some((start, name, function)))?;
                if self.peek() == Some(')') {
                    let two = matches!(function, Function::Two(_));
                    let what = What::WrongArguments { two, found: 0 };
                    return Err(Mistake { at: start..start + name.len(), what });
                }
                return Ok(false);
            }
            (true, None, true) => What::NotAFunction(name.to_string()),
            (false, Some(_), false) => What::MissingArguments(name.to_string()),
            (false, None, _) => What::UnknownName(name.to_string()),
        };
        Err(Mistake { at: start..start + name.len(), what })
    }

    fn open(&mut self, call: Option<(usize, &'static str, Function)>) -> Result<(), Mistake> {
        if self.levels.len() > DEEPEST {
            return self.mistake(What::TooDeep);
        }
        match call {
            None => self.written.push('('),
            Some((_, name, Function::One(_))) => self.written.extend([name, "("]),
            Some((_, _, Function::Two(_))) => self.written.push_str("(("),
        }
        self.level().start = false;
        self.levels.push(Level::new(self.at, call));
        self.at += 1;
        Ok(())
    }

    /// All that may stand behind a value, up to and with the operator or comma before the next one. True
    /// at the end of the text.
    fn operator(&mut self) -> Result<bool, Mistake> {
        loop {
            let next = self.peek();
            let depth = self.levels.len();
            let level = self.level();
            match (next, level.call) {
                (None, _) if depth == 1 => return Ok(true),
                (None, _) => {
                    let at = level.open..level.open + 1;
                    return Err(Mistake { at, what: What::Unclosed });
                }
                (Some(')'), _) if depth > 1 => self.close()?,
                (Some(','), Some((_, name, _))) => {
                    *level = Level { arguments: level.arguments + 1, ..Level::new(level.open, level.call) };
                    self.written.extend([")", name, "("]);
                    self.at += 1;
                    return Ok(false);
                }
                (Some('^'), _) if level.power => return self.mistake(What::PowerOfPower),
                (Some(operator @ ('+' | '-' | '*' | '/' | '^')), _) => {
                    level.power = operator == '^';
                    level.start = false;
                    self.written.push(operator);
                    self.at += 1;
                    return Ok(false);
                }
                _ => return self.mistake(What::ExpectedOperator),
            }
        }
    }

    fn close(&mut self) -> Result<(), Mistake> {
        let level = self.levels.pop().expect("open");
        let found = level.arguments + 1;
        match level.call {
            None => self.written.push(')'),
            Some((_, _, Function::One(_))) if found == 1 => self.written.push(')'),
            Some((_, _, Function::Two(_))) if found > 1 => self.written.push_str("))"),
            Some((at, name, function)) => {
                let what = What::WrongArguments { two: matches!(function, Function::Two(_)), found };
                return Err(Mistake { at: at..at + name.len(), what });
            }
        }
        self.at += 1;
        Ok(())
    }
}

/// The name or number that a text starts with, or its first character.
fn word(text: &str) -> &str {
    let first = text.chars().next();
    let is_number = first.is_some_and(|c| c.is_ascii_digit() || c == '.');
    let mut last = ' ';
    let mut end = text.len();
    for (at, c) in text.char_indices() {
        // A sign belongs to a number right behind its `e`.
        let exponent = is_number && matches!(last, 'e' | 'E') && matches!(c, '+' | '-');
        let inside = c.is_alphanumeric() || c == '_' || (is_number && c == '.') || exponent;
        if !inside {
            end = if at == 0 { c.len_utf8() } else { at };
            break;
        }
        last = c;
    }
    &text[..end]
}
