//! What all model formats meet in: graphs with blocks, typed values, constants by handle, effects, and a module tree.
