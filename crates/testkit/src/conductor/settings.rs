//! What a fake conductor is started with, and how it reads what is not documented.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::time::Duration;

use super::ports::{Onboarding, Ports};

/// What a [`FakeConductor`](super::FakeConductor) is started with.
#[derive(Clone, Debug)]
pub struct ConductorSettings {
    /// Where its first node listens; `127.0.0.1:0` unless told otherwise.
    pub address: SocketAddr,
    /// Whether it has two nodes.
    pub pair: bool,
    /// Whether secure onboarding is in effect from the start: hardware of somebody else's, `first-0001`, was onboarded with
    /// it, and every node was restarted since. Else it is in effect once a router has it and every node was restarted.
    pub in_effect: bool,
    /// Its name as a router.
    pub name: String,
    /// Its software.
    pub version: String,
    /// The account that may do everything.
    pub user: String,
    /// Its password.
    pub password: String,
    /// The addresses that routers are told.
    pub public_hosts: Vec<String>,
    /// Its ports beside HTTPS; none unless told otherwise.
    pub ports: Option<Ports>,
    /// How fast routers come up.
    pub pace: Pace,
    /// How the undocumented is read.
    pub readings: Readings,
}

impl ConductorSettings {
    /// How many nodes it has.
    pub(super) const fn nodes(&self) -> usize {
        if self.pair { 2 } else { 1 }
    }

    /// The address of each node, as far as it is given.
    pub(super) fn hosts(&self) -> Vec<IpAddr> {
        self.ports.as_ref().map_or_else(|| vec![self.address.ip()], |ports| ports.hosts.clone())
    }
}

impl Default for ConductorSettings {
    fn default() -> Self {
        Self {
            address: SocketAddr::from((Ipv4Addr::LOCALHOST, 0)),
            pair: false,
            in_effect: false,
            name: "conductor".to_owned(),
            version: "7.2.3-8r2".to_owned(),
            user: "admin".to_owned(),
            password: "FAKE-PASSWORD".to_owned(),
            public_hosts: vec!["192.0.2.10".to_owned()],
            ports: None,
            pace: Pace::default(),
            readings: Readings::default(),
        }
    }
}

/// How long a router takes after it was bound; nothing unless told otherwise.
#[derive(Clone, Copy, Debug, Default)]
pub struct Pace {
    /// Until its auth state is `completed`.
    pub completed: Duration,
    /// Until its asset runs.
    pub running: Duration,
}

impl Pace {
    /// Everything so many times faster.
    #[must_use]
    pub fn divided_by(self, factor: u32) -> Self {
        Self { completed: self.completed / factor.max(1), running: self.running / factor.max(1) }
    }
}

/// How the undocumented is read; the numbers are those of the project's list of unknowns about the vendor's interface.
#[derive(Clone, Debug)]
pub struct Readings {
    /// A PATCH of a container that is not there (U10).
    pub absent_place: AbsentPlace,
    /// What a PUT does to fields that it does not name (U10).
    pub put: PutMeans,
    /// What a DELETE does (U10).
    pub delete: DeleteMeans,
    /// How port 933 answers (U13).
    pub onboarding: Onboarding,
    /// What a pre-shared secret reads back as.
    pub secret_shown: SecretShown,
    /// What a commit that worked answers.
    pub commit_answer: CommitAnswer,
    /// The status of a commit or validation that found problems.
    pub findings_status: u16,
    /// Whether problems name their path.
    pub findings_name_path: bool,
    /// Errors that GraphQL adds to good data.
    pub graphql_noise: bool,
    /// Whether GraphQL knows every field of an asset, or refuses some (U6).
    pub graphql_all_fields: bool,
    /// How commands get to the command line.
    pub command_way: CommandWay,
    /// Where in the output the token stands (U5).
    pub token_place: TokenPlace,
    /// Columns after which the command line breaks lines.
    pub wrap: Option<usize>,
    /// Whether the command line adds escape sequences, a spinner and carriage returns.
    pub decorated: bool,
    /// Whether the command line appends output of something else (known fault I95-65411).
    pub appended: bool,
    /// Whether a command that failed ends with another status than 0.
    pub honest_status: bool,
    /// Whether commands that change much ask `[y/N]` first.
    pub asks: bool,
    /// The word for a router that is not through yet (U6); `waiting` is documented.
    pub waiting_word: String,
    /// The words for an asset on its way to `running` (U6).
    pub asset_words: Vec<String>,
    /// The algorithm of tokens (U11): `RS256`, `RS384`, `RS512`, `PS256`, `HS256` or `none`.
    pub token_algorithm: String,
    /// How certificates stand in a token.
    pub certificate_form: CertificateForm,
    /// Whether tokens say when they expire (U11).
    pub token_expires: bool,
    /// Whether a router that was onboarded once is refused for stale state (U14, known fault I95-65526).
    pub stale_state: bool,
}

impl Default for Readings {
    fn default() -> Self {
        Self {
            absent_place: AbsentPlace::Made,
            put: PutMeans::Replaces,
            delete: DeleteMeans::Removes,
            onboarding: Onboarding::Tls,
            secret_shown: SecretShown::Removed,
            commit_answer: CommitAnswer::EmptyList,
            findings_status: 200,
            findings_name_path: true,
            graphql_noise: false,
            graphql_all_fields: true,
            command_way: CommandWay::Both,
            token_place: TokenPlace::Alone,
            wrap: None,
            decorated: false,
            appended: false,
            honest_status: true,
            asks: true,
            waiting_word: "waiting".to_owned(),
            asset_words: ["pending", "connected", "synchronizing"].map(str::to_owned).to_vec(),
            token_algorithm: "RS256".to_owned(),
            certificate_form: CertificateForm::Der,
            token_expires: true,
            stale_state: false,
        }
    }
}

/// What a PATCH of something that is not there does.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum AbsentPlace {
    /// It is made; 200.
    Made,
    /// 404.
    NotFound,
    /// 200, and nothing is done.
    Ignored,
}

/// What a PUT does to fields that it does not name.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum PutMeans {
    /// They are gone.
    Replaces,
    /// They stay.
    Merges,
}

/// What a DELETE does.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum DeleteMeans {
    /// It takes out what is there; 404 when nothing is.
    Removes,
    /// 405.
    NotAllowed,
    /// 200, and nothing is done.
    Ignored,
}

/// What a pre-shared secret reads back as.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum SecretShown {
    /// `(removed)`, as the command line prints it.
    Removed,
    /// Itself.
    Plain,
    /// Nothing.
    Absent,
}

/// What a commit that worked answers, besides 200.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum CommitAnswer {
    /// `[]`.
    EmptyList,
    /// No body.
    Nothing,
    /// `{}`.
    EmptyObject,
}

/// How commands get to the command line.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum CommandWay {
    /// As an argument and on standard input.
    Both,
    /// As an argument; without one it ends.
    Argument,
    /// On standard input; an argument is taken no notice of.
    Input,
}

/// Where in the output of `create … token` the token stands.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum TokenPlace {
    /// On a line of its own.
    Alone,
    /// Behind a label.
    Labelled,
    /// Between quotation marks in JSON.
    Json,
}

/// How a certificate stands in a token.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum CertificateForm {
    /// Base64 of DER.
    Der,
    /// Base64 of PEM.
    Pem,
}
