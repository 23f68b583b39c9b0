//! `when`: an expression in CEL over the fields of an alert.

mod kinds;

use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;

use cel::common::types::{CelInt, CelString};
use cel::common::value::CowVal;
use cel::context::VariableResolver;
use cel::extractors::This;
use cel::{Context, Env, ExecutionError, Program, extensions};
use regex::{Regex, RegexBuilder};

use super::field::{Facts, Field, ROOM, Value};

/// What every expression may use: the standard functions, those of texts, and no optional values.
pub(crate) struct Language(Arc<Env>);

/// An expression that was compiled and can be asked of any alert, at a bounded cost.
pub(crate) struct Expression {
    env: Arc<Env>,
    program: Program,
    /// Of every pattern in it, so that none is compiled for an alert.
    patterns: Arc<HashMap<String, Regex>>,
    /// The texts that it compares the topic with.
    topics: Vec<String>,
}

/// Why an expression cannot be used, and where in its text, in bytes.
#[derive(Debug, Eq, PartialEq)]
pub(crate) struct Fault {
    pub(crate) offset: usize,
    pub(crate) what: String,
}

impl Language {
    pub(crate) fn new() -> Self {
        let mut env = Env::stdlib().with_optional_support(false);
        env.add_extension(extensions::strings).expect("nothing is declared twice");
        Self(Arc::new(env))
    }

    /// Compiles `source`, and refuses what could fail or burn the processor when it is asked.
    ///
    /// # Errors
    ///
    /// The first fault, with its place.
    pub(crate) fn compile(&self, source: &str) -> Result<Expression, Fault> {
        if source.len() > MAX_BYTES {
            let what = format!("this has {} bytes; an expression has at most {MAX_BYTES}", source.len());
            return Err(Fault { offset: 0, what });
        }
        // the parser goes down its own stack before anything can be said of how deep that is
        let parser = std::thread::Builder::new().name("compiling `when`".to_owned()).stack_size(PARSER_STACK);
        let compiled = std::thread::scope(|scope| {
            let spawned = parser.spawn_scoped(scope, || self.parse(source));
            spawned.map(|parsing| parsing.join()).map_err(|error| error.to_string())
        });
        match compiled {
            Ok(Ok(compiled)) => compiled,
            Ok(Err(_)) => {
                Err(Fault { offset: 0, what: "the parser of CEL cannot cope with this".to_owned() })
            }
            Err(error) => Err(Fault { offset: 0, what: format!("no thread to compile it: {error}") }),
        }
    }

    fn parse(&self, source: &str) -> Result<Expression, Fault> {
        let program = self.0.compile(source).map_err(|errors| syntax_fault(source, &errors))?;
        let checked = kinds::check(&program, source)?;
        let mut patterns = HashMap::new();
        for (pattern, offset) in checked.patterns {
            let regex =
                RegexBuilder::new(&pattern).size_limit(MAX_PATTERN).dfa_size_limit(MAX_PATTERN).build();
            match regex {
                Ok(regex) => patterns.insert(pattern, regex),
                Err(error) => {
                    let what = match error {
                        regex::Error::CompiledTooBig(_) => "this pattern takes too much memory".to_owned(),
                        error => {
                            let text = error.to_string();
                            let last = text.lines().last().unwrap_or_default();
                            format!("this is no pattern: {}", last.trim_start_matches("error: "))
                        }
                    };
                    return Err(Fault { offset, what });
                }
            };
        }
        let env = Arc::clone(&self.0);
        Ok(Expression { env, program, patterns: Arc::new(patterns), topics: checked.topics })
    }
}

impl Expression {
    /// The texts that it compares the topic with.
    pub(crate) fn topics(&self) -> impl Iterator<Item = &str> {
        self.topics.iter().map(String::as_str)
    }

    /// Whether it is true of `facts`.
    ///
    /// # Errors
    ///
    /// When it has no value, as a division by zero.
    pub(crate) fn holds(&self, facts: &Facts<'_>) -> Result<bool, Box<ExecutionError>> {
        let fields = Fields::of(facts);
        let mut context = Context::with_env(Arc::clone(&self.env));
        context.set_variable_resolver(&fields);
        if !self.patterns.is_empty() {
            let patterns = Arc::clone(&self.patterns);
            let matches = move |This(text): This<Arc<String>>, pattern: Arc<String>| {
                patterns.get(pattern.as_str()).is_some_and(|regex| regex.is_match(&text))
            };
            context
                .add_function(MATCHES, matches)
                .map_err(|error| Box::new(ExecutionError::function_error(MATCHES, error)))?;
        }
        match self.program.execute(&context).map_err(Box::new)? {
            cel::Value::Bool(holds) => Ok(holds),
            _ => Err(Box::new(ExecutionError::function_error("when", "neither true nor false"))),
        }
    }
}

impl fmt::Debug for Expression {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Expression").field(&self.program.source_info().source).finish()
    }
}

/// The fields of an alert as variables. A text is lent, what must be printed is printed once.
#[derive(Debug)]
struct Fields<'a> {
    facts: &'a Facts<'a>,
}

impl<'a> Fields<'a> {
    const fn of(facts: &'a Facts<'a>) -> Self {
        Self { facts }
    }
}

impl VariableResolver for Fields<'_> {
    fn resolve<'b>(&'b self, name: &str) -> Option<CowVal<'b, 'b>> {
        let field = Field::named(name)?;
        let mut room = [0; ROOM];
        Some(match self.facts.lent(field) {
            Some(text) => CowVal::owned(CelString::from(text)),
            None => match self.facts.value(field, &mut room) {
                Value::Text(text) => CowVal::owned(CelString::from(text.to_owned())),
                Value::Number(number) => CowVal::owned(CelInt::from(number)),
            },
        })
    }
}

/// The first thing that the parser found, in words of ours.
fn syntax_fault(source: &str, errors: &cel::ParseErrors) -> Fault {
    let Some(error) = errors.errors.first() else {
        return Fault { offset: 0, what: "this is no expression".to_owned() };
    };
    let (line, column) = error.pos;
    let line = usize::try_from(line - 1).unwrap_or(0);
    let column = usize::try_from(column - 1).unwrap_or(0);
    let start: usize = source.split_inclusive('\n').take(line).map(str::len).sum();
    let rest = &source[start.min(source.len())..];
    let within =
        rest.char_indices().nth(column).map_or_else(|| rest.trim_end_matches('\n').len(), |(at, _)| at);
    let said = error.msg.strip_prefix("Syntax error: ").unwrap_or(&error.msg);
    let what = match said.split_once(" expecting ") {
        // what might stand there instead is a list of the grammar's own names
        Some((found, _)) if found.contains("<EOF>") => "the expression ends too early".to_owned(),
        Some((found, _)) => format!("this is no expression: {found}"),
        None if said.contains("Recursion limit") => "this is nested too deeply".to_owned(),
        None => format!("this is no expression: {said}"),
    };
    Fault { offset: (start + within).min(source.len()), what }
}

/// The longest expression.
const MAX_BYTES: usize = 4096;

/// How deep an expression may be nested.
const MAX_DEPTH: usize = 64;

/// Room for the deepest expression of [`MAX_BYTES`].
const PARSER_STACK: usize = 64 << 20;

/// The most memory a compiled pattern may take.
const MAX_PATTERN: usize = 256 << 10;

/// The function that takes a pattern.
const MATCHES: &str = "matches";

#[cfg(test)]
mod tests;
