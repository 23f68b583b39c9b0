//! How far a ping came.

use ids::Timestamp;
use serde::Serialize;
use serde_json::Value;

/// One stage of the way.
#[derive(Debug, Serialize)]
pub(super) struct Stage {
    pub(super) name: String,
    pub(super) passed: bool,
    /// Milliseconds since Mist was asked.
    #[serde(skip_serializing_if = "Option::is_none")]
    ms: Option<i64>,
    text: String,
}

impl Stage {
    pub(super) fn passed(name: &str, began: Timestamp, at: Timestamp, text: String) -> Self {
        let ms = (at.micros() - began.micros()).max(0) / 1000;
        Self { name: name.to_owned(), passed: true, ms: Some(ms), text }
    }

    pub(super) fn lost(name: &str, text: String) -> Self {
        Self { name: name.to_owned(), passed: false, ms: None, text }
    }

    pub(super) fn row(&self) -> [String; 4] {
        let result = if self.passed { "passed" } else { "LOST" };
        let after = self.ms.map_or_else(String::new, |ms| format!("{ms} ms"));
        [self.name.clone(), result.to_owned(), after, self.text.clone()]
    }
}

/// The stages of a ping that was stored at `stored`.
pub(super) fn arrived(told: &Value, began: Timestamp, stored: i64) -> Vec<Stage> {
    let micros = Timestamp::from_micros;
    let steps = told["steps"].as_array().map(Vec::as_slice).unwrap_or_default();
    let peer = steps.iter().find(|step| step["what"] == "stored" && step["at"] == stored);
    let peer = peer.and_then(|step| step["peer"].as_str()).unwrap_or("-");
    let text = format!("from {peer}: address, TLS and signature hold, and it is on disk");
    let alert = &told["alert"];
    let made = alert["made_at"].as_i64();
    // the alert may be made before the listener's task is woken to take note, and was on disk by then
    let on_disk = made.map_or(stored, |made| made.min(stored));
    let mut stages = vec![Stage::passed("listener", began, micros(on_disk), text)];
    let Some(made) = made else {
        let text = "no alert was made of it in time: the relay is behind with interpreting; look at `fogbell journal status`";
        stages.push(Stage::lost("rules", text.to_owned()));
        return stages;
    };
    let id = alert["id"].as_str().unwrap_or_default();
    stages.push(Stage::passed("rules", began, micros(made), format!("alert {id}")));
    let from = told["sinks_from"].as_i64().unwrap_or(made);
    let sinks = told["sinks"].as_array().map(Vec::as_slice).unwrap_or_default();
    if sinks.is_empty() {
        stages.push(Stage::lost(
            "sinks",
            "there is none: add [[snmp]] or [[syslog]] to the configuration".to_owned(),
        ));
    }
    stages.extend(sinks.iter().map(|sink| of_sink(sink, began, from)));
    stages
}

fn of_sink(sink: &Value, began: Timestamp, from: i64) -> Stage {
    let word = |key: &str| sink[key].as_str().unwrap_or_default();
    let name = format!("sink {}", word("sink"));
    let error = sink["error"].as_str().unwrap_or("no attempt has failed yet");
    let by = match word("means") {
        "trap" => "trap",
        "inform" => "inform",
        "udp" => "syslog over UDP",
        "tcp" => "syslog over TCP",
        "tls" => "syslog over TLS",
        other => other,
    };
    let (by, aside) = (
        format!("{by} to {}", word("receiver")),
        if sink["routed"] == true { "" } else { "; no route gives it pings, this one went all the same" },
    );
    let text = match word("outcome") {
        "acknowledged" => format!("{by} acknowledged{aside}"),
        "settled" => format!("{by} written, and the connection was still healthy a moment later{aside}"),
        "sent" => format!("{by} handed to the kernel; whether it arrived cannot be known{aside}"),
        "doubtful" => {
            return Stage::lost(&name, format!("{by} was handed to the kernel and hardly arrived: {error}"));
        }
        "lost" => {
            return Stage::lost(&name, format!("{by} was not delivered and is not tried again: {error}"));
        }
        "late" => {
            return Stage::lost(
                &name,
                format!("{by} was not delivered in time, and is still tried: {error}"),
            );
        }
        _ => return Stage::lost(&name, error.to_owned()),
    };
    let ms = sink["ms"][0].as_i64().unwrap_or_default();
    Stage::passed(&name, began, Timestamp::from_micros(from + ms * 1000), text)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn an_alert_made_before_the_listener_took_note_was_on_disk_no_later() {
        let began = Timestamp::from_micros(1_000_000);
        let told = json!({
            "steps": [{ "what": "stored", "at": 1_008_000, "peer": "192.0.2.7" }],
            "alert": { "id": "1ce5", "made_at": 1_007_000 },
            "sinks_from": 1_009_000,
            "sinks": [{ "sink": "noc", "means": "trap", "receiver": "192.0.2.50:162", "outcome": "sent", "routed": true, "ms": [9] }],
        });

        let stages = arrived(&told, began, 1_008_000);

        assert_eq!(stages.iter().map(|stage| stage.ms).collect::<Vec<_>>(), [Some(7), Some(7), Some(18)]);
        assert!(stages[0].text.contains("192.0.2.7"), "{}", stages[0].text);
        assert_eq!(arrived(&json!({ "steps": told["steps"] }), began, 1_008_000)[0].ms, Some(8));
    }
}
