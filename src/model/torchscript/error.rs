//! What can be wrong with a TorchScript archive, or with a model that is to become one.
//!
//! In: the place and what was found there. Out: one error that a person can act on.
//! Invariant: every error names its place and says what to do about it.

use thiserror::Error;

use crate::model::archive::ArchiveError;
use crate::model::pickle::PickleError;

/// A place in a code member.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct CodePlace {
    /// The member, such as `code/__torch__/m.py`.
    pub file: String,
    /// Line, from 1.
    pub line: u32,
    /// Column in bytes, from 1.
    pub column: u32,
}

impl std::fmt::Display for CodePlace {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}:{}:{}", self.file, self.line, self.column)
    }
}

/// Why an archive was not read.
#[derive(Debug, Error)]
pub enum ReadError {
    /// The zip archive is damaged or cannot be opened.
    #[error(transparent)]
    Archive(#[from] ArchiveError),
    /// A pickle is damaged.
    #[error("{member}: {source}")]
    Pickle {
        /// The member, such as `data.pkl`.
        member: &'static str,
        /// What is wrong, at which byte.
        source: PickleError,
    },
    /// The archive is sound, but no TorchScript archive that we read.
    #[error("{file}: {what}; {cure}")]
    Container {
        /// The file.
        file: String,
        /// What was found.
        what: String,
        /// What to do.
        cure: String,
    },
    /// Code that is wrong or that we do not understand.
    #[error("{place}: {what}; {cure}")]
    Code {
        /// Where.
        place: CodePlace,
        /// What was found.
        what: String,
        /// What to do.
        cure: String,
    },
    /// An object of `data.pkl` or `constants.pkl` that is wrong or that we do not understand.
    #[error("{place}: {what}; {cure}")]
    Object {
        /// Member and path of the object, such as `data.pkl: self.features.0.weight`.
        place: String,
        /// What was found.
        what: String,
        /// What to do.
        cure: String,
    },
}

impl ReadError {
    /// The error with the name of the archive in front, where it is not in the error already.
    #[must_use]
    pub fn of_file(&self, file: impl std::fmt::Display) -> String {
        match self {
            ReadError::Archive(_) | ReadError::Container { .. } => self.to_string(),
            ReadError::Pickle { .. } | ReadError::Code { .. } | ReadError::Object { .. } => {
                format!("{file}: {self}")
            }
        }
    }
}

/// Why a model was not written.
#[derive(Debug, Error)]
pub enum WriteError {
    /// The model holds something that TorchScript cannot say.
    #[error("{place}: {what}; {cure}")]
    Model {
        /// Function, module or constant.
        place: String,
        /// What it is.
        what: String,
        /// What to do.
        cure: String,
    },
    /// The bytes could not be written.
    #[error(
        "cannot write the archive: {0}; check that the disk has room and the path can be written"
    )]
    Io(#[from] std::io::Error),
}

/// The usual cure for code that PyTorch itself did not write.
pub(super) const SAVE_AGAIN: &str = "save the model again with torch.jit.save";

/// The cure for code that is TorchScript, but more of it than we read.
pub(super) const REWRITE: &str =
    "write that part of the model another way, then script and save it again";
