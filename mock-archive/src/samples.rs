//! Messages and documents for the tests, written by hand after docs/wire.md and signed here with openssl.
//!
//! Persons are 900-series test persons, organisations have business ids that nobody can get.

#![expect(clippy::unwrap_used, reason = "test support: a failed set-up is a failed test")]

use std::sync::{Arc, OnceLock};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bergshamra_c14n::C14nMode;
use openssl::hash::MessageDigest;
use openssl::pkey::PKey;
use openssl::sign::Signer;
use serde_json::{Value, json};

use crate::archive::{Acceptance, Archive};
use crate::certs::{DevPki, OrgIdentity, PemIdentity, Professional};
use crate::clock::Clock;
use crate::intake::soap::HttpMessage;
use crate::oid::Oid;
use crate::server::MockArchive;

pub(crate) const ORGANISER: &str = "1.2.246.10.99999991.10.0";
pub(crate) const ORGANISER_UNIT: &str = "1.2.246.10.99999991.10.1";
pub(crate) const PRODUCER: &str = "1.2.246.10.99999992.10.0";
pub(crate) const PRODUCER_UNIT: &str = "1.2.246.10.99999992.10.1";
pub(crate) const CASE: &str = "1.2.246.10.99999991.40.2026.1";
pub(crate) const CLIENT: &str = "010190-900P";
const WORKER: &str = "010181-900C";
const REGISTRATION_NUMBER: &str = "90000000001";
pub(crate) const NOW: &str = "2026-11-22T10:00:00Z";
const SIGNED_AT: &str = "2026-11-22T09:00:00Z";

/// The PKI and signers of all tests; RSA keys are made once.
pub(crate) struct Kit {
    pub(crate) pki: Arc<DevPki>,
    organiser: PemIdentity,
    producer: PemIdentity,
    professional: PemIdentity,
}

pub(crate) fn kit() -> &'static Kit {
    static KIT: OnceLock<Kit> = OnceLock::new();
    KIT.get_or_init(|| {
        let pki = DevPki::new(NOW.parse().unwrap()).unwrap();
        let person = Professional {
            registration_number: REGISTRATION_NUMBER.into(),
            title: "Sosiaalityöntekijä".into(),
            name: "Testinen Tea".into(),
        };
        Kit {
            organiser: pki.system_signer(&organisation(ORGANISER)).unwrap(),
            producer: pki.system_signer(&organisation(PRODUCER)).unwrap(),
            professional: pki.professional_signer(&person).unwrap(),
            pki: Arc::new(pki),
        }
    })
}

pub(crate) fn organisation(oid: &str) -> OrgIdentity {
    OrgIdentity { oid: self::oid(oid), name: "Esimerkki (test)".into() }
}

pub(crate) fn oid(text: &str) -> Oid {
    Oid::parse(text).unwrap()
}

/// An archive without a server that trusts the kit's signers, at [`NOW`].
pub(crate) fn archive() -> (Archive, Clock) {
    let clock = Clock::standing_at(NOW.parse().unwrap());
    let builder = MockArchive::builder().clock(clock.clone()).pki(Arc::clone(&kit().pki));
    // The rules are tested one by one; what the schemas say of the same breach is tested in `schemas/tests.rs`.
    (builder.without_schemas().archive().unwrap(), clock)
}

/// One that already has the relationship document and the case document.
pub(crate) fn prepared_archive() -> (Archive, Clock) {
    let (archive, clock) = archive();
    for sample in [Sample::relationship(), Sample::case()] {
        let acceptance = sample.give_to(&archive);
        assert_eq!(acceptance.code.as_str(), "AA", "{:?}", acceptance.findings);
    }
    (archive, clock)
}

/// Who signs a sample.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum SignedBy {
    Organiser,
    Producer,
    Professional,
    Nobody,
}

/// A document and its message; every field may be set wrong.
#[derive(Clone)]
pub(crate) struct Sample {
    pub(crate) id: String,
    pub(crate) set_id: String,
    pub(crate) version: u32,
    pub(crate) group: &'static str,
    /// General and specific type.
    pub(crate) types: Option<(&'static str, &'static str)>,
    pub(crate) case: Option<&'static str>,
    pub(crate) unit: &'static str,
    pub(crate) content: Value,
    pub(crate) structure: &'static str,
    pub(crate) service_request: &'static str,
    pub(crate) use_situation: &'static str,
    pub(crate) sender: &'static str,
    pub(crate) worker_unit: &'static str,
    pub(crate) effective_time: &'static str,
    pub(crate) display: String,
    pub(crate) signed_by: SignedBy,
    /// Replacements in the document before it is signed, and in the frame.
    pub(crate) document_edits: Vec<(&'static str, &'static str)>,
    pub(crate) frame_edits: Vec<(&'static str, &'static str)>,
}

impl Sample {
    fn new(id: &str, group: &'static str, content: Value) -> Self {
        Self {
            id: id.into(),
            set_id: id.into(),
            version: 1,
            group,
            types: None,
            case: Some(CASE),
            unit: ORGANISER_UNIT,
            content,
            structure: "1.2.246.537.6.1505.2.2022.6.28",
            service_request: "OURS-ARCHIVE-CASE",
            use_situation: "1",
            sender: ORGANISER,
            worker_unit: ORGANISER_UNIT,
            effective_time: "20261122110000+0200",
            display: format!(
                "<div class=\"soc-document\" id=\"OID{id}\" xmlns=\"http://www.w3.org/1999/xhtml\"><p>010190*****</p></div>"
            ),
            signed_by: SignedBy::Organiser,
            document_edits: Vec::new(),
            frame_edits: Vec::new(),
        }
    }

    /// The organiser's relationship document; names the producer's unit from 2026-02-01.
    pub(crate) fn relationship() -> Self {
        let unit = |code: &str, start: &str| json!({"palveluyksikon_nimi": {"system": "urn:oid:1.2.246.537.6.202", "code": code, "display": "x"}, "asiakkuuden_alkamispvm": start});
        let content = json!({"asiakkuusasiakirja": {
            "asiakkuuden_yksilointitunnus": {"value": "1.2.246.10.99999991.14.2026.1"},
            "asiakas": {"henkilotunnus": {"system": "1.2.246.21", "value": CLIENT}},
            "sosiaalihuollon_palvelutehtava": [{"palveluntuottaja": [unit(PRODUCER_UNIT, "2026-02")]}],
        }});
        Self {
            case: None,
            structure: "1.2.246.537.6.1505.1.2023.6.1",
            service_request: "SP1",
            ..Self::new("1.2.246.10.99999991.95.2026.1", "1", content)
        }
    }

    /// The relationship document with one producer row of these dates.
    pub(crate) fn relationship_with(unit: &str, start: &str, end: Option<&str>) -> Self {
        let mut sample = Self::relationship();
        let row = sample
            .content
            .pointer_mut("/asiakkuusasiakirja/sosiaalihuollon_palvelutehtava/0/palveluntuottaja/0")
            .unwrap();
        *row = json!({"palveluyksikon_nimi": {"code": unit}, "asiakkuuden_alkamispvm": start});
        if let Some(end) = end {
            row.as_object_mut().unwrap().insert("asiakkuuden_paattymispvm".into(), json!(end));
        }
        sample
    }

    /// The organiser's case document.
    pub(crate) fn case() -> Self {
        let content = json!({"asia_asiakirja": {
            "asiakas": [{"henkilotunnus": {"system": "urn:oid:1.2.246.21", "value": CLIENT}}],
            "asian_tiedot": {"asiatunnus": {"value": CASE}},
        }});
        Self::new("1.2.246.10.99999991.95.2026.2", "2", content)
    }

    /// The organiser's service decision, signed by a professional.
    pub(crate) fn decision() -> Self {
        let content = json!({"iakkaiden_palvelupaatos": {
            "asiakas": [{"henkilotunnus": {"system": "urn:oid:1.2.246.21", "value": CLIENT}}],
            "allekirjoitus": {"allekirjoituksen_tyyppi": {"code": "1"}},
        }});
        Self {
            types: Some(("11", "11000")),
            structure: "1.2.246.537.6.1506.11000.2023.9.8",
            service_request: "SP17",
            signed_by: SignedBy::Professional,
            ..Self::new("1.2.246.10.99999991.95.2026.3", "5", content)
        }
    }

    /// The producer's journal entry in the organiser's register.
    pub(crate) fn entry() -> Self {
        let content = json!({"merkinta": {"asiakas": [{"henkilotunnus": {"value": CLIENT}}]}});
        Self {
            types: Some(("19", "19002")),
            structure: "1.2.246.537.6.1506.19002.2022.1.10",
            service_request: "SP17",
            use_situation: "OURS-REGISTER-ACCESS",
            sender: PRODUCER,
            worker_unit: PRODUCER_UNIT,
            unit: PRODUCER_UNIT,
            signed_by: SignedBy::Producer,
            ..Self::new("1.2.246.10.99999992.95.2026.1", "5", content)
        }
    }

    /// The next version under a new id.
    pub(crate) fn next_version(mut self, id: &str, version: u32) -> Self {
        self.display = self.display.replace(&self.id, id);
        self.id = id.into();
        self.version = version;
        self.service_request = "OURS-NEW-VERSION";
        self
    }

    pub(crate) fn document(&self) -> String {
        let unsigned = edited(self.unsigned(), &self.document_edits);
        let (kind, identity) = match self.signed_by {
            SignedBy::Organiser => (3, &kit().organiser),
            SignedBy::Producer => (3, &kit().producer),
            SignedBy::Professional => (1, &kit().professional),
            SignedBy::Nobody => return unsigned,
        };
        let body_id = unsigned.split("nonXMLBody ID=\"").nth(1).and_then(|rest| rest.split('"').next());
        sign(&unsigned, body_id.unwrap(), kind, identity)
    }

    fn unsigned(&self) -> String {
        let Self { id, set_id, version, group, unit, structure, effective_time, .. } = self;
        let (general, specific) = match self.types {
            Some((general, specific)) => (
                format!("<code code=\"{general}\" codeSystem=\"1.2.246.537.6.1506.201701\"/>"),
                format!(
                    "<x:specificDocumentType code=\"{specific}\" codeSystem=\"1.2.246.537.6.1506.201701\" displayName=\"Päätös &amp; &quot;muu&quot;\"/>"
                ),
            ),
            None => ("<code nullFlavor=\"NA\"/>".into(), String::new()),
        };
        let case = self.case.map_or("nullFlavor=\"NA\"".into(), |case| format!("root=\"{case}\""));
        let author = match self.types {
            Some(_) => format!("<id root=\"1.2.246.537.26\" extension=\"{REGISTRATION_NUMBER}\"/>"),
            None => "<id nullFlavor=\"NA\"/>".into(),
        };
        let display = STANDARD.encode(&self.display);
        let json = STANDARD.encode(self.content.to_string());
        format!(
            "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<ClinicalDocument xmlns=\"urn:hl7-org:v3\" xmlns:x=\"urn:hl7finland\">\n\
             <realmCode code=\"FI\"/><typeId root=\"2.16.840.1.113883.1.3\" extension=\"POCD_HD000040\"/>\n\
             <id root=\"{id}\"/>{general}<effectiveTime value=\"{effective_time}\"/>\
             <confidentialityCode code=\"6\" codeSystem=\"1.2.246.777.5.99902.2006\"/><languageCode code=\"fi\"/>\
             <setId root=\"{set_id}\"/><versionNumber value=\"{version}\"/>\n\
             <recordTarget><patientRole><id root=\"1.2.246.21\" extension=\"{CLIENT}\"/><patient><name><given>Tessa</given>\
             <given qualifier=\"CL\">Tessa</given><family>Testinen</family></name><administrativeGenderCode code=\"2\" codeSystem=\"1.2.246.537.5.1.1997\"/>\
             <birthTime value=\"19900101\"/></patient></patientRole></recordTarget>\n\
             <author><time nullFlavor=\"NA\"/><assignedAuthor>{author}</assignedAuthor></author>\n\
             <custodian><assignedCustodian><representedCustodianOrganization><id root=\"{ORGANISER}\"/><name>Esimerkki</name>\
             </representedCustodianOrganization></assignedCustodian></custodian>\n\
             <componentOf><encompassingEncounter><id {case}/><effectiveTime nullFlavor=\"NA\"/><encounterParticipant typeCode=\"ADM\">\
             <assignedEntity><id nullFlavor=\"NA\"/><representedOrganization><id root=\"{unit}\"/><name>Yksikkö</name></representedOrganization>\
             </assignedEntity></encounterParticipant></encompassingEncounter></componentOf>\n\
             <x:localSocialHeader>{specific}<x:creationTime value=\"{effective_time}\"/>\
             <x:documentGroup code=\"{group}\" codeSystem=\"1.2.246.537.6.1505.201601\"/>\
             <x:fileFormat code=\"2\" codeSystem=\"1.2.246.537.6.1502.201601\"/>\
             <x:structuredFileFormat code=\"5\" codeSystem=\"1.2.246.537.5.40179.2008\"/>\
             <x:softwareSupport moderator=\"Esimerkki\" product=\"Esimerkki\" version=\"1\"/>\
             <x:functionCode code=\"15\" codeSystem=\"1.2.246.537.6.1221.201601\"/>\
             <x:recordStatus code=\"3\" codeSystem=\"1.2.246.537.5.40154.2008\"/>\
             <x:registryType code=\"1\" codeSystem=\"1.2.246.537.6.1264.201701\"/>\
             <x:outsourcingServiceCustomer root=\"{ORGANISER}\"/>\
             <x:outsourcingServiceCustomerName>Esimerkki</x:outsourcingServiceCustomerName>\
             <x:totalRetentionPeriodClass code=\"1\" codeSystem=\"1.2.246.537.6.1258.201601\"/>\
             <x:specialContent code=\"E\" codeSystem=\"1.2.246.537.6.112.2007\"/><x:contentSpecificationId>{structure}</x:contentSpecificationId>\
             <x:encompassingClientRelationship root=\"1.2.246.10.99999991.14.2026.1\"/>\
             <x:serviceProcess><x:type>Sosiaalihuollon palveluprosessi</x:type><x:code code=\"5\" codeSystem=\"1.2.246.537.6.1277.201701\"/>\
             </x:serviceProcess></x:localSocialHeader>\n\
             <component><nonXMLBody ID=\"OID{id}\"><text mediaType=\"application/xhtml+xml\" representation=\"B64\"><!-- c -->\n\t{display}</text>\
             <x:json>{json}</x:json></nonXMLBody></component>\n</ClinicalDocument>"
        )
    }

    /// The frame; `reference` is the content id of the document's part.
    pub(crate) fn frame(&self, reference: Option<&str>) -> String {
        let Self { id, set_id, version, sender, worker_unit, service_request, use_situation, effective_time, .. } =
            self;
        let text = reference.map(|id| format!("<reference value=\"cid:{id}\"/>")).unwrap_or_default();
        let case = self
            .case
            .filter(|_| self.group != "1")
            .map(|case| format!("<componentOf><encounterEvent><id root=\"{case}\"/></encounterEvent></componentOf>"));
        let subject = format!(
            "<subject><clinicalDocument classCode=\"DOCCLIN\" moodCode=\"EVN\"><realmCode code=\"FI\"/>\
             <typeId root=\"2.16.840.1.113883.1.3\" extension=\"POCD_HD000040\"/><id root=\"{id}\"/><code code=\"1\" codeSystem=\"1.2.246.537.6.1264.201701\"/><text mediaType=\"multipart/related\">{text}</text>\
             <statusCode code=\"COMPLETED\"/><effectiveTime value=\"{effective_time}\"/><setId root=\"{set_id}\"/><versionNumber value=\"{version}\"/>\
             <completionCode code=\"LA\"/><storageCode code=\"AC\"/>\
             <recordTarget typeCode=\"RCT\"><patient classCode=\"PAT\"><id root=\"1.2.246.21\" extension=\"{CLIENT}\"/><statusCode code=\"normal\"/>\
             <patientPerson><name><family>Testinen</family><given>Tessa</given></name><birthTime value=\"19900101\"/></patientPerson></patient></recordTarget>\
             <author typeCode=\"AUT\"><time nullFlavor=\"NA\"/><assignedAuthor><id nullFlavor=\"NA\"/></assignedAuthor></author>\
             <custodian typeCode=\"CST\"><assignedCustodian><representedOrganization><id root=\"{ORGANISER}\"/></representedOrganization></assignedCustodian></custodian>\
             {}</clinicalDocument></subject>",
            case.unwrap_or_default()
        );
        let act = control_act(service_request, use_situation, worker_unit, &subject);
        edited(
            message(
                "RCMR_IN200002FI01",
                sender,
                "ER",
                &format!("<code code=\"RCMR_TE000102UV01\" codeSystem=\"2.16.840.1.113883.1.18\"/>{act}"),
            ),
            &self.frame_edits,
        )
    }

    /// The HTTP body of a store message and its content type.
    pub(crate) fn http(&self) -> (String, Vec<u8>) {
        let reference = format!("OID{}", self.id);
        let envelope = envelope(&self.frame(Some(&reference)));
        let body = format!(
            "--b\r\nContent-Type: text/xml; charset=utf-8\r\nContent-ID: <frame>\r\n\r\n{envelope}\r\n--b\r\nContent-Type: application/xml; charset=utf-8\r\n\
             Content-Transfer-Encoding: binary\r\nContent-ID: <{reference}>\r\n\r\n{}\r\n--b--\r\n",
            self.document()
        );
        ("multipart/related; type=\"text/xml\"; start=\"<frame>\"; boundary=\"b\"".into(), body.into_bytes())
    }

    /// Hands frame and document to an archive.
    pub(crate) fn give_to(&self, archive: &Archive) -> Acceptance {
        archive.take_pair(&oid(self.sender), self.frame(None).as_bytes(), self.document().as_bytes())
    }
}

fn edited(mut text: String, edits: &[(&str, &str)]) -> String {
    for (from, to) in edits {
        assert!(text.contains(from), "nothing to edit: {from}");
        text = text.replace(from, to);
    }
    text
}

/// A message element around a control act's content.
pub(crate) fn message(interaction: &str, sender: &str, acknowledge: &str, act: &str) -> String {
    format!(
        "<{interaction} xmlns=\"urn:hl7-org:v3\" ITSVersion=\"XML_1.0\"><id root=\"{sender}\" extension=\"17\"/>\
         <creationTime value=\"20261122110000+0200\"/><interactionId root=\"2.16.840.1.113883.1.6\" extension=\"{interaction}\"/>\
         <processingCode code=\"D\"/><processingModeCode code=\"T\"/><acceptAckCode code=\"{acknowledge}\"/>\
         <receiver typeCode=\"RCV\"><device><id root=\"1.2.246.556.18007.2\"/></device></receiver>\
         <sender typeCode=\"SND\"><device><id root=\"{sender}\"/></device></sender>\
         <controlActProcess classCode=\"CACT\" moodCode=\"EVN\">{act}</controlActProcess></{interaction}>"
    )
}

/// Priority, reasons, worker and subject.
pub(crate) fn control_act(service_request: &str, use_situation: &str, unit: &str, subject: &str) -> String {
    format!(
        "<priorityCode code=\"R\"/><reasonCode code=\"{use_situation}\" codeSystem=\"1.2.246.537.6.1289.201901\"/>\
         <reasonCode code=\"{service_request}\" codeSystem=\"1.2.246.537.6.1503.201601\"/>\
         <authorOrPerformer typeCode=\"PRF\"><assignedPerson><id root=\"1.2.246.21\" extension=\"{WORKER}\"/>\
         <assignedPerson><name><family>Testinen</family><given>Tea</given></name></assignedPerson>\
         <representedOrganization><id root=\"{unit}\"/><name>Yksikkö</name></representedOrganization></assignedPerson></authorOrPerformer>{subject}"
    )
}

pub(crate) fn envelope(message: &str) -> String {
    format!(
        "<?xml version=\"1.0\"?><s:Envelope xmlns:s=\"http://schemas.xmlsoap.org/soap/envelope/\"><s:Body>{message}</s:Body></s:Envelope>"
    )
}

/// Signs timestamp and body, and puts the collection at the end of the header.
pub(crate) fn sign(unsigned: &str, body_id: &str, kind: u8, identity: &PemIdentity) -> String {
    let certificate = identity.certificate_pem.lines().filter(|line| !line.starts_with("--")).collect::<String>();
    let reference = |uri: &str, digest: &str| {
        format!(
            "<Reference URI=\"#{uri}\"><Transforms><Transform Algorithm=\"http://www.w3.org/2001/10/xml-exc-c14n#\"/></Transforms>\
             <DigestMethod Algorithm=\"http://www.w3.org/2001/04/xmlenc#sha256\"/><DigestValue>{digest}</DigestValue></Reference>"
        )
    };
    let collection = format!(
        "<x:signatureCollection><x:signature ID=\"signature-1\"><x:signatureDescription code=\"{kind}\" codeSystem=\"1.2.246.537.5.40127.2006\"/>\
         <x:signatureTimestamp ID=\"time-1\">{SIGNED_AT}</x:signatureTimestamp><Signature xmlns=\"http://www.w3.org/2000/09/xmldsig#\"><SignedInfo>\
         <CanonicalizationMethod Algorithm=\"http://www.w3.org/2001/10/xml-exc-c14n#\"/>\
         <SignatureMethod Algorithm=\"http://www.w3.org/2001/04/xmldsig-more#rsa-sha256\"/>{}{}</SignedInfo>\
         <SignatureValue>@value@</SignatureValue><KeyInfo><X509Data><X509Certificate>{certificate}</X509Certificate></X509Data></KeyInfo></Signature>\
         </x:signature></x:signatureCollection></x:localSocialHeader>",
        reference("time-1", "@time@"),
        reference(body_id, "@body@")
    );
    let mut text = unsigned.replace("</x:localSocialHeader>", &collection);
    for (place, element) in [("@time@", "signatureTimestamp"), ("@body@", "nonXMLBody")] {
        let digest = openssl::sha::sha256(&canonical(&text, element));
        text = text.replace(place, &STANDARD.encode(digest));
    }
    let key = PKey::private_key_from_pem(identity.key_pem.as_bytes()).unwrap();
    let value = Signer::new(MessageDigest::sha256(), &key)
        .unwrap()
        .sign_oneshot_to_vec(&canonical(&text, "SignedInfo"))
        .unwrap();
    text.replace("@value@", &STANDARD.encode(value))
}

fn canonical(text: &str, element: &str) -> Vec<u8> {
    let document = uppsala::parse(text).unwrap();
    let nodes = document.get_elements_by_tag_name(element);
    let nodes = bergshamra_xml::NodeSet::tree_without_comments(*nodes.first().unwrap(), &document);
    bergshamra_c14n::canonicalize_doc::<&str>(&document, C14nMode::Exclusive, Some(&nodes), &[]).unwrap()
}

/// An invalidation, every part of which may be set wrong.
#[derive(Clone)]
pub(crate) struct Invalidating {
    pub(crate) sender: &'static str,
    pub(crate) use_situation: &'static str,
    /// The version; `None` for all.
    pub(crate) id: Option<&'static str>,
    pub(crate) set_id: &'static str,
    pub(crate) group: &'static str,
    pub(crate) reason: String,
    pub(crate) edits: Vec<(&'static str, &'static str)>,
}

impl Invalidating {
    /// The organiser invalidates a version in its own register.
    pub(crate) fn by_organiser(id: &'static str, group: &'static str) -> Self {
        Self {
            sender: ORGANISER,
            use_situation: "1",
            id: Some(id),
            set_id: id,
            group,
            reason: "Väärä asiakas".into(),
            edits: Vec::new(),
        }
    }

    /// The producer invalidates its entry.
    pub(crate) fn by_producer(id: &'static str) -> Self {
        Self { sender: PRODUCER, use_situation: "OURS-REGISTER-ACCESS", ..Self::by_organiser(id, "5") }
    }

    pub(crate) fn envelope(&self) -> String {
        let id = self.id.map(|id| format!("<id root=\"{id}\"/>")).unwrap_or_default();
        let subject = format!(
            "<subject><clinicalDocument classCode=\"DOCCLIN\" moodCode=\"EVN\"><realmCode code=\"FI\"/>\
             <typeId root=\"2.16.840.1.113883.1.3\" extension=\"POCD_HD000040\"/>{id}<code code=\"1\" codeSystem=\"1.2.246.537.6.1264.201701\"/>\
             <statusCode code=\"NULLIFIED\"/><effectiveTime value=\"20261122110000+0200\"/><setId root=\"{}\"/>\
             <recordTarget typeCode=\"RCT\"><patient classCode=\"PAT\"><id root=\"1.2.246.21\" extension=\"{CLIENT}\"/>\
             <statusCode code=\"normal\"/><patientPerson><name><family>Testinen</family></name><birthTime value=\"19900101\"/></patientPerson>\
             </patient></recordTarget>\
             <custodian typeCode=\"CST\"><assignedCustodian><representedOrganization><id root=\"{ORGANISER}\"/></representedOrganization>\
             </assignedCustodian></custodian><localSocialHeader xmlns=\"urn:hl7finland\">\
             <documentGroup code=\"{}\" codeSystem=\"1.2.246.537.6.1505.201601\"/><reasonOfInvalidation>{}</reasonOfInvalidation>\
             </localSocialHeader></clinicalDocument></subject>",
            self.set_id, self.group, self.reason
        );
        let unit = if self.sender == ORGANISER { ORGANISER_UNIT } else { PRODUCER_UNIT };
        let act = control_act("OURS-INVALIDATE", self.use_situation, unit, &subject);
        let trigger = "<code code=\"RCMR_TE000025UV01\" codeSystem=\"2.16.840.1.113883.1.18\"/>";
        let message = message("RCMR_IN200025FI01", self.sender, "ER", &format!("{trigger}{act}"));
        envelope(&edited(message, &self.edits))
    }

    /// Hands the message to an archive and reads the answer.
    pub(crate) fn give_to(&self, archive: &Archive) -> Said {
        let envelope = self.envelope();
        let message = HttpMessage {
            content_type: "text/xml; charset=utf-8",
            soap_action: Some("\"urn:hl7-org:v3:RCMR_IN200025FI01\""),
            body: envelope.as_bytes(),
        };
        said(&archive.receive(&oid(self.sender), &message).body)
    }
}

/// A find or fetch; `parameters` are the ones after `initialQuantity`, `page` the page size.
#[derive(Clone)]
pub(crate) struct Question {
    pub(crate) interaction: &'static str,
    pub(crate) sender: &'static str,
    pub(crate) unit: &'static str,
    pub(crate) service_request: &'static str,
    pub(crate) use_situation: &'static str,
    pub(crate) page: u32,
    pub(crate) parameters: String,
}

impl Question {
    /// The producer's find under the register access right for the client.
    pub(crate) fn find(parameters: &str) -> Self {
        let client = format!("<clientId><value root=\"1.2.246.21\" extension=\"{CLIENT}\"/></clientId>");
        Self {
            interaction: "RCMR_IN200029FI01",
            sender: PRODUCER,
            unit: PRODUCER_UNIT,
            service_request: "OURS-FETCH-METADATA",
            use_situation: "OURS-REGISTER-ACCESS",
            page: 50,
            parameters: format!("{}{client}{}{parameters}", "@continuation@", custodian()),
        }
    }

    /// The producer's question for one document.
    pub(crate) fn about(id: &str) -> Self {
        let parameters = format!("{}<documentId><value root=\"{id}\"/></documentId>", custodian());
        Self { parameters, ..Self::find("") }
    }

    /// The producer's fetch of one document.
    pub(crate) fn fetch(id: &str) -> Self {
        Self { interaction: "RCMR_IN200031FI01", service_request: "OURS-FETCH-DOCUMENT", ..Self::about(id) }
    }

    /// The same, asked by the organiser in its own register.
    pub(crate) fn by_organiser(self) -> Self {
        Self { sender: ORGANISER, unit: ORGANISER_UNIT, use_situation: "1", ..self }
    }

    pub(crate) fn continued(mut self, token: &str) -> Self {
        self.parameters = self.parameters.replace("@continuation@", &format!("<continuation>{token}</continuation>"));
        self
    }

    pub(crate) fn envelope(&self) -> String {
        let query = format!(
            "<queryByParameter><queryId root=\"{}\" extension=\"17\"/><statusCode code=\"new\"/><initialQuantity value=\"{}\"/>{}</queryByParameter>",
            self.sender,
            self.page,
            self.parameters.replace("@continuation@", "")
        );
        let act = control_act(self.service_request, self.use_situation, self.unit, &query);
        envelope(&message(self.interaction, self.sender, "NE", &act))
    }
}

fn custodian() -> String {
    format!(
        "<custodianId><value root=\"{ORGANISER}\"/></custodianId><registerCode><value code=\"1\" codeSystem=\"1.2.246.537.6.1264.201701\"/></registerCode>"
    )
}

/// A group parameter.
pub(crate) fn group(code: &str) -> String {
    format!("<documentGroup><value code=\"{code}\" codeSystem=\"1.2.246.537.6.1505.201601\"/></documentGroup>")
}

/// What an answer says: acknowledgement, response, total, document ids, continuation, rules.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Said {
    pub(crate) root: String,
    pub(crate) acknowledgement: String,
    pub(crate) response: Option<String>,
    pub(crate) total: Option<String>,
    pub(crate) ids: Vec<String>,
    pub(crate) continuation: Option<String>,
    pub(crate) rules: Vec<String>,
}

/// Reads an answer, from its envelope or from its first part.
pub(crate) fn said(body: &[u8]) -> Said {
    let text = String::from_utf8(body.to_vec()).unwrap();
    let start = text.find("<soap:Envelope").unwrap();
    let end = text.find("</soap:Envelope>").unwrap() + "</soap:Envelope>".len();
    let document = roxmltree::Document::parse(text.get(start..end).unwrap()).unwrap();
    let code = |name: &str, attribute: &str| {
        let node = document.descendants().find(|node| node.tag_name().name() == name)?;
        node.attribute(attribute).map(str::to_owned)
    };
    let message = document.descendants().find(|node| node.tag_name().name().contains("_IN")).unwrap();
    let ids = document.descendants().filter(|node| node.tag_name().name() == "clinicalDocument");
    Said {
        root: message.tag_name().name().to_owned(),
        acknowledgement: code("typeCode", "code").unwrap(),
        response: code("queryResponseCode", "code"),
        total: code("resultTotalQuantity", "value"),
        ids: ids
            .filter_map(|node| {
                node.children().find(|child| child.tag_name().name() == "id")?.attribute("root").map(str::to_owned)
            })
            .collect(),
        continuation: document
            .descendants()
            .find(|node| node.tag_name().name() == "continuation")
            .and_then(|node| node.text().map(str::to_owned)),
        rules: document
            .descendants()
            .filter(|node| node.tag_name().name() == "acknowledgementDetail")
            .filter_map(|node| node.first_element_child()?.attribute("displayName").map(str::to_owned))
            .collect(),
    }
}
