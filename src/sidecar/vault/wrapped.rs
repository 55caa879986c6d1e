//! A data key sealed with a store key (AES-256-GCM): a new store key seals it anew, and none of the values that it protects.

use aws_lc_rs::aead::{AES_256_GCM, Aad, Nonce, RandomizedNonceKey};
use aws_lc_rs::rand;
use zeroize::{Zeroize, Zeroizing};

use super::{KEY_BYTES, NONCE_BYTES, NotOpened, StoreKey};

const PURPOSE: &[u8] = b"data key";

impl StoreKey {
    /// A new key by chance.
    ///
    /// # Errors
    /// [`NotOpened`] when the system has no randomness to give.
    pub(crate) fn random() -> Result<Self, NotOpened> {
        let mut bytes = Zeroizing::new([0u8; KEY_BYTES]);
        rand::fill(&mut bytes[..]).map_err(|_| NotOpened)?;
        Ok(Self(bytes))
    }

    /// A data key sealed with this key: nonce, ciphertext, tag.
    ///
    /// # Errors
    /// [`NotOpened`] when the crypto library fails.
    pub(crate) fn wrap(&self, data_key: &Self) -> Result<Vec<u8>, NotOpened> {
        let mut body = data_key.0.to_vec();
        let nonce = self.wrapping()?.seal_in_place_append_tag(Aad::from(PURPOSE), &mut body).map_err(|_| NotOpened)?;
        let mut wrapped = nonce.as_ref().to_vec();
        wrapped.append(&mut body);
        Ok(wrapped)
    }

    /// The data key that was sealed with this key.
    ///
    /// # Errors
    /// [`NotOpened`]: sealed with another key, or damaged.
    pub(crate) fn unwrap_data_key(&self, wrapped: &[u8]) -> Result<Self, NotOpened> {
        let (nonce, body) = wrapped.split_at_checked(NONCE_BYTES).ok_or(NotOpened)?;
        let nonce = Nonce::try_assume_unique_for_key(nonce).map_err(|_| NotOpened)?;
        let mut body = Zeroizing::new(body.to_vec());
        let plain = self.wrapping()?.open_in_place(nonce, Aad::from(PURPOSE), &mut body).map_err(|_| NotOpened)?;
        let bytes = <[u8; KEY_BYTES]>::try_from(&*plain).map_err(|_| NotOpened)?;
        Ok(Self::from_bytes(bytes))
    }

    fn wrapping(&self) -> Result<RandomizedNonceKey, NotOpened> {
        let mut key = self.derive(PURPOSE)?;
        let wrapping = RandomizedNonceKey::new(&AES_256_GCM, &key).map_err(|_| NotOpened);
        key.zeroize();
        wrapping
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]
mod tests {
    use super::*;

    #[test]
    fn a_data_key_opens_with_the_store_key_that_sealed_it_only_and_only_whole() {
        let (one, other, data) =
            (StoreKey::from_bytes([7; 32]), StoreKey::from_bytes([8; 32]), StoreKey::random().unwrap());
        let wrapped = one.wrap(&data).unwrap();
        assert_eq!(one.unwrap_data_key(&wrapped).unwrap().0, data.0);
        assert!(!wrapped.windows(8).any(|part| data.0.windows(8).any(|plain| plain == part)));
        assert_eq!(other.unwrap_data_key(&wrapped).err(), Some(NotOpened));
        for at in 0..wrapped.len() {
            assert_eq!(one.unwrap_data_key(&wrapped[..at]).err(), Some(NotOpened));
            let mut bent = wrapped.clone();
            bent[at] ^= 1;
            assert_eq!(one.unwrap_data_key(&bent).err(), Some(NotOpened));
        }
        assert_ne!(StoreKey::random().unwrap().0, data.0);
    }
}
