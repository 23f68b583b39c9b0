//! Sinks against receivers that behave badly, through a whole relay in this process.
#![allow(clippy::unwrap_used, reason = "a test says what is wrong by failing")]

use std::error::Error;
use std::net::SocketAddr;
use std::path::Path;
use std::time::Duration;

use fogbell_relay::{Config, Drained, Identity, Relay, Setup, Sockets};
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, PrivateKeyDer};
use tempfile::TempDir;
use testkit::mist::{Delivery, FakeMist, load_name};
use testkit::{Post, SyslogReceiver, SyslogSettings, TestCa, Transport, Trust};
use tokio::net::{TcpListener, UdpSocket, UnixListener};
use tokio::sync::oneshot;
use tokio::task::JoinHandle;
use tokio::time::{Instant, timeout, timeout_at};
use zeroize::Zeroizing;

const SECRET: &[u8] = b"a secret of the test";
const DEADLINE: Duration = Duration::from_secs(60);

/// A relay in this process.
struct Running {
    post: Post,
    mist: FakeMist,
    posted: u64,
    admin: SocketAddr,
    stop: oneshot::Sender<()>,
    relay: JoinHandle<Result<Drained, fogbell_relay::Error>>,
    _dir: TempDir,
}

impl Running {
    /// Starts a relay with these sinks; `{community}` in them stands for a file with a community.
    async fn start(sinks: &str) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let state = dir.path().display().to_string();
        let text = format!(
            "state = \"{state}\"\n[gate]\nnetworks = [\"127.0.0.0/8\"]\nmax_body_bytes = 4194304\n[[org]]\nname = \"acme\"\n\
             secrets = [{{ file = \"webhook\" }}]\n{sinks}"
        );
        let config = Config::parse(Path::new("test.toml"), text).unwrap();
        let ca = TestCa::new();
        let server = ca.server(&["localhost", "127.0.0.1"]);
        let identity = Identity {
            chain: CertificateDer::pem_slice_iter(server.chain_pem.as_bytes())
                .collect::<Result<_, _>>()
                .unwrap(),
            key: PrivateKeyDer::from_pem_slice(server.key_pem.as_bytes()).unwrap(),
        };
        let secret = |home: &fogbell_relay::config::SecretHome| {
            let bytes = if home.file == Path::new("webhook") { SECRET } else { b"public" };
            Ok(Zeroizing::new(bytes.to_vec()))
        };
        let relay = Relay::open(Setup::new(config, identity, &secret).unwrap()).unwrap();
        let webhooks = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let admin = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let commands = UnixListener::bind(dir.path().join("admin.sock")).unwrap();
        let url = format!("https://{}/v1/mist", webhooks.local_addr().unwrap());
        let (stop, stopped) = oneshot::channel();
        let admin_address = admin.local_addr().unwrap();
        let shutdown = async {
            let _ = stopped.await;
        };
        let relay = tokio::spawn(relay.run(Sockets { webhooks, admin, commands }, shutdown));
        let post = Post::new(&url, &Trust::pem(&ca.pem()).unwrap()).unwrap().secret(SECRET);
        Self { post, mist: FakeMist::new(7), posted: 0, admin: admin_address, stop, relay, _dir: dir }
    }

    /// Posts `count` alarms, each with a device name of its own; they are answered 200.
    async fn post(&mut self, count: u64) {
        for _ in 0..count {
            let delivery = self.mist.alarm_of_size(900, self.posted);
            let answer = self.post.deliver(&delivery).await.unwrap();
            assert_eq!(answer.status, 200);
            self.posted += 1;
        }
    }

    async fn stop(self) -> Drained {
        self.stop.send(()).unwrap();
        timeout(DEADLINE, self.relay).await.unwrap().unwrap().unwrap()
    }

    async fn metric(&self, name: &str) -> f64 {
        use tokio::io::{AsyncReadExt, AsyncWriteExt};
        let mut stream = tokio::net::TcpStream::connect(self.admin).await.unwrap();
        stream.write_all(b"GET /metrics HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n").await.unwrap();
        let mut text = String::new();
        stream.read_to_string(&mut text).await.unwrap();
        let line = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
        line.map_or(0.0, |value| value.parse().unwrap())
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_of_more_alerts_than_one_commit_takes_arrives_whole_and_once() {
    let siem = SyslogReceiver::start(SyslogSettings::new(Transport::Tcp)).await.unwrap();
    let mut relay = Running::start(&format!(
        "[[syslog]]\nname = \"siem\"\naddress = \"{}\"\ntransport = \"tcp\"\n",
        siem.address()
    ))
    .await;
    // 8 MiB of alerts are a commit; this is more, since each text stands in its reason and its summary
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
        }
    };
    // while nothing else succeeds, the receiver may be at fault: more alerts have to go through first
    let more = async {
        loop {
            relay.post(1).await;
            while relay.metric("fogbell_delivered_total{sink=\"noc\"}").await < relay.posted as f64 - 1.0 {
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
    assert_eq!(relay.metric("fogbell_set_aside_total{sink=\"noc\"}").await, 1.0);
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
