//! What ss and netstat leave behind, read as recordings.
