//! `[[organisations]]` and `[[tokens]]`: the producers served, who calls for them, and what a caller may do.
//!
//! How a producer stands to the archive is [`super::parties`]'s.

use std::collections::BTreeSet;

use serde::Deserialize;

use super::{Config, ConfigError, PartyConfig, wrong};
use crate::domain::oid::Oid;
use crate::sidecar::vault::parse_hex;

/// A producer.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ServedOrganisation {
    /// Its OID in the SOTE organisation register.
    pub oid: Oid,
    /// The node that its document ids stand below: `1.2.246.10.<business id>`.
    pub document_node: Oid,
    /// How it stands to the archive.
    #[serde(default)]
    pub party: PartyConfig,
}

/// What a caller may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Operation {
    /// Submit and validate records.
    Submit,
    /// Follow submissions.
    Read,
    /// Search the organiser's register.
    Search,
    /// Take a submission back while nothing has left.
    Withdraw,
    /// Invalidate documents.
    Invalidate,
    /// Look at the outbox as its operator, let parked submissions go on, give submissions up.
    Operate,
}

/// A caller.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Token {
    /// Name in the use log.
    pub name: String,
    /// SHA-256 of the bearer token, 64 hexadecimal digits. The token must be random, at least 128 bits.
    pub sha256: String,
    /// The producer that it belongs to.
    pub organisation: Oid,
    /// The units that it speaks for.
    pub units: Vec<Oid>,
    /// What it may do.
    pub operations: Vec<Operation>,
}

impl Config {
    pub(super) fn check_tokens(&self) -> Result<(), ConfigError> {
        let (mut names, mut digests) = (BTreeSet::new(), BTreeSet::new());
        for (at, token) in self.tokens.iter().enumerate() {
            let key = |field: &str| format!("tokens[{at}].{field}");
            if token.name.is_empty() || token.name.len() > 100 || !names.insert(token.name.as_str()) {
                return Err(wrong(key("name"), "empty, longer than 100 bytes or used twice"));
            }
            let digest =
                parse_hex(&token.sha256).ok_or_else(|| wrong(key("sha256"), "expected 64 hexadecimal digits"))?;
            if !digests.insert(digest) {
                return Err(wrong(key("sha256"), "another token has the same digest"));
            }
            if !self.organisations.iter().any(|o| o.oid == token.organisation) {
                return Err(wrong(key("organisation"), "not one of [[organisations]]"));
            }
            if token.units.is_empty() || token.operations.is_empty() {
                return Err(wrong(key("units"), "a token needs at least one unit and one operation"));
            }
        }
        Ok(())
    }
}
