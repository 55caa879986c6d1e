//! Role × service task × service process → read, write, as data: a TOML file (docs/wire.md §8).
//!
//! The regulation's values are not entered: without a file every role, and the absence of one, may do everything. The
//! first row that fits decides; where none fits, the table's `otherwise`.

use std::path::{Path, PathBuf};

use serde::Deserialize;

/// More rows than roles, tasks and processes make together are a mistake.
const ROWS_MAX: usize = 10_000;
const ANY: &str = "*";

/// A table of roles that cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum RolesError {
    /// The file cannot be read.
    #[error("cannot read the table of roles from {path}")]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// The file is not such a table.
    #[error(
        "{path} is not a table of roles: expected otherwise and [[row]] with role, service_task, service_process, read, write"
    )]
    NotATable {
        /// The file.
        path: PathBuf,
        /// Why.
        source: toml::de::Error,
    },
    /// More than the limit of 10000 rows.
    #[error("more than {ROWS_MAX} rows in {path}")]
    TooMany {
        /// The file.
        path: PathBuf,
    },
}

/// What a message wants to do with a document.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Act {
    Read,
    Write,
}

/// What is said where no row fits.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Otherwise {
    #[default]
    Permit,
    Forbid,
}

/// One row. `*` fits everything, the empty text the absence.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Row {
    #[serde(default = "any")]
    role: String,
    #[serde(default = "any")]
    service_task: String,
    #[serde(default = "any")]
    service_process: String,
    read: bool,
    write: bool,
}

fn any() -> String {
    ANY.to_owned()
}

/// The table.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Roles {
    #[serde(default)]
    otherwise: Otherwise,
    #[serde(default, rename = "row")]
    rows: Vec<Row>,
}

impl Roles {
    pub(crate) fn read(path: &Path) -> Result<Self, RolesError> {
        let text =
            std::fs::read_to_string(path).map_err(|source| RolesError::Unreadable { path: path.to_owned(), source })?;
        let roles: Self =
            toml::from_str(&text).map_err(|source| RolesError::NotATable { path: path.to_owned(), source })?;
        if roles.rows.len() > ROWS_MAX { Err(RolesError::TooMany { path: path.to_owned() }) } else { Ok(roles) }
    }

    /// May a worker in `role` do that with a document of this task and process?
    pub(crate) fn permit(&self, act: Act, role: Option<&str>, task: Option<&str>, process: Option<&str>) -> bool {
        let fits = |pattern: &str, value: Option<&str>| pattern == ANY || pattern == value.unwrap_or_default();
        let row = self
            .rows
            .iter()
            .find(|row| fits(&row.role, role) && fits(&row.service_task, task) && fits(&row.service_process, process));
        match (row, act) {
            (Some(row), Act::Read) => row.read,
            (Some(row), Act::Write) => row.write,
            (None, _) => self.otherwise == Otherwise::Permit,
        }
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a failed set-up is a failed test")]
mod tests {
    use super::*;

    #[test]
    fn without_a_table_everything_is_permitted() {
        let roles = Roles::default();
        assert!(roles.permit(Act::Write, None, None, None) && roles.permit(Act::Read, Some("1"), Some("20"), None));
    }

    #[test]
    fn the_first_row_that_fits_decides() {
        let file = tempfile::NamedTempFile::new().unwrap();
        let table = "otherwise = \"forbid\"\n\
                     [[row]]\nrole = \"1\"\nservice_task = \"20\"\nread = true\nwrite = false\n\
                     [[row]]\nrole = \"1\"\nread = true\nwrite = true\n\
                     [[row]]\nrole = \"\"\nservice_task = \"\"\nread = true\nwrite = false\n";
        std::fs::write(file.path(), table).unwrap();
        let roles = Roles::read(file.path()).unwrap();
        let may = |role, task| [Act::Read, Act::Write].map(|act| roles.permit(act, role, task, Some("5")));
        assert_eq!(may(Some("1"), Some("20")), [true, false]);
        assert_eq!(may(Some("1"), Some("15")), [true, true]);
        assert_eq!(may(Some("2"), Some("20")), [false, false]);
        assert_eq!(may(None, None), [true, false]);
        assert_eq!(may(None, Some("20")), [false, false]);
        std::fs::write(file.path(), "[[row]]\nrolle = \"1\"\nread = true\nwrite = true\n").unwrap();
        assert!(matches!(Roles::read(file.path()), Err(RolesError::NotATable { .. })));
    }
}
