//! How long Mist holds back that a device is down.

use mist::{Client, Problem, sites};

use super::code::Code;
use super::finding::Finding;
use super::patient::Patient;
use crate::access::wait;

const WHAT: &str = "up/down delay";

pub(super) fn check(patient: &Patient<'_>) -> Vec<Finding> {
    let mut all = Vec::new();
    for (org, api, client) in patient.apis() {
        let Ok(client) = client else { continue };
        if !patient.sites {
            continue;
        }
        // that it cannot be asked was said of the API
        if let Ok(Ok(found)) = wait(look(&client, api.org_id, &org.name)) {
            all.extend(found);
        }
    }
    all
}

async fn look(client: &Client, org: ids::OrgId, name: &str) -> Result<Vec<Finding>, Problem> {
    let mut late = Vec::new();
    let mut count = 0;
    for site in client.pages(sites::list(org)).all().await? {
        let Some(id) = site.id else { continue };
        count += 1;
        let setting =
            client.call(http::Method::GET, &format!("/api/v1/sites/{id}/setting"), &[], None).await?;
        let delays = THRESHOLDS.iter().filter_map(|(key, what)| {
            let minutes = setting[*key].as_u64().filter(|minutes| *minutes > 0)?;
            Some(format!("{what} {minutes} min"))
        });
        let delays: Vec<String> = delays.collect();
        if !delays.is_empty() {
            let title = site.name.unwrap_or_else(|| id.to_string());
            late.push(Finding::warn(
                Code::DelaySet,
                format!("site {title}"),
                format!("Mist tells late that something is down: {}", delays.join(", ")),
                "when that is not meant, set it to 0 in Mist: Organization > Site Configuration, thresholds of up and down",
            ));
        }
    }
    if late.is_empty() {
        late.push(Finding::pass(WHAT, name, format!("none, at {count} sites")));
    }
    Ok(late)
}

/// Keys of a site's setting, and what they hold back.
/// Source: Mist OpenAPI, schema `site_setting`.
const THRESHOLDS: [(&str, &str); 7] = [
    ("device_updown_threshold", "devices"),
    ("ap_updown_threshold", "access points"),
    ("switch_updown_threshold", "switches"),
    ("gateway_updown_threshold", "gateways"),
    ("gateway_tunnel_updown_threshold", "tunnels"),
    ("vpn_path_updown_threshold", "VPN paths"),
    ("vpn_peer_updown_threshold", "VPN peers"),
];
