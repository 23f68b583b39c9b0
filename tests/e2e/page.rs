//! The status page, as a browser shows it and as others try to use it.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use e2e::{
    Config, Curl, DEADLINE, FakeClock, Fogbell, Notification, Rsyslog, RsyslogSetup, Showing, Snmptrapd,
    SnmptrapdSetup, free_port, wait_until,
};
use serde_json::{Value, json};

const TOKEN: &str = "the token of the admin page";

/// What a browser is to look at, and how.
fn look(relay: &Fogbell, name: &str, more: &Value) -> Value {
    let folder = screenshots();
    let mut look = json!({
        "url": relay.admin_url("/"), "out": folder.join(format!("{name}.png")), "width": 1280, "height": 900,
        "dark": false, "axe": axe(),
    });
    look.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    look
}

fn screenshots() -> PathBuf {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../target/screenshots");
    std::fs::create_dir_all(&folder).unwrap();
    folder
}

/// axe-core, beside the programs of the peers.
fn axe() -> PathBuf {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let found =
        std::env::split_paths(&path).map(|folder| folder.join("axe.min.js")).find(|file| file.is_file());
    found.expect("axe.min.js is in a folder of PATH: `cargo xtask peers` provides it")
}

/// What a headless Chromium finds.
fn browse(looks: &[Value]) -> Vec<Value> {
    let driver = Path::new(env!("CARGO_MANIFEST_DIR")).join("e2e/page/look.mjs");
    let mut node = Command::new("node");
    node.arg(driver).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = node.spawn().expect("node can be run");
    child.stdin.take().unwrap().write_all(json!(looks).to_string().as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).unwrap()
}

/// Nothing that a browser or axe-core calls a fault.
fn is_sound(found: &Value) {
    assert_eq!(found["errors"], json!([]), "{found:#}");
    assert_eq!(found["overflow"], 0, "the page is wider than the window");
    let violations = found["violations"].as_array().unwrap();
    let serious =
        violations.iter().filter(|it| ["serious", "critical"].contains(&it["impact"].as_str().unwrap()));
    assert_eq!(serious.collect::<Vec<_>>(), Vec::<&Value>::new());
}

fn text(found: &Value) -> &str {
    found["text"].as_str().unwrap()
}

/// An alarm of a device with this name.
fn alarm(kind: &str, severity: &str, site: &str, device: &str) -> String {
    json!({ "topic": "alarms", "events": [{
        "id": format!("{kind}{site}{device}"), "type": kind, "severity": severity, "timestamp": 1_767_323_045,
        "site_id": "4ac1dcf4-9d8b-7211-65c4-057819f0862b", "site_name": site, "aps": ["5c5b35000001"],
        "hostnames": [device],
    }] })
    .to_string()
}

fn sink(name: &str, address: &str) -> String {
    format!("[[syslog]]\nname = \"{name}\"\naddress = \"{address}\"\ntransport = \"tcp\"\nsettle_secs = 0\n")
}

#[test]
fn the_page_shows_what_there_is_in_every_light() {
    let communities = vec!["public".to_owned()];
    let nms = Snmptrapd::start(&SnmptrapdSetup { communities, ..SnmptrapdSetup::default() });
    let siem = Rsyslog::start(&RsyslogSetup::default());
    let config = Config::new()
        .set("", "name", "\"relay-a\"")
        .set("admin", "token", "{ file = \"SECRETS/admin\" }")
        .secret("admin", TOKEN)
        .v2c("nms", &nms.address(), "public", Notification::Inform)
        .table(&sink("siem", &siem.tcp()))
        .table(&sink("away", &format!("127.0.0.1:{}", free_port())));
    let relay = Fogbell::start(&config);
    let empty = browse(&[look(&relay, "empty", &json!({}))]);
    is_sound(&empty[0]);
    for says in ["takes webhooks", "No problem is open.", "No alert was made yet.", "none since the start"] {
        assert!(text(&empty[0]).contains(says), "{says}: {}", text(&empty[0]));
    }

    let evil = "<img src=x onerror=document.title='owned'>\"'&amp;<script>document.title='owned'</script>";
    for number in 0..30 {
        let kinds = [("device_down", "critical"), ("ap_offline", "warn"), ("switch_restart", "info")];
        let (kind, severity) = kinds[number % 3];
        relay.deliver(&alarm(
            kind,
            severity,
            ["HQ Zürich", "Lab", "Branch 7"][number % 3],
            &format!("ap-{number}"),
        ));
    }
    relay.deliver(&alarm("device_down", "critical", evil, evil));
    for _ in 0..3 {
        assert_eq!(relay.post("another secret", &alarm("x", "info", "", "")).status, 401);
    }
    let failed = || relay.metric("fogbell_delivery_failures_total", "sink=\"away\"") >= 1.0;
    let delivered = || relay.metric("fogbell_delivered_total", "sink=\"siem\"") >= 31.0;
    assert!(wait_until(DEADLINE, || failed() && delivered()));

    let looks = [
        look(&relay, "busy-light", &json!({})),
        look(&relay, "busy-dark", &json!({ "dark": true })),
        look(&relay, "busy-phone", &json!({ "width": 390, "height": 844 })),
        look(&relay, "busy-phone-dark", &json!({ "width": 390, "height": 844, "dark": true })),
        look(&relay, "busy-without-script", &json!({ "script": false, "axe": null })),
    ];
    for found in browse(&looks) {
        is_sound(&found);
        assert_eq!(found["title"], "relay-a · Fogbell", "a name of a device is run");
        for says in [
            "attempts fail; it is tried again",
            "refused: signature_wrong",
            "<img src=x onerror=document.title='owned'>",
            "HQ Zürich",
            "device_down",
            "31 alerts",
            "Test siem",
        ] {
            assert!(text(&found).contains(says), "{says}: {}", text(&found));
        }
    }
}

#[test]
fn a_sink_that_is_down_stands_out() {
    let clock = FakeClock::new();
    let wrapper = clock.wrapper();
    let wrapper: Vec<&str> = wrapper.iter().map(String::as_str).collect();
    let siem = Rsyslog::start(&RsyslogSetup::default());
    let config = Config::new()
        .set("", "name", "\"relay-a\"")
        .table(&sink("siem", &siem.tcp()))
        .table(&sink("noc", &format!("127.0.0.1:{}", free_port())));
    let mut relay = Fogbell::start_under(&wrapper, &config);
    relay.deliver(&alarm("device_down", "critical", "HQ", "ap-1"));
    assert_eq!(siem.wait_lines(1).len(), 1);
    // what waits is five minutes old behind a restart
    relay.kill9();
    clock.set(Showing::Ahead(Duration::from_secs(300)));
    relay.start_again_under(&wrapper);
    let down = || relay.metric("fogbell_sink_behind_seconds", "sink=\"noc\"") >= 60.0;
    assert!(wait_until(DEADLINE, down));
    assert!(wait_until(DEADLINE, || relay.metric("fogbell_delivery_failures_total", "sink=\"noc\"") >= 1.0));

    let looks = [
        look(&relay, "sink-down", &json!({})),
        look(&relay, "sink-down-phone-dark", &json!({ "width": 390, "height": 844, "dark": true })),
    ];
    for found in browse(&looks) {
        is_sound(&found);
        let text = text(&found);
        assert!(text.contains("▲ down") && text.contains("the oldest 5 min ago"), "{text}");
        assert!(text.contains("Connection refused"), "{text}");
    }
}

#[test]
fn alerts_appear_while_somebody_looks() {
    let relay = Fogbell::start(&Config::new().set("", "name", "\"relay-a\""));
    let post = relay.url(Config::PATH);
    relay.deliver(&alarm("device_down", "critical", "HQ", "before"));
    let seen = || relay.metric("fogbell_alerts_total", "") >= 1.0;
    assert!(wait_until(DEADLINE, seen));
    let body = alarm("device_down", "critical", "HQ", "behind <b>");
    let signature = e2e::sign(Config::SECRET, body.as_bytes());
    let folder = tempfile::tempdir().unwrap();
    let live = folder.path().join("live");
    let shown = "document.getElementById('feed').innerText.includes('behind <b>')";
    let look = look(&relay, "live", &json!({ "live": live, "wait": shown }));

    let posts = std::thread::spawn({
        let ca = relay.ca().to_owned();
        move || {
            assert!(wait_until(DEADLINE * 2, || live.exists()), "the page is not live");
            let request = Curl::new(&post).ca(&ca).body(body.as_str());
            assert_eq!(request.header("X-Mist-Signature-v2", &signature).run().status, 200);
        }
    });
    let found = browse(&[look]);
    posts.join().unwrap();

    is_sound(&found[0]);
    assert!(text(&found[0]).contains("Live: new alerts appear by themselves."), "{}", text(&found[0]));
}

#[test]
fn a_button_tests_a_sink_by_the_way_of_every_alert() {
    let siem = Rsyslog::start(&RsyslogSetup::default());
    let config = Config::new()
        .set("admin", "token", "{ file = \"SECRETS/admin\" }")
        .secret("admin", TOKEN)
        .table(&sink("siem", &siem.tcp()));
    let relay = Fogbell::start(&config);
    let test = |fields: &[(&str, &str)]| {
        let request = Curl::new(&relay.admin_url("/test")).body("sink=siem");
        fields.iter().fold(request, |request, (name, value)| request.header(name, value)).run()
    };
    let bearer = format!("Bearer {TOKEN}");

    for (fields, status) in [
        (vec![], 401),
        (vec![("Authorization", "Bearer another token of somebody")], 401),
        (vec![("Authorization", bearer.as_str()), ("Origin", "http://evil.example")], 403),
        (vec![("Authorization", bearer.as_str()), ("Sec-Fetch-Site", "cross-site")], 403),
        (vec![("Authorization", bearer.as_str()), ("Host", "evil.example")], 421),
    ] {
        let answer = test(&fields);
        assert_eq!(answer.status, status, "{fields:?}: {}", answer.said);
    }
    assert_eq!(siem.lines().len(), 0);

    let answer = test(&[("Authorization", bearer.as_str())]);
    assert_eq!(answer.status, 200, "{}", answer.said);
    assert!(answer.text().contains("a raise and a clear were written"), "{}", answer.text());
    let states: Vec<_> =
        siem.wait_lines(2).iter().map(|line| line.parameters(32_473)["state"].clone()).collect();
    assert_eq!(states, ["raised", "cleared"]);
}

#[test]
fn the_page_is_told_to_nobody_else() {
    let relay = Fogbell::start(&Config::new());
    let ask = |path: &str| Curl::new(&relay.admin_url(path));

    for path in ["/", "/page.css", "/page.js"] {
        let answer = ask(path).run();
        assert_eq!(answer.status, 200, "{path}: {}", answer.said);
        let policy = answer.header("content-security-policy").unwrap();
        assert!(policy.starts_with("default-src 'none'; style-src 'self'; script-src 'self'"), "{policy}");
        assert!(!policy.contains("unsafe"), "{policy}");
        for (name, value) in [("x-content-type-options", "nosniff"), ("cache-control", "no-store")] {
            assert_eq!(answer.header(name).unwrap(), value, "{path}");
        }
    }
    for path in ["/", "/events", "/page.js"] {
        assert_eq!(ask(path).header("Host", "rebound.example").run().status, 421, "{path}");
    }
    assert_eq!(ask("/").method("POST").run().status, 405);
    assert_eq!(ask("/test").run().status, 405);
    let without = ask("/test").body("sink=siem").run();
    assert_eq!((without.status, without.text().contains("set token of [admin]")), (403, true));
}

#[test]
fn off_loopback_the_page_needs_tls_and_the_token_and_health_needs_neither() {
    let port = free_port();
    let config = Config::new()
        .set("admin", "address", &format!("\"0.0.0.0:{port}\""))
        .set("admin", "hosts", "[\"localhost\"]")
        .set("admin", "token", "{ file = \"SECRETS/admin\" }")
        .secret("admin", TOKEN);
    let mut relay = Fogbell::start(&config);
    relay.except_from_balance("its figures are told with a token alone");
    let ask = |path: &str| Curl::new(&format!("https://localhost:{port}{path}")).ca(relay.ca());
    let bearer = format!("Bearer {TOKEN}");

    for path in ["/", "/page.js", "/events", "/metrics"] {
        let answer = ask(path).run();
        assert_eq!(answer.status, 401, "{path}: {}", answer.said);
        assert!(answer.header("www-authenticate").unwrap().starts_with("Basic realm="), "{path}");
    }
    for path in ["/", "/page.js", "/metrics"] {
        assert_eq!(ask(path).header("Authorization", &bearer).run().status, 200, "{path}");
    }
    assert_eq!(ask("/").argument("--user").argument(&format!("me:{TOKEN}")).run().status, 200);
    for path in ["/livez", "/readyz"] {
        assert_eq!(ask(path).run().status, 200, "{path}");
    }
    let clear = Curl::new(&format!("http://localhost:{port}/")).run();
    assert_eq!(clear.status, 0, "{}", clear.said);
}

#[test]
fn what_others_could_reach_without_a_token_is_refused() {
    let refused = |config: &Config| {
        let folder = tempfile::tempdir().unwrap();
        config.write(folder.path());
        let answer = e2e::ask_fogbell_in(folder.path(), &["check"]);
        assert_eq!(answer.code, 78, "{}", answer.said);
        answer.said
    };
    let config = Config::new().set("admin", "address", "\"0.0.0.0:9460\"");
    let said = refused(&config);
    assert!(said.contains("admin.address") && said.contains("set token of [admin]"), "{said}");
    let said =
        refused(&config.set("admin", "token", "{ file = \"SECRETS/admin\" }").secret("admin", "short"));
    assert!(said.contains("a token has at least 16 bytes"), "{said}");
}
