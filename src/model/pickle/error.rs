//! What can be wrong with a pickle: an offset and a fault go in, one sentence with a cure comes out. The file and member are added by
//! whoever read them.

/// Why a pickle cannot be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("byte {offset}: {fault}; {}", fault.cure())]
pub struct PickleError {
    /// Offset in bytes from the start of the pickle.
    pub offset: usize,
    /// What is wrong there.
    pub fault: PickleFault,
}

/// What is wrong with a pickle.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PickleFault {
    /// The bytes end before the pickle does.
    #[error("the pickle ends in the middle of {0}")]
    Truncated(&'static str),
    /// The first bytes are not those of protocol 2.
    #[error("this is not a pickle of protocol 2")]
    Protocol,
    /// An opcode PyTorch's archives do not use.
    #[error("opcode {name} ({code:#04x}) is not used in PyTorch's archives and not read")]
    Opcode {
        /// The opcode's name in Python's `pickletools`.
        name: &'static str,
        /// The byte.
        code: u8,
    },
    /// An opcode takes more from the stack than there is.
    #[error("{0} finds too little on the stack")]
    Stack(&'static str),
    /// An opcode gets a value of a kind it cannot use.
    #[error("{opcode} needs {needs}, it gets {gets}")]
    Kind {
        /// The opcode.
        opcode: &'static str,
        /// What it needs.
        needs: &'static str,
        /// What is there.
        gets: &'static str,
    },
    /// The memo has no such entry.
    #[error("memo entry {0} is used before it is made")]
    Memo(u32),
    /// A string is not UTF-8.
    #[error("the string is not UTF-8")]
    Utf8,
    /// An integer needs more than 64 bits.
    #[error("the integer needs more than 64 bits")]
    WideInt,
    /// A value contains itself.
    #[error("the value contains itself")]
    Cycle,
    /// Values are nested deeper than [`super::DEPTH_LIMIT`].
    #[error("values are nested more than {0} deep")]
    Depth(usize),
    /// Something is left when the pickle ends.
    #[error("the pickle ends here, but {0} are left over")]
    LeftOver(&'static str),
    /// The pickle is larger than 4 GiB.
    #[error("the pickle is larger than 4 GiB")]
    TooLarge,
}

impl PickleFault {
    /// What the user can do about it, as an imperative clause.
    #[must_use]
    pub fn cure(&self) -> &'static str {
        match self {
            PickleFault::Truncated(_)
            | PickleFault::Stack(_)
            | PickleFault::Memo(_)
            | PickleFault::LeftOver(_) => "save the model again: the pickle is damaged",
            PickleFault::Protocol | PickleFault::Opcode { .. } | PickleFault::Kind { .. } => {
                "save the model with `torch.jit.save`, whose pickles use protocol 2 without Python objects"
            }
            PickleFault::Utf8 => "use UTF-8 for strings in the model",
            PickleFault::WideInt => "keep integers of the model in 64 bits",
            PickleFault::Cycle => {
                "break the circle of references before saving: a graph needs a tree of modules"
            }
            PickleFault::Depth(_) => "flatten the nested containers before saving",
            PickleFault::TooLarge => {
                "keep large data in tensors, which are stored outside of the pickle"
            }
        }
    }
}
