//! The lease on an instance: one run at a time.
//!
//! The revision at which a lease was taken is the run's token: it grows with every lease, stands in each envelope,
//! and lets the normalizer skip what an overtaken run still sends. An expired lease may be taken; its holder finds
//! out at its next renewal, or before its next page if it slept.

use std::sync::Mutex;
use std::sync::PoisonError;
use std::time::Duration;

use salescommand_domain::Timestamp;
use salescommand_domain::raw::InstanceName;
use salescommand_eventlog as eventlog;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::held::{Held, Owned};
use crate::{Error, Ports};

pub(crate) const LEASES_BUCKET: &str = "SYNC_LEASES";
/// Pause before a renewal that got no answer is tried again.
const RENEW_AGAIN_AFTER: Duration = Duration::from_secs(1);

#[derive(Debug, Clone, Serialize, Deserialize)]
struct LeaseEntry {
    /// Which taking of the lease this is; unique.
    lease_id: Uuid,
    run_id: Uuid,
    renewed_at: Timestamp,
    ttl_ms: u64,
    released: bool,
}

impl LeaseEntry {
    fn until(&self) -> Timestamp {
        self.renewed_at.saturating_add(Duration::from_millis(self.ttl_ms)).unwrap_or(Timestamp::MAX)
    }
}

impl Owned for LeaseEntry {
    fn same_owner(&self, other: &Self) -> bool {
        self.lease_id == other.lease_id
    }
}

/// A held lease. Not released when dropped: it expires.
#[derive(Debug)]
pub(crate) struct Lease {
    ports: Ports,
    instance: String,
    token: u64,
    ttl: Duration,
    held: tokio::sync::Mutex<(Held, LeaseEntry)>,
    until: Mutex<Timestamp>,
}

impl Lease {
    /// Takes the lease unless a living run holds it.
    pub(crate) async fn take(
        ports: &Ports,
        instance: &InstanceName,
        run_id: Uuid,
        ttl: Duration,
    ) -> Result<Self, Error> {
        let now = ports.clock.now();
        let (mut held, current) =
            Held::read::<LeaseEntry>(ports, LEASES_BUCKET, instance.as_str().to_owned()).await?;
        let busy = |until| Error::Busy { instance: instance.to_string(), until };
        if let Some(current) = current.filter(|current| !current.released && now < current.until()) {
            return Err(busy(current.until()));
        }
        let ttl_ms = u64::try_from(ttl.as_millis()).unwrap_or(u64::MAX);
        let entry =
            LeaseEntry { lease_id: ports.ids.next(), run_id, renewed_at: now, ttl_ms, released: false };
        match held.write(ports, &entry).await {
            Err(Error::Fenced(_)) => return Err(busy(now)),
            other => other?,
        }
        let (token, until) = (held.revision(), entry.until());
        Ok(Self {
            ports: ports.clone(),
            instance: instance.to_string(),
            token,
            ttl,
            held: tokio::sync::Mutex::new((held, entry)),
            until: Mutex::new(until),
        })
    }

    /// The run's token.
    pub(crate) fn token(&self) -> u64 {
        self.token
    }

    /// Fails if the lease ran out, as it does for a process that slept.
    pub(crate) fn check(&self) -> Result<(), Error> {
        let until = *self.until.lock().unwrap_or_else(PoisonError::into_inner);
        if self.ports.clock.now() < until { Ok(()) } else { Err(Error::Fenced(self.instance.clone())) }
    }

    /// Renews the lease until it is lost; tells how.
    pub(crate) async fn keep(&self) -> Error {
        let mut pause = self.ttl / 3;
        loop {
            tokio::time::sleep(pause).await;
            match self.write(false).await {
                Ok(()) => pause = self.ttl / 3,
                Err(error) if !error.is_transient() && !is_conflict(&error) => return error,
                Err(_) => {
                    if let Err(expired) = self.check() {
                        return expired;
                    }
                    pause = RENEW_AGAIN_AFTER.min(self.ttl / 3);
                }
            }
        }
    }

    /// Gives the lease up, so that the next run need not wait.
    pub(crate) async fn release(&self) -> Result<(), Error> {
        self.write(true).await
    }

    async fn write(&self, released: bool) -> Result<(), Error> {
        let mut guard = self.held.lock().await;
        let (held, entry) = &mut *guard;
        let next = LeaseEntry { renewed_at: self.ports.clock.now(), released, ..entry.clone() };
        held.write_once(&self.ports, &next).await?;
        *self.until.lock().unwrap_or_else(PoisonError::into_inner) = next.until();
        *entry = next;
        Ok(())
    }
}

/// A conflict that [`Held`] could not yet attribute.
fn is_conflict(error: &Error) -> bool {
    matches!(error, Error::Log(eventlog::Error::Conflict { .. }))
}
