//! Rule files that the user names: which files a path means, and which module each is.

use std::fs;
use std::path::{Path, PathBuf};

use crate::diagnostic;
use crate::pipeline::library::{self, Loaded, RuleText};
use crate::rules::SHIPPED;

use super::output::Output;
use super::{INPUT_WRONG, RULES_WRONG};

/// Rules that cannot be used.
pub enum Refused {
    /// A path cannot be read; a message for the user.
    Unreadable(String),
    /// The rules have errors.
    Wrong(Box<Loaded>),
}

impl Refused {
    /// Says why; the exit code.
    pub fn tell(&self, output: &Output) -> u8 {
        match self {
            Refused::Unreadable(message) => {
                output.error(message);
                INPUT_WRONG
            }
            Refused::Wrong(loaded) => {
                output.diagnostics(&loaded.sources, &loaded.diagnostics);
                RULES_WRONG
            }
        }
    }
}

/// The shipped library with the rule files behind these paths.
pub fn load(paths: &[PathBuf]) -> Result<Loaded, Refused> {
    right(library::load(read(paths).map_err(Refused::Unreadable)?))
}

/// The same for a command that uses the rules and looks at no test of the shipped ones.
pub fn load_for_use(paths: &[PathBuf]) -> Result<Loaded, Refused> {
    right(library::load_for_use(
        read(paths).map_err(Refused::Unreadable)?,
    ))
}

fn right(loaded: Loaded) -> Result<Loaded, Refused> {
    if diagnostic::has_errors(&loaded.diagnostics) {
        return Err(Refused::Wrong(Box::new(loaded)));
    }
    Ok(loaded)
}

/// The rule files behind these paths, in order; folders are searched for `*.fold`. An error is a message for the user.
pub fn read(paths: &[PathBuf]) -> Result<Vec<RuleText>, String> {
    let mut texts = Vec::new();
    for path in paths {
        let Some(files) = inside(path)? else {
            texts.push(read_file(path, file_module(path))?);
            continue;
        };
        if files.is_empty() {
            return Err(format!(
                "{}: there is no *.fold file in this folder",
                path.display()
            ));
        }
        for file in files {
            let relative = file.strip_prefix(path).unwrap_or(&file).to_path_buf();
            texts.push(read_file(&file, folder_module(path, &relative))?);
        }
    }
    Ok(texts)
}

/// The rule files behind these paths, as [`read`] finds them.
pub fn paths(paths: &[PathBuf]) -> Result<Vec<PathBuf>, String> {
    let mut found = Vec::new();
    for path in paths {
        found.append(&mut inside(path)?.unwrap_or_else(|| vec![path.clone()]));
    }
    Ok(found)
}

/// The rule files of a folder, sorted; `None` for a path that is no folder.
fn inside(path: &Path) -> Result<Option<Vec<PathBuf>>, String> {
    let metadata = fs::metadata(path).map_err(|error| unreadable(path, &error))?;
    if !metadata.is_dir() {
        return Ok(None);
    }
    let mut files = Vec::new();
    find(path, &mut files)?;
    files.sort();
    Ok(Some(files))
}

fn read_file(path: &Path, module: String) -> Result<RuleText, String> {
    let bytes = fs::read(path).map_err(|error| unreadable(path, &error))?;
    Ok(RuleText {
        module,
        path: path.display().to_string(),
        bytes,
    })
}

fn unreadable(path: &Path, error: &std::io::Error) -> String {
    format!("{}: cannot be read: {error}", path.display())
}

fn find(folder: &Path, files: &mut Vec<PathBuf>) -> Result<(), String> {
    for entry in fs::read_dir(folder).map_err(|error| unreadable(folder, &error))? {
        let path = entry.map_err(|error| unreadable(folder, &error))?.path();
        if path.is_dir() {
            find(&path, files)?;
        } else if path
            .extension()
            .is_some_and(|extension| extension == "fold")
        {
            files.push(path);
        }
    }
    Ok(())
}

/// A file of a folder is named by its path in it; a folder that is itself a part of the library keeps its place there.
fn folder_module(folder: &Path, relative: &Path) -> String {
    let inside = dotted(relative);
    let whole = dotted(&folder.join(relative));
    shipped_suffix(&whole).unwrap_or(inside)
}

/// A file alone is the shipped module that its path ends with, else it is named by its stem.
fn file_module(path: &Path) -> String {
    let whole = dotted(path);
    shipped_suffix(&whole).unwrap_or_else(|| {
        path.file_stem()
            .map_or(whole, |stem| stem.to_string_lossy().into_owned())
    })
}

/// The longest name of a shipped module that `dotted` ends with, if the file lies under a folder called `patterns`.
fn shipped_suffix(dotted: &str) -> Option<String> {
    let below = dotted.rsplit_once("patterns.").map(|(_, below)| below)?;
    SHIPPED
        .iter()
        .find(|file| file.module == below)
        .map(|file| file.module.to_owned())
}

fn dotted(path: &Path) -> String {
    let stem = path.with_extension("");
    let parts: Vec<_> = stem
        .components()
        .filter_map(|part| match part {
            std::path::Component::Normal(name) => Some(name.to_string_lossy().into_owned()),
            _ => None,
        })
        .collect();
    parts.join(".")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn modules_are_named_by_their_paths() {
        assert_eq!(file_module(Path::new("/home/me/my.fold")), "my");
        assert_eq!(
            file_module(Path::new("patterns/torch/clean.fold")),
            "torch.clean"
        );
        assert_eq!(file_module(Path::new("../x/patterns/torch.fold")), "torch");
        assert_eq!(
            folder_module(Path::new("patterns"), Path::new("torch/clean.fold")),
            "torch.clean"
        );
        assert_eq!(
            folder_module(Path::new("rules"), Path::new("a/b.fold")),
            "a.b"
        );
    }
}
