//! A webhook that Mist signed, from an address that nobody listed.

use e2e::{Config, DEADLINE, Fogbell, Rsyslog, RsyslogSetup, wait_until};

use super::{MESSAGE, good, only};

#[test]
fn what_mist_signed_from_an_address_that_is_not_listed_is_refused_and_said() {
    let siem = Rsyslog::start(&RsyslogSetup::default());
    let config = only("\"127.0.0.3/32\"").set("gate", "danger_read_unlisted", "true");
    let mut relay = Fogbell::start(&config.syslog("siem", &siem.tcp(), "tcp"));
    let url = relay.url(Config::PATH);
    let signed = |relay: &Fogbell| relay.metric("fogbell_signed_unlisted_total", "org=\"acme\"");
    let warned = relay.process().wait_line("its warning", |line| line.contains("danger_read_unlisted"));
    assert!(warned.contains("WARN"), "{warned}");

    // a stranger without the secret is nobody to speak of
    let forged =
        e2e::Curl::new(&url).ca(relay.ca()).body(MESSAGE).argument("--interface").argument("127.0.0.2");
    let forged = forged.header("X-Mist-Signature-v2", &e2e::sign("another secret", MESSAGE.as_bytes())).run();
    assert_eq!((forged.status, forged.text().as_str()), (403, "forbidden\n"), "{}", forged.said);
    assert_eq!(signed(&relay), 0.0);

    for count in 1..=3 {
        let answer = good(&relay, &url, "127.0.0.2", &[]);
        assert_eq!((answer.status, answer.text().as_str()), (403, "forbidden\n"), "{}", answer.said);
        assert_eq!(signed(&relay), f64::from(count));
    }
    let line = relay.process().wait_line("where it came from", |line| line.contains("unlisted_source"));
    assert!(line.contains("127.0.0.2") && line.contains("`acme`") && line.contains("ERROR"), "{line}");

    // the message itself goes nowhere, its address is told once
    assert_eq!(good(&relay, &url, "127.0.0.3", &[]).status, 200);
    let lines = siem.wait_lines(2);
    assert!(wait_until(DEADLINE, || relay.metric("fogbell_sink_behind_alerts", "") < 0.5));
    let told = lines.iter().filter(|line| line.msgid == "unlisted_source").count();
    assert_eq!((lines.len(), told), (2, 1), "{lines:?}");
}

#[test]
fn without_being_told_to_the_relay_does_not_read_what_comes_from_elsewhere() {
    let relay = Fogbell::start(&only("\"127.0.0.3/32\""));

    let answer = good(&relay, &relay.url(Config::PATH), "127.0.0.2", &[]);

    assert_eq!(answer.status, 403, "{}", answer.said);
    assert_eq!(relay.metric("fogbell_signed_unlisted_total", ""), 0.0);
    assert_eq!(relay.metric("fogbell_refusals_total", "reason=\"source\""), 1.0);
}
