//! How organisers and producers stand to the archive, as the operator states it: the archive's messages do not tell.
//!
//! What is left out is not stated, which is another thing than not so; see the option `unstated` of the access profile.

use std::path::PathBuf;

use jiff::civil::Date;
use serde::Deserialize;

use super::{Config, ConfigError, ServedOrganisation, wrong};
use crate::domain::access::{Agreement, Joining, Parties, Party, Phase, PhaseChange};
use crate::domain::oid::Oid;
use crate::domain::time::Day;

/// The access profile on top of the built-in one.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct AccessConfig {
    /// Options and role table that the operator sets; the shape of `profiles/access/default.toml`.
    pub profile: Option<PathBuf>,
}

/// Since when a party has joined, or whether.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(untagged)]
pub enum Joined {
    /// `true` or `false`.
    Whether(bool),
    /// `"2026-09-01"`: from that day.
    From(Day),
}

/// How a party stands to the archive.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct PartyConfig {
    /// Whether it has joined.
    pub joined: Option<Joined>,
    /// 1 or 2.
    pub phase: Option<u8>,
    /// First day of phase 2, for a party that is in phase 1.
    pub phase_2_from: Option<Day>,
    /// Whether it uses the register access right: in phase 1 as a partial implementation (left out: it does not), in phase 2
    /// as part of it (left out: it does).
    pub register_access: Option<bool>,
}

/// An organiser that records go to.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OrganiserConfig {
    /// Its OID, as records name it.
    pub oid: Oid,
    /// How it stands to the archive.
    #[serde(default)]
    pub party: PartyConfig,
    /// Agreements with the producers served: left out not stated, empty none.
    #[serde(default)]
    pub agreements: Option<Vec<AgreementConfig>>,
    /// The other way to it, for what the archive is no option for.
    #[serde(default)]
    pub hand_over: Option<HandOverConfig>,
}

/// The channel that producer and organiser have agreed on for what cannot be archived.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct HandOverConfig {
    /// File with the organiser's age recipients, one `age1…` a line.
    pub recipients: PathBuf,
    /// Whether what cannot be archived, and no day is known from which it can, goes this way by itself. Else an operator decides.
    #[serde(default)]
    pub automatic: bool,
}

/// A written agreement with a producer.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AgreementConfig {
    /// The producer, one of `[[organisations]]`.
    pub organisation: Oid,
    /// First day.
    #[serde(default)]
    pub from: Option<Day>,
    /// Last day; left out while it goes on.
    #[serde(default)]
    pub to: Option<Day>,
}

impl PartyConfig {
    fn party(&self) -> Party {
        let joining = match self.joined {
            None => Joining::NotStated,
            Some(Joined::Whether(false)) => Joining::NotJoined,
            Some(Joined::Whether(true)) => Joining::From(Date::MIN),
            Some(Joined::From(day)) => Joining::From(day.date()),
        };
        let second = if self.register_access == Some(false) { Phase::Phase2Without } else { Phase::Phase2 };
        let phase = match (self.phase, self.register_access) {
            (None, _) => Phase::NotStated,
            (Some(1), Some(true)) => Phase::Phase1Partial,
            (Some(1), _) => Phase::Phase1,
            (Some(_), _) => second,
        };
        let change = self.phase_2_from.map(|day| PhaseChange { on: day.date(), to: Phase::Phase2 });
        Party { joining, phase, change }
    }

    fn check(&self, key: &str) -> Result<(), ConfigError> {
        match self.phase {
            Some(phase) if !(1..=2).contains(&phase) => {
                Err(wrong(format!("{key}.phase"), format!("is {phase}, expected 1 or 2")))
            }
            Some(2) if self.phase_2_from.is_some() => {
                Err(wrong(format!("{key}.phase_2_from"), "the party is in phase 2 already"))
            }
            _ => Ok(()),
        }
    }
}

/// Everyone who is stated, for decisions.
#[derive(Debug, Clone, Default)]
pub struct PartyBook {
    organisers: Vec<OrganiserConfig>,
    producers: Vec<ServedOrganisation>,
}

impl PartyBook {
    /// A book of these.
    pub fn new(organisers: Vec<OrganiserConfig>, producers: Vec<ServedOrganisation>) -> Self {
        Self { organisers, producers }
    }

    /// Whether what cannot be archived goes to this organiser another way by itself.
    pub fn hands_over_by_itself(&self, organiser: &Oid) -> bool {
        let known = self.organisers.iter().find(|o| o.oid == *organiser);
        known.and_then(|o| o.hand_over.as_ref()).is_some_and(|way| way.automatic)
    }

    /// How these two stand to the archive and to each other.
    pub fn parties(&self, organiser: &Oid, producer: &Oid) -> Parties {
        let known = self.organisers.iter().find(|o| o.oid == *organiser);
        let served = self.producers.iter().find(|p| p.oid == *producer);
        Parties {
            organiser: known.map(|o| o.party.party()).unwrap_or_default(),
            producer: served.map(|p| p.party.party()).unwrap_or_default(),
            agreement: known.map(|o| o.agreement(producer)).unwrap_or_default(),
        }
    }
}

impl OrganiserConfig {
    fn agreement(&self, producer: &Oid) -> Agreement {
        let Some(agreements) = &self.agreements else { return Agreement::NotStated };
        let found = agreements.iter().find(|agreement| agreement.organisation == *producer);
        found.map_or(Agreement::None, |a| Agreement::Period { from: a.from.map(Day::date), to: a.to.map(Day::date) })
    }
}

impl Config {
    /// How organisers and producers stand.
    pub fn party_book(&self) -> PartyBook {
        PartyBook::new(self.organisers.clone(), self.organisations.clone())
    }

    pub(super) fn check_parties(&self) -> Result<(), ConfigError> {
        for (at, organisation) in self.organisations.iter().enumerate() {
            organisation.party.check(&format!("organisations[{at}].party"))?;
        }
        for (at, organiser) in self.organisers.iter().enumerate() {
            let key = |field: &str| format!("organisers[{at}].{field}");
            organiser.party.check(&key("party"))?;
            if self.organisers.iter().take(at).any(|before| before.oid == organiser.oid) {
                return Err(wrong(key("oid"), "another of [[organisers]] has the same OID"));
            }
            let agreements = organiser.agreements.iter().flatten();
            for (index, agreement) in agreements.enumerate() {
                let key = |field: &str| key(&format!("agreements[{index}].{field}"));
                if !self.organisations.iter().any(|o| o.oid == agreement.organisation) {
                    return Err(wrong(key("organisation"), "not one of [[organisations]]"));
                }
                if agreement.from.zip(agreement.to).is_some_and(|(from, to)| from > to) {
                    return Err(wrong(key("to"), "is before the first day"));
                }
            }
        }
        Ok(())
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::super::tests::{complete, read};
    use super::*;

    const ORGANISER: &str = "1.2.246.10.99999991.10.0";
    const PRODUCER: &str = "1.2.246.10.99999992.10.0";

    fn with(organiser: &str, producer: &str) -> String {
        let text = complete().replacen(
            "document_node = \"1.2.246.10.99999992\"",
            &format!("document_node = \"1.2.246.10.99999992\"\n{producer}"),
            1,
        );
        format!("{text}\n[[organisers]]\noid = \"{ORGANISER}\"\n{organiser}")
    }

    fn parties(organiser: &str, producer: &str) -> Parties {
        let book = read(&with(organiser, producer)).unwrap().party_book();
        book.parties(&ORGANISER.parse().unwrap(), &PRODUCER.parse().unwrap())
    }

    #[test]
    fn what_is_left_out_is_not_stated() {
        assert_eq!(parties("", ""), Parties::default());
        let book = read(&complete()).unwrap().party_book();
        assert_eq!(book.parties(&ORGANISER.parse().unwrap(), &"1.2.3".parse().unwrap()), Parties::default());
    }

    #[test]
    fn what_is_stated_comes_into_decisions() {
        let organiser = format!(
            "party = {{ joined = \"2026-09-01\", phase = 1, phase_2_from = \"2026-10-01\" }}\n\
             agreements = [{{ organisation = \"{PRODUCER}\", from = \"2026-01-01\", to = \"2026-12-31\" }}]"
        );
        let found = parties(&organiser, "party = { joined = true, phase = 1, register_access = true }");
        let day = |text: &str| text.parse::<Date>().unwrap();
        assert_eq!(found.organiser.joining, Joining::From(day("2026-09-01")));
        assert_eq!(found.organiser.phase, Phase::Phase1);
        assert_eq!(found.organiser.change, Some(PhaseChange { on: day("2026-10-01"), to: Phase::Phase2 }));
        assert_eq!((found.producer.joining, found.producer.phase), (Joining::From(Date::MIN), Phase::Phase1Partial));
        let period = Agreement::Period { from: Some(day("2026-01-01")), to: Some(day("2026-12-31")) };
        assert_eq!(found.agreement, period);
        let other = parties("agreements = []", "party = { joined = false, phase = 2, register_access = false }");
        assert_eq!(other.agreement, Agreement::None);
        assert_eq!((other.producer.joining, other.producer.phase), (Joining::NotJoined, Phase::Phase2Without));
        assert_eq!(parties("party = { phase = 2 }", "").organiser.phase, Phase::Phase2);
    }

    #[test]
    fn what_cannot_be_is_named_by_its_key() {
        for (organiser, producer, key) in [
            ("party = { phase = 3 }", "", "organisers[0].party.phase"),
            ("", "party = { phase = 0 }", "organisations[0].party.phase"),
            ("party = { phase = 2, phase_2_from = \"2026-01-01\" }", "", "organisers[0].party.phase_2_from"),
            ("party = { joined = \"soon\" }", "", "joined"),
            ("agreements = [{ organisation = \"1.2.3\" }]", "", "organisers[0].agreements[0].organisation"),
            (
                "agreements = [{ organisation = \"1.2.246.10.99999992.10.0\", from = \"2026-02-01\", to = \"2026-01-01\" }]",
                "",
                "organisers[0].agreements[0].to",
            ),
            ("[[organisers]]\noid = \"1.2.246.10.99999991.10.0\"", "", "organisers[1].oid"),
        ] {
            let error = read(&with(organiser, producer)).unwrap_err().to_string();
            assert!(error.contains(key), "{key}: {error}");
        }
    }
}
