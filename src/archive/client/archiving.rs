//! The writing use cases, one method each (archive.md 6.4): relationship document, case document, client document, new version,
//! invalidation. Each sends once; what [`Outcome::Unknown`] leaves open is the caller's to ask. Who keeps an outbox prepares first
//! ([`ArchiveClient::prepare_store`], [`ArchiveClient::prepare_invalidation`]) and sends second.

use super::{Acting, ArchiveClient, ClientError};
use crate::archive::transport::Transport;
use crate::domain::access::Authority;
use crate::domain::document::invalidation::Invalidation;
use crate::domain::signature::SignedDocument;
use crate::domain::time::Instant;
use crate::domain::wire::answer::Outcome;
use crate::domain::wire::invalidation::invalidate_message;
use crate::domain::wire::{Envelope, MessageContext, MessageId, UseCase};

impl<T: Transport> ArchiveClient<T> {
    /// Archives the first version of a relationship document, in the sender's own register: what grants a right does not come
    /// from whom it grants to.
    ///
    /// # Errors
    /// As [`ArchiveClient::prepare_store`]; [`ClientError::Ground`] for a document of another kind. Nothing was sent then.
    pub async fn archive_relationship(
        &self,
        document: &SignedDocument,
        acting: Acting<'_>,
    ) -> Result<Outcome, ClientError> {
        self.archive(UseCase::ArchiveRelationship, document, acting, &Authority::OwnRegister).await
    }

    /// Archives the first version of a case document.
    ///
    /// # Errors
    /// As [`ArchiveClient::archive_relationship`].
    pub async fn archive_case(
        &self,
        document: &SignedDocument,
        acting: Acting<'_>,
        authority: &Authority,
    ) -> Result<Outcome, ClientError> {
        self.archive(UseCase::ArchiveCase, document, acting, authority).await
    }

    /// Archives the first version of a client document.
    ///
    /// # Errors
    /// As [`ArchiveClient::archive_relationship`].
    pub async fn archive_client_document(
        &self,
        document: &SignedDocument,
        acting: Acting<'_>,
        authority: &Authority,
    ) -> Result<Outcome, ClientError> {
        self.archive(UseCase::ArchiveClientDocument, document, acting, authority).await
    }

    /// Archives a later version of a document of any group.
    ///
    /// # Errors
    /// As [`ArchiveClient::archive_relationship`].
    pub async fn archive_new_version(
        &self,
        document: &SignedDocument,
        acting: Acting<'_>,
        authority: &Authority,
    ) -> Result<Outcome, ClientError> {
        self.archive(UseCase::NewVersion, document, acting, authority).await
    }

    async fn archive(
        &self,
        use_case: UseCase,
        document: &SignedDocument,
        acting: Acting<'_>,
        authority: &Authority,
    ) -> Result<Outcome, ClientError> {
        if UseCase::archiving(document.header()) != use_case {
            return Err(ClientError::Ground("a document of another group or version than this call archives"));
        }
        self.store(document, acting, authority).await
    }

    /// Invalidates a document, or one version of it: any of the sender's own register, elsewhere what the sender itself has
    /// stored. That needs no permit: a record on the wrong client must not stay there because a right has ended
    /// (`docs/wire.md` 8). The archive judges who stored it.
    ///
    /// # Errors
    /// [`ClientError::Message`]; nothing was sent then.
    pub async fn invalidate(&self, invalidation: &Invalidation, acting: Acting<'_>) -> Result<Outcome, ClientError> {
        let envelope = self.prepare_invalidation(&self.number(), self.now(), invalidation, acting)?;
        Ok(self.send(&envelope).await)
    }

    /// The envelope of an invalidation, to be kept first and sent second: equal input gives an equal envelope.
    ///
    /// # Errors
    /// [`ClientError::Message`].
    pub fn prepare_invalidation(
        &self,
        number: &str,
        created: Instant,
        invalidation: &Invalidation,
        acting: Acting<'_>,
    ) -> Result<Envelope, ClientError> {
        let id = MessageId { root: self.sender.numbers_root.clone(), extension: number.to_owned() };
        let situation = self.situation_in(invalidation.register_owner());
        let context = MessageContext { created, ..self.context(&id, acting, situation) };
        Ok(invalidate_message(&self.profile, &context, invalidation)?)
    }
}
