//! Whose a message is: several organisations and secrets on one relay.

use e2e::{Config, Curl, Fogbell, Rsyslog, RsyslogSetup, sign};

use super::receivers::ENTERPRISE;

/// A configuration that knows, besides `acme`, `umbrella` with two secrets on the same path and `initech` with a
/// path of its own.
fn config() -> Config {
    let org = |name: &str, path: &str, secrets: &[&str]| {
        let homes: Vec<_> = secrets.iter().map(|file| format!("{{ file = \"SECRETS/{file}\" }}")).collect();
        format!(
            "[[org]]\nname = \"{name}\"\ncloud = \"emea-01\"\npath = \"{path}\"\nsecrets = [{}]\n",
            homes.join(", ")
        )
    };
    let secrets = [("old", "old secret"), ("new", "example-secret"), ("initech", "the third")];
    let config = secrets.iter().fold(Config::new(), |config, (name, value)| config.secret(name, value));
    config.table(&org("umbrella", Config::PATH, &["old", "new"])).table(&org(
        "initech",
        "/v1/mist/initech",
        &["initech"],
    ))
}

/// Posts a body with a signature; the status of the answer.
fn post(relay: &Fogbell, path: &str, signature: &str, body: &str) -> u16 {
    let request = Curl::new(&relay.url(path)).ca(relay.ca()).body(body);
    request.header("X-Mist-Signature-v2", signature).run().status
}

#[test]
fn the_secret_that_signed_names_the_organisation() {
    let siem = Rsyslog::start(&RsyslogSetup::default());
    let relay = Fogbell::start(&config().syslog("siem", &siem.tcp(), "tcp"));
    let alarm = |id: &str| {
        format!(r#"{{"topic":"alarms","events":[{{"id":"{id}","type":"{id}","timestamp":1767323045}}]}}"#)
    };
    let own_path = "/v1/mist/initech";

    for (id, path, secret, status) in [
        ("a", Config::PATH, Config::SECRET, 200),
        ("b", Config::PATH, "old secret", 200),
        ("c", own_path, Config::SECRET, 401),
        ("d", Config::PATH, "the third", 401),
        ("e", Config::PATH, "example-secret", 200),
        ("f", own_path, "the third", 200),
        ("g", own_path, "old secret", 401),
        ("h", Config::PATH, "OLD SECRET", 401),
    ] {
        let body = alarm(id);
        assert_eq!(post(&relay, path, &sign(secret, body.as_bytes()), &body), status, "{id}");
    }

    let lines = siem.wait_lines(4);
    let told: Vec<_> =
        lines.iter().map(|line| (line.msgid.clone(), line.parameters(ENTERPRISE)["org"].clone())).collect();
    let expect = [("a", "acme"), ("b", "umbrella"), ("e", "umbrella"), ("f", "initech")];
    assert_eq!(told, expect.map(|(id, org)| (id.to_owned(), org.to_owned())));
    for (org, messages) in [("acme", 1.0), ("umbrella", 2.0), ("initech", 1.0)] {
        assert_eq!(relay.metric("fogbell_messages_total", &format!("org=\"{org}\"")), messages, "{org}");
    }
}

#[test]
fn the_known_answer_is_let_in_with_hexadecimals_of_either_case() {
    // an HMAC-SHA256 known from outside: the secret is `example-secret`
    let body = r#"{"topic":"ping","events":[{"id":"00000000-0000-4000-8000-000000000001","name":"t","site_id":"00000000-0000-4000-8000-000000000002","timestamp":1700000000}]}"#;
    let signature = "987682b19880b0ab9e3034b0173e53148c8a28561abaf45b143a876a153e7751";
    assert_eq!(body.len(), 156);
    let relay = Fogbell::start(&config());

    let answers = [
        signature.to_owned(),
        signature.to_uppercase(),
        signature.replacen('9', "8", 1),
        format!("{signature}00"),
    ]
    .map(|signature| post(&relay, Config::PATH, &signature, body));

    assert_eq!(answers, [200, 200, 401, 401]);
    assert_eq!(post(&relay, Config::PATH, signature, &format!("{body}\n")), 401);
}
