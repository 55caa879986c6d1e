//! Where to kill: the state that the kill is to find a submission in, and how one is brought there.

use std::time::Duration;

use asiasilta::demo::ProducerSystem;
use mock_archive::{Fault, HoldAt, MessageKind, MockArchive, Step};
use tokio::task::JoinSet;
use tokio::time::timeout;

use super::handovers::Handovers;
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
    /// A moment after the promise of what is to be handed over.
    ReadyToHandOver,
    /// While its document is signed and its package made.
    Packing,
    /// As soon as one is handed over.
    HandedOver,
    /// While a person hands over.
    ByHand,
    /// While a package is given out and the receipt entered, or a moment after.
    Confirming,
    /// While retention takes all that it may.
    Purging,
    /// While a person takes one back, or a moment after.
    TakingBack,
    /// While the archive is asked for what was taken back.
    BackAsked,
    /// When the archive has what was taken back, and has not said so.
    BackInFlight,
}

/// What a dead sidecar has left, and what is known of it.
pub(super) struct Found<'a> {
    /// Each submission's id and state.
    pub(super) left: &'a [(String, String)],
    pub(super) handovers: &'a Handovers,
}

impl Aim {
    /// At any time of a round.
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

    /// While an organiser has not joined.
    pub(super) const BEFORE_JOINING: [Self; 6] =
        [Self::ReadyToHandOver, Self::Packing, Self::HandedOver, Self::ByHand, Self::Confirming, Self::Purging];

    /// Once it has.
    pub(super) const AFTER_JOINING: [Self; 4] = [Self::TakingBack, Self::BackAsked, Self::BackInFlight, Self::Purging];

    /// What a kill is to find that is no state of its own, as the summary has it.
    pub(super) const MOMENTS: [Self; 4] = [Self::Packing, Self::Confirming, Self::BackAsked, Self::BackInFlight];

    /// Whether a kill has found what it aimed at.
    pub(super) fn is_met(self, found: &Found<'_>) -> bool {
        let Found { left, handovers } = found;
        let any = |state: &str, of: &dyn Fn(&str) -> bool| left.iter().any(|(id, found)| found == state && of(id));
        match self {
            Self::Packing => any("claimed", &|id| handovers.to_go.contains(id)),
            Self::Confirming => any("handed_over", &|id| handovers.given.contains_key(id)),
            Self::BackAsked => any("claimed", &|id| handovers.ordered_back.contains(id)),
            Self::BackInFlight => any("in_flight", &|id| handovers.ordered_back.contains(id)),
            _ => self.state().is_none_or(|state| any(state, &|_| true)),
        }
    }

    /// Whether something is taken back for it.
    pub(super) fn takes_back(self) -> bool {
        matches!(self, Self::TakingBack | Self::BackAsked | Self::BackInFlight)
    }

    /// Where the archive stands still with what is taken back.
    pub(super) fn stands_still(self, document: &str) -> Option<Step> {
        let (on, at) = match self {
            Self::BackAsked => (MessageKind::Question, HoldAt::Inside),
            Self::BackInFlight => (MessageKind::Store, HoldAt::Answer),
            _ => return None,
        };
        Some(hold(on, at, document))
    }

    /// The state's name; none of a kill at any time.
    pub(super) fn state(self) -> Option<&'static str> {
        match self {
            Self::AnyTime | Self::ReadyToHandOver | Self::ByHand | Self::Purging | Self::TakingBack => None,
            Self::Queued => Some("queued"),
            Self::AwaitingSignature => Some("awaiting_signature"),
            Self::Claimed | Self::Packing | Self::BackAsked => Some("claimed"),
            Self::InFlight(_) | Self::BackInFlight => Some("in_flight"),
            Self::Unknown => Some("unknown"),
            Self::Reconciling => Some("reconciling"),
            Self::Held => Some("held"),
            Self::Parked => Some("parked"),
            Self::Archived => Some("archived"),
            Self::Rejected => Some("rejected"),
            Self::Abandoned => Some("abandoned"),
            Self::HandedOver | Self::Confirming => Some("handed_over"),
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
            Self::ReadyToHandOver => vec![Kind::OtherWay],
            Self::Packing => vec![Kind::OtherWay; MORE_THAN_AT_ONCE],
            Self::HandedOver => vec![Kind::OtherWay, Kind::OtherWayChain],
            Self::ByHand => vec![Kind::ByHand],
            Self::Confirming => vec![Kind::Confirmed],
            Self::Purging | Self::TakingBack | Self::BackAsked | Self::BackInFlight => vec![Kind::Plain],
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
            Self::Unknown | Self::Reconciling => faults.next_store(lost).unwrap(),
            _ => {}
        }
    }

    /// Waits until it is time. `after` is the last change before what was handed in for it.
    pub(super) async fn reached(
        self,
        mock: &MockArchive,
        chance: &mut Chance,
        (system, after): (&ProducerSystem, u64),
        UnderWay { promises, made, acts }: UnderWay<'_>,
    ) {
        let reached = timeout(REACHED_WITHIN, async {
            match self {
                Self::AnyTime | Self::Purging if chance.below(2) == 0 => {
                    made.extend(promises.join_next().await.map(Result::unwrap));
                }
                Self::AnyTime => {
                    let ledger = mock.ledger();
                    ledger.until_arrivals(ledger.entries().len() as u64 + chance.below(4)).await;
                }
                Self::ReadyToHandOver => until_made(Kind::OtherWay, 1, promises, made).await,
                Self::ByHand | Self::Confirming if chance.below(2) == 0 => {
                    until_made(self.kinds()[0], 1, promises, made).await;
                }
                Self::ByHand => until_either(system, ["parked", "handed_over"], after).await,
                Self::TakingBack if chance.below(2) == 0 => acts.join_next().await.into_iter().for_each(Result::unwrap),
                Self::Purging | Self::TakingBack => {}
                Self::Queued => until_made(Kind::Plain, MORE_THAN_AT_ONCE, promises, made).await,
                // It is made in little time, so that the next state counts too.
                Self::Packing => until_either(system, ["claimed", "handed_over"], after).await,
                // Not any question: what an earlier run has accepted and not sent is asked for too.
                Self::Reconciling => {
                    let lost = until_seen(system, "unknown", after).await;
                    mock.faults().add(hold(MessageKind::Question, HoldAt::Inside, &lost)).unwrap();
                    mock.faults().until_held(1).await;
                }
                Self::InFlight(_) | Self::Claimed | Self::BackAsked | Self::BackInFlight => {
                    mock.faults().until_held(1).await;
                }
                _ => drop(until_seen(system, self.state().unwrap(), after).await),
            }
        });
        assert!(reached.await.is_ok(), "{self:?} is not reached");
    }
}

/// What goes on beside the sidecar.
pub(super) struct UnderWay<'a> {
    pub(super) promises: &'a mut JoinSet<Promise>,
    pub(super) made: &'a mut Vec<Promise>,
    pub(super) acts: &'a mut JoinSet<()>,
}

/// Until so many more of a kind are promised.
async fn until_made(kind: Kind, count: usize, promises: &mut JoinSet<Promise>, made: &mut Vec<Promise>) {
    let of_kind = |made: &Vec<Promise>| made.iter().filter(|promise| promise.kind == kind).count();
    let wanted = of_kind(made) + count;
    while of_kind(made) < wanted {
        made.push(promises.join_next().await.unwrap().unwrap());
    }
}

/// Until one has come to either state after a change.
async fn until_either(system: &ProducerSystem, [one, other]: [&str; 2], after: u64) {
    tokio::select! {
        _ = until_seen(system, one, after) => {}
        _ = until_seen(system, other, after) => {}
    }
}

/// Until one has come to a state after a change: its document.
async fn until_seen(system: &ProducerSystem, state: &str, after: u64) -> String {
    loop {
        let page = system.get(&format!("/v1/submissions?state={state}&after={after}&limit=1")).await.unwrap().body;
        if let Some(document) = page["items"][0]["document_id"].as_str() {
            return document.to_owned();
        }
    }
}

/// The archive stands still with every such message about a document.
fn hold(on: MessageKind, at: HoldAt, document: &str) -> Step {
    let document = Some(mock_archive::Oid::parse(document).unwrap());
    Step { document, ..Step::once(on, Fault::Hold(at)).times(None) }
}
