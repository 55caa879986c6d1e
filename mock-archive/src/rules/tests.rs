//! Every rule of a store message, kept and broken, over the archive's plain functions.

#![expect(clippy::unwrap_used, reason = "a failed set-up is a failed test")]

use serde_json::json;

use crate::answers::AckCode;
use crate::finding::{Rule, Weight};
use crate::samples::{PRODUCER, PRODUCER_UNIT, Sample, SignedBy, archive, oid, prepared_archive};

#[test]
fn good_documents_are_taken() {
    let (archive, _) = archive();
    for sample in [Sample::relationship(), Sample::case(), Sample::decision(), Sample::entry()] {
        let acceptance = sample.give_to(&archive);
        assert_eq!(acceptance.code, AckCode::Aa, "{:?}", acceptance.findings);
    }
    assert_eq!(archive.ledger().stored_once(), Ok(4));
}

/// One broken rule: the rule, the sample, what is done to it.
type Breach = (Rule, fn() -> Sample, fn(&mut Sample));

const BREACHES: &[Breach] = &[
    (Rule::MessageInteraction, Sample::entry, |s| {
        s.frame_edits = vec![(
            "<interactionId root=\"2.16.840.1.113883.1.6\" extension=\"RCMR_IN200002FI01\"/>",
            "<interactionId extension=\"RCMR_IN200029FI01\"/>",
        )]
    }),
    (Rule::MessageForm, Sample::entry, |s| {
        s.frame_edits = vec![("<priorityCode code=\"R\"/><reasonCode", "<priorityCode code=\"R\"/><other")]
    }),
    (Rule::MessageNumber, Sample::entry, |s| s.frame_edits = vec![("extension=\"17\"", "extension=\"17a\"")]),
    (Rule::MessageProcessing, Sample::entry, |s| {
        s.frame_edits = vec![("<processingCode code=\"D\"/>", "<processingCode code=\"P\"/>")]
    }),
    (Rule::MessageReceiver, Sample::entry, |s| s.frame_edits = vec![("1.2.246.556.18007.2", "1.2.246.556.18007.3")]),
    (Rule::MessageTrigger, Sample::entry, |s| s.frame_edits = vec![("RCMR_TE000102UV01", "RCMR_TE000103UV01")]),
    (Rule::MessageServiceRequest, Sample::entry, |s| s.service_request = "SP2"),
    (Rule::MessageUseSituation, Sample::entry, |s| s.use_situation = "7"),
    (Rule::FrameRegister, Sample::entry, |s| s.frame_edits = vec![("<code code=\"1\"", "<code code=\"2\"")]),
    (Rule::FrameStates, Sample::entry, |s| {
        s.frame_edits = vec![("<storageCode code=\"AC\"/>", "<storageCode code=\"NO\"/>")]
    }),
    (Rule::PairId, Sample::entry, |s| {
        s.frame_edits =
            vec![("<id root=\"1.2.246.10.99999992.95.2026.1\"/>", "<id root=\"1.2.246.10.99999992.95.2026.9\"/>")]
    }),
    (Rule::PairSetId, Sample::entry, |s| {
        s.frame_edits =
            vec![("<setId root=\"1.2.246.10.99999992.95.2026.1\"/>", "<setId root=\"1.2.246.10.99999992.95.2026.9\"/>")]
    }),
    (Rule::PairVersion, Sample::entry, |s| {
        s.frame_edits = vec![("<versionNumber value=\"1\"/>", "<versionNumber value=\"2\"/>")]
    }),
    (Rule::PairEffectiveTime, Sample::entry, |s| {
        s.frame_edits =
            vec![("<effectiveTime value=\"20261122110000+0200\"/>", "<effectiveTime value=\"20261122110001+0200\"/>")]
    }),
    (Rule::PairClients, Sample::entry, |s| s.frame_edits = vec![("010190-900P", "010181-900C")]),
    (Rule::PairCustodian, Sample::entry, |s| {
        s.frame_edits = vec![("<id root=\"1.2.246.10.99999991.10.0\"/>", "<id root=\"1.2.246.10.99999993.10.0\"/>")]
    }),
    (Rule::PairCase, Sample::entry, |s| {
        s.frame_edits = vec![("1.2.246.10.99999991.40.2026.1", "1.2.246.10.99999991.40.2026.2")]
    }),
    (Rule::PairGroup, Sample::decision, |s| s.service_request = "OURS-ARCHIVE-CASE"),
    (Rule::TestPerson, Sample::entry, |s| {
        s.frame_edits =
            vec![("<family>Testinen</family>", concat!("<family>010190-123Z Testinen 010190", "-123M</family>"))]
    }),
    (Rule::TestPerson, Sample::entry, |s| s.document_edits = vec![("Yksikkö", concat!("010190", "-123M"))]),
    (Rule::TestPerson, Sample::entry, |s| s.document_edits = vec![("<!-- c -->", concat!("<!-- 010190", "-123M -->"))]),
    (Rule::TestPerson, Sample::entry, |s| {
        s.display = s.display.replace("010190*****", concat!("tunnus 010190", "-123M."))
    }),
    (Rule::TestPerson, Sample::entry, |s| s.display = s.display.replace("010190*****", "<b>010190</b>-123M")),
    (Rule::TestPerson, Sample::entry, |s| {
        *s.content.pointer_mut("/merkinta/asiakas/0").unwrap() = json!({"kuvaus": [concat!("naapuri 010190", "-123m")]})
    }),
    (Rule::DocumentForm, Sample::entry, |s| s.document_edits = vec![("recordTarget", "recordTargets")]),
    (Rule::DocumentCodes, Sample::entry, |s| {
        s.document_edits = vec![("<confidentialityCode code=\"6\"", "<confidentialityCode code=\"5\"")]
    }),
    (Rule::DocumentCustodian, Sample::entry, |s| {
        s.document_edits = vec![(
            "<x:outsourcingServiceCustomer root=\"1.2.246.10.99999991.10.0\"/>",
            "<x:outsourcingServiceCustomer root=\"1.2.246.10.99999993.10.0\"/>",
        )]
    }),
    (Rule::DocumentCase, Sample::decision, |s| s.case = None),
    (Rule::DocumentBodyId, Sample::entry, |s| {
        s.document_edits = vec![(
            "<nonXMLBody ID=\"OID1.2.246.10.99999992.95.2026.1\"",
            "<nonXMLBody ID=\"OID1.2.246.10.99999992.95.2026.2\"",
        )]
    }),
    (Rule::DisplayForm, Sample::entry, |s| s.display = "<p>unfinished".into()),
    (Rule::DisplayForm, Sample::entry, |s| {
        s.display = "<!DOCTYPE div><div xmlns=\"http://www.w3.org/1999/xhtml\"/>".into()
    }),
    (Rule::DisplayId, Sample::entry, |s| s.display = s.display.replace("2026.1\"", "2026.2\"")),
    (Rule::ContentForm, Sample::entry, |s| s.content = json!({"a": {}, "b": {}})),
    (Rule::ContentClient, Sample::entry, |s| {
        *s.content.pointer_mut("/merkinta/asiakas/0/henkilotunnus/value").unwrap() = json!("010181-900C")
    }),
    (Rule::ContentClient, Sample::decision, |s| {
        s.document_edits = vec![(
            "</recordTarget>",
            "</recordTarget><recordTarget><patientRole><id root=\"1.2.246.21\" extension=\"010181-900C\"/><patient><name>\
             <given>Toinen</given><family>Testinen</family></name><birthTime value=\"19810101\"/></patient></patientRole></recordTarget>",
        )];
        s.frame_edits = vec![(
            "</recordTarget>",
            "</recordTarget><recordTarget typeCode=\"RCT\"><patient classCode=\"PAT\"><id root=\"1.2.246.21\" extension=\"010181-900C\"/></patient></recordTarget>",
        )];
    }),
    (
        Rule::ContentCase,
        || Sample::case().next_case(),
        |s| *s.content.pointer_mut("/asia_asiakirja/asian_tiedot/asiatunnus/value").unwrap() = json!("1.2.3"),
    ),
    (Rule::ContentRelationship, Sample::next_relationship, |s| {
        s.document_edits = vec![(
            "<x:encompassingClientRelationship root=\"1.2.246.10.99999991.14.2026.1\"/>",
            "<x:encompassingClientRelationship root=\"1.2.3\"/>",
        )]
    }),
    (Rule::ContentProducerRows, Sample::next_relationship, |s| {
        *s.content
            .pointer_mut(
                "/asiakkuusasiakirja/sosiaalihuollon_palvelutehtava/0/palveluntuottaja/0/asiakkuuden_alkamispvm",
            )
            .unwrap() = json!("pian")
    }),
    (Rule::VersionFirst, Sample::entry, |s| s.set_id = "1.2.3".into()),
    (Rule::VersionFirst, Sample::entry, |s| {
        s.version = 2;
        s.service_request = "OURS-NEW-VERSION";
    }),
    (Rule::PairNewVersion, Sample::entry, |s| s.service_request = "OURS-NEW-VERSION"),
    (Rule::PairNewVersion, Sample::next_relationship, |s| s.service_request = "SP1"),
    (Rule::DocumentGroup, Sample::decision, |s| s.group = "4"),
    (Rule::VersionReplaces, Sample::next_relationship, |s| {
        s.document_edits = vec![(
            "</custodian>",
            "</custodian><relatedDocument typeCode=\"RPLC\"><parentDocument><id root=\"1.2.3\"/></parentDocument></relatedDocument>",
        )]
    }),
    (Rule::VersionFirst, Sample::entry, |s| s.version = 0),
    (Rule::VersionSuccessor, Sample::next_relationship, |s| s.version = 3),
    (Rule::VersionSuccessor, Sample::next_relationship, |s| s.set_id = "1.2.3".into()),
    (Rule::DuplicateId, Sample::relationship, |s| s.display = s.display.replace("*****", "****")),
    (Rule::SignaturePresent, Sample::entry, |s| s.signed_by = SignedBy::Nobody),
    (Rule::SignatureSigner, Sample::entry, |s| s.signed_by = SignedBy::Organiser),
    (Rule::SignatureSigner, Sample::decision, |s| s.document_edits = vec![("90000000001", "90000000002")]),
    (Rule::SignatureProfessional, Sample::decision, |s| s.signed_by = SignedBy::Organiser),
    (Rule::AccessUse, Sample::entry, |s| s.use_situation = "1"),
    (Rule::AccessUse, Sample::decision, |s| s.use_situation = "OURS-REGISTER-ACCESS"),
    (Rule::AccessUnit, Sample::entry, |s| {
        s.worker_unit = "1.2.246.10.99999992.10.2";
        s.unit = s.worker_unit;
    }),
    (Rule::AccessDocumentUnit, Sample::entry, |s| s.unit = "1.2.246.10.99999992.10.2"),
    (Rule::AccessGroup, || Sample::entry().made_a_case(), |_| {}),
    (Rule::CaseKnown, Sample::entry, |s| s.case = Some("1.2.246.10.99999991.40.2026.2")),
];

impl Sample {
    fn next_case(self) -> Self {
        self.next_version("1.2.246.10.99999991.95.2026.20", 2)
    }

    fn next_relationship() -> Self {
        Self::relationship().next_version("1.2.246.10.99999991.95.2026.10", 2)
    }

    /// A producer's attempt to write a case document in the organiser's register.
    fn made_a_case(mut self) -> Self {
        let case = Self::case();
        (self.group, self.types, self.content) = (case.group, None, case.content);
        self.service_request = "OURS-ARCHIVE-CASE";
        self
    }
}

#[test]
fn each_broken_rule_refuses_the_document_and_nothing_else_is_found() {
    for (index, (rule, sample, breach)) in BREACHES.iter().enumerate() {
        let (archive, _) = prepared_archive();
        let mut sample = sample();
        breach(&mut sample);
        let acceptance = sample.give_to(&archive);
        let found: Vec<_> = acceptance.findings.iter().map(|finding| finding.rule).collect();
        assert_eq!((acceptance.code, found.as_slice()), (AckCode::Ae, [*rule].as_slice()), "breach {index}");
    }
}

#[test]
fn every_refusing_rule_is_broken_by_some_test() {
    // Broken in the tests of signature.rs, structures.rs, archive/tests.rs and below.
    const ELSEWHERE: &[Rule] = &[
        Rule::MessageSchema,
        Rule::DocumentSchema,
        Rule::MessageSoapAction,
        Rule::MessageAddressing,
        Rule::FrameNullified,
        Rule::VersionAfterInvalid,
        Rule::OrganisationJoined,
        Rule::OrganisationOrganiserPhase,
        Rule::OrganisationProducerPhase,
        Rule::AccessRole,
        Rule::AccessInvalidation,
        Rule::InvalidationDocument,
        Rule::InvalidationMetadata,
        Rule::InvalidationReason,
        Rule::CaseClosed,
        Rule::MessageSender,
        Rule::MessageAttachment,
        Rule::ContentStructure,
        Rule::SignatureForm,
        Rule::SignatureAlgorithms,
        Rule::SignatureReferences,
        Rule::SignatureDigest,
        Rule::SignatureValue,
        Rule::SignatureCertificate,
        Rule::SignatureMoment,
        Rule::AccessRelationship,
        Rule::AccessStarted,
        Rule::AccessEnded,
        Rule::CaseClient,
        Rule::QueryForm,
        Rule::QueryPage,
        Rule::QuerySubject,
        Rule::QueryContinuation,
    ];
    let refusing = Rule::ALL.iter().filter(|rule| rule.weight() == Weight::Refuses);
    let untested: Vec<_> = refusing
        .filter(|rule| !ELSEWHERE.contains(rule) && !BREACHES.iter().any(|(broken, ..)| broken == *rule))
        .collect();
    assert!(untested.is_empty(), "{untested:?}");
}

#[test]
fn the_sender_is_the_certificates_organisation_or_above_it() {
    let (archive, _) = prepared_archive();
    let sample = Sample::entry();
    let give = |peer: &str| archive.take_pair(&oid(peer), sample.frame(None).as_bytes(), sample.document().as_bytes());
    for stranger in ["1.2.246.10.99999991.10.0", "1.2.246.10.99999992.10", "1.2.246.10.99999992.10.1"] {
        let found: Vec<_> = give(stranger).findings.iter().map(|finding| finding.rule).collect();
        assert_eq!(found, [Rule::MessageSender], "{stranger}");
    }
    assert_eq!(give(&format!("{PRODUCER}.1")).code, AckCode::Aa);
}

#[test]
fn the_right_to_store_follows_the_days_of_the_row() {
    let cases = [
        (("2026-11-22", None), None),
        (("2026-11-23", None), Some(Rule::AccessStarted)),
        (("2026-11", None), None),
        (("2026-01-01", Some("2026-11-22")), None),
        (("2026-01-01", Some("2026-11-21")), Some(Rule::AccessEnded)),
        (("2026", Some("2026-11")), None),
        (("2026", Some("2026-10")), Some(Rule::AccessEnded)),
    ];
    for ((start, end), expected) in cases {
        let (archive, _) = archive();
        for sample in [Sample::relationship_with(PRODUCER_UNIT, start, end), Sample::case()] {
            assert_eq!(sample.give_to(&archive).code, AckCode::Aa);
        }
        let found = Sample::entry().give_to(&archive).findings;
        assert_eq!(found.first().map(|finding| finding.rule), expected, "{start} to {end:?}");
    }
}

#[test]
fn a_document_drawn_up_before_the_end_may_be_stored_after_it() {
    let (archive, clock) = archive();
    for sample in [Sample::relationship_with(PRODUCER_UNIT, "2026-01-01", Some("2026-11-22")), Sample::case()] {
        assert_eq!(sample.give_to(&archive).code, AckCode::Aa);
    }
    clock.set("2026-12-24T10:00:00Z".parse().unwrap());
    assert_eq!(Sample::entry().give_to(&archive).code, AckCode::Aa);
}

#[test]
fn only_the_newest_relationship_document_counts() {
    let (archive, _) = prepared_archive();
    let newer = Sample::relationship_with("1.2.246.10.99999993.10.1", "2026-01-01", None);
    let newer = newer.next_version("1.2.246.10.99999991.95.2026.10", 2);
    assert_eq!(newer.give_to(&archive).code, AckCode::Aa);
    let found: Vec<_> = Sample::entry().give_to(&archive).findings.iter().map(|finding| finding.rule).collect();
    assert_eq!(found, [Rule::AccessUnit]);
    // The version before does not come back, and none comes after.
    assert!(archive.invalidate(&oid(&newer.id)).unwrap());
    let found: Vec<_> = Sample::entry().give_to(&archive).findings.iter().map(|finding| finding.rule).collect();
    assert_eq!(found, [Rule::AccessRelationship]);
    let third = Sample::relationship().next_version("1.2.246.10.99999991.95.2026.11", 3);
    let found: Vec<_> = third.give_to(&archive).findings.iter().map(|finding| finding.rule).collect();
    assert_eq!(found, [Rule::VersionAfterInvalid]);
}

#[test]
fn without_a_relationship_document_nothing_is_granted() {
    let (archive, _) = archive();
    assert_eq!(Sample::case().give_to(&archive).code, AckCode::Aa);
    let found: Vec<_> = Sample::entry().give_to(&archive).findings.iter().map(|finding| finding.rule).collect();
    assert_eq!(found, [Rule::AccessRelationship]);
}

#[test]
fn under_a_register_access_right_a_record_goes_to_its_clients_own_case_only() {
    let (archive, _) = archive();
    let mut of_another = Sample::case();
    of_another.document_edits = vec![("010190-900P", "010181-900C")];
    of_another.frame_edits = of_another.document_edits.clone();
    *of_another.content.pointer_mut("/asia_asiakirja/asiakas/0/henkilotunnus/value").unwrap() = json!("010181-900C");
    for sample in [Sample::relationship(), of_another] {
        assert_eq!(sample.give_to(&archive).code, AckCode::Aa);
    }
    let refused = Sample::entry().give_to(&archive);
    let found: Vec<_> = refused.findings.iter().map(|finding| finding.rule).collect();
    assert_eq!((refused.code, found), (AckCode::Ae, vec![Rule::CaseClient]));
}

#[test]
fn the_same_bytes_are_taken_again_without_being_stored_again() {
    let (archive, _) = prepared_archive();
    let again = Sample::case().give_to(&archive);
    assert!(again.already_stored);
    assert_eq!(again.code, AckCode::Aa);
    assert_eq!(archive.ledger().stored_once(), Ok(2));
    assert_eq!(archive.ledger().entries().len(), 3);
    assert!(archive.ledger().assert_no_unasked_second_arrival().is_err());
}

#[test]
fn warnings_do_not_refuse() {
    let (archive, _) = prepared_archive();
    let mut sample = Sample::decision();
    sample.types = Some(("15", "11000"));
    sample.case = Some("1.2.246.10.99999991.40.2026.7");
    sample.frame_edits = vec![("<code code=\"RCMR_TE000102UV01\" codeSystem=\"2.16.840.1.113883.1.18\"/>", "")];
    let acceptance = sample.give_to(&archive);
    let warned: Vec<_> = acceptance.warnings.iter().map(|finding| finding.rule).collect();
    assert_eq!(acceptance.code, AckCode::Aa);
    assert_eq!(
        warned,
        [Rule::MessageTriggerMissing, Rule::DocumentSpecificType, Rule::ContentStructureUnknown, Rule::CaseKnownOwn]
    );
}
