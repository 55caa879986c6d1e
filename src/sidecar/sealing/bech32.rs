//! The text form of age's keys: Bech32 (BIP 173) of 32 bytes, without its limit of length.

const LETTERS: &[u8; 32] = b"qpzry9x8gf2tvdw0s3jn54khce6mua7l";
const GENERATOR: [u32; 5] = [0x3b6a_57b2, 0x2650_8e6d, 0x1ea1_19fa, 0x3d42_33dd, 0x2a14_62b3];
const CHECKSUM_LETTERS: usize = 6;
/// Far more than a key has.
const TEXT_BYTES_MAX: usize = 200;

/// The key, in lower case.
pub(super) fn encode(prefix: &str, key: &[u8]) -> String {
    let mut groups = regroup(key, 8, 5, true).unwrap_or_default();
    let mut all = expanded(prefix);
    all.extend(&groups);
    all.extend([0; CHECKSUM_LETTERS]);
    let sum = polymod(&all) ^ 1;
    groups.extend((0..6).rev().filter_map(|at| u8::try_from(sum >> (5 * at) & 31).ok()));
    let letters = groups.iter().filter_map(|group| LETTERS.get(usize::from(*group)));
    format!("{prefix}1{}", letters.map(|letter| char::from(*letter)).collect::<String>())
}

/// A key with this prefix, in upper or lower case; `None` when it is none.
pub(super) fn decode<const N: usize>(prefix: &str, text: &str) -> Option<[u8; N]> {
    let lower = text.to_ascii_lowercase();
    if text.len() > TEXT_BYTES_MAX || (text != lower && text != text.to_ascii_uppercase()) {
        return None;
    }
    let letters = lower.strip_prefix(prefix)?.strip_prefix('1')?;
    let group = |letter: u8| LETTERS.iter().position(|known| *known == letter).and_then(|at| u8::try_from(at).ok());
    let groups = letters.bytes().map(group).collect::<Option<Vec<u8>>>()?;
    let mut all = expanded(prefix);
    all.extend(&groups);
    if polymod(&all) != 1 {
        return None;
    }
    let (key, _) = groups.split_at_checked(groups.len().checked_sub(CHECKSUM_LETTERS)?)?;
    regroup(key, 5, 8, false)?.try_into().ok()
}

/// The prefix as the checksum counts it.
fn expanded(prefix: &str) -> Vec<u8> {
    let (high, low) = (prefix.bytes().map(|b| b >> 5), prefix.bytes().map(|b| b & 31));
    high.chain([0]).chain(low).collect()
}

fn polymod(values: &[u8]) -> u32 {
    values.iter().fold(1, |sum, value| {
        let top = sum >> 25;
        let next = ((sum & 0x01ff_ffff) << 5) ^ u32::from(*value);
        let terms = GENERATOR.iter().enumerate().filter(|(at, _)| top >> at & 1 == 1);
        terms.fold(next, |sum, (_, term)| sum ^ term)
    })
}

/// Bits in groups of `from` as groups of `to`. What is left over is padding: written where asked for, else it must be zero.
fn regroup(values: &[u8], from: u32, to: u32, pad: bool) -> Option<Vec<u8>> {
    let (mut bits, mut count, mut out) = (0u32, 0u32, Vec::new());
    let mask = (1u32 << to) - 1;
    for value in values {
        bits = (bits << from | u32::from(*value)) & 0xfff;
        count += from;
        while count >= to {
            count -= to;
            out.push(u8::try_from(bits >> count & mask).ok()?);
        }
    }
    let rest = bits << (to - count) & mask;
    match (pad, count) {
        (_, 0) => {}
        (true, _) => out.push(u8::try_from(rest).ok()?),
        (false, _) if count >= from || rest != 0 => return None,
        (false, _) => {}
    }
    Some(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_read_and_written_as_age_has_them() {
        // From the age specification's examples.
        let recipient = "age1zvkyg2lqzraa2lnjvqej32nkuu0ues2s82hzrye869xeexvn73equnujwj";
        let identity = "AGE-SECRET-KEY-1GFPYYSJZGFPYYSJZGFPYYSJZGFPYYSJZGFPYYSJZGFPYYSJZGFPQ4EGAEX";
        let key = decode::<32>("age-secret-key-", identity);
        assert_eq!(key, Some([0x42; 32]));
        assert_eq!(encode("age-secret-key-", &[0x42; 32]).to_ascii_uppercase(), identity);
        assert_eq!(decode::<32>("age", recipient).map(|key| encode("age", &key)).as_deref(), Some(recipient));
        let capital = recipient.replacen('z', "Z", 1);
        for wrong in [&recipient[..60], "", "1", "age1", identity, &capital, &recipient.replace("nujwj", "nujwq")] {
            assert_eq!(decode::<32>("age", wrong), None, "{wrong}");
        }
    }
}
