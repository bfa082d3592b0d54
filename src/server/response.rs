//! Small helpers for HTTP requests and responses.

use hyper::header::{CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue};
use hyper::{Response, StatusCode};

use super::response_body::ResponseBody;

pub type HttpResponse = Response<ResponseBody>;

/// A line of text.
pub fn plain_text(status: StatusCode, text: &str) -> HttpResponse {
    let mut response = Response::new(ResponseBody::from(format!("{text}\n")));
    *response.status_mut() = status;
    response.headers_mut().insert(
        CONTENT_TYPE,
        HeaderValue::from_static("text/plain; charset=utf-8"),
    );
    response
}

/// The value of a header. A value that is not ASCII becomes one that no check accepts.
pub fn header_text(headers: &HeaderMap, name: HeaderName) -> Option<&str> {
    headers
        .get(name)
        .map(|value| value.to_str().unwrap_or("\u{fffd}"))
}
