//! What speaks for a case, or against it, in words.

use jiff::civil::Date;

use crate::domain::oid::Oid;
use crate::domain::text::Text;
use crate::domain::time::PartialDate;

/// One reason. Names codes, days and OIDs, nothing of any person.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Why {
    /// The record names a decision of this case.
    NamedByDecision {
        /// Its newest version.
        decision: Oid,
    },
    /// The case is in the record's service task.
    TaskAgrees {
        /// Code of 1.2.246.537.6.1221.
        task: String,
    },
    /// The case is open.
    Open,
    /// The record's service was granted in this case for the record's day.
    ServiceDecided {
        /// The decision.
        decision: Oid,
        /// Code of 1.2.246.537.6.1222.
        service: String,
        /// The record's day.
        day: Date,
    },
    /// A service was granted in this case for the record's day; the record names none.
    DecisionInForce {
        /// The decision.
        decision: Oid,
        /// The record's day.
        day: Date,
    },
    /// No other case is left.
    OnlyOneLeft,
    /// Its document does not hold.
    NotVerified {
        /// What is wrong with it.
        why: Text,
    },
    /// Against: the record names a decision of another case.
    OtherCaseThanDecisions {
        /// Its newest version.
        decision: Oid,
    },
    /// Against: the record names a decision that leads to no case.
    DecisionNamesNoCase,
    /// Against: closed.
    Closed {
        /// When, where it is known.
        on: Option<PartialDate>,
    },
    /// Against: another service task.
    OtherTask {
        /// The case's.
        found: String,
    },
    /// Against: opened after the record's day.
    OpenedLater {
        /// Opening day.
        opened: PartialDate,
        /// The record's day.
        day: Date,
    },
    /// Against: the record's service is granted in another case, not in this one.
    ServiceNotDecided {
        /// Code of 1.2.246.537.6.1222.
        service: String,
        /// The record's day.
        day: Date,
    },
    /// Against: a decision is in force in another case, none in this one.
    NoDecisionInForce {
        /// The record's day.
        day: Date,
    },
}

impl Why {
    /// Stable name, for programs.
    pub fn code(&self) -> &'static str {
        match self {
            Self::NamedByDecision { .. } => "named_by_decision",
            Self::TaskAgrees { .. } => "task_agrees",
            Self::Open => "open",
            Self::ServiceDecided { .. } => "service_decided",
            Self::DecisionInForce { .. } => "decision_in_force",
            Self::OnlyOneLeft => "only_one_left",
            Self::NotVerified { .. } => "not_verified",
            Self::OtherCaseThanDecisions { .. } => "other_case_than_decisions",
            Self::DecisionNamesNoCase => "decision_names_no_case",
            Self::Closed { .. } => "closed",
            Self::OtherTask { .. } => "other_task",
            Self::OpenedLater { .. } => "opened_later",
            Self::ServiceNotDecided { .. } => "service_not_decided",
            Self::NoDecisionInForce { .. } => "no_decision_in_force",
        }
    }

    /// The reason as a sentence.
    pub fn text(&self) -> Text {
        match self {
            Self::NamedByDecision { decision } => Text::made(
                format!("kirjauksen nimeämä päätös {decision} on tässä asiassa"),
                format!("beslutet {decision} som anteckningen anger hör till detta ärende"),
                format!("the decision {decision} that the record names is in this case"),
            ),
            Self::TaskAgrees { task } => Text::made(
                format!("asian palvelutehtävä on kirjauksen {task}"),
                format!("ärendets serviceuppgift är anteckningens {task}"),
                format!("the case is in the record's service task {task}"),
            ),
            Self::Open => Text::fixed("asia on avoin", "ärendet är öppet", "the case is open"),
            Self::ServiceDecided { decision, service, day } => Text::made(
                format!("päätöksellä {decision} on asiassa myönnetty palvelu {service}, voimassa {day}"),
                format!("med beslutet {decision} har i ärendet beviljats servicen {service}, i kraft {day}"),
                format!("the decision {decision} grants the service {service} in this case, in force on {day}"),
            ),
            Self::DecisionInForce { decision, day } => Text::made(
                format!("asian päätös {decision} on voimassa {day}"),
                format!("ärendets beslut {decision} är i kraft {day}"),
                format!("the case's decision {decision} is in force on {day}"),
            ),
            Self::OnlyOneLeft => Text::fixed(
                "muita sopivia asioita ei ole",
                "det finns inga andra ärenden som passar",
                "no other case fits",
            ),
            Self::NotVerified { why } => Text::made(
                format!("asia-asiakirjaan ei voi luottaa: {}", why.fi),
                format!("ärendehandlingen kan inte litas på: {}", why.sv),
                format!("the case document cannot be relied on: {}", why.en),
            ),
            _ => self.against(),
        }
    }

    fn against(&self) -> Text {
        match self {
            Self::OtherCaseThanDecisions { decision } => Text::made(
                format!("kirjauksen nimeämä päätös {decision} on toisessa asiassa"),
                format!("beslutet {decision} som anteckningen anger hör till ett annat ärende"),
                format!("the decision {decision} that the record names is in another case"),
            ),
            Self::Closed { on: Some(on) } => Text::made(
                format!("asia on päätetty {on}"),
                format!("ärendet avslutades {on}"),
                format!("the case was closed on {on}"),
            ),
            Self::Closed { on: None } => Text::fixed("asia on päätetty", "ärendet är avslutat", "the case is closed"),
            Self::OtherTask { found } => Text::made(
                format!("asian palvelutehtävä on toinen: {found}"),
                format!("ärendets serviceuppgift är en annan: {found}"),
                format!("the case is in another service task: {found}"),
            ),
            Self::OpenedLater { opened, day } => Text::made(
                format!("asia on avattu {opened}, kirjauksen päivän {day} jälkeen"),
                format!("ärendet öppnades {opened}, efter anteckningens dag {day}"),
                format!("the case was opened on {opened}, after the record's day {day}"),
            ),
            Self::ServiceNotDecided { service, day } => Text::made(
                format!("palvelua {service} ei ole tässä asiassa myönnetty päivälle {day}, toisessa on"),
                format!("servicen {service} har inte beviljats i detta ärende för {day}, men i ett annat"),
                format!("the service {service} is not granted in this case for {day}, but in another"),
            ),
            Self::NoDecisionInForce { day } => Text::made(
                format!("asiassa ei ole päätöstä, joka olisi voimassa {day}; toisessa on"),
                format!("ärendet har inget beslut som är i kraft {day}, men ett annat har"),
                format!("the case has no decision in force on {day}, but another has"),
            ),
            _ => Text::fixed(
                "kirjauksen nimeämä päätös ei johda asiaan",
                "beslutet som anteckningen anger leder inte till något ärende",
                "the decision that the record names leads to no case",
            ),
        }
    }
}
