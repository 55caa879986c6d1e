//! Which archive is worked with.

/// The environment decides whose data may be handled.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Environment {
    /// Artificial persons only: any other identity code is refused, as the archive's test environment does.
    Test,
    /// Real clients.
    Production,
}
