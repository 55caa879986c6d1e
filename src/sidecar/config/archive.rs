//! `[archive]`: the archive's address and the files for it. None of them is opened here.

use std::fmt;
use std::path::PathBuf;

use serde::de::{SeqAccess, Visitor};
use serde::{Deserialize, Deserializer};

/// The archive's address and the files for it, all PEM.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ArchiveFiles {
    /// Where the archive answers.
    pub url: String,
    /// Wire profile; the default one when left out.
    #[serde(default)]
    pub profile: Option<PathBuf>,
    /// Roots that the archive's server certificate is checked by.
    pub trust_anchors: PathBuf,
    /// Certificate that we are known by on the line.
    pub transport_certificate: PathBuf,
    /// Its key.
    pub transport_key: PathBuf,
    /// Certificate that documents are signed with.
    pub signing_certificate: PathBuf,
    /// Its key.
    pub signing_key: PathBuf,
    /// Roots that other parties' signatures are checked by.
    pub signature_trust_anchors: PathBuf,
    /// Folders of document structures, one or a list; the reduced ones of this program when left out.
    #[serde(default, deserialize_with = "one_or_several")]
    pub structures: Vec<PathBuf>,
}

fn one_or_several<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<PathBuf>, D::Error> {
    struct Paths;

    impl<'de> Visitor<'de> for Paths {
        type Value = Vec<PathBuf>;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("a folder, or a list of folders")
        }

        fn visit_str<E>(self, one: &str) -> Result<Self::Value, E> {
            Ok(vec![one.into()])
        }

        fn visit_seq<A: SeqAccess<'de>>(self, mut access: A) -> Result<Self::Value, A::Error> {
            let mut all = Vec::new();
            while let Some(path) = access.next_element()? {
                all.push(path);
            }
            Ok(all)
        }
    }

    deserializer.deserialize_any(Paths)
}
