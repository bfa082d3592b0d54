//! How one message looks: bare data, or an object with all that is known of it. No IO.

use super::batch::OutputBatch;
use super::object::{
    BatchContext, OutputTarget, object_frame, push_data, push_data_for, push_field, push_json,
    push_json_for_terminal, push_object,
};
use super::output_format::{OutputFormat, Terminator};
use crate::address::ClientName;
use crate::cli::screen::names::SOMEONE;
use crate::cli::screen::term;
use crate::wire::batch::{DeliveryHeader, Framing, decode_args};

pub(super) struct Renderer {
    form: OutputFormat,
    screen: OutputTarget,
}

impl Renderer {
    pub(super) fn new(form: OutputFormat, screen: OutputTarget) -> Self {
        Self { form, screen }
    }

    /// Whether the body, unchanged, is what is to be written.
    pub(super) fn is_as_it_came(&self, header: &DeliveryHeader) -> bool {
        let as_it_came = match self.form {
            OutputFormat::Data(Terminator::Newline) => header.framing == Framing::Lines,
            OutputFormat::Bytes => true,
            _ => false,
        };
        as_it_came && self.screen == OutputTarget::Plain
    }

    pub(super) fn frame<'a>(&self, chunk: &'a OutputBatch) -> BatchContext<'a> {
        let (before, after) = match &self.form {
            OutputFormat::Data(_)
            | OutputFormat::Said
            | OutputFormat::Event
            | OutputFormat::Args
            | OutputFormat::Bytes => (Vec::new(), Vec::new()),
            OutputFormat::Template(format, _) if !format.has_json() => (Vec::new(), Vec::new()),
            OutputFormat::Json | OutputFormat::Template(..) => object_frame(chunk),
        };
        BatchContext {
            chunk,
            before,
            after,
        }
    }

    /// One line of JSON.
    fn push_json(&self, frame: &BatchContext<'_>, index: u32, message: &[u8], out: &mut Vec<u8>) {
        if frame.chunk.is_aside() {
            push_data(frame.chunk, message, out);
            return out.push(b'\n');
        }
        match self.form {
            OutputFormat::Event => {
                let event = frame.chunk.header.event.as_str();
                push_array(frame.chunk, Some(event), message, out);
            }
            OutputFormat::Args => push_array(frame.chunk, None, message, out),
            OutputFormat::Data(_)
            | OutputFormat::Said
            | OutputFormat::Json
            | OutputFormat::Template(..)
            | OutputFormat::Bytes => {
                push_object(frame, index, message, out);
            }
        }
    }

    /// Appends message `index` of the frame's chunk.
    pub(super) fn render(
        &self,
        frame: &BatchContext<'_>,
        index: u32,
        message: &[u8],
        out: &mut Vec<u8>,
    ) {
        match (&self.form, self.screen) {
            (OutputFormat::Template(format, ending), screen) => {
                format.render(frame, (index, message), screen, out);
                push_ending(*ending, out);
            }
            (OutputFormat::Data(ending), screen) => {
                push_data_for(screen, frame.chunk, message, out);
                push_ending(*ending, out);
            }
            (OutputFormat::Said, screen) => {
                let from = frame.chunk.header.from.as_ref();
                let from = from.map_or(SOMEONE, ClientName::as_str);
                out.extend_from_slice(term::visible(from).as_bytes());
                out.extend_from_slice(b": ");
                push_data_for(screen, frame.chunk, message, out);
                out.push(b'\n');
            }
            (OutputFormat::Bytes, OutputTarget::Plain) => out.extend_from_slice(message),
            (OutputFormat::Bytes, OutputTarget::Terminal) => term::visible_data(message, out),
            (_, OutputTarget::Plain) => self.push_json(frame, index, message, out),
            (_, OutputTarget::Terminal) => {
                let mut json = Vec::new();
                self.push_json(frame, index, message, &mut json);
                push_json_for_terminal(&json, out);
            }
        }
    }
}

fn push_ending(ending: Terminator, out: &mut Vec<u8>) {
    match ending {
        Terminator::Newline => out.push(b'\n'),
        Terminator::Nul => out.push(0),
        Terminator::Raw => {}
    }
}

fn push_array(chunk: &OutputBatch, event: Option<&str>, message: &[u8], out: &mut Vec<u8>) {
    let args = match chunk.header.framing {
        Framing::Args => decode_args(&chunk.body).ok(),
        Framing::Lines | Framing::Bytes => None,
    };
    out.push(b'[');
    let mut between = false;
    if let Some(event) = event {
        push_field("", event, out);
        between = true;
    }
    match args {
        Some(args) if args.inside().is_empty() => {}
        Some(args) => {
            if between {
                out.push(b',');
            }
            push_json(args.inside(), &args.attachments, out);
        }
        // Nothing that a plain client receives; shown as what it is all the same.
        None => push_field(",", &String::from_utf8_lossy(message), out),
    }
    out.extend_from_slice(b"]\n");
}
