//! The body of a response: bytes in memory, or a file that is read piece by piece as the peer takes them.

use std::fs::File;
use std::io::{self, Read as _};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use hyper::body::{Frame, SizeHint};
use tokio::sync::Semaphore;
use tokio_tungstenite::tungstenite::Bytes;

use crate::limits;

/// Runs file reads on blocking threads, at most [`limits::FILE_READS`] at once.
#[derive(Debug, Clone)]
pub struct DiskReads(Arc<Semaphore>);

impl Default for DiskReads {
    fn default() -> Self {
        Self(Arc::new(Semaphore::new(limits::FILE_READS)))
    }
}

impl DiskReads {
    /// Runs `read` on a thread that may block, when its turn comes.
    pub async fn run<T: Send + 'static>(
        self,
        read: impl FnOnce() -> io::Result<T> + Send + 'static,
    ) -> io::Result<T> {
        // The semaphore is never closed.
        let _turn = self.0.acquire_owned().await.map_err(io::Error::other)?;
        tokio::task::spawn_blocking(read)
            .await
            .map_err(io::Error::other)?
    }
}

type PendingRead = Pin<Box<dyn Future<Output = io::Result<(File, Bytes)>> + Send>>;

#[derive(Default)]
pub enum ResponseBody {
    #[default]
    Empty,
    Whole(Bytes),
    /// A file, and the number of its bytes that are left to send.
    File(File, u64, DiskReads),
    Reading(PendingRead, u64, DiskReads),
}

impl<T: Into<Bytes>> From<T> for ResponseBody {
    fn from(bytes: T) -> Self {
        Self::Whole(bytes.into())
    }
}

impl hyper::body::Body for ResponseBody {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<io::Result<Frame<Bytes>>>> {
        loop {
            // `take` leaves `Empty` behind, so an error ends the body.
            match std::mem::take(&mut *self) {
                Self::Empty | Self::File(_, 0, _) => return Poll::Ready(None),
                Self::Whole(bytes) => return Poll::Ready(Some(Ok(Frame::data(bytes)))),
                Self::File(file, left, disk) => {
                    let read = Box::pin(disk.clone().run(move || read_piece(file, left)));
                    *self = Self::Reading(read, left, disk);
                }
                Self::Reading(mut read, left, disk) => {
                    let Poll::Ready(done) = read.as_mut().poll(cx) else {
                        *self = Self::Reading(read, left, disk);
                        return Poll::Pending;
                    };
                    let (file, piece) = done?;
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
            Self::Whole(bytes) => bytes.len() as u64,
            Self::File(_, left, _) | Self::Reading(_, left, _) => *left,
        })
    }
}

/// Reads the next piece. Fails if the file has become shorter, because its length was sent with the headers.
fn read_piece(mut file: File, left: u64) -> io::Result<(File, Bytes)> {
    let length = left.min(limits::FILE_PIECE_BYTES as u64);
    let mut piece = Vec::with_capacity(usize::try_from(length).unwrap_or_default());
    file.by_ref().take(length).read_to_end(&mut piece)?;
    if (piece.len() as u64) < length {
        return Err(io::ErrorKind::UnexpectedEof.into());
    }
    Ok((file, piece.into()))
}
