use std::time::UNIX_EPOCH;

use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, PrivateKeyDer};
use testkit::TestCa;
use tokio_rustls::TlsConnector;

use super::*;

const NOW: u64 = 1_800_000_000;

fn at(days: f64) -> SystemTime {
    // a week earlier, and then so many days later
    UNIX_EPOCH + Duration::from_secs(NOW) - DAY * 7 + DAY.mul_f64(7.0 + days)
}

fn shown(life: u32, renewed: Renewed) -> Shown {
    let not_after = at(0.0) + DAY * life;
    Shown { names: Vec::new(), not_before: at(0.0), not_after, fingerprint: String::new(), renewed }
}

#[test]
fn an_end_is_near_at_30_14_7_and_1_days_and_for_who_renews_itself_at_parts_of_the_life() {
    use Nearness::{Day, Far, Fortnight, Month, Over, Week};
    for (life, renewed, left, expect) in [
        (365, Renewed::ByOperator, 30.1, Far),
        (365, Renewed::ByOperator, 30.0, Month),
        (365, Renewed::ByOperator, 14.0, Fortnight),
        (365, Renewed::ByOperator, 7.0, Week),
        (365, Renewed::ByOperator, 1.0, Day),
        (365, Renewed::ByOperator, 0.0, Day),
        (365, Renewed::ByOperator, -0.1, Over),
        (20, Renewed::ByOperator, 20.0, Month),
        (90, Renewed::ByRelay, 30.0, Far),
        (90, Renewed::ByRelay, 22.5, Month),
        (90, Renewed::ByRelay, 14.0, Fortnight),
        (90, Renewed::ByRelay, 1.0, Day),
        (6, Renewed::ByRelay, 2.0, Far),
        (6, Renewed::ByRelay, 1.5, Month),
        (6, Renewed::ByRelay, 0.5, Week),
        (6, Renewed::ByRelay, -0.5, Over),
    ] {
        let shown = shown(life, renewed);
        let now = shown.not_after - DAY.mul_f64(f64::max(left, 0.0)) + DAY.mul_f64(f64::max(-left, 0.0));
        assert_eq!(nearness(&shown, now), expect, "{life} {renewed:?} {left}");
    }
}

fn served(ca: &TestCa, name: &str, not_after: SystemTime) -> Served {
    Served {
        identity: identity(ca, name),
        names: vec![name.to_owned()],
        not_before: at(-1.0),
        not_after,
        fingerprint: name.to_owned(),
        renewed: Renewed::ByOperator,
    }
}

fn identity(ca: &TestCa, name: &str) -> Identity {
    let leaf = ca.server(&[name]);
    Identity {
        chain: vec![CertificateDer::from_pem_slice(leaf.chain_pem.as_bytes()).unwrap()],
        key: PrivateKeyDer::from_pem_slice(leaf.key_pem.as_bytes()).unwrap(),
    }
}

#[test]
fn what_does_not_hold_is_refused_and_the_old_certificate_stays() {
    let ca = TestCa::new();
    let certificate = Certificate::new(served(&ca, "old.test", at(1.0))).unwrap();
    let mixed = Identity { key: identity(&ca, "b.test").key, ..identity(&ca, "a.test") };

    let now = at(0.0);
    let early = Served { not_before: at(0.5), ..served(&ca, "early.test", at(1.0)) };
    let mixed = Served { identity: mixed, ..served(&ca, "mixed.test", at(1.0)) };
    assert!(matches!(
        certificate.swap(served(&ca, "over.test", at(-0.1)), now),
        Err(SwapError::Expired { .. })
    ));
    assert!(matches!(certificate.swap(early, now), Err(SwapError::NotYetValid { .. })));
    assert!(matches!(certificate.swap(mixed, now), Err(SwapError::Key { .. })));
    assert_eq!(certificate.fingerprint(), "old.test");

    certificate.swap(served(&ca, "new.test", at(2.0)), now).unwrap();
    assert_eq!((certificate.fingerprint(), certificate.not_after()), ("new.test".to_owned(), at(2.0)));
}

/// Shakes hands as a client that offers `alpn` and asks for `name`: the protocol agreed on and the certificate seen.
async fn shake(
    acceptor: &Acceptor,
    ca: &TestCa,
    name: &str,
    alpn: &[&[u8]],
) -> Option<(Vec<u8>, Vec<u8>, bool)> {
    let (here, there) = tokio::io::duplex(64 * 1024);
    let mut roots = rustls::RootCertStore::empty();
    roots.add(CertificateDer::from_pem_slice(ca.pem().as_bytes()).unwrap()).unwrap();
    let builder = rustls::ClientConfig::builder_with_provider(tls::provider());
    let builder = builder.with_safe_default_protocol_versions().unwrap();
    let mut config = builder.with_root_certificates(roots).with_no_client_auth();
    config.alpn_protocols = alpn.iter().map(|protocol| protocol.to_vec()).collect();
    let name = rustls_pki_types::ServerName::try_from(name.to_owned()).unwrap();
    let connector = TlsConnector::from(Arc::new(config));
    let (client, server) = tokio::join!(connector.connect(name, here), acceptor.accept(there));
    let (client, server) = (client.ok()?, server.ok()?);
    let (_, session) = client.get_ref();
    let seen = session.peer_certificates().unwrap()[0].to_vec();
    Some((session.alpn_protocol().unwrap_or_default().to_vec(), seen, server.is_some()))
}

#[tokio::test]
async fn a_challenge_is_shown_only_to_who_asks_for_it_and_nothing_follows() {
    let ca = TestCa::new();
    let certificate = Certificate::new(served(&ca, "relay.test", at(1.0))).unwrap();
    let acceptor = Acceptor::new(certificate.clone()).unwrap();
    let challenge = identity(&ca, "relay.test");
    let answer = challenge.chain[0].to_vec();

    assert_eq!(shake(&acceptor, &ca, "relay.test", &[ACME_TLS]).await, None, "before it was asked for");
    certificate.show_challenge("Relay.test", challenge).unwrap();

    let (protocol, seen, goes_on) = shake(&acceptor, &ca, "relay.test", &[ACME_TLS]).await.unwrap();
    assert_eq!((protocol.as_slice(), seen == answer, goes_on), (ACME_TLS, true, false));
    for usual in [&[b"http/1.1".as_slice()][..], &[b"http/1.1", ACME_TLS], &[]] {
        let (protocol, seen, goes_on) = shake(&acceptor, &ca, "relay.test", usual).await.unwrap();
        assert!(goes_on && seen != answer && protocol != ACME_TLS, "{usual:?}");
    }
    assert_eq!(shake(&acceptor, &ca, "other.test", &[ACME_TLS]).await, None, "another name");
    certificate.end_challenge("relay.test");
    assert_eq!(shake(&acceptor, &ca, "relay.test", &[ACME_TLS]).await, None, "after its end");
}
