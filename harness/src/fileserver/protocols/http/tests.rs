//! HTTP as others speak it.
