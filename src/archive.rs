//! The archive client: keys, transport, submit and query.
//!
//! Knows nothing of the sidecar, SQL or the local API. Encoding and decisions are the domain's.

pub mod client;
pub mod keys;
pub mod tls;
pub mod transport;
