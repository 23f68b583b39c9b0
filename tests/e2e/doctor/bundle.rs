//! The support bundle has what is needed, and no secret.

use std::fs;
use std::process::Command;

use super::scene::Practice;

#[test]
fn a_bundle_has_what_is_needed_and_none_of_the_secrets() {
    let practice = Practice::with(|config| config.secret("canary", "the canary that must not sing"));
    let scene = &practice.scene;
    let bundle = scene.folder.path().join("support.tar");
    let path = bundle.display().to_string();

    let answer = scene.ask(&["doctor", "--bundle", &path]);
    assert!(answer.out.contains("no secrets are in it"), "{}{}", answer.out, answer.said);

    let listed = Command::new("tar").arg("-tf").arg(&bundle).output().unwrap();
    let names = String::from_utf8(listed.stdout).unwrap();
    for name in ["doctor.json", "about.json", "fogbell.toml", "journal.json", "relay.json", "metrics.txt"] {
        assert!(names.lines().any(|line| line == format!("fogbell-support/{name}")), "{names}");
    }
    let bytes = fs::read(&bundle).unwrap();
    for secret in fs::read_dir(scene.folder.path().join("secrets")).unwrap() {
        let file = secret.unwrap().path();
        let secret = fs::read_to_string(&file).unwrap();
        // a community as `public` may be any word
        if secret != "public" {
            let holds = bytes.windows(secret.len()).any(|window| window == secret.as_bytes());
            assert!(!holds, "{} is in the bundle", file.display());
        }
    }
    let again = scene.ask(&["doctor", "--bundle", &path]);
    assert!(again.said.contains("exists already"), "{}", again.said);
}
