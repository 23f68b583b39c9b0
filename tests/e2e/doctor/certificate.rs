//! The certificate, as who connects from outside sees it.

use e2e::{Certs, DEADLINE, wait_until};

use super::scene::Practice;

#[test]
fn a_certificate_that_nobody_outside_accepts_is_found() {
    let practice = Practice::healthy();
    let certs = Certs::of(&practice.scene.relay.home().join("certs"));
    // the system trusts none of the test's authorities
    let told = practice.scene.told(&["doctor"]).0;
    let refused = super::scene::found(&told, "certificate_refused");
    assert!(refused["text"].as_str().unwrap().contains("UnknownIssuer"), "{refused}");
    practice.mended("certificate_refused");

    // Mist is told a name that the certificate does not have
    practice.edit(|text| text.replace("https://127.0.0.1:", "https://127.0.0.2:"));
    let other = practice.finds("certificate_refused");
    assert!(other["text"].as_str().unwrap().contains("not valid for name"), "{other}");
    certs.renew_server(90, Some("IP:127.0.0.1,IP:127.0.0.2"));
    practice.mended("certificate_refused");

    // a name in the subject alone counts for nobody
    certs.renew_server(90, None);
    assert!(wait_until(DEADLINE, || !practice.is_well("certificate")), "the relay notices its files");
    let inside = practice.finds("certificate_refused");
    assert!(inside["mend"].as_str().unwrap().contains("put a certificate for this name"), "{inside}");
    certs.renew_server(90, Some("IP:127.0.0.1,IP:127.0.0.2"));
    practice.mended("certificate_refused");
}

#[test]
fn a_certificate_that_ends_soon_is_found_until_another_is_in_its_place() {
    let practice = Practice::healthy();
    let certs = Certs::of(&practice.scene.relay.home().join("certs"));
    certs.renew_server(13, Some("IP:127.0.0.1"));
    assert!(wait_until(DEADLINE, || !practice.is_well("certificate")), "the relay notices its files");

    let finding = practice.finds("certificate_ends_soon");

    assert!(finding["text"].as_str().unwrap().contains("in 12 days"), "{finding}");
    assert!(finding["mend"].as_str().unwrap().contains("into the files of [tls]"), "{finding}");
    certs.renew_server(90, Some("IP:127.0.0.1"));
    practice.mended("certificate_ends_soon");
}

#[test]
fn a_relay_that_has_no_name_to_be_told_is_found() {
    let mut practice = Practice::healthy();
    let certs = Certs::of(&practice.scene.relay.home().join("certs"));
    certs.renew_server(90, None);
    let public = format!("public_url = \"https://{}\"\n", practice.scene.relay.address());
    let listen = format!("address = \"{}\"", practice.scene.relay.address());
    let open = listen.replace("127.0.0.1", "0.0.0.0");
    practice.edit(|text| text.replace(&public, "").replace(&listen, &open));
    practice.scene.relay.start_again();

    practice.finds("certificate_nameless");

    practice.edit(|text| text.replace("[listen]\n", &format!("[listen]\n{public}")));
    practice.mended("certificate_nameless");
}

#[test]
fn a_self_signed_certificate_is_found_until_an_authority_has_made_one() {
    let mut practice =
        Practice::with(|config| config.set("tls", "self_signed", "[\"127.0.0.1\", \"localhost\"]"));

    let finding = practice.finds("certificate_self_signed");

    assert!(finding["mend"].as_str().unwrap().contains("files with `certificate` and `key`"), "{finding}");
    let certs = practice.scene.relay.home().join("certs");
    practice.edit(|text| {
        let files = format!(
            "certificate = {:?}\nkey = {{ file = {:?} }}\n",
            certs.join("server.pem"),
            certs.join("server.key")
        );
        text.replace("self_signed = [\"127.0.0.1\", \"localhost\"]\n", &files)
    });
    practice.scene.relay.start_again();
    practice.mended("certificate_self_signed");
    assert!(practice.is_well("certificate"), "{:#}", practice.examine().0);
}
