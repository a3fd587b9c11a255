//! The simulator against a client that Microsoft wrote: its own Python libraries.
//!
//! `python3 -m venv /tmp/graph && /tmp/graph/bin/pip install msal msgraph-core`, then run the test, which is ignored otherwise, with
//! `GRAPH_PYTHON=/tmp/graph/bin/python`.

use std::process::Command;

use salescommand_graph_simulator::{CLIENT_ID, TENANT_ID};

use super::client::{SECRET, demo};

#[ignore = "needs Microsoft's libraries: GRAPH_PYTHON names an interpreter that has msal and msgraph-core"]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn microsofts_own_client_reads_it() {
    let python = std::env::var_os("GRAPH_PYTHON").expect("GRAPH_PYTHON is not set");
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
