//! One question to the hub and its answer, for commands that do nothing else.

use tokio::select;

use crate::cli::failure::Failure;
use crate::cli::remote::connect::asking;
use crate::client::verbs::VerbRequest;
use crate::client::{ClientError, HubConnection, Target};

pub async fn ask<R: VerbRequest>(target: &Target, request: &R) -> Result<R::Response, Failure> {
    let mut signals = crate::cli::runtime::listen()?;
    select! {
        answer = asking(&target.url, asked(target, request)) => Ok(answer?),
        signal = signals.next() => Err(Failure::Signal(signal)),
    }
}

async fn asked<R: VerbRequest>(target: &Target, request: &R) -> Result<R::Response, ClientError> {
    let mut connection = HubConnection::open(target)
        .await
        .map_err(|error| error.with_url(&target.url))?;
    let response = connection.request(target, request).await;
    if let Ok(_) | Err(ClientError::Refused(_)) = response {
        connection.close().await;
    }
    response
}
