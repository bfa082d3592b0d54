//! Answers every request that is not Engine.IO's. Host and Origin were checked before.

use std::hash::{DefaultHasher, Hash as _, Hasher as _};

use hyper::header::{
    ALLOW, CACHE_CONTROL, CONTENT_LENGTH, CONTENT_SECURITY_POLICY, CONTENT_TYPE, ETAG, HeaderMap,
    HeaderName, HeaderValue, IF_NONE_MATCH, LOCATION, REFERRER_POLICY, X_CONTENT_TYPE_OPTIONS,
};
use hyper::{Method, Response, StatusCode, Uri};

use super::built_in::BuiltIn;
use super::content_type;
use super::site_path::SitePath;
use super::static_folder::{Lookup, StaticFile, StaticFolder};
use crate::server::response::{HttpResponse, plain_text};
use crate::server::response_body::{DiskReads, ResponseBody};
use crate::session::services::random_id;

/// The placeholder in the class page that each response replaces with a nonce of its own.
const NONCE: &str = "{{nonce}}";

const CROSS_ORIGIN_RESOURCE_POLICY: HeaderName =
    HeaderName::from_static("cross-origin-resource-policy");

pub struct Pages {
    folder: Option<StaticFolder>,
    disk: DiskReads,
}

/// The parts of a request that decide what is shown.
pub struct SiteRequest<'a> {
    pub method: &'a Method,
    pub uri: &'a Uri,
    pub headers: &'a HeaderMap,
    /// The path of `uri`, below the hub's prefix.
    pub path: &'a str,
    pub built_in: Option<BuiltIn>,
}

impl Pages {
    pub fn new(folder: Option<StaticFolder>) -> Self {
        Self {
            folder,
            disk: DiskReads::default(),
        }
    }

    pub async fn respond(&self, request: SiteRequest<'_>) -> HttpResponse {
        let is_head = request.method == Method::HEAD;
        let mut response = if is_head || request.method == Method::GET {
            self.show(&request).await
        } else {
            let mut response = plain_text(StatusCode::METHOD_NOT_ALLOWED, "only GET and HEAD");
            set(&mut response, ALLOW, "GET, HEAD");
            response
        };
        set(&mut response, X_CONTENT_TYPE_OPTIONS, "nosniff");
        if is_head && response.status() != StatusCode::NOT_MODIFIED {
            let length = hyper::body::Body::size_hint(response.body()).lower();
            response
                .headers_mut()
                .insert(CONTENT_LENGTH, HeaderValue::from(length));
            *response.body_mut() = ResponseBody::Empty;
        }
        response
    }

    async fn show(&self, request: &SiteRequest<'_>) -> HttpResponse {
        if let (Some(folder), Some(path)) = (&self.folder, SitePath::parse(request.path)) {
            let folder = folder.clone();
            match self.disk.clone().run(move || folder.find(&path)).await {
                Ok(Lookup::File(file)) => return self.file(file, request),
                Ok(Lookup::Folder) => return redirect_to_folder(request.uri),
                Ok(Lookup::NotFound) => {}
                Err(error) => {
                    tracing::warn!("cannot read the static folder: {error}");
                    let text = "the static folder cannot be read";
                    return plain_text(StatusCode::INTERNAL_SERVER_ERROR, text);
                }
            }
        }
        match request.built_in {
            Some(script @ (BuiltIn::Script | BuiltIn::Module)) => {
                script_response(script.source(), request)
            }
            Some(page @ BuiltIn::ClassPage) if self.folder.is_none() => class_page(page.source()),
            Some(BuiltIn::ClassPage) | None => self.not_found(),
        }
    }

    fn file(&self, file: StaticFile, request: &SiteRequest<'_>) -> HttpResponse {
        let StaticFile {
            file,
            path,
            length,
            etag,
        } = file;
        let body = || ResponseBody::File(file, length, self.disk.clone());
        let mut response = conditional(request.headers, &etag, body);
        set(&mut response, CONTENT_TYPE, content_type::of(&path));
        // A client script in the folder is as public as the built-in one. Everything else is readable only for this
        // hub's own pages.
        if !request.path.starts_with("/socket.io/") {
            set(&mut response, CROSS_ORIGIN_RESOURCE_POLICY, "same-origin");
        }
        response
    }

    fn not_found(&self) -> HttpResponse {
        let root = match self.folder {
            Some(_) => "the files of the --static folder",
            None => "the class page, to try everything",
        };
        plain_text(
            StatusCode::NOT_FOUND,
            &format!(
                "nothing here\n\n/                        {root}\n\
                 /socket.io/              Socket.IO\n\
                 /socket.io/socket.io.js  a Socket.IO client for web pages"
            ),
        )
    }
}

fn script_response(source: &'static str, request: &SiteRequest<'_>) -> HttpResponse {
    let mut hasher = DefaultHasher::new();
    source.hash(&mut hasher);
    let etag = format!("\"{:x}\"", hasher.finish());
    let mut response = conditional(request.headers, &etag, || ResponseBody::from(source));
    set(&mut response, CONTENT_TYPE, content_type::JAVASCRIPT);
    response
}

/// The page runs its own script and style and no other, and connects to this hub only. Each response has a nonce of its
/// own, so it must not be cached.
fn class_page(source: &str) -> HttpResponse {
    let nonce = random_id();
    let policy = format!(
        "default-src 'none'; script-src 'nonce-{nonce}'; style-src 'nonce-{nonce}'; connect-src 'self'; \
         img-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    );
    let mut response = Response::new(ResponseBody::from(source.replace(NONCE, &nonce)));
    set(&mut response, CONTENT_TYPE, content_type::HTML);
    set(&mut response, CONTENT_SECURITY_POLICY, &policy);
    set(&mut response, REFERRER_POLICY, "no-referrer");
    set(&mut response, CACHE_CONTROL, "no-store");
    set(&mut response, CROSS_ORIGIN_RESOURCE_POLICY, "same-origin");
    response
}

/// With the body, or 304 if the browser has it already. The browser asks again each time, because files change.
fn conditional(
    headers: &HeaderMap,
    etag: &str,
    body: impl FnOnce() -> ResponseBody,
) -> HttpResponse {
    let mut response = if matches_etag(headers, etag) {
        let mut response = Response::new(ResponseBody::Empty);
        *response.status_mut() = StatusCode::NOT_MODIFIED;
        response
    } else {
        Response::new(body())
    };
    set(&mut response, ETAG, etag);
    set(&mut response, CACHE_CONTROL, "no-cache");
    response
}

/// `If-None-Match`, by weak comparison (RFC 9110, section 13.1.2).
fn matches_etag(headers: &HeaderMap, etag: &str) -> bool {
    let opaque = |tag: &str| tag.trim().trim_start_matches("W/").to_owned();
    headers.get_all(IF_NONE_MATCH).iter().any(|tags| {
        tags.to_str().is_ok_and(|tags| {
            tags.split(',')
                .any(|tag| tag.trim() == "*" || opaque(tag) == opaque(etag))
        })
    })
}

/// Adds the slash: relative links in a folder's index need it.
fn redirect_to_folder(uri: &Uri) -> HttpResponse {
    let query = uri.query().map(|query| format!("?{query}"));
    let target = format!("{}/{}", uri.path(), query.unwrap_or_default());
    let mut response = plain_text(StatusCode::TEMPORARY_REDIRECT, &target);
    set(&mut response, LOCATION, &target);
    response
}

/// Leaves out a value that cannot stand in a header: one with control characters.
fn set(response: &mut HttpResponse, name: HeaderName, value: &str) {
    if let Ok(value) = HeaderValue::from_str(value) {
        response.headers_mut().insert(name, value);
    }
}
