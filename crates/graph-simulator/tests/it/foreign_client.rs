//! The simulator against a client that Microsoft wrote: its own Python libraries, where they are at hand.
//!
//! `GRAPH_PYTHON` names an interpreter that has `msal` and `msgraph-core`; without it the test says so.

use std::process::Command;

use salescommand_graph_simulator::{CLIENT_ID, TENANT_ID};

use super::client::{SECRET, demo};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn microsofts_own_client_reads_it() {
    let Some(python) = std::env::var_os("GRAPH_PYTHON") else {
        println!("no interpreter with Microsoft's libraries (GRAPH_PYTHON); nothing tried");
        return;
    };
    let handle = demo(4).await;
    let users = handle.tenant(|tenant| tenant.users().len());
    let mut command = Command::new(python);
    command
        .arg(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/client.py"))
        .envs([("GRAPH_URL", handle.url()), ("GRAPH_TENANT", TENANT_ID.to_owned())])
        .envs([("GRAPH_CLIENT", CLIENT_ID), ("GRAPH_SECRET", SECRET)]);
    let output = tokio::task::spawn_blocking(move || command.output().unwrap()).await.unwrap();
    let (said, complaint) =
        (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{said}\n{complaint}");
    assert!(said.contains(&format!("{users} users")), "{said}");
}
