//! Asks a receiver what it thinks of the credentials.
//!
//! The library's client hides it: a report is not signed, so that an unknown user and a wrong passphrase are both
//! a time-out there. Here small messages are sent one by one and what comes back is read.

mod answer;
mod finding;

use std::error::Error;
use std::io;
use std::time::Duration;

use async_snmp as wire;
use bytes::Bytes;
use ring::rand::{SecureRandom, SystemRandom};
use tokio::net::UdpSocket;
use tokio::time::{Instant, timeout_at};
use wire::message::{CommunityMessage, MsgFlags, MsgGlobalData, ScopedPdu, V3Message};
use wire::v3::{DerivedKeys, SaltCounter, UsmSecurityParams, auth};
use wire::{NotificationPdu, UDP_RECEIVE_LIMITS, UsmConfig, Version};

use super::{Endpoint, any_port, oid, uptime, usm, varbinds};
use crate::{Credentials, Delivery, EngineId, Notification, Security, UserName};
pub use answer::Answer;
use answer::{Complaint, Said};
pub use finding::Finding;

/// Asks the receiver step by step, and tells what was found: each step that went well, and last either
/// [`Finding::Works`] or why not.
///
/// `notification` is sent as an inform, also to a receiver of SNMPv2c traps, since nothing else is answered: it
/// should be a heartbeat. Of an SNMPv3 trap the sender is the authority, and no receiver answers what is sent in
/// that way, so that only its presence can be found out.
///
/// A sink that encrypts and gets no answer is tried once more without encryption, which tells a receiver that cannot
/// decrypt; the texts are left out of that.
///
/// What is found is a hint for people. All but the signed part of it can be forged by whoever can send from the
/// receiver's address, so nothing may follow from it by itself (RFC 3414 3.2: reports about a user, a signature or
/// an engine are not signed).
///
/// # Errors
///
/// When the socket cannot be bound, or keys cannot be made.
pub async fn probe(
    endpoint: &Endpoint,
    credentials: &Credentials,
    delivery: Delivery,
    notification: &Notification,
) -> io::Result<Vec<Finding>> {
    let socket = UdpSocket::bind(endpoint.bind.unwrap_or_else(|| any_port(endpoint.address))).await?;
    socket.connect(endpoint.address).await?;
    let mut random = [0; 4];
    SystemRandom::new()
        .fill(&mut random)
        .map_err(|_| io::Error::other("the system gives no random numbers"))?;
    let first = i32::from_be_bytes(random) & 0x3fff_ffff;
    let line = Line { socket, patience: endpoint.timeout, next: first };
    let inform = |id, readable| {
        let mut varbinds = varbinds(notification);
        if readable == Readable::Yes {
            // the sink does not want its texts to be read
            for varbind in &mut varbinds {
                if let wire::Value::OctetString(text) = &mut varbind.value {
                    *text = Bytes::new();
                }
            }
        }
        let trap = oid(&notification.trap);
        NotificationPdu::inform(Version::V3, id, uptime(endpoint.started), &trap, varbinds)
            .map(NotificationPdu::into_raw)
            .map_err(io::Error::other)
    };
    let mut found = Vec::new();
    match credentials {
        Credentials::V2c { community } => {
            found.push(line.community(community.text(), |id| inform(id, Readable::No)).await?);
        }
        Credentials::V3 { user, security } => {
            let asking = Asking::new(line, user, security)?;
            asking.run(delivery, inform, &mut found).await?;
        }
    }
    Ok(found)
}

/// A socket to the receiver, with questions and answers told apart by their numbers.
struct Line {
    socket: UdpSocket,
    patience: Duration,
    next: i32,
}

/// What came of a question.
enum Heard<T> {
    Answer(T),
    Nothing,
    /// The network says that nobody is there.
    Unreachable(io::Error),
}

impl Line {
    /// Asks until `accept` takes an answer, up to [`TRIES`] times with a number of its own each.
    async fn ask<T>(
        &mut self,
        question: impl Fn(i32) -> io::Result<Vec<u8>>,
        accept: impl Fn(&Answer, &[u8]) -> Option<T>,
    ) -> io::Result<Heard<T>> {
        let first = self.next;
        let mut buffer = vec![0; BUFFER];
        for _ in 0..TRIES {
            let bytes = question(self.next)?;
            self.next += 1;
            if let Err(error) = self.socket.send(&bytes).await {
                return Ok(Heard::Unreachable(error));
            }
            let deadline = Instant::now() + self.patience;
            while let Ok(came) = timeout_at(deadline, self.socket.recv(&mut buffer)).await {
                let bytes = match came {
                    Ok(len) => &buffer[..len],
                    Err(error) => return Ok(Heard::Unreachable(error)),
                };
                let answer = Answer::parse(bytes).filter(|answer| (first..self.next).contains(&answer.id));
                if let Some(accepted) = answer.and_then(|answer| accept(&answer, bytes)) {
                    return Ok(Heard::Answer(accepted));
                }
            }
        }
        Ok(Heard::Nothing)
    }

    /// Version 2c: there is one question, and no other answer than yes.
    async fn community(
        mut self,
        community: &str,
        inform: impl Fn(i32) -> io::Result<wire::Pdu>,
    ) -> io::Result<Finding> {
        let question = |id| {
            let message = CommunityMessage::v2c(community.to_owned(), inform(id)?);
            Ok(message.and_then(|message| message.encode()).map_err(io::Error::other)?.to_vec())
        };
        let heard = self.ask(question, |answer, _| answer.v3.is_none().then(|| answer.said(None))?).await?;
        Ok(match heard {
            Heard::Answer(Said::Response { status: 0, .. }) => Finding::Works { level: "2c" },
            Heard::Answer(Said::Response { name, .. }) => Finding::Refused { reason: name },
            Heard::Answer(Said::Report(complaint)) => Finding::Refused { reason: complaint.to_string() },
            Heard::Nothing => Finding::SilentCommunity,
            Heard::Unreachable(source) => Finding::Unreachable { reason: source.to_string() },
        })
    }
}

/// Questions to a receiver of version 3.
struct Asking {
    line: Line,
    config: UsmConfig,
    /// The same user and signature without encryption, where there is some.
    readable: Option<UsmConfig>,
    level: &'static str,
    salt: SaltCounter,
}

/// An engine and its clock as a message names them.
struct Clock {
    engine: Vec<u8>,
    boots: u32,
    time: u32,
}

/// An answer to a question about the user.
struct Judged {
    said: Said,
    signed: bool,
    clock: (u32, u32),
}

impl Asking {
    fn new(line: Line, user: &UserName, security: &Security) -> io::Result<Self> {
        let config = usm(user, security).map_err(io::Error::other)?;
        let readable = match security {
            Security::AuthPriv { auth, .. } => Some(super::signing(user, auth).map_err(io::Error::other)?),
            Security::DangerAuthNoPriv { .. } | Security::DangerNoAuthNoPriv => None,
        };
        let salt = SaltCounter::new().map_err(io::Error::other)?;
        Ok(Self { line, config, readable, level: security.level(), salt })
    }

    async fn run(
        mut self,
        delivery: Delivery,
        inform: impl Fn(i32, Readable) -> io::Result<wire::Pdu>,
        found: &mut Vec<Finding>,
    ) -> io::Result<()> {
        let there = match self.discover().await? {
            Heard::Answer(clock) => clock,
            Heard::Nothing => {
                found.push(Finding::Silent);
                return Ok(());
            }
            Heard::Unreachable(source) => {
                found.push(Finding::Unreachable { reason: source.to_string() });
                return Ok(());
            }
        };
        found.push(Finding::Answers {
            engine: EngineId::of(&there.engine),
            boots: there.boots,
            time: there.time,
        });
        if delivery == Delivery::Trap {
            found.push(Finding::TrapsUnanswered);
            return Ok(());
        }
        // A clock that cannot be right: before it decrypts anything the receiver complains of that, and signs the
        // complaint, which proves the user and the passphrase.
        let mut clock = Clock { engine: there.engine, boots: 0, time: 0 };
        let mut heard = self.about_user(&clock, Readable::No, &inform).await?;
        if let Heard::Answer(Judged {
            said: Said::Report(Complaint::OutOfWindow),
            signed,
            clock: (boots, time),
        }) = heard
        {
            if signed {
                found.push(Finding::KnowsUser);
            }
            (clock.boots, clock.time) = (boots, time);
            heard = self.about_user(&clock, Readable::No, &inform).await?;
        }
        let finding = match heard {
            Heard::Answer(judged) => self.finding(judged),
            Heard::Unreachable(source) => Finding::Unreachable { reason: source.to_string() },
            Heard::Nothing if self.readable.is_none() => Finding::NotTaken { level: self.level },
            // It reads the signature and not the rest, or it wants nothing of this user at all.
            Heard::Nothing => match self.about_user(&clock, Readable::Yes, &inform).await? {
                Heard::Answer(Judged { said: Said::Response { .. }, .. }) => Finding::WrongPrivacy,
                _ => Finding::NotRead,
            },
        };
        found.push(finding);
        Ok(())
    }

    /// Asks which engine the receiver is (RFC 3414 4).
    async fn discover(&mut self) -> io::Result<Heard<Clock>> {
        let question = |id| {
            let message = V3Message::discovery_request(id, UDP_RECEIVE_LIMITS.advertised());
            Ok(message.and_then(|message| message.encode()).map_err(io::Error::other)?.to_vec())
        };
        let accept = |answer: &Answer, _: &[u8]| {
            let usm = &answer.v3.as_ref()?.usm;
            let engine = usm.engine_id().to_vec();
            let clock = Clock { engine, boots: usm.engine_boots(), time: usm.engine_time() };
            wire::v3::validate_engine_id(&clock.engine).is_ok().then_some(clock)
        };
        self.line.ask(question, accept).await
    }

    /// Sends the inform in the user's name, dated `clock`.
    async fn about_user(
        &mut self,
        clock: &Clock,
        readable: Readable,
        inform: impl Fn(i32, Readable) -> io::Result<wire::Pdu>,
    ) -> io::Result<Heard<Judged>> {
        let config = match (readable, &self.readable) {
            (Readable::Yes, Some(readable)) => readable,
            _ => &self.config,
        };
        let keys = config.derive_keys(&clock.engine).map_err(io::Error::other)?;
        let salt = &self.salt;
        let question =
            |id| message(id, inform(id, readable)?, clock, config, &keys, salt).map_err(io::Error::other);
        let accept = |answer: &Answer, bytes: &[u8]| {
            let v3 = answer.v3.as_ref()?;
            let said = answer.said(Some(&keys))?;
            let signed = answer.is_signed(bytes, Some(&keys));
            // A yes counts only as the relay would take it; a report is not signed as a rule.
            let proven = v3.level == config.security_level()
                && (signed || !config.security_level().requires_auth())
                && v3.usm.engine_id() == &clock.engine[..];
            let taken = proven || matches!(said, Said::Report(_));
            let clock = (v3.usm.engine_boots(), v3.usm.engine_time());
            taken.then_some(Judged { said, signed, clock })
        };
        self.line.ask(question, accept).await
    }

    fn finding(&self, judged: Judged) -> Finding {
        match judged.said {
            Said::Response { status: 0, .. } => Finding::Works { level: self.level },
            Said::Response { name, .. } => Finding::Refused { reason: name },
            Said::Report(complaint) => match complaint {
                Complaint::UnknownEngine => Finding::UnknownEngine,
                Complaint::UnknownUser => Finding::UnknownUser,
                Complaint::UnsupportedLevel => Finding::UnsupportedLevel { level: self.level },
                Complaint::WrongDigest => Finding::WrongAuth,
                Complaint::Decryption => Finding::WrongPrivacy,
                Complaint::OutOfWindow => {
                    let (boots, time) = judged.clock;
                    Finding::OutOfWindow { boots, time }
                }
                other @ Complaint::Other(_) => Finding::Refused { reason: other.to_string() },
            },
        }
    }
}

/// A message of the user-based security model (RFC 3414 3.1), as a question: with the reportable flag.
fn message(
    id: i32,
    pdu: wire::Pdu,
    clock: &Clock,
    config: &UsmConfig,
    keys: &DerivedKeys,
    salt: &SaltCounter,
) -> Result<Vec<u8>, Box<dyn Error + Send + Sync>> {
    let engine = Bytes::copy_from_slice(&clock.engine);
    let level = config.security_level();
    let head = MsgGlobalData::new(id, UDP_RECEIVE_LIMITS.advertised(), MsgFlags::new(level, true))?;
    let scoped = ScopedPdu::new(engine.clone(), Bytes::new(), pdu);
    let mut usm = UsmSecurityParams::new(engine, clock.boots, clock.time, config.username().clone())?;
    if let Some(key) = &keys.auth_key {
        usm = usm.with_auth_placeholder(key.mac_len())?;
    }
    let message = match &keys.priv_key {
        Some(key) => {
            let (data, salt) = key.encrypt_aes(&scoped.encode_to_bytes()?, clock.boots, clock.time, salt)?;
            let usm = usm.with_priv_params(salt)?.encode()?;
            V3Message::new_with_opaque_encrypted_scoped_pdu(head, usm, data)?
        }
        None => V3Message::new(head, usm.encode()?, scoped)?,
    };
    let mut bytes = message.encode()?.to_vec();
    if let Some(key) = &keys.auth_key {
        let (at, len) =
            UsmSecurityParams::find_auth_params_offset(&bytes).ok_or("a message without a place to sign")?;
        auth::authenticate_message(key, &mut bytes, at, len)?;
    }
    Ok(bytes)
}

/// Whether a question is sent without encryption.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Readable {
    Yes,
    No,
}

/// How often a question is sent.
const TRIES: u32 = 3;

/// No datagram is larger.
const BUFFER: usize = 65_536;
