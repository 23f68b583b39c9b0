//! A certificate from an authority.

use crate::{refused, warned};

/// `[tls.acme]` that works by `dns-01`, with `rest` behind it.
fn by_dns(rest: &str) -> String {
    format!(
        "[tls.acme]\nnames = [\"relay.example.net\"]\nagree_terms = true\nhook = [\"/etc/fogbell/dns-hook\", \"-v\"]\n{rest}"
    )
}

#[test]
fn what_works_is_good_and_an_open_port_is_warned_of() {
    warned(&by_dns(""), &[]);
    warned(
        &by_dns(
            "contact = [\"mailto:noc@example.net\"]\ndirectory = \"https://ca.example.net:9000/acme/directory\"\n\
             hook_secs = 300\npropagation_secs = 0\nprofile = \"shortlived\"\nca = \"/etc/fogbell/ca.pem\"\n\
             external_account = { id = \"kid\", key = { file = \"eab\" } }\n",
        ),
        &[],
    );
    warned(
        "[tls.acme]\nnames = [\"relay.example.net\"]\nagree_terms = true\nchallenge = \"tls-alpn-01\"\n",
        &["tls.acme.challenge", "port 443 must be open to all"],
    );
}

#[test]
fn what_cannot_work_is_refused_before_anybody_is_asked() {
    let names = |names: &str| format!("[tls.acme]\nagree_terms = true\nhook = [\"/h\"]\nnames = {names}\n");
    refused("§[tls.acme]\nnames = [\"a.example.net\"]\nhook = [\"/h\"]\n", &["tls.acme", "terms of service"]);
    refused(&names("§[]"), &["tls.acme.names", "at least one"]);
    for name in [
        "§\"relay\"",
        "§\"192.0.2.1\"",
        "§\"-a.example.net\"",
        "§\"a..b\"",
        "§\"https://a.example.net\"",
        "§\"*\"",
    ] {
        refused(&names(&format!("[\"a.example.net\", {name}]")), &["tls.acme.names[1]", "no DNS name"]);
    }
    refused(
        "[tls.acme]\nagree_terms = true\nchallenge = \"tls-alpn-01\"\nnames = [§\"*.example.net\"]\n",
        &["tls.acme.names[0]", "dns-01"],
    );
    refused("§[tls.acme]\nagree_terms = true\nnames = [\"a.example.net\"]\n", &["tls.acme", "hook"]);
    refused(
        "[tls.acme]\nagree_terms = true\nnames = [\"a.example.net\"]\nhook = §[\"dns-hook\"]\n",
        &["tls.acme.hook", "absolute path"],
    );
    refused(
        "[tls.acme]\nagree_terms = true\nchallenge = \"tls-alpn-01\"\nnames = [\"a.example.net\"]\nhook = §[\"/h\"]\n",
        &["tls.acme.hook", "no hook is called"],
    );
    refused(&by_dns("directory = §\"http://ca.example.net/dir\"\n"), &["tls.acme.directory", "https://"]);
    refused(&by_dns("contact = [§\"noc@example.net\"]\n"), &["tls.acme.contact[0]", "mailto:"]);
    refused(&by_dns("hook_secs = §0\n"), &["tls.acme.hook_secs"]);
    refused(&by_dns("propagation_secs = §86400\n"), &["tls.acme.propagation_secs"]);
    refused(
        &by_dns("external_account = { id = \"kid\", key = { file = §\"none\" } }\n"),
        &["tls.acme.external_account.key.file", "No such file"],
    );
}
