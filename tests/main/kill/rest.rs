//! When a running sidecar has come to rest, as its callers see it.

use std::time::Duration;

use asiasilta::demo::ProducerSystem;
use serde_json::{Value, json};

use super::PARALLEL_MAX;
use super::producer::states;

/// Where a submission stays until somebody does something.
const AT_REST: [&str; 3] = ["held", "parked", "awaiting_signature"];
/// Far more than it takes to settle what is left after the last kill.
const SETTLED_WITHIN: Duration = Duration::from_secs(300);

/// Waits until the sidecar has done all that it does by itself while the archive holds what it is sent.
pub(super) async fn until_claims_rest(system: &ProducerSystem) {
    let at_rest = async {
        loop {
            let now = states(system).await;
            let count =
                |state: &str| now.iter().filter(|s| s["state"] == json!(state) && !waits_in_its_chain(s)).count();
            // With every place taken, what else is claimed waits for one.
            let room = count("in_flight") < PARALLEL_MAX;
            if !room || ["claimed", "reconciling", "queued"].into_iter().all(|state| count(state) == 0) {
                return;
            }
        }
    };
    tokio::time::timeout(SETTLED_WITHIN, at_rest).await.expect("the sidecar comes to rest");
}

fn waits_in_its_chain(submission: &Value) -> bool {
    submission["why"]["code"] == json!("version.predecessor_open")
}

/// Every submission once each is settled or waits for somebody.
pub(super) async fn settled(system: &ProducerSystem) -> Vec<Value> {
    let all_settled = async {
        loop {
            let now = states(system).await;
            let moves = |s: &Value| {
                let rests = AT_REST.contains(&s["state"].as_str().unwrap_or_default()) || waits_in_its_chain(s);
                s["class"] == json!("open") && !rests
            };
            if !now.iter().any(moves) {
                return now;
            }
        }
    };
    tokio::time::timeout(SETTLED_WITHIN, all_settled).await.expect("everything settles")
}
