//! The rules' names and what is said when one is broken. The checks themselves are in `rules/`, `signature.rs`, `intake/`.
//!
//! A finding never carries a value of a document or a message: only the rule, the place and fixed words.

use std::fmt;

/// Detail codes of an acknowledgement (docs/wire.md §6).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DetailCode {
    /// `5Y00009`: access right.
    AccessRight,
    /// `4Y00007`: integrity of the message.
    Integrity,
    /// `OURS-DUPLICATE-ID`: the id is taken by other bytes.
    DuplicateId,
    /// `OURS-NOT-TEST-PERSON`: a real person's identity code in the test environment.
    NotTestPerson,
    /// `OURS-UNKNOWN-CASE`: no such case in the register.
    UnknownCase,
    /// `OURS-SIGNATURE`: a signature that does not hold.
    Signature,
    /// `OURS-CONTENT`: the document contradicts itself or its structure.
    Content,
    /// `OURS-VERSION`: not the successor of the version that the archive has.
    Version,
    /// `OURS-CASE-CLOSED`: the case takes no more documents.
    CaseClosed,
    /// `OURS-UNKNOWN-DOCUMENT`: the register has no such document.
    UnknownDocument,
    /// `OURS-NOT-JOINED`: the organisation has not joined.
    NotJoined,
    /// `OURS-PHASE`: the phases do not allow a register access right.
    Phase,
    /// `OURS-ROLE`: the worker's role may not do it.
    Role,
    /// `OURS-OVERLOAD`: nothing to do with the document.
    Overload,
}

impl DetailCode {
    /// The code as it stands on the wire.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::AccessRight => "5Y00009",
            Self::Integrity => "4Y00007",
            Self::DuplicateId => "OURS-DUPLICATE-ID",
            Self::NotTestPerson => "OURS-NOT-TEST-PERSON",
            Self::UnknownCase => "OURS-UNKNOWN-CASE",
            Self::Signature => "OURS-SIGNATURE",
            Self::Content => "OURS-CONTENT",
            Self::Version => "OURS-VERSION",
            Self::CaseClosed => "OURS-CASE-CLOSED",
            Self::UnknownDocument => "OURS-UNKNOWN-DOCUMENT",
            Self::NotJoined => "OURS-NOT-JOINED",
            Self::Phase => "OURS-PHASE",
            Self::Role => "OURS-ROLE",
            Self::Overload => "OURS-OVERLOAD",
        }
    }
}

/// What breaking a rule leads to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Weight {
    /// The message is answered `AE`.
    Refuses,
    /// The message is taken; the ledger names the rule.
    Warns,
}

macro_rules! rules {
    ($($name:ident = $id:literal, $code:ident, $weight:ident, $text:literal;)*) => {
        /// Every rule of the mock archive.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize)]
        pub enum Rule { $(#[doc = $text] $name,)* }

        impl Rule {
            /// All rules, in the order of the table in the README.
            pub const ALL: &[Self] = &[$(Self::$name,)*];

            /// The rule's stable name.
            #[must_use]
            pub fn id(self) -> &'static str {
                match self { $(Self::$name => $id,)* }
            }

            /// The detail code with which a breach is answered.
            #[must_use]
            pub fn code(self) -> DetailCode {
                match self { $(Self::$name => DetailCode::$code,)* }
            }

            /// Whether a breach refuses the message.
            #[must_use]
            pub fn weight(self) -> Weight {
                match self { $(Self::$name => Weight::$weight,)* }
            }

            /// What the rule expects, in one sentence without any value.
            #[must_use]
            pub fn text(self) -> &'static str {
                match self { $(Self::$name => $text,)* }
            }
        }
    };
}

rules! {
    MessageForm = "message.form", Integrity, Refuses, "the message holds every element of docs/wire.md §2 in readable form";
    MessageSchema = "message.schema", Integrity, Refuses, "envelope and message follow schemas/xsd/message.xsd";
    MessageSoapAction = "message.soap-action", Integrity, Refuses, "the HTTP message's action (SOAPAction, or the media type's in SOAP 1.2) names the interaction";
    MessageAddressing = "message.addressing", Integrity, Refuses, "WS-Addressing headers, when there are any, name the action, the message and the anonymous address";
    MessageInteraction = "message.interaction", Integrity, Refuses, "root element and interactionId agree";
    MessageNumber = "message.number", Integrity, Refuses, "the message id's extension is a number";
    MessageProcessing = "message.processing", Integrity, Refuses, "processingCode is D and processingModeCode T in the test environment";
    MessageReceiver = "message.receiver", Integrity, Refuses, "the receiver is this archive's party id";
    MessageSender = "message.sender", AccessRight, Refuses, "the sender is the organisation of the client certificate";
    MessageTrigger = "message.trigger", Integrity, Refuses, "the trigger event is the interaction's: RCMR_TE000102UV01 to store, RCMR_TE000025UV01 to invalidate";
    MessageTriggerMissing = "message.trigger-missing", Integrity, Warns, "a message that changes the register names its trigger event";
    MessageServiceRequest = "message.service-request", Integrity, Refuses, "the service request belongs to the interaction";
    MessageUseSituation = "message.use-situation", Integrity, Refuses, "the use situation is a known one";
    MessageAttachment = "message.attachment", Integrity, Refuses, "text names the one part that carries the document, or holds it as Base64";
    FrameRegister = "frame.register", Integrity, Refuses, "the register is the client register, 1";
    FrameStates = "frame.states", Integrity, Refuses, "status COMPLETED, completion LA and storage AC";
    FrameNullified = "frame.nullified", Integrity, Refuses, "an invalidation has the status NULLIFIED";
    PairId = "pair.id", Integrity, Refuses, "frame and document have the same id";
    PairSetId = "pair.set-id", Integrity, Refuses, "frame and document have the same setId";
    PairVersion = "pair.version", Integrity, Refuses, "frame and document have the same versionNumber";
    PairEffectiveTime = "pair.effective-time", Integrity, Refuses, "frame and document have the same effectiveTime";
    PairClients = "pair.clients", Integrity, Refuses, "frame and document name the same clients";
    PairCustodian = "pair.custodian", Integrity, Refuses, "frame and document have the same custodian";
    PairCase = "pair.case", Integrity, Refuses, "frame and document name the same case, a relationship document none";
    PairGroup = "pair.group", Integrity, Refuses, "the service request of a first version fits the document group: SP1 1, OURS-ARCHIVE-CASE 2, SP17 5";
    PairNewVersion = "pair.new-version", Integrity, Refuses, "version 2 and later are stored with OURS-NEW-VERSION, a first version is not";
    TestPerson = "person.test-only", NotTestPerson, Refuses, "only 900-series identity codes, anywhere";
    DocumentSchema = "document.schema", Content, Refuses, "the document follows schemas/xsd/document.xsd";
    DocumentForm = "document.form", Content, Refuses, "the document is a ClinicalDocument with header, localSocialHeader and body";
    DocumentGroup = "document.group", Content, Refuses, "the document group is 1, 2 or 5: nothing is known of the others";
    DocumentCodes = "document.codes", Content, Refuses, "confidentiality 6, register 1, record status 3";
    DocumentSpecificType = "document.specific-type", Content, Warns, "the specific type's thousands are the general type";
    DocumentCustodian = "document.custodian", Content, Refuses, "the custodian is the outsourcingServiceCustomer";
    DocumentCase = "document.case", Content, Refuses, "a case document and a client document name their case";
    DocumentBodyId = "document.body-id", Content, Refuses, "nonXMLBody/@ID is OID and the document's id";
    DisplayForm = "display.form", Content, Refuses, "the display form is well-formed XHTML with one root div";
    DisplayId = "display.id", Content, Refuses, "the display form's root id is OID and the document's id";
    ContentForm = "content.form", Content, Refuses, "the content is JSON with exactly one root key and an object under it";
    ContentStructure = "content.structure", Content, Refuses, "the content follows the structure that contentSpecificationId names";
    ContentStructureUnknown = "content.structure-unknown", Content, Warns, "the structure that contentSpecificationId names is known here";
    ContentClient = "content.client", Content, Refuses, "identity codes in the content are clients of the document";
    ContentCase = "content.case", Content, Refuses, "a case document's content carries the case id of the header";
    ContentRelationship = "content.relationship", Content, Refuses, "header and content carry the same relationship id";
    ContentProducerRows = "content.producer-rows", Content, Refuses, "each producer row has a unit and readable dates";
    VersionFirst = "version.first", Version, Refuses, "in version 1 setId is the id, and in no other";
    VersionSuccessor = "version.successor", Version, Refuses, "version n follows version n-1 of the same document in the same register";
    VersionAfterInvalid = "version.after-invalid", Version, Refuses, "no version follows an invalidated one";
    VersionReplaces = "version.replaces", Version, Refuses, "relatedDocument, where it is there, names the version before";
    DuplicateId = "document.duplicate-id", DuplicateId, Refuses, "an id belongs to one sender's bytes for ever";
    SignaturePresent = "signature.present", Signature, Refuses, "the document has one to ten signatures";
    SignatureForm = "signature.form", Signature, Refuses, "a signature has type, timestamp, SignedInfo, value and one certificate";
    SignatureAlgorithms = "signature.algorithms", Signature, Refuses, "exclusive C14N without comments, rsa-sha256 and SHA-256, nothing else";
    SignatureReferences = "signature.references", Signature, Refuses, "exactly two references: the timestamp and the body, by ids that occur once";
    SignatureDigest = "signature.digest", Signature, Refuses, "the digests are those of timestamp and body";
    SignatureValue = "signature.value", Signature, Refuses, "the signature value is the certificate key's over SignedInfo";
    SignatureCertificate = "signature.certificate", Signature, Refuses, "the certificate chains to the signing CA or is pinned, and may sign";
    SignatureMoment = "signature.moment", Signature, Refuses, "the certificate was valid at the signed time";
    SignatureSigner = "signature.signer", Signature, Refuses, "system: the sender's organisation or below; professional: the document's author";
    SignatureProfessional = "signature.professional", Signature, Refuses, "content with allekirjoitus has a professional signature";
    OrganisationJoined = "organisation.joined", NotJoined, Refuses, "the sender has joined the archive";
    OrganisationOrganiserPhase = "organisation.organiser-phase", Phase, Refuses, "under a register access right the organiser is in phase 2";
    OrganisationProducerPhase = "organisation.producer-phase", Phase, Refuses, "under a register access right the producer is in phase 2, or in phase 1 with the right as a partial implementation";
    AccessUse = "access.use-situation", AccessRight, Refuses, "own register with the own-register use situation, another's with the register-access one";
    AccessRelationship = "access.relationship", AccessRight, Refuses, "the client has a relationship document in the register";
    AccessUnit = "access.unit", AccessRight, Refuses, "the newest relationship document names the acting worker's unit";
    AccessStarted = "access.started", AccessRight, Refuses, "the unit's row has started";
    AccessEnded = "access.ended", AccessRight, Refuses, "the unit's row has not ended";
    AccessDocumentUnit = "access.document-unit", AccessRight, Refuses, "the document's unit is the acting worker's";
    AccessGroup = "access.group", AccessRight, Refuses, "under a register access right only client documents are stored";
    AccessServiceTask = "access.service-task", AccessRight, Warns, "the document's service task is that of a row which grants the right";
    AccessRole = "access.role", Role, Refuses, "the worker's role may do this with documents of this service task and service process";
    AccessInvalidation = "access.invalidation", AccessRight, Refuses, "outside the own register only what the sender itself has stored is invalidated";
    InvalidationDocument = "invalidation.document", UnknownDocument, Refuses, "the register has the document";
    InvalidationMetadata = "invalidation.metadata", Integrity, Refuses, "the message names the group and the clients of the document";
    InvalidationReason = "invalidation.reason", Integrity, Refuses, "the reason has 1 to 500 characters";
    CaseKnown = "case.known", UnknownCase, Refuses, "under a register access right the case is known in the register";
    CaseKnownOwn = "case.known-own", UnknownCase, Warns, "in the own register the case is known";
    CaseClient = "case.client", Content, Refuses, "under a register access right the document's clients belong to the case";
    CaseClientOwn = "case.client-own", Content, Warns, "in the own register the document's clients belong to the case";
    CaseClosed = "case.closed", CaseClosed, Refuses, "under a register access right a closed case takes what was drawn up by the day of closing";
    CaseClosedOwn = "case.closed-own", CaseClosed, Warns, "in the own register a closed case takes what was drawn up by the day of closing";
    QueryForm = "query.form", Integrity, Refuses, "queryByParameter is as docs/wire.md §7 says";
    QueryPage = "query.page", Integrity, Refuses, "initialQuantity is 1 to 200";
    QuerySubject = "query.subject", Integrity, Refuses, "a find names a client or a document, a fetch a document, a summary's fetch a client and no document";
    QueryContinuation = "query.continuation", Integrity, Refuses, "continuation is one that the archive gave";
}

/// One broken rule and where it was broken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// The rule.
    pub rule: Rule,
    /// The place: element path, JSON pointer or part; never a value.
    pub at: String,
}

impl Finding {
    pub(crate) fn new(rule: Rule, at: impl Into<String>) -> Self {
        Self { rule, at: at.into() }
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: expected: {} (at {})", self.rule.id(), self.rule.text(), self.at)
    }
}

/// Findings gathered by the checks of one message.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Findings(Vec<Finding>);

impl Findings {
    pub(crate) fn add(&mut self, rule: Rule, at: impl Into<String>) {
        self.0.push(Finding::new(rule, at));
    }

    /// Notes a breach of `rule` unless `holds`.
    pub(crate) fn require(&mut self, holds: bool, rule: Rule, at: &str) {
        if !holds {
            self.add(rule, at);
        }
    }

    pub(crate) fn extend(&mut self, more: impl IntoIterator<Item = Finding>) {
        self.0.extend(more);
    }

    pub(crate) fn refuse(&self) -> bool {
        self.0.iter().any(|finding| finding.rule.weight() == Weight::Refuses)
    }

    /// Refusals and warnings, apart.
    pub(crate) fn split(self) -> (Vec<Finding>, Vec<Finding>) {
        self.0.into_iter().partition(|finding| finding.rule.weight() == Weight::Refuses)
    }
}

impl IntoIterator for Findings {
    type Item = Finding;
    type IntoIter = std::vec::IntoIter<Finding>;

    fn into_iter(self) -> Self::IntoIter {
        self.0.into_iter()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_rule_has_an_id_of_its_own() {
        let mut ids: Vec<_> = Rule::ALL.iter().map(|rule| rule.id()).collect();
        ids.sort_unstable();
        let all = ids.len();
        ids.dedup();
        assert_eq!(ids.len(), all);
    }

    #[test]
    fn the_readme_lists_every_rule() {
        let readme = include_str!("../README.md");
        let missing: Vec<_> =
            Rule::ALL.iter().map(|rule| rule.id()).filter(|id| !readme.contains(&format!("`{id}`"))).collect();
        assert!(missing.is_empty(), "not in the README: {missing:?}");
    }
}
