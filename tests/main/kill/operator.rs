//! The producer's operator: hands over, gives packages out, enters receipts, takes back, each until it is answered, over every kill.

use serde_json::{Value, json};

use super::handovers::Kept;
use super::producer::Producer;

/// The organiser's case that a person names.
pub(super) const CASE: &str = "1.2.246.10.99999993.14.2026.1";

impl Producer {
    /// Gives a submission up that has not left and cannot leave. Said again after a kill, it may have been done before.
    pub(super) async fn give_up(&mut self, submission: &Value) {
        let path = format!("/v1/outbox/{}/abandon", text(submission, "id"));
        self.act(&path, json!({ "by": "main user", "reason": "kirjattu toisaalle" })).await;
    }

    /// Hands over what names no case. Nothing comes of it once the archive has become an option.
    pub(super) async fn hand_over(&mut self, submission: &Value) {
        let id = text(submission, "id");
        let order = json!({ "by": "main user", "reason": "sovittu", "case": CASE });
        if self.act(&format!("/v1/outbox/{id}/handover"), order).await {
            self.handovers().handed_over.insert(id.to_owned());
        }
    }

    /// Gives a package out, and enters the organiser's receipt for it.
    pub(super) async fn confirm(&mut self, submission: &Value) {
        let id = text(submission, "id");
        let path = format!("/v1/submissions/{id}");
        while self.insist_get(&path).await.body["class"] == json!("open") {}
        if !matches!(self.export(id).await, Kept::Whole(_)) {
            return;
        }
        // Of two receipts the second is refused: the answer to the first was lost.
        self.act(&format!("/v1/handovers/{id}/receipt"), json!({ "by": "main user", "reference": "D 17/2026" })).await;
        self.handovers().confirmed.insert(id.to_owned());
    }

    /// Orders one back that may be handed over.
    pub(super) async fn take_back(mut self, id: String) {
        self.export(&id).await;
        self.handovers().ordered_back.insert(id.clone());
        let order = json!({ "by": "main user", "reason": "molemmat ovat liittyneet" });
        if self.act(&format!("/v1/handovers/{id}/return"), order).await {
            self.handovers().back.insert(id);
        }
    }

    /// What there is of a submission's package now.
    pub(super) async fn export(&mut self, id: &str) -> Kept {
        let (status, body) = self.insist_download(&format!("/v1/handovers/{id}/package")).await;
        let kept = Kept::of(status, &body, &self.organiser);
        self.handovers().give(id, &kept);
        kept
    }

    /// Whether an act was done; refused, the answer to an earlier try may have been lost, or it has become impossible.
    async fn act(&mut self, path: &str, act: Value) -> bool {
        let answer = self.insist(path, None, &serde_json::to_vec(&act).unwrap()).await;
        assert!(matches!(answer.status, 200 | 409 | 410), "{path}: {}: {}", answer.status, answer.body);
        answer.status == 200
    }
}

fn text<'a>(of: &'a Value, field: &str) -> &'a str {
    of[field].as_str().unwrap()
}
