//! The two queries that are known: assets and connectivity.

use http::StatusCode;
use serde_json::{Value, json};

use super::settings::ConductorSettings;
use super::world::World;
use crate::cloud::reply::Reply;

pub(super) fn answer(world: &World, settings: &ConductorSettings, body: &Value) -> Reply {
    let query = body["query"].as_str().unwrap_or_default();
    if !world.readings.graphql_all_fields
        && let Some(field) = NEWER.iter().find(|field| query.contains(**field))
    {
        let text = format!("Validation error: Cannot query field '{field}' on type 'AssetType'");
        return Reply::json(StatusCode::BAD_REQUEST, &json!({ "errors": [{ "message": text }] }));
    }
    let data = if query.contains("allAuthorities") {
        let wanted: Option<Vec<&str>> =
            body["variables"]["ids"].as_array().map(|ids| ids.iter().filter_map(Value::as_str).collect());
        let ids = world.asset_ids();
        let ids = ids.iter().filter(|id| wanted.as_ref().is_none_or(|wanted| wanted.contains(&id.as_str())));
        let assets: Vec<Value> = ids.map(|id| asset(world, settings, id)).collect();
        let twice = |id: &&String| wanted.as_ref().is_none_or(|wanted| wanted.contains(&id.as_str()));
        let duplicates: Vec<Value> =
            world.duplicates.iter().filter(twice).map(|id| json!({ "assetId": id })).collect();
        json!({ "allAuthorities": { "nodes": [{ "assets": assets, "duplicateAssets": duplicates }] } })
    } else if query.contains("allRouters") {
        json!({ "allRouters": { "nodes": routers(world, settings, body["variables"]["name"].as_str()) } })
    } else {
        return Reply::ok(&json!({ "errors": [{ "message": "Syntax error" }] }));
    };
    let mut answer = json!({ "data": data });
    if world.readings.graphql_noise {
        answer["errors"] = json!([{ "message": "Sequence contains no elements" }]);
    }
    Reply::ok(&answer)
}

fn asset(world: &World, settings: &ConductorSettings, id: &str) -> Value {
    let owner = world.owner(id);
    let (_, status) = world.states(id, settings);
    json!({
        "assetId": id,
        "routerName": owner.as_ref().map(|(router, _)| router),
        "nodeName": owner.as_ref().map(|(_, node)| node),
        "t128Version": (status != "pending").then_some(&settings.version),
        "status": status.to_uppercase(),
        "statusDurationSeconds": 1,
        "text": "",
        "failedStatus": null,
    })
}

/// A router's nodes have a link to each node of the conductor; it is connected once the asset runs.
fn routers(world: &World, settings: &ConductorSettings, name: Option<&str>) -> Vec<Value> {
    let all = world.running["authority"]["router"].as_array().map(Vec::as_slice).unwrap_or_default();
    let meant = all.iter().filter(|router| name.is_none_or(|name| router["name"] == *name));
    meant
        .map(|router| {
            let nodes = router["node"].as_array().map(Vec::as_slice).unwrap_or_default();
            let nodes: Vec<Value> = nodes
                .iter()
                .map(|node| {
                    let (_, status) = world.states(node["asset-id"].as_str().unwrap_or_default(), settings);
                    let link = if status == "running" { "connected" } else { "disconnected" };
                    let links: Vec<Value> = (0..if settings.pair { 2 } else { 1 })
                        .map(|node| json!({
                            "remoteRouterName": settings.name, "remoteNodeName": format!("node{node}"), "status": link,
                        }))
                        .collect();
                    json!({ "connectivity": links })
                })
                .collect();
            json!({ "nodes": { "nodes": nodes } })
        })
        .collect()
}

/// Fields that not every release has.
const NEWER: &[&str] = &["statusDurationSeconds", "failedStatus", "duplicateAssets"];
