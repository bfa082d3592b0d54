//! `kick`: somebody's connections are closed.

use serde::Deserialize;
use serde_json::json;

use crate::address::ClientName;
use crate::cli::args::kick::KickArgs;
use crate::cli::failure::Failure;
use crate::cli::remote::ask;
use crate::cli::remote::target::target;
use crate::cli::screen::term;
use crate::cli::settings::Global;
use crate::client::answers::parse;
use crate::client::{ClientError, Target};

pub async fn run(args: &KickArgs, global: &Global) -> Result<(), Failure> {
    let (target, _) = target(global, &args.remote, [])?;
    let whom = &args.whom;
    // Nobody chooses a sid, but everybody a name: a name that is another's sid is not meant.
    let mut kicked = kick(&target, &json!({"sid": whom}).to_string()).await?;
    if kicked == 0 && ClientName::parse(whom).is_ok() {
        kicked = kick(&target, &json!({"as": whom}).to_string()).await?;
    }
    match kicked {
        0 => Err(Failure::Other {
            what: format!(
                "nobody in {} has the sid or the name {whom}",
                target.namespace
            ),
            hint: Some(
                "\"roomcat who\" shows who is there; a namespace is named with --namespace"
                    .to_owned(),
            ),
        }),
        1 => {
            term::note(format!("kicked {whom}"));
            Ok(())
        }
        several => {
            term::note(format!("kicked {whom}: {several} connections"));
            Ok(())
        }
    }
}

async fn kick(target: &Target, args: &str) -> Result<u64, Failure> {
    #[derive(Deserialize)]
    struct Kicked {
        kicked: u64,
    }
    let answer = ask::ask(target, "kick", args).await?;
    let answer: Kicked = parse("the answer to kick", &answer)
        .map_err(|error| ClientError::Protocol(error.to_string()))?;
    Ok(answer.kicked)
}
