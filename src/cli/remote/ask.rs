//! One verb to the hub and its response, for commands that need nothing else.

use crate::cli::failure::Failure;
use crate::cli::remote::connect::await_answer;
use crate::cli::remote::interrupts::Interrupts;
use crate::client::verbs::VerbRequest;
use crate::client::{ClientError, HubConnection, Target};

pub async fn ask<R: VerbRequest>(target: &Target, request: &R) -> Result<R::Response, Failure> {
    let response = await_answer(&target.url, connect_and_request(target, request));
    Interrupts::listen(None)?.run(response).await
}

async fn connect_and_request<R: VerbRequest>(
    target: &Target,
    request: &R,
) -> Result<R::Response, ClientError> {
    let mut connection = HubConnection::open(target)
        .await
        .map_err(|error| error.with_url(&target.url))?;
    let response = connection.request(target, request).await;
    if let Ok(_) | Err(ClientError::Refused(_)) = response {
        connection.close().await;
    }
    response
}
