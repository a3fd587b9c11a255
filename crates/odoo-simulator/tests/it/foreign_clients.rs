//! Clients written by others: Python's own xmlrpc.client always, odoorpc where it is installed.
//!
//! odoorpc speaks JSON-RPC. To include it: `python3 -m venv /tmp/odoorpc && /tmp/odoorpc/bin/pip install odoorpc`,
//! then run the tests with `SIMULATOR_TEST_PYTHON=/tmp/odoorpc/bin/python`.

use std::process::Command;

use super::client::{API, simulator};

#[tokio::test(flavor = "multi_thread")]
async fn python_clients_read_and_write_like_with_the_real_server() {
    let handle = simulator().await;
    let python = std::env::var("SIMULATOR_TEST_PYTHON").unwrap_or_else(|_| "python3".into());
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/client.py");
    let address = handle.addr.to_string();
    let run = move || Command::new(&python).arg(script).args([&address, "demo", API, "secret"]).output();
    let output = tokio::task::spawn_blocking(run).await.unwrap();
    let output =
        output.expect("this test needs python3 (or SIMULATOR_TEST_PYTHON): install it, do not skip the test");
    let (said, complained) =
        (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{said}\n{complained}");
    println!("{said}");
    assert!(said.contains("xmlrpc.client: ok"), "{said}");
    for client in ["odoorpc", "odoo-json2"] {
        let (used, absent) = (format!("{client}: ok"), format!("{client}: not installed"));
        assert!(said.contains(&used) || said.contains(&absent), "{said}");
    }
}
