//! Faults drawn by chance: the same seed and the same messages give the same faults.
//!
//! What a message meets depends on the seed, its sender, its interaction and which one of these it is; not on what others send
//! in between, so two clients at once do not disturb each other's run.

use std::collections::HashMap;

use openssl::sha::sha256;

use crate::faults::{Fault, Head};

/// Senders and interactions that are counted apart; a run has a handful.
const COUNTS_MAX: usize = 10_000;

/// A seeded choice among faults.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Chance {
    seed: u64,
    /// Of a thousand messages so many meet a fault.
    per_mille: u16,
    weighted: Vec<(Fault, u32)>,
    counts: HashMap<String, u64>,
}

impl Chance {
    /// Of a thousand messages `per_mille` (at most 1000) meet one of the faults, each as often as its weight says.
    #[must_use]
    pub fn new(seed: u64, per_mille: u16, weighted: Vec<(Fault, u32)>) -> Self {
        Self { seed, per_mille: per_mille.min(1000), weighted, counts: HashMap::new() }
    }

    /// Draws for the next message of this sender and interaction.
    pub(crate) fn draw(&mut self, head: &Head<'_>) -> Option<Fault> {
        let key = format!("{} {}", head.peer, head.interaction);
        if self.counts.len() >= COUNTS_MAX {
            self.counts.clear();
        }
        let count = self.counts.entry(key.clone()).or_default();
        *count += 1;
        let digest = sha256(format!("{} {key} {count}", self.seed).as_bytes());
        let number =
            |from: usize| digest.iter().skip(from).take(8).fold(0_u64, |number, byte| (number << 8) | u64::from(*byte));
        if number(0) % 1000 >= u64::from(self.per_mille) {
            return None;
        }
        let total: u64 = self.weighted.iter().map(|(_, weight)| u64::from(*weight)).sum();
        let mut at = number(8).checked_rem(total)?;
        self.weighted.iter().find_map(|(fault, weight)| {
            let weight = u64::from(*weight);
            if at < weight {
                return Some(*fault);
            }
            at -= weight;
            None
        })
    }
}
