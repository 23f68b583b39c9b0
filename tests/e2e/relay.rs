//! The relay as a process: it starts, relays, comes back and ends.

use e2e::{
    Config, Curl, DEADLINE, Fogbell, Notification, Response, Rsyslog, RsyslogSetup, Snmptrapd,
    SnmptrapdSetup, TlsTrust, sign,
};

const ALARM: &str = r#"{"topic":"alarms","events":[{"id":"6f1ab9a4-1a5c-4f6c-9d3a-2d0f5f0a7b11","type":"device_down",
    "severity":"critical","timestamp":1767323045,"org_id":"2818e386-8dec-4562-9ede-5b8a0fbbdc71","count":1,
    "aps":["5c5b35000001"],"hostnames":["lobby \"ünter\" ap"]}]}"#;

fn post(relay: &Fogbell, signature: &str) -> Response {
    let request = Curl::new(&relay.url(Config::PATH)).ca(relay.ca()).body(ALARM);
    request.header("X-Mist-Signature-v2", signature).run()
}

#[test]
fn a_signed_alarm_comes_out_of_snmptrapd_and_rsyslog() {
    let nms =
        Snmptrapd::start(&SnmptrapdSetup { communities: vec!["secret".to_owned()], ..Default::default() });
    let siem = Rsyslog::start(&RsyslogSetup::default());
    let certs = siem.certs().ca();
    let trust = TlsTrust { ca: &certs, server_name: "localhost", client: None };
    let relay = Fogbell::start(
        &Config::new()
            .v2c("trap", &nms.address(), "secret", Notification::Trap)
            .v2c("inform", &nms.address(), "secret", Notification::Inform)
            .syslog("udp", &siem.udp(), "udp")
            .syslog("tcp", &siem.tcp(), "tcp")
            .syslog_tls("tls", &siem.tls(), &trust),
    );

    let answer = post(&relay, &sign(Config::SECRET, ALARM.as_bytes()));

    assert_eq!((answer.status, answer.body.len()), (200, 0), "{}", answer.said);
    let traps = nms.wait_traps(2);
    let mut lines = siem.wait_lines(3);
    lines.sort_by(|a, b| a.input.cmp(&b.input));
    let inputs: Vec<&str> = lines.iter().map(|line| line.input.as_str()).collect();
    assert_eq!((traps.len(), inputs), (2, vec!["tcp", "tls", "udp"]));
    let id = traps[0].text(".1.3.6.1.4.1.32473.1.1.2.0").unwrap();
    assert_eq!(id.len(), 32, "{id}");
    assert_eq!(traps[0].varbinds[..8], traps[1].varbinds[..8]);
    for line in &lines {
        assert!(line.data.contains(&format!("id=\"{id}\"")), "{}", line.data);
        assert_eq!((line.msgid.as_str(), line.version.as_str()), ("device_down", "1"));
    }
}

#[test]
fn an_unsigned_alarm_is_refused() {
    let relay = Fogbell::start(&Config::new());

    let answer = post(&relay, &sign("another secret", ALARM.as_bytes()));

    assert_eq!((answer.status, answer.exit), (401, 0), "{}", answer.said);
}

#[test]
fn a_killed_relay_comes_back_on_the_same_port_and_ends_well_when_asked() {
    let mut relay = Fogbell::start(&Config::new());
    let address = relay.address().to_owned();

    relay.kill9();
    relay.start_again();

    assert_eq!(relay.address(), address);
    let ready = Curl::new(&relay.admin_url("/readyz")).run();
    assert_eq!(ready.status, 200, "{}", ready.said);
    relay.sigterm();
    assert_eq!(relay.wait_exit(DEADLINE).code(), Some(0));
}
