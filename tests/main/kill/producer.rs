//! The producer's system: hands records in until they are promised, over every kill, each with its own key.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard};

use asiasilta::demo::{Answer, ProducerSystem};
use asiasilta::sidecar::sealing::Identity;
use serde_json::{Value, json};
use tokio::sync::watch;

use super::handovers::Handovers;
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
    /// Opens what is given out for it.
    pub(super) organiser: Arc<Identity>,
    pub(super) handovers: Arc<Mutex<Handovers>>,
}

impl Producer {
    /// Does something at the sidecar until it answers at all.
    pub(super) async fn insist(&mut self, path: &str, key: Option<&str>, body: &[u8]) -> Answer {
        loop {
            match self.system().post(path, key, body.to_vec()).await {
                Ok(answer) => return answer,
                Err(_) => self.address.changed().await.unwrap(),
            }
        }
    }

    /// Asks for something until there is an answer at all.
    pub(super) async fn insist_get(&mut self, path: &str) -> Answer {
        loop {
            match self.system().get(path).await {
                Ok(answer) => return answer,
                Err(_) => self.address.changed().await.unwrap(),
            }
        }
    }

    /// [`Producer::insist_get`] for what is no JSON.
    pub(super) async fn insist_download(&mut self, path: &str) -> (u16, Vec<u8>) {
        loop {
            match self.system().download(path).await {
                Ok(answer) => return answer,
                Err(_) => self.address.changed().await.unwrap(),
            }
        }
    }

    /// Where the sidecar can be found now.
    fn system(&mut self) -> ProducerSystem {
        ProducerSystem::try_new(*self.address.borrow_and_update(), &self.token).unwrap()
    }

    pub(super) fn handovers(&self) -> MutexGuard<'_, Handovers> {
        self.handovers.lock().unwrap()
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
                (Kind::OtherWayChain, Some(before)) => records::next_version_elsewhere(number, before),
                (Kind::OtherWay | Kind::OtherWayChain | Kind::Confirmed, _) => records::elsewhere(number),
                (Kind::ByHand, _) => records::elsewhere_of_no_case(number),
                (Kind::Plain | Kind::Chain | Kind::Parked, _) => records::plain(number),
            };
            let (key, body) = (format!("kill-{number}-{part}"), serde_json::to_vec(&record).unwrap());
            let answer = self.submit(&key, &body).await;
            if kind.goes_another_way() {
                self.handovers().to_go.insert(answer["id"].as_str().unwrap().to_owned());
            }
            promise.answers.push(answer);
            promise.requests.push((key, body));
        }
        match kind {
            Kind::GivenUp => self.give_up(&promise.answers[0]).await,
            Kind::ByHand => self.hand_over(&promise.answers[0]).await,
            Kind::Confirmed => self.confirm(&promise.answers[0]).await,
            _ => {}
        }
        promise
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
