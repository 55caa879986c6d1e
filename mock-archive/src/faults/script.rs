//! A script of faults as data: steps in their order, chance, throttle; read from TOML (a file of the program) or JSON (the control
//! listener). Unknown keys, names and settings are errors that say what was expected.

use std::collections::VecDeque;

use jiff::{SignedDuration, Timestamp};
use serde::Deserialize;

use crate::faults::{CATALOGUE, Chance, Fault, FaultRow, Head, HoldAt, MessageKind};
use crate::oid::Oid;

/// The longest setting in bytes and milliseconds; a day.
const BYTES_MAX: usize = 1 << 30;
const MILLIS_MAX: u64 = 24 * 60 * 60 * 1000;

/// A script that cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ScriptError {
    /// It is not TOML or JSON of this shape.
    #[error("not a script: {0}")]
    Shape(String),
    /// A name that is none.
    #[error("{key}: found {found:?}, expected {expected}")]
    Name {
        /// Which key.
        key: &'static str,
        /// What stands there.
        found: String,
        /// What may stand there.
        expected: String,
    },
    /// A setting that the fault needs and has not, or has and does not need, or that is out of range.
    #[error("fault {fault}: {key} is {problem}")]
    Setting {
        /// The fault.
        fault: &'static str,
        /// The setting.
        key: &'static str,
        /// missing, not a setting of this fault, or too large.
        problem: &'static str,
    },
}

/// A fault and what it is for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Step {
    /// For messages of this kind.
    pub on: MessageKind,
    /// Only for messages of this organisation, by its certificate.
    pub sender: Option<Oid>,
    /// Only for messages about this document.
    pub document: Option<Oid>,
    /// So many of these messages pass first.
    pub skip: u32,
    /// How often it happens; `None`: always.
    pub times: Option<u32>,
    /// What happens.
    pub fault: Fault,
}

impl Step {
    /// Once, to the next message of this kind.
    #[must_use]
    pub fn once(on: MessageKind, fault: Fault) -> Self {
        Self { on, sender: None, document: None, skip: 0, times: Some(1), fault }
    }

    /// So many times; `None`: always.
    #[must_use]
    pub fn times(self, times: Option<u32>) -> Self {
        Self { times, ..self }
    }

    pub(crate) fn is_for_connections(&self) -> bool {
        matches!(self.fault, Fault::Tls(_))
    }

    /// May it be for the message of this head? The document is not known yet.
    pub(crate) fn may_be_for(&self, head: &Head<'_>) -> bool {
        head.may_be(self.on) && self.sender.as_ref().is_none_or(|sender| sender == head.peer)
    }

    pub(crate) fn is_for(&self, kind: MessageKind, sender: &Oid, document: Option<&Oid>) -> bool {
        self.on.covers(kind)
            && self.sender.as_ref().is_none_or(|wanted| wanted == sender)
            && self.document.as_ref().is_none_or(|wanted| Some(wanted) == document)
    }
}

/// At most so many messages in a time, by the archive's clock; those beyond get a status.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Throttle {
    /// So many messages.
    pub messages: u32,
    /// In so many seconds.
    pub per_secs: u32,
    /// 429 or 503.
    pub status: u16,
    /// `Retry-After`, in seconds.
    pub retry_after_secs: Option<u32>,
}

impl Throttle {
    /// Counts a message; is it one too many?
    pub(crate) fn exceeded(&self, taken: &mut VecDeque<Timestamp>, now: Timestamp) -> bool {
        let time = SignedDuration::from_secs(i64::from(self.per_secs));
        while taken.front().is_some_and(|first| now.duration_since(*first) >= time) {
            taken.pop_front();
        }
        if taken.len() >= usize::try_from(self.messages).unwrap_or(usize::MAX) {
            return true;
        }
        taken.push_back(now);
        false
    }
}

/// A script.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Script {
    /// The steps: the first that fits a message and is not used up happens to it.
    pub steps: Vec<Step>,
    /// Faults by chance, for messages that no early step is for.
    pub chance: Option<Chance>,
    /// A limit on the rate.
    pub throttle: Option<Throttle>,
}

impl Script {
    /// Reads TOML.
    ///
    /// # Errors
    /// [`ScriptError`] names the key.
    pub fn from_toml(text: &str) -> Result<Self, ScriptError> {
        toml::from_str::<ScriptText>(text).map_err(|error| ScriptError::Shape(error.message().to_owned()))?.read()
    }

    /// Reads JSON of the same shape.
    ///
    /// # Errors
    /// [`ScriptError`] names the key.
    pub fn from_json(text: &[u8]) -> Result<Self, ScriptError> {
        serde_json::from_slice::<ScriptText>(text).map_err(|error| ScriptError::Shape(error.to_string()))?.read()
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ScriptText {
    #[serde(default)]
    step: Vec<StepText>,
    chance: Option<ChanceText>,
    throttle: Option<ThrottleText>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct StepText {
    on: Option<String>,
    sender: Option<String>,
    document: Option<String>,
    #[serde(default)]
    skip: u32,
    times: Option<u32>,
    #[serde(default)]
    always: bool,
    fault: String,
    status: Option<u16>,
    retry_after_secs: Option<u32>,
    bytes: Option<usize>,
    at: Option<String>,
    millis: Option<u64>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ChanceText {
    seed: u64,
    per_mille: u16,
    fault: Vec<WeightedText>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct WeightedText {
    weight: u32,
    fault: String,
    status: Option<u16>,
    retry_after_secs: Option<u32>,
    bytes: Option<usize>,
    at: Option<String>,
    millis: Option<u64>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ThrottleText {
    messages: u32,
    per_secs: u32,
    status: u16,
    retry_after_secs: Option<u32>,
}

impl ScriptText {
    fn read(self) -> Result<Script, ScriptError> {
        let throttle = self.throttle.map(|text| Throttle {
            messages: text.messages,
            per_secs: text.per_secs,
            status: text.status,
            retry_after_secs: text.retry_after_secs,
        });
        if throttle.is_some_and(|throttle| !(100..=999).contains(&throttle.status)) {
            return Err(ScriptError::Setting { fault: "throttle", key: "status", problem: "not from 100 to 999" });
        }
        let steps = self.step.into_iter().map(StepText::read).collect::<Result<_, _>>()?;
        Ok(Script { steps, chance: self.chance.map(ChanceText::read).transpose()?, throttle })
    }
}

impl StepText {
    fn read(self) -> Result<Step, ScriptError> {
        let on = match &self.on {
            None => MessageKind::Any,
            Some(name) => MessageKind::parse(name).ok_or_else(|| ScriptError::Name {
                key: "on",
                found: name.clone(),
                expected: MessageKind::names().collect::<Vec<_>>().join(", "),
            })?,
        };
        let oid = |key, text: Option<String>| {
            let parse = |text: String| {
                let expected = "an object identifier".to_owned();
                Oid::parse(&text).map_err(|_| ScriptError::Name { key, found: text, expected })
            };
            text.map(parse).transpose()
        };
        let times = if self.always { None } else { Some(self.times.unwrap_or(1)) };
        let settings = Settings {
            status: self.status,
            retry_after_secs: self.retry_after_secs,
            bytes: self.bytes,
            at: self.at,
            millis: self.millis,
        };
        Ok(Step {
            on,
            sender: oid("sender", self.sender)?,
            document: oid("document", self.document)?,
            skip: self.skip,
            times,
            fault: settings.fault(&self.fault)?,
        })
    }
}

impl ChanceText {
    fn read(self) -> Result<Chance, ScriptError> {
        let weighted = self.fault.into_iter().map(WeightedText::read).collect::<Result<Vec<_>, _>>()?;
        Ok(Chance::new(self.seed, self.per_mille, weighted))
    }
}

impl WeightedText {
    fn read(self) -> Result<(Fault, u32), ScriptError> {
        let settings = Settings {
            status: self.status,
            retry_after_secs: self.retry_after_secs,
            bytes: self.bytes,
            at: self.at,
            millis: self.millis,
        };
        let fault = settings.fault(&self.fault)?;
        if matches!(fault, Fault::Tls(_)) {
            let problem = "a fault of connections, which chance does not draw";
            return Err(ScriptError::Setting { fault: fault.name(), key: "fault", problem });
        }
        Ok((fault, self.weight))
    }
}

/// The settings of a fault as they stand in the text.
struct Settings {
    status: Option<u16>,
    retry_after_secs: Option<u32>,
    bytes: Option<usize>,
    at: Option<String>,
    millis: Option<u64>,
}

impl Settings {
    fn fault(self, name: &str) -> Result<Fault, ScriptError> {
        let example = CATALOGUE.iter().map(|row: &FaultRow| row.example).find(|example| example.name() == name);
        let example = example.ok_or_else(|| ScriptError::Name {
            key: "fault",
            found: name.to_owned(),
            expected: CATALOGUE.iter().map(|row| row.example.name()).collect::<Vec<_>>().join(", "),
        })?;
        self.only_those_of(example)?;
        let problem = |key, problem| ScriptError::Setting { fault: example.name(), key, problem };
        let bytes = || match self.bytes {
            Some(bytes) if bytes > BYTES_MAX => Err(problem("bytes", "too large")),
            bytes => bytes.ok_or(problem("bytes", "missing")),
        };
        let millis = || match self.millis {
            Some(millis) if millis > MILLIS_MAX => Err(problem("millis", "more than a day")),
            millis => millis.ok_or(problem("millis", "missing")),
        };
        let status = || match self.status {
            Some(status) if !(100..=999).contains(&status) => Err(problem("status", "not from 100 to 999")),
            status => status.ok_or(problem("status", "missing")),
        };
        let at = || {
            let name = self.at.as_deref().ok_or(problem("at", "missing"))?;
            let found = HoldAt::ALL.into_iter().find(|at| at.name() == name);
            found.ok_or(problem("at", "not arrival, inside or answer"))
        };
        Ok(match example {
            Fault::ResetDuringBody(_) => Fault::ResetDuringBody(bytes()?),
            Fault::Hold(_) => Fault::Hold(at()?),
            Fault::Delay(..) => Fault::Delay(at()?, millis()?),
            Fault::StoredThenStatus(..) => Fault::StoredThenStatus(status()?, self.retry_after_secs),
            Fault::Status(..) => Fault::Status(status()?, self.retry_after_secs),
            Fault::AnswerCutAfter(_) => Fault::AnswerCutAfter(bytes()?),
            Fault::Trickle(..) => Fault::Trickle(bytes()?.max(1), millis()?),
            Fault::OversizedAnswer(_) => Fault::OversizedAnswer(bytes()?),
            plain => plain,
        })
    }

    /// A setting that the fault does not have would be a misunderstanding.
    fn only_those_of(&self, example: Fault) -> Result<(), ScriptError> {
        let known = example.settings();
        // Retry-After is optional, so the example may be without it.
        let has = |key: &str| {
            let key = if key == "retry_after_secs" { "status" } else { key };
            known.iter().any(|(name, _)| *name == key)
        };
        let given = [
            ("status", self.status.is_some()),
            ("retry_after_secs", self.retry_after_secs.is_some()),
            ("bytes", self.bytes.is_some()),
            ("at", self.at.is_some()),
            ("millis", self.millis.is_some()),
        ];
        match given.into_iter().find(|(key, given)| *given && !has(key)) {
            Some((key, _)) => {
                Err(ScriptError::Setting { fault: example.name(), key, problem: "not a setting of this fault" })
            }
            None => Ok(()),
        }
    }
}
