#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]

use proptest::prelude::*;

use super::*;
use crate::domain::person::PersonId;
use crate::domain::wire::fixtures::{
    CASE, DOCUMENT, ORGANISER, PRODUCER, acknowledgement, answer, client, fetch_reply, message_id, query_answer, reply,
    subject, xml,
};

fn profile() -> WireProfile {
    WireProfile::default_profile().unwrap()
}

fn store_outcome(reply: &Reply) -> Outcome {
    acceptance(&profile(), &message_id("17"), reply)
}

fn acceptance_of(code: &str, details: &str) -> Reply {
    xml(answer("MCCI_IN000002UV01", &acknowledgement(code, "17", details)))
}

fn doubt(reply: &Reply) -> Doubt {
    match store_outcome(reply) {
        Outcome::Unknown { why, .. } => why,
        other => panic!("{other:?}"),
    }
}

const FETCHED: &[u8] = b"<d>\r\n</d>";

const REFUSAL: &str = "<acknowledgementDetail typeCode=\"E\"><code code=\"4Y00007\" \
    codeSystem=\"1.2.246.537.5.40112.2006\" displayName=\"eheys\"/><text>sanoma ei ole eheä</text>\
    <location>/a/b</location></acknowledgementDetail><acknowledgementDetail typeCode=\"W\"><text>2</text>\
    </acknowledgementDetail>";

#[test]
fn aa_is_archived_ae_rejected_ar_later_and_every_detail_is_kept() {
    assert!(
        matches!(store_outcome(&acceptance_of("AA", "")), Outcome::Archived(r) if r.message_id == message_id("17"))
    );
    let Outcome::Rejected(rejection) = store_outcome(&acceptance_of("AE", REFUSAL)) else { panic!() };
    let first = &rejection.details[0];
    assert_eq!(first.code.as_deref(), Some("4Y00007"));
    assert_eq!(first.text.as_deref(), Some("sanoma ei ole eheä"));
    assert_eq!(first.location.as_deref(), Some("/a/b"));
    assert_eq!((rejection.details.len(), rejection.details[1].severity), (2, Severity::Warning));
    let mut busy = acceptance_of("AR", "");
    busy.retry_after_s = Some(30);
    let later = store_outcome(&busy);
    assert!(later.must_ask_first());
    assert!(matches!(later, Outcome::TryLater { retry_after: Some(d), .. } if d.as_secs() == 30));
}

#[test]
fn a_refusal_tells_who_must_act() {
    let actor = |code: &str| {
        let detail = REFUSAL.replace("4Y00007", code);
        let Outcome::Rejected(rejection) = store_outcome(&acceptance_of("AE", &detail)) else { panic!() };
        rejection.actor
    };
    assert_eq!([actor("4Y00007"), actor("OURS-DUPLICATE-ID")], [Actor::Us; 2]);
    assert_eq!([actor("5Y00009"), actor("OURS-CONTENT"), actor("something new")], [Actor::Caller; 3]);
}

#[test]
fn a_refusal_of_an_id_that_the_archive_has_is_told_apart() {
    for (code, duplicate) in [("OURS-DUPLICATE-ID", true), ("4Y00007", false), ("OURS-CONTENT", false)] {
        let detail = REFUSAL.replace("4Y00007", code);
        let Outcome::Rejected(rejection) = store_outcome(&acceptance_of("AE", &detail)) else { panic!() };
        assert_eq!(rejection.duplicate_id, duplicate, "{code}");
    }
}

#[test]
fn what_is_not_the_archives_word_on_our_message_leaves_it_unknown() {
    let html = "<!DOCTYPE html><html>Request Rejected. Your support ID is: 8086 &lt;010190-900P&gt;</html>";
    let good = answer("MCCI_IN000002UV01", &acknowledgement("AA", "17", ""));
    let fault = format!(
        "<s:Envelope xmlns:s=\"{}\"><s:Body><s:Fault><faultcode>s:Server</faultcode></s:Fault></s:Body></s:Envelope>",
        crate::domain::wire::soap::NAMESPACE
    );
    let support_id = || Some("8086".to_owned());
    for (reply, expected, actor) in [
        (xml(""), Doubt::Empty, Actor::Archive),
        (xml(html), Doubt::BlockPage { status: 200, support_id: support_id() }, Actor::Operator),
        (reply(403, "text/html", html), Doubt::BlockPage { status: 403, support_id: support_id() }, Actor::Operator),
        (reply(404, "text/plain", "no"), Doubt::Status(404), Actor::Operator),
        (reply(302, "text/xml", good.clone()), Doubt::Status(302), Actor::Operator),
        (reply(503, "text/plain", ""), Doubt::Status(503), Actor::Archive),
        (reply(500, "text/xml", fault.clone()), Doubt::Fault { code: "Server".into() }, Actor::Archive),
        (reply(200, "application/json", "{}"), Doubt::ContentType, Actor::Archive),
        (xml(&good.as_bytes()[..good.len() / 2]), Doubt::Truncated, Actor::NobodyYet),
        (xml(good.replace("extension=\"17\"", "extension=\"18\"")), Doubt::OtherMessage, Actor::Archive),
        (xml(good.replace(PRODUCER, ORGANISER)), Doubt::OtherMessage, Actor::Archive),
        (xml(good.replace("MCCI_IN000002UV01", "MCCI_IN000003UV01")), Doubt::OtherInteraction, Actor::Archive),
        (xml(good.replace("\"AA\"", "\"CA\"")), Doubt::Incomplete("acknowledgement/typeCode"), Actor::Archive),
        (xml(answer("MCCI_IN000002UV01", "")), Doubt::Incomplete("acknowledgement"), Actor::Archive),
    ] {
        let found = doubt(&reply);
        assert_eq!((found.actor(), &found), (actor, &expected));
        assert!(!found.to_string().contains("900P"));
    }
    let nothing = Reply { content_type: None, ..xml(good) };
    assert_eq!(doubt(&nothing), Doubt::ContentType);
}

#[test]
fn an_empty_answer_is_a_receipt_only_where_the_profile_says_so() {
    let over = "[transport]\nempty_answer = { value = \"archived\" }";
    let profile = WireProfile::default_with(over).unwrap();
    let outcome = acceptance(&profile, &message_id("17"), &xml(" \r\n"));
    assert!(matches!(outcome, Outcome::Archived(_)));
    assert!(matches!(acceptance(&profile, &message_id("17"), &xml("x")), Outcome::Unknown { .. }));
}

fn find(reply: &Reply) -> Result<QueryAnswer<EntryPage>, Doubt> {
    find_answer(&profile(), &message_id("17"), reply)
}

#[test]
fn a_found_entry_tells_its_case_its_type_and_whose_it_is() {
    let more = "<resultTotalQuantity value=\"3\"/><continuation>p2</continuation>";
    let body = query_answer("RCMR_IN200030FI01", "17", "OK", more, &subject(DOCUMENT, ""));
    let Ok(QueryAnswer::Found(page)) = find(&xml(body)) else { panic!() };
    assert_eq!((page.total, page.continuation.as_deref()), (Some(3), Some("p2")));
    let entry = &page.entries[0];
    assert_eq!((entry.ids.document.as_str(), entry.ids.version), (DOCUMENT, 2));
    assert_eq!(entry.case.as_ref().map(|c| c.as_str()), Some(CASE));
    assert_eq!(entry.specific_type.as_ref().map(|t| t.code.as_str()), Some("11000"));
    assert_eq!(entry.custodian.as_str(), ORGANISER);
    assert!(entry.clients[0].is(&client().id().unwrap()));
    let other: PersonId = PersonId::IdentityCode("150285-911L".parse().unwrap());
    assert!(!entry.clients[0].is(&other));
}

#[test]
fn an_entry_tells_when_it_was_stored_where_it_was_made_and_whether_it_counts() {
    let end = "</localSocialHeader>";
    let rest = format!(
        "<serviceProcess code=\"4\" codeSystem=\"1.2.246.537.6.1277.201701\"/>{end}<availabilityTime \
         value=\"20260610120000+0300\"/><serviceUnit><id root=\"{PRODUCER}.1\"/><name>Kotihoito</name></serviceUnit>"
    );
    let entry = |status: &str| {
        let subject = subject(DOCUMENT, &format!("<statusCode code=\"{status}\"/>")).replace(end, &rest);
        find(&xml(query_answer("RCMR_IN200030FI01", "17", "OK", "", &subject)))
    };
    let Ok(QueryAnswer::Found(page)) = entry("NULLIFIED") else { panic!() };
    let found = &page.entries[0];
    assert_eq!(found.status, EntryStatus::Nullified);
    assert_eq!(found.stored.map(|s| s.hl7()).as_deref(), Some("20260610120000+0300"));
    assert_eq!(found.unit.as_ref().map(|u| u.name.as_str()), Some("Kotihoito"));
    assert_eq!(found.service_process.as_ref().map(|p| p.code.as_str()), Some("4"));
    assert_eq!(entry("SUSPENDED"), Err(Doubt::Incomplete("statusCode")));
}

#[test]
fn nothing_found_is_told_apart_from_refused_busy_and_contradictory() {
    let nothing = query_answer("RCMR_IN200030FI01", "17", "NF", "", "");
    assert_eq!(find(&xml(nothing)), Ok(QueryAnswer::Nothing));
    for contradiction in [("NF", subject(DOCUMENT, "")), ("OK", String::new()), ("XX", String::new())] {
        let body = query_answer("RCMR_IN200030FI01", "17", contradiction.0, "", &contradiction.1);
        assert_eq!(find(&xml(body)), Err(Doubt::Incomplete("queryResponseCode")));
    }
    let refused = answer("RCMR_IN200030FI01", &acknowledgement("AE", "17", REFUSAL));
    assert!(matches!(find(&xml(refused)), Ok(QueryAnswer::Refused(r)) if r.details.len() == 2));
    assert!(matches!(find(&acceptance_of("AE", "")), Ok(QueryAnswer::Refused(_))));
    assert!(matches!(find(&acceptance_of("AR", "")), Ok(QueryAnswer::NotProcessed { .. })));
    assert_eq!(find(&acceptance_of("AA", "")), Err(Doubt::OtherInteraction));
}

#[test]
fn a_fetched_document_is_the_part_that_its_reference_names_byte_for_byte() {
    let fetch = |reply: &Reply| fetch_answer(&profile(), &message_id("17"), reply);
    let Ok(QueryAnswer::Found(found)) = fetch(&fetch_reply("17", "cid:OID1.2", FETCHED)) else { panic!() };
    assert_eq!((found.len(), found[0].xml.as_slice()), (1, FETCHED));
    assert_eq!(fetch(&fetch_reply("17", "cid:other", FETCHED)), Err(Doubt::Incomplete("text/reference")));
    let mut cut = fetch_reply("17", "cid:OID1.2", FETCHED);
    cut.body.truncate(cut.body.len() - 10);
    assert_eq!(fetch(&cut), Err(Doubt::Truncated));
}

fn read_all_ways(reply: &Reply) {
    let (profile, sent) = (profile(), message_id("17"));
    drop(acceptance(&profile, &sent, reply));
    drop(find_answer(&profile, &sent, reply));
    drop(fetch_answer(&profile, &sent, reply));
}

proptest! {
    #[test]
    fn no_bytes_of_a_peer_make_it_panic(status: u16, kind in ".{0,40}", body: Vec<u8>) {
        read_all_ways(&reply(status, &kind, body.clone()));
        read_all_ways(&xml(body));
    }

    #[test]
    fn no_mutated_answer_makes_it_panic(cut: prop::sample::Index, at: prop::sample::Index, with: Vec<u8>) {
        let entries = query_answer("RCMR_IN200030FI01", "17", "OK", "", &subject(DOCUMENT, ""));
        for whole in [acceptance_of("AE", REFUSAL), xml(entries), fetch_reply("17", "cid:OID1.2", FETCHED)] {
            let mut body = whole.body.clone();
            body.truncate(cut.index(body.len()) + 1);
            let at = at.index(body.len());
            let end = (at + with.len()).min(body.len());
            body.splice(at..end, with.iter().copied());
            read_all_ways(&Reply { body, ..whole });
        }
    }
}
