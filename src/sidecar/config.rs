//! The configuration file: TOML, every key known, every path relative to the file.
//!
//! Reads and checks; opens nothing that it names. Secrets are never in it: keys are named by file, tokens by their SHA-256.

mod parties;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::{self, Display};
use std::fs;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::de::{SeqAccess, Visitor};
use serde::{Deserialize, Deserializer};

pub use parties::{AccessConfig, AgreementConfig, HandOverConfig, Joined, OrganiserConfig, PartyBook, PartyConfig};

use super::retention::KeptFor;
use super::store::StoreLimits;
use super::telemetry::LogFormat;
use super::vault::{KeyFileError, StoreKey, parse_hex};
use super::worker::WorkerSettings;
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

/// Where the local API listens.
#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Listen {
    /// Address and port; port 0 takes a free one.
    pub address: SocketAddr,
    /// Allows an address that others than this machine can reach. The API has no TLS of its own.
    pub dangerous_listen_beyond_loopback: bool,
}

impl Default for Listen {
    fn default() -> Self {
        Self { address: SocketAddr::new(IpAddr::from([127, 0, 0, 1]), 8640), dangerous_listen_beyond_loopback: false }
    }
}

/// Files of the store.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StoreFiles {
    /// The database.
    pub path: PathBuf,
    /// 64 hexadecimal digits in a file that only its owner reads; this or `key_command`.
    #[serde(default)]
    pub key_file: Option<PathBuf>,
    /// A program and its arguments that print the key; run without a shell.
    #[serde(default)]
    pub key_command: Option<Vec<String>>,
    /// Submissions that may wait; more get 503.
    #[serde(default = "open_rows_max")]
    pub open_rows_max: u64,
    /// Bytes of their bodies that may wait; more get 503.
    #[serde(default = "open_bytes_max")]
    pub open_bytes_max: u64,
    /// Bytes that stay free on the disk, for carrying on what was accepted; below, submissions get 503.
    #[serde(default = "free_disk_bytes_min")]
    pub free_disk_bytes_min: u64,
    /// How long records and envelopes of settled submissions are kept, in days.
    #[serde(default = "bodies_kept_days")]
    pub bodies_kept_days: u64,
    /// How long settled submissions themselves are kept, with the digests of their keys, in days; at least as long as their bodies.
    #[serde(default = "settled_kept_days")]
    pub settled_kept_days: u64,
    /// How long they are kept of what was handed over another way, from the organiser's receipt on, in days; at least
    /// `bodies_kept_days`. As long as they are, it can be taken back and archived.
    #[serde(default = "handed_over_kept_days")]
    pub handed_over_kept_days: u64,
    /// How long the use log is kept, in days, at least as long as what it tells of; for ever when left out. How long the law wants is
    /// the organisation's to know.
    #[serde(default)]
    pub use_log_kept_days: Option<u64>,
}

fn open_rows_max() -> u64 {
    StoreLimits::default().open_rows_max
}

fn open_bytes_max() -> u64 {
    StoreLimits::default().open_bytes_max
}

fn free_disk_bytes_min() -> u64 {
    StoreLimits::default().free_disk_bytes_min
}

fn bodies_kept_days() -> u64 {
    30
}

fn settled_kept_days() -> u64 {
    400
}

/// Ten years: joining an archive takes long.
fn handed_over_kept_days() -> u64 {
    3652
}

impl StoreFiles {
    /// The key, from where the configuration says.
    ///
    /// # Errors
    /// [`KeyFileError`].
    pub fn key(&self) -> Result<StoreKey, KeyFileError> {
        match (&self.key_file, &self.key_command) {
            (Some(path), None) => StoreKey::read_file(path),
            (None, Some(command)) => StoreKey::read_command(command),
            // Refused when the configuration was read.
            _ => Err(KeyFileError::NotNamed),
        }
    }

    /// How much the store takes.
    pub fn limits(&self) -> StoreLimits {
        StoreLimits {
            open_rows_max: self.open_rows_max,
            open_bytes_max: self.open_bytes_max,
            free_disk_bytes_min: self.free_disk_bytes_min,
        }
    }

    /// How long settled submissions and their bodies are kept.
    pub fn kept_for(&self) -> KeptFor {
        let days = |days: u64| Duration::from_secs(days.saturating_mul(86_400));
        KeptFor {
            bodies: days(self.bodies_kept_days),
            confirmed: days(self.handed_over_kept_days.max(self.bodies_kept_days)),
            settled: days(self.settled_kept_days),
            uses: self.use_log_kept_days.map(days),
        }
    }
}

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

/// How readable forms look.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct DisplayConfig {
    /// How identity codes are shown.
    pub identity_codes: IdentityCodes,
    /// Logos (PNG or passive SVG) of organisers, by their OID.
    pub logos: BTreeMap<Oid, PathBuf>,
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

/// A producer.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ServedOrganisation {
    /// Its OID in the SOTE organisation register.
    pub oid: Oid,
    /// The node that its document ids stand below: `1.2.246.10.<business id>`.
    pub document_node: Oid,
    /// How it stands to the archive.
    #[serde(default)]
    pub party: PartyConfig,
}

/// What a caller may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Operation {
    /// Submit and validate records.
    Submit,
    /// Follow submissions.
    Read,
    /// Search the organiser's register.
    Search,
    /// Take a submission back while nothing has left.
    Withdraw,
    /// Invalidate documents.
    Invalidate,
    /// Look at the outbox as its operator, let parked submissions go on, give submissions up.
    Operate,
}

/// A caller.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Token {
    /// Name in the use log.
    pub name: String,
    /// SHA-256 of the bearer token, 64 hexadecimal digits. The token must be random, at least 128 bits.
    pub sha256: String,
    /// The producer that it belongs to.
    pub organisation: Oid,
    /// The units that it speaks for.
    pub units: Vec<Oid>,
    /// What it may do.
    pub operations: Vec<Operation>,
}

/// Bounds of the local API.
#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Limits {
    /// Largest request body.
    pub body_bytes_max: usize,
    /// Room for the bodies of all requests together; a request that does not fit gets 503.
    pub bodies_bytes_max: usize,
    /// Bytes of fetched documents in one answer of a search.
    pub answer_content_bytes_max: usize,
    /// Longest time a request may take, in seconds.
    pub request_timeout_s: u64,
    /// Requests served at the same time; more get 503.
    pub concurrent_requests_max: usize,
    /// Longest time that stopping may take, in seconds.
    pub drain_timeout_s: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            body_bytes_max: 10 << 20,
            bodies_bytes_max: 64 << 20,
            answer_content_bytes_max: 16 << 20,
            request_timeout_s: 30,
            concurrent_requests_max: 128,
            drain_timeout_s: 60,
        }
    }
}

/// Pace of the worker; defaults are those of [`WorkerSettings`].
#[derive(Debug, Clone, Copy, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct WorkerConfig {
    /// Exchanges with the archive at the same time, 1 to 256.
    pub parallel_max: Option<usize>,
    /// Of these, one organisation's at most, from 1; all of them when left out.
    pub parallel_per_organisation_max: Option<usize>,
    /// How long after a send without an answer the archive is asked, in seconds.
    pub reconcile_after_s: Option<u64>,
    /// First delay after a passing failure, in milliseconds.
    pub retry_delay_min_ms: Option<u64>,
    /// Longest delay after a passing failure, in seconds.
    pub retry_delay_max_s: Option<u64>,
    /// How often a held submission is decided again, in seconds.
    pub recheck_every_s: Option<u64>,
    /// How long one is held for a reason without a known end, in seconds.
    pub held_age_max_s: Option<u64>,
    /// How long a relationship document serves for decisions, in seconds.
    pub evidence_age_max_s: Option<u64>,
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

/// Why a configuration is no good. All for the operator.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// The file cannot be read.
    #[error("configuration {path}")]
    Io {
        /// Which.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// Not TOML, an unknown key, or a value of the wrong kind.
    #[error("configuration {path}: {text}")]
    Parse {
        /// Which.
        path: PathBuf,
        /// Where and why.
        text: String,
    },
    /// A value that cannot be.
    #[error("configuration key {key}: {text}")]
    Value {
        /// The key, dotted.
        key: String,
        /// What is wrong and what is expected.
        text: String,
    },
    /// The wire profile is not complete enough for real clients.
    #[error("environment = \"production\" needs these values of the wire profile set, they are placeholders: {}", keys.join(", "))]
    Placeholders {
        /// Their names.
        keys: Vec<String>,
    },
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

    /// The worker's pace.
    pub fn worker_settings(&self) -> WorkerSettings {
        let (w, d) = (&self.worker, WorkerSettings::default());
        let seconds = |set: Option<u64>, default| set.map_or(default, Duration::from_secs);
        let retry_delay_min = w.retry_delay_min_ms.map_or(d.retry_delay_min, Duration::from_millis);
        WorkerSettings {
            parallel_max: w.parallel_max.unwrap_or(d.parallel_max),
            parallel_per_organisation_max: w.parallel_per_organisation_max.or(w.parallel_max).unwrap_or(d.parallel_max),
            reconcile_after: seconds(w.reconcile_after_s, d.reconcile_after),
            retry_delay_min,
            retry_delay_max: seconds(w.retry_delay_max_s, d.retry_delay_max),
            recheck_every: seconds(w.recheck_every_s, d.recheck_every),
            held_age_max: seconds(w.held_age_max_s, d.held_age_max),
            evidence_age_max: seconds(w.evidence_age_max_s, d.evidence_age_max),
        }
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
        let listen = &self.listen;
        if !listen.address.ip().is_loopback() && !listen.dangerous_listen_beyond_loopback {
            let text = "not a loopback address; the API has no TLS of its own. Set \
                        listen.dangerous_listen_beyond_loopback = true where something else protects it";
            return Err(wrong("listen.address", text));
        }
        if self.organisations.is_empty() {
            return Err(wrong("organisations", "empty, expected at least one [[organisations]]"));
        }
        between("worker.parallel_max", self.worker.parallel_max.unwrap_or(1), 1, 256)?;
        let of_one = self.worker.parallel_per_organisation_max.unwrap_or(1);
        between("worker.parallel_per_organisation_max", of_one, 1, 256)?;
        between("limits.concurrent_requests_max", self.limits.concurrent_requests_max, 1, 10_000)?;
        between("limits.body_bytes_max", self.limits.body_bytes_max, 1024, 100 << 20)?;
        between("limits.bodies_bytes_max", self.limits.bodies_bytes_max, self.limits.body_bytes_max, 1 << 32)?;
        between("limits.request_timeout_s", self.limits.request_timeout_s, 1, 600)?;
        between("limits.drain_timeout_s", self.limits.drain_timeout_s, 1, 3600)?;
        if self.store.key_file.is_some() == self.store.key_command.is_some() {
            return Err(wrong("store.key_file", "expected either key_file or key_command, and not both"));
        }
        between("store.open_rows_max", self.store.open_rows_max, 1, 10_000_000)?;
        between("store.open_bytes_max", self.store.open_bytes_max, 1 << 20, 1 << 50)?;
        between("store.free_disk_bytes_min", self.store.free_disk_bytes_min, 0, 1 << 50)?;
        between("store.bodies_kept_days", self.store.bodies_kept_days, 0, 36_600)?;
        between("store.settled_kept_days", self.store.settled_kept_days, self.store.bodies_kept_days, 36_600)?;
        between("store.handed_over_kept_days", self.store.handed_over_kept_days, 0, 36_600)?;
        if let Some(days) = self.store.use_log_kept_days {
            let longest = self.store.settled_kept_days.max(self.store.handed_over_kept_days).max(1);
            between("store.use_log_kept_days", days, longest, 36_600)?;
        }
        self.check_pace()?;
        self.check_parties()?;
        self.check_tokens()
    }

    /// No delay of the worker may be nothing, or it would spin.
    fn check_pace(&self) -> Result<(), ConfigError> {
        let w = &self.worker;
        for (key, set, min) in [
            ("worker.reconcile_after_s", w.reconcile_after_s, 1),
            ("worker.retry_delay_min_ms", w.retry_delay_min_ms, 10),
            ("worker.retry_delay_max_s", w.retry_delay_max_s, 1),
            ("worker.recheck_every_s", w.recheck_every_s, 1),
            ("worker.held_age_max_s", w.held_age_max_s, 0),
            ("worker.evidence_age_max_s", w.evidence_age_max_s, 0),
        ] {
            set.map_or(Ok(()), |value| between(key, value, min, 366 * 86_400))?;
        }
        Ok(())
    }

    fn check_tokens(&self) -> Result<(), ConfigError> {
        let (mut names, mut digests) = (BTreeSet::new(), BTreeSet::new());
        for (at, token) in self.tokens.iter().enumerate() {
            let key = |field: &str| format!("tokens[{at}].{field}");
            if token.name.is_empty() || token.name.len() > 100 || !names.insert(token.name.as_str()) {
                return Err(wrong(key("name"), "empty, longer than 100 bytes or used twice"));
            }
            let digest =
                parse_hex(&token.sha256).ok_or_else(|| wrong(key("sha256"), "expected 64 hexadecimal digits"))?;
            if !digests.insert(digest) {
                return Err(wrong(key("sha256"), "another token has the same digest"));
            }
            if !self.organisations.iter().any(|o| o.oid == token.organisation) {
                return Err(wrong(key("organisation"), "not one of [[organisations]]"));
            }
            if token.units.is_empty() || token.operations.is_empty() {
                return Err(wrong(key("units"), "a token needs at least one unit and one operation"));
            }
        }
        Ok(())
    }
}

fn between<T: PartialOrd + Display + Copy>(key: &str, value: T, min: T, max: T) -> Result<(), ConfigError> {
    if (min..=max).contains(&value) {
        return Ok(());
    }
    Err(wrong(key, format!("is {value}, expected {min} to {max}")))
}

fn wrong(key: impl Into<String>, text: impl Into<String>) -> ConfigError {
    ConfigError::Value { key: key.into(), text: text.into() }
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
