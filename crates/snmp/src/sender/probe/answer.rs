//! What a receiver answered, read without believing any of it.

use std::fmt;

use async_snmp as wire;
use bytes::Bytes;
use wire::ber::Decoder;
use wire::message::{CommunityMessage, RawMsgData, RawV3Message, ScopedPdu};
use wire::v3::{DerivedKeys, ReportStatus, UsmSecurityParams, auth, classify_report};
use wire::{DecodeConfig, Pdu, PduType, SecurityLevel, Version};

/// A datagram that reads as an answer to a question of [`probe`](crate::probe).
///
/// Reading it says nothing about who sent it: whether it was signed is a question of its own.
/// Source: RFC 3412 6 and RFC 3414 2.4 (version 3), RFC 3416 3 (version 2c).
#[derive(Debug)]
pub struct Answer {
    /// `msgID` of version 3, which repeats the question's; the request id of version 2c.
    pub(super) id: i32,
    /// What only version 3 has.
    pub(super) v3: Option<V3>,
    content: Content,
}

/// The security parameters of an answer.
#[derive(Debug)]
pub(super) struct V3 {
    pub(super) level: SecurityLevel,
    pub(super) usm: UsmSecurityParams,
}

/// What an answer is about.
#[derive(Debug)]
enum Content {
    Plain(Said),
    /// As it came.
    Encrypted(Bytes),
}

/// What an answer says.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) enum Said {
    /// It took what was sent, or refused it with this error status other than zero.
    Response { status: i32, name: String },
    /// A complaint of the security model (RFC 3414 5) or of the message processing.
    Report(Complaint),
}

/// Of what a report complains.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) enum Complaint {
    UnknownEngine,
    UnknownUser,
    UnsupportedLevel,
    WrongDigest,
    OutOfWindow,
    Decryption,
    /// By its object identifier.
    Other(String),
}

impl Answer {
    /// Reads a datagram, whatever is in it. `None` when it is no answer; nothing in it can make this panic, and
    /// it needs memory of the order of the datagram's size.
    #[must_use]
    pub fn parse(bytes: &[u8]) -> Option<Self> {
        // What is behind the message would be signed by nobody.
        let mut strict = DecodeConfig::default();
        strict.trailing_bytes = false;
        let bytes = Bytes::copy_from_slice(bytes);
        if let Ok(message) = CommunityMessage::decode(bytes.clone(), strict) {
            let pdu = Some(message.value).filter(|it| it.version() == Version::V2c)?.into_pdu()?;
            return Some(Self { id: pdu.request_id(), v3: None, content: Content::Plain(said(&pdu)?) });
        }
        let message = RawV3Message::decode(bytes, strict).ok()?.value;
        let usm = UsmSecurityParams::decode(message.security_params().clone(), strict).ok()?.value;
        let content = match message.msg_data() {
            RawMsgData::Plaintext { data, .. } => Content::Plain(said(&scoped(data.clone())?)?),
            RawMsgData::Encrypted(data) => Content::Encrypted(data.clone()),
        };
        let v3 = Some(V3 { level: message.security_level(), usm });
        Some(Self { id: message.msg_id(), v3, content })
    }

    /// What it says; `None` when it is encrypted and `keys` do not open it.
    pub(super) fn said(&self, keys: Option<&DerivedKeys>) -> Option<Said> {
        let data = match &self.content {
            Content::Plain(said) => return Some(said.clone()),
            Content::Encrypted(data) => data,
        };
        let (usm, key) = (&self.v3.as_ref()?.usm, keys?.priv_key.as_ref()?);
        let plain = key.decrypt(data, usm.engine_boots(), usm.engine_time(), usm.priv_params()).ok()?;
        said(&scoped(plain)?)
    }

    /// Whether `bytes`, which it was read from, were signed with `keys`.
    pub(super) fn is_signed(&self, bytes: &[u8], keys: Option<&DerivedKeys>) -> bool {
        let Some(key) = keys.and_then(|keys| keys.auth_key.as_ref()) else { return false };
        self.v3.as_ref().is_some_and(|v3| v3.level.requires_auth())
            && UsmSecurityParams::find_auth_params_offset(bytes)
                .is_some_and(|(at, len)| auth::verify_message(key, bytes, at, len).unwrap_or(false))
    }
}

fn scoped(data: Bytes) -> Option<Pdu> {
    let mut decoder = Decoder::new(data);
    let scoped = ScopedPdu::decode(&mut decoder).ok()?;
    decoder.is_empty().then_some(scoped.pdu)
}

fn said(pdu: &Pdu) -> Option<Said> {
    match pdu.pdu_type() {
        PduType::Response => {
            Some(Said::Response { status: pdu.error_status(), name: pdu.error_status_enum().to_string() })
        }
        PduType::Report => classify_report(pdu).ok().map(|status| Said::Report(complaint(&status))),
        _ => None,
    }
}

fn complaint(status: &ReportStatus) -> Complaint {
    match status {
        ReportStatus::UnknownEngineId { .. } => Complaint::UnknownEngine,
        ReportStatus::UnknownUserName { .. } => Complaint::UnknownUser,
        ReportStatus::UnsupportedSecurityLevel { .. } => Complaint::UnsupportedLevel,
        ReportStatus::WrongDigest { .. } => Complaint::WrongDigest,
        ReportStatus::NotInTimeWindow { .. } => Complaint::OutOfWindow,
        ReportStatus::DecryptionError { .. } => Complaint::Decryption,
        ReportStatus::Other { oid, .. } => Complaint::Other(oid.to_string()),
        other => Complaint::Other(other.to_string()),
    }
}

impl fmt::Display for Complaint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::UnknownEngine => "usmStatsUnknownEngineIDs",
            Self::UnknownUser => "usmStatsUnknownUserNames",
            Self::UnsupportedLevel => "usmStatsUnsupportedSecLevels",
            Self::WrongDigest => "usmStatsWrongDigests",
            Self::OutOfWindow => "usmStatsNotInTimeWindows",
            Self::Decryption => "usmStatsDecryptionErrors",
            Self::Other(oid) => oid,
        })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use wire::message::{MsgFlags, MsgGlobalData, V3Message};
    use wire::v3::report_oids;
    use wire::{MessageSize, Oid, RequestPdu, ResponsePdu, UsmConfig, Value, VarBind};

    use super::*;

    const ENGINE: &[u8] = &[0x80, 0, 0x7e, 0xd9, 5, 1, 2, 3];

    fn keys(passphrase: &str) -> DerivedKeys {
        let config = UsmConfig::new("relay").auth(wire::AuthProtocol::Sha256, passphrase).unwrap();
        config.derive_keys(ENGINE).unwrap()
    }

    /// A report as a receiver sends it, signed with `keys`.
    fn report(object: Oid, keys: Option<&DerivedKeys>) -> Vec<u8> {
        let value = Value::Counter32(7);
        let pdu = ResponsePdu::report(0, vec![VarBind::new(object, value)]).unwrap().into_raw();
        message(pdu, keys)
    }

    fn message(pdu: Pdu, keys: Option<&DerivedKeys>) -> Vec<u8> {
        let key = keys.and_then(|keys| keys.auth_key.as_ref());
        let level = if key.is_some() { SecurityLevel::AuthNoPriv } else { SecurityLevel::NoAuthNoPriv };
        let size = MessageSize::new(65_507).unwrap();
        let head = MsgGlobalData::new(4711, size, MsgFlags::new(level, false)).unwrap();
        let mut usm = UsmSecurityParams::new(ENGINE, 3, 99, "relay").unwrap();
        if let Some(key) = key {
            usm = usm.with_auth_placeholder(key.mac_len()).unwrap();
        }
        let scoped = ScopedPdu::new(ENGINE, Bytes::new(), pdu);
        let message = V3Message::new(head, usm.encode().unwrap(), scoped).unwrap();
        let mut bytes = message.encode().unwrap().to_vec();
        if let Some(key) = key {
            let (at, len) = UsmSecurityParams::find_auth_params_offset(&bytes).unwrap();
            auth::authenticate_message(key, &mut bytes, at, len).unwrap();
        }
        bytes
    }

    #[test]
    fn each_report_is_read_with_its_complaint() {
        for (object, complaint) in [
            (report_oids::unknown_engine_ids(), Complaint::UnknownEngine),
            (report_oids::unknown_user_names(), Complaint::UnknownUser),
            (report_oids::unsupported_sec_levels(), Complaint::UnsupportedLevel),
            (report_oids::wrong_digests(), Complaint::WrongDigest),
            (report_oids::not_in_time_windows(), Complaint::OutOfWindow),
            (report_oids::decryption_errors(), Complaint::Decryption),
            // snmpUnknownPDUHandlers
            (
                Oid::from_slice(&[1, 3, 6, 1, 6, 3, 11, 2, 1, 3, 0]),
                Complaint::Other("1.3.6.1.6.3.11.2.1.3.0".to_owned()),
            ),
        ] {
            let answer = Answer::parse(&report(object, None)).unwrap();

            assert_eq!(answer.id, 4711);
            let usm = &answer.v3.as_ref().unwrap().usm;
            assert_eq!((&usm.engine_id()[..], usm.engine_boots(), usm.engine_time()), (ENGINE, 3, 99));
            assert_eq!(answer.said(None), Some(Said::Report(complaint)));
        }
    }

    #[test]
    fn a_signature_counts_only_when_it_was_made_with_the_same_passphrase() {
        let (same, other) = (keys("a passphrase"), keys("another passphrase"));
        let object = report_oids::not_in_time_windows();
        let signed = report(object.clone(), Some(&same));
        let bare = report(object, None);
        let is_signed = |bytes: &[u8], keys| Answer::parse(bytes).unwrap().is_signed(bytes, keys);

        assert!(is_signed(&signed, Some(&same)));
        assert!(
            !is_signed(&signed, Some(&other)) && !is_signed(&signed, None) && !is_signed(&bare, Some(&same))
        );
    }

    #[test]
    fn what_is_no_answer_is_not_read() {
        let answer = report(report_oids::wrong_digests(), None);
        let behind = [&answer[..], b"x"].concat();
        let object = report_oids::wrong_digests();
        let question = message(RequestPdu::get(Version::V3, 1, &[object]).unwrap().into_raw(), None);

        for bytes in [&behind[..], &answer[..answer.len() - 1], &question, b"", b"\x30\x80"] {
            assert!(Answer::parse(bytes).is_none(), "{bytes:02x?}");
        }
    }

    #[test]
    fn an_answer_of_version_2c_has_the_status_of_its_pdu() {
        for (status, expect) in [(0, "noError"), (16, "authorizationError")] {
            let pdu = Pdu::from_raw_parts(
                12,
                wire::pdu::PduBody::Standard {
                    pdu_type: wire::StandardPduType::Response,
                    error_status: status,
                    error_index: 0,
                },
                Vec::new(),
            );
            let message = CommunityMessage::v2c("public", pdu).unwrap();

            let answer = Answer::parse(&message.encode().unwrap()).unwrap();

            assert_eq!((answer.id, answer.v3.is_none()), (12, true));
            assert_eq!(answer.said(None), Some(Said::Response { status, name: expect.to_owned() }));
        }
    }

    proptest! {
        #[test]
        fn whatever_comes_is_read_without_a_panic(
            noise in proptest::collection::vec(any::<u8>(), 0..600),
            at in any::<prop::sample::Index>(),
            byte in any::<u8>(),
            cut in any::<prop::sample::Index>(),
        ) {
            let keys = keys_once();
            let read = |bytes: &[u8]| {
                if let Some(answer) = Answer::parse(bytes) {
                    let _ = (answer.said(Some(keys)), answer.is_signed(bytes, Some(keys)));
                }
            };
            read(&noise);
            let mut bytes = report(report_oids::wrong_digests(), Some(keys));
            let at = at.index(bytes.len());
            bytes[at] = byte;
            read(&bytes);
            read(&bytes[..cut.index(bytes.len())]);
        }
    }

    /// Making keys takes longer than a case.
    fn keys_once() -> &'static DerivedKeys {
        static KEYS: std::sync::OnceLock<DerivedKeys> = std::sync::OnceLock::new();
        KEYS.get_or_init(|| keys("a passphrase"))
    }
}
