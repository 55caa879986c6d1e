//! The whole fault list against every use case of the archive client, in both roles: no panic, no wrong verdict, each outcome the
//! one that `docs/faults.md` says, which this test reads.
#![cfg(feature = "demo")]

mod sides;

use std::path::Path;

use asiasilta::archive::client::{ClientError, Retry};
use asiasilta::domain::wire::answer::Outcome;
use mock_archive::{CATALOGUE, Fault, HoldAt};

use sides::{Asking, Role, Sending, Sides};

/// A row of the table: what each side gets.
#[derive(Debug, PartialEq, Eq)]
struct Row {
    fault: String,
    sending: String,
    sending_actor: String,
    there: String,
    asking: String,
    asking_actor: String,
}

fn table() -> Vec<Row> {
    let text = std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/faults.md")).unwrap();
    let rows = text.lines().filter(|line| line.starts_with("| `"));
    rows.map(|line| {
        let cells: Vec<_> = line.split('|').map(|cell| cell.trim().replace('`', "")).collect();
        let [_, fault, sending, sending_actor, there, asking, asking_actor, _] = cells.try_into().unwrap();
        Row { fault, sending, sending_actor, there, asking, asking_actor }
    })
    .collect()
}

fn sent(outcome: &Outcome) -> (&'static str, &'static str) {
    let name = match outcome {
        Outcome::Archived(_) => return ("archived", "nobody"),
        Outcome::Rejected(_) => "rejected",
        Outcome::TryLater { .. } => "try later",
        Outcome::Unknown { .. } => "unknown",
    };
    (name, outcome.actor().code())
}

fn asked(error: Option<&ClientError>) -> (&'static str, &'static str) {
    match error {
        None => ("answered", "nobody"),
        Some(error) => match error.retry() {
            Retry::Later(_) => ("try later", error.actor().code()),
            Retry::Never => ("never", error.actor().code()),
        },
    }
}

/// The catalogue's examples, with a hold and a delay at each place.
fn faults() -> Vec<Fault> {
    let places = [HoldAt::Arrival, HoldAt::Inside, HoldAt::Answer];
    CATALOGUE
        .iter()
        .flat_map(|row| match row.example {
            Fault::Hold(_) => places.map(Fault::Hold).to_vec(),
            Fault::Delay(_, millis) => places.map(|at| Fault::Delay(at, millis)).to_vec(),
            // Long enough to be slow, short enough for a test.
            Fault::Trickle(..) => vec![Fault::Trickle(64, 1)],
            fault => vec![fault],
        })
        .collect()
}

#[test]
fn the_table_has_a_row_for_each_fault_and_no_other() {
    let told: Vec<_> = table().into_iter().map(|row| row.fault).collect();
    let known: Vec<_> = CATALOGUE.iter().map(|row| row.example.name().to_owned()).collect();
    assert_eq!(told, known);
}

#[tokio::test(flavor = "multi_thread")]
async fn every_fault_in_every_use_case_of_sending_as_the_producer_comes_out_as_the_table_says() {
    let all = [Sending::ClientDocument, Sending::NewVersion, Sending::Invalidation];
    Box::pin(send_under_every_fault(Role::Producer, &all)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn every_fault_in_every_use_case_of_sending_as_the_organiser_comes_out_as_the_table_says() {
    let all =
        [Sending::Relationship, Sending::Case, Sending::ClientDocument, Sending::NewVersion, Sending::Invalidation];
    Box::pin(send_under_every_fault(Role::Organiser, &all)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn every_fault_in_every_use_case_of_asking_as_the_producer_comes_out_as_the_table_says() {
    Box::pin(ask_under_every_fault(Role::Producer)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn every_fault_in_every_use_case_of_asking_as_the_organiser_comes_out_as_the_table_says() {
    Box::pin(ask_under_every_fault(Role::Organiser)).await;
}

async fn send_under_every_fault(by: Role, all: &[Sending]) {
    let (sides, table) = (Sides::new().await, table());
    for (&sending, fault) in all.iter().flat_map(|sending| faults().into_iter().map(move |fault| (sending, fault))) {
        let row = table.iter().find(|row| row.fault == fault.name()).unwrap();
        let parcel = sides.parcel(by, sending).await;
        sides.script(fault);
        let outcome = sides.while_letting_go(fault, sides.send(&parcel)).await;
        let (came, actor) = sent(&outcome);
        assert_eq!(came, row.sending, "{sending:?} {fault}: {outcome:?}");
        assert!(row.sending_actor.split(" or ").any(|who| who == actor), "{sending:?} {fault}: {outcome:?}");
        let done = if sides.is_done(&parcel).await {
            "yes"
        } else if sides.is_done(&parcel).await {
            "after the question"
        } else {
            "no"
        };
        // No question is answered no because of an invalidation that is under way, so it is not waited for.
        let expected = match (row.there.as_str(), sending) {
            ("after the question", Sending::Invalidation) => "yes",
            (there, _) => there,
        };
        assert_eq!(done, expected, "{sending:?} {fault}");
        // The verdict is never against what the archive holds.
        assert!(done != "no" || !matches!(outcome, Outcome::Archived(_)), "{sending:?} {fault}");
        assert!(done == "no" || !matches!(outcome, Outcome::Rejected(_)), "{sending:?} {fault}");
        assert_eq!(sides.waiting(), 0, "{sending:?} {fault}");
    }
    sides.verify();
}

async fn ask_under_every_fault(by: Role) {
    let (sides, table) = (Sides::new().await, table());
    let kept = sides.stored(Role::Producer).await;
    for asking in Asking::ALL {
        let undisturbed = sides.ask(by, asking, &kept).await.unwrap();
        match asking {
            Asking::Document => assert!(undisturbed == kept.xml(), "another document"),
            Asking::AbsentDocument | Asking::QuestionOfAbsent => assert!(undisturbed.is_empty(), "{asking:?}"),
            _ => assert!(!undisturbed.is_empty(), "{asking:?}"),
        }
        for fault in faults() {
            let row = table.iter().find(|row| row.fault == fault.name()).unwrap();
            sides.script(fault);
            let result = sides.while_letting_go(fault, sides.ask(by, asking, &kept)).await;
            let error = result.as_ref().err();
            let (came, actor) = asked(error);
            assert_eq!(came, row.asking, "{asking:?} {fault}: {error:?}");
            assert!(row.asking_actor.split(" or ").any(|who| who == actor), "{asking:?} {fault}: {error:?}");
            // What is answered is what is there, with the fault and after it.
            assert!(result.is_err() || result.as_ref() == Ok(&undisturbed), "{asking:?} {fault}");
            assert!(sides.ask(by, asking, &kept).await.as_ref() == Ok(&undisturbed), "{asking:?} after {fault}");
        }
    }
    sides.verify();
}
