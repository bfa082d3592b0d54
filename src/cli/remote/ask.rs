//! One verb to the hub and its answer, for commands that need nothing else.

use serde::de::DeserializeOwned;
use serde_json::value::RawValue;

use crate::cli::failure::Failure;
use crate::cli::remote::connect::await_answer;
use crate::cli::remote::interrupts::Interrupts;
use crate::client::{ClientError, HubConnection, Target};

/// Sends a verb; `args` is the inside of a JSON array.
pub async fn ask<T: DeserializeOwned>(
    target: &Target,
    verb: &str,
    args: &str,
) -> Result<T, Failure> {
    let call = await_answer(&target.url, connect_and_call(target, verb, args));
    let answer = Interrupts::listen(None)?.run(call).await?;
    parse_answer(verb, &answer)
}

/// Errors: the hub's answer to `verb` has another shape than `T`.
pub fn parse_answer<T: DeserializeOwned>(verb: &str, answer: &RawValue) -> Result<T, Failure> {
    serde_json::from_str(answer.get())
        .map_err(|error| ClientError::Protocol(format!("the answer to {verb}: {error}")).into())
}

async fn connect_and_call(
    target: &Target,
    verb: &str,
    args: &str,
) -> Result<Box<RawValue>, ClientError> {
    let mut connection = HubConnection::open(target)
        .await
        .map_err(|error| error.with_url(&target.url))?;
    let answer = connection.call(target, verb, args).await?;
    connection.close().await;
    answer.map_err(ClientError::Refused)
}
