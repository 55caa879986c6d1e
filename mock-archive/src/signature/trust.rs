//! Whom the archive trusts to sign: a signing CA, pinned certificates, or (in tests) anyone.
//!
//! What counts is validity at the signed time; revocation is not looked at. Called by `signature.rs`.

use jiff::Timestamp;
use openssl::asn1::Asn1Time;
use openssl::hash::MessageDigest;
use openssl::stack::Stack;
use openssl::x509::store::X509StoreBuilder;
use openssl::x509::verify::X509VerifyParam;
use openssl::x509::{X509, X509KeyUsage, X509Ref, X509StoreContext};

use crate::finding::Rule;

/// The trusted signers.
pub(crate) struct Trust {
    authorities: Vec<X509>,
    /// SHA-256 of certificates that are trusted by themselves.
    pinned: Vec<Vec<u8>>,
    anyone: bool,
}

impl Trust {
    pub(crate) fn new(authorities: Vec<X509>) -> Self {
        Self { authorities, pinned: Vec::new(), anyone: false }
    }

    pub(crate) fn pin(&mut self, certificate: &X509Ref) -> Result<(), openssl::error::ErrorStack> {
        self.pinned.push(certificate.digest(MessageDigest::sha256())?.to_vec());
        Ok(())
    }

    pub(crate) fn trust_anyone(&mut self) {
        self.anyone = true;
    }

    /// Is the certificate trusted, may it sign, and was it valid at `moment`?
    pub(super) fn check(&self, certificate: &X509Ref, moment: Timestamp) -> Result<(), Rule> {
        if self.anyone {
            return Ok(());
        }
        let at = Asn1Time::from_unix(moment.as_second()).map_err(|_| Rule::SignatureMoment)?;
        if certificate.not_before() > at || certificate.not_after() < at {
            return Err(Rule::SignatureMoment);
        }
        let may_sign = certificate
            .key_usage()
            .is_some_and(|usage| usage.intersects(X509KeyUsage::DIGITAL_SIGNATURE | X509KeyUsage::NON_REPUDIATION));
        let trusted = may_sign && (self.is_pinned(certificate) || self.chains(certificate, moment));
        if trusted { Ok(()) } else { Err(Rule::SignatureCertificate) }
    }

    fn is_pinned(&self, certificate: &X509Ref) -> bool {
        certificate
            .digest(MessageDigest::sha256())
            .is_ok_and(|digest| self.pinned.iter().any(|pinned| pinned.as_slice() == &*digest))
    }

    fn chains(&self, certificate: &X509Ref, moment: Timestamp) -> bool {
        self.try_chain(certificate, moment).unwrap_or(false)
    }

    fn try_chain(&self, certificate: &X509Ref, moment: Timestamp) -> Result<bool, openssl::error::ErrorStack> {
        let mut store = X509StoreBuilder::new()?;
        for authority in &self.authorities {
            store.add_cert(authority.clone())?;
        }
        let mut parameters = X509VerifyParam::new()?;
        parameters.set_time(moment.as_second());
        store.set_param(&parameters)?;
        let untrusted = Stack::new()?;
        X509StoreContext::new()?.init(&store.build(), certificate, &untrusted, |context| context.verify_cert())
    }
}
