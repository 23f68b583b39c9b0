//! What a decision rests on, kept so that drift can be told.

use super::make::Ground;
use super::router::serial;
use super::{Basis, Confirmation, NodeBasis};
use crate::input::RouterRequest;
use crate::observe::Platform;

/// What the decision on `request` rests on.
pub(super) fn basis(ground: &Ground<'_>, request: &RouterRequest) -> Basis {
    let config = ground.running.router(&request.name);
    let nodes = request.nodes.iter().map(|node| {
        let device = ground.observed.inventory.device(node.mac);
        let wanted = device.and_then(|device| match device.platform(&ground.options.virtual_models) {
            Platform::DeviceId => serial(node, device).ok(),
            _ => node.asset_id.clone(),
        });
        let mist_key = match ground.keys.get(&node.mac) {
            Some(Ok((key, _))) => Some(key.fingerprint()),
            _ => None,
        };
        let node_config = config.and_then(|config| config.nodes.get(&node.node));
        let basis = NodeBasis {
            mac: node.mac,
            platform: device.map(|device| device.platform(&ground.options.virtual_models)),
            assigned: device.and_then(|device| device.site),
            asset_id: node_config.and_then(|config| config.asset_id.clone()),
            wanted_asset_id: wanted,
            running_key: node_config.and_then(|config| config.identity.fingerprint()),
            mist_key,
            confirmation: match (mist_key, &node.ek) {
                (None, _) => Confirmation::None,
                (Some(_), None) => Confirmation::MistOnly,
                (Some(_), Some(_)) => Confirmation::Confirmed,
            },
        };
        (node.node.clone(), basis)
    });
    Basis {
        mode: config.and_then(|config| config.mode),
        wanted_mode: request.mode,
        site: request.site,
        hosts: ground
            .observed
            .sites
            .get(&request.site)
            .map(|site| site.ssr.conductor_hosts.clone())
            .unwrap_or_default(),
        wanted_hosts: request.conductor_hosts.clone(),
        nodes: nodes.collect(),
    }
}
