//! Shared memory: a sealed memfd mapped by both ends, what lies in it, and how one waits for its words to change.
//!
//! `ring` joins one sender to one receiver; `duplex` makes a channel of two rings. [`queue`] joins any number of both,
//! under a `lock` that survives the death of its holder. None of these is a mechanism: their rows are in `mechanisms/`.

pub(super) mod duplex;
pub(super) mod futex;
mod lock;
mod mapping;
pub mod queue;
pub(super) mod ring;

/// Slots of a ring, a power of two. Deep enough that a receiver which wakes up late finds work for a while, shallow
/// enough that the slots of both directions stay in a core's own cache.
const SLOTS: usize = 128;

/// What a ring is built from. Its model check (`tests/ring_model.rs`) puts loom's types of the same names in place.
mod atomic {
    pub(super) use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};

    /// Plain memory that both ends touch, one at a time.
    #[repr(transparent)]
    pub(super) struct UnsafeCell<T>(std::cell::UnsafeCell<T>);

    impl<T> UnsafeCell<T> {
        #[cfg(test)]
        #[allow(dead_code, reason = "only the model check makes lanes that are not all-zero memory")]
        pub(super) fn new(value: T) -> Self {
            Self(std::cell::UnsafeCell::new(value))
        }

        #[inline]
        pub(super) fn with<R>(&self, read: impl FnOnce(*const T) -> R) -> R {
            read(self.0.get())
        }

        #[inline]
        pub(super) fn with_mut<R>(&self, write: impl FnOnce(*mut T) -> R) -> R {
            write(self.0.get())
        }
    }
}
