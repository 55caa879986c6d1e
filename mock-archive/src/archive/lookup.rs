//! Looking up: finds and fetches (docs/wire.md §7, §8). Called by `archive.rs` for a query.

use crate::answers::{self, Page};
use crate::archive::{Archive, Arrival, Reply};
use crate::finding::{Finding, Findings, Rule};
use crate::intake::frame::{Frame, Interaction};
use crate::intake::query::Query;
use crate::ledger::Verdict;
use crate::registers::{RELATIONSHIP, Registers, Stored};
use crate::rules::access::{self, Ground, Needed};
use crate::rules::message;

const CONTINUATION: &str = "after-";

impl Archive {
    pub(super) fn answer_query(&self, frame: &Frame, query: &Query, arrival: &Arrival<'_>) -> (Verdict, Reply) {
        let mut findings = arrival.findings.clone();
        findings.extend(message::check_query(query, frame));
        findings.extend(crate::rules::persons::check_ids(&query.client, "queryByParameter/clientId"));
        let registers = self.registers();
        let selected = if findings.refuse() { Ok(Vec::new()) } else { self.select(frame, query, &registers) };
        let after = continuation(query, &mut findings);
        if let Err(rule) = selected {
            findings.add(rule, "queryByParameter");
        }
        match selected {
            Ok(selected) if !findings.refuse() => self.answer_page(frame, query, &selected, after, arrival),
            _ => self.answer_refusal(frame, query, findings, arrival),
        }
    }

    fn answer_refusal(
        &self,
        frame: &Frame,
        query: &Query,
        findings: Findings,
        arrival: &Arrival<'_>,
    ) -> (Verdict, Reply) {
        let (findings, _) = findings.split();
        let text = answers::refusal(&self.sheet(&arrival.peer), frame, &query.id, &findings);
        let rules = findings.iter().map(|finding: &Finding| finding.rule).collect();
        (Verdict::Refused(rules), Reply::xml(200, text))
    }

    fn answer_page(
        &self,
        frame: &Frame,
        query: &Query,
        selected: &[(usize, &Stored)],
        after: Option<usize>,
        arrival: &Arrival<'_>,
    ) -> (Verdict, Reply) {
        let page_size = usize::try_from(query.page_size).unwrap_or(usize::MAX);
        let rest: Vec<_> = selected.iter().filter(|(place, _)| after.is_none_or(|after| *place > after)).collect();
        let documents: Vec<&Stored> = rest.iter().take(page_size).map(|(_, document)| *document).collect();
        let last = rest.iter().take(page_size).next_back().map(|(place, _)| format!("{CONTINUATION}{place}"));
        let continuation = last.filter(|_| rest.len() > page_size);
        let with_reference = frame.interaction == Interaction::Fetch;
        let page = Page { documents: &documents, total: selected.len(), continuation, with_reference };
        let text = answers::page(&self.sheet(&arrival.peer), frame, &query.id, &page);
        let reply = match documents.first() {
            Some(document) if with_reference => match document.body.read() {
                Ok(bytes) => multipart(&text, document, &bytes),
                Err(error) => return (Verdict::NotProcessed, Reply::unreadable_body(&error)),
            },
            _ => Reply::xml(200, text),
        };
        (Verdict::Answered(selected.len()), reply)
    }

    /// The documents that the asker may see and wants, each with its place in the order of arrival.
    fn select<'a>(
        &self,
        frame: &Frame,
        query: &Query,
        registers: &'a Registers,
    ) -> Result<Vec<(usize, &'a Stored)>, Rule> {
        if query.document.is_some() {
            return self.select_one(frame, query, registers);
        }
        let client = query.client.as_ref().ok_or(Rule::QuerySubject)?;
        let wanted = wanted_group(frame, query);
        if access::ground(frame, &query.custodian)? == Ground::RegisterAccess && wanted != Some(RELATIONSHIP) {
            access::granted_for(registers, [client], &query.custodian, &frame.worker.unit, self.to_read())?;
        }
        let newest_relationship = registers.relationship(client, &query.custodian).map(|document| &document.id);
        Ok(registers
            .valid_of(client, &query.custodian)
            .map(|(place, document)| (place, document.as_ref()))
            .filter(|(_, document)| registers.is_newest(document))
            .filter(|(_, document)| document.group.code != RELATIONSHIP || Some(&document.id) == newest_relationship)
            .filter(|(_, document)| fits(query, wanted, document))
            .collect())
    }

    fn select_one<'a>(
        &self,
        frame: &Frame,
        query: &Query,
        registers: &'a Registers,
    ) -> Result<Vec<(usize, &'a Stored)>, Rule> {
        let document = query.document.as_ref().and_then(|id| registers.document(id));
        let Some(document) = document.filter(|document| {
            document.custodian == query.custodian
                && query.client.as_ref().is_none_or(|client| document.is_of(client))
                && fits(query, wanted_group(frame, query), document)
        }) else {
            // What the archive does not have it may say to anyone who may send at all: that is the question before a resend.
            return Ok(Vec::new());
        };
        if document.sender != frame.sender {
            if access::ground(frame, &query.custodian)? == Ground::RegisterAccess {
                self.may_read(frame, registers, document)?;
            }
            if !registers.is_valid(document) {
                return Ok(Vec::new());
            }
        }
        Ok(vec![(0, document.as_ref())])
    }

    /// The newest relationship document may be read without a grant; everything else needs one.
    fn may_read(&self, frame: &Frame, registers: &Registers, document: &Stored) -> Result<(), Rule> {
        let clients = || document.clients.iter().map(|client| &client.id);
        let is_newest_relationship = clients().any(|client| {
            registers.relationship(client, &document.custodian).is_some_and(|newest| newest.id == document.id)
        });
        if is_newest_relationship {
            return Ok(());
        }
        access::granted_for(registers, clients(), &document.custodian, &frame.worker.unit, self.to_read())
    }

    fn to_read(&self) -> Needed {
        let today = self.clock.today();
        Needed { started_by: today, not_ended_before: today }
    }
}

fn wanted_group<'a>(frame: &'a Frame, query: &'a Query) -> Option<&'a str> {
    query.group.as_deref().or_else(|| message::group_of(&frame.service_request))
}

fn fits(query: &Query, group: Option<&str>, document: &Stored) -> bool {
    let code_is = |code: &Option<crate::intake::document::Code>, wanted: &str| {
        code.as_ref().is_some_and(|code| code.code == wanted)
    };
    let type_fits =
        |wanted: &String| code_is(&document.specific_type, wanted) || code_is(&document.general_type, wanted);
    group.is_none_or(|group| document.group.code == group)
        && (query.document_types.is_empty() || query.document_types.iter().any(type_fits))
        && query.service_task.as_ref().is_none_or(|task| code_is(&document.service_task, task))
        && query.case.as_ref().is_none_or(|case| document.case.as_ref() == Some(case))
}

fn continuation(query: &Query, findings: &mut Findings) -> Option<usize> {
    let token = query.continuation.as_ref()?;
    let place = token.strip_prefix(CONTINUATION).and_then(|place| place.parse().ok());
    findings.require(place.is_some(), Rule::QueryContinuation, "queryByParameter/continuation");
    place
}

/// The answer and the document, byte for byte as it was stored.
fn multipart(answer: &str, document: &Stored, bytes: &[u8]) -> Reply {
    // The digest is in the boundary, so no document can contain its own delimiter by chance.
    let tag: String = document.sha256.iter().take(16).map(|byte| format!("{byte:02x}")).collect();
    let boundary = format!("archive-{tag}");
    let mut body = format!(
        "--{boundary}\r\nContent-Type: text/xml; charset=utf-8\r\nContent-ID: <frame>\r\n\r\n{answer}\r\n\
         --{boundary}\r\nContent-Type: application/xml; charset=utf-8\r\nContent-Transfer-Encoding: binary\r\n\
         Content-ID: <OID{}>\r\n\r\n",
        document.id
    )
    .into_bytes();
    body.extend_from_slice(bytes);
    body.extend_from_slice(format!("\r\n--{boundary}--\r\n").as_bytes());
    let content_type = format!("multipart/related; type=\"text/xml\"; start=\"<frame>\"; boundary=\"{boundary}\"");
    Reply { status: 200, content_type, body }
}
