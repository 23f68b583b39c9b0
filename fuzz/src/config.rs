//! What the operator wrote.

use std::error::Error as _;
use std::path::Path;

use relay::Config;

/// Any text is a configuration or an error of one line that names the file; and whatever stands in front, a secret
/// written where its home belongs is refused and not repeated.
pub fn config(data: &[u8]) {
    let Some((&choice, rest)) = data.split_first() else { return };
    let text = String::from_utf8_lossy(rest);
    let path = Path::new("fogbell.toml");
    match Config::parse(path, text.clone().into_owned()) {
        Ok(config) => {
            for keys in ["org[0].secrets[0]", "snmp[1].auth.secret", "syslog[0].name", "[", "a]..b", &text] {
                assert!(config.place(keys).to_string().starts_with("fogbell.toml"));
            }
        }
        Err(error) => {
            let said = error.to_string();
            assert!(said.contains("fogbell.toml"), "{said}");
        }
    }

    let (form, secret) = SECRETS[usize::from(choice) % SECRETS.len()];
    let text = format!("{text}\n{}", form.replace('@', secret));
    let error =
        Config::parse(path, text.clone()).expect_err("a secret is never written in the configuration");
    let mut said = format!("{error} {error:?}");
    let mut cause = error.source();
    while let Some(error) = cause {
        said += &format!(" {error} {error:?}");
        cause = error.source();
    }
    for part in secret.split(['=', '+', '/']) {
        assert!(text.matches(part).count() > 1 || !said.contains(part), "{said}");
    }
}

/// Where people write a secret that belongs into a file, as the end of a configuration.
const SECRETS: [(&str, &str); 24] = [
    ("[[org]]\nname = \"a\"\nsecrets = [\"@\"]", "canary-7f3a"),
    ("[[org]]\nname = \"a\"\nsecrets = \"@\"", "canary-7f3a"),
    ("[[org]]\nname = \"a\"\nsecrets = [\n  \"@\",\n]", "canary-7f3a"),
    ("[[org]]\nname = \"a\"\nsecrets = [\n  @\n]", "canary-7f3a"),
    ("[[org]]\nname = \"a\"\nsecrets = [\n  @,\n]", "canary7f3a=="),
    ("[[org]]\nname = \"a\"\nsecrets = [[\"@\"]]", "canary-7f3a"),
    ("[[org]]\nname = \"a\"\nsecrets = [\"@\", 5]", "canary7f3a=="),
    ("[[org]]\nname = \"a\"\nsecrets = [{ file = \"/a\" }, \"@\"]", "canary7f3a=="),
    ("[[org]]\nname = \"a\"\nsecrets = [{ file = [\"@\"] }]", "canary-7f3a"),
    ("[[org]]\nname = \"a\"\nsecrets = [{ file = @ }]", "918273645"),
    ("[[org]]\nname = \"a\"\nsecrets = [{ value = \"@\" }]", "canary-7f3a"),
    ("[[org]]\nname = \"a\"\nsecrets = [{ file = \"/a\", secret = \"@\" }]", "canary-7f3a"),
    ("[[org]]\nname = \"a\"\nsecrets = [@]", "918273645"),
    ("[[org]]\nname = \"a\"\nsecrets = @", "918273645"),
    ("[[org]]\nname = \"a\"\nsecrets = [\n  @,\n]", "918273645"),
    ("[[org]]\nname = \"a\"\nsecrets = @", "canary7f3a=="),
    ("[[org]]\nname = \"a\"\nsecret = \"@\"", "canary-7f3a"),
    ("[[snmp]]\nname = \"a\"\naddress = \"a\"\nversion = \"2c\"\ncommunity = \"@\"", "canary-7f3a"),
    ("[[snmp]]\nname = \"a\"\naddress = \"a\"\nversion = \"2c\"\ncommunity = @", "918273645"),
    ("[[snmp]]\nname = \"a\"\naddress = \"a\"\nversion = \"2c\"\ncommunity = [\"@\"]", "canary-7f3a"),
    ("[[snmp]]\nname = \"a\"\naddress = \"a\"\nversion = \"3\"\nauth = \"@\"", "canary-7f3a"),
    (
        "[[snmp]]\nname = \"a\"\naddress = \"a\"\nversion = \"3\"\nauth = { protocol = \"sha-256\", secret = \"@\" }",
        "canary-7f3a",
    ),
    (
        "[[snmp]]\nname = \"a\"\naddress = \"a\"\nversion = \"3\"\nauth = { protocol = \"sha-256\", passphrase = \"@\" }",
        "canary-7f3a",
    ),
    ("[[snmp]]\nname = \"a\"\naddress = \"a\"\nversion = \"3\"\nprivacy.secret = \"@\"", "canary-7f3a"),
];
