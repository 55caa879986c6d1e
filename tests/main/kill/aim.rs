//! Where to kill: the state that the kill is to find a submission in, and how one is brought there.

use std::time::Duration;

use asiasilta::demo::ProducerSystem;
use mock_archive::{Fault, HoldAt, MessageKind, MockArchive, Step};
use tokio::task::JoinSet;
use tokio::time::timeout;

use super::producer::Promise;
use super::records::Kind;
use super::{Chance, PARALLEL_MAX};

/// Far more than anything aimed at takes: a kill that misses for ever is a failure, not a hang.
const REACHED_WITHIN: Duration = Duration::from_secs(120);
/// So many plain records that some wait while others are under way.
const MORE_THAN_AT_ONCE: usize = PARALLEL_MAX + 2;

/// When a kill strikes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Aim {
    /// After so many promises or arrivals as the dice say.
    AnyTime,
    Queued,
    AwaitingSignature,
    Claimed,
    /// On its way: at the archive's door, in its hands, or stored and not yet acknowledged.
    InFlight(HoldAt),
    Unknown,
    Reconciling,
    Held,
    Parked,
    Archived,
    Rejected,
    Abandoned,
}

impl Aim {
    pub(super) const ALL: [Self; 14] = [
        Self::AnyTime,
        Self::Queued,
        Self::AwaitingSignature,
        Self::Claimed,
        Self::InFlight(HoldAt::Arrival),
        Self::InFlight(HoldAt::Inside),
        Self::InFlight(HoldAt::Answer),
        Self::Unknown,
        Self::Reconciling,
        Self::Held,
        Self::Parked,
        Self::Archived,
        Self::Rejected,
        Self::Abandoned,
    ];

    /// The state's name; none of a kill at any time.
    pub(super) fn state(self) -> Option<&'static str> {
        match self {
            Self::AnyTime => None,
            Self::Queued => Some("queued"),
            Self::AwaitingSignature => Some("awaiting_signature"),
            Self::Claimed => Some("claimed"),
            Self::InFlight(_) => Some("in_flight"),
            Self::Unknown => Some("unknown"),
            Self::Reconciling => Some("reconciling"),
            Self::Held => Some("held"),
            Self::Parked => Some("parked"),
            Self::Archived => Some("archived"),
            Self::Rejected => Some("rejected"),
            Self::Abandoned => Some("abandoned"),
        }
    }

    /// What is handed in for it.
    pub(super) fn kinds(self) -> Vec<Kind> {
        match self {
            Self::AnyTime => vec![Kind::Plain, Kind::Chain, Kind::Plain],
            Self::Queued => vec![Kind::Plain; MORE_THAN_AT_ONCE],
            Self::AwaitingSignature => vec![Kind::ToSign],
            Self::InFlight(_) => vec![Kind::Plain, Kind::Chain],
            Self::Claimed | Self::Unknown | Self::Reconciling | Self::Archived => vec![Kind::Plain],
            Self::Held => vec![Kind::Held],
            Self::Parked => vec![Kind::Parked],
            Self::Rejected => vec![Kind::Refused],
            Self::Abandoned => vec![Kind::GivenUp],
        }
    }

    /// Readies the archive, before the sidecar starts.
    pub(super) fn ready(self, mock: &MockArchive, chance: &mut Chance) {
        let faults = mock.faults();
        let lost = match chance.below(2) {
            0 => Fault::StoredButNeverAnswered,
            _ => Fault::ResetBeforeStore,
        };
        match self {
            Self::Queued => faults.hold_stores(HoldAt::Arrival),
            // Arrived, and carried out only when it is let go: a question in the meantime is answered with no.
            Self::InFlight(HoldAt::Inside) => {
                faults.add(Step::once(MessageKind::Store, Fault::Hold(HoldAt::Inside)).times(None)).unwrap();
            }
            Self::InFlight(at) => faults.hold_stores(at),
            Self::Claimed => {
                faults.add(Step::once(MessageKind::Find, Fault::Hold(HoldAt::Inside)).times(None)).unwrap();
            }
            Self::Unknown => faults.next_store(lost).unwrap(),
            Self::Reconciling => {
                faults.next_store(lost).unwrap();
                faults.add(Step::once(MessageKind::Question, Fault::Hold(HoldAt::Inside)).times(None)).unwrap();
            }
            _ => {}
        }
    }

    /// Waits until it is time. `after` is the last change before what was handed in for it.
    pub(super) async fn reached(
        self,
        mock: &MockArchive,
        chance: &mut Chance,
        (system, after): (&ProducerSystem, u64),
        (under_way, promises): (&mut JoinSet<Promise>, &mut Vec<Promise>),
    ) {
        let reached = timeout(REACHED_WITHIN, async {
            match self {
                Self::AnyTime if chance.below(2) == 0 => {
                    promises.extend(under_way.join_next().await.map(Result::unwrap));
                }
                Self::AnyTime => {
                    let ledger = mock.ledger();
                    ledger.until_arrivals(ledger.entries().len() as u64 + chance.below(4)).await;
                }
                Self::Queued => {
                    let plain = |p: &&Promise| p.kind == Kind::Plain;
                    let before = promises.iter().filter(plain).count();
                    while promises.iter().filter(plain).count() < before + MORE_THAN_AT_ONCE {
                        promises.push(under_way.join_next().await.unwrap().unwrap());
                    }
                }
                Self::InFlight(_) | Self::Claimed | Self::Reconciling => mock.faults().until_held(1).await,
                _ => until_seen(system, self.state().unwrap(), after).await,
            }
        });
        assert!(reached.await.is_ok(), "{self:?} is not reached");
    }
}

/// Until one has come to a state after a change.
async fn until_seen(system: &ProducerSystem, state: &str, after: u64) {
    loop {
        let page = system.get(&format!("/v1/submissions?state={state}&after={after}&limit=1")).await.unwrap().body;
        if page["items"].as_array().is_some_and(|items| !items.is_empty()) {
            return;
        }
    }
}
