//! What is handed over another way, kept, confirmed, taken back.

use super::*;

pub(crate) async fn what_is_handed_over_is_kept_until_it_goes_on_with_the_same_document(disk: impl Disk) {
    let store = disk.open(0);
    let s = accepted(&store, new("1", "b"), 0).await;
    let why = Cause::new("access.not_joined", Text::same("x"));
    let handover = |of: &Submission, n: u8| {
        let bodies = HandoverBodies { package: vec![n; 100], document: vec![n, n] };
        Handover { bodies, place: SignedPlace::of(of) }
    };
    let hand_over = |of: &Submission, at_seconds: i64, n: u8| {
        let step = Step::plain(Event::HandOver { why: why.clone() }, actor());
        let (store, id, made) = (&store, &s.id, handover(of, n));
        async move { store.hand_over(id, &made, step, at(at_seconds)).await }
    };
    let refused = store.step(&s.id, Step::plain(Event::HandOver { why: why.clone() }, actor()), at(1)).await;
    assert!(matches!(refused, Err(StoreError::Illegal(_))), "without a package nothing is handed over");
    assert_eq!((store.package(&s.id).await.unwrap(), store.packages().await.unwrap()), (None, Packages::default()));
    let handed = hand_over(&s, 2, 1).await.unwrap();
    assert_eq!((handed.handed_over_at, handed.why.as_ref()), (Some(at(2)), Some(&why)));
    assert!(matches!(hand_over(&handed, 3, 2).await, Err(StoreError::Illegal(_))), "once");
    assert_eq!(store.packages().await.unwrap(), Packages { waiting: 1, oldest: Some(at(2)) });
    drop(store);

    let store = disk.open(5);
    assert_eq!(store.package(&s.id).await.unwrap(), Some(vec![1; 100]));
    step(&store, &s, Event::EnterReceipt { by: "b".into(), reference: "r".into() }, 6).await;
    assert_eq!(store.packages().await.unwrap(), Packages::default());
    step(&store, &s, Event::TakeBack, 7).await;
    let claimed = store.claim(&actor(), 1, at(8)).await.unwrap().remove(0);
    // Signed by somebody who did not know that it was handed over: the organiser has other bytes.
    let late = Step::plain(Event::HandOver { why: why.clone() }, actor());
    assert!(matches!(store.hand_over(&s.id, &handover(&s, 2), late, at(8)).await, Err(StoreError::Moved)));
    assert_eq!((claimed.handed_over, claimed.payload), (Some(vec![1, 1]), b"b".to_vec()));
    // Handed over again, the package is new and the document the one that the organiser has.
    let again = Step::plain(Event::HandOver { why: why.clone() }, actor());
    let handed = store.hand_over(&s.id, &handover(&claimed.submission, 3), again, at(9)).await.unwrap();
    assert_eq!((handed.handed_over_at, handed.document), (Some(at(2)), s.document.clone()));
    assert_eq!(store.package(&s.id).await.unwrap(), Some(vec![3; 100]));
    assert_eq!(store.whole(&s.id).await.unwrap().handed_over, Some(vec![1, 1]));
    let way = store.find(&s.id, &scope()).await.unwrap().unwrap().1;
    let events: Vec<_> = way.iter().map(|e| e.event.as_str()).collect();
    assert_eq!(events, ["accept", "hand_over", "enter_receipt", "take_back", "claim", "hand_over"]);
}

fn handing_over() -> Step {
    Step::plain(Event::HandOver { why: Cause::new("access.not_joined", Text::same("x")) }, actor())
}

/// Handed over as it stands.
async fn handed_over(store: &impl Store, of: &Submission, seconds: i64) -> Submission {
    let place = SignedPlace::of(&store.whole(&of.id).await.unwrap().submission);
    let bodies = HandoverBodies { package: b"package".to_vec(), document: b"document".to_vec() };
    store.hand_over(&of.id, &Handover { bodies, place }, handing_over(), at(seconds)).await.unwrap()
}

pub(crate) async fn what_has_moved_in_its_chain_since_it_was_signed_is_not_handed_over(disk: impl Disk) {
    let store = disk.open(0);
    let first = accepted(&store, new("1", "b"), 0).await;
    let second = accepted(&store, replacing("2", &first), 0).await;
    carried(&store, &first, Event::Refuse, 1).await;
    store.claim(&actor(), 10, at(2)).await.unwrap();
    step(&store, &second, Event::Park { why: Cause::new("c", Text::same("x")) }, 2).await;
    let bodies = HandoverBodies { package: b"p".to_vec(), document: b"d".to_vec() };
    let signed = Handover { bodies: bodies.clone(), place: SignedPlace::of(&second) };
    // Released in its predecessor's place while it was being signed.
    let moved = step(&store, &second, Event::TakePlace, 3).await;
    let refused = store.hand_over(&second.id, &signed, handing_over(), at(3)).await;
    assert!(matches!(refused, Err(StoreError::Moved)), "{refused:?}");
    let (same, way) = store.find(&second.id, &scope()).await.unwrap().unwrap();
    assert_eq!((same.state, same.handed_over_at, way.len()), (State::Queued, None, 4));
    assert_eq!(store.package(&second.id).await.unwrap(), None);
    // What it replaces counts as much as its number.
    let half = SignedPlace { replaces: second.replaces.clone(), ..SignedPlace::of(&moved) };
    let refused = store.hand_over(&second.id, &Handover { place: half, ..signed }, handing_over(), at(3)).await;
    assert!(matches!(refused, Err(StoreError::Moved)));
    let anew = Handover { bodies, place: SignedPlace::of(&moved) };
    let handed = store.hand_over(&second.id, &anew, handing_over(), at(4)).await.unwrap();
    assert_eq!((handed.document.version, handed.replaces), (1, None));
}

pub(crate) async fn what_was_handed_over_keeps_its_place_whatever_becomes_of_what_it_follows(disk: impl Disk) {
    let store = disk.open(0);
    let first = accepted(&store, new("1", "b"), 0).await;
    let second = accepted(&store, replacing("2", &first), 0).await;
    handed_over(&store, &first, 1).await;
    handed_over(&store, &second, 1).await;
    step(&store, &first, Event::TakeBack, 2).await;
    carried(&store, &first, Event::Refuse, 3).await;
    step(&store, &second, Event::TakeBack, 4).await;
    let claimed = store.claim(&actor(), 10, at(4)).await.unwrap().remove(0);
    let before = claimed.predecessor.unwrap();
    assert_eq!((before.class, before.was_handed_over, before.may_still_come()), (Class::Rejected, true, false));
    step(&store, &second, Event::Park { why: Cause::new("c", Text::same("x")) }, 5).await;
    let refused = store.step(&second.id, Step::plain(Event::TakePlace, actor()), at(5)).await;
    assert!(matches!(refused, Err(StoreError::Illegal(_))));
    let again = handed_over(&store, &second, 6).await;
    assert_eq!((again.document, again.replaces), (second.document, second.replaces));
    assert_eq!(again.handed_over_at, Some(at(1)));
}

pub(crate) async fn a_purged_predecessor_is_told_from_one_that_can_still_come(disk: impl Disk) {
    let store = disk.open(0);
    let first = accepted(&store, new("1", "b"), 0).await;
    handed_over(&store, &first, 1).await;
    let everything = due(Timestamp::MAX);
    assert_eq!(store.purge(&actor(), everything, 10, at(2)).await.unwrap().submissions, 0, "it has no receipt");
    step(&store, &first, Event::EnterReceipt { by: "b".into(), reference: "r".into() }, 3).await;
    let its_time = Due { settled_before: Timestamp::MAX, confirmed_before: at(3) };
    assert_eq!(store.purge(&actor(), its_time, 10, at(4)).await.unwrap().submissions, 0, "it has its own time");
    let second = accepted(&store, replacing("2", &first), 4).await;
    assert_eq!(store.purge(&actor(), everything, 10, at(5)).await.unwrap().submissions, 0, "an open one follows it");
    let before = store.claim(&actor(), 10, at(5)).await.unwrap().remove(0).predecessor.unwrap();
    assert!(before.may_still_come() && before.record == PredecessorRecord::Kept(b"b".to_vec()));
    step(&store, &second, Event::Abandon { by: "b".into(), why: "w".into() }, 6).await;

    assert!(store.purge(&actor(), everything, 10, at(7)).await.unwrap().submissions >= 1);
    assert!(matches!(store.whole(&first.id).await.err(), Some(StoreError::Purged)));
    let back = store.step(&first.id, Step::plain(Event::TakeBack, actor()), at(7)).await;
    assert!(matches!(back, Err(StoreError::Purged)), "{back:?}");
    assert_eq!(store.package(&first.id).await.unwrap(), None);
    accepted(&store, replacing("3", &first), 8).await;
    let before = store.claim(&actor(), 10, at(8)).await.unwrap().remove(0).predecessor.unwrap();
    assert!(!before.may_still_come() && before.was_handed_over && before.record == PredecessorRecord::Purged);
    assert_eq!((before.class, before.document), (Class::HandedOver, first.document));
}

pub(crate) async fn what_an_open_invalidation_means_is_not_taken_back(disk: impl Disk) {
    let store = disk.open(0);
    let first = accepted(&store, new("1", "b"), 0).await;
    let second = accepted(&store, replacing("2", &first), 0).await;
    handed_over(&store, &first, 1).await;
    handed_over(&store, &second, 1).await;
    let only = accepted(&store, invalidation("3", &second.document.document, Extent::ThisVersion), 2).await;
    let shown = async |of: &Submission| store.find(&of.id, &scope()).await.unwrap().unwrap().0.invalidated_by;
    assert_eq!((shown(&first).await, shown(&second).await), (None, Some(only.id.clone())));
    let back = async |of: &Submission, at_seconds| {
        store.step(&of.id, Step::plain(Event::TakeBack, actor()), at(at_seconds)).await
    };
    let refused = back(&second, 3).await;
    assert!(matches!(&refused, Err(StoreError::InvalidationOpen { by }) if *by == only.id), "{refused:?}");
    step(&store, &only, Event::Abandon { by: "b".into(), why: "w".into() }, 4).await;
    assert_eq!(shown(&second).await, None, "given up, it means nothing");
    let all = accepted(&store, invalidation("4", &second.document.document, Extent::AllVersions), 5).await;
    for of in [&first, &second] {
        let refused = back(of, 6).await;
        assert!(matches!(&refused, Err(StoreError::InvalidationOpen { by }) if *by == all.id), "{refused:?}");
    }
    step(&store, &all, Event::Abandon { by: "b".into(), why: "w".into() }, 7).await;
    back(&second, 8).await.unwrap();
}
