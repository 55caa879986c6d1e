//! Where in the archive document a part of the local record ends up.
//!
//! Knows the record's own members only; names are those of HL7 CDA R2 and its Finnish social-care header.

/// The members of a record, and where in the document each stands.
const PLACES: [(&str, &str); 16] = [
    ("structure", "hl7fi:localSocialHeader/hl7fi:contentSpecificationId"),
    ("language", "languageCode"),
    ("organiser/oid", "custodian/assignedCustodian/representedCustodianOrganization/id"),
    ("organiser", "custodian/assignedCustodian/representedCustodianOrganization"),
    ("unit", "componentOf/encompassingEncounter/encounterParticipant/assignedEntity/representedOrganization"),
    ("author/registration_number", "author/assignedAuthor/id"),
    ("author", "author/assignedAuthor"),
    ("service_task", "hl7fi:localSocialHeader/hl7fi:functionCode"),
    ("service_process", "hl7fi:localSocialHeader/hl7fi:serviceProcess"),
    ("case", "componentOf/encompassingEncounter/id"),
    ("drawn_up", "effectiveTime"),
    ("retention_class", "hl7fi:localSocialHeader/hl7fi:totalRetentionPeriodClass"),
    ("special_content", "hl7fi:localSocialHeader/hl7fi:specialContent"),
    ("replaces/reason", "hl7fi:localSocialHeader/hl7fi:reasonOfCorrection"),
    ("replaces", "relatedDocument"),
    ("content", "component/nonXMLBody/hl7fi:json"),
];

/// The same for what is below a client.
const OF_CLIENT: [(&str, &str); 6] = [
    ("identity_code", "/patientRole/id"),
    ("temporary_id", "/patientRole/id"),
    ("name", "/patientRole/patient/name"),
    ("birth_date", "/patientRole/patient/birthTime"),
    ("gender", "/patientRole/patient/administrativeGenderCode"),
    ("", ""),
];

/// The path in the document for a JSON Pointer into the record; `None` for what no document shows (the acting worker, the
/// professional link, the kind of purchase) and for the record as a whole.
pub(super) fn of(pointer: &str) -> Option<String> {
    let inside = pointer.strip_prefix('/')?;
    if let Some(client) = under(inside, "clients") {
        let (index, part) = client.split_once('/').unwrap_or((client, ""));
        let number = index.parse::<usize>().map_or_else(|_| String::new(), |i| format!("[{}]", i.saturating_add(1)));
        let below = OF_CLIENT.iter().find(|(name, _)| name.is_empty() || under(part, name).is_some());
        return Some(format!("/ClinicalDocument/recordTarget{number}{}", below.map_or("", |(_, path)| path)));
    }
    let place = PLACES.iter().find(|(name, _)| under(inside, name).is_some());
    place.map(|(_, path)| format!("/ClinicalDocument/{path}"))
}

/// What follows a member's name in a pointer; empty for the member itself.
fn under<'a>(pointer: &'a str, name: &str) -> Option<&'a str> {
    let rest = pointer.strip_prefix(name)?;
    if rest.is_empty() { Some(rest) } else { rest.strip_prefix('/') }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_part_of_the_record_is_found_in_the_document() {
        for (pointer, path) in [
            ("/clients/1/identity_code", Some("/ClinicalDocument/recordTarget[2]/patientRole/id")),
            ("/clients/0/safety_ban", Some("/ClinicalDocument/recordTarget[1]")),
            ("/clients", Some("/ClinicalDocument/recordTarget")),
            ("/content/x/asiakas", Some("/ClinicalDocument/component/nonXMLBody/hl7fi:json")),
            ("/replaces/version", Some("/ClinicalDocument/relatedDocument")),
            ("/replaces/reason", Some("/ClinicalDocument/hl7fi:localSocialHeader/hl7fi:reasonOfCorrection")),
            ("/case", Some("/ClinicalDocument/componentOf/encompassingEncounter/id")),
            ("/professional_link/period", None),
            ("/casework", None),
            ("", None),
        ] {
            assert_eq!(of(pointer).as_deref(), path, "{pointer}");
        }
    }
}
