//! `kick`: closes the connections of a client.

use crate::address::ClientName;
use crate::cli::args::kick::KickArgs;
use crate::cli::failure::Failure;
use crate::cli::remote::ask::ask;
use crate::cli::remote::target::resolve_target;
use crate::cli::screen::term;
use crate::cli::settings::Global;
use crate::client::verbs::kick::KickRequest;

pub async fn run(args: &KickArgs, global: &Global) -> Result<(), Failure> {
    let (target, _) = resolve_target(global, &args.remote, [])?;
    let whom = &args.target;
    // A sid wins over a name: anybody can choose a name that is somebody else's sid.
    let mut kicked = ask(&target, &KickRequest::Sid(whom)).await?.kicked;
    if kicked == 0 && ClientName::parse(whom).is_ok() {
        kicked = ask(&target, &KickRequest::Name(whom)).await?.kicked;
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
