//! Looking up: finds and fetches (docs/wire.md §7, §8). Called by `archive.rs` for a query.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use openssl::sha::sha256;

use crate::answers::{self, Carried, Page};
use crate::archive::{Archive, Arrival, Reply};
use crate::finding::{Finding, Findings, Rule};
use crate::hl7_time::instant;
use crate::intake::document::Code;
use crate::intake::frame::{Frame, Interaction};
use crate::intake::query::Query;
use crate::intake::soap::SoapVersion;
use crate::ledger::Verdict;
use crate::registers::{Held, RELATIONSHIP, Registers, Stored};
use crate::roles::Act;
use crate::rules::access::{self, Ground, Needed, Refusal};
use crate::rules::message::{self, ACTION_PREFIX, SUMMARY};

const CONTINUATION: &str = "after-";

impl Archive {
    pub(super) fn answer_query(&self, frame: &Frame, query: &Query, arrival: &Arrival<'_>) -> (Verdict, Reply) {
        let mut findings = arrival.findings.clone();
        findings.extend(message::check_query(query, frame));
        findings.extend(crate::rules::persons::check_ids(&query.client, "queryByParameter/clientId"));
        let registers = self.registers();
        let selected = if findings.refuse() { Ok(Vec::new()) } else { self.select(frame, query, &registers) };
        let after = continuation(query, &mut findings);
        match &selected {
            Err(Refusal::Rule(rule)) => findings.add(*rule, "queryByParameter"),
            Err(Refusal::Unreadable(error)) => return (Verdict::NotProcessed, Reply::unreadable(error)),
            Ok(_) => {}
        }
        match selected {
            Ok(selected) if !findings.refuse() && frame.service_request == SUMMARY => {
                self.answer_summary(frame, query, &selected, arrival)
            }
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
        let text = answers::refusal(&self.sheet(arrival), frame, &query.id, &findings);
        let rules = findings.iter().map(|finding: &Finding| finding.rule).collect();
        let action = answers::answer_to(frame.interaction);
        (Verdict::Refused(rules), Reply::envelope(200, arrival.manner.soap, action, text))
    }

    fn answer_page(
        &self,
        frame: &Frame,
        query: &Query,
        selected: &[Held],
        after: Option<u32>,
        arrival: &Arrival<'_>,
    ) -> (Verdict, Reply) {
        let page_size = usize::try_from(query.page_size).unwrap_or(usize::MAX);
        let rank = |held: &Held| if query.stored_after.is_some() { held.change } else { held.place };
        let rest = selected.iter().filter(|held| after.is_none_or(|after| rank(held) > after));
        let mut rest: Vec<&Held> = rest.collect();
        let is_whole = rest.len() <= page_size;
        rest.truncate(page_size);
        let last = rest.last().map(|held| format!("{CONTINUATION}{}", rank(held)));
        let continuation = last.filter(|_| !is_whole);
        let is_fetch = frame.interaction == Interaction::Fetch;
        let body = match rest.first().filter(|_| is_fetch).map(|held| self.bodies.read(held.document.body)).transpose()
        {
            Ok(body) => body,
            Err(error) => return (Verdict::NotProcessed, Reply::unreadable(&error)),
        };
        let carried = match &body {
            Some(bytes) if self.answers_inline => Carried::Inline(STANDARD.encode(bytes)),
            Some(_) => Carried::Part,
            None => Carried::Nothing,
        };
        let in_part = matches!(carried, Carried::Part);
        let page = Page { documents: &rest, total: selected.len(), continuation, carried };
        let text = answers::page(&self.sheet(arrival), frame, &query.id, &page);
        let action = answers::answer_to(frame.interaction);
        let reply = match (rest.first(), &body) {
            (Some(held), Some(bytes)) if in_part => {
                multipart(&text, &held.document, bytes, arrival.manner.soap, action)
            }
            _ => Reply::envelope(200, arrival.manner.soap, action, text),
        };
        (Verdict::Answered(selected.len()), reply)
    }

    /// The documents that the asker may see and wants, in the order of the answer.
    fn select(&self, frame: &Frame, query: &Query, registers: &Registers) -> Result<Vec<Held>, Refusal> {
        if query.document.is_some() {
            return self.select_one(frame, query, registers);
        }
        let client = query.client.as_ref().ok_or(Rule::QuerySubject)?;
        let wanted = wanted_group(frame, query);
        if access::ground(frame, &query.custodian)? == Ground::RegisterAccess {
            access::phases(&self.standings(), &query.custodian, &frame.sender)?;
            if wanted != Some(RELATIONSHIP) {
                access::granted_for(registers, [client], &query.custodian, &frame.worker.unit, self.to_read())?;
            }
        }
        let newest_relationship = registers.relationship(client, &query.custodian)?.map(|document| document.id);
        let is_shown = |held: &Held| {
            // What changed includes what ceased to count.
            let ceased = query.stored_after.is_some() && !held.is_valid;
            let superseded =
                held.document.group.code == RELATIONSHIP && Some(&held.document.id) != newest_relationship.as_ref();
            ceased || held.is_current() && !superseded
        };
        let mut selected: Vec<Held> = registers
            .of_client(client, &query.custodian)?
            .into_iter()
            .filter(|held| is_shown(held) && fits(query, wanted, held))
            .filter(|held| access::role_may_with(frame, Act::Read, &held.document, &self.roles))
            .collect();
        if query.stored_after.is_some() {
            selected.sort_by_key(|held| held.change);
        }
        Ok(selected)
    }

    fn select_one(&self, frame: &Frame, query: &Query, registers: &Registers) -> Result<Vec<Held>, Refusal> {
        let held = query.document.as_ref().map(|id| registers.held(id)).transpose()?;
        let Some(held) = held.flatten().filter(|held| {
            held.document.custodian == query.custodian
                && query.client.as_ref().is_none_or(|client| held.document.is_of(client))
                && fits(query, wanted_group(frame, query), held)
        }) else {
            // What the archive does not have it may say to anyone who may send at all: that is the question before a resend.
            return Ok(Vec::new());
        };
        let document = &held.document;
        let is_question = frame.interaction == Interaction::Find;
        let is_senders = document.sender == frame.sender;
        if !is_senders {
            if access::ground(frame, &query.custodian)? == Ground::RegisterAccess {
                access::phases(&self.standings(), &query.custodian, &frame.sender)?;
                self.may_read(frame, registers, document)?;
            }
            if !access::role_may_with(frame, Act::Read, document, &self.roles) {
                return Err(Rule::AccessRole.into());
            }
        }
        // To its sender and to the register's owner an invalidated document has arrived; it is fetched by nobody.
        let hears_of_it = is_question && (is_senders || frame.sender == document.custodian);
        let newest_is_valid = registers.newest(&document.set_id)?.is_some_and(|newest| newest.is_valid);
        let is_there = held.is_valid && (newest_is_valid || is_senders);
        Ok(if hears_of_it || is_there { vec![held] } else { Vec::new() })
    }

    /// The newest relationship document may be read without a grant; everything else needs one.
    fn may_read(&self, frame: &Frame, registers: &Registers, document: &Stored) -> Result<(), Refusal> {
        let clients = || document.clients.iter().map(|client| &client.id);
        for client in clients() {
            let newest = registers.relationship(client, &document.custodian)?;
            if newest.is_some_and(|newest| newest.id == document.id) {
                return Ok(());
            }
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

fn fits(query: &Query, group: Option<&str>, held: &Held) -> bool {
    let document = &held.document;
    let code_is = |code: &Option<Code>, wanted: &str| code.as_ref().is_some_and(|code| code.code == wanted);
    let process = || document.service_process.as_ref().map(|process| process.code.code.as_str());
    let type_fits =
        |wanted: &String| code_is(&document.specific_type, wanted) || code_is(&document.general_type, wanted);
    group.is_none_or(|group| document.group.code == group)
        && (query.document_types.is_empty() || query.document_types.iter().any(type_fits))
        && query.service_task.as_ref().is_none_or(|task| code_is(&document.service_task, task))
        && query.service_process.as_ref().is_none_or(|wanted| process() == Some(wanted.as_str()))
        && drawn_up_fits(query, &document.effective_time)
        && query.stored_after.is_none_or(|moment| held.changed_at > moment)
        && query.case.as_ref().is_none_or(|case| document.case.as_ref() == Some(case))
}

fn drawn_up_fits(query: &Query, effective_time: &str) -> bool {
    let (low, high) = query.drawn_up;
    if low.is_none() && high.is_none() {
        return true;
    }
    instant(effective_time)
        .is_some_and(|moment| low.is_none_or(|low| moment >= low) && high.is_none_or(|high| moment <= high))
}

fn continuation(query: &Query, findings: &mut Findings) -> Option<u32> {
    let token = query.continuation.as_ref()?;
    let place = token.strip_prefix(CONTINUATION).and_then(|place| place.parse().ok());
    findings.require(place.is_some(), Rule::QueryContinuation, "queryByParameter/continuation");
    place
}

/// The answer and the document, byte for byte as it was stored.
fn multipart(answer: &str, document: &Stored, bytes: &[u8], soap: SoapVersion, action: &str) -> Reply {
    // The digest is in the boundary, so no document can contain its own delimiter by chance.
    let tag: String = sha256(bytes).iter().take(16).map(|byte| format!("{byte:02x}")).collect();
    let boundary = format!("archive-{tag}");
    let media_type = soap.media_type();
    let start_info = match soap {
        SoapVersion::V11 => String::new(),
        SoapVersion::V12 => format!("start-info=\"{ACTION_PREFIX}{action}\"; "),
    };
    let mut body = format!(
        "--{boundary}\r\nContent-Type: {media_type}; charset=utf-8\r\nContent-ID: <frame>\r\n\r\n{answer}\r\n\
         --{boundary}\r\nContent-Type: application/xml; charset=utf-8\r\nContent-Transfer-Encoding: binary\r\n\
         Content-ID: <OID{}>\r\n\r\n",
        document.id
    )
    .into_bytes();
    body.extend_from_slice(bytes);
    body.extend_from_slice(format!("\r\n--{boundary}--\r\n").as_bytes());
    let content_type =
        format!("multipart/related; type=\"{media_type}\"; start=\"<frame>\"; {start_info}boundary=\"{boundary}\"");
    Reply { status: 200, content_type, body }
}
