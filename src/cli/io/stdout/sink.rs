//! Writes to a descriptor, and notices when its reader goes away. Knows nothing of messages.

use std::io;
use std::os::fd::BorrowedFd;

use rustix::event::{PollFd, PollFlags, Timespec};
use rustix::fs::FileType;
use rustix::io::Errno;

/// A write that failed after `written` bytes.
#[derive(Debug)]
pub(super) struct ShortWrite {
    pub(super) written: usize,
    pub(super) error: io::Error,
}

/// Writes all bytes. Waits when another process has made the descriptor non-blocking.
pub(super) fn write_all(fd: BorrowedFd<'_>, bytes: &[u8]) -> Result<(), ShortWrite> {
    let mut written = 0;
    while written < bytes.len() {
        let outcome = match rustix::io::write(fd, &bytes[written..]) {
            Ok(0) => Err(io::ErrorKind::WriteZero.into()),
            Ok(count) => {
                written += count;
                Ok(())
            }
            Err(Errno::INTR) => Ok(()),
            Err(Errno::AGAIN) => wait(fd, PollFlags::OUT).map_err(io::Error::from),
            Err(errno) => Err(errno.into()),
        };
        outcome.map_err(|error| ShortWrite { written, error })?;
    }
    Ok(())
}

/// Whether the descriptor has a reader that can go away. Files, and devices other than terminals, have none.
pub(super) fn can_close(fd: BorrowedFd<'_>) -> bool {
    match rustix::fs::fstat(fd).map(|stat| FileType::from_raw_mode(stat.st_mode)) {
        Ok(FileType::Fifo | FileType::Socket) => true,
        Ok(FileType::CharacterDevice) => rustix::termios::isatty(fd),
        _ => false,
    }
}

/// How many bytes a write takes whole and without waiting when [`is_ready`] is true. A ready pipe has room for PIPE_BUF bytes
/// (pipe(7)), a file always has. For other descriptors 0.
pub(super) fn atomic_write_bytes(fd: BorrowedFd<'_>) -> usize {
    match rustix::fs::fstat(fd).map(|stat| FileType::from_raw_mode(stat.st_mode)) {
        Ok(FileType::Fifo | FileType::RegularFile) => rustix::pipe::PIPE_BUF,
        _ => 0,
    }
}

pub(super) fn is_ready(fd: BorrowedFd<'_>) -> bool {
    let mut fds = [PollFd::from_borrowed_fd(fd, PollFlags::OUT)];
    let now = Timespec {
        tv_sec: 0,
        tv_nsec: 0,
    };
    rustix::event::poll(&mut fds, Some(&now)).is_ok_and(|ready| ready == 1)
}

pub(super) fn is_closed(fd: BorrowedFd<'_>) -> bool {
    let mut fds = [PollFd::from_borrowed_fd(fd, PollFlags::empty())];
    let now = Timespec {
        tv_sec: 0,
        tv_nsec: 0,
    };
    rustix::event::poll(&mut fds, Some(&now)).is_ok_and(|ready| ready == 1)
}

/// Why [`wait_closed`] returned.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum WatchOutcome {
    /// The reader is gone.
    Closed,
    /// The writer has ended, or poll failed: a later write will notice.
    Unwatched,
}

/// Waits until the reader of `fd` is gone, or the other end of `writing` is closed. With no events requested, poll returns only
/// for errors and hang-ups.
pub(super) fn wait_closed(fd: BorrowedFd<'_>, writing: BorrowedFd<'_>) -> WatchOutcome {
    let mut fds = [fd, writing].map(|fd| PollFd::from_borrowed_fd(fd, PollFlags::empty()));
    loop {
        match rustix::event::poll(&mut fds, None) {
            Ok(0) | Err(Errno::INTR) => {}
            Ok(_) if fds[0].revents().is_empty() => return WatchOutcome::Unwatched,
            Ok(_) => return WatchOutcome::Closed,
            Err(_) => return WatchOutcome::Unwatched,
        }
    }
}

fn wait(fd: BorrowedFd<'_>, events: PollFlags) -> Result<(), Errno> {
    let mut fds = [PollFd::from_borrowed_fd(fd, events)];
    match rustix::event::poll(&mut fds, None) {
        Ok(_) | Err(Errno::INTR) => Ok(()),
        Err(errno) => Err(errno),
    }
}
