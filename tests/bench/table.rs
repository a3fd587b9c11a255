//! The table.

use std::time::Duration;

use crate::measure::{Measured, Pass};

/// Its head.
pub const HEAD: &str = "\
events    bytes  pass    | canonical/s  serving/s | fetch/s  bulk write/s  guarded/s | of the limit  peak MiB | events/commit
--------  -----  ------  | -----------  --------- | -------  ------------  --------- | ------------  -------- | -------------";

/// What the columns mean.
pub const LEGEND: &str = "
All figures are raw events per second, medians of the runs, measured in this order in the same minutes on this machine.
  replay        new records from an empty database on: what a first synchronisation and a replay bring
  live          changes of deals that exist (100,000 at most), taken in while they are published
  canonical     until the normalizer's last transaction
  serving       until every projection has everything: the whole pipeline
  fetch         the raw events read and thrown away, nothing else running
  bulk write    the documents that the pipeline wrote, written again by the driver alone: the same transactions, a
                writer per consumer; this is the limit that `of the limit` refers to
  guarded       the same without transactions: upserts guarded by a sequence per document, then the position
  peak          largest resident set of the process that holds normalizer, publisher and projector, so far
  events/commit raw events per transaction of the normalizer, and of the projection that made most transactions";

/// The lines of a case.
pub fn lines(measured: &Measured) -> [String; 2] {
    [line(measured, "replay", &measured.replay), line(measured, "live", &measured.live)]
}

fn line(measured: &Measured, name: &str, passes: &[Pass]) -> String {
    let events = passes.first().map_or(0, |pass| pass.events);
    let rate =
        |time: fn(&Pass) -> Duration| median(passes, |pass| pass.events as f64 / time(pass).as_secs_f64());
    let share = median(passes, |pass| 100.0 * pass.transactions.as_secs_f64() / pass.serving.as_secs_f64());
    let peak = passes.iter().map(|pass| pass.peak).max().unwrap_or_default() / 1_024;
    format!(
        "{events:<8}  {:<5}  {name:<6}  | {:>11.0}  {:>9.0} | {:>7.0}  {:>12.0}  {:>9.0} | {share:>10.0} %  {peak:>8} | {:>6.0} {:>6.0}",
        measured.bytes,
        rate(|pass| pass.canonical),
        rate(|pass| pass.serving),
        rate(|pass| pass.fetch),
        rate(|pass| pass.transactions),
        rate(|pass| pass.guarded),
        median(passes, |pass| pass.events as f64 / pass.commits.0 as f64),
        median(passes, |pass| pass.events as f64 / pass.commits.1 as f64),
    )
}

fn median(passes: &[Pass], value: impl Fn(&Pass) -> f64) -> f64 {
    let mut values: Vec<f64> = passes.iter().map(value).collect();
    values.sort_by(f64::total_cmp);
    let middle = values.len() / 2;
    if values.len() % 2 == 1 { values[middle] } else { (values[middle - 1] + values[middle]) / 2.0 }
}
