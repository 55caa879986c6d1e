//! How many documents a second the mock archive takes over mutual TLS, beside a bare TLS echo in the same run, and what memory it
//! needs for many documents with bodies on disk.
//!
//! `cargo bench -p mock-archive --bench take`; `-- --documents N` sets the number of the long run (100000). Clients and archive
//! share this process and its cores. Documents are an organiser's client documents of 30 KB in its own register.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::print_stdout,
    missing_docs,
    reason = "a failed set-up is a failed run"
)]

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use mock_archive::certs::{DevPki, OrgIdentity, PemIdentity};
use mock_archive::{MockArchive, Oid};
use openssl::hash::MessageDigest;
use openssl::pkey::{PKey, Private};
use openssl::sha::sha256;
use openssl::sign::Signer;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::server::WebPkiClientVerifier;
use rustls::{ClientConfig, ClientConnection, RootCertStore, ServerConfig, ServerConnection, StreamOwned};

const ORGANISER: &str = "1.2.246.10.99999991.10.0";
const UNIT: &str = "1.2.246.10.99999991.10.1";
const CLIENTS: u64 = 4;
const CHECKED_DOCUMENTS: u64 = 3_000;
const UNCHECKED_DOCUMENTS: u64 = 20_000;
const ECHOES: u64 = 20_000;
/// Base64 makes 4 bytes of 3.
const DISPLAY_BYTES: usize = 12_000;
const TEXT_BYTES: usize = 6_000;

fn main() {
    let documents = documents_wanted();
    let kit = Kit::new();
    println!("{CLIENTS} clients, {} cores, messages of {} bytes", cores(), kit.message(0, Signing::Nobody).len());
    println!("{:<44} {:>9.0} /s", "control: bare TLS echo of the same bytes", kit.echo());
    println!("{:<44} {:>9.0} /s", "all checks", kit.take(CHECKED_DOCUMENTS, Signing::Organiser));
    println!("{:<44} {:>9.0} /s", "deep checks off", kit.take(UNCHECKED_DOCUMENTS, Signing::Nobody));
    kit.fill(documents);
}

fn documents_wanted() -> u64 {
    let mut arguments = std::env::args().skip_while(|argument| argument != "--documents").skip(1);
    arguments.next().map_or(100_000, |number| number.parse().expect("a number after --documents"))
}

fn cores() -> usize {
    std::thread::available_parallelism().map_or(0, Into::into)
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Signing {
    Organiser,
    /// A signature that nobody looks at.
    Nobody,
}

struct Kit {
    pki: Arc<DevPki>,
    client: Arc<ClientConfig>,
    key: PKey<Private>,
    certificate: String,
}

impl Kit {
    fn new() -> Self {
        let pki = Arc::new(DevPki::new(jiff::Timestamp::now()).unwrap());
        let organiser = OrgIdentity { oid: Oid::parse(ORGANISER).unwrap(), name: "Esimerkki (test)".into() };
        let signer = pki.system_signer(&organiser).unwrap();
        Self {
            client: client_config(&pki, &pki.transport(&organiser).unwrap()),
            key: PKey::private_key_from_pem(signer.key_pem.as_bytes()).unwrap(),
            certificate: signer.certificate_pem.lines().filter(|line| !line.starts_with("--")).collect(),
            pki,
        }
    }

    /// Messages a second of a server that answers anything.
    fn echo(&self) -> f64 {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let config = server_config(&self.pki);
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let config = Arc::clone(&config);
                std::thread::spawn(move || echo(stream.unwrap(), config));
            }
        });
        self.send(address, ECHOES, &|number| self.message(number, Signing::Nobody), "")
    }

    fn take(&self, documents: u64, signing: Signing) -> f64 {
        let messages: Vec<Vec<u8>> = match signing {
            Signing::Organiser => (0..documents).map(|number| self.message(number, signing)).collect(),
            Signing::Nobody => Vec::new(),
        };
        let runtime = runtime();
        let archive = runtime.block_on(async {
            let structures = Path::new(env!("CARGO_MANIFEST_DIR")).join("../schemas/structures");
            let builder = MockArchive::builder().pki(Arc::clone(&self.pki)).structures(structures);
            let builder = if signing == Signing::Nobody { builder.deep_checks_off() } else { builder };
            builder.start().await.unwrap()
        });
        let message = |number: u64| match usize::try_from(number).ok().and_then(|at| messages.get(at)) {
            Some(message) => message.clone(),
            None => self.message(number, signing),
        };
        let rate = self.send(archive.address(), documents, &message, "code=\"AA\"");
        assert_eq!(archive.ledger().stored_once(), Ok(usize::try_from(documents).unwrap()));
        rate
    }

    /// The long run: memory with bodies on disk.
    fn fill(&self, documents: u64) {
        let directory = tempfile::tempdir().unwrap();
        let runtime = runtime();
        let archive = runtime.block_on(async {
            let builder = MockArchive::builder().pki(Arc::clone(&self.pki)).deep_checks_off();
            builder.data_directory(directory.path()).start().await.unwrap()
        });
        println!("bodies on disk, deep checks off, {documents} documents; resident memory of the whole process:");
        let step = (documents / 10).max(1);
        let mut done = 0;
        let mut resident = vec![resident_kib()];
        println!("{:>9} documents {:>7} KiB", 0, resident_kib());
        while done < documents {
            let number = step.min(documents - done);
            let rate =
                self.send(archive.address(), number, &|n| self.message(done + n, Signing::Nobody), "code=\"AA\"");
            done += number;
            resident.push(resident_kib());
            println!("{done:>9} documents {:>7} KiB {rate:>9.0} /s", resident_kib());
        }
        // The first tenth fills caches and the part of the ledger that stays in memory.
        if let ([_, after_first, .., last], true) = (resident.as_slice(), done > step) {
            println!(
                "slope after the first tenth: {} bytes a document",
                last.saturating_sub(*after_first) * 1024 / (done - step)
            );
        }
        assert_eq!(archive.ledger().stored_once(), Ok(usize::try_from(documents).unwrap()));
    }

    /// Sends over kept connections; documents a second. Every answer has to hold `expected`.
    fn send(&self, to: SocketAddr, count: u64, message: &(dyn Fn(u64) -> Vec<u8> + Sync), expected: &str) -> f64 {
        let next = AtomicU64::new(0);
        let begin = Instant::now();
        std::thread::scope(|scope| {
            for _ in 0..CLIENTS {
                scope.spawn(|| {
                    let mut stream = connect(to, &self.client);
                    loop {
                        let number = next.fetch_add(1, Ordering::Relaxed);
                        if number >= count {
                            return;
                        }
                        stream.write_all(&message(number)).unwrap();
                        let answer = answer(&mut stream);
                        assert!(answer.contains(expected), "{answer}");
                    }
                });
            }
        });
        #[expect(clippy::cast_precision_loss, reason = "a rate")]
        let rate = count as f64 / begin.elapsed().as_secs_f64();
        rate
    }

    /// A whole HTTP request.
    fn message(&self, number: u64, signing: Signing) -> Vec<u8> {
        let id = format!("1.2.246.10.99999991.95.2026.{}", number + 1);
        let body = format!(
            "--b\r\nContent-Type: text/xml; charset=utf-8\r\nContent-ID: <frame>\r\n\r\n{}\r\n--b\r\n\
             Content-Type: application/xml; charset=utf-8\r\nContent-Transfer-Encoding: binary\r\nContent-ID: <OID{id}>\r\n\r\n{}\r\n--b--\r\n",
            frame(&id, number),
            self.document(&id, signing)
        );
        format!(
            "POST /medical-records HTTP/1.1\r\nHost: 127.0.0.1\r\nSOAPAction: \"urn:hl7-org:v3:RCMR_IN200002FI01\"\r\n\
             Content-Type: multipart/related; type=\"text/xml\"; start=\"<frame>\"; boundary=\"b\"\r\nContent-Length: {}\r\n\r\n{body}",
            body.len()
        )
        .into_bytes()
    }

    /// What is signed is written in its canonical form, so that it needs no canonicaliser.
    fn document(&self, id: &str, signing: Signing) -> String {
        let display = format!(
            "<div xmlns=\"http://www.w3.org/1999/xhtml\" class=\"soc-document\" id=\"OID{id}\"><p>{}</p></div>",
            "Päivä meni hyvin. ".repeat(DISPLAY_BYTES / 20)
        );
        let content = content().to_string();
        let body = format!(
            "<nonXMLBody xmlns=\"urn:hl7-org:v3\" ID=\"OID{id}\"><text mediaType=\"application/xhtml+xml\" representation=\"B64\">{}</text>\
             <x:json xmlns:x=\"urn:hl7finland\">{}</x:json></nonXMLBody>",
            STANDARD.encode(display),
            STANDARD.encode(content)
        );
        let time = format!(
            "<x:signatureTimestamp xmlns:x=\"urn:hl7finland\" ID=\"time-1\">{:.0}</x:signatureTimestamp>",
            jiff::Timestamp::now()
        );
        let info = signed_info(&[("time-1", &time), (&format!("OID{id}"), &body)]);
        let value = match signing {
            Signing::Organiser => {
                let mut signer = Signer::new(MessageDigest::sha256(), &self.key).unwrap();
                STANDARD.encode(signer.sign_oneshot_to_vec(info.as_bytes()).unwrap())
            }
            Signing::Nobody => STANDARD.encode([0; 256]),
        };
        let signature = format!(
            "<x:signatureCollection><x:signature ID=\"signature-1\"><x:signatureDescription code=\"3\" codeSystem=\"1.2.246.537.5.40127.2006\"/>\
             {time}<Signature xmlns=\"http://www.w3.org/2000/09/xmldsig#\">{info}<SignatureValue>{value}</SignatureValue><KeyInfo><X509Data>\
             <X509Certificate>{}</X509Certificate></X509Data></KeyInfo></Signature></x:signature></x:signatureCollection>",
            self.certificate
        );
        header(id, &signature) + "<component>" + &body + "</component></ClinicalDocument>"
    }
}

fn signed_info(parts: &[(&str, &str)]) -> String {
    let c14n = "http://www.w3.org/2001/10/xml-exc-c14n#";
    let references: String = parts
        .iter()
        .map(|(id, text)| {
            format!(
                "<Reference URI=\"#{id}\"><Transforms><Transform Algorithm=\"{c14n}\"></Transform></Transforms>\
                 <DigestMethod Algorithm=\"http://www.w3.org/2001/04/xmlenc#sha256\"></DigestMethod><DigestValue>{}</DigestValue></Reference>",
                STANDARD.encode(sha256(text.as_bytes()))
            )
        })
        .collect();
    format!(
        "<SignedInfo xmlns=\"http://www.w3.org/2000/09/xmldsig#\"><CanonicalizationMethod Algorithm=\"{c14n}\"></CanonicalizationMethod>\
         <SignatureMethod Algorithm=\"http://www.w3.org/2001/04/xmldsig-more#rsa-sha256\"></SignatureMethod>{references}</SignedInfo>"
    )
}

/// Valid by the reduced structure 19002.
fn content() -> serde_json::Value {
    let code = |system: &str, code: &str| serde_json::json!({"system": format!("urn:oid:{system}"), "code": code, "display": "x"});
    serde_json::json!({"merkinta_sosiaalipalvelun_alkamisesta": {
        "asiakas": [{"sukunimi": "Testinen", "etunimet": "Tessa", "henkilotunnus": {"value": "010190-900P"}}],
        "palvelutehtava": code("1.2.246.537.6.1221", "15"),
        "sosiaalipalvelu": code("1.2.246.537.6.1222", "1"),
        "sosiaalipalvelun_alkamispaiva": "2026-11-01",
        "lisatiedot": "Palvelu alkoi. ".repeat(TEXT_BYTES / 15),
        "laatija": {"sukunimi": "Testinen", "etunimet": "Tea"},
    }})
}

fn header(id: &str, signature: &str) -> String {
    format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<ClinicalDocument xmlns=\"urn:hl7-org:v3\" xmlns:x=\"urn:hl7finland\">\
         <realmCode code=\"FI\"/><typeId root=\"2.16.840.1.113883.1.3\" extension=\"POCD_HD000040\"/><id root=\"{id}\"/>\
         <code code=\"19\" codeSystem=\"1.2.246.537.6.1506.201701\"/><effectiveTime value=\"20261122110000+0200\"/>\
         <confidentialityCode code=\"6\" codeSystem=\"1.2.246.777.5.99902.2006\"/><languageCode code=\"fi\"/>\
         <setId root=\"{id}\"/><versionNumber value=\"1\"/>\
         <recordTarget><patientRole><id root=\"1.2.246.21\" extension=\"010190-900P\"/><patient><name><given>Tessa</given>\
         <given qualifier=\"CL\">Tessa</given><family>Testinen</family></name><birthTime value=\"19900101\"/></patient></patientRole></recordTarget>\
         <author><time nullFlavor=\"NA\"/><assignedAuthor><id root=\"1.2.246.537.26\" extension=\"90000000001\"/></assignedAuthor></author>\
         <custodian><assignedCustodian><representedCustodianOrganization><id root=\"{ORGANISER}\"/><name>Esimerkki</name>\
         </representedCustodianOrganization></assignedCustodian></custodian>\
         <componentOf><encompassingEncounter><id root=\"1.2.246.10.99999991.40.2026.1\"/><effectiveTime nullFlavor=\"NA\"/>\
         <encounterParticipant typeCode=\"ADM\"><assignedEntity><id nullFlavor=\"NA\"/><representedOrganization><id root=\"{UNIT}\"/>\
         <name>Yksikkö</name></representedOrganization></assignedEntity></encounterParticipant></encompassingEncounter></componentOf>\
         <x:localSocialHeader><x:specificDocumentType code=\"19002\" codeSystem=\"1.2.246.537.6.1506.201701\"/>\
         <x:creationTime value=\"20261122110000+0200\"/><x:documentGroup code=\"5\" codeSystem=\"1.2.246.537.6.1505.201601\"/>\
         <x:functionCode code=\"15\" codeSystem=\"1.2.246.537.6.1221.201601\"/><x:recordStatus code=\"3\" codeSystem=\"1.2.246.537.5.40154.2008\"/>\
         <x:registryType code=\"1\" codeSystem=\"1.2.246.537.6.1264.201701\"/><x:outsourcingServiceCustomer root=\"{ORGANISER}\"/>\
         <x:contentSpecificationId>1.2.246.537.6.1506.19002.2022.1.10</x:contentSpecificationId>{signature}</x:localSocialHeader>"
    )
}

fn frame(id: &str, number: u64) -> String {
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
         <subject><clinicalDocument classCode=\"DOCCLIN\" moodCode=\"EVN\"><realmCode code=\"FI\"/><id root=\"{id}\"/>\
         <code code=\"1\" codeSystem=\"1.2.246.537.6.1264.201701\"/><text mediaType=\"multipart/related\"><reference value=\"cid:OID{id}\"/></text>\
         <statusCode code=\"COMPLETED\"/><effectiveTime value=\"20261122110000+0200\"/><setId root=\"{id}\"/><versionNumber value=\"1\"/>\
         <completionCode code=\"LA\"/><storageCode code=\"AC\"/><recordTarget typeCode=\"RCT\"><patient classCode=\"PAT\">\
         <id root=\"1.2.246.21\" extension=\"010190-900P\"/></patient></recordTarget><custodian typeCode=\"CST\"><assignedCustodian>\
         <representedOrganization><id root=\"{ORGANISER}\"/></representedOrganization></assignedCustodian></custodian>\
         <componentOf><encounterEvent><id root=\"1.2.246.10.99999991.40.2026.1\"/></encounterEvent></componentOf>\
         </clinicalDocument></subject></controlActProcess></RCMR_IN200002FI01></s:Body></s:Envelope>"
    )
}

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap()
}

fn provider() -> Arc<rustls::crypto::CryptoProvider> {
    Arc::new(rustls::crypto::aws_lc_rs::default_provider())
}

fn roots(pki: &DevPki) -> RootCertStore {
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from_pem_slice(pki.tls_ca_pem().unwrap().as_bytes()).unwrap()).unwrap();
    roots
}

fn pair(identity: &PemIdentity) -> (Vec<CertificateDer<'static>>, PrivateKeyDer<'static>) {
    let certificate = CertificateDer::from_pem_slice(identity.certificate_pem.as_bytes()).unwrap();
    (vec![certificate], PrivateKeyDer::from_pem_slice(identity.key_pem.as_bytes()).unwrap())
}

fn client_config(pki: &DevPki, identity: &PemIdentity) -> Arc<ClientConfig> {
    let (chain, key) = pair(identity);
    let builder = ClientConfig::builder_with_provider(provider()).with_safe_default_protocol_versions().unwrap();
    Arc::new(builder.with_root_certificates(roots(pki)).with_client_auth_cert(chain, key).unwrap())
}

fn server_config(pki: &DevPki) -> Arc<ServerConfig> {
    let (chain, key) = pair(&pki.server().unwrap());
    let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots(pki)), provider()).build().unwrap();
    let builder = ServerConfig::builder_with_provider(provider()).with_safe_default_protocol_versions().unwrap();
    Arc::new(builder.with_client_cert_verifier(verifier).with_single_cert(chain, key).unwrap())
}

fn connect(to: SocketAddr, config: &Arc<ClientConfig>) -> StreamOwned<ClientConnection, TcpStream> {
    let name = ServerName::try_from("localhost").unwrap();
    let stream = TcpStream::connect(to).unwrap();
    stream.set_nodelay(true).unwrap();
    StreamOwned::new(ClientConnection::new(Arc::clone(config), name).unwrap(), stream)
}

fn echo(stream: TcpStream, config: Arc<ServerConfig>) {
    stream.set_nodelay(true).unwrap();
    let mut stream = StreamOwned::new(ServerConnection::new(config).unwrap(), stream);
    while let Some(body) = message_from(&mut stream) {
        let answer = body.get(..600).unwrap_or(&body);
        let head = format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n", answer.len());
        stream.write_all(&[head.as_bytes(), answer].concat()).unwrap();
    }
}

fn answer(stream: &mut impl Read) -> String {
    String::from_utf8(message_from(stream).expect("an answer")).unwrap()
}

/// The body of the next HTTP message; `None` at the end.
fn message_from(stream: &mut impl Read) -> Option<Vec<u8>> {
    let (mut bytes, mut chunk) = (Vec::new(), [0; 16 * 1024]);
    let (head, length) = loop {
        if let Some(end) = bytes.windows(4).position(|window| window == b"\r\n\r\n") {
            let head = String::from_utf8(bytes.get(..end)?.to_vec()).unwrap().to_ascii_lowercase();
            let length =
                head.lines().find_map(|line| line.strip_prefix("content-length: ")?.trim().parse::<usize>().ok());
            break (end + 4, length.unwrap());
        }
        match stream.read(&mut chunk) {
            Ok(read @ 1..) => bytes.extend_from_slice(chunk.get(..read)?),
            _ => return None,
        }
    };
    let mut body = bytes.split_off(head);
    while body.len() < length {
        let read = stream.read(&mut chunk).unwrap();
        assert!(read > 0, "the connection broke");
        body.extend_from_slice(chunk.get(..read)?);
    }
    Some(body)
}

fn resident_kib() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
    line.trim().trim_end_matches("kB").trim().parse().unwrap()
}
