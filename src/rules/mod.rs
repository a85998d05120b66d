//! Checked rules to compiled ones: a matcher trie, guards and builders; and the embedded library.
