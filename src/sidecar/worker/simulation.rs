//! The worker's own code in simulated worlds: a faulty archive, a disk that fails, a clock that is set, a process that dies at
//! any await. Everything follows from one number, which a failure prints.
//!
//! - `cargo test --lib simulation` lives through some hundreds of worlds.
//! - `ASIASILTA_WORLDS=10000 cargo test --release --lib simulation::many` is the full count.
//! - `ASIASILTA_WORLD=<seed> cargo test --lib simulation::many` lives through one again.

#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]

mod archive;
mod check;
mod dice;
mod store;
mod world;

use std::collections::BTreeMap;

use store::Breach;
use world::World;

const WORLDS: u64 = 200;
/// Worlds that a broken promise has to show in: far fewer are needed.
const WORLDS_TO_CATCH: u64 = 400;

/// How often what was seen.
type Seen = BTreeMap<&'static str, u64>;

fn live(seed: u64, breach: Breach, seen: &mut Seen) -> Result<(), String> {
    let mut builder = tokio::runtime::Builder::new_current_thread();
    let runtime = builder.enable_time().start_paused(true).build().unwrap();
    runtime.block_on(async {
        let mut world = World::new(seed, breach);
        let lived = world.live().await;
        let checked = match lived {
            Ok(()) => world.check().await,
            Err(broken) => Err(broken),
        };
        for (what, count) in &world.archive.ledger().seen {
            *seen.entry(what).or_default() += count;
        }
        *seen.entry("submission").or_default() += world.promised.len() as u64;
        checked
    })
}

fn number(name: &str) -> Option<u64> {
    let text = std::env::var(name).ok()?;
    Some(text.parse().unwrap_or_else(|_| panic!("{name} is {text}, expected a number")))
}

#[test]
fn many_worlds_keep_every_promise() {
    let mut seen = Seen::new();
    let (first, count) = match number("ASIASILTA_WORLD") {
        Some(seed) => (seed, 1),
        None => (1, number("ASIASILTA_WORLDS").unwrap_or(WORLDS)),
    };
    for seed in first..first + count {
        if let Err(broken) = live(seed, Breach::None, &mut seen) {
            panic!("world {seed}: {broken}\nlive through it again with ASIASILTA_WORLD={seed}");
        }
    }
    eprintln!("{count} worlds: {seen:?}");
    if count < WORLDS {
        return;
    }
    // The worlds were worth something: everything that can happen has.
    for what in [
        "crash",
        "question",
        "invalidation",
        "second arrival",
        "id taken by other bytes",
        "send: well",
        "send: unreachable",
        "send: lost on the way",
        "send: answer lost",
        "send: late",
        "send: stored after a no",
        "send: throttled",
        "send: wrong ids",
        "handed over",
        "handed over and archived",
    ] {
        assert!(seen.get(what).is_some_and(|n| *n >= 10), "{what}: {seen:?}");
    }
}

#[test]
fn a_world_lives_twice_alike() {
    for seed in 1..20 {
        let (mut once, mut again) = (Seen::new(), Seen::new());
        assert_eq!(live(seed, Breach::None, &mut once), live(seed, Breach::None, &mut again));
        assert_eq!(once, again, "world {seed}");
    }
}

/// The first world in which a promise that is broken on purpose is found broken.
fn caught(breach: Breach) -> String {
    let found = (1..=WORLDS_TO_CATCH).find_map(|seed| live(seed, breach, &mut Seen::new()).err());
    found.unwrap_or_else(|| panic!("{breach:?} was not noticed in {WORLDS_TO_CATCH} worlds"))
}

#[test]
fn a_skipped_question_is_noticed() {
    assert!(caught(Breach::SkipTheQuestion).contains("without a question between"));
}

#[test]
fn other_bytes_under_an_id_of_ours_that_count_as_ours_are_noticed() {
    assert!(caught(Breach::BelieveTheId).contains("is archived and not in the archive"));
}

#[test]
fn settling_before_the_send_is_noticed() {
    assert!(caught(Breach::SettleBeforeSend).contains("is archived and not in the archive"));
}

#[test]
fn a_resend_of_other_bytes_is_noticed() {
    assert!(caught(Breach::OtherBytes).contains("other bytes"));
}

#[test]
fn an_answer_before_the_commit_is_noticed() {
    caught(Breach::AnswerBeforeCommit);
}

#[test]
fn a_document_that_is_made_anew_after_it_was_handed_over_is_noticed() {
    assert!(caught(Breach::ForgetTheDocument).contains("not what was handed over"));
}

#[test]
fn a_document_that_is_asked_for_in_another_place_than_it_was_handed_over_in_is_noticed() {
    assert!(caught(Breach::MoveTheDocument).contains("was to stand at"));
}

#[test]
fn a_submission_that_nobody_looks_at_again_is_noticed() {
    assert!(caught(Breach::ForgetTheDue).contains("never settled"));
}
