//! `asiasilta structures check`: whether examples of every structure go all the way and come back equal.
//!
//! Works on all cores. Keys are made for the run and thrown away; nothing is sent.

use std::error::Error;
use std::num::NonZero;
use std::process::ExitCode;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, mpsc};
use std::thread;

use asiasilta::archive::keys::{OpensslCrypto, SigningIdentity};
use asiasilta::domain::code::Language;
use asiasilta::domain::document::header::DocumentGroup;
use asiasilta::domain::environment::Environment;
use asiasilta::domain::round_trip::{Returned, Signing, round_trip};
use asiasilta::domain::structure::{Extent, Registry, Structure};
use asiasilta::domain::validate::Checker;
use jiff::Timestamp;

/// The organisation and the professional of the examples.
const PRODUCER: &str = "1.2.246.10.99999992.10.0";
const REGISTRATION_NUMBER: &str = "90000000017";
/// Both examples of a structure: the full one in Swedish, so that both languages are shown.
const EXAMPLES: [(Extent, Language, &str); 2] =
    [(Extent::Minimal, Language::Fi, "minimal"), (Extent::Full, Language::Sv, "full")];

/// What became of both examples of one structure.
struct Outcome {
    index: usize,
    passed: [bool; 2],
    line: String,
}

struct Bench {
    checker: Checker,
    system: SigningIdentity,
    professional: SigningIdentity,
    now: Timestamp,
}

/// Tries every structure out. `broken` files that could not be loaded count as failed.
pub(super) fn run(registry: Registry, broken: usize) -> Result<ExitCode, Box<dyn Error>> {
    let structures: Vec<_> = registry.iter().cloned().collect();
    let bench = Bench {
        // Consents and denials (groups 8 and 9) go to another service; how their headers differ is not published, so their
        // content is tried out in the header of a client document.
        checker: Checker::new(Arc::new(registry), Environment::Test).assuming_group(DocumentGroup::ClientDocument),
        system: SigningIdentity::throw_away(PRODUCER)?,
        professional: SigningIdentity::throw_away(REGISTRATION_NUMBER)?,
        now: Timestamp::now(),
    };
    let outcomes = bench.all(&structures)?;
    let passed = |which: usize| outcomes.iter().filter(|o| o.passed.get(which) == Some(&true)).count();
    let (minimal, full, all) = (passed(0), passed(1), structures.len());
    let broken_files = if broken == 0 { String::new() } else { format!(", {broken} files cannot be used") };
    super::print(&format!("{minimal}/{all} minimal, {full}/{all} full{broken_files}\n"))?;
    let well = minimal == all && full == all && broken == 0 && all > 0;
    Ok(if well { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

impl Bench {
    /// Every outcome, each printed when it and those before it are known.
    fn all(&self, structures: &[Arc<Structure>]) -> Result<Vec<Outcome>, Box<dyn Error>> {
        let next = AtomicUsize::new(0);
        let workers = thread::available_parallelism().map_or(1, NonZero::get).min(structures.len());
        let (outcomes, arrived) = mpsc::channel();
        thread::scope(|scope| {
            for _ in 0..workers {
                let (outcomes, next) = (outcomes.clone(), &next);
                scope.spawn(move || {
                    while let Some((index, structure)) = {
                        let index = next.fetch_add(1, Ordering::Relaxed);
                        structures.get(index).map(|s| (index, s))
                    } {
                        // The receiver is gone only when printing failed; there is nobody to tell then.
                        if outcomes.send(self.one(index, structure)).is_err() {
                            return;
                        }
                    }
                });
            }
            drop(outcomes);
            let mut waiting: Vec<Option<Outcome>> = structures.iter().map(|_| None).collect();
            let mut printed = 0;
            for outcome in arrived {
                if let Some(place) = waiting.get_mut(outcome.index) {
                    *place = Some(outcome);
                }
                while let Some(Some(outcome)) = waiting.get(printed) {
                    super::print(&outcome.line)?;
                    printed += 1;
                }
            }
            Ok(waiting.into_iter().flatten().collect())
        })
    }

    fn one(&self, index: usize, structure: &Structure) -> Outcome {
        let results = EXAMPLES.map(|(extent, language, name)| (name, self.example(structure, extent, language)));
        let passed = [0, 1].map(|i| results.get(i).is_some_and(|(_, result)| result.is_ok()));
        let group = if structure.group().is_none() { ", group 5 assumed" } else { "" };
        let said = results.map(|(name, result)| match result {
            Ok(back) => {
                format!(
                    "{name} {} bytes, signed by {:?}, {} not checked",
                    back.document_bytes, back.signed_by, back.unchecked
                )
            }
            Err(why) => format!("{name} {why}"),
        });
        let word = if passed == [true, true] { "ok  " } else { "FAIL" };
        let name = structure.name(Language::Fi);
        Outcome { index, passed, line: format!("{word} {} {name}: {}{group}\n", structure.oid(), said.join("; ")) }
    }

    fn example(&self, structure: &Structure, extent: Extent, language: Language) -> Result<Returned, String> {
        let template = structure.template(extent, language).map_err(|error| error.to_string())?;
        let signing =
            Signing { system: &self.system, professional: &self.professional, crypto: &OpensslCrypto, now: self.now };
        round_trip(&self.checker, template.record(), signing).map_err(|fault| fault.to_string())
    }
}
