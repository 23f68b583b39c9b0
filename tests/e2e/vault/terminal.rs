//! What is typed at a terminal, which `script` makes: nothing secret is echoed, and a secret is shown after asking.

use std::time::Duration;

use e2e::wait_for;

use super::*;

/// What a terminal showed while each answer was typed as soon as its question stood there, and the exit code.
pub(crate) fn typed(home: &Home, arguments: &[&str], answers: &[(&str, &str)]) -> (String, i32) {
    typed_at(&home.command(arguments), &home.path, answers)
}

/// The same of `fogbell` with `arguments`; what it showed is kept in `folder`.
pub(crate) fn typed_by(arguments: &[&str], folder: &Path, answers: &[(&str, &str)]) -> (String, i32) {
    let mut inner = Command::new(fogbell_program());
    inner.args(arguments);
    typed_at(&inner, folder, answers)
}

fn typed_at(inner: &Command, folder: &Path, answers: &[(&str, &str)]) -> (String, i32) {
    let words = std::iter::once(inner.get_program()).chain(inner.get_args());
    let line: Vec<String> = words.map(|word| format!("'{}'", word.to_str().unwrap())).collect();
    let log = folder.join("typescript");
    let mut script = Command::new("script");
    script
        .args(["--quiet", "--flush", "--echo", "always", "--return", "--command", &line.join(" ")])
        .arg(&log);
    let _ = fs::remove_file(&log);
    let mut child = script
        .env("NO_COLOR", "1")
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .expect("script is on PATH");
    let mut keyboard = child.stdin.take().unwrap();
    let mut shown = 0;
    let screen =
        || fs::read(&log).map(|bytes| String::from_utf8_lossy(&bytes).into_owned()).unwrap_or_default();
    for (question, answer) in answers {
        let asked = wait_for(Duration::from_secs(30), || {
            let text = screen();
            text.get(shown..)?.find(question).map(|at| shown + at + question.len())
        });
        shown = asked.unwrap_or_else(|| panic!("{question:?} was not asked: {}", screen()));
        keyboard.write_all(answer.as_bytes()).unwrap();
    }
    let code = child.wait().unwrap().code().unwrap_or(-1);
    (screen(), code)
}

#[test]
fn a_vault_for_a_laptop_opens_with_a_passphrase_and_nothing_typed_is_shown() {
    let home = Home::without_vault();
    Config::new().write(&home.path);
    const PASSPHRASE: (&str, &str) = ("Passphrase of the vault", "correct horse canary\n");

    let (screen, code) = typed(
        &home,
        &["init"],
        &[("New passphrase", "correct horse canary\n"), ("The same again: ", "correct horse canary\n")],
    );
    assert_eq!(code, 0, "{screen}");
    let recovery = screen.lines().map(str::trim).find(|line| line.split('-').count() == 14);
    let recovery = format!("{}\n", recovery.unwrap_or_else(|| panic!("no recovery key in {screen}")));
    let mut all = screen;
    let mut type_at = |arguments: &[&str], answers: &[(&str, &str)], expect: i32| {
        let (screen, code) = typed(&home, arguments, answers);
        assert_eq!(code, expect, "{arguments:?}: {screen}");
        all += &screen;
        screen
    };

    let set = [PASSPHRASE, ("Value of `a`: ", "the canary\n"), ("The same again: ", "the canary\n")];
    type_at(&["set", "a"], &set, 0);
    let differs = [PASSPHRASE, ("Value of `b`: ", "the canary\n"), ("The same again: ", "a canary\n")];
    let said = type_at(&["set", "b"], &differs, 1);
    assert!(said.contains("not the same"), "{said}");
    let wrong = [("Passphrase of the vault", "incorrect horse canary\n")];
    let said = type_at(&["list"], &wrong, 1);
    assert!(said.contains("none of the keys at hand"), "{said}");
    let said = type_at(&["list", "--recovery-key"], &[("Recovery key: ", &recovery)], 0);
    assert!(said.contains("other"), "{said}");
    let said = type_at(&["list"], &[("Passphrase of the vault", "corr\u{3}")], 1);
    assert!(said.contains("given up at the terminal"), "{said}");
    let said = type_at(&["rm", "a"], &[PASSPHRASE, ("[y/N] ", "n\n")], 1);
    assert!(said.contains("nothing was changed"), "{said}");
    let said = type_at(&["show", "a"], &[PASSPHRASE, ("[y/N] ", "\n")], 1);
    assert!(said.contains("nothing was shown"), "{said}");
    assert!(!all.contains("canary"), "{all}");

    let (screen, code) = typed(&home, &["show", "a"], &[PASSPHRASE, ("[y/N] ", "y\n")]);
    assert_eq!(code, 0, "{screen}");
    assert_eq!(screen.matches("canary").count(), 1, "{screen}");
    assert!(screen.contains("the canary"), "{screen}");
}

#[test]
fn a_rotation_at_a_terminal_asks_for_what_it_needs() {
    let home = Home::with_vault();
    home.set("a", "one");
    let (screen, code) = typed(
        &home,
        &["rewrap", "--add-passphrase"],
        &[("New passphrase", "correct horse canary\n"), ("The same again: ", "correct horse canary\n")],
    );
    assert_eq!(code, 0, "{screen}");

    let (screen, code) =
        typed(&home, &["rotate-key"], &[("Passphrase of the vault: ", "correct horse canary\n")]);

    assert_eq!(code, 0, "{screen}");
    assert!(screen.contains("Recovery key, shown this once") && !screen.contains("canary"), "{screen}");
    assert_eq!(home.secrets()["a"], "one");
    assert_eq!(home.list()["keys"].as_array().unwrap().len(), 3);
}
