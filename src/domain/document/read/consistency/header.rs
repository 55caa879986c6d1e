//! The header against itself: ids, organisations, types, times.

use jiff::Timestamp;

use super::{ConsistencyRule, Disagreement, OTHER, STANDARD, Severity};
use crate::domain::document::cda::HL7FI;
use crate::domain::document::header::DocumentGroup;
use crate::domain::text::Text;
use crate::domain::xml::FlatElement;

pub(super) static SET_ID: ConsistencyRule = ConsistencyRule {
    id: "document.set_id",
    severity: Severity::Warning,
    says: "version 1 is the original itself: `setId` is `id`",
    source: "HL7 CDA R2",
    clause: "4.2.3.1",
    check: |said, out| {
        let (Some(set), Some(document)) = (&said.header.set, &said.header.document) else { return };
        if said.header.version == Some(1) && set != document {
            out.push(Disagreement::at("setId/@root", OTHER, Text::same(document.as_str())));
        }
    },
};

pub(super) static ORGANISER: ConsistencyRule = ConsistencyRule {
    id: "document.organiser",
    severity: Severity::Warning,
    says: "the register owner (`custodian`) is the organiser (`outsourcingServiceCustomer`)",
    source: STANDARD,
    clause: "outsourcingServiceCustomer",
    check: |said, out| {
        let (Some(custodian), Some(organiser)) = (&said.header.custodian, &said.header.organiser) else { return };
        if custodian.oid != organiser.oid {
            let path = "hl7fi:localSocialHeader/hl7fi:outsourcingServiceCustomer/@root";
            out.push(Disagreement::at(path, Text::same(organiser.oid.as_str()), Text::same(custodian.oid.as_str())));
        }
    },
};

pub(super) static TYPE: ConsistencyRule = ConsistencyRule {
    id: "document.type",
    severity: Severity::Warning,
    says: "a specific document type is its general type's number and three digits more",
    source: "THL koodistopalvelu",
    clause: "1.2.246.537.6.1506",
    check: |said, out| {
        let (Some(general), Some(specific)) = (&said.header.general_type, &said.header.specific_type) else { return };
        let number = |code: &str| code.parse::<u32>().ok();
        if number(&specific.code).map(|n| n / 1000) != number(&general.code) {
            let path = "hl7fi:localSocialHeader/hl7fi:specificDocumentType/@code";
            let expected = Text::same(format!("{}xxx", general.code));
            out.push(Disagreement::at(path, Text::same(specific.code.as_str()), expected));
        }
    },
};

pub(super) static STRUCTURE_TYPE: ConsistencyRule = ConsistencyRule {
    id: "document.structure_type",
    severity: Severity::Error,
    says: "the structure (`contentSpecificationId`) is one of the specific document type",
    source: STANDARD,
    clause: "contentSpecificationId",
    check: |said, out| {
        let (Some(structure), Some(specific)) = (&said.header.structure, &said.header.specific_type) else { return };
        let arc = structure.as_str().strip_prefix(CLIENT_DOCUMENTS).and_then(|rest| rest.split('.').next());
        if arc.is_some_and(|arc| arc != specific.code) {
            let expected = Text::same(format!("{CLIENT_DOCUMENTS}{}…", specific.code));
            out.push(Disagreement::at(STRUCTURE_PATH, Text::same(structure.as_str()), expected));
        }
    },
};

pub(super) static STRUCTURE_GROUP: ConsistencyRule = ConsistencyRule {
    id: "document.structure_group",
    severity: Severity::Error,
    says: "the structure is one of the document group",
    source: STANDARD,
    clause: "documentGroup",
    check: |said, out| {
        let (Some(structure), Some(group)) = (&said.header.structure, said.header.group) else { return };
        let client_document = structure.as_str().starts_with(CLIENT_DOCUMENTS);
        let arc = structure.as_str().strip_prefix(GROUPS).and_then(|rest| rest.split('.').next());
        let agrees = match (client_document, arc) {
            (true, _) => {
                group.code() != DocumentGroup::Relationship.code() && group.code() != DocumentGroup::Case.code()
            }
            // What groups 8 and 9 look like in a header is not published: only known groups are held to their structures.
            (false, Some(arc)) => DocumentGroup::by_code(arc).is_none() || arc == group.code(),
            (false, None) => true,
        };
        if !agrees {
            let expected = Text::made(
                format!("ryhmän {} rakenne", group.code()),
                format!("en struktur i grupp {}", group.code()),
                format!("a structure of group {}", group.code()),
            );
            out.push(Disagreement::at(STRUCTURE_PATH, Text::same(structure.as_str()), expected));
        }
    },
};

pub(super) static CREATED: ConsistencyRule = ConsistencyRule {
    id: "document.created_before_drawn_up",
    severity: Severity::Warning,
    says: "a document is not made (`creationTime`) before it was drawn up (`effectiveTime`)",
    source: STANDARD,
    clause: "creationTime",
    check: |said, out| {
        let (Some(created), Some(drawn_up)) = (said.header.created, said.header.drawn_up) else { return };
        if created.timestamp() < drawn_up.timestamp() {
            let path = "hl7fi:localSocialHeader/hl7fi:creationTime/@value";
            out.push(Disagreement::at(path, Text::same(created.rfc3339()), not_before(&drawn_up.rfc3339())));
        }
    },
};

pub(super) static SIGNED: ConsistencyRule = ConsistencyRule {
    id: "document.signed_before_created",
    severity: Severity::Warning,
    says: "a document is not signed before it was made (`creationTime`)",
    source: STANDARD,
    clause: "signatureTimestamp",
    check: |said, out| {
        let Some(created) = said.header.created else { return };
        let collections = said.root.first_in(HL7FI, "localSocialHeader").into_iter();
        let signatures = collections.flat_map(|h| h.all("signatureCollection")).flat_map(|c| c.all("signature"));
        let times = signatures.filter_map(|s| s.first("signatureTimestamp")).map(FlatElement::all_text);
        for time in times.filter_map(|text| text.trim().parse::<Timestamp>().ok()) {
            if time < created.timestamp() {
                let path = "localSocialHeader/signatureCollection/signature/signatureTimestamp";
                out.push(Disagreement::at(path, Text::same(time.to_string()), not_before(&created.rfc3339())));
            }
        }
    },
};

pub(super) static AUTHOR_UNIT: ConsistencyRule = ConsistencyRule {
    id: "document.author_unit",
    severity: Severity::Warning,
    says: "the author's organisation, where the author has one, is the service unit",
    source: "HL7 CDA R2",
    clause: "4.2.2.2",
    check: |said, out| {
        let Some(unit) = &said.header.unit else { return };
        let of_author = said.root.at(["author", "assignedAuthor", "representedOrganization", "id"]);
        if of_author.and_then(|id| id.attribute("root")).is_some_and(|root| root != unit.oid.as_str()) {
            let path = "author/assignedAuthor/representedOrganization/id/@root";
            out.push(Disagreement::at(path, OTHER, Text::same(unit.oid.as_str())));
        }
    },
};

const STRUCTURE_PATH: &str = "hl7fi:localSocialHeader/hl7fi:contentSpecificationId";
const CLIENT_DOCUMENTS: &str = "1.2.246.537.6.1506.";
const GROUPS: &str = "1.2.246.537.6.1505.";

fn not_before(time: &str) -> Text {
    Text::made(format!("aikaisintaan {time}"), format!("tidigast {time}"), format!("{time} at the earliest"))
}
