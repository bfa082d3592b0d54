use super::*;
use crate::client::DialError;

fn refused(code: ErrorCode) -> Failure {
    ClientError::Refused(refusal(code)).into()
}

fn refusal(code: ErrorCode) -> ErrorResponse {
    ErrorResponse {
        code: Some(code),
        message: "why".into(),
    }
}

fn unreachable(reason: DialError) -> Failure {
    ClientError::Unreachable {
        url: "ws://h:1".into(),
        reason,
    }
    .into()
}

fn denied(code: ErrorCode) -> Failure {
    ClientError::Denied {
        url: "ws://h:1".into(),
        refusal: refusal(code),
    }
    .into()
}

fn other_server(message: &str) -> Failure {
    let message = message.to_owned();
    let refusal = ErrorResponse {
        code: None,
        message,
    };
    let url = "ws://h:1".into();
    ClientError::Denied { url, refusal }.into()
}

fn lost() -> Failure {
    ClientError::Lost {
        url: "ws://h:1".into(),
        reason: "gone".into(),
    }
    .into()
}

#[test]
fn each_failure_has_its_exit_code() {
    let unconfirmed = |cause: Failure| Failure::Unconfirmed {
        cause: Box::new(cause),
        lines: 3,
    };
    let no_file = InputError::Io {
        path: "f".into(),
        source: io::ErrorKind::NotFound.into(),
    };
    for (failure, code) in [
        (Failure::Usage("x".into()), 2),
        (unreachable(io::Error::from_raw_os_error(111).into()), 3),
        (unreachable(DialError::Timeout(Duration::from_secs(10))), 3),
        (
            unreachable(DialError::Http {
                status: 404,
                message: None,
            }),
            3,
        ),
        (
            unreachable(DialError::Http {
                status: 403,
                message: None,
            }),
            4,
        ),
        (lost(), 3),
        (denied(ErrorCode::Token), 4),
        (denied(ErrorCode::NameTaken), 4),
        (denied(ErrorCode::Forbidden), 4),
        (denied(ErrorCode::NoAnswer), 4),
        (other_server("Invalid namespace"), 4),
        (
            unreachable(DialError::NoWebSocket("it closed the connection")),
            3,
        ),
        (other_server("odd"), 4),
        (ClientError::NotAHub { url: "u".into() }.into(), 4),
        (refused(ErrorCode::Forbidden), 4),
        (refused(ErrorCode::TooLarge), 1),
        (refused(ErrorCode::Full), 1),
        (refused(ErrorCode::NoRooms), 1),
        (Failure::Unacknowledged { name: "a".into() }, 3),
        (Failure::Timeout(Duration::from_secs(1)), 5),
        (
            Failure::Require {
                wanted: 2,
                reached: 1,
            },
            6,
        ),
        (Failure::RequireUnknown { wanted: 2 }, 6),
        (no_file.into(), 1),
        (unconfirmed(lost()), 3),
        (unconfirmed(Failure::Signal(Signal::Interrupt)), 130),
        (unconfirmed(Failure::Signal(Signal::Terminate)), 143),
        (Failure::Signal(Signal::Hangup), 129),
    ] {
        assert_eq!(failure.exit_code(), code, "{failure}");
    }
}

#[test]
fn a_failure_says_what_why_and_what_to_do() {
    let refused = unreachable(io::Error::from_raw_os_error(111).into());
    assert_eq!(
        refused.to_string(),
        "cannot reach ws://h:1: connection refused"
    );
    assert_eq!(
        refused.hint().unwrap(),
        "start a hub with \"roomcat serve\""
    );
    for (lines, text) in [
        (1, "lost ws://h:1: gone; 1 line not confirmed"),
        (812, "lost ws://h:1: gone; 812 lines not confirmed"),
    ] {
        let failure = Failure::Unconfirmed {
            cause: Box::new(lost()),
            lines,
        };
        assert_eq!(failure.to_string(), text);
    }
    let late = Failure::Timeout(Duration::from_millis(1500));
    assert_eq!(late.to_string(), "timed out after 1500ms");
    assert!(
        denied(ErrorCode::Token)
            .hint()
            .is_some_and(|hint| hint.contains("--token-file"))
    );
}

#[test]
fn what_happens_to_a_name_names_it() {
    let name = ClientName::parse("alice").unwrap();
    let none = refused(ErrorCode::NoRooms).with_name(Some(&name));
    assert_eq!(none.exit_code(), 1);
    assert!(none.to_string().contains("alice") && none.hint().is_some());
    let taken = denied(ErrorCode::NameTaken).with_name(Some(&name));
    assert_eq!(taken.exit_code(), 4);
    assert!(taken.to_string().contains("alice") && taken.hint().is_some());
    for other in [denied(ErrorCode::Token), refused(ErrorCode::Full)] {
        let text = other.to_string();
        assert_eq!(other.with_name(Some(&name)).to_string(), text);
    }
}
