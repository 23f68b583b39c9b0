//! `fogbell check` of a configuration with secrets in the vault and in credentials.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;

use super::*;

/// A configuration whose webhook secret has `home`, and what `fogbell check` says of it.
fn check(home: &Home, secret: &str, credentials: Option<&Path>) -> Answer {
    home.write(
        Config::new()
            .org(&format!("[[org]]\nname = \"acme\"\ncloud = \"global-01\"\nsecrets = [{secret}]\n")),
    );
    let mut command = Command::new("setsid");
    command.arg(fogbell_program()).arg("check").arg("--config").arg(home.path.join("fogbell.toml"));
    command.env("NO_COLOR", "1").env_remove("RUST_LOG").env_remove("CREDENTIALS_DIRECTORY");
    if let Some(folder) = credentials {
        command.env("CREDENTIALS_DIRECTORY", folder);
    }
    answer(start(&mut command, ""))
}

fn refused(answer: &Answer, at: &str, says: &[&str]) {
    assert_eq!(answer.code, 78, "{}{}", answer.out, answer.said);
    let place = answer.said.split_once("fogbell.toml:").map(|(_, rest)| rest);
    let place = place.unwrap_or_else(|| panic!("no place in {}", answer.said));
    let (line, rest) = place.split_once(':').unwrap();
    assert!(line.parse::<u32>().is_ok() && rest.contains(at), "{}", answer.said);
    for word in says {
        assert!(answer.said.contains(word), "no {word} in {}", answer.said);
    }
}

#[test]
fn a_secret_that_is_not_in_the_vault_is_told_with_its_place_and_not_by_its_name() {
    let home = Home::with_vault();
    home.set("mist/webhook", "s3cret");

    let good = check(&home, "{ secret = \"mist/webhook\" }", None);
    assert_eq!(good.code, 0, "{}", good.said);
    // somebody may have written the secret itself
    let missing = check(&home, "{ secret = \"canary\" }", None);
    refused(&missing, "org[0].secrets[0].secret", &["no secret of this name", "secret list", "secret set"]);
    assert!(!missing.said.contains("canary"), "{}", missing.said);
    let text = fs::read_to_string(home.path.join("fogbell.toml")).unwrap();
    let at = text.find("\"canary\"").unwrap();
    let line = text[..at].matches('\n').count() + 1;
    let column = at - text[..at].rfind('\n').unwrap();
    assert!(missing.said.contains(&format!("fogbell.toml:{line}:{column}: ")), "{}", missing.said);
    refused(&check(&home, "{ secret = \"no name\" }", None), "secret", &["a secret's name has"]);
    refused(&check(&home, "{ secret = \"a\", file = \"b\" }", None), "", &["one home"]);
}

#[test]
fn a_vault_that_cannot_be_opened_is_told_where_it_is_needed() {
    let home = Home::without_vault();
    let at = "org[0].secrets[0].secret";
    let named = "{ secret = \"a\" }";
    refused(&check(&home, named, None), at, &["there is no vault", "secret init"]);
    home.init();
    home.set("a", "s3cret");
    fs::set_permissions(home.vault(), Permissions::from_mode(0o644)).unwrap();
    refused(&check(&home, named, None), at, &["mode 0644", "chmod 600"]);
    fs::set_permissions(home.vault(), Permissions::from_mode(0o600)).unwrap();
    let key = fs::read(home.key_file()).unwrap();
    fs::write(home.key_file(), [1; 32]).unwrap();
    refused(&check(&home, named, None), at, &["none of the keys at hand"]);
    fs::write(home.key_file(), key).unwrap();
    assert_eq!(check(&home, named, None).code, 0);
    // of a later version of the program: the number behind the first eight bytes
    let vault = fs::read(home.vault()).unwrap();
    fs::write(home.vault(), [&vault[..8], &[0, 2], &vault[10..]].concat()).unwrap();
    refused(&check(&home, named, None), at, &["this vault has format 2", "knows formats up to 1"]);
    fs::write(home.vault(), &vault).unwrap();
    assert_eq!(check(&home, named, None).code, 0);
    fs::remove_file(home.vault()).unwrap();
    refused(&check(&home, named, None), at, &["there is no vault"]);
    // who needs no vault is not asked for one
    assert_eq!(check(&home, "{ file = \"SECRETS/webhook\" }", None).code, 0);
}

#[test]
fn a_credential_that_is_missing_is_told_with_the_line_that_hands_it_over() {
    let home = Home::without_vault();
    let folder = home.path.join("credentials");
    fs::create_dir(&folder).unwrap();
    let named = "{ credential = \"webhook\" }";
    let at = "org[0].secrets[0].credential";

    refused(&check(&home, named, None), at, &["no credentials", "`LoadCredentialEncrypted=webhook`"]);
    refused(
        &check(&home, named, Some(&folder)),
        at,
        &["no credential `webhook`", "`LoadCredential=webhook:"],
    );
    let file = folder.join("webhook");
    fs::write(&file, "").unwrap();
    fs::set_permissions(&file, Permissions::from_mode(0o400)).unwrap();
    refused(&check(&home, named, Some(&folder)), at, &["`webhook` is empty"]);
    fs::set_permissions(&file, Permissions::from_mode(0o600)).unwrap();
    fs::write(&file, "s3cret\n").unwrap();
    let good = check(&home, named, Some(&folder));
    assert_eq!(good.code, 0, "{}", good.said);
    refused(
        &check(&home, "{ credential = \"../webhook\" }", Some(&folder)),
        "credential",
        &["a credential's name has"],
    );
}
