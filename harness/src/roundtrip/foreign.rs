//! Somebody else's program beside ours.
