//! Reads lines of bounded length from a program's pipe. Knows nothing of their meaning.

use bytes::{Buf as _, BytesMut};
use tokio::io::{AsyncRead, AsyncReadExt as _};

/// The size of one read. A pipe rarely holds more.
const READ_BYTES: usize = 16 * 1024;
/// How much of an overlong line is kept for the log, in bytes.
const PREFIX_BYTES: usize = 200;

#[derive(Debug, PartialEq, Eq)]
pub enum BoundedLine {
    /// Without its line end.
    Whole(BytesMut),
    /// The beginning of a line that is too long. The rest was skipped.
    TooLong(BytesMut),
}

/// Splits one pipe into lines.
#[derive(Debug)]
pub struct Lines<R> {
    /// `None` once the pipe has ended.
    source: Option<R>,
    max_bytes: usize,
    buffer: BytesMut,
    /// How many bytes of the buffer are known to hold no line end.
    searched: usize,
    /// The beginning of the overlong line that is being skipped.
    overlong: Option<BytesMut>,
}

impl<R: AsyncRead + Unpin> Lines<R> {
    pub fn new(source: R, max_bytes: usize) -> Self {
        Self {
            source: Some(source),
            max_bytes,
            buffer: BytesMut::new(),
            searched: 0,
            overlong: None,
        }
    }

    /// The next line. At the end of the pipe, the text after the last line end, then `None`. Cancel-safe: bytes that
    /// were read stay in the buffer.
    pub async fn next(&mut self) -> Option<BoundedLine> {
        loop {
            if let Some(line) = self.next_buffered() {
                return Some(line);
            }
            let Some(source) = &mut self.source else {
                return self.rest();
            };
            self.buffer.reserve(READ_BYTES);
            // A read error counts as the end of the pipe.
            if source.read_buf(&mut self.buffer).await.unwrap_or(0) == 0 {
                self.source = None;
            }
        }
    }

    /// True when [`Self::next`] has returned everything.
    pub fn has_ended(&self) -> bool {
        self.source.is_none() && self.buffer.is_empty() && self.overlong.is_none()
    }

    fn next_buffered(&mut self) -> Option<BoundedLine> {
        let unsearched = self.buffer.get(self.searched..).unwrap_or_default();
        let Some(at) = memchr::memchr(b'\n', unsearched) else {
            self.searched = self.buffer.len();
            if self.buffer.len() > self.max_bytes {
                let known = self.overlong.take();
                self.overlong = Some(known.unwrap_or_else(|| prefix(&self.buffer)));
                self.buffer.clear();
                self.searched = 0;
            }
            return None;
        };
        let line = self.buffer.split_to(self.searched + at);
        self.buffer.advance(1);
        self.searched = 0;
        Some(self.finish(line))
    }

    fn rest(&mut self) -> Option<BoundedLine> {
        self.searched = 0;
        let line = self.buffer.split();
        if line.is_empty() && self.overlong.is_none() {
            return None;
        }
        Some(self.finish(line))
    }

    fn finish(&mut self, line: BytesMut) -> BoundedLine {
        match self.overlong.take() {
            Some(prefix) => BoundedLine::TooLong(prefix),
            None if line.len() > self.max_bytes => BoundedLine::TooLong(prefix(&line)),
            None => BoundedLine::Whole(line),
        }
    }
}

fn prefix(line: &[u8]) -> BytesMut {
    line.get(..PREFIX_BYTES).unwrap_or(line).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn lines(source: &[u8], max_bytes: usize) -> Vec<BoundedLine> {
        let mut lines = Lines::new(source, max_bytes);
        let mut found = Vec::new();
        while let Some(line) = lines.next().await {
            found.push(line);
        }
        assert!(lines.has_ended());
        assert_eq!(lines.next().await, None, "it stays at its end");
        found
    }

    fn whole(text: &str) -> BoundedLine {
        BoundedLine::Whole(text.as_bytes().into())
    }

    #[tokio::test]
    async fn lines_end_at_a_line_end_or_with_the_pipe() {
        let found = lines(b"a\n\nbc\nlast", 10).await;
        assert_eq!(found, [whole("a"), whole(""), whole("bc"), whole("last")]);
        assert_eq!(lines(b"", 10).await, []);
        assert_eq!(lines(b"0123456789\n", 10).await, [whole("0123456789")]);
    }

    #[tokio::test]
    async fn a_line_that_is_too_long_is_skipped() {
        let long = "x".repeat(3 * READ_BYTES);
        let prefix = || BoundedLine::TooLong(long.as_bytes()[..PREFIX_BYTES].into());
        let text = format!("a\n{long}\nb\n{long}");
        let found = lines(text.as_bytes(), 10).await;
        assert_eq!(found, [whole("a"), prefix(), whole("b"), prefix()]);
        let found = lines(b"a\n01234567890\nb", 10).await;
        let eleven = BoundedLine::TooLong(b"01234567890"[..].into());
        assert_eq!(found, [whole("a"), eleven, whole("b")]);
    }

    #[tokio::test]
    async fn the_buffer_is_bounded() {
        let endless = vec![b'x'; 64 * READ_BYTES];
        let mut reader = Lines::new(&endless[..], 1000);
        assert!(matches!(reader.next().await, Some(BoundedLine::TooLong(_))));
        assert!(reader.buffer.capacity() <= 4 * READ_BYTES);
    }
}
