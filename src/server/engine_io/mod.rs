//! The HTTP requests of Engine.IO.

pub mod error;
pub mod query;
pub mod request_body;
pub mod requests;
