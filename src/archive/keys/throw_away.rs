//! Keys for trying documents out: made on the spot, certified by themselves, trusted by nobody else.
//!
//! Never for a document that leaves: the archive believes certificates of the national authority only.

use openssl::asn1::Asn1Time;
use openssl::bn::BigNum;
use openssl::hash::MessageDigest;
use openssl::nid::Nid;
use openssl::pkey::PKey;
use openssl::rsa::Rsa;
use openssl::x509::extension::KeyUsage;
use openssl::x509::{X509, X509Name};

use super::{KeyError, SigningIdentity};
use crate::domain::signature::RSA_BITS_MIN;

impl SigningIdentity {
    /// A new key with a certificate of its own, valid from now for a day. `serial` is what a signature is held against: an
    /// organisation's OID or a professional's registration number.
    ///
    /// # Errors
    /// [`KeyError::Openssl`].
    pub fn throw_away(serial: &str) -> Result<Self, KeyError> {
        let (key, certificate) = made(serial).map_err(|_| KeyError::Openssl)?;
        Self::checked(key, &certificate)
    }
}

fn made(serial: &str) -> Result<(PKey<openssl::pkey::Private>, X509), openssl::error::ErrorStack> {
    let key = PKey::from_rsa(Rsa::generate(RSA_BITS_MIN)?)?;
    let mut name = X509Name::builder()?;
    name.append_entry_by_nid(Nid::COMMONNAME, "asiasilta throw-away key")?;
    name.append_entry_by_nid(Nid::SERIALNUMBER, serial)?;
    let name = name.build();
    let mut builder = X509::builder()?;
    builder.set_version(2)?;
    let (one, today, tomorrow) =
        (BigNum::from_u32(1)?.to_asn1_integer()?, Asn1Time::days_from_now(0)?, Asn1Time::days_from_now(1)?);
    builder.set_serial_number(&one)?;
    builder.set_subject_name(&name)?;
    builder.set_issuer_name(&name)?;
    builder.set_not_before(&today)?;
    builder.set_not_after(&tomorrow)?;
    builder.set_pubkey(&key)?;
    builder.append_extension(KeyUsage::new().digital_signature().non_repudiation().build()?)?;
    builder.sign(&key, MessageDigest::sha256())?;
    Ok((key, builder.build()))
}
