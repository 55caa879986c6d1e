//! The wire profile: what an archive expects on the wire, as data, each value with how sure it is and where it is from.
//!
//! One built in (`profiles/archive/default.toml`, explained in `docs/wire.md`); an operator's file of the same shape goes on
//! top and turns what it sets into [`Certainty::Operator`]. Keys that the profile does not know, and values of another shape,
//! are refused. Knows nothing of files: texts are arguments. Called by `wire` for every message, and by whoever starts a
//! service, to refuse production while [`WireProfile::unset_placeholders`] is not empty.

mod setting;

use serde::Deserialize;

use super::oid::Oid;
use setting::Shown;
pub use setting::{
    Addressing, CasePlace, Certainty, Coded, DocumentPlace, EmptyAnswer, Setting, SettingInfo, SoapVersion, System,
};

const DEFAULT: &str = include_str!("../../profiles/archive/default.toml");

/// Declares the sections and the profile, and a walk over all settings that cannot forget one.
macro_rules! profile {
    ($($(#[$doc:meta])* $section:ident: $type:ident { $($(#[$field_doc:meta])* $field:ident: $value:ty,)+ })+) => {
        $(
            $(#[$doc])*
            #[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
            #[serde(deny_unknown_fields)]
            pub struct $type { $($(#[$field_doc])* pub $field: Setting<$value>,)+ }
        )+

        /// What an archive expects on the wire.
        #[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
        #[serde(deny_unknown_fields)]
        pub struct WireProfile { $($(#[$doc])* pub $section: $type,)+ }

        impl WireProfile {
            /// Every setting: its key, how sure it is, where it is from.
            pub fn settings(&self) -> Vec<SettingInfo<'_>> {
                vec![$($(SettingInfo {
                    key: concat!(stringify!($section), ".", stringify!($field)),
                    value: self.$section.$field.value.shown(),
                    certainty: self.$section.$field.certainty,
                    source: &self.$section.$field.source,
                },)+)+]
            }
        }
    };
}

profile! {
    /// How messages are carried.
    transport: Transport {
        /// SOAP version.
        soap_version: SoapVersion,
        /// WS-Addressing.
        addressing: Addressing,
        /// What stands before the interaction id in `SOAPAction`.
        soap_action_prefix: String,
        /// What an empty HTTP 200 means.
        empty_answer: EmptyAnswer,
        /// Where the document is.
        document_place: DocumentPlace,
    }
    /// Message parties.
    party: Party {
        /// The archive in the test environment.
        archive: Oid,
        /// The archive in production.
        archive_production: Oid,
    }
    /// Processing codes.
    processing: Processing {
        /// `processingCode` in the test environment.
        test: String,
        /// `processingCode` in production.
        production: String,
        /// `processingModeCode`.
        mode: String,
        /// `acceptAckCode` of a store or invalidate message.
        accept_ack_store: String,
        /// `acceptAckCode` of a query.
        accept_ack_query: String,
    }
    /// Interaction ids, which are also the messages' root elements.
    interaction: Interaction {
        /// Store a document.
        store: String,
        /// Invalidate a document.
        invalidate: String,
        /// The answer to both.
        acceptance: String,
        /// Find metadata.
        find: String,
        /// Its answer.
        find_answer: String,
        /// Fetch a document.
        fetch: String,
        /// Its answer.
        fetch_answer: String,
    }
    /// Trigger events (`controlActProcess/code`).
    trigger: Trigger {
        /// Store.
        store: String,
        /// Invalidate.
        invalidate: String,
        /// Find.
        find: String,
        /// Fetch.
        fetch: String,
    }
    /// Service requests (1.2.246.537.6.1503).
    service_request: ServiceRequests {
        /// Archive a relationship document.
        archive_relationship: Coded,
        /// Archive a client document.
        archive_client_document: Coded,
        /// Archive a case document.
        archive_case: Coded,
        /// Archive a new version of a document of any group.
        archive_new_version: Coded,
        /// Invalidate a document.
        invalidate: Coded,
        /// Fetch the relationship document.
        fetch_relationship: Coded,
        /// Fetch case documents.
        fetch_case: Coded,
        /// Fetch metadata.
        fetch_metadata: Coded,
        /// Fetch a document.
        fetch_document: Coded,
        /// Fetch the archive's summary of a client.
        fetch_summary: Coded,
    }
    /// Use situations (1.2.246.537.6.1289).
    use_situation: UseSituations {
        /// The sender's own register.
        own_register: Coded,
        /// Register access right.
        register_access: Coded,
    }
    /// Code systems.
    system: Systems {
        /// Service requests.
        service_request: System,
        /// Use situations.
        use_situation: System,
        /// Registers.
        register: System,
        /// Completion of a document.
        completion: System,
        /// Storage of a document.
        storage: System,
        /// Document groups.
        document_group: System,
        /// Document types.
        document_type: System,
        /// Service tasks.
        service_task: System,
        /// Service processes.
        service_process: System,
        /// Roles of acting workers.
        worker_role: System,
        /// Interaction ids.
        interaction: System,
        /// Trigger events.
        trigger: System,
    }
    /// Fixed values of the frame.
    frame: Frame {
        /// `priorityCode`.
        priority: String,
        /// `realmCode`.
        realm: String,
        /// `typeId@root`.
        document_type_root: Oid,
        /// `typeId@extension`.
        document_type_extension: String,
        /// The register that documents are of.
        register: Coded,
        /// `completionCode`.
        completion: Coded,
        /// `storageCode`.
        storage: Coded,
        /// Where the case stands.
        case_place: CasePlace,
    }
    /// Document types that searches name.
    document_type: DocumentTypes {
        /// Decisions, the general type.
        decision: Coded,
    }
    /// Detail codes of refusals.
    detail: Details {
        /// No right to the register.
        access_right: String,
        /// The message is not whole or contradicts itself.
        integrity: String,
        /// The document id is taken by other bytes.
        duplicate_id: String,
        /// Not a test person, in the test environment.
        not_test_person: String,
        /// The case is not known.
        unknown_case: String,
        /// The signature does not hold.
        signature: String,
        /// The content does not follow its structure.
        content: String,
        /// The version does not follow the one before.
        version: String,
        /// The archive has too much to do.
        overload: String,
        /// The document is not in the register.
        unknown_document: String,
        /// The case takes no more documents.
        case_closed: String,
        /// An organisation has not joined.
        not_joined: String,
        /// An organisation is not in a phase that allows it.
        phase: String,
        /// The worker's role does not allow it.
        role: String,
    }
    /// Limits.
    limit: Limits {
        /// Entries asked for at once.
        page_size: u32,
        /// Entries that may be asked for at once.
        page_size_max: u32,
    }
}

/// Why a text is not a profile.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ProfileFault {
    /// Not TOML, or not a profile's shape; the parser's words name the key.
    #[error("{0}")]
    Shape(String),
    /// A key that the profile does not have.
    #[error("{0}: not a setting of the wire profile")]
    UnknownKey(String),
    /// A setting of an operator's file without `value`.
    #[error("{0}: a setting needs a value")]
    NoValue(String),
    /// A setting whose value contradicts another one.
    #[error("{0}")]
    Contradiction(&'static str),
}

impl WireProfile {
    /// The built-in profile.
    ///
    /// # Errors
    /// None in a released build: a test reads it.
    pub fn default_profile() -> Result<Self, ProfileFault> {
        Self::parse(DEFAULT)
    }

    /// Reads a whole profile: every setting must be there.
    ///
    /// # Errors
    /// [`ProfileFault::Shape`] names the key that is missing, unknown or of another shape.
    pub fn parse(text: &str) -> Result<Self, ProfileFault> {
        let table: toml::Table = toml::from_str(text).map_err(shape)?;
        Self::from_table(table)
    }

    /// The built-in profile with an operator's settings on top. Each value they set counts as [`Certainty::Operator`], also
    /// when it is the same as before: that is how an operator confirms a placeholder.
    ///
    /// # Errors
    /// [`ProfileFault`]: an unknown section or setting, a setting without value, a value of another shape.
    pub fn default_with(operator: &str) -> Result<Self, ProfileFault> {
        let mut table: toml::Table = toml::from_str(DEFAULT).map_err(shape)?;
        let over: toml::Table = toml::from_str(operator).map_err(shape)?;
        for (section, settings) in over {
            let known = table.get_mut(&section).and_then(toml::Value::as_table_mut);
            let (Some(known), toml::Value::Table(settings)) = (known, settings) else {
                return Err(ProfileFault::UnknownKey(section));
            };
            for (name, setting) in settings {
                let key = format!("{section}.{name}");
                let place = known.get_mut(&name).ok_or_else(|| ProfileFault::UnknownKey(key.clone()))?;
                *place = operators(setting, &key)?;
            }
        }
        Self::from_table(table)
    }

    fn from_table(table: toml::Table) -> Result<Self, ProfileFault> {
        let profile: Self = table.try_into().map_err(shape)?;
        let limit = &profile.limit;
        if limit.page_size.value == 0 || limit.page_size.value > limit.page_size_max.value {
            return Err(ProfileFault::Contradiction("limit.page_size: found a size outside 1 to limit.page_size_max"));
        }
        Ok(profile)
    }

    /// The value of one setting, as people read it.
    pub fn value_of(&self, key: &str) -> Option<String> {
        self.settings().into_iter().find(|s| s.key == key).map(|s| s.value)
    }

    /// The settings that follow from publications and were not seen: production runs on them, and says so.
    pub fn only_inferred(&self) -> Vec<SettingInfo<'_>> {
        self.settings().into_iter().filter(|s| s.certainty == Certainty::Inferred).collect()
    }

    /// The settings that are placeholders of ours. Production refuses to start while there are any.
    pub fn unset_placeholders(&self) -> Vec<SettingInfo<'_>> {
        self.settings().into_iter().filter(|s| s.certainty == Certainty::Placeholder).collect()
    }
}

/// An operator's `{ value = … }` (certainty and source, if given, do not count) as a setting.
fn operators(setting: toml::Value, key: &str) -> Result<toml::Value, ProfileFault> {
    let toml::Value::Table(mut setting) = setting else { return Err(ProfileFault::NoValue(key.to_owned())) };
    if !setting.contains_key("value") {
        return Err(ProfileFault::NoValue(key.to_owned()));
    }
    setting.insert("certainty".into(), "operator".into());
    setting.entry("source").or_insert_with(|| "operator".into());
    Ok(setting.into())
}

fn shape(error: toml::de::Error) -> ProfileFault {
    ProfileFault::Shape(error.to_string().trim().to_owned())
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    #[test]
    fn the_default_profile_knows_what_is_verified_and_what_is_ours() {
        let profile = WireProfile::default_profile().unwrap();
        assert_eq!(profile.interaction.store.value, "RCMR_IN200002FI01");
        let placeholders: Vec<_> = profile.unset_placeholders().iter().map(|s| s.key).collect();
        for ours in ["use_situation.register_access", "interaction.find", "service_request.archive_case"] {
            assert!(placeholders.contains(&ours), "{ours}");
        }
        assert!(!placeholders.contains(&"service_request.archive_client_document"));
        let marked = |s: &SettingInfo<'_>| s.source.is_empty() || s.certainty == Certainty::Operator;
        assert!(!profile.settings().iter().any(marked));
    }

    #[test]
    fn every_value_called_ours_is_a_placeholder() {
        let table: toml::Table = toml::from_str(DEFAULT).unwrap();
        for (section, settings) in &table {
            for (name, setting) in settings.as_table().unwrap() {
                let ours = setting.get("value").unwrap().to_string().contains("OURS-");
                let certainty = setting.get("certainty").and_then(toml::Value::as_str);
                assert!(!ours || certainty == Some("placeholder"), "{section}.{name}");
            }
        }
    }

    #[test]
    fn an_operators_value_counts_as_the_operators() {
        let before = WireProfile::default_profile().unwrap().unset_placeholders().len();
        let over =
            "[use_situation]\nregister_access = { value = { code = \"7\" } }\n[limit]\npage_size = { value = 20 }";
        let profile = WireProfile::default_with(over).unwrap();
        assert_eq!(profile.use_situation.register_access.value.code, "7");
        assert_eq!(profile.use_situation.register_access.certainty, Certainty::Operator);
        assert_eq!((profile.limit.page_size.value, profile.unset_placeholders().len()), (20, before - 1));
    }

    #[test]
    fn unknown_keys_missing_values_and_other_shapes_are_refused_by_name() {
        let refused = |over: &str| WireProfile::default_with(over).unwrap_err().to_string();
        assert!(refused("[nothing]\nx = { value = 1 }").starts_with("nothing:"));
        assert!(refused("[party]\narkisto = { value = \"1.2\" }").starts_with("party.arkisto:"));
        assert!(refused("[party]\narchive = { certainty = \"verified\" }").starts_with("party.archive:"));
        assert!(refused("[party]\narchive = { value = \"1.2.x\" }").contains("archive"));
        assert!(refused("[party]\narchive = { value = \"1.2.3\", extra = 1 }").contains("extra"));
        assert!(refused("[transport]\nsoap_version = { value = \"1.3\" }").contains("1.3"));
        assert!(refused("[limit]\npage_size = { value = 0 }").starts_with("limit.page_size:"));
        assert!(WireProfile::parse("").unwrap_err().to_string().contains("missing field"));
    }
}
