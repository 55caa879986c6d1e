//! Messages of the load: a store message of SOAP 1.1 with a client document of 30 KB as a part, one an id.

use std::sync::LazyLock;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use openssl::hash::MessageDigest;
use openssl::pkey::{PKey, Private};
use openssl::sha::sha256;
use openssl::sign::Signer;

pub(crate) const ORGANISER: &str = "1.2.246.10.99999991.10.0";
const UNIT: &str = "1.2.246.10.99999991.10.1";
/// Base64 makes 4 bytes of 3.
const DISPLAY_BYTES: usize = 12_000;
const TEXT_BYTES: usize = 6_000;

#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Signing {
    Organiser,
    /// A signature that nobody looks at.
    Nobody,
}

/// Whom a document is about: one client has so many of them.
const DOCUMENTS_EACH: u64 = 20;
const CHECK_CHARACTERS: &[u8; 31] = b"0123456789ABCDEFHJKLMNPRSTUVWXY";

/// A test person (900-series identity code) and the case that their documents belong to.
struct Subject {
    code: String,
    birth: String,
    case: String,
}

impl Subject {
    fn of(number: u64) -> Self {
        let place = number / DOCUMENTS_EACH;
        let (individual, day, month, year) =
            (900 + place % 100, 1 + place / 100 % 28, 1 + place / 2_800 % 12, 30 + place / 33_600 % 60);
        let digits = usize::try_from(((day * 100 + month) * 100 + year) * 1_000 + individual).unwrap();
        let check = char::from(CHECK_CHARACTERS[digits % 31]);
        Self {
            code: format!("{day:02}{month:02}{year}-{individual}{check}"),
            birth: format!("19{year}{month:02}{day:02}"),
            case: format!("1.2.246.10.99999991.40.2026.{}", 1 + place),
        }
    }
}

/// Makes messages.
pub(crate) struct Sender {
    pub(crate) key: PKey<Private>,
    /// Base64 of the signing certificate.
    pub(crate) certificate: String,
}

impl Sender {
    /// A whole HTTP request.
    pub(crate) fn message(&self, number: u64, signing: Signing) -> Vec<u8> {
        let (id, subject) = (format!("1.2.246.10.99999991.95.2026.{}", number + 1), Subject::of(number));
        let body = format!(
            "--b\r\nContent-Type: text/xml; charset=utf-8\r\nContent-ID: <frame>\r\n\r\n{}\r\n--b\r\n\
             Content-Type: application/xml; charset=utf-8\r\nContent-Transfer-Encoding: binary\r\nContent-ID: <OID{id}>\r\n\r\n{}\r\n--b--\r\n",
            frame(&id, number, &subject),
            self.document(&id, &subject, signing)
        );
        format!(
            "POST /medical-records HTTP/1.1\r\nHost: 127.0.0.1\r\nSOAPAction: \"urn:hl7-org:v3:RCMR_IN200002FI01\"\r\n\
             Content-Type: multipart/related; type=\"text/xml\"; start=\"<frame>\"; boundary=\"b\"\r\nContent-Length: {}\r\n\r\n{body}",
            body.len()
        )
        .into_bytes()
    }

    /// What is signed is written in its canonical form, so that it needs no canonicaliser.
    fn document(&self, id: &str, subject: &Subject, signing: Signing) -> String {
        let body = format!(
            "<nonXMLBody xmlns=\"urn:hl7-org:v3\" ID=\"OID{id}\"><text mediaType=\"application/xhtml+xml\" representation=\"B64\">{}{}</text>\
             <x:json xmlns:x=\"urn:hl7finland\">{}{}</x:json></nonXMLBody>",
            STANDARD.encode(display_head(id)),
            *DISPLAY_REST,
            STANDARD.encode(content_head(subject)),
            *CONTENT_REST
        );
        let time = format!(
            "<x:signatureTimestamp xmlns:x=\"urn:hl7finland\" ID=\"time-1\">{:.0}</x:signatureTimestamp>",
            jiff::Timestamp::now()
        );
        let (info, value) = match signing {
            Signing::Organiser => {
                let info =
                    signed_info([("time-1", sha256(time.as_bytes())), (&format!("OID{id}"), sha256(body.as_bytes()))]);
                let mut signer = Signer::new(MessageDigest::sha256(), &self.key).unwrap();
                let value = signer.sign_oneshot_to_vec(info.as_bytes()).unwrap();
                (info, value)
            }
            Signing::Nobody => (signed_info([("time-1", [0; 32]), (&format!("OID{id}"), [0; 32])]), vec![0; 256]),
        };
        let signature = format!(
            "<x:signatureCollection><x:signature ID=\"signature-1\"><x:signatureDescription code=\"3\" codeSystem=\"1.2.246.537.5.40127.2006\"/>\
             {time}<Signature xmlns=\"http://www.w3.org/2000/09/xmldsig#\">{info}<SignatureValue>{}</SignatureValue><KeyInfo><X509Data>\
             <X509Certificate>{}</X509Certificate></X509Data></KeyInfo></Signature></x:signature></x:signatureCollection>",
            STANDARD.encode(value),
            self.certificate
        );
        header(id, subject, &signature) + "<component>" + &body + "</component></ClinicalDocument>"
    }
}

/// The display form up to what all documents have alike; filled up so that Base64 of the rest can follow that of the head.
fn display_head(id: &str) -> String {
    let head = format!("<div xmlns=\"http://www.w3.org/1999/xhtml\" class=\"soc-document\" id=\"OID{id}\"");
    head.clone() + &" ".repeat(2 - head.len() % 3) + ">"
}

static DISPLAY_REST: LazyLock<String> =
    LazyLock::new(|| STANDARD.encode(format!("<p>{}</p></div>", "Päivä meni hyvin. ".repeat(DISPLAY_BYTES / 20))));

/// Content that is valid by the reduced structure 19002, in two parts as the display form.
fn content_head(Subject { code, .. }: &Subject) -> String {
    let head = format!(
        "{{\"merkinta_sosiaalipalvelun_alkamisesta\":{{\"asiakas\":[{{\"sukunimi\":\"Testinen\",\"etunimet\":\"Tessa\",\
         \"henkilotunnus\":{{\"value\":\"{code}\"}}}}],"
    );
    head.clone() + &" ".repeat((3 - head.len() % 3) % 3)
}

static CONTENT_REST: LazyLock<String> = LazyLock::new(|| {
    let code =
        |system: &str, code: &str| format!("{{\"system\":\"urn:oid:{system}\",\"code\":\"{code}\",\"display\":\"x\"}}");
    STANDARD.encode(format!(
        "\"palvelutehtava\":{},\"sosiaalipalvelu\":{},\"sosiaalipalvelun_alkamispaiva\":\"2026-11-01\",\"lisatiedot\":\"{}\",\
         \"laatija\":{{\"sukunimi\":\"Testinen\",\"etunimet\":\"Tea\"}}}}}}",
        code("1.2.246.537.6.1221", "15"),
        code("1.2.246.537.6.1222", "1"),
        "Palvelu alkoi. ".repeat(TEXT_BYTES / 15)
    ))
});

fn signed_info(parts: [(&str, [u8; 32]); 2]) -> String {
    let c14n = "http://www.w3.org/2001/10/xml-exc-c14n#";
    let references: String = parts
        .iter()
        .map(|(id, digest)| {
            format!(
                "<Reference URI=\"#{id}\"><Transforms><Transform Algorithm=\"{c14n}\"></Transform></Transforms>\
                 <DigestMethod Algorithm=\"http://www.w3.org/2001/04/xmlenc#sha256\"></DigestMethod><DigestValue>{}</DigestValue></Reference>",
                STANDARD.encode(digest)
            )
        })
        .collect();
    format!(
        "<SignedInfo xmlns=\"http://www.w3.org/2000/09/xmldsig#\"><CanonicalizationMethod Algorithm=\"{c14n}\"></CanonicalizationMethod>\
         <SignatureMethod Algorithm=\"http://www.w3.org/2001/04/xmldsig-more#rsa-sha256\"></SignatureMethod>{references}</SignedInfo>"
    )
}

fn header(id: &str, Subject { code, birth, case }: &Subject, signature: &str) -> String {
    format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<ClinicalDocument xmlns=\"urn:hl7-org:v3\" xmlns:x=\"urn:hl7finland\">\
         <realmCode code=\"FI\"/><typeId root=\"2.16.840.1.113883.1.3\" extension=\"POCD_HD000040\"/><id root=\"{id}\"/>\
         <code code=\"19\" codeSystem=\"1.2.246.537.6.1506.201701\"/><effectiveTime value=\"20261122110000+0200\"/>\
         <confidentialityCode code=\"6\" codeSystem=\"1.2.246.777.5.99902.2006\"/><languageCode code=\"fi\"/>\
         <setId root=\"{id}\"/><versionNumber value=\"1\"/>\
         <recordTarget><patientRole><id root=\"1.2.246.21\" extension=\"{code}\"/><patient><name><given>Tessa</given>\
         <given qualifier=\"CL\">Tessa</given><family>Testinen</family></name><administrativeGenderCode code=\"2\" codeSystem=\"1.2.246.537.5.1.1997\"/>\
         <birthTime value=\"{birth}\"/></patient></patientRole></recordTarget>\
         <author><time nullFlavor=\"NA\"/><assignedAuthor><id root=\"1.2.246.537.26\" extension=\"90000000001\"/></assignedAuthor></author>\
         <custodian><assignedCustodian><representedCustodianOrganization><id root=\"{ORGANISER}\"/><name>Esimerkki</name>\
         </representedCustodianOrganization></assignedCustodian></custodian>\
         <componentOf><encompassingEncounter><id root=\"{case}\"/><effectiveTime nullFlavor=\"NA\"/>\
         <encounterParticipant typeCode=\"ADM\"><assignedEntity><id nullFlavor=\"NA\"/><representedOrganization><id root=\"{UNIT}\"/>\
         <name>Yksikkö</name></representedOrganization></assignedEntity></encounterParticipant></encompassingEncounter></componentOf>\
         <x:localSocialHeader><x:specificDocumentType code=\"19002\" codeSystem=\"1.2.246.537.6.1506.201701\"/>\
         <x:creationTime value=\"20261122110000+0200\"/><x:documentGroup code=\"5\" codeSystem=\"1.2.246.537.6.1505.201601\"/>\
         <x:fileFormat code=\"2\" codeSystem=\"1.2.246.537.6.1502.201601\"/>\
         <x:structuredFileFormat code=\"5\" codeSystem=\"1.2.246.537.5.40179.2008\"/>\
         <x:softwareSupport moderator=\"Esimerkki\" product=\"Esimerkki\" version=\"1\"/>\
         <x:functionCode code=\"15\" codeSystem=\"1.2.246.537.6.1221.201601\"/><x:recordStatus code=\"3\" codeSystem=\"1.2.246.537.5.40154.2008\"/>\
         <x:registryType code=\"1\" codeSystem=\"1.2.246.537.6.1264.201701\"/><x:outsourcingServiceCustomer root=\"{ORGANISER}\"/>\
         <x:outsourcingServiceCustomerName>Esimerkki</x:outsourcingServiceCustomerName>\
         <x:totalRetentionPeriodClass code=\"1\" codeSystem=\"1.2.246.537.6.1258.201601\"/>\
         <x:specialContent code=\"E\" codeSystem=\"1.2.246.537.6.112.2007\"/><x:contentSpecificationId>1.2.246.537.6.1506.19002.2022.1.10</x:contentSpecificationId>\
         {signature}</x:localSocialHeader>"
    )
}

fn frame(id: &str, number: u64, Subject { code, birth, case }: &Subject) -> String {
    format!(
        "<?xml version=\"1.0\"?><s:Envelope xmlns:s=\"http://schemas.xmlsoap.org/soap/envelope/\"><s:Body>\
         <RCMR_IN200002FI01 xmlns=\"urn:hl7-org:v3\" ITSVersion=\"XML_1.0\"><id root=\"{ORGANISER}\" extension=\"{number}\"/>\
         <creationTime value=\"20261122110000+0200\"/><interactionId root=\"2.16.840.1.113883.1.6\" extension=\"RCMR_IN200002FI01\"/>\
         <processingCode code=\"D\"/><processingModeCode code=\"T\"/><acceptAckCode code=\"ER\"/>\
         <receiver typeCode=\"RCV\"><device><id root=\"1.2.246.556.18007.2\"/></device></receiver>\
         <sender typeCode=\"SND\"><device><id root=\"{ORGANISER}\"/></device></sender>\
         <controlActProcess classCode=\"CACT\" moodCode=\"EVN\"><code code=\"RCMR_TE000102UV01\" codeSystem=\"2.16.840.1.113883.1.18\"/>\
         <priorityCode code=\"R\"/><reasonCode code=\"1\" codeSystem=\"1.2.246.537.6.1289.201901\"/>\
         <reasonCode code=\"SP17\" codeSystem=\"1.2.246.537.6.1503.201601\"/><authorOrPerformer typeCode=\"PRF\"><assignedPerson>\
         <id root=\"1.2.246.21\" extension=\"010181-900C\"/><assignedPerson><name><family>Testinen</family><given>Tea</given></name></assignedPerson>\
         <representedOrganization><id root=\"{UNIT}\"/><name>Yksikkö</name></representedOrganization></assignedPerson></authorOrPerformer>\
         <subject><clinicalDocument classCode=\"DOCCLIN\" moodCode=\"EVN\"><realmCode code=\"FI\"/>\
         <typeId root=\"2.16.840.1.113883.1.3\" extension=\"POCD_HD000040\"/><id root=\"{id}\"/>\
         <code code=\"1\" codeSystem=\"1.2.246.537.6.1264.201701\"/><text mediaType=\"multipart/related\"><reference value=\"cid:OID{id}\"/></text>\
         <statusCode code=\"COMPLETED\"/><effectiveTime value=\"20261122110000+0200\"/><setId root=\"{id}\"/><versionNumber value=\"1\"/>\
         <completionCode code=\"LA\"/><storageCode code=\"AC\"/><recordTarget typeCode=\"RCT\"><patient classCode=\"PAT\">\
         <id root=\"1.2.246.21\" extension=\"{code}\"/><statusCode code=\"normal\"/><patientPerson><name><family>Testinen</family>\
         <given>Tessa</given></name><birthTime value=\"{birth}\"/></patientPerson></patient></recordTarget>\
         <author typeCode=\"AUT\"><time nullFlavor=\"NA\"/><assignedAuthor><id nullFlavor=\"NA\"/></assignedAuthor></author><custodian typeCode=\"CST\"><assignedCustodian>\
         <representedOrganization><id root=\"{ORGANISER}\"/></representedOrganization></assignedCustodian></custodian>\
         <componentOf><encounterEvent><id root=\"{case}\"/></encounterEvent></componentOf>\
         </clinicalDocument></subject></controlActProcess></RCMR_IN200002FI01></s:Body></s:Envelope>"
    )
}
