use socket2::SockRef;
use tokio::net::UdpSocket;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use super::*;
use crate::certs::{TestCa, TestCertificate};
use crate::tls::{TlsVersion, Trust, server_name};

const SOON: Duration = Duration::from_secs(5);
const LITTLE: Duration = Duration::from_millis(50);

async fn tcp() -> (SyslogReceiver, TcpStream) {
    let receiver = SyslogReceiver::tcp().await.unwrap();
    let stream = TcpStream::connect(receiver.address()).await.unwrap();
    (receiver, stream)
}

/// How the receiver ends the stream.
async fn end(stream: &mut (impl AsyncRead + Unpin)) -> io::Result<usize> {
    timeout(SOON, stream.read_to_end(&mut Vec::new())).await.unwrap()
}

async fn until(receiver: &SyslogReceiver, holds: impl Fn(SyslogCounters) -> bool) {
    let waiting = async {
        while !holds(receiver.counters()) {
            tokio::task::yield_now().await;
        }
    };
    timeout(SOON, waiting).await.unwrap_or_else(|_| panic!("{receiver:?}"));
}

#[tokio::test]
async fn datagrams_are_messages() {
    let receiver = SyslogReceiver::udp().await.unwrap();
    let socket = UdpSocket::bind("127.0.0.1:0").await.unwrap();

    socket.send_to(b"<14>1 a\nb", receiver.address()).await.unwrap();

    let frame = receiver.next(SOON).await.unwrap();
    assert_eq!(
        (frame.transport, frame.framing, &*frame.text()),
        (Transport::Udp, Framing::Datagram, "<14>1 a\nb")
    );
    assert_eq!((frame.from, frame.connection), (socket.local_addr().unwrap(), 0));
}

#[tokio::test]
async fn a_stalled_datagram_receiver_leaves_them_to_the_kernel_and_a_refusing_one_has_no_socket() {
    let receiver = SyslogReceiver::udp().await.unwrap();
    let socket = UdpSocket::bind("127.0.0.1:0").await.unwrap();
    socket.connect(receiver.address()).await.unwrap();

    receiver.stall();
    socket.send(b"<1>held").await.unwrap();
    assert!(receiver.next(LITTLE).await.is_err());
    receiver.go_on();
    assert_eq!(receiver.next(SOON).await.unwrap().text(), "<1>held");

    receiver.refuse().await;
    socket.send(b"<1>lost").await.unwrap();
    let refused = timeout(SOON, socket.recv(&mut [0; 9])).await.unwrap().unwrap_err();
    assert_eq!(refused.kind(), io::ErrorKind::ConnectionRefused);
    receiver.restart().await.unwrap();
    socket.send(b"<1>again").await.unwrap();
    assert_eq!(receiver.next(SOON).await.unwrap().text(), "<1>again");
}

#[tokio::test]
async fn a_stream_is_cut_into_messages_of_either_framing() {
    let (receiver, mut stream) = tcp().await;

    stream.write_all(b"5 <1>ab<2>line\n4 <3>c<4>unfin").await.unwrap();
    stream.shutdown().await.unwrap();

    receiver.wait_for(3, SOON).await.unwrap();
    let frames: Vec<_> = receiver.received().iter().map(|f| (f.framing, f.text(), f.connection)).collect();
    assert_eq!(
        frames,
        [
            (Framing::OctetCounted, "<1>ab".into(), 1),
            (Framing::Newline, "<2>line".into(), 1),
            (Framing::OctetCounted, "<3>c".into(), 1)
        ]
    );
    until(&receiver, |c| (c.ended, c.cut_messages, c.open_connections) == (1, 1, 0)).await;
}

#[tokio::test]
async fn what_cannot_be_followed_is_counted() {
    let (receiver, mut stream) = tcp().await;

    stream.write_all(b"99x").await.unwrap();

    until(&receiver, |c| c.malformed == 1).await;
}

#[tokio::test]
async fn after_so_many_messages_the_connection_is_reset_once() {
    let (receiver, mut stream) = tcp().await;

    receiver.reset_after(2);
    stream.write_all(b"<1>a\n<1>b\n<1>c\n").await.unwrap();

    assert_eq!(end(&mut stream).await.unwrap_err().kind(), io::ErrorKind::ConnectionReset);
    assert_eq!((receiver.counters().messages, receiver.counters().reset), (2, 1));
    let mut stream = TcpStream::connect(receiver.address()).await.unwrap();
    stream.write_all(b"<1>c\n<1>d\n<1>e\n").await.unwrap();
    receiver.wait_for(5, SOON).await.unwrap();
    assert_eq!(receiver.received()[4].connection, 2);
}

#[tokio::test]
async fn a_stall_reads_nothing_until_it_ends() {
    let settings = SyslogSettings { receive_buffer: Some(4096), ..SyslogSettings::new(Transport::Tcp) };
    let receiver = SyslogReceiver::start(settings).await.unwrap();
    let mut stream = TcpStream::connect(receiver.address()).await.unwrap();
    SockRef::from(&stream).set_send_buffer_size(4096).unwrap();

    receiver.stall();
    let line = [b"<1>".as_slice(), &[b'x'; 96], b"\n"].concat();
    let lines = line.repeat(10_000);
    let mut written = 0;
    while let Ok(count) = timeout(LITTLE, stream.write(&lines[written..])).await {
        written += count.unwrap();
    }
    assert_eq!(receiver.counters().messages, 0);
    assert!(written < lines.len(), "the sender notices");

    receiver.go_on();
    stream.write_all(&lines[written..]).await.unwrap();
    receiver.wait_for(10_000, SOON).await.unwrap();
}

#[tokio::test]
async fn a_polite_close_is_an_end_of_stream() {
    let (receiver, mut stream) = tcp().await;
    stream.write_all(b"<1>a\n").await.unwrap();
    receiver.wait_for(1, SOON).await.unwrap();

    receiver.close();

    assert_eq!(end(&mut stream).await.unwrap(), 0);
    drop(stream);
    until(&receiver, |c| (c.closed, c.open_connections) == (1, 0)).await;
}

#[tokio::test]
async fn a_stopped_receiver_refuses_and_comes_back_at_the_same_port() {
    let (receiver, mut stream) = tcp().await;
    stream.write_all(b"<1>a\n").await.unwrap();
    receiver.wait_for(1, SOON).await.unwrap();

    receiver.stop().await;
    assert_eq!(end(&mut stream).await.unwrap_err().kind(), io::ErrorKind::ConnectionReset);
    let refused = TcpStream::connect(receiver.address()).await.unwrap_err();
    assert_eq!(refused.kind(), io::ErrorKind::ConnectionRefused);
    receiver.restart().await.unwrap();
    let mut stream = TcpStream::connect(receiver.address()).await.unwrap();
    stream.write_all(b"<1>b\n").await.unwrap();

    receiver.wait_for(2, SOON).await.unwrap();
    assert_eq!(receiver.received()[0].text(), "<1>a");
}

#[tokio::test]
async fn a_refusal_leaves_connections_alone() {
    let (receiver, mut stream) = tcp().await;
    stream.write_all(b"<1>a\n").await.unwrap();
    receiver.wait_for(1, SOON).await.unwrap();

    receiver.refuse().await;
    stream.write_all(b"<1>b\n").await.unwrap();

    receiver.wait_for(2, SOON).await.unwrap();
    assert!(TcpStream::connect(receiver.address()).await.is_err());
}

/// A client's side of TLS that trusts `ca` and shows `identity`.
async fn tls(
    receiver: &SyslogReceiver,
    ca: &TestCa,
    identity: Option<&TestCertificate>,
) -> io::Result<TlsStream<TcpStream>> {
    use rustls::pki_types::pem::PemObject;
    use rustls::pki_types::{CertificateDer, PrivateKeyDer};

    let mut config = (*Trust::pem(&ca.pem()).unwrap().client_config()).clone();
    if let Some(identity) = identity {
        let key = PrivateKeyDer::from_pem_slice(identity.key_pem.as_bytes()).unwrap();
        let key = rustls::crypto::ring::sign::any_supported_type(&key).unwrap();
        let chain = vec![CertificateDer::from_pem_slice(identity.chain_pem.as_bytes()).unwrap()];
        let certified = rustls::sign::CertifiedKey::new(chain, key);
        config.client_auth_cert_resolver = Arc::new(rustls::sign::SingleCertAndKey::from(certified));
    }
    let stream = TcpStream::connect(receiver.address()).await?;
    let name = server_name(Some("localhost"), receiver.address()).unwrap();
    TlsConnector::from(Arc::new(config)).connect(name, stream).await
}

#[tokio::test]
async fn over_tls_messages_arrive_and_ends_are_told_apart() {
    for version in [TlsVersion::Only12, TlsVersion::Only13] {
        let ca = TestCa::new();
        let settings = TlsSettings { version, ..TlsSettings::new(ca.server(&["localhost"])) };
        let receiver = SyslogReceiver::tls(settings).await.unwrap();

        let mut stream = tls(&receiver, &ca, None).await.unwrap();
        stream.write_all(b"5 <1>ab").await.unwrap();
        stream.shutdown().await.unwrap();
        let frame = receiver.next(SOON).await.unwrap();
        assert_eq!(
            (frame.transport, frame.framing, &*frame.text()),
            (Transport::Tls, Framing::OctetCounted, "<1>ab")
        );
        until(&receiver, |c| (c.ended, c.broken) == (1, 0)).await;

        let mut stream = tls(&receiver, &ca, None).await.unwrap();
        stream.get_mut().0.shutdown().await.unwrap();
        until(&receiver, |c| (c.ended, c.broken) == (1, 1)).await;

        let mut stream = tls(&receiver, &ca, None).await.unwrap();
        receiver.reset_after(1);
        stream.write_all(b"3 <1>").await.unwrap();
        assert_eq!(end(&mut stream).await.unwrap_err().kind(), io::ErrorKind::ConnectionReset);

        let mut stream = tls(&receiver, &ca, None).await.unwrap();
        stream.write_all(b"3 <2>").await.unwrap();
        receiver.wait_for(3, SOON).await.unwrap();
        receiver.close();
        assert_eq!(end(&mut stream).await.unwrap(), 0, "close_notify comes first");
    }
}

#[tokio::test]
async fn a_client_certificate_is_demanded_when_asked_for() {
    let (ca, other) = (TestCa::new(), TestCa::new());
    let settings = TlsSettings { client_ca: Some(ca.pem()), ..TlsSettings::new(ca.server(&["localhost"])) };
    let receiver = SyslogReceiver::tls(settings).await.unwrap();

    for identity in [None, Some(other.client(&["relay.test"]))] {
        // With TLS 1.3 the client hears of the refusal only when it reads.
        if let Ok(mut stream) = tls(&receiver, &ca, identity.as_ref()).await {
            assert!(end(&mut stream).await.is_err());
        }
    }
    until(&receiver, |c| c.failed_handshakes == 2).await;

    let mut stream = tls(&receiver, &ca, Some(&ca.client(&["relay.test"]))).await.unwrap();
    stream.write_all(b"3 <1>").await.unwrap();
    receiver.wait_for(1, SOON).await.unwrap();
}

#[tokio::test]
async fn tls_without_a_certificate_is_refused_at_the_start() {
    let error = SyslogReceiver::start(SyslogSettings::new(Transport::Tls)).await.unwrap_err();

    assert_eq!(error.kind(), io::ErrorKind::InvalidInput);
}
