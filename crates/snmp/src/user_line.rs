//! What a receiver must be told of the sender.

use std::fmt::Write as _;

use zeroize::Zeroizing;

use crate::{AuthProtocol, Delivery, EngineId, Passphrase, PrivacyProtocol, UserName};

/// The line that makes the sender known to net-snmp's `snmptrapd`, with placeholders for the passphrases.
///
/// Of a trap the sender is the authority, so the line names its engine; of an inform the receiver is, and
/// the line names none (RFC 3414 1.5.1).
/// Source: net-snmp, snmptrapd.conf(5) and snmpd.conf(5), `createUser`.
#[must_use]
pub fn user_line(
    engine: &EngineId,
    user: &UserName,
    auth: AuthProtocol,
    privacy: PrivacyProtocol,
    delivery: Delivery,
) -> String {
    let mut line = String::new();
    let secrets = ["<auth passphrase>", "<privacy passphrase>"];
    write_line(&mut line, engine, user, (auth, privacy), delivery, secrets);
    line
}

/// [`user_line`] with the passphrases themselves: only for the eyes of who asked for them.
#[must_use]
pub fn revealed_user_line(
    engine: &EngineId,
    user: &UserName,
    auth: (AuthProtocol, &Passphrase),
    privacy: (PrivacyProtocol, &Passphrase),
    delivery: Delivery,
) -> Zeroizing<String> {
    let secrets = [auth.1.text(), privacy.1.text()];
    // Room for all of it with every character escaped: a string that grows leaves copies behind.
    let mut line = Zeroizing::new(String::with_capacity(512 + 2 * (secrets[0].len() + secrets[1].len())));
    write_line(&mut line, engine, user, (auth.0, privacy.0), delivery, secrets);
    line
}

fn write_line(
    line: &mut String,
    engine: &EngineId,
    user: &UserName,
    (auth, privacy): (AuthProtocol, PrivacyProtocol),
    delivery: Delivery,
    [auth_secret, privacy_secret]: [&str; 2],
) {
    line.push_str("createUser ");
    if delivery == Delivery::Trap {
        write!(line, "-e {engine} ").expect("a String takes everything");
    }
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.' | '@');
    if user.as_str().chars().all(plain) {
        line.push_str(user.as_str());
    } else {
        quote(line, user.as_str());
    }
    line.push_str(match auth {
        AuthProtocol::Sha1 => " SHA ",
        AuthProtocol::Sha224 => " SHA-224 ",
        AuthProtocol::Sha256 => " SHA-256 ",
        AuthProtocol::Sha384 => " SHA-384 ",
        AuthProtocol::Sha512 => " SHA-512 ",
    });
    quote(line, auth_secret);
    line.push_str(match privacy {
        PrivacyProtocol::Aes128 => " AES ",
        PrivacyProtocol::Aes192 => " AES-192 ",
        PrivacyProtocol::Aes192Reeder => " AES-192-C ",
        PrivacyProtocol::Aes256 => " AES-256 ",
        PrivacyProtocol::Aes256Reeder => " AES-256-C ",
    });
    quote(line, privacy_secret);
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

    fn engine() -> EngineId {
        "0x80007ed905000102030405060708090a0b".parse().unwrap()
    }

    #[test]
    fn the_line_for_traps_names_the_engine_and_the_one_for_informs_does_not() {
        let user = UserName::new("fogbell").unwrap();
        let line =
            |delivery| user_line(&engine(), &user, AuthProtocol::Sha256, PrivacyProtocol::Aes128, delivery);

        assert_eq!(
            line(Delivery::Trap),
            "createUser -e 0x80007ed905000102030405060708090a0b fogbell SHA-256 \"<auth passphrase>\" AES \
             \"<privacy passphrase>\""
        );
        assert_eq!(
            line(Delivery::Inform),
            "createUser fogbell SHA-256 \"<auth passphrase>\" AES \"<privacy passphrase>\""
        );
    }

    #[test]
    fn what_the_receiver_would_take_apart_is_quoted() {
        let user = UserName::new("fog \"bell\"").unwrap();
        let (auth, privacy) =
            (Passphrase::new(r#"with "quotes""#).unwrap(), Passphrase::new(r"back\slash # é").unwrap());

        let line = revealed_user_line(
            &engine(),
            &user,
            (AuthProtocol::Sha512, &auth),
            (PrivacyProtocol::Aes256Reeder, &privacy),
            Delivery::Inform,
        );

        assert_eq!(
            *line,
            r#"createUser "fog \"bell\"" SHA-512 "with \"quotes\"" AES-256-C "back\\slash # é""#
        );
    }
}
