//! `kick`: closes the connections of a client.

use serde::Deserialize;
use serde_json::json;

use crate::address::ClientName;
use crate::cli::args::kick::KickArgs;
use crate::cli::failure::Failure;
use crate::cli::remote::ask::ask;
use crate::cli::remote::target::resolve_target;
use crate::cli::screen::term;
use crate::cli::settings::Global;
use crate::client::Target;

pub async fn run(args: &KickArgs, global: &Global) -> Result<(), Failure> {
    let (target, _) = resolve_target(global, &args.remote, [])?;
    let whom = &args.whom;
    // A sid wins over a name: anybody can choose a name that is somebody else's sid.
    let mut kicked = kick(&target, &json!({"sid": whom}).to_string()).await?;
    if kicked == 0 && ClientName::parse(whom).is_ok() {
        kicked = kick(&target, &json!({"as": whom}).to_string()).await?;
    }
    match kicked {
        0 => {
            return Err(Failure::Other {
                what: format!(
                    "nobody in {} has the sid or the name {whom}",
                    target.namespace
                ),
                hint: Some(
                    "\"roomcat who\" shows who is connected; --namespace NS names another namespace"
                        .to_owned(),
                ),
            });
        }
        1 => term::note(format!("kicked {whom}")),
        several => term::note(format!("kicked {whom}: {several} connections")),
    }
    Ok(())
}

/// Returns how many connections were closed.
async fn kick(target: &Target, args: &str) -> Result<u64, Failure> {
    #[derive(Deserialize)]
    struct KickResponse {
        kicked: u64,
    }
    let response: KickResponse = ask(target, "kick", args).await?;
    Ok(response.kicked)
}
