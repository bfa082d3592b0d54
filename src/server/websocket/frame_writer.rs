//! Writes the frames of one WebSocket connection. tungstenite reads the connection, and sends only its answers to pings
//! and closes through this writer.
//!
//! We write frames ourselves to save memory and system calls. A burst of small frames is one buffer and one `write`,
//! and a large body is written without a copy. An idle connection holds no buffer: the connections of a thread share
//! one.

use std::cell::Cell;
use std::io::{self, IoSlice};
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::Buf as _;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio_tungstenite::tungstenite::Bytes;

use crate::hub::frame::WireFrame;
use crate::limits;

thread_local! {
    /// The buffer of the last burst, emptied. Bursts of different connections follow one another.
    static SPARE_BUFFER: Cell<Vec<u8>> = const { Cell::new(Vec::new()) };
}

pub struct FrameWriter<S> {
    io: S,
    /// Whole frames, and at the end perhaps the header of `body`. The system has the first `written` bytes.
    burst: Vec<u8>,
    written: usize,
    /// A payload too large to copy. No frame follows it until it is written.
    body: Bytes,
    /// A frame from tungstenite did not fit.
    is_blocked: bool,
}

impl<S> FrameWriter<S> {
    pub fn new(io: S) -> Self {
        Self {
            io,
            burst: Vec::new(),
            written: 0,
            body: Bytes::new(),
            is_blocked: false,
        }
    }

    pub fn io(&self) -> &S {
        &self.io
    }

    /// Whether another frame can be pushed now.
    pub fn has_room(&self) -> bool {
        self.body.is_empty() && self.burst.len() < limits::WRITE_BUFFER_BYTES
    }

    /// Whether everything has been written.
    pub fn is_empty(&self) -> bool {
        self.burst.is_empty() && self.body.is_empty()
    }

    /// Whether a frame from tungstenite did not fit since the last call.
    pub fn take_blocked(&mut self) -> bool {
        std::mem::take(&mut self.is_blocked)
    }

    /// Call it only after [`Self::has_room`].
    pub fn push(&mut self, frame: WireFrame) {
        let (opcode, payload) = match frame {
            WireFrame::Text(text) => (TEXT, Bytes::from(text)),
            WireFrame::Binary(bytes) => (BINARY, bytes),
        };
        let burst = self.burst();
        push_header(opcode, payload.len(), burst);
        if payload.len() < limits::INLINE_PAYLOAD_BYTES {
            burst.extend_from_slice(&payload);
        } else {
            self.body = payload;
        }
    }

    fn burst(&mut self) -> &mut Vec<u8> {
        if self.burst.capacity() == 0 {
            self.burst = SPARE_BUFFER.take();
        }
        &mut self.burst
    }

    /// Returns the buffer to the thread: the system has everything.
    fn clear(&mut self) {
        self.burst.clear();
        self.written = 0;
        SPARE_BUFFER.set(std::mem::take(&mut self.burst));
    }
}

impl<S: AsyncWrite + Unpin> FrameWriter<S> {
    /// Ready when the operating system has everything.
    pub fn poll_send(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        while !self.is_empty() {
            let io = Pin::new(&mut self.io);
            let burst = &self.burst[self.written..];
            let accepted = if self.body.is_empty() {
                io.poll_write(cx, burst)
            } else {
                let both = [IoSlice::new(burst), IoSlice::new(&self.body)];
                io.poll_write_vectored(cx, &both)
            };
            let accepted = ready!(accepted)?;
            if accepted == 0 {
                return Poll::Ready(Err(io::ErrorKind::WriteZero.into()));
            }
            let of_burst = accepted.min(burst.len());
            self.written += of_burst;
            self.body.advance(accepted - of_burst);
            if self.written == self.burst.len() && self.body.is_empty() {
                self.clear();
            }
        }
        Poll::Ready(Ok(()))
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for FrameWriter<S> {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().io).poll_read(cx, buf)
    }
}

/// For tungstenite, which writes whole frames. They queue after the frames that wait already.
impl<S: AsyncWrite + Unpin> AsyncWrite for FrameWriter<S> {
    fn poll_write(
        self: Pin<&mut Self>,
        _: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        if !this.has_room() {
            // The transport flushes tungstenite again once there is room.
            this.is_blocked = true;
            return Poll::Pending;
        }
        this.burst().extend_from_slice(buf);
        Poll::Ready(Ok(buf.len()))
    }

    /// Does nothing: the transport sends with [`Self::poll_send`].
    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().io).poll_shutdown(cx)
    }
}

/// The first byte of a frame that is a whole message (RFC 6455, section 5.2).
const TEXT: u8 = 0x81;
const BINARY: u8 = 0x82;

/// The header of an unmasked frame: a server does not mask.
fn push_header(opcode: u8, length: usize, burst: &mut Vec<u8>) {
    burst.push(opcode);
    match (u8::try_from(length), u16::try_from(length)) {
        (Ok(length @ 0..126), _) => burst.push(length),
        (_, Ok(length)) => {
            burst.push(126);
            burst.extend_from_slice(&length.to_be_bytes());
        }
        (_, Err(_)) => {
            burst.push(127);
            burst.extend_from_slice(&(length as u64).to_be_bytes());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::task::Waker;

    /// Accepts `at_once` bytes on every other write, and none in between.
    struct SlowWriter {
        taken: Vec<u8>,
        at_once: usize,
        blocked: bool,
    }

    impl AsyncWrite for SlowWriter {
        fn poll_write(
            self: Pin<&mut Self>,
            _: &mut Context<'_>,
            buf: &[u8],
        ) -> Poll<io::Result<usize>> {
            let this = self.get_mut();
            this.blocked = !this.blocked;
            if this.blocked {
                return Poll::Pending;
            }
            let taken = buf.len().min(this.at_once);
            this.taken.extend_from_slice(&buf[..taken]);
            Poll::Ready(Ok(taken))
        }

        fn poll_write_vectored(
            self: Pin<&mut Self>,
            cx: &mut Context<'_>,
            bufs: &[IoSlice<'_>],
        ) -> Poll<io::Result<usize>> {
            let all = bufs.iter().flat_map(|buf| buf.iter().copied());
            let some: Vec<u8> = all.take(self.at_once).collect();
            self.poll_write(cx, &some)
        }

        fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
            Poll::Ready(Ok(()))
        }

        fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
            Poll::Ready(Ok(()))
        }
    }

    fn slow_writer(at_once: usize) -> FrameWriter<SlowWriter> {
        FrameWriter::new(SlowWriter {
            taken: Vec::new(),
            at_once,
            blocked: false,
        })
    }

    fn send(writer: &mut FrameWriter<SlowWriter>) {
        let mut cx = Context::from_waker(Waker::noop());
        while writer.poll_send(&mut cx).is_pending() {}
    }

    #[test]
    fn a_header_holds_the_length() {
        let cases: [(usize, &[u8]); 6] = [
            (0, &[0x81, 0]),
            (125, &[0x81, 125]),
            (126, &[0x81, 126, 0, 126]),
            (65_535, &[0x81, 126, 0xff, 0xff]),
            (65_536, &[0x81, 127, 0, 0, 0, 0, 0, 1, 0, 0]),
            (0x0102_0304, &[0x81, 127, 0, 0, 0, 0, 1, 2, 3, 4]),
        ];
        for (length, header) in cases {
            let mut burst = Vec::new();
            push_header(TEXT, length, &mut burst);
            assert_eq!(burst, header, "{length}");
        }
    }

    #[test]
    fn frames_are_written_in_order_however_small_the_writes() {
        let small = WireFrame::text("hi");
        let copied = WireFrame::Binary(vec![7; limits::INLINE_PAYLOAD_BYTES - 1].into());
        let large = WireFrame::Binary(vec![8; limits::INLINE_PAYLOAD_BYTES].into());
        for at_once in [1, 3, 4096, usize::MAX] {
            let mut writer = slow_writer(at_once);
            let mut expected = Vec::new();
            for frame in [&small, &copied, &small, &large, &small, &large] {
                if !writer.has_room() {
                    send(&mut writer);
                }
                writer.push(frame.clone());
                let (opcode, payload) = match frame {
                    WireFrame::Text(text) => (TEXT, text.as_bytes()),
                    WireFrame::Binary(bytes) => (BINARY, &bytes[..]),
                };
                push_header(opcode, payload.len(), &mut expected);
                expected.extend_from_slice(payload);
            }
            send(&mut writer);
            assert!(writer.io.taken == expected, "{at_once} at once");
            assert_eq!(writer.burst.capacity(), 0, "an idle writer holds no buffer");
        }
    }

    #[test]
    fn a_frame_of_tungstenite_waits_for_room() {
        let mut cx = Context::from_waker(Waker::noop());
        let mut writer = slow_writer(4096);
        let mut pong = |writer: &mut FrameWriter<SlowWriter>| {
            Pin::new(writer).poll_write(&mut cx, b"pong").is_ready()
        };
        assert!(pong(&mut writer));
        assert!(!writer.take_blocked());
        writer.push(WireFrame::Binary(
            vec![8; limits::INLINE_PAYLOAD_BYTES].into(),
        ));
        assert!(!pong(&mut writer));
        assert!(writer.take_blocked());
        send(&mut writer);
        assert!(pong(&mut writer));
        send(&mut writer);
        assert!(writer.io.taken.starts_with(b"pong\x82"));
        assert!(writer.io.taken.ends_with(b"pong"));
    }
}
