//! Whether a peer that trusts certain authorities would accept a chain.
//!
//! The path, its signatures, name constraints, path lengths between the ends, extended key usage and critical
//! extensions are webpki's work. What webpki leaves to others and OpenSSL looks at is looked at here: key usage, the
//! strength of every key, and everything about the authority itself, of which webpki takes only name and key.

use std::cell::RefCell;
use std::net::IpAddr;
use std::time::{SystemTime, UNIX_EPOCH};

use rustls_pki_types::{CertificateDer, ServerName, TrustAnchor, UnixTime};
use thiserror::Error;
use webpki::{ALL_VERIFICATION_ALGS, EndEntityCert, KeyUsage, VerifiedPath, anchor_from_trusted_cert};
use x509_parser::certificate::X509Certificate;
use x509_parser::extensions::ParsedExtension;

use crate::authorities::parse;
use crate::finding::{is_weak, weak_hash};
use crate::leaf::{days_between, key_kind, printable, validity};
use crate::{Authorities, Chain, KeyKind};

impl Chain {
    /// Verifies the chain as the certificate of a TLS server at `now`, for a peer that trusts `authorities`.
    ///
    /// Judged like `openssl verify -auth_level 2 -purpose sslserver`, but for what a TLS library without OpenSSL's
    /// older parts refuses: a certificate of an authority as the server's own, version 1 certificates,
    /// and signatures with SHA-224, P-521 and Ed448. Names are another question: [`Self::is_for`]. Revocation is
    /// not looked up.
    ///
    /// # Errors
    ///
    /// [`VerifyError`] says which certificate is at fault and what to do.
    pub fn verify(&self, authorities: &Authorities, now: SystemTime) -> Result<(), VerifyError> {
        let [leaf, intermediates @ ..] = self.certificates() else { return Err(VerifyError::Malformed) };
        let end = EndEntityCert::try_from(leaf).map_err(|error| self.explain(&error, authorities, now))?;
        let anchors: Vec<TrustAnchor<'_>> = authorities
            .certificates()
            .iter()
            .filter_map(|certificate| anchor_from_trusted_cert(certificate).ok())
            .collect();
        // the first path that only we refuse says why; another one may still hold
        let refused = RefCell::new(None);
        let look = |path: &VerifiedPath<'_>| {
            look_at(leaf, path, authorities, now).map_err(|error| {
                refused.borrow_mut().get_or_insert(error);
                webpki::Error::UnknownIssuer
            })
        };
        let since = now.duration_since(UNIX_EPOCH).map_err(|_| VerifyError::Malformed)?;
        let time = UnixTime::since_unix_epoch(since);
        let usage = KeyUsage::server_auth();
        let verified = end.verify_for_usage(
            ALL_VERIFICATION_ALGS,
            &anchors,
            intermediates,
            time,
            usage,
            None,
            Some(&look),
        );
        match verified {
            Ok(_) => Ok(()),
            Err(error) => Err(refused.take().unwrap_or_else(|| self.explain(&error, authorities, now))),
        }
    }

    /// Whether a client that asks for `name`, a DNS name or an address, takes the server's certificate for it.
    #[must_use]
    pub fn is_for(&self, name: &str) -> bool {
        let name = match name.parse::<IpAddr>() {
            Ok(address) => Ok(ServerName::from(address)),
            Err(_) => ServerName::try_from(name),
        };
        let (Ok(name), Some(leaf)) = (name, self.certificates().first()) else { return false };
        EndEntityCert::try_from(leaf).is_ok_and(|leaf| leaf.verify_is_valid_for_subject_name(&name).is_ok())
    }

    /// What an error of webpki's means for this chain.
    #[expect(deprecated, reason = "the library may still return its older errors")]
    fn explain(&self, error: &webpki::Error, authorities: &Authorities, now: SystemTime) -> VerifyError {
        use webpki::Error as E;
        let parsed = || self.certificates().iter().filter_map(|der| parse(der));
        let trusted = || authorities.certificates().iter().filter_map(|der| parse(der));
        let all = || parsed().chain(trusted());
        let first = |wanted: &dyn Fn(&X509Certificate<'_>) -> bool| {
            all()
                .find(|certificate| wanted(certificate))
                .map_or_else(|| "a certificate of the chain".into(), |c| who(&c))
        };
        match error {
            E::CertExpired { .. } => {
                let expired = |c: &X509Certificate<'_>| now > validity(c).not_after;
                let days = all().find(expired).map_or(0, |c| days_between(validity(&c).not_after, now));
                VerifyError::Expired { who: first(&expired), days }
            }
            E::CertNotValidYet { .. } => {
                let early = |c: &X509Certificate<'_>| now < validity(c).not_before;
                let days = all().find(early).map_or(0, |c| days_between(now, validity(&c).not_before));
                VerifyError::NotYetValid { who: first(&early), days }
            }
            E::CaUsedAsEndEntity => VerifyError::Authority,
            E::EndEntityUsedAsCa => {
                let no_authority = |c: &X509Certificate<'_>| !is_authority(c) && !is_leaf(self, c);
                VerifyError::NoAuthority { who: first(&no_authority) }
            }
            E::PathLenConstraintViolated => VerifyError::TooLong,
            E::NameConstraintViolation => VerifyError::Name,
            E::EmptyEkuExtension | E::RequiredEkuNotFound | E::RequiredEkuNotFoundContext(_) => {
                let other = |c: &X509Certificate<'_>| !serves(c);
                VerifyError::NotForServers { who: first(&other) }
            }
            E::UnsupportedCriticalExtension => VerifyError::Critical { who: first(&has_unknown_critical) },
            E::UnsupportedCertVersion => {
                let old = |c: &X509Certificate<'_>| c.version() != x509_parser::x509::X509Version::V3;
                VerifyError::Version { who: first(&old) }
            }
            // a key that is too short is no key to the library, and what it signed not signed
            E::InvalidSignatureForPublicKey => self.weak_issuer(trusted()).unwrap_or(VerifyError::Signature),
            E::UnsupportedSignatureAlgorithm
            | E::UnsupportedSignatureAlgorithmContext(_)
            | E::UnsupportedSignatureAlgorithmForPublicKey
            | E::UnsupportedSignatureAlgorithmForPublicKeyContext(_) => self.signed_badly(trusted()),
            E::UnknownIssuer => self.unknown_issuer(),
            _ => VerifyError::Malformed,
        }
    }

    fn signed_badly<'a>(&self, trusted: impl Iterator<Item = X509Certificate<'a>>) -> VerifyError {
        let chain: Vec<X509Certificate<'_>> =
            self.certificates().iter().filter_map(|der| parse(der)).collect();
        if let Some((certificate, hash)) = chain.iter().find_map(|c| Some((c, weak_hash(c)?))) {
            return VerifyError::WeakSignature { who: who(certificate), hash };
        }
        if let Some(weak) = self.weak_issuer(trusted) {
            return weak;
        }
        let algorithm = |c: &X509Certificate<'_>| c.signature_algorithm.algorithm.to_id_string();
        VerifyError::Algorithm { oids: chain.iter().map(algorithm).collect::<Vec<_>>().join(", ") }
    }

    /// Whether one that issued another has a weak key.
    fn weak_issuer<'a>(&self, mut trusted: impl Iterator<Item = X509Certificate<'a>>) -> Option<VerifyError> {
        let weak = |certificate: &X509Certificate<'_>| {
            let key = key_kind(certificate);
            is_weak(&key).then(|| VerifyError::WeakKey { who: who(certificate), key })
        };
        let mut issuers = self.certificates().iter().skip(1).filter_map(|der| parse(der));
        let found = issuers.find_map(|issuer| weak(&issuer));
        found.or_else(|| trusted.find_map(|issuer| weak(&issuer)))
    }

    /// Names the certificate behind which the path ends.
    fn unknown_issuer(&self) -> VerifyError {
        let chain: Vec<X509Certificate<'_>> =
            self.certificates().iter().filter_map(|der| parse(der)).collect();
        let Some(mut last) = chain.first() else { return VerifyError::Malformed };
        for _ in &chain {
            if is_self_issued(last) {
                break;
            }
            match chain.iter().find(|c| c.subject().as_raw() == last.issuer().as_raw()) {
                Some(issuer) => last = issuer,
                None => break,
            }
        }
        if is_self_issued(last) {
            VerifyError::SelfSigned { who: who(last) }
        } else {
            VerifyError::UnknownIssuer { who: who(last), issuer: printable(&last.issuer().to_string()) }
        }
    }
}

/// What webpki does not look at, along a path that it found.
fn look_at(
    leaf: &CertificateDer<'_>,
    path: &VerifiedPath<'_>,
    authorities: &Authorities,
    now: SystemTime,
) -> Result<(), VerifyError> {
    let end = parse(leaf).ok_or(VerifyError::Malformed)?;
    let intermediates: Vec<CertificateDer<'_>> =
        path.intermediate_certificates().map(webpki::Cert::der).collect();
    let issuers: Vec<X509Certificate<'_>> = intermediates.iter().filter_map(|der| parse(der)).collect();
    if end.key_usage().ok().flatten().is_some_and(|usage| {
        !(usage.value.digital_signature() || usage.value.key_encipherment() || usage.value.key_agreement())
    }) {
        return Err(VerifyError::KeyUsage { who: who(&end), needed: "digitalSignature" });
    }
    strong(&end)?;
    for issuer in &issuers {
        signs(issuer)?;
    }
    let trusted = authorities
        .certificates()
        .iter()
        .filter(|der| anchor_from_trusted_cert(der).is_ok_and(|anchor| anchor == *path.anchor()));
    // one that is presented itself needs to be no authority
    if authorities.certificates().iter().any(|der| **der == **leaf) && issuers.is_empty() {
        return Ok(());
    }
    let mut first = None;
    for authority in trusted.filter_map(|der| parse(der)) {
        match anchors(&authority, &issuers, now) {
            Ok(()) => return Ok(()),
            Err(error) => {
                first.get_or_insert(error);
            }
        }
    }
    first.map_or(Ok(()), Err)
}

/// Whether a trusted certificate may end a path with `issuers` before it.
fn anchors(
    authority: &X509Certificate<'_>,
    issuers: &[X509Certificate<'_>],
    now: SystemTime,
) -> Result<(), VerifyError> {
    let valid = validity(authority);
    if now > valid.not_after {
        return Err(VerifyError::Expired { who: who(authority), days: days_between(valid.not_after, now) });
    }
    if now < valid.not_before {
        return Err(VerifyError::NotYetValid {
            who: who(authority),
            days: days_between(now, valid.not_before),
        });
    }
    // before version 3 a certificate could not say that it is an authority
    if authority.version() == x509_parser::x509::X509Version::V3 && !is_authority(authority) {
        return Err(VerifyError::NoAuthority { who: who(authority) });
    }
    if !serves(authority) {
        return Err(VerifyError::NotForServers { who: who(authority) });
    }
    if has_unknown_critical(authority) {
        return Err(VerifyError::Critical { who: who(authority) });
    }
    let between = issuers.iter().filter(|issuer| !is_self_issued(issuer)).count();
    let most = authority.basic_constraints().ok().flatten().and_then(|basic| basic.value.path_len_constraint);
    if most.is_some_and(|most| between > most as usize) {
        return Err(VerifyError::TooLong);
    }
    signs(authority)
}

/// Whether an issuer's key may sign certificates and is strong enough to.
fn signs(issuer: &X509Certificate<'_>) -> Result<(), VerifyError> {
    if issuer.key_usage().ok().flatten().is_some_and(|usage| !usage.value.key_cert_sign()) {
        return Err(VerifyError::KeyUsage { who: who(issuer), needed: "keyCertSign" });
    }
    strong(issuer)
}

fn strong(certificate: &X509Certificate<'_>) -> Result<(), VerifyError> {
    let key = key_kind(certificate);
    if is_weak(&key) {
        return Err(VerifyError::WeakKey { who: who(certificate), key });
    }
    Ok(())
}

fn is_authority(certificate: &X509Certificate<'_>) -> bool {
    certificate.basic_constraints().ok().flatten().is_some_and(|basic| basic.value.ca)
}

fn is_self_issued(certificate: &X509Certificate<'_>) -> bool {
    certificate.subject().as_raw() == certificate.issuer().as_raw()
}

fn is_leaf(chain: &Chain, certificate: &X509Certificate<'_>) -> bool {
    chain.certificates().first().is_some_and(|leaf| **leaf == *certificate.as_raw())
}

/// Whether its extended key usage, if it has one, has servers in it.
pub(crate) fn serves(certificate: &X509Certificate<'_>) -> bool {
    match certificate.extended_key_usage() {
        Ok(Some(usage)) => usage.value.server_auth,
        Ok(None) => true,
        Err(_) => false,
    }
}

fn has_unknown_critical(certificate: &X509Certificate<'_>) -> bool {
    certificate.extensions().iter().any(|extension| {
        extension.critical
            && matches!(extension.parsed_extension(), ParsedExtension::UnsupportedExtension { .. })
    })
}

/// How a certificate is called in a sentence.
fn who(certificate: &X509Certificate<'_>) -> String {
    format!("`{}`", printable(&certificate.subject().to_string()))
}

/// Why a peer would not accept a chain.
///
/// `Display` is a sentence for an operator; certificates are named by their subject.
#[derive(Clone, Debug, Eq, Error, PartialEq)]
#[non_exhaustive]
pub enum VerifyError {
    /// No path to an authority.
    #[error(
        "nobody who is trusted issued {who}: its issuer is `{issuer}`; is an intermediate certificate missing from the \
         file?"
    )]
    UnknownIssuer {
        /// The certificate where the path ends.
        who: String,
        /// Who issued it.
        issuer: String,
    },
    /// It vouches for itself and nobody trusts it.
    #[error(
        "{who} is self-signed and is not trusted; who is to accept it has to be given it, or its fingerprint"
    )]
    SelfSigned {
        /// The certificate.
        who: String,
    },
    /// The path leads to a certificate with the right name and the wrong key, or something was altered.
    #[error("a signature is wrong: a certificate was altered, or its issuer has renewed its key")]
    Signature,
    /// Over.
    #[error("{who} expired {days} days ago")]
    Expired {
        /// The certificate.
        who: String,
        /// Whole days since.
        days: i64,
    },
    /// Not begun.
    #[error("{who} is not valid yet, for another {days} days; is this machine's clock right?")]
    NotYetValid {
        /// The certificate.
        who: String,
        /// Whole days until then.
        days: i64,
    },
    /// A key that can be broken.
    #[error("{who} has a weak key, {key}; RSA needs at least 2048 bits")]
    WeakKey {
        /// The certificate.
        who: String,
        /// Its key.
        key: KeyKind,
    },
    /// A hash that can be forged.
    #[error("{who} is signed with {hash}, which can be forged")]
    WeakSignature {
        /// The certificate.
        who: String,
        /// The hash.
        hash: &'static str,
    },
    /// A signature that TLS libraries need not know.
    #[error("a certificate is signed in a way that not every TLS library knows (algorithms {oids})")]
    Algorithm {
        /// The algorithms of the chain, its own first.
        oids: String,
    },
    /// Made for something else.
    #[error("{who} is not made for servers (no serverAuth in its extendedKeyUsage)")]
    NotForServers {
        /// The certificate.
        who: String,
    },
    /// Its key is for something else.
    #[error("the key of {who} may not be used for this (no {needed} in its keyUsage)")]
    KeyUsage {
        /// The certificate.
        who: String,
        /// What is missing.
        needed: &'static str,
    },
    /// An authority's certificate as a server's.
    #[error(
        "the server's certificate is that of an authority (CA:TRUE); many peers refuse it: have one made for the server"
    )]
    Authority,
    /// Something issued a certificate that may not.
    #[error("{who} issued a certificate and is no authority (no CA:TRUE in its basicConstraints)")]
    NoAuthority {
        /// The certificate.
        who: String,
    },
    /// More authorities than one of them allows.
    #[error("there are more intermediate certificates than an authority above them allows (pathlen)")]
    TooLong,
    /// A name that an authority may not certify.
    #[error("the certificate has a name that an authority above it may not certify (nameConstraints)")]
    Name,
    /// An extension that must be understood and is not.
    #[error("{who} has a critical extension that is not known here")]
    Critical {
        /// The certificate.
        who: String,
    },
    /// X.509 before 1996.
    #[error("{who} is a certificate of version 1, which has no extensions and is not accepted any more")]
    Version {
        /// The certificate.
        who: String,
    },
    /// Something else about its form.
    #[error(
        "the certificate is not formed as it should be; `openssl x509 -in FILE -noout -text` may say more"
    )]
    Malformed,
}
