//! Renders one message in the chosen output format. No IO.

use super::batch::OutputBatch;
use super::object::{
    BatchContext, OutputTarget, push_data, push_data_for, push_json, push_json_for_terminal,
    push_object,
};
use super::output_format::{OutputFormat, Terminator};
use crate::address::ClientName;
use crate::cli::io::envelope::{object_frame, push_field};
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

    /// Whether the body can be written unchanged.
    pub(super) fn is_passthrough(&self, header: &DeliveryHeader) -> bool {
        let is_unchanged = match self.form {
            OutputFormat::Data(Terminator::Newline) => header.framing == Framing::Lines,
            OutputFormat::Bytes => true,
            _ => false,
        };
        is_unchanged && self.screen == OutputTarget::Plain
    }

    pub(super) fn frame<'a>(&self, batch: &'a OutputBatch) -> BatchContext<'a> {
        let (before, after) = match &self.form {
            OutputFormat::Data(_)
            | OutputFormat::Chat
            | OutputFormat::Event
            | OutputFormat::Args
            | OutputFormat::Bytes => (Vec::new(), Vec::new()),
            OutputFormat::Template(format, _) if !format.has_json() => (Vec::new(), Vec::new()),
            OutputFormat::Json | OutputFormat::Template(..) => {
                object_frame(&batch.namespace, &batch.header)
            }
        };
        BatchContext {
            batch,
            before,
            after,
        }
    }

    /// One line of JSON.
    fn push_json(&self, frame: &BatchContext<'_>, index: u32, message: &[u8], out: &mut Vec<u8>) {
        if frame.batch.is_annotation() {
            push_data(frame.batch, message, out);
            return out.push(b'\n');
        }
        match self.form {
            OutputFormat::Event => {
                let event = frame.batch.header.event.as_str();
                push_array(frame.batch, Some(event), message, out);
            }
            OutputFormat::Args => push_array(frame.batch, None, message, out),
            OutputFormat::Data(_)
            | OutputFormat::Chat
            | OutputFormat::Json
            | OutputFormat::Template(..)
            | OutputFormat::Bytes => {
                push_object(frame, index, message, out);
            }
        }
    }

    /// Appends message `index` of the batch.
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
                push_data_for(screen, frame.batch, message, out);
                push_ending(*ending, out);
            }
            (OutputFormat::Chat, screen) => {
                let from = frame.batch.header.from.as_ref();
                let from = from.map_or(SOMEONE, ClientName::as_str);
                out.extend_from_slice(term::visible(from).as_bytes());
                out.extend_from_slice(b": ");
                push_data_for(screen, frame.batch, message, out);
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

fn push_array(batch: &OutputBatch, event: Option<&str>, message: &[u8], out: &mut Vec<u8>) {
    let args = match batch.header.framing {
        Framing::Args => decode_args(&batch.body).ok(),
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
        // A plain client receives only events. Other data is shown as text.
        None => push_field(",", &String::from_utf8_lossy(message), out),
    }
    out.extend_from_slice(b"]\n");
}
