//! The body of an answer: text that is there already, or a file that is read in pieces as the peer takes them.

use std::fs::File;
use std::io::{self, Read as _};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use hyper::body::{Frame, SizeHint};
use tokio::sync::Semaphore;
use tokio_tungstenite::tungstenite::Bytes;

use crate::limits;

/// Reads of files: so many at once, on threads that may wait for the disk.
#[derive(Debug, Clone)]
pub struct Disk(Arc<Semaphore>);

impl Default for Disk {
    fn default() -> Self {
        Self(Arc::new(Semaphore::new(limits::FILE_READS)))
    }
}

impl Disk {
    /// Runs `read` where it may wait for the disk, when it is its turn.
    pub async fn ask<T: Send + 'static>(
        self,
        read: impl FnOnce() -> io::Result<T> + Send + 'static,
    ) -> io::Result<T> {
        // Nobody closes it.
        let _turn = self.0.acquire_owned().await.map_err(io::Error::other)?;
        tokio::task::spawn_blocking(read)
            .await
            .map_err(io::Error::other)?
    }
}

type Reading = Pin<Box<dyn Future<Output = io::Result<(File, Bytes)>> + Send>>;

#[derive(Default)]
pub enum Body {
    #[default]
    Empty,
    Whole(Bytes),
    /// So many bytes of a file are left.
    File(File, u64, Disk),
    Reading(Reading, u64, Disk),
}

impl<T: Into<Bytes>> From<T> for Body {
    fn from(text: T) -> Self {
        Self::Whole(text.into())
    }
}

impl hyper::body::Body for Body {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<io::Result<Frame<Bytes>>>> {
        loop {
            // Empty stays behind: after an error there is nothing more.
            match std::mem::take(&mut *self) {
                Self::Empty => return Poll::Ready(None),
                Self::Whole(text) => return Poll::Ready(Some(Ok(Frame::data(text)))),
                Self::File(_, 0, _) => return Poll::Ready(None),
                Self::File(file, left, disk) => {
                    let reading = Box::pin(disk.clone().ask(move || piece(file, left)));
                    *self = Self::Reading(reading, left, disk);
                }
                Self::Reading(mut reading, left, disk) => {
                    let Poll::Ready(read) = reading.as_mut().poll(cx) else {
                        *self = Self::Reading(reading, left, disk);
                        return Poll::Pending;
                    };
                    let (file, piece) = read?;
                    *self = Self::File(file, left.saturating_sub(piece.len() as u64), disk);
                    return Poll::Ready(Some(Ok(Frame::data(piece))));
                }
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        matches!(self, Self::Empty | Self::File(_, 0, _))
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(match self {
            Self::Empty => 0,
            Self::Whole(text) => text.len() as u64,
            Self::File(_, left, _) | Self::Reading(_, left, _) => *left,
        })
    }
}

/// The next piece. A file that has become shorter is an error: its length was told.
fn piece(mut file: File, left: u64) -> io::Result<(File, Bytes)> {
    let length = left.min(limits::FILE_PIECE_BYTES as u64);
    let mut piece = Vec::with_capacity(usize::try_from(length).unwrap_or_default());
    file.by_ref().take(length).read_to_end(&mut piece)?;
    if (piece.len() as u64) < length {
        return Err(io::ErrorKind::UnexpectedEof.into());
    }
    Ok((file, piece.into()))
}
