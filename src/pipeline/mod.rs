//! Load, rewrite, verify, save.
