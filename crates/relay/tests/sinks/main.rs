//! Sinks and routes, through a whole relay in this process.
#![allow(clippy::unwrap_used, reason = "a test says what is wrong by failing")]

mod deliveries;
mod routes;

use std::net::SocketAddr;
use std::path::Path;
use std::time::{Duration, SystemTime};

use fogbell_relay::{Certificate, Config, Drained, Identity, Relay, Renewed, Served, Setup, Sockets};
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, PrivateKeyDer};
use tempfile::TempDir;
use testkit::mist::FakeMist;
use testkit::{Post, TestCa, Trust};
use tokio::net::{TcpListener, UnixListener};
use tokio::sync::oneshot;
use tokio::task::JoinHandle;
use tokio::time::timeout;
use zeroize::Zeroizing;

const SECRET: &[u8] = b"a secret of the test";
const DEADLINE: Duration = Duration::from_secs(60);

/// A relay in this process.
struct Running {
    post: Post,
    mist: FakeMist,
    posted: u64,
    admin: SocketAddr,
    stop: oneshot::Sender<()>,
    relay: JoinHandle<Result<Drained, fogbell_relay::Error>>,
    _dir: TempDir,
}

impl Running {
    /// Starts a relay with these sinks; `{community}` in them stands for a file with a community.
    async fn start(sinks: &str) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let state = dir.path().display().to_string();
        let text = format!(
            "state = \"{state}\"\n[gate]\nnetworks = [\"127.0.0.0/8\"]\nmax_body_bytes = 4194304\n[[org]]\nname = \"acme\"\n\
             secrets = [{{ file = \"webhook\" }}]\n{sinks}"
        );
        let config = Config::parse(Path::new("test.toml"), text).unwrap();
        let ca = TestCa::new();
        let server = ca.server(&["localhost", "127.0.0.1"]);
        let identity = Identity {
            chain: CertificateDer::pem_slice_iter(server.chain_pem.as_bytes())
                .collect::<Result<_, _>>()
                .unwrap(),
            key: PrivateKeyDer::from_pem_slice(server.key_pem.as_bytes()).unwrap(),
        };
        let secret = |home: &fogbell_relay::config::SecretHome| {
            let bytes = if *home == fogbell_relay::config::SecretHome::File("webhook".into()) {
                SECRET
            } else {
                b"public"
            };
            Ok(Zeroizing::new(bytes.to_vec()))
        };
        let relay = Relay::open(Setup::new(config, certificate(identity), &secret).unwrap()).unwrap();
        let webhooks = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let admin = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let commands = UnixListener::bind(dir.path().join("admin.sock")).unwrap();
        let url = format!("https://{}/v1/mist", webhooks.local_addr().unwrap());
        let (stop, stopped) = oneshot::channel();
        let admin_address = admin.local_addr().unwrap();
        let shutdown = async {
            let _ = stopped.await;
        };
        let relay = tokio::spawn(relay.run(Sockets { webhooks, admin, commands }, shutdown));
        let post = Post::new(&url, &Trust::pem(&ca.pem()).unwrap()).unwrap().secret(SECRET);
        Self { post, mist: FakeMist::new(7), posted: 0, admin: admin_address, stop, relay, _dir: dir }
    }

    /// Posts `count` alarms, each with a device name of its own; they are answered 200.
    async fn post(&mut self, count: u64) {
        for _ in 0..count {
            let delivery = self.mist.alarm_of_size(900, self.posted);
            let answer = self.post.deliver(&delivery).await.unwrap();
            assert_eq!(answer.status, 200);
            self.posted += 1;
        }
    }

    async fn stop(self) -> Drained {
        self.stop.send(()).unwrap();
        timeout(DEADLINE, self.relay).await.unwrap().unwrap().unwrap()
    }

    async fn metric(&self, name: &str) -> f64 {
        use tokio::io::{AsyncReadExt, AsyncWriteExt};
        let mut stream = tokio::net::TcpStream::connect(self.admin).await.unwrap();
        stream.write_all(b"GET /metrics HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n").await.unwrap();
        let mut text = String::new();
        stream.read_to_string(&mut text).await.unwrap();
        let line = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
        line.map_or(0.0, |value| value.parse().unwrap())
    }
}

/// A certificate that holds for as long as a test runs.
fn certificate(identity: Identity) -> Certificate {
    let served = Served {
        identity,
        names: Vec::new(),
        not_before: SystemTime::UNIX_EPOCH,
        not_after: SystemTime::now() + Duration::from_secs(365 * 24 * 60 * 60),
        fingerprint: String::new(),
        renewed: Renewed::ByOperator,
    };
    Certificate::new(served).unwrap()
}
