//! Whether something in front of the relay hides where webhooks come from.

use super::code::Code;
use super::finding::Finding;
use super::patient::Patient;

const WHAT: &str = "nat";

pub(super) fn check(patient: &Patient<'_>) -> Vec<Finding> {
    let Some(about) = patient.about() else { return Vec::new() };
    vec![match &about.sources_hidden_by {
        Some(address) => Finding::fail(
            Code::SourcesHidden,
            address,
            "every webhook seems to come from this one private address: the allowlist cannot tell Mist from others",
            "let the firewall translate the destination only and not the source, or have the proxy there say whom it \
             speaks for and name it in `trusted_proxies` of [listen]",
        ),
        None => Finding::pass(WHAT, "sources of webhooks", "nothing is known to hide them"),
    }]
}
