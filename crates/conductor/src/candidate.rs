//! The one candidate configuration that everybody shares.

use http::Method;
use serde_json::Value;

use crate::answer::Answer;
use crate::client::Call;
use crate::finding::{Finding, read_findings};
use crate::{Conductor, ConfigPath, Misfit, Problem};

/// The candidate configuration of a conductor.
///
/// It is not locked: others may change it between two calls, and a commit takes their changes along. Look at
/// [`is_dirty`](Self::is_dirty) and [`whole`](Self::whole) before the first change and right before the commit. Nothing
/// here is ever forced.
#[derive(Clone, Copy, Debug)]
pub struct Candidate<'a> {
    conductor: &'a Conductor,
}

/// What became of a commit.
#[derive(Clone, Debug, Eq, PartialEq)]
#[must_use = "a refused commit is no error"]
pub enum Commit {
    /// The conductor says that it is done; read the running configuration all the same.
    Done,
    /// The conductor has found problems, and the running configuration stays as it was. At least one.
    Refused(Vec<Finding>),
}

impl<'a> Candidate<'a> {
    pub(crate) const fn new(conductor: &'a Conductor) -> Self {
        Self { conductor }
    }

    /// Whether it has changes that are not committed, whoever made them.
    ///
    /// # Errors
    ///
    /// [`Problem`] of the last try.
    pub async fn is_dirty(self) -> Result<bool, Problem> {
        let path = "/api/v1/config/version?datastore=candidate";
        let call = Call::read(Method::GET, path.to_owned(), path);
        let answer = self.conductor.good(&call).await?;
        let value = answer.json().map_err(|misfit| call.unreadable(answer.status, misfit))?;
        value.get("isDirty").and_then(Value::as_bool).ok_or_else(|| {
            call.unreadable(answer.status, Misfit::shape(".isDirty", "true or false", value.get("isDirty")))
        })
    }

    /// What is at `path`, as it came but for pre-shared secrets; none when there is nothing.
    ///
    /// # Errors
    ///
    /// [`Problem`] of the last try.
    pub async fn read(self, path: &ConfigPath) -> Result<Option<Value>, Problem> {
        self.conductor.configuration("candidate", path).await
    }

    /// The whole candidate, as it came but for pre-shared secrets.
    ///
    /// # Errors
    ///
    /// [`Problem`] of the last try.
    pub async fn whole(self) -> Result<Value, Problem> {
        self.conductor.whole("candidate").await
    }

    /// Sets the fields of `fields`, an object, at `path`, once, and reads them back.
    ///
    /// # Errors
    ///
    /// [`Problem::NoContainer`] when the conductor wants `path` to be there before: the command line may make it.
    /// [`Problem::NotWritten`] when it was accepted and reads back as something else. Else [`Problem`]; where its
    /// outcome is unknown, read.
    pub async fn patch(self, path: &ConfigPath, fields: &Value) -> Result<(), Problem> {
        let call = Call::at(Method::PATCH, "candidate", path).with(fields);
        let answer = self.conductor.send(&call).await?;
        self.written(&call, &answer)?;
        let read = self.read(path).await?;
        self.same(&call, fields, read.as_ref())
    }

    /// Adds an element with a `name` to the list at `path`, once, and reads it back.
    ///
    /// # Errors
    ///
    /// As [`patch`](Self::patch).
    pub async fn add(self, path: &ConfigPath, element: &Value) -> Result<(), Problem> {
        let call = Call::at(Method::POST, "candidate", path).with(element);
        let answer = self.conductor.send(&call).await?;
        self.written(&call, &answer)?;
        let read = self.read(path).await?;
        let same_name =
            |item: &&Value| item.get("name").is_some_and(|name| Some(name) == element.get("name"));
        let found = read.as_ref().and_then(Value::as_array).and_then(|list| list.iter().find(same_name));
        self.same(&call, element, found)
    }

    /// Lets the conductor look for problems; none is good.
    ///
    /// # Errors
    ///
    /// [`Problem`] of the last try.
    pub async fn validate(self) -> Result<Vec<Finding>, Problem> {
        let path = "/api/v1/config/validate";
        let call = Call::read(Method::POST, path.to_owned(), path).slow();
        let answer = self.conductor.send(&call).await?;
        self.findings(&call, &answer)
    }

    /// Makes it the running configuration. It is sent once, whatever happens.
    ///
    /// # Errors
    ///
    /// [`Problem`]; where [`outcome_unknown`](Problem::outcome_unknown), the running configuration tells.
    pub async fn commit(self) -> Result<Commit, Problem> {
        let path = "/api/v1/config/commit";
        let body = Value::Object(serde_json::Map::new());
        let call = Call::read(Method::POST, path.to_owned(), path).with(&body).writing().slow();
        let answer = self.conductor.send(&call).await?;
        let findings = self.findings(&call, &answer)?;
        Ok(if findings.is_empty() { Commit::Done } else { Commit::Refused(findings) })
    }

    /// Makes it equal to the running configuration: everybody's changes are lost, not only one's own.
    ///
    /// # Errors
    ///
    /// [`Problem`]; where its outcome is unknown, read.
    pub async fn revert_to_running(self) -> Result<(), Problem> {
        let path = "/api/v1/config/revertToRunning";
        let call = Call::read(Method::POST, path.to_owned(), path).writing();
        self.conductor.good(&call).await.map(drop)
    }

    fn written(self, call: &Call, answer: &Answer) -> Result<(), Problem> {
        if answer.status.is_success() {
            return Ok(());
        }
        let refusal = self.conductor.refusal(call, answer);
        match refusal {
            Problem::Refused { endpoint, status, detail, .. } if status.as_u16() == 404 => {
                Err(Problem::NoContainer { endpoint, status, detail })
            }
            other => Err(other),
        }
    }

    fn same(self, call: &Call, wanted: &Value, found: Option<&Value>) -> Result<(), Problem> {
        match first_difference(wanted, found) {
            None => Ok(()),
            Some(field) => Err(Problem::NotWritten { endpoint: call.endpoint.clone(), field }),
        }
    }

    /// A list of problems, which comes with 200 and perhaps with a status of refusal too.
    fn findings(self, call: &Call, answer: &Answer) -> Result<Vec<Finding>, Problem> {
        match read_findings(&answer.body) {
            Ok(findings) if answer.status.is_success() || is_list_of_some(answer, &findings) => Ok(findings),
            Err(misfit) if answer.status.is_success() => Err(call.unreadable(answer.status, misfit)),
            _ => Err(self.conductor.refusal(call, answer)),
        }
    }
}

fn is_list_of_some(answer: &Answer, findings: &[Finding]) -> bool {
    answer.status.is_client_error() && !findings.is_empty()
}

/// The first field of `wanted` that `found` does not have in the same way; more in `found` is no difference.
fn first_difference(wanted: &Value, found: Option<&Value>) -> Option<String> {
    let Value::Object(fields) = wanted else {
        return (Some(wanted) != found).then(String::new);
    };
    fields.iter().find_map(|(key, value)| {
        let found = found.and_then(|found| found.get(key));
        let inner = match (value, found) {
            (Value::Array(wanted), Some(Value::Array(found))) => missing_element(wanted, found),
            _ => first_difference(value, found),
        }?;
        Some(if inner.is_empty() { key.clone() } else { format!("{key}.{inner}") })
    })
}

/// An element of a list is found by its name.
fn missing_element(wanted: &[Value], found: &[Value]) -> Option<String> {
    wanted.iter().find_map(|element| {
        let name = element.get("name");
        let other = found.iter().find(|other| match name {
            Some(name) => other.get("name") == Some(name),
            None => *other == element,
        });
        first_difference(element, other)
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_reads_back_otherwise_is_found() {
        let wanted = json!({"name": "r1", "node": [{"name": "node0", "asset-id": "A"}]});
        let more = json!({"name": "r1", "x": 1, "node": [{"name": "other"}, {"name": "node0", "asset-id": "A", "y": 2}]});
        let other = json!({"name": "r1", "node": [{"name": "node0", "asset-id": "B"}]});

        assert_eq!(first_difference(&wanted, Some(&more)), None);
        assert_eq!(first_difference(&wanted, Some(&other)).as_deref(), Some("node.asset-id"));
        assert_eq!(first_difference(&wanted, None).as_deref(), Some("name"));
        assert_eq!(first_difference(&json!({}), None), None);
    }
}
