//! The local service: takes records over HTTP, keeps them durably, and brings them to the archive.
//!
//! Decides nothing about records or rights: it asks [`crate::domain`] and obeys. Knows the archive only through
//! [`ports::Archive`]; SQL stays in [`store`], HTTP in [`api`].

pub mod api;
pub mod app;
pub mod assembly;
pub mod audit;
pub mod config;
mod find_case;
mod handover;
pub mod line;
pub mod operator;
pub mod pipeline;
pub mod ports;
pub mod retention;
pub mod sealing;
pub mod store;
pub mod structure_files;
pub mod telemetry;
pub mod vault;
pub mod worker;
