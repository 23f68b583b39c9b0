//! What OpenSSL says of the TLS that the relay serves.

use std::process::{Command, Stdio};

use e2e::{Config, Curl, Fogbell, sign};

mod auditors;

/// What `openssl s_client` said when it connected with these arguments and hung up.
fn s_client(relay: &Fogbell, arguments: &[&str]) -> (bool, String) {
    let mut command = Command::new("openssl");
    command.args(["s_client", "-connect", relay.address(), "-servername", "localhost"]).args(arguments);
    let output = command.stdin(Stdio::null()).output().expect("openssl is on PATH");
    let text =
        format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    (output.status.success(), text)
}

#[test]
fn tls_1_2_and_1_3_are_served_with_a_chain_that_openssl_verifies() {
    let relay = Fogbell::start(&Config::new());
    let ca = relay.ca().display().to_string();

    for (version, named) in [("-tls1_2", "TLSv1.2"), ("-tls1_3", "TLSv1.3")] {
        let verify = ["-CAfile", &ca, "-verify_return_error", "-verify_hostname", "localhost", version];
        let (connected, said) = s_client(&relay, &verify);
        assert!(connected && said.contains("Verify return code: 0 (ok)"), "{said}");
        assert!(said.contains(&format!("{named}, Cipher is ")), "{said}");
        assert!(said.contains("Server public key is 256 bit"), "{said}");
        // without RSA key exchange, CBC or anything else that is not forward secret and authenticated
        assert!(said.contains("GCM") || said.contains("CHACHA20"), "{said}");
    }

    let (connected, said) =
        s_client(&relay, &["-CAfile", &ca, "-verify_return_error", "-verify_hostname", "other.test"]);
    assert!(!connected, "{said}");
}

#[test]
fn older_versions_and_weak_ciphers_are_refused() {
    let relay = Fogbell::start(&Config::new());

    // OpenSSL itself offers the old ones only at security level 0
    for version in ["-tls1_1", "-tls1"] {
        let (connected, said) = s_client(&relay, &[version, "-cipher", "ALL:@SECLEVEL=0"]);
        assert!(!connected && said.contains("Cipher is (NONE)"), "{version}: {said}");
        assert!(said.contains("SSL alert number"), "{version} was not offered: {said}");
    }
    for cipher in ["AES128-SHA", "ECDHE-ECDSA-AES128-SHA256", "NULL", "ADH"] {
        let (connected, said) = s_client(&relay, &["-tls1_2", "-cipher", &format!("{cipher}:@SECLEVEL=0")]);
        assert!(!connected && said.contains("handshake failure"), "{cipher}: {said}");
    }
}

#[test]
fn the_relay_chooses_the_cipher_and_not_the_client() {
    let relay = Fogbell::start(&Config::new());
    let (chacha, gcm) = ("ECDHE-ECDSA-CHACHA20-POLY1305", "ECDHE-ECDSA-AES256-GCM-SHA384");

    for wanted in [[chacha, gcm], [gcm, chacha]] {
        let (connected, said) = s_client(&relay, &["-tls1_2", "-cipher", &wanted.join(":")]);

        assert!(connected && said.contains(&format!("Cipher is {gcm}")), "{wanted:?}: {said}");
    }
}

#[test]
fn http_1_1_is_all_that_is_offered() {
    let relay = Fogbell::start(&Config::new());

    for (offered, agreed) in [("http/1.1", true), ("h2,http/1.1", true), ("h2", false), ("h3", false)] {
        let (connected, said) = s_client(&relay, &["-alpn", offered]);
        assert_eq!(
            (connected, said.contains("ALPN protocol: http/1.1")),
            (agreed, agreed),
            "{offered}: {said}"
        );
    }
    let (connected, said) = s_client(&relay, &[]);
    assert!(connected && said.contains("No ALPN negotiated"), "{said}");
}

#[test]
fn a_self_signed_certificate_is_made_once_and_its_fingerprint_is_in_the_log() {
    let names = "[\"relay.example.net\", \"127.0.0.1\"]";
    let mut relay = Fogbell::start(&Config::new().set("tls", "self_signed", names));
    let file = relay.home().join("state/self-signed.pem");
    let made = std::fs::read(&file).unwrap();

    let mut command = Command::new("openssl");
    command.args(["x509", "-noout", "-fingerprint", "-sha256", "-ext", "subjectAltName", "-in"]).arg(&file);
    let said = String::from_utf8(command.output().unwrap().stdout).unwrap();
    assert!(said.contains("DNS:relay.example.net") && said.contains("IP Address:127.0.0.1"), "{said}");
    let fingerprint = said.lines().next().unwrap().split_once('=').unwrap().1.replace(':', "").to_lowercase();
    let line = relay.process().wait_line("the fingerprint", |line| line.contains("fingerprint="));
    assert!(line.replace(':', "").to_lowercase().contains(&fingerprint), "{line} has no {fingerprint}");

    // whoever is given the certificate itself trusts it, by either name
    let body = r#"{"topic":"ping","events":[]}"#;
    let port = relay.address().rsplit_once(':').unwrap().1.to_owned();
    let resolve = format!("relay.example.net:{port}:127.0.0.1");
    for host in ["relay.example.net", "127.0.0.1"] {
        let request = Curl::new(&format!("https://{host}:{port}{}", Config::PATH))
            .ca(&file)
            .argument("--resolve")
            .argument(&resolve);
        let answer =
            request.header("X-Mist-Signature-v2", &sign(Config::SECRET, body.as_bytes())).body(body).run();
        assert_eq!((answer.status, answer.exit), (200, 0), "{host}: {}", answer.said);
    }
    relay.start_again();
    assert_eq!(std::fs::read(&file).unwrap(), made);
}
