//! Faults a test orders: the next answers of the server go wrong in a chosen way. Never reachable over the socket.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

/// One way for an answer to go wrong.
#[derive(Clone, Debug)]
pub enum Trouble {
    /// The connection closes without an answer; the call never ran.
    Refuse,
    /// The call runs and commits, then the connection closes without an answer.
    LoseAnswer,
    /// The call runs and commits; the connection closes after this many bytes of the body.
    CutAfter(usize),
    /// The answer comes this much later.
    Delay(Duration),
    /// The call does its work at once and commits this much later by the simulator's clock, then answers: its rows
    /// carry the start of its transaction, and nobody sees them until the commit. A clock that stands still must be
    /// moved.
    SlowTransaction(Duration),
    /// Status 500 with an HTML page, as a proxy or a crashed worker gives; the call never ran.
    InternalError,
    /// Status 429 with `Retry-After`, as a proxy that limits requests gives; the call never ran.
    TooManyRequests {
        /// Seconds to wait.
        seconds: u32,
    },
    /// Status 200 with an HTML page, as a captive portal gives; the call never ran.
    HtmlPage,
    /// Status 200 with bytes that are no XML; the call never ran.
    Garbage,
    /// A fault with this code and text; the call never ran.
    Fault {
        /// Code 1 to 4.
        code: i32,
        /// The whole `faultString`.
        text: String,
    },
}

/// Which calls a trouble applies to.
#[derive(Clone, Debug, Default)]
pub struct Matching {
    /// Only this model; any when absent. Calls of the common service have no model.
    pub model: Option<String>,
    /// Only this method; any when absent.
    pub method: Option<String>,
}

impl Matching {
    /// Every call.
    pub fn any() -> Self {
        Self::default()
    }

    /// Calls of one method on one model.
    pub fn call(model: &str, method: &str) -> Self {
        Self { model: Some(model.into()), method: Some(method.into()) }
    }

    /// Calls of one method, whatever the model.
    pub fn method(method: &str) -> Self {
        Self { model: None, method: Some(method.into()) }
    }

    fn accepts(&self, model: &str, method: &str) -> bool {
        self.model.as_deref().is_none_or(|wanted| wanted == model)
            && self.method.as_deref().is_none_or(|wanted| wanted == method)
    }
}

/// One planned trouble and how often it still happens.
#[derive(Debug)]
struct Planned {
    matching: Matching,
    trouble: Trouble,
    /// Matching calls to let pass first.
    after: usize,
    /// Times left; none means until cleared.
    times: Option<usize>,
}

#[derive(Debug, Default)]
struct Plan {
    planned: VecDeque<Planned>,
    calls: BTreeMap<(String, String), usize>,
}

/// The troubles of one simulator, and its count of calls.
#[derive(Clone, Debug, Default)]
pub struct Faults(Arc<Mutex<Plan>>);

impl Faults {
    /// The next `times` matching calls go wrong.
    pub fn next(&self, times: usize, matching: Matching, trouble: Trouble) {
        self.lock().planned.push_back(Planned { matching, trouble, after: 0, times: Some(times) });
    }

    /// After `after` matching calls that go well, one goes wrong.
    pub fn once_after(&self, after: usize, matching: Matching, trouble: Trouble) {
        self.lock().planned.push_back(Planned { matching, trouble, after, times: Some(1) });
    }

    /// Every matching call goes wrong until `clear`.
    pub fn always(&self, matching: Matching, trouble: Trouble) {
        self.lock().planned.push_back(Planned { matching, trouble, after: 0, times: None });
    }

    /// Forgets all planned troubles.
    pub fn clear(&self) {
        self.lock().planned.clear();
    }

    /// How many calls reached the server, whatever came of them.
    pub fn calls(&self) -> usize {
        self.lock().calls.values().sum()
    }

    /// How many calls of one method on one model reached the server; the model is empty for the common service.
    pub fn calls_of(&self, model: &str, method: &str) -> usize {
        self.lock().calls.get(&(model.to_owned(), method.to_owned())).copied().unwrap_or(0)
    }

    /// Counts a call and takes the trouble planned for it, if any.
    pub(crate) fn meet(&self, model: &str, method: &str) -> Option<Trouble> {
        let mut plan = self.lock();
        *plan.calls.entry((model.to_owned(), method.to_owned())).or_default() += 1;
        let position = plan.planned.iter_mut().position(|planned| {
            if !planned.matching.accepts(model, method) {
                return false;
            }
            let due = planned.after == 0;
            planned.after = planned.after.saturating_sub(1);
            due
        })?;
        let planned = plan.planned.get_mut(position)?;
        let trouble = planned.trouble.clone();
        if let Some(times) = planned.times.as_mut() {
            *times = times.saturating_sub(1);
            if *times == 0 {
                plan.planned.remove(position);
            }
        }
        Some(trouble)
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Plan> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
