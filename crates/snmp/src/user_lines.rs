//! What a receiver must be told of the sender.

use std::fmt::Write as _;

use zeroize::Zeroizing;

use crate::{AuthProtocol, Delivery, EngineId, PrivacyProtocol, Security, UserName};

/// The two lines that make the sender known to net-snmp's `snmptrapd`, with placeholders for the passphrases:
/// `createUser`, which makes the user, and `authUser`, which lets its notifications in at the level of
/// `security` and above.
///
/// Of a trap the sender is the authority, so `createUser` names its engine; of an inform the receiver is, and
/// the line names none (RFC 3414 1.5.1). Without a level `authUser` demands a signature, which a sender
/// without one does not have.
/// Source: net-snmp, snmptrapd.conf(5) and snmpd.conf(5), `createUser` and `authUser`.
#[must_use]
pub fn user_lines(engine: &EngineId, user: &UserName, security: &Security, delivery: Delivery) -> String {
    let mut lines = String::new();
    write_lines(&mut lines, engine, user, security, delivery, false);
    lines
}

/// [`user_lines`] with the passphrases themselves: only for the eyes of who asked for them.
#[must_use]
pub fn revealed_user_lines(
    engine: &EngineId,
    user: &UserName,
    security: &Security,
    delivery: Delivery,
) -> Zeroizing<String> {
    let secrets = match security {
        Security::AuthPriv { auth, privacy } => auth.1.text().len() + privacy.1.text().len(),
        Security::DangerAuthNoPriv { auth } => auth.1.text().len(),
        Security::DangerNoAuthNoPriv => 0,
    };
    // Room for all of it with every character escaped: a string that grows leaves copies behind.
    let mut lines = Zeroizing::new(String::with_capacity(512 + 2 * secrets));
    write_lines(&mut lines, engine, user, security, delivery, true);
    lines
}

fn write_lines(
    lines: &mut String,
    engine: &EngineId,
    user: &UserName,
    security: &Security,
    delivery: Delivery,
    reveal: bool,
) {
    lines.push_str("createUser ");
    if delivery == Delivery::Trap {
        write!(lines, "-e {engine} ").expect("a String takes everything");
    }
    push_user(lines, user);
    let (auth, privacy, level) = match security {
        Security::AuthPriv { auth, privacy } => (Some(auth), Some(privacy), "priv"),
        Security::DangerAuthNoPriv { auth } => (Some(auth), None, "auth"),
        Security::DangerNoAuthNoPriv => (None, None, "noauth"),
    };
    if let Some((protocol, passphrase)) = auth {
        lines.push_str(match protocol {
            AuthProtocol::Sha1 => " SHA ",
            AuthProtocol::Sha224 => " SHA-224 ",
            AuthProtocol::Sha256 => " SHA-256 ",
            AuthProtocol::Sha384 => " SHA-384 ",
            AuthProtocol::Sha512 => " SHA-512 ",
        });
        quote(lines, if reveal { passphrase.text() } else { "<auth passphrase>" });
    }
    if let Some((protocol, passphrase)) = privacy {
        lines.push_str(match protocol {
            PrivacyProtocol::Aes128 => " AES ",
            PrivacyProtocol::Aes192 => " AES-192 ",
            PrivacyProtocol::Aes192Reeder => " AES-192-C ",
            PrivacyProtocol::Aes256 => " AES-256 ",
            PrivacyProtocol::Aes256Reeder => " AES-256-C ",
        });
        quote(lines, if reveal { passphrase.text() } else { "<privacy passphrase>" });
    }
    lines.push_str("\nauthUser log ");
    push_user(lines, user);
    lines.push(' ');
    lines.push_str(level);
}

fn push_user(line: &mut String, user: &UserName) {
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.' | '@');
    if user.as_str().chars().all(plain) && !user.as_str().starts_with('-') {
        line.push_str(user.as_str());
    } else {
        quote(line, user.as_str());
    }
}

fn quote(line: &mut String, text: &str) {
    line.push('"');
    for c in text.chars() {
        if matches!(c, '"' | '\\') {
            line.push('\\');
        }
        line.push(c);
    }
    line.push('"');
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Passphrase;

    fn engine() -> EngineId {
        "0x80007ed905000102030405060708090a0b".parse().unwrap()
    }

    fn auth(protocol: AuthProtocol, passphrase: &str) -> (AuthProtocol, Passphrase) {
        (protocol, Passphrase::new(passphrase).unwrap())
    }

    fn privacy(protocol: PrivacyProtocol, passphrase: &str) -> (PrivacyProtocol, Passphrase) {
        (protocol, Passphrase::new(passphrase).unwrap())
    }

    #[test]
    fn the_lines_for_traps_name_the_engine_and_those_for_informs_do_not() {
        let user = UserName::new("fogbell").unwrap();
        let security = Security::AuthPriv {
            auth: auth(AuthProtocol::Sha256, "canary-a"),
            privacy: privacy(PrivacyProtocol::Aes128, "canary-p"),
        };

        assert_eq!(
            user_lines(&engine(), &user, &security, Delivery::Trap),
            "createUser -e 0x80007ed905000102030405060708090a0b fogbell SHA-256 \"<auth passphrase>\" AES \
             \"<privacy passphrase>\"\nauthUser log fogbell priv"
        );
        assert_eq!(
            user_lines(&engine(), &user, &security, Delivery::Inform),
            "createUser fogbell SHA-256 \"<auth passphrase>\" AES \"<privacy passphrase>\"\nauthUser log \
             fogbell priv"
        );
    }

    #[test]
    fn a_weaker_level_names_only_what_it_has_and_is_let_in() {
        let user = UserName::new("fogbell").unwrap();
        for (security, expect) in [
            (
                Security::DangerAuthNoPriv { auth: auth(AuthProtocol::Sha384, "canary-a") },
                "createUser fogbell SHA-384 \"<auth passphrase>\"\nauthUser log fogbell auth",
            ),
            (Security::DangerNoAuthNoPriv, "createUser fogbell\nauthUser log fogbell noauth"),
        ] {
            let lines = user_lines(&engine(), &user, &security, Delivery::Inform);

            assert_eq!(lines, expect);
            assert_eq!(
                *revealed_user_lines(&engine(), &user, &security, Delivery::Inform),
                expect.replace("<auth passphrase>", "canary-a")
            );
        }
    }

    #[test]
    fn what_the_receiver_would_take_apart_is_quoted() {
        let user = UserName::new("fog \"bell\"").unwrap();
        let security = Security::AuthPriv {
            auth: auth(AuthProtocol::Sha512, r#"with "quotes""#),
            privacy: privacy(PrivacyProtocol::Aes256Reeder, r"back\slash # é"),
        };

        let lines = revealed_user_lines(&engine(), &user, &security, Delivery::Inform);

        assert_eq!(
            *lines,
            concat!(
                r#"createUser "fog \"bell\"" SHA-512 "with \"quotes\"" AES-256-C "back\\slash # é""#,
                "\n",
                r#"authUser log "fog \"bell\"" priv"#
            )
        );
    }
}
