//! Reading what comes back.

use serde_json::Value;

/// What an answer can be read as.
///
/// Fields that are missing, `null` or of another type than known do not make an answer unreadable, and neither does
/// one that is unknown; only what is no object where an object is expected does.
pub trait Answer: Sized {
    /// Reads it.
    ///
    /// # Errors
    ///
    /// [`Misfit`] says where the shape is another one.
    fn from_json(value: Value) -> Result<Self, Misfit>;

    /// What stands for an empty body, where there may be one.
    #[must_use]
    fn empty() -> Option<Self> {
        None
    }
}

impl Answer for Value {
    fn from_json(value: Value) -> Result<Self, Misfit> {
        Ok(value)
    }

    /// A call by hand may be one without an answer.
    fn empty() -> Option<Self> {
        Some(Self::Null)
    }
}

/// For what has no answer worth reading.
impl Answer for () {
    fn from_json(_: Value) -> Result<Self, Misfit> {
        Ok(())
    }

    fn empty() -> Option<Self> {
        Some(())
    }
}

impl<T: Answer> Answer for Vec<T> {
    fn from_json(value: Value) -> Result<Self, Misfit> {
        match value {
            Value::Array(items) => items
                .into_iter()
                .enumerate()
                .map(|(index, item)| {
                    T::from_json(item).map_err(|misfit| misfit.inside(&format!("[{index}]")))
                })
                .collect(),
            other => Err(Misfit::new("a list", &other)),
        }
    }
}

/// A part of an answer that has another shape; without its value, which may be a secret.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Misfit {
    /// Where, as `.results[3]`; empty for the whole.
    pub(crate) at: String,
    /// What should be there.
    pub(crate) expected: &'static str,
    /// The kind of what is there.
    pub(crate) found: &'static str,
}

impl Misfit {
    pub(crate) const fn new(expected: &'static str, found: &Value) -> Self {
        let found = match found {
            Value::Null => "null",
            Value::Bool(_) => "a truth value",
            Value::Number(_) => "a number",
            Value::String(_) => "a text",
            Value::Array(_) => "a list",
            Value::Object(_) => "an object",
        };
        Self { at: String::new(), expected, found }
    }

    /// The same, seen from what is around it.
    pub(crate) fn inside(mut self, place: &str) -> Self {
        self.at.insert_str(0, place);
        self
    }
}
