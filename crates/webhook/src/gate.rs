//! The two questions every request must answer: where from and how, and who signed it.

use std::net::IpAddr;

use bytes::Bytes;
use http::header::{CONTENT_ENCODING, CONTENT_LENGTH, TRANSFER_ENCODING};
use http::{HeaderMap, HeaderName, HeaderValue, Method, request};
use ids::Timestamp;
use serde_json::value::RawValue;
use thiserror::Error;

use crate::forwarded;
use crate::message::Envelope;
use crate::{Allowlist, Signature, SigningSecret, Topic, V1_HEADER, V2_HEADER};

mod refusal;

pub use refusal::Refusal;

/// An organisation whose messages are let in.
#[derive(Debug)]
pub struct Organisation {
    /// The name the configuration gives it.
    pub name: String,
    /// The path Mist posts to, `/v1/mist`.
    pub path: String,
    /// The secrets a message may be signed with; several while one replaces another.
    pub secrets: Vec<SigningSecret>,
    /// Where its messages may come from.
    pub allowlist: Allowlist,
    /// Also let in what carries only the SHA-1 signature. Weakens: SHA-1 is a legacy of older webhooks.
    pub danger_accept_sha1: bool,
    /// Also let in what carries no signature at all. Weakens: only the source address is left as proof.
    pub danger_accept_unsigned: bool,
}

impl Organisation {
    /// An organisation without secrets and networks, which lets nothing in yet.
    #[must_use]
    pub fn new(name: &str, path: &str) -> Self {
        Self {
            name: name.to_owned(),
            path: path.to_owned(),
            secrets: Vec::new(),
            allowlist: Allowlist::default(),
            danger_accept_sha1: false,
            danger_accept_unsigned: false,
        }
    }
}

/// Decides what is let in.
#[derive(Debug)]
pub struct Gate {
    organisations: Vec<Organisation>,
    allowlist: Allowlist,
    proxies: Allowlist,
    max_body_bytes: u64,
}

impl Gate {
    /// A gate for these organisations, which reads bodies of at most `max_body_bytes`.
    ///
    /// # Errors
    ///
    /// [`GateError`] when a message could not be told to be one organisation's, or nothing could ever be
    /// let in.
    pub fn new(organisations: Vec<Organisation>, max_body_bytes: u64) -> Result<Self, GateError> {
        if organisations.is_empty() {
            return Err(GateError::NoOrganisation);
        }
        for (i, org) in organisations.iter().enumerate() {
            let name = || org.name.clone();
            if !org.path.starts_with('/') || org.path.contains(['?', '#', ' ']) {
                return Err(GateError::Path { organisation: name(), path: org.path.clone() });
            }
            if org.secrets.is_empty() && !org.danger_accept_unsigned {
                return Err(GateError::NoSecret { organisation: name() });
            }
            if organisations[..i].iter().any(|other| other.name == org.name) {
                return Err(GateError::SameName { organisation: name() });
            }
            if org.danger_accept_unsigned
                && organisations.iter().enumerate().any(|(j, other)| i != j && other.path == org.path)
            {
                return Err(GateError::UnsignedSharesPath { organisation: name(), path: org.path.clone() });
            }
            for (j, secret) in org.secrets.iter().enumerate() {
                let earlier =
                    organisations[..i].iter().flat_map(|other| other.secrets.iter().map(move |s| (other, s)));
                let own = org.secrets[..j].iter().map(|s| (org, s));
                if let Some((other, _)) = earlier.chain(own).find(|(_, s)| s.same_as(secret)) {
                    return Err(GateError::SameSecret { organisation: name(), other: other.name.clone() });
                }
            }
        }
        let allowlist =
            organisations.iter().fold(Allowlist::default(), |union, org| union.union(&org.allowlist));
        Ok(Self { organisations, allowlist, proxies: Allowlist::default(), max_body_bytes })
    }

    /// The same behind proxies at these addresses, whose word about where a request comes from counts.
    #[must_use]
    pub fn behind(self, proxies: Allowlist) -> Self {
        Self { proxies, ..self }
    }

    /// The longest body that is read, in bytes.
    #[must_use]
    pub const fn max_body_bytes(&self) -> u64 {
        self.max_body_bytes
    }

    /// Whether anything from `peer` could ever be let in.
    #[must_use]
    pub fn allows(&self, peer: IpAddr) -> bool {
        self.allowlist.contains(peer)
    }

    /// Whether the word of `hop` about where a request comes from counts.
    #[must_use]
    pub fn trusts(&self, hop: IpAddr) -> bool {
        self.proxies.contains(hop)
    }

    /// Where a request comes from that `hop` brought: `hop` itself, or what `X-Forwarded-For` says when `hop` is a
    /// proxy that is trusted. It is walked from the right; the first address that is no such proxy is the answer.
    ///
    /// # Errors
    ///
    /// [`Refusal::Source`] when what had to be read of it is no address.
    pub fn source(&self, hop: IpAddr, headers: &HeaderMap) -> Result<IpAddr, Refusal> {
        forwarded::source(&self.proxies, hop, headers).ok_or(Refusal::Source)
    }

    /// Judges where a request comes from and how it is framed, before a byte of its body is read. `peer` is its
    /// [`source`](Self::source).
    ///
    /// The source comes first: what comes from elsewhere learns nothing but that.
    ///
    /// # Errors
    ///
    /// The [`Refusal`] to answer with.
    pub fn screen(&self, peer: IpAddr, head: &request::Parts) -> Result<Screened<'_>, Refusal> {
        if !self.allows(peer) {
            return Err(Refusal::Source);
        }
        self.screen_head(peer, head)
    }

    /// A request from an address that is not allowed, whose body may be read only to learn who signed it: when Mist did,
    /// it posts from an address that the allowlist lacks. `None` when it would be refused for its head too.
    #[must_use]
    pub fn unlisted(&self, peer: IpAddr, head: &request::Parts) -> Option<Unlisted<'_>> {
        self.screen_head(peer, head).ok().filter(|_| !self.allows(peer)).map(Unlisted)
    }

    /// The organisation whose secret signed the `body` of a request that is refused all the same.
    #[must_use]
    pub fn signer_of_unlisted(&self, unlisted: &Unlisted<'_>, body: &[u8]) -> Option<&str> {
        let Unlisted(screened) = unlisted;
        let unsigned = matches!((&screened.v2, &screened.v1), (Header::Absent, Header::Absent));
        if unsigned || body.len() as u64 > self.max_body_bytes {
            return None;
        }
        self.signer(screened, body).ok().map(|organisation| organisation.name.as_str())
    }

    fn screen_head(&self, peer: IpAddr, head: &request::Parts) -> Result<Screened<'_>, Refusal> {
        let peer = peer.to_canonical();
        let path =
            self.organisations.iter().map(|org| org.path.as_str()).find(|path| *path == head.uri.path());
        let path = path.ok_or(Refusal::Path)?;
        if head.method != Method::POST {
            return Err(Refusal::Method);
        }
        let headers = &head.headers;
        if head.extensions.get::<ConflictingLength>().is_some()
            || (headers.contains_key(CONTENT_LENGTH) && headers.contains_key(TRANSFER_ENCODING))
        {
            return Err(Refusal::Framing);
        }
        // an HTTP library takes any list of codings that ends with chunked, and undoes only that one
        let mut codings = headers.get_all(TRANSFER_ENCODING).iter();
        let other = codings.next().is_some_and(|coding| !coding.as_bytes().eq_ignore_ascii_case(b"chunked"));
        if other || codings.next().is_some() {
            return Err(Refusal::Framing);
        }
        let length = headers.get(CONTENT_LENGTH).and_then(|length| length.to_str().ok()?.parse().ok());
        if length.is_some_and(|length: u64| length > self.max_body_bytes) {
            return Err(Refusal::TooLarge);
        }
        let encoded = |value: &HeaderValue| !value.as_bytes().eq_ignore_ascii_case(b"identity");
        if headers.get_all(CONTENT_ENCODING).iter().any(encoded) {
            return Err(Refusal::Encoding);
        }
        Ok(Screened {
            peer,
            path,
            v2: Header::read(headers, &V2_HEADER),
            v1: Header::read(headers, &V1_HEADER),
        })
    }

    /// Proves that `body` is Mist's, and finds whose it is.
    ///
    /// # Errors
    ///
    /// The [`Refusal`] to answer with.
    pub fn admit(
        &self,
        screened: Screened<'_>,
        body: Bytes,
        received: Timestamp,
    ) -> Result<Admitted, Refusal> {
        if body.len() as u64 > self.max_body_bytes {
            return Err(Refusal::TooLarge);
        }
        let organisation = self.signer(&screened, &body)?;
        let envelope = Envelope::<&RawValue>::parse(&body).ok_or(Refusal::NoMessage)?;
        Ok(Admitted {
            organisation: organisation.name.as_str().into(),
            topic: Topic::new(&envelope.topic),
            peer: screened.peer,
            received,
            body,
        })
    }

    /// The organisation whose secret signed `body`.
    fn signer(&self, screened: &Screened<'_>, body: &[u8]) -> Result<&Organisation, Refusal> {
        let mut on_path = self.organisations.iter().filter(|org| org.path == screened.path);
        let (signature, v1) = match (&screened.v2, &screened.v1) {
            (Header::Several, _) => return Err(Refusal::SignatureMalformed),
            (Header::One(value), _) => (Signature::parse_v2(value.as_bytes()), false),
            (Header::Absent, Header::Several) => return Err(Refusal::SignatureMalformed),
            (Header::Absent, Header::One(value)) => (Signature::parse_v1(value.as_bytes()), true),
            (Header::Absent, Header::Absent) => {
                return on_path.find(|org| org.danger_accept_unsigned).ok_or(Refusal::SignatureMissing);
            }
        };
        let mut candidates = on_path.filter(|org| !v1 || org.danger_accept_sha1).peekable();
        if candidates.peek().is_none() {
            return Err(Refusal::SignatureMissing);
        }
        let signature = signature.ok_or(Refusal::SignatureMalformed)?;
        candidates
            .find(|org| org.secrets.iter().any(|secret| secret.signed(body, &signature)))
            .ok_or(Refusal::SignatureWrong)
    }
}

/// A request whose source and head are in order; its body may be read.
#[derive(Clone, Debug)]
pub struct Screened<'g> {
    peer: IpAddr,
    path: &'g str,
    v2: Header,
    v1: Header,
}

/// A request that is refused for its source and in order otherwise. Nothing can be admitted of it.
#[derive(Clone, Debug)]
pub struct Unlisted<'g>(Screened<'g>);

/// A signature header, as it came.
#[derive(Clone, Debug)]
enum Header {
    Absent,
    One(HeaderValue),
    Several,
}

impl Header {
    fn read(headers: &HeaderMap, name: &HeaderName) -> Self {
        let mut values = headers.get_all(name).iter();
        match (values.next(), values.next()) {
            (None, _) => Self::Absent,
            (Some(value), None) => Self::One(value.clone()),
            (Some(_), Some(_)) => Self::Several,
        }
    }
}

/// A message that was proven to be Mist's, with the exact bytes that were signed.
///
/// Only [`Gate::admit`] makes one.
#[derive(Clone, Debug)]
pub struct Admitted {
    organisation: Box<str>,
    topic: Topic,
    peer: IpAddr,
    received: Timestamp,
    body: Bytes,
}

impl Admitted {
    /// The organisation whose secret signed it.
    #[must_use]
    pub fn organisation(&self) -> &str {
        &self.organisation
    }

    /// What it is about.
    #[must_use]
    pub const fn topic(&self) -> &Topic {
        &self.topic
    }

    /// The address it came from; an IPv4 address is never shown as IPv6.
    #[must_use]
    pub const fn peer(&self) -> IpAddr {
        self.peer
    }

    /// When it had arrived whole.
    #[must_use]
    pub const fn received(&self) -> Timestamp {
        self.received
    }

    /// The signed bytes.
    #[must_use]
    pub const fn body(&self) -> &Bytes {
        &self.body
    }
}

/// Marks, as an extension of a request, that its head carried both `Content-Length` and `Transfer-Encoding`.
///
/// HTTP libraries drop one of the two before anybody can see the pair; the listener looks at the bytes.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct ConflictingLength;

/// Why no gate can be made of these organisations.
#[derive(Debug, Error)]
#[non_exhaustive]
#[allow(missing_docs, reason = "the messages say it")]
pub enum GateError {
    #[error("no organisation is configured, so nothing could be let in")]
    NoOrganisation,
    #[error("organisation `{organisation}` has no secret, so nothing could be proven; set one")]
    NoSecret { organisation: String },
    #[error("two organisations are called `{organisation}`")]
    SameName { organisation: String },
    #[error("path `{path}` of organisation `{organisation}` is no path: it starts with `/` and has no query")]
    Path { organisation: String, path: String },
    #[error(
        "organisation `{organisation}` has a secret that `{other}` has too; a secret names one organisation"
    )]
    SameSecret { organisation: String, other: String },
    #[error(
        "organisation `{organisation}` accepts unsigned messages on `{path}`, which another one uses too; \
         give it a path of its own"
    )]
    UnsignedSharesPath { organisation: String, path: String },
}

#[cfg(test)]
mod tests;
