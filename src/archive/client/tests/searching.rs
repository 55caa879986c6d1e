//! Searching page by page, and fetching what was found.

use std::sync::atomic::AtomicUsize;

use super::*;
use crate::domain::document::header::DocumentGroup;
use crate::domain::wire::answer::EntryStatus;
use crate::domain::wire::query::Period;

fn moment(text: &str) -> Instant {
    text.parse().unwrap()
}

#[tokio::test]
async fn one_page_is_one_exchange_and_the_next_begins_where_its_cursor_leads() {
    let cast = Cast::new();
    let first = found("1", "<continuation>next</continuation>", &subject(DOCUMENT, ""));
    let client = client_with(vec![first, found("2", "", &subject("1.2.3.4", ""))]);
    let case = oid(CASE);
    let wanted = Wanted {
        group: Some(DocumentGroup::ClientDocument),
        types: &["11000"],
        service_task: Some("24"),
        service_process: Some("4"),
        case: Some(&case),
        drawn_up: Period { from: Some(moment("2026-01-01T00:00:00+02:00")), until: None },
        stored_after: Some(moment("2026-02-01T00:00:00+02:00")),
        ..Wanted::of(&cast.person)
    };
    let page = client.search(&wanted, 7, None, cast.acting(), &cast.authority).await.unwrap();
    assert_eq!(page.entries[0].ids.document, oid(DOCUMENT));
    let kept = Cursor::kept(page.next.unwrap().as_str().to_owned());
    let last = client.search(&wanted, 7, Some(&kept), cast.acting(), &cast.authority).await.unwrap();
    assert!(last.next.is_none() && last.entries.len() == 1);
    let query = client.transport.sent(1).at(["controlActProcess", "queryByParameter"]).unwrap().clone();
    let names: Vec<_> = query.elements().map(|e| e.name.as_str()).collect();
    assert_eq!(
        names.join(" "),
        "queryId statusCode initialQuantity continuation clientId custodianId registerCode documentGroup documentType \
         serviceTask serviceProcess caseId effectiveTime storedAfter"
    );
    assert_eq!(query.first("initialQuantity").unwrap().attribute("value"), Some("7"));
    assert_eq!(query.first("continuation").unwrap().all_text(), "next");
}

#[tokio::test]
async fn a_cursor_that_leads_back_to_itself_or_never_ends_is_refused() {
    let cast = Cast::new();
    let page = |n: &str, continuation: &str| {
        found(n, &format!("<continuation>{continuation}</continuation>"), &subject(DOCUMENT, ""))
    };
    let client = client_with(vec![page("1", "same"), page("2", &"x".repeat(Cursor::BYTES_MAX + 1))]);
    let (wanted, same) = (Wanted::of(&cast.person), Cursor::kept("same".into()));
    for cursor in [Some(&same), None] {
        let error = client.search(&wanted, 7, cursor, cast.acting(), &cast.authority).await.unwrap_err();
        assert_eq!(error, ClientError::Foreign("page"));
    }
    assert_eq!(format!("{same:?} {wanted:?}"), "Cursor(…) Wanted<'_>(…)");
}

#[tokio::test]
async fn newest_versions_alone_are_found_and_what_was_invalidated_only_among_changes() {
    let cast = Cast::new();
    let newest = subject(DOCUMENT, "");
    let older = newest.replacen(&format!("<id root=\"{DOCUMENT}\"/>"), "<id root=\"1.2.9\"/>", 1);
    let older = older.replace("versionNumber value=\"2\"", "versionNumber value=\"1\"");
    let gone = newest.replacen("<effectiveTime", "<statusCode code=\"NULLIFIED\"/><effectiveTime", 1);
    let valid = subject("1.2.3.4", "");
    // The version before one that was invalidated does not come back.
    let client = client_with(vec![
        found("1", "", &format!("{older}{newest}{valid}")),
        found("2", "", &format!("{older}{gone}{valid}")),
        found("3", "", &format!("{older}{gone}{valid}")),
    ]);
    let plain = Wanted::of(&cast.person);
    let changes = Wanted { stored_after: Some(moment("2026-02-01T00:00:00+02:00")), ..plain };
    for (wanted, expected) in [
        (plain, vec![(DOCUMENT, EntryStatus::Completed), ("1.2.3.4", EntryStatus::Completed)]),
        (plain, vec![("1.2.3.4", EntryStatus::Completed)]),
        (changes, vec![(DOCUMENT, EntryStatus::Nullified), ("1.2.3.4", EntryStatus::Completed)]),
    ] {
        let page = client.search(&wanted, 7, None, cast.acting(), &cast.authority).await.unwrap();
        let told: Vec<_> = page.entries.iter().map(|e| (e.ids.document.as_str(), e.status)).collect();
        assert_eq!(told, expected);
    }
}

/// Answers each fetch with the document that it asks for, once as many are under way as may be.
struct Counting {
    under_way: AtomicUsize,
    most: AtomicUsize,
    fetched: AtomicUsize,
    /// The documents that the archive refuses, and those that it has no time for.
    refused: Vec<&'static str>,
    busy: Vec<&'static str>,
}

impl Counting {
    fn new() -> Self {
        let zero = || AtomicUsize::new(0);
        Self { under_way: zero(), most: zero(), fetched: zero(), refused: Vec::new(), busy: Vec::new() }
    }

    fn answer(&self, envelope: &Envelope) -> Reply {
        let Content::Message(message) = unwrap(&envelope.body, Limits::DOCUMENT).unwrap() else { panic!() };
        let asked = message.at(["controlActProcess", "queryByParameter", "documentId", "value"]).unwrap();
        let (asked, target) = (asked.attribute("root").unwrap(), &envelope.message_id.extension);
        if self.refused.contains(&asked) {
            return xml(answer(FIND_ANSWER, &acknowledgement("AE", target, "")).replace("200030", "200032"));
        }
        if self.busy.contains(&asked) {
            return reply(503, "text/plain", "later");
        }
        let bytes = document(asked, ORGANISER, "010190-900P");
        let mut reply = fetch_reply(target, "cid:OID1.2", &bytes);
        reply.body = String::from_utf8(reply.body).unwrap().replace(DOCUMENT, asked).into_bytes();
        reply
    }
}

impl Transport for Counting {
    async fn post(&self, envelope: &Envelope) -> Result<Reply, TransportError> {
        self.fetched.fetch_add(1, Ordering::SeqCst);
        let now = self.under_way.fetch_add(1, Ordering::SeqCst) + 1;
        self.most.fetch_max(now, Ordering::SeqCst);
        tokio::task::yield_now().await;
        self.under_way.fetch_sub(1, Ordering::SeqCst);
        Ok(self.answer(envelope))
    }
}

fn counting(transport: Counting) -> ArchiveClient<Counting> {
    let next = AtomicU64::new(1);
    let sources = Sources { now: Arc::new(now), message_number: Arc::new(move || next.fetch_add(1, Ordering::SeqCst)) };
    let producer = oid(PRODUCER);
    let sender = Sender { organisation: producer.clone(), numbers_root: producer, environment: Environment::Test };
    ArchiveClient::new(transport, Arc::new(WireProfile::default_profile().unwrap()), sender, sources)
}

fn documents(count: u64) -> Vec<Oid> {
    (1..=count).map(|n| oid("1.2.246.10.99999991.95").child(n)).collect()
}

/// What became of each: its number, or a word.
fn told(looked: &[Looked]) -> Vec<String> {
    let tell = |looked: &Looked| match looked {
        Looked::Document(fetched) => fetched.entry.ids.document.arcs().last().unwrap().to_owned(),
        Looked::Gone => "gone".into(),
        Looked::Failed(_) => "failed".into(),
        Looked::LeftOut => "left out".into(),
    };
    looked.iter().map(tell).collect()
}

#[tokio::test]
async fn eight_documents_are_fetched_at_once_and_never_more_also_for_several_callers() {
    let (cast, client) = (Cast::new(), counting(Counting::new()));
    let documents = documents(20);
    let wanted: Vec<&Oid> = documents.iter().collect();
    let fetch = || client.documents(&wanted, usize::MAX, &cast.person, cast.acting(), &cast.authority);
    let expected: Vec<String> = (1..=20).map(|n: u64| n.to_string()).collect();
    assert_eq!(told(&fetch().await.unwrap()), expected);
    let (one, other) = tokio::join!(fetch(), fetch());
    assert!(told(&one.unwrap()) == expected && told(&other.unwrap()) == expected);
    assert_eq!(
        (client.transport.most.load(Ordering::SeqCst), client.transport.fetched.load(Ordering::SeqCst)),
        (8, 60)
    );
}

#[tokio::test]
async fn what_does_not_fit_into_the_answer_is_left_out_and_said_so() {
    let cast = Cast::new();
    let documents = documents(20);
    let wanted: Vec<&Oid> = documents.iter().collect();
    let size = document(documents[0].as_str(), ORGANISER, "010190-900P").len();
    for (bytes_max, fits) in [(0, 0), (size, 1), (3 * size - 1, 2), (3 * size, 3)] {
        let client = counting(Counting::new());
        let looked = client.documents(&wanted, bytes_max, &cast.person, cast.acting(), &cast.authority).await.unwrap();
        let told = told(&looked);
        assert_eq!((told.len(), told.iter().filter(|t| *t == "left out").count()), (20, 20 - fits));
        // No more was asked for than was under way when the answer was full.
        assert!(client.transport.fetched.load(Ordering::SeqCst) <= fits + FETCHES_MAX);
    }
}

#[tokio::test]
async fn one_document_that_is_refused_leaves_the_others_and_an_archive_that_is_busy_ends_it() {
    let cast = Cast::new();
    let documents = documents(20);
    let wanted: Vec<&Oid> = documents.iter().collect();
    let client = counting(Counting { refused: vec!["1.2.246.10.99999991.95.2"], ..Counting::new() });
    let looked =
        client.documents(&wanted[..3], usize::MAX, &cast.person, cast.acting(), &cast.authority).await.unwrap();
    assert_eq!(told(&looked), ["1", "failed", "3"]);
    let client = counting(Counting { busy: vec!["1.2.246.10.99999991.95.2"], ..Counting::new() });
    let error = client.documents(&wanted, usize::MAX, &cast.person, cast.acting(), &cast.authority).await.unwrap_err();
    assert_eq!(error.retry(), Retry::Later(None));
    assert!(client.transport.fetched.load(Ordering::SeqCst) < 20);
}
