//! What Juniper Mist posts, and its proof.
//!
//! A request goes through two pure functions of the [`Gate`]: [`screen`](Gate::screen) judges its source and
//! head before a byte of the body is read, [`admit`](Gate::admit) proves the body. What they make,
//! [`Admitted`], has no other constructor: who holds one holds a message that Mist signed. Nothing here does
//! I/O.
//!
//! ```
//! use bytes::Bytes;
//! use ids::{Cloud, Timestamp};
//! use fogbell_webhook::{CloudTable, Gate, Organisation, SigningSecret};
//!
//! let mut acme = Organisation::new("acme", "/v1/mist");
//! acme.secrets.push(SigningSecret::new(b"example-secret")?);
//! acme.allowlist = CloudTable::bundled().allowlist(Cloud::Global01);
//! let gate = Gate::new(vec![acme], 1024 * 1024)?;
//!
//! let (head, ()) = http::Request::post("/v1/mist")
//!     .header("X-Mist-Signature-v2", "e69a3d3b96db03af09fe5cb1bd3ddb4b43f0dcbf1e4dcd3db1fa5b6a0be5a7a4")
//!     .body(())?
//!     .into_parts();
//! let screened = gate.screen("54.193.71.17".parse()?, &head)?;
//! let refusal = gate.admit(screened, Bytes::from_static(b"{}"), Timestamp::now()).unwrap_err();
//! assert_eq!(refusal.status(), http::StatusCode::UNAUTHORIZED);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod allowlist;
mod clouds;
mod forwarded;
mod gate;
mod message;
mod proxy_header;
mod signature;
mod topic;

pub use allowlist::Allowlist;
pub use clouds::{CloudTable, TableError};
pub use forwarded::FORWARDED_FOR;
pub use gate::{Admitted, ConflictingLength, Gate, GateError, Organisation, Refusal, Screened, Unlisted};
pub use message::{Message, MessageError};
pub use proxy_header::{ProxyError, ProxyHeader};
pub use signature::{EmptySecret, Signature, SigningSecret, V1_HEADER, V2_HEADER};
pub use topic::Topic;
