//! Structures from folders: every `.json` file, in the order of folders and names, one at a time in memory.
//!
//! Judges nothing: the registry does. The sidecar's start and the command line call it.

use std::fs::{self, File};
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use crate::domain::structure::{FILE_BYTES_MAX, Registry, StructureFault};

/// A folder that cannot be read.
#[derive(Debug, thiserror::Error)]
#[error("cannot read the folder {folder}")]
pub struct FolderError {
    /// Which.
    pub folder: PathBuf,
    /// Why.
    pub source: io::Error,
}

/// The structures in these folders, and what is wrong with files that cannot be used. The first of two with the same OID counts.
///
/// # Errors
/// [`FolderError`] when a folder itself cannot be read; a file that cannot is a fault among others.
pub fn load<P: AsRef<Path>>(folders: &[P]) -> Result<(Registry, Vec<StructureFault>), FolderError> {
    let (mut registry, mut faults) = (Registry::default(), Vec::new());
    for folder in folders {
        let folder = folder.as_ref();
        let files = files(folder).map_err(|source| FolderError { folder: folder.to_owned(), source })?;
        for path in files {
            let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
            let read = text(&path).map_err(|error| StructureFault::unreadable(name.as_str(), error.to_string()));
            faults.extend(read.and_then(|text| registry.read(&name, &text)).err());
        }
    }
    Ok((registry, faults))
}

fn files(folder: &Path) -> io::Result<Vec<PathBuf>> {
    let paths = fs::read_dir(folder)?.map(|entry| entry.map(|e| e.path())).collect::<io::Result<Vec<_>>>()?;
    let mut files: Vec<_> = paths.into_iter().filter(|p| p.extension().is_some_and(|e| e == "json")).collect();
    files.sort();
    Ok(files)
}

fn text(path: &Path) -> io::Result<String> {
    let mut text = String::new();
    // One byte over the limit is enough for the reader to say that there is too much.
    let limit = u64::try_from(FILE_BYTES_MAX).unwrap_or(u64::MAX).saturating_add(1);
    File::open(path)?.take(limit).read_to_string(&mut text)?;
    Ok(text)
}
