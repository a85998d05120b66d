//! Tests of the engine on rules written as terms: every form of pattern, and the trie against a matcher that does without it.

mod fold;
mod forms;
mod naive;
mod near;
mod random;
mod saturation;
mod text;
