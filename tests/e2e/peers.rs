//! The peers themselves: what the harness reads is what a sender of their own kind sent.

use std::io::Write;
use std::net::{TcpStream, UdpSocket};
use std::process::{Command, Stdio};

use e2e::{
    Certs, Curl, Reading, Rsyslog, RsyslogSetup, Running, Snmptrapd, SnmptrapdSetup, SnmptrapdUser,
    TlsClients, Value, free_port,
};

/// Runs net-snmp's `snmptrap` with a persistent folder of its own.
fn snmptrap(arguments: &[&str]) {
    let folder = tempfile::tempdir().unwrap();
    let output = Command::new("snmptrap")
        .env("SNMP_PERSISTENT_DIR", folder.path())
        .env("SNMPCONFPATH", folder.path())
        .env("MIBS", "")
        .args(arguments)
        .output()
        .unwrap();
    assert!(output.status.success(), "snmptrap: {}", String::from_utf8_lossy(&output.stderr));
}

#[test]
fn snmptrapd_shows_a_trap_with_the_exact_bytes_that_were_sent() {
    let setup = SnmptrapdSetup { communities: vec!["public".to_owned()], ..SnmptrapdSetup::default() };
    let nms = Snmptrapd::start(&setup);
    let text = "he said \"hi\", ünï\nnext \\ line, longer than one row of hexadecimal";

    let head = ["-v2c", "-c", "public", &nms.address(), "12345", "1.3.6.1.4.1.32473.1.0.1"];
    let varbinds = ["1.3.6.1.4.1.32473.1.1.1.0", "s", text, "1.3.6.1.4.1.32473.1.1.2.0", "i", "-1"];
    snmptrap(&[&head[..], &varbinds[..], &["1.3.6.1.4.1.32473.1.1.3.0", "s", ""]].concat());

    let traps = nms.wait_traps(1);
    assert_eq!(traps.len(), 1);
    assert_eq!((traps[0].name.as_str(), traps[0].uptime), (".1.3.6.1.4.1.32473.1.0.1", 12345));
    assert_eq!(traps[0].value(".1.3.6.1.4.1.32473.1.1.1.0"), Some(&Value::Octets(text.as_bytes().to_vec())));
    assert_eq!(traps[0].value(".1.3.6.1.4.1.32473.1.1.2.0"), Some(&Value::Number(-1)));
    assert_eq!(traps[0].value(".1.3.6.1.4.1.32473.1.1.3.0"), Some(&Value::Octets(Vec::new())));
    assert_eq!(traps[0].varbinds.len(), 3);
}

#[test]
fn snmptrapd_hears_a_known_v3_user_and_no_other_and_keeps_its_log_over_a_restart() {
    let engine = "0x80001f8804e8a1b2c3d4e5";
    let user = SnmptrapdUser {
        name: "relay".to_owned(),
        create_user: format!("createUser -e {engine} relay SHA-256 authpass12345 AES privpass12345"),
    };
    let mut nms = Snmptrapd::start(&SnmptrapdSetup { users: vec![user], ..SnmptrapdSetup::default() });
    let address = nms.address();
    let send = |auth: &str, boots: &str, label: &str| {
        let keys = ["-a", "SHA-256", "-A", auth, "-x", "AES", "-X", "privpass12345", "-Z", boots];
        let head = ["-v3", "-e", engine, "-l", "authPriv", "-u", "relay"];
        let tail = [&address, "", "1.3.6.1.4.1.32473.1.0.1", "1.3.6.1.4.1.32473.1.1.1.0", "s", label];
        snmptrap(&[&head[..], &keys[..], &tail[..]].concat());
    };
    let labels = |nms: &Snmptrapd, count| -> Vec<String> {
        nms.wait_traps(count).iter().map(|trap| trap.varbinds[0].value.text()).collect()
    };

    send("wrongpass1234", "5,100", "wrong");
    send("authpass12345", "5,100", "first");
    assert_eq!(labels(&nms, 1), ["first"]);

    nms.stop();
    nms.start_again();
    send("authpass12345", "6,100", "second");
    assert_eq!(labels(&nms, 2), ["first", "second"]);
}

#[test]
fn snmptrapd_translates_names_with_the_base_mibs() {
    let setup = SnmptrapdSetup {
        communities: vec!["public".to_owned()],
        reading: Reading::Names,
        ..SnmptrapdSetup::default()
    };
    let nms = Snmptrapd::start(&setup);

    let cold_start = ["1.3.6.1.6.3.1.1.5.1", "1.3.6.1.2.1.1.5.0", "s", "core \"1\""];
    snmptrap(&[&["-v2c", "-c", "public", &nms.address(), ""][..], &cold_start[..]].concat());

    let traps = nms.wait_traps(1);
    assert_eq!(traps[0].name, "SNMPv2-MIB::coldStart");
    assert_eq!(traps[0].text("SNMPv2-MIB::sysName.0").as_deref(), Some("core \"1\""));
}

#[test]
fn rsyslog_takes_a_line_by_datagram_by_tcp_and_by_tls() {
    let siem = Rsyslog::start(&RsyslogSetup { tls_clients: TlsClients::Certified });
    let line = |id: &str| {
        format!("<12>1 2026-01-02T03:04:05Z ap-7 fogbell - {id} [a@32473 b=\"c\\\"d\"] mänge {id}")
    };

    UdpSocket::bind("127.0.0.1:0").unwrap().send_to(line("datagram").as_bytes(), siem.udp()).unwrap();
    let counted = line("counted");
    let mut stream = TcpStream::connect(siem.tcp()).unwrap();
    writeln!(stream, "{} {counted}{}", counted.len(), line("newline")).unwrap();
    drop(stream);
    let mut client = Command::new("openssl")
        .args(["s_client", "-quiet", "-no_ign_eof", "-verify_return_error", "-verify_hostname", "localhost"])
        .arg("-connect")
        .arg(siem.tls())
        .arg("-CAfile")
        .arg(siem.certs().ca())
        .arg("-cert")
        .arg(siem.certs().client())
        .arg("-key")
        .arg(siem.certs().client_key())
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    writeln!(client.stdin.take().unwrap(), "{}", line("encrypted")).unwrap();
    client.wait().unwrap();

    let mut lines = siem.wait_lines(4);
    lines.sort_by(|a, b| a.msgid.cmp(&b.msgid));
    let seen: Vec<(&str, &str)> =
        lines.iter().map(|line| (line.input.as_str(), line.msgid.as_str())).collect();
    assert_eq!(seen, [("tcp", "counted"), ("udp", "datagram"), ("tls", "encrypted"), ("tcp", "newline")]);
    for line in &lines {
        assert_eq!((line.pri.as_str(), line.version.as_str(), line.procid.as_str()), ("12", "1", "-"));
        assert_eq!((line.host.as_str(), line.app.as_str()), ("ap-7", "fogbell"));
        assert_eq!(line.data, "[a@32473 b=\"c\\\"d\"]");
        assert_eq!(line.message.trim_start(), format!("mänge {}", line.msgid));
    }
}

#[test]
fn rsyslog_comes_back_on_the_same_ports_and_keeps_what_it_had() {
    let mut siem = Rsyslog::start(&RsyslogSetup::default());
    let send = |siem: &Rsyslog, id: &str| {
        let mut stream = TcpStream::connect(siem.tcp()).unwrap();
        writeln!(stream, "<12>1 2026-01-02T03:04:05Z ap-7 fogbell - {id} - text").unwrap();
    };

    send(&siem, "before");
    assert_eq!(siem.wait_lines(1).len(), 1);
    siem.kill9();
    assert!(TcpStream::connect(siem.tcp()).is_err());
    siem.start_again();
    send(&siem, "after");

    let ids: Vec<String> = siem.wait_lines(2).into_iter().map(|line| line.msgid).collect();
    assert_eq!(ids, ["before", "after"]);
}

#[test]
fn curl_trusts_the_ca_it_is_given_and_no_other() {
    let folder = tempfile::tempdir().unwrap();
    let (certs, others) = (Certs::make(&folder.path().join("a")), Certs::make(&folder.path().join("b")));
    let address = format!("127.0.0.1:{}", free_port());
    let mut command = Command::new("openssl");
    command.args(["s_server", "-www", "-accept", &address]);
    command.arg("-cert").arg(certs.server()).arg("-key").arg(certs.server_key());
    let mut server = Running::start("openssl", &mut command);
    // a connection would tell too, but one that says nothing may be another program's
    let _ = server.wait_line("ACCEPT", |line| line.contains("ACCEPT"));
    let url = format!("https://{address}/");

    let trusted = Curl::new(&url).ca(&certs.ca()).run();
    let refused = Curl::new(&url).ca(&others.ca()).run();
    let careless = Curl::new(&url).ca(&others.ca()).danger_insecure().run();

    assert_eq!((trusted.status, trusted.exit), (200, 0), "{}", trusted.said);
    assert_eq!(trusted.header("content-type"), Some("text/html"));
    assert!(trusted.text().contains("s_server"), "{}", trusted.text());
    // 60: the peer's certificate could not be verified.
    assert_eq!((refused.status, refused.exit), (0, 60));
    assert_eq!(careless.status, 200);
}
