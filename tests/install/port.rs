//! The port of the configuration, and the one that systemd binds.

use serde_json::Value;

use crate::scene::{NEW, Scene};

/// What the doctor says of the listener.
fn listener(scene: &Scene) -> Value {
    let said = scene.debian.try_run(&["fogbell", "doctor", "--json"]).said;
    let told: Value = serde_json::from_str(&said).unwrap_or_else(|_| panic!("{said}"));
    told["findings"].as_array().unwrap().iter().find(|it| it["component"] == "listener").unwrap().clone()
}

#[test]
fn a_port_that_systemd_does_not_bind_is_found_and_the_command_mends_it() {
    let scene = Scene::new();
    let debian = &scene.debian;
    debian.apt(&["install", NEW]);
    scene.configure();
    // nobody told systemd of the port in the configuration
    debian.shell("rm -r /etc/systemd/system/fogbell.socket.d; systemctl daemon-reload");
    scene.enable();
    assert_eq!(scene.post(1).exit, 7, "somebody listens");

    let finding = listener(&scene);

    assert_eq!(finding["status"], "fail", "{finding:#}");
    assert!(finding["text"].as_str().unwrap().contains("fogbell.socket has another port"), "{finding:#}");
    debian.shell(finding["mend"].as_str().unwrap());
    assert_eq!(listener(&scene)["status"], "pass", "{:#}", listener(&scene));
    scene.deliver(2);
    // and it stays so for a relay that is started anew
    debian.run(&["systemctl", "restart", "fogbell.service"]);
    scene.deliver(3);
}
