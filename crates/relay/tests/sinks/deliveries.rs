//! Receivers that behave badly.

use std::error::Error;
use std::sync::atomic::{AtomicU64, Ordering};

use fogbell_relay::Drained;
use testkit::mist::{Delivery, load_name};
use testkit::{SyslogReceiver, SyslogSettings, Transport};
use tokio::net::UdpSocket;
use tokio::time::{Instant, timeout, timeout_at};

use crate::{DEADLINE, Running};

#[tokio::test(flavor = "multi_thread")]
async fn a_message_of_more_alerts_than_one_commit_takes_arrives_whole_and_once() {
    let siem = SyslogReceiver::start(SyslogSettings::new(Transport::Tcp)).await.unwrap();
    let mut relay = Running::start(&format!(
        "[[syslog]]\nname = \"siem\"\naddress = \"{}\"\ntransport = \"tcp\"\n",
        siem.address()
    ))
    .await;
    // 4 MiB of alerts are a commit; this is more, since each text stands in its reason and its summary
    let reason = "r".repeat(200);
    let event = |n: u64| format!(r#"{{"id":"{n}","type":"T{n:05}","reason":"{reason}"}}"#);
    let events: Vec<String> = (0..MANY).map(event).collect();
    let body = format!(r#"{{"topic":"device-events","events":[{}]}}"#, events.join(","));
    let delivery = Delivery { topic: "device-events".into(), body: body.into() };

    let answer = relay.post.deliver(&delivery).await.unwrap();
    siem.wait_for(MANY, DEADLINE).await.unwrap();

    assert_eq!(answer.status, 200);
    let types: Vec<String> = siem
        .received()
        .iter()
        .filter_map(|frame| frame.text().split(' ').nth(5).map(str::to_owned))
        .collect();
    assert_eq!(types, (0..MANY).map(|n| format!("T{n:05}")).collect::<Vec<_>>());
    let drained = relay.stop().await;
    assert_eq!(drained, Drained { waiting: Vec::new(), uninterpreted: 0 });
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_of_more_problems_than_one_commit_takes_is_interpreted_and_stops_nobody() {
    let siem = SyslogReceiver::start(SyslogSettings::new(Transport::Tcp)).await.unwrap();
    let mut relay = Running::start(&format!(
        "[[syslog]]\nname = \"siem\"\naddress = \"{}\"\ntransport = \"tcp\"\n",
        siem.address()
    ))
    .await;
    // what is remembered of each problem is about as long as its alert
    let event = |n: u64| {
        let macs: Vec<String> = (0..DEVICES).map(|device| format!("{:012x}", n * DEVICES + device)).collect();
        format!(r#"{{"id":"{n}","type":"device_down","aps":["{}"]}}"#, macs.join(r#"",""#))
    };
    let events: Vec<String> = (1..=PROBLEMS / DEVICES).map(event).collect();
    let body = format!(r#"{{"topic":"alarms","events":[{}]}}"#, events.join(","));
    assert!(body.len() < 1 << 20, "{}", body.len());
    let delivery = Delivery { topic: "alarms".into(), body: body.into() };

    let answer = relay.post.deliver(&delivery).await.unwrap();
    relay.post(1).await;
    siem.wait_for(PROBLEMS + 1, DEADLINE).await.unwrap();

    assert_eq!(answer.status, 200);
    assert_eq!(relay.metric("fogbell_problems_open").await, (PROBLEMS + 1) as f64);
    let drained = relay.stop().await;
    assert_eq!(drained, Drained { waiting: Vec::new(), uninterpreted: 0 });
}

/// More problems than one commit takes, each alarm about as many devices as are read of it.
const PROBLEMS: u64 = 400 * DEVICES;
const DEVICES: u64 = 128;

/// More events of this size than one commit takes, and not more than are read.
const MANY: u64 = 16_000;

/// A receiver of v2c informs that never acknowledges what contains `poison`; what it saw, in order.
async fn picky_receiver(socket: &UdpSocket, poison: &[u8], want: usize) -> Result<Vec<u64>, Box<dyn Error>> {
    let mut seen = Vec::new();
    let mut buffer = vec![0; 65_536];
    let deadline = Instant::now() + DEADLINE;
    while seen.len() < want {
        let (length, peer) = timeout_at(deadline, socket.recv_from(&mut buffer)).await??;
        let datagram = &mut buffer[..length];
        if datagram.windows(poison.len()).any(|window| window == poison) {
            continue;
        }
        let number = (0..1000).find(|n| {
            let name = load_name(*n);
            datagram.windows(name.len()).any(|window| window == name.as_bytes())
        });
        if let Some(number) = number.filter(|number| !seen.contains(number)) {
            seen.push(number);
        }
        // the acknowledgement of an inform is the same PDU under another tag (RFC 3416 4.2.7)
        let pdu = datagram.iter().position(|byte| *byte == 0xa6).ok_or("not an inform")?;
        datagram[pdu] = 0xa2;
        socket.send_to(datagram, peer).await?;
    }
    Ok(seen)
}

#[tokio::test(flavor = "multi_thread")]
async fn an_inform_that_only_itself_fails_is_set_aside_and_said() {
    let socket = UdpSocket::bind("127.0.0.1:0").await.unwrap();
    let address = socket.local_addr().unwrap();
    let mut relay = Running::start(&format!(
        "[[snmp]]\nname = \"noc\"\naddress = \"{address}\"\nversion = \"2c\"\ncommunity = {{ file = \"c\" }}\n"
    ))
    .await;
    let poison = load_name(5);

    relay.post(40).await;
    // 39 alarms; the alert that says one was set aside comes without a number
    let seen = picky_receiver(&socket, poison.as_bytes(), 39).await.unwrap();
    let acknowledged = AtomicU64::new(39);
    let said = async {
        let mut buffer = vec![0; 65_536];
        loop {
            let (length, peer) = socket.recv_from(&mut buffer).await.unwrap();
            let datagram = &mut buffer[..length];
            if datagram.windows(15).any(|window| window == b"alert_set_aside") {
                return;
            }
            if datagram.windows(poison.len()).any(|window| window == poison.as_bytes()) {
                continue;
            }
            let pdu = datagram.iter().position(|byte| *byte == 0xa6).unwrap();
            datagram[pdu] = 0xa2;
            socket.send_to(datagram, peer).await.unwrap();
            acknowledged.fetch_add(1, Ordering::SeqCst);
        }
    };
    // while nothing else succeeds, the receiver may be at fault: more alerts have to go through first
    let more = async {
        loop {
            relay.post(1).await;
            while acknowledged.load(Ordering::SeqCst) < relay.posted as u64 - 1 {
                tokio::task::yield_now().await;
            }
        }
    };
    let set_aside = timeout(DEADLINE, async {
        tokio::select! {
            () = said => {}
            () = more => {}
        }
    });
    set_aside.await.expect("it is set aside in the end");

    let mut numbers = seen;
    numbers.sort_unstable();
    assert_eq!(numbers, (0..40).filter(|n| *n != 5).collect::<Vec<_>>());
    // it counts once the cursor that passes it is on disk
    let counted = timeout(DEADLINE, async {
        while relay.metric("fogbell_set_aside_total{sink=\"noc\"}").await < 1.0 {
            tokio::task::yield_now().await;
        }
    });
    counted.await.expect("it is counted");
    relay.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_receiver_of_informs_that_was_away_gets_everything_in_order_once() {
    let socket = UdpSocket::bind("127.0.0.1:0").await.unwrap();
    let address = socket.local_addr().unwrap();
    drop(socket);
    let mut relay = Running::start(&format!(
        "[[snmp]]\nname = \"noc\"\naddress = \"{address}\"\nversion = \"2c\"\ncommunity = {{ file = \"c\" }}\n"
    ))
    .await;

    relay.post(30).await;
    while relay.metric("fogbell_delivery_failures_total{sink=\"noc\"}").await < 3.0 {
        tokio::task::yield_now().await;
    }
    let socket = UdpSocket::bind(address).await.unwrap();
    let seen = picky_receiver(&socket, b"no such name", 30).await.unwrap();

    assert_eq!(seen, (0..30).collect::<Vec<_>>());
    let drained = relay.stop().await;
    assert_eq!(drained.uninterpreted, 0);
}

/// Acknowledges informs but for `forgotten` datagrams behind the first `answered`; the numbers of those it
/// acknowledged, in their order.
async fn forgetful_receiver(socket: &UdpSocket, answered: usize, forgotten: usize, count: usize) -> Vec<u64> {
    let mut buffer = vec![0; 65_536];
    let (mut came, mut seen) = (0, Vec::new());
    while seen.len() < count {
        let (length, peer) = timeout(DEADLINE, socket.recv_from(&mut buffer)).await.unwrap().unwrap();
        let datagram = &mut buffer[..length];
        came += 1;
        if (answered..answered + forgotten).contains(&(came - 1)) {
            continue;
        }
        seen.extend((0..1000).find(|n| {
            let name = load_name(*n);
            datagram.windows(name.len()).any(|window| window == name.as_bytes())
        }));
        let pdu = datagram.iter().position(|byte| *byte == 0xa6).unwrap();
        datagram[pdu] = 0xa2;
        socket.send_to(datagram, peer).await.unwrap();
    }
    seen
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_overtakes_the_informs_that_were_under_way_when_their_receiver_went() {
    let socket = UdpSocket::bind("127.0.0.1:0").await.unwrap();
    let address = socket.local_addr().unwrap();
    let mut relay = Running::start(&format!(
        "[[snmp]]\nname = \"noc\"\naddress = \"{address}\"\nversion = \"2c\"\ncommunity = {{ file = \"c\" }}\n"
    ))
    .await;

    relay.post(40).await;
    // as many as are in flight
    let seen = forgetful_receiver(&socket, 10, 8, 40).await;

    assert_eq!(seen, (0..40).collect::<Vec<_>>());
    relay.stop().await;
}
