//! What leaves the socket, read by a reader of its own, and what comes of what a receiver answers.

#![allow(clippy::unwrap_used, reason = "the helpers of a test are tests")]

use std::convert::Infallible;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use alarm::{AlarmKey, Alert, AlertId, Severity, Stamp, State, Text};
use async_snmp as wire;
use fogbell_snmp::{
    Acknowledged, AuthProtocol, Community, Credentials, Endpoint, Engine, EngineState, Failure, Limits, Mib,
    Notification, Passphrase, PrivacyProtocol, Retry, Security, Sender, UserName, Value,
};
use ids::Timestamp;
use tokio::net::UdpSocket;

#[path = "sending/ber.rs"]
mod ber;

use ber::Element;

const PATIENT: Duration = Duration::from_secs(20);
const HASTY: Duration = Duration::from_millis(150);

fn alert() -> Alert {
    let at = Timestamp::from_micros(1_795_356_451_002_000);
    let mut alert = Alert::new(AlertId::of(&[b"a"]), AlarmKey::of(&[b"k"]), "alarms", "switch_down", at);
    alert.state = State::Raised;
    alert.severity = Severity::Critical;
    alert.site = "Zürich HB".into();
    alert.device = "sw-core-1".into();
    alert.ip = "192.0.2.17".into();
    alert.count = 4_000_000_000;
    alert.summary = "switch sw-core-1 at Zürich HB is down".into();
    alert
}

/// An alert with far too much to say.
fn endless() -> Alert {
    let text = Text::from("é".repeat(50_000));
    let mut alert = alert();
    alert.reason = text.clone();
    alert.port = text.clone();
    alert.org = text.clone();
    alert.model = text.clone();
    alert.serial = text.clone();
    alert.group = text.clone();
    alert.site = text.clone();
    alert.kind = text.clone();
    alert.summary = text;
    alert
}

fn encode(alert: &Alert, credentials: &Credentials) -> Notification {
    let limits = Limits { header_bytes: credentials.header_bytes(), ..Limits::default() };
    Notification::encode(alert, &Stamp { relay: "relay-1", sequence: u64::MAX }, &Mib::default(), &limits)
}

fn v2c() -> Credentials {
    Credentials::V2c { community: Community::new("public").unwrap() }
}

fn v3(auth: AuthProtocol, privacy: PrivacyProtocol) -> Credentials {
    Credentials::V3 {
        user: UserName::new("fogbell").unwrap(),
        security: Security::AuthPriv {
            auth: (auth, Passphrase::new("authpass12345").unwrap()),
            privacy: (privacy, Passphrase::new("privpass12345").unwrap()),
        },
    }
}

/// The two weaker levels.
fn weaker(auth: AuthProtocol) -> [Credentials; 2] {
    let auth = (auth, Passphrase::new("authpass12345").unwrap());
    [Security::DangerAuthNoPriv { auth }, Security::DangerNoAuthNoPriv]
        .map(|security| Credentials::V3 { user: UserName::new("fogbell").unwrap(), security })
}

fn engine() -> Engine {
    Engine::start(&EngineState::random(&Mib::default()).unwrap(), |_| Ok::<_, Infallible>(())).unwrap()
}

async fn sender(
    address: SocketAddr,
    timeout: Duration,
    credentials: &Credentials,
    engine: Option<&Engine>,
) -> Sender {
    let endpoint = Endpoint { address, bind: None, timeout, started: Instant::now() };
    Sender::connect(&endpoint, credentials, engine).await.unwrap()
}

/// A receiver that does nothing by itself.
async fn socket() -> (UdpSocket, SocketAddr) {
    let socket = UdpSocket::bind("127.0.0.1:0").await.unwrap();
    let address = socket.local_addr().unwrap();
    (socket, address)
}

async fn datagram(socket: &UdpSocket) -> (Vec<u8>, SocketAddr) {
    let mut bytes = vec![0; 65_536];
    let (len, from) = tokio::time::timeout(PATIENT, socket.recv_from(&mut bytes)).await.unwrap().unwrap();
    bytes.truncate(len);
    (bytes, from)
}

#[tokio::test]
async fn a_v2c_trap_on_the_wire_says_what_the_notification_says() {
    let (socket, address) = socket().await;
    let credentials = v2c();
    let notification = encode(&alert(), &credentials);

    sender(address, PATIENT, &credentials, None).await.trap(&notification).await.unwrap();

    let (bytes, _) = datagram(&socket).await;
    let message = Element::whole(&bytes).children();
    assert_eq!((message[0].number(), message[1].contents), (1, &b"public"[..]));
    assert_eq!(message[2].tag, 0xa7, "SNMPv2-Trap-PDU");
    let pdu = message[2].children();
    assert_eq!((pdu[1].number(), pdu[2].number()), (0, 0));
    let varbinds: Vec<_> = pdu[3].children().iter().map(|varbind| varbind.children()).collect();
    assert_eq!(varbinds[0][0].oid(), "1.3.6.1.2.1.1.3.0");
    assert_eq!(varbinds[0][1].tag, 0x43, "TimeTicks");
    assert_eq!(varbinds[1][0].oid(), "1.3.6.1.6.3.1.1.4.1.0");
    assert_eq!(varbinds[1][1].oid(), notification.trap.to_string());
    assert_eq!(varbinds.len(), 2 + 29 + 1);
    for (on_wire, varbind) in varbinds[2..].iter().zip(&notification.varbinds) {
        assert_eq!(on_wire[0].oid(), varbind.oid.to_string());
        match &varbind.value {
            Value::Integer(number) => {
                assert_eq!((on_wire[1].tag, on_wire[1].number()), (0x02, i128::from(*number)));
            }
            Value::Gauge32(number) => {
                assert_eq!((on_wire[1].tag, on_wire[1].number()), (0x42, i128::from(*number)));
            }
            Value::Counter64(number) => {
                assert_eq!((on_wire[1].tag, on_wire[1].number()), (0x46, i128::from(*number)));
            }
            Value::OctetString(text) => {
                assert_eq!((on_wire[1].tag, on_wire[1].contents), (0x04, text.as_str().as_bytes()));
            }
            Value::IpAddress(address) => {
                assert_eq!((on_wire[1].tag, on_wire[1].contents), (0x40, &address.octets()[..]));
            }
        }
    }
}

#[tokio::test]
async fn no_datagram_is_larger_than_was_counted() {
    // The longest engine id, as a receiver of informs may have one.
    let state = format!("engine_id = 0x80{}\nboots = 2147483000", "7e".repeat(31));
    let engine = Engine::start(&EngineState::parse(&state).unwrap(), |_| Ok::<_, Infallible>(())).unwrap();
    let mut all = vec![v2c()];
    all.extend(
        AuthProtocol::ALL.into_iter().zip(PrivacyProtocol::ALL).map(|(auth, privacy)| v3(auth, privacy)),
    );
    all.extend(AuthProtocol::ALL.into_iter().flat_map(weaker));
    for credentials in all {
        let (socket, address) = socket().await;
        let sender = sender(address, PATIENT, &credentials, Some(&engine)).await;
        for alert in [alert(), endless()] {
            let notification = encode(&alert, &credentials);

            sender.trap(&notification).await.unwrap();

            let sent = datagram(&socket).await.0.len();
            let counted = notification.datagram_bytes(credentials.header_bytes());
            assert!(sent <= counted && counted <= Limits::DEFAULT_BYTES, "{sent} of {counted}");
            // The rest: clocks and the request's number may be shorter than they can be.
            assert!(counted - sent <= 16, "{sent} of {counted}");
        }
    }
}

#[tokio::test]
async fn a_v3_trap_without_an_engine_is_refused_here() {
    let credentials = v3(AuthProtocol::Sha256, PrivacyProtocol::Aes128);
    let (_socket, address) = socket().await;
    let notification = encode(&alert(), &credentials);

    let failure = sender(address, PATIENT, &credentials, None).await.trap(&notification).await.unwrap_err();

    // no fault of the notification, which must not be given up for it
    assert!(matches!(failure, Failure::Unfit { .. }), "{failure}");
    assert_eq!(failure.retry(), Retry::Again);
}

/// Answers one inform as `answer` says.
async fn acknowledge(socket: &UdpSocket, answer: ber::Answer) {
    let (bytes, from) = datagram(socket).await;
    socket.send_to(&ber::response(&bytes, answer), from).await.unwrap();
}

#[tokio::test]
async fn an_inform_ends_as_the_receiver_answers() {
    let (socket, address) = socket().await;
    let credentials = v2c();
    let notification = encode(&alert(), &credentials);
    let sender = sender(address, PATIENT, &credentials, None).await;
    let inform = async |answer| {
        let (result, ()) = tokio::join!(sender.inform(&notification), acknowledge(&socket, answer));
        result
    };

    assert_eq!(inform(ber::Answer::Echo).await.unwrap(), Acknowledged::Whole);
    assert_eq!(inform(ber::Answer::Empty).await.unwrap(), Acknowledged::Altered);
    let failure = inform(ber::Answer::Error(16)).await.unwrap_err();
    assert!(matches!(&failure, Failure::Refused { reason } if reason == "authorizationError"), "{failure:?}");
    assert_eq!(failure.retry(), Retry::Again);
}

#[tokio::test]
async fn an_inform_that_nobody_answers_was_sent_once_and_ends_in_time() {
    let (socket, address) = socket().await;
    let credentials = v2c();
    let sender = sender(address, HASTY, &credentials, None).await;

    let failure = sender.inform(&encode(&alert(), &credentials)).await.unwrap_err();

    assert!(matches!(failure, Failure::Timeout), "{failure:?}");
    datagram(&socket).await;
    assert!(socket.try_recv(&mut [0; 10]).is_err(), "sent a second time");
}

#[tokio::test]
async fn several_informs_are_under_way_at_once_and_answered_in_any_order() {
    let (socket, address) = socket().await;
    let credentials = v2c();
    let notification = encode(&alert(), &credentials);
    let sender = sender(address, PATIENT, &credentials, None).await;
    let backwards = async {
        let mut waiting = Vec::new();
        for _ in 0..8 {
            waiting.push(datagram(&socket).await);
        }
        while let Some((bytes, from)) = waiting.pop() {
            socket.send_to(&ber::response(&bytes, ber::Answer::Echo), from).await.unwrap();
        }
    };
    let inform = || async { sender.inform(&notification).await.unwrap() };

    let acknowledged = tokio::join!(
        inform(),
        inform(),
        inform(),
        inform(),
        inform(),
        inform(),
        inform(),
        inform(),
        backwards
    );

    assert_eq!(acknowledged.0, Acknowledged::Whole);
    assert_eq!(acknowledged.7, Acknowledged::Whole);
}

/// A receiver that knows the user of [`v3`], under an engine id of its own.
async fn receiver(
    address: &str,
    auth: wire::AuthProtocol,
    privacy: wire::PrivProtocol,
) -> wire::NotificationReceiver {
    let id = wire::generate_engine_id().unwrap();
    wire::NotificationReceiver::builder()
        .bind(address)
        .authoritative_engine(wire::AuthoritativeEngine::install(id, |_| Ok::<_, Infallible>(())).unwrap())
        .usm_user("fogbell", |user| user.auth_priv(auth, "authpass12345", privacy, "privpass12345"))
        .unwrap()
        .accept_all_notifications()
        .build()
        .await
        .unwrap()
}

async fn received(receiver: &wire::NotificationReceiver) -> wire::ReceivedNotification {
    tokio::time::timeout(PATIENT, receiver.recv()).await.unwrap().unwrap()
}

#[tokio::test]
async fn a_v3_receiver_decrypts_every_protocol() {
    use wire::AuthProtocol::{Sha1, Sha224, Sha256, Sha384, Sha512};
    use wire::PrivProtocol::{Aes128, Aes192Blumenthal, Aes192Reeder, Aes256Blumenthal, Aes256Reeder};
    let engine = engine();
    let auths = AuthProtocol::ALL.into_iter().zip([Sha1, Sha224, Sha256, Sha384, Sha512]);
    let ciphers = PrivacyProtocol::ALL.into_iter().zip([
        Aes128,
        Aes192Blumenthal,
        Aes192Reeder,
        Aes256Blumenthal,
        Aes256Reeder,
    ]);
    for ((auth, wire_auth), (privacy, wire_privacy)) in auths.zip(ciphers) {
        let receiver = receiver("127.0.0.1:0", wire_auth, wire_privacy).await;
        let credentials = v3(auth, privacy);
        let notification = encode(&alert(), &credentials);
        let sender = sender(receiver.local_addr(), PATIENT, &credentials, Some(&engine)).await;

        sender.trap(&notification).await.unwrap();
        let trap = received(&receiver).await.notification;
        let (acknowledged, inform) = tokio::join!(sender.inform(&notification), received(&receiver));

        assert_eq!(acknowledged.unwrap(), Acknowledged::Whole);
        for came in [trap, inform.notification] {
            assert_eq!(came.security_level(), Some(wire::SecurityLevel::AuthPriv));
            assert_eq!(came.trap_oid().unwrap().to_string(), notification.trap.to_string());
            assert_eq!(came.varbinds().len(), 30);
            assert_eq!(came.varbinds()[11].value.as_str(), Some("Zürich HB"));
        }
    }
}

/// Informs again and again until it is acknowledged: a slow machine may lose an answer to the clock.
async fn acknowledged(sender: &Sender, notification: &Notification) -> Acknowledged {
    let deadline = Instant::now() + PATIENT;
    loop {
        match sender.inform(notification).await {
            Err(Failure::Timeout) if Instant::now() < deadline => {}
            result => return result.unwrap(),
        }
    }
}

#[tokio::test]
async fn informs_go_on_when_a_receiver_comes_back_as_another_engine() {
    let (auth, privacy) = (wire::AuthProtocol::Sha256, wire::PrivProtocol::Aes128);
    let credentials = v3(AuthProtocol::Sha256, PrivacyProtocol::Aes128);
    let notification = encode(&alert(), &credentials);
    let first = receiver("127.0.0.1:0", auth, privacy).await;
    let address = first.local_addr();
    let sender = sender(address, Duration::from_millis(500), &credentials, None).await;
    tokio::join!(acknowledged(&sender, &notification), received(&first));
    drop(first);

    assert!(matches!(sender.inform(&notification).await, Err(Failure::Timeout)));
    assert!(matches!(sender.rediscover().await, Err(Failure::Timeout)));

    let second = receiver(&address.to_string(), auth, privacy).await;
    let informing = async {
        assert!(
            matches!(sender.inform(&notification).await, Err(Failure::Timeout)),
            "it knows the first engine"
        );
        let deadline = Instant::now() + PATIENT;
        loop {
            let (one, other) = tokio::join!(sender.rediscover(), sender.rediscover());
            if one.and(other).is_ok() {
                break;
            }
            assert!(Instant::now() < deadline, "no answer from the second engine");
        }
        acknowledged(&sender, &notification).await
    };
    let (acknowledged, _) = tokio::join!(informing, received(&second));
    assert_eq!(acknowledged, Acknowledged::Whole);
}
