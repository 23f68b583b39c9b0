//! Whether a token may be given to a router.

use std::collections::BTreeSet;
use std::fmt;
use std::time::Duration;

use ids::Timestamp;
use ring::signature::{
    RSA_PKCS1_2048_8192_SHA256, RSA_PKCS1_2048_8192_SHA384, RSA_PKCS1_2048_8192_SHA512, RsaParameters,
    UnparsedPublicKey,
};

use super::{OnboardingToken, TokenFault, TokenFlag, TokenWarning};
use crate::AssetId;
use crate::certificate::{Certificate, CertificateFingerprint, Facts, verify_chain};

/// What a token must be compared with; none of it comes from the token.
#[derive(Clone, Debug)]
pub struct Expectation<'a> {
    /// The asset ids of the router's nodes in the running configuration, not those of the input.
    pub asset_ids: &'a BTreeSet<AssetId>,
    /// The authority that the profile trusts.
    pub anchor: Option<&'a Anchor>,
    /// The certificate that port 933 served, where it answered.
    pub served: Option<&'a Certificate>,
    /// Now, by the conductor's clock where that is known.
    pub now: Timestamp,
    /// How long from now the token must be taken at least.
    pub margin: Duration,
}

/// The authority of Secure Conductor Onboarding that a profile holds.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Anchor {
    /// Its certificate.
    Certificate(Certificate),
    /// What identifies its certificate.
    Pin(CertificateFingerprint),
}

impl Anchor {
    /// What identifies its certificate.
    #[must_use]
    pub fn fingerprint(&self) -> CertificateFingerprint {
        match self {
            Self::Certificate(certificate) => certificate.fingerprint(),
            Self::Pin(fingerprint) => *fingerprint,
        }
    }
}

/// What is known of who made a token.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Authenticity {
    /// Signed by a certificate under the authority that the profile trusts.
    Authenticated,
    /// Signed by the certificate inside, under the authority inside; whose they are nobody said.
    Consistent,
    /// Its signature is of a kind that only the conductor can check.
    Unverifiable,
    /// It was not looked at: a fault stands in the way.
    Refused,
}

impl fmt::Display for Authenticity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Authenticated => "authenticated",
            Self::Consistent => "consistent, not authenticated",
            Self::Unverifiable => "unverifiable",
            Self::Refused => "refused",
        })
    }
}

/// What was found of a token. It may be used when there is no fault, and a person gave each flag.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct Judgement {
    /// Who made it, as far as that is known.
    pub authenticity: Authenticity,
    /// Why it is not used.
    pub faults: Vec<TokenFault>,
    /// What a person must accept before it is used.
    pub flags: Vec<TokenFlag>,
    /// What a person should know.
    pub warnings: Vec<TokenWarning>,
}

impl Judgement {
    /// Whether it may be used when `accepted` were given.
    #[must_use]
    pub fn is_usable(&self, accepted: &[TokenFlag]) -> bool {
        self.faults.is_empty() && self.flags.iter().all(|flag| accepted.contains(flag))
    }
}

impl OnboardingToken {
    /// Judges it by what is known from elsewhere.
    ///
    /// The signature is checked with the key of the certificate inside, and only as RS256, RS384 or RS512: a certificate is
    /// never a key of another algorithm.
    #[must_use]
    pub fn judge(&self, expect: &Expectation<'_>) -> Judgement {
        let mut judgement = Judgement {
            authenticity: Authenticity::Refused,
            faults: Vec::new(),
            flags: Vec::new(),
            warnings: Vec::new(),
        };
        self.judge_assets(expect, &mut judgement);
        self.judge_times(expect, &mut judgement);
        match self.claims.secret_bytes {
            Some(48) => {}
            Some(bytes) => judgement.faults.push(TokenFault::Secret { bytes }),
            None => judgement.warnings.push(TokenWarning::NoSecret),
        }
        self.judge_origin(expect, &mut judgement);
        if !judgement.faults.is_empty() {
            judgement.authenticity = Authenticity::Refused;
            judgement.flags.clear();
        }
        judgement
    }

    fn judge_assets(&self, expect: &Expectation<'_>, judgement: &mut Judgement) {
        let found = &self.claims.asset_ids;
        if found.is_empty() && !self.claims.unreadable_asset_id {
            judgement.faults.push(TokenFault::NoAssets);
        } else if self.claims.unreadable_asset_id || found != expect.asset_ids {
            let (found, expected) = (found.clone(), expect.asset_ids.clone());
            judgement.faults.push(TokenFault::OtherAssets { found, expected });
        }
    }

    fn judge_times(&self, expect: &Expectation<'_>, judgement: &mut Judgement) {
        if let Some(at) = self.claims.not_before.filter(|at| *at > expect.now) {
            judgement.faults.push(TokenFault::NotYet { at });
        }
        let needed = later(expect.now, expect.margin);
        match self.claims.expires {
            None => judgement.flags.push(TokenFlag::NoExpiry),
            Some(at) if at <= needed => judgement.faults.push(TokenFault::Expired { at, needed }),
            Some(at) if at > later(expect.now, A_YEAR) => {
                judgement.warnings.push(TokenWarning::LongLived { at })
            }
            Some(_) => {}
        }
    }

    fn judge_origin(&self, expect: &Expectation<'_>, judgement: &mut Judgement) {
        if self.header.algorithm.eq_ignore_ascii_case("none") || self.header.algorithm.is_empty() {
            judgement.faults.push(TokenFault::Unsigned);
            return;
        }
        if self.header.critical {
            judgement.faults.push(TokenFault::Critical);
        }
        let algorithm = rsa(&self.header.algorithm);
        if let Some(which) = self.claims.unreadable_certificate {
            judgement.faults.push(TokenFault::BrokenCertificate(which));
            return;
        }
        let (ca, leaf) = match (self.ca_certificate(), self.conductor_certificate()) {
            (Some(ca), Some(leaf)) => (ca, leaf),
            (None, None) if algorithm.is_none() && expect.anchor.is_none() => {
                judgement.warnings.push(TokenWarning::NoCertificates);
                judgement.authenticity = Authenticity::Unverifiable;
                judgement.flags.push(TokenFlag::Unverifiable);
                return;
            }
            (ca, _) => {
                judgement.faults.push(TokenFault::NoCertificate(if ca.is_none() { CA } else { LEAF }));
                return;
            }
        };
        let leaf_facts = leaf.facts();
        self.judge_certificate(CA, &ca.facts(), expect, judgement);
        self.judge_certificate(LEAF, &leaf_facts, expect, judgement);
        if let Some(expected) =
            expect.anchor.map(Anchor::fingerprint).filter(|anchor| *anchor != ca.fingerprint())
        {
            judgement.faults.push(TokenFault::OtherAuthority { found: ca.fingerprint(), expected });
        }
        if let Some(served) = expect.served.filter(|served| *served != leaf) {
            let (found, served) = (leaf.fingerprint(), served.fingerprint());
            judgement.faults.push(TokenFault::OtherServed { found, served });
        }
        let between = self.claims.conductor_certificates.get(1..).unwrap_or_default();
        if verify_chain(leaf, between, std::slice::from_ref(ca), expect.now).is_err() || leaf == ca {
            judgement.faults.push(TokenFault::Chain);
        }
        let Some(algorithm) = algorithm else {
            judgement.authenticity = Authenticity::Unverifiable;
            judgement.flags.push(TokenFlag::Unverifiable);
            return;
        };
        let key = leaf_facts.rsa.unwrap_or_default();
        let verified = self.signed().is_ok_and(|(signed, signature)| {
            UnparsedPublicKey::new(algorithm, &key).verify(signed, &signature).is_ok()
        });
        if !verified {
            judgement.faults.push(TokenFault::Signature);
        }
        judgement.authenticity = match expect.anchor {
            Some(_) => Authenticity::Authenticated,
            None => {
                judgement.flags.push(TokenFlag::Unauthenticated);
                Authenticity::Consistent
            }
        };
    }

    fn judge_certificate(
        &self,
        which: &'static str,
        facts: &Facts,
        expect: &Expectation<'_>,
        judgement: &mut Judgement,
    ) {
        if facts.rsa_bits.is_none_or(|bits| bits < 2048) {
            judgement.faults.push(TokenFault::NotRsa(which));
        }
        if facts.not_before > expect.now {
            judgement.faults.push(TokenFault::CertificateBegins { which, at: facts.not_before });
        }
        let needed = self.claims.expires.unwrap_or(expect.now).max(expect.now);
        if facts.not_after < needed {
            judgement.faults.push(TokenFault::CertificateEnds { which, at: facts.not_after });
        }
    }
}

/// The one way in which a certificate's key is used.
fn rsa(algorithm: &str) -> Option<&'static RsaParameters> {
    match algorithm {
        "RS256" => Some(&RSA_PKCS1_2048_8192_SHA256),
        "RS384" => Some(&RSA_PKCS1_2048_8192_SHA384),
        "RS512" => Some(&RSA_PKCS1_2048_8192_SHA512),
        _ => None,
    }
}

fn later(time: Timestamp, by: Duration) -> Timestamp {
    Timestamp::from_micros(time.micros().saturating_add(i64::try_from(by.as_micros()).unwrap_or(i64::MAX)))
}

const CA: &str = "conductor-ca-cert";
const LEAF: &str = "conductor-public-cert";
const A_YEAR: Duration = Duration::from_secs(366 * 24 * 60 * 60);
