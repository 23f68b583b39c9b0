//! An alert as an SNMP trap or inform.
//!
//! What is pure comes first: [`Mib`] names everything, [`Notification::encode`] turns an alert into variable
//! bindings that fit a datagram, [`EngineState`] is what a sender must remember between starts, and
//! [`user_lines`] prints what the receiver has to know. [`Sender`] is the only part that touches a socket,
//! and its module the only one that knows the library underneath.
//!
//! Sources: RFC 3416 (PDUs), RFC 3417 (UDP), RFC 3414 and RFC 7860 (USM), RFC 3826 (AES), RFC 3411
//! (engine id), RFC 2578 to 2580 (SMIv2), RFC 3584 (`snmpTrapAddress`).

mod ber;
mod credentials;
mod engine;
mod mib;
mod notification;
mod oid;
mod sender;
mod text;
mod user_lines;

pub use credentials::{
    AuthProtocol, Community, Credentials, CredentialsError, Delivery, Passphrase, PrivacyProtocol, Security,
    UserName,
};
pub use engine::{EngineId, EngineState, ParseEngineError, RandomError};
pub use mib::{BadEnterprise, Mib, Object, Trap};
pub use notification::{Limits, Notification, Text, Value, Varbind};
pub use oid::Oid;
pub use sender::{
    Acknowledged, Answer, ConnectError, Endpoint, Engine, Failure, Finding, Retry, Sender, StartError, probe,
};
pub use user_lines::{revealed_user_lines, user_lines};
