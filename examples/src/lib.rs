//! Embedding examples: see the files in `examples/`.
