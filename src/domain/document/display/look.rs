//! What an operator chooses of the readable form: a logo, and whether identity codes are shown whole.
//!
//! Fetches no file: bytes are an argument.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde::Deserialize;

use crate::domain::xml::{Element, Limits, XmlError, parse};

/// The largest logo taken, in bytes: it stands in every document.
pub const LOGO_BYTES_MAX: usize = 32 << 10;

const PNG_SIGNATURE: &[u8] = b"\x89PNG\r\n\x1a\n";
const SVG: &str = "http://www.w3.org/2000/svg";

/// How display forms look; the default has no logo and identity codes without their last part.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Look {
    /// How identity codes are shown.
    pub identity_codes: IdentityCodes,
    /// The organiser's logo.
    pub logo: Option<Logo>,
}

/// How identity codes are shown.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum IdentityCodes {
    /// The birth date alone: `010190*****`.
    #[default]
    Masked,
    /// Whole.
    Whole,
}

/// A picture that is safe to put into a document: PNG, or SVG that holds neither scripts nor references.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Logo {
    data_uri: String,
}

/// Why a picture is not taken as a logo. The operator mends it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum LogoFault {
    /// Longer than [`LOGO_BYTES_MAX`].
    #[error("{0} bytes are more than {LOGO_BYTES_MAX}")]
    TooLarge(usize),
    /// Neither PNG nor XML that is read.
    #[error("neither PNG nor SVG: {0}")]
    Unreadable(XmlError),
    /// XML, but not SVG.
    #[error("the document element is not svg")]
    NotSvg,
    /// SVG that could run or fetch something.
    #[error("the picture has {0}, which a document must not carry")]
    Active(String),
}

impl Logo {
    /// Takes a picture's bytes.
    ///
    /// # Errors
    /// A [`LogoFault`].
    pub fn try_new(bytes: &[u8]) -> Result<Self, LogoFault> {
        if bytes.len() > LOGO_BYTES_MAX {
            return Err(LogoFault::TooLarge(bytes.len()));
        }
        let media = if bytes.starts_with(PNG_SIGNATURE) {
            "image/png"
        } else {
            let tree = parse(bytes, Limits::DOCUMENT).map_err(LogoFault::Unreadable)?;
            if !tree.root.is(SVG, "svg") {
                return Err(LogoFault::NotSvg);
            }
            tree.root.descendants().try_for_each(passive)?;
            "image/svg+xml"
        };
        Ok(Self { data_uri: format!("data:{media};base64,{}", STANDARD.encode(bytes)) })
    }

    /// The picture as a `data:` URI.
    pub fn data_uri(&self) -> &str {
        &self.data_uri
    }
}

fn passive(element: &Element) -> Result<(), LogoFault> {
    let name = element.name.as_str();
    if matches!(name, "script" | "style" | "foreignObject" | "image" | "use" | "a" | "animate" | "set") {
        return Err(LogoFault::Active(name.to_owned()));
    }
    let active = |name: &str, value: &str| name.starts_with("on") || name == "href" || value.contains("url(");
    match element.attributes.iter().find(|a| active(&a.name, &a.value) && !a.value.contains("url(#")) {
        Some(attribute) => Err(LogoFault::Active(attribute.name.to_string())),
        None => Ok(()),
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    #[test]
    fn a_logo_is_a_png_or_a_passive_svg_within_the_limit() {
        let png = [PNG_SIGNATURE, b"rest"].concat();
        assert!(Logo::try_new(&png).unwrap().data_uri().starts_with("data:image/png;base64,iVBORw0KGg"));
        let svg =
            |inside: &str| format!("<svg xmlns=\"{SVG}\" xmlns:x=\"http://www.w3.org/1999/xlink\">{inside}</svg>");
        assert!(Logo::try_new(svg("<path d=\"M0 0\" fill=\"url(#g)\"/>").as_bytes()).is_ok());
        for (inside, name) in [
            ("<script/>", "script"),
            ("<g onload=\"x()\"/>", "onload"),
            ("<g x:href=\"http://example.invalid/\"/>", "href"),
            ("<g fill=\"url(http://example.invalid/)\"/>", "fill"),
            ("<foreignObject/>", "foreignObject"),
        ] {
            assert_eq!(Logo::try_new(svg(inside).as_bytes()), Err(LogoFault::Active(name.into())));
        }
        assert_eq!(Logo::try_new(b"<html/>"), Err(LogoFault::NotSvg));
        assert!(matches!(Logo::try_new(b"GIF89a"), Err(LogoFault::Unreadable(_))));
        assert_eq!(Logo::try_new(&vec![b' '; LOGO_BYTES_MAX + 1]), Err(LogoFault::TooLarge(LOGO_BYTES_MAX + 1)));
    }
}
