//! The account after all kills: what was promised, what the sidecar says of it, and what arrived at the archive.
//!
//! Asks nobody; tells the first promise that was broken.

use std::collections::{BTreeMap, BTreeSet};

use mock_archive::{ArrivalKind, Entry, Verdict};
use serde_json::Value;

use super::handovers::{Handovers, Packages};
use super::producer::Promise;
use super::records::Kind;

const CLASSES: [&str; 5] = ["archived", "rejected", "handed_over", "abandoned", "open"];

/// Everything to be accounted for.
pub(super) struct Account<'a> {
    pub(super) promises: &'a [Promise],
    /// Every submission as the sidecar tells it.
    pub(super) states: &'a [Value],
    /// Every arrival, before anything is recognised as a repetition.
    pub(super) arrivals: &'a [Entry],
    /// What went another way.
    pub(super) handovers: &'a Handovers,
}

/// What became of the documents, by class.
pub(super) type Sums = BTreeMap<&'static str, usize>;

/// What the archive saw of one document.
#[derive(Default)]
pub(super) struct Seen {
    /// Places in the order of arrival.
    pub(super) arrivals: Vec<u64>,
    pub(super) first_asked: Option<u64>,
    pub(super) bodies: BTreeSet<[u8; 32]>,
    pub(super) stored: Vec<u64>,
}

impl Account<'_> {
    /// Every promise kept: so many of each class, and what became of packages. Or the first that was broken.
    pub(super) fn close(&self) -> Result<(Sums, Packages), String> {
        let seen = self.seen();
        self.nothing_is_lost_or_made_up()?;
        let packages = self.handovers.close(self.states, &seen)?;
        let sums = self.each_is_what_it_says(&seen)?;
        nothing_came_twice_unasked(self.arrivals)?;
        self.order_in_each_chain(&seen)?;
        Ok((sums, packages))
    }

    fn seen(&self) -> BTreeMap<String, Seen> {
        let mut all: BTreeMap<String, Seen> = BTreeMap::new();
        for entry in self.arrivals {
            match &entry.kind {
                ArrivalKind::Store { document_id, body_sha256, .. } => {
                    let seen = all.entry(document_id.to_string()).or_default();
                    seen.arrivals.push(entry.sequence);
                    seen.bodies.extend(*body_sha256);
                    if matches!(entry.verdict, Verdict::Stored(_)) {
                        seen.stored.push(entry.sequence);
                    }
                }
                ArrivalKind::Question { document_id } => {
                    all.entry(document_id.to_string()).or_default().first_asked.get_or_insert(entry.sequence);
                }
                _ => {}
            }
        }
        all
    }

    /// accepted = archived ∪ rejected ∪ handed over ∪ abandoned ∪ open, each document once and under the id that was promised.
    fn nothing_is_lost_or_made_up(&self) -> Result<(), String> {
        let told = |of: &Value| (text(of, "id").to_owned(), text(of, "document_id").to_owned());
        let promised: BTreeSet<_> = self.promises.iter().flat_map(|p| &p.answers).map(told).collect();
        let kept: BTreeSet<_> = self.states.iter().map(told).collect();
        if kept.len() != self.states.len() {
            return Err("a submission is told of twice".to_owned());
        }
        if let Some((id, _)) = promised.difference(&kept).next() {
            return Err(format!("{id} was promised and is not there"));
        }
        match kept.difference(&promised).next() {
            Some((id, _)) => Err(format!("{id} is there and was promised to nobody")),
            None => Ok(()),
        }
    }

    fn each_is_what_it_says(&self, seen: &BTreeMap<String, Seen>) -> Result<Sums, String> {
        let (mut sums, none) = (Sums::new(), Seen::default());
        for state in self.states {
            let (id, document) = (text(state, "id"), text(state, "document_id"));
            let seen = seen.get(document).unwrap_or(&none);
            let class = CLASSES.into_iter().find(|class| *class == text(state, "class"));
            let class = class.ok_or_else(|| format!("{id} is of no class"))?;
            *sums.entry(class).or_default() += 1;
            match (class, seen.stored.len()) {
                ("archived", 0) => return Err(format!("{id} is archived and not in the archive")),
                ("archived", 1) | (_, 0) => {}
                (_, 1) => return Err(format!("{id} is {class} and in the archive")),
                (_, times) => return Err(format!("{id} was stored {times} times")),
            }
            if seen.bodies.len() > 1 {
                return Err(format!("{id} left with different bytes"));
            }
            // Nothing here is given up, held or parked that may have left.
            if matches!(class, "handed_over" | "abandoned" | "open") && !seen.arrivals.is_empty() {
                return Err(format!("{id} is {} and has arrived", text(state, "state")));
            }
        }
        Ok(sums)
    }

    /// A version arrives after the one before it was stored, and is numbered after it; and goes another way after the one before it
    /// went either way.
    fn order_in_each_chain(&self, seen: &BTreeMap<String, Seen>) -> Result<(), String> {
        let of = self.states.iter().map(|state| (text(state, "document_id"), state)).collect::<BTreeMap<_, _>>();
        let chain = |promise: &&Promise| matches!(promise.kind, Kind::Chain | Kind::OtherWayChain);
        for promise in self.promises.iter().filter(chain) {
            for pair in promise.answers.windows(2) {
                let (before, after) = (text(&pair[0], "document_id"), text(&pair[1], "document_id"));
                if pair[0]["set_id"] != pair[1]["set_id"]
                    || pair[0]["version"].as_u64().map(|number| number + 1) != pair[1]["version"].as_u64()
                {
                    return Err(format!("{after} does not follow {before} in one chain"));
                }
                let stored = seen.get(before).and_then(|seen| seen.stored.first());
                let arrived = seen.get(after).and_then(|seen| seen.arrivals.first());
                if arrived.is_some_and(|arrived| stored.is_none_or(|stored| stored > arrived)) {
                    return Err(format!("{after} arrived before {before}, which it replaces, was stored"));
                }
                let (Some(first), Some(next)) = (of.get(before), of.get(after)) else { continue };
                if let Some(next) = next["handed_over_at"].as_str()
                    && text(first, "class") != "archived"
                    && first["handed_over_at"].as_str().is_none_or(|first| moment(first) > moment(next))
                {
                    return Err(format!("{after} was handed over before {before}, which it replaces"));
                }
            }
        }
        Ok(())
    }
}

/// Between two arrivals of a document stands a question for it.
fn nothing_came_twice_unasked(arrivals: &[Entry]) -> Result<(), String> {
    let mut asked: BTreeMap<String, bool> = BTreeMap::new();
    for entry in arrivals {
        match &entry.kind {
            ArrivalKind::Question { document_id } => {
                asked.entry(document_id.to_string()).and_modify(|asked| *asked = true);
            }
            ArrivalKind::Store { document_id, .. } => {
                let unasked = asked.insert(document_id.to_string(), false) == Some(false);
                if unasked {
                    return Err(format!("{document_id} arrived again without a question in between"));
                }
            }
            _ => {}
        }
    }
    Ok(())
}

fn moment(text: &str) -> jiff::Timestamp {
    text.parse().unwrap()
}

pub(super) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

pub(super) fn text<'a>(of: &'a Value, field: &str) -> &'a str {
    of[field].as_str().unwrap_or_default()
}

/// The account notices each broken promise that can be written down by hand.
#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::handovers::Kept;
    use super::*;

    fn oid(number: usize) -> mock_archive::Oid {
        mock_archive::Oid::parse(&format!("1.2.246.10.99999992.95.1.{number}")).unwrap()
    }

    fn arrival(sequence: u64, number: usize, body: u8) -> Entry {
        Entry {
            sequence,
            at: jiff::Timestamp::UNIX_EPOCH,
            sender: oid(9),
            kind: ArrivalKind::Store {
                document_id: oid(number),
                set_id: oid(1),
                version: u32::try_from(number).unwrap(),
                body_sha256: Some([body; 32]),
            },
            verdict: Verdict::Stored(Vec::new()),
        }
    }

    fn told(number: usize, class: &str) -> Value {
        let document = oid(number).to_string();
        json!({ "id": number.to_string(), "document_id": document, "set_id": "s", "version": number, "class": class,
            "state": class })
    }

    fn broken(states: &[Value], arrivals: &[Entry]) -> String {
        let answers = vec![told(1, "open"), told(2, "open")];
        let promises = [Promise { kind: Kind::Chain, answers, requests: Vec::new() }];
        let never = |number: usize| (number.to_string(), Kept::Never);
        let handovers = Handovers { at_the_end: (1..=3).map(never).collect(), ..Handovers::default() };
        Account { promises: &promises, states, arrivals, handovers: &handovers }.close().err().unwrap_or_default()
    }

    #[test]
    fn each_broken_promise_is_named() {
        let both = [told(1, "archived"), told(2, "archived")];
        let (one, two) = (arrival(1, 1, 1), arrival(2, 2, 1));
        let again = |verdict| Entry { sequence: 3, verdict, ..two.clone() };
        let question = Entry { kind: ArrivalKind::Question { document_id: oid(2) }, ..again(Verdict::Answered(1)) };
        assert_eq!(broken(&both, &[one.clone(), two.clone()]), "");
        assert_eq!(broken(&both, &[one.clone(), two.clone(), question, again(Verdict::AlreadyStored)]), "");
        for (states, arrivals, said) in [
            (vec![both[0].clone()], vec![one.clone()], "was promised and is not there"),
            (vec![both[0].clone(), both[1].clone(), told(3, "open")], vec![], "promised to nobody"),
            (both.to_vec(), vec![one.clone()], "2 is archived and not in the archive"),
            (vec![both[0].clone(), told(2, "rejected")], vec![one.clone(), two.clone()], "rejected and in the archive"),
            (both.to_vec(), vec![one.clone(), two.clone(), again(Verdict::Stored(vec![]))], "was stored 2 times"),
            (both.to_vec(), vec![one.clone(), two.clone(), again(Verdict::AlreadyStored)], "without a question"),
            (both.to_vec(), vec![two.clone(), Entry { sequence: 3, ..one.clone() }], "which it replaces, was stored"),
            (
                both.to_vec(),
                vec![one.clone(), two.clone(), Entry { verdict: Verdict::AlreadyStored, ..arrival(3, 2, 2) }],
                "different bytes",
            ),
        ] {
            let found = broken(&states, &arrivals);
            assert!(found.contains(said), "{said}: {found}");
        }
    }
}
