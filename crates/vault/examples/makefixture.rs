use std::time::{Duration, UNIX_EPOCH};
use fogbell_vault::*;
fn main() {
    let dir = std::path::PathBuf::from(std::env::args().nth(1).unwrap());
    let at = |s| UNIX_EPOCH + Duration::from_secs(1_800_000_000 + s);
    let material = Key::random_material().unwrap();
    std::fs::write(dir.join("format-1.key"), &*material).unwrap();
    let key = Key::material(material).unwrap();
    let recovery = RecoveryKey::random().unwrap();
    std::fs::write(dir.join("format-1.recovery"), format!("{}\n", *recovery.reveal())).unwrap();
    let path = dir.join("format-1.vault");
    let mut edit = Edit::create(&path, Existing::Refuse).unwrap();
    let cred = Key::material(b"a credential of format 1, 32 bytes or more".to_vec().into()).unwrap();
    let pass = Key::passphrase(b"format one passphrase".to_vec().into()).unwrap();
    let rec = Key::recovery(recovery);
    for (label, kind, key) in [("key-file", WrapperKind::KeyFile, &key), ("fogbell-vault", WrapperKind::Credential, &cred), ("passphrase", WrapperKind::Passphrase, &pass), ("recovery", WrapperKind::Recovery, &rec)] {
        edit.add_wrapper(&NewWrapper { label, kind, key }, at(0)).unwrap();
    }
    edit.set(&SecretName::new("mist/webhook").unwrap(), Secret::new(Kind::Webhook, b"correct horse battery staple".to_vec().into()).unwrap(), at(1)).unwrap();
    edit.save(at(2)).unwrap();
    let ring = Keyring::of([key]);
    let mut edit = Edit::open(&path, &ring).unwrap();
    edit.set(&SecretName::new("binary").unwrap(), Secret::new(Kind::Other, (0..=255).collect::<Vec<u8>>().into()).unwrap(), at(90)).unwrap();
    edit.set(&SecretName::new("snmp.auth").unwrap(), Secret::new(Kind::Snmp, "päss wörd".as_bytes().to_vec().into()).unwrap(), at(90)).unwrap();
    edit.save(at(100)).unwrap();
    let vault = Vault::open(&path, &ring).unwrap();
    std::fs::write(dir.join("format-1.fingerprint"), format!("{}\n", vault.entries()[1].fingerprint())).unwrap();
    let _ = std::fs::remove_file(dir.join(".format-1.vault.lock"));
}
