//! What went another way than the archive: packages that were given out, receipts, what was taken back; and whether each document
//! went one way only, in one package only.
//!
//! Asks nobody; tells the first promise that was broken.

use std::collections::{BTreeMap, BTreeSet};

use asiasilta::archive::keys::OpensslCrypto;
use asiasilta::domain::handover::{BYTES_MAX, open};
use asiasilta::sidecar::sealing::Identity;
use aws_lc_rs::digest::{SHA256, digest};
use serde_json::Value;

use super::account::{Seen, hex, text};

/// A package as the organiser can open it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Package {
    /// Of what was given out, encrypted as it was: one that was made anew has another.
    pub(super) digest: [u8; 32],
    /// The digest of each signed document by its version OID.
    pub(super) documents: BTreeMap<String, String>,
}

/// What the sidecar has when it is asked for a submission's package.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Kept {
    /// The submission was never handed over.
    Never,
    Whole(Package),
    /// Retention has taken it.
    Purged,
    /// It says that it cannot give it out, or what it gives out cannot be opened.
    Lost(String),
}

impl Kept {
    /// Opens what was given out.
    pub(super) fn of(status: u16, body: &[u8], identity: &Identity) -> Self {
        match status {
            200 => opened(body, identity).map_or_else(Self::Lost, Self::Whole),
            404 => Self::Never,
            410 => Self::Purged,
            other => Self::Lost(format!("the answer is {other}")),
        }
    }
}

fn opened(package: &[u8], identity: &Identity) -> Result<Package, String> {
    let tar = identity.open(package, BYTES_MAX).map_err(|fault| fault.to_string())?;
    let opened = open(&tar, &OpensslCrypto).map_err(|fault| format!("{fault:?}"))?;
    let documents = opened.manifest.documents.into_iter();
    let mut whole = [0; 32];
    whole.copy_from_slice(digest(&SHA256, package).as_ref());
    Ok(Package { digest: whole, documents: documents.map(|d| (d.document.to_string(), d.signed.sha256)).collect() })
}

/// What became of the packages.
pub(super) type Packages = BTreeMap<&'static str, usize>;

/// All of it, each by its submission.
#[derive(Debug, Default)]
pub(super) struct Handovers {
    /// What is promised to go another way while the archive is no option.
    pub(super) to_go: BTreeSet<String>,
    /// Packages when they were first given out.
    pub(super) given: BTreeMap<String, Package>,
    /// Packages as they were found after a kill and are not what they were after an earlier one.
    pub(super) made_anew: BTreeSet<String>,
    /// A person was told that it is handed over.
    pub(super) handed_over: BTreeSet<String>,
    /// A person was told that the receipt is entered.
    pub(super) confirmed: BTreeSet<String>,
    /// A person has ordered it back, and may have been told nothing.
    pub(super) ordered_back: BTreeSet<String>,
    /// A person was told that it is taken back.
    pub(super) back: BTreeSet<String>,
    /// When everything is over.
    pub(super) at_the_end: BTreeMap<String, Kept>,
}

impl Handovers {
    /// Keeps what was given out; what is given out again is the same.
    pub(super) fn give(&mut self, id: &str, kept: &Kept) {
        if let Kept::Whole(package) = kept
            && self.given.entry(id.to_owned()).or_insert_with(|| package.clone()) != package
        {
            self.made_anew.insert(id.to_owned());
        }
    }

    /// Every promise kept: how many packages there are, and what became of the others. Or the first that was broken.
    pub(super) fn close(&self, states: &[Value], seen: &BTreeMap<String, Seen>) -> Result<Packages, String> {
        if let Some(id) = self.made_anew.first() {
            return Err(format!("{id} was handed over in two packages"));
        }
        self.each_document_in_one_package()?;
        let (mut packages, never) = (Packages::new(), Seen::default());
        for state in states {
            self.what_is_kept(state)?;
            self.one_way_only(state, seen.get(text(state, "document_id")).unwrap_or(&never))?;
            if self.package(text(state, "id")).is_some() {
                let is_purged = self.at_the_end.get(text(state, "id")) == Some(&Kept::Purged);
                let became = match (text(state, "class"), is_purged) {
                    ("archived", _) => "taken back and archived",
                    (_, true) => "confirmed and purged",
                    ("handed_over", false) => "kept",
                    _ => "taken back and open",
                };
                *packages.entry(became).or_default() += 1;
            }
        }
        states.iter().try_for_each(|state| self.what_was_told(state))?;
        Ok(packages)
    }

    /// The package as it is, or as it was given out before retention took it.
    fn package(&self, id: &str) -> Option<&Package> {
        match self.at_the_end.get(id) {
            Some(Kept::Whole(package)) => Some(package),
            _ => self.given.get(id),
        }
    }

    fn each_document_in_one_package(&self) -> Result<(), String> {
        let mut of: BTreeMap<&str, &str> = BTreeMap::new();
        for id in self.at_the_end.keys() {
            for document in self.package(id).iter().flat_map(|package| package.documents.keys()) {
                if let Some(other) = of.insert(document, id) {
                    return Err(format!("{document} is in the packages of {other} and {id}"));
                }
            }
        }
        Ok(())
    }

    /// What was handed over has its package, whatever else became of it; of what has been confirmed or archived it may have been
    /// purged, and was then given out before.
    fn what_is_kept(&self, state: &Value) -> Result<(), String> {
        let (id, document, class) = (text(state, "id"), text(state, "document_id"), text(state, "class"));
        let holds_it = |package: &Package| package.documents.keys().eq([document]);
        let confirmed = class == "handed_over" && self.confirmed.contains(id) && !state["receipt"].is_null();
        match self.at_the_end.get(id).ok_or_else(|| format!("{id} was not looked for"))? {
            Kept::Lost(why) => Err(format!("{id} is {class} and its package is lost: {why}")),
            Kept::Never if class == "handed_over" => Err(format!("{id} is handed over and has no package")),
            Kept::Never if self.given.contains_key(id) => Err(format!("{id} had a package and has none")),
            Kept::Never => Ok(()),
            Kept::Purged if !(confirmed || class == "archived") => {
                Err(format!("{id} is {class} and its package is gone"))
            }
            Kept::Purged | Kept::Whole(_) => match self.package(id) {
                Some(package) if holds_it(package) => Ok(()),
                Some(_) => Err(format!("the package of {id} does not hold its document")),
                None => Err(format!("{id} is {class} and nobody has seen its package")),
            },
        }
    }

    fn what_was_told(&self, state: &Value) -> Result<(), String> {
        let (id, class) = (text(state, "id"), text(state, "class"));
        let is_over = class == "handed_over";
        let was_over = self.handed_over.contains(id) || self.confirmed.contains(id) || self.given.contains_key(id);
        if was_over && !is_over && !self.ordered_back.contains(id) {
            return Err(format!("{id} is {class}, was handed over, and nobody has taken it back"));
        }
        if is_over && self.back.contains(id) {
            return Err(format!("{id} was taken back and is handed over"));
        }
        if is_over && self.confirmed.contains(id) && state["receipt"].is_null() {
            return Err(format!("{id} has lost its receipt"));
        }
        Ok(())
    }

    /// With the organiser, or in the archive after somebody has taken it back: asked for first, and as it was handed over.
    fn one_way_only(&self, state: &Value, seen: &Seen) -> Result<(), String> {
        let (id, class) = (text(state, "id"), text(state, "class"));
        let Some(package) = self.package(id) else { return Ok(()) };
        let Some(first) = seen.arrivals.first() else { return Ok(()) };
        if class == "handed_over" || !self.ordered_back.contains(id) {
            return Err(format!("{id} was handed over and has arrived at the archive"));
        }
        if seen.first_asked.is_none_or(|asked| asked > *first) {
            return Err(format!("{id} was taken back and arrived before it was asked for"));
        }
        let signed = package.documents.values().collect::<Vec<_>>();
        match seen.bodies.iter().all(|body| signed == [&hex(body)]) {
            true => Ok(()),
            false => Err(format!("{id} has arrived otherwise than it was handed over")),
        }
    }
}

/// Each broken promise is named.
#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn whole(document: &str, number: u8) -> Kept {
        let documents = BTreeMap::from([(document.to_owned(), hex(&[7; 32]))]);
        Kept::Whole(Package { digest: [number; 32], documents })
    }

    fn told(number: &str, class: &str) -> Value {
        let receipt = if class == "confirmed" { json!({ "reference": "r" }) } else { Value::Null };
        let class = if class == "confirmed" { "handed_over" } else { class };
        json!({ "id": number, "document_id": format!("d{number}"), "class": class, "receipt": receipt })
    }

    /// Two submissions with their packages, as they were given out.
    fn two(kept: [Kept; 2]) -> Handovers {
        let mut all = Handovers::default();
        for (id, kept) in ["1", "2"].into_iter().zip(kept) {
            all.give(id, &kept);
            all.at_the_end.insert(id.to_owned(), kept);
        }
        all
    }

    fn seen(asked: Option<u64>, arrived: u64, body: u8) -> BTreeMap<String, Seen> {
        let (arrivals, bodies) = (vec![arrived], BTreeSet::from([[body; 32]]));
        BTreeMap::from([("d2".to_owned(), Seen { arrivals, bodies, first_asked: asked, ..Seen::default() })])
    }

    fn said(all: &Handovers, class: &str, seen: &BTreeMap<String, Seen>) -> String {
        all.close(&[told("1", "handed_over"), told("2", class)], seen).err().unwrap_or_default()
    }

    #[test]
    fn what_is_both_handed_over_and_sent_or_gone_is_named() {
        let (none, ids) = (BTreeMap::new, |id: &str| BTreeSet::from([id.to_owned()]));
        let both = || two([whole("d1", 1), whole("d2", 2)]);
        let back = || Handovers { ordered_back: ids("2"), ..both() };
        let with = |kept| two([whole("d1", 1), kept]);
        let purged = || {
            let mut all = Handovers { confirmed: ids("2"), ..both() };
            all.at_the_end.insert("2".to_owned(), Kept::Purged);
            all
        };
        let mut anew = both();
        anew.give("2", &whole("d2", 3));
        let unseen = Handovers { given: BTreeMap::new(), ..purged() };
        for (all, class, seen, wanted) in [
            (both(), "handed_over", none(), ""),
            (purged(), "confirmed", none(), ""),
            (back(), "archived", seen(Some(1), 2, 7), ""),
            (both(), "handed_over", seen(Some(1), 2, 7), "2 was handed over and has arrived at the archive"),
            (both(), "archived", seen(Some(1), 2, 7), "2 was handed over and has arrived at the archive"),
            (back(), "archived", seen(None, 2, 7), "arrived before it was asked for"),
            (back(), "archived", seen(Some(3), 2, 7), "arrived before it was asked for"),
            (back(), "archived", seen(Some(1), 2, 8), "otherwise than it was handed over"),
            (both(), "rejected", none(), "2 is rejected, was handed over, and nobody has taken it back"),
            (Handovers { back: ids("2"), ..back() }, "handed_over", none(), "was taken back and is handed over"),
            (Handovers { confirmed: ids("2"), ..both() }, "handed_over", none(), "has lost its receipt"),
            (with(Kept::Never), "handed_over", none(), "2 is handed over and has no package"),
            (with(Kept::Lost("x".into())), "handed_over", none(), "its package is lost: x"),
            (purged(), "handed_over", none(), "2 is handed_over and its package is gone"),
            (unseen, "confirmed", none(), "nobody has seen its package"),
            (with(whole("d1", 2)), "handed_over", none(), "d1 is in the packages of 1 and 2"),
            (with(whole("d3", 2)), "handed_over", none(), "does not hold its document"),
            (anew, "handed_over", none(), "2 was handed over in two packages"),
        ] {
            let found = said(&all, class, &seen);
            assert!(found.contains(wanted) && found.is_empty() == wanted.is_empty(), "{wanted}: {found}");
        }
    }
}
