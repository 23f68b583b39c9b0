//! One order: names proven, certificate issued.

use std::time::{Duration, SystemTime};

use instant_acme::{
    Account, AuthorizationStatus, CertificateIdentifier, ChallengeType, Identifier, NewOrder, Order,
    OrderStatus, Problem, RetryPolicy,
};
use pki::Chain;
use rcgen::{CertificateParams, DistinguishedName, KeyPair, PKCS_ECDSA_P256_SHA256};
use tokio::time::{sleep, timeout};
use tracing::{debug, warn};
use zeroize::Zeroizing;

use crate::client::Client;
use crate::hook::Call;
use crate::{Challenge, Error, Hook, Server, Settings, tls_alpn};

/// Asks again for as long as the authority dislikes the nonce (RFC 8555 6.5), within bounds: the library does so three
/// times, and an authority may be having a bad day.
macro_rules! stubborn {
    ($ask:expr) => {{
        let mut left = $crate::order::NONCES;
        loop {
            match $ask.await {
                Err(instant_acme::Error::Api(problem))
                    if left > 0 && $crate::order::is_bad_nonce(&problem) =>
                {
                    left -= 1
                }
                other => break other,
            }
        }
    }};
}
pub(crate) use stubborn;

/// A chain and a new key, both in PEM.
pub(crate) struct Issued {
    pub(crate) chain: String,
    pub(crate) key: Zeroizing<String>,
}

/// What stands somewhere as the proof of a name, until it is taken away.
enum Proof {
    Record { name: String, value: String },
    Handshake { name: String },
}

/// Has a certificate issued for the names of `settings`. Whatever comes of it, what was shown as proof is taken away.
pub(crate) async fn issue(
    account: &Account,
    settings: &Settings,
    replaces: Option<CertificateIdentifier<'_>>,
    server: &impl Server,
    client: &Client,
) -> Result<Issued, Error> {
    let limit = limit(settings);
    let mut proofs = Vec::new();
    let work = work(account, settings, replaces, server, client, &mut proofs);
    let issued = timeout(limit, work).await.unwrap_or(Err(Error::TooLong(limit)));
    for proof in proofs {
        take_away(proof, settings, server).await;
    }
    issued
}

/// How long all of it may take.
fn limit(settings: &Settings) -> Duration {
    let names = u32::try_from(settings.names.len()).unwrap_or(u32::MAX);
    match &settings.challenge {
        Challenge::Dns01(hook) => {
            ORDER_PATIENCE.saturating_add(hook.propagation).saturating_add(hook.timeout.saturating_mul(names))
        }
        Challenge::TlsAlpn01 => ORDER_PATIENCE,
    }
}

async fn work(
    account: &Account,
    settings: &Settings,
    replaces: Option<CertificateIdentifier<'_>>,
    server: &impl Server,
    client: &Client,
    proofs: &mut Vec<Proof>,
) -> Result<Issued, Error> {
    let identifiers: Vec<Identifier> = settings.names.iter().cloned().map(Identifier::Dns).collect();
    let mut order = new_order(account, settings, &identifiers, replaces)
        .await
        .map_err(|error| refused("take the order", error, client))?;
    let proven = prove(&mut order, settings, server, client, proofs).await;
    if let Err(error @ Error::Authority { .. }) = proven {
        // the order only says that it is invalid; why is said elsewhere
        return Err(invalid(&mut order).await.unwrap_or(error));
    }
    proven?;

    let failed = |source: rcgen::Error| Error::Settings {
        what: "no certificate can be asked for with these names".to_owned(),
        source: Some(source.into()),
    };
    let key = KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256).map_err(failed)?;
    let mut params = CertificateParams::new(settings.names.clone()).map_err(failed)?;
    params.distinguished_name = DistinguishedName::new();
    let request = params.serialize_request(&key).map_err(failed)?;
    stubborn!(order.finalize_csr(request.der()))
        .map_err(|error| refused("issue the certificate", error, client))?;
    let chain = stubborn!(order.poll_certificate(&POLLING))
        .map_err(|error| refused("hand out the certificate", error, client))?;
    let issued = Issued { chain, key: Zeroizing::new(key.serialize_pem()) };
    check(&issued, settings, SystemTime::now())?;
    Ok(issued)
}

async fn new_order(
    account: &Account,
    settings: &Settings,
    identifiers: &[Identifier],
    replaces: Option<CertificateIdentifier<'_>>,
) -> Result<Order, instant_acme::Error> {
    let plain = || {
        let order = NewOrder::new(identifiers);
        match &settings.profile {
            Some(profile) => order.profile(profile),
            None => order,
        }
    };
    if let Some(replaces) = replaces {
        match stubborn!(account.new_order(&plain().replaces(replaces.clone()))) {
            Ok(order) => return Ok(order),
            // that it replaces another one is a courtesy
            Err(error) => debug!(%error, "the authority does not take an order that replaces"),
        }
    }
    stubborn!(account.new_order(&plain()))
}

/// Shows the proof of every name that is not proven yet, and waits until the authority has seen it.
async fn prove(
    order: &mut Order,
    settings: &Settings,
    server: &impl Server,
    client: &Client,
    proofs: &mut Vec<Proof>,
) -> Result<(), Error> {
    let refused = |error| refused("validate the names", error, client);
    stubborn!(known(order)).map_err(refused)?;
    let kind = match settings.challenge {
        Challenge::Dns01(_) => ChallengeType::Dns01,
        Challenge::TlsAlpn01 => ChallengeType::TlsAlpn01,
    };
    let mut authorizations = order.authorizations();
    while let Some(authorization) = authorizations.next().await {
        let mut authorization = authorization.map_err(refused)?;
        if authorization.status == AuthorizationStatus::Valid {
            continue;
        }
        let Identifier::Dns(name) = authorization.identifier().identifier.clone() else { continue };
        let Some(challenge) = authorization.challenge(kind.clone()) else {
            let why = "the authority does not offer this challenge".to_owned();
            return Err(Error::Validation { name, why });
        };
        let authorized = challenge.key_authorization();
        match &settings.challenge {
            Challenge::Dns01(hook) => {
                let proof = (format!("_acme-challenge.{name}"), authorized.dns_value());
                set_record(hook, proof, proofs).await?;
            }
            Challenge::TlsAlpn01 => {
                let useless = |source: crate::Cause| Error::NotServed { source };
                let answer = tls_alpn::answer(&name, authorized.digest().as_ref());
                let (certificate, key) = answer.map_err(|error| useless(error.into()))?;
                server.show_challenge(&name, certificate, key).map_err(useless)?;
                proofs.push(Proof::Handshake { name });
            }
        }
    }
    if let Challenge::Dns01(hook) = &settings.challenge
        && !proofs.is_empty()
    {
        sleep(hook.propagation).await;
    }
    let mut authorizations = order.authorizations();
    while let Some(authorization) = authorizations.next().await {
        let mut authorization = authorization.map_err(refused)?;
        if authorization.status == AuthorizationStatus::Valid {
            continue;
        }
        if let Some(mut challenge) = authorization.challenge(kind.clone()) {
            stubborn!(challenge.set_ready()).map_err(refused)?;
        }
    }
    match stubborn!(order.poll_ready(&POLLING)).map_err(refused)? {
        OrderStatus::Ready | OrderStatus::Valid => Ok(()),
        status => Err(Error::Authority {
            action: "validate the names",
            why: format!(": the order is {status:?}").to_lowercase(),
            retry_after: None,
            limited: false,
            source: None,
        }),
    }
}

/// Reads every authorization once; what was read is not asked for again.
async fn known(order: &mut Order) -> Result<(), instant_acme::Error> {
    let mut authorizations = order.authorizations();
    while let Some(authorization) = authorizations.next().await {
        authorization?;
    }
    Ok(())
}

async fn set_record(
    hook: &Hook,
    (name, value): (String, String),
    proofs: &mut Vec<Proof>,
) -> Result<(), Error> {
    // also what a hook could not set is taken away: it may have got half way
    proofs.push(Proof::Record { name: name.clone(), value: value.clone() });
    hook.call(Call::Present, &name, &value).await.map_err(|source| Error::Hook { name, source })
}

async fn take_away(proof: Proof, settings: &Settings, server: &impl Server) {
    match (proof, &settings.challenge) {
        (Proof::Record { name, value }, Challenge::Dns01(hook)) => {
            if let Err(error) = hook.call(Call::Cleanup, &name, &value).await {
                let error = Error::Hook { name: name.clone(), source: error };
                warn!(name, error = error.line(), "a record that is not needed any more may still be in DNS");
            }
        }
        (Proof::Handshake { name }, _) => server.end_challenge(&name),
        (Proof::Record { .. }, Challenge::TlsAlpn01) => {}
    }
}

/// Which name was not validated and why, as the authority says it.
async fn invalid(order: &mut Order) -> Option<Error> {
    let mut authorizations = order.authorizations();
    while let Some(Ok(mut authorization)) = authorizations.next().await {
        if stubborn!(authorization.refresh()).is_err() {
            continue;
        }
        let problem = authorization.challenges.iter().find_map(|challenge| challenge.error.as_ref());
        if let Some(problem) = problem {
            return Some(Error::Validation {
                name: authorization.identifier().to_string(),
                why: said(problem),
            });
        }
    }
    None
}

/// Whether what was issued is what was asked for.
fn check(issued: &Issued, settings: &Settings, now: SystemTime) -> Result<(), Error> {
    let useless = |why: String| Error::Useless { why };
    let chain = Chain::parse(issued.chain.as_bytes()).map_err(|error| useless(error.to_string()))?;
    let key = pki::KeyPair::parse(issued.key.as_bytes()).map_err(|error| useless(error.to_string()))?;
    pki::matches(&chain, &key).map_err(|error| useless(error.to_string()))?;
    if let Some(name) = settings.names.iter().find(|name| !covers(&chain, name)) {
        return Err(useless(format!("it is not for {name}")));
    }
    if !chain.leaf().validity.holds(now) {
        return Err(useless("it is not valid now; is this machine's clock right?".to_owned()));
    }
    Ok(())
}

/// Whether `chain` is for `name`, as it was ordered.
pub(crate) fn covers(chain: &Chain, name: &str) -> bool {
    chain.leaf().names.iter().any(|has| has.eq_ignore_ascii_case(name))
}

/// What the library says as our error, with what the authority said about coming back.
pub(crate) fn refused(action: &'static str, error: instant_acme::Error, client: &Client) -> Error {
    let asked = client.asked();
    match error {
        instant_acme::Error::Api(problem) => Error::Authority {
            action,
            why: format!(": {}", said(&problem)),
            retry_after: asked.retry_after,
            limited: asked.limited || is(&problem, "rateLimited"),
            source: None,
        },
        other => Error::Authority {
            action,
            why: String::new(),
            retry_after: asked.retry_after,
            limited: asked.limited,
            source: Some(other.into()),
        },
    }
}

/// What a problem document says, on one line.
fn said(problem: &Problem) -> String {
    let detail = problem.detail.as_deref().unwrap_or("it does not say why");
    let detail: String =
        detail.chars().map(|c| if c.is_control() { ' ' } else { c }).take(MAX_DETAIL).collect();
    match problem.r#type.as_deref().and_then(|kind| kind.rsplit(':').next()) {
        Some(kind) => {
            format!("{detail} ({})", kind.chars().filter(|c| !c.is_control()).take(64).collect::<String>())
        }
        None => detail,
    }
}

pub(crate) fn is_bad_nonce(problem: &Problem) -> bool {
    is(problem, "badNonce")
}

pub(crate) fn is(problem: &Problem, kind: &str) -> bool {
    problem.r#type.as_deref().and_then(|kind| kind.strip_prefix("urn:ietf:params:acme:error:")) == Some(kind)
}

/// How often a nonce may be disliked besides the library's own three times: with half of all nonces disliked, once in
/// a billion requests more often than that.
pub(crate) const NONCES: u32 = 10;

/// How an authority is asked whether it is done.
const POLLING: RetryPolicy = RetryPolicy::new()
    .initial_delay(Duration::from_millis(500))
    .backoff(1.5)
    .timeout(Duration::from_secs(120));

/// How long an order may take, besides the hook.
const ORDER_PATIENCE: Duration = Duration::from_secs(600);

/// How much of what an authority says is shown.
const MAX_DETAIL: usize = 500;
