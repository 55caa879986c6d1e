//! `hl7fi:localSocialHeader`: what the archive's documents say beyond CDA, in the order of the social-care document standard.
//!
//! Element names and order are those of published documents; where none was published (`reasonOfCorrection`), the function
//! says so.

use super::{Fixed, HL7FI, coded, fixed, hl7};
use crate::domain::document::header::{DocumentGroup, Header};
use crate::domain::person::Worker;
use crate::domain::time::Instant;
use crate::domain::xml::Element;

const DISPLAY_FORMAT: Fixed = Fixed {
    code: "2",
    system: "1.2.246.537.6.1502.201601",
    system_name: "Sosiaalihuolto - Asiakirjan näyttömuodon formaatti",
    display: "XHTML_1.1",
};
const CONTENT_FORMAT: Fixed = Fixed {
    code: "5",
    system: "1.2.246.537.5.40179.2008",
    system_name: "eArkisto - Asiakirjan tiedostomuoto",
    display: "JSON",
};
const READY_TO_ARCHIVE: Fixed = Fixed {
    code: "3",
    system: "1.2.246.537.5.40154.2008",
    system_name: "eArkisto - Asiakirjan valmistumisen tila",
    display: "Arkistointivalmis",
};
const CLIENT_REGISTER: Fixed = Fixed {
    code: "1",
    system: "1.2.246.537.6.1264.201701",
    system_name: "Sosiaalihuolto - Asiakirjan rekisteritunnus",
    display: "Sosiaalihuollon asiakasrekisteri",
};
const PROFESSIONAL_CERTIFICATE: Fixed = Fixed {
    code: "1",
    system: "1.2.246.537.5.40128.2006",
    system_name: "KanTa-palvelut - Tunnistautumistapa",
    display: "Sosiaali- ja terveydenhuollon ammattihenkilön varmenne",
};
const SPECIAL_CONTENT: Fixed = yes_or_no("K", "Kyllä");
const NO_SPECIAL_CONTENT: Fixed = yes_or_no("E", "Ei");
const RELATIONSHIP_GROUP: Fixed = group("1", "Asiakkuusasiakirja");
const CASE_GROUP: Fixed = group("2", "Asia-asiakirja");
const CLIENT_DOCUMENT_GROUP: Fixed = group("5", "Toisen tai myöhemmän vaiheen asiakasasiakirja");

const fn yes_or_no(code: &'static str, display: &'static str) -> Fixed {
    Fixed { code, system: "1.2.246.537.6.112.2007", system_name: "AR/YDIN - Kyllä/EI/Ei tietoa", display }
}

const fn group(code: &'static str, display: &'static str) -> Fixed {
    Fixed { code, system: "1.2.246.537.6.1505.201601", system_name: "Sosiaalihuolto - Asiakirjaryhmä", display }
}

/// `serviceProcess/type`, the same in every document.
const SERVICE_PROCESS_TYPE: &str = "Sosiaalihuollon palveluprosessi";

/// An element of the Finnish extension with the prefix `hl7fi`.
pub(crate) fn hl7fi(name: &str) -> Element {
    Element { prefix: "hl7fi".into(), ..Element::new(HL7FI, name) }
}

/// The header without what a signature adds.
pub(super) fn local_social_header(header: &Header) -> Element {
    let group = match header.group {
        DocumentGroup::Relationship => &RELATIONSHIP_GROUP,
        DocumentGroup::Case => &CASE_GROUP,
        DocumentGroup::ClientDocument => &CLIENT_DOCUMENT_GROUP,
    };
    let special = if header.special_content { &SPECIAL_CONTENT } else { &NO_SPECIAL_CONTENT };
    hl7fi("localSocialHeader")
        .children(header.specific_type.iter().map(|code| coded(hl7fi("specificDocumentType"), code)))
        .child(hl7fi("creationTime").with("value", header.created.hl7()))
        .child(fixed(hl7fi("documentGroup"), group))
        .child(fixed(hl7fi("fileFormat"), &DISPLAY_FORMAT))
        .child(fixed(hl7fi("structuredFileFormat"), &CONTENT_FORMAT))
        .child(software(header))
        .children(header.service_task.iter().map(|code| coded(hl7fi("functionCode"), code)))
        .child(fixed(hl7fi("recordStatus"), &READY_TO_ARCHIVE))
        .child(fixed(hl7fi("registryType"), &CLIENT_REGISTER))
        .child(hl7fi("outsourcingServiceCustomer").with("root", header.organiser.oid.as_str()))
        .child(hl7fi("outsourcingServiceCustomerName").text(header.organiser.name.as_str()))
        .child(coded(hl7fi("totalRetentionPeriodClass"), &header.retention_class))
        .child(fixed(hl7fi("specialContent"), special))
        .child(hl7fi("contentSpecificationId").text(header.structure.as_str()))
        .children(header.relationship.iter().map(|r| hl7fi("encompassingClientRelationship").with("root", r.as_str())))
        .children(header.service_process.iter().map(|code| {
            hl7fi("serviceProcess").child(hl7fi("type").text(SERVICE_PROCESS_TYPE)).child(coded(hl7fi("code"), code))
        }))
        .children(
            header
                .guardian_disclosure
                .iter()
                .flat_map(|told| &told.grounds)
                .map(|grounds| hl7fi("authorizationRestrictionArgument").text(grounds.as_str())),
        )
        .children(header.withheld_from_client.iter().map(|code| coded(hl7fi("inaccessibleArgument"), code)))
        .children(header.replaces.iter().map(|(_, reason)| reason_of_correction(reason)))
}

fn software(header: &Header) -> Element {
    hl7fi("softwareSupport")
        .with("moderator", header.software.moderator.as_str())
        .with("product", header.software.product.as_str())
        .with("version", header.software.version.as_str())
}

/// Why a version replaces another. Inferred: its code system is not published, so the reason stands as HL7's data type CE
/// carries a reason without code (null flavor `OTH`, `originalText`).
fn reason_of_correction(reason: &str) -> Element {
    hl7fi("reasonOfCorrection").with("nullFlavor", "OTH").child(hl7("originalText").text(reason))
}

/// What a professional's signature says of itself beside the signature: number, name, way of authentication, time.
pub(crate) fn professional_signature(signer: &Worker, at: Instant) -> Element {
    let name = hl7fi("name")
        .children(signer.name.given.iter().map(|given| hl7fi("given").text(given.as_str())))
        .child(hl7fi("family").text(signer.name.family.as_str()));
    hl7fi("signature")
        .child(hl7fi("assignedAuthorSigner").text(signer.registration_number.reveal()))
        .child(hl7fi("signer").child(name))
        .child(fixed(hl7fi("authenticationMethod"), &PROFESSIONAL_CERTIFICATE))
        .child(hl7fi("time").with("value", at.hl7()))
}
