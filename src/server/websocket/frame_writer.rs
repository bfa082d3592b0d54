//! What goes out on one WebSocket connection: frames written beside tungstenite, which reads, and which writes nothing
//! here but its answers to pings and closes.
//!
//! A burst of small frames is one buffer and one `write`; a large body is handed to the system as it is. Nothing is held
//! between bursts: the buffer goes round among the connections of a thread.

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
    /// The buffer that was used last, empty: one burst follows another, each on a connection of its own.
    static SPARE: Cell<Vec<u8>> = const { Cell::new(Vec::new()) };
}

pub struct Outgoing<S> {
    io: S,
    /// Whole frames, and at the end perhaps the header of `body`. The first `written` bytes are with the system.
    burst: Vec<u8>,
    written: usize,
    /// A payload that is too large to be copied: nothing goes behind it until it is gone.
    body: Bytes,
    /// tungstenite's answer had to wait for room.
    refused: bool,
}

impl<S> Outgoing<S> {
    pub fn new(io: S) -> Self {
        Self {
            io,
            burst: Vec::new(),
            written: 0,
            body: Bytes::new(),
            refused: false,
        }
    }

    pub fn io(&self) -> &S {
        &self.io
    }

    /// Whether it takes another frame without being written first.
    pub fn has_room(&self) -> bool {
        self.body.is_empty() && self.burst.len() < limits::WRITE_BUFFER_BYTES
    }

    /// Whether there is anything to write.
    pub fn is_empty(&self) -> bool {
        self.burst.is_empty() && self.body.is_empty()
    }

    /// An answer of tungstenite's did not fit, since it was last asked.
    pub fn take_refused(&mut self) -> bool {
        std::mem::take(&mut self.refused)
    }

    /// Only when it has room.
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
            self.burst = SPARE.take();
        }
        &mut self.burst
    }

    /// Everything is with the system.
    fn clear(&mut self) {
        self.burst.clear();
        self.written = 0;
        SPARE.set(std::mem::take(&mut self.burst));
    }
}

impl<S: AsyncWrite + Unpin> Outgoing<S> {
    /// Ready: the operating system has everything.
    pub fn poll_send(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        while !self.is_empty() {
            let io = Pin::new(&mut self.io);
            let burst = &self.burst[self.written..];
            let taken = if self.body.is_empty() {
                io.poll_write(cx, burst)
            } else {
                let both = [IoSlice::new(burst), IoSlice::new(&self.body)];
                io.poll_write_vectored(cx, &both)
            };
            let taken = ready!(taken)?;
            if taken == 0 {
                return Poll::Ready(Err(io::ErrorKind::WriteZero.into()));
            }
            let of_burst = taken.min(burst.len());
            self.written += of_burst;
            self.body.advance(taken - of_burst);
            if self.written == self.burst.len() && self.body.is_empty() {
                self.clear();
            }
        }
        Poll::Ready(Ok(()))
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Outgoing<S> {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().io).poll_read(cx, buf)
    }
}

/// tungstenite's side: whole frames, which take their place behind those that wait already.
impl<S: AsyncWrite + Unpin> AsyncWrite for Outgoing<S> {
    fn poll_write(
        self: Pin<&mut Self>,
        _: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        if !this.has_room() {
            // Whoever sends asks it again once there is.
            this.refused = true;
            return Poll::Pending;
        }
        this.burst().extend_from_slice(buf);
        Poll::Ready(Ok(buf.len()))
    }

    /// Sending is not tungstenite's.
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

/// A server's frames are not masked.
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

    /// Takes so many bytes at a time, and every other time none.
    struct Trickle {
        taken: Vec<u8>,
        at_once: usize,
        blocked: bool,
    }

    impl AsyncWrite for Trickle {
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

    fn outgoing(at_once: usize) -> Outgoing<Trickle> {
        Outgoing::new(Trickle {
            taken: Vec::new(),
            at_once,
            blocked: false,
        })
    }

    fn send(outgoing: &mut Outgoing<Trickle>) {
        let mut cx = Context::from_waker(Waker::noop());
        while outgoing.poll_send(&mut cx).is_pending() {}
    }

    #[test]
    fn a_header_tells_the_length() {
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
    fn frames_leave_in_order_however_little_is_taken_at_once() {
        let small = WireFrame::text("hi");
        let copied = WireFrame::Binary(vec![7; limits::INLINE_PAYLOAD_BYTES - 1].into());
        let large = WireFrame::Binary(vec![8; limits::INLINE_PAYLOAD_BYTES].into());
        for at_once in [1, 3, 4096, usize::MAX] {
            let mut outgoing = outgoing(at_once);
            let mut expected = Vec::new();
            for frame in [&small, &copied, &small, &large, &small, &large] {
                if !outgoing.has_room() {
                    send(&mut outgoing);
                }
                outgoing.push(frame.clone());
                let (opcode, payload) = match frame {
                    WireFrame::Text(text) => (TEXT, text.as_bytes()),
                    WireFrame::Binary(bytes) => (BINARY, &bytes[..]),
                };
                push_header(opcode, payload.len(), &mut expected);
                expected.extend_from_slice(payload);
            }
            send(&mut outgoing);
            assert!(outgoing.io.taken == expected, "{at_once} at once");
            assert_eq!(outgoing.burst.capacity(), 0, "nothing is held when idle");
        }
    }

    #[test]
    fn an_answer_waits_until_what_stands_before_it_is_gone() {
        let mut cx = Context::from_waker(Waker::noop());
        let mut outgoing = outgoing(4096);
        let mut answer = |outgoing: &mut Outgoing<Trickle>| {
            Pin::new(outgoing).poll_write(&mut cx, b"pong").is_ready()
        };
        assert!(answer(&mut outgoing));
        assert!(!outgoing.take_refused());
        outgoing.push(WireFrame::Binary(
            vec![8; limits::INLINE_PAYLOAD_BYTES].into(),
        ));
        assert!(!answer(&mut outgoing));
        assert!(outgoing.take_refused());
        send(&mut outgoing);
        assert!(answer(&mut outgoing));
        send(&mut outgoing);
        assert!(outgoing.io.taken.starts_with(b"pong\x82"));
        assert!(outgoing.io.taken.ends_with(b"pong"));
    }
}
