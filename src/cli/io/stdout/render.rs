//! How one message looks: bare data, or an object with all that is known of it. No IO.

use super::chunk::Chunk;
use super::form::{Ending, Form};
use super::object::{
    Frame, Screen, object_frame, push_data, push_data_for, push_field, push_json,
    push_json_for_terminal, push_object,
};
use crate::address::ClientName;
use crate::cli::screen::names::SOMEONE;
use crate::cli::screen::term;
use crate::wire::batch::{DeliveryHeader, Framing, decode_args};

pub(super) struct Renderer {
    form: Form,
    screen: Screen,
}

impl Renderer {
    pub(super) fn new(form: Form, screen: Screen) -> Self {
        Self { form, screen }
    }

    /// Whether the body, unchanged, is what is to be written.
    pub(super) fn is_as_it_came(&self, header: &DeliveryHeader) -> bool {
        let as_it_came = match self.form {
            Form::Data(Ending::Newline) => header.framing == Framing::Lines,
            Form::Bytes => true,
            _ => false,
        };
        as_it_came && self.screen == Screen::Plain
    }

    pub(super) fn frame<'a>(&self, chunk: &'a Chunk) -> Frame<'a> {
        let (before, after) = match &self.form {
            Form::Data(_) | Form::Said | Form::Event | Form::Args | Form::Bytes => {
                (Vec::new(), Vec::new())
            }
            Form::Format(format, _) if !format.has_json() => (Vec::new(), Vec::new()),
            Form::Json | Form::Format(..) => object_frame(chunk),
        };
        Frame {
            chunk,
            before,
            after,
        }
    }

    /// One line of JSON.
    fn push_json(&self, frame: &Frame<'_>, index: u32, message: &[u8], out: &mut Vec<u8>) {
        if frame.chunk.is_aside() {
            push_data(frame.chunk, message, out);
            return out.push(b'\n');
        }
        match self.form {
            Form::Event => {
                let event = frame.chunk.header.event.as_str();
                push_array(frame.chunk, Some(event), message, out);
            }
            Form::Args => push_array(frame.chunk, None, message, out),
            Form::Data(_) | Form::Said | Form::Json | Form::Format(..) | Form::Bytes => {
                push_object(frame, index, message, out);
            }
        }
    }

    /// Appends message `index` of the frame's chunk.
    pub(super) fn render(&self, frame: &Frame<'_>, index: u32, message: &[u8], out: &mut Vec<u8>) {
        match (&self.form, self.screen) {
            (Form::Format(format, ending), screen) => {
                format.render(frame, (index, message), screen, out);
                push_ending(*ending, out);
            }
            (Form::Data(ending), screen) => {
                push_data_for(screen, frame.chunk, message, out);
                push_ending(*ending, out);
            }
            (Form::Said, screen) => {
                let from = frame.chunk.header.from.as_ref();
                let from = from.map_or(SOMEONE, ClientName::as_str);
                out.extend_from_slice(term::visible(from).as_bytes());
                out.extend_from_slice(b": ");
                push_data_for(screen, frame.chunk, message, out);
                out.push(b'\n');
            }
            (Form::Bytes, Screen::Plain) => out.extend_from_slice(message),
            (Form::Bytes, Screen::Terminal) => term::visible_data(message, out),
            (_, Screen::Plain) => self.push_json(frame, index, message, out),
            (_, Screen::Terminal) => {
                let mut json = Vec::new();
                self.push_json(frame, index, message, &mut json);
                push_json_for_terminal(&json, out);
            }
        }
    }
}

fn push_ending(ending: Ending, out: &mut Vec<u8>) {
    match ending {
        Ending::Newline => out.push(b'\n'),
        Ending::Nul => out.push(0),
        Ending::Raw => {}
    }
}

fn push_array(chunk: &Chunk, event: Option<&str>, message: &[u8], out: &mut Vec<u8>) {
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
