//! Anonymous memory of a fixed size that several processes map: `memfd_create(2)`.

use nix::{
    fcntl::{FcntlArg, SealFlag, fcntl},
    sys::{
        memfd::{MFdFlags, memfd_create},
        mman::{MapFlags, ProtFlags, mmap, munmap},
        stat::fstat,
    },
    unistd::ftruncate,
};
use std::{
    ffi::{CStr, c_void},
    io,
    num::NonZeroUsize,
    os::fd::{AsFd, BorrowedFd, OwnedFd},
    ptr::NonNull,
};

/// Memory that stays mapped as long as this lives, at an address of this process's own.
#[derive(Debug)]
pub(super) struct Mapping {
    address: NonNull<c_void>,
    bytes: NonZeroUsize,
    fd: OwnedFd,
}

// SAFETY: a mapping belongs to the process, not to a thread; what lies in it answers for its own sharing.
unsafe impl Send for Mapping {}
// SAFETY: as above; a shared mapping can only tell where it is.
unsafe impl Sync for Mapping {}

impl Mapping {
    /// New memory, all zero. Its size is sealed: a peer that shrank it would kill us with SIGBUS.
    pub(super) fn create(name: &CStr, bytes: usize) -> io::Result<Self> {
        let fd = memfd_create(name, MFdFlags::MFD_CLOEXEC | MFdFlags::MFD_ALLOW_SEALING)?;
        ftruncate(&fd, bytes as i64)?;
        let fixed = SealFlag::F_SEAL_SHRINK | SealFlag::F_SEAL_GROW | SealFlag::F_SEAL_SEAL;
        fcntl(&fd, FcntlArg::F_ADD_SEALS(fixed))?;
        Self::open(fd)
    }

    /// The memory behind a descriptor, every page touched.
    pub(super) fn open(fd: OwnedFd) -> io::Result<Self> {
        let seals = SealFlag::from_bits_truncate(fcntl(&fd, FcntlArg::F_GET_SEALS)?);
        let bytes = NonZeroUsize::new(fstat(&fd)?.st_size as usize);
        let (Some(bytes), true) = (bytes, seals.contains(SealFlag::F_SEAL_SHRINK)) else {
            return Err(io::Error::new(io::ErrorKind::InvalidInput, "not a memfd of a sealed size"));
        };
        let access = ProtFlags::PROT_READ | ProtFlags::PROT_WRITE;
        let flags = MapFlags::MAP_SHARED | MapFlags::MAP_POPULATE;
        // SAFETY: a new mapping at an address that the kernel chooses aliases nothing of ours.
        let address = unsafe { mmap(None, bytes, access, flags, &fd, 0) }?;
        Ok(Self { address, bytes, fd })
    }

    /// Where it begins: at a page.
    pub(super) fn start(&self) -> NonNull<u8> {
        self.address.cast()
    }

    /// Its size.
    pub(super) fn bytes(&self) -> usize {
        self.bytes.get()
    }

    /// The descriptor alone, for whoever maps it next.
    pub(super) fn into_fd(self) -> io::Result<OwnedFd> {
        self.fd.try_clone()
    }
}

impl AsFd for Mapping {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.fd.as_fd()
    }
}

impl Drop for Mapping {
    fn drop(&mut self) {
        // SAFETY: we mapped exactly this; who points into it keeps the mapping alive beside its pointers.
        let unmapped = unsafe { munmap(self.address, self.bytes.get()) };
        debug_assert!(unmapped.is_ok(), "our own mapping can be unmapped");
    }
}
