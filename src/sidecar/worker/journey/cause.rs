//! Why a submission waits or was stopped on its way, in words.

use crate::domain::submission::{Cause, REFUSED_AS_DUPLICATE};
use crate::domain::text::Text;

pub(super) fn unreadable() -> Cause {
    let text = Text::fixed(
        "tätä ohjelmaversiota vanhempi tietue ei ole enää luettavissa",
        "en post som är äldre än den här programversionen kan inte längre läsas",
        "a record older than this version of the program can no longer be read",
    );
    Cause::new("record.unreadable", text)
}

pub(super) fn no_client() -> Cause {
    let text = Text::fixed(
        "asiakkaalla ei ole tunnusta, jolla hakea",
        "klienten har ingen kod att söka med",
        "the client has no id to ask by",
    );
    Cause::new("record.no_client", text)
}

pub(super) fn predecessor_never_arrived() -> Cause {
    let text = Text::fixed(
        "korvattava asiakirja ei päätynyt arkistoon: päästä tämä sen paikalle tai luovu tästä",
        "handlingen som ska ersättas kom inte till arkivet: släpp denna på dess plats eller ge upp den",
        "the document that it replaces did not reach the archive: release this one in its place, or give it up",
    );
    Cause::new("version.predecessor_not_archived", text)
}

pub(super) fn predecessor_differs() -> Cause {
    let text = Text::fixed(
        "korvattavan asiakirjan alkuperäistunnus, versio, yksikkö tai asiakas on toinen kuin tietueessa",
        "handlingen som ska ersättas har en annan ursprungskod, version, enhet eller klient än posten",
        "the document that it replaces has another set, version, unit or client than the record says",
    );
    Cause::new("version.predecessor_differs", text)
}

pub(super) fn duplicate() -> Cause {
    let text = Text::fixed(
        "arkisto sanoo, että sillä on jo asiakirja tällä tunnuksella; asia tarkistetaan",
        "arkivet säger att det redan har en handling med denna kod; saken kontrolleras",
        "the archive says that it has a document with this id already; this is being looked into",
    );
    Cause::new(REFUSED_AS_DUPLICATE, text)
}

pub(super) fn duplicate_of_another() -> Cause {
    let text = Text::fixed(
        "arkisto torjui asiakirjan, koska toisella asiakirjalla on sama tunnus, eikä arkistosta löydy tätä asiakirjaa",
        "arkivet avvisade handlingen eftersom en annan handling har samma kod, och denna handling finns inte i arkivet",
        "the archive refused the document because another one has its id, and does not have this one",
    );
    Cause::new("archive.id_taken", text)
}

pub(super) fn duplicate_invalidation() -> Cause {
    let text = Text::fixed(
        "arkisto torjui mitätöinnin, koska sillä on jo tämä tunnus; tarkistetaan, onko asiakirja mitätöity",
        "arkivet avvisade ogiltigförklaringen eftersom det redan har koden; det kontrolleras om handlingen är ogiltig",
        "the archive refused the invalidation because it has the id already; whether the document is invalid is looked into",
    );
    Cause::new(REFUSED_AS_DUPLICATE, text)
}

pub(super) fn invalidation_unproven() -> Cause {
    let text = Text::fixed(
        "arkisto torjui mitätöinnin, koska sillä on jo tämä tunnus, eikä mikään osoita, että asiakirja on mitätöity",
        "arkivet avvisade ogiltigförklaringen eftersom det redan har koden, och inget visar att handlingen är ogiltig",
        "the archive refused the invalidation because it has the id already, and nothing shows that the document is invalid",
    );
    Cause::new("archive.invalidation_unproven", text)
}

pub(super) fn other_bytes() -> Cause {
    let text = Text::fixed(
        "arkistossa on tällä tunnuksella toinen asiakirja kuin se, joka lähetettiin: asia on selvitettävä",
        "arkivet har en annan handling med denna kod än den som sändes: saken måste utredas",
        "the archive has another document under this id than the one that was sent: this must be looked into",
    );
    Cause::new("archive.other_bytes", text)
}

pub(super) fn pipeline_failed() -> Cause {
    let text = Text::fixed(
        "asiakirjan muodostaminen kaatui: ohjelmavirhe",
        "handlingen kunde inte byggas: programfel",
        "building the document failed: a fault in this program",
    );
    Cause::new("pipeline.failed", text)
}

pub(super) fn asked_later() -> Cause {
    let text = Text::fixed(
        "palvelu käynnistyi tai kello siirtyi: arkistolta kysytään, kun lähetetty on varmasti ehtinyt perille",
        "tjänsten startade eller klockan ställdes fram: arkivet tillfrågas när det sända säkert har hunnit fram",
        "the service was started or the clock set ahead: the archive is asked once what was sent has surely had its time",
    );
    Cause::new("archive.asked_later", text)
}

/// A fault of the program's own, or of the store's, on the way of one submission.
pub(in crate::sidecar::worker) fn broke_off() -> Cause {
    let text = Text::fixed(
        "käsittely keskeytyi ohjelman tai tallennuspaikan vikaan; lokissa on virhe",
        "behandlingen avbröts av ett fel i programmet eller lagret; felet finns i loggen",
        "the work on it broke off by a fault of the program or of the store; the log has the error",
    );
    Cause::new("worker.failed", text)
}
