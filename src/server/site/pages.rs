//! What the hub shows to browsers beside Socket.IO: the files of a folder, a client script of its own, and the page for
//! a class. Knows nothing of sessions; who may ask is decided before.

use std::hash::{DefaultHasher, Hash as _, Hasher as _};

use hyper::header::{
    ALLOW, CACHE_CONTROL, CONTENT_LENGTH, CONTENT_SECURITY_POLICY, CONTENT_TYPE, ETAG, HeaderMap,
    HeaderName, HeaderValue, IF_NONE_MATCH, LOCATION, REFERRER_POLICY, X_CONTENT_TYPE_OPTIONS,
};
use hyper::{Method, Request, Response, StatusCode, Uri};

use super::super::body::{Body, Disk};
use super::content_type;
use super::site_path::Inside;
use super::static_folder::{Folder, Found, Opened};
use crate::session::services::random_id;

const SCRIPT: &str = include_str!("socket.io.js");
/// The same as a module: it sets the same globals, and names them.
const MODULE: &str = concat!(
    include_str!("socket.io.js"),
    "\nconst { io, Manager, Socket } = globalThis.io;\n",
    "export { io, io as connect, io as default, Manager, Socket };\n"
);
const CLASS_PAGE: &str = include_str!("class.html");
/// Stands in the page where each answer has a nonce of its own.
const NONCE: &str = "{{nonce}}";

const CORP: HeaderName = HeaderName::from_static("cross-origin-resource-policy");
const JAVASCRIPT: &str = "text/javascript; charset=utf-8";

pub struct Pages {
    folder: Option<Folder>,
    disk: Disk,
}

/// What of a request decides what is shown.
pub struct Asked<'a> {
    pub method: &'a Method,
    pub uri: &'a Uri,
    pub headers: &'a HeaderMap,
}

impl<'a> Asked<'a> {
    pub fn of<B>(request: &'a Request<B>) -> Self {
        Self {
            method: request.method(),
            uri: request.uri(),
            headers: request.headers(),
        }
    }
}

impl Pages {
    /// Without a folder `/` is the page for a class.
    pub fn new(folder: Option<Folder>) -> Self {
        Self {
            folder,
            disk: Disk::default(),
        }
    }

    /// The answer to any request that is not Socket.IO's.
    pub async fn answer(&self, asked: Asked<'_>) -> Response<Body> {
        let head = asked.method == Method::HEAD;
        let mut answer = if head || asked.method == Method::GET {
            self.show(&asked).await
        } else {
            let mut answer = text(StatusCode::METHOD_NOT_ALLOWED, "only GET and HEAD");
            set(&mut answer, ALLOW, "GET, HEAD");
            answer
        };
        set(&mut answer, X_CONTENT_TYPE_OPTIONS, "nosniff");
        if head && answer.status() != StatusCode::NOT_MODIFIED {
            let length = hyper::body::Body::size_hint(answer.body()).lower();
            answer
                .headers_mut()
                .insert(CONTENT_LENGTH, HeaderValue::from(length));
            *answer.body_mut() = Body::Empty;
        }
        answer
    }

    /// A file of the folder comes before what is built in: the official client's bundle may lie where ours would be.
    async fn show(&self, asked: &Asked<'_>) -> Response<Body> {
        let path = asked.uri.path();
        if let (Some(folder), Some(inside)) = (&self.folder, Inside::parse(path)) {
            let folder = folder.clone();
            match self.disk.clone().ask(move || folder.find(&inside)).await {
                Ok(Found::File(opened)) => return self.file(opened, asked),
                Ok(Found::Folder) => return with_slash(asked.uri),
                Ok(Found::Nothing) => {}
                Err(error) => {
                    tracing::warn!("cannot read the static folder: {error}");
                    let why = "the folder of these files cannot be read";
                    return text(StatusCode::INTERNAL_SERVER_ERROR, why);
                }
            }
        }
        match path {
            "/socket.io/socket.io.js" => script(SCRIPT, asked),
            "/socket.io/socket.io.esm.js" => script(MODULE, asked),
            "/" if self.folder.is_none() => class_page(),
            _ => self.nothing(),
        }
    }

    fn file(&self, opened: Opened, asked: &Asked<'_>) -> Response<Body> {
        let Opened {
            file,
            name,
            length,
            etag,
        } = opened;
        let mut answer = tagged(asked, &etag, || Body::File(file, length, self.disk.clone()));
        set(&mut answer, CONTENT_TYPE, content_type::of(&name));
        // The bundle in the folder is as public as the one built in; anything else is for this hub's own pages.
        if !asked.uri.path().starts_with("/socket.io/") {
            set(&mut answer, CORP, "same-origin");
        }
        answer
    }

    fn nothing(&self) -> Response<Body> {
        let root = match self.folder {
            Some(_) => "the files of the folder given to --static",
            None => "a page to try everything with",
        };
        text(
            StatusCode::NOT_FOUND,
            &format!(
                "nothing here\n\n/                        {root}\n\
                 /socket.io/              Socket.IO\n\
                 /socket.io/socket.io.js  its client, for pages"
            ),
        )
    }
}

fn script(source: &'static str, asked: &Asked<'_>) -> Response<Body> {
    let mut hasher = DefaultHasher::new();
    source.hash(&mut hasher);
    let mut answer = tagged(asked, &format!("\"{:x}\"", hasher.finish()), || {
        Body::from(source)
    });
    set(&mut answer, CONTENT_TYPE, JAVASCRIPT);
    answer
}

/// It runs its own script and style and nothing else, and talks to this hub only. The nonce is new each time, so nothing
/// of it is kept.
fn class_page() -> Response<Body> {
    let nonce = random_id();
    let policy = format!(
        "default-src 'none'; script-src 'nonce-{nonce}'; style-src 'nonce-{nonce}'; connect-src 'self'; \
         img-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    );
    let mut answer = Response::new(Body::from(CLASS_PAGE.replace(NONCE, &nonce)));
    set(&mut answer, CONTENT_TYPE, "text/html; charset=utf-8");
    set(&mut answer, CONTENT_SECURITY_POLICY, &policy);
    set(&mut answer, REFERRER_POLICY, "no-referrer");
    set(&mut answer, CACHE_CONTROL, "no-store");
    set(&mut answer, CORP, "same-origin");
    answer
}

/// With the body, unless the peer has it already; asked for again each time, for files change.
fn tagged(asked: &Asked<'_>, etag: &str, body: impl FnOnce() -> Body) -> Response<Body> {
    let mut answer = if has(asked.headers, etag) {
        let mut answer = Response::new(Body::Empty);
        *answer.status_mut() = StatusCode::NOT_MODIFIED;
        answer
    } else {
        Response::new(body())
    };
    set(&mut answer, ETAG, etag);
    set(&mut answer, CACHE_CONTROL, "no-cache");
    answer
}

/// `If-None-Match`, compared weakly (RFC 9110, 13.1.2).
fn has(headers: &HeaderMap, etag: &str) -> bool {
    let bare = |tag: &str| tag.trim().trim_start_matches("W/").to_owned();
    headers.get_all(IF_NONE_MATCH).iter().any(|tags| {
        tags.to_str().is_ok_and(|tags| {
            tags.split(',')
                .any(|tag| tag.trim() == "*" || bare(tag) == bare(etag))
        })
    })
}

/// What is in a folder refers to its neighbours: the browser has to know that it is one.
fn with_slash(uri: &Uri) -> Response<Body> {
    let query = uri.query().map(|query| format!("?{query}"));
    let target = format!("{}/{}", uri.path(), query.unwrap_or_default());
    let mut answer = text(StatusCode::TEMPORARY_REDIRECT, &target);
    set(&mut answer, LOCATION, &target);
    answer
}

fn text(status: StatusCode, text: &str) -> Response<Body> {
    let mut answer = Response::new(Body::from(format!("{text}\n")));
    *answer.status_mut() = status;
    set(&mut answer, CONTENT_TYPE, "text/plain; charset=utf-8");
    answer
}

/// What cannot stand in a header is left out: nothing here comes with line breaks.
fn set(answer: &mut Response<Body>, name: HeaderName, value: &str) {
    if let Ok(value) = HeaderValue::from_str(value) {
        answer.headers_mut().insert(name, value);
    }
}
