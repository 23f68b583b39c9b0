//! Profiles: what is asked, and where secrets are.

use super::*;

#[test]
fn a_profile_is_made_without_a_terminal_and_its_secrets_are_in_the_vault_alone() {
    let stage = ready(EstateSettings::default());

    let list = ask_with_state(&stage, &["profile", "list", "-o", "json"]);
    let show = ask_with_state(&stage, &["profile", "show"]);
    let test = ask_with(&stage, &["profile", "test", "prod", "-o", "json"]);

    let profile = &json(&list)["profiles"][0]["profile"];
    assert_eq!(profile["org"], stage.told("/mist/org"));
    assert_eq!(profile["conductor"]["pin"], stage.told("/conductor/pin"));
    assert!(show.out.contains("SCO CA") && show.out.contains("sha256:"), "{show:?}");
    assert_eq!((test.code, json(&test)["tried"].as_array().unwrap().len()), (0, 3), "{test:?}");
    assert_eq!(stage.files_with_secrets(&stage.home().join("state")), []);
    for file in ["state/vault", "state/profiles.toml", "vault.key"] {
        let mode = fs::metadata(stage.home().join(file)).unwrap().permissions().mode();
        assert_eq!(mode & 0o077, 0, "{file}");
    }
}

#[test]
fn without_a_terminal_what_a_profile_lacks_is_named_by_its_flag_and_nothing_is_kept() {
    let stage = Stage::start(EstateSettings::default());
    for (flag, named) in [
        ("--conductor-pin", "--conductor-pin"),
        ("--sco-ca", "--sco-ca FILE, --sco-ca-sha256 PIN or --no-sco-ca"),
        ("--org", "--org"),
        ("--api-token-file", "--api-token-file"),
        ("--password-file", "--password-file"),
        ("--user", "--user"),
    ] {
        let answer = add(&stage, "prod", false, &[flag]);
        assert_eq!(answer.code, 2, "{flag}: {answer:?}");
        assert!(answer.said.contains(named), "{flag}: {answer:?}");
    }

    let other = "sha256:0000000000000000000000000000000000000000000000000000000000000000";
    let pin = stage.ask(
        &[
            &["profile", "add", "prod", "--api-host", stage.told("/mist/host")][..],
            &["--api-ca", stage.told("/mist/ca"), "--org", stage.told("/mist/org")],
            &[
                "--api-token-file",
                stage.told("/mist/token_file"),
                "--conductor",
                stage.told("/conductor/host"),
            ],
            &["--user", "admin", "--password-file", stage.told("/conductor/password_file")],
            &["--no-sco-ca", "--conductor-pin", other],
            &STATE,
        ]
        .concat(),
    );
    assert_eq!(pin.code, 1, "{pin:?}");
    assert!(pin.said.contains("another key than --conductor-pin"), "{pin:?}");
    assert!(!stage.home().join("state/profiles.toml").exists());
    assert!(!stage.home().join("state/vault").exists());
}

#[test]
fn a_token_or_password_that_is_not_accepted_makes_no_profile() {
    let stage = Stage::start(EstateSettings::default());
    for (what, said) in [("mist-token", "401"), ("conductor-password", "40")] {
        let path = stage.home().join(what);
        let good = fs::read_to_string(&path).unwrap();
        fs::write(&path, "notthisone").unwrap();

        let answer = add(&stage, "prod", false, &[]);

        assert_eq!(answer.code, 4, "{what}: {answer:?}");
        assert!(answer.said.contains(said), "{what}: {answer:?}");
        assert!(!stage.home().join("state/profiles.toml").exists());
        fs::write(&path, good).unwrap();
    }
}

#[test]
fn a_conductor_of_two_nodes_wants_both_in_the_profile() {
    let conductor = ConductorSettings { pair: true, ..ConductorSettings::default() };
    let stage = ready(EstateSettings { conductor, ..EstateSettings::default() });

    let one = ask_with(&stage, &["preflight", "--assume", "restart", "-o", "json"]);

    let nodes = json(&one)["checks"]
        .as_array()
        .unwrap()
        .iter()
        .find(|check| check["name"] == "conductor-nodes")
        .cloned();
    assert_eq!(nodes.unwrap()["outcome"], "fail", "{one:?}");
}

#[test]
fn at_a_terminal_what_is_missing_is_asked_and_what_is_typed_in_secret_is_not_shown() {
    let stage = Stage::start(EstateSettings::default());
    let secret = |name: &str| fs::read_to_string(stage.home().join(name)).unwrap().trim().to_owned();
    let (token, password) = (secret("mist-token"), secret("conductor-password"));
    let (add, unlock) = (["profile", "add", "prod", "--state", "state"], [("Passphrase", "correct horse")]);
    let given = [
        ["--api-host", stage.told("/mist/host")],
        ["--api-ca", stage.told("/mist/ca")],
        ["--org", stage.told("/mist/org")],
        ["--sco-ca", stage.told("/conductor/sco_ca")],
        ["--node", stage.told("/conductor/hosts/0")],
        ["--ssh", stage.told("/ssh/host")],
        ["--ssh-config", stage.told("/ssh/config")],
    ];
    let add = [&add[..], &given.concat()].concat();
    let answers = [
        ("API token", &*token),
        ("Conductor (host", stage.told("/conductor/host")),
        ("Account on", stage.told("/conductor/user")),
        ("Is it the conductor's? [y/N]", "y"),
        ("Password at", &password),
        ("New passphrase", "correct horse"),
        ("The same again", "correct horse"),
    ];
    let mut refused = answers;
    refused[3].1 = "n";

    let refused = at_terminal(&stage, &refused, &add);
    let added = at_terminal(&stage, &answers, &add);

    assert_eq!(refused.code, 130, "{refused:?}");
    assert!(refused.out.contains(stage.told("/conductor/pin")), "{refused:?}");
    assert_eq!(added.code, 0, "{added:?}");
    assert!(!added.out.contains("correct horse"), "{added:?}");
    let plan = ["plan", "--state", "state", "-f", stage.told("/list"), "-o", "wave.plan"];
    assert_eq!(at_terminal(&stage, &unlock, &plan).code, 0);
    let apply = ["apply", "wave.plan", "--state", "state", "--accept-legacy-cutoff=0"];
    let apply = [&apply[..], &QUICKLY[1..]].concat();
    let before = stage.estate().mark();
    let no = at_terminal(&stage, &[unlock[0], ("Begin? [y/N]", "no")], &apply);
    assert_eq!(no.code, 130, "{no:?}");
    assert_eq!(stage.estate().writes_since(before), [] as [String; 0]);
    let yes = at_terminal(&stage, &[unlock[0], ("Begin? [y/N]", "y")], &apply);
    assert_eq!(yes.code, 0, "{yes:?}");
    assert!(yes.out.contains("] 1/1 ") || yes.out.contains("0 of 1 done"), "{yes:?}");
    assert_eq!(stage.estate().broken_rules(), [] as [String; 0]);
}
