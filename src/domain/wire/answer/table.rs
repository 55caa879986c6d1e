//! Holds the tables of `docs/answers.md` equal to what the code makes of each answer.
#![expect(clippy::unwrap_used, reason = "tests")]

use std::path::Path;

use super::*;
use crate::domain::wire::fixtures::{acknowledgement, answer, message_id, reply, xml};
use crate::domain::wire::soap::NAMESPACE;

fn fault(code: &str) -> String {
    format!(
        "<s:Envelope xmlns:s=\"{NAMESPACE}\"><s:Body><s:Fault><faultcode>s:{code}</faultcode></s:Fault></s:Body></s:Envelope>"
    )
}

/// Every answer that is told apart, in the table's order.
fn answers() -> Vec<(&'static str, Outcome)> {
    let profile = WireProfile::default_profile().unwrap();
    let operators = "[transport]\nempty_answer = { value = \"archived\" }";
    let trusting = WireProfile::default_with(operators).unwrap();
    let of = |code: &str| answer("MCCI_IN000002UV01", &acknowledgement(code, "17", ""));
    let (sent, good) = (message_id("17"), of("AA"));
    let read = |reply: &Reply| acceptance(&profile, &sent, reply);
    let cut = |text: &str| text.get(..text.len() / 2).unwrap().to_owned();
    let html = "<html>Request Rejected. Your support ID is: 8086</html>";
    let multipart = "multipart/related; boundary=b";
    let unsent = |why| Outcome::TryLater { why: NotNow::NothingSent(why), retry_after: None };
    let lost = |why| Outcome::Unknown { why: Doubt::Lost(why), retry_after: None };
    vec![
        ("acknowledgement `AA` for our message", read(&xml(good.clone()))),
        ("acknowledgement `AE` for our message: see *Refusals*", read(&xml(of("AE")))),
        ("acknowledgement `AR` for our message", read(&xml(of("AR")))),
        ("no connection: name, address, port, network", unsent(Unsent::Unreachable)),
        ("the archive's side of TLS not accepted here", unsent(Unsent::PeerNotTrusted)),
        ("our certificate refused in the handshake", unsent(Unsent::OurCertificateRefused)),
        ("handshake refused: protocol version, cipher suite", unsent(Unsent::HandshakeRefused)),
        ("a request that cannot be made", unsent(Unsent::Request)),
        ("empty 200", read(&xml(""))),
        ("empty 200, profile `transport.empty_answer = \"archived\"`", acceptance(&trusting, &sent, &xml(""))),
        ("HTML page, any status, with its support id", read(&reply(200, "text/html", html))),
        (
            "SOAP fault of the sender's (`Client`, `Sender`, `VersionMismatch`, …)",
            read(&reply(500, "text/xml", fault("Client"))),
        ),
        ("SOAP fault of the archive's (`Server`, `Receiver`, …)", read(&reply(500, "text/xml", fault("Server")))),
        ("other 4xx: a gateway or the address", read(&reply(404, "text/plain", ""))),
        ("other 5xx, with or without Retry-After", read(&reply(503, "text/plain", ""))),
        ("other status, redirects included", read(&reply(302, "text/xml", good.clone()))),
        ("content type neither SOAP's nor `multipart/related`", read(&reply(200, "application/json", "{}"))),
        ("another charset than UTF-8, said or found", read(&reply(200, "text/xml; charset=ISO-8859-1", good.clone()))),
        ("cut off", read(&xml(cut(&good)))),
        ("parts that cannot be read", read(&reply(200, multipart, "x"))),
        ("not XML, not SOAP, beyond a limit of the reader", read(&xml("<a/>"))),
        ("another interaction", read(&xml(answer("RCMR_IN200030FI01", &acknowledgement("AA", "17", ""))))),
        (
            "acknowledgement, or WS-Addressing relation, of another message",
            read(&xml(good.replace("\"17\"", "\"18\""))),
        ),
        ("something missing or unreadable", read(&xml(answer("MCCI_IN000002UV01", "")))),
        ("connection lost after a byte may have left", lost(Lost::Connection)),
        ("no answer in time", lost(Lost::TimedOut)),
        ("our certificate refused after the handshake (TLS 1.3)", lost(Lost::OurCertificateRefused)),
        ("an answer larger than is read", lost(Lost::TooLarge)),
    ]
}

fn row(what: &str, outcome: &Outcome) -> String {
    let code = match outcome {
        Outcome::Unknown { why, .. } => format!("`{}`", why.code()),
        _ => "–".into(),
    };
    let ask = if outcome.must_ask_first() { "yes" } else { "no" };
    format!("| {what} | {} | {code} | {} | {ask} |\n", outcome.name(), outcome.actor().code())
}

fn answer_table() -> String {
    let head = "| what came | comes to | code | who must act | asked before sending again |\n|---|---|---|---|---|\n";
    answers().iter().fold(head.to_owned(), |table, (what, outcome)| table + &row(what, outcome))
}

fn refusal_table() -> String {
    let profile = WireProfile::default_profile().unwrap();
    let head = "| setting | code in the default profile | who must act | what it means |\n|---|---|---|---|\n";
    let keys = profile.settings().into_iter().map(|s| s.key).filter(|key| key.starts_with("detail."));
    let mut table = head.to_owned();
    let mut known: Vec<Refusal> = Refusal::KNOWN.to_vec();
    for key in keys {
        let code = profile.value_of(key).unwrap();
        let at = known.iter().position(|k| k.detail_code(&profile) == Some(code.as_str())).unwrap();
        let refusal = known.remove(at);
        table += &format!("| `{key}` | `{code}` | {} | {} |\n", refusal.actor().code(), refusal.meaning().en);
    }
    assert!(known.is_empty(), "every refusal has its setting");
    let other = Refusal::Other;
    table + &format!("| – | any other, or none | {} | {} |\n", other.actor().code(), other.meaning().en)
}

#[test]
fn the_tables_in_the_docs_are_what_the_code_does() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/answers.md");
    let kept = std::fs::read_to_string(&path).unwrap();
    let mut made = kept.clone();
    for (name, table) in [("answers", answer_table()), ("refusals", refusal_table())] {
        let start = format!("<!-- {name} -->\n");
        let (before, rest) = made.split_once(&start).unwrap();
        let (_, after) = rest.split_once("<!-- end -->").unwrap();
        made = format!("{before}{start}{table}<!-- end -->{after}");
    }
    if std::env::var_os("UPDATE_DOCS").is_some() {
        std::fs::write(&path, &made).unwrap();
    } else {
        assert!(kept == made, "{} is out of date: run this test with UPDATE_DOCS=1 and review it", path.display());
    }
}

#[test]
fn every_doubt_and_every_unsent_has_its_line() {
    let mut codes: Vec<&str> = answers()
        .iter()
        .filter_map(|(_, outcome)| match outcome {
            Outcome::Unknown { why, .. } => Some(why.code()),
            _ => None,
        })
        .collect();
    codes.sort_unstable();
    codes.dedup();
    assert_eq!(codes, Doubt::codes());
}
