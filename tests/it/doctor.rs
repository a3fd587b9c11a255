//! `salescommand doctor` on real servers.

use salescommand_odoo_simulator::Seed;
use salescommand_tests::mongo::Settings;
use salescommand_tests::platform::{Platform, today};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_cache_in_which_commits_stand_in_each_others_way_is_warned_of() {
    for (cache_mib, state) in [(256, "warn"), (1_024, "pass")] {
        let settings = Settings { cache_mib, ..Settings::default() };
        let platform = Platform::start_with(settings, Seed::new(1, today())).await.unwrap();
        let findings = platform.run_json(&["doctor"]).unwrap();
        let found =
            findings.as_array().unwrap().iter().find(|finding| finding["check"] == "mongodb cache").unwrap();
        assert_eq!(found["state"], state, "{findings}");
        assert!(found["detail"].as_str().unwrap().starts_with(&format!("{cache_mib} MiB")), "{findings}");
    }
}
