//! One change, in the three ways in which it gets into the candidate.

use conductor::{ConfigPath, Line, Name, Problem, Word};
use serde_json::{Value, json};

use crate::config::Change;
use crate::run::look::conductor_name;
use crate::{NodeName, RouterName};

/// What is sent for one change.
pub(super) struct Write {
    /// The list that gets an element, where the change makes one.
    list: Option<ConfigPath>,
    /// What the fields are of.
    place: ConfigPath,
    /// The fields; of an element without its name.
    fields: Vec<(&'static str, String)>,
    /// The name of the element.
    name: Option<Box<str>>,
}

impl Write {
    pub(super) fn of(change: &Change) -> Self {
        let router = conductor_name(change.router());
        match change {
            Change::CreateRouter { router: name } => Self {
                list: Some(ConfigPath::routers()),
                place: ConfigPath::router(&router),
                fields: vec![("inter-node-security", "internal".to_owned())],
                name: Some(name.as_str().into()),
            },
            Change::CreateNode { node, .. } => Self {
                list: Some(ConfigPath::nodes(&router)),
                place: ConfigPath::node(&router, &node_name(node)),
                fields: vec![("role", "combo".to_owned())],
                name: Some(node.as_str().into()),
            },
            Change::AssetId { node, asset_id, .. } => {
                Self::fields(ConfigPath::node(&router, &node_name(node)), "asset-id", asset_id.to_string())
            }
            Change::EndorsementKey { node, key, .. } => {
                let place = ConfigPath::node_onboarding(&router, &node_name(node));
                Self::fields(place, "endorsement-key", key.to_base64())
            }
            Change::Mode { mode, .. } => {
                Self::fields(ConfigPath::router_onboarding(&router), "mode", mode.to_string())
            }
        }
    }

    fn fields(place: ConfigPath, field: &'static str, value: String) -> Self {
        Self { list: None, place, fields: vec![(field, value)], name: None }
    }

    /// By REST, once.
    pub(super) async fn by_rest(&self, conductor: &conductor::Conductor) -> Result<(), Problem> {
        let candidate = conductor.candidate();
        let mut fields: Value =
            self.fields.iter().map(|(field, value)| ((*field).to_owned(), json!(value))).collect();
        if let (Some(list), Some(name)) = (&self.list, &self.name) {
            fields["name"] = json!(name);
            match candidate.add(list, &fields).await {
                // it is there, without all of its fields
                Err(problem) if problem.status().is_some_and(|status| status.as_u16() == 409) => {}
                other => return other,
            }
        }
        candidate.patch(&self.place, &fields).await
    }

    /// The same as commands, which make what is on the way.
    pub(super) fn lines(&self) -> Vec<Line> {
        let line = |(field, value): &(&'static str, String)| {
            let field = Name::new(field).expect("a field is a name");
            // modes, roles, asset ids and base64 have no other characters
            let value = Word::new(value).expect("a value of onboarding is a word");
            Line::set(&self.place, &field, &value)
        };
        self.fields.iter().map(line).collect()
    }
}

fn node_name(node: &NodeName) -> Name {
    Name::new(node.as_str()).expect("both are names of the data model")
}

/// The commands that make `changes`, each on one line, for a person.
#[must_use]
pub fn commands<'a>(changes: impl IntoIterator<Item = &'a Change>) -> Vec<Box<str>> {
    let lines = changes.into_iter().flat_map(|change| Write::of(change).lines());
    lines.map(|line| line.text().into()).collect()
}

/// The routers of `changes`, each once, in their order.
pub(super) fn routers<'a>(changes: impl IntoIterator<Item = &'a Change>) -> Vec<&'a RouterName> {
    let mut routers: Vec<&RouterName> = Vec::new();
    for change in changes {
        if routers.last() != Some(&change.router()) {
            routers.push(change.router());
        }
    }
    routers
}
