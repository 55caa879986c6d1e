//! What is wrong with a stored value of one submission: how its row remembers it, and how a person is told.
//!
//! Knows nothing of what is done about it, which is in `set_aside`.

use std::io::{Error, ErrorKind};

use rustix::io::Errno;

use crate::domain::submission::Cause;
use crate::domain::text::Text;
use crate::sidecar::store::StoreError;

/// A value that cannot be had, and why.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Fault {
    what: &'static str,
    why: Why,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Why {
    /// It is lost, does not open or does not read.
    Damaged,
    /// Its file is shut to this process.
    NoAccess,
    /// Something else stands in its file's place.
    NoFile,
    /// The disk does not give its file.
    Disk,
}

/// What comes of a file that was not read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum NotRead {
    /// Read again after a while, it may be had. With the error, for the log.
    Now(String),
    /// A person decides.
    For(Fault),
}

impl NotRead {
    /// Of an error that concerns one submission's values alone; the error itself when it does not.
    pub(super) fn of(error: StoreError) -> Result<Self, StoreError> {
        match error {
            StoreError::Damaged { what } => Ok(Self::For(Fault::damaged(what))),
            StoreError::Unreadable { source, .. } if is_passing(&source) => Ok(Self::Now(source.to_string())),
            StoreError::Unreadable { what, source } => Ok(Self::For(Fault { what, why: Why::of(&source) })),
            other => Err(other),
        }
    }
}

/// The folder of all files cannot be had, and why.
#[derive(Debug, thiserror::Error)]
#[error("the folder of the bodies cannot be read: {0}")]
struct FolderAway(Error);

/// Of a file whose folder cannot be had.
pub(super) fn folder_away(why: Error) -> Error {
    Error::other(FolderAway(why))
}

/// Whether the process or the machine has too little of something now, or a mount or the folder is away: whichever file it is.
fn is_passing(error: &Error) -> bool {
    let want = [Errno::MFILE, Errno::NFILE, Errno::NOMEM, Errno::AGAIN, Errno::INTR];
    let mount = [Errno::STALE, Errno::NOTCONN, Errno::TIMEDOUT, Errno::HOSTDOWN, Errno::HOSTUNREACH];
    let mut passing = want.iter().chain(&mount);
    error.kind() == ErrorKind::OutOfMemory
        || error.get_ref().is_some_and(|inner| inner.is::<FolderAway>())
        || error.raw_os_error().is_some_and(|code| passing.any(|one| one.raw_os_error() == code))
}

/// Of a path at which no file stands that could be read.
pub(super) fn no_file() -> Error {
    Error::from(ErrorKind::InvalidData)
}

impl Why {
    fn of(error: &Error) -> Self {
        match error.kind() {
            ErrorKind::PermissionDenied => Self::NoAccess,
            ErrorKind::InvalidData | ErrorKind::IsADirectory => Self::NoFile,
            _ if error.raw_os_error() == Some(Errno::LOOP.raw_os_error()) => Self::NoFile,
            _ => Self::Disk,
        }
    }

    const OF_FILES: [Self; 3] = [Self::NoAccess, Self::NoFile, Self::Disk];

    /// As a row remembers it, after the value's name.
    fn mark(self) -> &'static str {
        match self {
            Self::Damaged => "",
            Self::NoAccess => "/no_access",
            Self::NoFile => "/no_file",
            Self::Disk => "/disk",
        }
    }

    /// In fi, sv and en.
    fn words(self) -> [&'static str; 3] {
        match self {
            Self::Damaged => ["vioittunut", "skadat", "damaged"],
            Self::NoAccess => ["ei lukuoikeutta", "ingen läsrätt", "no right to read it"],
            Self::NoFile => ["ei tavallinen tiedosto", "ingen vanlig fil", "not a regular file"],
            Self::Disk => ["levy ei anna sitä", "disken ger den inte", "the disk does not give it"],
        }
    }
}

impl Fault {
    pub(super) fn damaged(what: &'static str) -> Self {
        Self { what, why: Why::Damaged }
    }

    /// As a row remembers it.
    pub(super) fn name(self) -> String {
        format!("{}{}", self.what, self.why.mark())
    }
}

/// What a row's remembered fault means.
pub(super) fn cause_of(name: &str) -> Cause {
    let of_file = Why::OF_FILES.into_iter().find_map(|why| Some((name.strip_suffix(why.mark())?, why)));
    of_file.map_or_else(|| damaged(name), |(what, why)| unreadable(what, why.words()))
}

fn damaged(what: &str) -> Cause {
    let text = Text::made(
        format!("tallennettu arvo {what} on vioittunut: palauta varmuuskopio tai luovu lähetyksestä"),
        format!("det lagrade värdet {what} är skadat: återställ en säkerhetskopia eller ge upp försändelsen"),
        format!("the stored value {what} is damaged: restore a backup or give the submission up"),
    );
    Cause::new("store.damaged", text)
}

fn unreadable(what: &str, [fi, sv, en]: [&str; 3]) -> Cause {
    let text = Text::made(
        format!(
            "tallennetun arvon {what} tiedostoa ei voi lukea ({fi}): korjaa syy ja vapauta, tai luovu lähetyksestä"
        ),
        format!(
            "filen för det lagrade värdet {what} kan inte läsas ({sv}): åtgärda orsaken och släpp, eller ge upp försändelsen"
        ),
        format!(
            "the file of the stored value {what} cannot be read ({en}): mend the cause and release, or give the submission up"
        ),
    );
    Cause::new("store.unreadable", text)
}

/// Why something is taken up again a little later.
pub(super) fn not_now() -> Cause {
    let text = Text::fixed(
        "tallennettua tiedostoa ei juuri nyt voinut avata (avoimia tiedostoja liikaa, muisti vähissä tai tiedostojen kansio poissa); yritetään uudelleen",
        "en lagrad fil kunde inte öppnas just nu (för många öppna filer, ont om minne eller filernas mapp borta); nytt försök görs",
        "a stored file could not be opened just now (too many open files, little memory, or the files' folder away); it is tried again",
    );
    Cause::new("store.not_now", text)
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    fn of(error: Errno) -> NotRead {
        NotRead::of(StoreError::Unreadable { what: "payload", source: error.into() }).unwrap()
    }

    #[test]
    fn what_passes_by_itself_is_told_from_what_a_person_mends() {
        for passing in [Errno::MFILE, Errno::NFILE, Errno::NOMEM, Errno::STALE, Errno::NOTCONN, Errno::TIMEDOUT] {
            assert!(matches!(of(passing), NotRead::Now(_)), "{passing}");
        }
        let source = folder_away(Errno::ACCESS.into());
        let NotRead::Now(why) = NotRead::of(StoreError::Unreadable { what: "payload", source }).unwrap() else {
            panic!()
        };
        assert!(why.contains("folder") && why.contains("ermission denied"), "{why}");
        let lasting = [
            (Errno::IO, "payload/disk"),
            (Errno::UCLEAN, "payload/disk"),
            (Errno::ACCESS, "payload/no_access"),
            (Errno::PERM, "payload/no_access"),
            (Errno::ISDIR, "payload/no_file"),
            (Errno::LOOP, "payload/no_file"),
        ];
        for (error, name) in lasting {
            let NotRead::For(fault) = of(error) else { panic!("{error}") };
            assert_eq!(fault.name(), name);
            let cause = cause_of(name);
            assert_eq!(cause.code, "store.unreadable");
            assert!(
                cause.message.en.contains("payload cannot be read (") && !cause.message.en.contains('/'),
                "{}",
                cause.message.en
            );
        }
        assert_eq!(cause_of("detail").code, "store.damaged");
        assert!(NotRead::of(StoreError::Closed).is_err());
    }
}
