//! Which call is answered by what.

use http::{Method, StatusCode};
use serde_json::{Value, json};

use super::settings::{AbsentPlace, CommitAnswer, ConductorSettings, DeleteMeans, PutMeans, SecretShown};
use super::validate::Found;
use super::world::World;
use super::{graphql, tree};
use crate::cloud::reply::Reply;

/// A call, read.
pub(super) struct Call {
    pub(super) method: Method,
    pub(super) path: String,
    pub(super) query: String,
    pub(super) bearer: Option<String>,
    pub(super) body: Vec<u8>,
    /// The node that was asked.
    pub(super) node: usize,
}

impl Call {
    pub(super) fn target(&self) -> String {
        if self.query.is_empty() { self.path.clone() } else { format!("{}?{}", self.path, self.query) }
    }

    fn json(&self) -> Result<Value, Reply> {
        serde_json::from_slice(&self.body).map_err(|_| message(StatusCode::BAD_REQUEST, "Malformed JSON"))
    }
}

impl World {
    /// Whose call it is.
    pub(super) fn account(&self, call: &Call) -> Option<&str> {
        let bearer = call.bearer.as_ref()?;
        self.sessions.get(bearer).map(String::as_str)
    }
}

/// The answer to a call, misbehaviour aside.
pub(super) fn answer(world: &mut World, settings: &ConductorSettings, call: &Call) -> Reply {
    match answered(world, settings, call) {
        Ok(reply) | Err(reply) => reply,
    }
}

fn answered(world: &mut World, settings: &ConductorSettings, call: &Call) -> Result<Reply, Reply> {
    let path = call.path.strip_prefix("/api/v1").unwrap_or_default();
    if (&call.method, path) == (&Method::POST, "/login") {
        let body = call.json()?;
        let good = body["username"] == *settings.user && body["password"] == *settings.password;
        return if good {
            Ok(Reply::ok(&json!({ "token": world.log_in(&settings.user) })))
        } else {
            Err(message(StatusCode::UNAUTHORIZED, "Invalid username or password"))
        };
    }
    if world.account(call).is_none() {
        return Err(message(StatusCode::UNAUTHORIZED, "Unauthorized"));
    }
    let parts = tree::segments(path);
    match (call.method.as_str(), parts.as_slice()) {
        ("GET", ["system"]) => Ok(Reply::ok(&json!({
            "isConductor": true, "isManaged": false, "softwareVersion": settings.version,
            "router": settings.name, "node": format!("node{}", call.node),
        }))),
        ("POST", ["graphql"]) => Ok(graphql::answer(world, settings, &call.json()?)),
        ("GET", ["config", "getJSON"]) => {
            let store = store(world, call.query.strip_prefix("source=").unwrap_or_default())?.clone();
            Ok(Reply::ok(&shown(world, store)))
        }
        ("GET", ["config", "version"]) => Ok(Reply::ok(&json!({
            "isDirty": call.query == "datastore=candidate" && world.is_dirty(),
            "version": world.commits.len(),
        }))),
        ("GET", ["config", name, rest @ ..]) => {
            let found = tree::find(store(world, name)?, rest).cloned().ok_or_else(absent)?;
            Ok(Reply::ok(&shown(world, found)))
        }
        ("PATCH", ["config", "candidate", rest @ ..]) => patch(world, rest, call.json()?),
        ("PUT", ["config", "candidate", rest @ ..]) => {
            let body = call.json()?;
            match world.readings.put {
                PutMeans::Replaces => tree::put(&mut world.candidate, rest, body),
                PutMeans::Merges => tree::merge(&mut world.candidate, rest, body),
            }
            Ok(Reply::ok(&json!({})))
        }
        ("DELETE", ["config", "candidate", rest @ ..]) => delete(world, rest),
        ("POST", ["config", "candidate", rest @ ..]) => add(world, rest, call.json()?),
        ("POST", ["config", "validate"]) => Ok(findings(world, world.validate())),
        ("POST", ["config", "commit"]) => Ok(match world.commit("rest") {
            Err(found) => findings(world, found),
            Ok(()) => match world.readings.commit_answer {
                CommitAnswer::EmptyList => Reply::ok(&json!([])),
                CommitAnswer::EmptyObject => Reply::ok(&json!({})),
                CommitAnswer::Nothing => Reply::empty(),
            },
        }),
        ("POST", ["config", "revertToRunning"]) => {
            world.candidate = world.running.clone();
            Ok(Reply::ok(&json!({})))
        }
        _ => Err(absent()),
    }
}

fn patch(world: &mut World, path: &[&str], body: Value) -> Result<Reply, Reply> {
    if tree::find(&world.candidate, path).is_none() {
        match world.readings.absent_place {
            AbsentPlace::NotFound => return Err(absent()),
            AbsentPlace::Ignored => return Ok(Reply::ok(&json!({}))),
            AbsentPlace::Made => {}
        }
    }
    tree::merge(&mut world.candidate, path, body);
    Ok(Reply::ok(&json!({})))
}

fn delete(world: &mut World, path: &[&str]) -> Result<Reply, Reply> {
    match world.readings.delete {
        DeleteMeans::NotAllowed => Err(message(StatusCode::METHOD_NOT_ALLOWED, "Method Not Allowed")),
        DeleteMeans::Ignored => Ok(Reply::ok(&json!({}))),
        DeleteMeans::Removes if tree::remove(&mut world.candidate, path) => Ok(Reply::ok(&json!({}))),
        DeleteMeans::Removes => Err(absent()),
    }
}

/// An element of a list; one of its name must not be there.
fn add(world: &mut World, path: &[&str], body: Value) -> Result<Reply, Reply> {
    let name =
        body["name"].as_str().ok_or_else(|| message(StatusCode::BAD_REQUEST, "name is missing"))?.to_owned();
    let place = [path, &[name.as_str()]].concat();
    if tree::find(&world.candidate, &place).is_some() {
        return Err(message(StatusCode::CONFLICT, "already exists"));
    }
    tree::merge(&mut world.candidate, &place, body);
    Ok(Reply::json(StatusCode::CREATED, &json!({})))
}

fn findings(world: &World, found: Vec<Found>) -> Reply {
    let named = world.readings.findings_name_path;
    let rows: Vec<Value> = found
        .into_iter()
        .map(|found| {
            if named {
                json!({ "message": format!("{}: {}", found.path, found.message), "path": found.path })
            } else {
                json!({ "message": found.message })
            }
        })
        .collect();
    let status = if rows.is_empty() { 200 } else { world.readings.findings_status };
    Reply::json(StatusCode::from_u16(status).unwrap_or(StatusCode::OK), &Value::Array(rows))
}

fn store<'a>(world: &'a World, name: &str) -> Result<&'a Value, Reply> {
    match name {
        "running" => Ok(&world.running),
        "candidate" => Ok(&world.candidate),
        _ => Err(absent()),
    }
}

/// With secrets as they are read back.
pub(super) fn shown(world: &World, mut value: Value) -> Value {
    tree::change_all(&mut value, "pre-shared-secret", &|old| match world.readings.secret_shown {
        SecretShown::Removed => Some(json!("(removed)")),
        SecretShown::Plain => Some(old.clone()),
        SecretShown::Absent => None,
    });
    value
}

fn absent() -> Reply {
    message(StatusCode::NOT_FOUND, "Not Found")
}

/// A refusal as public code reads it.
pub(super) fn message(status: StatusCode, text: &str) -> Reply {
    Reply::json(status, &json!({ "message": text }))
}
