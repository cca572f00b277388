//! A mutex in shared memory that survives the death of its holder: `pthread_mutexattr_setrobust(3)`.
//!
//! The C library's own, because what makes it robust is a list that each thread registers with the kernel; a thread has
//! one such list, and the C library has it.

use std::{cell::UnsafeCell, io, marker::PhantomData, mem::MaybeUninit};

/// Attempts to get the lock before sleeping for it. Sections under it are short, sleeping is not.
const TRIES: u32 = 64;

/// The mutex, as it lies in shared memory.
#[repr(transparent)]
pub(super) struct Lock(UnsafeCell<libc::pthread_mutex_t>);

// SAFETY: a process-shared mutex is made to be used from everywhere at once.
unsafe impl Sync for Lock {}

/// Held; dropping it unlocks.
pub(super) struct Held<'a>(&'a Lock, NotSend);

/// The thread that locks must unlock.
type NotSend = PhantomData<*mut ()>;

/// How the lock was come by.
pub(super) enum Locked<'a> {
    /// As usual.
    Usually(Held<'a>),
    /// Its holder died. The lock is fit for use again; what it guards is for the new holder to judge.
    FromTheDead(Held<'a>),
}

impl Lock {
    /// Makes it, between processes and robust.
    ///
    /// # Safety
    ///
    /// `place` is writable, and nobody uses it yet. It may not move while it is in use.
    pub(super) unsafe fn make(place: *mut Self) -> io::Result<()> {
        let mut attributes = MaybeUninit::<libc::pthread_mutexattr_t>::uninit();
        let attributes = attributes.as_mut_ptr();
        // SAFETY: the attributes are made before they are used, and destroyed after; the mutex may be written.
        unsafe {
            check(libc::pthread_mutexattr_init(attributes))?;
            let made = check(libc::pthread_mutexattr_setpshared(attributes, libc::PTHREAD_PROCESS_SHARED))
                .and_then(|()| {
                    check(libc::pthread_mutexattr_setrobust(attributes, libc::PTHREAD_MUTEX_ROBUST))
                })
                .and_then(|()| check(libc::pthread_mutex_init(place.cast(), attributes)));
            libc::pthread_mutexattr_destroy(attributes);
            made
        }
    }

    /// Waits for the lock.
    #[inline]
    pub(super) fn lock(&self) -> io::Result<Locked<'_>> {
        let mutex = self.0.get();
        for _ in 0..TRIES {
            // SAFETY: the mutex was made before anybody could map it, and is mapped as long as we are borrowed.
            match unsafe { libc::pthread_mutex_trylock(mutex) } {
                libc::EBUSY => std::hint::spin_loop(),
                result => return self.locked(result),
            }
        }
        // SAFETY: as above.
        self.locked(unsafe { libc::pthread_mutex_lock(mutex) })
    }

    #[inline]
    fn locked(&self, result: i32) -> io::Result<Locked<'_>> {
        if result == libc::EOWNERDEAD {
            // SAFETY: we hold the mutex, in the state that this call is for.
            check(unsafe { libc::pthread_mutex_consistent(self.0.get()) })?;
            return Ok(Locked::FromTheDead(Held(self, PhantomData)));
        }
        check(result)?;
        Ok(Locked::Usually(Held(self, PhantomData)))
    }
}

impl Drop for Held<'_> {
    #[inline]
    fn drop(&mut self) {
        // SAFETY: this thread holds it: the guard is made by the thread that locked, and cannot be sent to another.
        let unlocked = unsafe { libc::pthread_mutex_unlock(self.0.0.get()) };
        debug_assert_eq!(unlocked, 0, "the holder can unlock");
    }
}

fn check(result: i32) -> io::Result<()> {
    if result == 0 { Ok(()) } else { Err(io::Error::from_raw_os_error(result)) }
}
