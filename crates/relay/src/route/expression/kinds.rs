//! What kind of value each part of an expression has, so that what would silently be false is refused: in CEL
//! `severity == 3` is no error.

use std::fmt;

use cel::Program;
use cel::common::ast::operators::{
    ADD, CONDITIONAL, DIVIDE, EQUALS, GREATER, GREATER_EQUALS, IN, INDEX, LESS, LESS_EQUALS, LOGICAL_AND,
    LOGICAL_NOT, LOGICAL_OR, MODULO, MULTIPLY, NEGATE, NOT_EQUALS, NOT_STRICTLY_FALSE, SUBSTRACT,
};
use cel::common::ast::{CallExpr, ComprehensionExpr, EntryExpr, Expr, IdedExpr, LiteralValue, SelectExpr};

use super::super::field::Field;
use super::{Fault, MATCHES, MAX_DEPTH};

/// What was found in an expression that may be used.
#[derive(Debug, Default)]
pub(super) struct Checked {
    /// Every pattern and where it stands.
    pub(super) patterns: Vec<(String, usize)>,
    /// The texts that the topic is compared with.
    pub(super) topics: Vec<String>,
}

/// Checks every part of `program`, which was compiled from `source`.
pub(super) fn check(program: &Program, source: &str) -> Result<Checked, Fault> {
    let mut checker = Checker {
        program,
        source,
        found: Checked::default(),
        scope: Vec::new(),
        inside: false,
        depth: 0,
        steps: 0,
        sums: 0,
    };
    let root = program.expression();
    match checker.kind(root)? {
        Kind::Truth | Kind::Any => Ok(checker.found),
        other => checker.fault(root, format!("this is {other}; `when` must be true or false")),
    }
}

/// A kind of value.
#[derive(Clone, Debug, PartialEq)]
enum Kind {
    Text,
    Number,
    Truth,
    List(Box<Self>),
    /// A map, or what comes out of one.
    Any,
}

impl Kind {
    fn may_be(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Any, _) | (_, Self::Any) => true,
            (Self::List(one), Self::List(other)) => one.may_be(other),
            _ => self == other,
        }
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Text => "a text",
            Self::Number => "a number",
            Self::Truth => "true or false",
            Self::List(_) => "a list",
            Self::Any => "anything",
        })
    }
}

struct Checker<'a> {
    program: &'a Program,
    source: &'a str,
    found: Checked,
    /// Variables of a comprehension.
    scope: Vec<(&'a str, Kind)>,
    /// Whether this is evaluated for every element of a list.
    inside: bool,
    depth: usize,
    /// How many parts are evaluated at most.
    steps: usize,
    /// How many texts are put together.
    sums: usize,
}

impl<'a> Checker<'a> {
    fn fault<T>(&self, at: &IdedExpr, what: String) -> Result<T, Fault> {
        let offset = self.program.source_info().offset_for(at.id).map_or(0, |(start, _)| start as usize);
        let mut offset = offset.min(self.source.len());
        while !self.source.is_char_boundary(offset) {
            offset -= 1;
        }
        if self.source[offset..].starts_with('(') {
            // a call stands where its bracket does; its name is in front
            let name = self.source[..offset].trim_end();
            offset = name.rfind(|c: char| !c.is_ascii_alphanumeric() && c != '_').map_or(0, |end| end + 1);
        }
        Err(Fault { offset, what })
    }

    fn kind(&mut self, at: &'a IdedExpr) -> Result<Kind, Fault> {
        self.steps += 1;
        self.depth += 1;
        if self.depth > MAX_DEPTH {
            return self.fault(
                at,
                format!("this is nested too deeply; an expression may be {MAX_DEPTH} levels deep"),
            );
        }
        let kind = match &at.expr {
            Expr::Literal(literal) => self.literal(at, literal),
            Expr::Ident(name) => self.variable(at, name),
            Expr::List(list) => {
                let mut element = None;
                for one in &list.elements {
                    let kind = self.kind(one)?;
                    match &element {
                        None => element = Some(kind),
                        Some(known) if kind.may_be(known) => {}
                        Some(known) => {
                            return self.fault(
                                one,
                                format!("this is {kind}, and the elements before it are {known}"),
                            );
                        }
                    }
                }
                Ok(Kind::List(Box::new(element.unwrap_or(Kind::Any))))
            }
            Expr::Map(map) => {
                for entry in &map.entries {
                    if let EntryExpr::MapEntry(entry) = &entry.expr {
                        self.kind(&entry.key)?;
                        self.kind(&entry.value)?;
                    }
                }
                Ok(Kind::Any)
            }
            Expr::Select(select) => self.select(at, select),
            Expr::Call(call) => self.call(at, call),
            Expr::Comprehension(comprehension) => self.comprehension(at, comprehension),
            Expr::Struct(_) | Expr::Unspecified => self.fault(at, "this means nothing here".to_owned()),
        }?;
        self.depth -= 1;
        Ok(kind)
    }

    fn literal(&self, at: &IdedExpr, literal: &LiteralValue) -> Result<Kind, Fault> {
        match literal {
            LiteralValue::Boolean(_) => Ok(Kind::Truth),
            LiteralValue::String(_) => Ok(Kind::Text),
            LiteralValue::Int(_) | LiteralValue::UInt(_) | LiteralValue::Double(_) => Ok(Kind::Number),
            LiteralValue::Null => self.fault(
                at,
                "nothing is null: an absent text is '', an absent count 0, an absent duration -1".to_owned(),
            ),
            LiteralValue::Bytes(_) => self.fault(at, "nothing is made of bytes; write a text".to_owned()),
        }
    }

    fn variable(&self, at: &IdedExpr, name: &str) -> Result<Kind, Fault> {
        if let Some((_, kind)) = self.scope.iter().rev().find(|(known, _)| *known == name) {
            return Ok(kind.clone());
        }
        match Field::named(name) {
            Some(field) if field.is_number() => Ok(Kind::Number),
            Some(_) => Ok(Kind::Text),
            None => {
                let names = Field::ALL.map(Field::name).join(", ");
                self.fault(at, format!("`{name}` is no field of an alert; there are {names}"))
            }
        }
    }

    fn select(&mut self, at: &'a IdedExpr, select: &'a SelectExpr) -> Result<Kind, Fault> {
        match self.kind(&select.operand)? {
            Kind::Any if select.test => Ok(Kind::Truth),
            Kind::Any => Ok(Kind::Any),
            other => self.fault(at, format!("there is no `{}` in {other}", select.field)),
        }
    }

    /// `at` must be of `kind`.
    fn must_be(&mut self, at: &'a IdedExpr, kind: &Kind) -> Result<(), Fault> {
        match self.kind(at)? {
            found if found.may_be(kind) => Ok(()),
            found => self.fault(at, format!("this is {found}, and must be {kind}")),
        }
    }

    fn call(&mut self, at: &'a IdedExpr, call: &'a CallExpr) -> Result<Kind, Fault> {
        let name = call.func_name.as_str();
        match (name, call.args.as_slice()) {
            (LOGICAL_AND | LOGICAL_OR | LOGICAL_NOT | NOT_STRICTLY_FALSE, operands) => {
                for operand in operands {
                    self.must_be(operand, &Kind::Truth)?;
                }
                Ok(Kind::Truth)
            }
            (CONDITIONAL, [condition, yes, no]) => {
                self.must_be(condition, &Kind::Truth)?;
                let (yes, no) = (self.kind(yes)?, self.kind(no)?);
                Ok(if yes == no { yes } else { Kind::Any })
            }
            (EQUALS | NOT_EQUALS | LESS | LESS_EQUALS | GREATER | GREATER_EQUALS, [left, right]) => {
                let (one, other) = (self.kind(left)?, self.kind(right)?);
                if !one.may_be(&other) {
                    return self.fault(
                        at,
                        format!("this compares {one} with {other}, which is never what is meant"),
                    );
                }
                self.note_topic(left, right);
                self.note_topic(right, left);
                Ok(Kind::Truth)
            }
            (IN, [left, right]) => {
                let (one, all) = (self.kind(left)?, self.kind(right)?);
                match &all {
                    Kind::List(element) if one.may_be(element) => {}
                    Kind::Any => {}
                    Kind::List(element) => {
                        return self
                            .fault(at, format!("this looks for {one} in a list of which each is {element}"));
                    }
                    other => {
                        return self.fault(at, format!("this looks into {other}, and must look into a list"));
                    }
                }
                self.note_topic(left, right);
                Ok(Kind::Truth)
            }
            (ADD, [left, right]) => {
                let (one, other) = (self.kind(left)?, self.kind(right)?);
                if !one.may_be(&other) || one == Kind::Truth {
                    return self.fault(at, format!("this adds {one} and {other}"));
                }
                if one == Kind::Text {
                    self.sums += 1;
                    if self.sums > MAX_SUMS {
                        return self
                            .fault(at, format!("an expression puts at most {MAX_SUMS} texts together"));
                    }
                }
                // an empty list is a list of anything until something is added to it
                Ok(if one == Kind::List(Box::new(Kind::Any)) { other } else { one })
            }
            (SUBSTRACT | MULTIPLY | DIVIDE | MODULO | NEGATE, operands) => {
                for operand in operands {
                    self.must_be(operand, &Kind::Number)?;
                }
                Ok(Kind::Number)
            }
            (INDEX, [list, index]) => match self.kind(list)? {
                Kind::List(element) => {
                    self.must_be(index, &Kind::Number)?;
                    Ok(*element)
                }
                Kind::Any => self.kind(index).map(|_| Kind::Any),
                other => self.fault(at, format!("{other} has no elements")),
            },
            _ => self.function(at, name, call),
        }
    }

    fn function(&mut self, at: &'a IdedExpr, name: &str, call: &'a CallExpr) -> Result<Kind, Fault> {
        let arguments: Vec<&IdedExpr> = call.target.as_deref().into_iter().chain(&call.args).collect();
        match (name, call.target.is_some(), arguments.as_slice()) {
            ("size", _, [of]) => match self.kind(of)? {
                Kind::Text | Kind::List(_) | Kind::Any => Ok(Kind::Number),
                other => self.fault(of, format!("{other} has no size")),
            },
            ("contains" | "startsWith" | "endsWith", true, [text, part]) => {
                self.must_be(text, &Kind::Text)?;
                self.must_be(part, &Kind::Text)?;
                Ok(Kind::Truth)
            }
            (MATCHES, _, [text, pattern]) => {
                self.must_be(text, &Kind::Text)?;
                self.must_be(pattern, &Kind::Text)?;
                let Expr::Literal(LiteralValue::String(written)) = &pattern.expr else {
                    return self.fault(
                        pattern,
                        "a pattern must be written out, so that it can be checked".to_owned(),
                    );
                };
                let offset =
                    self.program.source_info().offset_for(pattern.id).map_or(0, |(start, _)| start as usize);
                self.found.patterns.push((written.inner().to_owned(), offset));
                Ok(Kind::Truth)
            }
            ("lowerAscii" | "upperAscii" | "trim", true, [text]) => {
                self.must_be(text, &Kind::Text)?;
                Ok(Kind::Text)
            }
            ("int" | "double" | "string", false, [of]) => match self.kind(of)? {
                Kind::Text | Kind::Number | Kind::Any if name == "string" => Ok(Kind::Text),
                Kind::Text | Kind::Number | Kind::Any => Ok(Kind::Number),
                other => self.fault(of, format!("{other} cannot be made a {name}")),
            },
            _ => self.fault(at, format!("there is no such use of `{name}`; there are {FUNCTIONS}")),
        }
    }

    fn comprehension(&mut self, at: &'a IdedExpr, of: &'a ComprehensionExpr) -> Result<Kind, Fault> {
        if self.inside {
            let what = "this goes through a list for every element of another, which may take very long; \
                        go through one list at a time"
                .to_owned();
            return self.fault(at, what);
        }
        let element = match self.kind(&of.iter_range)? {
            Kind::List(element) => *element,
            Kind::Any => Kind::Any,
            other => return self.fault(&of.iter_range, format!("this is {other}, and must be a list")),
        };
        let start = self.kind(&of.accu_init)?;
        let before = self.steps;
        let known = self.scope.len();
        self.inside = true;
        self.scope.push((&of.iter_var, element));
        if let Some(second) = &of.iter_var2 {
            self.scope.push((second, Kind::Any));
        }
        self.scope.push((&of.accu_var, start));
        self.kind(&of.loop_cond)?;
        let end = self.kind(&of.loop_step)?;
        self.scope.pop();
        self.scope.push((&of.accu_var, end));
        let result = self.kind(&of.result)?;
        self.scope.truncate(known);
        self.inside = false;
        self.steps = before.saturating_add((self.steps - before).saturating_mul(length(&of.iter_range)));
        if self.steps > MAX_STEPS {
            let what = format!("this takes {} steps; an expression has at most {MAX_STEPS}", self.steps);
            return self.fault(at, what);
        }
        Ok(result)
    }

    /// Notes what the topic is compared with.
    fn note_topic(&mut self, left: &IdedExpr, right: &IdedExpr) {
        if !matches!(&left.expr, Expr::Ident(name) if name == Field::Topic.name()) {
            return;
        }
        let all = match &right.expr {
            Expr::List(list) => list.elements.as_slice(),
            _ => std::slice::from_ref(right),
        };
        for one in all {
            if let Expr::Literal(LiteralValue::String(text)) = &one.expr {
                self.found.topics.push(text.inner().to_owned());
            }
        }
    }
}

/// How many elements a list has at most.
fn length(of: &IdedExpr) -> usize {
    match &of.expr {
        Expr::List(list) => list.elements.len(),
        Expr::Map(map) => map.entries.len(),
        Expr::Comprehension(inner) => length(&inner.iter_range),
        Expr::Call(call) => call.args.iter().map(length).sum(),
        _ => MAX_STEPS,
    }
}

/// How many parts an expression may evaluate for one alert.
const MAX_STEPS: usize = 10_000;

/// How often an expression may put texts together, each of which may be long.
const MAX_SUMS: usize = 8;

/// What can be called, for people.
const FUNCTIONS: &str = "text.contains(text), text.startsWith(text), text.endsWith(text), text.matches(pattern), \
                         text.lowerAscii(), text.upperAscii(), text.trim(), size(x), int(x), double(x), string(x), and \
                         all, exists, exists_one, filter and map of a list";
