//! Why an input is nothing that is read, as a finding in the reader's language.

use asiasilta::domain::finding::{Finding, Rule};
use asiasilta::domain::source::Lines;
use asiasilta::domain::text::Text;
use asiasilta::domain::xml::{Misread, XmlError};

use super::input::Unreadable;

/// What such an input is called.
pub(super) const KIND: Text = Text::fixed("tuntematon", "okänd", "unknown");

const WHOLE: Text = Text::fixed(
    "asiakirja, jonka näyttömuoto ja sisältö ovat mukana ja purettavissa (ks. validate)",
    "en handling vars visningsform och innehåll är med och går att avkoda (se validate)",
    "a document whose display form and content are there and can be decoded (see validate)",
);

impl Unreadable {
    /// The finding, with its place in these bytes; `command` is the one that could not read them.
    pub(super) fn finding(&self, bytes: &[u8], command: &str) -> Finding {
        let expected = Text::fixed(
            "asiakastietue (JSON), asiakirja (XML), siirtokehys tai sanoma",
            "en klientpost (JSON), en handling (XML), en överföringsram eller ett meddelande",
            "a local record (JSON), an archive document (XML), a frame or a message",
        );
        let (code, found, expected, at) = match self {
            Self::Xml(Misread { error, at }) => (xml_code(error), xml_words(error), expected, Some(*at)),
            Self::Other(found) => ("input.unknown", found.clone(), expected, None),
            Self::Lacks(found) => ("input.nothing_to_show", found.clone(), WHOLE, None),
        };
        let mut finding = Finding::error(code, "", found, expected, Rule::new("asiasilta", command));
        if let Some(at) = at {
            let position = Lines::of_bytes(bytes).position(at);
            (finding.place.line, finding.place.column) = (Some(position.line), Some(position.column));
        }
        finding
    }
}

fn xml_code(error: &XmlError) -> &'static str {
    match error {
        XmlError::Malformed { .. } => "xml.malformed",
        XmlError::NotUtf8 => "xml.not_utf8",
        XmlError::Doctype => "xml.doctype",
        XmlError::Entity => "xml.entity",
        XmlError::Character => "xml.character",
        XmlError::TooMuch { .. } => "xml.too_much",
        XmlError::UnboundPrefix => "xml.unbound_prefix",
    }
}

/// What is wrong in the reader's language; the parser's own words and nouns of limits are English.
fn xml_words(error: &XmlError) -> Text {
    let en = error.to_string();
    match error {
        XmlError::Malformed { what, .. } => Text::made(
            format!("XML, joka ei ole hyvin muodostettua ({what})"),
            format!("XML som inte är välformad ({what})"),
            en,
        ),
        XmlError::NotUtf8 => Text::made("tekstiä, joka ei ole UTF-8-merkistöä", "text som inte är UTF-8", en),
        XmlError::Doctype => Text::made("DOCTYPE, jota ei oteta vastaan", "en DOCTYPE, som inte tas emot", en),
        XmlError::Entity => Text::made(
            "muu entiteettiviittaus kuin XML:n omat viisi, eikä sellaista oteta vastaan",
            "en annan entitetsreferens än XML:s egna fem, vilket inte tas emot",
            en,
        ),
        XmlError::Character => Text::made("merkki, jota XML ei salli", "ett tecken som XML inte tillåter", en),
        XmlError::TooMuch { what, limit } => {
            Text::made(format!("yli {limit} ({what})"), format!("över {limit} ({what})"), en)
        }
        XmlError::UnboundPrefix => {
            Text::made("nimiavaruuden etuliite ilman määrittelyä", "ett namnrymdsprefix utan deklaration", en)
        }
    }
}
