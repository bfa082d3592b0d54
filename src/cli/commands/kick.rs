//! `kick`: somebody's connections are closed.

use crate::address::ClientName;
use crate::cli::args::kick::KickArgs;
use crate::cli::failure::Failure;
use crate::cli::remote::ask::ask;
use crate::cli::remote::target::target;
use crate::cli::screen::term;
use crate::cli::settings::Global;
use crate::client::Target;
use crate::client::verbs::kick::KickRequest;

pub async fn run(args: &KickArgs, global: &Global) -> Result<(), Failure> {
    let (target, _) = target(global, &args.remote, [])?;
    let whom = &args.whom;
    // Nobody chooses a sid, but everybody a name: a name that is another's sid is not meant.
    let mut kicked = kick(&target, KickRequest::Sid(whom)).await?;
    if kicked == 0 && ClientName::parse(whom).is_ok() {
        kicked = kick(&target, KickRequest::Name(whom)).await?;
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

async fn kick(target: &Target, request: KickRequest<'_>) -> Result<u64, Failure> {
    Ok(ask(target, &request).await?.kicked)
}
