//! Where alerts go, and how a sink shows them.

use testkit::mist::Delivery;
use testkit::notification::{Message, Value};
use testkit::{SyslogReceiver, SyslogSettings, Transport, TrapReceiver};

use crate::{DEADLINE, Running};

/// Posts one event of `topic` with these keys besides its `type`.
async fn post(relay: &mut Running, topic: &str, kind: &str, keys: &str) {
    let body =
        format!(r#"{{"topic":"{topic}","events":[{{"type":"{kind}","timestamp":1629753888{keys}}}]}}"#);
    let delivery = Delivery { topic: topic.into(), body: body.into() };
    assert_eq!(relay.post.deliver(&delivery).await.unwrap().status, 200);
}

async fn receiver() -> SyslogReceiver {
    SyslogReceiver::start(SyslogSettings::new(Transport::Tcp)).await.unwrap()
}

/// The types of the lines that came, in their order.
fn types(receiver: &SyslogReceiver) -> Vec<String> {
    let kind = |text: String| text.split(' ').nth(5).map(str::to_owned);
    receiver.received().iter().filter_map(|frame| kind(frame.text())).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn alerts_go_where_routes_lead() {
    let (noc, siem) = (receiver().await, receiver().await);
    let mut relay = Running::start(&format!(
        r#"
[[route]]
sinks = ["siem"]
continue = true
[[route]]
type = {{ prefix = "noisy" }}
sinks = []
[[route]]
name = "one in three"
when = "3 / (count - 1) == 1"
sinks = ["noc"]
[[route]]
topic = "client-sessions"
site = "HQ"
sinks = ["noc"]
[[syslog]]
name = "noc"
address = "{}"
transport = "tcp"
[[syslog]]
name = "siem"
address = "{}"
transport = "tcp"
"#,
        noc.address(),
        siem.address()
    ))
    .await;

    post(&mut relay, "alarms", "mild", r#","count":9"#).await;
    post(&mut relay, "alarms", "NOISY-ONE", r#","count":4"#).await;
    post(&mut relay, "alarms", "bad", r#","count":4"#).await;
    post(&mut relay, "alarms", "odd", r#","count":1"#).await;
    post(&mut relay, "client-sessions", "unseen", r#","site_name":"B1","count":4"#).await;
    post(&mut relay, "client-sessions", "named", r#","site_name":"HQ""#).await;
    siem.wait_for(4, DEADLINE).await.unwrap();
    noc.wait_for(2, DEADLINE).await.unwrap();

    assert_eq!(types(&siem), ["mild", "NOISY-ONE", "bad", "odd"]);
    assert_eq!(types(&noc), ["bad", "named"]);
    for (sink, errors) in [("noc", 1.0), ("siem", 0.0)] {
        let metric = format!("fogbell_route_when_errors_total{{route=\"one in three\",sink=\"{sink}\"}}");
        assert_eq!(relay.metric(&metric).await, errors, "{metric}");
    }
    relay.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn each_sink_shows_an_alert_its_own_way() {
    let (plain, own) = (receiver().await, receiver().await);
    let traps = TrapReceiver::start().await.unwrap();
    let mut relay = Running::start(&format!(
        r#"
[[syslog]]
name = "plain"
address = "{}"
transport = "tcp"
[[syslog]]
name = "own"
address = "{}"
transport = "tcp"
node = "mac-colons"
message = "{{{{ device }}}} is {{{{ node }}}}, {{{{ 6 // (count - 2) }}}}"
[[snmp]]
name = "noc"
address = "{}"
version = "2c"
community = {{ file = "community" }}
notification = "trap"
node_suffix = ".example.net"
summary = "{{{{ severity | upper }}}} {{{{ node }}}} {{{{ seq }}}}"
"#,
        plain.address(),
        own.address(),
        traps.address()
    ))
    .await;

    let device = r#","device_name":"core-1","mac":"5c5b351e13b5","severity":"critical""#;
    post(&mut relay, "alarms", "down", &format!("{device},\"count\":4")).await;
    post(&mut relay, "alarms", "down", &format!("{device},\"count\":2")).await;
    for receiver in [&plain, &own] {
        receiver.wait_for(2, DEADLINE).await.unwrap();
    }
    traps.wait_for(2, DEADLINE).await.unwrap();

    let lines =
        |receiver: &SyslogReceiver| receiver.received().iter().map(|frame| frame.text()).collect::<Vec<_>>();
    let (plain, own) = (lines(&plain), lines(&own));
    assert!(
        plain[0].contains(" core-1 fogbell ") && plain[0].contains(" device=\"core-1\" "),
        "{}",
        plain[0]
    );
    assert!(own[0].contains(" 5c-5b-35-1e-13-b5 fogbell "), "{}", own[0]);
    assert!(own[0].contains(" device=\"5c:5b:35:1e:13:b5\" "), "{}", own[0]);
    assert!(own[0].ends_with("] core-1 is 5c:5b:35:1e:13:b5, 3"), "{}", own[0]);
    // a template without a value leaves the alert's own text
    let text = |line: &str| line.rsplit_once("] ").unwrap().1.to_owned();
    assert_eq!(text(&own[1]), text(&plain[1]));
    assert_eq!(relay.metric("fogbell_template_errors_total{sink=\"own\"}").await, 1.0);
    let received = traps.received();
    let Message::V2c(message) = &received[0].message else { panic!("{:?}", received[0]) };
    let object =
        |number: u32| message.value(&format!("1.3.6.1.4.1.32473.1.1.{number}.0")).and_then(Value::text);
    let (summary, device) = (object(1), object(15));
    assert_eq!(summary, Some("CRITICAL core-1.example.net 1"));
    assert_eq!(device, Some("core-1.example.net"));
    relay.stop().await;
}
