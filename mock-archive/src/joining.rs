//! Which organisations have joined the archive, and in which phase (docs/wire.md §8). State only; `rules/access.rs` judges.

use std::collections::{BTreeMap, HashMap};
use std::fmt;
use std::str::FromStr;

use crate::oid::Oid;

/// The phase of an organisation that has joined (kanta.fi, 2020).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Phase {
    /// Phase 1: no register access right, in either role.
    One,
    /// Phase 1 with the register access right as a partial implementation: as a producer only.
    OneWithRegisterAccess,
    /// Phase 2: both roles.
    #[default]
    Two,
}

/// Has an organisation joined?
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    /// It has not.
    NotJoined,
    /// It has, in this phase.
    Joined(Phase),
}

impl Default for Standing {
    /// Joined, phase 2.
    fn default() -> Self {
        Self::Joined(Phase::Two)
    }
}

/// The word of the program's switch, the control calls and the journal.
impl fmt::Display for Standing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NotJoined => "not-joined",
            Self::Joined(Phase::One) => "1",
            Self::Joined(Phase::OneWithRegisterAccess) => "1+access",
            Self::Joined(Phase::Two) => "2",
        })
    }
}

/// The text is none of those words.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("expected not-joined, 1, 1+access or 2")]
pub struct NotAStanding;

impl FromStr for Standing {
    type Err = NotAStanding;

    fn from_str(text: &str) -> Result<Self, NotAStanding> {
        match text {
            "not-joined" => Ok(Self::NotJoined),
            "1" => Ok(Self::Joined(Phase::One)),
            "1+access" => Ok(Self::Joined(Phase::OneWithRegisterAccess)),
            "2" => Ok(Self::Joined(Phase::Two)),
            _ => Err(NotAStanding),
        }
    }
}

/// The standings that are not the default one.
#[derive(Clone, Debug, Default)]
pub(crate) struct Standings(HashMap<Oid, Standing>);

impl Standings {
    pub(crate) fn set(&mut self, organisation: Oid, standing: Standing) {
        self.0.insert(organisation, standing);
    }

    /// Those that were set, by organisation.
    pub(crate) fn all(&self) -> BTreeMap<Oid, Standing> {
        self.0.iter().map(|(organisation, standing)| (organisation.clone(), *standing)).collect()
    }

    pub(crate) fn of(&self, organisation: &Oid) -> Standing {
        self.0.get(organisation).copied().unwrap_or_default()
    }

    pub(crate) fn has_joined(&self, organisation: &Oid) -> bool {
        self.of(organisation) != Standing::NotJoined
    }

    /// May the register of this organiser be worked in under a register access right?
    pub(crate) fn opens_its_register(&self, organiser: &Oid) -> bool {
        self.of(organiser) == Standing::Joined(Phase::Two)
    }

    /// May this producer work under a register access right?
    pub(crate) fn works_in_registers(&self, producer: &Oid) -> bool {
        matches!(self.of(producer), Standing::Joined(Phase::Two | Phase::OneWithRegisterAccess))
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a failed parse is a failed test")]
mod tests {
    use super::*;

    #[test]
    fn the_phase_matrix_is_kantas() {
        let (organiser, producer) = (Oid::parse("1.2.1").unwrap(), Oid::parse("1.2.2").unwrap());
        let works = |of_organiser: &str, of_producer: &str| {
            let mut standings = Standings::default();
            standings.set(organiser.clone(), of_organiser.parse().unwrap());
            standings.set(producer.clone(), of_producer.parse().unwrap());
            standings.opens_its_register(&organiser) && standings.works_in_registers(&producer)
        };
        let all = ["not-joined", "1", "1+access", "2"];
        let pairs = all.into_iter().flat_map(|organiser| all.map(|producer| (organiser, producer)));
        let working: Vec<_> = pairs.filter(|(organiser, producer)| works(organiser, producer)).collect();
        assert_eq!(working, [("2", "1+access"), ("2", "2")]);
        assert!(Standings::default().opens_its_register(&organiser));
        assert_eq!("3".parse::<Standing>(), Err(NotAStanding));
        assert_eq!(all.map(|word| word.parse::<Standing>().unwrap().to_string()), all);
    }
}
