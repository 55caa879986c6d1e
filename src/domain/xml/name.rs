//! Names and namespace URIs of a tree: written once, shared by all who bear them.
//!
//! A document repeats a few names some hundred times; a copy of each would be most of what reading costs.

use std::cmp::Ordering;
use std::fmt;
use std::hash::{Hash, Hasher};
use std::ops::Deref;
use std::sync::{Arc, LazyLock};

use super::XmlError;

/// A name, prefix or namespace URI; empty for none. Cloning copies no text.
#[derive(Clone)]
pub struct Name(Kept);

#[derive(Clone)]
enum Kept {
    /// One that every document has: [`NAMES`], [`NAMESPACES`].
    Fixed(&'static str),
    Shared(Arc<str>),
}

impl Name {
    /// The text.
    pub fn as_str(&self) -> &str {
        match &self.0 {
            Kept::Fixed(text) => text,
            Kept::Shared(text) => text,
        }
    }
}

impl Default for Name {
    fn default() -> Self {
        Self(Kept::Fixed(""))
    }
}

// A name is its text, however it is kept.
impl PartialEq for Name {
    fn eq(&self, other: &Self) -> bool {
        self.as_str() == other.as_str()
    }
}

impl Eq for Name {}

impl PartialOrd for Name {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Name {
    fn cmp(&self, other: &Self) -> Ordering {
        self.as_str().cmp(other.as_str())
    }
}

impl Hash for Name {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.as_str().hash(state);
    }
}

impl From<&str> for Name {
    fn from(text: &str) -> Self {
        Self(known(text).or_else(|| known_namespace(text)).map_or_else(|| Kept::Shared(text.into()), Kept::Fixed))
    }
}

/// Names that documents and messages repeat.
const NAMES: [&str; 104] = [
    "hl7fi",
    "xml",
    "xsi",
    "ds",
    "ClinicalDocument",
    "typeId",
    "templateId",
    "id",
    "code",
    "title",
    "effectiveTime",
    "confidentialityCode",
    "languageCode",
    "setId",
    "versionNumber",
    "recordTarget",
    "patientRole",
    "patient",
    "name",
    "given",
    "family",
    "administrativeGenderCode",
    "birthTime",
    "author",
    "time",
    "assignedAuthor",
    "assignedPerson",
    "representedOrganization",
    "custodian",
    "assignedCustodian",
    "representedCustodianOrganization",
    "componentOf",
    "encompassingEncounter",
    "responsibleParty",
    "assignedEntity",
    "encounterParticipant",
    "component",
    "nonXMLBody",
    "text",
    "json",
    "localSocialHeader",
    "relatedDocument",
    "parentDocument",
    "authorization",
    "consent",
    "statusCode",
    "root",
    "extension",
    "codeSystem",
    "codeSystemName",
    "displayName",
    "value",
    "nullFlavor",
    "typeCode",
    "qualifier",
    "ID",
    "mediaType",
    "representation",
    "documentGroup",
    "specificDocumentType",
    "functionCode",
    "totalRetentionPeriodClass",
    "specialContent",
    "serviceProcess",
    "creationTime",
    "contentSpecificationId",
    "encompassingClientRelationship",
    "outsourcingServiceCustomer",
    "outsourcingServiceCustomerName",
    "softwareSupport",
    "moderator",
    "product",
    "version",
    "fileFormat",
    "structuredFileFormat",
    "recordStatus",
    "registryType",
    "inaccessibleArgument",
    "reasonOfCorrection",
    "authorizationRestrictionArgument",
    "signature",
    "assignedAuthorSigner",
    "signer",
    "authenticationMethod",
    "signatureCollection",
    "signatureDescription",
    "signatureTimestamp",
    "Signature",
    "SignedInfo",
    "CanonicalizationMethod",
    "SignatureMethod",
    "Reference",
    "Transforms",
    "Transform",
    "DigestMethod",
    "DigestValue",
    "SignatureValue",
    "KeyInfo",
    "X509Data",
    "X509Certificate",
    "Algorithm",
    "URI",
    "class",
    "lang",
];

/// Namespaces that they have.
const NAMESPACES: [&str; 6] = [
    "urn:hl7-org:v3",
    "urn:hl7finland",
    "http://www.w3.org/1999/xhtml",
    "http://www.w3.org/2000/09/xmldsig#",
    "http://www.w3.org/XML/1998/namespace",
    "http://www.w3.org/2001/XMLSchema-instance",
];

/// The text as it is kept for all, if it is one of [`NAMES`].
fn known(text: &str) -> Option<&'static str> {
    static PLACES: LazyLock<[&str; Names::PLACES]> = LazyLock::new(|| {
        let mut places = [""; Names::PLACES];
        for text in NAMES {
            if let Some(place) = places.get_mut(place_of(text)) {
                *place = text;
            }
        }
        places
    });
    PLACES.get(place_of(text)).copied().filter(|known| *known == text)
}

fn known_namespace(text: &str) -> Option<&'static str> {
    NAMESPACES.iter().copied().find(|known| *known == text)
}

impl From<String> for Name {
    fn from(text: String) -> Self {
        text.as_str().into()
    }
}

impl Deref for Name {
    type Target = str;

    fn deref(&self) -> &str {
        self.as_str()
    }
}

impl PartialEq<str> for Name {
    fn eq(&self, other: &str) -> bool {
        self.as_str() == other
    }
}

impl PartialEq<&str> for Name {
    fn eq(&self, other: &&str) -> bool {
        self.as_str() == *other
    }
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self)
    }
}

impl fmt::Debug for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self.as_str(), f)
    }
}

/// Names met lately. Bounded: a name that falls on a taken place takes it over.
pub(super) struct Names {
    places: Vec<Name>,
    /// Apart: what was taken as any text was not looked at as a name.
    texts: Vec<Name>,
}

impl Names {
    const PLACES: usize = 512;
    const TEXTS: usize = 64;

    pub(super) fn new() -> Self {
        Self { places: vec![Name::default(); Self::PLACES], texts: vec![Name::default(); Self::TEXTS] }
    }

    /// Any text: a namespace URI.
    pub(super) fn text(&mut self, text: &str) -> Name {
        if let Some(known) = known_namespace(text) {
            return Name(Kept::Fixed(known));
        }
        let Some(place) = self.texts.get_mut(place_of(text) % Self::TEXTS) else { return text.into() };
        if *place != text {
            *place = Name(Kept::Shared(text.into()));
        }
        place.clone()
    }

    /// A name without colon (Namespaces in XML 1.0, `NCName`). What is remembered was looked at before.
    pub(super) fn checked(&mut self, name: &str) -> Result<Name, XmlError> {
        if let Some(known) = known(name).filter(|known| !known.is_empty()) {
            return Ok(Name(Kept::Fixed(known)));
        }
        let Some(place) = self.places.get_mut(place_of(name)) else { return Ok(name.into()) };
        if *place != name || name.is_empty() {
            if !is_ncname(name) {
                return Err(XmlError::Malformed { at: 0, what: "a name with a character that names do not have" });
            }
            *place = Name(Kept::Shared(name.into()));
        }
        Ok(place.clone())
    }
}

fn place_of(text: &str) -> usize {
    let bytes = text.as_bytes();
    let byte = |at: usize| bytes.get(at).copied().map_or(0, usize::from);
    let (middle, last) = (byte(bytes.len() / 2), byte(bytes.len().saturating_sub(1)));
    // Factors by which no two of NAMES fall on one place.
    let mixed = bytes.len() * 501 + byte(0) * 77 + byte(1) * 213 + middle * 277 + last * 285;
    mixed % Names::PLACES
}

/// XML 1.0 §2.3 `Name` without the colon.
fn is_ncname(name: &str) -> bool {
    let starts = |c: char| {
        matches!(c, 'A'..='Z' | 'a'..='z' | '_' | '\u{c0}'..='\u{d6}' | '\u{d8}'..='\u{f6}' | '\u{f8}'..='\u{2ff}'
            | '\u{370}'..='\u{37d}' | '\u{37f}'..='\u{1fff}' | '\u{200c}' | '\u{200d}' | '\u{2070}'..='\u{218f}'
            | '\u{2c00}'..='\u{2fef}' | '\u{3001}'..='\u{d7ff}' | '\u{f900}'..='\u{fdcf}' | '\u{fdf0}'..='\u{fffd}'
            | '\u{10000}'..='\u{effff}')
    };
    let goes_on = |c: char| {
        starts(c) || matches!(c, '-' | '.' | '0'..='9' | '\u{b7}' | '\u{300}'..='\u{36f}' | '\u{203f}'..='\u{2040}')
    };
    let mut characters = name.chars();
    characters.next().is_some_and(starts) && characters.all(goes_on)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_known_name_has_its_own_place_and_is_a_name() {
        for name in NAMES {
            assert_eq!(known(name), Some(name));
            assert!(is_ncname(name), "{name}");
        }
        assert!(NAMESPACES.iter().all(|uri| known(uri).is_none() && Name::from(*uri).as_str() == *uri));
        assert_eq!((Name::from("unheard-of"), Name::from("")), (Name::from("unheard-of".to_owned()), Name::default()));
    }
}
