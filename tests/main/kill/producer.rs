//! The producer's system: hands records in until they are promised, over every kill, each with its own key.

use std::net::SocketAddr;
use std::sync::Arc;

use asiasilta::demo::{Answer, ProducerSystem};
use serde_json::{Value, json};
use tokio::sync::watch;

use super::records::{self, Kind};

/// What was promised to the producer.
#[derive(Debug, Clone)]
pub(super) struct Promise {
    pub(super) kind: Kind,
    /// The answers to each of its submissions, in their order.
    pub(super) answers: Vec<Value>,
    /// What was handed in, by key, to be handed in once more.
    pub(super) requests: Vec<(String, Vec<u8>)>,
}

/// One caller. Copies share the address at which the sidecar can be found now.
#[derive(Clone)]
pub(super) struct Producer {
    pub(super) token: Arc<str>,
    pub(super) address: watch::Receiver<SocketAddr>,
}

impl Producer {
    /// Does something at the sidecar until it answers at all.
    async fn insist(&mut self, path: &str, key: Option<&str>, body: &[u8]) -> Answer {
        loop {
            let now = *self.address.borrow_and_update();
            let system = ProducerSystem::try_new(now, &self.token).unwrap();
            match system.post(path, key, body.to_vec()).await {
                Ok(answer) => return answer,
                Err(_) => self.address.changed().await.unwrap(),
            }
        }
    }

    /// Hands a record in until it is promised.
    pub(super) async fn submit(&mut self, key: &str, body: &[u8]) -> Value {
        let answer = self.insist("/v1/submissions", Some(key), body).await;
        assert_eq!(answer.status, 202, "{}", answer.body);
        answer.body
    }

    /// Hands in all of a kind, and does what comes after it.
    pub(super) async fn bring(mut self, kind: Kind, number: usize) -> Promise {
        let mut promise = Promise { kind, answers: Vec::new(), requests: Vec::new() };
        for part in 0..kind.count() {
            let record = match (kind, promise.answers.last()) {
                (Kind::Chain, Some(before)) => records::next_version(number, before),
                (Kind::Parked, Some(before)) => records::strange_version(number, before),
                (Kind::Held | Kind::GivenUp, _) => records::held(number),
                (Kind::Refused, _) => records::refused(number),
                (Kind::ToSign, _) => records::to_sign(number),
                (Kind::Plain | Kind::Chain | Kind::Parked, _) => records::plain(number),
            };
            let (key, body) = (format!("kill-{number}-{part}"), serde_json::to_vec(&record).unwrap());
            promise.answers.push(self.submit(&key, &body).await);
            promise.requests.push((key, body));
        }
        if kind == Kind::GivenUp {
            self.give_up(&promise.answers[0]).await;
        }
        promise
    }

    /// Gives a submission up that has not left and cannot leave. Said again after a kill, it may have been done before.
    async fn give_up(&mut self, submission: &Value) {
        let path = format!("/v1/outbox/{}/abandon", submission["id"].as_str().unwrap());
        let act = serde_json::to_vec(&json!({ "by": "main user", "reason": "kirjattu toisaalle" })).unwrap();
        let answer = self.insist(&path, None, &act).await;
        assert!(matches!(answer.status, 200 | 409), "{}: {}", answer.status, answer.body);
    }
}

/// Every submission as it stands.
pub(super) async fn states(system: &ProducerSystem) -> Vec<Value> {
    let (mut all, mut after) = (Vec::new(), 0);
    loop {
        let page = system.get(&format!("/v1/submissions?after={after}&limit=1000")).await.unwrap().body;
        all.extend(page["items"].as_array().unwrap().iter().cloned());
        if page["more"] != json!(true) {
            return all;
        }
        after = page["next_after"].as_u64().unwrap();
    }
}
