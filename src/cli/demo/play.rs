//! The producer's part: find the case, submit, follow each document to its end.

use std::error::Error;
use std::time::Duration;

use asiasilta::demo::{ProducerSystem, RECORDS, Stage};
use jiff::Timestamp;
use serde_json::{Value, json};

/// The unit of the example records.
const UNIT: &str = "1.2.246.10.99999992.10.1";
/// How long the play waits for documents to come to rest.
const PATIENCE: Duration = Duration::from_secs(20);
const LOOK_AGAIN_AFTER: Duration = Duration::from_millis(100);
/// Records that get the case found by the search; the others leave the finding to the sidecar.
const WITH_FOUND_CASE: [&str; 3] = ["02-everyday-life-morning", "03-everyday-life-swedish", "04-everyday-life-walk"];

/// What the producer's system knows at the end.
pub(super) struct Outcome {
    /// Submissions that were accepted, as the sidecar shows them: name and state.
    pub(super) accepted: Vec<(&'static str, Value)>,
    /// Records that were refused with findings.
    pub(super) refused: Vec<&'static str>,
    /// The case that the search found is the one that the archived documents are in.
    pub(super) case_found: bool,
    /// The document that the organiser read back verified.
    pub(super) read_back: bool,
}

pub(super) async fn producer(system: &ProducerSystem, stage: &Stage) -> Result<Outcome, Box<dyn Error>> {
    let began = Timestamp::now();
    println!("3. The producer's system asks for the client's service decisions");
    let first: Value = serde_json::from_str(record("01-service-started")?)?;
    let case = find_case(system, &first).await?;

    println!("4. It submits its records");
    let (mut accepted, mut refused) = (Vec::new(), Vec::new());
    for (name, text) in RECORDS {
        let mut record: Value = serde_json::from_str(text)?;
        let found = case.as_ref().filter(|_| WITH_FOUND_CASE.contains(&name));
        if let (Some(case), Some(fields)) = (found, record.as_object_mut()) {
            fields.insert("case".into(), json!(case));
        }
        let answer = system.post("/v1/submissions", Some(name), serde_json::to_vec(&record)?).await?;
        match answer.status {
            202 => {
                println!("   {name:<28} 202 accepted, document {}", text_at(&answer.body, "/document_id"));
                accepted.push((name, answer.body));
            }
            status => {
                println!("   {name:<28} {status} {}", text_at(&answer.body, "/title"));
                print_findings(&answer.body);
                refused.push(name);
            }
        }
    }

    println!("\n5. Each document's way");
    wait_until_at_rest(system, &accepted).await?;
    for (name, submission) in &mut accepted {
        *submission = system.get(&format!("/v1/submissions/{}", text_at(submission, "/id"))).await?.body;
        println!("   {name:<28} {}", way(submission));
    }

    println!("\n6. The organiser reads one back");
    let read_back = match accepted.iter().find(|(name, _)| *name == "02-everyday-life-morning") {
        Some((_, submission)) => read_back(stage, submission, began).await?,
        None => false,
    };
    Ok(Outcome { accepted, refused, case_found: case.is_some(), read_back })
}

fn record(name: &str) -> Result<&'static str, Box<dyn Error>> {
    let found = RECORDS.iter().find(|(n, _)| *n == name).map(|(_, text)| *text);
    found.ok_or_else(|| format!("no example record {name}").into())
}

async fn find_case(system: &ProducerSystem, record: &Value) -> Result<Option<String>, Box<dyn Error>> {
    let today = asiasilta::domain::time::day_in_finland(Timestamp::now()).to_string();
    let part = |pointer: &str| record.pointer(pointer).cloned().unwrap_or_default();
    let request = json!({
        "client": { "identity_code": part("/clients/0/identity_code") },
        "organiser": part("/organiser"),
        "unit": part("/unit"),
        "acting_worker": part("/acting_worker"),
        "professional_link": {
            "kind": "assignment", "reference": "DEMO-1", "period": { "start": today }, "asserted_by": "asiasilta demo"
        },
        "contents": "fetch",
    });
    let answer = system.post("/v1/decisions/search", None, serde_json::to_vec(&request)?).await?;
    let decisions = list_at(&answer.body, "/decisions");
    println!("   {} decision(s) found", decisions.len());
    for decision in &decisions {
        println!(
            "   decision {}\n     type {}, signature {}, drawn up {}\n     case {}",
            text_at(decision, "/document_id"),
            text_at(decision, "/specific_type/code"),
            text_at(decision, "/fetched/signature"),
            text_at(decision, "/drawn_up"),
            text_at(decision, "/case"),
        );
    }
    if decisions.is_empty() {
        println!("   HTTP {}: {}", answer.status, text_at(&answer.body, "/title"));
    }
    println!();
    Ok(decisions.first().and_then(|d| d.pointer("/case")?.as_str()).map(str::to_owned))
}

fn print_findings(problem: &Value) {
    for finding in &list_at(problem, "/findings") {
        println!("     {} at {}", text_at(finding, "/code"), text_at(finding, "/where/input"));
        for language in ["fi", "sv", "en"] {
            println!("       {language}: {}", text_at(finding, &format!("/message/{language}")));
        }
        println!("       rule: {}", text_at(finding, "/rule/source"));
    }
}

/// Follows the change list until nothing is on its way any more.
async fn wait_until_at_rest(system: &ProducerSystem, accepted: &[(&str, Value)]) -> Result<(), Box<dyn Error>> {
    let moving = |state: &str| matches!(state, "queued" | "claimed" | "in_flight" | "unknown" | "reconciling");
    let look = async {
        loop {
            let answer = system.get("/v1/submissions?after=0&limit=100").await?;
            let items = list_at(&answer.body, "/items");
            let at_rest = items.iter().filter(|item| !moving(text_at(item, "/state"))).count();
            if at_rest == accepted.len() {
                return Ok(());
            }
            tokio::time::sleep(LOOK_AGAIN_AFTER).await;
        }
    };
    // Documents that are still on their way after this are shown as what they are: open.
    tokio::time::timeout(PATIENCE, look).await.unwrap_or(Ok(()))
}

fn way(submission: &Value) -> String {
    let timeline = list_at(submission, "/timeline");
    let mut steps: Vec<String> = Vec::new();
    for entry in &timeline {
        let step = match text_at(entry, "/event") {
            "accept" => "accepted",
            "launch" => "signed → sent",
            "receive" => "archived",
            "refuse" => "rejected",
            "lose_answer" => "answer lost",
            "ask" => "archive asked",
            "find" => "found archived",
            "hold" => "held",
            "park" => "parked",
            "claim" => continue,
            other => other,
        };
        steps.push(step.to_owned());
    }
    steps.dedup();
    let mut way = steps.join(" → ");
    if let Some(message) = submission.pointer("/why/message") {
        way += &format!(
            "\n     fi: {}\n     sv: {}\n     en: {}",
            text_at(message, "/fi"),
            text_at(message, "/sv"),
            text_at(message, "/en")
        );
    }
    way
}

async fn read_back(stage: &Stage, submission: &Value, began: Timestamp) -> Result<bool, Box<dyn Error>> {
    let record: Value = serde_json::from_str(record("02-everyday-life-morning")?)?;
    let client = text_at(&record, "/clients/0/identity_code").parse()?;
    let client = asiasilta::domain::person::PersonId::IdentityCode(client);
    let document = text_at(submission, "/document_id").parse()?;
    let producer = asiasilta::demo::PRODUCER.parse()?;
    let read = stage.organiser.read_back(&document, &client, &producer).await?;
    for line in read.text.lines() {
        println!("   | {line}");
    }
    let since = asiasilta::domain::time::Instant::in_finland(began);
    let changes = stage.organiser.changes(&client, since).await?;
    let of_producer = changes.iter().filter(|entry| entry.unit.as_ref().is_some_and(|unit| unit.oid.as_str() == UNIT));
    let verdict = if read.signature_holds { "holds and is the producer's" } else { "does NOT hold" };
    println!("   signature: {verdict}");
    println!(
        "   about this client {} documents came into its register meanwhile, by the producer's unit {}",
        changes.len(),
        of_producer.count()
    );
    Ok(read.signature_holds)
}

pub(super) fn text_at<'a>(value: &'a Value, pointer: &str) -> &'a str {
    value.pointer(pointer).and_then(Value::as_str).unwrap_or("–")
}

fn list_at(value: &Value, pointer: &str) -> Vec<Value> {
    value.pointer(pointer).and_then(Value::as_array).cloned().unwrap_or_default()
}
