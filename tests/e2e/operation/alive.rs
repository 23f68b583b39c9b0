//! That silence is told: heartbeats while the relay lives, alerts when Mist or a certificate falls silent.

use std::collections::HashSet;

use e2e::{
    Config, DEADLINE, Fogbell, Parameters, Rsyslog, RsyslogSetup, Snmptrapd, SnmptrapdSetup, TlsClients,
    TlsTrust, Trap, Value, free_port, wait_for, wait_until,
};

use super::{alarm, sink};

const ENTERPRISE: u32 = 32_473;
const OBJECTS: &str = ".1.3.6.1.4.1.32473.1.1";

/// What came of one type: the parameters of each line, of repeats of the first.
fn said(siem: &Rsyslog, kind: &str) -> Vec<Parameters> {
    let mut ids = HashSet::new();
    let lines = siem.lines();
    let said = lines.iter().filter(|line| line.msgid == kind).map(|line| line.parameters(ENTERPRISE));
    said.filter(|said| ids.insert(get(said, "id").to_owned())).collect()
}

fn get<'a>(said: &'a Parameters, name: &str) -> &'a str {
    said.get(name).map_or("", String::as_str)
}

#[test]
fn each_sink_hears_that_the_relay_is_alive_how_far_behind_it_is_and_when_mist_was_heard() {
    let communities = vec!["public".to_owned()];
    let nms = Snmptrapd::start(&SnmptrapdSetup { communities, ..SnmptrapdSetup::default() });
    let siem = Rsyslog::start(&RsyslogSetup::default());
    let often = "heartbeat_secs = 1\n";
    let trap = format!(
        "[[snmp]]\nname = \"nms\"\naddress = \"{}\"\nversion = \"2c\"\ncommunity = {{ file = \"SECRETS/community\" }}\n\
         notification = \"trap\"\n{often}",
        nms.address()
    );
    let config = Config::new()
        .set("", "name", "\"relay-a\"")
        .secret("community", "public")
        .table(&trap)
        .table(&sink("siem", &siem.tcp(), &format!("settle_secs = 0\n{often}")))
        .table(&sink("away", &format!("127.0.0.1:{}", free_port()), often));
    let relay = Fogbell::start(&config);

    let beats = wait_for(DEADLINE, || Some(said(&siem, "heartbeat")).filter(|beats| !beats.is_empty()));
    let first = &beats.unwrap()[0];
    let text = "relay relay-a is alive; nothing waits for sink siem; no webhook came yet";
    assert_eq!((get(first, "reason"), get(first, "category")), (text, "siem"));
    assert_eq!((get(first, "relay"), get(first, "duration"), get(first, "state")), ("relay-a", "", "event"));
    relay.deliver(&alarm("one"));
    let aged = || said(&siem, "heartbeat").iter().any(|beat| !get(beat, "duration").is_empty());
    assert!(wait_until(DEADLINE, aged), "{:?}", siem.lines());
    let of_siem = said(&siem, "heartbeat");
    assert!(of_siem.iter().all(|beat| get(beat, "category") == "siem"), "{of_siem:?}");

    let number = |place: u32| format!("{OBJECTS}.{place}.0");
    let beat = wait_for(DEADLINE, || {
        let traps = nms.traps();
        let aged = |trap: &Trap| matches!(trap.value(&number(25)), Some(Value::Number(0..)));
        traps.into_iter().find(|trap| trap.name == ".1.3.6.1.4.1.32473.1.0.5" && aged(trap))
    });
    let beat = beat.expect("a heartbeat behind the alarm");
    assert_eq!(beat.text(&number(28)).as_deref(), Some("relay-a"));
    assert_eq!(beat.value(&number(24)), Some(&Value::Number(0)));
    assert_eq!(beat.text(&number(10)).as_deref(), Some("nms"));
    let summary = beat.text(&number(1)).unwrap();
    assert!(
        summary.starts_with("heartbeat: relay relay-a is alive; nothing waits for sink nms;"),
        "{summary}"
    );
}

#[test]
fn a_sink_that_wants_no_heartbeat_gets_none() {
    let siem = Rsyslog::start(&RsyslogSetup::default());
    let quiet = Rsyslog::start(&RsyslogSetup::default());
    let config = Config::new()
        .table(&sink("siem", &siem.tcp(), "settle_secs = 0\nheartbeat_secs = 1\n"))
        .table(&sink("quiet", &quiet.tcp(), "settle_secs = 0\nheartbeat_secs = 0\n"));
    let relay = Fogbell::start(&config);

    assert!(wait_until(DEADLINE, || said(&siem, "heartbeat").len() >= 3));
    relay.deliver(&alarm("one"));
    assert_eq!(quiet.wait_lines(1).len(), 1);

    assert_eq!(said(&quiet, "heartbeat").len(), 0);
    assert_eq!(quiet.lines().len(), 1);
}

#[test]
fn silence_of_mist_is_told_once_over_a_restart_and_so_is_its_end() {
    let siem = Rsyslog::start(&RsyslogSetup::default());
    let org = "[[org]]\nname = \"quiet\"\npath = \"/v1/quiet\"\nsecrets = [{ file = \"SECRETS/quiet\" }]\nsilence_secs = 1\n";
    let config = Config::new().secret("quiet", "the other secret of this relay").table(org).table(&sink(
        "siem",
        &siem.tcp(),
        "settle_secs = 0\n",
    ));
    let mut relay = Fogbell::start(&config);
    let states =
        || said(&siem, "mist_silent").iter().map(|it| get(it, "state").to_owned()).collect::<Vec<_>>();

    assert!(wait_until(DEADLINE, || states() == ["raised"]), "{:?}", siem.lines());
    let raised = &said(&siem, "mist_silent")[0];
    assert_eq!((get(raised, "category"), get(raised, "severity")), ("quiet", "warning"));
    assert!(get(raised, "reason").contains("this relay has no API token for it"), "{raised:?}");
    relay.kill9();
    relay.start_again();
    // a full silence and more goes by
    relay.deliver(&alarm("one"));
    let started = std::time::Instant::now();
    assert!(wait_until(DEADLINE, || started.elapsed().as_secs() >= 4));
    assert_eq!(states(), ["raised"]);

    let url = relay.url("/v1/quiet");
    let body = alarm("two");
    let signature = e2e::sign("the other secret of this relay", body.as_bytes());
    let request = e2e::Curl::new(&url).ca(relay.ca()).body(body.as_str());
    assert_eq!(request.header("X-Mist-Signature-v2", &signature).run().status, 200);

    let ended =
        wait_until(DEADLINE, || states().get(..2) == Some(&["raised".to_owned(), "cleared".to_owned()]));
    assert!(ended, "{:?}", states());
}

#[test]
fn the_end_of_a_certificate_of_a_sink_is_told_once_over_a_restart_and_so_is_a_new_one() {
    let setup = RsyslogSetup { tls_clients: TlsClients::Certified };
    let siem = Rsyslog::start(&setup);
    siem.certs().renew_client(10);
    let (chain, key) = (siem.certs().client(), siem.certs().client_key());
    let ca = siem.certs().ca();
    let trust = TlsTrust { ca: &ca, server_name: "localhost", client: Some((&chain, &key)) };
    let mut relay = Fogbell::start(&Config::new().syslog_tls("siem", &siem.tls(), &trust));
    let told = || {
        let told = said(&siem, "sink_certificate_expires");
        told.iter()
            .map(|it| (get(it, "state").to_owned(), get(it, "severity").to_owned()))
            .collect::<Vec<_>>()
    };
    let is = |expect: &[(&str, &str)]| {
        told().iter().map(|(state, severity)| (state.as_str(), severity.as_str())).eq(expect.iter().copied())
    };

    assert!(wait_until(DEADLINE, || is(&[("raised", "warning")])), "{:?}", siem.lines());
    let first = &said(&siem, "sink_certificate_expires")[0];
    assert_eq!(get(first, "category"), "sink siem: client.pem");
    relay.sigterm();
    assert_eq!(relay.wait_exit(DEADLINE).code(), Some(0));
    relay.start_again();
    relay.deliver(&alarm("one"));
    assert!(wait_until(DEADLINE, || siem.lines().iter().any(|line| line.msgid == "one")));
    assert!(is(&[("raised", "warning")]), "{:?}", told());

    siem.certs().renew_client(200);

    assert!(wait_until(DEADLINE * 2, || told().len() == 2 && told()[1].0 == "cleared"), "{:?}", told());
}
