//! `directory`: names and places of people, teams, stages, labels and companies, who reports to whom from which day to
//! which, and the reporting calendar. The tree of a day is made by whoever reads: nothing here depends on a day.

use async_trait::async_trait;
use salescommand_domain::access::ScopeKey;
use salescommand_domain::canonical::{CanonicalEvent, Entity, FacetId, GoldenBody, Reference};
use salescommand_domain::serving::{DirectoryEntry, DirectoryFact};
use salescommand_store::work::Work;
use salescommand_store::{CollectionSpec, Documents, serving_collection};

use crate::{Error, Projection};

/// See the module.
pub struct Directory;

const NAME: &str = "directory";

#[async_trait]
impl Projection for Directory {
    fn name(&self) -> &'static str {
        NAME
    }

    fn version(&self) -> u32 {
        4
    }

    fn collections(&self, generation: u32) -> Vec<CollectionSpec> {
        vec![CollectionSpec::plain(serving_collection(NAME, generation)).index(&["scope_key", "fact.kind"])]
    }

    async fn apply(
        &self,
        generation: u32,
        store: &dyn Documents,
        work: &mut Work,
        events: &[(i64, &CanonicalEvent)],
    ) -> Result<(), Error> {
        let collection = serving_collection(NAME, generation);
        let changes: Vec<_> = events.iter().filter_map(|(_, event)| change(event)).collect();
        work.load(store, &collection, changes.iter().map(|(id, _)| id.to_string())).await?;
        for (id, fact) in changes {
            match fact {
                Some(fact) => {
                    let entry = DirectoryEntry { id, scope_key: ScopeKey::public(), fact };
                    work.put(&collection, &id.to_string(), &entry)?;
                }
                None => {
                    work.remove(&collection, &id.to_string());
                }
            }
        }
        Ok(())
    }
}

/// What becomes of which entry; none for events that do not concern the directory.
fn change(event: &CanonicalEvent) -> Option<(FacetId, Option<DirectoryFact>)> {
    match event {
        CanonicalEvent::Upserted { golden } => {
            let fact = match &golden.body {
                GoldenBody::User(user) => DirectoryFact::Person {
                    name: user.name.clone(),
                    active: user.active && !golden.deleted,
                    facets: golden.facets.iter().map(|facet| facet.id).collect(),
                    manager: user.manager,
                    accounts: user.directory_accounts.clone(),
                },
                GoldenBody::Team(team) => DirectoryFact::Team {
                    name: team.name.clone(),
                    leader: team.leader,
                    members: team.members.clone(),
                },
                _ => return None,
            };
            let vanished = golden.deleted && golden.entity() == Entity::Team;
            Some((golden.id, (!vanished).then_some(fact)))
        }
        CanonicalEvent::Gone { entity: Entity::User | Entity::Team, id } => Some((*id, None)),
        CanonicalEvent::Gone { .. } | CanonicalEvent::Historied { .. } | CanonicalEvent::Progressed => None,
        CanonicalEvent::Referenced { id, instance, deleted, reference } => {
            // A stage that was deleted keeps its name: deals and their history still point to it.
            let fact = match reference {
                Reference::Stage(stage) => DirectoryFact::Stage {
                    name: stage.name.clone(),
                    order: stage.order,
                    is_won: stage.is_won,
                    source: instance.clone(),
                },
                // A label that was deleted is on no deal any more, although no deal is told so.
                Reference::Label(_) if *deleted => return Some((*id, None)),
                Reference::Label(label) => DirectoryFact::Label { name: label.name.clone() },
                Reference::Company(company) => DirectoryFact::Company { name: company.name.clone() },
                Reference::Calendar(calendar) => DirectoryFact::Calendar(calendar.clone()),
                Reference::ManagerEdge(_) if *deleted => return Some((*id, None)),
                Reference::ManagerEdge(edge) => DirectoryFact::ManagerEdge(edge.clone()),
            };
            Some((*id, Some(fact)))
        }
    }
}
