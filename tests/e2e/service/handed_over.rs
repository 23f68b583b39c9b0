//! systemd binds the port and hands it over.

use std::process::Command;

use e2e::{Config, Curl, DEADLINE, Fogbell, Running, fogbell_program, free_port, sign, wait_until};

const MESSAGE: &str = r#"{"topic":"ping","events":[]}"#;

#[test]
fn a_socket_that_systemd_hands_over_is_served_whoever_waits_on_it() {
    for (listen, host) in [("127.0.0.1", "127.0.0.1"), ("[::]", "[::1]")] {
        let folder = tempfile::tempdir().unwrap();
        let [configured, bound] = [free_port(), free_port()];
        let config = Config::new().set("gate", "networks", "[\"127.0.0.0/8\", \"::1/128\"]").set(
            "listen",
            "address",
            &format!("\"127.0.0.1:{configured}\""),
        );
        config.write(folder.path());
        let mut command = Command::new("systemd-socket-activate");
        command
            .args(["--fdname", "webhooks", "--listen", &format!("{listen}:{bound}")])
            .arg(fogbell_program());
        command.args(["run", "--config"]).arg(folder.path().join("fogbell.toml")).env("NO_COLOR", "1");
        let mut running = Running::start("systemd-socket-activate", &mut command);
        let _ = running.wait_line("that it listens", |line| line.contains("Listening on"));

        // the first one starts the relay, and is answered by it
        let curl =
            Curl::new(&format!("https://{host}:{bound}{}", Config::PATH)).body(MESSAGE).danger_insecure();
        let answer = curl.header("X-Mist-Signature-v2", &sign(Config::SECRET, MESSAGE.as_bytes())).run();

        assert_eq!((answer.status, answer.exit), (200, 0), "{}", answer.said);
        let warned = running.wait_line("that the ports differ", |line| line.contains("another port"));
        assert!(warned.contains("WARN") && warned.contains(&bound.to_string()), "{warned}");
        assert_eq!(Curl::new(&format!("https://127.0.0.1:{configured}/")).danger_insecure().run().status, 0);
        running.sigterm();
        assert!(running.wait_exit(DEADLINE).success());
    }
}

#[test]
fn more_than_one_socket_is_no_configuration_and_none_is_bound_by_the_relay() {
    let folder = tempfile::tempdir().unwrap();
    Config::new().write(folder.path());
    let [first, second] = [free_port(), free_port()].map(|port| format!("127.0.0.1:{port}"));
    let mut command = Command::new("systemd-socket-activate");
    command.args(["--listen", &first, "--listen", &second]).arg(fogbell_program());
    command.args(["run", "--config"]).arg(folder.path().join("fogbell.toml")).env("NO_COLOR", "1");
    let mut running = Running::start("systemd-socket-activate", &mut command);
    let _ = running.wait_line("that it listens", |line| line.contains(&second));

    let _ =
        Curl::new(&format!("https://{first}/")).danger_insecure().argument("--max-time").argument("5").run();

    let _ = running.wait_line("how many there are", |line| line.contains("handed over 2 sockets"));
    assert!(!running.wait_exit(DEADLINE).success());

    let relay = Fogbell::start(&Config::new());
    assert!(wait_until(DEADLINE, || Curl::new(&relay.admin_url("/readyz")).run().status == 200));
}
