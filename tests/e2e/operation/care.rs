//! What an operator does with a journal: verify it, export it, forget a sink.

use std::os::unix::fs::FileExt;
use std::path::Path;

use e2e::{Answer, Config, DEADLINE, Fogbell, Rsyslog, RsyslogSetup, ask_fogbell_in, free_port, wait_until};
use serde_json::Value;

use super::{alarm, sink};

fn lines(answer: &Answer) -> Vec<Value> {
    answer.out.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

fn export(home: &Path, more: &[&str]) -> Answer {
    ask_fogbell_in(home, &[&["journal", "export"], more].concat())
}

fn end(relay: &mut Fogbell) {
    relay.sigterm();
    assert_eq!(relay.wait_exit(DEADLINE).code(), Some(0));
}

#[test]
fn a_journal_is_verified_and_exported_with_the_relay_running_and_stopped() {
    let away = format!("127.0.0.1:{}", free_port());
    let config = Config::new().table(&sink("away", &away, "")).set("", "grace_secs", "1");
    let mut relay = Fogbell::start(&config);
    let home = relay.home().to_owned();
    let bodies: Vec<String> = (0..5).map(|number| alarm(&format!("number_{number}"))).collect();
    bodies.iter().for_each(|body| relay.deliver(body));
    let exported = |more: &[&str]| lines(&export(&home, more)).len();
    assert!(wait_until(DEADLINE, || exported(&["--log", "outbox", "--cursor", "away"]) >= 5));

    for running in [true, false] {
        let answer = ask_fogbell_in(&home, &["journal", "verify", "--json"]);
        let found: Value = serde_json::from_str(&answer.out).unwrap();
        assert_eq!((answer.code, &found["whole"]), (0, &Value::Bool(true)), "{found}");
        assert!(found["rows"][0].as_u64() >= Some(5) && found["cursors"] == 2, "{found}");

        let answer = export(&home, &["--log", "inbox"]);
        assert_eq!((answer.code, answer.said.as_str()), (0, ""));
        let texts: Vec<Value> = lines(&answer).iter().take(5).map(|line| line["text"].clone()).collect();
        assert_eq!(texts, bodies, "the exact bytes");
        assert_eq!(lines(&export(&home, &["--log", "inbox", "--from", "3"]))[0]["position"], 3);
        let unknown = export(&home, &["--cursor", "nobody"]);
        assert!(unknown.code == 1 && unknown.said.contains("no reader `nobody`"), "{unknown:?}");
        if running {
            end(&mut relay);
        }
    }

    // One bit of one body.
    let journal = home.join("state/journal.db");
    let bytes = std::fs::read(&journal).unwrap();
    let at = bytes.windows(8).position(|window| window == b"number_2").unwrap();
    let file = std::fs::OpenOptions::new().write(true).open(&journal).unwrap();
    file.write_all_at(&[bytes[at] ^ 1], at as u64).unwrap();
    let answer = ask_fogbell_in(&home, &["journal", "verify"]);
    assert_eq!((answer.code, answer.said.as_str()), (1, ""));
    assert_eq!(answer.out.matches("does not match its checksum").count(), 1, "{}", answer.out);
    let answer = export(&home, &[]);
    assert_eq!((answer.code, answer.said.as_str()), (1, ""));
    let damaged = lines(&answer).into_iter().filter(|line| !line["damaged"].is_null()).count();
    assert_eq!(damaged, 1, "{}", answer.out);
}

#[test]
fn a_sink_that_is_gone_is_forgotten_and_one_that_is_configured_is_not() {
    let siem = Rsyslog::start(&RsyslogSetup::default());
    let away = format!("127.0.0.1:{}", free_port());
    let one = Config::new().table(&sink("siem", &siem.tcp(), "")).set("", "grace_secs", "1");
    let all = ["gone", "left"].iter().fold(one.clone(), |config, name| config.table(&sink(name, &away, "")));
    let folder = tempfile::TempDir::new().unwrap();
    let home = folder.path();
    let mut relay = Fogbell::start_in(home, &all);
    relay.deliver(&alarm("one"));
    assert_eq!(siem.wait_lines(1).len(), 1);
    let forget = |more: &[&str]| ask_fogbell_in(home, &[&["journal", "forget"], more].concat());

    let refused = forget(&["gone"]);
    assert!(refused.code == 1 && refused.said.contains("is configured"), "{refused:?}");
    let refused = forget(&["gone", "--configured"]);
    assert!(refused.code == 1 && refused.said.contains("is served by this relay"), "{refused:?}");
    end(&mut relay);
    drop(relay);
    let mut relay = Fogbell::start_in(home, &one);
    let forgot = forget(&["gone"]);
    assert_eq!((forgot.code, forgot.said.as_str()), (0, ""));
    assert!(forgot.out.starts_with("forgot `gone`: 1 alerts ("), "{}", forgot.out);
    let unknown = forget(&["gone"]);
    assert!(unknown.code == 1 && unknown.said.contains("knows no sink `gone`"), "{unknown:?}");
    end(&mut relay);

    let forgot = forget(&["left"]);
    assert!(forgot.code == 0 && forgot.out.starts_with("forgot `left`: 1 alerts ("), "{forgot:?}");
    let unknown = forget(&["left"]);
    assert!(unknown.code == 1 && unknown.said.contains("knows no sink `left`"), "{unknown:?}");
    let own = forget(&["@interpret"]);
    assert!(own.code == 1 && own.said.contains("the relay's own place"), "{own:?}");
    let status = ask_fogbell_in(home, &["journal", "status"]).out;
    assert!(status.contains("siem") && !status.contains("left") && !status.contains("gone"), "{status}");
}
