//! How a document's metadata are kept: 72 bytes each, beside what many have alike. Called by `registers.rs` alone.

use std::collections::HashMap;
use std::sync::Arc;

use jiff::Timestamp;

use crate::hl7_time::PartialDate;
use crate::intake::content::ProducerRow;
use crate::oid::Oid;
use crate::registers::{Alike, People};

/// An identifier: which text stands before its last arc, and that arc.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct ShortId {
    before: u32,
    /// The last arc in two halves, so that the whole needs twelve bytes; both `u32::MAX` where there is none.
    high: u32,
    low: u32,
}

/// The texts before the last arcs. An archive's ids are numbered below few of them.
#[derive(Default)]
pub(super) struct Ids {
    texts: Vec<Arc<str>>,
    places: HashMap<Arc<str>, u32>,
}

impl Ids {
    /// Shortens an identifier; `None` when there are more texts than can be told apart.
    pub(super) fn shorten(&mut self, id: &Oid) -> Option<ShortId> {
        let (text, arc) = id.split();
        let place = match self.places.get(text) {
            Some(place) => *place,
            None => {
                let (place, text): (_, Arc<str>) = (u32::try_from(self.texts.len()).ok()?, text.into());
                self.texts.push(Arc::clone(&text));
                self.places.insert(text, place);
                place
            }
        };
        Some(short(place, arc))
    }

    /// The short form of an identifier, when one like it was ever shortened.
    pub(super) fn find(&self, id: &Oid) -> Option<ShortId> {
        let (text, arc) = id.split();
        self.places.get(text).map(|place| short(*place, arc))
    }

    pub(super) fn whole(&self, ShortId { before, high, low }: ShortId) -> Option<Oid> {
        let text = self.texts.get(usize::try_from(before).ok()?)?;
        let arc = u64::from(high) << 32 | u64::from(low);
        Some(Oid::join(text, (arc != u64::MAX).then_some(arc)))
    }
}

fn short(before: u32, arc: Option<u64>) -> ShortId {
    let [high, low] = arc.map_or([u32::MAX; 2], |arc| {
        let [a, b, c, d, e, f, g, h] = arc.to_be_bytes();
        [u32::from_be_bytes([a, b, c, d]), u32::from_be_bytes([e, f, g, h])]
    });
    ShortId { before, high, low }
}

/// An effective time as it stood, `yyyyMMddHHmmss+zzzz`.
#[derive(Clone, Copy)]
pub(super) struct EffectiveTime([u8; 19]);

impl EffectiveTime {
    /// `None` when the text is no point in time; pair.effective-time refuses those.
    pub(super) fn new(text: &str) -> Option<Self> {
        crate::hl7_time::instant(text).and_then(|_| text.trim().as_bytes().try_into().ok()).map(Self)
    }

    pub(super) fn text(&self) -> Box<str> {
        self.0.iter().map(|byte| char::from(*byte)).collect::<String>().into()
    }
}

/// What a relationship document or a case document has beside the others.
pub(super) struct Special {
    pub(super) rows: Arc<[ProducerRow]>,
    pub(super) case_closed: Option<PartialDate>,
}

/// Where a version after the first belongs.
#[derive(Clone, Copy)]
pub(super) struct Later {
    /// Place of version 1, whose id is the set id.
    pub(super) first: u32,
    /// Place of the version before.
    pub(super) before: u32,
    pub(super) version: u32,
}

/// A document in its place. A hundred thousand of them are kept, so what few have stands elsewhere.
pub(super) struct Row {
    pub(super) alike: Arc<Alike>,
    pub(super) people: Arc<People>,
    pub(super) stored_at_nanos: i64,
    pub(super) body_at: u64,
    pub(super) body_length: u32,
    pub(super) id: ShortId,
    /// Place in the order of change when it was stored.
    pub(super) change: u32,
    pub(super) effective_time: EffectiveTime,
}

/// Nanoseconds since 1970, which an `i64` counts until the year 2262.
pub(super) fn nanos(moment: Timestamp) -> Option<i64> {
    i64::try_from(moment.as_nanosecond()).ok()
}

pub(super) fn moment(nanos: i64) -> Timestamp {
    // Every i64 of nanoseconds is a moment that Timestamp knows.
    Timestamp::from_nanosecond(i128::from(nanos)).unwrap_or_default()
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a failed set-up is a failed test")]
mod tests {
    use super::*;

    #[test]
    fn a_row_takes_little() {
        assert!(size_of::<Row>() <= 72, "{}", size_of::<Row>());
    }

    #[test]
    fn a_shortened_id_is_the_same_when_it_is_whole_again() {
        let mut ids = Ids::default();
        let long = format!("1.2.{}", "9".repeat(19));
        let texts = ["1.2.246.10.99999992.95.2026.1", "1.2.246.10.99999992.95.2026.4294967296", "1.2.0", &long];
        for id in texts.map(|text| Oid::parse(text).unwrap()) {
            assert!(ids.find(&id).is_none_or(|short| ids.whole(short) == Some(id.clone())));
            let short = ids.shorten(&id).unwrap();
            assert!(ids.find(&id) == Some(short));
            assert_eq!(ids.whole(short), Some(id));
        }
        assert_eq!(ids.texts.len(), 3);
    }

    #[test]
    fn moments_keep_their_nanoseconds() {
        let at: Timestamp = "2026-11-22T09:00:00.123456789Z".parse().unwrap();
        assert_eq!(moment(nanos(at).unwrap()), at);
        assert_eq!(&*EffectiveTime::new("20261122110000+0200").unwrap().text(), "20261122110000+0200");
        assert!(EffectiveTime::new("20261122").is_none());
    }
}
