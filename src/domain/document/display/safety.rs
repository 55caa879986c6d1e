//! What a safety ban (turvakielto, spärrmarkering) keeps from the readable form: where a person lives.
//!
//! The content keeps what was recorded; the page, which is printed and handed over, does not show it. Fields are known by the
//! names that the national library of data components gives them in every structure; what is not known to be an authority's
//! address counts as a person's. Free text is not looked into.

use serde_json::{Map, Value};

use crate::domain::structure::Field;

/// Parts of field names that tell where a person lives, or how to find that out.
const WHEREABOUTS: [&str; 6] =
    ["osoite", "postinumero", "postitoimipaikka", "kotikunta", "asuinkunta", "salaiset_yhteystiedot"];
/// Parts of names of groups that hold an authority, a producer or a professional: their addresses are public.
const AUTHORITIES: [&str; 14] = [
    "palvelunjarjest",
    "palveluntuott",
    "palveluntoteutt",
    "palveluyksik",
    "toimintayksik",
    "viranomai",
    "muutoksenhaku",
    "lisatietojen_antaja",
    "tyontekija",
    "lastenvalvoja",
    "ammattihenkilo",
    "laatija",
    "paatoksentekija",
    "valmistelija",
];
/// A person's own ban, in the content.
const BAN_KEY: &str = "turvakielto";

/// Whether whereabouts are shown at this place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Whereabouts {
    Shown,
    Kept,
}

impl Whereabouts {
    /// Inside a group: an authority's are shown, those of a person with a ban are kept.
    pub(super) fn inside(self, group: &Field, members: &Map<String, Value>) -> Self {
        if members.get(BAN_KEY) == Some(&Value::Bool(true)) {
            Self::Kept
        } else if AUTHORITIES.iter().any(|part| group.key().contains(part)) {
            Self::Shown
        } else {
            self
        }
    }

    /// Whether this field is left out.
    pub(super) fn leave_out(self, field: &Field) -> bool {
        self == Self::Kept && WHEREABOUTS.iter().any(|part| field.key().contains(part))
    }
}
