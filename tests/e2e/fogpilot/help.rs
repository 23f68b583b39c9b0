//! The help of every command, which holds an example.

use super::*;

#[test]
fn every_command_has_a_help_with_an_example() {
    let home = tempfile::tempdir().unwrap();
    let mut all = String::new();
    for command in [
        &[][..],
        &["template"],
        &["check"],
        &["profile", "add"],
        &["profile", "list"],
        &["profile", "show"],
        &["profile", "test"],
        &["preflight"],
        &["plan"],
        &["apply"],
        &["resume"],
        &["status"],
        &["verify"],
        &["report"],
        &["cleanup"],
        &["rollback"],
        &["render"],
        &["import-token"],
        &["export-tokens"],
        &["ek", "inspect"],
        &["token", "inspect"],
        &["completion"],
    ] {
        let answer = ask(home.path(), &[command, &["--help"]].concat(), b"");
        assert_eq!((answer.code, answer.said.as_str()), (0, ""), "{command:?}");
        assert!(answer.out.contains("Example"), "{command:?}: {}", answer.out);
        all += &format!("$ fogpilot {}\n{}\n", [command, &["--help"]].concat().join(" "), answer.out);
    }
    golden("help.txt", &all);
}

#[test]
fn arguments_that_are_none_are_a_fault_of_usage() {
    let home = tempfile::tempdir().unwrap();
    for arguments in [
        &["inspect"][..],
        &["ek", "inspect", "--allow-format", "jwt", "-"],
        &["token", "inspect", "--sco-ca-sha256", "abc", "-"],
        &["token", "inspect", "--sco-ca", "/nowhere", "-"],
        &["completion", "csh"],
        &["check", "--conductor-host", "a b", "-"],
        &["plan"],
        &["plan", "-f", "routers.csv", "-o", "p", "--profile", "-x"],
        &["profile", "add", "a b"],
        &["profile", "show", "--state", "nowhere"],
        &["status", "--state", "nowhere"],
        &["resume", "../x"],
        &["apply", "nowhere.plan"],
        &["render"],
        &["import-token", "--state", "nowhere", "-"],
    ] {
        let answer = ask(home.path(), arguments, b"");
        assert_eq!((answer.code, answer.out.as_str()), (2, ""), "{arguments:?}");
        assert!(!answer.said.is_empty(), "{arguments:?}");
    }
}

#[test]
fn completions_are_what_the_shell_takes() {
    let home = tempfile::tempdir().unwrap();
    let answer = ask(home.path(), &["completion", "bash"], b"");
    fs::write(home.path().join("fogpilot.bash"), &answer.out).unwrap();

    // without a compspec, `complete -p` fails
    let script = ". ./fogpilot.bash && complete -p fogpilot";
    let bash = Command::new("bash").args(["-c", script]).current_dir(home.path()).output().unwrap();

    assert!(bash.status.success(), "{}", String::from_utf8_lossy(&bash.stderr));
    assert!(answer.out.contains("export-tokens"), "{}", answer.out);
}
