//! The package in which documents are handed over to an organiser when the archive is not an option: signed documents, their
//! readable forms, a manifest and checksums, as a plain tar.
//!
//! Pure: bytes, ids and moments are arguments; encryption is `sidecar::sealing`'s. File names and manifest carry OIDs and codes,
//! never a person's data; readable forms do not tell where a client with a safety ban lives. The format is told in `docs/handover.md`; kanta.fi, register access right (28.10.2020): where a party
//! has not joined, "måste frågan om hur uppgifter ska lämnas till tjänsteanordnaren lösas på något annat sätt".

mod tar;

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::access::Reason;
use super::document::display::html_page;
use super::document::read::{ReadDocument, read};
use super::finding::Finding;
use super::oid::Oid;
use super::organisation::Organisation;
use super::signature::{Crypto, Digest, ExpectedSigner, Reason as SignatureReason, Trust, TrustPolicy, verify};
use tar::TarFault;

/// The format's name and version, in every manifest.
pub const FORMAT: &str = "asiasilta-handover/1";
/// Documents in one package, at most.
pub const DOCUMENTS_MAX: usize = 1000;
/// Bytes of one package before encryption, at most.
pub const BYTES_MAX: usize = 256 << 20;

/// The reason for handing over a document whose predecessor is at the organiser and not in the archive.
pub const PREDECESSOR_HANDED_OVER: &str = "version.predecessor_handed_over";

/// Files of one package, at most: a document and its readable form each, manifest and checksums.
const FILES_MAX: usize = 2 * DOCUMENTS_MAX + 2;
/// Characters of a package's id, at most.
const ID_BYTES_MAX: usize = 64;

const MANIFEST: &str = "manifest.json";
const CHECKSUMS: &str = "SHA256SUMS";
/// How documents of this program name the system that wrote them.
pub const PRODUCT: &str = "asiasilta";
/// A safety ban, in every structure of contents.
const BAN_KEY: &str = "turvakielto";

/// What a package is made of.
pub struct Packing<'a> {
    /// Its id: random, so that it tells nothing; 1 to 64 ASCII letters, digits and hyphens.
    pub id: &'a str,
    /// When it is made.
    pub created: Timestamp,
    /// Who gets it.
    pub organiser: &'a Organisation,
    /// Codes of what stands in the way of the archive: `access.` and a code of [`Reason::CODES`].
    pub why: &'a [String],
    /// Signed archive documents (XML), as they would be archived.
    pub documents: &'a [Vec<u8>],
}

/// What a package holds. Deserialised from the outside: take it from [`open`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Manifest {
    /// [`FORMAT`].
    pub format: String,
    /// The package's id.
    pub package: String,
    /// When it was made.
    pub created: Timestamp,
    /// Who it is for.
    pub organiser: Organisation,
    /// What stood in the way of the archive.
    pub why: Vec<String>,
    /// One entry for each document.
    pub documents: Vec<ManifestDocument>,
}

/// One document of a package: the ids and times under which it will be archived.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ManifestDocument {
    /// Version OID.
    pub document: Oid,
    /// OID of the original.
    pub set: Oid,
    /// Version number.
    pub version: u32,
    /// Structure of the content.
    pub structure: Option<Oid>,
    /// The case, where it is known.
    pub case: Option<Oid>,
    /// The unit.
    pub unit: Option<Oid>,
    /// When it was drawn up, RFC 3339.
    pub drawn_up: Option<String>,
    /// When the document was made, RFC 3339.
    pub made: Option<String>,
    /// The signed document.
    pub signed: ManifestFile,
    /// Its readable form; absent when the document has none, or one of another system's that may tell where a person with a
    /// safety ban lives.
    pub readable: Option<ManifestFile>,
}

/// One file of a package.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ManifestFile {
    /// Its name in the tar.
    pub file: String,
    /// SHA-256, 64 hexadecimal digits.
    pub sha256: String,
    /// Its length.
    pub bytes: u64,
}

/// Why no package is made.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PackFault {
    /// A reason that is none.
    #[error("the reason {0} is not known, expected access. and a code of docs/access.md")]
    Why(usize),
    /// An id that is none.
    #[error(
        "the package's id has other characters than ASCII letters, digits and hyphens, or more than {ID_BYTES_MAX}"
    )]
    Id,
    /// None to hand over.
    #[error("no document to hand over")]
    Nothing,
    /// More than [`DOCUMENTS_MAX`] documents or [`BYTES_MAX`] bytes.
    #[error("more than a package holds: at most {DOCUMENTS_MAX} documents and {BYTES_MAX} bytes")]
    TooMuch,
    /// Not an archive document, or one that does not agree with itself.
    #[error("document {0} cannot be handed over: it cannot be read or does not agree with itself")]
    Unreadable(usize),
    /// Without a signature it is not what would be archived.
    #[error("document {0} is not signed")]
    NotSigned(usize),
    /// The signature is not of these bytes, or its certificate was not for it. Whether the certificate is trusted is the receiver's to
    /// judge: this program has no list of what the organiser trusts.
    #[error("the signature of document {0} does not hold: {1}")]
    Signature(usize, SignatureReason),
    /// Two documents have the same version OID.
    #[error("document {0} is there twice")]
    Twice(Oid),
    /// A document is of another organiser's register.
    #[error("document {0} belongs in another organiser's register")]
    OtherOrganiser(usize),
}

/// Why a package is not what it should be.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum OpenFault {
    /// Not a tar of ours.
    #[error("not a package: {0}")]
    Tar(#[from] TarFault),
    /// No manifest, or not one of this format.
    #[error("no manifest of format {FORMAT}")]
    Manifest,
    /// A document is named twice.
    #[error("document {0} is in the manifest twice")]
    Twice(Oid),
    /// A file has another name than the format gives it.
    #[error("a file of document {0} has another name than documents/{0}.xml or readable/{0}.html")]
    Name(Oid),
    /// A file of a document is not there, or differs from the manifest.
    #[error("file {0} is missing or differs from the manifest")]
    Differs(String),
    /// A file that the manifest does not name.
    #[error("{0} of its files are not in the manifest")]
    Foreign(usize),
    /// No checksums, or others than those of the files.
    #[error("SHA256SUMS is missing or is not the checksums of the package's files")]
    Checksums,
}

/// A package that was opened: every file is what the manifest says.
pub struct Opened {
    /// What it holds.
    pub manifest: Manifest,
    /// All files by name, manifest and checksums included.
    pub files: BTreeMap<String, Vec<u8>>,
}

/// Makes the tar: equal input gives equal bytes.
///
/// # Errors
/// [`PackFault`].
pub fn pack(packing: &Packing<'_>, crypto: &dyn Crypto) -> Result<Vec<u8>, PackFault> {
    if let Some(at) = packing.why.iter().position(|why| !is_reason(why)) {
        return Err(PackFault::Why(at.saturating_add(1)));
    }
    if !is_id(packing.id) {
        return Err(PackFault::Id);
    }
    if packing.documents.is_empty() {
        return Err(PackFault::Nothing);
    }
    let bytes: usize = packing.documents.iter().map(Vec::len).sum();
    if packing.documents.len() > DOCUMENTS_MAX || bytes > BYTES_MAX / 2 {
        return Err(PackFault::TooMuch);
    }
    let (mut files, mut entries, mut known) = (Vec::new(), Vec::new(), BTreeSet::new());
    for (at, xml) in packing.documents.iter().enumerate() {
        let document = fit(xml, at, packing, crypto)?;
        let entry = entry(&document, xml, at, crypto, &mut files)?;
        if !known.insert(entry.document.clone()) {
            return Err(PackFault::Twice(entry.document));
        }
        entries.push(entry);
    }
    let manifest = Manifest {
        format: FORMAT.to_owned(),
        package: packing.id.to_owned(),
        created: packing.created,
        organiser: packing.organiser.clone(),
        why: packing.why.to_vec(),
        documents: entries,
    };
    let mut json = serde_json::to_vec_pretty(&manifest).unwrap_or_default();
    json.push(b'\n');
    files.insert(0, (MANIFEST.to_owned(), json));
    let sums: String = files.iter().map(|(name, bytes)| checksum(crypto, name, bytes)).collect();
    files.insert(1, (CHECKSUMS.to_owned(), sums.into_bytes()));
    let made = tar::write(&files, packing.created.as_second()).ok_or(PackFault::TooMuch)?;
    if made.len() > BYTES_MAX { Err(PackFault::TooMuch) } else { Ok(made) }
}

/// Nothing of a caller's own words comes into the manifest.
fn is_reason(code: &str) -> bool {
    code == PREDECESSOR_HANDED_OVER || code.strip_prefix("access.").is_some_and(|code| Reason::CODES.contains(&code))
}

/// A package's id is shown to people as it stands.
fn is_id(id: &str) -> bool {
    (1..=ID_BYTES_MAX).contains(&id.len()) && id.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-')
}

/// A line of `SHA256SUMS`.
fn checksum(crypto: &dyn Crypto, name: &str, bytes: &[u8]) -> String {
    format!("{}  {name}\n", sha256(crypto, bytes))
}

/// A document that may be handed over: it agrees with itself, its signature holds, and it belongs to the organiser.
fn fit(xml: &[u8], at: usize, packing: &Packing<'_>, crypto: &dyn Crypto) -> Result<ReadDocument, PackFault> {
    let place = at.saturating_add(1);
    let document = read(xml).map_err(|_| PackFault::Unreadable(place))?;
    if document.findings.iter().any(Finding::is_error) {
        return Err(PackFault::Unreadable(place));
    }
    if document.signatures().next().is_none() {
        return Err(PackFault::NotSigned(place));
    }
    let (now, trust) = (packing.created, Trust::Pinned(Vec::new()));
    let verdict = verify(document.tree(), crypto, &TrustPolicy { trust, system_signer: ExpectedSigner::Anyone, now });
    let wrong = verdict.all_reasons().find(|reason| *reason != SignatureReason::CertificateUntrusted);
    if let Some(reason) = wrong {
        return Err(PackFault::Signature(place, reason));
    }
    if document.header.custodian.as_ref().is_none_or(|owner| owner.oid != packing.organiser.oid) {
        return Err(PackFault::OtherOrganiser(place));
    }
    Ok(document)
}

fn entry(
    document: &ReadDocument,
    xml: &[u8],
    at: usize,
    crypto: &dyn Crypto,
    files: &mut Vec<(String, Vec<u8>)>,
) -> Result<ManifestDocument, PackFault> {
    let header = &document.header;
    let whole = header.document.clone().zip(header.set.clone()).zip(header.version);
    let ((id, set), version) = whole.ok_or(PackFault::Unreadable(at.saturating_add(1)))?;
    let mut keep = |name: String, bytes: Vec<u8>| {
        let kept = ManifestFile {
            file: name.clone(),
            sha256: sha256(crypto, &bytes),
            bytes: u64::try_from(bytes.len()).unwrap_or(u64::MAX),
        };
        files.push((name, bytes));
        kept
    };
    let signed = keep(signed_name(&id), xml.to_vec());
    let readable = readable_form(document).map(|form| html_page(form, id.as_str()).into_bytes());
    let readable = readable.map(|page| keep(readable_name(&id), page));
    Ok(ManifestDocument {
        document: id,
        set,
        version,
        structure: header.structure.clone(),
        case: header.case.clone(),
        unit: header.unit.as_ref().map(|unit| unit.oid.clone()),
        drawn_up: header.drawn_up.map(|at| at.rfc3339()),
        made: header.created.map(|at| at.rfc3339()),
        signed,
        readable,
    })
}

fn signed_name(document: &Oid) -> String {
    format!("documents/{document}.xml")
}

fn readable_name(document: &Oid) -> String {
    format!("readable/{document}.html")
}

/// The display form. Ours leaves out where a person with a safety ban lives; what another system's shows of such a person is not
/// known, so that it is left out whole.
fn readable_form(document: &ReadDocument) -> Option<&str> {
    let ours = document.header.software.as_ref().is_some_and(|software| software.product == PRODUCT);
    let banned = || document.content().is_some_and(says_a_ban);
    document.display.as_deref().filter(|_| ours || !banned())
}

fn says_a_ban(value: &Value) -> bool {
    match value {
        Value::Object(members) => members.get(BAN_KEY) == Some(&Value::Bool(true)) || members.values().any(says_a_ban),
        Value::Array(items) => items.iter().any(says_a_ban),
        _ => false,
    }
}

/// Opens the tar and holds every file against manifest and checksums. Who signed a document, and whether they are believed, is not
/// judged here.
///
/// # Errors
/// [`OpenFault`]: nothing of a package is given out that is not whole.
pub fn open(bytes: &[u8], crypto: &dyn Crypto) -> Result<Opened, OpenFault> {
    let files = tar::read(bytes, FILES_MAX)?;
    let manifest = files.get(MANIFEST).and_then(|json| serde_json::from_slice::<Manifest>(json).ok());
    let ours = |manifest: &Manifest| manifest.format == FORMAT && is_id(&manifest.package);
    let manifest = manifest.filter(ours).ok_or(OpenFault::Manifest)?;
    let mut named = BTreeSet::from([MANIFEST.to_owned(), CHECKSUMS.to_owned()]);
    for entry in &manifest.documents {
        let signed = (signed_name(&entry.document), Some(&entry.signed));
        let readable = (readable_name(&entry.document), entry.readable.as_ref());
        for (name, said) in [signed, readable] {
            let Some(said) = said else { continue };
            if said.file != name {
                return Err(OpenFault::Name(entry.document.clone()));
            }
            if !files.get(&name).is_some_and(|bytes| is_as_said(bytes, said, crypto)) {
                return Err(OpenFault::Differs(name));
            }
            if !named.insert(name) {
                return Err(OpenFault::Twice(entry.document.clone()));
            }
        }
    }
    match files.keys().filter(|name| !named.contains(*name)).count() {
        0 => {}
        foreign => return Err(OpenFault::Foreign(foreign)),
    }
    check_sums(&files, crypto)?;
    Ok(Opened { manifest, files })
}

fn is_as_said(bytes: &[u8], said: &ManifestFile, crypto: &dyn Crypto) -> bool {
    u64::try_from(bytes.len()) == Ok(said.bytes) && sha256(crypto, bytes) == said.sha256
}

/// The checksums of every other file, in any order, and nothing else.
fn check_sums(files: &BTreeMap<String, Vec<u8>>, crypto: &dyn Crypto) -> Result<(), OpenFault> {
    let said = files.get(CHECKSUMS).and_then(|bytes| std::str::from_utf8(bytes).ok()).ok_or(OpenFault::Checksums)?;
    let others = files.iter().filter(|(name, _)| *name != CHECKSUMS);
    let mut expected: Vec<String> = others.map(|(name, bytes)| checksum(crypto, name, bytes)).collect();
    let mut said: Vec<&str> = said.split_inclusive('\n').collect();
    expected.sort_unstable();
    said.sort_unstable();
    if said == expected { Ok(()) } else { Err(OpenFault::Checksums) }
}

fn sha256(crypto: &dyn Crypto, bytes: &[u8]) -> String {
    crypto.digest(Digest::Sha256, bytes).iter().map(|b| format!("{b:02x}")).collect()
}
