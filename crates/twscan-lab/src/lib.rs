//! Private network namespaces and the socket populations made in them.
