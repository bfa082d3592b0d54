//! Runs a command to its end, shows its output, and checks it.

use super::context::DemoContext;
use super::pattern;
use super::process::{DemoProcess, parse_frame};
use crate::cli::failure::Failure;
use crate::cli::screen::term;

/// The input of a command that runs to its end, and the output that it must have. `…` stands for any text.
#[derive(Debug, Clone, Copy, Default)]
pub struct Expectation<'a> {
    pub stdin: &'a [&'a str],
    /// Every line of stdout.
    pub stdout: &'a [&'a str],
    /// Frames in their order; other frames may be between them. Needs `--trace`.
    pub frames: &'a [&'a str],
    /// A line of stderr, for a command that must fail.
    pub error: Option<&'a str>,
    pub status: i32,
}

impl Expectation<'_> {
    /// Runs a started process to its end.
    pub(super) fn check(
        &self,
        mut process: DemoProcess,
        context: &DemoContext,
    ) -> Result<(), Failure> {
        for line in self.stdin {
            process.write_line(line)?;
        }
        process.close_stdin();
        let stdout = process.read_stdout()?;
        self.check_stderr(&mut process, context)?;
        self.check_stdout(&stdout, context)?;
        let status = process.wait()?;
        if status.code() != Some(self.status) {
            return Err(context.failure(&format!("a command ended with {status}")));
        }
        if self.status != 0 {
            context.show_note(&format!("(exit code {})", self.status));
        }
        Ok(())
    }

    fn check_stderr(
        &self,
        process: &mut DemoProcess,
        context: &DemoContext,
    ) -> Result<(), Failure> {
        let mut frames = self.frames.iter();
        let mut next_frame = frames.next();
        let mut error = self.error;
        while let Some(line) = process.next_stderr()? {
            match (parse_frame(&line), next_frame, error) {
                (Some((frame, meaning)), Some(pattern), _) if pattern::matches(pattern, frame) => {
                    context.show_frame("", frame, meaning);
                    next_frame = frames.next();
                }
                (Some(_), ..) => {}
                (None, _, Some(pattern)) if pattern::matches(pattern, &line) => {
                    context.show_output(&line);
                    error = None;
                }
                (None, ..) if self.status != 0 => context.show_note(&term::visible(&line)),
                (None, ..) => {
                    return Err(context.failure(&format!("a command reported {line:?}")));
                }
            }
        }
        match next_frame.or(error.as_ref()) {
            Some(missing) => Err(context.failure(&format!("a command did not write {missing:?}"))),
            None => Ok(()),
        }
    }

    fn check_stdout(&self, lines: &[String], context: &DemoContext) -> Result<(), Failure> {
        for line in lines {
            context.show_output(line);
        }
        let mut pairs = self.stdout.iter().zip(lines);
        let is_expected = self.stdout.len() == lines.len()
            && pairs.all(|(pattern, line)| pattern::matches(pattern, line));
        if is_expected {
            Ok(())
        } else {
            let expected = self.stdout;
            Err(context.failure(&format!(
                "a command wrote {lines:?} instead of {expected:?}"
            )))
        }
    }
}
