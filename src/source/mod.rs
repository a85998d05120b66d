//! Texts of files: names, spans, and lines and columns in bytes and UTF-16.
