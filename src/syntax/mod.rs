//! Rule text to tokens to tree.
