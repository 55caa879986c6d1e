//! What kind of message a fault is for. As much as the head of a request tells, and as much as the message itself tells.

use std::fmt;

use crate::oid::Oid;

/// A kind of message: what a fault is for, and what a message is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum MessageKind {
    /// Every message.
    Any,
    /// A store message of any version.
    Store,
    /// A store message of a first version.
    FirstVersion,
    /// A store message of version 2 or later.
    NewVersion,
    /// An invalidation.
    Invalidation,
    /// A find by client.
    Find,
    /// A find by document id: the question before a resend.
    Question,
    /// A question for the archive's summary of a client.
    Summary,
    /// A fetch.
    Fetch,
    /// A message that cannot be read.
    Unreadable,
}

const NAMES: [(MessageKind, &str); 10] = [
    (MessageKind::Any, "any"),
    (MessageKind::Store, "store"),
    (MessageKind::FirstVersion, "first-version"),
    (MessageKind::NewVersion, "new-version"),
    (MessageKind::Invalidation, "invalidation"),
    (MessageKind::Find, "find"),
    (MessageKind::Question, "question"),
    (MessageKind::Summary, "summary"),
    (MessageKind::Fetch, "fetch"),
    (MessageKind::Unreadable, "unreadable"),
];

impl MessageKind {
    /// Reads its name in a script.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        NAMES.iter().find(|(_, name)| *name == text).map(|(kind, _)| *kind)
    }

    /// All names, for error texts and the help.
    pub fn names() -> impl Iterator<Item = &'static str> {
        NAMES.iter().map(|(_, name)| *name)
    }

    /// Is a fault for this kind one for a message of that kind?
    pub(crate) fn covers(self, actual: Self) -> bool {
        self == Self::Any
            || self == actual
            || (self == Self::Store && matches!(actual, Self::FirstVersion | Self::NewVersion))
    }

    /// Can a message of this kind come as this interaction? What the head of a request tells.
    fn may_come_as(self, interaction: &str) -> bool {
        match self {
            Self::Any => true,
            Self::Store | Self::FirstVersion | Self::NewVersion => interaction == "RCMR_IN200002FI01",
            Self::Invalidation => interaction == "RCMR_IN200025FI01",
            Self::Find | Self::Question => interaction == "RCMR_IN200029FI01",
            Self::Summary => matches!(interaction, "RCMR_IN200029FI01" | "RCMR_IN200031FI01"),
            Self::Fetch => interaction == "RCMR_IN200031FI01",
            Self::Unreadable => false,
        }
    }
}

impl fmt::Display for MessageKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = NAMES.iter().find(|(kind, _)| kind == self).map_or("any", |(_, name)| name);
        f.write_str(name)
    }
}

/// What the head of a request tells of its message.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Head<'a> {
    /// The organisation of the client certificate.
    pub(crate) peer: &'a Oid,
    /// The interaction that `SOAPAction` or the media type names; empty when it names none.
    pub(crate) interaction: &'a str,
}

impl<'a> Head<'a> {
    /// Finds the interaction id in the header that names it.
    pub(crate) fn new(peer: &'a Oid, action: &'a str) -> Self {
        let start = action.find("RCMR_IN");
        let id = start.and_then(|start| action.get(start..)).map_or("", |rest| {
            let end = rest.find(|sign: char| !sign.is_ascii_alphanumeric() && sign != '_').unwrap_or(rest.len());
            rest.get(..end).unwrap_or_default()
        });
        Self { peer, interaction: id }
    }

    pub(crate) fn may_be(&self, kind: MessageKind) -> bool {
        kind.may_come_as(self.interaction)
    }

    /// Is it a store message, as far as the head tells?
    pub(crate) fn is_store(&self) -> bool {
        self.may_be(MessageKind::Store)
    }
}
