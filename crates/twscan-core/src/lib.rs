//! See, count and explain TCP TIME_WAIT sockets and local ports.
