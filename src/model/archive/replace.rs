//! A file that takes its place whole or not at all: a path and its new content go in; the file is there complete, or is as it was.
//!
//! Invariant: readers that have the old file open or mapped keep the old bytes.
//! Invariant: an error or a drop before [`Replacement::commit`] leaves nothing behind.

use std::fs::{self, File, OpenOptions};
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

/// New content for a file, gathered in a temporary file of the same folder until it is committed.
pub struct Replacement {
    target: PathBuf,
    temporary: PathBuf,
    out: Option<BufWriter<File>>,
}

impl Replacement {
    /// Begins to replace the file at `path`, which need not exist. When `path` is a link, the file it leads to is replaced and the link
    /// stays.
    ///
    /// # Errors
    /// When the folder refuses a new file, or `path` is something other than a file (a folder, a device).
    pub fn create(path: &Path) -> io::Result<Replacement> {
        let target = resolve(path)?;
        let existing = match fs::metadata(&target) {
            Ok(metadata) if !metadata.is_file() => {
                return Err(io::Error::new(
                    io::ErrorKind::InvalidInput,
                    "it exists and is not a file",
                ));
            }
            Ok(metadata) => Some(metadata),
            Err(error) if error.kind() == io::ErrorKind::NotFound => None,
            Err(error) => return Err(error),
        };
        let (temporary, file) = create_beside(&target)?;
        let replacement = Replacement {
            target,
            temporary,
            out: Some(BufWriter::with_capacity(1 << 16, file)),
        };
        if let Some(metadata) = existing {
            fs::set_permissions(&replacement.temporary, metadata.permissions())?;
        }
        Ok(replacement)
    }

    /// The temporary file, to read back what was written (after a `flush`) before it takes its place.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.temporary
    }

    /// Puts the new content in the file's place.
    ///
    /// # Errors
    /// When the last bytes cannot be written or the file cannot be renamed; the old file is then as it was.
    pub fn commit(mut self) -> io::Result<()> {
        self.flush()?;
        drop(self.out.take());
        fs::rename(&self.temporary, &self.target)?;
        // Renamed: there is nothing left to remove.
        self.temporary.clear();
        Ok(())
    }

    fn open(&mut self) -> io::Result<&mut BufWriter<File>> {
        self.out
            .as_mut()
            .ok_or_else(|| io::Error::other("the replacement is closed"))
    }
}

impl Write for Replacement {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.open()?.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.open()?.flush()
    }
}

impl Drop for Replacement {
    fn drop(&mut self) {
        if let Some(out) = self.out.take() {
            // What is still in the buffer belongs to a file that is about to be removed.
            let _ = out.into_parts();
        }
        if !self.temporary.as_os_str().is_empty() {
            // Nobody is left to tell when removing fails, and the target is untouched either way.
            let _ = fs::remove_file(&self.temporary);
        }
    }
}

/// Replaces the file at `path` by what `write` writes; on an error of `write` the old file stays as it is.
///
/// # Errors
/// Those of `write`, and those of [`Replacement::create`] and [`Replacement::commit`].
pub fn replace_file<T, E: From<io::Error>>(
    path: &Path,
    write: impl FnOnce(&mut Replacement) -> Result<T, E>,
) -> Result<T, E> {
    let mut replacement = Replacement::create(path)?;
    let result = write(&mut replacement)?;
    replacement.commit()?;
    Ok(result)
}

/// Follows links as far as they lead, also when the last one leads to a file that is not there yet.
fn resolve(path: &Path) -> io::Result<PathBuf> {
    let mut target = path.to_owned();
    for _ in 0..40 {
        match fs::read_link(&target) {
            Ok(next) => {
                target = match target.parent() {
                    Some(folder) => folder.join(next),
                    None => next,
                }
            }
            Err(_) => return Ok(target),
        }
    }
    Err(io::Error::new(
        io::ErrorKind::InvalidInput,
        "its links lead in a circle",
    ))
}

/// Creates a file of a new name in the folder of `target`.
fn create_beside(target: &Path) -> io::Result<(PathBuf, File)> {
    let name = target
        .file_name()
        .ok_or_else(|| io::Error::new(io::ErrorKind::InvalidInput, "the path names no file"))?;
    let mut attempt = 0_u32;
    loop {
        let mut temporary = std::ffi::OsString::from(".");
        temporary.push(name);
        temporary.push(format!(".{}.{attempt}.tmp", std::process::id()));
        let temporary = target.with_file_name(temporary);
        match OpenOptions::new()
            .write(true)
            .create_new(true)
            .open(&temporary)
        {
            Ok(file) => return Ok((temporary, file)),
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists && attempt < 1000 => {
                attempt += 1
            }
            Err(error) => return Err(error),
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::indexing_slicing)]
mod tests {
    use super::*;
    use crate::model::archive::{Archive, ArchiveWriter, Compression};

    fn names(folder: &Path) -> Vec<String> {
        let mut names: Vec<_> = fs::read_dir(folder)
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        names.sort();
        names
    }

    #[test]
    fn a_new_file_appears_and_an_old_one_is_replaced() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("model.pt");
        for content in ["one", "another"] {
            replace_file(&path, |out| out.write_all(content.as_bytes())).unwrap();
            assert_eq!(fs::read_to_string(&path).unwrap(), content);
            assert_eq!(names(folder.path()), ["model.pt"]);
        }
    }

    #[test]
    fn an_error_leaves_the_old_file_and_nothing_else() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("model.pt");
        fs::write(&path, "old").unwrap();
        let result = replace_file(&path, |out| {
            out.write_all(&[1; 100_000])?;
            Err::<(), _>(io::Error::other("no"))
        });
        assert_eq!(result.unwrap_err().to_string(), "no");
        assert_eq!(fs::read_to_string(&path).unwrap(), "old");
        assert_eq!(names(folder.path()), ["model.pt"]);
    }

    #[test]
    fn a_mapped_archive_can_be_replaced_by_itself() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("model.pt");
        let save = |bytes: &[u8], compression| {
            let mut writer = ArchiveWriter::new();
            writer.add("data/0", bytes, compression).unwrap();
            replace_file(&path, |out| writer.write(out)).unwrap();
        };
        save(&[5; 100_000], Compression::Stored);
        let archive = Archive::open(&path).unwrap();
        let old = archive.read("data/0").unwrap();
        save(&old[..50_000], Compression::Deflated);
        assert_eq!(*old, [5; 100_000]);
        assert_eq!(
            *Archive::open(&path).unwrap().read("data/0").unwrap(),
            [5; 50_000]
        );
    }

    #[test]
    fn what_was_written_can_be_looked_at_first() {
        let folder = tempfile::tempdir().unwrap();
        let mut replacement = Replacement::create(&folder.path().join("model.pt")).unwrap();
        replacement.write_all(b"new").unwrap();
        replacement.flush().unwrap();
        assert_eq!(fs::read(replacement.path()).unwrap(), b"new");
        drop(replacement);
        assert!(names(folder.path()).is_empty());
    }

    #[test]
    fn a_folder_is_not_replaced() {
        let folder = tempfile::tempdir().unwrap();
        assert!(Replacement::create(folder.path()).is_err());
        assert!(Replacement::create(&folder.path().join("no/such/model.pt")).is_err());
        assert!(names(folder.path()).is_empty());
    }

    #[cfg(unix)]
    #[test]
    fn links_and_permissions_stay() {
        use std::os::unix::fs::{PermissionsExt, symlink};

        let folder = tempfile::tempdir().unwrap();
        let (file, link) = (
            folder.path().join("model.pt"),
            folder.path().join("link.pt"),
        );
        symlink("model.pt", &link).unwrap();
        replace_file(&link, |out| out.write_all(b"one")).unwrap();
        assert_eq!(fs::read(&file).unwrap(), b"one");

        fs::set_permissions(&file, fs::Permissions::from_mode(0o640)).unwrap();
        replace_file(&link, |out| out.write_all(b"two")).unwrap();
        assert_eq!(fs::read(&file).unwrap(), b"two");
        assert_eq!(
            fs::metadata(&file).unwrap().permissions().mode() & 0o777,
            0o640
        );
        assert!(fs::symlink_metadata(&link).unwrap().is_symlink());

        symlink("circle", folder.path().join("circle")).unwrap();
        assert!(Replacement::create(&folder.path().join("circle")).is_err());
    }
}
