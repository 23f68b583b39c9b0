//! Where a ping was lost, in plain words.

use serde_json::Value;

use super::stage::Stage;
use crate::access::Access;

/// Why no ping was stored: by what came to the listener, and by what Mist says of it.
pub(super) fn why(told: &Value, log: &Value, access: &Access, url: &str, waited: u64) -> Stage {
    let steps = told["steps"].as_array().map(Vec::as_slice).unwrap_or_default();
    // strangers knock all the time: what only Mist does says more than what anybody may
    let found = steps.iter().filter_map(|step| Some((rank(step)?, step))).max_by_key(|(rank, _)| *rank);
    match found {
        Some((_, step)) => of_step(step, log, access),
        None => unseen(log, url, waited),
    }
}

/// How much a step says of Mist's ping; nothing when it is none of it.
fn rank(step: &Value) -> Option<u8> {
    Some(match (step["what"].as_str()?, step["reason"].as_str().unwrap_or_default()) {
        ("unstored", _) => 9,
        ("refused", "signature_wrong" | "signature_missing" | "signature_malformed") => 8,
        (
            "refused",
            "no_message" | "too_large" | "encoding" | "slow_body" | "broken_body" | "busy" | "framing",
        ) => 7,
        ("refused", "path" | "method") => 6,
        ("closed", "handshake" | "slow_handshake") => 5,
        ("refused", "source") => 4,
        ("closed", "proxy_header" | "no_proxy" | "cap" | "slow_head" | "malformed") => 3,
        _ => return None,
    })
}

fn of_step(step: &Value, log: &Value, access: &Access) -> Stage {
    let peer = step["peer"].as_str().unwrap_or("-");
    let (what, reason) =
        (step["what"].as_str().unwrap_or_default(), step["reason"].as_str().unwrap_or_default());
    let org = access.org();
    let (stage, text) = match (what, reason) {
        ("unstored", _) => (
            "journal",
            "it arrived and could not be promised, so Mist was answered 503: look at `fogbell journal status` and at the \
             free space of the disk"
                .to_owned(),
        ),
        ("refused", "signature_missing") => (
            "signature",
            format!("{peer} posted without a signature: the webhook in Mist has no secret; `fogbell webhook create` sets it"),
        ),
        ("refused", "signature_wrong" | "signature_malformed") => (
            "signature",
            format!(
                "{peer} posted with a signature that does not hold: the webhook in Mist has another secret than organisation \
                 `{}` here; `fogbell webhook create --set-secret` sets it",
                org.name
            ),
        ),
        ("refused", "path") => (
            "path",
            format!("{peer} posted to another path than `{}`: correct the webhook's URL in Mist, or `path` of [[org]]", org.path),
        ),
        ("refused", "source") => (
            "address",
            format!(
                "{peer} was refused for its address, which is none of cloud {}: if that is Mist's, add it to `networks` of \
                 [gate]; if it is a device in front of the relay, let it keep the source addresses",
                org.cloud.map_or("-", ids::Cloud::name)
            ),
        ),
        ("closed", "handshake") => {
            let detail = step["detail"].as_str().unwrap_or("the handshake failed");
            (
                "TLS",
                format!(
                    "{peer} connected and ended the handshake ({detail}): it does not trust the certificate; `fogbell cert \
                     check` shows what an outsider sees"
                ),
            )
        }
        ("closed", reason) => ("listener", format!("{peer} connected, and the connection was closed: {reason}")),
        (_, reason) => ("request", format!("{peer} was refused: {reason}")),
    };
    Stage::lost(stage, text + &said(log))
}

/// Nothing came at all.
fn unseen(log: &Value, url: &str, waited: u64) -> Stage {
    let text = match (log["status"].as_str(), log["status_code"].as_u64()) {
        (Some("success"), _) => format!(
            "Mist was answered 200, and not by this relay: {url} leads to another machine; look at its DNS record, and at \
             what stands in front"
        ),
        (_, Some(code)) => format!(
            "Mist was answered {code}, and not by this relay: something in front of it answers for {url}{}",
            said(log)
        ),
        (Some(_), None) => format!(
            "nothing came to the listener: Mist cannot reach {url}; look at its DNS record, the firewall (`fogbell \
             firewall`) and the NAT in front{}",
            said(log)
        ),
        (None, None) => format!(
            "nothing came to the listener within {waited} s, and Mist's log says nothing of it yet: look at the DNS record of \
             {url}, the firewall (`fogbell firewall`) and the NAT in front"
        ),
    };
    Stage::lost("network", text)
}

/// Mist's own words.
fn said(log: &Value) -> String {
    log["error"].as_str().map_or_else(String::new, |error| format!(" (Mist says: {error})"))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_only_mist_does_says_more_than_what_strangers_do() {
        let step = |what: &str, reason: &str| json!({ "what": what, "reason": reason });
        let order = [
            step("closed", "idle"),
            step("closed", "cap"),
            step("refused", "source"),
            step("closed", "handshake"),
            step("refused", "path"),
            step("refused", "busy"),
            step("refused", "signature_wrong"),
            step("unstored", ""),
        ];
        assert!(order.windows(2).all(|pair| rank(&pair[0]) < rank(&pair[1])));
        assert_eq!((rank(&order[0]), rank(&step("stored", ""))), (None, None));
    }

    #[test]
    fn without_a_trace_mists_own_log_tells_who_answered() {
        let text = |log: Value| {
            serde_json::to_value(unseen(&log, "https://r/v1/mist", 30)).unwrap()["text"].to_string()
        };
        assert!(text(json!({"status": "success", "status_code": 200})).contains("another machine"));
        assert!(text(json!({"status": "failure", "status_code": 502})).contains("in front of it answers"));
        let refused = text(json!({"status": "failure", "error": "connection refused"}));
        assert!(
            refused.contains("cannot reach") && refused.contains("Mist says: connection refused"),
            "{refused}"
        );
        assert!(text(Value::Null).contains("within 30 s"));
    }
}
