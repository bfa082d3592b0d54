//! What goes in comes out: every split, every awkward byte, every place where a read may cut.

use super::*;
use crate::wire::batch::Framing;

const LIMIT: usize = limits::MESSAGE_BYTES;

fn input(split: Split, payload: Payload) -> InputOptions {
    InputOptions {
        split,
        payload,
        max_message: LIMIT,
    }
}

fn lines() -> InputOptions {
    input(Split::Lines, Payload::Text)
}

/// Feeds `text` in reads of at most `step` bytes; the blocks and the error, if it came to one.
fn cut(input: InputOptions, text: &[u8], step: usize) -> (Vec<InputBlock>, Option<InputError>) {
    let mut cutter = Cutter::new(input);
    let mut blocks = Vec::new();
    let reads = text.chunks(step).map(Some).chain([None]);
    for read in reads {
        let room = cutter.read_buffer();
        match read {
            Some(read) => room.extend_from_slice(read),
            None => cutter.end(),
        }
        while let Some(block) = cutter.next_block() {
            match block {
                Ok(block) => blocks.push(block),
                Err(error) => return (blocks, Some(error)),
            }
        }
    }
    (blocks, None)
}

/// The messages of a body, decoded here and not by the code under test.
fn decode(block: &InputBlock) -> Vec<Vec<u8>> {
    let mut rest = &block.body[..];
    let mut messages = Vec::new();
    while !rest.is_empty() {
        let (message, after) = match block.framing {
            Framing::Lines => {
                let end = rest.iter().position(|b| *b == b'\n').expect("ended");
                (&rest[..end], &rest[end + 1..])
            }
            Framing::Bytes => {
                let length = u32::from_be_bytes(rest[..4].try_into().unwrap()) as usize;
                rest[4..].split_at(length)
            }
            Framing::Args => panic!("stdin makes no events"),
        };
        messages.push(message.to_vec());
        rest = after;
    }
    assert_eq!(messages.len(), block.count as usize);
    messages
}

fn all(blocks: &[InputBlock]) -> Vec<Vec<u8>> {
    blocks.iter().flat_map(decode).collect()
}

fn block_on<T>(future: impl Future<Output = T>) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread().build();
    runtime.unwrap().block_on(future)
}

#[test]
fn lines_survive_wherever_a_read_cuts_them() {
    let long = "x".repeat(1000);
    let text = format!("one\n\ntwo\r\n{long}\n ü€😀 \nlast without newline");
    let wanted: Vec<Vec<u8>> = ["one", "", "two\r", &long, " ü€😀 ", "last without newline"]
        .map(|line| line.as_bytes().to_vec())
        .to_vec();
    for step in [1, 2, 3, 7, 64, 4096] {
        let (blocks, error) = cut(lines(), text.as_bytes(), step);
        assert!(error.is_none());
        assert_eq!(all(&blocks), wanted, "reads of {step}");
        assert!(blocks.iter().all(|b| b.framing == Framing::Lines), "{step}");
    }
}

#[test]
fn every_byte_value_survives() {
    let every: Vec<u8> = (0..=255).collect();
    let (blocks, _) = cut(lines(), &every, 100);
    let wanted: Vec<Vec<u8>> = every.split(|b| *b == b'\n').map(<[u8]>::to_vec).collect();
    assert_eq!(all(&blocks), wanted);
    let (blocks, _) = cut(input(Split::Nul, Payload::Text), &every, 100);
    assert_eq!(all(&blocks), vec![vec![], every[1..].to_vec()]);
    let (blocks, _) = cut(input(Split::Whole, Payload::Text), &every, 100);
    assert_eq!(all(&blocks), vec![every.clone()]);
}

#[test]
fn a_line_goes_as_soon_as_it_was_read() {
    let mut cutter = Cutter::new(lines());
    cutter.read_buffer().extend_from_slice(b"now\nlat");
    let block = cutter.next_block().unwrap().unwrap();
    assert_eq!(block.body, "now\n");
    assert!(cutter.next_block().is_none());
    cutter.read_buffer().extend_from_slice(b"er\n");
    assert_eq!(cutter.next_block().unwrap().unwrap().body, "later\n");
}

#[test]
fn blocks_are_bounded_unless_they_hold_one_message() {
    let mut text = vec![b'a'; LIMIT];
    text.push(b'\n');
    text.extend(b"b\n".repeat(300_000));
    for step in [limits::BATCH_BYTES, 4 << 20] {
        let (blocks, error) = cut(lines(), &text, step);
        assert!(error.is_none());
        assert_eq!(blocks[0].count, 1);
        assert!(
            blocks[1..]
                .iter()
                .all(|b| b.body.len() <= limits::BATCH_BYTES)
        );
        assert_eq!(all(&blocks).len(), 300_001);
    }
    // Each blank line becomes four bytes where one byte is not text.
    let mut blank = vec![b'\n'; limits::BATCH_BYTES - 2];
    blank.extend(b"\xff\n");
    let (blocks, _) = cut(lines(), &blank, blank.len());
    assert!(blocks.len() > 1);
    assert!(blocks.iter().all(|b| b.body.len() <= limits::BATCH_BYTES));
    assert_eq!(all(&blocks).len(), blank.len() - 1);
}

#[test]
fn a_message_over_the_limit_is_named_after_what_stands_before_it_went() {
    for split in [Split::Lines, Split::Nul] {
        let input = InputOptions {
            max_message: 5,
            ..input(split, Payload::Text)
        };
        let mut text = b"12345\nok\n123456\nnever\n".to_vec();
        if split == Split::Nul {
            text.iter_mut()
                .for_each(|b| *b = if *b == b'\n' { 0 } else { *b });
        }
        for step in [1, 4, 100] {
            let (blocks, error) = cut(input, &text, step);
            assert_eq!(all(&blocks), [b"12345".to_vec(), b"ok".to_vec()], "{step}");
            assert!(
                matches!(
                    error,
                    Some(InputError::TooLong {
                        number: 3,
                        length: 6,
                        limit: 5
                    })
                ),
                "{error:?}"
            );
        }
    }
    let (_, error) = cut(lines(), &vec![b'x'; LIMIT + 1], 64 << 10);
    assert!(matches!(error, Some(InputError::TooLong { number: 1, .. })));
    let (blocks, error) = cut(lines(), &vec![b'x'; LIMIT], 64 << 10);
    assert!(error.is_none() && blocks[0].body.len() == LIMIT + 1);
}

#[test]
fn whole_is_one_message_even_when_empty() {
    let whole = input(Split::Whole, Payload::Text);
    for text in ["", "a", "a\nb", "\n", "a\0"] {
        let (blocks, error) = cut(whole, text.as_bytes(), 1);
        assert!(error.is_none());
        assert_eq!(all(&blocks), [text.as_bytes().to_vec()], "{text:?}");
    }
    let (blocks, _) = cut(whole, b"plain", 99);
    assert_eq!(blocks[0].framing, Framing::Lines);
    assert!(cut(lines(), b"", 1).0.is_empty());
    assert!(cut(input(Split::Nul, Payload::Text), b"", 1).0.is_empty());
}

#[test]
fn json_is_checked_with_its_number_and_otherwise_untouched() {
    let json = input(Split::Lines, Payload::Json);
    let text = b"{\"a\": 1e400}\n\"\\ud800\"\r\n[]\n";
    let (blocks, error) = cut(json, text, 100);
    assert!(error.is_none(), "{error:?}");
    assert_eq!(blocks[0].body, &text[..]);
    assert!(blocks[0].json && blocks[0].framing == Framing::Lines && blocks[0].count == 3);
    for (text, number) in [
        ("1\n\n2\n", 2),
        ("1\n2\n{\"a\":}\n", 3),
        ("x", 1),
        ("1 2\n", 1),
    ] {
        let (blocks, error) = cut(json, text.as_bytes(), 1);
        assert_eq!(all(&blocks).len() as u64, number - 1);
        match error {
            Some(InputError::NotJson { number: found, .. }) => assert_eq!(found, number),
            other => panic!("{text:?}: {other:?}"),
        }
    }
}

#[test]
fn json_over_several_lines_becomes_one_line() {
    let text = b"{\n \"a\": \"b\\n\"\n}\n";
    for (split, text) in [
        (Split::Whole, text.to_vec()),
        (Split::Nul, [&text[..], b"\0"].concat()),
    ] {
        let (blocks, error) = cut(input(split, Payload::Json), &text, 3);
        assert!(error.is_none(), "{error:?}");
        assert_eq!(blocks[0].body, &b"{  \"a\": \"b\\n\" } \n"[..]);
        assert_eq!((blocks.len(), blocks[0].json), (1, true));
    }
}

#[test]
fn words_are_one_message() {
    assert_eq!(message(b"hi there").body, "hi there\n");
    assert_eq!(message(b"").body, "\n");
    assert_eq!(decode(&message(b"a\nb")), [b"a\nb".to_vec()]);
    assert_eq!(words("a b", lines()).unwrap(), message(b"a b"));
    let short = InputOptions {
        max_message: 2,
        ..lines()
    };
    assert!(matches!(
        words("abc", short),
        Err(InputError::TooLong {
            number: 1,
            length: 3,
            limit: 2
        })
    ));
    assert!(words("{", input(Split::Lines, Payload::Json)).is_err());
}

#[test]
fn files_follow_each_other_and_each_ends_its_last_line() {
    let folder = tempfile::tempdir().unwrap();
    let paths = ["a", "b", "c"].map(|name| folder.path().join(name));
    std::fs::write(&paths[0], "one\ntwo").unwrap();
    std::fs::write(&paths[1], "").unwrap();
    std::fs::write(&paths[2], "three\n").unwrap();
    let mut receiver = read(InputSource::Files(paths.to_vec()), lines());
    let mut blocks = Vec::new();
    while let Some(block) = block_on(receiver.next()) {
        blocks.push(block.unwrap());
    }
    assert_eq!(
        all(&blocks),
        ["one", "two", "three"].map(|l| l.as_bytes().to_vec())
    );

    let missing = folder.path().join("missing");
    let mut receiver = read(
        InputSource::Files(vec![paths[0].clone(), missing.clone()]),
        lines(),
    );
    let mut last = None;
    while let Some(block) = block_on(receiver.next()) {
        last = Some(block);
    }
    match last {
        Some(Err(InputError::Io { path, .. })) => assert_eq!(path, missing),
        other => panic!("{other:?}"),
    }
}
