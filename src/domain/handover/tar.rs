//! A plain tar (POSIX ustar): regular files with short names of our own, nothing else.

use std::collections::BTreeMap;

const BLOCK: usize = 512;
const NAME_MAX: usize = 100;

/// Why bytes are no tar that is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum TarFault {
    /// Cut off, or a header that does not add up.
    #[error("the tar is cut off or damaged")]
    Damaged,
    /// A link, a folder, an absolute name or one that leads upwards.
    #[error("the tar holds something else than plain files")]
    NotPlain,
    /// More files than are read.
    #[error("the tar holds more files than a package may")]
    TooMany,
    /// The same name twice.
    #[error("the tar holds a file twice")]
    Twice,
}

/// The files in order, all with this time (seconds since 1970); `None` when a name or size does not fit.
pub(super) fn write(files: &[(String, Vec<u8>)], modified: i64) -> Option<Vec<u8>> {
    let mut out = Vec::new();
    for (name, bytes) in files {
        out.extend_from_slice(&header(name, bytes.len(), modified)?);
        out.extend_from_slice(bytes);
        out.resize(out.len().next_multiple_of(BLOCK), 0);
    }
    out.resize(out.len().checked_add(2 * BLOCK)?, 0);
    Some(out)
}

fn header(name: &str, size: usize, modified: i64) -> Option<[u8; BLOCK]> {
    let mut block = [0u8; BLOCK];
    let mut put = |at: usize, text: &str| -> Option<()> {
        block.get_mut(at..at.checked_add(text.len())?)?.copy_from_slice(text.as_bytes());
        Some(())
    };
    if !is_plain(name) || modified < 0 {
        return None;
    }
    put(0, name)?;
    put(100, "0000600\0")?;
    put(108, "0000000\0")?;
    put(116, "0000000\0")?;
    let size = format!("{size:011o}\0");
    let modified = format!("{modified:011o}\0");
    if size.len() != 12 || modified.len() != 12 {
        return None;
    }
    put(124, &size)?;
    put(136, &modified)?;
    put(148, "        ")?;
    put(156, "0")?;
    put(257, "ustar\u{0}00")?;
    let sum: u32 = block.iter().map(|b| u32::from(*b)).sum();
    block.get_mut(148..156)?.copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
    Some(block)
}

/// A name below the tar's own folder, without a way upwards.
fn is_plain(name: &str) -> bool {
    let letters = name.bytes().all(|b| b.is_ascii_alphanumeric() || b"._-/".contains(&b));
    let parts = name.split('/').all(|part| !matches!(part, "" | "." | ".."));
    !name.is_empty() && name.len() < NAME_MAX && letters && parts
}

/// The files of a tar by name, at most so many.
pub(super) fn read(bytes: &[u8], files_max: usize) -> Result<BTreeMap<String, Vec<u8>>, TarFault> {
    let (mut files, mut at) = (BTreeMap::new(), 0usize);
    loop {
        let block = bytes.get(at..at.saturating_add(BLOCK)).ok_or(TarFault::Damaged)?;
        if block.iter().all(|b| *b == 0) {
            return Ok(files);
        }
        let (name, size) = entry(block)?;
        let from = at.saturating_add(BLOCK);
        let to = from.checked_add(size).ok_or(TarFault::Damaged)?;
        let content = bytes.get(from..to).ok_or(TarFault::Damaged)?;
        if files.len() >= files_max {
            return Err(TarFault::TooMany);
        }
        if files.insert(name, content.to_vec()).is_some() {
            return Err(TarFault::Twice);
        }
        at = to.checked_next_multiple_of(BLOCK).ok_or(TarFault::Damaged)?;
    }
}

fn entry(block: &[u8]) -> Result<(String, usize), TarFault> {
    let field = |from: usize, to: usize| {
        let raw = block.get(from..to).unwrap_or_default();
        std::str::from_utf8(raw.split(|b| *b == 0).next().unwrap_or_default()).map_err(|_| TarFault::Damaged)
    };
    let octal = |text: &str| usize::from_str_radix(text.trim(), 8).map_err(|_| TarFault::Damaged);
    let without_sum =
        block.iter().enumerate().map(|(at, b)| if (148..156).contains(&at) { 32 } else { usize::from(*b) });
    if octal(field(148, 156)?)? != without_sum.sum::<usize>() {
        return Err(TarFault::Damaged);
    }
    let name = field(0, NAME_MAX)?;
    let is_file = matches!(block.get(156), Some(b'0' | 0));
    let prefix = field(345, 500)?;
    if !is_file || !prefix.is_empty() || !is_plain(name) {
        return Err(TarFault::NotPlain);
    }
    Ok((name.to_owned(), octal(field(124, 136)?)?))
}

#[cfg(test)]
#[expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]
mod tests {
    use super::*;

    fn one(name: &str, bytes: &[u8]) -> Vec<(String, Vec<u8>)> {
        vec![(name.to_owned(), bytes.to_vec())]
    }

    #[test]
    fn what_is_written_is_read_again() {
        for length in [0, 1, 511, 512, 513, 5000] {
            let mut files = one("documents/1.2.3.xml", &vec![7; length]);
            files.push(("manifest.json".into(), b"{}".to_vec()));
            let tar = write(&files, 1_800_000_000).unwrap();
            assert_eq!(tar.len() % BLOCK, 0);
            assert_eq!(read(&tar, 2).unwrap(), files.into_iter().collect());
            assert_eq!(read(&tar, 1), Err(TarFault::TooMany));
        }
    }

    #[test]
    fn names_that_lead_elsewhere_are_neither_written_nor_read() {
        for name in ["", "/etc/passwd", "../x", "a/../b", "a//b", "a/", "ä", "a b", &"x".repeat(100)] {
            assert_eq!(write(&one(name, b"x"), 0), None, "{name}");
        }
        assert_eq!(write(&one("a", b"x"), -1), None);
        let tar = write(&one("aa/b", b"x"), 0).unwrap();
        let mut other = tar.clone();
        other[..2].copy_from_slice(b"..");
        // The sum of the header is put right, so that the name alone is judged.
        let difference = 2 * (i64::from(b'a') - i64::from(b'.'));
        let sum = i64::from_str_radix(std::str::from_utf8(&tar[148..154]).unwrap(), 8).unwrap() - difference;
        other[148..154].copy_from_slice(format!("{sum:06o}").as_bytes());
        assert_eq!(read(&other, 9), Err(TarFault::NotPlain));
    }

    #[test]
    fn damage_is_noticed_and_nothing_panics() {
        let tar = write(&[one("a", b"x"), one("b", &[1; 600])].concat(), 5).unwrap();
        for end in 0..tar.len() - 2 * BLOCK {
            assert!(read(&tar[..end], 9).is_err(), "{end}");
        }
        // The last byte of the sum's own field says nothing.
        for at in (0..BLOCK).filter(|at| *at != 155) {
            let mut broken = tar.clone();
            broken[at] ^= 0x55;
            assert!(read(&broken, 9).is_err(), "{at}");
        }
        let twice = write(&[one("a", b"x"), one("a", b"y")].concat(), 5).unwrap();
        assert_eq!(read(&twice, 9), Err(TarFault::Twice));
    }
}
