//! Role × service task × service process → read, write: the access-rights regulation's table, as data.
//!
//! The regulation's values are not public: the default table permits everything and is a placeholder. A rule permits; what no
//! rule permits is not allowed.

use serde::Deserialize;

use super::permit::Tasks;

/// What a role may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Act {
    /// Search and fetch.
    Read,
    /// Store.
    Write,
}

/// A rule's roles, tasks or processes: every one, also where none is named, or these codes.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(try_from = "NamesText")]
pub enum Names {
    /// Every one; in TOML `"every"`.
    Every,
    /// These codes.
    These(Vec<String>),
}

#[derive(Deserialize)]
#[serde(untagged)]
enum NamesText {
    Word(String),
    Codes(Vec<String>),
}

impl TryFrom<NamesText> for Names {
    type Error = &'static str;

    fn try_from(text: NamesText) -> Result<Self, Self::Error> {
        match text {
            NamesText::Word(word) if word == "every" => Ok(Self::Every),
            NamesText::Word(_) => Err("expected \"every\" or a list of codes"),
            NamesText::Codes(codes) => Ok(Self::These(codes)),
        }
    }
}

impl Names {
    fn have(&self, code: Option<&str>) -> bool {
        match self {
            Self::Every => true,
            Self::These(codes) => code.is_some_and(|code| codes.iter().any(|c| c == code)),
        }
    }
}

/// One line of the table: these roles may do this for these tasks in these processes.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RoleRule {
    /// Roles, by their codes.
    pub roles: Names,
    /// Service tasks (1.2.246.537.6.1221).
    pub service_tasks: Names,
    /// Service processes (1.2.246.537.6.1277).
    pub service_processes: Names,
    /// What is permitted.
    pub permits: Vec<Act>,
}

/// The table. The default permits everything.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RoleTable {
    /// Its lines, in any order.
    pub rules: Vec<RoleRule>,
}

impl Default for RoleTable {
    fn default() -> Self {
        let permits = vec![Act::Read, Act::Write];
        let (roles, service_tasks, service_processes) = (Names::Every, Names::Every, Names::Every);
        Self { rules: vec![RoleRule { roles, service_tasks, service_processes, permits }] }
    }
}

impl RoleTable {
    /// Whether some line permits it. A role, task or process that is not named is met only by lines for every one.
    pub fn allows(&self, role: Option<&str>, task: Option<&str>, process: Option<&str>, act: Act) -> bool {
        self.lines(role, process, act).any(|rule| rule.service_tasks.have(task))
    }

    /// The tasks for which a role may do something; `None` when for none.
    pub(super) fn tasks(&self, role: Option<&str>, process: Option<&str>, act: Act) -> Option<Tasks> {
        let mut these = Vec::new();
        for rule in self.lines(role, process, act) {
            match &rule.service_tasks {
                Names::Every => return Some(Tasks::Every),
                Names::These(codes) => these.extend(codes.iter().cloned()),
            }
        }
        (!these.is_empty()).then_some(Tasks::These(these))
    }

    fn lines<'a>(
        &'a self,
        role: Option<&'a str>,
        process: Option<&'a str>,
        act: Act,
    ) -> impl Iterator<Item = &'a RoleRule> {
        let meets = move |rule: &&RoleRule| {
            rule.permits.contains(&act) && rule.roles.have(role) && rule.service_processes.have(process)
        };
        self.rules.iter().filter(meets)
    }
}
