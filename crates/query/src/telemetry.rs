//! The Prometheus recorder behind `/metrics`.

use metrics_exporter_prometheus::{BuildError, PrometheusBuilder, PrometheusHandle};

/// Upper bounds in seconds: a prepared document is milliseconds away, a password check tens of them.
const DURATIONS: [f64; 10] = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.5, 1.0, 5.0];

/// Makes this process's metrics recordable; once per process, by the app.
pub fn install_metrics() -> Result<PrometheusHandle, BuildError> {
    PrometheusBuilder::new().set_buckets(&DURATIONS)?.install_recorder()
}

/// A handle without a recorder: for tests, where several services share a process.
pub fn detached_metrics() -> PrometheusHandle {
    PrometheusBuilder::new().build_recorder().handle()
}
