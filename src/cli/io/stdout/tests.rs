//! What is written, how far the reports go, and what a closed stdout leaves out.

use std::io::{PipeReader, Read, Write, pipe};

use bytes::Bytes;

use super::*;
use crate::address::{ClientName, EventName, Namespace, RoomName};
use crate::wire::batch::{encode_args, push_bytes_message};

fn batch(framing: Framing, count: u32, body: impl Into<Bytes>) -> OutputBatch {
    OutputBatch {
        header: DeliveryHeader {
            rooms: vec![RoomName::parse("ci").unwrap()],
            count,
            first: Some(Seq::new(41, 7)),
            at: 1_700_000_000_123,
            ..DeliveryHeader::new(EventName::message(), framing)
        },
        body: body.into(),
        namespace: Namespace::root(),
    }
}

fn bytes_chunk(messages: &[&[u8]]) -> OutputBatch {
    let mut body = Vec::new();
    for message in messages {
        push_bytes_message(&mut body, message);
    }
    batch(Framing::Bytes, messages.len() as u32, body)
}

fn args_chunk(json: &str, attachments: &[&'static [u8]]) -> OutputBatch {
    let attachments: Vec<Bytes> = attachments.iter().map(|a| Bytes::from_static(a)).collect();
    batch(Framing::Args, 1, encode_args(json, &attachments))
}

fn start_piped(form: OutputFormat, screen: OutputTarget) -> (Output, PipeReader) {
    let (reader, writer) = pipe().unwrap();
    (start_on(Ok(OwnedFd::from(writer)), form, screen), reader)
}

/// Everything these chunks look like.
fn shown(form: OutputFormat, screen: OutputTarget, chunks: &[OutputBatch]) -> String {
    let (mut output, mut reader) = start_piped(form, screen);
    for batch in chunks {
        output.write(batch.clone());
    }
    output.finish();
    let mut text = Vec::new();
    reader.read_to_end(&mut text).unwrap();
    String::from_utf8(text).unwrap()
}

fn data(batch: OutputBatch) -> String {
    shown(
        OutputFormat::Data(Terminator::Newline),
        OutputTarget::Plain,
        &[batch],
    )
}

fn object(batch: OutputBatch) -> String {
    shown(OutputFormat::Json, OutputTarget::Plain, &[batch])
}

#[test]
fn data_ends_as_asked() {
    let lines = || batch(Framing::Lines, 3, "a\n\nb\r\n");
    let odd = || bytes_chunk(&[b"x\ny", b""]);
    let cases = [
        (Terminator::Newline, "a\n\nb\r\nx\ny\n\n"),
        (Terminator::Nul, "a\0\0b\r\0x\ny\0\0"),
        (Terminator::Raw, "ab\rx\ny"),
    ];
    for (ending, wanted) in cases {
        let found = shown(
            OutputFormat::Data(ending),
            OutputTarget::Plain,
            &[lines(), odd()],
        );
        assert_eq!(found, wanted, "{ending:?}");
    }
}

#[test]
fn events_are_arrays_with_their_name_and_answers_without() {
    let event = |batch: OutputBatch| shown(OutputFormat::Event, OutputTarget::Plain, &[batch]);
    let answer = |batch: OutputBatch| shown(OutputFormat::Args, OutputTarget::Plain, &[batch]);
    let cases: [(&str, &[&'static [u8]], &str); 4] = [
        ("[]", &[], ""),
        (r#"["hi",{"a": 1}]"#, &[], r#""hi",{"a": 1}"#),
        ("[1,\n2]", &[], "1, 2"),
        (
            r#"["x",{"_placeholder":true,"num":0}]"#,
            &[b"hi"],
            r#""x",{"base64":"aGk="}"#,
        ),
    ];
    for (json, attachments, wanted) in cases {
        let named = match wanted {
            "" => "[\"message\"]\n".to_owned(),
            wanted => format!("[\"message\",{wanted}]\n"),
        };
        assert_eq!(event(args_chunk(json, attachments)), named);
        assert_eq!(
            answer(args_chunk(json, attachments)),
            format!("[{wanted}]\n")
        );
    }
    let hostile = args_chunk("[\"\u{9b}31m\"]", &[]);
    assert_eq!(
        shown(OutputFormat::Event, OutputTarget::Terminal, &[hostile]),
        "[\"message\",\"\\u009b31m\"]\n"
    );
}

#[test]
fn reports_add_up_to_what_was_written() {
    let (mut output, reader) =
        start_piped(OutputFormat::Data(Terminator::Newline), OutputTarget::Plain);
    let mut second = bytes_chunk(&[b"x", b"y"]);
    second.header.first = Some(Seq::new(42, 0));
    let bytes = 6 + second.body.len() as u64;
    output.write(batch(Framing::Lines, 3, "a\nb\nc\n"));
    output.write(second);
    output.finish();
    let (mut all_messages, mut all_bytes, mut at) = (0, 0, None);
    while let Some(report) = output.reports.blocking_recv() {
        match report {
            WriteReport::Upto {
                last,
                messages,
                bytes,
            } => {
                all_messages += messages;
                all_bytes += bytes;
                at = last;
            }
            other => panic!("{other:?}"),
        }
    }
    assert_eq!(
        (all_messages, all_bytes, at),
        (5, bytes, Some(Seq::new(42, 1)))
    );
    drop(reader);
}

#[test]
fn volatile_messages_are_reported_without_a_seq() {
    let (mut output, _reader) =
        start_piped(OutputFormat::Data(Terminator::Newline), OutputTarget::Plain);
    let mut volatile = batch(Framing::Lines, 1, "a\n");
    volatile.header.first = None;
    output.write(volatile);
    let report = output.reports.blocking_recv();
    assert!(
        matches!(
            report,
            Some(WriteReport::Upto {
                last: None,
                messages: 1,
                bytes: 2
            })
        ),
        "{report:?}"
    );
}

#[test]
fn a_reader_that_goes_away_is_noticed_while_idle() {
    let (mut output, reader) =
        start_piped(OutputFormat::Data(Terminator::Newline), OutputTarget::Plain);
    output.write(batch(Framing::Lines, 1, "a\n"));
    assert!(matches!(
        output.reports.blocking_recv(),
        Some(WriteReport::Upto { .. })
    ));
    drop(reader);
    let report = output.reports.blocking_recv();
    let wanted = Some(Seq::new(41, 7));
    assert!(
        matches!(report, Some(WriteReport::Closed { last, messages: 0 }) if last == wanted),
        "{report:?}"
    );
}

/// Writes more than a pipe holds to a reader that takes `taken` bytes and goes.
fn closed_after(form: OutputFormat, batch: OutputBatch, taken: usize) -> (Option<Seq>, u64) {
    let (mut output, mut reader) = start_piped(form, OutputTarget::Plain);
    output.write(batch);
    reader.read_exact(&mut vec![0; taken]).unwrap();
    drop(reader);
    match output.reports.blocking_recv() {
        Some(WriteReport::Closed { last, messages }) => (last, messages),
        other => panic!("{other:?}"),
    }
}

#[test]
fn only_what_was_written_whole_counts_when_stdout_closes() {
    const MANY: u32 = 60_000;
    let line = "0123456789abcdef";
    let lines = batch(
        Framing::Lines,
        MANY,
        format!("{line}\n").repeat(MANY as usize),
    );
    let framed = bytes_chunk(&vec![line.as_bytes(); MANY as usize]);
    for (batch, form) in [
        (lines, OutputFormat::Data(Terminator::Newline)),
        (framed, OutputFormat::Data(Terminator::Nul)),
    ] {
        let (last, messages) = closed_after(form, batch, 100_000);
        // What the reader took, and at most a pipe's worth more.
        assert!(
            (100_000 / 17..(100_000 + (1 << 20)) / 17).contains(&messages),
            "{messages}"
        );
        assert!(messages < u64::from(MANY));
        assert_eq!(last, Some(Seq::new(41, 7 + messages as u32 - 1)));
    }
}

#[test]
fn a_torn_message_does_not_count() {
    let one = batch(Framing::Lines, 1, format!("{}\n", "x".repeat(4 << 20)));
    assert_eq!(
        closed_after(OutputFormat::Data(Terminator::Newline), one.clone(), 10),
        (None, 0)
    );
    assert_eq!(closed_after(OutputFormat::Json, one, 10), (None, 0));
}

#[test]
fn a_full_disk_is_a_failure_and_not_a_closed_stdout() {
    let full = std::fs::File::options()
        .write(true)
        .open("/dev/full")
        .unwrap();
    let mut output = start_on(
        Ok(full.into()),
        OutputFormat::Data(Terminator::Newline),
        OutputTarget::Plain,
    );
    output.write(batch(Framing::Lines, 1, "a\n"));
    output.finish();
    let mut last = None;
    while let Some(report) = output.reports.blocking_recv() {
        last = Some(report);
    }
    match last {
        Some(WriteReport::Failed(error)) => assert_eq!(error.kind(), io::ErrorKind::StorageFull),
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_file_takes_everything_in_order() {
    let mut file = tempfile::tempfile().unwrap();
    let fd = file.try_clone().unwrap().into();
    let mut output = start_on(
        Ok(fd),
        OutputFormat::Data(Terminator::Newline),
        OutputTarget::Plain,
    );
    for number in 0..1000 {
        output.write(batch(Framing::Lines, 1, format!("{number}\n")));
    }
    output.finish();
    while output.reports.blocking_recv().is_some() {}
    file.flush().unwrap();
    let mut text = String::new();
    io::Seek::rewind(&mut file).unwrap();
    file.read_to_string(&mut text).unwrap();
    let wanted: String = (0..1000).map(|n| format!("{n}\n")).collect();
    assert_eq!(text, wanted);
}

#[test]
fn events_as_they_came_become_data() {
    let cases: [(&str, &[&'static [u8]], &str); 11] = [
        (r#"["hi ü"]"#, &[], "hi ü\n"),
        (r#"["a\nb"]"#, &[], "a\nb\n"),
        (r#"["\ud800"]"#, &[], "\"\\ud800\"\n"),
        ("[]", &[], "\n"),
        ("[{\"a\":\n1e400}]", &[], "{\"a\": 1e400}\n"),
        ("[null]", &[], "null\n"),
        (r#"["a",1]"#, &[], "[\"a\",1]\n"),
        (r#"[{"_placeholder":true,"num":0}]"#, &[b"raw"], "raw\n"),
        (
            r#"[{"f": {"num":1, "_placeholder":true}, "s":"{\"_placeholder\":true,\"num\":0}"},{"_placeholder":true,"num":0}]"#,
            &[b"\0", b"\xff\xfe"],
            "[{\"f\": {\"base64\":\"//4=\"}, \"s\":\"{\\\"_placeholder\\\":true,\\\"num\\\":0}\"},{\"base64\":\"AA==\"}]\n",
        ),
        (
            r#"[{"_placeholder":false,"num":0},{"_placeholder":true,"num":0}]"#,
            &[b""],
            "[{\"_placeholder\":false,\"num\":0},{\"base64\":\"\"}]\n",
        ),
        (
            r#"[[{"_placeholder":true,"num":0}]]"#,
            &[b"a"],
            "[{\"base64\":\"YQ==\"}]\n",
        ),
    ];
    for (json, attachments, wanted) in cases {
        assert_eq!(data(args_chunk(json, attachments)), wanted, "{json}");
    }
}

#[test]
fn objects_say_all_that_is_known() {
    let mut lines = batch(Framing::Lines, 2, "a \"b\"\nc\n");
    lines.header.from = Some(ClientName::parse("alice").unwrap());
    assert_eq!(
        object(lines),
        concat!(
            r#"{"namespace":"/","rooms":["ci"],"event":"message","seq":"41.7","time":"2023-11-14T22:13:20.123Z","from":"alice","data":"a \"b\""}"#,
            "\n",
            r#"{"namespace":"/","rooms":["ci"],"event":"message","seq":"41.8","time":"2023-11-14T22:13:20.123Z","from":"alice","data":"c"}"#,
            "\n"
        )
    );
    let head = r#"{"namespace":"/","rooms":["ci"],"event":"message","seq":"41.7","time":"2023-11-14T22:13:20.123Z","#;
    let mut json = batch(Framing::Lines, 1, "{\"n\":1e400}\n");
    json.header.json = true;
    let cases = [
        (json, r#""data":{"n":1e400},"json":true}"#),
        (bytes_chunk(&[b"a\nb"]), r#""data":"a\nb"}"#),
        (bytes_chunk(&[b"\xff"]), r#""base64":"/w=="}"#),
        (args_chunk("[\"a\",\n1]", &[]), r#""args":["a", 1]}"#),
        (
            args_chunk(r#"[{"_placeholder":true,"num":0}]"#, &[b"a", b"b"]),
            r#""args":[{"_placeholder":true,"num":0}],"attachments":["YQ==","Yg=="]}"#,
        ),
    ];
    for (batch, tail) in cases {
        assert_eq!(object(batch), format!("{head}{tail}\n"));
    }
    let mut volatile = batch(Framing::Lines, 1, "a\n");
    volatile.header.first = None;
    volatile.header.at = u64::MAX;
    assert_eq!(
        object(volatile),
        "{\"namespace\":\"/\",\"rooms\":[\"ci\"],\"event\":\"message\",\"data\":\"a\"}\n"
    );
}

#[test]
fn a_terminal_is_shown_control_characters() {
    let escape = "\u{1b}[2J\u{9b}\tx\n";
    for ending in [Terminator::Newline, Terminator::Raw] {
        let found = shown(
            OutputFormat::Data(ending),
            OutputTarget::Terminal,
            &[batch(Framing::Lines, 1, escape)],
        );
        assert_eq!(found.trim_end(), "␛[2J\\x9b\tx");
    }
    let found = shown(
        OutputFormat::Json,
        OutputTarget::Terminal,
        &[batch(Framing::Lines, 1, escape)],
    );
    assert!(found.contains(r#""data":"\u001b[2J\u009b\tx"}"#), "{found}");
    assert!(found.ends_with("}\n"));
}

#[test]
fn a_format_shows_what_peers_chose_and_obeys_what_the_user_wrote() {
    let mut hostile = batch(Framing::Lines, 2, "\u{1b}[2J\nsecond\n");
    hostile.header.event = EventName::parse("e").unwrap();
    hostile.header.rooms = vec![RoomName::parse("r\u{202e}x").unwrap()];
    hostile.header.from = ClientName::parse("alice").ok();
    hostile.header.first = Some(Seq::new(41, 7));
    let form = |text: &str| {
        OutputFormat::Template(
            FormatTemplate::parse(text).unwrap().into(),
            Terminator::Newline,
        )
    };
    let both = |text: &str| {
        let plain = shown(form(text), OutputTarget::Plain, &[hostile.clone()]);
        (
            plain,
            shown(form(text), OutputTarget::Terminal, &[hostile.clone()]),
        )
    };
    let (plain, terminal) = both(r"\x1b[1m{seq} {room} {data}");
    assert_eq!(
        plain,
        "\u{1b}[1m41.7 r\u{202e}x \u{1b}[2J\n\u{1b}[1m41.8 r\u{202e}x second\n"
    );
    assert_eq!(
        terminal,
        "\u{1b}[1m41.7 r\\u{202e}x ␛[2J\n\u{1b}[1m41.8 r\\u{202e}x second\n"
    );
    let (plain, terminal) = both("{json}");
    assert!(plain.starts_with("{\"namespace\":\"/\",\"rooms\":[\"r\u{202e}x\"]"));
    assert!(terminal.starts_with("{\"namespace\":\"/\",\"rooms\":[\"r\\u202ex\"]"));
    assert_eq!(both("{from}{reply}{time}").0.lines().count(), 2);
}
