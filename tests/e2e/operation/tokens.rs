//! A token that Mist does not take is told, and so is its end.

use std::fs;

use e2e::{DEADLINE, Rsyslog, RsyslogSetup, wait_until};

use crate::webhooks::scene::{May, Scene};

/// The states of alerts about tokens that arrived, in their order.
fn told(siem: &Rsyslog) -> Vec<(String, String)> {
    let of_token = |line: &&e2e::Line| line.msgid == "api_token_invalid";
    let parts = |line: &e2e::Line| {
        let state =
            ["raised", "cleared"].into_iter().find(|state| line.data.contains(&format!("state=\"{state}\"")));
        (state.unwrap_or_default().to_owned(), line.message.clone())
    };
    siem.lines().iter().filter(of_token).map(parts).collect()
}

#[test]
fn a_token_that_is_refused_or_may_nothing_is_an_alert_until_another_is_in_its_place() {
    let siem = Rsyslog::start(&RsyslogSetup::default());
    let mut scene = Scene::with(May::Read, |config| config.syslog("siem", &siem.tcp(), "tcp"));
    let file = scene.folder.path().join("secrets/token");
    let dead = scene.cloud.add_token(scene.org, "read").unwrap();
    scene.cloud.revoke(&dead).unwrap();

    // revoked, as the relay learns when its file is written or it starts
    fs::write(&file, &dead).unwrap();
    assert!(wait_until(DEADLINE, || told(&siem).len() == 1), "{:?}", siem.lines());
    let (state, text) = &told(&siem)[0];
    assert_eq!(state, "raised");
    assert!(text.contains("(401)") && text.contains("the relay notices"), "{text}");

    // what was open before a restart is not told again
    scene.relay.sigterm();
    assert!(scene.relay.wait_exit(DEADLINE).success());
    scene.relay.start_again();
    let asked = || scene.cloud.calls_to("/self").iter().filter(|call| call.status == Some(401)).count() > 1;
    assert!(wait_until(DEADLINE, asked));

    fs::write(&file, scene.cloud.read_token(scene.org)).unwrap();
    assert!(wait_until(DEADLINE, || told(&siem).len() == 2), "{:?}", siem.lines());
    assert_eq!(told(&siem)[1].0, "cleared");

    // a good token, and another organisation
    let config = scene.folder.path().join("fogbell.toml");
    let text = fs::read_to_string(&config).unwrap();
    let org = scene.org.to_string();
    fs::write(&config, text.replace(&org, "2818e386-8dec-2562-9ede-5b8a0fbbdc71")).unwrap();
    assert_eq!(scene.ask(&["reload"]).code, 0);
    assert!(wait_until(DEADLINE, || told(&siem).len() == 3), "{:?}", siem.lines());
    assert!(told(&siem)[2].1.contains("may do nothing in its organisation"), "{:?}", told(&siem));
    fs::write(&config, text).unwrap();
    assert_eq!(scene.ask(&["reload"]).code, 0);
    assert!(wait_until(DEADLINE, || told(&siem).len() == 4), "{:?}", siem.lines());
}
