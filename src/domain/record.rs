//! The local record: what a producer's system hands in.
//!
//! One JSON object; its schema is `schemas/local-record.schema.json`, generated from these types. Take records from
//! [`super::validate::Checker`]: deserialising alone checks each value, not how they fit together.

use std::str::FromStr;

use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Map, Value};

use super::code::{CodeValue, Language};
use super::finding::{Flaw, redacted_debug, shape, text_value};
use super::oid::Oid;
use super::organisation::{Organisation, Unit};
use super::person::{Client, Worker};
use super::text::Text;
use super::time::{Day, Instant};

/// A record about one client or, in a joint case, several, in one of the national document structures.
#[derive(Clone, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct LocalRecord {
    /// OID of the Sosmeta structure that `content` follows, for example `1.2.246.537.6.1506.19007.2022.1.10`.
    pub structure: Oid,
    /// Language of the content.
    pub language: Language,
    /// Clients: one, or all of a joint case.
    #[schemars(length(min = 1, max = 50))]
    pub clients: Vec<Client>,
    /// The service organiser (palvelunjärjestäjä, tjänsteanordnare): owner of the register that this belongs in.
    pub organiser: Organisation,
    /// The service unit that the record was made in.
    pub unit: Unit,
    /// Who wrote the record.
    pub author: Worker,
    /// In whose name it is sent.
    pub acting_worker: Worker,
    /// What ties the acting worker to the client.
    pub professional_link: ProfessionalLink,
    /// How the organiser buys the service.
    pub purchase: PurchaseKind,
    /// Service task (palvelutehtävä, 1.2.246.537.6.1221); required but for relationship documents.
    #[serde(default)]
    pub service_task: Option<CodeValue>,
    /// Service process (palveluprosessi, 1.2.246.537.6.1277); required for client documents.
    #[serde(default)]
    pub service_process: Option<CodeValue>,
    /// The organiser's case: its OID, `find` to have it looked for, or `none` on a relationship document.
    pub case: CaseReference,
    /// Version OID of the service decision whose case it is; narrows `find`.
    #[serde(default)]
    pub decision: Option<Oid>,
    /// When the record was drawn up.
    pub drawn_up: Instant,
    /// The day of the event that it tells of.
    #[serde(default)]
    pub event_day: Option<Day>,
    /// Total retention period class (kokonaissäilytysaika, 1.2.246.537.6.1258).
    pub retention_class: CodeValue,
    /// Whether it holds special content (erityissisältö).
    pub special_content: bool,
    /// Whether the guardians of a minor client may be given the document; where every client is of age, absent.
    #[serde(default)]
    pub guardian_disclosure: Option<GuardianDisclosure>,
    /// Why the document is shown to the client later or not at all (näyttämisen rajaamisen peruste, 1.2.246.537.6.1288).
    #[serde(default)]
    pub withheld_from_client: Option<CodeValue>,
    /// The content in the structure's own names: one root key.
    pub content: Map<String, Value>,
    /// The document that this one replaces.
    #[serde(default)]
    pub replaces: Option<Replaces>,
}

redacted_debug!(LocalRecord);

/// What a minor client wants told to the guardians (huoltajat, vårdnadshavare), and on what ground.
#[derive(Clone, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct GuardianDisclosure {
    /// Whether it may be disclosed (1.2.246.537.6.1286); `1`: it may, the minor does not deny it.
    pub decision: CodeValue,
    /// The grounds of the minor's request that it is not disclosed.
    #[serde(default)]
    #[schemars(inner(length(min = 1, max = 2000)))]
    pub grounds: Option<String>,
}

redacted_debug!(GuardianDisclosure);

/// How the organiser buys the service, or that nobody buys it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[schemars(inline)]
pub enum PurchaseKind {
    /// Ostopalvelu, köptjänst.
    PurchasedService,
    /// Palveluseteli, servicesedel.
    ServiceVoucher,
    /// Maksusitoumus, betalningsförbindelse.
    PaymentCommitment,
    /// The client pays: belongs in the producer's own register, never in the organiser's.
    SelfPay,
    /// The organiser's own work in its own register.
    OwnService,
}

/// What ties a worker to a client (asiayhteys, sakligt samband), so that it can be verified afterwards.
#[derive(Clone, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ProfessionalLink {
    /// What kind of tie it is.
    pub kind: LinkKind,
    /// Where the producer's system keeps the tie: the id of an assignment, shift or visit. No personal data.
    #[schemars(length(min = 1, max = 200))]
    pub reference: String,
    /// When the tie holds.
    pub period: LinkPeriod,
    /// Which system or role says so.
    #[schemars(length(min = 1, max = 200))]
    pub asserted_by: String,
}

redacted_debug!(ProfessionalLink);

/// Kinds of tie between worker and client (a list of ours; the regulation's is not public).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[schemars(inline)]
pub enum LinkKind {
    /// The worker is responsible for the client.
    ResponsibleWorker,
    /// The worker is assigned to the client.
    Assignment,
    /// A booked visit or meeting.
    Appointment,
    /// A shift in the unit that cares for the client.
    Shift,
    /// The worker decides in the client's case.
    CaseHandling,
}

/// Days on which a tie holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(inline)]
pub struct LinkPeriod {
    /// First day.
    pub start: Day,
    /// Last day; absent while it goes on.
    #[serde(default)]
    pub end: Option<Day>,
}

/// Which case a record belongs to, as far as the caller knows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CaseReference {
    /// This one.
    Known(Oid),
    /// It is to be found in the organiser's register, from `decision` where that is given.
    Find,
    /// None: a relationship document has no case.
    None,
}

text_value!(
    CaseReference,
    "case-reference",
    "OID of the organiser's case, `find`, or `none` on a relationship document"
);

impl FromStr for CaseReference {
    type Err = Flaw;

    fn from_str(text: &str) -> Result<Self, Flaw> {
        match text {
            "find" => Ok(Self::Find),
            "none" => Ok(Self::None),
            _ => text.parse().map(Self::Known).map_err(|_: Flaw| Flaw {
                code: "value.case_reference",
                found: shape(text),
                expected: Text::fixed(
                    "asiatunnus (OID), find tai none",
                    "ärendekod (OID), find eller none",
                    "a case OID, find or none",
                ),
                source: "HL7 CDA R2, encompassingEncounter/id",
            }),
        }
    }
}

/// The version that a record replaces.
#[derive(Clone, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Replaces {
    /// Version OID of the replaced document.
    pub document: Oid,
    /// OID of the original document (`setId`).
    pub set: Oid,
    /// Version number of the replaced document, from 1.
    #[schemars(range(min = 1, max = 9999))]
    pub version: u32,
    /// Why, in words.
    #[schemars(length(min = 1, max = 500))]
    pub reason: String,
}

redacted_debug!(Replaces);
