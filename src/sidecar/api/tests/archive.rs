//! The archive of these tests: a mood for all its answers, and documents 1.2.9 and on.

use super::*;
use crate::archive::client::Cursor;
use crate::domain::decision::{Outcome as DecisionOutcome, Validity};
use crate::domain::find_case::{Decides, KnownCase, KnownDecision, Standing};
use crate::domain::relationship::{Grant, Relationship};
use crate::domain::wire::answer::EntryStatus;
use crate::sidecar::ports::{Inside, Opened, Page, PageWanted, Subject, Wanted};

/// What the archive has to say.
#[derive(Clone, Copy, PartialEq)]
pub(super) enum Mood {
    Granting,
    /// And the client has two cases.
    GrantingTwoCases,
    Silent,
    Down,
    Refusing,
}

pub(super) struct FakeArchive(pub(super) Arc<Mutex<Mood>>);

impl FakeArchive {
    async fn mood(&self) -> Result<Mood, ArchiveFault> {
        let mood = *self.0.lock().unwrap();
        let why = Cause::new("test.down", Text::same("x"));
        match mood {
            Mood::Down => Err(ArchiveFault::Passing { retry_after: Some(Duration::from_secs(7)), why }),
            Mood::Refusing => Err(ArchiveFault::Lasting { why }),
            Mood::Silent => std::future::pending().await,
            Mood::Granting | Mood::GrantingTwoCases => Ok(mood),
        }
    }
}

impl Archive for FakeArchive {
    async fn relationship(&self, asker: &Asker) -> Result<Option<Evidence>, ArchiveFault> {
        self.mood().await?;
        let grant = Grant {
            row: "/0".into(),
            unit: oid("1.2.246.10.99999992.10.1"),
            service_task: "TEST-IAKKAAT".into(),
            below: None,
            start: "2026-01-01".parse().unwrap(),
            end: None,
        };
        let of_another = Grant { unit: oid("1.2.246.10.99999993.10.1"), row: "/1".into(), ..grant.clone() };
        // Another client's relationship document names nobody.
        let known = asker.client.reveal() == PERSONAL[0];
        Ok(known.then(|| Evidence {
            document: DocumentIds { document: oid("1.2.7"), set: oid("1.2.7"), version: 1 },
            organiser: asker.organiser.oid.clone(),
            relationship: Relationship {
                safety_ban: Some(true),
                grants: vec![grant, of_another],
                ..Relationship::default()
            },
            fetched_at: StillClock::NOW,
        }))
    }

    async fn cases(&self, _: &Asker, _: &Authority, _: &CasesWanted) -> Result<Vec<KnownCase>, ArchiveFault> {
        let names = if self.mood().await? == Mood::GrantingTwoCases { vec![CASE, "1.2.6"] } else { vec![CASE] };
        let known = |name: &str| KnownCase {
            case: oid(name),
            service_task: Some("TEST-IAKKAAT".into()),
            opened: None,
            standing: Standing::Open,
        };
        Ok(names.into_iter().map(known).collect())
    }

    async fn decisions(&self, _: &Asker, _: &Authority, _: Contents) -> Result<Vec<KnownDecision>, ArchiveFault> {
        self.mood().await?;
        let known = |name: &str, case| KnownDecision {
            document: oid(name),
            set: oid(name),
            case: Some(oid(case)),
            decides: Decides::Service {
                service: Some("46".into()),
                validity: Validity::default(),
                outcome: DecisionOutcome::Granted,
            },
        };
        Ok(vec![known("1.2.9", CASE)])
    }

    async fn search(&self, _: &Asker, _: &Authority, wanted: &Wanted, page: &PageWanted) -> Result<Page, ArchiveFault> {
        self.mood().await?;
        Ok(listed_page(wanted, page))
    }

    async fn document(&self, _: &Asker, _: &Authority, document: &Oid) -> Result<Option<Listed>, ArchiveFault> {
        self.mood().await?;
        Ok((document.as_str() == "1.2.9").then(|| listed("1.2.9", Contents::Fetch, json!({ "k": 1 }))))
    }

    async fn presence(&self, _: &Asker, _: &Ground, _: &Oid) -> Result<Presence, ArchiveFault> {
        self.mood().await.map(|_| Presence::Absent)
    }

    async fn entry(&self, _: &Asker, document: &Oid) -> Result<Option<Entry>, ArchiveFault> {
        self.mood().await?;
        Ok(Some(invalidations::entry(document)))
    }

    async fn send(&self, _: &Outbound) -> Outcome {
        Outcome::Archived(Vec::new())
    }
}

/// Documents 1.2.9 and on, three in all: a page of them.
fn listed_page(wanted: &Wanted, page: &PageWanted) -> Page {
    let from: u32 = page.cursor.as_ref().map_or(0, |cursor| cursor.as_str().parse().unwrap());
    let to = from.saturating_add(page.size).min(3);
    let content = match wanted.subject {
        Subject::Cases => json!({ "asia_asiakirja": { "asian_tiedot": { "avauspaiva": "2026-01-12" } } }),
        Subject::Decisions => json!({ "paatos": { "paatos": { "paatospaivamaara": "2026-01-14" } } }),
        Subject::Documents(_) => json!({ "k": 1 }),
    };
    let documents = (from..to).map(|n| listed(&format!("1.2.{}", n + 9), wanted.contents, content.clone())).collect();
    Page { documents, next: (to < 3).then(|| Cursor::kept(to.to_string())) }
}

pub(super) fn listed(document: &str, contents: Contents, content: Value) -> Listed {
    let about = Entry {
        ids: DocumentIds { document: oid(document), set: oid(document), version: 1 },
        drawn_up: None,
        clients: Vec::new(),
        custodian: oid("1.2.246.10.99999991.10.0"),
        case: Some(oid(CASE)),
        specific_type: None,
        group: None,
        service_task: None,
        service_process: None,
        status: EntryStatus::Completed,
        stored: Some("2026-01-15T12:00:00+02:00".parse().unwrap()),
        unit: None,
        structure: Some(oid("1.2.246.537.6.1506.11000.2023.9.8")),
        organiser: None,
    };
    let inside = match contents {
        Contents::Omit => Inside::NotAsked,
        Contents::Fetch => {
            let xml = b"<x/>".to_vec();
            let display = Some("<p/>".to_owned());
            Inside::Opened(Box::new(Opened { content, display, xml, unit: None, author: None, signatures: Vec::new() }))
        }
    };
    Listed { about, inside }
}
