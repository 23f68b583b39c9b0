//! A relay whose secrets are in the vault and in credentials: it admits, delivers and asks, and shows none of them.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::time::Duration;

use e2e::{DEADLINE, Fogbell, Snmptrapd, SnmptrapdSetup, SnmptrapdUser, wait_until};
use testkit::cloud::{CloudSettings, Estate, FakeCloud};

use super::*;

const ALARM: &str = r#"{"topic":"alarms","events":[{"id":"1","type":"device_down","timestamp":1767323045}]}"#;

#[test]
fn a_relay_takes_its_secrets_from_the_vault_and_from_credentials_and_delivers() {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    let cloud = runtime
        .block_on(FakeCloud::start(CloudSettings { estate: Estate::small(11), ..Default::default() }))
        .unwrap();
    let org = cloud.organisations()[0];
    let nms = Snmptrapd::start(&SnmptrapdSetup {
        users: vec![SnmptrapdUser {
            name: "relay".to_owned(),
            create_user: "createUser relay SHA-256 canary-auth-1 AES canary-privacy-1".to_owned(),
        }],
        ..Default::default()
    });
    let home = Home::with_vault();
    let credentials = home.path.join("credentials");
    fs::create_dir(&credentials).unwrap();
    let ca = home.path.join("cloud.pem");
    fs::write(&ca, cloud.ca_pem()).unwrap();
    let token = cloud.read_token(org);
    home.set("mist/webhook", "canary-webhook");
    home.set("snmp/auth", "canary-auth-1");
    let key = home.path.join("certs/server.key");
    assert_eq!(home.ask(&["set", "tls/key", "--file", key.to_str().unwrap()], "").code, 0);
    fs::remove_file(key).unwrap();
    // one of each from a credential, the key of the vault among them
    for (name, value) in [
        ("privacy", b"canary-privacy-1".to_vec()),
        ("token", token.clone().into_bytes()),
        ("fogbell-vault", fs::read(home.key_file()).unwrap()),
    ] {
        fs::write(credentials.join(name), value).unwrap();
        fs::set_permissions(credentials.join(name), Permissions::from_mode(0o400)).unwrap();
    }
    fs::remove_file(home.key_file()).unwrap();
    let config = Config::new()
        .org(&format!(
            "[[org]]\nname = \"acme\"\ncloud = \"global-01\"\nsecrets = [{{ secret = \"mist/webhook\" }}]\n\
             api = {{ host = \"{}\", org_id = \"{org}\", token = {{ credential = \"token\" }}, ca = {} }}\n",
            cloud.base_host(),
            quoted(&ca)
        ))
        .set("vault", "key", "{ credential = \"fogbell-vault\" }")
        .set("tls", "certificate", &quoted(&home.path.join("certs/server.pem")))
        .set("tls", "key", "{ secret = \"tls/key\" }")
        .table(&format!(
            "[[snmp]]\nname = \"noc\"\naddress = \"{}\"\nversion = \"3\"\nnotification = \"inform\"\nuser = \"relay\"\n\
             auth = {{ protocol = \"sha-256\", secret = {{ secret = \"snmp/auth\" }} }}\n\
             privacy = {{ protocol = \"aes-128\", secret = {{ credential = \"privacy\" }} }}\n",
            nms.address()
        ));
    let handed_over = format!("CREDENTIALS_DIRECTORY={}", credentials.display());
    let mut relay = Fogbell::start_in_under(&home.path, &["env", &handed_over], &config);

    assert_eq!(relay.post("another secret", ALARM).status, 401);
    assert_eq!(relay.post("canary-webhook", ALARM).status, 200);

    let traps = nms.wait_traps(1);
    assert_eq!(traps[0].parameters(32_473)["type"], "device_down");
    assert!(wait_until(DEADLINE, || !cloud.calls_to("/sites").is_empty()), "Mist was not asked");
    let pid = relay.process().pid();
    let proc =
        |file: &str| String::from_utf8_lossy(&fs::read(format!("/proc/{pid}/{file}")).unwrap()).into_owned();
    let log = relay.process().lines().join("\n");
    for shown in [proc("cmdline"), proc("environ"), log] {
        assert!(!shown.contains("canary") && !shown.contains(&token), "{shown}");
    }
    relay.sigterm();
    assert!(relay.wait_exit(Duration::from_secs(20)).success());
}
