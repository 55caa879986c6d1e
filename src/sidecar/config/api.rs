//! `[listen]` and `[limits]`: where the local API listens, and its bounds.

use std::net::{IpAddr, SocketAddr};

use serde::Deserialize;

use super::{ConfigError, between, wrong};

/// Where the local API listens.
#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Listen {
    /// Address and port; port 0 takes a free one.
    pub address: SocketAddr,
    /// Allows an address that others than this machine can reach. The API has no TLS of its own.
    pub dangerous_listen_beyond_loopback: bool,
}

impl Default for Listen {
    fn default() -> Self {
        Self { address: SocketAddr::new(IpAddr::from([127, 0, 0, 1]), 8640), dangerous_listen_beyond_loopback: false }
    }
}

impl Listen {
    pub(super) fn check(&self) -> Result<(), ConfigError> {
        if !self.address.ip().is_loopback() && !self.dangerous_listen_beyond_loopback {
            let text = "not a loopback address; the API has no TLS of its own. Set \
                        listen.dangerous_listen_beyond_loopback = true where something else protects it";
            return Err(wrong("listen.address", text));
        }
        Ok(())
    }
}

/// Bounds of the local API.
#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Limits {
    /// Largest request body.
    pub body_bytes_max: usize,
    /// Room for the bodies of all requests together; a request that does not fit gets 503.
    pub bodies_bytes_max: usize,
    /// Bytes of fetched documents in one answer of a search.
    pub answer_content_bytes_max: usize,
    /// Longest time a request may take, in seconds.
    pub request_timeout_s: u64,
    /// Requests served at the same time; more get 503.
    pub concurrent_requests_max: usize,
    /// Longest time that stopping may take, in seconds.
    pub drain_timeout_s: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            body_bytes_max: 10 << 20,
            bodies_bytes_max: 64 << 20,
            answer_content_bytes_max: 16 << 20,
            request_timeout_s: 30,
            concurrent_requests_max: 128,
            drain_timeout_s: 60,
        }
    }
}

impl Limits {
    pub(super) fn check(&self) -> Result<(), ConfigError> {
        between("limits.concurrent_requests_max", self.concurrent_requests_max, 1, 10_000)?;
        between("limits.body_bytes_max", self.body_bytes_max, 1024, 100 << 20)?;
        between("limits.bodies_bytes_max", self.bodies_bytes_max, self.body_bytes_max, 1 << 32)?;
        between("limits.request_timeout_s", self.request_timeout_s, 1, 600)?;
        between("limits.drain_timeout_s", self.drain_timeout_s, 1, 3600)?;
        Ok(())
    }
}
