//! Exact reference kernels on tensors.
