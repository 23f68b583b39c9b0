//! Assets and connectivity, by GraphQL.

use serde_json::Value;

use crate::graphql::{self, Judged};
use crate::{Misfit, Version};

/// One asset: the hardware or machine behind a node.
///
/// Words are as the conductor has them: which there are is not documented.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct Asset {
    /// Its id: a serial number, or what the operator chose.
    pub id: String,
    /// The router it belongs to in the configuration.
    pub router: Option<String>,
    /// The node.
    pub node: Option<String>,
    /// Its software.
    pub version: Option<Version>,
    /// Its state, as in `running`.
    pub status: Option<String>,
    /// For how many seconds it is so.
    pub status_seconds: Option<u64>,
    /// What the conductor says about the state.
    pub text: Option<String>,
    /// The state in which something failed.
    pub failed_status: Option<String>,
}

/// The assets of a conductor.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
#[non_exhaustive]
pub struct Assets {
    /// All of them, or those that were asked for.
    pub assets: Vec<Asset>,
    /// The ids that more than one machine has.
    pub duplicates: Vec<String>,
}

/// A link of a router to another.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct Link {
    /// The router at its other end.
    pub remote_router: Option<String>,
    /// The node at its other end.
    pub remote_node: Option<String>,
    /// Its state, as in `connected`.
    pub status: Option<String>,
}

/// Reads an answer about assets; nothing when it has none in it.
///
/// # Errors
///
/// [`Misfit`] when it is no answer of GraphQL.
pub fn read_assets(body: &[u8]) -> Result<Judged<Option<Assets>>, Misfit> {
    let (data, warnings) = graphql::read(body)?;
    let authorities = data.as_ref().and_then(|data| nodes(data.get("allAuthorities")));
    let value = authorities.and_then(|authorities| {
        let mut all = Assets::default();
        let mut seen = false;
        for authority in authorities {
            let Some(list) = authority.get("assets").and_then(Value::as_array) else { continue };
            seen = true;
            all.assets.extend(list.iter().filter_map(asset));
            let duplicates = authority.get("duplicateAssets").and_then(Value::as_array).into_iter().flatten();
            all.duplicates.extend(duplicates.filter_map(|row| text(row, "assetId")));
        }
        seen.then_some(all)
    });
    Ok(Judged { value, warnings })
}

/// Reads an answer about the connectivity of a router; nothing when it has none in it.
///
/// # Errors
///
/// [`Misfit`] when it is no answer of GraphQL.
pub fn read_connectivity(body: &[u8]) -> Result<Judged<Option<Vec<Link>>>, Misfit> {
    let (data, warnings) = graphql::read(body)?;
    let routers = data.as_ref().and_then(|data| nodes(data.get("allRouters")));
    let value = routers.and_then(|routers| {
        let mut links = None;
        for node in routers.iter().filter_map(|router| nodes(router.get("nodes"))).flatten() {
            let Some(list) = node.get("connectivity").and_then(Value::as_array) else { continue };
            links.get_or_insert_with(Vec::new).extend(list.iter().filter(|row| row.is_object()).map(|row| {
                Link {
                    remote_router: text(row, "remoteRouterName"),
                    remote_node: text(row, "remoteNodeName"),
                    status: text(row, "status"),
                }
            }));
        }
        links
    });
    Ok(Judged { value, warnings })
}

/// An asset without an id is none.
fn asset(row: &Value) -> Option<Asset> {
    Some(Asset {
        id: text(row, "assetId").filter(|id| !id.is_empty())?,
        router: text(row, "routerName"),
        node: text(row, "nodeName"),
        version: text(row, "t128Version").and_then(|version| version.parse().ok()),
        status: text(row, "status"),
        status_seconds: row.get("statusDurationSeconds").and_then(Value::as_u64),
        text: text(row, "text"),
        failed_status: text(row, "failedStatus"),
    })
}

fn nodes(connection: Option<&Value>) -> Option<&Vec<Value>> {
    connection?.get("nodes")?.as_array()
}

fn text(row: &Value, key: &str) -> Option<String> {
    let text = row.get(key)?.as_str()?;
    Some(text.chars().filter(|c| !c.is_control()).take(MOST_TEXT).collect())
}

/// As public code that works against it asks (ssr-mcp, 2026).
pub(crate) const ASSETS: &str = "query ($ids: [String]) { allAuthorities { nodes { \
     assets(assetIds: $ids) { assetId routerName nodeName t128Version status statusDurationSeconds text failedStatus } \
     duplicateAssets(assetIds: $ids) { assetId } } } }";

/// What every release tells.
pub(crate) const ASSETS_ANYWHERE: &str = "query ($ids: [String]) { allAuthorities { nodes { \
     assets(assetIds: $ids) { assetId routerName nodeName t128Version status text } } } }";

pub(crate) const CONNECTIVITY: &str = "query ($name: String) { allRouters(name: $name) { nodes { nodes { nodes { \
     connectivity { remoteNodeName remoteRouterName status } } } } } }";

const MOST_TEXT: usize = 1_000;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn data_counts_whatever_errors_say() {
        let body = br#"{"errors": [{"message": "Sequence contains no elements"}], "data": {"allAuthorities": {"nodes": [
            {"assets": [{"assetId": "A", "status": "RUNNING", "t128Version": "7.2.3-8r2", "x": 1}, {"assetId": ""}, 7],
             "duplicateAssets": [{"assetId": "B"}]}]}}}"#;

        let judged = read_assets(body).unwrap();

        assert_eq!(judged.warnings, ["Sequence contains no elements"]);
        let assets = judged.value.unwrap();
        assert_eq!((assets.assets.len(), assets.duplicates.as_slice()), (1, ["B".to_owned()].as_slice()));
        assert_eq!(assets.assets[0].version.as_ref().unwrap().numbers(), [7, 2, 3]);
    }

    #[test]
    fn no_data_is_not_taken_for_no_assets() {
        for body in [
            r#"{"errors": [{"message": "no"}]}"#,
            r#"{"data": null}"#,
            r#"{"data": {"allAuthorities": null}}"#,
            r#"{"data": {"allAuthorities": {"nodes": [{"assets": null}]}}}"#,
        ] {
            assert_eq!(read_assets(body.as_bytes()).unwrap().value, None, "{body}");
        }
        assert!(read_assets(b"[]").is_err());
        let none = br#"{"data": {"allAuthorities": {"nodes": [{"assets": []}]}}}"#;
        assert_eq!(read_assets(none).unwrap().value, Some(Assets::default()));
    }

    #[test]
    fn the_links_of_all_nodes_are_read() {
        let body = br#"{"data": {"allRouters": {"nodes": [{"nodes": {"nodes": [
            {"connectivity": [{"remoteRouterName": "c", "remoteNodeName": "node0", "status": "connected"}]},
            {"connectivity": null}]}}]}}}"#;
        let links = read_connectivity(body).unwrap().value.unwrap();
        assert_eq!(links[0].status.as_deref(), Some("connected"));
        assert_eq!(read_connectivity(br#"{"data": {"allRouters": {"nodes": []}}}"#).unwrap().value, None);
    }
}
