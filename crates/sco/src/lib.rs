//! Secure Conductor Onboarding of Session Smart Routers: the checks, the plan and the steps as pure functions, and the run
//! that drives them.
//!
//! A router is taken from a Juniper Mist inventory onto a conductor in the order in which these modules stand: what the
//! operator lists ([`input`]) and what was seen ([`observe`]) make a [`plan`]; each router of it goes through its
//! [`step`]s, each of which can only be made from the one before and from what was read back. On the way keys ([`ek`],
//! [`device_id`]) and tokens ([`token`]) are judged, the conductor's [`config`]uration is compared path by path, and single
//! rules of safety are decided ([`decide`]).
//!
//! But for [`run`], nothing here opens a socket, reads a file or looks at the clock: what was read comes in as a value, and
//! what should be done goes out as one. Every refusal says what happened, to what, and what to do.
//!
//! ```
//! use fogbell_sco::ek::{AllowFormats, EndorsementKey, Kind, Screen};
//! use fogbell_sco::input::{Defaults, parse};
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! // what Mist exported as ID token, and what it is expected to be: the base64 of a public key in DER
//! let exported = "MIIBIjANBgkqhkiG9w0BAQEFAAOCAQ8AMIIBCgKCAQEAkTKtIR/MDftNrkgyashkwifks5Swm9HEkw4ZcCijyQdpTStI\
//!                 nk9pdUrq4zjG6tk5xX9AaYXLu47fmiBVzClGvAXTZbpn6JbG1IERUs+i0pBRT5CzUu7vJ/63L72NzVvJFaT0SUE5zByh\
//!                 CjJE+pflMnX1e1UptOdnN5AHeY4RKkugVse3XO2xMs3yH3vTyZdtnaOIFRU0d6E7PrsgRtEAqFHcAGmPUw0ZOW8A++8s\
//!                 S/FlnrxMf9lVa1/8k/A8otPfrNIipfAoq0MKJ+oxE2wML1DDxIGTGmNaN3gPANJyeuca7ptA+NGq5oU1x3pWMXgSvrVS\
//!                 XUooNk8xIkrKxSz3LQIDAQAB";
//! let reading = EndorsementKey::read(exported.as_bytes(), &AllowFormats::none())?;
//! assert_eq!(reading.kind, Kind::Spki);
//! // this one is known to be breakable
//! let weakness = Screen::new().judge(&reading.key).unwrap_err();
//! assert!(weakness.to_string().contains("CVE-2017-15361"));
//!
//! let defaults = Defaults { conductor_hosts: vec!["192.0.2.1".parse()?], ..Defaults::default() };
//! let sheet = parse(b"name;mac;asset_id;site\r\nstore-1;2.00E+05;A1;ATL-01\r\n", &defaults);
//! assert_eq!(
//!     sheet.faults[0].to_string(),
//!     "2:2: `2.00E+05` is not a MAC: a spreadsheet turned it into a number; format the column as text and enter it again"
//! );
//! # Ok(())
//! # }
//! ```
//!
//! An independent project, not affiliated with Juniper. What the vendor does not document is said where it matters; the
//! documents are the Session Smart Router documentation (7.1.3 to 7.2.3) and the Mist OpenAPI document 2607.1.0.

mod hex;
mod names;
mod seconds;

pub mod input;
pub mod observe;

pub mod certificate;
pub mod config;
pub mod device_id;
pub mod ek;
pub mod token;

pub mod decide;
pub mod plan;
pub mod step;

pub mod run;

pub use hex::HashError;
pub use names::{AssetId, ConductorHost, Mode, NameError, NodeName, RouterName};
