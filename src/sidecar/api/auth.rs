//! Who calls: bearer tokens, known by their SHA-256, compared in constant time.

use std::sync::Arc;

use aws_lc_rs::digest::{SHA256, digest};
use axum::http::{HeaderMap, header};
use subtle::{Choice, ConditionallySelectable, ConstantTimeEq};

use super::problem::{self, Problem};
use crate::domain::oid::Oid;
use crate::sidecar::config::{Operation, Token};
use crate::sidecar::store::{Actor, Scope};
use crate::sidecar::vault::parse_hex;

const TOKEN_BYTES_MAX: usize = 512;

/// The callers of the configuration.
pub struct Tokens(Vec<([u8; 32], Arc<Caller>)>);

/// A caller that has shown its token.
pub(super) struct Caller {
    name: String,
    pub(super) organisation: Oid,
    units: Vec<Oid>,
    operations: Vec<Operation>,
}

impl Tokens {
    /// The callers; tokens whose digest is not one are left out, which the configuration has refused before.
    pub fn new(tokens: &[Token]) -> Self {
        let known = tokens.iter().filter_map(|token| {
            let caller = Caller {
                name: token.name.clone(),
                organisation: token.organisation.clone(),
                units: token.units.clone(),
                operations: token.operations.clone(),
            };
            Some((parse_hex(&token.sha256)?, Arc::new(caller)))
        });
        Self(known.collect())
    }

    /// The caller of a request, if it may do this.
    pub(super) fn caller(&self, headers: &HeaderMap, operation: Operation) -> Result<Arc<Caller>, Problem> {
        let caller = self.known(headers)?;
        if caller.operations.contains(&operation) { Ok(caller) } else { Err(problem::not_allowed()) }
    }

    /// The caller of a request.
    pub(super) fn known(&self, headers: &HeaderMap) -> Result<Arc<Caller>, Problem> {
        let shown = digest(&SHA256, bearer(headers).ok_or_else(problem::no_token)?);
        // Every token is compared, whole, whichever fits: time tells nothing of which or how nearly.
        let (mut found, mut at) = (Choice::from(0), 0u32);
        for (index, (known, _)) in (0u32..).zip(&self.0) {
            let same = known.ct_eq(shown.as_ref());
            at.conditional_assign(&index, same);
            found |= same;
        }
        let index = usize::try_from(at).ok().filter(|_| bool::from(found)).ok_or_else(problem::no_token)?;
        self.0.get(index).map(|(_, caller)| Arc::clone(caller)).ok_or_else(problem::no_token)
    }
}

fn bearer(headers: &HeaderMap) -> Option<&[u8]> {
    let (scheme, token) = headers.get(header::AUTHORIZATION)?.as_bytes().split_at_checked(7)?;
    let fits = scheme.eq_ignore_ascii_case(b"bearer ") && (1..=TOKEN_BYTES_MAX).contains(&token.len());
    fits.then_some(token)
}

impl Caller {
    /// What it may see.
    pub(super) fn scope(&self) -> Scope {
        Scope { organisation: self.organisation.clone(), units: self.units.clone() }
    }

    /// An idempotency key in the scope of this token. The name's length keeps two pairs from running together.
    pub(super) fn own_key(&self, key: &str) -> String {
        format!("{}:{}:{key}", self.name.len(), self.name)
    }

    /// Its name.
    pub(super) fn name(&self) -> &str {
        &self.name
    }

    /// Its name for the use log.
    pub(super) fn actor(&self, instance: &str) -> Actor {
        Actor { name: self.name.clone(), instance: instance.to_owned() }
    }

    /// Whether it speaks for a unit.
    pub(super) fn speaks_for(&self, unit: &Oid) -> Result<(), Problem> {
        if self.units.contains(unit) { Ok(()) } else { Err(problem::not_its_unit()) }
    }
}
