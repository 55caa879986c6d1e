//! The configuration file: TOML, every key known, every path relative to the file.
//!
//! Reads and checks; opens nothing that it names. Secrets are never in it: keys are named by file, tokens by their SHA-256.

mod api;
mod archive;
mod callers;
mod error;
mod parties;
mod store;
mod worker;

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use serde::Deserialize;

pub use api::{Limits, Listen};
pub use archive::ArchiveFiles;
pub use callers::{Operation, ServedOrganisation, Token};
pub use error::ConfigError;
use error::{between, wrong};
pub use parties::{AccessConfig, AgreementConfig, HandOverConfig, Joined, OrganiserConfig, PartyBook, PartyConfig};
pub use store::StoreFiles;
pub use worker::WorkerConfig;

use super::telemetry::LogFormat;
use crate::domain::document::display::IdentityCodes;
use crate::domain::environment::Environment;
use crate::domain::oid::Oid;

const FILE_BYTES_MAX: u64 = 1 << 20;

/// The whole file.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// Which world.
    pub environment: Environment,
    /// Name of this process in logs and in the use log; made up at each start when left out.
    #[serde(default)]
    pub instance: Option<String>,
    /// Where the local API listens.
    #[serde(default)]
    pub listen: Listen,
    /// Where submissions are kept.
    pub store: StoreFiles,
    /// The archive and the certificates that it knows us by.
    pub archive: ArchiveFiles,
    /// Producers served.
    pub organisations: Vec<ServedOrganisation>,
    /// Organisers, as far as it is stated how they stand to the archive.
    #[serde(default)]
    pub organisers: Vec<OrganiserConfig>,
    /// What the access right is decided by.
    #[serde(default)]
    pub access: AccessConfig,
    /// Callers.
    pub tokens: Vec<Token>,
    /// Bounds.
    #[serde(default)]
    pub limits: Limits,
    /// Pace of the worker.
    #[serde(default)]
    pub worker: WorkerConfig,
    /// Log lines.
    #[serde(default)]
    pub log: LogConfig,
    /// Readable forms.
    #[serde(default)]
    pub display: DisplayConfig,
}

/// How readable forms look.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct DisplayConfig {
    /// How identity codes are shown.
    pub identity_codes: IdentityCodes,
    /// Logos (PNG or passive SVG) of organisers, by their OID.
    pub logos: BTreeMap<Oid, PathBuf>,
}

/// Log lines.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct LogConfig {
    /// Text or JSON.
    pub format: LogFormat,
    /// Which lines: `info`, `warn,asiasilta=debug`.
    pub filter: String,
}

impl Default for LogConfig {
    fn default() -> Self {
        Self { format: LogFormat::Text, filter: "info".into() }
    }
}

impl Config {
    /// Reads a file; its relative paths come out relative to where it stands.
    ///
    /// # Errors
    /// [`ConfigError`], naming the key.
    pub fn read(path: &Path) -> Result<Self, ConfigError> {
        let io = |source| ConfigError::Io { path: path.to_owned(), source };
        if fs::metadata(path).map_err(io)?.len() > FILE_BYTES_MAX {
            return Err(io(io::Error::other("larger than 1 MiB")));
        }
        let text = fs::read_to_string(path).map_err(io)?;
        let parse = |error: toml::de::Error| ConfigError::Parse { path: path.to_owned(), text: error.to_string() };
        let mut config: Self = toml::from_str(&text).map_err(parse)?;
        config.place_below(path.parent().unwrap_or(Path::new("")));
        config.check()?;
        Ok(config)
    }

    /// Refuses production while the wire profile has placeholders that the operator has not set.
    ///
    /// # Errors
    /// [`ConfigError::Placeholders`].
    pub fn check_placeholders(&self, placeholders: &[String]) -> Result<(), ConfigError> {
        if self.environment == Environment::Production && !placeholders.is_empty() {
            return Err(ConfigError::Placeholders { keys: placeholders.to_vec() });
        }
        Ok(())
    }

    fn place_below(&mut self, folder: &Path) {
        let archive = &mut self.archive;
        let required = [
            &mut self.store.path,
            &mut archive.trust_anchors,
            &mut archive.transport_certificate,
            &mut archive.transport_key,
            &mut archive.signing_certificate,
            &mut archive.signing_key,
            &mut archive.signature_trust_anchors,
        ];
        let ways = self.organisers.iter_mut().filter_map(|organiser| organiser.hand_over.as_mut());
        let access = self.access.profile.iter_mut().chain(ways.map(|way| &mut way.recipients));
        let optional = archive.profile.iter_mut().chain(&mut archive.structures).chain(self.display.logos.values_mut());
        for path in required.into_iter().chain(optional).chain(&mut self.store.key_file).chain(access) {
            *path = folder.join(&*path);
        }
    }

    fn check(&self) -> Result<(), ConfigError> {
        self.listen.check()?;
        if self.organisations.is_empty() {
            return Err(wrong("organisations", "empty, expected at least one [[organisations]]"));
        }
        between("worker.parallel_max", self.worker.parallel_max.unwrap_or(1), 1, 256)?;
        let of_one = self.worker.parallel_per_organisation_max.unwrap_or(1);
        between("worker.parallel_per_organisation_max", of_one, 1, 256)?;
        self.limits.check()?;
        self.store.check()?;
        self.check_pace()?;
        self.check_parties()?;
        self.check_tokens()
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
pub(crate) mod tests {
    use super::*;

    /// A complete file with two callers of one producer and one of another.
    pub(crate) fn complete() -> String {
        let token = |name: &str, secret: &str, organisation: &str, operations: &str| {
            let digest = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, secret.as_bytes());
            let sha256 = super::super::vault::to_hex(digest.as_ref());
            format!(
                "[[tokens]]\nname = \"{name}\"\nsha256 = \"{sha256}\"\norganisation = \"{organisation}.10.0\"\n\
                 units = [\"{organisation}.10.1\"]\noperations = {operations}\n"
            )
        };
        let (one, two) = ("1.2.246.10.99999992", "1.2.246.10.99999993");
        let all = r#"["submit", "read", "search", "withdraw", "invalidate", "operate"]"#;
        format!(
            "environment = \"test\"\n\
             [listen]\naddress = \"127.0.0.1:0\"\n\
             [store]\npath = \"s.db\"\nkey_file = \"store.key\"\n\
             [archive]\nurl = \"https://localhost:1/medical-records\"\ntrust_anchors = \"ca.pem\"\n\
             transport_certificate = \"t.pem\"\ntransport_key = \"t.key\"\n\
             signing_certificate = \"/etc/s.pem\"\nsigning_key = \"s.key\"\nsignature_trust_anchors = \"ca.pem\"\n\
             [[organisations]]\noid = \"{one}.10.0\"\ndocument_node = \"{one}\"\n\
             [[organisations]]\noid = \"{two}.10.0\"\ndocument_node = \"{two}\"\n{}{}{}",
            token("all", "token-of-all", one, all),
            token("reader", "token-of-reader", one, r#"["read"]"#),
            token("other", "token-of-other", two, all),
        )
    }

    pub(super) fn read(text: &str) -> Result<Config, ConfigError> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("c.toml");
        fs::write(&path, text).unwrap();
        Config::read(&path).inspect(|config| assert_eq!(config.store.path, folder.path().join("s.db")))
    }

    #[test]
    fn paths_are_relative_to_the_file() {
        let config = read(&complete()).unwrap();
        assert_eq!(config.archive.signing_certificate, Path::new("/etc/s.pem"));
        assert!(config.archive.profile.is_none());
    }

    #[test]
    fn structures_are_one_folder_or_several_and_logos_belong_to_organisers() {
        let with = |structures: &str| {
            let text = complete().replacen("[archive]\n", &format!("[archive]\nstructures = {structures}\n"), 1);
            text + "[display]\nidentity_codes = \"whole\"\n[display.logos]\n\"1.2.246.10.99999991.10.0\" = \"/l.svg\"\n"
        };
        let config = read(&with("\"/a\"")).unwrap();
        assert_eq!(config.archive.structures, [Path::new("/a")]);
        assert_eq!(config.display.identity_codes, IdentityCodes::Whole);
        assert_eq!(config.display.logos.values().collect::<Vec<_>>(), [Path::new("/l.svg")]);
        assert_eq!(read(&with("[\"/a\", \"/b\"]")).unwrap().archive.structures, [Path::new("/a"), Path::new("/b")]);
        let error = read(&with("7")).unwrap_err().to_string();
        assert!(error.contains("a folder, or a list of folders"), "{error}");
    }

    #[test]
    fn what_is_wrong_is_named_by_its_key() {
        let good = complete();
        for (from, to, expected) in [
            ("environment = \"test\"", "environment = \"prod\"", "production"),
            ("[store]\npath", "[store]\npaht", "paht"),
            ("127.0.0.1:0", "0.0.0.0:0", "listen.address"),
            ("[[organisations]]", "[worker]\nparallel_max = 0\n[[organisations]]", "worker.parallel_max"),
            ("[[organisations]]", "[worker]\nrecheck_every_s = 0\n[[organisations]]", "worker.recheck_every_s"),
            ("name = \"reader\"", "name = \"all\"", "tokens[1].name"),
            ("sha256 = \"", "sha256 = \"x", "tokens[0].sha256"),
            ("organisation = \"1.2.246.10.99999993.10.0\"", "organisation = \"1.2.3\"", "tokens[2].organisation"),
            ("oid = \"1.2.246", "oid = \"1.02.246", "OID"),
            ("key_file = \"store.key\"\n", "", "key_file"),
        ] {
            let text = good.replacen(from, to, 1);
            assert_ne!(text, good, "{from}");
            let error = read(&text).unwrap_err().to_string();
            assert!(error.contains(expected), "{expected}: {error}");
        }
    }

    #[test]
    fn beyond_loopback_needs_its_explicit_name() {
        let text = complete().replace("127.0.0.1:0\"", "0.0.0.0:0\"\ndangerous_listen_beyond_loopback = true");
        assert!(!read(&text).unwrap().listen.address.ip().is_loopback());
    }

    #[test]
    fn production_refuses_placeholders_and_test_does_not() {
        let placeholders = ["service_request.fetch_case".to_owned()];
        let config = read(&complete()).unwrap();
        config.check_placeholders(&placeholders).unwrap();
        let config = read(&complete().replace("\"test\"", "\"production\"")).unwrap();
        config.check_placeholders(&[]).unwrap();
        let error = config.check_placeholders(&placeholders).unwrap_err();
        assert!(error.to_string().contains("service_request.fetch_case"));
    }
}
