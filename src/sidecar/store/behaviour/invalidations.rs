//! Invalidations: each takes its turn in its document's chain.

use super::*;

pub(crate) async fn an_invalidation_is_kept_as_such_and_takes_its_turn_in_its_documents_chain(disk: impl Disk) {
    let store = disk.open(0);
    let first = accepted(&store, new("1", "b"), 0).await;
    let target = first.document.document.clone();
    let gone = accepted(&store, invalidation("2", &target, Extent::AllVersions), 0).await;
    let next = accepted(&store, replacing("3", &first), 0).await;
    assert_eq!(gone.kind, Kind::Invalidation { target: target.clone(), extent: Extent::AllVersions });
    assert_eq!((gone.waits_for.as_ref(), gone.document.set.clone()), (Some(&target), first.document.set.clone()));
    assert_ne!(gone.document.document, target, "its ids are its own");
    assert_eq!(next.waits_for.as_ref(), Some(&target));
    let chain = store.chain_of(&scope().organisation, &target).await.unwrap();
    assert_eq!(chain.iter().map(|s| &s.id).collect::<Vec<_>>(), [&first.id, &next.id], "the documents");
    drop(store);
    let store = disk.open(1);
    let Accepted::Replay(again) = store.accept(invalidation("2", &target, Extent::AllVersions), at(1)).await.unwrap()
    else {
        panic!()
    };
    assert_eq!((again.id, again.kind), (gone.id.clone(), gone.kind.clone()));
    carried(&store, &first, Event::Receive, 2).await;
    let claimed = store.claim(&actor(), 10, at(3)).await.unwrap();
    let [only] = claimed.as_slice() else { panic!() };
    assert_eq!((&only.submission.id, only.payload.as_slice()), (&gone.id, &b"order"[..]));
    assert_eq!(only.predecessor.as_ref().map(|p| (&p.document, p.class)), Some((&first.document, Class::Archived)));
    store.launch(&gone.id, &envelope(), Step::plain(Event::Launch, actor()), at(3)).await.unwrap();
    let (shown, _) = store.find(&gone.id, &scope()).await.unwrap().unwrap();
    assert!(shown.has_envelope && shown.state == State::InFlight);
    step(&store, &gone, Event::Receive, 3).await;
    carried(&store, &next, Event::Receive, 4).await;
}

pub(crate) async fn an_invalidation_follows_its_document_to_the_place_of_a_missing_predecessor(disk: impl Disk) {
    let store = disk.open(0);
    let first = accepted(&store, new("1", "b"), 0).await;
    let second = accepted(&store, replacing("2", &first), 0).await;
    let gone = accepted(&store, invalidation("3", &second.document.document, Extent::ThisVersion), 0).await;
    carried(&store, &first, Event::Refuse, 1).await;
    store.claim(&actor(), 10, at(2)).await.unwrap();
    step(&store, &second, Event::Park { why: Cause::new("c", Text::same("x")) }, 2).await;
    let moved = step(&store, &second, Event::TakePlace, 3).await;
    assert_eq!((moved.document.version, moved.replaces.clone()), (1, None));
    let (shown, _) = store.find(&gone.id, &scope()).await.unwrap().unwrap();
    assert_eq!((&shown.document.set, shown.document.version), (&moved.document.set, 1));
    assert_eq!(shown.waits_for, Some(second.document.document.clone()));
    carried(&store, &second, Event::Receive, 4).await;
    carried(&store, &gone, Event::Receive, 5).await;
}

pub(crate) async fn an_invalidation_of_a_document_from_elsewhere_stands_alone_or_after_what_replaces_it(
    disk: impl Disk,
) {
    let store = disk.open(0);
    let elsewhere = oid("1.2.246.10.9.95.1");
    let alone = accepted(&store, invalidation("1", &elsewhere, Extent::ThisVersion), 0).await;
    assert_eq!((alone.waits_for.clone(), &alone.document.set), (None, &elsewhere));
    carried(&store, &alone, Event::Receive, 1).await;
    let ids = DocumentIds { document: elsewhere.clone(), set: oid("1.2.246.10.9.95.0"), version: 3 };
    let next = accepted(&store, NewSubmission { replaces: Some(ids), ..new("2", "b") }, 1).await;
    let after = accepted(&store, invalidation("3", &elsewhere, Extent::ThisVersion), 1).await;
    assert_eq!(after.waits_for.as_ref(), Some(&next.document.document), "accepted after it, it leaves after it");
    let mut stranger = invalidation("4", &next.document.document, Extent::ThisVersion);
    stranger.organisation = oid("1.2.246.10.2.10.0");
    assert_eq!(accepted(&store, stranger, 1).await.waits_for, None, "another organisation's waits for nothing of ours");
}
