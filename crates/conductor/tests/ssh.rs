//! The command line through a real OpenSSH client and server, whose login shell is the fake conductor's.
//!
//! Needs root, and `FOGBELL_TESTKIT_BIN_DIR` with the programs of testkit; `cargo xtask test` gives both.

#![allow(clippy::unwrap_used, reason = "a test stops at what it did not expect")]

use std::path::PathBuf;
use std::time::Duration;

use fogbell_conductor::{
    Commit, ConfigPath, Lifetime, Line, Name, Pcli, PcliProblem, PcliSettings, Said, Way, Word,
};
use testkit::SshServer;
use testkit::conductor::{CommandWay, ConductorSettings, Disturbance, FakeConductor, Readings, TokenPlace};

/// A conductor with its command line behind SSH.
struct Stage {
    fake: FakeConductor,
    server: SshServer,
    _folder: tempfile::TempDir,
}

impl Stage {
    async fn start(change: impl FnOnce(&mut Readings)) -> Self {
        let shell =
            PathBuf::from(std::env::var_os("FOGBELL_TESTKIT_BIN_DIR").expect("cargo xtask test sets it"));
        let shell = shell.join("fogbell-testkit-pcli");
        assert!(shell.is_file(), "`{}` is missing", shell.display());
        let fake = FakeConductor::start(ConductorSettings::default()).await.unwrap();
        fake.add_router("r1", &[("node0", "LR1")]);
        fake.read_as(change);
        let folder = tempfile::tempdir().unwrap();
        let socket = folder.path().join("pcli.sock");
        fake.serve_command_line(&socket).unwrap();
        let environment = [("FOGBELL_TESTKIT_PCLI", socket.to_str().unwrap())];
        let server = SshServer::start(folder.path(), &shell, &environment).unwrap();
        Self { fake, server, _folder: folder }
    }

    fn pcli(&self) -> Pcli {
        self.pcli_with(|_| {})
    }

    fn pcli_with(&self, change: impl FnOnce(&mut PcliSettings)) -> Pcli {
        let mut settings = PcliSettings::new("conductor");
        settings.config = Some(self.server.ssh_config());
        change(&mut settings);
        Pcli::new(settings).unwrap()
    }
}

fn r1() -> Name {
    Name::new("r1").unwrap()
}

fn mode(mode: &str) -> Line {
    let path = ConfigPath::router_onboarding(&r1());
    Line::set(&path, &Name::new("mode").unwrap(), &Word::new(mode).unwrap())
}

fn token_of(said: &Said) -> String {
    let joined: String = said.text().lines().take_while(|line| !line.starts_with("Asset ")).collect();
    let start = joined.find("eyJ").expect("a token begins so");
    let token = joined[start..].chars().take_while(|c| c.is_ascii_alphanumeric() || "-_.".contains(*c));
    token.collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_router_is_configured_and_gets_its_token_whichever_way_commands_take() {
    use {CommandWay::*, TokenPlace::*};
    for (way, expect, decorated, asks, wrap, place) in [
        (Both, Way::Argument, false, true, None, Alone),
        (Argument, Way::Argument, true, true, Some(80), Labelled),
        (Argument, Way::Argument, false, false, Some(132), Json),
        (Input, Way::Input, false, true, None, Labelled),
        (Input, Way::Input, true, false, Some(80), Alone),
    ] {
        let stage = Stage::start(|readings| {
            readings.command_way = way;
            readings.decorated = decorated;
            readings.asks = asks;
            readings.wrap = wrap;
            readings.token_place = place;
            readings.appended = decorated;
        })
        .await;
        let pcli = stage.pcli();

        assert_eq!(pcli.way().await.unwrap(), expect);
        pcli.run(&mode("strong")).await.unwrap();
        pcli.run(&Line::validate()).await.unwrap();
        pcli.run(&Line::commit()).await.unwrap();
        let line = Line::create_token(&r1(), Lifetime::hours(24).unwrap());
        let said = pcli.run(&line).await.unwrap();

        assert_eq!(stage.fake.commits().len(), 1, "{way:?} {decorated} {asks}");
        assert_eq!(
            stage.fake.running_at("/authority/router/r1/system/secure-conductor-onboarding/mode").unwrap(),
            "strong"
        );
        assert_eq!(token_of(&said).split('.').count(), 3);
        assert!(!format!("{said:?}").contains("eyJ"));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_shown_is_read_without_prompts_and_secrets() {
    let stage = Stage::start(|readings| {
        readings.command_way = CommandWay::Input;
        readings.secret_shown = testkit::conductor::SecretShown::Plain;
        readings.decorated = true;
    })
    .await;
    let pcli = stage.pcli();
    pcli.run(&mode("weak")).await.unwrap();
    pcli.run(&Line::commit()).await.unwrap();
    let secret =
        stage.fake.running_at("/authority/router/r1/system/secure-conductor-onboarding/pre-shared-secret");
    let secret = secret.unwrap().as_str().unwrap().to_owned();

    let shown = pcli.run(&Line::show_running(&ConfigPath::router(&r1()))).await.unwrap();
    let state = pcli.run(&Line::show_onboarding(Some(&Word::new("LR1").unwrap()))).await.unwrap();

    assert!(shown.text().contains("asset-id  LR1"), "{}", shown.text());
    assert!(!shown.text().contains(&secret) && shown.text().contains("pre-shared-secret (removed)"));
    assert!(!shown.text().contains("admin@") && !shown.text().contains('\u{1b}'));
    assert!(state.text().lines().any(|line| line == "Auth State:  waiting"), "{}", state.text());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_commit_that_is_refused_is_told_by_what_it_found_and_is_no_unanswered_one() {
    for honest in [true, false] {
        let stage = Stage::start(|readings| readings.honest_status = honest).await;
        let pcli = stage.pcli();
        pcli.run(&mode("strong")).await.unwrap();
        stage.fake.find_fault("/authority/router/r1", "this cannot be");

        let Commit::Refused(findings) = pcli.commit().await.unwrap() else { panic!("{honest}: done") };

        assert!(findings.iter().any(|finding| finding.message.contains("this cannot be")), "{findings:?}");
        assert!(findings.iter().any(|finding| finding.message.contains("router/r1")), "{findings:?}");
        assert_eq!(stage.fake.commits().len(), 0);
    }
    let stage = Stage::start(|_| {}).await;
    let pcli = stage.pcli();
    pcli.run(&mode("strong")).await.unwrap();
    stage.fake.disturb(Disturbance::Status(3)).on("commit").times(1);

    let problem = pcli.commit().await.unwrap_err();

    // done, and it ended badly without a complaint: only reading tells
    assert!(problem.outcome_unknown(), "{problem}");
    assert_eq!(stage.fake.commits().len(), 1);
    assert!(matches!(pcli.commit().await, Ok(Commit::Done)));
}

#[tokio::test(flavor = "multi_thread")]
async fn refusals_are_errors_whatever_the_status_says() {
    for honest in [true, false] {
        let stage = Stage::start(|readings| readings.honest_status = honest).await;
        let pcli = stage.pcli();
        let line = Line::create_token(&r1(), Lifetime::hours(1).unwrap());

        let problem = pcli.run(&line).await.unwrap_err();

        assert!(problem.to_string().contains("is not enabled on router"), "{problem}");
        assert!(!problem.outcome_unknown());
        match honest {
            true => assert!(matches!(problem, PcliProblem::Failed { status: Some(1), .. }), "{problem}"),
            false => assert!(matches!(problem, PcliProblem::Refused { .. }), "{problem}"),
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_unknown_host_key_is_refused_whatever_the_configuration_says() {
    let stage = Stage::start(|_| {}).await;
    let wrong = format!("UserKnownHostsFile {}", stage.server.file("other_known_hosts").display());
    let careless = ["UserKnownHostsFile /dev/null", "StrictHostKeyChecking no"];
    for lines in [&[wrong.as_str()][..], &careless] {
        let config = stage.server.ssh_config_with("config", lines).unwrap();
        let pcli = stage.pcli_with(|settings| settings.config = Some(config));

        let problem = pcli.run(&Line::show_version()).await.unwrap_err();

        assert!(problem.to_string().contains("Host key verification failed"), "{problem}");
        assert!(problem.to_string().contains("known_hosts"), "{problem}");
    }
    assert!(stage.fake.asked().is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_that_opens_nothing_is_said_and_nothing_is_asked() {
    let stage = Stage::start(|_| {}).await;
    let key = format!("IdentityFile {}", stage.server.file("stranger").display());
    let config = std::fs::read_to_string(stage.server.ssh_config()).unwrap();
    let config: String = config
        .lines()
        .filter(|line| !line.contains("IdentityFile"))
        .map(|line| format!("{line}\n"))
        .collect();
    let file = stage.server.file("config");
    std::fs::write(&file, format!("{config}  {key}\n")).unwrap();
    let pcli = stage.pcli_with(|settings| settings.config = Some(file));

    let problem = pcli.run(&Line::show_version()).await.unwrap_err();

    assert!(problem.to_string().contains("Permission denied"), "{problem}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_jump_host_of_the_configuration_is_used() {
    let stage = Stage::start(|_| {}).await;
    let far = stage.server.file("far");
    let near = std::fs::read_to_string(stage.server.ssh_config()).unwrap();
    // the jump host's shell is the command line too, so the way through it is a program of the configuration's
    let port = near.lines().find_map(|line| line.trim().strip_prefix("Port ")).unwrap();
    let used = stage.server.file("used");
    let proxy = format!(
        "  ProxyCommand sh -c 'touch {} && exec {} 127.0.0.1 {port}'\n",
        used.display(),
        "python3 -c \"import socket,sys,threading,shutil; s=socket.create_connection((sys.argv[1],int(sys.argv[2]))); \
         threading.Thread(target=lambda: [s.sendall(d) for d in iter(lambda: sys.stdin.buffer.raw.read(65536), b\\\"\\\")], daemon=True).start(); \
         [(sys.stdout.buffer.write(d), sys.stdout.buffer.flush()) for d in iter(lambda: s.recv(65536), b\\\"\\\")]\""
    );
    std::fs::write(&far, near + &proxy).unwrap();
    let pcli = stage.pcli_with(|settings| settings.config = Some(far));

    pcli.run(&Line::show_version()).await.unwrap();

    assert!(used.is_file());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_child_that_does_not_end_is_ended() {
    let folder = tempfile::tempdir().unwrap();
    let (program, pid) = (folder.path().join("ssh"), folder.path().join("pid"));
    let script = format!("#!/bin/sh\necho $$ > {}\nexec sleep 600\n", pid.display());
    std::fs::write(&program, script).unwrap();
    std::fs::set_permissions(&program, std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
    let mut settings = PcliSettings::new("conductor");
    settings.program = program;
    settings.way = Some(Way::Argument);
    settings.commit_timeout = Duration::from_secs(2);
    let pcli = Pcli::new(settings).unwrap();

    let problem = pcli.run(&Line::commit()).await.unwrap_err();

    assert!(matches!(problem, PcliProblem::Timeout { .. }) && problem.outcome_unknown(), "{problem}");
    let pid = std::fs::read_to_string(pid).unwrap();
    assert!(!std::path::Path::new(&format!("/proc/{}", pid.trim())).exists(), "the child still runs");
}

#[tokio::test(flavor = "multi_thread")]
async fn output_without_an_end_is_cut_off() {
    let folder = tempfile::tempdir().unwrap();
    let program = folder.path().join("ssh");
    std::fs::write(&program, "#!/bin/sh\nexec yes\n").unwrap();
    std::fs::set_permissions(&program, std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
    let mut settings = PcliSettings::new("conductor");
    settings.program = program;
    settings.way = Some(Way::Input);
    settings.max_output_bytes = 10_000;
    let pcli = Pcli::new(settings).unwrap();

    let problem = pcli.run(&Line::show_version()).await.unwrap_err();

    assert!(problem.to_string().ends_with("says more than 10000 bytes"), "{problem}");
}

#[test]
fn a_destination_is_never_an_option() {
    for text in ["", "-oProxyCommand=x", "a b", "a;b", "$(x)"] {
        assert!(matches!(Pcli::new(PcliSettings::new(text)), Err(PcliProblem::Destination { .. })), "{text}");
    }
}
