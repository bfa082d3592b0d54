//! Lines from a program's pipe, of bounded length. Knows nothing of what they mean.

use bytes::{Buf as _, BytesMut};
use tokio::io::{AsyncRead, AsyncReadExt as _};

/// Read at once; a pipe rarely holds more lines than this.
const CHUNK_BYTES: usize = 16 * 1024;
/// What is kept of a line that is longer than allowed, for the log.
const START_BYTES: usize = 200;

#[derive(Debug, PartialEq, Eq)]
pub enum Line {
    /// Without its line end.
    Whole(BytesMut),
    /// How it began; the rest of it was passed over.
    TooLong(BytesMut),
}

/// The lines of one pipe.
#[derive(Debug)]
pub struct Lines<R> {
    /// None at its end.
    source: Option<R>,
    longest: usize,
    buffer: BytesMut,
    /// Bytes of the buffer that hold no line end.
    searched: usize,
    /// The beginning of the line that is being passed over.
    overlong: Option<BytesMut>,
}

impl<R: AsyncRead + Unpin> Lines<R> {
    pub fn new(source: R, longest: usize) -> Self {
        Self {
            source: Some(source),
            longest,
            buffer: BytesMut::new(),
            searched: 0,
            overlong: None,
        }
    }

    /// The next line, or what stands behind the last line end; None at the end of the pipe. Cancel-safe: what was read
    /// stays here.
    pub async fn next(&mut self) -> Option<Line> {
        loop {
            if let Some(line) = self.buffered() {
                return Some(line);
            }
            let Some(source) = &mut self.source else {
                return self.rest();
            };
            self.buffer.reserve(CHUNK_BYTES);
            // A pipe that cannot be read has ended.
            if source.read_buf(&mut self.buffer).await.unwrap_or(0) == 0 {
                self.source = None;
            }
        }
    }

    /// Nothing more will come.
    pub fn has_ended(&self) -> bool {
        self.source.is_none() && self.buffer.is_empty() && self.overlong.is_none()
    }

    fn buffered(&mut self) -> Option<Line> {
        let unsearched = self.buffer.get(self.searched..).unwrap_or_default();
        let Some(at) = memchr::memchr(b'\n', unsearched) else {
            self.searched = self.buffer.len();
            if self.buffer.len() > self.longest {
                let begun = self.overlong.take();
                self.overlong = Some(begun.unwrap_or_else(|| start(&self.buffer)));
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

    fn rest(&mut self) -> Option<Line> {
        self.searched = 0;
        let line = self.buffer.split();
        if line.is_empty() && self.overlong.is_none() {
            return None;
        }
        Some(self.finish(line))
    }

    fn finish(&mut self, line: BytesMut) -> Line {
        match self.overlong.take() {
            Some(start) => Line::TooLong(start),
            None if line.len() > self.longest => Line::TooLong(start(&line)),
            None => Line::Whole(line),
        }
    }
}

fn start(line: &[u8]) -> BytesMut {
    line.get(..START_BYTES).unwrap_or(line).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn lines(source: &[u8], longest: usize) -> Vec<Line> {
        let mut lines = Lines::new(source, longest);
        let mut found = Vec::new();
        while let Some(line) = lines.next().await {
            found.push(line);
        }
        assert!(lines.has_ended());
        assert_eq!(lines.next().await, None, "it stays at its end");
        found
    }

    fn whole(text: &str) -> Line {
        Line::Whole(text.as_bytes().into())
    }

    #[tokio::test]
    async fn lines_end_at_a_line_end_or_with_the_pipe() {
        let found = lines(b"a\n\nbc\nlast", 10).await;
        assert_eq!(found, [whole("a"), whole(""), whole("bc"), whole("last")]);
        assert_eq!(lines(b"", 10).await, []);
        assert_eq!(lines(b"0123456789\n", 10).await, [whole("0123456789")]);
    }

    #[tokio::test]
    async fn a_line_that_is_too_long_is_passed_over() {
        let long = "x".repeat(3 * CHUNK_BYTES);
        let start = || Line::TooLong(long.as_bytes()[..START_BYTES].into());
        let text = format!("a\n{long}\nb\n{long}");
        let found = lines(text.as_bytes(), 10).await;
        assert_eq!(found, [whole("a"), start(), whole("b"), start()]);
        let found = lines(b"a\n01234567890\nb", 10).await;
        let eleven = Line::TooLong(b"01234567890"[..].into());
        assert_eq!(found, [whole("a"), eleven, whole("b")]);
    }

    #[tokio::test]
    async fn what_is_held_is_bounded() {
        let endless = vec![b'x'; 64 * CHUNK_BYTES];
        let mut reader = Lines::new(&endless[..], 1000);
        assert!(matches!(reader.next().await, Some(Line::TooLong(_))));
        assert!(reader.buffer.capacity() <= 4 * CHUNK_BYTES);
    }
}
