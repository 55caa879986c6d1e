//! Each state with each event: what moves, and what cannot.

#![expect(clippy::unwrap_used, reason = "tests")]

use super::*;

const NOW: Timestamp = Timestamp::constant(1_800_000_000, 0);
const LATER: Timestamp = Timestamp::constant(1_800_000_600, 0);

fn cause() -> Cause {
    Cause::new("test.cause", Text::same("x"))
}

fn states() -> Vec<State> {
    vec![
        State::Queued,
        State::AwaitingSignature,
        State::Claimed,
        State::InFlight,
        State::Unknown,
        State::Reconciling,
        State::Held { until: None, why: cause() },
        State::Parked { why: cause(), sent: false },
        State::Archived,
        State::Rejected,
        State::HandedOver { why: Some(cause()), receipt: None },
        State::Abandoned { by: "b".into(), why: "w".into() },
    ]
}

fn events() -> Vec<Event> {
    vec![
        Event::Claim,
        Event::NeedSignature,
        Event::Sign,
        Event::RetryLater { at: LATER },
        Event::Hold { until: None, recheck_at: LATER, why: cause() },
        Event::Park { why: cause() },
        Event::Launch,
        Event::Receive,
        Event::Refuse,
        Event::LoseAnswer { ask_at: LATER },
        Event::Ask,
        Event::Find,
        Event::Miss,
        Event::Recover { again_at: NOW, ask_at: LATER },
        Event::Withdraw { by: "b".into(), why: "w".into() },
        Event::Abandon { by: "b".into(), why: "w".into() },
        Event::HandOver { why: cause() },
        Event::EnterReceipt { by: "b".into(), reference: "r".into() },
        Event::TakeBack,
        Event::Release,
        Event::TakePlace,
    ]
}

/// Every pair that may happen, the state that follows, and whether the worker takes it up: `n`ow, `l`ater or `-`.
const LEGAL: &[(&str, &str, &str, char)] = &[
    ("queued", "claim", "claimed", '-'),
    ("queued", "withdraw", "abandoned", '-'),
    ("queued", "abandon", "abandoned", '-'),
    ("queued", "hand_over", "handed_over", '-'),
    ("awaiting_signature", "sign", "queued", 'n'),
    ("awaiting_signature", "withdraw", "abandoned", '-'),
    ("awaiting_signature", "abandon", "abandoned", '-'),
    ("claimed", "need_signature", "awaiting_signature", '-'),
    ("claimed", "retry_later", "queued", 'l'),
    ("claimed", "hold", "held", 'l'),
    ("claimed", "park", "parked", '-'),
    ("claimed", "launch", "in_flight", '-'),
    ("claimed", "find", "archived", '-'),
    ("claimed", "recover", "queued", 'n'),
    ("claimed", "withdraw", "abandoned", '-'),
    ("claimed", "abandon", "abandoned", '-'),
    ("claimed", "hand_over", "handed_over", '-'),
    ("in_flight", "receive", "archived", '-'),
    ("in_flight", "refuse", "rejected", '-'),
    ("in_flight", "lose_answer", "unknown", 'l'),
    ("in_flight", "recover", "unknown", 'l'),
    ("in_flight", "park", "parked", '-'),
    ("unknown", "ask", "reconciling", '-'),
    ("unknown", "abandon", "abandoned", '-'),
    ("reconciling", "find", "archived", '-'),
    ("reconciling", "miss", "in_flight", '-'),
    ("reconciling", "park", "parked", '-'),
    ("reconciling", "lose_answer", "unknown", 'l'),
    ("reconciling", "recover", "unknown", 'l'),
    ("held", "claim", "claimed", '-'),
    ("held", "release", "queued", 'n'),
    ("held", "withdraw", "abandoned", '-'),
    ("held", "abandon", "abandoned", '-'),
    ("held", "hand_over", "handed_over", '-'),
    ("parked", "release", "queued", 'n'),
    ("parked", "take_place", "queued", 'n'),
    ("parked", "withdraw", "abandoned", '-'),
    ("parked", "abandon", "abandoned", '-'),
    ("parked", "hand_over", "handed_over", '-'),
    ("handed_over", "enter_receipt", "handed_over", '-'),
    ("handed_over", "take_back", "queued", 'n'),
];

#[test]
fn every_pair_of_state_and_event_is_as_the_table_says() {
    for state in states() {
        for event in events() {
            let expected = LEGAL.iter().find(|(s, e, ..)| *s == state.name() && *e == event.name());
            let pair = format!("{} {}", state.name(), event.name());
            match (advance(&state, event, NOW), expected) {
                (Ok(t), Some((_, _, next, due))) => {
                    let due_at = match due {
                        'n' => Some(NOW),
                        'l' => Some(LATER),
                        _ => None,
                    };
                    assert_eq!((t.next.name(), t.due_at), (*next, due_at), "{pair}");
                }
                (Err(illegal), None) => assert_eq!(illegal.state, state.name(), "{pair}"),
                (outcome, _) => panic!("{pair}: {outcome:?}"),
            }
        }
    }
}

#[test]
fn final_states_are_left_by_nothing_and_open_ones_have_a_way_on() {
    for state in states() {
        let ways = events().into_iter().filter(|e| advance(&state, e.clone(), NOW).is_ok()).count();
        let goes_on = matches!(state.class(), Class::Open | Class::HandedOver);
        assert_eq!(ways > 0, goes_on, "{}", state.name());
    }
}

#[test]
fn a_receipt_is_entered_once_and_what_has_one_can_still_be_taken_back() {
    let enter = Event::EnterReceipt { by: "b".into(), reference: "r".into() };
    let handed = State::HandedOver { why: Some(cause()), receipt: None };
    let confirmed = advance(&handed, enter.clone(), NOW).unwrap().next;
    let receipt = Some(Receipt { by: "b".into(), reference: "r".into(), at: NOW });
    assert_eq!(confirmed, State::HandedOver { why: Some(cause()), receipt });
    assert!(handed.awaits_receipt() && !confirmed.awaits_receipt());
    assert!(advance(&confirmed, enter, NOW).is_err());
    let back = advance(&confirmed, Event::TakeBack, NOW).unwrap();
    assert_eq!((back.next, back.due_at), (State::Queued, Some(NOW)));
    let old: State = serde_json::from_str(r#"{"state":"handed_over"}"#).unwrap();
    assert_eq!(old, State::HandedOver { why: None, receipt: None });
}

#[test]
fn what_may_have_left_never_comes_back_to_a_state_that_sends_without_asking() {
    let parked = State::Parked { why: cause(), sent: true };
    for state in [State::InFlight, State::Unknown, State::Reconciling, parked] {
        for event in events() {
            let Ok(t) = advance(&state, event.clone(), NOW) else { continue };
            let resent = t.next == State::InFlight;
            assert!(t.next.class() != Class::Open || !nothing_has_left(&t.next), "{} {event:?}", state.name());
            assert!(!matches!(event, Event::Withdraw { .. } | Event::HandOver { .. }));
            assert!(!resent || (state == State::Reconciling && event == Event::Miss));
        }
    }
}

#[test]
fn held_is_taken_up_at_its_moment_or_at_the_recheck_whichever_comes_first() {
    let soon = Timestamp::constant(1_800_000_060, 0);
    for (until, recheck, due) in [(Some(soon), LATER, soon), (Some(LATER), soon, soon), (None, LATER, LATER)] {
        let event = Event::Hold { until, recheck_at: recheck, why: cause() };
        assert_eq!(advance(&State::Claimed, event, NOW).unwrap().due_at, Some(due));
    }
}

#[test]
fn names_are_complete_and_states_survive_json() {
    let names: Vec<_> = states().iter().map(State::name).collect();
    assert_eq!(names, State::NAMES);
    for state in states() {
        let json = serde_json::to_string(&state).unwrap();
        assert_eq!(serde_json::from_str::<State>(&json).unwrap(), state);
    }
}
