//! The access profile: options and role table as data, each with its certainty and source.
//!
//! One built in (`profiles/access/default.toml`); an operator's file goes on top. Knows nothing of files: texts are arguments.

use serde::Deserialize;

use super::Rules;
use super::options::{Options, PartialDays, Reach, Unstated, WriteTime};
use super::roles::{RoleRule, RoleTable};
use crate::domain::profile::{Certainty, Setting};

const DEFAULT: &str = include_str!("../../../profiles/access/default.toml");

/// Why a text is not an access profile.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AccessProfileFault {
    /// Not TOML, or not the shape; the parser's words name the key.
    #[error("{0}")]
    Shape(String),
    /// A key that the profile does not have.
    #[error("{0}: not a setting of the access profile")]
    UnknownKey(String),
    /// A setting of an operator's file without `value`.
    #[error("{0}: a setting needs a value")]
    NoValue(String),
    /// A value outside its bounds.
    #[error("{0}")]
    Bounds(&'static str),
}

/// Options and roles, with how sure they are.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AccessProfile {
    options: OptionSettings,
    roles: Roles,
}

/// Declares the options' settings, and the walks over them that cannot forget one.
macro_rules! settings {
    ($($field:ident: $type:ty,)+) => {
        #[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
        #[serde(deny_unknown_fields)]
        struct OptionSettings { $($field: Setting<$type>,)+ }

        impl OptionSettings {
            fn options(&self) -> Options {
                Options { $($field: self.$field.value,)+ }
            }

            fn info(&self) -> Vec<(&'static str, Certainty, &str)> {
                vec![$((stringify!($field), self.$field.certainty, self.$field.source.as_str()),)+]
            }
        }
    };
}

settings! {
    end_day_inclusive: bool,
    reads_after_end_days: u16,
    reach: Reach,
    taskless_readable: bool,
    write_time: WriteTime,
    drawn_up_before_start: bool,
    partial_days: PartialDays,
    subcontractor_within_producer: bool,
    relationship_end_counts: bool,
    both_phase_1: bool,
    unstated: Unstated,
    evidence_age_max_s: i64,
    ending_soon_days: u16,
}

#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
struct Roles {
    certainty: Certainty,
    source: String,
    rules: Vec<RoleRule>,
}

impl AccessProfile {
    /// The built-in profile.
    ///
    /// # Errors
    /// None in a released build: a test reads it.
    pub fn default_profile() -> Result<Self, AccessProfileFault> {
        Self::from_table(toml::from_str(DEFAULT).map_err(shape)?)
    }

    /// The built-in profile with an operator's options, and role table where there is one, on top. What they set counts as
    /// [`Certainty::Operator`].
    ///
    /// # Errors
    /// [`AccessProfileFault`]: an unknown key, a setting without value, a value of another shape or outside its bounds.
    pub fn default_with(operator: &str) -> Result<Self, AccessProfileFault> {
        let mut table: toml::Table = toml::from_str(DEFAULT).map_err(shape)?;
        let mut over: toml::Table = toml::from_str(operator).map_err(shape)?;
        if let Some(roles) = over.remove("roles") {
            table.insert("roles".into(), operators(roles, "roles", None)?);
        }
        if let Some(options) = over.remove("options") {
            let toml::Value::Table(options) = options else {
                return Err(AccessProfileFault::NoValue("options".into()));
            };
            let known = table.get_mut("options").and_then(toml::Value::as_table_mut);
            let known = known.ok_or_else(|| AccessProfileFault::UnknownKey("options".into()))?;
            for (name, setting) in options {
                let key = format!("options.{name}");
                let place = known.get_mut(&name).ok_or_else(|| AccessProfileFault::UnknownKey(key.clone()))?;
                *place = operators(setting, &key, Some("value"))?;
            }
        }
        match over.keys().next() {
            Some(key) => Err(AccessProfileFault::UnknownKey(key.clone())),
            None => Self::from_table(table),
        }
    }

    fn from_table(table: toml::Table) -> Result<Self, AccessProfileFault> {
        let profile: Self = table.try_into().map_err(shape)?;
        if profile.options.evidence_age_max_s.value < 0 {
            return Err(AccessProfileFault::Bounds(
                "options.evidence_age_max_s: found a negative age, expected seconds",
            ));
        }
        Ok(profile)
    }

    /// What is decided by.
    pub fn rules(&self) -> Rules {
        Rules { options: self.options.options(), roles: RoleTable { rules: self.roles.rules.clone() } }
    }

    /// Every value: its key, how sure it is, where it is from.
    pub fn settings(&self) -> Vec<(&'static str, Certainty, &str)> {
        let mut all = self.options.info();
        all.push(("roles", self.roles.certainty, &self.roles.source));
        all
    }

    /// How sure a value is and where it is from.
    pub fn setting(&self, key: &str) -> Option<(Certainty, &str)> {
        self.settings().into_iter().find(|(name, ..)| *name == key).map(|(_, certainty, source)| (certainty, source))
    }

    /// Keys of values that are placeholders of ours, with `access.` before them. Production refuses to start with any.
    pub fn unset_placeholders(&self) -> Vec<String> {
        let unset = self.settings().into_iter().filter(|(_, certainty, _)| *certainty == Certainty::Placeholder);
        unset.map(|(key, ..)| format!("access.{key}")).collect()
    }
}

fn operators(setting: toml::Value, key: &str, needs: Option<&str>) -> Result<toml::Value, AccessProfileFault> {
    let no_value = || AccessProfileFault::NoValue(key.to_owned());
    let toml::Value::Table(mut setting) = setting else { return Err(no_value()) };
    if needs.is_some_and(|needed| !setting.contains_key(needed)) {
        return Err(no_value());
    }
    setting.insert("certainty".into(), "operator".into());
    setting.entry("source").or_insert_with(|| "operator".into());
    Ok(setting.into())
}

fn shape(error: toml::de::Error) -> AccessProfileFault {
    AccessProfileFault::Shape(error.to_string().trim().to_owned())
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;
    use crate::domain::access::Act;

    #[test]
    fn the_profile_that_is_built_in_says_what_the_code_takes_by_default() {
        let profile = AccessProfile::default_profile().unwrap();
        assert_eq!(profile.rules(), Rules::default());
        assert!(
            profile
                .settings()
                .iter()
                .all(|(_, certainty, source)| { !source.is_empty() && !matches!(certainty, Certainty::Operator) })
        );
        let unset = profile.unset_placeholders();
        for key in ["access.end_day_inclusive", "access.write_time", "access.reach", "access.roles"] {
            assert!(unset.iter().any(|k| k == key), "{key}");
        }
        assert!(!unset.iter().any(|k| k == "access.both_phase_1"));
        assert_eq!(profile.setting("both_phase_1").unwrap().0, Certainty::Inferred);
        assert_eq!(profile.setting("nothing"), None);
    }

    #[test]
    fn an_operators_options_and_roles_count_as_the_operators() {
        let over = r#"
            [options]
            end_day_inclusive = { value = false }
            [roles]
            rules = [{ roles = ["1"], service_tasks = "every", service_processes = ["5"], permits = ["read"] }]
        "#;
        let profile = AccessProfile::default_with(over).unwrap();
        let rules = profile.rules();
        assert!(!rules.options.end_day_inclusive);
        assert!(rules.roles.allows(Some("1"), None, Some("5"), Act::Read));
        for (role, process, act) in
            [(None, Some("5"), Act::Read), (Some("1"), None, Act::Read), (Some("1"), Some("5"), Act::Write)]
        {
            assert!(!rules.roles.allows(role, None, process, act), "{role:?} {process:?}");
        }
        assert_eq!(profile.setting("roles"), Some((Certainty::Operator, "operator")));
        assert_eq!(profile.setting("end_day_inclusive"), Some((Certainty::Operator, "operator")));
        let before = AccessProfile::default_profile().unwrap().unset_placeholders().len();
        assert_eq!(profile.unset_placeholders().len(), before - 2);
        let zero = AccessProfile::default_with("[options]\nevidence_age_max_s = { value = 0 }").unwrap();
        assert_eq!(zero.rules().options.evidence_age_max_s, 0);
    }

    #[test]
    fn unknown_keys_missing_values_and_other_shapes_are_refused_by_name() {
        for (over, key) in [
            ("[options]\nnothing = { value = 1 }", "options.nothing"),
            ("[nothing]\n", "nothing"),
            ("[options]\nreach = { certainty = \"verified\" }", "options.reach"),
            ("[options]\nreach = \"task\"", "options.reach"),
            ("[options]\nreach = { value = \"half\" }", "reach"),
            ("options = 1", "options"),
            ("roles = 1", "roles"),
            (
                "[roles]\nrules = [{ roles = \"all\", service_tasks = \"every\", service_processes = \"every\", permits = [] }]",
                "every",
            ),
            ("[options]\nevidence_age_max_s = { value = -1 }", "evidence_age_max_s"),
        ] {
            let text = AccessProfile::default_with(over).unwrap_err().to_string();
            assert!(text.contains(key), "{text}");
        }
    }
}
