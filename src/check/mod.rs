//! Trees to checked rules: names, arity, types, instances.
