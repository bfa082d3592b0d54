//! One question to the hub and its answer, for commands that do nothing else.

use serde_json::value::RawValue;
use tokio::select;

use crate::cli::failure::Failure;
use crate::cli::remote::connect::asking;
use crate::client::{ClientError, HubConnection, Target};

/// `args` is the inside of a JSON array.
pub async fn ask(target: &Target, verb: &str, args: &str) -> Result<Box<RawValue>, Failure> {
    let mut signals = crate::cli::runtime::listen()?;
    select! {
        answer = asking(&target.url, asked(target, verb, args)) => Ok(answer?),
        signal = signals.next() => Err(Failure::Signal(signal)),
    }
}

async fn asked(target: &Target, verb: &str, args: &str) -> Result<Box<RawValue>, ClientError> {
    let mut connection = HubConnection::open(target)
        .await
        .map_err(|error| error.with_url(&target.url))?;
    let answer = connection.call(target, verb, args).await?;
    connection.close().await;
    answer.map_err(ClientError::Refused)
}
