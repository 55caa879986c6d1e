//! A stand-in for the Finnish Client Data Archive, for anyone's tests: mutual TLS, the store and query interactions,
//! the archive's rules, a ledger of every arrival, and faults on request.
//!
//! Written from `docs/wire.md` and public sources alone; it imports nothing of `asiasilta`, so the two do not share a
//! misreading. What is verified about the real archive and what is not stands in that page.

pub mod certs;
pub mod server;

mod answers;
mod archive;
mod clock;
mod faults;
mod finding;
mod hl7_time;
mod intake;
mod joining;
mod ledger;
mod oid;
#[cfg(test)]
mod outside;
mod person;
mod registers;
mod roles;
mod rules;
#[cfg(test)]
mod samples;
mod schemas;
mod signature;
mod storage;
mod structures;
mod xml;

pub use answers::AckCode;
pub use archive::{Acceptance, Archive, Reply};
pub use clock::Clock;
pub use faults::{
    CATALOGUE, Chance, Fault, FaultRow, Faults, Happened, HoldAt, MessageKind, Script, ScriptError, Step, Throttle,
    TlsFault, TooManyFaults,
};
pub use finding::{DetailCode, Finding, Rule, Weight};
pub use intake::soap::HttpMessage;
pub use joining::{NotAStanding, Phase, Standing};
pub use ledger::{ArrivalKind, Entry, Ledger, LedgerBreach, Verdict};
pub use oid::{NotAnOid, Oid};
pub use roles::RolesError;
pub use server::{MockArchive, MockArchiveBuilder, StartError, VerifyError};
pub use storage::StorageError;
pub use structures::StructuresError;

// The README's example is compiled, so that it stays true.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
