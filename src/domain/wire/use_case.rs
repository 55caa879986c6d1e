//! The use cases of the archive's interface, and what each is called on the wire: the one place where interaction, trigger event
//! and service request are chosen (`docs/wire.md` 3 and 4).

use super::message::Kind;
use crate::domain::document::header::{DocumentGroup, Header};
use crate::domain::profile::WireProfile;

/// What a message is for (archive.md 6.4).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum UseCase {
    /// Archive a relationship document, its first version.
    ArchiveRelationship,
    /// Archive a case document, its first version.
    ArchiveCase,
    /// Archive a client document, its first version.
    ArchiveClientDocument,
    /// Archive a later version of a document of any group.
    NewVersion,
    /// Invalidate a document.
    Invalidate,
    /// Find or fetch the relationship document.
    FetchRelationship,
    /// Find or fetch case documents.
    FetchCase,
    /// Find documents, and the question whether one is there.
    FetchMetadata,
    /// Fetch a document.
    FetchDocument,
    /// Fetch the archive's summary of a client.
    FetchSummary,
}

/// How a reading use case asks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Asking {
    /// For metadata.
    Find,
    /// For the document itself.
    Fetch,
}

impl UseCase {
    /// Every use case.
    pub const ALL: [Self; 10] = [
        Self::ArchiveRelationship,
        Self::ArchiveCase,
        Self::ArchiveClientDocument,
        Self::NewVersion,
        Self::Invalidate,
        Self::FetchRelationship,
        Self::FetchCase,
        Self::FetchMetadata,
        Self::FetchDocument,
        Self::FetchSummary,
    ];

    /// The use case of archiving the document with this header.
    pub fn archiving(header: &Header) -> Self {
        match (header.ids.version, header.group) {
            (2.., _) => Self::NewVersion,
            (_, DocumentGroup::Relationship) => Self::ArchiveRelationship,
            (_, DocumentGroup::Case) => Self::ArchiveCase,
            (_, DocumentGroup::ClientDocument) => Self::ArchiveClientDocument,
        }
    }

    /// What a message of this use case is called; `asking` matters for reading alone.
    pub(super) fn kind(self, profile: &WireProfile, asking: Asking) -> Kind<'_> {
        let (interaction, trigger) = (&profile.interaction, &profile.trigger);
        let (interaction, trigger, accept_ack) = match self {
            Self::ArchiveRelationship | Self::ArchiveCase | Self::ArchiveClientDocument | Self::NewVersion => {
                (&interaction.store, &trigger.store, &profile.processing.accept_ack_store)
            }
            Self::Invalidate => (&interaction.invalidate, &trigger.invalidate, &profile.processing.accept_ack_store),
            Self::FetchRelationship
            | Self::FetchCase
            | Self::FetchMetadata
            | Self::FetchDocument
            | Self::FetchSummary => match asking {
                Asking::Find => (&interaction.find, &trigger.find, &profile.processing.accept_ack_query),
                Asking::Fetch => (&interaction.fetch, &trigger.fetch, &profile.processing.accept_ack_query),
            },
        };
        let request = &profile.service_request;
        let service_request = match self {
            Self::ArchiveRelationship => &request.archive_relationship,
            Self::ArchiveCase => &request.archive_case,
            Self::ArchiveClientDocument => &request.archive_client_document,
            Self::NewVersion => &request.archive_new_version,
            Self::Invalidate => &request.invalidate,
            Self::FetchRelationship => &request.fetch_relationship,
            Self::FetchCase => &request.fetch_case,
            Self::FetchMetadata => &request.fetch_metadata,
            Self::FetchDocument => &request.fetch_document,
            Self::FetchSummary => &request.fetch_summary,
        };
        Kind {
            interaction: &interaction.value,
            trigger: &trigger.value,
            accept_ack: &accept_ack.value,
            service_request: &service_request.value,
        }
    }
}
