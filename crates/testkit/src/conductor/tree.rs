//! A configuration as a tree: objects, and lists whose elements are known by `name`.

use serde_json::{Map, Value, json};

/// The parts of a path.
pub(super) fn segments(path: &str) -> Vec<&str> {
    path.split('/').filter(|part| !part.is_empty()).collect()
}

/// What is at a path.
pub(super) fn find<'a>(tree: &'a Value, path: &[&str]) -> Option<&'a Value> {
    let Some((first, rest)) = path.split_first() else { return Some(tree) };
    let next = match tree {
        Value::Array(items) => items.iter().find(|item| item["name"] == **first)?,
        other => other.get(first)?,
    };
    find(next, rest)
}

/// Sets fields at a path; what is on the way is made.
pub(super) fn merge(tree: &mut Value, path: &[&str], fields: Value) {
    let place = make(tree, path);
    match (place, fields) {
        (Value::Object(old), Value::Object(new)) => {
            for (key, value) in new {
                match (old.get_mut(&key), value) {
                    (Some(old @ Value::Object(_)), value @ Value::Object(_)) => merge(old, &[], value),
                    (_, value) => drop(old.insert(key, value)),
                }
            }
        }
        (place, other) => *place = other,
    }
}

/// Puts a value at a path; what is on the way is made.
pub(super) fn put(tree: &mut Value, path: &[&str], value: Value) {
    let name = make(tree, path).get("name").cloned();
    let place = make(tree, path);
    *place = value;
    if let (Some(name), Some(fields)) = (name, place.as_object_mut()) {
        fields.entry("name").or_insert(name); // the key of a list's element
    }
}

/// Takes out what is at a path; whether it was there.
pub(super) fn remove(tree: &mut Value, path: &[&str]) -> bool {
    let Some((last, place)) = path.split_last() else { return false };
    match find_mut(tree, place) {
        Some(Value::Array(items)) => {
            let before = items.len();
            items.retain(|item| item["name"] != **last);
            items.len() < before
        }
        Some(Value::Object(fields)) => fields.remove(*last).is_some(),
        _ => false,
    }
}

fn find_mut<'a>(tree: &'a mut Value, path: &[&str]) -> Option<&'a mut Value> {
    let Some((first, rest)) = path.split_first() else { return Some(tree) };
    let next = match tree {
        Value::Array(items) => items.iter_mut().find(|item| item["name"] == **first)?,
        other => other.get_mut(first)?,
    };
    find_mut(next, rest)
}

/// The place of a path, made when it is not there.
fn make<'a>(tree: &'a mut Value, path: &[&str]) -> &'a mut Value {
    let Some((first, rest)) = path.split_first() else { return tree };
    if tree.is_null() {
        *tree = Value::Object(Map::new());
    }
    let next = match tree {
        Value::Array(items) => {
            let at = items.iter().position(|item| item["name"] == **first).unwrap_or_else(|| {
                items.push(json!({ "name": first }));
                items.len() - 1
            });
            &mut items[at]
        }
        other => {
            if !other.is_object() {
                *other = Value::Object(Map::new());
            }
            let fields = other.as_object_mut().expect("it was made one");
            let fresh = if LISTS.contains(first) { json!([]) } else { json!({}) };
            fields.entry(*first).or_insert(fresh)
        }
    };
    make(next, rest)
}

/// Every field of the name `key` goes through `change`; what it gives nothing for is taken out.
pub(super) fn change_all(tree: &mut Value, key: &str, change: &impl Fn(&Value) -> Option<Value>) {
    match tree {
        Value::Array(items) => items.iter_mut().for_each(|item| change_all(item, key, change)),
        Value::Object(fields) => {
            if let Some(old) = fields.remove(key)
                && let Some(new) = change(&old)
            {
                fields.insert(key.to_owned(), new);
            }
            fields.values_mut().for_each(|value| change_all(value, key, change));
        }
        _ => {}
    }
}

/// Configuration as the command line shows it: a keyword and a value on each line, indented.
pub(super) fn shown(tree: &Value, indent: usize, out: &mut String) {
    let Value::Object(fields) = tree else { return };
    let blank = " ".repeat(indent);
    for (key, value) in fields {
        match value {
            Value::Array(items) if items.iter().all(Value::is_object) => {
                for item in items {
                    out.push_str(&format!("{blank}{key}  {}\n", item["name"].as_str().unwrap_or("?")));
                    shown(item, indent + 4, out);
                    out.push_str(&format!("{blank}exit\n"));
                }
            }
            Value::Object(_) => {
                out.push_str(&format!("{blank}{key}\n"));
                shown(value, indent + 4, out);
                out.push_str(&format!("{blank}exit\n"));
            }
            Value::String(text) => out.push_str(&format!("{blank}{key}  {text}\n")),
            other => out.push_str(&format!("{blank}{key}  {other}\n")),
        }
    }
}

/// Keys that hold lists of elements with names.
const LISTS: &[&str] = &["router", "node", "client-certificate", "trusted-ca-certificate"];
