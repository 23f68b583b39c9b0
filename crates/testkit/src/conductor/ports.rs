//! The ports beside HTTPS: 933 for onboarding, 930 for what follows, 4505 and 4506 for the legacy way.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use ids::Timestamp;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::{sleep, timeout};
use tokio_rustls::TlsAcceptor;

use super::server::Shared;
use super::{FakeConductor, StartError};
use crate::TestCertificate;
use crate::door::{Door, OnAccept};
use crate::tls::{TlsVersion, server_config};

/// Where the nodes have their ports beside HTTPS, and which numbers these have.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Ports {
    /// The address of each node.
    pub hosts: Vec<IpAddr>,
    /// Secure onboarding; 933 is documented.
    pub onboarding: u16,
    /// The tunnels of routers; 930 is documented.
    pub tunnels: u16,
    /// Onboarding in the legacy way; 4505 and 4506 are documented.
    pub legacy: [u16; 2],
    /// Whether the legacy ports are open at the start: secure onboarding is not in effect yet.
    pub legacy_open: bool,
}

impl Ports {
    /// The documented numbers at these addresses, the legacy ones closed. Numbers below 1024 need root.
    #[must_use]
    pub const fn documented(hosts: Vec<IpAddr>) -> Self {
        Self { hosts, onboarding: 933, tunnels: 930, legacy: [4505, 4506], legacy_open: false }
    }
}

/// How the port for onboarding answers (U13).
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Onboarding {
    /// By TLS with the certificate for onboarding.
    Tls,
    /// The same, and it demands a certificate of its authority from who connects.
    MutualTls,
    /// By text.
    Plain,
    /// Not at all; the connection stays open.
    Silent,
    /// It closes the connection.
    Closes,
}

/// Somebody connected to a port beside HTTPS.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct Knock {
    /// When, by the machine's clock.
    pub at: Timestamp,
    /// The node, 0 or 1.
    pub node: usize,
    /// The port, by its documented number.
    pub port: u16,
}

/// One port of one node.
pub(super) struct Port {
    node: usize,
    /// Its documented number.
    number: u16,
    door: Door,
}

impl Port {
    pub(super) const fn is(&self, node: usize, number: u16) -> bool {
        self.node == node && self.number == number
    }

    pub(super) const fn is_legacy(&self) -> bool {
        matches!(self.number, 4505 | 4506)
    }

    pub(super) const fn address(&self) -> SocketAddr {
        self.door.address()
    }

    pub(super) async fn set_open(&self, open: bool) -> std::io::Result<()> {
        if open {
            return self.door.open().await;
        }
        self.door.close().await;
        Ok(())
    }
}

impl FakeConductor {
    /// Where a node, 0 or 1, has the port with this documented number (933, 930, 4505, 4506).
    #[must_use]
    pub fn port(&self, node: usize, number: u16) -> Option<SocketAddr> {
        self.ports.iter().find(|port| port.is(node, number)).map(Port::address)
    }

    /// Opens or closes a port of a node, by its documented number.
    ///
    /// # Errors
    ///
    /// [`StartError::Listen`] when somebody else has it.
    pub async fn set_port(&self, node: usize, number: u16, open: bool) -> Result<(), StartError> {
        for port in self.ports.iter().filter(|port| port.is(node, number)) {
            port.set_open(open).await.map_err(StartError::Listen)?;
        }
        Ok(())
    }

    /// Who connected to the ports beside HTTPS so far, oldest first.
    #[must_use]
    pub fn knocks(&self) -> Vec<Knock> {
        self.shared.world().knocks.clone()
    }

    /// Starts again, every node at once. Once any router has secure onboarding this puts it into effect: the legacy ports
    /// close, and whoever was onboarded in the legacy way is cut off. Sessions end.
    ///
    /// # Errors
    ///
    /// [`StartError::Listen`] when somebody else has a port.
    pub async fn restart(&self) -> Result<(), StartError> {
        let nodes: Vec<usize> = (0..self.shared.settings.nodes()).collect();
        self.restart_nodes(&nodes).await
    }

    /// The same of these nodes alone, of 0 and 1; it is in effect where every node did.
    ///
    /// # Errors
    ///
    /// [`StartError::Listen`] when somebody else has a port.
    ///
    /// # Panics
    ///
    /// When there is no such node.
    pub async fn restart_nodes(&self, nodes: &[usize]) -> Result<(), StartError> {
        let in_effect = self.shared.world().restart(nodes);
        let theirs = |port: &&Port| port.is_legacy() && nodes.contains(&port.node);
        for port in self.ports.iter().filter(theirs) {
            port.set_open(!in_effect).await.map_err(StartError::Listen)?;
        }
        Ok(())
    }
}

/// Opens the ports of `nodes` nodes.
pub(super) async fn open(shared: &Arc<Shared>, nodes: usize) -> std::io::Result<Vec<Port>> {
    let Some(ports) = &shared.settings.ports else { return Ok(Vec::new()) };
    let mut all = Vec::new();
    for (node, &host) in ports.hosts.iter().take(nodes).enumerate() {
        let [first, second] = ports.legacy;
        for (number, port) in [(933, ports.onboarding), (930, ports.tunnels), (4505, first), (4506, second)] {
            let on_accept = on_accept(shared, node, number);
            let door = Door::start(SocketAddr::new(host, port), None, on_accept)?;
            let port = Port { node, number, door };
            port.set_open(ports.legacy_open || !port.is_legacy()).await?;
            all.push(port);
        }
    }
    Ok(all)
}

fn on_accept(shared: &Arc<Shared>, node: usize, port: u16) -> OnAccept {
    let shared = Arc::downgrade(shared);
    Arc::new(move |stream, _peer| {
        let Some(shared) = shared.upgrade() else { return };
        shared.world().knocks.push(Knock { at: Timestamp::now(), node, port });
        if port == 933 {
            let serving = serve(Arc::clone(&shared), stream);
            let _ = shared.tasks.spawn(async move {
                let _ = timeout(LONGEST, serving).await; // whoever stays longer is cut off
            });
        }
    })
}

/// Shows the certificate, and reads until the other side is through; the protocol above it is not documented.
async fn serve(shared: Arc<Shared>, mut stream: TcpStream) {
    let how = shared.world().readings.onboarding;
    let config = {
        let world = shared.world();
        let certificate = TestCertificate {
            chain_pem: world.authority.server_pem.clone(),
            key_pem: world.authority.server_key_pem.clone(),
        };
        let client_ca = (how == Onboarding::MutualTls).then_some(world.authority.ca_pem.as_str());
        server_config(&certificate, client_ca, TlsVersion::Both)
    };
    match (how, config) {
        (Onboarding::Tls | Onboarding::MutualTls, Ok(config)) => {
            if let Ok(mut stream) = TlsAcceptor::from(config).accept(stream).await {
                let _ = stream.read(&mut [0; 1]).await; // whatever it is, it is not understood
            }
        }
        (Onboarding::Plain, _) => {
            let _ = stream.write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n").await; // whoever went away knows it
        }
        (Onboarding::Silent, _) => sleep(LONGEST).await,
        _ => {}
    }
}

const LONGEST: Duration = Duration::from_secs(60);
