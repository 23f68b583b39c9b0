//! An alert as a syslog line, and its framing.
//!
//! An encoder ([`Rfc5424`], [`Rfc3164`], [`Json`], [`Cef`], or any of them as a [`Format`]) writes one alert as
//! one message without a line end; a [`Framing`] puts that message on the wire. Both are pure: they open no socket, read no clock and cannot fail.
//!
//! Whatever a name or a text from outside holds, a message is one line: no control character, line
//! separator or bidirectional control leaves as itself. They are spelt out as `\n`, `\r`, `\t` or
//! `\u202e`, so that a reader sees that something was there.
//!
//! ```
//! use alarm::{AlarmKey, Alert, AlertId, Stamp};
//! use fogbell_syslog::{Framing, Rfc5424};
//!
//! let mut alert = Alert::new(AlertId::of(&[b"1"]), AlarmKey::of(&[b"2"]), "alarms", "device_down", ids::Timestamp::default());
//! alert.device = "core 1".into();
//! alert.summary = "core 1 is down".into();
//!
//! let line = Rfc5424::default().encode(&alert, &Stamp { relay: "relay-a", sequence: 7 });
//! let mut wire = Vec::new();
//! Framing::OctetCounted.frame(&line.bytes, &mut wire);
//!
//! assert!(line.bytes.starts_with(b"<132>1 1970-01-01T00:00:00.000Z core-1 fogbell - device_down [fogbell@32473 "));
//! assert!(wire.ends_with(b"] core 1 is down"));
//! ```

mod app_name;
mod cef;
mod escape;
mod facility;
mod format;
mod framing;
mod json;
mod limit;
mod parameters;
mod rfc3164;
mod rfc5424;
mod texts;

pub use app_name::{AppName, ParseAppNameError};
pub use cef::Cef;
pub use facility::{Facility, ParseFacilityError};
pub use format::{Format, Line};
pub use framing::Framing;
pub use json::Json;
pub use limit::{MaxBytes, MaxBytesError};
pub use parameters::{CefKey, cef_keys, parameters};
pub use rfc3164::Rfc3164;
pub use rfc5424::Rfc5424;
