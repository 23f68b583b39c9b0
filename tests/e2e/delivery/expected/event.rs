//! What an event says, read off its JSON: whom it is about, and why.

use serde_json::Value;

/// Whom an event is about.
#[derive(Default)]
pub(super) struct Devices {
    pub(super) kind: String,
    /// Name and MAC address of each; either may be empty.
    pub(super) named: Vec<(String, String)>,
    pub(super) ip: String,
    pub(super) port: String,
}

impl Devices {
    pub(super) fn of(topic: &str, event: &Value) -> Self {
        let mut devices = Self {
            kind: text(event, &["device_type"]),
            ip: text(event, &["ip"]),
            port: text(event, &["port_id", "port"]),
            ..Self::default()
        };
        let own = topic.starts_with("nac-") || topic.starts_with("client-");
        let address = if own { ["ap", "device_mac"] } else { ["mac", "ap"] };
        let mac = address.iter().map(|name| mac(&spelt(&event[*name]))).find(|mac| !mac.is_empty());
        let mut name = text(event, &["device_name", "ap_name", "mxedge_name"]);
        let of_id = text(event, &["device_id", "mxedge_id"]);
        let of_id = of_id.strip_prefix("00000000-0000-0000-1000-").unwrap_or_default();
        let mac = mac.unwrap_or_else(|| self::mac(of_id));
        if name.is_empty() && mac.is_empty() && topic == "mxedge-events" {
            name = text(event, &["mxedge_id"]);
        }
        if !name.is_empty() || !mac.is_empty() {
            devices.named.push((name, mac));
        }
        if topic == "alarms" {
            devices.read_lists(event);
            devices.read_entities(event);
        }
        if devices.kind.is_empty() {
            devices.kind = kind_of(topic, &text(event, &["type"]).to_lowercase());
        }
        devices
    }

    fn read_lists(&mut self, event: &Value) {
        let names = list(event, "hostnames");
        let listed = [("aps", "ap"), ("switches", "switch"), ("gateways", "gateway")];
        if let Some((of, kind)) = listed.iter().find(|(of, _)| !list(event, of).is_empty()) {
            (*kind).clone_into(&mut self.kind);
            let macs = list(event, of);
            // with more names than addresses it is not known whose a name is
            let name = |at: usize| if names.len() == macs.len() { names[at].clone() } else { String::new() };
            self.named = macs.iter().enumerate().map(|(at, address)| (name(at), mac(address))).collect();
        } else if !names.is_empty() {
            self.named = names.into_iter().map(|name| (name, String::new())).collect();
        }
        if let [port] = list(event, "port_ids").as_slice() {
            port.clone_into(&mut self.port);
        }
    }

    fn read_entities(&mut self, event: &Value) {
        let entities = event["impacted_entities"].as_array().cloned().unwrap_or_default();
        let kinds: Vec<String> = entities.iter().map(|entity| text(entity, &["entity_type"])).collect();
        if let [first, rest @ ..] = kinds.as_slice()
            && rest.iter().all(|kind| kind == first)
        {
            first.clone_into(&mut self.kind);
        }
        if let [entity] = entities.as_slice() {
            self.ip = text(entity, &["entity_ip"]);
            self.port = text(entity, &["port_id"]);
        }
        for entity in &entities {
            let one = (text(entity, &["entity_name"]), mac(&text(entity, &["entity_mac"])));
            // two ports of one device are one device
            if one != Default::default() && !self.named.contains(&one) {
                self.named.push(one);
            }
        }
    }
}

/// What a device is by the first letters of an event's type.
fn kind_of(topic: &str, kind: &str) -> String {
    let begins = |with: &[&str]| with.iter().any(|with| kind.starts_with(with));
    let kind = match topic {
        "mxedge-events" => "mxedge",
        "alarms" | "device-events" | "device-updowns" => match () {
            () if begins(&["ap_"]) => "ap",
            () if begins(&["sw_", "switch_"]) => "switch",
            () if begins(&["gw_", "gateway_"]) => "gateway",
            () if begins(&["me_", "tt_"]) => "mxedge",
            () => "",
        },
        _ => "",
    };
    kind.to_owned()
}

/// The reason of anything but an audit.
pub(super) fn why(event: &Value) -> String {
    let reasons = list(event, "reasons").join("; ");
    let plain = if reasons.is_empty() { text(event, &["reason", "text", "detail"]) } else { reasons };
    let marvis = [("root cause", "root_cause"), ("suggested", "suggestion")];
    let marvis = said(event, &marvis).join(", ");
    let seen = [
        ("service", "service"),
        ("component", "component"),
        ("SSID", "ssids"),
        ("BSSID", "bssids"),
        ("client", "client_macs"),
        ("server", "servers"),
        ("VLAN", "vlans"),
    ];
    let seen = seen.map(|(word, name)| (word, list(event, name).join(" ")));
    let seen = seen.iter().filter(|(_, said)| !said.is_empty()).map(|(word, said)| format!("{word} {said}"));
    [plain, marvis]
        .into_iter()
        .find(|said| !said.is_empty())
        .unwrap_or_else(|| seen.collect::<Vec<_>>().join(", "))
}

/// The reason of an audit.
pub(super) fn who(event: &Value) -> String {
    said(event, &[("by", "admin_name"), ("from", "src_ip")]).join(" ")
}

fn said(event: &Value, parts: &[(&str, &str)]) -> Vec<String> {
    let there = parts.iter().filter(|(_, name)| !text(event, &[name]).is_empty());
    there.map(|(word, name)| format!("{word} {}", text(event, &[name]))).collect()
}

/// The first of `names` that is there and not empty.
pub(super) fn text(event: &Value, names: &[&str]) -> String {
    names.iter().map(|name| spelt(&event[*name])).find(|text| !text.is_empty()).unwrap_or_default()
}

/// The elements of a list that say something; a plain text is a list of one.
pub(super) fn list(event: &Value, name: &str) -> Vec<String> {
    let values = match &event[name] {
        Value::Array(values) => values.clone(),
        one => vec![one.clone()],
    };
    values.iter().map(spelt).filter(|text| !text.is_empty()).collect()
}

/// The id of its site; one of zeros is none.
pub(super) fn site_id(event: &Value) -> String {
    let id = text(event, &["site_id"]);
    if id.chars().all(|c| c == '0' || c == '-') { String::new() } else { id }
}

fn spelt(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Number(number) => number.to_string(),
        _ => String::new(),
    }
}

/// Twelve digits, when it is an address of a device.
fn mac(text: &str) -> String {
    let digits: String = text.to_lowercase().chars().filter(|c| !":-.".contains(*c)).collect();
    let is = digits.len() == 12 && digits.chars().all(|c| c.is_ascii_hexdigit());
    if is && digits != "000000000000" { digits } else { String::new() }
}

/// Microseconds since 1970, from seconds as a number or in a string.
pub(super) fn micros(value: &Value) -> Option<i64> {
    let seconds: f64 = spelt(value).parse().ok()?;
    #[allow(clippy::cast_possible_truncation, reason = "the samples' times lie in this century")]
    let micros = (seconds * 1e6).round() as i64;
    Some(micros)
}
