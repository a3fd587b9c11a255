//! Fields that come, go and change.

use super::*;
use crate::{Run, RunState};

impl Bench {
    fn fields(&self, fields: &[(&str, &str)]) {
        let fields = fields.iter().map(|(name, kind)| ((*name).to_owned(), (*kind).to_owned()));
        self.source.state.lock().unwrap().schema = fields.collect();
    }

    async fn demanding(&self, run_id: u128, accept_schema: bool) -> Run {
        let demands = Demands { accept_schema, ..Demands::default() };
        let request = RunRequest { demands, ..request(run_id) };
        let source = Box::new(self.source.clone());
        let stop = CancellationToken::new();
        run_once(&self.ports, &request, source, Options::default(), &stop).await.unwrap().record.run
    }
}

#[tokio::test(start_paused = true)]
async fn an_object_whose_field_is_gone_is_not_read_until_it_is_back() {
    let bench = Bench::new();
    bench.source.put("lead", 4, "1");
    bench.fields(&[("amount", "monetary"), ("name", "char")]);
    assert_eq!(bench.demanding(1, false).await.state, RunState::Succeeded);
    let before = bench.latest().await;

    bench.fields(&[("name", "char")]);
    bench.source.put("lead", 4, "without amounts");
    for run in 2..4 {
        let held = bench.demanding(run, false).await;
        let error = held.error.unwrap();
        assert_eq!((held.state, error.code.as_str()), (RunState::Failed, "schema-drift"));
        assert!(error.message.contains("amount (monetary) is gone") && error.fix.contains("--accept-schema"));
        assert_eq!(bench.latest().await, before, "nothing became empty");
    }
    bench.fields(&[("amount", "monetary"), ("name", "char")]);
    bench.source.put("lead", 4, "with amounts");
    assert_eq!(bench.demanding(4, false).await.state, RunState::Succeeded);
    assert_eq!(bench.latest().await, bench.expected());
}

#[tokio::test(start_paused = true)]
async fn what_is_accepted_is_the_measure_from_then_on() {
    let bench = Bench::new();
    bench.source.put("lead", 4, "1");
    bench.fields(&[("amount", "monetary"), ("name", "char")]);
    bench.demanding(1, false).await;
    bench.fields(&[("amount", "float"), ("name", "char")]);
    assert_eq!(bench.demanding(2, false).await.error.unwrap().code, "schema-drift");
    let accepted = bench.demanding(3, true).await;
    assert_eq!(accepted.state, RunState::Succeeded);
    let detail = accepted.objects[0].detail.as_deref();
    assert_eq!(detail, Some("fields have changed: amount is float and was monetary"));
    let next = bench.demanding(4, false).await;
    assert_eq!((next.state, &next.objects[0].detail), (RunState::Succeeded, &None));
}

#[tokio::test(start_paused = true)]
async fn what_is_new_or_not_guarded_is_told_and_read() {
    let bench = Bench::new();
    bench.source.put("lead", 4, "1");
    bench.source.put("partner", 4, "1");
    bench.fields(&[("name", "char"), ("x_old", "char")]);
    assert_eq!(
        bench.demanding(1, false).await.objects[0].detail,
        None,
        "at first there is nothing to compare with"
    );
    bench.fields(&[("name", "char"), ("x_new", "char")]);
    let run = bench.demanding(2, false).await;
    assert_eq!(run.state, RunState::Succeeded);
    let told = "fields have changed: x_old (char) is gone or no longer permitted; x_new is new";
    assert!(run.objects.iter().all(|object| object.detail.as_deref() == Some(told)), "{run:?}");
}
