//! A stand-in for the operator of generations: it writes into the registry and moves the switch of the twin, and says no
//! where a test wants it to.

use std::sync::Arc;

use async_trait::async_trait;
use salescommand_domain::generation::{Command, Reason, Replay, ReplayState};
use salescommand_query::generations::{GenerationCommands, GenerationError, ReplayOrder};
use salescommand_store::memory::MemoryStore;
use salescommand_store::{Active, Documents, Generations, Registry};

/// Knows the projection `dashboard_stats` and no other.
#[derive(Clone)]
pub struct Controls {
    pub registry: Registry,
    store: MemoryStore,
}

impl Controls {
    pub fn new(store: MemoryStore) -> Self {
        Self { registry: Registry::new(Arc::new(store.clone())), store }
    }

    async fn command(&self, id: &str, command: Command, by: &str) -> Result<Replay, GenerationError> {
        let held = self.registry.replay(id).await?.ok_or(GenerationError::UnknownReplay)?;
        match (held.state, &command) {
            (state, _) if state.is_final() => Err(GenerationError::Over(state)),
            (state, Command::Switch { .. }) if state != ReplayState::Ready => {
                Err(GenerationError::NotReady(state))
            }
            _ => Ok(self.registry.command(id, &command, by).await?.unwrap()),
        }
    }

    async fn active(&self) -> Active {
        Documents::active(&self.store).await.unwrap().unwrap()
    }
}

#[async_trait]
impl GenerationCommands for Controls {
    async fn request(&self, order: ReplayOrder) -> Result<Replay, GenerationError> {
        if let salescommand_domain::generation::ReplayKind::Projection { projection } = &order.kind
            && projection != "dashboard_stats"
        {
            let known = vec!["dashboard_stats".to_owned()];
            return Err(GenerationError::UnknownProjection { name: projection.clone(), known });
        }
        if let salescommand_domain::generation::ReplayKind::Source { source } = &order.kind {
            match source.as_str() {
                "odoo" => {}
                "erasing" => return Err(GenerationError::Erasing),
                name => {
                    let known = vec!["odoo".to_owned()];
                    return Err(GenerationError::UnknownSource { name: name.into(), known });
                }
            }
        }
        let ReplayOrder { id, kind, switch, by, at } = order;
        let replay = Replay::requested(id, kind, Reason::Requested, by, switch, at);
        self.registry.request(&replay).await?;
        Ok(replay)
    }

    async fn cancel(&self, id: &str, by: &str) -> Result<Replay, GenerationError> {
        self.command(id, Command::Cancel, by).await
    }

    async fn switch(&self, id: &str, accept: Option<String>, by: &str) -> Result<Replay, GenerationError> {
        self.command(id, Command::Switch { accept }, by).await
    }

    async fn roll_back(&self, from: &Generations) -> Result<Active, GenerationError> {
        let active = self.active().await;
        let previous = active.previous.clone().ok_or(GenerationError::NoPrevious)?;
        if active.generations() != *from {
            return Err(GenerationError::Moved);
        }
        let next = active.moved_to(previous);
        self.store.set_active(&next)?;
        Ok(next)
    }

    async fn drop_previous(&self, previous: &Generations) -> Result<Active, GenerationError> {
        let active = self.active().await;
        match &active.previous {
            None => Err(GenerationError::NoPrevious),
            Some(held) if held != previous => Err(GenerationError::Moved),
            Some(_) => {
                let next = Active { previous: None, ..active.clone() };
                self.store.set_active(&next)?;
                Ok(next)
            }
        }
    }
}
