//! Why something is no endorsement key.

use thiserror::Error;

use super::{Format, Kind};

/// Why what was returned or given is not taken as an endorsement key, and what to do.
#[derive(Clone, Debug, Eq, Error, PartialEq)]
#[non_exhaustive]
pub enum EkError {
    /// There is nothing.
    #[error("there is no key; export it again, or read it on the router with tpm2_readpublic")]
    Empty,

    /// There is more than any key takes.
    #[error("it is larger than {limit_bytes} bytes; give the key and nothing else")]
    TooLarge {
        /// What is read at most.
        limit_bytes: usize,
    },

    /// It is something else than the base64 of a public key.
    #[error("it is {found}, and not the base64 of a public key in DER{}", hint(*found, *allowed_by))]
    Format {
        /// What it is.
        found: Kind,
        /// What would let it in.
        allowed_by: Option<Format>,
    },

    /// It is a public key of another algorithm.
    #[error(
        "it is {found}; the conductor's endorsement keys are RSA 2048, so export the RSA endorsement key"
    )]
    Algorithm {
        /// Which.
        found: &'static str,
    },

    /// It looks like a public key and is not one.
    #[error("{what}; it was cut off or changed on its way, so export it again")]
    Malformed {
        /// What is wrong.
        what: &'static str,
    },

    /// Its modulus is of no size that is used.
    #[error("it is RSA {bits}; endorsement keys are RSA 2048 (3072 and 4096 are taken with a warning)")]
    Size {
        /// Its size.
        bits: usize,
    },

    /// Its exponent is not the one of endorsement keys.
    #[error(
        "its public exponent is {exponent}, and not 65537 as the TCG's profile of endorsement keys has it"
    )]
    Exponent {
        /// What it is.
        exponent: u64,
    },

    /// The public area says that it is another key of the TPM.
    #[error(
        "the TPM says of this key (attributes {attributes:#010x}) that it is no endorsement key: that one is fixed to its \
         TPM, restricted and decrypts; give what `tpm2_createek -u` wrote"
    )]
    NotEndorsement {
        /// `TPMA_OBJECT`.
        attributes: u32,
    },
}

fn hint(found: Kind, allowed_by: Option<Format>) -> String {
    match (found, allowed_by) {
        (_, Some(format)) => format!("; `--allow-format {format}` converts it"),
        (Kind::Jwt, None) => {
            "; it is never converted, since what it says of a key would have to be trusted".to_owned()
        }
        (Kind::PrivateKey, None) => "; delete this file where it does not belong".to_owned(),
        _ => "; export it again".to_owned(),
    }
}
