//! Which archive is worked with.

use serde::Deserialize;

/// The environment decides whose data may be handled.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Environment {
    /// Artificial persons only: any other identity code is refused, as the archive's test environment does.
    Test,
    /// Real clients.
    Production,
}
