//! The normalizers that run: one per canonical generation that is kept up to date.

use std::collections::BTreeMap;
use std::sync::Arc;

use salescommand_domain::generation::Definition;
use salescommand_normalizer::{Control, Mappers, Status, TakeOver, Task};
use salescommand_store::{Pace, Unhurried};
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use crate::{Error, Setup};

/// One that runs.
struct Running {
    control: watch::Sender<Control>,
    status: watch::Receiver<Status>,
    stop: CancellationToken,
    task: JoinHandle<Result<(), salescommand_normalizer::Error>>,
    building: bool,
}

/// All that run, by generation.
pub(crate) struct Normalizers {
    setup: Setup,
    stop: CancellationToken,
    running: BTreeMap<u32, Running>,
}

impl Normalizers {
    pub(crate) fn new(setup: Setup, stop: CancellationToken) -> Self {
        Self { setup, stop, running: BTreeMap::new() }
    }

    /// Whether a generation's normalizer runs, in this role.
    pub(crate) fn runs(&self, generation: u32, building: bool) -> bool {
        self.running.get(&generation).is_some_and(|running| running.building == building)
    }

    /// Runs a generation's normalizer. One that is built beside the active one works at a pace; one that runs in the
    /// other role is stopped before. A new one may take over from another generation.
    pub(crate) async fn start(
        &mut self,
        generation: u32,
        mappers: Mappers,
        building: bool,
        take_over: Option<TakeOver>,
    ) {
        self.stop(generation).await;
        let (control, directions) = watch::channel(Control::Follow);
        let (report, status) = watch::channel(Status::default());
        let pace: Arc<dyn Pace> = if building { self.setup.pace.clone() } else { Arc::new(Unhurried) };
        let task = Task {
            log: self.setup.log.clone(),
            store: self.setup.store.clone(),
            mappers,
            generation,
            take_over,
            pace,
            control: directions,
            status: report,
        };
        let stop = self.stop.child_token();
        let task = tokio::spawn(salescommand_normalizer::run(task, stop.clone()));
        self.running.insert(generation, Running { control, status, stop, task, building });
    }

    /// Stops a generation's normalizer and waits for its end.
    pub(crate) async fn stop(&mut self, generation: u32) {
        if let Some(running) = self.running.remove(&generation) {
            running.stop.cancel();
            let _ended = running.task.await;
        }
    }

    /// The generations whose normalizers run.
    pub(crate) fn generations(&self) -> Vec<u32> {
        self.running.keys().copied().collect()
    }

    /// Where a generation is; none if its normalizer does not run.
    pub(crate) fn status(&self, generation: u32) -> Option<Status> {
        self.running.get(&generation).map(|running| running.status.borrow().clone())
    }

    /// Directs a generation.
    pub(crate) fn direct(&self, generation: u32, control: Control) {
        if let Some(running) = self.running.get(&generation) {
            running.control.send_if_modified(|held| {
                let changed = *held != control;
                *held = control;
                changed
            });
        }
    }

    /// Lets everybody follow the logs again.
    pub(crate) fn release(&self) {
        self.running.keys().for_each(|generation| self.direct(*generation, Control::Follow));
    }

    /// The normalizers that have ended by themselves, with their errors.
    pub(crate) async fn ended(&mut self) -> Vec<(u32, Error)> {
        let over: Vec<u32> = self
            .running
            .iter()
            .filter(|(_, running)| running.task.is_finished() && !running.stop.is_cancelled())
            .map(|(generation, _)| *generation)
            .collect();
        let mut ended = Vec::new();
        for generation in over {
            let Some(running) = self.running.remove(&generation) else { continue };
            let error = match running.task.await {
                Ok(Ok(())) => continue,
                Ok(Err(source)) => Error::Normalizer { generation, source },
                Err(panic) => Error::State(format!("the normalizer of g{generation} failed: {panic}")),
            };
            ended.push((generation, error));
        }
        ended
    }

    /// Stops all.
    pub(crate) async fn stop_all(&mut self) {
        self.running.values().for_each(|running| running.stop.cancel());
        for generation in self.generations() {
            self.stop(generation).await;
        }
    }
}

/// What mappers make of raw events, as a definition.
pub(crate) fn definition(mappers: &Mappers) -> Definition {
    salescommand_normalizer::definition(mappers)
}
