//! Revoked transport certificates, and the authority's list of them (RFC 5280, section 5).

use jiff::Timestamp;
use openssl::asn1::{Asn1Integer, Asn1Time};
use openssl::bn::BigNum;
use openssl::hash::MessageDigest;
use openssl::x509::extension::AuthorityKeyIdentifier;
use openssl::x509::{CrlNumber, X509, X509CrlBuilder, X509RevokedBuilder};

use super::{DevPki, PkiError, text};

impl DevPki {
    /// Puts a certificate of the TLS authority on its revocation list.
    ///
    /// # Errors
    /// [`PkiError`] when it is no certificate.
    pub fn revoke(&self, certificate_pem: &str) -> Result<(), PkiError> {
        let certificate = X509::from_pem(certificate_pem.as_bytes())?;
        let serial = certificate.serial_number().to_bn()?.to_vec();
        let mut revoked = self.revoked();
        if !revoked.contains(&serial) {
            revoked.push(serial);
        }
        Ok(())
    }

    /// The revocation list of the TLS authority, PEM; `None` while nothing is revoked.
    ///
    /// # Errors
    /// [`PkiError`] when OpenSSL fails.
    pub fn tls_crl_pem(&self) -> Result<Option<String>, PkiError> {
        let revoked = self.revoked();
        if revoked.is_empty() {
            return Ok(None);
        }
        let issued = Asn1Time::from_unix(self.validity.from)?;
        let mut list = X509CrlBuilder::new()?;
        list.set_issuer_name(self.tls.certificate.subject_name())?;
        list.set_last_update(&issued)?;
        list.set_next_update(Asn1Time::from_unix(Timestamp::MAX.as_second().min(self.validity.to))?.as_ref())?;
        for serial in revoked.iter() {
            let mut entry = X509RevokedBuilder::new()?;
            let serial = Asn1Integer::from_bn(BigNum::from_slice(serial)?.as_ref())?;
            entry.set_serial_number(&serial)?;
            entry.set_revocation_date(&issued)?;
            list.add_revoked(entry.build())?;
        }
        // Only the issuer counts in this context; the builder is of no certificate.
        let of_nothing = X509::builder()?;
        let context = of_nothing.x509v3_context(Some(&self.tls.certificate), None);
        list.append_extension(AuthorityKeyIdentifier::new().keyid(true).build(&context)?)?;
        let number = BigNum::from_u32(u32::try_from(revoked.len()).unwrap_or(u32::MAX))?;
        list.append_extension(CrlNumber::new(number)?.build()?)?;
        list.sort()?;
        list.sign(&self.tls.key, MessageDigest::sha256())?;
        Ok(Some(text(list.build()?.to_pem()?)))
    }
}
