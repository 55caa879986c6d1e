//! The header of a document that was read: each value typed where it is there and is what it should be.

use std::fmt::{self, Display};
use std::str::FromStr;

use super::disagreement;
use crate::domain::code::{Code, Language};
use crate::domain::document::cda::HL7FI;
use crate::domain::document::header::{DocumentGroup, Software};
use crate::domain::finding::{Finding, Flaw, Rule, redacted_debug, shape};
use crate::domain::oid::Oid;
use crate::domain::organisation::{Organisation, Unit};
use crate::domain::person::{
    Gender, IDENTITY_CODE_ROOT, PersonId, PersonName, REGISTRATION_NUMBER_ROOT, RegistrationNumber, TemporaryId,
};
use crate::domain::text::Text;
use crate::domain::time::{Instant, PartialDate};
use crate::domain::xml::FlatElement;

/// What a document said of itself. Everything may be absent; what was there but wrong is a finding.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct ReadHeader {
    /// OID of this version.
    pub document: Option<Oid>,
    /// OID of the original.
    pub set: Option<Oid>,
    /// Version number.
    pub version: Option<u32>,
    /// Version OID of the document that this one replaces.
    pub replaces: Option<Oid>,
    /// Group, when it is a known one.
    pub group: Option<DocumentGroup>,
    /// General document type.
    pub general_type: Option<Code>,
    /// Specific document type.
    pub specific_type: Option<Code>,
    /// OID of the structure.
    pub structure: Option<Oid>,
    /// When the record was drawn up.
    pub drawn_up: Option<Instant>,
    /// When the document was made.
    pub created: Option<Instant>,
    /// Language.
    pub language: Option<Language>,
    /// Clients.
    pub clients: Vec<ReadClient>,
    /// Author; absent on relationship documents.
    pub author: Option<ReadAuthor>,
    /// Register owner.
    pub custodian: Option<Organisation>,
    /// Organiser (`outsourcingServiceCustomer`).
    pub organiser: Option<Organisation>,
    /// Service unit.
    pub unit: Option<Unit>,
    /// Case.
    pub case: Option<Oid>,
    /// Client relationship.
    pub relationship: Option<Oid>,
    /// Service task.
    pub service_task: Option<Code>,
    /// Service process.
    pub service_process: Option<Code>,
    /// Retention class.
    pub retention_class: Option<Code>,
    /// Special content.
    pub special_content: Option<bool>,
    /// The writing system.
    pub software: Option<Software>,
    /// Group as it stands, known or not.
    pub group_code: Option<Code>,
    /// Format of the display form.
    pub file_format: Option<Code>,
    /// Format of the content.
    pub content_format: Option<Code>,
    /// How far the record is ready.
    pub record_status: Option<Code>,
    /// Register.
    pub register: Option<Code>,
    /// Who answers for the case (`responsibleParty`).
    pub responsible: Option<Organisation>,
    /// On case documents: when the case was opened and closed, as HL7 writes them.
    pub case_period: (Option<String>, Option<String>),
    /// Consents (`authorization/consent`), by their codes.
    pub consents: Vec<Code>,
    /// Why a minor's or delayed disclosure is restricted.
    pub restriction_argument: Option<String>,
    /// Why showing is limited.
    pub inaccessible_argument: Option<Code>,
    /// Why this version replaces another: the reason's code.
    pub correction_code: Option<Code>,
    /// The reason in words.
    pub correction_text: Option<String>,
    /// Who signed as a professional, as the header says it.
    pub signers: Vec<ReadSigner>,
}

redacted_debug!(ReadHeader);

/// A client as a document names one.
#[derive(Clone, PartialEq, Eq)]
pub struct ReadClient {
    /// Identity code or temporary id; readable ones only.
    pub ids: Vec<PersonId>,
    /// Name.
    pub name: Option<PersonName>,
    /// Day of birth.
    pub birth_date: Option<PartialDate>,
    /// Gender.
    pub gender: Option<Gender>,
}

redacted_debug!(ReadClient);

/// An author as a document names one.
#[derive(Clone, PartialEq, Eq)]
pub struct ReadAuthor {
    /// Registration number.
    pub registration_number: Option<RegistrationNumber>,
    /// Name.
    pub name: Option<PersonName>,
}

redacted_debug!(ReadAuthor);

/// A professional signer as a header names one (`hl7fi:signature`).
#[derive(Clone, PartialEq, Eq)]
pub struct ReadSigner {
    /// Registration number.
    pub registration_number: Option<RegistrationNumber>,
    /// Name.
    pub name: Option<PersonName>,
    /// Way of authentication.
    pub authentication: Option<Code>,
    /// When.
    pub at: Option<Instant>,
}

redacted_debug!(ReadSigner);

pub(super) fn read(root: FlatElement<'_>, findings: &mut Vec<Finding>) -> ReadHeader {
    let mut reader = Reader { findings };
    let mut header = ReadHeader::default();
    reader.cda(root, &mut header);
    reader.participants(root, &mut header);
    if let Some(social) = root.first_in(HL7FI, "localSocialHeader") {
        reader.social(social, &mut header);
        reader.formats(social, &mut header);
        header.signers = social.all("signature").map(|s| reader.signer(s)).collect();
    }
    header
}

/// A path, put together only where there is something to say of it.
#[derive(Clone, Copy)]
struct Path(&'static str, &'static str);

impl Display for Path {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0).and_then(|()| f.write_str(self.1))
    }
}

struct Reader<'a> {
    findings: &'a mut Vec<Finding>,
}

impl Reader<'_> {
    fn cda(&mut self, root: FlatElement<'_>, header: &mut ReadHeader) {
        header.document = self.value(root.first("id"), "root", &"id/@root");
        header.set = self.value(root.first("setId"), "root", &"setId/@root");
        header.version = root.first("versionNumber").and_then(|e| self.version(e));
        header.general_type = self.code(root.first("code"), &"code");
        header.drawn_up = self.instant(root.first("effectiveTime"), &"effectiveTime/@value");
        header.language =
            root.first("languageCode").and_then(|e| e.attribute("code")).and_then(|code| self.language(code));
        let replaced = root.all("relatedDocument").find(|r| r.attribute("typeCode") == Some("RPLC"));
        let replaced = replaced.and_then(|r| r.at(["parentDocument", "id"]));
        header.replaces = self.value(replaced, "root", &"relatedDocument/parentDocument/id/@root");
    }

    fn participants(&mut self, root: FlatElement<'_>, header: &mut ReadHeader) {
        header.clients =
            root.all("recordTarget").filter_map(|r| r.first("patientRole")).map(|r| self.client(r)).collect();
        header.author = root.at(["author", "assignedAuthor"]).and_then(|author| self.author(author));
        let custodian = root.at(["custodian", "assignedCustodian", "representedCustodianOrganization"]);
        header.custodian = custodian.and_then(|c| self.organisation(c, &"custodian/assignedCustodian"));
        let consents = root.all("authorization").filter_map(|a| a.at(["consent", "code"]));
        header.consents = consents.filter_map(|c| self.code(Some(c), &"authorization/consent/code")).collect();
        let Some(encounter) = root.at(["componentOf", "encompassingEncounter"]) else { return };
        let period = encounter.first("effectiveTime");
        let bound = |name: &str| period?.first(name)?.attribute("value").map(str::to_owned);
        header.case_period = (bound("low"), bound("high"));
        let responsible = encounter.at(["responsibleParty", "assignedEntity", "representedOrganization"]);
        header.responsible =
            responsible.and_then(|r| self.organisation(r, &"componentOf/encompassingEncounter/responsibleParty"));
        // A published document carries the case and a null flavor together: the id counts.
        header.case = self.value(encounter.first("id"), "root", &"componentOf/encompassingEncounter/id/@root");
        let unit = encounter.at(["encounterParticipant", "assignedEntity", "representedOrganization"]);
        let unit = unit.and_then(|u| self.organisation(u, &"componentOf/encompassingEncounter/encounterParticipant"));
        header.unit = unit.map(|Organisation { oid, name }| Unit { oid, name });
    }

    fn social(&mut self, social: FlatElement<'_>, header: &mut ReadHeader) {
        let path = |name: &'static str| Path("hl7fi:localSocialHeader/hl7fi:", name);
        let mut code = |name: &'static str| self.code(social.first(name), &path(name));
        header.specific_type = code("specificDocumentType");
        header.service_task = code("functionCode");
        header.retention_class = code("totalRetentionPeriodClass");
        header.group_code = code("documentGroup");
        header.group = header.group_code.as_ref().and_then(|c| DocumentGroup::by_code(&c.code));
        header.special_content = code("specialContent").and_then(|c| match c.code.as_str() {
            "K" => Some(true),
            "E" => Some(false),
            _ => None,
        });
        let process = social.first("serviceProcess").and_then(|p| p.first("code"));
        header.service_process = self.code(process, &path("serviceProcess/hl7fi:code"));
        header.created = self.instant(social.first("creationTime"), &path("creationTime/@value"));
        header.structure = social
            .first("contentSpecificationId")
            .and_then(|e| self.parsed(e.all_text().trim(), &path("contentSpecificationId")));
        header.relationship = self.value(
            social.first("encompassingClientRelationship"),
            "root",
            &path("encompassingClientRelationship/@root"),
        );
        let organiser = social.first("outsourcingServiceCustomer");
        let organiser = self.value(organiser, "root", &path("outsourcingServiceCustomer/@root"));
        let name = social.first("outsourcingServiceCustomerName").map(FlatElement::all_text).unwrap_or_default();
        header.organiser = organiser.map(|oid| Organisation { oid, name: name.trim().to_owned() });
        header.software = social.first("softwareSupport").map(|s| {
            let part = |name: &str| s.attribute(name).unwrap_or_default().to_owned();
            Software { moderator: part("moderator"), product: part("product"), version: part("version") }
        });
    }

    /// What is said of the document as a file, and what is conditional.
    fn formats(&mut self, social: FlatElement<'_>, header: &mut ReadHeader) {
        let path = |name: &'static str| Path("hl7fi:localSocialHeader/hl7fi:", name);
        let mut code = |name: &'static str| self.code(social.first(name), &path(name));
        header.file_format = code("fileFormat");
        header.content_format = code("structuredFileFormat");
        header.record_status = code("recordStatus");
        header.register = code("registryType");
        header.inaccessible_argument = code("inaccessibleArgument");
        header.correction_code = code("reasonOfCorrection");
        let text = |element: Option<FlatElement<'_>>| {
            let text = element.map(FlatElement::all_text)?.trim().to_owned();
            (!text.is_empty()).then_some(text)
        };
        header.correction_text = text(social.first("reasonOfCorrection"));
        header.restriction_argument = text(social.first("authorizationRestrictionArgument"));
    }

    fn signer(&mut self, signature: FlatElement<'_>) -> ReadSigner {
        let path = |name: &'static str| Path("hl7fi:localSocialHeader/hl7fi:signature/hl7fi:", name);
        let number = signature.first("assignedAuthorSigner").map(FlatElement::all_text);
        ReadSigner {
            registration_number: number.and_then(|n| self.parsed(n.trim(), &path("assignedAuthorSigner"))),
            name: signature.at(["signer", "name"]).and_then(name_of),
            authentication: self.code(signature.first("authenticationMethod"), &path("authenticationMethod")),
            at: self.instant(signature.first("time"), &path("time/@value")),
        }
    }

    fn client(&mut self, role: FlatElement<'_>) -> ReadClient {
        let path = "recordTarget/patientRole";
        let ids = role.all("id").filter_map(|id| self.person_id(id, &path)).collect();
        let patient = role.first("patient");
        let birth = patient.and_then(|p| p.first("birthTime")).and_then(|b| b.attribute("value"));
        let gender = patient.and_then(|p| p.first("administrativeGenderCode"));
        ReadClient {
            ids,
            name: patient.and_then(|p| p.first("name")).and_then(name_of),
            birth_date: birth.and_then(|text| self.hl7_date(text, &format_args!("{path}/patient/birthTime/@value"))),
            gender: gender.map(|g| match g.attribute("code") {
                Some("1") => Gender::Male,
                Some("2") => Gender::Female,
                _ => Gender::Unknown,
            }),
        }
    }

    fn person_id(&mut self, id: FlatElement<'_>, path: &dyn Display) -> Option<PersonId> {
        let extension = id.attribute("extension")?;
        let path = format_args!("{path}/id");
        if id.attribute("root") == Some(IDENTITY_CODE_ROOT) {
            return self.parsed(extension, &path).map(PersonId::IdentityCode);
        }
        let root = self.value(Some(id), "root", &path)?;
        let value = self.parsed(extension, &path)?;
        Some(PersonId::Temporary(TemporaryId { root, value }))
    }

    fn author(&mut self, author: FlatElement<'_>) -> Option<ReadAuthor> {
        let number = author.all("id").find(|id| id.attribute("root") == Some(REGISTRATION_NUMBER_ROOT));
        let registration_number = self.value(number, "extension", &"author/assignedAuthor/id/@extension");
        let name = author.at(["assignedPerson", "name"]).and_then(name_of);
        (registration_number.is_some() || name.is_some()).then_some(ReadAuthor { registration_number, name })
    }

    fn organisation(&mut self, organisation: FlatElement<'_>, path: &dyn Display) -> Option<Organisation> {
        let oid = self.value(organisation.first("id"), "root", path)?;
        let name = organisation.first("name").map(FlatElement::all_text).unwrap_or_default();
        Some(Organisation { oid, name: name.trim().to_owned() })
    }

    fn code(&mut self, element: Option<FlatElement<'_>>, path: &dyn Display) -> Option<Code> {
        let code = element?.attribute("code")?.to_owned();
        let system = self.value(element, "codeSystem", &format_args!("{path}/@codeSystem"))?;
        let text = |name: &str| element?.attribute(name).map(str::to_owned);
        Some(Code { code, system, system_name: text("codeSystemName"), display: text("displayName") })
    }

    fn language(&mut self, code: &str) -> Option<Language> {
        let language = Language::by_code(code);
        if language.is_none() {
            self.note(&"languageCode/@code", shape(code), Text::same("fi, sv"), "HL7 CDA R2");
        }
        language
    }

    fn version(&mut self, element: FlatElement<'_>) -> Option<u32> {
        let text = element.attribute("value")?;
        let version = text.parse().ok().filter(|version| *version > 0);
        if version.is_none() {
            let expected =
                Text::fixed("kokonaisluku 1:stä alkaen", "ett heltal från 1", "a whole number from 1 upwards");
            self.note(&"versionNumber/@value", shape(text), expected, "HL7 CDA R2");
        }
        version
    }

    fn instant(&mut self, element: Option<FlatElement<'_>>, path: &dyn Display) -> Option<Instant> {
        let text = element?.attribute("value")?;
        Instant::from_hl7(text).map_err(|flaw| self.flaw(flaw, path)).ok()
    }

    /// HL7 `TS` of a day or less; a time of day after it is dropped.
    fn hl7_date(&mut self, text: &str, path: &dyn Display) -> Option<PartialDate> {
        let part = |from: usize, to: usize| text.get(from..to);
        let iso = match (part(0, 4), part(4, 6), part(6, 8)) {
            (Some(year), Some(month), Some(day)) => format!("{year}-{month}-{day}"),
            (Some(year), Some(month), None) => format!("{year}-{month}"),
            _ => text.to_owned(),
        };
        self.parsed(&iso, path)
    }

    fn value<T: FromStr<Err = Flaw>>(
        &mut self,
        element: Option<FlatElement<'_>>,
        name: &str,
        path: &dyn Display,
    ) -> Option<T> {
        let text = element?.attribute(name)?;
        self.parsed(text, path)
    }

    fn parsed<T: FromStr<Err = Flaw>>(&mut self, text: &str, path: &dyn Display) -> Option<T> {
        text.parse().map_err(|flaw| self.flaw(flaw, path)).ok()
    }

    fn flaw(&mut self, flaw: Flaw, path: &dyn Display) {
        let rule = Rule::new(flaw.source, "");
        self.findings.push(disagreement(flaw.code, "", &path.to_string(), flaw.found, flaw.expected, rule));
    }

    fn note(&mut self, path: &dyn Display, found: Text, expected: Text, source: &str) {
        self.findings.push(disagreement(
            "document.value",
            "",
            &path.to_string(),
            found,
            expected,
            Rule::new(source, ""),
        ));
    }
}

/// Given names, the one with qualifier `CL` as the calling name, and the family name.
fn name_of(name: FlatElement<'_>) -> Option<PersonName> {
    let text = |e: FlatElement<'_>| e.all_text().trim().to_owned();
    let is_calling = |given: &FlatElement<'_>| given.attribute("qualifier") == Some("CL");
    let family = text(name.first("family")?);
    let given = name.all("given").filter(|g| !is_calling(g)).map(text).collect();
    Some(PersonName { family, given, calling: name.all("given").find(is_calling).map(text) })
}
